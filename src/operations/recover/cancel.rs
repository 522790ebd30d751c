//! Stopping a running operation.

use crate::aws::stack::StackService;
use crate::cloudformation::recovery::Call;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, Result};
use crate::operations::session::Session;

/// Returns whether a stack has the status that it had when the user was asked about it. The answer may
/// take long, and the call that cancels a creation would also delete a stack that is complete by then.
///
/// # Errors
///
/// If the stack cannot be read.
pub(crate) async fn is_unchanged(service: &StackService, stack: &Stack) -> Result<bool> {
    let now = service.describe_by(&stack.id).await?;
    Ok(now.is_some_and(|now| now.status == stack.status))
}

/// Returns the call that stops what is running.
///
/// # Errors
///
/// Refused if CloudFormation has no such call.
pub(crate) fn call_for(session: &Session<'_>, stack: &Stack, delete: bool) -> Result<Call> {
    match &stack.status {
        StackStatus::UpdateInProgress => Ok(Call::CancelUpdateStack),
        StackStatus::CreateInProgress if delete => Ok(Call::DeleteStack(Vec::new())),
        StackStatus::CreateInProgress => Err(Error::refused(
            "CloudFormation cannot cancel a creation, only delete the stack with everything created so far",
        )
        .hint(format!(
            "to do that: `{}`",
            session.command("cancel --delete")
        ))),
        status => Err(Error::refused(format!(
            "CloudFormation cannot cancel what is running ({status})"
        ))
        .hint(format!(
            "`{}` follows it to its end",
            session.command("recover")
        ))),
    }
}
