//! `destroy` over several stacks: everything is shown, the user is asked once, and the stacks are deleted
//! against the order of the graph. Where a deletion fails, what the stack depends on stays.

use std::rc::Rc;

use super::coordinator::{Asked, Coordinator, Halt, Member};
use super::group::Group;
use super::needs::needed_by;
use super::set_deletions;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::context::{Context, OpenedTarget, listen, shared_interrupt};
use crate::operations::destroy::deletion::Deletion;
use crate::operations::destroy::options::DeletionOptions;
use crate::operations::destroy::prepared::Prepared;
use crate::operations::destroy::{consent, execution};
use crate::operations::session::Session;
use crate::present::stack_state::StackState;
use crate::present::{Presenter, human};

/// What the command line says.
pub(crate) struct Request {
    /// The options for each stack, in the order of the group. The names of resources are those of the stack.
    pub(crate) options: Vec<DeletionOptions>,
    /// Whether nothing is asked.
    pub(crate) yes: bool,
    /// Whether nothing is deleted.
    pub(crate) is_dry: bool,
    /// The name that the user types.
    pub(crate) project: String,
    /// The same command line with `--yes`, for hints.
    pub(crate) without_question: String,
    /// The same command line, for hints.
    pub(crate) again: String,
}

/// What the tasks share.
struct Shared {
    coordinator: Coordinator,
    request: Request,
    /// The names of the stacks that are deleted in this run.
    names: Vec<String>,
}

/// Deletes the stacks of a group, whose order is the order of the deletion. Returns the most important of
/// the exit codes.
///
/// # Errors
///
/// Refused if the user does not agree, or if one of the stacks cannot be deleted as it is;
/// [`ErrorKind::Interrupted`].
pub(crate) async fn run(group: Group<'_>, request: Request) -> Result<u8> {
    let context = group.context();
    let interrupt = shared_interrupt(context)?;
    let members = group.members().to_vec();
    let resume = resume(&request);
    let names = members.iter().filter_map(|member| member.target());
    let names = names.map(|target| target.settings.stack_name.clone());
    let shared = Rc::new(Shared {
        coordinator: Coordinator::new(context, &members, needed_by(&members), interrupt),
        names: names.collect(),
        request,
    });
    let presenter = context.presenter();
    let ask = async |asked: &[Asked], _: &[&str]| {
        let failed = shared.coordinator.failed();
        ask(presenter, &shared.request, asked, &failed).await
    };
    let group = group.resuming_with(resume.clone());
    let begun = shared.coordinator.run(group, ask, |context, stack| {
        let shared = Rc::clone(&shared);
        async move { destroy_one(&context, stack, &shared).await }
    });
    let code = begun.await;
    if let Some(refusal) = shared.coordinator.take_refusal() {
        return Err(match refusal.kind() {
            ErrorKind::Interrupted => refusal.hint("nothing was deleted"),
            _ => refusal,
        });
    }
    shared.coordinator.finish(code, &resume)
}

/// Returns the hint on how to go on after an interruption.
fn resume(request: &Request) -> String {
    format!(
        "what runs in CloudFormation continues; `{}` follows it and deletes the rest",
        request.again
    )
}

/// Asks for the project's name.
async fn ask(
    presenter: &Presenter,
    request: &Request,
    asked: &[Asked],
    failed: &[&str],
) -> Result<()> {
    // Each error was printed. A part of the deletion is not what the user asked for.
    if !failed.is_empty() {
        let failed = failed.join(", ");
        return Err(Error::refused(format!(
            "nothing was deleted, because of {failed}"
        )));
    }
    if request.yes || request.is_dry {
        return Ok(());
    }
    let deleted: Vec<&Asked> = asked.iter().filter(|it| !it.is_empty).collect();
    let losses = deleted.iter().filter(|it| !it.losses.is_empty());
    let losses = losses.map(|it| format!("in {}: {}", it.label, it.losses.join("; ")));
    let lost = match losses.collect::<Vec<_>>().as_slice() {
        [] => "No stored data is lost.".to_owned(),
        losses => format!("Lost {}.", losses.join(". Lost ")),
    };
    let places = deleted.iter().map(|it| format!("\n  {}", it.place));
    presenter.note(&format!(
        "\nThis deletes {}:{}\n{lost}",
        human::count(deleted.len(), "stack"),
        places.collect::<String>()
    ));
    let project = &request.project;
    let question = format!("Type the project's name, {project}, to destroy them:");
    if presenter.ask(&question, &request.without_question).await? == *project {
        return Ok(());
    }
    Err(Error::refused(
        "not destroyed: the answer was not the project's name",
    ))
}

/// Deletes one stack, and shows how that ended.
async fn destroy_one(context: &Context, stack: usize, shared: &Shared) -> Result<u8> {
    let member = shared.coordinator.member(stack);
    let is_set = context.target().is_some_and(OpenedTarget::is_stack_set);
    let ended = match shared.request.options.get(stack) {
        Some(options) if is_set => {
            let is_dry = shared.request.is_dry;
            set_deletions::destroy(context, member, options, is_dry).await
        }
        Some(options) => destroy(context, options, member, shared).await,
        None => Ok(false),
    };
    member.end(&ended);
    member.show_end(context, ended, "was not deleted")
}

/// Looks at a stack, waits for consent and for the stacks that use it, and deletes it. Returns whether
/// there was something to delete.
async fn destroy(
    context: &Context,
    options: &DeletionOptions,
    member: Member<'_>,
    shared: &Shared,
) -> Result<bool, Halt> {
    let request = &shared.request;
    let reading = member.read().await;
    let session = Session::open(context)?;
    let interrupt = listen(context)?;
    let Some(deletion) = Deletion::open(&session, &interrupt, options).await? else {
        member.show(false, || Ok(())).await?;
        member.consent(Asked::nothing(context)).await?;
        return Ok(false);
    };
    if deletion.is_running() && !request.is_dry {
        drop(reading);
        member.show(true, || Ok(())).await?;
        member.consent(Asked::nothing(context)).await?;
        member.run().await?;
        execution::join(&deletion).await?;
        return Ok(true);
    }
    let mut prepared = Prepared::look(&deletion).await?;
    drop(reading);
    // Those that are deleted before do not keep this one.
    prepared.forget_importers(&shared.names);
    let show = || {
        prepared.show(&deletion)?;
        member.print_if(context, options.format);
        Ok(())
    };
    member.show(true, show).await?;
    prepared.check(&deletion)?;
    if request.yes {
        consent::check_losses(&deletion, &prepared.plan)?;
    }
    let asked = Asked {
        label: context.label().to_owned(),
        place: deletion.place(),
        losses: prepared.losses(),
        ..Asked::default()
    };
    member.consent(asked).await?;
    if request.is_dry {
        return Ok(true);
    }
    member.run().await?;
    context.presenter().set_state(StackState::Running, "");
    interrupt.guard(deletion.check_again()).await?;
    execution::execute(&deletion, &prepared).await?;
    Ok(true)
}
