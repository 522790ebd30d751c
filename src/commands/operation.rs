//! A running operation: a change set is executed, followed to its end, and what went wrong is told.

use std::time::{Duration, Instant};

use super::deployment::Deployment;
use super::proposal::Proposal;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Timeline};
use crate::present::human;
use crate::stack::Stack;
use crate::status::{ResourceStatus, Sentiment, StackStatus};

/// Executes the change set and follows it until the stack is settled.
pub(super) async fn execute(deployment: &Deployment<'_>, proposal: &Proposal) -> Result<Stack> {
    let session = deployment.session;
    let presenter = session.presenter();
    let resume = session.command("apply --wait");
    deployment.interrupt.resume_with(&resume);
    let started = Instant::now();
    presenter.note("");
    deployment
        .service
        .execute(&proposal.change_set.id, &proposal.change_set.name)
        .await?;
    let mut timeline = Timeline::after(&proposal.earlier_events);
    let total = proposal.change_set.changes.len();
    let follow = deployment
        .service
        .follow(&proposal.stack_id, &mut timeline, |new, timeline| {
            let elapsed = started.elapsed();
            for event in new {
                presenter.note(&human::event::line(event, elapsed));
            }
            presenter.progress(&human::event::progress(timeline, total, elapsed));
        });
    let followed = match session.settings.stack.timeout_minutes {
        None => deployment.interrupt.guard(follow).await,
        Some(minutes) => {
            let limit = Duration::from_mins(u64::from(minutes));
            let timed = async {
                tokio::time::timeout(limit, follow)
                    .await
                    .unwrap_or_else(|_| {
                        Err(Error::new(
                            ErrorKind::Deployment,
                            format!("the operation is still running after {minutes} minutes"),
                        )
                        .hint(format!("it goes on; follow it with `{resume}`")))
                    })
            };
            deployment.interrupt.guard(timed).await
        }
    };
    let ended = match followed {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            return Err(error.hint(format!("the operation goes on; follow it with `{resume}`")));
        }
        followed => followed?,
    };
    outcome(session, ended, &timeline)
}

/// Returns the stack where it ended well, else what went wrong first and what to do now.
fn outcome(session: &Session<'_>, ended: Option<Stack>, timeline: &Timeline) -> Result<Stack> {
    let name = &session.settings.stack_name;
    let Some(stack) = ended else {
        return Err(Error::new(
            ErrorKind::Deployment,
            format!("the stack `{name}` is gone"),
        ));
    };
    if stack.status.sentiment() == Sentiment::Good && stack.status != StackStatus::DeleteComplete {
        return Ok(stack);
    }
    let (kind, what) = if stack.status.is_rolled_back() {
        (ErrorKind::RolledBack, "failed and was rolled back")
    } else {
        (ErrorKind::Deployment, "failed")
    };
    let mut error = Error::new(kind, format!("the deployment {what} ({})", stack.status));
    if let Some(cause) = timeline.root_cause() {
        error = error.caused_by(FirstCause::of(cause));
    }
    let next = match stack.status {
        StackStatus::RollbackComplete => {
            format!(
                "a stack whose creation failed can only be deleted: `{}`",
                session.command("destroy")
            )
        }
        _ => format!("the stack as it is now: `{}`", session.command("status")),
    };
    Err(error.hint(next))
}

/// The first real cause of a failed operation.
#[derive(Debug, thiserror::Error)]
#[error("{resource_type} {logical_id} {status}: {reason}")]
pub(super) struct FirstCause {
    resource_type: String,
    logical_id: String,
    status: ResourceStatus,
    reason: String,
}

impl FirstCause {
    pub(super) fn of(event: &Event) -> Self {
        let reason = event
            .reason
            .as_deref()
            .unwrap_or("the service gave no reason");
        Self {
            resource_type: event.resource_type.clone(),
            logical_id: event.logical_id.clone(),
            status: event.status.clone(),
            reason: reason.to_owned(),
        }
    }
}
