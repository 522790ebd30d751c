//! A graph as lines for people: each resource with what it refers to.

use super::label::{class, links, sign};
use crate::plan::resource_graph::{Edge, Node, ResourceGraph};
use crate::present::style::{ADD, BOLD, CHANGE, DIM, REMOVE};
use crate::present::visible::one_line;
use crate::present::wrap;

/// Returns each node with the nodes that it refers to.
pub fn text(graph: &ResourceGraph, width: usize) -> String {
    let (inside, outermost) = graph.children();
    let mut outgoing: Vec<Vec<&Edge>> = vec![Vec::new(); graph.nodes().len()];
    for edge in graph.edges() {
        if let Some(outgoing) = outgoing.get_mut(edge.from) {
            outgoing.push(edge);
        }
    }
    let mut text = String::new();
    let mut open: Vec<(usize, usize)> = outermost.iter().rev().map(|it| (*it, 0)).collect();
    while let Some((index, depth)) = open.pop() {
        let Some(node) = graph.node(index) else {
            continue;
        };
        if depth == 0 && !text.is_empty() && node.resource_type.is_none() {
            text.push('\n');
        }
        push(
            &mut text,
            graph,
            node,
            outgoing.get(index).map_or(&[][..], Vec::as_slice),
            depth,
            width,
        );
        let children = inside.get(index).into_iter().flatten();
        open.extend(children.rev().map(|child| (*child, depth + 1)));
    }
    text
}

fn push(
    text: &mut String,
    graph: &ResourceGraph,
    node: &Node,
    edges: &[&Edge],
    depth: usize,
    width: usize,
) {
    let indent = "  ".repeat(depth);
    let style = match class(node) {
        "add" | "import" => ADD,
        "change" | "drift" | "rename" => CHANGE,
        "replace" | "remove" => REMOVE,
        _ => DIM,
    };
    let sign = match sign(node) {
        "" => String::new(),
        sign => format!("{style}{sign}{style:#} "),
    };
    let kind = match node.resource_type.as_deref() {
        None => "stack",
        Some("") => "unknown type",
        Some(kind) => kind,
    };
    let mut notes = vec![one_line(kind).into_owned()];
    notes.extend(node.data.map(|_| "stores data".to_owned()));
    notes.extend(
        node.condition
            .as_deref()
            .map(|it| one_line(&format!("if {it}")).into_owned()),
    );
    notes.extend(
        node.renamed_from
            .as_deref()
            .map(|it| one_line(&format!("now {it}")).into_owned()),
    );
    notes.extend(node.hidden.as_deref().map(|it| one_line(it).into_owned()));
    let name = one_line(&node.name);
    text.push_str(&format!(
        "{indent}{sign}{BOLD}{name}{BOLD:#}  {DIM}{}{DIM:#}\n",
        notes.join(", ")
    ));
    for edge in edges {
        let to = graph.node(edge.to).map_or("", |it| it.name.as_str());
        let line = format!("{}: {}", one_line(to), links(edge).join(", "));
        let first = format!("{indent}    → ");
        let next = format!("{indent}      ");
        wrap::push(text, &line, [&first, &next], width);
    }
}
