//! A graph as a Mermaid flowchart, which code hosts show in comments and documents.

use std::fmt::Write as _;

use super::label::{class, kind, links, name};
use super::palette::light;
use super::{legend, palette};
use crate::plan::resource_graph::{Node, ResourceGraph};

/// Returns the flowchart of a graph.
///
/// A node is named `n` and a number, because Mermaid gives words such as `end` a meaning. Its label is in
/// quotes.
pub fn mermaid(graph: &ResourceGraph) -> String {
    let mut text = String::from("flowchart LR\n");
    let (inside, outermost) = graph.children();
    // What is still to be written: a node and its depth, or the end of one that contains others.
    let mut open: Vec<(Option<usize>, usize)> = outermost
        .iter()
        .rev()
        .map(|index| (Some(*index), 1))
        .collect();
    while let Some((index, depth)) = open.pop() {
        let indent = "  ".repeat(depth);
        let Some(index) = index else {
            let _ = writeln!(text, "{indent}end");
            continue;
        };
        let Some(node) = graph.node(index) else {
            continue;
        };
        let children = inside.get(index).map_or(&[][..], Vec::as_slice);
        if children.is_empty() {
            let _ = writeln!(text, "{indent}n{index}{}", shape(node));
            continue;
        }
        // Mermaid keeps space for one line.
        let title = escaped(&format!("{} · {}", name(node), kind(node)));
        let _ = writeln!(text, "{indent}subgraph n{index}[\"{title}\"]");
        open.push((None, depth));
        open.extend(children.iter().rev().map(|child| (Some(*child), depth + 1)));
    }
    for edge in graph.edges() {
        let (from, to) = (edge.from, edge.to);
        let is_of_stacks = graph
            .node(from)
            .is_some_and(|node| node.resource_type.is_none());
        let arrow = if edge.only_orders() { "-.->" } else { "-->" };
        let label = if is_of_stacks {
            format!("|\"{}\"|", escaped(&links(edge).join(", ")))
        } else {
            String::new()
        };
        let _ = writeln!(text, "  n{from} {arrow}{label} n{to}");
    }
    push_classes(&mut text, graph);
    text
}

/// Returns the label of a node in brackets of its shape: what stores data is a cylinder.
fn shape(node: &Node) -> String {
    let label = label(node);
    match node.data {
        Some(_) => format!("[(\"{label}\")]"),
        None => format!("[\"{label}\"]"),
    }
}

fn label(node: &Node) -> String {
    format!("{}<br/>{}", escaped(&name(node)), escaped(&kind(node)))
}

/// Adds the legend and the colors, if the graph shows a plan.
fn push_classes(text: &mut String, graph: &ResourceGraph) {
    let legend = legend::entries(graph);
    if legend.is_empty() {
        return;
    }
    text.push_str("  subgraph legend[\"Legend\"]\n");
    for entry in &legend {
        let label = format!("{} {}", entry.sign, entry.meaning);
        let _ = writeln!(
            text,
            "    legend_{}[\"{}\"]",
            entry.class,
            escaped(label.trim_start())
        );
    }
    text.push_str("  end\n");
    for wanted in palette::CLASSES {
        let Some(entry) = legend.iter().find(|entry| entry.class == wanted) else {
            continue;
        };
        let width = if wanted == "same" { 1 } else { 2 };
        let _ = writeln!(
            text,
            "  classDef {wanted} fill:{},stroke:{},stroke-width:{width}px,color:{}",
            light(wanted),
            light(&format!("{wanted}-line")),
            light("text")
        );
        let nodes = graph.nodes().iter().enumerate();
        let names = nodes
            .filter(|(_, node)| class(node) == wanted)
            .map(|(index, _)| format!("n{index}"));
        let names: Vec<String> = names.chain([format!("legend_{}", entry.class)]).collect();
        let _ = writeln!(text, "  class {} {wanted}", names.join(","));
    }
}

/// Returns a text inside the quotes of a label. Mermaid reads `#35;` as a character, HTML elements as such, and
/// a text that begins with a list mark or is within backticks as Markdown.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        match character {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' | '|' | '*' | '_' | '[' | ']' | '{' | '}'
            | '(' | ')' | ';' | '%' | '@' | '~' | '$' => {
                let _ = write!(escaped, "#{};", u32::from(character));
            }
            '-' | '+' if index == 0 => {
                let _ = write!(escaped, "#{};", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped
}
