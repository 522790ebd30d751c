//! The JSON Schema of the manifest, for editors, made from the table of keys.

use serde_json::{Map, Value, json};

use super::keys::{COMPLETING, ENVIRONMENT_NAME, KEYS, Key, Kind, Limits, SOURCES, STACK_KEY};
use super::reader::Scope;
use crate::diagnostic::Severity;

/// Returns the JSON Schema (draft 2020-12) of the manifest.
pub fn schema() -> Value {
    let mut names = limits(&ENVIRONMENT_NAME);
    names.remove("type");
    let mut schema = layer(Scope::Top);
    schema["properties"]["stacks"] = stacks(
        "The stacks by their keys. Each overlays the top level: tables merge, everything else is replaced. Without this table, the project is one stack.",
    );
    let mut environment = layer(Scope::Environment);
    environment["properties"]["stacks"] =
        stacks("What a stack of `[stacks]` has differently in this environment.");
    schema["properties"]["environments"] = json!({
        "description": "The environments by name. Each overlays the top level: tables merge, everything else is replaced. The environment `local`, the embedded emulator, exists without a table.",
        "type": "object",
        "propertyNames": names,
        "additionalProperties": environment,
    });
    schema["required"] = json!(["project"]);
    schema["title"] = "stackctl manifest".into();
    schema["description"] = "The manifest of a stackctl project.".into();
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema
}

/// Returns the schema of a table of stacks.
fn stacks(description: &str) -> Value {
    let mut names = limits(&STACK_KEY);
    names.remove("type");
    json!({
        "description": description,
        "type": "object",
        "propertyNames": names,
        "additionalProperties": layer(Scope::Stack),
    })
}

/// Returns the schema of the keys that a layer may contain.
pub(crate) fn layer(scope: Scope) -> Value {
    table(KEYS.iter().filter(|key| scope.admits(key))).into()
}

fn table(keys: impl Iterator<Item = &'static Key>) -> Map<String, Value> {
    let properties: Map<String, Value> = keys
        .map(|key| {
            let mut schema = kind(&key.kind);
            schema.insert("description".to_owned(), key.description.into());
            if let Some(default) = key.default.and_then(json_of) {
                schema.insert("default".to_owned(), default);
            }
            (key.name.to_owned(), schema.into())
        })
        .collect();
    object(json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    }))
}

fn kind(kind: &Kind) -> Map<String, Value> {
    object(match kind {
        Kind::Text(_, text) => return limits(text),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Amount => json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]+%?$" },
        ] }),
        Kind::Duration => json!({ "type": "string" }),
        Kind::List(_, usize::MAX) => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::List(_, most) => {
            json!({ "type": "array", "items": { "type": "string" }, "maxItems": most })
        }
        Kind::Integer(range) => match *range.end() {
            u32::MAX => json!({ "type": "integer", "minimum": range.start() }),
            end => json!({ "type": "integer", "minimum": range.start(), "maximum": end }),
        },
        Kind::Severity => {
            let severities: Value = schemars::schema_for!(Severity).into();
            json!({ "oneOf": severities["oneOf"] })
        }
        Kind::Networks => json!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" } },
        ] }),
        Kind::Parameter => parameter(),
        Kind::Any => Value::Object(Map::new()),
        Kind::Table(keys) => return table(keys.iter()),
        Kind::Map(names) => {
            let mut value = self::kind(&names.value);
            if !names.description.is_empty() {
                value.insert("description".to_owned(), names.description.into());
            }
            json!({ "type": "object", "additionalProperties": value })
        }
    })
}

/// Returns the schema of a parameter: plain, a list that is joined with commas, or the place of its
/// value.
fn parameter() -> Value {
    let plain = ["string", "integer", "number", "boolean"].map(|kind| json!({ "type": kind }));
    let mut choices = plain.to_vec();
    choices.push(json!({ "type": "array", "items": { "anyOf": plain } }));
    let completes = |name: &str| COMPLETING.iter().any(|(_, other)| *other == name);
    for key in SOURCES.iter().filter(|key| !completes(key.name)) {
        let other = COMPLETING.iter().find(|(it, _)| *it == key.name);
        let other = other.and_then(|(_, other)| SOURCES.iter().find(|it| it.name == *other));
        let mut source = table(std::iter::once(key).chain(other));
        let required: Vec<&str> = std::iter::once(key)
            .chain(other)
            .map(|it| it.name)
            .collect();
        source.insert("required".to_owned(), required.into());
        choices.push(source.into());
    }
    json!({ "anyOf": choices })
}

fn limits(limits: &Limits) -> Map<String, Value> {
    let mut schema = object(json!({ "type": "string" }));
    if limits.min > 0 {
        schema.insert("minLength".to_owned(), limits.min.into());
    }
    if let Some(max) = limits.max {
        schema.insert("maxLength".to_owned(), max.into());
    }
    if let Some(pattern) = limits.pattern {
        schema.insert("pattern".to_owned(), pattern.into());
    }
    schema
}

/// Returns a default, which is TOML, as JSON.
fn json_of(default: &str) -> Option<Value> {
    let value: toml::Value = default.parse().ok()?;
    serde_json::to_value(value).ok()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
