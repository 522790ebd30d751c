//! No resource waits for itself.
//!
//! CloudFormation creates a resource after all that it refers to, so a circle of references can never
//! be created. It says only which resources are involved; here every step is shown.

use std::collections::{HashMap, VecDeque};

use super::Checks;
use crate::template::Template;
use crate::template::reference::{Reference, ReferenceKind};

/// Which resources wait for which, by position in the template.
struct Graph<'a> {
    names: Vec<&'a str>,
    /// Each resource's references to resources, the first to each.
    edges: Vec<Vec<(usize, Reference<'a>)>>,
}

impl<'a> Graph<'a> {
    fn new(template: &'a Template) -> Self {
        let names: Vec<&str> = template
            .resources()
            .map(|resource| resource.logical_id())
            .collect();
        let positions: HashMap<&str, usize> = names
            .iter()
            .enumerate()
            .map(|(position, name)| (*name, position))
            .collect();
        let mut edges: Vec<Vec<(usize, Reference<'a>)>> = vec![Vec::new(); names.len()];
        for reference in template.references() {
            let waits = reference.section == "Resources"
                && !matches!(
                    reference.kind,
                    ReferenceKind::Condition | ReferenceKind::FindInMap
                );
            let ends = (
                positions.get(reference.owner),
                positions.get(reference.target),
            );
            if let (true, (Some(from), Some(to))) = (waits, ends)
                && let Some(edges) = edges.get_mut(*from)
                && edges.iter().all(|(known, _)| known != to)
            {
                edges.push((*to, reference));
            }
        }
        Self { names, edges }
    }

    fn edges(&self, from: usize) -> &[(usize, Reference<'a>)] {
        self.edges.get(from).map_or(&[], Vec::as_slice)
    }

    /// Returns the resources that are part of a circle or lead from one circle to another: what is left
    /// after taking away, again and again, those that wait for nobody and those that nobody waits for.
    fn knot(&self) -> Vec<bool> {
        let mut incoming: Vec<Vec<usize>> = vec![Vec::new(); self.names.len()];
        for from in 0..self.names.len() {
            for (to, _) in self.edges(from) {
                if let Some(incoming) = incoming.get_mut(*to) {
                    incoming.push(from);
                }
            }
        }
        let mut left = vec![true; self.names.len()];
        let outgoing: Vec<Vec<usize>> = (0..self.names.len())
            .map(|from| self.edges(from).iter().map(|(to, _)| *to).collect())
            .collect();
        peel(&mut left, &outgoing, &incoming);
        peel(&mut left, &incoming, &outgoing);
        left
    }

    /// Returns the shortest circle through `start`, as the references that make it.
    fn circle(&self, start: usize, inside: &[bool]) -> Option<Vec<&Reference<'a>>> {
        let mut came_by: HashMap<usize, (usize, &Reference<'a>)> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(from) = queue.pop_front() {
            for (to, reference) in self.edges(from) {
                if *to == start {
                    let mut circle = vec![reference];
                    let mut at = from;
                    while let Some((previous, reference)) = came_by.get(&at).filter(|_| at != start)
                    {
                        circle.push(reference);
                        at = *previous;
                    }
                    circle.reverse();
                    return Some(circle);
                }
                if inside.get(*to) == Some(&true) && !came_by.contains_key(to) {
                    came_by.insert(*to, (from, reference));
                    queue.push_back(*to);
                }
            }
        }
        None
    }
}

/// Takes away those without a neighbour on one side, and then those that have none any more.
fn peel(left: &mut [bool], side: &[Vec<usize>], other_side: &[Vec<usize>]) {
    let mut neighbours: Vec<usize> = side
        .iter()
        .map(|side| {
            side.iter()
                .filter(|it| left.get(**it) == Some(&true))
                .count()
        })
        .collect();
    let mut queue: Vec<usize> = (0..left.len())
        .filter(|it| left.get(*it) == Some(&true) && neighbours.get(*it) == Some(&0))
        .collect();
    while let Some(at) = queue.pop() {
        if let Some(left) = left.get_mut(at) {
            *left = false;
        }
        for next in other_side.get(at).into_iter().flatten() {
            if let Some(count) = neighbours.get_mut(*next).filter(|count| **count > 0) {
                *count -= 1;
                if *count == 0 && left.get(*next) == Some(&true) {
                    queue.push(*next);
                }
            }
        }
    }
}

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    if checks.transformed {
        // A macro may take references away: a serverless function's alarm watches its deployment.
        return;
    }
    let graph = Graph::new(template);
    let mut inside = graph.knot();
    for start in 0..graph.names.len() {
        if inside.get(start) != Some(&true) {
            continue;
        }
        if let Some(circle) = graph.circle(start, &inside) {
            report(checks, &circle);
            // One report for each resource is enough.
            for reference in circle {
                if let Some(at) = graph.names.iter().position(|name| *name == reference.owner)
                    && let Some(inside) = inside.get_mut(at)
                {
                    *inside = false;
                }
            }
        }
    }
}

fn report(checks: &mut Checks<'_>, circle: &[&Reference<'_>]) {
    let Some((first, rest)) = circle.split_first() else {
        return;
    };
    let mut way: Vec<&str> = circle.iter().map(|reference| reference.owner).collect();
    way.push(first.owner);
    let label = |reference: &Reference<'_>| {
        format!("`{}` waits for `{}`", reference.owner, reference.target)
    };
    let text = format!(
        "resources wait for each other in a circle: {}",
        way.join(" → ")
    );
    let mut found = checks.error("circular-dependency", text, &first.span);
    if let Some(place) = found.places.first_mut() {
        place.label = label(first);
    }
    for reference in rest {
        found = found.at(checks.place(&reference.span, label(reference)));
    }
    if let Some(bucket) = circle
        .iter()
        .find(|reference| notifies(checks.template, reference.owner))
    {
        found = found
            .help(format!(
                "`{}` notifies a function, whose permission or role names the bucket by reference",
                bucket.owner
            ))
            .help(
                "name the bucket by a text instead, such as \
                 `!Sub arn:${AWS::Partition}:s3:::${AWS::StackName}-${AWS::AccountId}`, and give it that \
                 `BucketName`; the bucket then waits for the permission by `DependsOn`",
            );
    } else {
        found = found
            .help("replace one of these references by a text, or move it to a resource of its own");
    }
    checks.push(found);
}

fn notifies(template: &Template, id: &str) -> bool {
    template.resource(id).is_some_and(|resource| {
        resource.kind() == Some("AWS::S3::Bucket")
            && resource
                .properties()
                .is_some_and(|it| it.get("NotificationConfiguration").is_some())
    })
}
