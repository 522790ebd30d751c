//! The values that one run works with, each with the place it came from.
//!
//! A built-in default is overlaid by the manifest's top level, by its `[environments.X]` table, by
//! `STACKCTL_*` variables and by flags, in that order. Commands see the result and never the layers.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use ipnet::IpNet;

use crate::diagnostic::SourceFile;
use crate::secret::Secret;

/// Everything that a command may want to know about the project and the chosen environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project's name, part of the default stack name and of every artifact key.
    pub project: String,
    /// The chosen environment's name.
    pub environment: String,
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
    /// How `stackctl ssh` connects.
    pub ssh: SshSettings,
    /// The smoke test, where one is configured.
    pub verify: Option<VerifySettings>,
    /// Whether this environment is the embedded emulator.
    pub emulator: bool,
    /// Where each value came from.
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

/// The `[stack]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackSettings {
    /// Capabilities that override those derived from the template.
    pub capabilities: Option<Vec<String>>,
    /// Whether the stack is protected from deletion; `None` leaves it as it is.
    pub termination_protection: Option<bool>,
    /// The role that CloudFormation assumes.
    pub role_arn: Option<String>,
    /// SNS topics that receive the stack's events; at most 5 (`CreateChangeSet`).
    pub notification_arns: Vec<String>,
    /// CloudWatch alarms that roll an operation back; at most 5 (`RollbackConfiguration`).
    pub rollback_alarms: Vec<String>,
    /// How long after an operation the alarms are watched, 0 to 180 minutes (`RollbackConfiguration`).
    pub rollback_monitoring_minutes: Option<u32>,
    /// How long stackctl waits for an operation, in minutes; `None` waits until it is settled.
    pub timeout_minutes: Option<u32>,
    /// Resource types that are guarded like the built-in stateful ones.
    pub protected_types: Vec<String>,
}

/// The `[ssh]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// stackctl's built-in default.
    Default,
    /// The manifest, at the top level or in an environment's table.
    Manifest {
        /// The manifest.
        source: Arc<SourceFile>,
        /// The value's bytes.
        span: Range<usize>,
        /// The environment whose table holds it; `None` at the top level.
        environment: Option<String>,
    },
    /// An environment variable, by name.
    Variable(String),
    /// A flag of the command line, as typed, such as `--region`.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Manifest {
                source,
                span,
                environment,
            } => {
                let (line, _) = source.position(span.start);
                write!(f, "{}:{line}", source.name)?;
                environment
                    .as_ref()
                    .map_or(Ok(()), |name| write!(f, " [environments.{name}]"))
            }
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The origin of every value by its dotted key, such as `vars.instance_type`.
#[derive(Debug, Clone, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Returns the origin of `key`; of the nearest enclosing table where the key itself has none.
    pub fn get(&self, key: &str) -> &Origin {
        let mut key = key;
        loop {
            if let Some(origin) = self.0.get(key) {
                return origin;
            }
            match key.rfind('.') {
                Some(dot) => key = &key[..dot],
                None => return &Origin::Default,
            }
        }
    }

    /// Sets the origin of `key`, replacing an earlier one.
    pub fn set(&mut self, key: impl Into<String>, origin: Origin) {
        self.0.insert(key.into(), origin);
    }
}
