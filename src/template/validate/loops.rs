//! The names that the `Fn::ForEach` loops of a section make.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::template::Template;
use crate::template::node::Node;

/// The maximum number of names that are listed; with more, a loop may make any name.
const MAX_NAMES: usize = 5_000;

/// Stands for a value that is not known before the deployment.
const ANYTHING: char = '\u{0}';

/// The names that the loops of a section make.
#[derive(Debug)]
pub(super) struct LoopNames {
    /// Names without unknown parts.
    exact: BTreeSet<String>,
    /// Names with [`ANYTHING`] in them.
    patterns: Vec<String>,
}

impl LoopNames {
    pub(super) fn of(template: &Template, section: &str) -> Self {
        let mut names = Vec::new();
        let entries = template.section(section).into_iter().flatten();
        for (key, member) in entries {
            if key.starts_with("Fn::ForEach::") {
                expand(&member.node, &mut Vec::new(), &mut names);
            }
        }
        if names.len() >= MAX_NAMES {
            names = vec![ANYTHING.to_string()];
        }
        let (mut patterns, exact): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| name.contains(ANYTHING));
        let exact = exact.into_iter().collect();
        patterns.sort_unstable();
        patterns.dedup();
        Self { exact, patterns }
    }

    /// Returns whether a loop makes an entry with this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.exact.contains(name) || self.patterns.iter().any(|pattern| matches(pattern, name))
    }

    /// Returns the names that are known.
    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        self.exact.iter().map(String::as_str)
    }
}

/// Adds the names that a loop makes: `[Variable, [value …], {name: …}]`.
fn expand<'a>(
    argument: &'a Node,
    variables: &mut Vec<(&'a str, Cow<'a, str>)>,
    names: &mut Vec<String>,
) {
    let Some([variable, collection, body, ..]) = argument.as_list() else {
        names.push(ANYTHING.to_string());
        return;
    };
    let (Some(variable), Some(body)) = (variable.as_str(), body.as_map()) else {
        names.push(ANYTHING.to_string());
        return;
    };
    let values = collection.as_list().and_then(|list| {
        let values = list.iter().map(Node::scalar);
        values.collect::<Option<Vec<_>>>()
    });
    for value in values.unwrap_or_else(|| vec![Cow::Owned(ANYTHING.to_string())]) {
        variables.push((variable, value));
        for (key, member) in body {
            if names.len() >= MAX_NAMES {
                break;
            }
            if key.starts_with("Fn::ForEach::") {
                expand(&member.node, variables, names);
            } else if key.starts_with("Fn::") {
                names.push(ANYTHING.to_string());
            } else {
                names.push(filled(key, variables));
            }
        }
        variables.pop();
    }
}

/// Returns a name with the values of the loop variables: `${Variable}`, or `&{Variable}` for the value
/// without what is neither a letter nor a digit.
fn filled(name: &str, variables: &[(&str, Cow<'_, str>)]) -> String {
    let mut name = name.to_owned();
    for (variable, value) in variables.iter().rev() {
        let plain: String = value
            .chars()
            .filter(|it| it.is_ascii_alphanumeric() || *it == ANYTHING)
            .collect();
        name = name
            .replace(&format!("${{{variable}}}"), value)
            .replace(&format!("&{{{variable}}}"), &plain);
    }
    // What is left is a parameter.
    while let Some(start) = name.find("${").or_else(|| name.find("&{")) {
        let end = name[start..]
            .find('}')
            .map_or(name.len(), |at| start + at + 1);
        name.replace_range(start..end, &ANYTHING.to_string());
    }
    name
}

/// Returns whether the name fits a pattern with [`ANYTHING`] in it.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split(ANYTHING);
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}
