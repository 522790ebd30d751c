//! The values that one run works with, each with the place it came from.
//!
//! The fields have the names of the manifest's keys: [`resolve()`] reads the checked values of all
//! layers into them.
//!
//! A built-in default is overlaid by the manifest's top level, by its `[environments.X]` table, by the
//! tables of the stack, `[stacks.Y]` and `[environments.X.stacks.Y]`, by `STACKCTL_*` variables and by flags,
//! in that order. Commands see the result and never the layers.

mod artifacts;
mod layers;
mod moved;
mod overrides;
mod parameter;
mod resolve;
mod show;
mod stack_graph;
mod stack_set;
mod stacks;
mod targets;

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::manifest::checks;
use crate::config::origin::{Origin, Origins};
use crate::diagnostic::{Diagnostic, Severity};
pub use overrides::Overrides;
pub use parameter::{ParameterValue, ServiceSource};
pub use resolve::resolve;
pub use show::{Row, show};
pub use stack_graph::{Circle, StackGraph};
pub use stack_set::{
    AccountFilter, Amount, CallAs, ConcurrencyMode, Permissions, RegionConcurrency,
    StackSetSettings,
};
pub use targets::{Selection, Target, choose};

/// Everything that a command may want to know about the project and the chosen environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of the manifest"
)]
pub struct Settings {
    /// The project's name, part of the default stack name and of every artifact key.
    pub project: String,
    /// The chosen environment's name.
    pub environment: String,
    /// The versions of stackctl that may work with the manifest; this one may.
    pub required_version: Option<String>,
    /// The region from the manifest, a variable or a flag; `None` leaves it to the profile.
    pub region: Option<String>,
    /// The profile of the shared AWS configuration to use.
    pub profile: Option<String>,
    /// The only account that may be written to, 12 digits. In an emulator environment: the emulator's account
    /// for a stack of `[stacks]`.
    pub account: Option<String>,
    /// The stack's key in `[stacks]`; `None` in a project of one stack.
    #[serde(skip)]
    pub stack_key: Option<String>,
    /// The stack's name, its placeholders already replaced.
    pub stack_name: String,
    /// The template's path, relative to the manifest's folder.
    pub template: PathBuf,
    /// An explicit artifact bucket; `None` means `stackctl-artifacts-{account}-{region}`.
    pub artifact_bucket: Option<String>,
    /// Whether an endpoint that is not AWS's may be used outside an emulator environment.
    pub allow_endpoint: bool,
    /// The networks that the template admits by SSH.
    #[serde(
        rename = "allowed_ssh_cidr",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[serde(deserialize_with = "read_networks", serialize_with = "write_networks")]
    pub allowed_ssh_cidrs: Option<Vec<IpNet>>,
    /// Whether those may admit the whole internet.
    pub allow_world_ssh: bool,
    /// The EC2 key pair's name.
    pub key_pair: Option<String>,
    /// Tags for the stack, stackctl's own two included.
    #[serde(default)]
    pub tags: IndexMap<String, String>,
    /// Whether the stack gets stackctl's own two tags.
    pub own_tags: bool,
    /// The artifacts by name, in the manifest's order.
    #[serde(default)]
    pub artifacts: IndexMap<String, ArtifactSettings>,
    /// CloudFormation parameters by name; always all sent.
    #[serde(default)]
    pub parameters: IndexMap<String, ParameterValue>,
    /// The identifiers of existing resources that the stack takes over, by logical id: the identifying
    /// properties and their values.
    #[serde(default)]
    pub import: IndexMap<String, IndexMap<String, String>>,
    /// The new logical ids of resources that keep what they have, by their ids in the deployed stack.
    #[serde(default)]
    pub moved: IndexMap<String, String>,
    /// Free values for the template.
    #[serde(default)]
    pub vars: toml::Table,
    /// How the stack is to be deployed.
    #[serde(default)]
    pub stack: StackSettings,
    /// What the linter and the template's checks leave out.
    #[serde(default)]
    pub lint: LintSettings,
    /// The records of deployments.
    #[serde(default)]
    pub history: HistorySettings,
    /// How `stackctl ssh` connects.
    #[serde(default)]
    pub ssh: SshSettings,
    /// The smoke test, if one is configured.
    pub verify: Option<VerifySettings>,
    /// Whether this environment is the embedded emulator.
    pub emulator: bool,
    /// What `stackctl watch` may do in this environment without a question.
    pub watch: Option<WatchMode>,
    /// The stacks that come before this one, by their keys in `[stacks]`: those of `needs`, and those whose
    /// outputs are values of its parameters.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The accounts and regions to which CloudFormation itself distributes the stack.
    pub stack_set: Option<StackSetSettings>,
    /// What was found in the variables that does not prevent a run.
    #[serde(skip)]
    pub warnings: Vec<Diagnostic>,
    /// Where each value came from, by dotted key.
    #[serde(skip)]
    pub origins: Origins,
}

impl Settings {
    /// Returns whether `watch` may deploy each save in this environment.
    pub fn allows_watch_to_apply(&self) -> bool {
        self.emulator || self.watch.is_some()
    }

    /// Returns whether `watch` may send the code of functions past the stack in this environment.
    pub fn allows_hotswap(&self) -> bool {
        self.watch == Some(WatchMode::Hotswap)
    }

    /// Returns whether the manifest sets a key for all stacks of the project, so that the template of this one
    /// need not use it.
    pub fn is_of_all_stacks(&self, key: &str) -> bool {
        let origin = self.origins.get(key);
        self.stack_key.is_some() && matches!(origin, Origin::Manifest { stack: None, .. })
    }
}

/// One artifact: a folder that becomes one zip.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactSettings {
    /// The folder, relative to the manifest's folder.
    #[serde(default)]
    pub path: PathBuf,
    /// Globs to leave out, on top of the built-in ones.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// A lock file of Python packages with hashes, relative to the manifest's folder.
    pub requirements: Option<PathBuf>,
    /// The Python of the function's runtime, such as `3.12`; always there with `requirements`.
    pub python: Option<String>,
    /// The architecture of the function.
    pub architecture: Option<Architecture>,
    /// A program and its arguments that run before the artifact is packaged; may be empty.
    #[serde(default)]
    pub build: Vec<String>,
}

/// The architecture of a Lambda function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 64-bit x86, the default of Lambda.
    #[default]
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit ARM (Graviton).
    Arm64,
}

/// How the stack is deployed: the `[stack]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StackSettings {
    /// Capabilities that override those derived from the template.
    pub capabilities: Option<Vec<String>>,
    /// Whether the stack is protected from deletion; without it, that stays as it is.
    pub termination_protection: Option<bool>,
    /// The stack policy's file, JSON, relative to the manifest's folder; without it, the policy stays as it is.
    pub policy: Option<PathBuf>,
    /// The role that CloudFormation assumes.
    pub role_arn: Option<String>,
    /// SNS topics that receive the stack's events; at most 5 (`CreateChangeSet`).
    pub notification_arns: Vec<String>,
    /// CloudWatch alarms that roll an operation back; at most 5 (`RollbackConfiguration`).
    pub rollback_alarms: Vec<String>,
    /// How long after an operation the alarms are watched, 0 to 180 minutes (`RollbackConfiguration`).
    pub rollback_monitoring_minutes: Option<u32>,
    /// How long stackctl waits for an operation, in minutes; without it, until it is settled.
    pub timeout_minutes: Option<u32>,
    /// Resource types that are guarded like the built-in stateful ones.
    pub protected_types: Vec<String>,
    /// The mode of operations on the stack.
    pub deployment_mode: DeploymentMode,
}

/// The mode of an operation on a stack (`DeploymentConfig`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeploymentMode {
    /// The operation ends when the resources are stable.
    #[default]
    Standard,
    /// The operation ends when the configuration of the resources is applied.
    Express,
}

impl DeploymentMode {
    /// Returns the name in the manifest and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Express => "express",
        }
    }

    /// Returns the mode with the option `--express`.
    #[must_use]
    pub fn or_express(self, express: bool) -> Self {
        if express { Self::Express } else { self }
    }
}

/// What `stackctl watch` may do in an environment without a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchMode {
    /// Deploy each save.
    Apply,
    /// Deploy each save, and send the code of functions past the stack.
    Hotswap,
}

/// What the linter and the template's checks leave out: the `[lint]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LintSettings {
    /// Rules whose findings and warnings are left out, by id, such as `W3010` or `unknown-property`.
    pub ignore: Vec<String>,
    /// The least severity that is shown; without it `warning`.
    pub severity: Option<Severity>,
    /// Whether cfn-lint reads the `.cfnlintrc` of the project, whose rules it executes.
    pub rc: bool,
}

/// The records of deployments: the `[history]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistorySettings {
    /// Whether each deployment is recorded; without it, it is recorded if the artifact bucket exists.
    pub enabled: Option<bool>,
    /// How many records are kept of each stack.
    pub keep: u32,
}

/// How `stackctl ssh` connects: the `[ssh]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SshSettings {
    /// The stack outputs that may hold the instance's address, in order of preference.
    pub address: Vec<String>,
    /// The private key's file, `~` not yet expanded.
    pub identity_file: Option<String>,
    /// The user to log in as; `None` leaves it to `ssh`.
    pub user: Option<String>,
}

/// The `[verify]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifySettings {
    /// What to upload.
    pub upload: VerifyUpload,
    /// What must appear.
    pub expect: VerifyItem,
    /// How long to wait for the item.
    #[serde(deserialize_with = "read_duration", serialize_with = "write_duration")]
    pub timeout: Duration,
    /// Whether every `apply` ends with it.
    pub after_apply: bool,
}

/// What the smoke test uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyUpload {
    /// The stack output that holds the bucket's name.
    pub bucket: String,
    /// The file to upload, relative to the manifest's folder.
    pub file: PathBuf,
}

/// The item that the smoke test waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyItem {
    /// The stack output that holds the table's name.
    pub table: String,
    /// The table's key attribute that will hold the object's key.
    pub key: String,
}

fn read_networks<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<IpNet>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let networks = texts.iter().map(|text| text.parse());
    let networks = networks.collect::<Result<_, _>>();
    networks.map(Some).map_err(D::Error::custom)
}

#[expect(clippy::ref_option, reason = "serde prescribes the signature")]
fn write_networks<S: Serializer>(
    networks: &Option<Vec<IpNet>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let networks = networks.iter().flatten();
    serializer.collect_seq(networks.map(ToString::to_string))
}

fn read_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    checks::duration(&text).map_err(|fault| D::Error::custom(fault.message))
}

fn write_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}s", duration.as_secs()))
}

#[cfg(test)]
mod tests;
