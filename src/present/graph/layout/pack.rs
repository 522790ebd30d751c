//! Puts parts that have nothing to do with each other into one picture of usual proportions.

use super::{PART_GAP, Point, ROW_GAP, Size};

/// Parts in their places.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) size: Size,
    pub(super) places: Vec<Point>,
}

/// Packs parts, and below them small boxes in rows. Returns also the places of the small boxes.
///
/// The parts fill shelves, the highest first. A part stands on a shelf as long as there is space.
pub(super) fn pack(parts: &[Size], small: &[Size]) -> (Packed, Vec<Point>) {
    let width = width(parts, small);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| parts.get(*index).map_or(0, |it| -it.height));
    let mut places = vec![Point::default(); parts.len()];
    let (mut at, mut shelf, mut widest) = (Point::default(), 0, 0);
    for index in order {
        let size = parts.get(index).copied().unwrap_or_default();
        if at.x > 0 && at.x + size.width > width {
            at = Point {
                x: 0,
                y: at.y + shelf + PART_GAP,
            };
            shelf = 0;
        }
        if let Some(place) = places.get_mut(index) {
            *place = at;
        }
        widest = widest.max(at.x + size.width);
        shelf = shelf.max(size.height);
        at.x += size.width + PART_GAP;
    }
    let mut bottom = at.y + shelf;
    let top = if parts.is_empty() {
        0
    } else {
        bottom + PART_GAP
    };
    let columns = width.max(widest);
    let mut at = Point { x: 0, y: top };
    let mut row = 0;
    let mut rows = Vec::with_capacity(small.len());
    for size in small {
        if at.x > 0 && at.x + size.width > columns {
            at = Point {
                x: 0,
                y: at.y + row + ROW_GAP,
            };
            row = 0;
        }
        rows.push(at);
        row = row.max(size.height);
        widest = widest.max(at.x + size.width);
        bottom = at.y + row;
        at.x += size.width + ROW_GAP;
    }
    let size = Size {
        width: widest,
        height: bottom,
    };
    (Packed { size, places }, rows)
}

/// Returns how wide the picture should be: about one and a half times as wide as high.
fn width(parts: &[Size], small: &[Size]) -> i64 {
    let area = |sizes: &[Size], gap: i64| {
        let areas = sizes.iter().map(|it| (it.width + gap) * (it.height + gap));
        areas.sum::<i64>()
    };
    let area = area(parts, PART_GAP) + area(small, ROW_GAP);
    let widest = parts.iter().chain(small).map(|it| it.width).max();
    (area * 3 / 2).isqrt().max(widest.unwrap_or_default())
}
