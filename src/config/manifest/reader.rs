//! How values are taken out of a table: by key, with a type, and with every mistake noted.
//!
//! A [`Reader`] knows which keys were asked for, so what is left in the end is unknown. [`Problems`]
//! knows where the walk is, so a mistake names its whole key.

use std::ops::RangeInclusive;

use indexmap::IndexMap;

use super::checks::{self, Checked, Fault};
use super::node::{Node, Table, Value};
use super::walk::top_level_keys;
use crate::config::origin::Origin;
use crate::diagnostic::Diagnostic;
use crate::util::suggest::{nearest, quoted};

/// Keys of the schema that have no effect yet. Writing one is an error, so that nobody relies on it.
pub(super) const NOT_YET_SUPPORTED: [&str; 1] = ["artifacts.*.requirements"];

/// Reads a table with names of the user's own.
pub(super) fn named<T>(
    node: &Node,
    problems: &mut Problems,
    check: fn(&str) -> Checked<String>,
    read: impl Fn(&Node, &mut Problems) -> Option<T>,
) -> Option<IndexMap<String, T>> {
    let mut values = IndexMap::new();
    for (name, entry) in table(node, problems)? {
        problems.within(name, |problems| {
            if let Err(fault) = check(name) {
                problems.fault(fault, &entry.key);
            }
            if let Some(value) = read(&entry.node, problems) {
                values.insert(name.clone(), value);
            }
        });
    }
    Some(values)
}

pub(super) fn limited(node: &Node, limit: usize, what: &str, problems: &mut Problems) {
    let length = match &node.value {
        Value::Table(table) => table.len(),
        Value::List(items) => items.len(),
        _ => 0,
    };
    if length > limit {
        problems.fault(
            Fault::new("out-of-range", format!("has {length} {what}"))
                .help(format!("at most {limit} are possible")),
            &node.origin,
        );
    }
}

pub(super) fn table<'n>(node: &'n Node, problems: &mut Problems) -> Option<&'n Table> {
    if let Value::Table(table) = &node.value {
        return Some(table);
    }
    problems.wrong_type(node, "a table");
    None
}

pub(super) fn text<T>(
    node: &Node,
    problems: &mut Problems,
    check: impl Fn(&str) -> Checked<T>,
) -> Option<T> {
    let Value::String(text) = &node.value else {
        problems.wrong_type(node, "a string");
        return None;
    };
    check(text)
        .map_err(|fault| problems.fault(fault, &node.origin))
        .ok()
}

pub(super) fn boolean(node: &Node, problems: &mut Problems) -> Option<bool> {
    if let Value::Boolean(flag) = node.value {
        return Some(flag);
    }
    problems.wrong_type(node, "a boolean");
    None
}

/// What was found so far, and where the walk is.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) found: Vec<Diagnostic>,
    pub(super) path: Vec<String>,
}

impl Problems {
    pub(super) fn push(&mut self, problem: Diagnostic) {
        self.found.push(problem);
    }

    pub(super) fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let result = read(self);
        self.path.pop();
        result
    }

    pub(super) fn fault(&mut self, fault: Fault, origin: &Origin) {
        let mut problem = Diagnostic::error(
            fault.rule,
            format!("`{}` {}", self.path.join("."), fault.message),
            origin.place(""),
        );
        problem.help = fault.help;
        self.push(problem);
    }

    pub(super) fn wrong_type(&mut self, node: &Node, expected: &str) {
        let fault = Fault::new(
            "wrong-type",
            format!("must be {expected}, not {}", node.kind()),
        );
        let scalar = node.scalar();
        let help = match (&node.value, scalar, expected) {
            (Value::String(text), _, "a boolean" | "an integer")
                if text.parse::<bool>().is_ok() || text.parse::<i64>().is_ok() =>
            {
                Some(format!("write it without quotes: `{text}`"))
            }
            (_, _, "a boolean") => Some("write `true` or `false`".to_owned()),
            (_, Some(text), "a string") => Some(format!("write it in quotes: `\"{text}\"`")),
            (_, Some(text), "a list") => Some(format!("write it in brackets: `[\"{text}\"]`")),
            (Value::Table(table), _, _) if self.path == ["environment"] => table
                .keys()
                .next()
                .map(|name| format!("did you mean `[environments.{name}]`?")),
            _ => None,
        };
        let fault = match help {
            Some(help) => fault.help(help),
            None => fault,
        };
        self.fault(fault, &node.origin);
    }

    /// Returns whether the current key is in [`NOT_YET_SUPPORTED`].
    fn is_unsupported(&self) -> bool {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let path = match path.as_slice() {
            ["environments", _, inner @ ..] => inner,
            path => path,
        };
        NOT_YET_SUPPORTED.iter().any(|pattern| {
            let pattern: Vec<&str> = pattern.split('.').collect();
            pattern.len() == path.len()
                && pattern
                    .iter()
                    .zip(path)
                    .all(|(pattern, part)| *pattern == "*" || pattern == part)
        })
    }
}

/// A table being read, and the keys that were asked for.
pub(super) struct Reader<'t, 'p> {
    table: &'t Table,
    problems: &'p mut Problems,
    /// The keys that may stand here.
    pub(super) known: Vec<&'static str>,
}

impl<'t, 'p> Reader<'t, 'p> {
    pub(super) fn new(table: &'t Table, problems: &'p mut Problems) -> Self {
        Self {
            table,
            problems,
            known: Vec::new(),
        }
    }

    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'t Node, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let entry = self.table.get(key)?;
        self.problems.within(key, |problems| {
            if problems.is_unsupported() {
                let fault = Fault::new("not-yet-supported", "is not supported yet")
                    .help("take it out: it would have no effect");
                problems.fault(fault, &entry.key);
            }
            read(&entry.node, problems)
        })
    }

    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        check: impl Fn(&str) -> Checked<T>,
    ) -> Option<T> {
        self.read(key, |node, problems| text(node, problems, check))
    }

    pub(super) fn texts<T>(
        &mut self,
        key: &'static str,
        limit: usize,
        check: impl Fn(&str) -> Checked<T>,
    ) -> Option<Vec<T>> {
        self.read(key, |node, problems| {
            let Value::List(items) = &node.value else {
                problems.wrong_type(node, "a list");
                return None;
            };
            limited(node, limit, "items", problems);
            // Each item is looked at before the first wrong one makes the list worthless.
            let read: Vec<Option<T>> = items
                .iter()
                .map(|item| text(item, problems, &check))
                .collect();
            read.into_iter().collect()
        })
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, boolean)
    }

    pub(super) fn integer(
        &mut self,
        key: &'static str,
        allowed: &RangeInclusive<u32>,
    ) -> Option<u32> {
        self.read(key, |node, problems| {
            let Value::Integer(number) = node.value else {
                problems.wrong_type(node, "an integer");
                return None;
            };
            checks::integer(number, allowed)
                .map_err(|fault| problems.fault(fault, &node.origin))
                .ok()
        })
    }

    /// Refuses a key that exists, but not here.
    pub(super) fn misplaced(&mut self, key: &'static str, remedy: &str) {
        self.known.retain(|known| *known != key);
        if let Some(entry) = self.table.get(key) {
            self.known.push(key);
            self.problems.within(key, |problems| {
                let fault = Fault::new("misplaced-key", "has no meaning here");
                problems.fault(fault.help(format!("`{key}` {remedy}")), &entry.key);
            });
        }
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (key, entry) in self.table {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let place = self.problems.path.join(".");
            let message = if place.is_empty() {
                format!("unknown key `{key}`")
            } else {
                format!("unknown key `{key}` in `{place}`")
            };
            let mut problem = Diagnostic::error("unknown-key", message, entry.key.place(""));
            problem = if let Some(meant) = nearest(key, self.known.iter().copied()) {
                problem.help(format!("did you mean `{meant}`?"))
            } else if !self.known.contains(&"project") && top_level_keys().contains(&key.as_str()) {
                problem.help(format!(
                    "`{key}` is a key of the top level: write it above the first `[table]`"
                ))
            } else {
                problem.help(format!(
                    "the keys here are {}",
                    quoted(self.known.iter().copied())
                ))
            };
            if self.known.contains(&"vars") {
                problem = problem.help("values of your own for the template go into `[vars]`");
            }
            self.problems.push(problem);
        }
    }
}
