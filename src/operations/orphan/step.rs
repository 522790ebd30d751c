//! One of the two deployments that take resources out of a stack.

use crate::cloudformation::change_set::Action;
use crate::cloudformation::orphan::{OrphanPlan, keeps_values};
use crate::error::{Error, Result};
use crate::operations::deploy::change_set_deletion::discard_after;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::execution::{self, Executed};
use crate::operations::deploy::options::DeployOptions;
use crate::operations::deploy::pending_change_set::{PendingChangeSet, Purpose};
use crate::operations::deploy::{offline, online};
use crate::plan::Plan;
use crate::present::event_filter::EventFilter;
use crate::present::format::PlanFormat;

/// One of the two deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The resources are retained if they leave the template.
    Retain,
    /// The template no longer has the resources.
    Remove,
}

/// A change set that was shown.
#[derive(Debug)]
pub(crate) struct Requested {
    pub(crate) pending: PendingChangeSet,
    plan: Plan,
}

/// What a user reads if the second step does not take place.
const HARMLESS: &str =
    "the resources stay in the stack, with `DeletionPolicy: Retain`, which does no harm";

/// Requests the change set of a step, shows it, and checks that it does only what it is for.
///
/// # Errors
///
/// Refused if the change set does something else; whatever keeps it from being created. It is deleted
/// then.
pub(crate) async fn request(
    deployment: &Deployment<'_>,
    plan: &OrphanPlan,
    step: Step,
) -> Result<Requested> {
    let options = DeployOptions::default();
    let pending = PendingChangeSet::create(deployment, Purpose::Command, options).await?;
    let change_set = pending.change_set();
    if !change_set.is_executable() {
        return Err(without_changes(deployment, step));
    }
    let shown = online::plan(deployment, Some(&pending));
    let presenter = deployment.session().presenter();
    PlanFormat::Human.print(&shown, presenter)?;
    let mut changes = change_set.changes.iter();
    if step == Step::Remove && changes.any(|it| it.action == Action::Modify) {
        presenter.note(
            "\nThe resources that change have a value in place of a reference, which is the value that \
             they have now: CloudFormation finds nothing to update in them.",
        );
    }
    let mut unexpected = match step {
        Step::Retain => plan.unexpected_in_first(change_set),
        Step::Remove => plan.unexpected_in_second(change_set),
    };
    let keeps = |id: &str| {
        let change = change_set.changes.iter().find(|it| it.logical_id == id);
        change.is_some_and(|it| keeps_values(it) == Some(true))
    };
    let guarded = shown.assessment.risks.iter();
    let guarded = guarded.filter(|it| it.guard.is_some() && !keeps(&it.logical_id));
    unexpected.extend(guarded.map(|it| format!("`{}` {}", it.logical_id, it.reason)));
    let checked = if unexpected.is_empty() {
        pending.check(deployment)
    } else {
        let what = unexpected.join("; ");
        Err(Error::refused(match step {
            Step::Retain => {
                format!("nothing was done: the deployed template would change more: {what}")
            }
            Step::Remove => format!("not removed: the change set does more than was shown: {what}"),
        }))
    };
    match checked {
        Ok(()) => Ok(Requested {
            pending,
            plan: shown,
        }),
        Err(error) => {
            let error = discard_after(deployment, &change_set.id, error).await;
            let apply = deployment.session().command("apply");
            Err(match step {
                Step::Retain => error.hint(format!(
                    "deploy what changes without the files first, such as the value of an SSM parameter: \
                     `{apply}`"
                )),
                Step::Remove => error,
            })
        }
    }
}

/// Executes the change set of a step and reads what is deployed then.
///
/// # Errors
///
/// If the service refuses; if the deployment fails, with its first cause.
pub(crate) async fn execute(
    deployment: &mut Deployment<'_>,
    Requested { pending, plan }: &Requested,
    filter: EventFilter,
    resume: &str,
) -> Result<()> {
    let executed = execution::execute_resumable(deployment, pending, plan, filter, resume);
    let Executed {
        stack, recording, ..
    } = executed.await?;
    offline::remember(deployment, &stack);
    if let Some(recording) = recording {
        recording.succeeded(&stack).await;
    }
    let interrupt = deployment.interrupt().clone();
    let read = interrupt.guard(deployment.read_after(Some(&stack)));
    read.await
}

/// Checks that nobody has deployed another template since the first step.
///
/// # Errors
///
/// Refused if somebody has: the second step would undo that.
pub(crate) fn check_same(deployment: &Deployment<'_>, plan: &OrphanPlan) -> Result<()> {
    // An answer may be older than the first step, and may have other line breaks.
    let same = |one: &str, other: &str| one.replace('\r', "") == other.replace('\r', "");
    let now = deployment.deployed_template().unwrap_or_default();
    if same(now, &plan.retaining) || same(now, &plan.deployed) {
        return Ok(());
    }
    let name = deployment.service().name();
    Err(Error::refused(format!(
        "not removed: the template of the stack `{name}` changed since the first step"
    )))
}

/// Adds to an error of the second step that the first one is harmless.
pub(crate) fn after_first(error: Error, resume: &str) -> Error {
    error
        .hint(HARMLESS)
        .hint(format!("`{resume}` goes on with the second step"))
}

/// Returns the error for a change set that has no changes although the template differs.
fn without_changes(deployment: &Deployment<'_>, step: Step) -> Error {
    let name = deployment.service().name();
    Error::refused(match step {
        Step::Retain => format!(
            "nothing was done: CloudFormation finds no change in the `DeletionPolicy` of the stack `{name}`"
        ),
        Step::Remove => format!("CloudFormation finds nothing to remove from the stack `{name}`"),
    })
    .hint("run the command again: the service may have returned an old template")
}
