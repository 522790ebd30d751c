//! The resources of a deployment and the references between them, as a graph to look at.
//!
//! A node may contain other nodes: a stack of the project contains its resources, and a nested stack
//! those of its own template. An edge connects two nodes of the same parent, because a template refers to
//! its own resources alone, and to a nested stack as a whole.

mod changes;
mod property;
mod stacks;
mod templates;

use std::collections::HashMap;

use crate::cloudformation::change_set::{Change, Effect, Replacement};

pub use changes::{add_changes, add_moves};
pub use stacks::{StackInput, StackPart, of_stacks};
pub use templates::{Nested, of_template};

/// The resources of one stack or of several, and the references between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceGraph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    positions: HashMap<String, usize>,
    /// The edge between two nodes.
    pairs: HashMap<(usize, usize), usize>,
}

/// A resource, or a stack of the project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// What tells the node apart from all others: the logical id after those of the nested stacks that
    /// lead to it, such as `Network/Vpc`. Among several stacks, it begins with the stack.
    pub id: String,
    /// The logical id, or the name of the stack.
    pub name: String,
    /// The resource type, such as `AWS::S3::Bucket`; `None` for a stack of the project.
    pub resource_type: Option<String>,
    /// The index of the node that contains this one. It is smaller than the index of this one.
    pub parent: Option<usize>,
    /// The condition under which the resource exists.
    pub condition: Option<String>,
    /// What is lost with the resource, such as `its objects`; `None` if it stores no data.
    pub data: Option<&'static str>,
    /// What the plan does with the resource; `None` if there is no plan, or it leaves the resource alone.
    pub change: Option<NodeChange>,
    /// The logical id that the resource has until the plan renames it.
    pub renamed_from: Option<String>,
    /// Why the resources of the stack are not shown; `None` if they are.
    pub hidden: Option<String>,
}

/// What a plan does with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeChange {
    /// The effect.
    pub effect: Effect,
    /// Whether an update only reverts drift.
    pub reverts_drift: bool,
    /// Whether an update may turn out to be a replacement.
    pub may_replace: bool,
}

impl NodeChange {
    /// Returns what a plan with this change does with the resource.
    pub fn of(change: &Change) -> Self {
        Self {
            effect: change.effect(),
            reverts_drift: change.reverts_drift(),
            may_replace: change.replacement == Some(Replacement::Conditional),
        }
    }
}

/// The references from one node to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The index of the node that refers.
    pub from: usize,
    /// The index of the node that it refers to.
    pub to: usize,
    /// The references, in the order of the template. There is at least one.
    pub links: Vec<Link>,
}

impl Edge {
    /// Returns whether the edge says only what comes first: no value is passed.
    pub fn only_orders(&self) -> bool {
        let mut links = self.links.iter();
        links.all(|link| matches!(link.kind, LinkKind::DependsOn | LinkKind::Needs))
    }
}

/// One reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The kind of reference.
    pub kind: LinkKind,
    /// The property that refers, such as `Environment.Variables.TABLE`, or the parameter of a stack.
    pub property: String,
    /// The attribute, the output or the export that is read; `None` if the reference names none.
    pub attribute: Option<String>,
}

/// A kind of reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// `Ref`.
    Ref,
    /// `Fn::GetAtt`.
    GetAtt,
    /// A variable of `Fn::Sub`.
    Sub,
    /// `DependsOn`.
    DependsOn,
    /// A parameter that has the output of another stack as its value.
    FromStack,
    /// `needs` of a stack.
    Needs,
    /// `Fn::ImportValue`.
    Import,
    /// `Fn::GetStackOutput`.
    StackOutput,
}

impl ResourceGraph {
    /// Returns the nodes, each after the one that contains it.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the edges. Each connects two nodes of the same parent.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Returns whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns the index of the node with this id.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// Returns a node; `None` if there is none with this index.
    pub fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// Returns whether a node contains others.
    pub fn contains_others(&self, index: usize) -> bool {
        self.nodes.iter().any(|node| node.parent == Some(index))
    }

    /// Returns, for each node, the indices of the nodes that it contains; and those that no node contains.
    pub fn children(&self) -> (Vec<Vec<usize>>, Vec<usize>) {
        let (mut inside, mut outermost) = (vec![Vec::new(); self.nodes.len()], Vec::new());
        for (index, node) in self.nodes.iter().enumerate() {
            match node.parent.and_then(|parent| inside.get_mut(parent)) {
                Some(children) => children.push(index),
                None => outermost.push(index),
            }
        }
        (inside, outermost)
    }

    /// Returns whether the graph shows what a plan does.
    pub fn has_changes(&self) -> bool {
        let mut nodes = self.nodes.iter();
        nodes.any(|node| node.change.is_some() || node.renamed_from.is_some())
    }

    /// Returns the id of a node with this name in that one.
    pub fn id_in(&self, parent: Option<usize>, name: &str) -> String {
        match parent.and_then(|parent| self.nodes.get(parent)) {
            Some(parent) => format!("{}/{name}", parent.id),
            None => name.to_owned(),
        }
    }

    /// Adds a node and returns its index. Its id is made from its parent and its name. If there is such a
    /// node, that one stays.
    pub fn push(&mut self, node: Node) -> usize {
        let parent = node.parent.filter(|parent| *parent < self.nodes.len());
        let id = self.id_in(parent, &node.name);
        if let Some(known) = self.find(&id) {
            return known;
        }
        let index = self.nodes.len();
        self.positions.insert(id.clone(), index);
        self.nodes.push(Node { id, parent, ..node });
        index
    }

    /// Adds a reference. Nothing is added if the two nodes do not have the same parent.
    pub fn connect(&mut self, from: usize, to: usize, link: Link) {
        let (Some(one), Some(other)) = (self.nodes.get(from), self.nodes.get(to)) else {
            return;
        };
        if one.parent != other.parent {
            return;
        }
        let next = self.edges.len();
        let at = *self.pairs.entry((from, to)).or_insert(next);
        match self.edges.get_mut(at) {
            Some(edge) if !edge.links.contains(&link) => edge.links.push(link),
            Some(_) => {}
            None => self.edges.push(Edge {
                from,
                to,
                links: vec![link],
            }),
        }
    }

    /// Returns whether a node refers to another one.
    pub fn is_connected(&self, from: usize, to: usize) -> bool {
        self.pairs.contains_key(&(from, to))
    }

    /// Sets what a plan does with a node.
    pub(super) fn set_change(&mut self, index: usize, change: NodeChange) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.change = Some(change);
        }
    }

    /// Sets the logical id that a resource has until the plan renames it.
    pub(super) fn set_renamed(&mut self, id: &str, from: &str) {
        let at = self.find(id);
        if let Some(node) = at.and_then(|at| self.nodes.get_mut(at)) {
            node.renamed_from = Some(from.to_owned());
        }
    }

    /// Sets why the resources of a stack are not shown.
    pub(super) fn set_hidden(&mut self, index: usize, why: &str) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.hidden = Some(why.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
