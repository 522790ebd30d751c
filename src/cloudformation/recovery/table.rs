//! The recovery table: for each stack status and last request, the actions that are possible.
//!
//! The statuses are those of `DescribeStacks`. The calls that each status accepts are from the API
//! reference of `ContinueUpdateRollback`, `RollbackStack`, `CancelUpdateStack` and `DeleteStack`.

use super::history::{Attempt, History, Stability};
use crate::cloudformation::status::StackStatus;

/// What `recover` does about a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryAction {
    /// Nothing: the stack is ready for the next change.
    Nothing,
    /// Wait for the running operation.
    Follow,
    /// Delete the stack (`DeleteStack`).
    Delete,
    /// Roll back to the last stable state (`RollbackStack`).
    RollBack,
    /// Continue a rollback that failed (`ContinueUpdateRollback`).
    ContinueRollback,
    /// Deploy the last template that succeeded (`UpdateStack`), after a failure in EXPRESS mode.
    DeployLastGood,
    /// Nothing: the user must choose one of the other commands.
    Manual,
}

impl RecoveryAction {
    /// Returns the name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Follow => "follow",
            Self::Delete => "delete",
            Self::RollBack => "roll-back",
            Self::ContinueRollback => "continue-rollback",
            Self::DeployLastGood => "deploy-last-good",
            Self::Manual => "elsewhere",
        }
    }
}

/// An alternative to `recover`: another command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Other {
    /// What the command does, or what it requires.
    pub what: &'static str,
    /// The command of stackctl, without the environment.
    pub command: &'static str,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What the status means.
    pub meaning: &'static str,
    /// Which resources of the stack exist.
    pub remains: &'static str,
    /// What `recover` does.
    pub action: RecoveryAction,
    /// The alternatives.
    pub others: &'static [Other],
}

const ALL_OF_IT: &str = "All its resources exist.";
const CHANGING: &str = "Its resources are changing.";
const AS_BEFORE: &str = "Its resources are in their previous state.";
const AS_BEFORE_UNLESS_SKIPPED: &str =
    "Its resources are in their previous state, except for those that the rollback skipped.";
const HALFWAY: &str =
    "Some of its resources are in their previous state, and the failed update changed the others.";
const BEFORE_FAILURE: &str = "The resources that were created before the failure exist.";
const NOT_DELETED: &str =
    "The resources that could not be deleted and those that were retained exist.";

const APPLY_AGAIN: Other = Other {
    what: "Fix the cause, then deploy",
    command: "apply",
};
const APPLY_FORWARD: Other = Other {
    what: "Fix the cause, then continue the deployment; CloudFormation cannot replace resources \
           while rollback is disabled",
    command: "apply",
};
const DEPLOY: Other = Other {
    what: "Deploy",
    command: "apply",
};
const DESTROY: Other = Other {
    what: "Delete the stack",
    command: "destroy",
};
const CANCEL: Other = Other {
    what: "Cancel the update and roll it back",
    command: "cancel",
};
const CANCEL_CREATION: Other = Other {
    what: "Cancel the creation; CloudFormation can only delete the new resources",
    command: "cancel --delete",
};
const APPLY_EXPRESS: Other = Other {
    what: "Fix the cause, then continue the deployment in EXPRESS mode; CloudFormation cannot replace \
           resources while rollback is disabled",
    command: "apply --express",
};
const DESTROY_EXPRESS: Other = Other {
    what: "Delete the stack",
    command: "destroy --express",
};
const GIVE_TEMPLATE: Other = Other {
    what: "Deploy the last template that succeeded, such as the output of `git show`",
    command: "recover --template FILE",
};
/// Deletes a stack that could not be deleted.
pub(super) const FORCE: Other = Other {
    what: "Delete the stack and leave behind what could not be deleted",
    command: "recover --force-delete",
};
/// Imports retained resources into a stack.
pub(super) const IMPORT_RETAINED: Other = Other {
    what: "Import the retained resources into a stack again",
    command: "apply --import-existing",
};

const fn healthy(meaning: &'static str, remains: &'static str) -> Entry {
    Entry {
        meaning,
        remains,
        action: RecoveryAction::Nothing,
        others: &[],
    }
}

const fn running(meaning: &'static str) -> Entry {
    Entry {
        meaning,
        remains: CHANGING,
        action: RecoveryAction::Follow,
        others: &[],
    }
}

/// Returns the row for a stack whose last operation was in EXPRESS mode, if CloudFormation rolls it back
/// in the standard mode alone. `has_last_good` says whether the last template that succeeded is known.
///
/// The service refuses `RollbackStack` after a failed operation in EXPRESS mode, and every operation in
/// another mode until the stack is complete.
pub(super) fn express(
    status: &StackStatus,
    history: &History,
    has_last_good: bool,
) -> Option<Entry> {
    let is_created = match status {
        StackStatus::CreateFailed => false,
        StackStatus::UpdateFailed => history.stability != Stability::NeverStable,
        _ => return None,
    };
    let (meaning, remains, action) = match (is_created, has_last_good) {
        (false, _) => (
            "The creation failed in EXPRESS mode and was not rolled back. CloudFormation cannot roll it \
             back: it accepts only another deployment in EXPRESS mode, or the deletion of the stack.",
            BEFORE_FAILURE,
            RecoveryAction::Delete,
        ),
        (true, true) => (
            "The update failed in EXPRESS mode and was not rolled back. CloudFormation cannot roll it \
             back. A deployment of the last template that succeeded, in EXPRESS mode, completes the stack.",
            HALFWAY,
            RecoveryAction::DeployLastGood,
        ),
        (true, false) => (
            "The update failed in EXPRESS mode and was not rolled back. CloudFormation cannot roll it \
             back: it accepts only another deployment in EXPRESS mode, such as one of the last template \
             that succeeded, which is not known here.",
            HALFWAY,
            RecoveryAction::Manual,
        ),
    };
    Some(Entry {
        meaning,
        remains,
        action,
        others: match action {
            RecoveryAction::Delete => &[APPLY_EXPRESS],
            RecoveryAction::Manual => &[GIVE_TEMPLATE, APPLY_EXPRESS, DESTROY_EXPRESS],
            _ => &[APPLY_EXPRESS, DESTROY_EXPRESS],
        },
    })
}

/// Returns the row for a status.
#[expect(clippy::too_many_lines, reason = "it is one table")]
pub fn entry(status: &StackStatus, history: &History) -> Entry {
    use Attempt::{Create, Delete, Import, RollBack, Update};
    use StackStatus as S;

    match (status, history.attempt) {
        (S::CreateComplete, _) => healthy("The stack was created.", ALL_OF_IT),
        (S::UpdateComplete, _) => healthy("The last update succeeded.", ALL_OF_IT),
        (S::ImportComplete, _) => healthy("The last import succeeded.", ALL_OF_IT),
        (S::UpdateRollbackComplete, attempt) => Entry {
            others: &[APPLY_AGAIN],
            ..healthy(
                if attempt == Some(RollBack) {
                    "The last update was rolled back on request. The stack is ready for the next change."
                } else {
                    "The last update failed and was rolled back. The stack is ready for the next change."
                },
                if history.is_continued {
                    AS_BEFORE_UNLESS_SKIPPED
                } else {
                    AS_BEFORE
                },
            )
        },
        (S::ImportRollbackComplete, _) => healthy(
            "The last import failed and was rolled back. The stack is ready for the next change.",
            AS_BEFORE,
        ),
        (S::DeleteComplete, _) => Entry {
            others: &[DEPLOY],
            ..healthy(
                "The stack was deleted.",
                "Only the resources that were retained exist.",
            )
        },
        (S::CreateInProgress, _) => Entry {
            others: &[CANCEL_CREATION],
            ..running("The stack is being created.")
        },
        (S::UpdateInProgress, _) => Entry {
            others: &[CANCEL],
            ..running("The stack is being updated.")
        },
        (S::UpdateCompleteCleanup, _) => running(
            "The update succeeded. The resources that it replaced or removed are being deleted, \
             which cannot be cancelled.",
        ),
        (S::UpdateRollbackInProgress, _) => {
            running("The update failed or was cancelled, and is being rolled back.")
        }
        (S::UpdateRollbackCleanup, _) => {
            running("The update was rolled back. The resources that it created are being deleted.")
        }
        (S::RollbackInProgress, _) => running("The creation failed and is being rolled back."),
        (S::ImportInProgress, _) => {
            running("Existing resources are being imported into the stack.")
        }
        (S::ImportRollbackInProgress, _) => running("The import failed and is being rolled back."),
        (S::DeleteInProgress, Some(Create)) => {
            running("The creation failed and the stack is being deleted.")
        }
        (S::DeleteInProgress, _) => {
            running("The stack is being deleted, which cannot be cancelled.")
        }
        (S::RollbackComplete, _) => Entry {
            meaning: "The creation failed and was rolled back. CloudFormation keeps the empty stack \
                      with its events; it accepts no changes and can only be deleted.",
            remains: "The resources that their DeletionPolicy retained exist.",
            action: RecoveryAction::Delete,
            others: &[
                Other {
                    what: "Fix the cause, then delete the empty stack and deploy again",
                    command: "apply",
                },
                IMPORT_RETAINED,
            ],
        },
        (S::RollbackFailed, _) => Entry {
            meaning: "The creation failed and so did its rollback: some of the new resources could \
                      not be deleted. CloudFormation can only try to delete the stack.",
            remains: NOT_DELETED,
            action: RecoveryAction::Delete,
            others: &[],
        },
        (S::CreateFailed, _) => Entry {
            meaning: "The creation failed and was not rolled back, because rollback was disabled.",
            remains: BEFORE_FAILURE,
            action: RecoveryAction::RollBack,
            others: &[APPLY_FORWARD],
        },
        (S::UpdateFailed, _) if history.stability == Stability::NeverStable => Entry {
            meaning: "A failed creation was continued with rollback disabled and failed again. \
                      The stack has no stable state, so a rollback deletes the stack.",
            remains: BEFORE_FAILURE,
            action: RecoveryAction::RollBack,
            others: &[APPLY_FORWARD],
        },
        (S::UpdateFailed, _) => Entry {
            meaning: match history.stability {
                Stability::Unknown => {
                    "The update failed and was not rolled back, because rollback was disabled. A \
                     rollback returns to the last stable state; the events do not go back far enough \
                     to show it, and a stack that never had one is deleted."
                }
                _ => "The update failed and was not rolled back, because rollback was disabled.",
            },
            remains: HALFWAY,
            action: RecoveryAction::RollBack,
            others: &[APPLY_FORWARD],
        },
        (S::UpdateRollbackFailed, attempt) => Entry {
            meaning: match attempt {
                Some(RollBack) => {
                    "The rollback of an update was continued and failed again. The stack accepts no \
                     changes until the rollback is complete."
                }
                Some(Update | Import | Create | Delete) | None => {
                    "The update failed and so did its rollback. The stack accepts no changes until \
                     the rollback is complete."
                }
            },
            remains: HALFWAY,
            action: RecoveryAction::ContinueRollback,
            others: &[DESTROY],
        },
        (S::ReviewInProgress, _) => Entry {
            meaning: "A change set was created for a new stack, but was never executed.",
            remains: "The stack has no resources.",
            action: RecoveryAction::Delete,
            others: &[Other {
                what: "Deploy to the stack",
                command: "apply",
            }],
        },
        (S::DeleteFailed, Some(Create)) => Entry {
            meaning: "The creation failed, and the deletion of the new resources failed too.",
            remains: NOT_DELETED,
            action: RecoveryAction::Delete,
            others: &[FORCE],
        },
        (S::DeleteFailed, _) => Entry {
            meaning: "The deletion of the stack failed. CloudFormation can only try again, or retain \
                      the resources that it could not delete.",
            remains: "The resources that could not be deleted exist.",
            action: RecoveryAction::Delete,
            others: &[FORCE],
        },
        (S::ImportRollbackFailed, _) => Entry {
            meaning: "The import failed and so did its rollback. CloudFormation documents no call \
                      that continues it; `destroy` deletes all resources that are not retained.",
            remains: "The stack's resources exist, and some of the imported resources.",
            action: RecoveryAction::Manual,
            others: &[DESTROY, IMPORT_RETAINED],
        },
        (S::Unknown(_), _) if !status.is_terminal() => running(
            "This version of stackctl does not know the status. According to its name, an operation \
             is running.",
        ),
        (S::Unknown(_), _) => Entry {
            meaning: "This version of stackctl does not know the status, so it cannot recover the \
                      stack. See the events of the stack for the reason.",
            remains: "It is not known which resources exist.",
            action: RecoveryAction::Manual,
            others: &[Other {
                what: "Show the stack",
                command: "status",
            }],
        },
    }
}
