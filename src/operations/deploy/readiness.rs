//! Whether a stack accepts a change set now, and how to make it accept one.
//!
//! Two states are left without `recover`: a running operation is waited for, and the empty stack that
//! a failed creation leaves is deleted if nothing else is lost with it.

use super::deployment::Deployment;
use crate::cloudformation::on_failure::OnFailure;
use crate::cloudformation::recovery::Choices;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::express_failure;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::operations::recover::{cancel, steps};
use crate::operations::session::Session;
use crate::present::event_filter::EventFilter;

/// Brings the stack into a state in which it accepts a change set, if that is asked for or costs
/// nothing. `wait` waits for a running operation, `yes` asks no question.
///
/// # Errors
///
/// Refused, with the command that helps, if the stack does not accept one.
pub(crate) async fn prepare(
    deployment: &mut Deployment<'_>,
    wait: bool,
    yes: bool,
    filter: EventFilter,
) -> Result<()> {
    if wait || !yes && wants_to_follow(deployment).await? {
        wait_until_idle(deployment, filter).await?;
    }
    let empty = deployment.stack().cloned();
    if let Some(empty) = empty.filter(|stack| stack.status == StackStatus::RollbackComplete)
        && (yes || deployment.session().presenter().is_interactive())
    {
        delete_empty_stack(deployment, &empty, yes, filter).await?;
    }
    check(deployment)
}

/// Refuses a stack that cannot accept a change set now.
///
/// # Errors
///
/// Refused, with the command that helps.
pub(crate) fn check(deployment: &Deployment<'_>) -> Result<()> {
    let Some(stack) = deployment.stack() else {
        return Ok(());
    };
    let again = |option: &str| deployment.again(option);
    refusal(deployment.session(), stack, &again).map_or(Ok(()), Err)
}

/// Returns the error for a stack that cannot accept a change set now; `None` if it can. `again` returns the
/// command line that deploys, with an option.
pub(crate) fn refusal(
    session: &Session<'_>,
    stack: &Stack,
    again: &dyn Fn(&str) -> String,
) -> Option<Error> {
    let (name, status) = (&stack.name, &stack.status);
    match status {
        status if !status.is_terminal() => Some(busy(session, stack, again)),
        StackStatus::RollbackComplete => Some(Error::refused(format!(
            "the stack `{name}` is {status}: its creation failed, and the empty stack can only be \
             deleted"
        ))
        .hint(format!(
            "`{}` deletes it and creates the stack again",
            again("--yes")
        ))
        .hint(format!("`{}` explains more", session.command("recover")))),
        StackStatus::RollbackFailed
        | StackStatus::UpdateRollbackFailed
        | StackStatus::ImportRollbackFailed
        | StackStatus::DeleteFailed => Some(Error::refused(format!(
            "the stack `{name}` is {status} and accepts no change"
        ))
        .hint(format!(
            "`{}` shows why, and repairs the stack",
            session.command("recover")
        ))),
        _ => None,
    }
}

/// Refuses to revert drift of a stack that has no resources.
///
/// # Errors
///
/// Refused if drift is to be reverted and nothing is deployed.
pub(crate) fn check_revertible(deployment: &Deployment<'_>, reverts_drift: bool) -> Result<()> {
    // The empty stack that a failed creation leaves has no resources.
    let status = deployment.stack().map(|stack| &stack.status);
    let is_empty = status.is_none_or(|it| !it.exists() || *it == StackStatus::RollbackComplete);
    if !(reverts_drift && is_empty) {
        return Ok(());
    }
    let name = deployment.service().name();
    Err(Error::refused(format!(
        "the stack `{name}` is not deployed, so nothing can have drifted"
    ))
    .hint("leave out `--revert-drift`"))
}

/// Returns whether the change set is executed with rollback disabled: because the user asked for
/// that, or because a failed operation without rollback left the stack in a state in which
/// CloudFormation accepts no other change.
pub(super) fn disables_rollback(deployment: &Deployment<'_>, on_failure: OnFailure) -> bool {
    on_failure == OnFailure::Keep || was_kept(deployment)
}

/// Returns whether the last operation failed and was not rolled back.
pub(super) fn was_kept(deployment: &Deployment<'_>) -> bool {
    let status = deployment.stack().map(|stack| &stack.status);
    status.is_some_and(|it| matches!(it, StackStatus::CreateFailed | StackStatus::UpdateFailed))
}

/// Returns why a change set could be neither created nor executed: if another operation has begun in
/// the meantime, that is the reason, whatever error the service returned.
pub(super) async fn explain_conflict(deployment: &Deployment<'_>, error: Error) -> Error {
    match deployment.service().describe().await {
        Ok(Some(stack)) if !stack.status.is_terminal() => {
            let again = |option: &str| deployment.again(option);
            busy(deployment.session(), &stack, &again).caused_by(error)
        }
        Ok(Some(stack)) => explain_express(deployment, &stack, error),
        _ => error,
    }
}

/// Returns the error with what helps, if a call was refused because the stack failed in EXPRESS mode.
fn explain_express(deployment: &Deployment<'_>, stack: &Stack, error: Error) -> Error {
    let session = deployment.session();
    let error = express_failure::explain(session, stack, error, "apply --express");
    let is_explained = error.kind() == ErrorKind::Refused;
    if !is_explained && stack.is_express && was_kept(deployment) {
        return error.hint(express_failure::recover(session));
    }
    error
}

/// Returns the error for a stack on which an operation is running.
fn busy(session: &Session<'_>, stack: &Stack, again: &dyn Fn(&str) -> String) -> Error {
    let error = Error::refused(format!(
        "an operation is running on the stack `{}` ({})",
        stack.name, stack.status
    ))
    .hint(format!("`{}` waits for it and goes on", again("--wait")))
    .hint(format!("`{}` follows it", session.command("recover")));
    match cancel::call_for(session, stack, false) {
        Ok(_) => error.hint(format!("`{}` stops it", session.command("cancel"))),
        Err(_) => error,
    }
}

/// Asks whether to follow the running operation, if there is one and somebody to ask.
async fn wants_to_follow(deployment: &Deployment<'_>) -> Result<bool> {
    let session = deployment.session();
    let presenter = session.presenter();
    let Some(stack) = deployment
        .stack()
        .filter(|stack| !stack.status.is_terminal() && presenter.is_interactive())
    else {
        return Ok(false);
    };
    presenter.note(&format!(
        "An operation is running on the stack {} ({}).\n\
         Follow it to its end, and then plan? Only 'yes' will be accepted.",
        stack.place(),
        stack.status
    ));
    let command = deployment.again("--wait");
    let answer = deployment
        .interrupt()
        .guard(presenter.ask("Follow:", &command));
    Ok(answer.await? == "yes")
}

/// Waits for an operation that is running on the stack and reads again what is deployed.
///
/// # Errors
///
/// If the user cancels the operation or stops waiting; if a call fails.
pub(crate) async fn wait_until_idle(
    deployment: &mut Deployment<'_>,
    filter: EventFilter,
) -> Result<()> {
    let running = |stack: &&Stack| !stack.status.is_terminal();
    let Some(stack) = deployment.stack().filter(running) else {
        return Ok(());
    };
    let session = deployment.session();
    let presenter = session.presenter();
    let resume = deployment.again("--wait");
    let (interrupt, service) = (deployment.interrupt(), deployment.service());
    let operation = RunningOperation::join(session, interrupt, service, stack, &resume);
    let mut operation = operation.await?.showing(filter);
    presenter.note(&format!(
        "Waiting for the running operation ({}) …",
        stack.status
    ));
    let ended = interrupt_prompt::follow(&mut operation).await?;
    let left = ended.filter(|ended| ended.status != StackStatus::DeleteComplete);
    presenter.note(&match &left {
        Some(ended) => format!("It has ended: {} is {}.\n", ended.name, ended.status),
        None => format!("It has ended: {} is gone.\n", stack.name),
    });
    if operation.is_cancelled() {
        // Cancelling one deployment does not ask for the next.
        let error = Error::new(ErrorKind::Interrupted, "cancelled: nothing was applied");
        let again = deployment.again("");
        return Err(error.hint(match deployment.rollback() {
            _ if deployment.is_of_files() => format!("`{again}` deploys what the files say"),
            Some(_) => format!("`{again}` rolls back after all"),
            None => format!("`{again}` does it after all"),
        }));
    }
    let (left, interrupt) = (left.as_ref(), deployment.interrupt().clone());
    interrupt.guard(deployment.read_after(left)).await
}

/// Deletes the empty stack that a failed creation left, so that the stack can be created again.
///
/// # Errors
///
/// Refused if a resource still exists, or the user does not agree.
async fn delete_empty_stack(
    deployment: &mut Deployment<'_>,
    empty: &Stack,
    yes: bool,
    filter: EventFilter,
) -> Result<()> {
    let session = deployment.session();
    let presenter = session.presenter();
    let (interrupt, service) = (deployment.interrupt(), deployment.service());
    let choices = Choices::default();
    let store = deployment.store();
    let recovery = steps::inspect(session, service, &store, empty, &choices);
    let recovery = interrupt.guard(recovery).await?;
    if !recovery.live.is_empty() {
        let live = recovery.live.iter().map(|deletion| {
            let resource = &deletion.resource;
            let name = resource.physical_id.as_deref().unwrap_or_default();
            format!(
                "{} ({} {name})",
                resource.logical_id, resource.resource_type
            )
        });
        let live: Vec<String> = live.collect();
        return Err(Error::refused(format!(
            "the creation of `{}` failed, and some of its resources still exist: {}",
            empty.name,
            live.join(", ")
        ))
        .hint(format!(
            "`{}` shows what happens to them when the stack is deleted",
            session.command("recover")
        )));
    }
    let calls = recovery.calls(&choices)?;
    steps::check_protection(session, empty, &calls)?;
    presenter.note(&format!(
        "The creation of `{}` failed and was rolled back ({}).\n\
         None of its resources is left, but the empty stack accepts no change.",
        empty.name, empty.status
    ));
    if !yes {
        presenter.note(&format!(
            "Delete the empty stack {} and go on? Only 'yes' will be accepted.",
            empty.place()
        ));
        let command = deployment.again("--yes");
        let confirmed = presenter.confirm("Delete:", &command, "not applied");
        interrupt.guard(confirmed).await?;
    }
    presenter.note("Deleting the empty stack:");
    let step = steps::Step {
        session,
        interrupt,
        service,
        stack: empty,
        filter,
    };
    let left = step.take(&calls).await?;
    presenter.note("");
    let interrupt = interrupt.clone();
    interrupt.guard(deployment.read_after(left.as_ref())).await
}
