//! What a plan does with the resources of a graph.

use indexmap::IndexMap;

use super::templates::{add_references, add_resources};
use super::{Node, NodeChange, ResourceGraph};
use crate::cloudformation::change_set::{ChangeSet, Effect};
use crate::cloudformation::refactor::Move;
use crate::cloudformation::stateful::stored_data;
use crate::template::Template;
use crate::template::evaluate::{Evaluator, NO_ECHO};

/// Adds the changes of a change set and of its nested ones to the graph of the new template.
///
/// A resource that is in no template, because it is removed or a macro makes it, becomes a node. `deployed`
/// is the deployed template: it has the references of what is removed.
pub fn add_changes(
    graph: &mut ResourceGraph,
    change_set: &ChangeSet,
    deployed: Option<&Template>,
    protected_types: &[String],
) {
    for (path, set) in change_set.tree() {
        let parent = match path.as_slice() {
            [] => None,
            path => match graph.find(&path.join("/")) {
                Some(parent) => Some(parent),
                // The change of the nested stack itself was not described.
                None => continue,
            },
        };
        let [old, new] = match parent {
            None => [None, None],
            Some(_) => set.templates(),
        };
        if let (Some(parent), Some(new)) = (parent, &new)
            && !graph.contains_others(parent)
        {
            // Without a value, a parameter would have its default.
            let names = new.parameters().map(|it| it.entry.name.to_owned());
            let values: IndexMap<_, _> = names.map(|it| (it, NO_ECHO.to_owned())).collect();
            let evaluator = Evaluator::new(new, &values);
            add_resources(graph, Some(parent), &evaluator, protected_types);
        }
        for change in &set.changes {
            let at = graph.push(Node {
                name: change.logical_id.clone(),
                resource_type: Some(change.resource_type.clone()),
                parent,
                data: stored_data(&change.resource_type, protected_types),
                ..Node::default()
            });
            graph.set_change(at, NodeChange::of(change));
        }
        let old = match parent {
            None => deployed,
            Some(_) => old.as_ref(),
        };
        if let Some(old) = old {
            let is_removed = |node: &Node| {
                let change = node.change.as_ref();
                change.is_some_and(|change| change.effect == Effect::Remove)
            };
            let wanted = |from: &Node, to: &Node| is_removed(from) || is_removed(to);
            add_references(graph, parent, old, wanted);
        }
    }
}

/// Adds the renames of a plan, which come before everything else.
pub fn add_moves(graph: &mut ResourceGraph, moved: &[Move]) {
    for rename in moved {
        graph.set_renamed(&rename.to, &rename.from);
    }
}
