#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::{HEADER, Layout, Point, Rect, layout};
use crate::plan::resource_graph::{Link, LinkKind, Node, ResourceGraph};

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

fn push(graph: &mut ResourceGraph, name: &str, parent: Option<usize>) -> usize {
    graph.push(Node {
        name: name.to_owned(),
        resource_type: Some("AWS::S3::Bucket".to_owned()),
        parent,
        ..Node::default()
    })
}

fn connect(graph: &mut ResourceGraph, from: usize, to: usize) {
    let link = Link {
        kind: LinkKind::Ref,
        property: "P".to_owned(),
        attribute: None,
    };
    graph.connect(from, to, link);
}

fn flat(count: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> ResourceGraph {
    let mut graph = ResourceGraph::default();
    for index in 0..count {
        push(&mut graph, &format!("R{index}"), None);
    }
    for (from, to) in edges {
        connect(&mut graph, from, to);
    }
    graph
}

/// Returns what is wrong with a layout.
fn faults(graph: &ResourceGraph, all: &Layout) -> Vec<String> {
    let mut faults = Vec::new();
    let name = |index: usize| graph.nodes()[index].id.clone();
    let apart = |one: Rect, other: Rect| {
        one.x + one.width <= other.x
            || other.x + other.width <= one.x
            || one.y + one.height <= other.y
            || other.y + other.height <= one.y
    };
    for (index, (node, rect)) in graph.nodes().iter().zip(&all.boxes).enumerate() {
        let outer = match node.parent {
            Some(parent) => {
                let outer = all.boxes[parent];
                Rect {
                    y: outer.y + HEADER,
                    height: outer.height - HEADER,
                    ..outer
                }
            }
            None => Rect {
                x: 0,
                y: 0,
                width: all.size.width,
                height: all.size.height,
            },
        };
        let is_inside = rect.x >= outer.x
            && rect.y >= outer.y
            && rect.x + rect.width <= outer.x + outer.width
            && rect.y + rect.height <= outer.y + outer.height;
        if !is_inside {
            faults.push(format!("{} {rect:?} is not inside {outer:?}", name(index)));
        }
        for (other, (of_other, second)) in graph
            .nodes()
            .iter()
            .zip(&all.boxes)
            .enumerate()
            .skip(index + 1)
        {
            if of_other.parent == node.parent && !apart(*rect, *second) {
                faults.push(format!("{} and {} overlap", name(index), name(other)));
            }
        }
    }
    for (edge, route) in graph.edges().iter().zip(&all.routes) {
        let touches = |point: &Point, rect: Rect| {
            (rect.x..=rect.x + rect.width).contains(&point.x)
                && (rect.y..=rect.y + rect.height).contains(&point.y)
        };
        let ends = (route.points.first(), route.points.last());
        let is_right = match ends {
            (Some(first), Some(last)) => {
                touches(first, all.boxes[edge.from]) && touches(last, all.boxes[edge.to])
            }
            _ => edge.from == edge.to,
        };
        if !is_right {
            faults.push(format!(
                "{} → {} ends elsewhere",
                name(edge.from),
                name(edge.to)
            ));
        }
        let picture = Rect {
            x: 0,
            y: 0,
            width: all.size.width,
            height: all.size.height,
        };
        if !route.points.iter().all(|point| touches(point, picture)) {
            faults.push(format!(
                "{} → {} leaves the picture",
                name(edge.from),
                name(edge.to)
            ));
        }
    }
    faults
}

#[test]
fn boxes_never_overlap_and_stay_inside_whatever_the_graph_is() {
    for seed in 0..150 {
        let mut numbers = Numbers(seed);
        let mut graph = ResourceGraph::default();
        let count = numbers.below(45);
        for index in 0..count {
            let parent = match numbers.below(3) {
                0 if index > 0 => Some(numbers.below(index)),
                _ => None,
            };
            let name = "N".repeat(1 + numbers.below(60));
            push(&mut graph, &format!("{name}{index}"), parent);
        }
        for _ in 0..numbers.below(4 * count + 1) {
            let (from, to) = (numbers.below(count), numbers.below(count));
            connect(&mut graph, from, to);
        }
        let found = layout(&graph);
        assert_eq!(faults(&graph, &found), [""; 0], "seed {seed}");
        assert_eq!(found, layout(&graph.clone()), "seed {seed}");
    }
}

#[test]
fn no_shape_takes_long_or_looks_like_a_thread() {
    let chain = |count: usize| (1..count).map(|index| (index - 1, index));
    let diamonds = (0..160).flat_map(|it| {
        let first = 3 * it;
        [(0, 1), (0, 2), (1, 3), (2, 3)].map(|(from, to)| (first + from, first + to))
    });
    let mut numbers = Numbers(7);
    let dense: Vec<(usize, usize)> = (0..3_000)
        .map(|_| (numbers.below(500), numbers.below(500)))
        .collect();
    for (what, graph) in [
        ("nothing", flat(0, [])),
        ("one", flat(1, [(0, 0)])),
        ("isolated", flat(500, [])),
        ("a chain", flat(500, chain(500))),
        ("a ring", flat(300, chain(300).chain([(299, 0)]))),
        ("a star", flat(500, (1..500).map(|it| (it, 0)))),
        ("a fan", flat(500, (1..500).map(|it| (0, it)))),
        ("diamonds", flat(481, diamonds)),
        (
            "full",
            flat(
                40,
                (0..40).flat_map(|from| (0..40).map(move |to| (from, to))),
            ),
        ),
        ("dense", flat(500, dense)),
    ] {
        let found = layout(&graph);
        assert_eq!(faults(&graph, &found), [""; 0], "{what}");
        let (width, height) = (found.size.width.max(1), found.size.height.max(1));
        if graph.nodes().len() > 1 {
            assert!(
                width < 5 * height && height < 5 * width,
                "{what}: {width} x {height}"
            );
        }
    }
}
