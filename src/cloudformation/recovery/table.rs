//! The table: each status of a stack, with what was last asked of it, and what can be done.
//!
//! The statuses are those of `DescribeStacks`; which call a status takes is what the API reference
//! says of `ContinueUpdateRollback`, `RollbackStack`, `CancelUpdateStack` and `DeleteStack`.

use super::history::{Attempt, History};
use crate::cloudformation::status::StackStatus;

/// What `recover` does about a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryAction {
    /// Nothing: the stack takes its next change.
    Nothing,
    /// Waits for the operation that is running.
    Follow,
    /// Deletes the stack (`DeleteStack`).
    Delete,
    /// Returns to the last state that was good (`RollbackStack`).
    RollBack,
    /// Goes on with a rollback that stopped (`ContinueUpdateRollback`).
    ContinueRollback,
    /// Nothing by itself: which of the other ways is right is for a person to decide.
    Manual,
}

impl RecoveryAction {
    /// Returns the word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Follow => "follow",
            Self::Delete => "delete",
            Self::RollBack => "roll-back",
            Self::ContinueRollback => "continue-rollback",
            Self::Manual => "elsewhere",
        }
    }
}

/// A way that another command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Other {
    /// What it does or needs.
    pub what: &'static str,
    /// The command of stackctl, without its environment.
    pub command: &'static str,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What the status means.
    pub meaning: &'static str,
    /// What there still is of the stack.
    pub remains: &'static str,
    /// What `recover` does.
    pub action: RecoveryAction,
    /// What else can be done.
    pub others: &'static [Other],
}

const ALL_OF_IT: &str = "All resources of the stack are there.";
const CHANGING: &str = "Its resources are changing at the moment.";
const AS_BEFORE: &str = "Its resources are as they were before.";
const HALFWAY: &str =
    "Its resources are partly as they were before, and partly as the failed update made them.";

const APPLY_AGAIN: Other = Other {
    what: "Correct the cause, then deploy",
    command: "apply",
};
const APPLY_FORWARD: Other = Other {
    what: "Correct the cause and go on from here; CloudFormation replaces no resource and rolls \
           nothing back meanwhile",
    command: "apply",
};
const DEPLOY: Other = Other {
    what: "Deploy",
    command: "apply",
};
const DESTROY: Other = Other {
    what: "Give the stack up and delete it",
    command: "destroy",
};
const CANCEL: Other = Other {
    what: "Stop the update and undo it",
    command: "cancel",
};
const CANCEL_CREATION: Other = Other {
    what: "Stop the creation; CloudFormation can only delete what was made so far",
    command: "cancel --delete",
};
/// How retained resources come back into a stack.
pub(super) const TAKE_OVER: Other = Other {
    what: "What stays behind can be taken into a stack again",
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

/// Returns the row for a status.
#[expect(
    clippy::too_many_lines,
    reason = "one table, read from its top to its end"
)]
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
                    "The last update was undone, as somebody asked. The stack takes its next change."
                } else {
                    "The last update failed and was undone. The stack takes its next change."
                },
                AS_BEFORE,
            )
        },
        (S::ImportRollbackComplete, _) => healthy(
            "The last import failed and was undone. The stack takes its next change.",
            AS_BEFORE,
        ),
        (S::DeleteComplete, _) => Entry {
            others: &[DEPLOY],
            ..healthy("The stack was deleted.", "Nothing but what was retained.")
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
            "The update succeeded. What it replaced or took out of the stack is being deleted; \
             that can no longer be stopped.",
        ),
        (S::UpdateRollbackInProgress, _) => {
            running("The update failed or was cancelled, and is being undone.")
        }
        (S::UpdateRollbackCleanup, _) => {
            running("The update was undone. What it had made is being deleted.")
        }
        (S::RollbackInProgress, _) => running("The creation failed, and is being undone."),
        (S::ImportInProgress, _) => running("Existing resources are being taken into the stack."),
        (S::ImportRollbackInProgress, _) => running("The import failed, and is being undone."),
        (S::DeleteInProgress, Some(Create)) => {
            running("The creation failed, and the stack is being deleted.")
        }
        (S::DeleteInProgress, _) => {
            running("The stack is being deleted; that can no longer be stopped.")
        }
        (S::RollbackComplete, _) => Entry {
            meaning: "The creation failed and was undone. CloudFormation keeps a shell to read its \
                      events by; it takes no change and can only be deleted.",
            remains: "The shell, and what its resources' DeletionPolicy retained.",
            action: RecoveryAction::Delete,
            others: &[
                Other {
                    what: "Delete the shell and deploy anew, once the cause is corrected",
                    command: "apply",
                },
                TAKE_OVER,
            ],
        },
        (S::RollbackFailed, _) => Entry {
            meaning: "The creation failed, and it could not be undone: some of what it had made \
                      could not be deleted. CloudFormation can only try to delete the stack.",
            remains: "What could not be deleted, and what was retained.",
            action: RecoveryAction::Delete,
            others: &[],
        },
        (S::CreateFailed, _) => Entry {
            meaning: "The creation failed and was left as it was, because rollback was off.",
            remains: "What was made before the failure.",
            action: RecoveryAction::RollBack,
            others: &[APPLY_FORWARD],
        },
        (S::UpdateFailed, _) if !history.was_stable => Entry {
            meaning: "A failed creation was taken up again without rollback and failed once more. \
                      There is no good state to return to, so undoing it deletes the stack.",
            remains: "What was made before the failure.",
            action: RecoveryAction::RollBack,
            others: &[APPLY_FORWARD],
        },
        (S::UpdateFailed, _) => Entry {
            meaning: "The update failed and was left as it was, because rollback was off.",
            remains: HALFWAY,
            action: RecoveryAction::RollBack,
            others: &[APPLY_FORWARD],
        },
        (S::UpdateRollbackFailed, attempt) => Entry {
            meaning: match attempt {
                Some(RollBack) => {
                    "The rollback of an update was asked to go on and stopped again. The stack \
                     takes no change until it has come to its end."
                }
                Some(Update | Import | Create | Delete) | None => {
                    "The update failed, and so did its rollback. The stack takes no change until \
                     the rollback has come to its end."
                }
            },
            remains: HALFWAY,
            action: RecoveryAction::ContinueRollback,
            others: &[DESTROY],
        },
        (S::ReviewInProgress, _) => Entry {
            meaning: "Somebody planned a stack that was never deployed. It has a name and nothing else.",
            remains: "No resources.",
            action: RecoveryAction::Delete,
            others: &[Other {
                what: "Deploy into it",
                command: "apply",
            }],
        },
        (S::DeleteFailed, Some(Create)) => Entry {
            meaning: "The creation failed, and the deletion that followed stopped at a resource.",
            remains: "What could not be deleted, and what was retained.",
            action: RecoveryAction::Delete,
            others: &[],
        },
        (S::DeleteFailed, _) => Entry {
            meaning: "The deletion of the stack stopped at a resource. CloudFormation can only try \
                      again, or leave that resource behind.",
            remains: "What could not be deleted yet.",
            action: RecoveryAction::Delete,
            others: &[],
        },
        (S::ImportRollbackFailed, _) => Entry {
            meaning: "The import failed, and it could not be undone. CloudFormation documents no \
                      call that goes on from here; what is not retained goes with the stack.",
            remains: "The stack's resources, and some of those that were to be imported.",
            action: RecoveryAction::Manual,
            others: &[DESTROY, TAKE_OVER],
        },
        (S::Unknown(_), _) if !status.is_terminal() => running(
            "This version of stackctl does not know the status. By its name an operation is running.",
        ),
        (S::Unknown(_), _) => Entry {
            meaning: "This version of stackctl does not know the status, so it does nothing about \
                      it. The events say how the stack came to it.",
            remains: "Unknown.",
            action: RecoveryAction::Manual,
            others: &[Other {
                what: "Look at the stack",
                command: "status",
            }],
        },
    }
}
