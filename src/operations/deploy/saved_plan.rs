//! Saving a plan, and taking it up again: the two ends of a [`PlanFile`].
//!
//! Between the two, hours may pass and other people deploy. Everything that the plan rests on is
//! looked at again, and what does not hold any more is named, with the command that plans anew.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::deployment::Deployment;
use super::pending_change_set::PendingChangeSet;
use crate::cli::commands::Context;
use crate::cloudformation::stack::Stack;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::plan::plan_file::{PlanFile, SavedChangeSet};
use crate::util::shell_word;

/// Writes the plan of this run to a file. `proposal` is `None` where nothing has to be changed.
///
/// # Errors
///
/// Where the file cannot be written; the change set is removed again then.
pub(crate) async fn save(
    deployment: &Deployment<'_>,
    plan: &Plan,
    pending: Option<&PendingChangeSet>,
    path: &Path,
) -> Result<()> {
    let written = deployment
        .interrupt
        .guard(write(deployment, plan, pending, path))
        .await;
    match (written, pending) {
        (Err(error), Some(pending)) => Err(deployment.abandon(&pending.change_set.id, error).await),
        (written, _) => written,
    }
}

async fn write(
    deployment: &Deployment<'_>,
    plan: &Plan,
    pending: Option<&PendingChangeSet>,
    path: &Path,
) -> Result<()> {
    // A new stack's shell came with the change set: only now can its state be read.
    let shell = match pending {
        Some(pending) => deployment.service.describe_by(&pending.stack_id).await?,
        None => None,
    };
    let stack = shell.as_ref().or(deployment.stack.as_ref());
    let stack = stack.ok_or_else(|| {
        let name = deployment.service.name();
        Error::refused(format!(
            "the stack `{name}` was deleted while it was planned"
        ))
    })?;
    let change_set = pending.map(|pending| SavedChangeSet {
        id: pending.change_set.id.clone(),
        name: pending.change_set.name.clone(),
        on_failure: pending.on_failure,
    });
    let salt = change_set.as_ref().map_or("", |set| set.id.as_str());
    let files = deployment.fingerprint(salt);
    PlanFile::new(
        Timestamp::now(),
        &plan.target,
        plan.operation,
        stack,
        change_set,
        files,
    )?
    .write(path)
}

/// A plan that was saved earlier.
#[derive(Debug)]
pub(crate) struct Saved<'a> {
    context: &'a Context,
    file: PlanFile,
    path: PathBuf,
}

impl<'a> Saved<'a> {
    /// Reads a saved plan; nothing is sent anywhere.
    ///
    /// # Errors
    ///
    /// Refused where it was altered, or where the command line names another environment.
    pub(crate) fn read(context: &'a Context, path: &Path) -> Result<Self> {
        let saved = Self {
            context,
            file: PlanFile::read(&context.ambient.current_dir.join(path))
                .map_err(|error| perhaps_an_environment(context, path, error))?,
            path: path.to_owned(),
        };
        match &context.global.environment {
            Some(environment) if *environment != saved.file.environment => {
                let apply = format!("apply {}", shell_word::quote(&path.to_string_lossy()));
                Err(Error::refused(format!(
                    "the plan `{}` is for the environment `{}`, not `{environment}`",
                    path.display(),
                    saved.file.environment
                ))
                .hint(format!("`{}` applies it", context.command(&apply, None))))
            }
            _ => Ok(saved),
        }
    }

    /// Returns the environment that it was made for.
    pub(crate) fn environment(&self) -> &str {
        &self.file.environment
    }

    /// Refuses the plan where anything that it rests on has changed since.
    pub(crate) fn check(&self, deployment: &Deployment<'_>) -> Result<()> {
        self.check_target(deployment)?;
        self.check_stack(deployment.stack.as_ref())?;
        let now = deployment.fingerprint(self.file.salt());
        let differences = self.file.files.differences(&now);
        if differences.is_empty() {
            return Ok(());
        }
        let error = self.stale(&format!(
            "the files have changed since: {}",
            differences.join(", ")
        ));
        Err(if deployment.session.context.global.set.is_empty() {
            error.hint("if it was made with `--set`, the same `--set` belongs to `apply`")
        } else {
            error
        })
    }

    /// Returns the change set as it is now, with what is needed to execute it; `None` where the
    /// plan found nothing to change.
    ///
    /// # Errors
    ///
    /// Refused where it is gone or can no longer be executed.
    pub(crate) async fn pending(
        &self,
        deployment: &Deployment<'_>,
    ) -> Result<Option<PendingChangeSet>> {
        let Some(set) = &self.file.change_set else {
            return Ok(None);
        };
        let service = &deployment.service;
        if service.find_change_set(&set.id).await?.is_none() {
            return Err(self.stale(&format!("its change set `{}` is gone", set.name)));
        }
        let code = async { Ok(deployment.compare_code().await) };
        let (change_set, earlier_events, mut others, code) = tokio::try_join!(
            deployment.read_change_set(&set.id),
            service.latest_events(&self.file.stack.id),
            service.change_sets(&self.file.stack.id),
            code
        )?;
        others.retain(|other| other.id != set.id);
        if !change_set.is_executable() {
            return Err(self.stale(&format!(
                "its change set `{}` cannot be executed: {}, {}",
                set.name, change_set.status, change_set.execution_status
            )));
        }
        Ok(Some(PendingChangeSet {
            stack_id: self.file.stack.id.clone(),
            change_set,
            earlier_events,
            code,
            on_failure: set.on_failure,
            others: others.into_iter().map(|other| other.name).collect(),
        }))
    }

    fn check_target(&self, deployment: &Deployment<'_>) -> Result<()> {
        let file = &self.file;
        let endpoint = deployment.connection.endpoint().to_string();
        let checks = [
            ("account", &file.account, &*deployment.identity.account),
            ("region", &file.region, deployment.connection.region()),
            ("stack", &file.stack.name, deployment.service.name()),
            ("endpoint", &file.endpoint, &endpoint),
        ];
        for (name, planned, now) in checks {
            // The emulator is the same one on whichever port it listens.
            let any = name == "endpoint" && deployment.session.settings.emulator;
            if planned != now && !any {
                return Err(Error::refused(format!(
                    "the plan `{}` is for the {name} {planned}, and this is {now}",
                    self.path.display()
                ))
                .hint(match name {
                    "account" => "choose the profile that it was made with: --profile".to_owned(),
                    "region" => format!("add `--region {planned}`"),
                    _ => self.again(),
                }));
            }
        }
        Ok(())
    }

    fn check_stack(&self, stack: Option<&Stack>) -> Result<()> {
        let planned = &self.file.stack;
        let Some(stack) = stack else {
            return Err(self.stale(&format!("the stack `{}` is gone", planned.name)));
        };
        if stack.id != planned.id {
            return Err(self.stale(&format!(
                "the stack `{}` was deleted and made again",
                planned.name
            )));
        }
        let status = stack.status.to_string();
        if status != planned.status {
            return Err(self.stale(&format!(
                "the stack was {} and is {status} now",
                planned.status
            )));
        }
        if stack.updated != planned.updated {
            let when = stack.updated.map_or(String::new(), |at| format!(" ({at})"));
            return Err(self.stale(&format!("the stack was updated in the meantime{when}")));
        }
        Ok(())
    }

    fn stale(&self, why: &str) -> Error {
        Error::refused(format!(
            "the plan `{}` is stale: {why}",
            self.path.display()
        ))
        .hint(self.again())
    }

    fn again(&self) -> String {
        let plan = format!(
            "plan --out {}",
            shell_word::quote(&self.path.to_string_lossy())
        );
        format!(
            "make a new one: `{}`",
            self.context.command(&plan, Some(&self.file.environment))
        )
    }
}

/// Adds how an environment is named, where a file that does not exist was perhaps meant as one.
fn perhaps_an_environment(context: &Context, path: &Path, error: Error) -> Error {
    let name = path.to_string_lossy();
    if name.contains(['.', '/']) || context.ambient.current_dir.join(path).exists() {
        return error;
    }
    let command = context.command("apply", Some(&name));
    error.hint(format!("an environment is named with -e: `{command}`"))
}
