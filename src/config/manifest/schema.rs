//! The JSON Schema of the manifest, for editors and for typing variables.
//!
//! Generated from [`Layer`], whose every field is optional: TOML has no null, so the generator's
//! "or null" is taken out again, and the environments are the same object once more.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::layer::Layer;
use super::reader::NOT_YET_SUPPORTED;

/// Returns the JSON Schema (draft 2020-12) of the manifest.
pub fn schema() -> Value {
    let mut top = layer_schema();
    let mut environment = top.clone();
    if let Some(environment) = environment.as_object_mut() {
        environment
            .retain(|key, _| key == "type" || key == "properties" || key == "additionalProperties");
    }
    remove_property(&mut environment, "environment");
    remove_property(&mut top, "emulator");
    if let Some(properties) = properties(&mut top) {
        properties.insert(
            "environments".to_owned(),
            json!({
                "description": "The environments by name. Each overlays the top level: tables merge, everything else is replaced.",
                "type": "object",
                "propertyNames": { "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 32 },
                "additionalProperties": environment,
            }),
        );
    }
    top
}

/// Returns the schema of one layer: the keys that variables and flags may set.
pub(crate) fn layer_schema() -> Value {
    let generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Layer>().to_value();
    drop_null(&mut schema);
    for pattern in NOT_YET_SUPPORTED {
        mark_unsupported(&mut schema, &pattern.split('.').collect::<Vec<_>>());
    }
    schema
}

/// Returns the schema of the value at `path` within a layer's; `None` where there is no such key.
pub(crate) fn at<'s>(schema: &'s Value, path: &[&str]) -> Option<&'s Value> {
    let Some((key, rest)) = path.split_first() else {
        return Some(schema);
    };
    let inner = schema
        .get("properties")
        .and_then(|properties| properties.get(key))
        .or_else(|| {
            schema
                .get("additionalProperties")
                .filter(|inner| inner.is_object() || *inner == &Value::Bool(true))
        })?;
    at(inner, rest)
}

fn properties(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    schema.get_mut("properties")?.as_object_mut()
}

fn remove_property(schema: &mut Value, key: &str) {
    if let Some(properties) = properties(schema) {
        properties.shift_remove(key);
    }
}

fn mark_unsupported(schema: &mut Value, path: &[&str]) {
    let Some((key, rest)) = path.split_first() else {
        if let Some(description) = schema.get_mut("description") {
            let text = description.as_str().unwrap_or_default();
            *description = Value::String(format!("Not supported yet, and refused. {text}"));
        }
        return;
    };
    let inner = if *key == "*" {
        schema.get_mut("additionalProperties")
    } else {
        schema
            .get_mut("properties")
            .and_then(|properties| properties.get_mut(key))
    };
    if let Some(inner) = inner {
        mark_unsupported(inner, rest);
    }
}

/// Takes "or null" out of a schema, everywhere.
fn drop_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice != &json!({ "type": "null" }));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.shift_remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            if object.get("default") == Some(&Value::Null) {
                object.shift_remove("default");
            }
            object.values_mut().for_each(drop_null);
        }
        _ => {}
    }
}
