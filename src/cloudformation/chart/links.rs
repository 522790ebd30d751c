//! What each action waited for: the order of the operation.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::fold::Folded;
use super::{Action, After, Basis, Dependencies, Outcome};

/// The actions of an operation, in the order of their starts, and what each of them waited for.
pub(super) struct Links {
    pub(super) nodes: Vec<Node>,
    /// The actions on each resource, by the index of its stack and its logical id.
    by_name: HashMap<(usize, String), Vec<usize>>,
}

/// An action on a resource.
pub(super) struct Node {
    pub(super) bar: usize,
    pub(super) span: usize,
    /// The index of its stack.
    pub(super) stream: usize,
    /// The index of its phase in the stack.
    pub(super) phase: usize,
    pub(super) start: Duration,
    /// When others that depend on it could start.
    pub(super) release: Duration,
    pub(super) end: Duration,
    action: Action,
    outcome: Outcome,
    /// The index of the nested stack that it is, if that has events.
    inner: Option<usize>,
    /// The index of the action on the nested stack that contains it.
    pub(super) outer: Option<usize>,
    /// The actions on the resources of the nested stack that it is.
    pub(super) inside: Vec<usize>,
    pub(super) anchor: Anchor,
}

/// What had to be before an action.
#[derive(Clone)]
pub(super) enum Anchor {
    /// These actions.
    Nodes(Vec<usize>),
    /// The end of the earlier phases of its stack.
    Phase,
    /// The beginning of its stack's part of the operation.
    Begin,
}

impl Node {
    /// Returns the time that it took.
    pub(super) fn length(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }

    /// Returns whether it was cancelled because another action failed.
    pub(super) fn is_cancelled(&self) -> bool {
        self.outcome == Outcome::Cancelled
    }
}

impl Links {
    /// Returns the links, and notes in the bars what they waited for.
    pub(super) fn of(folded: &mut Folded, dependencies: &Dependencies) -> Self {
        let mut links = Self {
            nodes: nodes(folded),
            by_name: HashMap::new(),
        };
        for index in 0..links.nodes.len() {
            let (bar, stream) = (links.nodes[index].bar, links.nodes[index].stream);
            let outer = links.outer(index);
            links.nodes[index].outer = outer;
            if let Some(outer) = outer {
                links.nodes[outer].inside.push(index);
            }
            let key = (stream, folded.bars[bar].logical_id.clone());
            links.by_name.entry(key).or_default().push(index);
        }
        for index in 0..links.nodes.len() {
            let (anchor, after) = links.anchor(index, folded, dependencies);
            let node = &mut links.nodes[index];
            node.anchor = anchor;
            folded.bars[node.bar].is_outer |= !node.inside.is_empty();
            folded.bars[node.bar].spans[node.span].after = after;
        }
        links
    }

    /// Returns the action of these that released others last. Of several, returns the one that took
    /// longest.
    pub(super) fn last(&self, nodes: impl Iterator<Item = usize>) -> Option<usize> {
        nodes.max_by_key(|index| {
            let node = &self.nodes[*index];
            let is_cause = !node.is_cancelled();
            (node.release, is_cause, node.length())
        })
    }

    /// Returns the actions of the earlier phases of an action's stack that released others before it,
    /// without those that were cancelled because of another.
    pub(super) fn before_phase(&self, index: usize) -> impl Iterator<Item = usize> {
        let node = &self.nodes[index];
        let is_earlier = |it: &Node| {
            it.stream == node.stream
                && it.outer == node.outer
                && it.phase < node.phase
                && !it.is_cancelled()
                && it.release <= node.start
        };
        (0..index).filter(move |other| is_earlier(&self.nodes[*other]))
    }

    /// Returns the last action before this one, in the order of starts, on the nested stack that
    /// contains it.
    fn outer(&self, index: usize) -> Option<usize> {
        let stream = self.nodes[index].stream;
        let mut earlier = (0..index).rev();
        earlier.find(|other| self.nodes[*other].inner == Some(stream))
    }

    fn anchor(
        &self,
        index: usize,
        folded: &Folded,
        dependencies: &Dependencies,
    ) -> (Anchor, Option<After>) {
        let node = &self.nodes[index];
        let after = |other: usize, basis: Basis| {
            let bar = self.nodes[other].bar;
            Some(After { bar, basis })
        };
        let is_before = |other: &usize| {
            let it = &self.nodes[*other];
            *other < index
                && it.outer == node.outer
                && it.phase == node.phase
                && it.release <= node.start
        };
        let needed = self.needed(index, folded, dependencies);
        let before: Vec<usize> = needed.iter().flatten().copied().filter(is_before).collect();
        if let Some(last) = self.last(before.iter().copied()) {
            return (Anchor::Nodes(before), after(last, Basis::Template));
        }
        let begin = folded.bars[node.bar].spans[node.span].waits_from;
        if needed.is_none() && node.start > begin {
            let same = (0..index).filter(|other| self.nodes[*other].stream == node.stream);
            // Another action that ended long before this one began is no reason.
            let is_near = |other: &usize| {
                let release = self.nodes[*other].release;
                release > begin
                    && node.start.saturating_sub(release) < node.start.saturating_sub(begin) / 2
            };
            if let Some(last) = self.last(same.filter(is_before)).filter(is_near) {
                return (Anchor::Nodes(vec![last]), after(last, Basis::Time));
            }
        }
        match self.last(self.before_phase(index)) {
            Some(last) => (Anchor::Phase, after(last, Basis::Phase)),
            None => (Anchor::Begin, None),
        }
    }

    /// Returns the actions in the same phase that must come before an action by the template; `None` if
    /// no template has the resource. In the place of a resource without an action are those before it.
    fn needed(
        &self,
        index: usize,
        folded: &Folded,
        dependencies: &Dependencies,
    ) -> Option<Vec<usize>> {
        let node = &self.nodes[index];
        let stack = &folded.bars[node.bar].nested_in;
        let name = &folded.bars[node.bar].logical_id;
        let mut names: Vec<&String> = dependencies
            .before(stack, name, node.action)?
            .iter()
            .collect();
        let mut seen: HashSet<&String> = names.iter().copied().collect();
        let mut found = Vec::new();
        while let Some(name) = names.pop() {
            let of_name = self.by_name.get(&(node.stream, name.clone()));
            let actions = of_name.into_iter().flatten().copied().filter(|other| {
                let it = &self.nodes[*other];
                let is_deletion = it.action == Action::Delete;
                it.phase == node.phase && is_deletion == (node.action == Action::Delete)
            });
            let known = found.len();
            found.extend(actions);
            if found.len() == known {
                let further = dependencies.before(stack, name, node.action);
                let further = further.unwrap_or_default().iter();
                names.extend(further.filter(|name| seen.insert(name)));
            }
        }
        Some(found)
    }
}

/// Returns the actions in the order of their starts, without links.
fn nodes(folded: &Folded) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (bar, (resource, places)) in folded.bars.iter().zip(&folded.places).enumerate() {
        for (number, (span, place)) in resource.spans.iter().zip(places).enumerate() {
            let end = span.end_or(folded.until);
            nodes.push(Node {
                bar,
                span: number,
                stream: place.stream,
                phase: place.phase,
                start: span.start,
                release: span.configured.unwrap_or(end).min(end),
                end,
                action: span.action,
                outcome: span.outcome,
                inner: folded.inner(place),
                outer: None,
                inside: Vec::new(),
                anchor: Anchor::Begin,
            });
        }
    }
    // A nested stack begins before its resources, also at the same time.
    nodes.sort_by_key(|node| (node.start, folded.bars[node.bar].nested_in.len()));
    nodes
}
