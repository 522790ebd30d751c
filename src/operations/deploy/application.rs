//! From a deployment whose stack accepts a change to the end: plan, consent, execution, and what follows.
//!
//! `apply` and `rollback` share it. They differ in what is deployed.

use std::cell::RefCell;
use std::path::PathBuf;

use super::change_set_deletion::discard_after;
use super::code_reading::CodeReading;
use super::consent::Consent;
use super::deployment::Deployment;
use super::execution::{self, Executed};
use super::options::DeployOptions;
use super::pending_change_set::{PendingChangeSet, Purpose};
use super::saved_plan::SavedPlan;
use super::{code_check, code_reverts, import, offline, online, stack_settings, upload};
use crate::cloudformation::event::Timeline;
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, Result};
use crate::operations::session::Session;
use crate::operations::upstream::{export_users, outputs};
use crate::operations::{output_file, smoke_test};
use crate::plan::{Plan, masking};
use crate::present::event_filter::EventFilter;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::stack::OutputsDocument;

/// How a deployment is applied.
pub(crate) struct Application<'a> {
    /// What the command line allows.
    pub(crate) consent: Consent<'a>,
    /// The options of the change set and its execution.
    pub(crate) options: DeployOptions,
    /// Which events are shown.
    pub(crate) events: EventFilter,
    /// Whether the smoke test runs at the end, also if the manifest does not ask for it.
    pub(crate) verify: bool,
    /// The file that receives the outputs.
    pub(crate) outputs_file: Option<PathBuf>,
    /// Receives the stack as it is at the end, with masked outputs.
    pub(crate) ended: Option<&'a RefCell<Option<Stack>>>,
}

/// A deployment that was planned.
pub(crate) struct Prepared {
    /// The plan.
    pub(crate) plan: Plan,
    /// What the plan executes; `None` if no change set has to be executed.
    pub(crate) pending: Option<PendingChangeSet>,
    /// Whether the change set belongs to a saved plan, which can be applied later.
    is_saved: bool,
}

impl Prepared {
    /// Deletes the change set after an error, unless a saved plan has it, and returns the error.
    pub(crate) async fn discard_after(&self, deployment: &Deployment<'_>, error: Error) -> Error {
        if self.is_saved {
            return error;
        }
        let error = match deployment.left_in_bucket() {
            Some(left) => error.hint(left),
            None => error,
        };
        match &self.pending {
            Some(pending) => discard_after(deployment, &pending.change_set().id, error).await,
            None => error,
        }
    }

    /// Returns the same with the users of the exports that the plan changes.
    ///
    /// # Errors
    ///
    /// If the user interrupts. The change set is deleted then, unless a saved plan has it.
    async fn with_users(mut self, deployment: &Deployment<'_>) -> Result<Self> {
        match export_users::find(deployment, &mut self.plan).await {
            Ok(()) => Ok(self),
            Err(error) => Err(self.discard_after(deployment, error).await),
        }
    }
}

/// Plans a deployment. Its change set is created for this purpose, unless nothing has to be changed.
///
/// # Errors
///
/// Whatever keeps the change set from being created.
pub(crate) async fn prepare(
    deployment: &Deployment<'_>,
    options: DeployOptions,
    purpose: Purpose,
) -> Result<Prepared> {
    let pending = if deployment.is_unchanged() && !options.revert_drift {
        None
    } else {
        let uploaded = upload::upload_artifacts(deployment);
        deployment.interrupt().guard(uploaded).await?;
        Some(PendingChangeSet::create(deployment, purpose, options).await?)
    };
    let plan = online::plan(deployment, pending.as_ref());
    let pending = pending.filter(|pending| pending.change_set().is_executable());
    let prepared = Prepared {
        plan,
        pending,
        is_saved: false,
    };
    prepared.with_users(deployment).await
}

impl Application<'_> {
    /// Checks before the deployment, not after it, that the smoke test is configured and the outputs
    /// can be written.
    ///
    /// # Errors
    ///
    /// If that is not so.
    pub(crate) fn check_end(&self, session: &Session<'_>) -> Result<()> {
        if self.verify {
            smoke_test::settings(session)?;
        }
        let Some(path) = &self.outputs_file else {
            return Ok(());
        };
        output_file::check_writable(path).map_err(|error| {
            error.hint("nothing was deployed; name another file with `--outputs-file`")
        })
    }

    /// Plans, asks and deploys.
    ///
    /// # Errors
    ///
    /// Those of [`prepare`](Self::prepare), [`agree`](Self::agree) and [`execute`](Self::execute).
    pub(crate) async fn run(&self, deployment: &mut Deployment<'_>) -> Result<()> {
        let prepared = self.prepare(deployment).await?;
        self.agree(deployment, &prepared).await?;
        self.execute(deployment, &prepared).await
    }

    /// Returns whether nothing has to be done, which needs no change set to know.
    pub(crate) fn is_noop(&self, deployment: &Deployment<'_>) -> bool {
        deployment.is_unchanged()
            && !self.options.revert_drift
            && stack_settings::changes(deployment).is_empty()
            && code_reverts::find(deployment, &[]).is_empty()
    }

    /// Plans a deployment. Its change set is created, unless nothing has to be changed.
    ///
    /// # Errors
    ///
    /// Refused if the user would have to be asked and cannot; whatever keeps the change set from being
    /// created.
    pub(crate) async fn prepare(&self, deployment: &Deployment<'_>) -> Result<Prepared> {
        if !self.is_noop(deployment) {
            self.consent.check_can_ask(deployment.session())?;
        }
        prepare(deployment, self.options, Purpose::Command).await
    }

    /// Reads the change set of a saved plan.
    ///
    /// # Errors
    ///
    /// Refused if the change set is gone or was not made for the plan, or if functions run other code
    /// than when the plan was saved.
    pub(crate) async fn prepare_saved(
        &self,
        deployment: &Deployment<'_>,
        saved: &SavedPlan<'_>,
    ) -> Result<Prepared> {
        let pending = saved.pending(deployment);
        let pending = deployment.interrupt().guard(pending).await?;
        let plan = online::plan(deployment, pending.as_ref());
        saved.check_code(&plan)?;
        let prepared = Prepared {
            plan,
            pending,
            is_saved: true,
        };
        prepared.with_users(deployment).await
    }

    /// Shows a plan, checks it and asks.
    ///
    /// # Errors
    ///
    /// Those of [`Consent::obtain`]. The change set is deleted then, unless a saved plan has it.
    pub(crate) async fn agree(
        &self,
        deployment: &Deployment<'_>,
        prepared: &Prepared,
    ) -> Result<()> {
        let (plan, pending) = (&prepared.plan, prepared.pending.as_ref());
        match self.consent.obtain(deployment, plan, pending).await {
            Ok(()) => Ok(()),
            Err(error) => Err(prepared.discard_after(deployment, error).await),
        }
    }

    /// Executes a plan, and does what follows a deployment.
    ///
    /// # Errors
    ///
    /// If the deployment or what follows it fails.
    pub(crate) async fn execute(
        &self,
        deployment: &mut Deployment<'_>,
        prepared: &Prepared,
    ) -> Result<()> {
        let Prepared { plan, pending, .. } = prepared;
        let executed = match pending {
            Some(pending) => {
                if prepared.is_saved {
                    // The files are those of the plan: this uploads only what the bucket lost since.
                    let uploaded = upload::check_objects(deployment);
                    deployment.interrupt().guard(uploaded).await?;
                }
                Some(execution::execute(deployment, pending, plan, self.events).await?)
            }
            None => None,
        };
        self.end(deployment, plan, executed).await
    }

    /// Ends a deployment, and writes its record at the same time.
    async fn end(
        &self,
        deployment: &mut Deployment<'_>,
        plan: &Plan,
        executed: Option<Executed<'_>>,
    ) -> Result<()> {
        let Some(Executed {
            stack,
            timeline,
            code,
            recording,
        }) = executed
        else {
            return self.finish(deployment, plan, None).await;
        };
        let ended = stack.clone();
        let record = async {
            if let Some(recording) = recording {
                recording.succeeded(&ended).await;
            }
        };
        let finish = self.finish(deployment, plan, Some((stack, (timeline, code))));
        let (finished, ()) = tokio::join!(finish, record);
        finished
    }

    /// Does what follows a deployment, also one that changed nothing: outputs, stack settings, smoke
    /// test. The outputs come first: the deployment is done, whatever fails after it.
    async fn finish(
        &self,
        deployment: &mut Deployment<'_>,
        plan: &Plan,
        executed: Option<(Stack, (Timeline, CodeReading))>,
    ) -> Result<()> {
        let session = deployment.session();
        let presenter = session.presenter();
        let (stack, happened) = executed.unzip();
        let Some(stack) = stack.or_else(|| deployment.stack().cloned()) else {
            return Ok(());
        };
        let mut shown = stack.clone();
        masking::hide_outputs(&mut shown, &deployment.build().template);
        outputs::applied(session, &stack, &deployment.build().template);
        if let Some(ended) = self.ended {
            ended.replace(Some(shown.clone()));
        }
        if happened.is_some() {
            let readiness = match plan.mode {
                DeploymentMode::Standard => "",
                DeploymentMode::Express => {
                    " It was deployed in EXPRESS mode: its resources may become ready only later."
                }
            };
            let (name, status) = (&stack.name, &stack.status);
            presenter.note(&format!("\nApplied: {name} is {status}.{readiness}\n"));
            presenter.data(&human::stack::outputs(&shown, presenter.width()));
        }
        offline::remember(deployment, &stack);
        if let Some(path) = &self.outputs_file {
            let document = OutputsDocument::of(&shown);
            output_file::write_json(path, &document, presenter.secrets())?;
        }
        let set = stack_settings::apply(deployment, &plan.settings);
        let set = deployment.interrupt().guard(set).await;
        set.map_err(|error| match happened {
            Some(_) => error.within("the stack was deployed, but its settings are not all set"),
            None => error,
        })?;
        let is_deployed = happened.is_some();
        let restored = code_reverts::restore(deployment, &plan.code_reverts);
        let restored = deployment.interrupt().guard(restored).await;
        restored.map_err(|error| {
            if is_deployed {
                error.within("the stack was deployed, but not all code was restored")
            } else {
                error
            }
        })?;
        if let Some((happened, reading)) = happened {
            let code = code_check::check(deployment, &happened, reading);
            deployment.interrupt().guard(code).await?;
            import::finish(deployment, &stack).await?;
        }
        let after_apply = session
            .settings()
            .verify
            .as_ref()
            .is_some_and(|verify| verify.after_apply);
        let imports = !deployment.build().imports.is_empty();
        if !imports && (self.verify || is_deployed && after_apply) {
            presenter.note("");
            let (interrupt, connection) = (deployment.interrupt(), deployment.connection());
            smoke_test::run(session, interrupt, connection, &stack, Format::Human).await?;
        }
        Ok(())
    }
}
