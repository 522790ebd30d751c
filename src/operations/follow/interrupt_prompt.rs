//! Ctrl-C while an operation runs: the operation is CloudFormation's, so ending this process does not
//! end it. At a terminal the user is asked which of the two was meant.

use std::time::Duration;

use super::Running;
use crate::cli::commands::cancel;
use crate::cloudformation::recovery::Call;
use crate::cloudformation::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::deploy::pending_change_set::temporary_name;

/// How long a user who wants to stop waits for what can be done about the operation. Without a network
/// the answer would take minutes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answers to the question.
const ACCEPTED: &str = "Only 'leave' or 'cancel' will be accepted.";

impl Running<'_> {
    /// Follows the operation until the stack is settled, and shows its events. Returns the stack as it
    /// ended; `None` where it is gone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`], with how to go on, where the user leaves it running. Where the manifest's `timeout_minutes` are over, or the status could not
    /// be read for a long time.
    pub(crate) async fn follow(&mut self) -> Result<Option<Stack>> {
        loop {
            match self.follow_until_interrupted().await {
                Err(error) if self.can_ask(&error) => self.leave_or_cancel(error).await?,
                ended => return ended,
            }
        }
    }

    fn can_ask(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Interrupted
            && self.session.presenter().is_interactive()
            && !self.interrupt.is_sigterm()
    }

    /// Asks whether to leave the operation running, which is the error, or to cancel it and to follow
    /// that. Meanwhile a second Ctrl-C ends the process.
    async fn leave_or_cancel(&mut self, left: Error) -> Result<()> {
        let look = self.service.describe_by(&self.stack_id);
        let Ok(Ok(Some(stack))) = tokio::time::timeout(PATIENCE, look).await else {
            return Err(left);
        };
        let presenter = self.session.presenter();
        let Ok(call) = cancel::call_for(self.session, &stack, true) else {
            presenter.note(&format!(
                "\nWhat is running ({}) cannot be cancelled.",
                stack.status
            ));
            return Err(left);
        };
        presenter.note(match call {
            Call::CancelUpdateStack => {
                "\nLeave the update running, or cancel it, so that CloudFormation undoes it?"
            }
            _ => {
                "\nLeave the creation running, or cancel it?\n\
                 A creation is cancelled by deleting the stack with all that was made so far."
            }
        });
        presenter.note(ACCEPTED);
        loop {
            let answer = presenter.ask("Leave or cancel:", &self.resume).await?;
            match answer.as_str() {
                "cancel" => break,
                "leave" | "" => {
                    let left = Error::new(ErrorKind::Interrupted, "left running");
                    return Err(self.goes_on(left));
                }
                _ => presenter.note(ACCEPTED),
            }
        }
        presenter.note("");
        self.interrupt.reset();
        let asked = async {
            if !cancel::is_still(self.service, &stack).await? {
                // What is complete would be deleted by what cancels a creation.
                presenter.note("Not cancelled: it has gone on meanwhile.");
                return Ok(false);
            }
            let role = self.session.settings.stack.role_arn.as_deref();
            let token = temporary_name();
            let sent = self.service.perform(&call, &stack.id, &token, role);
            sent.await.map(|()| true)
        };
        self.is_cancelled |= asked.await.map_err(|error| self.goes_on(error))?;
        Ok(())
    }
}
