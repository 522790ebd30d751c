//! Finds circular dependencies between resources, and between conditions.
//!
//! CloudFormation creates a resource after all resources that it refers to, so a circular dependency
//! is an error. CloudFormation lists only the resources; these checks show every reference.

use std::collections::{HashMap, VecDeque};

use super::Checks;
use super::serverless::SERVERLESS_TYPE;
use crate::diagnostic::Severity;
use crate::template::Template;
use crate::template::evaluate::coexistence::can_all_be;
use crate::template::node::{Node, Value};
use crate::template::reference::{Reference, ReferenceKind};

/// How many references of a cycle are shown.
const SHOWN: usize = 20;

/// The dependencies between the entries of a section, by their index in the template.
struct Graph<'a> {
    names: Vec<&'a str>,
    positions: HashMap<&'a str, usize>,
    /// For each entry, its first reference to each other entry.
    edges: Vec<Vec<(usize, Reference<'a>)>>,
}

impl<'a> Graph<'a> {
    fn new(
        template: &'a Template,
        section: &str,
        is_dependency: impl Fn(&Reference<'a>) -> bool,
    ) -> Self {
        let names: Vec<&str> = template.entries(section).map(|entry| entry.name).collect();
        let positions: HashMap<&str, usize> = names
            .iter()
            .enumerate()
            .map(|(position, name)| (*name, position))
            .collect();
        let mut edges: Vec<Vec<(usize, Reference<'a>)>> = vec![Vec::new(); names.len()];
        for reference in template.references() {
            let ends = (
                positions.get(reference.owner),
                positions.get(reference.target),
            );
            if reference.section == section
                && is_dependency(&reference)
                && let (Some(from), Some(to)) = ends
                && let Some(edges) = edges.get_mut(*from)
                && edges.iter().all(|(known, _)| known != to)
            {
                edges.push((*to, reference));
            }
        }
        Self {
            names,
            positions,
            edges,
        }
    }

    fn edges(&self, from: usize) -> &[(usize, Reference<'a>)] {
        self.edges.get(from).map_or(&[], Vec::as_slice)
    }

    /// Returns the entries that are part of a cycle or of a path between two cycles. Repeatedly
    /// removes the entries without dependencies and the entries without dependents.
    fn candidates(&self) -> Vec<bool> {
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

    /// Returns the references of the shortest cycle through `start`.
    fn shortest_cycle(&self, start: usize, inside: &[bool]) -> Option<Vec<&Reference<'a>>> {
        let mut came_by: HashMap<usize, (usize, &Reference<'a>)> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(from) = queue.pop_front() {
            for (to, reference) in self.edges(from) {
                if *to == start {
                    let mut cycle = vec![reference];
                    let mut at = from;
                    while let Some((previous, reference)) = came_by.get(&at).filter(|_| at != start)
                    {
                        cycle.push(reference);
                        at = *previous;
                    }
                    cycle.reverse();
                    return Some(cycle);
                }
                if inside.get(*to) == Some(&true) && !came_by.contains_key(to) {
                    came_by.insert(*to, (from, reference));
                    queue.push_back(*to);
                }
            }
        }
        None
    }

    /// Returns the references of one cycle for each entry that is part of one, each entry at most once.
    fn cycles(&self) -> Vec<Vec<&Reference<'a>>> {
        let mut inside = self.candidates();
        let mut cycles = Vec::new();
        for start in 0..self.names.len() {
            if inside.get(start) != Some(&true) {
                continue;
            }
            if let Some(cycle) = self.shortest_cycle(start, &inside) {
                for reference in &cycle {
                    if let Some(at) = self.positions.get(reference.owner)
                        && let Some(inside) = inside.get_mut(*at)
                    {
                        *inside = false;
                    }
                }
                cycles.push(cycle);
            }
        }
        cycles
    }
}

/// Repeatedly removes the entries that have no neighbor on one side.
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
    if checks.transforms.rewrites() {
        // A macro may remove references.
        return;
    }
    let conditions = Graph::new(template, "Conditions", |reference| {
        reference.kind == ReferenceKind::Condition
    });
    for cycle in conditions.cycles() {
        report_conditions(checks, &cycle);
    }
    let transforms = &checks.transforms;
    let resources = Graph::new(template, "Resources", |reference| {
        let is_of_resource = !matches!(
            reference.kind,
            ReferenceKind::Condition | ReferenceKind::FindInMap
        );
        is_of_resource
            && !transforms.may_change(&reference.span)
            && stays_with_owner(template, reference)
    });
    for cycle in resources.cycles() {
        report(checks, &cycle);
    }
}

/// The properties of a serverless function that become properties of the function itself. Others, such
/// as events and policies, become resources of their own.
const OF_SERVERLESS_FUNCTION: [&str; 7] = [
    "CodeUri",
    "Environment",
    "FunctionName",
    "KmsKeyArn",
    "Layers",
    "Role",
    "VpcConfig",
];

/// Returns whether the resource still has the reference after the transform of AWS SAM.
fn stays_with_owner(template: &Template, reference: &Reference<'_>) -> bool {
    let Some(resource) = template.resource(reference.owner) else {
        return true;
    };
    let kind = resource.kind().unwrap_or_default();
    if !kind.starts_with(SERVERLESS_TYPE) || reference.kind == ReferenceKind::DependsOn {
        return true;
    }
    let properties = resource.properties();
    kind.ends_with("::Function")
        && OF_SERVERLESS_FUNCTION.iter().any(|name| {
            let property = properties.and_then(|it| it.get(name));
            property.is_some_and(|node| {
                node.span.start <= reference.span.start && reference.span.end <= node.span.end
            })
        })
}

fn report_conditions(checks: &mut Checks<'_>, cycle: &[&Reference<'_>]) {
    let Some((first, rest)) = cycle.split_first() else {
        return;
    };
    let mut names: Vec<String> = cycle
        .iter()
        .take(SHOWN)
        .map(|reference| format!("`{}`", reference.owner))
        .collect();
    if cycle.len() > SHOWN {
        names.push(format!("{} more", cycle.len() - SHOWN));
    }
    let text = match names.as_slice() {
        [name] => format!("the condition {name} depends on itself"),
        [names @ .., last] => format!(
            "the conditions {} and {last} depend on each other",
            names.join(", ")
        ),
        [] => return,
    };
    let mut found = checks.error("circular-condition", text, &first.span);
    for reference in rest.iter().take(SHOWN) {
        let label = format!("`{}` uses `{}`", reference.owner, reference.target);
        found = found.at(checks.place(&reference.span, label));
    }
    checks.push(found.help("remove one of these references"));
}

fn report(checks: &mut Checks<'_>, cycle: &[&Reference<'_>]) {
    let Some((first, rest)) = cycle.split_first() else {
        return;
    };
    let owners = cycle.iter().map(|reference| reference.owner.to_owned());
    let mut path: Vec<String> = owners.take(SHOWN).collect();
    if cycle.len() > SHOWN {
        path.push(format!("({} more)", cycle.len() - SHOWN));
    }
    path.push(first.owner.to_owned());
    let label = |reference: &Reference<'_>| {
        format!("`{}` depends on `{}`", reference.owner, reference.target)
    };
    let text = format!(
        "circular dependency between resources: {}",
        path.join(" → ")
    );
    let mut found = checks.error("circular-dependency", text, &first.span);
    let guards: Vec<_> = cycle
        .iter()
        .flat_map(|reference| guards(checks.template, reference))
        .collect();
    if !can_all_be(checks.template, &guards) {
        // Whatever the parameters are, one of the references is missing.
        found.severity = Severity::Warning;
    }
    if let Some(place) = found.places.first_mut() {
        place.label = label(first);
    }
    for reference in rest.iter().take(SHOWN) {
        found = found.at(checks.place(&reference.span, label(reference)));
    }
    if let Some(bucket) = cycle
        .iter()
        .find(|reference| notifies(checks.template, reference.owner))
    {
        found = found
            .help(format!(
                "`{}` notifies a function, and the function's permission or role refers to the bucket",
                bucket.owner
            ))
            .help(
                "set `BucketName` to `!Sub ${AWS::StackName}-${AWS::AccountId}`, write \
                 `!Sub arn:${AWS::Partition}:s3:::${AWS::StackName}-${AWS::AccountId}` instead of the \
                 reference, and let the bucket depend on the permission with `DependsOn`",
            );
    } else {
        found = found.help(
            "replace one of these references with a literal, or move it to a separate resource",
        );
    }
    checks.push(found);
}

/// Returns the results of conditions with which a resource has a reference: those of its own condition
/// and of each `Fn::If` around the reference.
fn guards<'a>(template: &'a Template, reference: &Reference<'_>) -> Vec<(&'a str, bool)> {
    let Some(resource) = template.resource(reference.owner) else {
        return Vec::new();
    };
    let mut guards = Vec::from_iter(resource.condition().map(|name| (name, true)));
    let contains = |node: &Node| {
        node.span.start <= reference.span.start && reference.span.end <= node.span.end
    };
    let mut node = Some(resource.entry.node);
    while let Some(inside) = node {
        if let Some(("Fn::If", member)) = inside.intrinsic()
            && let Some([condition, yes, no]) = member.node.as_list()
            && let Some(name) = condition.as_str()
        {
            if contains(yes) {
                guards.push((name, true));
            } else if contains(no) {
                guards.push((name, false));
            }
        }
        node = match &inside.value {
            Value::List(list) => list.iter().find(|node| contains(node)),
            Value::Map(map) => map
                .values()
                .map(|member| &member.node)
                .find(|node| contains(node)),
            _ => None,
        };
    }
    guards
}

fn notifies(template: &Template, id: &str) -> bool {
    template.resource(id).is_some_and(|resource| {
        resource.kind() == Some("AWS::S3::Bucket")
            && resource
                .properties()
                .is_some_and(|it| it.get("NotificationConfiguration").is_some())
    })
}
