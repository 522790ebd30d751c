//! The columns of a connected graph: each box stands left of those to which it has an edge.
//!
//! An edge over several columns has a bend in each of them. The edges to one box share their bends, so that
//! a box to which many refer has one trunk and not a bundle.

use std::collections::{HashMap, HashSet};

use super::{COLUMN_GAP, ROW_GAP, Size};

/// The height that a bend keeps free.
const BEND: i64 = 6;

/// How many columns all edges together may cross before they are drawn without bends.
const MOST_BENDS: usize = 30_000;

/// What stands in a column: a box, or the bend of an edge.
#[derive(Debug, Clone, Default)]
pub(super) struct Vertex {
    pub(super) height: i64,
    pub(super) is_bend: bool,
    /// The vertices in the column before that have an edge to this one.
    pub(super) left: Vec<usize>,
    /// The vertices in the next column to which this one has an edge.
    pub(super) right: Vec<usize>,
}

impl Vertex {
    /// Returns the space below this vertex if `next` follows.
    pub(super) const fn gap(&self, next: &Self) -> i64 {
        if self.is_bend && next.is_bend {
            ROW_GAP / 2
        } else {
            ROW_GAP
        }
    }
}

/// A connected graph in columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// The boxes, then the bends.
    pub(super) vertices: Vec<Vertex>,
    /// The vertices of each column, from the top.
    pub(super) order: Vec<Vec<usize>>,
    /// The vertices of each edge from left to right, and whether the edge itself goes the other way.
    pub(super) paths: Vec<(Vec<usize>, bool)>,
}

impl Columns {
    /// Returns the columns of boxes with these sizes. No edge connects a box with itself.
    pub(super) fn new(sizes: &[Size], edges: &[(usize, usize)]) -> Self {
        let backward = backward_edges(sizes.len(), edges);
        let forward: Vec<(usize, usize)> = edges
            .iter()
            .zip(&backward)
            .map(|((from, to), is_backward)| {
                if *is_backward {
                    (*to, *from)
                } else {
                    (*from, *to)
                }
            })
            .collect();
        let ranks = narrowed(sizes, &forward, ranks(sizes.len(), &forward));
        let mut all = Self {
            vertices: sizes
                .iter()
                .map(|size| Vertex {
                    height: size.height,
                    ..Vertex::default()
                })
                .collect(),
            order: Vec::new(),
            paths: Vec::new(),
        };
        let rank = |vertex: usize| ranks.get(vertex).copied().unwrap_or_default();
        for vertex in 0..sizes.len() {
            all.add_to_column(rank(vertex), vertex);
        }
        // Of an extreme number of bends, nobody would see which edge is which.
        let crossed = forward
            .iter()
            .map(|(from, to)| rank(*to).saturating_sub(rank(*from)));
        let has_bends = crossed.sum::<usize>() <= MOST_BENDS;
        let mut bends: HashMap<(usize, bool, usize), usize> = HashMap::new();
        let mut connected: HashSet<(usize, usize)> = HashSet::new();
        for ((from, to), is_backward) in forward.iter().zip(&backward) {
            let mut path = vec![*from];
            let crossed = rank(*from) + 1..rank(*to);
            for column in crossed.filter(|_| has_bends) {
                let bend = *bends.entry((*to, *is_backward, column)).or_insert_with(|| {
                    all.vertices.push(Vertex {
                        height: BEND,
                        is_bend: true,
                        ..Vertex::default()
                    });
                    let bend = all.vertices.len() - 1;
                    all.add_to_column(column, bend);
                    bend
                });
                path.push(bend);
            }
            path.push(*to);
            for (left, right) in path.iter().zip(path.iter().skip(1)) {
                // Without bends, an edge over several columns has no effect on the order.
                let is_short = has_bends || rank(*from) + 1 == rank(*to);
                if is_short && connected.insert((*left, *right)) {
                    all.connect(*left, *right);
                }
            }
            all.paths.push((path, *is_backward));
        }
        all.put_bends_in_the_middle();
        all
    }

    /// Moves the bends of each column between its boxes. What has no better place stays there, and an edge
    /// that passes many boxes then has as many above as below it.
    fn put_bends_in_the_middle(&mut self) {
        let vertices = &self.vertices;
        let is_bend = |vertex: &usize| vertices.get(*vertex).is_some_and(|it| it.is_bend);
        for column in &mut self.order {
            let (bends, mut boxes): (Vec<usize>, Vec<usize>) =
                column.iter().copied().partition(is_bend);
            let below = boxes.split_off(boxes.len() / 2);
            *column = [boxes, bends, below].concat();
        }
    }

    fn add_to_column(&mut self, column: usize, vertex: usize) {
        while self.order.len() <= column {
            self.order.push(Vec::new());
        }
        if let Some(column) = self.order.get_mut(column) {
            column.push(vertex);
        }
    }

    fn connect(&mut self, left: usize, right: usize) {
        if let Some(vertex) = self.vertices.get_mut(left) {
            vertex.right.push(right);
        }
        if let Some(vertex) = self.vertices.get_mut(right) {
            vertex.left.push(left);
        }
    }
}

/// Returns which edges have to be turned around so that no circle is left.
fn backward_edges(count: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut outgoing: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
    let mut has_incoming = vec![false; count];
    for (index, (from, to)) in edges.iter().enumerate() {
        if let Some(outgoing) = outgoing.get_mut(*from) {
            outgoing.push((index, *to));
        }
        if let Some(has_incoming) = has_incoming.get_mut(*to) {
            *has_incoming = true;
        }
    }
    let mut backward = vec![false; edges.len()];
    let mut states = vec![State::New; count];
    // Whoever is referred to by nobody comes first.
    let first = (0..count).filter(|it| has_incoming.get(*it) == Some(&false));
    for start in first.chain(0..count) {
        if states.get(start) != Some(&State::New) {
            continue;
        }
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        if let Some(state) = states.get_mut(start) {
            *state = State::Open;
        }
        while let Some((vertex, next)) = path.last_mut() {
            let edge = outgoing.get(*vertex).and_then(|it| it.get(*next)).copied();
            *next += 1;
            match edge {
                None => {
                    if let Some(state) = states.get_mut(*vertex) {
                        *state = State::Done;
                    }
                    path.pop();
                }
                Some((edge, to)) => match states.get_mut(to) {
                    Some(state) if *state == State::New => {
                        *state = State::Open;
                        path.push((to, 0));
                    }
                    Some(State::Open) => {
                        if let Some(slot) = backward.get_mut(edge) {
                            *slot = true;
                        }
                    }
                    _ => {}
                },
            }
        }
    }
    backward
}

/// Returns the column of each box. The edges have no circle.
fn ranks(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut outgoing: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut incoming: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        if let (Some(outgoing), Some(incoming)) = (outgoing.get_mut(*from), incoming.get_mut(*to)) {
            outgoing.push(*to);
            incoming.push(*from);
        }
    }
    let mut missing: Vec<usize> = incoming.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..count)
        .filter(|it| missing.get(*it) == Some(&0))
        .collect();
    let mut ranks = vec![0_usize; count];
    let mut done = 0;
    while let Some(from) = order.get(done).copied() {
        done += 1;
        let next = ranks.get(from).map_or(0, |rank| rank + 1);
        for to in outgoing.get(from).into_iter().flatten() {
            if let Some(rank) = ranks.get_mut(*to) {
                *rank = (*rank).max(next);
            }
            if let Some(missing) = missing.get_mut(*to) {
                *missing = missing.saturating_sub(1);
                if *missing == 0 {
                    order.push(*to);
                }
            }
        }
    }
    // Who refers to more than refers to him stands close to what he refers to.
    for vertex in order.into_iter().rev() {
        let (Some(outgoing), Some(incoming)) = (outgoing.get(vertex), incoming.get(vertex)) else {
            continue;
        };
        let nearest = outgoing
            .iter()
            .filter_map(|to| ranks.get(*to))
            .min()
            .copied();
        if let (Some(nearest), true) = (nearest, outgoing.len() > incoming.len())
            && let Some(rank) = ranks.get_mut(vertex)
        {
            *rank = (*rank).max(nearest.saturating_sub(1));
        }
    }
    ranks
}

/// Returns the columns after each that is too high was split into several.
fn narrowed(sizes: &[Size], edges: &[(usize, usize)], ranks: Vec<usize>) -> Vec<usize> {
    let limit = highest(sizes);
    let mut has_incoming = vec![false; sizes.len()];
    for (_, to) in edges {
        if let Some(slot) = has_incoming.get_mut(*to) {
            *slot = true;
        }
    }
    let count = ranks.iter().max().map_or(0, |it| it + 1);
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (vertex, rank) in ranks.iter().enumerate() {
        if let Some(column) = columns.get_mut(*rank) {
            column.push(vertex);
        }
    }
    let mut narrowed = ranks;
    let mut next = 0;
    for mut column in columns {
        // Those to which others refer stand left, close to them.
        column.sort_by_key(|vertex| has_incoming.get(*vertex) == Some(&false));
        let height = |vertex: &usize| sizes.get(*vertex).map_or(0, |it| it.height + ROW_GAP);
        let total: i64 = column.iter().map(height).sum();
        // Parts of about the same height look better than full ones and a small rest.
        let parts = (total + limit - 1) / limit.max(1);
        let share = total / parts.max(1) + 1;
        let mut filled = 0;
        for vertex in column {
            let own = height(&vertex);
            if filled > 0 && filled + own / 2 > share {
                next += 1;
                filled = 0;
            }
            filled += own;
            if let Some(slot) = narrowed.get_mut(vertex) {
                *slot = next;
            }
        }
        next += 1;
    }
    narrowed
}

/// Returns how high a column should be at most, so that the picture is wider than high.
fn highest(sizes: &[Size]) -> i64 {
    let areas = sizes
        .iter()
        .map(|it| (it.width + COLUMN_GAP) * (it.height + ROW_GAP));
    let tallest = sizes.iter().map(|it| it.height + ROW_GAP).max();
    let area: i64 = areas.sum();
    area.isqrt().max(tallest.unwrap_or_default()).max(400)
}
