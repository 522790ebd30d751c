//! From a deployment whose stack accepts a change to the end: plan, consent, execution, and what follows.
//!
//! `apply` and `rollback` share it. They differ in what is deployed.

use std::path::PathBuf;

use super::change_set_deletion::discard_after;
use super::consent::Consent;
use super::deployment::Deployment;
use super::execution::{self, Executed};
use super::options::DeployOptions;
use super::pending_change_set::{PendingChangeSet, Purpose};
use super::saved_plan::SavedPlan;
use super::{code_check, import, offline, online, stack_settings, upload};
use crate::cloudformation::event::Timeline;
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::error::Result;
use crate::operations::session::Session;
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
    /// Refused if the user does not agree; if the deployment or what follows it fails.
    pub(crate) async fn run(&self, deployment: &mut Deployment<'_>) -> Result<()> {
        let options = self.options;
        let unchanged = deployment.is_unchanged() && !options.revert_drift;
        if !(unchanged && stack_settings::changes(deployment).is_empty()) {
            self.consent.check_can_ask(deployment.session())?;
        }
        let pending = if unchanged {
            None
        } else {
            let uploaded = upload::upload_artifacts(deployment);
            deployment.interrupt().guard(uploaded).await?;
            Some(PendingChangeSet::create(deployment, Purpose::Command, options).await?)
        };
        let plan = online::plan(deployment, pending.as_ref());
        let pending = pending.filter(|pending| pending.change_set().is_executable());
        let agreed = self.consent.obtain(deployment, &plan, pending.as_ref());
        if let Err(mut error) = agreed.await {
            if let Some(left) = deployment.left_in_bucket() {
                error = error.hint(left);
            }
            return Err(match &pending {
                Some(pending) => discard_after(deployment, &pending.change_set().id, error).await,
                None => error,
            });
        }
        let executed = match &pending {
            Some(pending) => {
                Some(execution::execute(deployment, pending, &plan, self.events).await?)
            }
            None => None,
        };
        self.end(deployment, &plan, executed).await
    }

    /// Asks, and executes the change set of a saved plan.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); refused if the change set is gone.
    pub(crate) async fn execute_saved(
        &self,
        deployment: &mut Deployment<'_>,
        saved: &SavedPlan<'_>,
    ) -> Result<()> {
        let pending = saved.pending(deployment);
        let pending = deployment.interrupt().guard(pending).await?;
        let plan = online::plan(deployment, pending.as_ref());
        // If the user declines or interrupts, the plan stays: it can still be applied.
        let agreed = self.consent.obtain(deployment, &plan, pending.as_ref());
        agreed.await?;
        let executed = match &pending {
            Some(pending) => {
                // The files are those of the plan: this uploads only what the bucket lost since.
                let uploaded = upload::check_objects(deployment);
                deployment.interrupt().guard(uploaded).await?;
                Some(execution::execute(deployment, pending, &plan, self.events).await?)
            }
            None => None,
        };
        self.end(deployment, &plan, executed).await
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
        let finish = self.finish(deployment, plan, Some((stack, timeline)));
        let (finished, ()) = tokio::join!(finish, record);
        finished
    }

    /// Does what follows a deployment, also one that changed nothing: outputs, stack settings, smoke
    /// test. The outputs come first: the deployment is done, whatever fails after it.
    async fn finish(
        &self,
        deployment: &mut Deployment<'_>,
        plan: &Plan,
        executed: Option<(Stack, Timeline)>,
    ) -> Result<()> {
        let session = deployment.session();
        let presenter = session.presenter();
        let (stack, happened) = executed.unzip();
        let Some(stack) = stack.or_else(|| deployment.stack().cloned()) else {
            return Ok(());
        };
        let mut shown = stack.clone();
        masking::hide_outputs(&mut shown, &deployment.build().template);
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
        if let Some(happened) = &happened {
            let code = code_check::check(deployment, happened);
            deployment.interrupt().guard(code).await?;
            import::finish(deployment, &stack).await?;
        }
        let after_apply = session
            .settings()
            .verify
            .as_ref()
            .is_some_and(|verify| verify.after_apply);
        let imports = !deployment.build().imports.is_empty();
        if !imports && (self.verify || happened.is_some() && after_apply) {
            presenter.note("");
            let (interrupt, connection) = (deployment.interrupt(), deployment.connection());
            smoke_test::run(session, interrupt, connection, &stack, Format::Human).await?;
        }
        Ok(())
    }
}
