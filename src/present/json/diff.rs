//! `stackctl.diff/1`: what is deployed against what the files say.

use serde::Serialize;
use serde_json::Value;

use super::code::{CodeEntry, code};
use super::plan::{ValueEntry, value};
use crate::comparison::Comparison;
use crate::template::diff::{Change, EntryDiff, Status};
use crate::template::node::{self, Node};

/// A comparison as one document.
#[derive(Debug, Serialize)]
pub struct DiffDocument<'a> {
    schema: &'static str,
    stack: &'a str,
    has_differences: bool,
    entries: Vec<Entry<'a>>,
    code: Vec<CodeEntry<'a>>,
    parameters: Vec<ValueEntry<'a>>,
    tags: Vec<ValueEntry<'a>>,
    settings: Vec<ValueEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    section: &'a str,
    name: Option<&'a str>,
    status: &'static str,
    changes: Vec<ChangeEntry>,
    before: Option<Value>,
    after: Option<Value>,
}

#[derive(Debug, Serialize)]
struct ChangeEntry {
    path: String,
    status: &'static str,
    before: Option<Value>,
    after: Option<Value>,
}

impl<'a> DiffDocument<'a> {
    /// Returns the document for a comparison of the stack `stack`.
    pub fn of(stack: &'a str, comparison: &'a Comparison<'a>) -> Self {
        Self {
            schema: "stackctl.diff/1",
            stack,
            has_differences: !comparison.is_empty(),
            entries: comparison.template.entries.iter().map(entry).collect(),
            code: comparison.code.iter().map(code).collect(),
            parameters: comparison.parameters.iter().map(value).collect(),
            tags: comparison.tags.iter().map(value).collect(),
            settings: comparison.settings.iter().map(value).collect(),
        }
    }
}

/// An entry that is there on both sides is told by its changes, another by itself.
fn entry<'a>(entry: &'a EntryDiff<'a>) -> Entry<'a> {
    let whole = |node: Option<&Node>| {
        node.filter(|_| entry.status() != Status::Modified)
            .map(json)
    };
    Entry {
        section: entry.section,
        name: entry.name,
        status: word(entry.status()),
        changes: entry.changes.iter().map(change).collect(),
        before: whole(entry.before),
        after: whole(entry.after),
    }
}

fn change(change: &Change<'_>) -> ChangeEntry {
    ChangeEntry {
        path: change.path_text(),
        status: word(change.status()),
        before: change.before.map(json),
        after: change.after.map(json),
    }
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Added => "added",
        Status::Removed => "removed",
        Status::Modified => "modified",
    }
}

/// Returns a template's value as JSON. Numbers become strings where JSON would change their digits.
fn json(node: &Node) -> Value {
    match &node.value {
        node::Value::Null => Value::Null,
        node::Value::Bool(flag) => Value::Bool(*flag),
        node::Value::Number(text) => match serde_json::from_str::<Value>(text) {
            Ok(number) if is_written_as(&number, text) => number,
            _ => Value::String(text.clone()),
        },
        node::Value::Plain(text) | node::Value::String(text) => Value::String(text.clone()),
        node::Value::List(list) => Value::Array(list.iter().map(json).collect()),
        node::Value::Map(map) => Value::Object(
            map.iter()
                .map(|(key, member)| (key.clone(), json(&member.node)))
                .collect(),
        ),
    }
}

fn is_written_as(number: &Value, text: &str) -> bool {
    let written = number.to_string();
    written == text
}
