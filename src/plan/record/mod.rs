//! The record of one deployment, as it is kept in the artifact bucket.
//!
//! `history` shows records, `rollback` deploys what one of them describes, and `gc` keeps the objects to
//! which they refer. A record is written once and never changed. It contains no secret: of a parameter
//! whose value must not be kept, it has the name alone. The exact text of the template is an object of
//! its own, under its digest, because a deployed template cannot be read back to the byte.
//!
//! A newer version of stackctl may write fields that this version does not know; they are ignored. A
//! record of a newer format is not read, but its keys are known ([`Reading::Newer`]).

pub mod history;
mod key;
pub mod mentions;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloudformation::change_set::Summary;
use crate::error::{Error, Result};
pub use key::{project_prefix, record_key, record_number, stack_prefix};

/// The name and version of the format.
pub const SCHEMA: &str = "stackctl.record/1";

/// The name of the format without its version.
const FORMAT: &str = "stackctl.record/";

/// The maximum length of a record in bytes; one with 200 parameters of 4,096 bytes (the quotas of a
/// template) has about a million.
pub const MAX_LENGTH: usize = 4 * 1024 * 1024;

/// How a deployment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The stack is what the deployment made of it.
    Succeeded,
    /// It failed, and the stack is as it was before.
    RolledBack,
    /// It failed, and the stack is not as it was before.
    Failed,
    /// Nobody followed the deployment to its end.
    #[serde(other)]
    Unknown,
}

impl Outcome {
    /// Returns the outcome in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// The record of one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The name and version of the format.
    #[schemars(extend("const" = "stackctl.record/1"))]
    pub schema: String,
    /// The number of the deployment; the first of a stack is 1.
    pub number: u64,
    /// The version of stackctl that wrote the record.
    pub stackctl: String,
    /// The manifest's project.
    pub project: String,
    /// The manifest's environment.
    pub environment: String,
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The stack's name.
    pub stack: String,
    /// The stack's ARN. A stack that was created again has another one.
    #[serde(default)]
    pub stack_id: String,
    /// `create`, `update` or `import`.
    #[serde(default)]
    pub operation: String,
    /// `express`; `None` in the standard mode.
    #[serde(default)]
    pub deployment_mode: Option<String>,
    /// The client request token of the operation, which its events have.
    #[serde(default)]
    pub operation_id: String,
    /// The number of the deployment whose template and values this one deployed again.
    #[serde(default)]
    pub rollback_to: Option<u64>,
    /// The time of the request.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// The time at which the outcome was known.
    #[schemars(with = "String")]
    pub ended: Timestamp,
    /// The caller's ARN.
    #[serde(default)]
    pub caller: String,
    /// How the deployment ended.
    pub outcome: Outcome,
    /// The stack's status at the end; `None` if it is not known.
    #[serde(default)]
    pub status: Option<String>,
    /// The first cause of a failure.
    #[serde(default)]
    pub cause: Option<String>,
    /// The time of the stack's last update before this deployment; `None` for a new stack.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub updated_before: Option<Timestamp>,
    /// The time of the stack's last update after this deployment; `None` if it is not known.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub updated: Option<Timestamp>,
    /// The state of the project's git repository; `None` if there is none.
    #[serde(default)]
    pub git: Option<GitState>,
    /// The exact text of the template that was sent.
    pub template: StoredObject,
    /// The nested templates, each after its own children.
    #[serde(default)]
    pub templates: Vec<StoredObject>,
    /// The zips that the templates name.
    #[serde(default)]
    pub artifacts: Vec<StoredObject>,
    /// The other files that the templates name.
    #[serde(default)]
    pub files: Vec<StoredObject>,
    /// The parameters that were sent, in the order of the template.
    #[serde(default)]
    pub parameters: IndexMap<String, RecordedParameter>,
    /// The stack's tags.
    #[serde(default)]
    pub tags: IndexMap<String, String>,
    /// The capabilities that the deployment acknowledged.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// The settings of the stack that its change set carried.
    #[serde(default)]
    pub settings: RecordedSettings,
    /// How many resources the plan added, changed, replaced and so on.
    #[serde(default)]
    pub summary: RecordedSummary,
}

/// An object in the artifact bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct StoredObject {
    /// The name in the manifest, or the path; empty for the stack's own template.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The key.
    pub key: String,
    /// The SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// The size in bytes.
    #[serde(default)]
    pub size: u64,
}

/// A parameter of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RecordedParameter {
    /// Its value.
    Plain(String),
    /// The value is not recorded.
    Withheld {
        /// Why: `secret` or `elsewhere`.
        #[serde(default)]
        withheld: String,
    },
}

/// The settings of a stack that a change set carries, besides its tags and capabilities.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RecordedSettings {
    /// The role that CloudFormation assumes.
    pub role_arn: Option<String>,
    /// The SNS topics that receive the stack's events.
    pub notification_arns: Vec<String>,
    /// The alarms that roll back an operation.
    pub rollback_alarms: Vec<String>,
    /// The types of those of these alarms that are no simple ones, by ARN.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub alarm_types: IndexMap<String, String>,
    /// How long the alarms are monitored, in minutes.
    pub rollback_monitoring_minutes: Option<u32>,
}

/// The number of resources with each effect, nested stacks included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RecordedSummary {
    /// The resources to create.
    pub add: usize,
    /// The resources to update.
    pub change: usize,
    /// The resources to replace.
    pub replace: usize,
    /// The resources to delete or retain.
    pub destroy: usize,
    /// The resources to import.
    pub import: usize,
}

impl From<Summary> for RecordedSummary {
    fn from(summary: Summary) -> Self {
        Self {
            add: summary.add,
            change: summary.change,
            replace: summary.replace,
            destroy: summary.destroy,
            import: summary.import,
        }
    }
}

/// The state of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitState {
    /// The commit, in hexadecimal.
    pub commit: String,
    /// Whether files differ from the commit; `None` if that is not known.
    #[serde(default)]
    pub dirty: Option<bool>,
}

/// The content of a record's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A record.
    Record(Box<Record>),
    /// A record of a newer format.
    Newer {
        /// The name and version of the format.
        schema: String,
        /// Every text in it that begins as a key of the project.
        keys: BTreeSet<String>,
    },
}

impl Record {
    /// Returns the version of the format, for a new record.
    pub fn schema() -> String {
        SCHEMA.to_owned()
    }

    /// Reads the content of a record's object. `project` is the project of its key.
    ///
    /// # Errors
    ///
    /// If it is no record of stackctl, or is longer than [`MAX_LENGTH`].
    pub fn read(content: &[u8], project: &str) -> Result<Reading> {
        if content.len() > MAX_LENGTH {
            return Err(Error::input(format!(
                "it is longer than {MAX_LENGTH} bytes"
            )));
        }
        let no_record = || Error::input("it is not a record of stackctl");
        let document: Value =
            serde_json::from_slice(content).map_err(|error| no_record().caused_by(error))?;
        let schema = document.get("schema").and_then(Value::as_str);
        let schema = schema.filter(|it| it.starts_with(FORMAT));
        match schema.ok_or_else(no_record)? {
            SCHEMA => serde_json::from_value(document)
                .map(|record| Reading::Record(Box::new(record)))
                .map_err(|error| no_record().caused_by(error)),
            newer => {
                let mut keys = BTreeSet::new();
                collect_keys(&document, &format!("{project}/"), &mut keys);
                Ok(Reading::Newer {
                    schema: newer.to_owned(),
                    keys,
                })
            }
        }
    }

    /// Returns the record as the content of its object.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|error| Error::system("cannot write JSON", error))?;
        Ok(text + "\n")
    }

    /// Returns every key in the artifact bucket to which the deployment refers: the template, the nested
    /// templates, the zips and the other files.
    pub fn keys(&self) -> BTreeSet<&str> {
        self.objects().map(|object| object.key.as_str()).collect()
    }

    /// Returns every object in the artifact bucket to which the deployment refers.
    pub fn objects(&self) -> impl Iterator<Item = &StoredObject> {
        let others = self.templates.iter().chain(&self.artifacts);
        std::iter::once(&self.template)
            .chain(others)
            .chain(&self.files)
    }

    /// Returns the names of the parameters whose values are not recorded.
    pub fn withheld(&self) -> impl Iterator<Item = &str> {
        let parameters = self.parameters.iter();
        parameters.filter_map(|(name, value)| match value {
            RecordedParameter::Withheld { .. } => Some(name.as_str()),
            RecordedParameter::Plain(_) => None,
        })
    }

    /// Returns the values that are recorded, by name.
    pub fn plain_parameters(&self) -> IndexMap<String, String> {
        let parameters = self.parameters.iter();
        let plain = parameters.filter_map(|(name, value)| match value {
            RecordedParameter::Plain(value) => Some((name.clone(), value.clone())),
            RecordedParameter::Withheld { .. } => None,
        });
        plain.collect()
    }
}

/// Collects the texts in a document that begin with a prefix.
fn collect_keys(document: &Value, prefix: &str, keys: &mut BTreeSet<String>) {
    match document {
        Value::String(text) if text.starts_with(prefix) => {
            keys.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|it| collect_keys(it, prefix, keys)),
        Value::Object(members) => {
            for (name, member) in members {
                if name.starts_with(prefix) {
                    keys.insert(name.clone());
                }
                collect_keys(member, prefix, keys);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
pub(crate) mod tests;
