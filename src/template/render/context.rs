//! The context of a template: the settings as template values.

use indexmap::IndexMap;
use minijinja::Value;

use crate::artifact::package::Artifact;
use crate::config::settings::Settings;

/// The artifact bucket if the settings name none. The template uses it inside `!Sub`, so rendering
/// does not need the account id.
pub(crate) const DEFAULT_BUCKET: &str = "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}";

/// Returns the context of the template.
pub(super) fn of(settings: &Settings, artifacts: &IndexMap<String, Artifact>) -> Value {
    let parameters = settings.parameters.keys();
    let artifacts = artifacts.iter().map(|(name, artifact)| {
        let value = Value::from_pairs([("key", artifact.key.as_str())]);
        (name.as_str(), value)
    });
    let artifact_bucket = settings.artifact_bucket.as_deref();
    let mut context = vec![
        ("project", Value::from(&settings.project)),
        ("environment", Value::from(&settings.environment)),
        ("vars", table(&settings.vars)),
        (
            "parameters",
            Value::from_pairs(parameters.map(|name| (name.as_str(), name.as_str()))),
        ),
        ("artifacts", Value::from_pairs(artifacts)),
        (
            "artifact_bucket",
            Value::from(artifact_bucket.unwrap_or(DEFAULT_BUCKET)),
        ),
    ];
    if let Some(cidrs) = &settings.allowed_ssh_cidrs {
        let cidrs = cidrs.iter().map(ToString::to_string);
        context.push(("allowed_ssh_cidrs", cidrs.collect()));
    }
    if let Some(key_pair) = &settings.key_pair {
        context.push(("key_pair", Value::from(key_pair)));
    }
    Value::from_pairs(context)
}

fn table(table: &toml::Table) -> Value {
    Value::from_pairs(
        table
            .iter()
            .map(|(key, member)| (key.as_str(), value(member))),
    )
}

fn value(from: &toml::Value) -> Value {
    match from {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(flag) => Value::from(*flag),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(items) => items.iter().map(value).collect(),
        toml::Value::Table(members) => table(members),
    }
}
