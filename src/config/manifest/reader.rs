//! Checks every value of a layer by the table of keys.
//!
//! The reader does not stop at an error: it reports a wrong value, leaves it out and continues.
//! What it returns holds only checked values, each in one form: a list of networks is a list even if
//! one network was written, and a parameter is text.

use std::ops::RangeInclusive;

use super::checks::{self, Checked, Fault};
use super::keys::{COMPLETING, KEYS, Key, Kind, Names, Only, SOURCES, names};
use super::node::{Entry, Node, Table, Value};
use crate::config::origin::Origin;
use crate::diagnostic::Diagnostic;
use crate::util::suggest::{nearest, quoted};

/// CloudFormation quotas: bytes of a parameter's value.
pub(crate) const PARAMETER_BYTES: usize = 4096;

/// The place of a layer. Some keys are limited to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The manifest's top level.
    Top,
    /// An `[environments.NAME]` table.
    Environment,
    /// A table of a stack: `[stacks.NAME]` or `[environments.NAME.stacks.NAME]`.
    Stack,
    /// Variables and flags.
    Override,
    /// Variables and flags that set keys of one stack.
    StackOverride,
    /// All layers together.
    Merged,
}

impl Scope {
    /// Returns whether the layer may contain a key.
    pub(crate) fn admits(self, key: &Key) -> bool {
        match key.only {
            None => true,
            Some(Only::TopLevel) => self != Self::Environment && !self.is_of_a_stack(),
            Some(Only::Environments) => matches!(self, Self::Environment | Self::Merged),
            Some(Only::Stacks) => self.is_of_a_stack() || self == Self::Merged,
            Some(Only::Project) => !self.is_of_a_stack(),
        }
    }

    /// Returns whether the layer says something about one stack alone.
    fn is_of_a_stack(self) -> bool {
        matches!(self, Self::Stack | Self::StackOverride)
    }

    /// Returns whether variables or flags make the layer.
    pub(super) fn is_override(self) -> bool {
        matches!(self, Self::Override | Self::StackOverride)
    }
}

/// Returns a key of a source that is there without the one that completes it.
fn incomplete(table: &Table) -> Option<(&'static str, &'static str)> {
    COMPLETING.into_iter().find_map(|(key, other)| {
        match (table.contains_key(key), table.contains_key(other)) {
            (true, false) => Some((key, other)),
            (false, true) => Some((other, key)),
            _ => None,
        }
    })
}

/// Returns the number of sources, where the keys that only complete one count for nothing.
fn source_count(source: &toml::Table) -> usize {
    let completes = |key: &String| COMPLETING.iter().any(|(_, other)| other == key);
    source.keys().filter(|key| !completes(key)).count()
}

/// The errors so far, and the path of the current value.
pub(super) struct Reader {
    found: Vec<Diagnostic>,
    path: Vec<String>,
    scope: Scope,
}

impl Reader {
    /// Returns a reader of a layer. `path` is the path of the table that contains the layer.
    pub(super) fn new(scope: Scope, path: &[&str]) -> Self {
        Self {
            found: Vec::new(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            scope,
        }
    }

    /// Returns all errors.
    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// Returns the correct values of a table, and reports everything else in it.
    pub(super) fn keys(&mut self, table: &Table, keys: &'static [Key]) -> toml::Table {
        let mut values = toml::Table::new();
        for key in keys {
            let Some(entry) = table.get(key.name) else {
                continue;
            };
            self.within(key.name, |reader| {
                reader.check_key(key, &entry.key);
                if let Some(value) = reader.value(&entry.node, &key.kind) {
                    values.insert(key.name.to_owned(), value);
                }
            });
        }
        self.report_unknown(table, keys);
        values
    }

    /// Reports a key that the layer may not contain.
    fn check_key(&mut self, key: &Key, origin: &Origin) {
        if !self.scope.admits(key) {
            let name = key.name;
            let remedy = match key.only {
                Some(Only::Environments) => {
                    format!("`{name}` belongs in an `[environments.NAME]` table of the manifest")
                }
                Some(Only::Stacks) => {
                    format!("`{name}` belongs in a `[stacks.NAME]` table of the manifest")
                }
                _ if self.scope.is_of_a_stack() => {
                    format!("`{name}` belongs at the top level: it is the same for every stack")
                }
                _ => format!(
                    "`{name}` belongs at the top level: it is the same for every environment"
                ),
            };
            let fault = Fault::new("misplaced-key", "has no meaning here");
            self.fault(fault.help(remedy), origin);
        }
    }

    /// Returns the value if it is correct.
    fn value(&mut self, node: &Node, kind: &'static Kind) -> Option<toml::Value> {
        match kind {
            Kind::Text(check, _) => self.text(node, check).map(|()| node.to_toml()),
            Kind::List(check, limit) => self.list(node, *check, *limit),
            Kind::Flag => self.flag(node),
            Kind::Integer(range) => self.integer(node, range),
            Kind::Amount => self.amount(node),
            Kind::Duration => self.duration(node),
            Kind::Severity => self.text(node, checks::severity).map(|_| node.to_toml()),
            Kind::Networks => self.networks(node),
            Kind::Parameter => self.parameter(node),
            Kind::Any => Some(node.to_toml()),
            Kind::Table(keys) => {
                let table = self.table(node)?;
                Some(toml::Value::Table(self.keys(table, keys)))
            }
            Kind::Map(names) => self.map(node, names),
        }
    }

    fn text<T>(&mut self, node: &Node, check: impl Fn(&str) -> Checked<T>) -> Option<T> {
        let Value::String(text) = &node.value else {
            self.wrong_type(node, "a string");
            return None;
        };
        check(text)
            .map_err(|fault| self.fault(fault, &node.origin))
            .ok()
    }

    fn amount(&mut self, node: &Node) -> Option<toml::Value> {
        let text = match &node.value {
            Value::Integer(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => {
                self.wrong_type(node, "a number or a percentage");
                return None;
            }
        };
        checks::amount(&text)
            .map_err(|fault| self.fault(fault, &node.origin))
            .ok()
            .map(|_| toml::Value::String(text))
    }

    fn duration(&mut self, node: &Node) -> Option<toml::Value> {
        if let Value::Integer(number) = node.value {
            let message = "must be a string with a unit, not an integer";
            let help = format!("for seconds, write `\"{number}s\"`");
            self.fault(Fault::new("wrong-type", message).help(help), &node.origin);
            return None;
        }
        self.text(node, checks::duration).map(|_| node.to_toml())
    }

    /// Reads a list of texts. Every wrong item is reported.
    fn list(
        &mut self,
        node: &Node,
        check: impl Fn(&str) -> Checked<()>,
        limit: usize,
    ) -> Option<toml::Value> {
        let Value::List(items) = &node.value else {
            self.wrong_type(node, "a list");
            return None;
        };
        self.limit(node, items.len(), limit, "items");
        let before = self.found.len();
        for item in items {
            self.text(item, &check);
        }
        (self.found.len() == before).then(|| node.to_toml())
    }

    fn flag(&mut self, node: &Node) -> Option<toml::Value> {
        if let Value::Boolean(_) = node.value {
            return Some(node.to_toml());
        }
        self.wrong_type(node, "a boolean");
        None
    }

    fn integer(&mut self, node: &Node, allowed: &RangeInclusive<u32>) -> Option<toml::Value> {
        let Value::Integer(number) = node.value else {
            self.wrong_type(node, "an integer");
            return None;
        };
        checks::integer(number, allowed)
            .map_err(|fault| self.fault(fault, &node.origin))
            .ok()
            .map(|_| node.to_toml())
    }

    fn networks(&mut self, node: &Node) -> Option<toml::Value> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            Value::String(_) => std::slice::from_ref(node),
            _ => {
                self.wrong_type(node, "a CIDR or a list of them");
                return None;
            }
        };
        let mut networks = Vec::new();
        let before = self.found.len();
        for item in items {
            let Some(network) = self.text(item, checks::cidr) else {
                continue;
            };
            if networks.contains(&network) {
                let fault = Fault::new("duplicate-cidr", "names this network twice");
                self.fault(
                    fault.help("a security group takes each rule once"),
                    &item.origin,
                );
            }
            networks.push(network);
        }
        let texts = networks.iter().map(|it| it.to_string().into()).collect();
        (self.found.len() == before).then_some(toml::Value::Array(texts))
    }

    /// Reads a parameter: its text, or the table that says where its value is.
    fn parameter(&mut self, node: &Node) -> Option<toml::Value> {
        let value = match &node.value {
            Value::Table(table) => return self.source(table, node).map(toml::Value::Table),
            Value::List(items) => self.comma_list(items),
            _ => node.scalar()?,
        };
        if value.len() > PARAMETER_BYTES {
            self.fault(
                Fault::new("out-of-range", format!("has {} bytes", value.len())).help(format!(
                    "CloudFormation takes {PARAMETER_BYTES} bytes a parameter"
                )),
                &node.origin,
            );
        }
        Some(toml::Value::String(value))
    }

    /// Reads the table that says where the value of a parameter is.
    fn source(&mut self, table: &Table, node: &Node) -> Option<toml::Table> {
        let source = self.keys(table, SOURCES);
        let fault = if table.is_empty() {
            Fault::new("missing-key", "does not say where its value is").help(
                "write `{ from_env = \"VARIABLE\" }`, `{ from_ssm = \"/app/image\" }`, \
                 `{ from_secret = \"name#key\" }`, `{ from_stack = \"network\", output = \"VpcId\" }`, or \
                 `{ use_previous = true }` for the value in the \
                 deployed stack",
            )
        } else if let Some((key, other)) = incomplete(table) {
            Fault::new("missing-key", format!("has `{key}` without `{other}`"))
                .help("write `{ from_stack = \"STACK\", output = \"NAME\" }`")
        } else if source_count(&source) > 1 {
            Fault::new("bad-parameter", "has two sources").help("write only one of the keys")
        } else if source.get("use_previous") == Some(&toml::Value::Boolean(false)) {
            Fault::new(
                "bad-parameter",
                "has `use_previous = false`, which gives it no value",
            )
            .help("write the value, or remove the line: then the template's default is sent")
        } else {
            return (!source.is_empty()).then_some(source);
        };
        self.fault(fault, &node.origin);
        None
    }

    fn comma_list(&mut self, items: &[Node]) -> String {
        let mut texts = Vec::new();
        for item in items {
            match item.scalar() {
                Some(text) if text.contains(',') => self.fault(
                    Fault::new(
                        "bad-parameter",
                        "has an item with a comma, which would split it",
                    )
                    .help("CloudFormation joins and splits lists at commas"),
                    &item.origin,
                ),
                Some(text) => texts.push(text),
                None => self.wrong_type(item, "a list of plain values"),
            }
        }
        texts.join(",")
    }

    fn table<'n>(&mut self, node: &'n Node) -> Option<&'n Table> {
        if let Value::Table(table) = &node.value {
            return Some(table);
        }
        self.wrong_type(node, "a table");
        None
    }

    fn map(&mut self, node: &Node, names: &'static Names) -> Option<toml::Value> {
        let table = self.table(node)?;
        if let Some(key) = self.path.last().cloned() {
            self.limit(node, table.len(), names.limit, &key);
        }
        let mut values = toml::Table::new();
        for (name, entry) in table {
            self.within(name, |reader| {
                if let Err(fault) = (names.name)(name) {
                    reader.fault(fault, &entry.key);
                }
                if let Some(value) = reader.value(&entry.node, &names.value) {
                    values.insert(name.clone(), value);
                }
            });
        }
        Some(toml::Value::Table(values))
    }

    fn limit(&mut self, node: &Node, length: usize, limit: usize, what: &str) {
        if length > limit {
            self.fault(
                Fault::new("out-of-range", format!("has {length} {what}"))
                    .help(format!("at most {limit} are possible")),
                &node.origin,
            );
        }
    }

    /// Reports the keys that do not exist.
    fn report_unknown(&mut self, table: &Table, keys: &'static [Key]) {
        let is_layer = names(keys).eq(names(KEYS));
        let scope = self.scope;
        let mut known: Vec<&str> = keys
            .iter()
            .filter(|key| scope.admits(key))
            .map(|key| key.name)
            .collect();
        match scope {
            Scope::Top if is_layer => known.extend(["stacks", "environments"]),
            Scope::Environment if is_layer => known.push("stacks"),
            _ => {}
        }
        for (name, entry) in table {
            if names(keys).any(|key| key == name) || known.contains(&name.as_str()) {
                continue;
            }
            let message = match self.path.join(".") {
                place if place.is_empty() => format!("unknown key `{name}`"),
                place => format!("unknown key `{name}` in `{place}`"),
            };
            let mut problem = Diagnostic::error("unknown-key", message, entry.key.place(""));
            problem = if let Some(meant) = self.misplaced_table(name, entry) {
                problem.help(format!("did you mean `[{meant}]`?"))
            } else if let Some(meant) = nearest(name, known.iter().copied()) {
                problem.help(format!("did you mean `{meant}`?"))
            } else if !is_layer && names(KEYS).any(|key| key == name) {
                problem.help(format!(
                    "`{name}` is a key of the top level: write it above the first `[table]`"
                ))
            } else {
                problem.help(format!(
                    "the keys here are {}",
                    quoted(known.iter().copied())
                ))
            };
            if is_layer && !matches!(name.as_str(), "stacks" | "environments") {
                problem = problem.help("values of your own for the template go into `[vars]`");
            }
            self.push(problem);
        }
    }

    /// Returns the table that was probably meant by a table of this name: `[stack.NAME]` for
    /// `[stacks.NAME]`, or an environment in a stack for a stack in an environment.
    fn misplaced_table(&self, name: &str, entry: &Entry) -> Option<String> {
        let Value::Table(table) = &entry.node.value else {
            return None;
        };
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["stack"] => Some(format!("stacks.{name}")),
            ["environments", environment, "stack"] => {
                Some(format!("environments.{environment}.stacks.{name}"))
            }
            ["stacks", stack] if name == "environments" => {
                let environment = table.keys().next()?;
                Some(format!("environments.{environment}.stacks.{stack}"))
            }
            _ => None,
        }
    }

    fn wrong_type(&mut self, node: &Node, expected: &str) {
        let fault = Fault::new(
            "wrong-type",
            format!("must be {expected}, not {}", node.kind()),
        );
        let help = match (&node.value, node.scalar(), expected) {
            (Value::String(text), _, "a boolean" | "an integer")
                if text.parse::<bool>().is_ok() || text.parse::<i64>().is_ok() =>
            {
                Some(format!("write it without quotes: `{text}`"))
            }
            (_, _, "a boolean") => Some("write `true` or `false`".to_owned()),
            (_, Some(text), "a string") => Some(format!("write it in quotes: `\"{text}\"`")),
            (_, Some(text), "a list") => Some(format!("write it in brackets: `[\"{text}\"]`")),
            (Value::Table(table), _, _) if self.path == ["environment"] => table
                .keys()
                .next()
                .map(|name| format!("did you mean `[environments.{name}]`?")),
            _ => None,
        };
        let fault = match help {
            Some(help) => fault.help(help),
            None => fault,
        };
        self.fault(fault, &node.origin);
    }

    pub(super) fn push(&mut self, problem: Diagnostic) {
        self.found.push(problem);
    }

    fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let result = read(self);
        self.path.pop();
        result
    }

    fn fault(&mut self, fault: Fault, origin: &Origin) {
        let mut problem = Diagnostic::error(
            fault.rule,
            format!("`{}` {}", self.path.join("."), fault.message),
            origin.place(""),
        );
        problem.help = fault.help;
        self.push(problem);
    }
}
