//! What the command line asks of a deployment beside what the manifest says: what happens where it
//! fails, whether resources that exist already become part of the stack, and whether drift is taken
//! back.

use super::deployment::Deployment;
use super::pending_change_set::PendingChangeSet;
use crate::cli::args::OnFailure;
use crate::cloudformation::change_set::{Action, Replacement};
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, Result};
use crate::plan::Operation;

/// The options of `plan` and `apply` that shape a change set or its execution.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct DeployOptions {
    /// Leaves a deployment that fails as it is then: the same as `--on-failure keep`
    #[arg(long, conflicts_with = "on_failure")]
    no_rollback: bool,
    /// What becomes of a deployment that fails
    #[arg(long, value_name = "WHAT", default_value = "rollback")]
    on_failure: OnFailure,
    /// Takes resources that exist already, under the names that the template gives them, into the stack
    #[arg(long)]
    pub(crate) import_existing: bool,
    /// Takes back what was changed behind CloudFormation's back too: a drift-aware change set
    #[arg(long)]
    pub(crate) revert_drift: bool,
}

impl DeployOptions {
    /// Returns the options that say the same again.
    pub(crate) fn spelled(self) -> Vec<String> {
        let mut options = Vec::new();
        match self.on_failure() {
            OnFailure::Rollback => {}
            OnFailure::Keep => options.push("--on-failure keep".to_owned()),
            OnFailure::Delete => options.push("--on-failure delete".to_owned()),
        }
        let flags = [
            (self.import_existing, "--import-existing"),
            (self.revert_drift, "--revert-drift"),
        ];
        options.extend(
            flags
                .iter()
                .filter(|(given, _)| *given)
                .map(|(_, flag)| (*flag).to_owned()),
        );
        options
    }

    /// Returns what becomes of a deployment that fails.
    pub(crate) fn on_failure(self) -> OnFailure {
        if self.no_rollback {
            OnFailure::Keep
        } else {
            self.on_failure
        }
    }
}

impl Deployment<'_> {
    /// Returns whether the change set is executed with rollback off: because that is wished, or because
    /// the stack was left by a failure without rollback and CloudFormation takes no other change then.
    pub(crate) fn keeps_failures(&self, on_failure: OnFailure) -> bool {
        on_failure == OnFailure::Keep || self.was_kept()
    }

    fn was_kept(&self) -> bool {
        let kept = [StackStatus::CreateFailed, StackStatus::UpdateFailed];
        let status = self.stack.as_ref().map(|stack| &stack.status);
        status.is_some_and(|status| kept.contains(status))
    }

    /// Says what becomes of the deployment where it fails, where that is not what usually does, and
    /// which change sets of others go away with it.
    ///
    /// # Errors
    ///
    /// Refused where it would replace a resource with rollback off: CloudFormation fails at that.
    pub(crate) fn check_wishes(&self, pending: &PendingChangeSet) -> Result<()> {
        let presenter = self.session.presenter();
        if !pending.others.is_empty() {
            presenter.note(&format!(
                "\nExecuting this removes the other change sets of the stack: {}",
                pending.others.join(", ")
            ));
        }
        if !self.keeps_failures(pending.on_failure) {
            if pending.on_failure == OnFailure::Delete && self.operation() == Operation::Create {
                presenter.note("\nWhere the creation fails, the stack is deleted again.");
            }
            return Ok(());
        }
        let changes = pending.change_set.changes.iter();
        let replaced = changes.filter(|change| {
            change.action == Action::Modify && change.replacement == Some(Replacement::True)
        });
        let replaced: Vec<&str> = replaced.map(|change| &*change.logical_id).collect();
        if replaced.is_empty() {
            presenter.note(&match (&self.stack, self.was_kept()) {
                (Some(stack), true) => format!(
                    "\nThe stack is {}: CloudFormation takes this change only with rollback off.\n\
                     What fails stays as it is then.",
                    stack.status
                ),
                _ => {
                    "\nRollback is off: where the deployment fails, everything stays as it is then."
                        .to_owned()
                }
            });
            return Ok(());
        }
        let error = Error::refused(format!(
            "not applied: CloudFormation replaces nothing while rollback is off: {}",
            replaced.join(", ")
        ));
        Err(if self.was_kept() {
            let command = self.session.command("recover");
            error.hint(format!("roll the failed operation back first: `{command}`"))
        } else {
            error.hint("leave out --no-rollback and --on-failure keep")
        })
    }
}
