//! Makes the default artifact bucket a plain value of the template.
//!
//! The name of the default bucket contains the account and the Region, which rendering does not know:
//! `stackctl-artifacts-${AWS::AccountId}-${AWS::Region}`. Only `Fn::Sub` replaces these parts. So each
//! text that contains the name outside of an `Fn::Sub` becomes one.

use std::ops::Range;
use std::sync::Arc;

use super::context::DEFAULT_BUCKET;
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::template::Template;
use crate::template::edits::Edit;
use crate::template::node::{Map, Node};

/// The name of the default bucket without characters that end an unquoted text inside brackets.
const WITHOUT_BRACES: &str = "stackctl-artifacts-__AWS::AccountId_-__AWS::Region_";

/// The attributes of a resource, and the parts of an output, that can contain functions.
const ATTRIBUTES: [&str; 6] = [
    "CreationPolicy",
    "Export",
    "Metadata",
    "Properties",
    "UpdatePolicy",
    "Value",
];

/// The functions whose argument cannot be another function.
const NAMING: [&str; 4] = ["Condition", "Fn::FindInMap", "Fn::GetAtt", "Ref"];

/// Returns what to insert into a rendered text.
///
/// # Errors
///
/// The places where the name cannot stand because CloudFormation accepts no function there.
pub(super) fn edits(rendered: &Arc<SourceFile>) -> Result<Vec<Edit>, Vec<Diagnostic>> {
    if !rendered.text.contains(DEFAULT_BUCKET) {
        return Ok(Vec::new());
    }
    let text = rendered.text.replace(DEFAULT_BUCKET, WITHOUT_BRACES);
    let source = SourceFile::new(rendered.name.as_str(), text);
    let Ok(template) = Template::parse(&source) else {
        // The errors of the syntax are reported when the text itself is parsed.
        return Ok(Vec::new());
    };
    let mut finder = Finder {
        text: &source.text,
        is_json: source.text.trim_start().starts_with('{'),
        edits: Vec::new(),
        forbidden: Vec::new(),
    };
    finder.root(&template);
    if finder.forbidden.is_empty() {
        return Ok(finder.edits);
    }
    let found = finder.forbidden.into_iter().map(|(span, message, help)| {
        let place = Place {
            source: Arc::clone(rendered),
            span,
            label: String::new(),
        };
        Diagnostic::error("artifact-bucket", message, place).help(help)
    });
    Err(found.collect())
}

struct Finder<'a> {
    /// The text with [`WITHOUT_BRACES`].
    text: &'a str,
    is_json: bool,
    edits: Vec<Edit>,
    forbidden: Vec<(Range<usize>, String, String)>,
}

impl Finder<'_> {
    fn root(&mut self, template: &Template) {
        for (section, member) in template.root().as_map().into_iter().flatten() {
            match section.as_str() {
                "Resources" | "Outputs" => self.entries(&member.node),
                "Conditions" | "Globals" | "Transform" => self.value(&member.node),
                _ => self.forbid(&member.node),
            }
        }
    }

    /// Visits the entries of a section: functions can stand in some of their attributes.
    fn entries(&mut self, section: &Node) {
        for (name, entry) in section.as_map().into_iter().flatten() {
            self.key(name, &entry.key_span);
            if name.starts_with("Fn::") {
                self.value(&entry.node);
                continue;
            }
            for (attribute, member) in entry.node.as_map().into_iter().flatten() {
                if ATTRIBUTES.contains(&attribute.as_str()) || attribute.starts_with("Fn::") {
                    self.value(&member.node);
                } else {
                    self.forbid(&member.node);
                }
            }
        }
    }

    /// Visits a value where functions can stand.
    fn value(&mut self, node: &Node) {
        if let Some((function, argument)) = node.intrinsic() {
            match function {
                "Fn::Sub" => {
                    let parts = argument.node.as_list().unwrap_or_default();
                    for variables in parts.iter().skip(1) {
                        self.value(variables);
                    }
                    return;
                }
                _ if NAMING.contains(&function) => return self.forbid(&argument.node),
                _ => {}
            }
            let tag = self.written(&argument.key_span).to_owned();
            let is_text = argument.node.as_str().is_some_and(contains);
            if is_text && tag.starts_with('!') {
                let message =
                    format!("`artifact_bucket` needs `!Sub`, and `{tag}` is in its place");
                let help = format!("write `{function}: !Sub …` instead of `{tag} …`");
                self.forbidden
                    .push((argument.node.span.clone(), message, help));
                return;
            }
        }
        if let Some(map) = node.as_map() {
            self.map(map);
        } else if let Some(list) = node.as_list() {
            for element in list {
                self.value(element);
            }
        } else if node.as_str().is_some_and(contains) {
            self.substitute(node);
        }
    }

    fn map(&mut self, map: &Map) {
        for (key, member) in map {
            self.key(key, &member.key_span);
            self.value(&member.node);
        }
    }

    fn key(&mut self, key: &str, span: &Range<usize>) {
        if contains(key) {
            self.no_function(span.clone());
        }
    }

    /// Visits a value where no function can stand.
    fn forbid(&mut self, node: &Node) {
        if let Some(map) = node.as_map() {
            for (key, member) in map {
                self.key(key, &member.key_span);
                self.forbid(&member.node);
            }
        } else if let Some(list) = node.as_list() {
            for element in list {
                self.forbid(element);
            }
        } else if node.as_str().is_some_and(contains) {
            self.no_function(node.span.clone());
        }
    }

    fn no_function(&mut self, span: Range<usize>) {
        self.forbidden.push((
            span,
            "`artifact_bucket` contains `${AWS::AccountId}`, and no `!Sub` can stand here to \
             replace it"
                .to_owned(),
            "set `artifact_bucket` in the manifest to the name of a bucket".to_owned(),
        ));
    }

    /// Makes a text the argument of `Fn::Sub`.
    fn substitute(&mut self, node: &Node) {
        let span = node.span.clone();
        let written = self.text.get(span.clone()).unwrap_or_default();
        let header = self.block_header(&span);
        let mut insert = |at: usize, text: &str| {
            let (range, text) = (at..at, text.to_owned());
            self.edits.push(Edit { range, text });
        };
        // Other expansions in the text, such as a shell's, stay as they are.
        for (at, _) in written.match_indices("${") {
            insert(span.start + at + 2, "!");
        }
        let is_quoted = written.starts_with(['"', '\'']);
        if self.is_json {
            insert(span.start, "{\"Fn::Sub\": ");
            insert(span.end, "}");
        } else if is_quoted {
            insert(span.start, "!Sub ");
        } else if let Some(header) = header {
            insert(header, "!Sub ");
        } else if written.contains('\n') {
            insert(span.start, "!Sub ");
        } else {
            insert(span.start, "!Sub '");
            for (at, _) in written.match_indices('\'') {
                insert(span.start + at, "'");
            }
            insert(span.end, "'");
        }
    }

    /// Returns the place of the `|` or `>` of a block scalar.
    fn block_header(&self, span: &Range<usize>) -> Option<usize> {
        if self.written(span).starts_with(['|', '>']) {
            return Some(span.start);
        }
        // The value may begin at its first line, below the header.
        let before = self.text.get(..span.start)?.trim_end();
        let line = before.get(before.rfind('\n').map_or(0, |it| it + 1)..)?;
        if !self.text.get(before.len()..span.start)?.contains('\n') {
            return None;
        }
        let is_header = |at: &usize| {
            let rest = line.get(at + 1..).unwrap_or_default();
            let modifiers = rest.split(" #").next().unwrap_or_default().trim_end();
            let starts = line.get(..*at).is_some_and(|before| before.ends_with(' '));
            starts
                && modifiers
                    .chars()
                    .all(|it| it.is_ascii_digit() || it == '-' || it == '+')
        };
        let mut places = line.match_indices(['|', '>']).map(|(at, _)| at);
        let header = places.find(is_header)?;
        Some(before.len() - line.len() + header)
    }

    fn written(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }
}

fn contains(text: &str) -> bool {
    text.contains(WITHOUT_BRACES)
}

#[cfg(test)]
mod tests;
