//! Entries that differ, and resources that change because of them.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashSet;

use super::Effect;
use super::place::{Place, Places};
use super::prediction::{PredictedEffect, PredictedEffects, covers, of_change};
use crate::cloudformation::change_set::{Change, Detail};
use crate::template::Template;
use crate::template::diff::{self, Diff, EntryDiff, Inner, Segment, Starts, Status, inside};
use crate::template::node::{Node, Value};
use crate::template::pointer;
use crate::template::reference::{Reference, ReferenceKind};
use crate::template::validate::undefined_references;

/// An entry that differs, or a resource that changes because of another entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference<'a> {
    /// The section, such as `Resources`.
    pub section: &'a str,
    /// The entry's name, such as a logical id; `None` if the entry is the whole section.
    pub name: Option<&'a str>,
    /// The type of a resource.
    pub kind: Option<&'a str>,
    /// Whether the entry is added, removed or modified; `None` if it is equal on both sides and changes
    /// because of another entry.
    pub status: Option<Status>,
    /// The predicted effect.
    pub effect: Effect,
    /// The cause of the effect; `None` if it is obvious or not known.
    pub cause: Option<String>,
    /// The entry before; `None` if it is new.
    pub before: Option<&'a Node>,
    /// The entry after; `None` if it is removed.
    pub after: Option<&'a Node>,
    /// The location before and after.
    pub places: [Option<Place>; 2],
    /// The values that differ, if the entry exists on both sides.
    pub rows: Vec<Row<'a>>,
    /// The resources that use the entry and probably change.
    pub touches: Vec<&'a str>,
    /// The entries of the new template that still refer to the entry, which is removed. CloudFormation
    /// refuses such a template.
    pub dangling: Vec<Dangling<'a>>,
}

/// A reference to an entry that is removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Dangling<'a> {
    /// The section that contains the reference, such as `Outputs`.
    pub section: &'a str,
    /// The entry that contains the reference, such as a logical id.
    pub name: &'a str,
    /// The location of the reference.
    pub place: Place,
}

impl<'a> Difference<'a> {
    /// Returns whether a condition adds or removes a resource that exists on both sides.
    pub fn is_by_condition(&self) -> bool {
        let is_resource = self.section == "Resources";
        let is_whole = matches!(self.effect, Effect::Add | Effect::Remove);
        is_resource && is_whole && self.status == Some(Status::Modified)
    }

    /// Returns the values to show. If the whole resource is added or removed, its differences have no
    /// effect of their own.
    pub fn shown_rows(&self) -> &[Row<'a>] {
        if self.is_by_condition() {
            return &[];
        }
        &self.rows
    }
}

/// A value that differs inside an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// The path from the entry to the value, such as `Properties.Tags[Name].Value`.
    pub path: String,
    /// The path as a plan prints it, such as `Tags.Name`.
    pub shown_path: String,
    /// Whether the value is added, removed or modified.
    pub status: Status,
    /// The value before; `None` if it is new or not known.
    pub before: Option<Cow<'a, Node>>,
    /// The value after; `None` if it is removed or not known.
    pub after: Option<Cow<'a, Node>>,
    /// The location before and after.
    pub places: [Option<Place>; 2],
    /// The predicted effect.
    pub effect: Effect,
    /// The cause of the effect; `None` if it is obvious or not known.
    pub cause: Option<String>,
    /// The differences inside two strings that are JSON or YAML documents; empty if only the
    /// formatting differs. `None` for other values.
    pub inside: Option<Vec<Inner>>,
}

/// Returns the entries that differ. The resources that change because of them follow the resources
/// that differ.
pub(super) fn differences<'a>(
    diff: Diff<'a>,
    effects: &PredictedEffects<'a>,
    places: &mut Places<'a>,
    after: &'a Template,
) -> Vec<Difference<'a>> {
    let mut found: Vec<Difference<'a>> = Vec::new();
    let mut named: HashSet<&str> = HashSet::new();
    // Read only if an entry is removed.
    let undefined = LazyCell::new(|| undefined_references(after));
    for entry in diff.entries {
        if entry.section == "Resources" {
            named.extend(entry.name);
        }
        let dangling = match entry.status() {
            Status::Removed => dangling(&entry, &undefined, places),
            _ => Vec::new(),
        };
        found.push(Difference {
            dangling,
            ..of_entry(&entry, effects, places)
        });
    }
    let others = effects
        .changes()
        .iter()
        .filter(|change| !named.contains(change.logical_id.as_str()));
    let others: Vec<_> = others
        .filter_map(|change| of_other(change, effects, places, after))
        .collect();
    let position = found
        .iter()
        .rposition(|it| it.section == "Resources")
        .map_or_else(
            || {
                found
                    .iter()
                    .position(|it| matches!(it.section, "Outputs" | "Hooks"))
            },
            |last| Some(last + 1),
        )
        .unwrap_or(found.len());
    found.splice(position..position, others);
    found
}

/// Returns the references to an entry that is removed. `undefined` are the references of the new template
/// to names that do not exist.
fn dangling<'a>(
    removed: &EntryDiff<'a>,
    undefined: &[Reference<'a>],
    places: &mut Places<'a>,
) -> Vec<Dangling<'a>> {
    let to_entry = undefined.iter().filter(|reference| {
        let sections: &[&str] = match reference.kind {
            ReferenceKind::Condition => &["Conditions"],
            ReferenceKind::FindInMap => &["Mappings"],
            ReferenceKind::Ref | ReferenceKind::Sub => &["Resources", "Parameters"],
            ReferenceKind::GetAtt | ReferenceKind::DependsOn => &["Resources"],
        };
        Some(reference.target) == removed.name && sections.contains(&removed.section)
    });
    let mut found: Vec<Dangling<'a>> = Vec::new();
    for reference in to_entry {
        let starts = Starts {
            before: None,
            after: Some(reference.span.start),
        };
        let [_, Some(place)] = places.of(starts) else {
            continue;
        };
        let mut known = found.iter();
        if !known.any(|it| it.name == reference.owner && it.place.line == place.line) {
            found.push(Dangling {
                section: reference.section,
                name: reference.owner,
                place,
            });
        }
    }
    found
}

fn of_entry<'a>(
    entry: &EntryDiff<'a>,
    effects: &PredictedEffects<'a>,
    places: &mut Places<'a>,
) -> Difference<'a> {
    let PredictedEffect { effect, cause } = effects.of_entry(entry);
    let touches = effects.touched(entry);
    let is_resource = entry.section == "Resources";
    let kind = entry.after.or(entry.before).filter(|_| is_resource);
    let mut rows: Vec<Row<'a>> = Vec::new();
    for change in &entry.changes {
        let outcome = match entry.name {
            Some(name) if is_resource && !name.starts_with("Fn::") => {
                effects.of_path(name, &change.path)
            }
            _ => PredictedEffect::of(effect),
        };
        rows.push(row(change, outcome, is_resource, places));
    }
    let predicted = entry
        .name
        .filter(|_| is_resource && entry.status() == Status::Modified);
    if let Some(change) = predicted.and_then(|name| effects.change(name)) {
        let is_edited = |detail: &Detail| entry.changes.iter().any(|it| covers(detail, &it.path));
        let unedited = change.details.iter().filter(|detail| !is_edited(detail));
        rows.extend(unedited.map(|detail| of_detail(change, detail, effects)));
    }
    Difference {
        section: entry.section,
        name: entry.name,
        kind: kind.and_then(|node| node.get("Type")?.as_str()),
        status: Some(entry.status()),
        effect,
        cause,
        before: entry.before,
        after: entry.after,
        places: places.of(entry.starts),
        rows,
        touches,
        dangling: Vec::new(),
    }
}

/// Returns a resource that is equal in both templates and changes because of another entry.
fn of_other<'a>(
    change: &Change,
    effects: &PredictedEffects<'a>,
    places: &mut Places<'a>,
    after: &'a Template,
) -> Option<Difference<'a>> {
    let resource = after.resource(&change.logical_id)?;
    let PredictedEffect { effect, cause } = of_change(change);
    let details = change.details.iter();
    let starts = Starts {
        before: None,
        after: Some(resource.entry.name_span.start),
    };
    let mut rows: Vec<Row<'a>> = details
        .map(|detail| of_detail(change, detail, effects))
        .collect();
    rows.dedup_by(|one, other| one.path == other.path && one.cause == other.cause);
    Some(Difference {
        section: "Resources",
        name: Some(resource.logical_id()),
        kind: resource.kind(),
        status: None,
        effect,
        cause: match (effects.whole_cause(change), cause) {
            (Some(whole), Some(cause)) => Some(format!("{whole}, {cause}")),
            (whole, cause) => whole.or(cause),
        },
        before: None,
        after: None,
        places: places.of(starts),
        rows,
        touches: Vec::new(),
        dangling: Vec::new(),
    })
}

fn row<'a>(
    change: &diff::Change<'a>,
    outcome: PredictedEffect,
    is_resource: bool,
    places: &mut Places<'a>,
) -> Row<'a> {
    let sides = change.before.zip(change.after);
    let path = change.path_text();
    let shown_path = if is_resource {
        shown_path(&change.path)
    } else {
        path.clone()
    };
    Row {
        path,
        shown_path,
        status: change.status(),
        before: change.before.map(Cow::Borrowed),
        after: change.after.map(Cow::Borrowed),
        places: places.of(change.starts),
        effect: outcome.effect,
        cause: outcome.cause,
        inside: sides.and_then(|(before, after)| inside(before, after)),
    }
}

/// Returns a property that changes although it was not edited.
fn of_detail<'a>(change: &Change, detail: &Detail, effects: &PredictedEffects<'a>) -> Row<'a> {
    let mut path = String::new();
    for step in detail.steps() {
        if pointer::is_index(&step) {
            path.push_str(&format!("[{step}]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&step);
        }
    }
    let value = |text: &String| {
        Cow::Owned(Node {
            span: 0..0,
            value: Value::String(text.clone()),
        })
    };
    let (before, after) = (
        detail.before.as_ref().map(value),
        detail.after.as_ref().map(value),
    );
    let PredictedEffect { effect, cause } = effects.of_unedited(change, detail);
    Row {
        shown_path: path.strip_prefix("Properties.").unwrap_or(&path).to_owned(),
        path,
        status: match (&before, &after) {
            (None, Some(_)) => Status::Added,
            (Some(_), None) => Status::Removed,
            _ => Status::Modified,
        },
        before,
        after,
        places: [None, None],
        effect,
        cause,
        inside: None,
    }
}

/// Returns a path as a plan prints it: without `Properties`, and with a tag's key as its name.
fn shown_path(path: &[Segment<'_>]) -> String {
    let path = match path {
        [Segment::Key("Properties"), rest @ ..] if !rest.is_empty() => rest,
        path => path,
    };
    match path {
        [
            above @ ..,
            Segment::Key("Tags"),
            Segment::Element {
                label: Some(key), ..
            },
        ]
        | [
            above @ ..,
            Segment::Key("Tags"),
            Segment::Element {
                label: Some(key), ..
            },
            Segment::Key("Value"),
        ] => {
            let mut text = diff::path_text(above);
            text.push_str(if text.is_empty() { "" } else { "." });
            format!("{text}Tags.{key}")
        }
        path => diff::path_text(path),
    }
}
