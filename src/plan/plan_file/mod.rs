//! Saved plans: the file that `plan --out` writes and `apply FILE` reads.
//!
//! CloudFormation stores the change set. The file contains its ARN and the state at its creation, so
//! that `apply` can refuse an outdated plan: a different account or region, a stack that was updated
//! or recreated, or files that changed.
//!
//! The file is readable JSON. It ends with a digest of its content, which detects accidental changes.
//! The digest is no signature: anyone who can write the file can compute it. The file contains no
//! parameter values. Plain values are part of a digest that is salted with the change set's ARN.
//! Secrets are part of no digest, because a digest of a short secret can be guessed. The change set
//! contains the secrets with which it was created. Of a value from a service, the place counts.

pub mod of_stacks;

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artifact::digest::Digest;
use crate::cloudformation::on_failure::OnFailure;
use crate::cloudformation::stack::Stack;
use crate::config::settings::{DeploymentMode, ParameterValue};
use crate::error::{Error, Result};
use crate::plan::deployed_code::CodeRevert;
use crate::plan::{Operation, Target};
use crate::template::stack_policy::StackPolicy;
use crate::util::new_file;
use crate::util::regular_file::{self, FileError};

/// The name and version of the file format.
const SCHEMA: &str = "stackctl.plan-file/1";

/// The name and version of the format of a file with the plans of several stacks.
const SCHEMA_OF_STACKS: &str = "stackctl.plan-files/1";

/// The maximum length of a plan file in bytes; a plan of 5,000 artifacts has about a million.
const MAX_LENGTH: u64 = 4 * 1024 * 1024;

/// How many bytes must be free for a plan file before anything is uploaded; a plan of 100 artifacts has
/// about 20,000.
const ROOM: usize = 64 * 1024;

/// A saved plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    #[schemars(extend("const" = "stackctl.plan-file/1"))]
    schema: String,
    /// The version of stackctl that wrote the file.
    pub stackctl: String,
    /// The time at which the plan was created.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// The manifest's environment.
    pub environment: String,
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// `AWS`, or the URL of another endpoint.
    pub endpoint: String,
    /// The state of the stack.
    pub stack: SavedStack,
    /// The change set to execute; `None` if there was nothing to change.
    pub change_set: Option<SavedChangeSet>,
    /// The fingerprint of the project's files.
    pub files: Fingerprint,
    /// The SHA-256 in Base64 of the code that functions run and that is replaced, by logical id.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub code: IndexMap<String, String>,
    /// The SHA-256 of all fields above.
    digest: String,
}

/// The state of the stack when the plan was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedStack {
    /// The stack's name.
    pub name: String,
    /// The stack's ARN.
    pub id: String,
    /// `create` or `update`.
    pub operation: String,
    /// The stack's status.
    pub status: String,
    /// The time of the last update; `None` before the first update.
    #[schemars(with = "Option<String>")]
    pub updated: Option<Timestamp>,
}

/// The change set of a saved plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedChangeSet {
    /// The change set's ARN.
    pub id: String,
    /// The change set's name.
    pub name: String,
    /// What CloudFormation does if the deployment fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The mode in which the change set is executed.
    #[serde(default)]
    pub mode: DeploymentMode,
    /// Whether CloudFormation's validations before the deployment are disabled.
    #[serde(default)]
    pub skips_validation: bool,
}

/// The content of the project's files, as digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The SHA-256 of the template that was sent.
    pub template: String,
    /// The salted SHA-256 of the parameters that are not secret.
    pub parameters: String,
    /// The SHA-256 of the tags.
    pub tags: String,
    /// The termination protection in the manifest.
    pub termination_protection: Option<bool>,
    /// The SHA-256 of the stack policy in the manifest.
    pub stack_policy: Option<String>,
    /// The SHA-256 of each artifact's zip, by name.
    pub artifacts: IndexMap<String, String>,
}

impl Fingerprint {
    /// Returns the fingerprint of the project's files. `no_echo` returns whether a parameter is secret
    /// although the manifest contains its value.
    pub fn of(
        salt: &str,
        template: &str,
        parameters: &IndexMap<String, ParameterValue>,
        no_echo: impl Fn(&str) -> bool,
        tags: &IndexMap<String, String>,
        termination_protection: Option<bool>,
        artifacts: impl IntoIterator<Item = (String, Digest)>,
    ) -> Self {
        // No plain value begins so: CloudFormation takes no control character in one.
        let plain = parameters.iter().filter_map(|(name, value)| match value {
            ParameterValue::Plain(value) if !no_echo(name) => Some((name, Cow::Borrowed(&**value))),
            // The saved plan is stale if the stack has changed, so the value itself need not count.
            ParameterValue::Previous { .. } => Some((name, "\u{0}use_previous".into())),
            ParameterValue::FromStack {
                stack,
                output,
                value,
                ..
            } if !no_echo(name) => {
                let value = value.as_deref().unwrap_or_default();
                Some((name, format!("\u{0}{stack}.{output}={value}").into()))
            }
            ParameterValue::FromService { source, .. } => {
                Some((name, format!("\u{0}{source}").into()))
            }
            _ => None,
        });
        Self {
            template: Digest::of(template).hex(),
            parameters: digest_of_pairs(salt, plain),
            tags: digest_of_pairs("", tags.iter().map(|(name, value)| (name, value.into()))),
            termination_protection,
            stack_policy: None,
            artifacts: artifacts
                .into_iter()
                .map(|(name, digest)| (name, digest.hex()))
                .collect(),
        }
    }

    /// Returns the fingerprint with the manifest's stack policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Option<&StackPolicy>) -> Self {
        self.stack_policy = policy.map(|policy| Digest::of(policy.text()).hex());
        self
    }

    /// Returns a digest of the fingerprint and the options with which the change set is created and
    /// executed. The change set carries it, so that no plan file can name another one.
    ///
    /// # Errors
    ///
    /// If the fingerprint cannot be written as JSON.
    pub fn mark(
        &self,
        on_failure: OnFailure,
        mode: DeploymentMode,
        skips_validation: bool,
    ) -> Result<String> {
        let text = serde_json::to_vec(&(self, on_failure, mode, skips_validation))
            .map_err(|error| Error::system("cannot write JSON", error))?;
        Ok(Digest::of(text).hex())
    }

    /// Returns the names of the parts that differ, such as `the template`; empty if nothing differs.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let parts = [
            ("the template", &self.template, &now.template),
            ("the parameters", &self.parameters, &now.parameters),
            ("the tags", &self.tags, &now.tags),
        ];
        for (name, then, now) in parts {
            if then != now {
                differences.push(name.to_owned());
            }
        }
        if self.termination_protection != now.termination_protection {
            differences.push("the termination protection".to_owned());
        }
        if self.stack_policy != now.stack_policy {
            differences.push("the stack policy".to_owned());
        }
        let mut names: Vec<&String> = self.artifacts.keys().chain(now.artifacts.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            if self.artifacts.get(name) != now.artifacts.get(name) {
                differences.push(format!("the artifact `{name}`"));
            }
        }
        differences
    }
}

/// Returns a digest of names and values. Includes their lengths, so that different lists have different
/// texts.
fn digest_of_pairs<'a>(
    salt: &str,
    pairs: impl IntoIterator<Item = (&'a String, Cow<'a, str>)>,
) -> String {
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_unstable();
    let mut text = salt.to_owned();
    for (name, value) in pairs {
        text.push_str(&format!("\n{}:{name}={}:{value}", name.len(), value.len()));
    }
    Digest::of(text).hex()
}

/// Returns the code that functions run and that is replaced, by logical id.
fn live_code(reverts: &[CodeRevert]) -> IndexMap<String, String> {
    let pairs = reverts
        .iter()
        .map(|it| (it.code.logical_id.clone(), it.live.clone()));
    pairs.collect()
}

impl PlanFile {
    /// Returns the file for a plan.
    pub fn new(
        created: Timestamp,
        target: &Target,
        operation: Operation,
        stack: &Stack,
        change_set: Option<SavedChangeSet>,
        files: Fingerprint,
    ) -> Result<Self> {
        let mut file = Self {
            schema: SCHEMA.to_owned(),
            stackctl: env!("CARGO_PKG_VERSION").to_owned(),
            created,
            environment: target.environment.clone(),
            account: target.account.clone(),
            region: target.region.clone(),
            endpoint: target.endpoint.clone(),
            stack: SavedStack {
                name: stack.name.clone(),
                id: stack.id.clone(),
                operation: match operation {
                    Operation::Create => "create",
                    Operation::Update => "update",
                }
                .to_owned(),
                status: stack.status.to_string(),
                updated: stack.updated,
            },
            change_set,
            files,
            code: IndexMap::new(),
            digest: String::new(),
        };
        file.digest = file.computed_digest()?;
        Ok(file)
    }

    /// Returns the same plan with the functions that get the code of the deployed template again.
    ///
    /// # Errors
    ///
    /// If the plan cannot be written as JSON.
    pub fn with_code(mut self, reverts: &[CodeRevert]) -> Result<Self> {
        self.code = live_code(reverts);
        self.digest = self.computed_digest()?;
        Ok(self)
    }

    /// Returns the functions that run other code than when the plan was saved. `now` are those that get
    /// the code of the deployed template again now.
    pub fn changed_code(&self, now: &[CodeRevert]) -> Vec<String> {
        let now = live_code(now);
        let names = self.code.keys().chain(now.keys());
        let differs = names.filter(|name| self.code.get(*name) != now.get(*name));
        let mut differing: Vec<String> = differs.cloned().collect();
        differing.sort_unstable();
        differing.dedup();
        differing
    }

    /// Returns the salt of the parameters' digest: the change set's ARN, or an empty string if there is
    /// no change set.
    pub fn salt(&self) -> &str {
        self.change_set.as_ref().map_or("", |set| &set.id)
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, and the errors of [`Self::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_text(path)?, &path.display().to_string())
    }

    /// Parses the content of a plan file. `shown` is the name of the file in error messages.
    ///
    /// # Errors
    ///
    /// Refused if the text is not a plan of stackctl, has a different format version, or does not match
    /// its own digest.
    pub fn parse(text: &[u8], shown: &str) -> Result<Self> {
        if text.len() as u64 > MAX_LENGTH {
            return Err(too_long(shown));
        }
        match schema_of(text) {
            Some(schema) if schema == SCHEMA => {}
            Some(schema) => {
                let reason = format!(
                    "`{shown}` is a `{schema}` file, but this version of stackctl reads `{SCHEMA}`"
                );
                return Err(refused(reason, shown));
            }
            None => {
                let reason = format!("`{shown}` is not a plan of stackctl");
                return Err(refused(reason, shown));
            }
        }
        let file: Self = serde_json::from_slice(text).map_err(|error| changed(&error, shown))?;
        file.check_digest(shown)?;
        Ok(file)
    }

    /// Checks that [`Self::write`] can write to a path, and that the disk has room: writes a temporary
    /// file in its folder.
    ///
    /// # Errors
    ///
    /// Refused if the file exists and is not a plan. If the file cannot be read, or its folder does not
    /// exist or cannot be written.
    pub fn check_writable(path: &Path) -> Result<()> {
        Self::check_replaceable(path)?;
        let failed = |error: io::Error| cannot_write(path, error);
        let mut file = new_file::create_private(path).map_err(failed)?;
        file.write_all(&vec![b' '; ROOM]).map_err(failed)?;
        // A full disk may show only when the file is written out.
        file.as_file().sync_all().map_err(failed)
    }

    fn check_replaceable(path: &Path) -> Result<()> {
        match regular_file::read(path, MAX_LENGTH) {
            Err(FileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                match path.parent() {
                    Some(folder) if !folder.is_dir() => Err(cannot_write(path, error)
                        .hint(format!("the folder `{}` does not exist", folder.display()))),
                    _ => Ok(()),
                }
            }
            Err(FileError::Io(error)) => Err(cannot_write(path, error)),
            Err(error) => Err(not_replaceable(path).caused_by(error)),
            Ok(text)
                if schema_of(&text).is_some_and(|it| {
                    it.starts_with("stackctl.plan-file/") || it.starts_with("stackctl.plan-files/")
                }) =>
            {
                Ok(())
            }
            Ok(_) => Err(not_replaceable(path)),
        }
    }

    /// Writes the file atomically. Only its owner can read it.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::check_writable`].
    pub fn write(&self, path: &Path) -> Result<()> {
        write_text(self, path)
    }

    fn computed_digest(&self) -> Result<String> {
        let unsigned = Self {
            digest: String::new(),
            ..self.clone()
        };
        digest_of(&unsigned)
    }

    /// Refuses a plan that does not match its own digest.
    fn check_digest(&self, shown: &str) -> Result<()> {
        check_digest(&self.digest, &self.computed_digest()?, shown)
    }
}

/// Returns the digest of a file, whose own is empty.
fn digest_of(unsigned: &impl Serialize) -> Result<String> {
    let text =
        serde_json::to_vec(unsigned).map_err(|error| Error::system("cannot write JSON", error))?;
    Ok(Digest::of(text).hex())
}

/// Refuses a file that does not match its own digest.
fn check_digest(own: &str, computed: &str, shown: &str) -> Result<()> {
    if own == computed {
        return Ok(());
    }
    Err(changed(&"it does not match its own digest", shown))
}

/// Returns the content of a plan file.
fn read_text(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    regular_file::read_or_pipe(path, MAX_LENGTH).map_err(|error| match error {
        FileError::TooLarge(_) => too_long(&shown.to_string()),
        error => error
            .into_error("the plan", &shown)
            .hint(format!("create one: `stackctl plan --out {shown}`")),
    })
}

/// Writes a plan file atomically. Only its owner can read it.
fn write_text(file: &impl Serialize, path: &Path) -> Result<()> {
    PlanFile::check_replaceable(path)?;
    let failed = |error: io::Error| cannot_write(path, error);
    let mut text = serde_json::to_vec_pretty(file).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let mut file = new_file::create_private(path).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    new_file::finish(file, path).map_err(failed)
}

/// Returns the error for a file that is no longer what was written.
fn changed(reason: &dyn Display, shown: &str) -> Error {
    refused(format!("the plan `{shown}` was changed: {reason}"), shown)
}

/// Returns the error for a file that cannot be applied.
fn refused(reason: String, shown: &str) -> Error {
    Error::refused(reason).hint(format!("create a new plan: `stackctl plan --out {shown}`"))
}

fn not_replaceable(path: &Path) -> Error {
    Error::refused(format!(
        "`{}` exists and is not a plan of stackctl",
        path.display()
    ))
    .hint("choose another name for `--out`, or remove that file first")
}

fn too_long(shown: &str) -> Error {
    let reason =
        format!("`{shown}` is not a plan of stackctl: it is longer than {MAX_LENGTH} bytes");
    refused(reason, shown)
}

fn schema_of(text: &[u8]) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(text).ok()?;
    Some(document.get("schema")?.as_str()?.to_owned())
}

fn cannot_write(path: &Path, error: io::Error) -> Error {
    Error::system(format!("cannot write the plan `{}`", path.display()), error)
}

#[cfg(test)]
mod tests;
