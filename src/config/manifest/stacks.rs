//! The stacks of the manifest: the tables `[stacks.NAME]`, and `[environments.NAME.stacks.NAME]` for what
//! differs in an environment.
//!
//! Without `[stacks]`, the project is one stack and its keys stand at the top level.

use indexmap::IndexMap;

use super::node::{self, Entry, Node, Table, Value};
use super::{Scope, checks, read_layer};
use crate::config::origin::Origin;
use crate::diagnostic::Diagnostic;
use crate::util::suggest::nearest;

/// The most mistakes with a suggestion. A suggestion compares a name with each stack.
const MOST_SUGGESTIONS: usize = 20;

/// The stacks that were found in the manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stacks {
    /// Whether the manifest has the key, right or wrong.
    is_given: bool,
    /// The tables by the stacks' keys.
    pub(crate) tables: IndexMap<String, Table>,
    /// The places of the keys.
    pub(crate) keys: IndexMap<String, Origin>,
}

/// Takes the tables of stacks out of a layer and marks their values as theirs.
pub(super) fn take(layer: &mut Table, path: &[&str], found: &mut Vec<Diagnostic>) -> Stacks {
    let mut stacks = Stacks::default();
    let Some(entry) = layer.shift_remove("stacks") else {
        return stacks;
    };
    stacks.is_given = true;
    let spelled = |name: &str| [path, &["stacks", name]].concat().join(".");
    let Value::Table(tables) = entry.node.value else {
        let key = [path, &["stacks"]].concat().join(".");
        found.push(not_a_table(&key, &entry.node));
        return stacks;
    };
    if tables.is_empty() && path.is_empty() {
        let message = "`stacks` has no stack";
        let problem = Diagnostic::error("missing-key", message, entry.key.place(""));
        found.push(problem.help(
            "write a table `[stacks.NAME]` for each stack, or remove the key if the project is one stack",
        ));
    }
    for (name, Entry { key, node }) in tables {
        stacks.keys.insert(name.clone(), key.clone());
        if let Err(fault) = checks::stack_key(&name) {
            let message = format!("`{}` {}", spelled(&name), fault.message);
            let mut problem = Diagnostic::error(fault.rule, message, key.place(""));
            problem.help = fault.help;
            found.push(problem);
        }
        let Value::Table(mut table) = node.value else {
            found.push(not_a_table(&spelled(&name), &node));
            stacks.tables.insert(name, Table::new());
            continue;
        };
        node::rewrite_origins(&mut table, &|origin| {
            if let Origin::Manifest { stack, .. } = origin {
                *stack = Some(name.clone());
            }
        });
        let path = [path, &["stacks", &name]].concat();
        found.extend(read_layer(&table, Scope::Stack, &path).1);
        stacks.tables.insert(name, table);
    }
    stacks
}

fn not_a_table(key: &str, node: &Node) -> Diagnostic {
    Diagnostic::error(
        "wrong-type",
        format!("`{key}` must be a table, not {}", node.kind()),
        node.origin.place(""),
    )
    .help("write `[stacks.NAME]` and the stack's keys below it")
}

impl Stacks {
    /// Returns whether the project is one stack.
    pub(crate) fn is_one(&self) -> bool {
        !self.is_given
    }

    /// Returns what is wrong with the tables of stacks in the table of an environment: each is for a stack
    /// of the project and refers to such stacks.
    pub(super) fn check_environment(&self, environment: &str, own: &Self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (name, table) in &own.tables {
            found.extend(self.check_references(table));
            let is_unreadable = self.is_given && self.tables.is_empty();
            if self.tables.contains_key(name) || is_unreadable {
                continue;
            }
            let key = own.keys.get(name).unwrap_or(&Origin::Default);
            let message = format!(
                "`environments.{environment}.stacks.{name}` is for a stack that the project does not have"
            );
            let problem = Diagnostic::error("unknown-stack", message, key.place(""));
            let problem = self.suggest(problem, name, found.len());
            found.push(problem.help(format!(
                "each stack has a table `[stacks.{name}]`; an environment only changes its keys"
            )));
        }
        found
    }

    /// Returns what is wrong with the stacks that a layer refers to: `needs`, `from_stack` and the
    /// placeholder `{stack}`.
    pub(crate) fn check_references(&self, layer: &Table) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if self.is_given && self.tables.is_empty() {
            return found;
        }
        if let Some(Entry { node, .. }) = layer.get("stack_name")
            && self.is_one()
            && let Value::String(text) = &node.value
            && text.contains("{stack}")
        {
            let message = "`stack_name` has an unknown placeholder `{stack}`";
            let problem = Diagnostic::error("bad-stack-name", message, node.origin.place(""));
            found.push(problem.help("the placeholders are `{project}` and `{environment}`; `{stack}` is one in a project with `[stacks]`"));
        }
        for reference in references(layer) {
            let Reference {
                stack,
                origin,
                parameter,
            } = reference;
            if self.tables.contains_key(stack) || checks::stack_key(stack).is_err() {
                continue;
            }
            let what = match parameter {
                Some(name) => format!("`parameters.{name}` refers to"),
                None => "`needs` has".to_owned(),
            };
            let message = format!("{what} the stack `{stack}`, which the project does not have");
            let problem = Diagnostic::error("unknown-stack", message, origin.place(""));
            let problem = self.suggest(problem, stack, found.len());
            found.push(match parameter {
                Some(_) => problem.help("`from_stack` names a stack of this manifest by its key in `[stacks]`; a stack of another project is out of its reach"),
                None => problem.help("`needs` names stacks of this manifest by their keys in `[stacks]`"),
            });
        }
        found
    }

    fn suggest(&self, problem: Diagnostic, name: &str, index: usize) -> Diagnostic {
        if self.is_one() {
            return problem.help("the manifest has no `[stacks]`: it describes one stack");
        }
        let known = self.tables.keys().map(String::as_str);
        match nearest(name, known).filter(|_| index < MOST_SUGGESTIONS) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem,
        }
    }
}

/// One place at which a stack refers to another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference<'t> {
    /// The key of the other stack.
    pub(crate) stack: &'t str,
    /// The place of the key.
    pub(crate) origin: &'t Origin,
    /// The parameter whose value is an output of it; `None` for an item of `needs`.
    pub(crate) parameter: Option<&'t str>,
}

/// Returns the references of a layer, or of merged layers, to stacks: first those of `needs`.
pub(crate) fn references(layer: &Table) -> Vec<Reference<'_>> {
    let needs = match layer.get("needs").map(|entry| &entry.node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    let needs = needs.iter().map(|item| (item, None));
    let parameters = node::table(layer, "parameters").into_iter().flatten();
    let sources = parameters.filter_map(|(name, entry)| match &entry.node.value {
        Value::Table(source) => Some((&source.get("from_stack")?.node, Some(name.as_str()))),
        _ => None,
    });
    let nodes = needs.chain(sources);
    let references = nodes.filter_map(|(node, parameter)| match &node.value {
        Value::String(stack) => Some(Reference {
            stack,
            origin: &node.origin,
            parameter,
        }),
        _ => None,
    });
    references.collect()
}
