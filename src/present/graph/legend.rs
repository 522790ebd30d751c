//! What the signs and marks of a graph mean: only those that it has.

use super::label::{class, meaning, sign};
use crate::plan::resource_graph::{Node, ResourceGraph};

/// One line of the legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The class of the nodes.
    pub(super) class: &'static str,
    /// The sign in the labels of the nodes; empty if they have none.
    pub(super) sign: &'static str,
    /// What it means.
    pub(super) meaning: &'static str,
}

/// The classes in the order of the legend.
const ORDER: [&str; 9] = [
    "add", "change", "replace", "remove", "import", "drift", "rename", "maybe", "same",
];

/// Returns what the signs mean; empty if the graph does not show a plan.
pub(super) fn entries(graph: &ResourceGraph) -> Vec<Entry> {
    if !graph.has_changes() {
        return Vec::new();
    }
    let resources = || {
        graph
            .nodes()
            .iter()
            .filter(|node| node.resource_type.is_some())
    };
    let entry = |wanted: &&'static str| {
        let first: &Node = resources().find(|node| class(node) == *wanted)?;
        Some(Entry {
            class: wanted,
            sign: sign(first),
            meaning: meaning(wanted),
        })
    };
    ORDER.iter().filter_map(entry).collect()
}
