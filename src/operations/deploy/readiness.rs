//! Whether a stack takes a change now, and what makes it take one.
//!
//! Two states are left by themselves: a running operation is waited for, and the shell that a failed
//! creation left is deleted, where nothing else is lost with it. For all others there is `recover`.

use super::deployment::Deployment;
use crate::cli::args::EventsShown;
use crate::cli::commands::cancel;
use crate::cli::commands::recover::{self, Step, look};
use crate::cloudformation::recovery::Choices;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::follow::Running;

impl Deployment<'_> {
    /// Brings the stack into a state in which it takes a change set, where that is asked for or costs
    /// nothing. `wait` waits for a running operation, `yes` asks nothing.
    ///
    /// # Errors
    ///
    /// Refused, with the way on, where it does not take one.
    pub(crate) async fn make_ready(
        &mut self,
        wait: bool,
        yes: bool,
        shown: EventsShown,
    ) -> Result<()> {
        if wait || !yes && self.wants_to_follow().await? {
            self.settle(shown).await?;
        }
        let shell = self.stack.clone();
        if let Some(shell) = shell.filter(|stack| stack.status == StackStatus::RollbackComplete)
            && (yes || self.session.presenter().is_interactive())
        {
            self.delete_shell(&shell, yes, shown).await?;
        }
        self.check_ready()
    }

    /// Refuses a stack that cannot take a change set now.
    pub(crate) fn check_ready(&self) -> Result<()> {
        let Some(stack) = &self.stack else {
            return Ok(());
        };
        let (name, status) = (&stack.name, &stack.status);
        let session = self.session;
        match status {
            status if !status.is_terminal() => Err(self.busy(stack)),
            StackStatus::RollbackComplete => Err(Error::refused(format!(
                "the stack `{name}` is {status}: its creation failed, and its shell can only be deleted"
            ))
            .hint(format!(
                "`{}` deletes it and deploys anew",
                session.command("apply --yes")
            ))
            .hint(format!(
                "`{}` says more",
                session.command("recover")
            ))),
            StackStatus::RollbackFailed
            | StackStatus::UpdateRollbackFailed
            | StackStatus::ImportRollbackFailed
            | StackStatus::DeleteFailed => Err(Error::refused(format!(
                "the stack `{name}` is {status} and takes no change"
            ))
            .hint(format!(
                "`{}` says what is in the way, and leads out of it",
                session.command("recover")
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the error for a stack on which somebody's operation is running.
    fn busy(&self, stack: &Stack) -> Error {
        let session = self.session;
        let error = Error::refused(format!(
            "an operation is running on the stack `{}` ({})",
            stack.name, stack.status
        ))
        .hint(format!(
            "`{}` waits for it and goes on",
            session.command("apply --wait")
        ))
        .hint(format!("`{}` follows it", session.command("recover")));
        match cancel::call_for(session, stack, false) {
            Ok(_) => error.hint(format!("`{}` stops it", session.command("cancel"))),
            Err(_) => error,
        }
    }

    /// Returns why a change set could be neither made nor executed: where another operation has begun
    /// in the meantime, that is the reason, whatever the service called it.
    pub(crate) async fn in_the_way(&self, error: Error) -> Error {
        match self.service.describe().await {
            Ok(Some(stack)) if !stack.status.is_terminal() => self.busy(&stack).caused_by(error),
            _ => error,
        }
    }

    /// Asks whether to follow the operation that is running, where one is and there is somebody to ask.
    async fn wants_to_follow(&self) -> Result<bool> {
        let presenter = self.session.presenter();
        let Some(stack) = self
            .stack
            .as_ref()
            .filter(|stack| !stack.status.is_terminal() && presenter.is_interactive())
        else {
            return Ok(false);
        };
        presenter.note(&format!(
            "An operation is running on the stack `{}` ({}).\n\
             Follow it to its end, and plan then? Only 'yes' will be accepted.",
            stack.name, stack.status
        ));
        let command = self.session.command("apply --wait");
        let answer = self.interrupt.guard(presenter.ask("Follow:", &command));
        Ok(answer.await? == "yes")
    }

    /// Waits for an operation that is running on the stack and reads again what is deployed.
    async fn settle(&mut self, shown: EventsShown) -> Result<()> {
        let running = |stack: &&Stack| !stack.status.is_terminal();
        let Some(stack) = self.stack.as_ref().filter(running) else {
            return Ok(());
        };
        let (session, status) = (self.session, &stack.status);
        let said = format!("Waiting for the running operation ({status}) …");
        session.presenter().note(&said);
        let resume = session.command("apply --wait");
        let running = Running::join(session, &self.interrupt, &self.service, &stack.id, &resume);
        let mut running = running.await?.showing(shown);
        let ended = running.follow().await?;
        let left = ended.filter(|ended| ended.status != StackStatus::DeleteComplete);
        session.presenter().note(&match left {
            Some(ended) => format!("It has ended: {} is {}.\n", ended.name, ended.status),
            None => format!("It has ended: {} is gone.\n", stack.name),
        });
        if running.is_cancelled {
            // Who stops one deployment has not asked for the next.
            let apply = session.command("apply");
            let error = Error::new(ErrorKind::Interrupted, "cancelled: nothing was applied");
            return Err(error.hint(format!("`{apply}` deploys what the files say")));
        }
        self.read_again().await
    }

    /// Deletes the shell that a failed creation left, so that the stack can be made anew.
    ///
    /// # Errors
    ///
    /// Refused where a resource is still there, or the user does not agree.
    async fn delete_shell(&mut self, shell: &Stack, yes: bool, shown: EventsShown) -> Result<()> {
        let session = self.session;
        let presenter = session.presenter();
        let choices = Choices::default();
        let recovery = look(session, &self.service, shell, &choices);
        let recovery = self.interrupt.guard(recovery).await?;
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
                "the creation of `{}` failed, and resources of it are still there: {}",
                shell.name,
                live.join(", ")
            ))
            .hint(format!(
                "`{}` shows what becomes of them when its shell is deleted",
                session.command("recover")
            )));
        }
        let calls = recovery.calls(&choices)?;
        recover::check_protection(session, shell, &calls)?;
        presenter.note(&format!(
            "The creation of `{}` failed and was undone ({}).\n\
             None of its resources is left, but its shell takes no change.",
            shell.name, shell.status
        ));
        if !yes {
            presenter.note("Delete the shell and go on? Only 'yes' will be accepted.");
            let command = session.command("apply --yes");
            let answer = self.interrupt.guard(presenter.ask("Delete:", &command));
            if answer.await? != "yes" {
                return Err(Error::refused("not applied: the answer was not `yes`"));
            }
        }
        presenter.note("Deleting the shell:");
        let step = Step {
            session,
            interrupt: &self.interrupt,
            service: &self.service,
            stack: shell,
            shown,
        };
        step.take(&calls).await?;
        presenter.note("");
        self.read_again().await
    }
}
