//! The height at which each vertex stands, so that edges are as straight as possible.
//!
//! Each vertex is drawn to the mean height of its neighbours. The order in a column stays, and so does the
//! space between two vertices: those that would come too close become a block that stands at the mean of
//! what its members want.

use super::columns::{Columns, Vertex};

/// How many times the heights are improved.
const ROUNDS: usize = 6;

/// A straight line matters more where it is long.
const WEIGHT_OF_BEND: i64 = 4;

/// Vertices that stand as close as they may.
struct Block {
    /// The sum of the wanted places of the first member, each times its weight.
    sum: i64,
    weight: i64,
    /// How many members it has.
    count: usize,
}

impl Block {
    const fn place(&self) -> i64 {
        self.sum.div_euclid(self.weight)
    }
}

/// Returns the vertical center of each vertex. No box is above zero.
pub(super) fn centers(graph: &Columns) -> Vec<i64> {
    let mut centers = vec![0; graph.vertices.len()];
    for column in &graph.order {
        let offsets = offsets(graph, column);
        // The columns begin centered.
        let middle = offsets.last().copied().unwrap_or_default() / 2;
        for (vertex, offset) in column.iter().zip(&offsets) {
            set(&mut centers, *vertex, offset - middle);
        }
    }
    let all: Vec<usize> = (0..graph.order.len()).collect();
    for round in 0..ROUNDS {
        let is_last = round + 1 == ROUNDS;
        for column in &all {
            improve(graph, *column, &mut centers, |it| {
                (&it.left, is_last.then_some(&it.right))
            });
        }
        for column in all.iter().rev() {
            improve(graph, *column, &mut centers, |it| {
                (&it.right, is_last.then_some(&it.left))
            });
        }
    }
    let tops = graph.vertices.iter().zip(&centers);
    let top = tops
        .map(|(vertex, center)| center - vertex.height / 2)
        .min();
    let top = top.unwrap_or_default();
    centers.iter().map(|center| center - top).collect()
}

/// Moves the vertices of a column towards their neighbours.
fn improve<'g>(
    graph: &'g Columns,
    column: usize,
    centers: &mut [i64],
    neighbours: impl Fn(&'g Vertex) -> (&'g Vec<usize>, Option<&'g Vec<usize>>),
) {
    let column = graph.order.get(column).map_or(&[][..], Vec::as_slice);
    let offsets = offsets(graph, column);
    let mut blocks: Vec<Block> = Vec::with_capacity(column.len());
    for (vertex, offset) in column.iter().zip(&offsets) {
        let Some(own) = graph.vertices.get(*vertex) else {
            continue;
        };
        let (one, other) = neighbours(own);
        let (mut sum, mut count) = (0, 0);
        for neighbour in one.iter().chain(other.into_iter().flatten()) {
            sum += centers.get(*neighbour).copied().unwrap_or_default();
            count += 1;
        }
        let (wanted, weight) = match count {
            0 => (centers.get(*vertex).copied().unwrap_or_default(), 1),
            count if own.is_bend => (sum.div_euclid(count), WEIGHT_OF_BEND),
            count => (sum.div_euclid(count), 2),
        };
        let mut block = Block {
            sum: (wanted - offset) * weight,
            weight,
            count: 1,
        };
        while let Some(above) = blocks.pop_if(|above| above.place() > block.place()) {
            block = Block {
                sum: above.sum + block.sum,
                weight: above.weight + block.weight,
                count: above.count + block.count,
            };
        }
        blocks.push(block);
    }
    let places = blocks
        .iter()
        .flat_map(|block| std::iter::repeat_n(block.place(), block.count));
    for ((vertex, offset), place) in column.iter().zip(&offsets).zip(places) {
        set(centers, *vertex, place + offset);
    }
}

/// Returns how far below the center of the first vertex each center is at least.
fn offsets(graph: &Columns, column: &[usize]) -> Vec<i64> {
    let mut offsets = Vec::with_capacity(column.len());
    let mut at = 0;
    let mut above: Option<&Vertex> = None;
    for vertex in column
        .iter()
        .filter_map(|vertex| graph.vertices.get(*vertex))
    {
        if let Some(above) = above {
            at += (above.height + 1) / 2 + above.gap(vertex) + (vertex.height + 1) / 2;
        }
        offsets.push(at);
        above = Some(vertex);
    }
    offsets
}

fn set(centers: &mut [i64], vertex: usize, center: i64) {
    if let Some(slot) = centers.get_mut(vertex) {
        *slot = center;
    }
}
