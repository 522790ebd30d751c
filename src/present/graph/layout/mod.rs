//! Where each node and each edge of a graph is drawn.
//!
//! An edge goes from left to right: a resource stands left of what it refers to. What belongs together by
//! edges is laid out in columns ([`columns`], [`order`], [`rows`]), many columns are broken into bands
//! ([`bands`]), and the parts are packed into a picture
//! of usual proportions ([`pack`]). Stacks, which are wide, may stand below each other instead. The nodes inside a node are laid out first; the outer layout then
//! sees one box. All coordinates are whole pixels, and equal graphs have equal layouts.

mod bands;
mod columns;
mod order;
mod pack;
mod rows;

use std::collections::HashMap;

use super::label;
use crate::plan::resource_graph::ResourceGraph;
use columns::Columns;

/// The space between two boxes in a column.
pub(super) const ROW_GAP: i64 = 18;
/// The space between two columns.
pub(super) const COLUMN_GAP: i64 = 64;
/// The space between parts without an edge between them.
const PART_GAP: i64 = 36;
/// The space around the nodes inside a node.
const PADDING: i64 = 20;
/// The height of the title of a node that contains others.
pub(super) const HEADER: i64 = 44;
/// The height of a node that contains no others.
const NODE_HEIGHT: i64 = 46;

/// A place in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Point {
    pub(super) x: i64,
    pub(super) y: i64,
}

/// The size of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub(super) width: i64,
    pub(super) height: i64,
}

/// A box in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rect {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
}

/// The way of an edge, from the node that refers to the other one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Route {
    /// The points. Two of the same height, or of the same column if the edge goes down, are connected by a
    /// line, others by a curve. None for an edge from a node to itself.
    pub(super) points: Vec<Point>,
    /// Whether the edge goes down and not to the right.
    pub(super) is_vertical: bool,
}

impl Route {
    fn moved(&self, by: Point) -> Self {
        Self {
            points: self.points.iter().map(|it| it.moved(by)).collect(),
            ..*self
        }
    }
}

impl Point {
    const fn moved(self, by: Self) -> Self {
        Self {
            x: self.x + by.x,
            y: self.y + by.y,
        }
    }

    const fn transposed(self) -> Self {
        Self {
            x: self.y,
            y: self.x,
        }
    }
}

impl Size {
    /// Returns whether this is the size of a node that contains no others.
    const fn is_of_leaf(self) -> bool {
        self.height == NODE_HEIGHT
    }

    const fn transposed(self) -> Self {
        Self {
            width: self.height,
            height: self.width,
        }
    }

    /// Returns how far the proportions are from one and a half times as wide as high. The least is 1,000.
    fn distortion(self) -> i64 {
        let (width, height) = (self.width.max(1) * 2, self.height.max(1) * 3);
        width.max(height) * 1_000 / width.min(height)
    }
}

impl Rect {
    fn moved(self, by: Point) -> Self {
        Self {
            x: self.x + by.x,
            y: self.y + by.y,
            ..self
        }
    }
}

/// Where each node and each edge of a graph is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// The size of the picture.
    pub(super) size: Size,
    /// The box of each node.
    pub(super) boxes: Vec<Rect>,
    /// The way of each edge.
    pub(super) routes: Vec<Route>,
}

/// The boxes and edges inside one node, or outside of all.
#[derive(Debug, Default)]
struct Part {
    size: Size,
    /// The place of each item.
    places: Vec<Point>,
    /// The way of each edge.
    routes: Vec<Route>,
}

/// Returns the layout of a graph.
pub(super) fn layout(graph: &ResourceGraph) -> Layout {
    let nodes = graph.nodes();
    let (inside, outermost) = graph.children();
    let mut edges_in: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (index, edge) in graph.edges().iter().enumerate() {
        let parent = graph.node(edge.from).and_then(|node| node.parent);
        edges_in.entry(parent).or_default().push(index);
    }
    let mut all = Layout {
        size: Size::default(),
        boxes: vec![Rect::default(); nodes.len()],
        routes: vec![Route::default(); graph.edges().len()],
    };
    let no_edges = Vec::new();
    // A node comes after the one that contains it, so this begins with the innermost.
    for (index, children) in inside.iter().enumerate().rev() {
        let size = if children.is_empty() {
            Size {
                width: label::width(graph, index),
                height: NODE_HEIGHT,
            }
        } else {
            let edges = edges_in.get(&Some(index)).unwrap_or(&no_edges);
            let origin = Point {
                x: PADDING,
                y: HEADER,
            };
            let size = arrange(graph, children, edges, origin, &mut all);
            Size {
                width: (size.width + 2 * PADDING).max(label::width(graph, index)),
                height: size.height + HEADER + PADDING,
            }
        };
        if let Some(slot) = all.boxes.get_mut(index) {
            (slot.width, slot.height) = (size.width, size.height);
        }
    }
    let edges = edges_in.get(&None).unwrap_or(&no_edges);
    all.size = arrange(graph, &outermost, edges, Point::default(), &mut all);
    // Each box is placed in the one that contains it, whose place is final by now.
    for (index, children) in inside.iter().enumerate() {
        let by = all
            .boxes
            .get(index)
            .map_or_else(Point::default, |it| Point { x: it.x, y: it.y });
        for child in children {
            if let Some(slot) = all.boxes.get_mut(*child) {
                *slot = slot.moved(by);
            }
        }
        for edge in edges_in.get(&Some(index)).unwrap_or(&no_edges) {
            if let Some(route) = all.routes.get_mut(*edge) {
                *route = route.moved(by);
            }
        }
    }
    all
}

/// Places the children of one node, whose sizes are known, and returns the size that they need together.
fn arrange(
    graph: &ResourceGraph,
    children: &[usize],
    edges: &[usize],
    origin: Point,
    all: &mut Layout,
) -> Size {
    let sizes = children.iter().map(|child| {
        let rect = all.boxes.get(*child).copied().unwrap_or_default();
        Size {
            width: rect.width,
            height: rect.height,
        }
    });
    let mut sizes: Vec<Size> = sizes.collect();
    // Leaves of equal width make straight columns.
    let leaves = sizes.iter().filter(|size| size.is_of_leaf());
    let widest = leaves.map(|size| size.width).max().unwrap_or_default();
    for size in sizes.iter_mut().filter(|size| size.is_of_leaf()) {
        size.width = widest;
    }
    let local: HashMap<usize, usize> = children
        .iter()
        .enumerate()
        .map(|(local, child)| (*child, local))
        .collect();
    let ends: Vec<(usize, usize)> = edges
        .iter()
        .filter_map(|edge| {
            let edge = graph.edges().get(*edge)?;
            Some((*local.get(&edge.from)?, *local.get(&edge.to)?))
        })
        .collect();
    let part = lay_out(&sizes, &ends);
    for ((child, place), size) in children.iter().zip(&part.places).zip(&sizes) {
        if let Some(slot) = all.boxes.get_mut(*child) {
            *slot = Rect {
                x: place.x + origin.x,
                y: place.y + origin.y,
                width: size.width,
                height: size.height,
            };
        }
    }
    for (edge, route) in edges.iter().zip(part.routes) {
        if let Some(slot) = all.routes.get_mut(*edge) {
            *slot = route.moved(origin);
        }
    }
    part.size
}

/// Lays out boxes with edges between them.
fn lay_out(sizes: &[Size], edges: &[(usize, usize)]) -> Part {
    let mut parts: Vec<(Vec<usize>, Part)> = Vec::new();
    let mut alone: Vec<usize> = Vec::new();
    for members in components(sizes.len(), edges) {
        match members.as_slice() {
            [one] if sizes.get(*one).is_some_and(|it| it.is_of_leaf()) => alone.push(*one),
            _ => {
                let part = connected(&members, sizes, edges);
                parts.push((members, part));
            }
        }
    }
    let mut whole = Part {
        size: Size::default(),
        places: vec![Point::default(); sizes.len()],
        routes: vec![Route::default(); edges.len()],
    };
    let part_sizes: Vec<Size> = parts.iter().map(|(_, part)| part.size).collect();
    let alone_sizes: Vec<Size> = alone
        .iter()
        .filter_map(|it| sizes.get(*it).copied())
        .collect();
    let (packed, block) = pack::pack(&part_sizes, &alone_sizes);
    let mut part_of: HashMap<usize, usize> = HashMap::new();
    for (index, ((members, part), at)) in parts.iter().zip(&packed.places).enumerate() {
        for (member, place) in members.iter().zip(&part.places) {
            part_of.insert(*member, index);
            if let Some(slot) = whole.places.get_mut(*member) {
                *slot = place.moved(*at);
            }
        }
    }
    for (member, place) in alone.iter().zip(&block) {
        if let Some(slot) = whole.places.get_mut(*member) {
            *slot = *place;
        }
    }
    // The routes of a part are in the order of its edges.
    let mut next = vec![0; parts.len()];
    for (slot, (from, to)) in whole.routes.iter_mut().zip(edges) {
        let Some(index) = part_of.get(from).filter(|_| from != to) else {
            continue;
        };
        let (Some(next), Some((_, part)), Some(at)) = (
            next.get_mut(*index),
            parts.get(*index),
            packed.places.get(*index),
        ) else {
            continue;
        };
        if let Some(route) = part.routes.get(*next) {
            *slot = route.moved(*at);
        }
        *next += 1;
    }
    whole.size = packed.size;
    whole
}

/// Lays out boxes that are connected by edges.
fn connected(members: &[usize], sizes: &[Size], edges: &[(usize, usize)]) -> Part {
    let local: HashMap<usize, usize> = members
        .iter()
        .enumerate()
        .map(|(local, it)| (*it, local))
        .collect();
    let sizes: Vec<Size> = members
        .iter()
        .filter_map(|it| sizes.get(*it).copied())
        .collect();
    let edges: Vec<(usize, usize)> = edges
        .iter()
        .filter(|(from, to)| from != to)
        .filter_map(|(from, to)| Some((*local.get(from)?, *local.get(to)?)))
        .collect();
    let part = in_columns(&sizes, &edges);
    if sizes.iter().all(|size| size.is_of_leaf()) {
        return part;
    }
    let transposed: Vec<Size> = sizes.iter().map(|size| size.transposed()).collect();
    let down = in_columns(&transposed, &edges);
    if down.size.transposed().distortion() >= part.size.distortion() {
        return part;
    }
    let routes = down.routes.iter().map(|route| Route {
        points: route.points.iter().map(|it| it.transposed()).collect(),
        is_vertical: true,
    });
    Part {
        size: down.size.transposed(),
        places: down.places.iter().map(|it| it.transposed()).collect(),
        routes: routes.collect(),
    }
}

/// Lays out boxes that are connected by edges from left to right.
fn in_columns(sizes: &[Size], edges: &[(usize, usize)]) -> Part {
    let mut columns = Columns::new(sizes, edges);
    order::reduce_crossings(&mut columns);
    let centers = rows::centers(&columns);
    bands::part(&columns, sizes, &centers)
}

/// Returns the boxes that are connected by edges, directly or by others, in the order of their first.
fn components(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        for (one, other) in [(from, to), (to, from)] {
            if let Some(neighbours) = neighbours.get_mut(*one) {
                neighbours.push(*other);
            }
        }
    }
    let mut seen = vec![false; count];
    let mut found = Vec::new();
    for start in 0..count {
        let (mut members, mut open) = (Vec::new(), vec![start]);
        while let Some(next) = open.pop() {
            if let Some(seen) = seen.get_mut(next).filter(|seen| !**seen) {
                *seen = true;
                members.push(next);
                open.extend(neighbours.get(next).into_iter().flatten());
            }
        }
        members.sort_unstable();
        if !members.is_empty() {
            found.push(members);
        }
    }
    found
}

#[cfg(test)]
mod tests;
