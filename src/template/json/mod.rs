//! Parses JSON text into a [`Node`].
//!
//! The parser is jsonc-parser without its extensions. It returns the byte ranges of keys and values, the
//! text of numbers, and duplicate keys. `scan` rejects the invalid JSON that the parser accepts.

mod failure;
mod scan;

use std::ops::Range;

use indexmap::map::Entry;
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::node::{Map, Member, Node, Value};
use super::syntax::Findings;
use failure::Wrong;

/// The parser's options for JSON without any extension.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads the text, which is one JSON object. Errors go to `findings`; the first syntax error ends the
/// reading.
pub(super) fn parse(findings: &mut Findings<'_>) -> Option<Node> {
    let text: &str = &findings.source().text;
    // JSON has no byte order mark, but some editors write one.
    let json = text.trim_start_matches('\u{feff}');
    let start = text.len() - json.len();
    match read(json) {
        Ok(value) => {
            let mut reader = Reader::new(start);
            let node = reader.node(value);
            for (key, first, second) in reader.duplicates {
                findings.duplicate_key(&key, &first, second);
            }
            return Some(node);
        }
        Err(NoJson::TooDeep(at)) => findings.too_deep(start + at..start + at + 1),
        Err(NoJson::Wrong(wrong)) => {
            let span = start + wrong.span.start..start + wrong.span.end;
            findings.error("json-syntax", wrong.message, span, wrong.help);
        }
    }
    None
}

/// Returns the value of a JSON text that is not a template, such as the properties of a resource from
/// CloudFormation; `None` if it is not JSON. If a key occurs twice, its last value counts.
pub(crate) fn value(text: &str) -> Option<Node> {
    Some(Reader::new(0).node(read(text).ok()?))
}

/// Returns the map or list in a string that is JSON, such as a policy; `None` for other strings, such
/// as `{Substitution}`, `null` and numbers.
pub(crate) fn document(text: &str) -> Option<Node> {
    opens_document(text).then(|| value(text)).flatten()
}

/// Returns the same as [`document`], as a value that can be changed and written back.
pub(crate) fn editable_document(text: &str) -> Option<serde_json::Value> {
    let value = opens_document(text).then(|| serde_json::from_str(text).ok());
    value.flatten()
}

fn opens_document(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// Why a text cannot be read.
enum NoJson {
    /// Its nesting is too deep at this byte.
    TooDeep(usize),
    Wrong(Wrong),
}

fn read(text: &str) -> Result<ast::Value<'_>, NoJson> {
    let beyond_json = scan::scan(text).map_err(NoJson::TooDeep)?;
    let wrong = match parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        Ok(result) => match (beyond_json, result.value) {
            (None, Some(value)) => return Ok(value),
            (Some(wrong), _) => wrong,
            (None, None) => Wrong::expected(text, 0, "a value"),
        },
        Err(error) => {
            let wrong = Wrong::of(text, &error);
            let first = beyond_json.filter(|it| it.span.start <= wrong.span.start);
            first.unwrap_or(wrong)
        }
    };
    Err(NoJson::Wrong(wrong))
}

/// Converts the parser's values to nodes.
struct Reader {
    /// The byte offset of the parsed text in the whole text.
    start: usize,
    /// Duplicate keys: the key, its first place, its other place.
    duplicates: Vec<(String, Range<usize>, Range<usize>)>,
}

impl Reader {
    fn new(start: usize) -> Self {
        let duplicates = Vec::new();
        Self { start, duplicates }
    }

    fn span(&self, value: &impl Ranged) -> Range<usize> {
        self.start + value.start()..self.start + value.end()
    }

    fn node(&mut self, value: ast::Value<'_>) -> Node {
        let span = self.span(&value);
        let value = match value {
            ast::Value::StringLit(string) => Value::String(string.value.into_owned()),
            ast::Value::NumberLit(number) => Value::Number(number.value.to_owned()),
            ast::Value::BooleanLit(boolean) => Value::Bool(boolean.value),
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::Array(array) => {
                let elements = array.elements.into_iter();
                Value::List(elements.map(|element| self.node(element)).collect())
            }
            ast::Value::Object(object) => Value::Map(self.map(object)),
        };
        Node { span, value }
    }

    fn map(&mut self, object: ast::Object<'_>) -> Map {
        let mut map = Map::with_capacity(object.properties.len());
        for member in object.properties {
            let key_span = self.span(&member.name);
            let node = self.node(member.value);
            match map.entry(member.name.into_string()) {
                Entry::Occupied(mut entry) => {
                    let first = entry.get().key_span.clone();
                    self.duplicates.push((entry.key().clone(), first, key_span));
                    entry.get_mut().node = node;
                }
                Entry::Vacant(entry) => {
                    entry.insert(Member { key_span, node });
                }
            }
        }
        map
    }
}

#[cfg(test)]
mod tests;
