//! Every JSON document that a test makes `stackctl` print is held to its JSON Schema.

use serde_json::{Map, Value};
use stackctl::present::json::schemas::Document;

/// Fails the test if stdout has a document of stackctl that does not match its schema, or that has none.
/// Stdout may be one document, or one on each line.
#[track_caller]
pub(super) fn check(stdout: &str) {
    if !stdout.starts_with('{') {
        return;
    }
    let documents = match serde_json::from_str(stdout) {
        Ok(document) => vec![document],
        // A command that was killed leaves the start of a line.
        Err(_) => stdout
            .lines()
            .map_while(|line| serde_json::from_str(line).ok())
            .collect(),
    };
    for document in &documents {
        if let Err(difference) = check_document(document) {
            panic!("{difference}\n{document:#}");
        }
    }
}

/// Returns how a document differs from the schema that it names. Documents of other programs have none.
pub(crate) fn check_document(document: &Value) -> Result<(), String> {
    let name = match document["schema"].as_str() {
        Some(name) if name.starts_with("stackctl.") => name,
        _ => return Ok(()),
    };
    let Some(found) = Document::find(name) else {
        return Err(format!(
            "`{name}` has no JSON Schema. Its types derive `JsonSchema`, its field `schema` gets\n    \
             #[schemars(extend(\"const\" = \"{name}\"))]\n\
             and `DOCUMENTS` in src/present/json/schemas.rs a line; then this command writes \
             docs/schemas/{}:\n    \
             STACKCTL_UPDATE_DOCS=1 cargo test --test cli published_schemas",
            name.trim_start_matches("stackctl.").replace('/', "-") + ".schema.json"
        ));
    };
    let schema = Value::from(found.schema());
    conforms(document, &schema, &schema)
        .map_err(|difference| format!("a document does not match `{name}`: {difference}"))
}

/// Returns where a value differs from a schema, which is part of `root`. This is stricter than JSON Schema:
/// an object has no members that the schema does not name, and the schema has no unknown keywords.
pub(crate) fn conforms(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    let schema = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Object(schema) => schema,
        _ => return Err(format!("is not allowed by the schema {schema}")),
    };
    for (keyword, of) in schema {
        let fits = match keyword.as_str() {
            "$defs"
            | "$schema"
            | "additionalProperties"
            | "default"
            | "description"
            | "format"
            | "properties"
            | "title" => Ok(()),
            "$ref" => {
                let path = of.as_str().unwrap_or_default().trim_start_matches('#');
                let definition = root.pointer(path);
                conforms(value, definition.unwrap_or(&Value::Null), root)
            }
            "anyOf" | "oneOf" => choice(value, of, root),
            "const" => holds(value == of, || format!("is {value}, not {of}")),
            "enum" => {
                let known = of.as_array().is_some_and(|all| all.contains(value));
                holds(known, || format!("is {value}, not one of {of}"))
            }
            "items" => elements(value, of, root),
            "minimum" => in_range(value, of, |value, of| value >= of),
            "maximum" => in_range(value, of, |value, of| value <= of),
            "required" => required(value, of),
            "type" => {
                let of_type = |name: &Value| is_of_type(value, name.as_str().unwrap_or_default());
                let fits = of_type(of) || of.as_array().is_some_and(|all| all.iter().any(of_type));
                holds(fits, || format!("is {value}, not of the type {of}"))
            }
            _ => Err(format!("has a schema with the unknown keyword `{keyword}`")),
        };
        fits?;
    }
    members(value, schema, root)
}

fn holds(condition: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    condition.then_some(()).ok_or_else(otherwise)
}

/// Compares a number with a bound. Everything else is within it.
fn in_range(value: &Value, bound: &Value, is_within: fn(f64, f64) -> bool) -> Result<(), String> {
    let is_outside = value
        .as_f64()
        .zip(bound.as_f64())
        .is_some_and(|(value, bound)| !is_within(value, bound));
    holds(!is_outside, || format!("is {value}, beyond {bound}"))
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => name == "number" || name == "integer" && !number.is_f64(),
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}

/// One choice has to fit. If none does, the difference from the one that fits best is returned: that of the
/// deepest place.
fn choice(value: &Value, choices: &Value, root: &Value) -> Result<(), String> {
    let mut differences = Vec::new();
    for choice in choices.as_array().into_iter().flatten() {
        match conforms(value, choice, root) {
            Ok(()) => return Ok(()),
            Err(difference) => differences.push(difference),
        }
    }
    let depth = |difference: &String| {
        let place = difference.split(' ').next().unwrap_or_default();
        place.matches(['.', '[']).count()
    };
    let best = differences.into_iter().max_by_key(depth);
    Err(best.unwrap_or_else(|| "has no choice".to_owned()))
}

fn elements(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
        conforms(element, schema, root).map_err(|it| join(&format!("[{index}]"), &it))?;
    }
    Ok(())
}

fn required(value: &Value, names: &Value) -> Result<(), String> {
    let Some(members) = value.as_object() else {
        return Ok(());
    };
    let names = names.as_array().into_iter().flatten();
    let mut missing = names
        .filter_map(Value::as_str)
        .filter(|name| !members.contains_key(*name));
    match missing.next() {
        Some(name) => Err(format!("lacks `{name}`")),
        None => Ok(()),
    }
}

fn members(value: &Value, schema: &Map<String, Value>, root: &Value) -> Result<(), String> {
    let properties = schema.get("properties");
    let others = schema.get("additionalProperties");
    let Some(members) = value.as_object() else {
        return Ok(());
    };
    // A schema of other keywords, such as `$ref`, says nothing about members.
    if properties.is_none() && others.is_none() {
        return Ok(());
    }
    for (name, member) in members {
        let known = properties.and_then(|it| it.get(name));
        match known.or(others.filter(|it| **it != Value::Bool(false))) {
            Some(schema) => {
                conforms(member, schema, root).map_err(|it| join(&format!(".{name}"), &it))?;
            }
            None => return Err(format!("has `{name}`, which the schema does not name")),
        }
    }
    Ok(())
}

/// Puts a step in front of the place with which a difference begins.
fn join(step: &str, difference: &str) -> String {
    if difference.starts_with(['.', '[']) {
        format!("{step}{difference}")
    } else {
        format!("{step} {difference}")
    }
}
