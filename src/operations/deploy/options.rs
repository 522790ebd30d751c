//! What the command line asks of a deployment, beyond what the manifest says.

use super::deployment::Deployment;
use super::pending_change_set::PendingChangeSet;
use super::readiness::{disables_rollback, was_kept};
use crate::cloudformation::change_set::{Action, Replacement};
use crate::cloudformation::on_failure::OnFailure;
use crate::error::{Error, Result};
use crate::plan::Operation;

/// The options of `plan` and `apply` that shape a change set or its execution.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DeployOptions {
    /// What CloudFormation does if the deployment fails.
    pub(crate) on_failure: OnFailure,
    /// Whether existing resources with the names that the template gives become part of the stack.
    pub(crate) import_existing: bool,
    /// Whether the change set is drift-aware: it reverts what was changed outside of CloudFormation.
    pub(crate) revert_drift: bool,
}

/// Prints what CloudFormation does if the deployment fails, unless that is its default, and which
/// other change sets the execution deletes.
///
/// # Errors
///
/// Refused if the change set replaces a resource while rollback is disabled, which CloudFormation
/// does not support.
pub(crate) fn check(deployment: &Deployment<'_>, pending: &PendingChangeSet) -> Result<()> {
    let session = deployment.session();
    let presenter = session.presenter();
    if !pending.others().is_empty() {
        presenter.note(&format!(
            "\nExecuting this deletes the other change sets of the stack: {}",
            pending.others().join(", ")
        ));
    }
    if !disables_rollback(deployment, pending.on_failure()) {
        let deletes = pending.on_failure() == OnFailure::Delete;
        if deletes && deployment.operation() == Operation::Create {
            presenter.note("\nIf the creation fails, the stack is deleted again.");
        }
        return Ok(());
    }
    let changes = pending.change_set().changes.iter();
    let replaced = changes.filter(|change| {
        change.action == Action::Modify && change.replacement == Some(Replacement::True)
    });
    let replaced: Vec<&str> = replaced.map(|change| &*change.logical_id).collect();
    let was_kept = was_kept(deployment);
    if replaced.is_empty() {
        presenter.note(&match deployment.stack() {
            Some(stack) if was_kept => format!(
                "\nThe stack is {}: CloudFormation accepts this change only with rollback disabled.\n\
                 If the deployment fails, everything stays as it is then.",
                stack.status
            ),
            _ => "\nRollback is disabled: if the deployment fails, everything stays as it is then."
                .to_owned(),
        });
        return Ok(());
    }
    let error = Error::refused(format!(
        "not applied: CloudFormation cannot replace resources while rollback is disabled: {}",
        replaced.join(", ")
    ));
    Err(if was_kept {
        let command = session.command("recover");
        error.hint(format!("roll the failed operation back first: `{command}`"))
    } else {
        error.hint("leave out --no-rollback and --on-failure keep")
    })
}
