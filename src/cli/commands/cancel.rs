//! `stackctl cancel`: stops a running update, which CloudFormation then undoes.

use super::{Context, Exit};
use crate::aws::stack::StackService;
use crate::cli::args::EventsShown;
use crate::cloudformation::recovery::Call;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::deploy::pending_change_set::temporary_name;
use crate::operations::follow::Running;
use crate::operations::session::{Reached, Session};
use crate::util::interrupt::Interrupt;

/// The arguments of `stackctl cancel`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Cancels without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// Where the stack is being created: deletes it with what was made so far
    #[arg(long)]
    delete: bool,
    /// Which events are shown
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventsShown,
}

/// Cancels the running operation and follows what that leads to.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let interrupt = Interrupt::listen()?;
    let Reached { service, stack, .. } = session.reach(&interrupt).await?;
    let Some(stack) = stack.filter(|stack| !stack.status.is_terminal()) else {
        presenter.note("No operation is running: nothing to cancel.");
        return Ok(Exit::Done);
    };
    let call = call_for(&session, &stack, args.delete)?;
    if !args.yes {
        interrupt.guard(confirm(&session, &stack, &call)).await?;
        presenter.note("");
        if !is_still(&service, &stack).await? {
            let name = &stack.name;
            let said = format!("not cancelled: the operation on `{name}` has gone on meanwhile");
            let hint = format!("look at it again: `{}`", session.command("status"));
            return Err(Error::refused(said).hint(hint));
        }
    }
    let resume = session.command("recover");
    let running = Running::join(&session, &interrupt, &service, &stack.id, &resume);
    let mut running = running.await?.showing(args.events);
    let role = session.settings.stack.role_arn.as_deref();
    service
        .perform(&call, &stack.id, &temporary_name(), role)
        .await?;
    running.is_cancelled = true;
    let ended = running.follow().await?;
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
            "not cancelled: the update had come to its end before",
        )),
        ended => {
            let said = format!("the operation ended in {ended}");
            let error = Error::new(ErrorKind::Deployment, said);
            let error = running.explain(error, None).await;
            Err(error.hint(format!("`{resume}` shows the way on")))
        }
    }
}

/// Returns whether a stack is as it was when the user was asked about it. Who is asked may take long,
/// and what deletes a stack that is being created deletes one that is complete as well.
pub(crate) async fn is_still(service: &StackService, stack: &Stack) -> Result<bool> {
    let now = service.describe_by(&stack.id).await?;
    Ok(now.is_some_and(|now| now.status == stack.status))
}

/// Returns the call that stops what is running.
///
/// # Errors
///
/// Refused where CloudFormation has none.
pub(crate) fn call_for(session: &Session<'_>, stack: &Stack, delete: bool) -> Result<Call> {
    match &stack.status {
        StackStatus::UpdateInProgress => Ok(Call::CancelUpdateStack),
        StackStatus::CreateInProgress if delete => Ok(Call::DeleteStack(Vec::new())),
        StackStatus::CreateInProgress => Err(Error::refused(
            "CloudFormation cannot cancel a creation, only delete the stack with what was made so far",
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

async fn confirm(session: &Session<'_>, stack: &Stack, call: &Call) -> Result<()> {
    let presenter = session.presenter();
    let what = match call {
        Call::DeleteStack(_) => "deletes it with everything that was made so far",
        _ => "stops the update and undoes it",
    };
    if presenter.is_interactive() {
        presenter.note(&format!(
            "{} is {}.\n{} {what}.\nOnly 'yes' will be accepted.",
            stack.name,
            stack.status,
            call.operation(),
        ));
    }
    let short = match call {
        Call::DeleteStack(_) => "cancel --delete --yes",
        _ => "cancel --yes",
    };
    let answer = presenter.ask("Cancel:", &session.command(short)).await?;
    if answer == "yes" {
        return Ok(());
    }
    Err(Error::refused("not cancelled: the answer was not `yes`"))
}
