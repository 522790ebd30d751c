//! The values that one run works with, each with the place it came from.
//!
//! A built-in default is overlaid by the manifest's top level, by its `[environments.X]` table, by
//! `STACKCTL_*` variables and by flags, in that order. Commands see the result and never the layers.

mod overrides;
mod resolve;
mod show;

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use ipnet::IpNet;
use schemars::JsonSchema;

use crate::config::origin::Origins;
use crate::config::secret::Secret;
use crate::diagnostic::Severity;
pub use overrides::Overrides;
pub use resolve::resolve;
pub use show::{Row, show};

/// Everything that a command may want to know about the project and the chosen environment.
#[derive(Debug, Clone)]
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
    /// The only account that may be written to, 12 digits.
    pub account: Option<String>,
    /// The stack's name, with `{project}` and `{environment}` already replaced.
    pub stack_name: String,
    /// The template's path, relative to the manifest's folder.
    pub template: PathBuf,
    /// An explicit artifact bucket; `None` means `stackctl-artifacts-{account}-{region}`.
    pub artifact_bucket: Option<String>,
    /// Whether an endpoint that is not AWS's may be used outside an emulator environment.
    pub allow_endpoint: bool,
    /// Who may reach the test instance by SSH; never empty where `vars.test_instance` is true.
    pub allowed_ssh_cidrs: Vec<IpNet>,
    /// Whether those may admit the whole internet.
    pub allow_world_ssh: bool,
    /// The EC2 key pair's name; required where `vars.test_instance` is true.
    pub key_pair: Option<String>,
    /// Tags for the stack, stackctl's own two included.
    pub tags: IndexMap<String, String>,
    /// The artifacts by name, in the manifest's order.
    pub artifacts: IndexMap<String, ArtifactSettings>,
    /// CloudFormation parameters by name; always all sent.
    pub parameters: IndexMap<String, ParameterValue>,
    /// Free values for the template.
    pub vars: toml::Table,
    /// How the stack is to be deployed.
    pub stack: StackSettings,
    /// What the linter leaves out.
    pub lint: LintSettings,
    /// How `stackctl ssh` connects.
    pub ssh: SshSettings,
    /// The smoke test, where one is configured.
    pub verify: Option<VerifySettings>,
    /// Whether this environment is the embedded emulator.
    pub emulator: bool,
    /// Where each value came from, by dotted key.
    pub origins: Origins,
}

/// One artifact: a folder that becomes one zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactSettings {
    /// The folder, relative to the manifest's folder.
    pub path: PathBuf,
    /// Globs to leave out, on top of the built-in ones.
    pub exclude: Vec<String>,
    /// A requirements file pinned by hash, relative to the manifest's folder.
    pub requirements: Option<PathBuf>,
}

/// The value of a CloudFormation parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterValue {
    /// Given in the manifest, a variable or a flag; may be printed.
    Plain(String),
    /// Read from an environment variable; never printed.
    FromEnvironment {
        /// The variable's name.
        variable: String,
        /// Its value; `None` where it is not set, which only commands that send it refuse.
        value: Option<Secret>,
    },
}

/// How the stack is deployed: the `[stack]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct StackSettings {
    /// Capabilities that override those derived from the template.
    pub capabilities: Option<Vec<String>>,
    /// Whether the stack is protected from deletion; without it, that stays as it is.
    pub termination_protection: Option<bool>,
    /// The stack policy's file, JSON, relative to the manifest's folder; without it, the policy stays as it is.
    #[schemars(with = "Option<String>", length(min = 1))]
    pub policy: Option<PathBuf>,
    /// The role that CloudFormation assumes.
    pub role_arn: Option<String>,
    /// SNS topics that receive the stack's events; at most 5 (`CreateChangeSet`).
    #[schemars(length(max = 5))]
    pub notification_arns: Vec<String>,
    /// CloudWatch alarms that roll an operation back; at most 5 (`RollbackConfiguration`).
    #[schemars(length(max = 5))]
    pub rollback_alarms: Vec<String>,
    /// How long after an operation the alarms are watched, 0 to 180 minutes (`RollbackConfiguration`).
    #[schemars(range(max = 180))]
    pub rollback_monitoring_minutes: Option<u32>,
    /// How long stackctl waits for an operation, in minutes; without it, until it is settled.
    #[schemars(range(min = 1))]
    pub timeout_minutes: Option<u32>,
    /// Resource types that are guarded like the built-in stateful ones.
    pub protected_types: Vec<String>,
}

/// What the linter leaves out: the `[lint]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct LintSettings {
    /// Rules whose findings are left out, by id, such as `W3010`.
    pub ignore: Vec<String>,
    /// The least severity that is shown; without it `warning`.
    pub severity: Option<Severity>,
}

/// How `stackctl ssh` connects: the `[ssh]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
pub struct SshSettings {
    /// The private key's file, `~` not yet expanded.
    pub identity_file: Option<String>,
    /// The user to log in as; the default is `ec2-user`.
    pub user: Option<String>,
}

/// The `[verify]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifySettings {
    /// The stack output that holds the bucket's name.
    pub upload_bucket: String,
    /// The file to upload, relative to the manifest's folder.
    pub upload_file: PathBuf,
    /// The stack output that holds the table's name.
    pub expect_table: String,
    /// The table's key attribute that will hold the object's key.
    pub expect_key: String,
    /// How long to wait for the item.
    pub timeout: Duration,
    /// Whether every `apply` ends with it.
    pub after_apply: bool,
}

#[cfg(test)]
mod tests;
