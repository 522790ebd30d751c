//! Executing a change set.

use jiff::Timestamp;

use super::code_reading::CodeReading;
use super::deployment::Deployment;
use super::pending_change_set::PendingChangeSet;
use super::recording::Recording;
use crate::cloudformation::event::Timeline;
use crate::cloudformation::stack::Stack;
use crate::error::Result;
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::plan::Plan;
use crate::present::event_filter::EventFilter;

/// A change set that was executed successfully.
pub(crate) struct Executed<'a> {
    /// The stack as it ended.
    pub(crate) stack: Stack,
    /// What happened.
    pub(crate) timeline: Timeline,
    /// The code of its functions, which is being read.
    pub(crate) code: CodeReading,
    /// The record of the deployment, which is not written yet.
    pub(crate) recording: Option<Recording<'a>>,
}

/// Executes the change set of a plan and follows the operation to its end. The record of a deployment that
/// fails is written.
///
/// # Errors
///
/// If the service refuses the execution; if the deployment fails, with its first cause.
pub(crate) async fn execute<'a>(
    deployment: &Deployment<'a>,
    pending: &PendingChangeSet,
    plan: &Plan,
    filter: EventFilter,
) -> Result<Executed<'a>> {
    let session = deployment.session();
    let resume = match deployment.rollback() {
        // What `apply` continues with are the files.
        Some(_) => session.command("events --follow"),
        None => session.command("apply --wait"),
    };
    execute_resumable(deployment, pending, plan, filter, &resume).await
}

/// As [`execute`], with the command that goes on after an interruption.
///
/// # Errors
///
/// Those of [`execute`].
pub(crate) async fn execute_resumable<'a>(
    deployment: &Deployment<'a>,
    pending: &PendingChangeSet,
    plan: &Plan,
    filter: EventFilter,
    resume: &str,
) -> Result<Executed<'a>> {
    let session = deployment.session();
    let operation = RunningOperation::after(
        deployment.stack(),
        pending.earlier_events(),
        session,
        deployment.interrupt(),
        deployment.service(),
        pending.stack_id(),
        resume,
    )
    .expecting(pending.change_set().changes.len())
    .showing(filter);
    session.presenter().note("");
    let started = Timestamp::now();
    pending.execute(deployment).await?;
    let recording = Recording::begin(deployment, pending, plan, started);
    let (code, events) = CodeReading::begin(deployment, &pending.change_set().changes);
    let mut operation = operation.sending(events);
    let ended = match interrupt_prompt::follow(&mut operation).await {
        Ok(ended) => ended,
        Err(error) => {
            if let Some(recording) = recording {
                recording.unknown(&error).await;
            }
            return Err(error);
        }
    };
    match ended {
        Some(stack) if operation.succeeded(Some(&stack)) => {
            if operation.is_cancelled() {
                let presenter = session.presenter();
                presenter.note("The operation had ended before it could be cancelled.");
            }
            operation.warn_of_resources_left_behind();
            Ok(Executed {
                stack,
                timeline: operation.into_timeline(),
                code,
                recording,
            })
        }
        ended => {
            let report = FailureReport::new(&operation, Some(deployment.build()));
            let error = report.error(ended.as_ref()).await;
            if let Some(recording) = recording {
                recording.failed(ended.as_ref(), &error).await;
            }
            Err(error)
        }
    }
}
