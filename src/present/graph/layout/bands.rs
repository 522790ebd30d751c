//! Columns as bands: a graph of very many columns goes on below, at the left, as a text does.
//!
//! An edge into the next band leaves at the right, goes back between the two bands and enters at the left.
//! The edges to one vertex share a lane.

use std::collections::BTreeSet;

use super::columns::Columns;
use super::{COLUMN_GAP, Part, Point, Route, Size};

/// The graph is broken if it is more than so many times as wide as high.
const WIDEST: i64 = 4;
/// A graph that is not wider is not broken.
const NARROW: i64 = 2_400;
/// How many bands there are at most.
const MOST_BANDS: i64 = 40;
/// The space between two bands without the lanes.
const BAND_GAP: i64 = 44;
/// The space between two lanes.
const LANE: i64 = 6;
/// The space between a band and the first lane outside of it.
const OUTSIDE: i64 = 16;

/// Returns the boxes and edges in their places. `centers` are the vertical centers of the vertices.
pub(super) fn part(graph: &Columns, sizes: &[Size], centers: &[i64]) -> Part {
    let bands = Bands::new(graph, sizes, centers);
    let center = |vertex: usize| {
        let center = centers.get(vertex).copied().unwrap_or_default();
        center + bands.down(vertex)
    };
    let places = sizes.iter().enumerate().map(|(vertex, size)| Point {
        x: bands.span(vertex).0,
        y: center(vertex) - size.height / 2,
    });
    let places: Vec<Point> = places.collect();
    let routes = graph.paths.iter().map(|(path, is_backward)| {
        let mut points = Vec::with_capacity(2 * path.len());
        let mut before = None;
        for (index, vertex) in path.iter().enumerate() {
            let ((left, width), y) = (bands.span(*vertex), center(*vertex));
            if let Some(before) = before {
                points.extend(bands.between(before, *vertex, [center(before), y]));
                points.push(Point { x: left, y });
            }
            if index + 1 < path.len() {
                // A box may be narrower than its column.
                if index == 0 {
                    let own = sizes.get(*vertex).map_or(0, |size| size.width);
                    points.push(Point { x: left + own, y });
                }
                points.push(Point { x: left + width, y });
            }
            before = Some(*vertex);
        }
        let mut points = without_straight(points);
        if *is_backward {
            points.reverse();
        }
        Route {
            points,
            is_vertical: false,
        }
    });
    let routes: Vec<Route> = routes.collect();
    Part {
        size: bands.size(),
        places,
        routes,
    }
}

/// Returns the points without those in the middle of a straight line.
fn without_straight(points: Vec<Point>) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        if let [.., before, last] = kept.as_slice()
            && before.y == point.y
            && last.y == point.y
        {
            kept.pop();
        }
        if kept.last() != Some(&point) {
            kept.push(point);
        }
    }
    kept
}

/// Columns that stand beside each other.
#[derive(Debug, Default)]
struct Band {
    width: i64,
    top: i64,
    bottom: i64,
    /// How far down everything in the band moves.
    down: i64,
    /// The vertices of the next band to which an edge goes, each with a lane.
    lanes: Vec<usize>,
}

/// The columns of a graph in bands.
#[derive(Debug, Default)]
struct Bands {
    all: Vec<Band>,
    /// The band, the left side and the width of the column of each vertex.
    places: Vec<(usize, i64, i64)>,
    /// The space at the left for the edges that come from the band above.
    margin: i64,
}

impl Bands {
    /// Returns the columns in as many bands as make usual proportions.
    fn new(graph: &Columns, sizes: &[Size], centers: &[i64]) -> Self {
        let widths: Vec<i64> = graph
            .order
            .iter()
            .map(|column| {
                let boxes = column.iter().filter_map(|vertex| sizes.get(*vertex));
                boxes.map(|size| size.width).max().unwrap_or_default()
            })
            .collect();
        let mut best = Self::in_bands(1, graph, &widths, centers);
        let Size { width, height } = best.size();
        if width <= NARROW || width <= WIDEST * height {
            return best;
        }
        for count in 2..=MOST_BANDS {
            let other = Self::in_bands(count, graph, &widths, centers);
            if other.size().distortion() >= best.size().distortion() {
                break;
            }
            best = other;
        }
        best
    }

    fn in_bands(count: i64, graph: &Columns, widths: &[i64], centers: &[i64]) -> Self {
        let total: i64 = widths.iter().map(|width| width + COLUMN_GAP).sum();
        let share = total / count + 1;
        let mut found = Self {
            all: Vec::new(),
            places: vec![(0, 0, 0); graph.vertices.len()],
            margin: 0,
        };
        let mut x = 0;
        for (column, width) in graph.order.iter().zip(widths) {
            if found.all.is_empty() || (x > 0 && x + width > share) {
                found.all.push(Band {
                    top: i64::MAX,
                    bottom: i64::MIN,
                    ..Band::default()
                });
                x = 0;
            }
            let index = found.all.len() - 1;
            if let Some(band) = found.all.last_mut() {
                band.width = x + width;
                for vertex in column {
                    let height = graph.vertices.get(*vertex).map_or(0, |it| it.height);
                    let top = centers.get(*vertex).copied().unwrap_or_default() - height / 2;
                    band.top = band.top.min(top);
                    band.bottom = band.bottom.max(top + height);
                    if let Some(place) = found.places.get_mut(*vertex) {
                        *place = (index, x, *width);
                    }
                }
            }
            x += width + COLUMN_GAP;
        }
        found.add_lanes(graph);
        found
    }

    /// Gives each edge into another band its lane, and each band its place.
    fn add_lanes(&mut self, graph: &Columns) {
        let mut entered: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.all.len()];
        for (vertex, own) in graph.vertices.iter().enumerate() {
            for to in &own.right {
                let (from, into) = (self.band_of(vertex), self.band_of(*to));
                if let Some(entered) = entered.get_mut(from).filter(|_| from != into) {
                    entered.insert(*to);
                }
            }
        }
        let most = entered.iter().map(BTreeSet::len).max().unwrap_or_default();
        if most > 0 {
            self.margin = OUTSIDE + LANE * lane(most);
        }
        let mut y = 0;
        for (band, entered) in self.all.iter_mut().zip(entered) {
            band.down = y - band.top;
            band.lanes = entered.into_iter().collect();
            y += band.bottom - band.top + BAND_GAP + LANE * lane(band.lanes.len());
        }
    }

    fn band_of(&self, vertex: usize) -> usize {
        self.places.get(vertex).map_or(0, |(band, ..)| *band)
    }

    /// Returns how far down a vertex moves with its band.
    fn down(&self, vertex: usize) -> i64 {
        let band = self.all.get(self.band_of(vertex));
        band.map_or(0, |band| band.down)
    }

    /// Returns the left side and the width of the column of a vertex.
    fn span(&self, vertex: usize) -> (i64, i64) {
        let place = self.places.get(vertex).copied().unwrap_or_default();
        (place.1 + self.margin, place.2)
    }

    /// Returns the corners of an edge between two vertices, which have these centers; none if they are in the
    /// same band.
    fn between(&self, from: usize, to: usize, [start, end]: [i64; 2]) -> Vec<Point> {
        let (above, below) = (self.band_of(from), self.band_of(to));
        let Some(band) = self.all.get(above).filter(|_| above != below) else {
            return Vec::new();
        };
        let at = band.lanes.iter().position(|vertex| *vertex == to);
        let offset = LANE * lane(at.unwrap_or_default());
        let right = self.margin + band.width + OUTSIDE + offset;
        let left = self.margin - OUTSIDE - offset;
        let y = band.bottom + band.down + BAND_GAP / 2 + offset;
        vec![
            Point { x: right, y: start },
            Point { x: right, y },
            Point { x: left, y },
            Point { x: left, y: end },
        ]
    }

    /// Returns the size of all bands with their edges.
    fn size(&self) -> Size {
        let width = self.all.iter().map(|band| band.width).max();
        let last = self.all.last().map(|band| band.bottom + band.down);
        Size {
            width: width.unwrap_or_default() + 2 * self.margin,
            height: last.unwrap_or_default(),
        }
    }
}

fn lane(number: usize) -> i64 {
    i64::try_from(number).unwrap_or_default()
}
