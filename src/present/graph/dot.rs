//! A graph in the language of Graphviz.

use std::fmt::Write as _;

use super::label::{class, kind, links, name, of_edge, sentence};
use super::legend;
use super::palette::light;
use crate::plan::resource_graph::{Node, ResourceGraph};

/// Returns the graph in the language of Graphviz.
pub fn dot(graph: &ResourceGraph) -> String {
    let mut text = String::from(
        "digraph resources {\n  rankdir=LR; compound=true; nodesep=0.25; ranksep=0.7;\n  \
         node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=11];\n  \
         edge [color=\"#8695a3\", fontname=\"Helvetica\", fontsize=10];\n",
    );
    let (inside, outermost) = graph.children();
    let mut open: Vec<(Option<usize>, usize)> = outermost
        .iter()
        .rev()
        .map(|index| (Some(*index), 1))
        .collect();
    while let Some((index, depth)) = open.pop() {
        let indent = "  ".repeat(depth);
        let Some(index) = index else {
            let _ = writeln!(text, "{indent}}}");
            continue;
        };
        let Some(node) = graph.node(index) else {
            continue;
        };
        let children = inside.get(index).map_or(&[][..], Vec::as_slice);
        if children.is_empty() {
            let _ = writeln!(text, "{indent}n{index} [{}];", attributes(node));
            continue;
        }
        let class = class(node);
        let _ = writeln!(
            text,
            "{indent}subgraph cluster_{index} {{\n{indent}  label={}; tooltip={}; labeljust=l; \
             style=\"rounded\"; color=\"{}\"; fontname=\"Helvetica\"; fontsize=11;",
            quoted(&format!("{} · {}", name(node), kind(node))),
            quoted(&sentence(node)),
            light(&format!("{class}-line"))
        );
        // An edge to a cluster ends at a node inside it.
        let _ = writeln!(
            text,
            "{indent}  n{index} [shape=point, style=invis, width=0, label=\"\"];"
        );
        open.push((None, depth));
        open.extend(children.iter().rev().map(|child| (Some(*child), depth + 1)));
    }
    let is_cluster = |index: usize| inside.get(index).is_some_and(|it| !it.is_empty());
    for edge in graph.edges() {
        let (from, to) = (edge.from, edge.to);
        let mut attributes = vec![format!("tooltip={}", quoted(&of_edge(graph, edge)))];
        if is_cluster(from) {
            attributes.push(format!("ltail=cluster_{from}"));
        }
        if is_cluster(to) {
            attributes.push(format!("lhead=cluster_{to}"));
        }
        if edge.only_orders() {
            attributes.push("style=dashed".to_owned());
        }
        if graph
            .node(from)
            .is_some_and(|node| node.resource_type.is_none())
        {
            attributes.push(format!("label={}", quoted(&links(edge).join("\n"))));
        }
        let _ = writeln!(text, "  n{from} -> n{to} [{}];", attributes.join(", "));
    }
    push_legend(&mut text, graph);
    text.push_str("}\n");
    text
}

fn attributes(node: &Node) -> String {
    let class = class(node);
    let shape = match node.data {
        Some(_) => ", shape=cylinder, style=filled",
        None => "",
    };
    let width = if class == "same" { 1 } else { 2 };
    format!(
        "label={}, tooltip={}, fillcolor=\"{}\", color=\"{}\", penwidth={width}{shape}",
        quoted(&format!("{}\n{}", name(node), kind(node))),
        quoted(&sentence(node)),
        light(class),
        light(&format!("{class}-line"))
    )
}

fn push_legend(text: &mut String, graph: &ResourceGraph) {
    let legend = legend::entries(graph);
    if legend.is_empty() {
        return;
    }
    text.push_str("  subgraph cluster_legend {\n    label=\"Legend\"; style=\"rounded\"; color=\"#aeb9c4\"; fontname=\"Helvetica\"; fontsize=11;\n");
    for entry in legend {
        let label = format!("{} {}", entry.sign, entry.meaning);
        let _ = writeln!(
            text,
            "    legend_{} [label={}, fillcolor=\"{}\", color=\"{}\"];",
            entry.class,
            quoted(label.trim_start()),
            light(entry.class),
            light(&format!("{}-line", entry.class))
        );
    }
    text.push_str("  }\n");
}

/// Returns a text in quotes. A backslash begins an escape of Graphviz, such as `\N` for the name of the node,
/// and `&` one of HTML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '&' => quoted.push_str("&amp;"),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
