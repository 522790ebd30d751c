//! What two templates differ in, as CloudFormation sees it.
//!
//! A difference of the text is mostly none of the stack: the short and the long form of a function, the
//! order of keys, JSON instead of YAML, comments and quotes all mean the same, and to CloudFormation
//! every scalar is text, so that `80` equals `"80"` and `true` equals `"true"`. Lists that the resource
//! type knows as sets have no order. What is left is grouped by section and logical id, and each change
//! says where in both texts it stands.
//!
//! Swapping the two templates swaps `before` and `after` and nothing else.

mod align;
mod canonical;
mod inside;
mod spelling;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use super::Template;
use super::node::{Map, Member, Node};
use crate::template::schema_table::{self, Lifecycle};
use canonical::View;
pub use inside::{Inner, inside};
pub use spelling::in_the_spelling_of;

/// The sections whose members have a life of their own, in the order in which they are shown.
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

/// What two templates differ in; nothing where they mean the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff<'a> {
    /// The entries that differ, by section and then by name. Sections that are no map of names, such as
    /// the description, come first.
    pub entries: Vec<EntryDiff<'a>>,
}

/// An entry of a section, such as a resource, that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryDiff<'a> {
    /// The section, such as `Resources`.
    pub section: &'a str,
    /// The entry's name, such as a logical id; `None` where the section as a whole is the entry.
    pub name: Option<&'a str>,
    /// The entry before; `None` where it is new.
    pub before: Option<&'a Node>,
    /// The entry after; `None` where it is gone.
    pub after: Option<&'a Node>,
    /// Where it begins in the two texts.
    pub starts: Starts,
    /// What changed inside, where the entry is there before and after; sorted by path.
    pub changes: Vec<Change<'a>>,
}

/// What happened to an entry or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is there before and after, and differs.
    Modified,
}

/// A value that differs, at the deepest place where the two sides still have the same shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// The way from the entry to the value, such as `Properties`, `Tags`, `[Name]`, `Value`. Empty where
    /// the entry itself is replaced by something of another shape.
    pub path: Vec<Segment<'a>>,
    /// The value before; `None` where it is new.
    pub before: Option<&'a Node>,
    /// The value after; `None` where it is gone.
    pub after: Option<&'a Node>,
    /// Where it begins in the two texts.
    pub starts: Starts,
}

/// Where something begins in the two texts: with its key, where it has one. Byte offsets; `None` on
/// the side where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Starts {
    /// In the text before.
    pub before: Option<usize>,
    /// In the text after.
    pub after: Option<usize>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment<'a> {
    /// A map's key.
    Key(&'a str),
    /// A list's element.
    Element {
        /// What tells it apart from its neighbours, such as a tag's key, where there is something.
        label: Option<Cow<'a, str>>,
        /// Its index before, from 0; `None` where it is new.
        before: Option<usize>,
        /// Its index after, from 0; `None` where it is gone.
        after: Option<usize>,
    },
}

impl Segment<'_> {
    /// Returns what the steps of one value are sorted by.
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
    /// Returns what happened to the entry.
    pub fn status(&self) -> Status {
        status(self.before, self.after)
    }
}

impl Change<'_> {
    /// Returns what happened to the value.
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

/// Returns what the two templates differ in. The time it takes grows with their size, not with its
/// square.
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
            // Not a section at all; still to be compared.
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

/// Returns what two values differ in, such as a resource before and after a deployment; sorted by path.
pub fn values<'a>(before: &'a Node, after: &'a Node) -> Vec<Change<'a>> {
    let mut walk = Walk::new(resource_lifecycle(before, after));
    walk.values(before, after, Starts::of(before, after), true);
    walk.sorted()
}

/// Returns what is known about a resource's type; nothing where it becomes one of another type.
fn resource_lifecycle(before: &Node, after: &Node) -> Option<&'static Lifecycle> {
    let [old, new] = [before, after].map(|resource| resource.get("Type"));
    let kind = match (old, new) {
        (Some(old), Some(new)) if old != new => return None,
        (old, new) => new.or(old)?,
    };
    schema_table::of(kind.as_str()?)
}

/// Returns the keys of both maps, sorted, each once.
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

/// Returns the difference of one entry; `None` where there is none.
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
            is_resource
                .then(|| resource_lifecycle(before, after))
                .flatten(),
        );
        if section == "Transform" {
            walk.names(before, after, starts);
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
    path: Vec<Segment<'a>>,
    changes: Vec<Change<'a>>,
    /// What is known about the resource's type.
    lifecycle: Option<&'static Lifecycle>,
}

impl<'a> Walk<'a> {
    fn new(lifecycle: Option<&'static Lifecycle>) -> Self {
        Self {
            path: Vec::new(),
            changes: Vec::new(),
            lifecycle,
        }
    }

    /// Compares two values; `resource` where they are whole resources.
    fn values(&mut self, before: &'a Node, after: &'a Node, starts: Starts, resource: bool) {
        match (View::of(before), View::of(after)) {
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
                        let before = canonical::argument(key, &member.node);
                        let after = canonical::argument(key, &other.node);
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
        for pair in align::align(old, new, self.is_set()) {
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

    /// Returns whether the list at the present path is one that the resource's type knows as a set.
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

    /// Returns the changes by path.
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

    /// Compares what is one name or a list of names in any order.
    fn names(&mut self, before: &'a Node, after: &'a Node, starts: Starts) {
        let list = |node: &'a Node| node.as_list().unwrap_or(std::slice::from_ref(node));
        let texts = |nodes: &'a [Node]| -> HashSet<Cow<'a, str>> {
            nodes.iter().filter_map(Node::scalar).collect()
        };
        let (old, new) = (list(before), list(after));
        if texts(old).len() < old.len() || texts(new).len() < new.len() {
            // Not only names, or some of them twice.
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

/// Returns whether a member of a resource says no more than its absence would.
fn is_noop(key: &str, node: &Node) -> bool {
    match key {
        "Properties" | "Metadata" => node.as_map().is_some_and(Map::is_empty),
        "DependsOn" => node.as_list().is_some_and(<[Node]>::is_empty),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
