//! Ctrl-C while an operation runs.
//!
//! The operation is CloudFormation's, so ending this process does not end it. On a terminal the user
//! is asked whether to leave the operation running or to cancel it.

use crate::aws::stack::recovery;
use std::time::Duration;

use super::RunningOperation;
use crate::cloudformation::recovery::Call;
use crate::cloudformation::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::temporary_name;
use crate::operations::recover::cancel::{self, ShownOperation};

/// How long a user who wants to stop waits for the stack's status. Without a network the answer would
/// take minutes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answers to the question.
const ACCEPTED: &str = "Only 'leave' or 'cancel' will be accepted.";

/// Follows the operation to its end and shows its events. Returns the stack as it ended; `None` if it
/// is gone.
///
/// # Errors
///
/// [`ErrorKind::Interrupted`], with the command that follows the operation, if the user leaves it
/// running; those of [`RunningOperation::poll_until_interrupted`].
pub(crate) async fn follow(operation: &mut RunningOperation<'_>) -> Result<Option<Stack>> {
    loop {
        match operation.poll_until_interrupted().await {
            Err(error) if can_ask(operation, &error) => leave_or_cancel(operation, error).await?,
            ended => return ended,
        }
    }
}

fn can_ask(operation: &RunningOperation<'_>, error: &Error) -> bool {
    error.kind() == ErrorKind::Interrupted
        && operation.session().presenter().is_interactive()
        && !operation.interrupt().is_unattended()
}

/// Asks whether to leave the operation running, which returns `left`, or to cancel it, and then
/// cancels it. A second Ctrl-C during the question ends the process.
async fn leave_or_cancel(operation: &mut RunningOperation<'_>, left: Error) -> Result<()> {
    let (session, service) = (operation.session(), operation.service());
    let read = async {
        let stack = service.describe_by(operation.stack_id()).await?;
        Ok::<_, Error>(match stack {
            Some(stack) => Some((ShownOperation::read(service, &stack).await?, stack)),
            None => None,
        })
    };
    let Ok(Ok(Some((shown, stack)))) = tokio::time::timeout(PATIENCE, read).await else {
        return Err(left);
    };
    let presenter = session.presenter();
    let Ok(call) = cancel::call_for(session, &stack, true) else {
        presenter.note(&format!(
            "\nThe running operation ({}) cannot be cancelled.",
            stack.status
        ));
        return Err(left);
    };
    if !shown.began_with(operation.timeline().beginning()) {
        presenter.note(&format!(
            "\nAnother operation is running by now ({}). It is not cancelled.",
            stack.status
        ));
        return Err(left);
    }
    let place = stack.place();
    presenter.note(&match call {
        Call::CancelUpdateStack => format!(
            "\nLeave the update of {place} running, or cancel it, so that CloudFormation rolls it back?"
        ),
        _ => format!(
            "\nLeave the creation of {place} running, or cancel it?\n\
             A creation is cancelled by deleting the stack with everything created so far."
        ),
    });
    presenter.note(ACCEPTED);
    loop {
        let answer = presenter
            .ask("Leave or cancel:", operation.resume())
            .await?;
        match answer.as_str() {
            "cancel" => break,
            "leave" | "" => {
                let left = Error::new(ErrorKind::Interrupted, "left running");
                return Err(operation.still_running(left));
            }
            _ => presenter.note(ACCEPTED),
        }
    }
    presenter.note("");
    operation.interrupt().reset();
    let cancelled = async {
        if !shown.is_unchanged(service).await? {
            // If the creation is complete by now, cancelling it would delete a complete stack.
            presenter.note("Not cancelled: the operation's status changed in the meantime.");
            return Ok(false);
        }
        let role = session.settings().stack.role_arn.as_deref();
        let token = temporary_name();
        let sent = recovery::perform(service, &call, &stack.id, &token, role);
        sent.await.map(|()| true)
    };
    match cancelled.await {
        Ok(true) => operation.set_cancelled(&call),
        Ok(false) => {}
        Err(error) => return Err(operation.still_running(error)),
    }
    Ok(())
}
