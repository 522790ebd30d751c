//! `stackctl cancel`: stops a running update, which CloudFormation then rolls back.

use super::{Context, Exit};
use crate::aws::stack::recovery;
use crate::cloudformation::recovery::Call;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::temporary_name;
use crate::operations::context::listen;
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::operations::recover::cancel::{self, ShownOperation};
use crate::operations::session::{Reached, Session};
use crate::present::event_filter::EventFilter;

/// The arguments of `stackctl cancel`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Cancel without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// If the stack is being created, delete it with everything created so far
    #[arg(long)]
    delete: bool,
    /// Which events are shown
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventFilter,
}

/// Cancels the running operation and follows the rollback or deletion.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open_stack(context)?;
    let presenter = session.presenter();
    let interrupt = listen(context)?;
    let Reached { service, stack, .. } = session.reach(&interrupt).await?;
    let Some(stack) = stack.filter(|stack| !stack.status.is_terminal()) else {
        presenter.note("No operation is running: nothing to cancel.");
        return Ok(Exit::Done);
    };
    let call = cancel::call_for(&session, &stack, args.delete)?;
    let shown = interrupt.guard(ShownOperation::read(&service, &stack));
    let shown = shown.await?;
    if !args.yes {
        interrupt.guard(confirm(&session, &stack, &call)).await?;
        presenter.note("");
    }
    let resume = session.command("recover");
    let operation = RunningOperation::join(&session, &interrupt, &service, &stack, &resume);
    let mut operation = operation.await?.showing(args.events);
    if !interrupt.guard(shown.is_unchanged(&service)).await? {
        let name = &stack.name;
        let message = format!("not cancelled: the operation on `{name}` changed in the meantime");
        let hint = format!("look at it again: `{}`", session.command("status"));
        return Err(Error::refused(message).hint(hint));
    }
    let role = session.settings().stack.role_arn.as_deref();
    let token = temporary_name();
    let sent = recovery::perform(&service, &call, &stack.id, &token, role);
    operation.request(sent).await?;
    operation.set_cancelled(&call);
    let ended = interrupt_prompt::follow(&mut operation).await?;
    let ended = ended.map_or(StackStatus::DeleteComplete, |stack| stack.status);
    match ended {
        StackStatus::DeleteComplete => {
            presenter.note(&format!("\nCancelled: {} is gone.", stack.name));
            Ok(Exit::Done)
        }
        StackStatus::UpdateRollbackComplete => {
            presenter.note(&format!("\nCancelled: {} is as it was before.", stack.name));
            Ok(Exit::Done)
        }
        StackStatus::UpdateComplete => Err(Error::refused(
            "not cancelled: the update had already ended",
        )),
        ended => {
            let message = format!("the operation ended in {ended}");
            let error = Error::new(ErrorKind::Deployment, message);
            let error = FailureReport::new(&operation, None).explain(error).await;
            Err(error.hint(format!("`{resume}` shows what to do next")))
        }
    }
}

async fn confirm(session: &Session<'_>, stack: &Stack, call: &Call) -> Result<()> {
    let presenter = session.presenter();
    let what = match call {
        Call::DeleteStack(_) => "deletes it with everything created so far",
        _ => "stops the update and rolls it back",
    };
    if presenter.is_interactive() {
        presenter.note(&format!(
            "The stack {} is {}.\n{} {what}.\nOnly 'yes' will be accepted.",
            stack.place(),
            stack.status,
            call.operation(),
        ));
    }
    let short = match call {
        Call::DeleteStack(_) => "cancel --delete --yes",
        _ => "cancel --yes",
    };
    let command = session.command(short);
    presenter
        .confirm("Cancel:", &command, "not cancelled")
        .await
}
