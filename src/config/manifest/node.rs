//! TOML values that know where they stand.
//!
//! The parser's own values borrow the text and know nothing of layers. A [`Node`] owns its value and
//! keeps its [`Origin`], so that a value from the manifest, from a variable and from a flag are the
//! same kind of thing: one walk checks them all, one merge overlays them.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::origin::{Origin, Origins};
use crate::diagnostic::{Diagnostic, SourceFile};

/// The rule of an error in the text itself, rather than in what it says.
pub(super) const SYNTAX: &str = "syntax";

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// A TOML value. Numbers with a fraction and dates are kept as they were written.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    String(String),
    Integer(i64),
    Float(String),
    Boolean(bool),
    Datetime(String),
    List(Vec<Node>),
    Table(Table),
}

/// A table's entries in the order in which they were written.
pub(crate) type Table = IndexMap<String, Entry>;

/// A key's place and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Origin,
    pub(crate) node: Node,
}

/// Parses a manifest's text as far as it can be understood, and reports every syntax error in it.
pub(crate) fn parse_document(source: &Arc<SourceFile>) -> (Table, Vec<Diagnostic>) {
    let origin = Origin::Manifest {
        source: Arc::clone(source),
        span: 0..0,
        environment: None,
        stack: None,
    };
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let mut problems = errors
        .iter()
        .map(|error| syntax_error(error, &origin, 0))
        .collect();
    let table = convert_table(document.get_ref(), &origin, 0, &mut problems);
    (table, problems)
}

/// Parses one TOML value that stands in `origin`'s text from byte `offset` on.
pub(crate) fn parse_value(text: &str, origin: &Origin, offset: usize) -> Result<Node, Diagnostic> {
    let value = DeValue::parse(text).map_err(|error| syntax_error(&error, origin, offset))?;
    let mut problems = Vec::new();
    convert(&value, origin, offset, &mut problems).ok_or_else(|| too_large(origin))
}

fn syntax_error(error: &toml::de::Error, origin: &Origin, offset: usize) -> Diagnostic {
    let span = error.span().unwrap_or_default();
    let place = origin.at(shift(&span, offset)).place("");
    let source = Arc::clone(&place.source);
    let message = format!("this is not TOML: {}", error.message());
    let problem = Diagnostic::error(SYNTAX, message, place);
    let is_value = source
        .text
        .get(..span.start.saturating_add(offset))
        .is_some_and(|before| before.trim_end_matches(' ').ends_with('='));
    match source.text.get(shift(&span, offset)) {
        Some(word) if is_value && word.starts_with(char::is_alphabetic) => {
            problem.help(format!("text is written in quotes: `\"{word}\"`"))
        }
        _ => problem,
    }
}

fn shift(span: &Range<usize>, offset: usize) -> Range<usize> {
    span.start.saturating_add(offset)..span.end.saturating_add(offset)
}

/// Returns the value, without what is out of range: that is reported.
fn convert(
    value: &Spanned<DeValue<'_>>,
    origin: &Origin,
    offset: usize,
    problems: &mut Vec<Diagnostic>,
) -> Option<Node> {
    let here = origin.at(shift(&value.span(), offset));
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Float(number) => Value::Float(number.to_string()),
        DeValue::Datetime(moment) => Value::Datetime(moment.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
            if parsed.is_none() {
                problems.push(too_large(&here));
            }
            Value::Integer(parsed?)
        }
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .filter_map(|item| convert(item, origin, offset, problems))
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, origin, offset, problems)),
    };
    Some(Node {
        value,
        origin: here,
    })
}

fn too_large(origin: &Origin) -> Diagnostic {
    let place = origin.place("");
    Diagnostic::error("out-of-range", "this integer is too large", place)
        .help("TOML's integers have 64 bits; write a longer one in quotes")
}

fn convert_table(
    table: &DeTable<'_>,
    origin: &Origin,
    offset: usize,
    problems: &mut Vec<Diagnostic>,
) -> Table {
    table
        .iter()
        .filter_map(|(key, value)| {
            let entry = Entry {
                key: origin.at(shift(&key.span(), offset)),
                node: convert(value, origin, offset, problems)?,
            };
            Some((key.get_ref().clone().into_owned(), entry))
        })
        .collect()
}

/// Overlays the layer `lower` with `upper`: tables merge, everything else is replaced. The value of a
/// parameter is replaced even if it is a table, because it has only one source.
pub(crate) fn overlay(lower: &mut Table, upper: &Table) {
    for (key, entry) in upper {
        match (lower.get_mut(key), &entry.node.value) {
            (
                Some(Entry {
                    node:
                        Node {
                            value: Value::Table(below),
                            ..
                        },
                    ..
                }),
                Value::Table(above),
            ) if key == "parameters" => {
                let values = above
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()));
                below.extend(values);
            }
            _ => merge(lower, key, entry),
        }
    }
}

fn merge(lower: &mut Table, key: &str, entry: &Entry) {
    let below = lower.get_mut(key).map(|below| &mut below.node.value);
    if let (Some(Value::Table(below)), Value::Table(above)) = (below, &entry.node.value) {
        for (key, entry) in above {
            merge(below, key, entry);
        }
    } else {
        lower.insert(key.to_owned(), entry.clone());
    }
}

/// Returns the table under a key.
pub(crate) fn table<'t>(table: &'t Table, key: &str) -> Option<&'t Table> {
    match &table.get(key)?.node.value {
        Value::Table(inner) => Some(inner),
        _ => None,
    }
}

/// Gives every value below `table` to `visit`, so that its origin can be changed.
pub(crate) fn rewrite_origins(table: &mut Table, visit: &impl Fn(&mut Origin)) {
    for entry in table.values_mut() {
        visit(&mut entry.key);
        entry.node.rewrite_origins(visit);
    }
}

/// Notes the origin of every value below `table`, by its dotted key.
pub(crate) fn note_origins(table: &Table, prefix: &str, origins: &mut Origins) {
    for (key, entry) in table {
        let path = format!("{prefix}{key}");
        if let Value::Table(inner) = &entry.node.value {
            note_origins(inner, &format!("{path}."), origins);
        }
        origins.set(path, entry.node.origin.clone());
    }
}

impl Node {
    /// Returns the entries of a table; `None` if it is another value.
    pub(crate) fn as_table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Returns the name of the value's type, with its article.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a fraction",
            Value::Boolean(_) => "a boolean",
            Value::Datetime(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// Returns the value as it would be written without quotes; `None` for lists and tables.
    pub(crate) fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::String(text) | Value::Float(text) | Value::Datetime(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Boolean(flag) => Some(flag.to_string()),
            Value::List(_) | Value::Table(_) => None,
        }
    }

    /// Returns the value for the template. Dates become strings.
    pub(crate) fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::String(text) | Value::Datetime(text) => toml::Value::String(text.clone()),
            Value::Integer(number) => toml::Value::Integer(*number),
            Value::Boolean(flag) => toml::Value::Boolean(*flag),
            // TOML allows underscores between digits, Rust's reader does not.
            Value::Float(text) => text
                .replace('_', "")
                .parse()
                .map_or_else(|_| toml::Value::String(text.clone()), toml::Value::Float),
            Value::List(items) => toml::Value::Array(items.iter().map(Self::to_toml).collect()),
            Value::Table(table) => toml::Value::Table(
                table
                    .iter()
                    .map(|(key, entry)| (key.clone(), entry.node.to_toml()))
                    .collect(),
            ),
        }
    }

    fn rewrite_origins(&mut self, visit: &impl Fn(&mut Origin)) {
        visit(&mut self.origin);
        match &mut self.value {
            Value::Table(table) => rewrite_origins(table, visit),
            Value::List(items) => {
                for item in items {
                    item.rewrite_origins(visit);
                }
            }
            _ => {}
        }
    }
}
