//! The differences between two templates that count for CloudFormation.
//!
//! Many differences between two texts do not change the stack: the short and the long form of a
//! function, the order of keys, JSON or YAML, comments and quotes. CloudFormation reads every scalar as
//! text, so `80` equals `"80"` and `true` equals `"true"`. Lists that are sets in the resource type's
//! schema have no order. All other differences are grouped by section and logical id, with their places
//! in both texts.
//!
//! If the two templates are swapped, `before` and `after` are swapped and nothing else changes.

mod align;
mod canonical;
mod inside;
mod notation;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use super::Template;
use super::node::{Map, Member, Node};
use crate::template::schema_table::{self, Lifecycle};
pub(crate) use align::RULE_PEERS;
use canonical::{Language, View};
pub use inside::{Inner, inside};
pub use notation::match_notation;

/// The sections whose entries are compared one by one, in the order in which they are shown.
const SECTIONS: [&str; 9] = [
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
    "Hooks",
];

/// The differences between two templates; empty if the templates mean the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff<'a> {
    /// The entries that differ, sorted by section and then by name. Sections without named entries,
    /// such as the description, come first.
    pub entries: Vec<EntryDiff<'a>>,
}

/// An entry of a section, such as a resource, that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryDiff<'a> {
    /// The section, such as `Resources`.
    pub section: &'a str,
    /// The name of the entry, such as a logical id; `None` if the entry is the section itself.
    pub name: Option<&'a str>,
    /// The entry before; `None` if it was added.
    pub before: Option<&'a Node>,
    /// The entry after; `None` if it was removed.
    pub after: Option<&'a Node>,
    /// The place of the entry in the two texts.
    pub starts: Starts,
    /// The changes inside a modified entry, sorted by path.
    pub changes: Vec<Change<'a>>,
}

/// The kind of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Exists only after.
    Added,
    /// Exists only before.
    Removed,
    /// Exists before and after, and differs.
    Modified,
}

/// A value that differs, at the deepest path at which both sides have the same structure.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// The path from the entry to the value, such as `Properties`, `Tags`, `[Name]`, `Value`. Empty if
    /// the entry itself has a different structure.
    pub path: Vec<Segment<'a>>,
    /// The value before; `None` if it was added.
    pub before: Option<&'a Node>,
    /// The value after; `None` if it was removed.
    pub after: Option<&'a Node>,
    /// The place of the value in the two texts.
    pub starts: Starts,
}

/// The byte offsets at which a value, or its key if it has one, begins in the two texts. `None` in the
/// text that does not contain the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Starts {
    /// The offset in the text before.
    pub before: Option<usize>,
    /// The offset in the text after.
    pub after: Option<usize>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment<'a> {
    /// The key of a map.
    Key(&'a str),
    /// An element of a list.
    Element {
        /// The text that identifies the element in its list, such as the key of a tag, if there is one.
        label: Option<Cow<'a, str>>,
        /// The index before, counted from 0; `None` if the element was added.
        before: Option<usize>,
        /// The index after, counted from 0; `None` if the element was removed.
        after: Option<usize>,
    },
}

impl Segment<'_> {
    /// Returns the sort key among the steps inside one value.
    fn order(&self) -> (&str, Option<usize>) {
        match self {
            Self::Key(key) => (key, None),
            Self::Element {
                label,
                before,
                after,
            } => (label.as_deref().unwrap_or_default(), before.or(*after)),
        }
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Element {
                label: Some(label), ..
            } => write!(f, "[{label}]"),
            Self::Element { before, after, .. } => {
                write!(f, "[{}]", after.or(*before).unwrap_or_default())
            }
        }
    }
}

impl EntryDiff<'_> {
    /// Returns whether the entry was added, removed or modified.
    pub fn status(&self) -> Status {
        status(self.before, self.after)
    }
}

impl Change<'_> {
    /// Returns whether the value was added, removed or modified.
    pub fn status(&self) -> Status {
        status(self.before, self.after)
    }

    /// Returns the path as it is shown, such as `Properties.Tags[Name].Value`.
    pub fn path_text(&self) -> String {
        path_text(&self.path)
    }
}

/// Returns a path as it is shown, such as `Properties.Tags[Name].Value`.
pub fn path_text(path: &[Segment<'_>]) -> String {
    let mut text = String::new();
    for segment in path {
        if !text.is_empty() && matches!(segment, Segment::Key(_)) {
            text.push('.');
        }
        text.push_str(&segment.to_string());
    }
    text
}

fn status(before: Option<&Node>, after: Option<&Node>) -> Status {
    match (before, after) {
        (None, _) => Status::Added,
        (Some(_), None) => Status::Removed,
        (Some(_), Some(_)) => Status::Modified,
    }
}

impl Diff<'_> {
    /// Returns whether the two templates mean the same.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Returns the differences between two templates. The time grows linearly with their size.
pub fn diff<'a>(before: &'a Template, after: &'a Template) -> Diff<'a> {
    let (Some(old), Some(new)) = (before.root().as_map(), after.root().as_map()) else {
        return Diff {
            entries: Vec::new(),
        };
    };
    let mut entries = Vec::new();
    for section in keys(Some(old), Some(new)) {
        if !SECTIONS.contains(&section) {
            entries.extend(entry(section, None, [old.get(section), new.get(section)]));
        }
    }
    for section in SECTIONS {
        let sides = [old.get(section), new.get(section)];
        let [old, new] = sides.map(|side| side.map(|member| &member.node));
        let maps = (old.map(Node::as_map), new.map(Node::as_map));
        if let (Some(None), _) | (_, Some(None)) = maps {
            // The section is not a map; it is compared as a whole.
            entries.extend(entry(section, None, sides));
            continue;
        }
        let (old, new) = (maps.0.flatten(), maps.1.flatten());
        for name in keys(old, new) {
            let sides = [old, new].map(|map| map?.get(name));
            entries.extend(entry(section, Some(name), sides));
        }
    }
    Diff { entries }
}

/// Returns the differences between two values, such as a resource before and after a deployment,
/// sorted by path.
pub fn values<'a>(before: &'a Node, after: &'a Node) -> Vec<Change<'a>> {
    let mut walk = Walk::new(Language::Template, resource_lifecycle(before, after));
    walk.values(before, after, Starts::of(before, after), true);
    walk.sorted()
}

/// Returns the differences between two JSON or YAML documents, sorted by path. The types of scalars and
/// the order of lists count; the order of keys does not.
pub fn documents<'a>(before: &'a Node, after: &'a Node) -> Vec<Change<'a>> {
    let mut walk = Walk::new(Language::Document, None);
    walk.values(before, after, Starts::of(before, after), false);
    walk.sorted()
}

/// Returns what is known about the type of a resource; `None` if the type changes.
fn resource_lifecycle(before: &Node, after: &Node) -> Option<&'static Lifecycle> {
    let [old, new] = [before, after].map(|resource| resource.get("Type"));
    let kind = match (old, new) {
        (Some(old), Some(new)) if old != new => return None,
        (old, new) => new.or(old)?,
    };
    schema_table::of(kind.as_str()?)
}

/// Returns the keys of both maps, sorted and without duplicates.
fn keys<'a>(old: Option<&'a Map>, new: Option<&'a Map>) -> Vec<&'a str> {
    let mut keys: Vec<&str> = old
        .into_iter()
        .chain(new)
        .flat_map(Map::keys)
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Returns the difference in one entry; `None` if there is none.
fn entry<'a>(
    section: &'a str,
    name: Option<&'a str>,
    sides: [Option<&'a Member>; 2],
) -> Option<EntryDiff<'a>> {
    let [before, after] = sides.map(|side| side.map(|member| &member.node));
    let [old_start, new_start] = sides.map(|side| side.map(|member| member.key_span.start));
    let starts = Starts {
        before: old_start,
        after: new_start,
    };
    let mut changes = Vec::new();
    if let (Some(before), Some(after)) = (before, after) {
        let is_resource = section == "Resources";
        let mut walk = Walk::new(
            Language::Template,
            is_resource
                .then(|| resource_lifecycle(before, after))
                .flatten(),
        );
        if section == "Transform" {
            // Macros run in the order of the list.
            walk.lists(before.elements(), after.elements());
        } else {
            walk.values(before, after, starts, is_resource);
        }
        changes = walk.sorted();
        if changes.is_empty() {
            return None;
        }
    }
    Some(EntryDiff {
        section,
        name,
        before,
        after,
        starts,
        changes,
    })
}

impl Starts {
    fn of(before: &Node, after: &Node) -> Self {
        Self {
            before: Some(before.span.start),
            after: Some(after.span.start),
        }
    }
}

struct Walk<'a> {
    language: Language,
    path: Vec<Segment<'a>>,
    changes: Vec<Change<'a>>,
    /// What is known about the type of the resource.
    lifecycle: Option<&'static Lifecycle>,
}

impl<'a> Walk<'a> {
    fn new(language: Language, lifecycle: Option<&'static Lifecycle>) -> Self {
        Self {
            language,
            path: Vec::new(),
            changes: Vec::new(),
            lifecycle,
        }
    }

    /// Compares two values. `resource` means that the values are whole resources.
    fn values(&mut self, before: &'a Node, after: &'a Node, starts: Starts, resource: bool) {
        match (self.language.view(before), self.language.view(after)) {
            (View::Map(old), View::Map(new)) => self.maps(old, new, resource),
            (View::List(old), View::List(new)) => self.lists(old, new),
            (old, new) if old == new => {}
            _ => self.push(Some(before), Some(after), starts),
        }
    }

    fn maps(&mut self, old: &'a Map, new: &'a Map, resource: bool) {
        for (key, member) in old {
            self.path.push(Segment::Key(key));
            let mut starts = Starts {
                before: Some(member.key_span.start),
                after: None,
            };
            match new.get(key) {
                Some(other) => {
                    starts.after = Some(other.key_span.start);
                    if resource && key == "DependsOn" {
                        self.names(&member.node, &other.node, starts);
                    } else {
                        let before = self.language.argument(key, &member.node);
                        let after = self.language.argument(key, &other.node);
                        self.values(before, after, starts, false);
                    }
                }
                None if resource && is_noop(key, &member.node) => {}
                None => self.push(Some(&member.node), None, starts),
            }
            self.path.pop();
        }
        for (key, member) in new {
            let is_noop = resource && is_noop(key, &member.node);
            if !is_noop && !old.contains_key(key) {
                self.path.push(Segment::Key(key));
                let starts = Starts {
                    before: None,
                    after: Some(member.key_span.start),
                };
                self.push(None, Some(&member.node), starts);
                self.path.pop();
            }
        }
    }

    fn lists(&mut self, old: &'a [Node], new: &'a [Node]) {
        let pairs = match self.language {
            Language::Template => align::align(old, new, self.is_set()),
            Language::Document => align::align_documents(old, new),
        };
        for pair in pairs {
            let before = pair.before.and_then(|index| old.get(index));
            let after = pair.after.and_then(|index| new.get(index));
            let starts = Starts {
                before: before.map(|node| node.span.start),
                after: after.map(|node| node.span.start),
            };
            self.path.push(Segment::Element {
                label: before.or(after).and_then(align::label),
                before: pair.before,
                after: pair.after,
            });
            match (before, after) {
                (Some(before), Some(after)) => self.values(before, after, starts, false),
                _ => self.push(before, after, starts),
            }
            self.path.pop();
        }
    }

    /// Returns whether the list at the current path is a set in the resource type's schema.
    fn is_set(&self) -> bool {
        let Some((lifecycle, [Segment::Key("Properties"), path @ ..])) =
            self.lifecycle.zip(Some(self.path.as_slice()))
        else {
            return false;
        };
        let steps: Vec<&str> = path
            .iter()
            .map(|segment| match segment {
                Segment::Key(key) => key,
                Segment::Element { .. } => "*",
            })
            .collect();
        lifecycle.is_set(&steps)
    }

    /// Returns the changes, sorted by path.
    fn sorted(self) -> Vec<Change<'a>> {
        let mut changes = self.changes;
        changes.sort_by(|a, b| {
            a.path
                .iter()
                .map(Segment::order)
                .cmp(b.path.iter().map(Segment::order))
        });
        changes
    }

    /// Compares a name, or a list of names in any order.
    fn names(&mut self, before: &'a Node, after: &'a Node, starts: Starts) {
        let texts = |nodes: &'a [Node]| -> HashSet<Cow<'a, str>> {
            nodes.iter().filter_map(Node::scalar).collect()
        };
        let (old, new) = (before.elements(), after.elements());
        if texts(old).len() < old.len() || texts(new).len() < new.len() {
            // The list contains other values than names, or duplicates.
            return self.lists(old, new);
        }
        if texts(old) != texts(new) {
            self.push(Some(before), Some(after), starts);
        }
    }

    fn push(&mut self, before: Option<&'a Node>, after: Option<&'a Node>, starts: Starts) {
        self.changes.push(Change {
            path: self.path.clone(),
            before,
            after,
            starts,
        });
    }
}

/// Returns whether a member of a resource means the same as its absence.
fn is_noop(key: &str, node: &Node) -> bool {
    match key {
        "Properties" | "Metadata" => node.as_map().is_some_and(Map::is_empty),
        "DependsOn" => node.as_list().is_some_and(<[Node]>::is_empty),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
