//! The changed properties of a resource: the details of a change set, combined with the differences
//! between the resource before and after.
//!
//! Neither source is sufficient. Details contain the cause and whether a property forces a
//! replacement, but a policy is a single value, and one property may have several details, in an
//! order that differs between calls. The resource has every value, but no causes. So each difference
//! between the two sides becomes a [`PropertyChange`], with the notes of the detail that covers it.

use indexmap::IndexMap;

use super::cause;
use super::model::{KNOWN_AFTER_APPLY, Model};
use crate::cloudformation::change_set::{Change, Detail, Replacement};
use crate::template::diff::{self, Segment};
use crate::template::node::Node;
use crate::template::{emit, json};

/// The value of a property, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A scalar.
    Scalar(String),
    /// A list or a map, as YAML.
    Structure(String),
}

impl Content {
    /// Returns the text.
    pub fn text(&self) -> &str {
        match self {
            Self::Scalar(text) | Self::Structure(text) => text,
        }
    }

    /// Returns the content of a node. A string that is a JSON list or map becomes a structure.
    fn of(node: &Node) -> Self {
        match (embedded(node), node.scalar()) {
            (Some(inner), _) => Self::Structure(yaml(&inner)),
            (None, Some(scalar)) => Self::Scalar(scalar.into_owned()),
            (None, None) => Self::Structure(yaml(node)),
        }
    }

    /// Returns the content of a detail's value.
    fn of_text(text: &str) -> Self {
        match json::document(text) {
            Some(inner) => Self::Structure(yaml(&inner)),
            None => Self::Scalar(text.to_owned()),
        }
    }
}

/// A changed property of a resource, combined from all its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyChange {
    /// The property's path with dots, such as `Code.S3Key` or `Tags.owner`, or the attribute's name.
    pub path: String,
    /// The value before; `None` if it is not set or not known.
    pub before: Option<Content>,
    /// The value after; `None` if it is not set or not known.
    pub after: Option<Content>,
    /// Whether the change replaces the resource: `Always`, `Conditionally` or `Never`.
    pub requires_recreation: Option<String>,
    /// The cause of the change; `None` if the template was edited.
    pub cause: Option<String>,
    /// Whether the change depends on a value of another resource that is not known yet.
    pub is_dynamic: bool,
}

impl PropertyChange {
    /// Returns whether a part of the value after is known only after the deployment.
    fn is_known_after_apply(&self) -> bool {
        self.after
            .as_ref()
            .is_some_and(|after| after.text().contains(KNOWN_AFTER_APPLY))
    }
}

/// Returns whether a replacement depends only on values that are known only after the deployment.
///
/// CloudFormation treats such a value as different, so the replacement may not happen.
pub fn depends_on_unknown(change: &Change, properties: &[PropertyChange]) -> bool {
    let mut forcing = properties
        .iter()
        .filter(|property| property.requires_recreation.as_deref() == Some("Always"))
        .peekable();
    change.replacement == Some(Replacement::True)
        && forcing.peek().is_some()
        && forcing.all(PropertyChange::is_known_after_apply)
}

/// A value that differs between the two sides.
struct Leaf {
    steps: Vec<Step>,
    before: Option<Content>,
    after: Option<Content>,
}

/// One step of a path.
#[derive(Clone)]
enum Step {
    Key(String),
    Element {
        label: Option<String>,
        before: Option<usize>,
        after: Option<usize>,
    },
}

/// The details of one path, combined.
struct Fact {
    /// The steps of the path, with list elements by index.
    steps: Vec<String>,
    before: Option<String>,
    after: Option<String>,
    notes: Notes,
}

#[derive(Clone, Default)]
struct Notes {
    requires_recreation: Option<String>,
    cause: Option<String>,
    is_dynamic: bool,
}

impl Notes {
    fn with(&self, leaf: Leaf) -> PropertyChange {
        PropertyChange {
            path: path_text(&leaf.steps),
            before: leaf.before,
            after: leaf.after,
            requires_recreation: self.requires_recreation.clone(),
            cause: self.cause.clone(),
            is_dynamic: self.is_dynamic,
        }
    }
}

/// Returns the changed properties of a resource. Those with details come first, in the order of the
/// change set.
///
/// `changes` are all changes of the change set, because a cause depends on the change of the resource
/// that it names.
pub fn property_changes(
    change: &Change,
    model: Option<&Model>,
    changes: &[Change],
) -> Vec<PropertyChange> {
    let facts = fold_into_paths(facts(change, changes));
    let from_service = model.is_some_and(|model| model.from_service);
    let (mut properties, leaves) = named(&facts, model);
    // Templates may differ although the resource does not change. So with templates, only properties
    // that the change set names are returned.
    if from_service || facts.is_empty() {
        let notes = Notes::default();
        properties.extend(leaves.into_iter().map(|leaf| notes.with(leaf)));
    }
    properties
}

/// Returns only the changed properties that the details name. Other differences between the two sides
/// may be equivalent for the service.
pub fn named_changes(change: &Change, model: &Model) -> Vec<PropertyChange> {
    named(&fold_into_paths(facts(change, &[])), Some(model)).0
}

/// Returns the properties that the facts name, and the remaining differences between the two sides.
fn named(facts: &[Fact], model: Option<&Model>) -> (Vec<PropertyChange>, Vec<Leaf>) {
    let from_service = model.is_some_and(|model| model.from_service);
    let sides = model.and_then(|model| Some((model.before.as_ref()?, model.after.as_ref()?)));
    let mut leaves = sides.map_or_else(Vec::new, |(before, after)| {
        leaves(&[], before, after)
            .into_iter()
            .map(without_properties)
            .collect()
    });
    let mut properties = Vec::new();
    for fact in facts {
        let mut covered = Vec::new();
        // The values of a template are not resolved, so the values of a detail take precedence.
        if from_service || !fact.has_values() {
            (covered, leaves) = leaves
                .into_iter()
                .partition(|leaf: &Leaf| fact.covers(leaf));
        }
        if covered.is_empty() {
            covered = fact.leaves();
        }
        properties.extend(covered.into_iter().map(|leaf| fact.notes.with(leaf)));
    }
    (properties, leaves)
}

/// Returns the properties of a new resource, in their order.
pub fn added_properties(model: &Model) -> Vec<PropertyChange> {
    let properties = model
        .after
        .as_ref()
        .filter(|_| model.before.is_none())
        .and_then(|after| after.get("Properties")?.as_map());
    let added = properties.into_iter().flatten().map(|(name, member)| Leaf {
        steps: vec![Step::Key(name.clone())],
        before: None,
        after: Some(Content::of(&member.node)),
    });
    added.map(|leaf| Notes::default().with(leaf)).collect()
}

impl Fact {
    fn has_values(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }

    /// Returns whether this path contains the leaf's path, or the leaf's path contains this one.
    fn covers(&self, leaf: &Leaf) -> bool {
        let sides = (self.before.is_some(), self.after.is_some());
        let is_inside = self.steps.len() > leaf.steps.len();
        if sides == (true, true) && is_inside && (leaf.before.is_none() || leaf.after.is_none()) {
            // A value on both sides cannot be inside an element that only one side has.
            return false;
        }
        let mut pairs = self.steps.iter().zip(&leaf.steps);
        pairs.all(|(step, segment)| match segment {
            Step::Key(key) => step == key,
            Step::Element { before, after, .. } => {
                let index = step.parse().ok();
                // The index of an added element is from after, that of a removed one from before.
                let is_same = match sides {
                    (false, true) => index == *after,
                    (true, false) => index == *before,
                    _ => index == *before || index == *after,
                };
                index.is_some() && is_same
            }
        })
    }

    /// Returns the values of the details. If both are JSON, returns the parts that differ.
    fn leaves(&self) -> Vec<Leaf> {
        let steps: Vec<Step> = self.steps.iter().cloned().map(Step::Key).collect();
        let structures = [&self.before, &self.after].map(|side| json::document(side.as_deref()?));
        if let [Some(before), Some(after)] = &structures {
            let parts = leaves(&steps, before, after);
            if !parts.is_empty() {
                return parts;
            }
        }
        vec![Leaf {
            steps,
            before: self.before.as_deref().map(Content::of_text),
            after: self.after.as_deref().map(Content::of_text),
        }]
    }
}

/// Combines the details into one fact per path.
fn facts(change: &Change, changes: &[Change]) -> Vec<Fact> {
    let mut facts: IndexMap<String, Fact> = IndexMap::new();
    for detail in &change.details {
        let steps = steps(detail);
        let fact = facts.entry(steps.join(".")).or_insert_with(|| Fact {
            steps,
            before: None,
            after: None,
            notes: Notes {
                is_dynamic: true,
                ..Notes::default()
            },
        });
        fact.before = fact.before.take().or_else(|| detail.before.clone());
        fact.after = fact.after.take().or_else(|| detail.after.clone());
        let notes = &mut fact.notes;
        notes.cause = notes
            .cause
            .take()
            .or_else(|| cause::sentence(detail, changes));
        notes.is_dynamic &= detail.evaluation.as_deref() == Some("Dynamic");
        if recreation_rank(detail.requires_recreation.as_deref())
            > recreation_rank(notes.requires_recreation.as_deref())
        {
            notes
                .requires_recreation
                .clone_from(&detail.requires_recreation);
        }
    }
    facts.into_values().collect()
}

/// Returns the path of a detail, with dots.
pub fn path(detail: &Detail) -> String {
    steps(detail).join(".")
}

/// Removes each path without values that contains a deeper path.
fn fold_into_paths(facts: Vec<Fact>) -> Vec<Fact> {
    let paths: Vec<Vec<String>> = facts.iter().map(|fact| fact.steps.clone()).collect();
    facts
        .into_iter()
        .filter(|fact| {
            let is_above =
                |path: &Vec<String>| path.len() > fact.steps.len() && path.starts_with(&fact.steps);
            fact.has_values() || !paths.iter().any(is_above)
        })
        .collect()
}

/// Returns the path of a detail, without the leading `Properties`.
fn steps(detail: &Detail) -> Vec<String> {
    let mut steps = detail.steps();
    if steps.len() > 1 && steps.first().is_some_and(|step| step == "Properties") {
        steps.remove(0);
    }
    if steps.is_empty() {
        steps.push("(unnamed)".to_owned());
    }
    steps
}

/// Returns the differences between two values, each with its steps below `above`.
///
/// Strings that are JSON on both sides are compared as JSON.
fn leaves(above: &[Step], before: &Node, after: &Node) -> Vec<Leaf> {
    leaves_of(above, diff::values(before, after))
}

fn leaves_of(above: &[Step], changes: Vec<diff::Change<'_>>) -> Vec<Leaf> {
    let mut leaves_below = Vec::new();
    for change in changes {
        let mut steps = above.to_vec();
        steps.extend(change.path.iter().map(Step::of));
        let documents = [change.before, change.after].map(|node| embedded(node?));
        if let [Some(before), Some(after)] = &documents {
            let inner = leaves_of(&steps, diff::documents(before, after));
            if !inner.is_empty() {
                leaves_below.extend(inner);
                continue;
            }
        }
        leaves_below.push(Leaf {
            before: change.before.map(|node| content(&steps, node)),
            after: change.after.map(|node| content(&steps, node)),
            steps,
        });
    }
    leaves_below
}

/// Returns the content of a node. For a whole tag, returns its value, because its key is in the path.
fn content(steps: &[Step], node: &Node) -> Content {
    let value = node.get("Value").filter(|_| is_tag(steps));
    Content::of(value.unwrap_or(node))
}

/// Returns whether the steps end at an element of a list of tags.
fn is_tag(steps: &[Step]) -> bool {
    match steps {
        [.., Step::Key(list), Step::Element { label: Some(_), .. }] => list == "Tags",
        _ => false,
    }
}

fn without_properties(mut leaf: Leaf) -> Leaf {
    if leaf.steps.len() > 1
        && matches!(leaf.steps.first(), Some(Step::Key(key)) if key == "Properties")
    {
        leaf.steps.remove(0);
    }
    leaf
}

/// Returns the path as text, such as `Code.S3Key`, `Rules[0].Port` or `Tags.owner`.
fn path_text(steps: &[Step]) -> String {
    let steps = match steps.split_last() {
        Some((Step::Key(last), above)) if last == "Value" && is_tag(above) => above,
        _ => steps,
    };
    let mut text = String::new();
    for (position, step) in steps.iter().enumerate() {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Element {
                label: Some(label), ..
            } if steps.get(..=position).is_some_and(is_tag) => {
                text.push_str(&format!(".{label}"));
            }
            Step::Element {
                label: Some(label), ..
            } => text.push_str(&format!("[{label}]")),
            Step::Element { before, after, .. } => {
                let index = after.or(*before).unwrap_or_default();
                text.push_str(&format!("[{index}]"));
            }
        }
    }
    text
}

impl Step {
    fn of(segment: &Segment<'_>) -> Self {
        match segment {
            Segment::Key(key) => Self::Key((*key).to_owned()),
            Segment::Element {
                label,
                before,
                after,
            } => Self::Element {
                label: label.as_deref().map(str::to_owned),
                before: *before,
                after: *after,
            },
        }
    }
}

/// Returns the list or map in a string node that is JSON.
fn embedded(node: &Node) -> Option<Node> {
    json::document(node.as_str()?)
}

fn yaml(node: &Node) -> String {
    emit::to_yaml(node).trim_end().to_owned()
}

fn recreation_rank(requires_recreation: Option<&str>) -> u8 {
    match requires_recreation {
        Some("Always") => 3,
        Some("Conditionally") => 2,
        Some("Never") => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
