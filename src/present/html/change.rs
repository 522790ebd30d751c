//! The changes to resources, each with its properties.

use std::collections::HashMap;

use super::item::{self, Item};
use super::limits::Room;
use super::markup::{Attribute, Id, Writer};
use super::page::Kind;
use super::value::{self, Row};
use crate::cloudformation::change_set::{Change, Effect, Replacement};
use crate::plan::model::Model;
use crate::plan::property::{added_properties, property_changes};
use crate::plan::risk::{Risk, Severity};
use crate::plan::{Content, Plan, PropertyChange};
use crate::present::words;

/// The highest number of changes that are all open at first.
const FEW: usize = 8;
/// The highest number of changes of which the important ones are open at first.
const MANY: usize = 60;
/// The highest number of properties that are shown at first, unless the resource is replaced or removed.
const FEW_PROPERTIES: usize = 12;

/// A change with what is shown of it.
#[derive(Debug)]
struct ShownChange<'a> {
    change: &'a Change,
    id: Id,
    /// The logical id after those of the nested stacks that lead to it.
    path: String,
    properties: Vec<PropertyChange>,
    /// The most severe risk of the resource.
    severity: Option<Severity>,
}

/// The changes of one template.
#[derive(Debug)]
struct Group<'a> {
    /// The logical ids of the nested stacks that lead to it; empty for the stack itself.
    path: String,
    changes: Vec<ShownChange<'a>>,
}

/// All changes of a plan, those of its nested stacks included.
#[derive(Debug)]
pub(super) struct Changes<'a> {
    groups: Vec<Group<'a>>,
    /// The changes by their paths, such as `Network/Vpc`.
    ids: HashMap<String, Id>,
}

impl<'a> Changes<'a> {
    /// Returns the changes of a plan. `id` returns the id of a change by its name and number.
    pub(super) fn of(plan: &'a Plan, id: impl Fn(&str, usize) -> Id) -> Self {
        let severities = severities(&plan.assessment.risks);
        let mut ids = HashMap::new();
        let mut number = 0;
        let sets = plan.change_set.iter().flat_map(|it| it.tree());
        let groups = sets.map(|(path, set)| {
            let above = path.join("/");
            let changes = set.changes.iter().map(|change| {
                number += 1;
                let (path, properties) = if above.is_empty() {
                    (change.logical_id.clone(), of_root(plan, change))
                } else {
                    let model = Model::of(change, None, None);
                    let properties = property_changes(change, Some(&model), &set.changes);
                    (format!("{above}/{}", change.logical_id), properties)
                };
                let id = id(&path, number);
                ids.insert(path.clone(), id.clone());
                ShownChange {
                    severity: severities.get(path.as_str()).copied(),
                    change,
                    id,
                    path,
                    properties,
                }
            });
            Group {
                changes: changes.collect(),
                path: above,
            }
        });
        let groups: Vec<Group<'_>> = groups.collect();
        Self { groups, ids }
    }

    /// Returns the number of changes.
    pub(super) fn len(&self) -> usize {
        self.groups.iter().map(|it| it.changes.len()).sum()
    }

    /// Returns the id of the change of a resource.
    pub(super) fn id_of(&self, path: &str) -> Option<&Id> {
        self.ids.get(path)
    }

    /// Returns the number of changes of each kind.
    pub(super) fn kinds(&self) -> Vec<(Kind, usize)> {
        let mut kinds: Vec<(Kind, usize)> = Vec::new();
        for shown in self.groups.iter().flat_map(|it| &it.changes) {
            let kind = kind(shown.change);
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, number)) => *number += 1,
                None => kinds.push((kind, 1)),
            }
        }
        kinds.sort_unstable_by_key(|(kind, _)| *kind);
        kinds
    }

    /// Adds all changes: those of the stack, those of its nested stacks, and those that are only possible.
    pub(super) fn write(&self, html: &mut Writer<'_>, room: &mut Room) {
        let [_, _, sub] = html.context().heading();
        let total = self.len();
        for group in &self.groups {
            let (possible, certain): (Vec<_>, Vec<_>) = group
                .changes
                .iter()
                .partition(|it| it.change.effect() == Effect::Possible);
            if !group.path.is_empty() && !group.changes.is_empty() {
                html.element(sub, &[Attribute::Class("sub")], |html| {
                    html.text("Nested stack ");
                    html.leaf("code", "", &group.path);
                });
            }
            write_list(html, &certain, total, room);
            if !possible.is_empty() {
                html.leaf(
                    sub,
                    "sub",
                    "May change, depending on other resources (not counted)",
                );
                write_list(html, &possible, total, room);
            }
        }
        item::write_left_out(html, room.left_out("stackctl plan --format json"));
    }
}

/// Returns the changed properties of a resource of the stack itself, or all properties of a new one.
fn of_root(plan: &Plan, change: &Change) -> Vec<PropertyChange> {
    match plan.models.get(&change.logical_id) {
        Some(model) if change.effect() == Effect::Add => added_properties(model),
        _ => plan.properties(change),
    }
}

/// Returns the most severe risk of each resource.
fn severities(risks: &[Risk]) -> HashMap<&str, Severity> {
    let mut severities: HashMap<&str, Severity> = HashMap::new();
    for risk in risks {
        let known = severities.entry(&risk.logical_id).or_insert(risk.severity);
        *known = (*known).max(risk.severity);
    }
    severities
}

/// Returns the kind of a change.
fn kind(change: &Change) -> Kind {
    match change.effect() {
        Effect::Add => Kind::Add,
        Effect::Update if change.reverts_drift() => Kind::Drift,
        Effect::Update => Kind::Change,
        Effect::Replace => Kind::Replace,
        Effect::Remove => Kind::Remove,
        Effect::Import => Kind::Import,
        Effect::Sync => Kind::Drift,
        Effect::Possible => Kind::Maybe,
    }
}

fn write_list(html: &mut Writer<'_>, changes: &[&ShownChange<'_>], total: usize, room: &mut Room) {
    if changes.is_empty() {
        return;
    }
    item::write_list(html, |html| {
        for shown in changes {
            shown.write(html, total, room);
        }
    });
}

impl ShownChange<'_> {
    fn write(&self, html: &mut Writer<'_>, total: usize, room: &mut Room) {
        let kind = kind(self.change);
        let mut inside = Writer::new(html.context());
        if room.has_any() {
            self.write_inside(&mut inside);
        }
        let inside = inside.finish();
        let inside = (!inside.is_empty() && room.take(inside.len())).then_some(inside);
        let is_important =
            matches!(kind, Kind::Replace | Kind::Remove) || self.severity > Some(Severity::Note);
        let is_short = self.properties.len() <= FEW_PROPERTIES && kind != Kind::Maybe;
        let item = Item {
            id: &self.id,
            kind,
            of: Some(&self.path),
            inside,
            // The properties of a new resource have nothing to be compared with.
            is_open: kind != Kind::Add
                && (is_important && total <= MANY || is_short && total <= FEW),
        };
        item.write(html, |html| self.write_head(html));
    }

    fn write_head(&self, html: &mut Writer<'_>) {
        html.leaf("b", "", &self.change.logical_id);
        html.text(" ");
        html.leaf("span", "type", &self.change.resource_type);
        for note in words::of_change(self.change, &self.properties) {
            html.text(" ");
            html.leaf("span", "note", &note);
        }
        match self.severity {
            Some(Severity::Danger) => write_tag(html, "tag danger", "DANGER"),
            Some(Severity::Warning) => write_tag(html, "tag warning", "WARNING"),
            Some(Severity::Note) | None => {}
        }
    }

    /// Adds what CloudFormation says of the resource, and its properties.
    fn write_inside(&self, html: &mut Writer<'_>) {
        let change = self.change;
        let replacement = change.replacement.as_ref();
        let replacement = replacement.filter(|it| **it != Replacement::False);
        let module = change.module.as_ref();
        let facts = [
            ("Physical id", change.physical_id.as_deref()),
            ("Replacement", replacement.map(Replacement::as_str)),
            ("Module", module.and_then(|it| it.logical_ids.as_deref())),
        ];
        if facts.iter().any(|(_, value)| value.is_some()) {
            html.element("dl", &[Attribute::Class("details")], |html| {
                for (name, value) in facts {
                    if let Some(value) = value {
                        html.leaf("dt", "", name);
                        html.leaf("dd", "", value);
                    }
                }
            });
        }
        let rows = self.properties.iter().map(|it| row(change, it));
        value::write_tree(html, &rows.collect::<Vec<_>>());
    }
}

fn write_tag(html: &mut Writer<'_>, class: &'static str, word: &str) {
    html.text(" ");
    html.leaf("span", class, word);
}

fn row(change: &Change, property: &PropertyChange) -> Row {
    let mut values = [&property.before, &property.after].map(|it| it.as_ref().map(Content::text));
    if words::of_layout(property).is_some() {
        values = [None, None];
    }
    let [before, after] = values.map(|it| it.map(str::to_owned));
    Row {
        name: property.path.clone(),
        before,
        after,
        remark: None,
        notes: words::of_property(change, property),
    }
}
