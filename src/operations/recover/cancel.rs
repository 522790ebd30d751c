//! Stopping a running operation.

use crate::aws::stack::StackService;
use crate::aws::stack::events;
use crate::cloudformation::deletion::DeletionRequest;
use crate::cloudformation::event::Event;
use crate::cloudformation::recovery::Call;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, Result};
use crate::operations::session::Session;

/// A running operation as it was when the user was asked about it.
///
/// The answer may take long. By then the operation may have ended, and a colleague may have started
/// another one, which has the same status.
#[derive(Debug)]
pub(crate) struct ShownOperation {
    stack: Stack,
    /// The newest event of the stack itself; `None` if it does not show this operation yet.
    event: Option<Event>,
}

impl ShownOperation {
    /// Returns the operation that is running on a stack.
    ///
    /// # Errors
    ///
    /// If the stack's events cannot be read.
    pub(crate) async fn read(service: &StackService, stack: &Stack) -> Result<Self> {
        let event = events::newest_of_stack(service, &stack.id).await?;
        Ok(Self {
            event: event.filter(|event| event.status.as_str() == stack.status.as_str()),
            stack: stack.clone(),
        })
    }

    /// Returns whether the same operation is still running, in the same state. The call that cancels a
    /// creation would also delete a stack that is complete by then.
    ///
    /// # Errors
    ///
    /// If the stack or its events cannot be read.
    pub(crate) async fn is_unchanged(&self, service: &StackService) -> Result<bool> {
        let id = &self.stack.id;
        let (now, event) = tokio::try_join!(
            service.describe_by(id),
            events::newest_of_stack(service, id)
        )?;
        let is_same_state = now.is_some_and(|now| {
            now.status == self.stack.status && now.updated == self.stack.updated
        });
        let is_same_operation = match (&self.event, &event) {
            (Some(then), Some(now)) => then.is_of_same_operation(now),
            (Some(_), None) => false,
            (None, _) => true,
        };
        Ok(is_same_state && is_same_operation)
    }

    /// Returns whether this is the operation that began with an event of the stack itself. One that is
    /// not known is not another one.
    pub(crate) fn began_with(&self, beginning: Option<&Event>) -> bool {
        let both = self.event.as_ref().zip(beginning);
        both.is_none_or(|(event, beginning)| event.is_of_same_operation(beginning))
    }
}

/// Returns the call that stops what is running.
///
/// # Errors
///
/// Refused if CloudFormation has no such call.
pub(crate) fn call_for(session: &Session<'_>, stack: &Stack, delete: bool) -> Result<Call> {
    match &stack.status {
        StackStatus::UpdateInProgress => Ok(Call::CancelUpdateStack),
        StackStatus::CreateInProgress if delete => Ok(Call::DeleteStack(DeletionRequest {
            mode: stack.mode(),
            ..DeletionRequest::default()
        })),
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
