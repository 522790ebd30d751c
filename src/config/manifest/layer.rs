//! What the manifest may say, as types.
//!
//! One [`Layer`] serves the top level and every `[environments.NAME]` table, so all its fields are
//! optional. The types give `stackctl schema` its keys, descriptions and limits: the text of each
//! field's comment is what an editor shows. They are not deserialized: `walk` fills them from
//! spanned values, because serde stops at the first error and loses places on the way.
#![expect(
    dead_code,
    reason = "the schema-only types are described by their derive and never built"
)]

use std::path::PathBuf;

use indexmap::IndexMap;
use ipnet::IpNet;
use schemars::JsonSchema;

use crate::config::settings::{LintSettings, SshSettings, StackSettings};

/// The manifest of a stackctl project.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields, title = "stackctl manifest")]
pub(crate) struct Layer {
    /// The project's name: letters, digits and hyphens, starting with a letter. It is part of the stack's name and of every artifact's key.
    #[schemars(length(max = 128), regex(pattern = r"^[A-Za-z][A-Za-z0-9-]*$"))]
    pub(crate) project: Option<String>,
    /// The environment to work on where `-e/--env` names none.
    #[schemars(length(max = 32), regex(pattern = r"^[a-z][a-z0-9-]*$"))]
    pub(crate) environment: Option<String>,
    /// The versions of stackctl that may work with this manifest, such as `>=0.1`. Any other refuses to run.
    pub(crate) required_version: Option<String>,
    /// The AWS region, such as `eu-west-1`. Without it: `AWS_REGION`, then the profile.
    #[schemars(regex(pattern = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"))]
    pub(crate) region: Option<String>,
    /// The profile of the shared AWS configuration to use.
    #[schemars(length(min = 1))]
    pub(crate) profile: Option<String>,
    /// The only AWS account that may be written to, 12 digits.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub(crate) account: Option<String>,
    /// The stack's name. `{project}` and `{environment}` are replaced.
    #[schemars(length(min = 1))]
    pub(crate) stack_name: Option<String>,
    /// The CloudFormation template, relative to the manifest.
    #[schemars(length(min = 1))]
    pub(crate) template: Option<PathBuf>,
    /// The bucket that artifacts are uploaded to. Without it `stackctl-artifacts-{account}-{region}`, made when first needed.
    #[schemars(length(min = 3, max = 63))]
    pub(crate) artifact_bucket: Option<String>,
    /// Whether an endpoint that is not AWS's, such as an exported `AWS_ENDPOINT_URL`, may be used.
    pub(crate) allow_endpoint: Option<bool>,
    /// The networks that may reach the test instance by SSH: one CIDR or a list, IPv4 or IPv6.
    #[schemars(with = "Option<OneOrMany>")]
    pub(crate) allowed_ssh_cidr: Option<Vec<IpNet>>,
    /// Whether `allowed_ssh_cidr`, written beside it, may admit the whole internet.
    pub(crate) allow_world_ssh: Option<bool>,
    /// The name of the EC2 key pair for the test instance.
    #[schemars(length(min = 1, max = 255))]
    pub(crate) key_pair: Option<String>,
    /// Tags for the stack and all that it holds, besides `stackctl:project` and `stackctl:environment`.
    #[schemars(with = "Option<std::collections::BTreeMap<String, String>>")]
    pub(crate) tags: Option<IndexMap<String, String>>,
    /// The artifacts by name: each folder becomes one zip.
    pub(crate) artifacts: Option<IndexMap<String, Artifact>>,
    /// The template's CloudFormation parameters by name. All are always sent.
    pub(crate) parameters: Option<IndexMap<String, Parameter>>,
    /// Free values for the template, which sees them as `vars.NAME`.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub(crate) vars: Option<toml::Table>,
    /// How the stack is deployed.
    pub(crate) stack: Option<StackSettings>,
    /// What the linter leaves out.
    pub(crate) lint: Option<LintSettings>,
    /// How `stackctl ssh` connects.
    pub(crate) ssh: Option<SshSettings>,
    /// The smoke test: upload a file, wait for its item in the table.
    pub(crate) verify: Option<Verify>,
    /// Whether this environment is the embedded emulator.
    pub(crate) emulator: Option<bool>,
}

/// One artifact: a folder that becomes one zip.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Artifact {
    /// The folder, relative to the manifest. Without it: the artifact's name.
    #[schemars(length(min = 1))]
    pub(crate) path: Option<PathBuf>,
    /// Globs to leave out, besides `__pycache__`, `*.pyc`, `.git`, `.venv` and the like.
    pub(crate) exclude: Option<Vec<String>>,
    /// A requirements file, pinned by hash, whose packages are put into the zip.
    pub(crate) requirements: Option<PathBuf>,
}

/// The value of a CloudFormation parameter. A list is joined with commas.
#[derive(Debug, JsonSchema)]
#[schemars(with = "ParameterShape")]
pub(crate) enum Parameter {
    /// A value that may be printed.
    Plain(String),
    /// The name of the variable that holds a secret.
    FromEnvironment(String),
}

/// The value of a CloudFormation parameter: plain, a list that is joined with commas, or a secret.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum ParameterShape {
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
    List(Vec<ItemShape>),
    Secret(SecretShape),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum ItemShape {
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
}

/// A secret: never printed, never in a plan file.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SecretShape {
    /// The environment variable that holds the value.
    from_env: String,
}

/// One string or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The smoke test: upload a file, wait for its item in the table.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Verify {
    /// What to upload, and where.
    pub(crate) upload: Option<Upload>,
    /// What must appear, and where.
    pub(crate) expect: Option<Expect>,
    /// How long to wait for the item, such as `60s` or `2m`.
    #[schemars(with = "Option<String>")]
    pub(crate) timeout: Option<std::time::Duration>,
    /// Whether every `apply` ends with the smoke test.
    pub(crate) after_apply: Option<bool>,
}

/// What the smoke test uploads.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Upload {
    /// The stack output that holds the bucket's name.
    pub(crate) bucket: Option<String>,
    /// The file to upload, relative to the manifest.
    pub(crate) file: Option<PathBuf>,
}

/// What the smoke test waits for.
#[derive(Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The stack output that holds the table's name.
    pub(crate) table: Option<String>,
    /// The table's key attribute, which will hold the uploaded object's key.
    pub(crate) key: Option<String>,
}
