//! The rules that involve several stacks of a project: names, references and circles.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::layers::{Merged, add_new};
use super::stack_graph::{Circle, StackGraph};
use crate::config::manifest::node::Table;
use crate::config::manifest::{Manifest, references};
use crate::config::origin::Origin;
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::util::suggest::{join_first, nearest, quoted};

/// The most places that an error about a circle shows.
const MOST_PLACES: usize = 8;

/// The most stacks that a message names.
const MOST_NAMES: usize = 20;

/// The key of a stack that makes it a stack set.
const STACK_SET: &str = "stack_set";

/// Reports what is wrong with the stacks of one environment together, and returns them in the order of the
/// graph.
pub(super) fn check<'m>(
    manifest: &Manifest,
    merged: &'m [Merged],
    problems: &mut Vec<Diagnostic>,
) -> Vec<&'m Merged> {
    if !manifest.is_partial() {
        for stack in merged {
            let mut found = manifest.stacks.check_references(&stack.table);
            // The references of the manifest were checked where it was read.
            found.retain(|problem| {
                let place = problem.places.first();
                place.is_none_or(|place| !Arc::ptr_eq(&place.source, &manifest.source))
            });
            add_new(problems, found);
        }
        problems.extend(shared_names(merged));
    }
    let by_name: HashMap<&str, &Merged> = merged.iter().map(|it| (key(it), it)).collect();
    for stack in merged {
        add_new(problems, outputs_of_sets(stack, &by_name));
    }
    let edges = merged.iter().map(|it| {
        let references = references(&it.table).into_iter();
        (key(it), references.map(|reference| reference.stack))
    });
    match StackGraph::new(edges) {
        Ok(graph) => graph
            .order()
            .filter_map(|name| by_name.get(name).copied())
            .collect(),
        Err(circle) => {
            problems.push(circular(&circle, &by_name));
            merged.iter().collect()
        }
    }
}

fn key(merged: &Merged) -> &str {
    merged.stack.as_deref().unwrap_or_default()
}

/// Returns an error for each parameter of a stack that reads an output of a stack set, which has none.
fn outputs_of_sets(stack: &Merged, by_name: &HashMap<&str, &Merged>) -> Vec<Diagnostic> {
    let references = references(&stack.table).into_iter();
    let of_sets = references.filter_map(|reference| {
        let read = by_name.get(reference.stack)?;
        let is_set = read.table.contains_key(STACK_SET);
        Some((reference.parameter.filter(|_| is_set)?, reference))
    });
    let problems = of_sets.map(|(parameter, reference)| {
        let read = reference.stack;
        let message = format!(
            "`parameters.{parameter}` reads an output of `{read}`, which is a stack set and has none"
        );
        Diagnostic::error("stack-set-output", message, reference.origin.place(""))
            .help("the stack of each target has outputs of its own: write the value instead")
            .help(format!("`needs = [\"{read}\"]` deploys the stack after the stack set"))
    });
    problems.collect()
}

/// Returns the keys of the stacks that come before one, each once.
pub(super) fn needs(merged: &Table) -> Vec<String> {
    let mut needs: Vec<String> = Vec::new();
    for reference in references(merged) {
        if !needs.iter().any(|it| it == reference.stack) {
            needs.push(reference.stack.to_owned());
        }
    }
    needs
}

/// Returns a stack's name with its placeholders replaced.
pub(super) fn name(written: &str, project: &str, environment: &str, stack: Option<&str>) -> String {
    let name = written
        .replace("{project}", project)
        .replace("{environment}", environment);
    match stack {
        Some(stack) => name.replace("{stack}", stack),
        None => name,
    }
}

/// Returns the error for a stack that the project does not have.
pub(super) fn unknown(stacks: &[&str], name: &str) -> Diagnostic {
    let source = SourceFile::new("--stack", name);
    let place = Place {
        span: 0..source.text.len(),
        source,
        label: String::new(),
    };
    if stacks.is_empty() {
        let message =
            format!("there is no stack `{name}` to choose: the manifest has no `[stacks]`");
        return Diagnostic::error("unknown-stack", message, place)
            .help("the project is one stack: leave `--stack` out");
    }
    let message = format!("the project has no stack `{name}`");
    let problem = Diagnostic::error("unknown-stack", message, place);
    let problem = match nearest(name, stacks.iter().copied()) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    };
    let names = stacks.iter().map(|name| format!("`{name}`"));
    problem.help(format!("the stacks are {}", join_first(names, MOST_NAMES)))
}

/// Returns the error of a circle, with the places at which one stack names the next.
fn circular(circle: &Circle, stacks: &HashMap<&str, &Merged>) -> Diagnostic {
    let Circle(members) = circle;
    let next = members.iter().cycle().skip(1);
    let mut edges = members.iter().zip(next).filter_map(|(stack, needed)| {
        let merged = stacks.get(stack.as_str())?;
        let mut references = references(&merged.table).into_iter();
        let reference = references.find(|it| it.stack == needed)?;
        Some(
            reference
                .origin
                .place(format!("`{stack}` needs `{needed}`")),
        )
    });
    let first = edges.next().unwrap_or_else(|| Origin::Default.place(""));
    let message = match members.as_slice() {
        [only] => format!("the stack `{only}` needs itself"),
        [first, ..] => {
            let names = members
                .iter()
                .chain([first])
                .map(|name| format!("`{name}`"));
            let names: Vec<String> = names.collect();
            let (shown, more) = names.split_at(names.len().min(MOST_NAMES));
            let more = match more.len() {
                0 => String::new(),
                count => format!(" and {count} more"),
            };
            format!(
                "the stacks need one another in a circle: {}{more}",
                shown.join(" → ")
            )
        }
        [] => "the stacks need one another in a circle".to_owned(),
    };
    let problem = Diagnostic::error("circular-stacks", message, first);
    let problem = edges
        .take(MOST_PLACES.saturating_sub(1))
        .fold(problem, Diagnostic::at);
    problem.help("a stack is deployed after those that it needs: remove one of these lines")
}

/// Returns an error for each name that several stacks have in the same account and region.
fn shared_names(merged: &[Merged]) -> Vec<Diagnostic> {
    let mut by_place: IndexMap<_, Vec<&Merged>> = IndexMap::new();
    for stack in merged.iter().filter(|it| it.stack.is_some()) {
        let text = |key| stack.text(key);
        let (Some(written), Some(project), Some(environment)) =
            (text("stack_name"), text("project"), text("environment"))
        else {
            continue;
        };
        let name = name(written, project, environment, stack.stack.as_deref());
        let is_set = stack.table.contains_key(STACK_SET);
        let place = (
            name,
            text("account"),
            text("region"),
            text("profile"),
            is_set,
        );
        by_place.entry(place).or_default().push(stack);
    }
    let shared = by_place.values().filter(|stacks| stacks.len() > 1);
    shared.map(|stacks| shared_name(stacks)).collect()
}

fn shared_name(stacks: &[&Merged]) -> Diagnostic {
    let origins = stacks.iter().filter_map(|stack| {
        let written = stack.table.get("stack_name")?;
        Some((*stack, &written.node.origin))
    });
    let origins: Vec<_> = origins.collect();
    let names = quoted(stacks.iter().take(MOST_NAMES).map(|it| key(it)));
    let written = stacks.first().and_then(|it| it.text("stack_name"));
    let message = format!(
        "the stacks {names} have the same name, `{}`, in the same account and region",
        written.unwrap_or_default()
    );
    let first = origins.first().map(|(_, origin)| *origin);
    let first = first.unwrap_or(&Origin::Default);
    let is_one_line = origins.iter().all(|(_, origin)| *origin == first);
    let problem = Diagnostic::error("shared-stack-name", message, first.place(""));
    if is_one_line {
        return problem.help("write `{stack}` in the name: it is replaced by the stack's key");
    }
    let others = origins.iter().skip(1).take(MOST_PLACES);
    let places =
        others.map(|(stack, origin)| origin.place(format!("the name of `{}`", key(stack))));
    places
        .fold(problem, Diagnostic::at)
        .help("give each stack a name of its own, or leave `stack_name` out")
}

#[cfg(test)]
mod tests;
