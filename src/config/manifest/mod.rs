//! The manifest: text → layers of values, each with its place.
//!
//! [`parse`] reads as much as can be understood and keeps going: a manifest with eight mistakes
//! gives eight diagnostics. What it returns is not yet settings: [`settings`](crate::config::settings)
//! overlays the layers, adds variables and flags, and only then knows what is missing.
//! The module `keys` is the table of all keys, with their types, defaults and descriptions.

pub(crate) mod checks;
pub(crate) mod keys;
mod layer;
pub(crate) mod node;
mod reader;
mod schema;
mod stacks;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::config::origin::Origin;
use crate::diagnostic::{Diagnostic, SourceFile};
pub(crate) use layer::read_layer;
use node::{Entry, Node, SYNTAX, Table, Value};
pub(crate) use reader::{PARAMETER_BYTES, Scope};
#[cfg(test)]
pub(crate) use schema::layer as layer_schema;
pub use schema::schema;
pub(crate) use stacks::{Stacks, references};

/// The default environment of a manifest that names none. The table of keys has the same default.
const DEFAULT_ENVIRONMENT: &str = "dev";

/// The environment that exists without a table: the embedded emulator.
pub(crate) const LOCAL: &str = "local";

/// A manifest that was read, mistakes and all.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub(crate) source: Arc<SourceFile>,
    pub(crate) top: Table,
    /// The tables of stacks; none if the project is one stack.
    pub(crate) stacks: Stacks,
    pub(crate) environments: IndexMap<String, Table>,
    /// By environment: the tables of stacks in its table.
    pub(crate) stacks_of: IndexMap<String, IndexMap<String, Table>>,
    diagnostics: Vec<Diagnostic>,
}

impl Manifest {
    /// Returns everything that is wrong with the manifest by itself, in the order of the text.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns the environments that may be chosen: the default one first, then those with a table,
    /// then the built-in `local`.
    pub fn environments(&self) -> Vec<&str> {
        let default = self
            .top
            .get("environment")
            .and_then(|entry| match &entry.node.value {
                Value::String(name) => Some(name.as_str()),
                _ => None,
            });
        let mut names = vec![default.unwrap_or(DEFAULT_ENVIRONMENT)];
        for name in self.environments.keys().map(String::as_str).chain([LOCAL]) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the environments that are chosen if all are: the default one and those with a table. The
    /// built-in `local` is one only if the manifest mentions it.
    pub(crate) fn declared_environments(&self) -> Vec<&str> {
        let mut names = self.environments();
        let default = names.first().copied();
        names.retain(|name| Some(*name) == default || self.environments.contains_key(*name));
        names
    }

    /// Returns the keys of `[stacks]` in the order of the text; none if the project is one stack.
    pub fn stacks(&self) -> Vec<&str> {
        self.stacks.tables.keys().map(String::as_str).collect()
    }

    /// Returns the names that the layers have in the table at a path, such as `vars` or `stacks.app.vars`. A name
    /// may be in several layers.
    pub(crate) fn names_at(&self, path: &[&str]) -> Vec<&str> {
        let nodes = self.nodes_at(path).into_iter();
        let names = nodes.filter_map(Node::as_table).flat_map(Table::keys);
        names.map(String::as_str).collect()
    }

    /// Returns the texts that the layers have for the key at a path.
    pub(crate) fn texts_at(&self, path: &[&str]) -> Vec<&str> {
        let nodes = self.nodes_at(path).into_iter();
        let texts = nodes.filter_map(|node| match &node.value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Returns the values at a path: in the environments, at the top level, and of the stacks; only of one
    /// stack if the path begins with it.
    fn nodes_at(&self, path: &[&str]) -> Vec<&Node> {
        let (stack, path) = match path {
            ["stacks", name, rest @ ..] => (Some(*name), rest),
            path => (None, path),
        };
        let of_stacks = self.stacks_of.values().chain([&self.stacks.tables]);
        let of_stacks = of_stacks.flatten().filter_map(|(name, table)| {
            let is_chosen = stack.is_none_or(|stack| stack == name);
            is_chosen.then_some(table)
        });
        let layers = self.environments.values().chain([&self.top]);
        let nodes = layers.chain(of_stacks).filter_map(|layer| {
            let (first, rest) = path.split_first()?;
            let node = &layer.get(*first)?.node;
            let mut rest = rest.iter();
            rest.try_fold(node, |node, step| Some(&node.as_table()?.get(*step)?.node))
        });
        nodes.collect()
    }

    /// Returns whether the text has syntax errors, so that a key that is not there may only have
    /// gone unread.
    pub(crate) fn is_partial(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|problem| problem.rule == SYNTAX)
    }
}

/// Reads a manifest. Everything wrong with it is in [`Manifest::diagnostics`].
pub fn parse(source: &Arc<SourceFile>) -> Manifest {
    let (mut top, mut diagnostics) = node::parse_document(source);
    let mut environments = take_environments(&mut top, &mut diagnostics);
    let stacks = stacks::take(&mut top, &[], &mut diagnostics);
    diagnostics.extend(read_layer(&top, Scope::Top, &[]).1);
    diagnostics.extend(stacks.check_references(&top));
    for table in stacks.tables.values() {
        diagnostics.extend(stacks.check_references(table));
    }
    let mut stacks_of = IndexMap::new();
    for (name, table) in &mut environments {
        let path = ["environments", name];
        let own = stacks::take(table, &path, &mut diagnostics);
        diagnostics.extend(stacks.check_environment(name, &own));
        diagnostics.extend(read_layer(table, Scope::Environment, &path).1);
        diagnostics.extend(stacks.check_references(table));
        stacks_of.insert(name.clone(), own.tables);
    }
    drop_echoes(source, &mut diagnostics);
    diagnostics.sort_by_key(|problem| problem.places.first().map(|place| place.span.start));
    Manifest {
        source: Arc::clone(source),
        top,
        stacks,
        environments,
        stacks_of,
        diagnostics,
    }
}

/// Drops what else was found on a line with a syntax error: there the parser's guess was read.
fn drop_echoes(source: &SourceFile, diagnostics: &mut Vec<Diagnostic>) {
    let line = |problem: &Diagnostic| {
        let start = problem.places.first().map_or(0, |place| place.span.start);
        source.position(start).0
    };
    let broken: Vec<usize> = diagnostics
        .iter()
        .filter(|problem| problem.rule == SYNTAX)
        .map(line)
        .collect();
    if broken.is_empty() {
        return;
    }
    diagnostics.retain(|problem| problem.rule == SYNTAX || !broken.contains(&line(problem)));
}

/// Takes the `[environments.NAME]` tables out of the top level and marks their values as theirs.
fn take_environments(
    top: &mut Table,
    diagnostics: &mut Vec<Diagnostic>,
) -> IndexMap<String, Table> {
    let mut environments = IndexMap::new();
    let Some(entry) = top.shift_remove("environments") else {
        return environments;
    };
    let Value::Table(tables) = entry.node.value else {
        diagnostics.push(not_a_table("environments", &entry.node));
        return environments;
    };
    for (name, Entry { key, node }) in tables {
        if let Err(fault) = checks::environment(&name) {
            let mut problem = Diagnostic::error(
                fault.rule,
                format!("`environments.{name}` {}", fault.message),
                key.place(""),
            );
            problem.help = fault.help;
            diagnostics.push(problem);
        }
        let Value::Table(mut table) = node.value else {
            diagnostics.push(not_a_table(&format!("environments.{name}"), &node));
            continue;
        };
        node::rewrite_origins(&mut table, &|origin| {
            if let Origin::Manifest { environment, .. } = origin {
                *environment = Some(name.clone());
            }
        });
        environments.insert(name, table);
    }
    environments
}

fn not_a_table(key: &str, node: &Node) -> Diagnostic {
    Diagnostic::error(
        "wrong-type",
        format!("`{key}` must be a table, not {}", node.kind()),
        node.origin.place(""),
    )
    .help("write `[environments.NAME]` and the environment's keys below it")
}
