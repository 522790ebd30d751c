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
use crate::operations::session::Session;
use crate::present::Presenter;
use crate::util::interrupt::{Decision, Interrupt};

/// How long a user who wants to stop waits for the stack's status. Without a network the answer would
/// take minutes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Follows the operation to its end and shows its events. Returns the stack as it ended; `None` if it
/// is gone.
///
/// # Errors
///
/// [`ErrorKind::Interrupted`], with the command that follows the operation, if the user leaves it
/// running; those of [`RunningOperation::poll_until_interrupted`].
pub(crate) async fn follow(operation: &mut RunningOperation<'_>) -> Result<Option<Stack>> {
    let name = &operation.session().settings().stack_name;
    let _running = operation.interrupt().follow(name);
    loop {
        match operation.poll_until_interrupted().await {
            Err(error) if can_ask(operation.session(), operation.interrupt(), &error) => {
                leave_or_cancel(operation, error).await?;
            }
            ended => return ended,
        }
    }
}

/// Returns whether an error ends the wait for an operation, and the user can be asked what becomes of it.
pub(crate) fn can_ask(session: &Session<'_>, interrupt: &Interrupt, error: &Error) -> bool {
    error.kind() == ErrorKind::Interrupted
        && session.presenter().is_interactive()
        && !interrupt.is_unattended()
}

/// Asks until the answer is `leave` or the other one, such as `cancel`, and returns whether it is `leave`.
/// `resume` is the command that follows the operation.
///
/// # Errors
///
/// Those of [`Presenter::ask`].
pub(crate) async fn chooses_to_leave(
    presenter: &Presenter,
    other: &str,
    resume: &str,
) -> Result<bool> {
    let accepted = format!("Only 'leave' or '{other}' will be accepted.");
    let question = format!("Leave or {other}:");
    loop {
        presenter.note(&accepted);
        match presenter.ask(&question, resume).await?.as_str() {
            "leave" | "" => return Ok(true),
            answer if answer == other => return Ok(false),
            _ => {}
        }
    }
}

/// Asks whether to leave the operation running, which returns `left`, or to cancel it, and then
/// cancels it. A second Ctrl-C during the question ends the process.
async fn leave_or_cancel(operation: &mut RunningOperation<'_>, left: Error) -> Result<()> {
    let resets = operation.interrupt().resets();
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
    let call = match cancellation(operation, &shown, &stack) {
        Ok(call) => Some(call),
        Err(obstacle) => {
            presenter.note(&obstacle);
            None
        }
    };
    // If others run, the answer is for all of them.
    if call.is_none() && operation.interrupt().running().len() <= 1 {
        return Err(left);
    }
    let resume = operation.resume().to_owned();
    let decide = operation.interrupt().decide(resets, async |running| {
        let presenter = presenter.of_all();
        presenter.note(&question(call.as_ref(), &stack, running));
        Ok(if chooses_to_leave(&presenter, "cancel", &resume).await? {
            Decision::Leave
        } else {
            Decision::Cancel
        })
    });
    if decide.await? == Decision::Leave {
        let left = Error::new(ErrorKind::Interrupted, "left running");
        return Err(operation.still_running(left));
    }
    let Some(call) = call else {
        return Err(left);
    };
    presenter.note("");
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

/// Returns the call that cancels the operation, or why it cannot be cancelled.
fn cancellation(
    operation: &RunningOperation<'_>,
    shown: &ShownOperation,
    stack: &Stack,
) -> std::result::Result<Call, String> {
    let status = &stack.status;
    let Ok(call) = cancel::call_for(operation.session(), stack, true) else {
        return Err(format!(
            "\nThe running operation ({status}) cannot be cancelled."
        ));
    };
    if shown.began_with(operation.timeline().beginning()) {
        return Ok(call);
    }
    Err(format!(
        "\nAnother operation is running by now ({status}). It is not cancelled."
    ))
}

/// Returns the question about the operations on several stacks, which it names.
pub(crate) fn question_for_several(running: &[String]) -> String {
    format!(
        "\nLeave the operations on {} running, or cancel them?\n\
         An update is rolled back. A creation is cancelled by deleting the stack with everything created \
         so far. The operation of a stack set is stopped.",
        running.join(", ")
    )
}

/// Returns the question, which names the stack or, if there are several, all on which operations run.
fn question(call: Option<&Call>, stack: &Stack, running: &[String]) -> String {
    let place = stack.place();
    if running.len() > 1 {
        return question_for_several(running);
    }
    match call {
        Some(Call::CancelUpdateStack) => format!(
            "\nLeave the update of {place} running, or cancel it, so that CloudFormation rolls it back?"
        ),
        _ => format!(
            "\nLeave the creation of {place} running, or cancel it?\n\
             A creation is cancelled by deleting the stack with everything created so far."
        ),
    }
}
