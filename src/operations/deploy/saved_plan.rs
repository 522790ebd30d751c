//! Saving a plan and applying it later: writing and reading a [`PlanFile`].
//!
//! Hours may pass between the two, and other people may deploy. Everything that the plan depends on is
//! checked again, and what no longer holds is named, with the command that makes a new plan.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::change_set_deletion::discard_after;
use super::deployment::Deployment;
use super::fingerprint::{description, fingerprint};
use super::options::DeployOptions;
use super::pending_change_set::PendingChangeSet;
use crate::aws::Endpoint;
use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, Result};
use crate::operations::build::Build;
use crate::operations::change_set_name::SAVED;
use crate::operations::context::Context;
use crate::operations::session::Session;
use crate::plan::Plan;
use crate::plan::plan_file::of_stacks::SavedFile;
use crate::plan::plan_file::{PlanFile, SavedChangeSet};
use crate::util::shell_word::quote;

/// Writes the plan of this run to a file. `pending` is `None` if nothing has to be changed.
///
/// # Errors
///
/// If the file cannot be written; the change set is deleted then.
pub(crate) async fn save(
    deployment: &Deployment<'_>,
    plan: &Plan,
    pending: Option<&PendingChangeSet>,
    path: &Path,
) -> Result<()> {
    let write = async { file(deployment, plan, pending).await?.write(path) };
    match (deployment.interrupt().guard(write).await, pending) {
        (Err(error), Some(pending)) => {
            Err(discard_after(deployment, &pending.change_set().id, error).await)
        }
        (written, _) => written,
    }
}

/// Returns the file of a plan. `pending` is `None` if nothing has to be changed.
///
/// # Errors
///
/// If a call fails.
pub(crate) async fn file(
    deployment: &Deployment<'_>,
    plan: &Plan,
    pending: Option<&PendingChangeSet>,
) -> Result<PlanFile> {
    let service = deployment.service();
    // The change set created the stack if it is new, so its state can be read only now.
    let created = match pending {
        Some(pending) => service.describe_by(pending.stack_id()).await?,
        None => None,
    };
    let stack = created.as_ref().or(deployment.stack());
    let stack = stack.ok_or_else(|| {
        let name = service.name();
        Error::refused(format!(
            "the stack `{name}` was deleted while it was planned"
        ))
    })?;
    let change_set = pending.map(|pending| {
        let options = pending.options();
        SavedChangeSet {
            id: pending.change_set().id.clone(),
            name: pending.change_set().name.clone(),
            on_failure: options.on_failure,
            mode: options.mode,
            skips_validation: options.skips_validation,
        }
    });
    let salt = change_set.as_ref().map_or("", |set| set.id.as_str());
    let (build, settings) = deployment.files();
    let files = fingerprint(build, settings, salt);
    PlanFile::new(
        Timestamp::now(),
        &plan.target,
        plan.operation,
        stack,
        change_set,
        files,
    )?
    .with_code(&plan.code_reverts)
}

/// Reads a file of saved plans; nothing is sent anywhere.
///
/// # Errors
///
/// If it cannot be read; refused if it was changed.
pub(crate) fn read(context: &Context, path: &Path) -> Result<SavedFile> {
    SavedFile::read(&context.resolve(path))
        .map_err(|error| perhaps_an_environment(context, path, error))
}

/// Refuses a saved plan if the command line names another environment.
///
/// # Errors
///
/// Refused, with the command that applies it.
pub(crate) fn check_environment(context: &Context, plan: &PlanFile, path: &Path) -> Result<()> {
    match context.environment() {
        Some(environment) if environment != plan.environment => {
            let apply = format!("apply {}", quote(&path.to_string_lossy()));
            Err(Error::refused(format!(
                "the plan `{}` is for the environment `{}`, not `{environment}`",
                path.display(),
                plan.environment
            ))
            .hint(format!("`{}` applies it", context.command(&apply, None))))
        }
        _ => Ok(()),
    }
}

/// A plan that was saved earlier.
#[derive(Debug)]
pub(crate) struct SavedPlan<'a> {
    context: &'a Context,
    file: PlanFile,
    path: PathBuf,
    /// The command that makes it again, if the file holds the plans of several stacks.
    again: Option<String>,
}

impl<'a> SavedPlan<'a> {
    /// Returns the plan of one stack. `path` is the file, as the user named it.
    ///
    /// # Errors
    ///
    /// Refused if the file holds the plans of several stacks, or if the command line names another
    /// environment.
    pub(crate) fn of_one(context: &'a Context, file: &SavedFile, path: &Path) -> Result<Self> {
        let SavedFile::OfStack(file) = file else {
            return Err(Error::refused(format!(
                "`{}` holds the plans of several stacks, but the project has one",
                path.display()
            )));
        };
        check_environment(context, file, path)?;
        Ok(Self {
            context,
            file: (**file).clone(),
            path: path.to_owned(),
            again: None,
        })
    }

    /// Returns one of the plans of several stacks. `again` is the command that makes them again.
    pub(crate) fn of_several(
        context: &'a Context,
        file: PlanFile,
        path: &Path,
        again: &str,
    ) -> Self {
        Self {
            context,
            file,
            path: path.to_owned(),
            again: Some(again.to_owned()),
        }
    }

    /// Returns the environment that it was made for.
    pub(crate) fn environment(&self) -> &str {
        &self.file.environment
    }

    /// Refuses the plan if the project's settings target another stack. Nothing is sent anywhere.
    ///
    /// # Errors
    ///
    /// Refused, with what differs.
    pub(crate) fn check_settings(&self, session: &Session<'_>) -> Result<()> {
        let settings = session.settings();
        let (planned, region) = (&self.file, settings.region.as_deref());
        if let Some(region) = region.filter(|region| *region != planned.region) {
            return Err(self.of_another("region", &planned.region, region));
        }
        if settings.stack_name != planned.stack.name {
            return Err(self.of_another("stack", &planned.stack.name, &settings.stack_name));
        }
        // The emulator has another port after each start.
        if settings.emulator && !is_loopback(&planned.endpoint) {
            return Err(self.of_another("endpoint", &planned.endpoint, "the emulator"));
        }
        Ok(())
    }

    /// Refuses the plan if the files have changed since.
    ///
    /// # Errors
    ///
    /// Refused, with the files that differ.
    pub(crate) fn check_files(&self, session: &Session<'_>, build: &Build) -> Result<()> {
        let now = fingerprint(build, session.settings(), self.file.salt());
        let differences = self.file.files.differences(&now);
        if differences.is_empty() {
            return Ok(());
        }
        let error = self.stale(&format!(
            "the files have changed since: {}",
            differences.join(", ")
        ));
        Err(if session.context().sets_keys() {
            error
        } else {
            error.hint("if it was made with `--set`, give `apply` the same `--set`")
        })
    }

    /// Refuses the plan if the account or the stack has changed since.
    ///
    /// # Errors
    ///
    /// Refused, with what differs.
    pub(crate) fn check_deployed(&self, deployment: &Deployment<'_>) -> Result<()> {
        self.check_target(deployment)?;
        self.check_stack(deployment.stack())
    }

    /// Refuses the plan if functions run other code than when it was saved. `plan` is the plan now.
    ///
    /// # Errors
    ///
    /// Refused, with the functions.
    pub(crate) fn check_code(&self, plan: &Plan) -> Result<()> {
        let changed = self.file.changed_code(&plan.code_reverts);
        if changed.is_empty() {
            return Ok(());
        }
        let names = changed.join(", ");
        Err(self.stale(&format!("the code of {names} was changed in the meantime")))
    }

    /// Returns the change set as it is now; `None` if the plan found nothing to change.
    ///
    /// # Errors
    ///
    /// Refused if it is gone or can no longer be executed.
    pub(crate) async fn pending(
        &self,
        deployment: &Deployment<'_>,
    ) -> Result<Option<PendingChangeSet>> {
        let Some(set) = &self.file.change_set else {
            return Ok(None);
        };
        if deployment
            .service()
            .find_change_set(&set.id)
            .await?
            .is_none()
        {
            return Err(self.stale(&format!("its change set `{}` is gone", set.name)));
        }
        let stack_id = &self.file.stack.id;
        let options = options(set);
        let pending = PendingChangeSet::read(deployment, &set.id, stack_id, options).await?;
        let change_set = pending.change_set();
        if !self.is_its_own(set, change_set, deployment)? {
            return Err(Error::refused(format!(
                "the change set `{}` was not made for the plan `{}`",
                set.name,
                self.path.display()
            ))
            .hint(self.again()));
        }
        if !change_set.is_executable() {
            return Err(self.stale(&format!(
                "its change set `{}` cannot be executed: {}, {}",
                set.name, change_set.status, change_set.execution_status
            )));
        }
        Ok(Some(pending))
    }

    /// Returns whether the change set that the file names was made for this plan: anybody can write
    /// another ARN into the file, also with its digest.
    fn is_its_own(
        &self,
        saved: &SavedChangeSet,
        found: &ChangeSet,
        deployment: &Deployment<'_>,
    ) -> Result<bool> {
        let (build, settings) = (deployment.build(), deployment.session().settings());
        let expected = description(build, settings, &found.name, options(saved))?;
        let has_mark = match found.description.as_deref().unwrap_or_default() {
            // Some servers keep no description.
            "" => *deployment.connection().endpoint() != Endpoint::Aws,
            description => description == expected,
        };
        Ok(has_mark
            && found.is_express() == (saved.mode == DeploymentMode::Express)
            && found.id == saved.id
            && found.name == saved.name
            && found.name.starts_with(SAVED)
            && found.stack_id == self.file.stack.id)
    }

    fn check_target(&self, deployment: &Deployment<'_>) -> Result<()> {
        let file = &self.file;
        let endpoint = deployment.connection().endpoint().to_string();
        let checks = [
            ("account", &file.account, &*deployment.identity().account),
            ("region", &file.region, deployment.connection().region()),
            ("stack", &file.stack.name, deployment.service().name()),
            ("endpoint", &file.endpoint, &endpoint),
        ];
        for (name, planned, now) in checks {
            // The emulator is the same one whatever its port is.
            let any = name == "endpoint" && deployment.session().settings().emulator;
            if planned != now && !any {
                return Err(self.of_another(name, planned, now));
            }
        }
        Ok(())
    }

    /// Returns the error for a plan whose account, region, stack or endpoint is another one than `now`.
    fn of_another(&self, name: &str, planned: &str, now: &str) -> Error {
        let subject = match name {
            "account" => "the credentials belong to",
            _ => "this run uses",
        };
        Error::refused(format!(
            "the plan `{}` targets {name} {planned}, but {subject} {name} {now}",
            self.path.display()
        ))
        .hint(match name {
            "account" => "choose the profile that it was made with: --profile".to_owned(),
            "region" => format!("add `--region {planned}`"),
            _ => self.again(),
        })
    }

    fn check_stack(&self, stack: Option<&Stack>) -> Result<()> {
        let planned = &self.file.stack;
        let Some(stack) = stack else {
            return Err(self.stale(&format!("the stack `{}` is gone", planned.name)));
        };
        if stack.id != planned.id {
            return Err(self.stale(&format!(
                "the stack `{}` was deleted and created again",
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
        if let Some(again) = &self.again {
            return format!("create new plans: `{again}`");
        }
        let plan = format!("plan --out {}", quote(&self.path.to_string_lossy()));
        format!(
            "create a new plan: `{}`",
            self.context.command(&plan, Some(&self.file.environment))
        )
    }
}

/// Returns the options with which a saved change set was created.
fn options(saved: &SavedChangeSet) -> DeployOptions {
    DeployOptions {
        on_failure: saved.on_failure,
        mode: saved.mode,
        skips_validation: saved.skips_validation,
        ..DeployOptions::default()
    }
}

fn is_loopback(endpoint: &str) -> bool {
    endpoint.starts_with("http://127.0.0.1:")
}

/// Adds how an environment is named, if the user may have meant one by a file that does not exist.
fn perhaps_an_environment(context: &Context, path: &Path, error: Error) -> Error {
    let name = path.to_string_lossy();
    if name.contains(['.', '/']) || context.resolve(path).exists() {
        return error;
    }
    let command = context.command("apply", Some(&name));
    error.hint(format!("an environment is named with -e: `{command}`"))
}
