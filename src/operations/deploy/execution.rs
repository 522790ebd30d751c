//! Executing a change set.

use super::deployment::Deployment;
use super::pending_change_set::PendingChangeSet;
use crate::cloudformation::event::Timeline;
use crate::cloudformation::stack::Stack;
use crate::error::Result;
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::present::event_filter::EventFilter;

/// Executes the change set and follows the operation to its end. Returns the stack as it ended and
/// what happened.
///
/// # Errors
///
/// If the service refuses the execution; if the deployment fails, with its first cause.
pub(crate) async fn execute(
    deployment: &Deployment<'_>,
    pending: &PendingChangeSet,
    filter: EventFilter,
) -> Result<(Stack, Timeline)> {
    let session = deployment.session();
    let mut operation = RunningOperation::after(
        deployment.stack(),
        pending.earlier_events(),
        session,
        deployment.interrupt(),
        deployment.service(),
        pending.stack_id(),
        &session.command("apply --wait"),
    )
    .expecting(pending.change_set().changes.len())
    .showing(filter);
    session.presenter().note("");
    pending.execute(deployment).await?;
    let ended = interrupt_prompt::follow(&mut operation).await?;
    match ended {
        Some(stack) if operation.succeeded(Some(&stack)) => {
            if operation.is_cancelled() {
                let presenter = session.presenter();
                presenter.note("The operation had ended before it could be cancelled.");
            }
            operation.warn_of_resources_left_behind();
            Ok((stack, operation.into_timeline()))
        }
        ended => {
            let report = FailureReport::new(&operation, Some(deployment.build()));
            Err(report.error(ended.as_ref()).await)
        }
    }
}
