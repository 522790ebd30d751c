//! What the text of a variable or a flag becomes: the type that its key has.

use super::Given;
use crate::config::manifest::keys::{self, Kind};
use crate::config::manifest::node::{self, Node, Value};
use crate::diagnostic::Diagnostic;

/// Returns the value of a key of this kind. `current` is the value that it overrides.
pub(super) fn of_kind(
    given: &Given,
    kind: &Kind,
    key: &str,
    current: Option<&Node>,
) -> Result<Node, Box<Diagnostic>> {
    let text = given.text.as_str();
    Ok(match kind {
        Kind::Any => free(given, key, current)?,
        Kind::List(..) => list(given)?,
        Kind::Networks if text.contains([',', '[']) => list(given)?,
        Kind::Table(_) | Kind::Map(_) if text.trim_start().starts_with('{') => inline(given)?,
        Kind::Parameter => source(given).unwrap_or_else(|| given.to_node()),
        // If the text does not fit, reading the layer reports it.
        Kind::Flag => text.parse().map_or_else(
            |_| given.to_node(),
            |flag| with(given, Value::Boolean(flag)),
        ),
        Kind::Integer(_) => text.parse().map_or_else(
            |_| given.to_node(),
            |number| with(given, Value::Integer(number)),
        ),
        _ => given.to_node(),
    })
}

/// Returns the table of a parameter that has a source, such as `{ from_env = "NAME" }`. Another text
/// in braces, such as JSON, is the parameter's value.
fn source(given: &Given) -> Option<Node> {
    let node = given
        .text
        .trim_start()
        .starts_with('{')
        .then(|| inline(given))?;
    node.ok().filter(|node| match &node.value {
        Value::Table(table) => keys::names(keys::SOURCES).any(|key| table.contains_key(key)),
        _ => false,
    })
}

/// Gives a free value the type of the one that it overrides, or else the type that it looks like.
fn free(given: &Given, key: &str, current: Option<&Node>) -> Result<Node, Box<Diagnostic>> {
    let text = given.text.as_str();
    let Some(current) = current else {
        return Ok(guess(given));
    };
    let value = match &current.value {
        Value::String(_) | Value::Datetime(_) => return Ok(given.to_node()),
        Value::List(_) => return list(given),
        Value::Table(_) => return inline(given),
        Value::Boolean(_) => text.parse().map(Value::Boolean).ok(),
        Value::Integer(_) => text.parse().map(Value::Integer).ok(),
        Value::Float(_) => text
            .parse::<f64>()
            .ok()
            .map(|_| Value::Float(text.to_owned())),
    };
    match value {
        Some(value) => Ok(with(given, value)),
        None => Err(Box::new(
            Diagnostic::error(
                "wrong-type",
                format!("`{key}` must be {}", current.kind()),
                given.origin.place(""),
            )
            .at(current.origin.place("the value that it overrides")),
        )),
    }
}

fn guess(given: &Given) -> Node {
    if let Ok(flag) = given.text.parse() {
        return with(given, Value::Boolean(flag));
    }
    match given.text.parse::<i64>() {
        // A number that would not be written back the same, such as `007`, is text.
        Ok(number) if number.to_string() == given.text => with(given, Value::Integer(number)),
        _ => given.to_node(),
    }
}

/// Reads a TOML list, or text separated by commas.
fn list(given: &Given) -> Result<Node, Box<Diagnostic>> {
    if given.text.trim_start().starts_with('[') {
        return inline(given);
    }
    let mut items = Vec::new();
    let mut offset = given.origin.place("").span.start;
    for part in given.text.split(',') {
        let text = part.trim();
        let lead = part.len().saturating_sub(part.trim_start().len());
        let from = offset.saturating_add(lead);
        items.push(Node {
            value: Value::String(text.to_owned()),
            origin: given.origin.at(from..from.saturating_add(text.len())),
        });
        offset = offset.saturating_add(part.len()).saturating_add(1);
    }
    Ok(with(given, Value::List(items)))
}

/// Reads a TOML value, such as `{ from = 1 }` or `["a", "b"]`.
fn inline(given: &Given) -> Result<Node, Box<Diagnostic>> {
    let offset = given.origin.place("").span.start;
    node::parse_value(&given.text, &given.origin, offset).map_err(|problem| {
        Box::new(problem.help("write it as in the manifest, such as `{ key = \"value\" }`, or set the keys inside it one by one"))
    })
}

fn with(given: &Given, value: Value) -> Node {
    Node {
        value,
        origin: given.origin.clone(),
    }
}
