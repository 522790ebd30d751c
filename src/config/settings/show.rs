//! Every setting as a row of text, for `stackctl config show`.

use super::{ParameterValue, Settings};
use crate::config::manifest::keys::{KEYS, Key, Kind, Only};
use crate::config::origin::Origin;
use crate::error::{Error, Result};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The dotted key.
    pub key: String,
    /// The value as text; `None` if it is not set. A secret's value is never in it.
    pub value: Option<String>,
    /// Where it came from, such as `manifest.toml:3` or `STACKCTL_REGION`.
    pub origin: String,
}

/// Returns every setting in the order of the table of keys, including settings without a value.
pub fn show(settings: &Settings) -> Result<Vec<Row>> {
    let values = toml::Table::try_from(settings)
        .map_err(|error| Error::system("the settings cannot be written as TOML", error))?;
    let mut rows = Rows {
        settings,
        rows: Vec::new(),
    };
    rows.table("", KEYS, Some(&values));
    Ok(rows.rows)
}

struct Rows<'s> {
    settings: &'s Settings,
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn table(&mut self, prefix: &str, keys: &[Key], values: Option<&toml::Table>) {
        let is_one = self.settings.stack_key.is_none();
        for key in keys {
            if is_one && key.only == Some(Only::Stacks) {
                continue;
            }
            let value = values.and_then(|values| values.get(key.name));
            // An empty list is no different from a list that is not set, if that is its default.
            let value = value.filter(|value| !(key.default == Some("[]") && is_empty(value)));
            self.value(format!("{prefix}{}", key.name), &key.kind, value);
        }
    }

    fn value(&mut self, key: String, kind: &Kind, value: Option<&toml::Value>) {
        let table = value.and_then(toml::Value::as_table);
        match (kind, table) {
            (Kind::Table(keys), _) => self.table(&format!("{key}."), keys, table),
            (Kind::Map(names), Some(table)) if !table.is_empty() => {
                for (name, value) in table {
                    self.value(format!("{key}.{name}"), &names.value, Some(value));
                }
            }
            (Kind::Map(_), _) => self.add(key, None),
            (Kind::Parameter, Some(_)) => {
                let source = self.source(&key);
                self.add(key, source);
            }
            (Kind::Any, _) => {
                let text = value.map(|value| match value {
                    toml::Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                self.add(key, text);
            }
            _ => self.add(key, value.map(text)),
        }
    }

    /// Returns the text for a parameter whose value is not in the manifest.
    fn source(&self, key: &str) -> Option<String> {
        let name = key.strip_prefix("parameters.")?;
        match self.settings.parameters.get(name)? {
            ParameterValue::Plain(text) => Some(text.clone()),
            ParameterValue::FromEnvironment { variable, value } => Some(match value {
                Some(_) => format!("(secret, from {variable})"),
                None => format!("(secret, from {variable}, which is not set)"),
            }),
            ParameterValue::FromService { source, .. } => {
                Some(format!("(not printed, from {source})"))
            }
            ParameterValue::FromStack { stack, output, .. } => {
                Some(format!("(the output {output} of the stack {stack})"))
            }
            ParameterValue::Previous { .. } => Some("(the value in the deployed stack)".to_owned()),
        }
    }

    fn add(&mut self, key: String, value: Option<String>) {
        // A value that is not set comes from nowhere, even if its table stands in the manifest.
        let origin = match value {
            Some(_) => self.settings.origins.get(&key),
            None => &Origin::Default,
        };
        let origin = origin.to_string();
        self.rows.push(Row { key, value, origin });
    }
}

fn text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn is_empty(value: &toml::Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}
