//! A minimal reader of templates, with the values of references.
//!
//! It does not use stackctl's reader, so that the tests do not repeat its mistakes.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value, json};

/// Returns a YAML or JSON template, with short intrinsics in their long form.
pub(crate) fn parse(text: &str) -> Value {
    let mut events = Parser::new_from_str(text).map(|event| event.expect("a readable template").0);
    loop {
        match events.next() {
            Some(Event::DocumentStart(..)) => {
                let first = events.next().expect("a document has a node");
                return node(first, &mut events);
            }
            Some(_) => {}
            None => return Value::Null,
        }
    }
}

fn node<'a>(event: Event<'a>, events: &mut impl Iterator<Item = Event<'a>>) -> Value {
    let (value, tag) = match event {
        Event::Scalar(text, style, _, tag) => (scalar(&text, style), tag),
        Event::SequenceStart(_, _, tag) => {
            let mut items = Vec::new();
            while let Some(event) = events.next().filter(|event| *event != Event::SequenceEnd) {
                items.push(node(event, events));
            }
            (Value::Array(items), tag)
        }
        Event::MappingStart(_, _, tag) => {
            let mut map = Map::new();
            while let Some(Event::Scalar(key, ..)) = events.next() {
                let event = events.next().expect("a key has a value");
                map.insert(key.into_owned(), node(event, events));
            }
            (Value::Object(map), tag)
        }
        other => panic!("unexpected {other:?} in a template"),
    };
    match tag.as_deref().map(Tag::suffix) {
        None => value,
        Some("Ref") => json!({ "Ref": value }),
        Some("Condition") => json!({ "Condition": value }),
        Some("GetAtt") if value.is_string() => {
            let parts = value.as_str().unwrap_or_default().split_once('.');
            let (resource, attribute) = parts.unwrap_or_default();
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        Some(name) => json!({ format!("Fn::{name}"): value }),
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match text {
        _ if style != ScalarStyle::Plain => Value::from(text),
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "" | "null" | "~" => Value::Null,
        _ => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Value::from(number),
            _ => Value::from(text),
        },
    }
}

/// Returns the resources of a template by logical id, in its order.
pub(crate) fn resources(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    template["Resources"].as_object().into_iter().flatten()
}

/// The values of references.
pub(crate) struct Scope<'a> {
    /// Pseudo parameters, parameters and physical ids by name.
    pub(crate) values: BTreeMap<String, String>,
    /// The types of the resources by logical id.
    pub(crate) template: &'a Value,
}

impl Scope<'_> {
    /// Returns a value with every reference replaced. Unknown functions are kept.
    pub(crate) fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(map) if map.len() == 1 => {
                let (name, argument) = map.iter().next().expect("it has one entry");
                match (name.as_str(), argument) {
                    ("Ref", Value::String(name)) => self.value(name).into(),
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        let part = |index: usize| parts[index].as_str().unwrap_or_default();
                        self.attribute(part(0), part(1)).into()
                    }
                    ("Fn::Sub", Value::String(text)) => self.substitute(text, &Map::new()).into(),
                    ("Fn::Sub", Value::Array(parts)) => {
                        let own = parts[1].as_object().cloned().unwrap_or_default();
                        let text = parts[0].as_str().unwrap_or_default();
                        self.substitute(text, &own).into()
                    }
                    _ => json!({ name: self.resolve(argument) }),
                }
            }
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(key, value)| (key.clone(), self.resolve(value)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// Returns a value as CloudFormation's string.
    pub(crate) fn string(&self, value: &Value) -> String {
        match self.resolve(value) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    fn value(&self, name: &str) -> String {
        let known = self.values.get(name).cloned();
        known.unwrap_or_else(|| format!("unresolved:{name}"))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> String {
        let physical = self.value(resource);
        match attribute {
            "Arn" => {
                let kind = self.template["Resources"][resource]["Type"].as_str();
                let service = kind.and_then(|kind| kind.split("::").nth(1));
                let service = service.unwrap_or_default().to_lowercase();
                format!("arn:aws:{service}:::{physical}")
            }
            _ => format!("{physical}.{attribute}"),
        }
    }

    fn substitute(&self, text: &str, own: &Map<String, Value>) -> String {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            result += before;
            let value = match (own.get(name), name.strip_prefix('!'), name.split_once('.')) {
                (Some(value), ..) => self.string(value),
                (_, Some(literal), _) => format!("${{{literal}}}"),
                (_, _, Some((resource, attribute))) => self.attribute(resource, attribute),
                _ => self.value(name),
            };
            result += &value;
            rest = after;
        }
        result + rest
    }
}

/// Returns whether a value refers to a parameter.
pub(crate) fn refers_to(value: &Value, parameter: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| refers_to(item, parameter)),
        Value::Object(map) => map.iter().any(|(key, value)| {
            (key == "Ref" && value == parameter) || refers_to(value, parameter)
        }),
        Value::String(text) => text.contains(&format!("${{{parameter}}}")),
        _ => false,
    }
}
