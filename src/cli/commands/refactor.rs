//! `stackctl refactor`: gives resources of the stack the logical ids that `[moved]` names, and keeps the
//! resources.

use super::{Context, Exit};
use crate::cloudformation::refactor::ExecutionStatus;
use crate::cloudformation::stack::Stack;
use crate::error::Result;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::offline;
use crate::operations::refactor::request::Request;
use crate::operations::refactor::{ShownRefactor, earlier, execution};
use crate::operations::session::Session;
use crate::present::event_filter::EventFilter;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::refactor::{Outcome, RefactorDocument};

/// The arguments of `stackctl refactor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rename without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// Which events are shown while the refactor runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventFilter,
    /// The form of the output; with `json` and without `--yes`, the refactor is created and shown, and
    /// not executed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Renames the resources, or finishes what an earlier run has begun.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open_stack(context)?;
    let presenter = session.presenter();
    if session.settings().moved.is_empty() {
        presenter.note("The manifest has no `[moved]`: nothing to rename.");
        if args.format == Format::Json {
            let name = &session.settings().stack_name;
            presenter.json(&RefactorDocument::of_nothing(name, None))?;
        }
        return Ok(Exit::Done);
    }
    let mut deployment = Deployment::open_to_compare(&session).await?;
    let stack = session.deployed(deployment.stack().cloned())?;
    let interrupt = deployment.interrupt().clone();
    let earlier = earlier::executed(&deployment, &stack);
    if let Some(earlier) = interrupt.guard(earlier).await?
        && let Some(ended) = finish_earlier(&deployment, &args, &stack, &earlier).await?
    {
        interrupt.guard(deployment.read_after(Some(&ended))).await?;
        let template = deployment.deployed_template();
        finish(&deployment, &args, &ended, &earlier, template)?;
        return Ok(Exit::Done);
    }
    let Some(request) = Request::of(&deployment, &stack).await? else {
        presenter.note(&format!("Nothing to rename in `{}`.", stack.name));
        if args.format == Format::Json {
            presenter.json(&RefactorDocument::of_nothing(&stack.name, Some(&stack)))?;
        }
        return Ok(Exit::Done);
    };
    if args.format == Format::Human {
        presenter.note(&format!(
            "Renames in {}, by CloudFormation's stack refactoring (a preview in stackctl):\n",
            stack.place()
        ));
        presenter.data(&human::moves::list(request.moves(), presenter.width()));
        presenter
            .note("\nOnly the logical ids change: no resource is created, changed or deleted.");
        check_can_ask(&session, &args)?;
    }
    let shown = request.refactor(&deployment, &stack).await?;
    if !args.yes && args.format == Format::Json {
        let (refactor, moves) = (&shown.refactor, &shown.moves);
        presenter.json(&RefactorDocument::of(
            &stack,
            Outcome::Shown,
            refactor,
            moves,
        ))?;
        return Ok(Exit::Done);
    }
    if !args.yes {
        interrupt.guard(confirm(&session, &stack)).await?;
    }
    let ended = execution::execute(&deployment, &stack, &shown, args.events).await?;
    finish(&deployment, &args, &ended, &shown, Some(request.template()))?;
    Ok(Exit::Done)
}

/// Finishes a refactor whose execution an earlier run has requested. Returns the stack with the new ids;
/// `None` if the refactor had no effect, or has been undone since.
async fn finish_earlier(
    deployment: &Deployment<'_>,
    args: &Args,
    stack: &Stack,
    earlier: &ShownRefactor,
) -> Result<Option<Stack>> {
    let presenter = deployment.session().presenter();
    let ShownRefactor { refactor, moves } = earlier;
    if refactor.execution.is_running() {
        presenter.note(&format!(
            "A refactor of {} is running ({}):\n",
            stack.place(),
            refactor.execution
        ));
        presenter.note(human::moves::list(moves, presenter.width()).trim_end());
        let ended = execution::join(deployment, stack, earlier, args.events);
        return ended.await.map(Some);
    }
    let is_done = refactor.execution == ExecutionStatus::ExecuteComplete
        && execution::is_done(deployment, stack, moves).await?;
    earlier::forget(deployment, stack);
    if is_done {
        presenter.note("The refactor that an earlier run executed is complete:\n");
        presenter.note(human::moves::list(moves, presenter.width()).trim_end());
        return Ok(Some(stack.clone()));
    }
    if refactor.execution != ExecutionStatus::ExecuteComplete {
        let reason = refactor.any_reason().unwrap_or("it gives no reason");
        presenter.warning(&format!(
            "the last refactor ended in {}: {reason}",
            refactor.execution
        ));
    }
    Ok(None)
}

/// Prints the end of a refactor, and what to do next.
fn finish(
    deployment: &Deployment<'_>,
    args: &Args,
    stack: &Stack,
    shown: &ShownRefactor,
    template: Option<&str>,
) -> Result<()> {
    let session = deployment.session();
    let presenter = session.presenter();
    if let Some(template) = template {
        offline::remember_template(deployment, template);
    }
    presenter.note(&format!("\nRenamed: {} is {}.", stack.name, stack.status));
    if args.format == Format::Json {
        let (refactor, moves) = (&shown.refactor, &shown.moves);
        presenter.json(&RefactorDocument::of(
            stack,
            Outcome::Renamed,
            refactor,
            moves,
        ))?;
    }
    let ids = shown.moves.iter().map(|moved| format!("`{}`", moved.from));
    let ids = ids.collect::<Vec<_>>().join(", ");
    presenter.hint(&format!(
        "the manifest's `[moved]` no longer needs {ids}, once no other environment has the old ids"
    ));
    let plan = session.command("plan");
    presenter.hint(&format!("`{plan}` shows what else differs from the files"));
    Ok(())
}

/// Refuses a run that would have to ask and cannot, before it creates anything.
fn check_can_ask(session: &Session<'_>, args: &Args) -> Result<()> {
    let command = || session.command("refactor --yes");
    session.presenter().check_can_ask(args.yes, command)
}

async fn confirm(session: &Session<'_>, stack: &Stack) -> Result<()> {
    let presenter = session.presenter();
    presenter.note(&format!(
        "\nDo you want to rename these resources of {}? Only 'yes' will be accepted.",
        stack.place()
    ));
    let command = session.command("refactor --yes");
    presenter
        .confirm("Refactor:", &command, "nothing was renamed")
        .await
}
