//! The graph of several stacks of a project, and what they read of each other.

use std::collections::HashMap;

use super::{Link, LinkKind, Node, ResourceGraph};
use crate::plan::stack_reads::StackReads;

/// One of several stacks.
#[derive(Debug, Clone, Default)]
pub struct StackPart {
    /// What tells the stack apart from the others, such as `app`, or `prod/app` if there are several
    /// environments.
    pub label: String,
    /// The key in `[stacks]`; `None` if the project has one stack.
    pub key: Option<String>,
    /// The environment.
    pub environment: String,
    /// The name of the stack in CloudFormation.
    pub stack_name: String,
    /// The region; `None` if nobody names it.
    pub region: Option<String>,
    /// The resources.
    pub graph: ResourceGraph,
    /// The stacks that come first, by their keys.
    pub needs: Vec<String>,
    /// The parameters that have outputs of other stacks as their values.
    pub inputs: Vec<StackInput>,
    /// The names of the exports, as far as they are known.
    pub exports: Vec<String>,
    /// What the template reads of other stacks.
    pub reads: StackReads,
    /// Why there are no resources; `None` if they are known.
    pub hidden: Option<String>,
}

/// A parameter that has the output of another stack as its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackInput {
    /// The parameter.
    pub parameter: String,
    /// The key of the other stack.
    pub stack: String,
    /// The output.
    pub output: String,
}

/// Returns the graph of several stacks. Each is a node that contains its resources.
pub fn of_stacks(parts: &[StackPart]) -> ResourceGraph {
    let mut graph = ResourceGraph::default();
    // The stacks come first, in their order.
    let stacks: Vec<usize> = parts
        .iter()
        .map(|part| {
            graph.push(Node {
                name: part.label.clone(),
                hidden: part.hidden.clone(),
                ..Node::default()
            })
        })
        .collect();
    for (part, stack) in parts.iter().zip(&stacks) {
        add_inside(&mut graph, *stack, &part.graph);
    }
    let by_key: HashMap<(&str, &str), usize> = parts
        .iter()
        .zip(&stacks)
        .filter_map(|(part, stack)| Some(((&*part.environment, part.key.as_deref()?), *stack)))
        .collect();
    for (reader, from) in parts.iter().zip(&stacks) {
        let of_key = |key: &str| by_key.get(&(&*reader.environment, key)).copied();
        for input in &reader.inputs {
            if let Some(to) = of_key(&input.stack) {
                let link = Link {
                    kind: LinkKind::FromStack,
                    property: input.parameter.clone(),
                    attribute: Some(input.output.clone()),
                };
                graph.connect(*from, to, link);
            }
        }
        for (other, to) in parts.iter().zip(&stacks) {
            // An export is known in its region alone.
            let is_here = other.environment == reader.environment && other.region == reader.region;
            for export in other.exports.iter().filter(|_| is_here && from != to) {
                if reader.reads.exports.contains(export) {
                    let link = Link {
                        kind: LinkKind::Import,
                        property: "Fn::ImportValue".to_owned(),
                        attribute: Some(export.clone()),
                    };
                    graph.connect(*from, *to, link);
                }
            }
            for (name, output) in &reader.reads.outputs {
                if *name == other.stack_name && other.environment == reader.environment {
                    let link = Link {
                        kind: LinkKind::StackOutput,
                        property: "Fn::GetStackOutput".to_owned(),
                        attribute: Some(output.clone()),
                    };
                    graph.connect(*from, *to, link);
                }
            }
        }
        for to in reader.needs.iter().filter_map(|key| of_key(key)) {
            // What is read comes first anyway.
            if !graph.is_connected(*from, to) {
                let link = Link {
                    kind: LinkKind::Needs,
                    property: "needs".to_owned(),
                    attribute: None,
                };
                graph.connect(*from, to, link);
            }
        }
    }
    graph
}

/// Adds the nodes and edges of a graph to a node of another one.
fn add_inside(graph: &mut ResourceGraph, stack: usize, inside: &ResourceGraph) {
    let mut moved: Vec<usize> = Vec::with_capacity(inside.nodes().len());
    for node in inside.nodes() {
        let parent = node.parent.and_then(|parent| moved.get(parent).copied());
        moved.push(graph.push(Node {
            parent: Some(parent.unwrap_or(stack)),
            ..node.clone()
        }));
    }
    for edge in inside.edges() {
        if let (Some(from), Some(to)) = (moved.get(edge.from), moved.get(edge.to)) {
            for link in &edge.links {
                graph.connect(*from, *to, link.clone());
            }
        }
    }
}
