//! An operation that somebody else has begun: CloudFormation runs one at a time, unless the stack set has
//! `ManagedExecution`.

use super::access::{Access, State};
use crate::cloudformation::stack_set::operation::SetOperation;
use crate::error::{Error, Result};

/// Returns the operation for whose end another one has to wait; `None` if there is none.
pub(super) fn blocking(state: &State) -> Option<&SetOperation> {
    let is_managed = state.set.as_ref().is_some_and(|set| set.managed_execution);
    state.running().find(|_| !is_managed)
}

/// Refuses to go on while an operation of somebody else is running.
///
/// # Errors
///
/// Refused if one is running.
pub(super) fn check(access: &Access<'_>, state: &State) -> Result<()> {
    match blocking(state) {
        None => Ok(()),
        Some(operation) => Err(named(access, operation)),
    }
}

/// Returns the error for a request that the service refused because another operation is running.
pub(super) async fn refusal(access: &Access<'_>, cause: Error) -> Error {
    let operations = access.service.latest_operations().await;
    let operations = operations.unwrap_or_default();
    let running = operations.iter().find(|it| !it.status.is_terminal());
    let error = match running {
        Some(operation) => named(access, operation),
        None => Error::refused(format!(
            "an operation is running on the stack set `{}`",
            access.name()
        ))
        .hint(wait(access)),
    };
    error.caused_by(cause)
}

fn named(access: &Access<'_>, operation: &SetOperation) -> Error {
    let SetOperation {
        id, action, status, ..
    } = operation;
    let begun = operation.created.map_or_else(String::new, |it| {
        format!(", begun at {}", crate::util::time::to_the_second(it))
    });
    Error::refused(format!(
        "an operation is running on the stack set `{}`: {action} `{id}` is {status}{begun}",
        access.name()
    ))
    .hint(wait(access))
}

fn wait(access: &Access<'_>) -> String {
    format!(
        "`{}` waits for its end and then plans again",
        access.session.command("apply --wait")
    )
}
