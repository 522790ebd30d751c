//! Variables and flags as one more layer over the manifest.
//!
//! Both bring plain text. What it becomes is decided by the manifest's table of keys, so that
//! `STACKCTL_ACCOUNT=012345678901` stays text and `STACKCTL_STACK__TIMEOUT_MINUTES=30` becomes a
//! number; a free value under `vars` takes the type of the value that it overrides. The result goes
//! through the same walk as the manifest, and an error points into the variable or the flag.

mod of_stacks;
mod value;

use crate::config::ambient::Ambient;
use crate::config::manifest::keys::{self, Kind};
use crate::config::manifest::node::{self, Entry, Node, Table, Value};
use crate::config::origin::Origin;
use crate::diagnostic::{Diagnostic, Severity, SourceFile};
use crate::util::suggest::{nearest, quoted};
pub(super) use of_stacks::{check_stacks, divide};

/// The variable that chooses the environment, as `-e` does.
const ENVIRONMENT: &str = "STACKCTL_ENV";

/// Variables that belong to the program itself and set no key of the manifest.
const PROGRAM_VARIABLES: [&str; 6] = [
    "STACKCTL_CACHE_DIR",
    "STACKCTL_CORPUS",
    ENVIRONMENT,
    "STACKCTL_MANIFEST",
    "STACKCTL_PYTHON",
    "STACKCTL_TEST_PACE",
];

const PREFIX: &str = "STACKCTL_";

/// What the command line says about the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `-e/--env`: the environment to work on.
    pub environment: Option<String>,
    /// The one stack to work on, by its key in `[stacks]`.
    pub stack: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--set`, each a `KEY=VALUE` with a dotted key.
    pub set: Vec<String>,
}

/// One value from outside the manifest, before its type is known.
#[derive(Debug, Clone)]
pub(super) struct Given {
    path: Vec<String>,
    text: String,
    origin: Origin,
    /// Variables' names have no capitals, so theirs are matched loosely.
    is_variable: bool,
    /// The stack whose key it sets; `None` if it sets the key of every stack.
    stack: Option<String>,
}

/// What variables and flags set for one stack.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// The keys that are set for every stack.
    pub(super) of_all: Table,
    /// The keys that are set for this stack alone.
    pub(super) of_stack: Table,
    /// Both, each value over the weaker ones.
    pub(super) merged: Table,
}

impl Given {
    /// Returns whether it sets this top-level key.
    pub(super) fn sets(&self, key: &str) -> bool {
        matches!(self.path.as_slice(), [only] if only == key)
    }

    /// Returns it as text.
    pub(super) fn to_node(&self) -> Node {
        Node {
            value: Value::String(self.text.clone()),
            origin: self.origin.clone(),
        }
    }

    /// Returns the stack that it names, as it is written there, and the key of that stack.
    pub(super) fn of_stack(&self) -> Option<(&str, &[String])> {
        let (key, rest) = self.path.split_first()?;
        if key != "stacks" {
            return None;
        }
        Some(match rest.split_first() {
            Some((name, rest)) => (name, rest),
            None => ("", &[]),
        })
    }

    fn flag(name: &str, path: &str, text: &str) -> Self {
        Self {
            path: vec![path.to_owned()],
            text: text.to_owned(),
            origin: Origin::Flag {
                source: SourceFile::new(name, text),
                span: 0..text.len(),
            },
            is_variable: false,
            stack: None,
        }
    }
}

/// Returns what variables and flags give, the weakest first.
pub(super) fn collect(
    overrides: &Overrides,
    ambient: &Ambient,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Given> {
    let mut given: Vec<Given> = ambient
        .with_prefix(PREFIX)
        .filter(|(name, _)| !PROGRAM_VARIABLES.contains(name))
        .map(|(name, text)| Given {
            path: name
                .trim_start_matches(PREFIX)
                .split("__")
                .map(str::to_ascii_lowercase)
                .collect(),
            text: text.to_owned(),
            origin: Origin::Variable {
                source: SourceFile::new(name, text),
                span: 0..text.len(),
            },
            is_variable: true,
            stack: None,
        })
        .collect();
    for argument in &overrides.set {
        let source = SourceFile::new("--set", argument);
        let origin = Origin::Flag {
            source,
            span: 0..argument.len(),
        };
        match assignment(argument) {
            Some((path, text)) => given.push(Given {
                path,
                text: text.to_owned(),
                origin: origin.at(argument.len().saturating_sub(text.len())..argument.len()),
                is_variable: false,
                stack: None,
            }),
            None => problems.push(
                Diagnostic::error("bad-set", "this is not `KEY=VALUE`", origin.place(""))
                    .help("write a dotted key and its value: `--set vars.size=large`"),
            ),
        }
    }
    let flags = [
        ("--region", "region", &overrides.region),
        ("--profile", "profile", &overrides.profile),
        ("--env", "environment", &overrides.environment),
    ];
    for (name, path, value) in flags {
        given.extend(value.iter().map(|text| Given::flag(name, path, text)));
    }
    if let Some(chosen) = given.last_mut().filter(|_| overrides.environment.is_some())
        && ambient.variable(ENVIRONMENT) == Some(&chosen.text)
    {
        // The command line takes the variable for the flag's default.
        chosen.origin = Origin::Variable {
            source: SourceFile::new(ENVIRONMENT, &chosen.text),
            span: 0..chosen.text.len(),
        };
    }
    given
}

/// Splits `KEY=VALUE` into the parts of its dotted key and the value. A part in quotes, as in
/// `tags."a.b"=c`, may hold dots and equal signs.
fn assignment(argument: &str) -> Option<(Vec<String>, &str)> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quote = None;
    let mut was_quoted = false;
    for (at, character) in argument.char_indices() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') if part.trim().is_empty() => {
                part.clear();
                (quote, was_quoted) = (Some(character), true);
            }
            (None, '.' | '=') => {
                let whole = std::mem::take(&mut part);
                let whole = if std::mem::take(&mut was_quoted) {
                    whole
                } else {
                    whole.trim().to_owned()
                };
                parts.push(whole);
                if character == '=' {
                    let is_named = parts.iter().any(|part| !part.is_empty());
                    let text = argument.get(at.saturating_add(1)..).unwrap_or_default();
                    return is_named.then_some((parts, text));
                }
            }
            (None, ' ') if was_quoted => {}
            _ => part.push(character),
        }
    }
    None
}

/// Returns the layer that `given` makes over `below`. A variable that sets no key may belong to
/// another program, so it is a warning.
pub(super) fn layer(
    given: &[Given],
    below: &Table,
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Layer {
    let mut layer = Layer::default();
    for one in given.iter().filter(|it| it.of_stack().is_none()) {
        match typed(one, below) {
            Ok((path, node)) => {
                let nested = nest(&path, node);
                if let Some((name, secret)) = exposed_secret(&nested, below) {
                    problems.push(keeps_secret(one, name, secret));
                    continue;
                }
                node::overlay(&mut layer.merged, &nested);
                match &one.stack {
                    Some(_) => node::overlay(&mut layer.of_stack, &nested),
                    None => node::overlay(&mut layer.of_all, &nested),
                }
            }
            Err(problem) if problem.severity == Severity::Warning => warnings.push(*problem),
            Err(problem) => problems.push(*problem),
        }
    }
    layer
}

/// Returns a table that holds only `node`, at `path`.
fn nest(path: &[String], node: Node) -> Table {
    let mut table = Table::new();
    let Some((key, rest)) = path.split_first() else {
        return table;
    };
    let origin = node.origin.clone();
    let node = if rest.is_empty() {
        node
    } else {
        Node {
            value: Value::Table(nest(rest, node)),
            origin: origin.clone(),
        }
    };
    table.insert(key.clone(), Entry { key: origin, node });
    table
}

/// Finds the key that `given` means and gives its text that key's type.
fn typed(given: &Given, below: &Table) -> Result<(Vec<String>, Node), Box<Diagnostic>> {
    let path = if given.is_variable {
        loosely(&given.path, below)
    } else {
        given.path.clone()
    };
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let current = lookup(below, &words);
    let is_misplaced =
        given.stack.is_none() && words.first().is_some_and(|it| keys::is_of_stacks(it));
    let kind = keys::find(&words).filter(|_| !words.contains(&"") && !is_misplaced);
    let Some(kind) = kind else {
        return Err(Box::new(unknown(given, &words)));
    };
    if let ["parameters" | "artifacts", name] | ["artifacts", name, _] = words.as_slice()
        && given.is_variable
        && lookup(below, &words[..2]).is_none()
    {
        let problem = Diagnostic::error(
            "unknown-key",
            format!("there is no `{}.{name}` to set", words[0]),
            given.origin.place(""),
        );
        return Err(Box::new(problem.help(
            "a variable's name has no capitals: write the key in the manifest first",
        )));
    }
    let node = value::of_kind(given, kind, &path.join("."), current)?;
    Ok((path, node))
}

fn lookup<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Node> {
    let (key, rest) = path.split_first()?;
    let node = &table.get(*key)?.node;
    match (&node.value, rest) {
        (_, []) => Some(node),
        (Value::Table(inner), rest) => lookup(inner, rest),
        _ => None,
    }
}

/// Returns a key without what may differ in the name of a variable.
fn plain(key: &str) -> String {
    key.to_ascii_lowercase().replace(['_', '-'], "")
}

/// Returns the path as it is written in the manifest, where capitals, `_` and `-` may differ.
fn loosely(path: &[String], below: &Table) -> Vec<String> {
    let Some((key, rest)) = path.split_first() else {
        return Vec::new();
    };
    let found = below.get_key_value(key).or_else(|| {
        below
            .iter()
            .find(|(candidate, _)| plain(candidate) == plain(key))
    });
    let empty = Table::new();
    let (key, inner) = match found {
        Some((key, entry)) => match &entry.node.value {
            Value::Table(inner) => (key, inner),
            _ => (key, &empty),
        },
        None => (key, &empty),
    };
    let mut exact = vec![key.clone()];
    exact.extend(loosely(rest, inner));
    exact
}

fn unknown(given: &Given, path: &[&str]) -> Diagnostic {
    // The deepest table above the key whose keys are known.
    let (depth, known) = (0..path.len())
        .rev()
        .find_map(|depth| match keys::find(path.get(..depth)?)? {
            Kind::Table(keys) => {
                let is_top = depth == 0 && given.stack.is_none();
                let known = keys::names(keys).filter(|it| !(is_top && keys::is_of_stacks(it)));
                Some((depth, known.collect()))
            }
            _ => None,
        })
        .unwrap_or((0, Vec::new()));
    let word = path.get(depth).copied().unwrap_or_default();
    let parents = path.get(..depth).unwrap_or_default();
    let of_stack = given.stack.as_deref();
    let of_stack: Vec<&str> = of_stack.map_or_else(Vec::new, |stack| vec!["stacks", stack]);
    let spell = |key: &str| {
        let mut parts = of_stack.clone();
        parts.extend(parents);
        parts.push(key);
        if given.is_variable {
            format!("{PREFIX}{}", parts.join("__").to_ascii_uppercase())
        } else {
            parts.join(".")
        }
    };
    let place = given.origin.place("");
    let key = [of_stack.as_slice(), path].concat().join(".");
    let meant = nearest(word, known.iter().copied());
    let problem = if given.is_variable {
        let message = format!("{} has no effect: there is no key `{key}`", given.origin);
        Diagnostic::warning("unknown-variable", message, place)
    } else {
        Diagnostic::error(
            "unknown-key",
            format!("there is no key `{key}` to set"),
            place,
        )
    };
    match meant {
        Some(meant) => problem.help(format!("did you mean `{}`?", spell(meant))),
        None if given.is_variable => problem,
        None => problem.help(format!("the keys here are {}", quoted(known))),
    }
}

/// The sources of a parameter whose values are secrets.
const SECRET: [&str; 2] = ["from_env", "from_secret"];

/// Returns a secret parameter of `below` that `above` replaces with a plain value.
fn exposed_secret<'t>(above: &'t Table, below: &'t Table) -> Option<(&'t str, &'t Node)> {
    let (above, below) = (
        node::table(above, "parameters")?,
        node::table(below, "parameters")?,
    );
    above.iter().find_map(|(name, entry)| {
        let secret = &below.get(name)?.node;
        let is_secret =
            matches!(&secret.value, Value::Table(source) if SECRET.iter().any(|key| source.contains_key(*key)));
        let is_exposed = is_secret && !matches!(entry.node.value, Value::Table(_));
        is_exposed.then_some((name.as_str(), secret))
    })
}

/// Returns the error for a secret that would be replaced by a value that is printed. It must not
/// quote the value.
fn keeps_secret(given: &Given, name: &str, secret: &Node) -> Diagnostic {
    Diagnostic::error(
        "secret-override",
        format!(
            "`parameters.{name}` is a secret and cannot be set by `{}`",
            given.origin
        ),
        secret.origin.place("declared here"),
    )
    .help(match &secret.value {
        Value::Table(source) if source.contains_key("from_env") => {
            "set the variable that `from_env` names".to_owned()
        }
        _ => format!(
            "give another source: `--set 'parameters.{name}={{ from_env = \"VARIABLE\" }}'`"
        ),
    })
}

#[cfg(test)]
mod tests;
