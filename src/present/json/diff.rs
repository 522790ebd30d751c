//! `stackctl.diff/1`: a comparison of a deployed stack with the files, or of two templates.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::code::{CodeEntry, code};
use super::live::LiveEntry;
use super::plan::{MoveEntry, ValueEntry, moved, value};
use crate::plan::comparison::{Comparison, Dangling, Difference, Place, Row};
use crate::template::diff::{Inner, Status};
use crate::template::node::{self, Node};

/// The JSON document of a comparison.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DiffDocument<'a> {
    #[schemars(extend("const" = "stackctl.diff/1"))]
    schema: &'static str,
    stack: Option<&'a str>,
    before: &'a str,
    after: &'a str,
    has_differences: bool,
    moved: Vec<MoveEntry<'a>>,
    entries: Vec<Entry<'a>>,
    limits: &'a [String],
    code: Vec<CodeEntry<'a>>,
    parameters: Vec<ValueEntry<'a>>,
    tags: Vec<ValueEntry<'a>>,
    settings: Vec<ValueEntry<'a>>,
    live: Option<LiveEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Entry<'a> {
    section: &'a str,
    name: Option<&'a str>,
    r#type: Option<&'a str>,
    status: &'static str,
    effect: &'static str,
    cause: Option<&'a str>,
    touches: &'a [&'a str],
    dangling: Vec<DanglingEntry<'a>>,
    changes: Vec<ChangeEntry<'a>>,
    before: Option<Value>,
    after: Option<Value>,
    before_at: Option<PlaceEntry<'a>>,
    after_at: Option<PlaceEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DanglingEntry<'a> {
    section: &'a str,
    name: &'a str,
    at: PlaceEntry<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ChangeEntry<'a> {
    path: &'a str,
    status: &'static str,
    effect: &'static str,
    cause: Option<&'a str>,
    before: Option<Value>,
    after: Option<Value>,
    before_at: Option<PlaceEntry<'a>>,
    after_at: Option<PlaceEntry<'a>>,
    inside: Option<Vec<InnerEntry<'a>>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PlaceEntry<'a> {
    file: &'a str,
    line: usize,
    manifest_key: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct InnerEntry<'a> {
    path: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl<'a> DiffDocument<'a> {
    /// Returns the document for a comparison.
    pub fn of(comparison: &'a Comparison<'a>) -> Self {
        let [before, after] = &comparison.names;
        Self {
            schema: "stackctl.diff/1",
            stack: comparison.stack.as_deref(),
            before,
            after,
            has_differences: !comparison.is_empty(),
            moved: comparison.moved.iter().map(moved).collect(),
            entries: comparison.template.iter().map(entry).collect(),
            limits: &comparison.limits,
            code: comparison.code.iter().map(code).collect(),
            parameters: comparison.parameters.iter().map(value).collect(),
            tags: comparison.tags.iter().map(value).collect(),
            settings: comparison.settings.iter().map(value).collect(),
            live: None,
        }
    }

    /// Adds the drift.
    #[must_use]
    pub fn with_live(self, live: Option<LiveEntry<'a>>) -> Self {
        Self { live, ..self }
    }
}

/// Returns the entry for a difference. An entry that is added or removed includes its whole value; a
/// modified entry includes only its changes.
fn entry<'a>(entry: &'a Difference<'a>) -> Entry<'a> {
    let is_whole = matches!(entry.status, Some(Status::Added | Status::Removed));
    let whole = |node: Option<&Node>| node.filter(|_| is_whole).map(json);
    let [before_at, after_at] = places(&entry.places);
    Entry {
        section: entry.section,
        name: entry.name,
        r#type: entry.kind,
        status: entry.status.map_or("same", word),
        effect: entry.effect.as_str(),
        cause: entry.cause.as_deref(),
        touches: &entry.touches,
        dangling: entry.dangling.iter().map(dangling).collect(),
        changes: entry.rows.iter().map(change).collect(),
        before: whole(entry.before),
        after: whole(entry.after),
        before_at,
        after_at,
    }
}

fn dangling<'a>(dangling: &'a Dangling<'a>) -> DanglingEntry<'a> {
    DanglingEntry {
        section: dangling.section,
        name: dangling.name,
        at: place(&dangling.place),
    }
}

fn change<'a>(row: &'a Row<'a>) -> ChangeEntry<'a> {
    let [before_at, after_at] = places(&row.places);
    let inside = row.inside.as_ref();
    ChangeEntry {
        path: &row.path,
        status: word(row.status),
        effect: row.effect.as_str(),
        cause: row.cause.as_deref(),
        before: row.before.as_deref().map(json),
        after: row.after.as_deref().map(json),
        before_at,
        after_at,
        inside: inside.map(|inside| inside.iter().map(inner).collect()),
    }
}

fn places([before, after]: &[Option<Place>; 2]) -> [Option<PlaceEntry<'_>>; 2] {
    [before.as_ref().map(place), after.as_ref().map(place)]
}

fn place(place: &Place) -> PlaceEntry<'_> {
    PlaceEntry {
        file: &place.file,
        line: place.line,
        manifest_key: place.manifest_key.as_deref(),
    }
}

fn inner(inner: &Inner) -> InnerEntry<'_> {
    InnerEntry {
        path: &inner.path,
        before: inner.before.as_deref(),
        after: inner.after.as_deref(),
    }
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Added => "added",
        Status::Removed => "removed",
        Status::Modified => "modified",
    }
}

/// Returns a template's value as JSON. A number becomes a string if JSON would change its digits.
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
