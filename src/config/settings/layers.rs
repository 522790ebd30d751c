//! The layers of one environment, merged for each stack of the project.
//!
//! Of two layers, the one wins that says less in general: what a stack says about itself holds unless the
//! environment speaks of that stack.

use super::overrides::{self, Given};
use crate::config::manifest::keys::{KEYS, Key, Kind, Only, STACK_NAME_OF_MANY};
use crate::config::manifest::node::{self, Entry, Node, Table, Value, table};
use crate::config::manifest::{LOCAL, Manifest, Scope, read_layer};
use crate::config::origin::Origin;
use crate::diagnostic::{Diagnostic, Place};

/// All layers of one stack.
#[derive(Debug)]
pub(super) struct Merged {
    /// The stack's key in `[stacks]`; `None` in a project of one stack.
    pub(super) stack: Option<String>,
    pub(super) table: Table,
}

/// Returns the merged layers of each stack of the project in an environment, in the order of the manifest.
/// What is wrong in variables and flags is added to `problems` and `warnings`.
pub(super) fn merge(
    manifest: &Manifest,
    environment: Option<&str>,
    given: &[Given],
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Merged> {
    let mut base = defaults(KEYS.iter().filter(|key| key.only != Some(Only::Stacks)));
    if environment == Some(LOCAL) {
        node::overlay(&mut base, &local_defaults());
    }
    if !manifest.stacks.is_one()
        && let Ok(name) = node::parse_value(STACK_NAME_OF_MANY, &Origin::Default, 0)
    {
        base.insert("stack_name".to_owned(), default_entry(name));
    }
    node::overlay(&mut base, &manifest.top);
    if let Some(table) = environment.and_then(|name| manifest.environments.get(name)) {
        node::overlay(&mut base, table);
    }
    if manifest.stacks.is_one() {
        overrides::check_stacks(given, &[], problems, warnings);
        let mut merged = Merged {
            stack: None,
            table: base,
        };
        merged.override_with(given, problems, warnings);
        return vec![merged];
    }
    let known = manifest.stacks();
    overrides::check_stacks(given, &known, problems, warnings);
    let of_environment = environment.and_then(|name| manifest.stacks_of.get(name));
    let mut all: Vec<Merged> = manifest
        .stacks
        .tables
        .iter()
        .map(|(name, own)| {
            let mut table = base.clone();
            node::overlay(&mut table, own);
            if let Some(own) = of_environment.and_then(|stacks| stacks.get(name)) {
                node::overlay(&mut table, own);
            }
            Merged {
                stack: Some(name.clone()),
                table,
            }
        })
        .collect();
    let stacks = all
        .iter()
        .map(|it| (it.stack.as_deref().unwrap_or_default(), &it.table));
    let given = overrides::divide(given, &stacks.collect::<Vec<_>>());
    for (merged, given) in all.iter_mut().zip(given) {
        merged.override_with(&given, problems, warnings);
        fill_in_defaults(&mut merged.table);
    }
    all
}

impl Merged {
    /// Overlays the layer of variables and flags.
    fn override_with(
        &mut self,
        given: &[Given],
        problems: &mut Vec<Diagnostic>,
        warnings: &mut Vec<Diagnostic>,
    ) {
        if given.is_empty() {
            return;
        }
        let (mut found, mut minor) = (Vec::new(), Vec::new());
        let layer = overrides::layer(given, &self.table, &mut found, &mut minor);
        found.extend(read_layer(&layer.of_all, Scope::Override, &[]).1);
        if let Some(stack) = &self.stack {
            let path = ["stacks", stack];
            found.extend(read_layer(&layer.of_stack, Scope::StackOverride, &path).1);
        }
        add_new(problems, found);
        add_new(warnings, minor);
        node::overlay(&mut self.table, &layer.merged);
    }

    /// Returns the value of a key if it is text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.table.get(key)?.node.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Puts the defaults below the tables that only a stack has. A stack without such a table does not get it.
fn fill_in_defaults(merged: &mut Table) {
    for key in KEYS.iter().filter(|key| key.only == Some(Only::Stacks)) {
        let Kind::Table(keys) = key.kind else {
            continue;
        };
        if let Some(given) = table(merged, key.name) {
            let mut whole = defaults(keys.iter());
            node::overlay(&mut whole, given);
            if let Some(Entry { node, .. }) = merged.get_mut(key.name) {
                node.value = Value::Table(whole);
            }
        }
    }
}

/// Returns the weakest layer: the defaults of the table of keys.
pub(super) fn defaults(keys: impl IntoIterator<Item = &'static Key>) -> Table {
    let mut table = Table::new();
    for key in keys {
        let node = match (&key.kind, key.default) {
            (Kind::Table(inner), _) => Node {
                value: Value::Table(defaults(*inner)),
                origin: Origin::Default,
            },
            (_, default) => {
                let default = default.map(|toml| node::parse_value(toml, &Origin::Default, 0));
                let Some(Ok(node)) = default else { continue };
                node
            }
        };
        if !matches!(&node.value, Value::Table(inner) if inner.is_empty()) {
            let entry = Entry {
                key: Origin::Default,
                node,
            };
            table.insert(key.name.to_owned(), entry);
        }
    }
    table
}

/// Adds what was found, unless it was found at the same place before: in its own layer, or for another
/// stack.
pub(super) fn add_new(problems: &mut Vec<Diagnostic>, found: Vec<Diagnostic>) {
    for problem in found {
        let is_known = |other: &Diagnostic| {
            other.rule == problem.rule && same_place(other.places.first(), problem.places.first())
        };
        if !problems.iter().any(is_known) {
            problems.push(problem);
        }
    }
}

/// Adds what was found, unless the same was found for another stack.
pub(super) fn add_other(
    problems: &mut Vec<Diagnostic>,
    found: impl IntoIterator<Item = Diagnostic>,
) {
    for problem in found {
        let is_known = |other: &Diagnostic| {
            other.message == problem.message
                && same_place(other.places.first(), problem.places.first())
        };
        if !problems.iter().any(is_known) {
            problems.push(problem);
        }
    }
}

fn same_place(one: Option<&Place>, other: Option<&Place>) -> bool {
    matches!((one, other), (Some(one), Some(other))
        if one.span == other.span && one.source == other.source)
}

/// Returns the layer of the environment `local`, which needs no table.
fn local_defaults() -> Table {
    let entry = default_entry(Node {
        value: Value::Boolean(true),
        origin: Origin::Default,
    });
    Table::from([("emulator".to_owned(), entry)])
}

fn default_entry(node: Node) -> Entry {
    Entry {
        key: Origin::Default,
        node,
    }
}
