//! Executing a refactor and following it to its end.
//!
//! Two things prove the end: the status of the execution, and the stack's resources, which have their new
//! ids and nothing of the stack is in progress. Neither is enough alone.

use super::request::obsolete;
use super::{ShownRefactor, earlier};
use crate::aws::lacks_permission;
use crate::aws::stack::{StackService, refactor};
use crate::cloudformation::refactor::{ExecutionStatus, Move, Refactor};
use crate::cloudformation::stack::{Resource, Stack};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{RunningOperation, limited};
use crate::operations::reread;
use crate::present::event_filter::EventFilter;

/// Executes a refactor and follows it to its end. Returns the stack with the new ids.
///
/// # Errors
///
/// Refused if the stack changed since the refactor was created; of kind [`ErrorKind::RolledBack`] or
/// [`ErrorKind::Deployment`] if the execution fails; those of [`join`].
pub(crate) async fn execute(
    deployment: &Deployment<'_>,
    stack: &Stack,
    shown: &ShownRefactor,
    filter: EventFilter,
) -> Result<Stack> {
    let (session, service) = (deployment.session(), deployment.service());
    let interrupt = deployment.interrupt();
    let id = &shown.refactor.id;
    let resume = session.command("refactor");
    let operation = RunningOperation::before_request(session, interrupt, service, stack, &resume);
    let mut operation = interrupt.guard(operation).await?.showing(filter);
    let now = async {
        tokio::try_join!(
            refactor::describe(service, id),
            service.describe_by(&stack.id)
        )
    };
    let (refactor, now) = interrupt.guard(now).await?;
    session.presenter().note("");
    // Somebody else may have executed the same refactor while the user was asked.
    if !refactor.is_some_and(|it| it.execution.has_begun()) {
        let is_same = |now: &Stack| {
            let is_ready = now.status.exists() && now.status.is_terminal();
            is_ready && now.updated == stack.updated
        };
        if !now.is_some_and(|now| is_same(&now)) {
            return Err(obsolete(deployment));
        }
        let sent = operation.request(refactor::execute(service, id)).await;
        if let Err(error) = sent {
            return Err(explain_refusal(deployment, id, error).await);
        }
    }
    follow(deployment, stack, shown, &mut operation).await
}

/// Follows a refactor that is being executed already. Returns the stack with the new ids.
///
/// # Errors
///
/// Those of [`execute`]; [`ErrorKind::Interrupted`], with the command that follows the refactor;
/// [`ErrorKind::Service`] if the outcome stays unknown.
pub(crate) async fn join(
    deployment: &Deployment<'_>,
    stack: &Stack,
    shown: &ShownRefactor,
    filter: EventFilter,
) -> Result<Stack> {
    let (session, interrupt) = (deployment.session(), deployment.interrupt());
    let resume = session.command("refactor");
    let service = deployment.service();
    let operation = RunningOperation::join(session, interrupt, service, stack, &resume);
    let mut operation = operation.await?.showing(filter);
    follow(deployment, stack, shown, &mut operation).await
}

/// Reads until the stack shows the new ids, for a limited time. Returns whether it does.
///
/// # Errors
///
/// If a call fails.
pub(crate) async fn is_done(
    deployment: &Deployment<'_>,
    stack: &Stack,
    moves: &[Move],
) -> Result<bool> {
    let read = async || State::read(deployment.service(), stack).await;
    let read = reread::until_current(read, |state| !state.is_renamed(moves));
    let state = deployment.interrupt().guard(read).await?;
    Ok(state.is_renamed(moves))
}

/// Returns why the service refused an execution.
async fn explain_refusal(deployment: &Deployment<'_>, id: &str, error: Error) -> Error {
    if error.kind() != ErrorKind::Service {
        return error;
    }
    let now = refactor::describe(deployment.service(), id).await;
    match now {
        Ok(Some(now)) if now.execution == ExecutionStatus::Obsolete => {
            obsolete(deployment).caused_by(error)
        }
        _ => error.hint(format!(
            "`{}` looks again whether the execution has begun",
            deployment.session().command("refactor")
        )),
    }
}

/// Follows the execution to its end and returns the stack with the new ids.
async fn follow(
    deployment: &Deployment<'_>,
    stack: &Stack,
    shown: &ShownRefactor,
    operation: &mut RunningOperation<'_>,
) -> Result<Stack> {
    let ended = poll(operation, &shown.refactor.id).await;
    deployment.session().presenter().clear_progress();
    let ended = ended.map_err(|error| operation.still_running(error))?;
    let error = match ended.execution {
        ExecutionStatus::ExecuteComplete => {
            let proven = proven(deployment, stack, shown).await;
            operation.show_new_events().await;
            return proven.inspect(|_| earlier::forget(deployment, stack));
        }
        ExecutionStatus::Obsolete => obsolete(deployment),
        _ => failed(deployment, stack, (&ended, &shown.moves), operation).await,
    };
    earlier::forget(deployment, stack);
    Err(error)
}

/// Polls the execution until it has ended or the user interrupts, and shows the stack's events.
async fn poll(operation: &mut RunningOperation<'_>, id: &str) -> Result<Refactor> {
    let (session, interrupt) = (operation.session(), operation.interrupt());
    let service = operation.service();
    let look = async |failed: Option<&Error>| {
        operation.show_new_events().await;
        if let Some(error) = failed {
            session
                .presenter()
                .progress(&format!("{error}: trying again"));
        }
    };
    limited(
        session,
        interrupt,
        refactor::poll_until_terminal(service, id, look),
    )
    .await
}

/// What one read of the stack shows.
#[derive(Debug)]
struct State {
    /// The stack; `None` if it does not exist.
    stack: Option<Stack>,
    resources: Vec<Resource>,
}

impl State {
    async fn read(service: &StackService, stack: &Stack) -> Result<Self> {
        let (stack, resources) =
            tokio::try_join!(service.describe_by(&stack.id), service.resources())?;
        Ok(Self { stack, resources })
    }

    /// Returns whether nothing of the stack is in progress and all resources have their new ids.
    fn is_renamed(&self, moves: &[Move]) -> bool {
        self.is_ready() && moves.iter().all(|it| it.is_done(&self.resources))
    }

    /// Returns whether nothing of the stack is in progress and all resources have their old ids.
    fn is_as_before(&self, moves: &[Move]) -> bool {
        self.is_ready() && moves.iter().all(|it| it.is_undone(&self.resources))
    }

    fn is_ready(&self) -> bool {
        let stack = self.stack.as_ref();
        stack.is_some_and(|stack| stack.status.exists() && stack.status.is_terminal())
    }
}

/// Waits until the stack shows what the status of the execution says.
async fn proven(
    deployment: &Deployment<'_>,
    stack: &Stack,
    shown: &ShownRefactor,
) -> Result<Stack> {
    let moves = &shown.moves;
    let (session, interrupt) = (deployment.session(), deployment.interrupt());
    // One failed call decides nothing.
    let read = async || match State::read(deployment.service(), stack).await {
        Err(error) if !lacks_permission(&error) => Ok(Err(error)),
        read => read.map(Ok),
    };
    let is_old = |state: &Result<State>| !state.as_ref().is_ok_and(|it| it.is_renamed(moves));
    let state = limited(session, interrupt, async {
        loop {
            let state = reread::until_current(&read, is_old).await?;
            let is_running = state
                .as_ref()
                .is_ok_and(|it| it.stack.is_some() && !it.is_ready());
            if !is_running {
                return Ok(state);
            }
        }
    })
    .await
    .flatten();
    let error = match state {
        Ok(state) if state.is_renamed(moves) => match state.stack {
            Some(stack) => return Ok(stack),
            None => unknown(stack),
        },
        Ok(_) => unknown(stack),
        Err(error) => error,
    };
    let command = session.command("refactor");
    Err(error.hint(format!("look again: `{command}`")))
}

/// Returns the error for a stack that contradicts the status of the execution.
fn unknown(stack: &Stack) -> Error {
    let name = &stack.name;
    Error::new(
        ErrorKind::Service,
        format!(
            "the refactor is EXECUTE_COMPLETE, but the stack `{name}` does not show the new logical ids"
        ),
    )
}

/// Returns the error for an execution that failed.
async fn failed(
    deployment: &Deployment<'_>,
    stack: &Stack,
    (ended, moves): (&Refactor, &[Move]),
    operation: &mut RunningOperation<'_>,
) -> Error {
    let session = deployment.session();
    let status = &ended.execution;
    let is_undone = *status != ExecutionStatus::RollbackFailed && {
        let read = async || State::read(deployment.service(), stack).await;
        let read = reread::until_current(read, |state| !state.is_as_before(moves));
        let state = deployment.interrupt().guard(read).await;
        state.is_ok_and(|state| state.is_as_before(moves))
    };
    operation.show_new_events().await;
    let (kind, outcome) = if is_undone {
        let outcome = "the resources were not renamed: all have their old logical ids";
        (ErrorKind::RolledBack, outcome)
    } else if *status == ExecutionStatus::RollbackFailed {
        let outcome = "the refactor and its rollback both failed";
        (ErrorKind::Deployment, outcome)
    } else {
        let outcome = "the refactor failed, and the stack does not show the old logical ids";
        (ErrorKind::Deployment, outcome)
    };
    let reason = ended
        .any_reason()
        .map_or_else(String::new, |it| format!(": {it}"));
    let error = Error::new(kind, format!("{outcome} ({status}){reason}"));
    let error = FailureReport::new(operation, None).explain(error).await;
    if is_undone {
        let command = session.command("refactor");
        return error.hint(format!("fix the cause, then run `{command}` again"));
    }
    let [status, recover] = ["status", "recover"].map(|it| session.command(it));
    error
        .hint(format!("`{status}` shows which ids the resources have now"))
        .hint(format!("`{recover}` shows how the stack is repaired"))
}
