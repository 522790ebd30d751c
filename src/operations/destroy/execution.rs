//! Deleting a stack, and following the deletion to its end.

use super::deletion::Deletion;
use super::prepared::Prepared;
use crate::aws::store::empty;
use crate::cloudformation::deletion::{
    DeletionOutcome, DeletionRequest, ResourceDeletion, resource_deletions,
};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::temporary_name;
use crate::operations::express_failure;
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::present::human;

/// Empties the buckets, deletes the stack, and follows the deletion to its end.
///
/// # Errors
///
/// If the deletion fails, with the commands that help.
pub(crate) async fn execute(deletion: &Deletion<'_>, prepared: &Prepared) -> Result<()> {
    empty_buckets(deletion, &prepared.buckets).await?;
    delete(deletion).await?;
    for left in &prepared.plan.resources {
        if !left.outcome.is_deleted() {
            let name = left.resource.physical_id.as_deref();
            deletion.session.presenter().note(&format!(
                "Left behind: {} {}",
                left.resource.resource_type,
                name.unwrap_or("(never created)")
            ));
        }
    }
    Ok(())
}

/// Empties buckets, and checks before and after it that the stack has not changed.
///
/// # Errors
///
/// Refused if the stack has changed since it was shown.
async fn empty_buckets(deletion: &Deletion<'_>, buckets: &[String]) -> Result<()> {
    if buckets.is_empty() {
        return Ok(());
    }
    let (interrupt, presenter) = (deletion.interrupt, deletion.session.presenter());
    interrupt.guard(deletion.check_again()).await?;
    for bucket in buckets {
        let emptied = empty::empty_bucket(&deletion.store, bucket, |count| {
            presenter.progress(&format!("emptying {bucket}: {count} versions deleted"));
        });
        let count = interrupt.guard(emptied).await?;
        let count = human::count(count, "version");
        presenter.note(&format!("Emptied {bucket}: {count}."));
    }
    interrupt.guard(deletion.check_again()).await
}

/// Deletes the stack.
///
/// # Errors
///
/// If the service refuses or the deletion fails.
async fn delete(deletion: &Deletion<'_>) -> Result<()> {
    let stack = &deletion.stack;
    let resume = deletion.session.command("destroy");
    let operation = RunningOperation::before_request(
        deletion.session,
        deletion.interrupt,
        &deletion.service,
        stack,
        &resume,
    );
    let operation = deletion.interrupt.guard(operation).await?;
    deletion.session.presenter().note("");
    let role = deletion.session.settings().stack.role_arn.as_deref();
    let token = temporary_name();
    let request = DeletionRequest {
        retained: deletion.options.retain.clone(),
        is_forced: false,
        mode: deletion.mode(),
    };
    let sent = deletion.service.delete(&stack.id, &token, role, &request);
    let sent = operation.request(sent).await;
    sent.map_err(|error| {
        express_failure::explain(deletion.session, stack, error, "destroy --express")
    })?;
    follow(deletion, operation).await
}

/// Follows a deletion that somebody else has started.
///
/// # Errors
///
/// If the deletion fails.
pub(crate) async fn join(deletion: &Deletion<'_>) -> Result<()> {
    let presenter = deletion.session.presenter();
    presenter.note("The stack is being deleted already.");
    let resume = deletion.session.command("destroy");
    let operation = RunningOperation::join(
        deletion.session,
        deletion.interrupt,
        &deletion.service,
        &deletion.stack,
        &resume,
    );
    follow(deletion, operation.await?).await
}

async fn follow(deletion: &Deletion<'_>, operation: RunningOperation<'_>) -> Result<()> {
    let mut operation = operation.showing(deletion.options.events);
    let ended = interrupt_prompt::follow(&mut operation).await?;
    let is_gone = |stack: &Stack| stack.status == StackStatus::DeleteComplete;
    let stack = match ended {
        Some(stack) if !is_gone(&stack) => stack,
        gone => {
            print_destroyed(deletion, gone.as_ref());
            return Ok(());
        }
    };
    let error = Error::new(
        ErrorKind::Deployment,
        format!(
            "the stack `{}` could not be deleted ({})",
            stack.name, stack.status
        ),
    );
    // Without the resources, the events still name what failed.
    let resources = deletion.interrupt.guard(deletion.service.resources()).await;
    let resources = resources.unwrap_or_default();
    let mut failures = resource_deletions(resources, None, "", &[], &[]);
    failures.retain(|failure| {
        failure.resource.status == "DELETE_FAILED" && failure.outcome != DeletionOutcome::LeftBehind
    });
    let error = FailureReport::new(&operation, None).explain(error).await;
    Err(remediation(deletion, error, &failures))
}

/// Prints that the stack is gone; `gone` is what the service still says of it.
fn print_destroyed(deletion: &Deletion<'_>, gone: Option<&Stack>) {
    let name = &deletion.stack.name;
    let presenter = deletion.session.presenter();
    let is_express = deletion.mode() == DeploymentMode::Express;
    if is_express && gone.is_some_and(|stack| !stack.is_express) {
        presenter.warning(
            "this endpoint does not support EXPRESS mode: it deleted the stack in the standard mode",
        );
    }
    let rest = if is_express {
        " In EXPRESS mode, the deletion of its resources may still be running."
    } else {
        ""
    };
    presenter.note(&format!("Destroyed: {name} is gone.{rest}"));
}

/// Adds the commands that help after a failed deletion.
fn remediation(deletion: &Deletion<'_>, error: Error, failures: &[ResourceDeletion]) -> Error {
    let names = |chosen: &dyn Fn(&ResourceDeletion) -> bool| -> Vec<&str> {
        let chosen = failures.iter().filter(|failure| chosen(failure));
        chosen.map(|failure| failure.path.as_str()).collect()
    };
    let full = names(&ResourceDeletion::is_full_bucket);
    let all = names(&|_| true);
    let mut error = error;
    if !full.is_empty() {
        error = error.hint(format!(
            "to delete what {} holds, and the stack: `{}`",
            full.join(" and "),
            deletion.command("--empty", full.iter().copied())
        ));
    }
    if full.len() < all.len() || all.is_empty() {
        error = error.hint(format!(
            "fix the cause, then run `{}` again",
            deletion.session.command("destroy")
        ));
    }
    if !all.is_empty() {
        error = error.hint(format!(
            "to leave {} behind and delete the rest: `{}`",
            all.join(" and "),
            deletion.command("--retain", all.iter().copied())
        ));
    }
    error
}
