//! A graph as SVG: a file of its own, or a part of a page.

use std::fmt::Write as _;

use super::label::{class, of_edge, sentence, short_kind, short_name};
use super::layout::{self, Point, Rect, Route};
use super::{legend, palette};
use crate::plan::resource_graph::{Edge, Node, ResourceGraph};
use crate::present::visible::one_line;

/// The space around the picture.
const MARGIN: i64 = 24;
/// The height of one line of the legend.
const LEGEND_ROW: i64 = 24;
/// The width of one entry of the legend.
const LEGEND_WIDTH: i64 = 190;
/// Half the height of an arrow's head, and its length.
const HEAD: (i64, i64) = (4, 8);

/// What an SVG is for.
#[derive(Clone, Copy)]
pub enum Usage<'a> {
    /// A file of its own. It carries its style, for light and dark.
    Standalone,
    /// A part of a page, which has the [style](super::style()). The function returns the place in the page
    /// to which a click on a node leads, such as `#change-Bucket`; `None` if it leads nowhere.
    Embedded(&'a dyn Fn(&Node) -> Option<String>),
}

/// Returns the picture of a graph. `title` says what it shows.
///
/// Each node is a group with the class `node`, with the class of what happens to it (`add`, `change`,
/// `replace`, `remove`, `import`, `drift`, `maybe`, `rename` or `same`), and with its id in `data-id`. A node
/// that contains others has the class `cluster` too. Each edge is a group with the class `edge`, with
/// `data-from` and `data-to`. There are no scripts and no `id` attributes.
pub fn svg(graph: &ResourceGraph, title: &str, usage: Usage<'_>) -> String {
    let layout = layout::layout(graph);
    let legend = legend::entries(graph);
    let width = (layout.size.width + 2 * MARGIN).max(LEGEND_WIDTH + 2 * MARGIN);
    let per_row = ((width - 2 * MARGIN) / LEGEND_WIDTH).max(1);
    let entries = i64::try_from(legend.len() + 1).unwrap_or(1);
    let legend_rows = (entries + per_row - 1) / per_row;
    let top = layout.size.height + 2 * MARGIN;
    let height = top + legend_rows * LEGEND_ROW + MARGIN / 2;
    let label = escaped(&description(graph, title));
    let mut text = String::new();
    let role = match usage {
        Usage::Standalone => "img",
        Usage::Embedded(_) => "group",
    };
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" role=\"{role}\" \
         aria-label=\"{label}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">"
    );
    let _ = writeln!(text, "<title>{}</title>", escaped(title));
    if matches!(usage, Usage::Standalone) {
        let _ = writeln!(text, "<style>\n{}</style>", palette::style());
    }
    let _ = writeln!(
        text,
        "<rect class=\"back\" width=\"{width}\" height=\"{height}\"/>"
    );
    let _ = writeln!(text, "<g transform=\"translate({MARGIN} {MARGIN})\">");
    let (inside, _) = graph.children();
    let is_cluster = |index: usize| inside.get(index).is_some_and(|it| !it.is_empty());
    let nodes = || graph.nodes().iter().zip(&layout.boxes).enumerate();
    // What contains others is below them, and edges are below nodes.
    for (_, (node, rect)) in nodes().filter(|(index, _)| is_cluster(*index)) {
        push_node(&mut text, node, *rect, true, usage);
    }
    for (edge, route) in graph.edges().iter().zip(&layout.routes) {
        let rect = layout.boxes.get(edge.from).copied().unwrap_or_default();
        push_edge(&mut text, graph, edge, route, rect);
    }
    for (_, (node, rect)) in nodes().filter(|(index, _)| !is_cluster(*index)) {
        push_node(&mut text, node, *rect, false, usage);
    }
    text.push_str("</g>\n");
    push_legend(&mut text, &legend, top, per_row);
    text.push_str("</svg>\n");
    text
}

/// Returns what the picture shows, for those who do not see it.
fn description(graph: &ResourceGraph, title: &str) -> String {
    let nodes = graph.nodes().len();
    let edges = graph.edges().len();
    format!("{title}: {nodes} nodes, {edges} edges")
}

fn push_node(text: &mut String, node: &Node, rect: Rect, is_cluster: bool, usage: Usage<'_>) {
    let class = class(node);
    let mut classes = format!("node {class}");
    for (name, has) in [
        ("changed", class != "same"),
        ("data", node.data.is_some()),
        ("stack", node.resource_type.is_none()),
        ("cluster", is_cluster),
    ] {
        if has {
            classes.push(' ');
            classes.push_str(name);
        }
    }
    let Rect {
        x,
        y,
        width,
        height,
    } = rect;
    let _ = write!(
        text,
        "<g class=\"{classes}\" data-id=\"{}\">",
        escaped(&node.id)
    );
    let _ = write!(text, "<title>{}</title>", escaped(&sentence(node)));
    let link = match usage {
        Usage::Standalone => None,
        Usage::Embedded(link) => link(node),
    };
    if let Some(link) = &link {
        let _ = write!(text, "<a href=\"{}\">", escaped(link));
    }
    let radius = if is_cluster { 10 } else { 6 };
    let _ = write!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>"
    );
    if node.data.is_some() && !is_cluster {
        // A second line inside the first, as data is drawn in many diagrams.
        let _ = write!(
            text,
            "<rect class=\"inner\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\"/>",
            x + 3,
            y + 3,
            width - 6,
            height - 6
        );
    }
    let left = x + 14;
    let _ = write!(
        text,
        "<text x=\"{left}\" y=\"{}\">{}</text><text class=\"kind\" x=\"{left}\" y=\"{}\">{}</text>",
        y + 20,
        escaped(&short_name(node)),
        y + 36,
        escaped(&short_kind(node))
    );
    if link.is_some() {
        text.push_str("</a>");
    }
    text.push_str("</g>\n");
}

fn push_edge(text: &mut String, graph: &ResourceGraph, edge: &Edge, route: &Route, from: Rect) {
    let id = |index: usize| graph.node(index).map_or("", |node| node.id.as_str());
    let class = if edge.only_orders() {
        "edge order"
    } else {
        "edge"
    };
    let _ = write!(
        text,
        "<g class=\"{class}\" data-from=\"{}\" data-to=\"{}\"><title>{}</title>",
        escaped(id(edge.from)),
        escaped(id(edge.to)),
        escaped(&of_edge(graph, edge))
    );
    let (half, length) = HEAD;
    let points = &route.points;
    let Some((end, rest)) = points.split_last().filter(|(_, rest)| !rest.is_empty()) else {
        // An edge from a node to itself.
        let (x, y) = (from.x + from.width, from.y + from.height / 2);
        let (start, end, back) = (y - 10, y + 6, x + length);
        let _ = writeln!(
            text,
            "<path d=\"M{x} {start}C{0} {start} {0} {end} {back} {end}\"/>\
             <path class=\"head\" d=\"M{x} {end}l{length} -{half}v{1}Z\"/></g>",
            x + 28,
            2 * half
        );
        return;
    };
    // The head points the way of the last line.
    let before = rest.last().copied().unwrap_or_default();
    let mut back = *end;
    let mut across = Point::default();
    if route.is_vertical {
        back.y -= length * (end.y - before.y).signum();
        across.x = half;
    } else {
        back.x -= length * (end.x - before.x).signum();
        across.y = half;
    }
    let _ = writeln!(
        text,
        "<path d=\"{}\"/><path class=\"head\" d=\"M{} {}L{} {}L{} {}Z\"/></g>",
        path(points, back, route.is_vertical),
        end.x,
        end.y,
        back.x - across.x,
        back.y - across.y,
        back.x + across.x,
        back.y + across.y
    );
}

/// Returns the line along the points of a route, up to the back of the arrow's head.
fn path(points: &[Point], back: Point, is_vertical: bool) -> String {
    let mut text = String::new();
    let mut at = Point::default();
    for (index, point) in points.iter().enumerate() {
        let is_last = index + 1 == points.len();
        let Point { x, y } = if is_last { back } else { *point };
        if index == 0 {
            let _ = write!(text, "M{x} {y}");
        } else if at.y == y {
            let _ = write!(text, "H{x}");
        } else if at.x == x {
            let _ = write!(text, "V{y}");
        } else if is_vertical {
            let middle = i64::midpoint(at.y, y);
            let _ = write!(text, "C{} {middle} {x} {middle} {x} {y}", at.x);
        } else {
            let middle = i64::midpoint(at.x, x);
            let _ = write!(text, "C{middle} {} {middle} {y} {x} {y}", at.y);
        }
        at = Point { x, y };
    }
    text
}

fn push_legend(text: &mut String, legend: &[legend::Entry], top: i64, per_row: i64) {
    text.push_str("<g class=\"legend\">\n");
    let mut at = 0;
    let mut next = || {
        let place = Point {
            x: MARGIN + at % per_row * LEGEND_WIDTH,
            y: top + at / per_row * LEGEND_ROW,
        };
        at += 1;
        place
    };
    for entry in legend {
        let Point { x, y } = next();
        let changed = if entry.class == "same" {
            ""
        } else {
            " changed"
        };
        let _ = writeln!(
            text,
            "<g class=\"{}{changed}\"><rect x=\"{x}\" y=\"{}\" width=\"34\" height=\"18\" rx=\"4\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text class=\"kind\" x=\"{}\" y=\"{}\">{}</text></g>",
            entry.class,
            y - 13,
            x + 17,
            y + 1,
            escaped(entry.sign),
            x + 42,
            y,
            entry.meaning
        );
    }
    let Point { x, y } = next();
    let _ = writeln!(
        text,
        "<text class=\"kind\" x=\"{x}\" y=\"{y}\">A → B: A refers to B</text>"
    );
    text.push_str("</g>\n");
}

/// Returns a text as the content of an element or as the value of an attribute in double quotes. It holds
/// no character that XML forbids.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
