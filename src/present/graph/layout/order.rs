//! The order of the vertices in each column, so that few edges cross.
//!
//! Each vertex moves to the mean place of its neighbours, column by column, from left to right and back.
//! The best order of all rounds is kept.

use super::columns::Columns;

/// How many rounds there are at most.
const ROUNDS: usize = 12;

/// How many edges all rounds together look at.
const BUDGET: usize = 400_000;

/// After so many rounds that do not improve the order, there are no more.
const PATIENCE: usize = 4;

/// Which neighbours count.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Orders the vertices of each column.
pub(super) fn reduce_crossings(graph: &mut Columns) {
    let mut positions = vec![0; graph.vertices.len()];
    for column in &graph.order {
        remember(column, &mut positions);
    }
    let (mut best, mut fewest) = (graph.order.clone(), crossings(graph, &positions));
    let mut without = 0;
    let edges: usize = graph.vertices.iter().map(|it| it.right.len()).sum();
    let rounds = (BUDGET / edges.max(1)).clamp(2, ROUNDS);
    for _ in 0..rounds {
        if fewest == 0 || without == PATIENCE {
            break;
        }
        for index in 1..graph.order.len() {
            sort(graph, index, Side::Left, &mut positions);
        }
        for index in (0..graph.order.len().saturating_sub(1)).rev() {
            sort(graph, index, Side::Right, &mut positions);
        }
        let now = crossings(graph, &positions);
        if now < fewest {
            (best, fewest, without) = (graph.order.clone(), now, 0);
        } else {
            without += 1;
        }
    }
    graph.order = best;
}

fn remember(column: &[usize], positions: &mut [usize]) {
    for (position, vertex) in column.iter().enumerate() {
        if let Some(slot) = positions.get_mut(*vertex) {
            *slot = position;
        }
    }
}

/// Sorts a column by the mean place of the neighbours. A vertex without neighbours keeps its place.
fn sort(graph: &mut Columns, index: usize, side: Side, positions: &mut [usize]) {
    let Some(column) = graph.order.get(index) else {
        return;
    };
    let mean = |vertex: usize| {
        let vertex = graph.vertices.get(vertex)?;
        let neighbours = match side {
            Side::Left => &vertex.left,
            Side::Right => &vertex.right,
        };
        let sum: usize = neighbours.iter().filter_map(|it| positions.get(*it)).sum();
        // As a fraction of whole numbers, so that it is the same everywhere.
        (!neighbours.is_empty()).then_some((sum, neighbours.len()))
    };
    let mut moving: Vec<((usize, usize), usize)> = column
        .iter()
        .filter_map(|vertex| Some((mean(*vertex)?, *vertex)))
        .collect();
    moving.sort_by(|((one, of_one), _), ((other, of_other), _)| {
        (one * of_other).cmp(&(other * of_one))
    });
    let mut moving = moving.into_iter().map(|(_, vertex)| vertex);
    let sorted: Vec<usize> = column
        .iter()
        .map(|vertex| match mean(*vertex) {
            Some(_) => moving.next().unwrap_or(*vertex),
            None => *vertex,
        })
        .collect();
    remember(&sorted, positions);
    if let Some(column) = graph.order.get_mut(index) {
        *column = sorted;
    }
}

/// Returns how many pairs of edges cross.
fn crossings(graph: &Columns, positions: &[usize]) -> u64 {
    let position = |vertex: &usize| positions.get(*vertex).copied().unwrap_or_default();
    let mut count = 0;
    for (column, next) in graph.order.iter().zip(graph.order.iter().skip(1)) {
        // How many edges end at each place of the next column so far, as a Fenwick tree.
        let mut ends = vec![0_u64; next.len() + 1];
        let mut total = 0;
        for vertex in column {
            let right = graph.vertices.get(*vertex).map_or(&[][..], |it| &it.right);
            for to in right {
                let (mut at, mut not_after) = (position(to) + 1, 0);
                while at > 0 {
                    not_after += ends.get(at).copied().unwrap_or_default();
                    at &= at - 1;
                }
                count += total - not_after;
            }
            for to in right {
                let mut at = position(to) + 1;
                while let Some(slot) = ends.get_mut(at) {
                    *slot += 1;
                    at += at & at.wrapping_neg();
                }
                total += 1;
            }
        }
    }
    count
}
