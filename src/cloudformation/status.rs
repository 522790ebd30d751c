//! Statuses of stacks and resources: whether an operation is running, and whether it succeeded.
//!
//! CloudFormation adds statuses, and its events contain some that its API model does not list. An
//! unknown status is kept and printed unchanged, and classified by its suffix.

use std::fmt;

/// Whether a status means success or failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentiment {
    /// The operation succeeded.
    Good,
    /// The operation is running, or the status is neither good nor bad.
    Neutral,
    /// The operation failed or is being rolled back.
    Bad,
}

/// Defines a type for the statuses of an API, which keeps those that this version does not know.
macro_rules! statuses {
    ($(#[doc = $about:literal])* $type:ident { $($variant:ident = $wire:literal, $doc:literal;)+ }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $type {
            $(#[doc = $doc] $variant,)+
            /// A status that this version does not know.
            Unknown(String),
        }

        impl $type {
            /// All statuses that this version knows.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the status by its name in the API.
            pub fn from_wire(wire: &str) -> Self {
                match wire {
                    $($wire => Self::$variant,)+
                    other => Self::Unknown(other.to_owned()),
                }
            }

            /// Returns the name in the API.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)+
                    Self::Unknown(wire) => wire,
                }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(super) use statuses;

statuses! {
    /// The status of a stack.
    StackStatus {
        CreateInProgress = "CREATE_IN_PROGRESS", "The stack is being created.";
        CreateFailed = "CREATE_FAILED", "The creation failed and was not rolled back.";
        CreateComplete = "CREATE_COMPLETE", "Created.";
        RollbackInProgress = "ROLLBACK_IN_PROGRESS", "The creation failed and is being rolled back.";
        RollbackFailed = "ROLLBACK_FAILED", "The creation and its rollback failed.";
        RollbackComplete = "ROLLBACK_COMPLETE", "The creation failed and was rolled back; only deletion is possible.";
        DeleteInProgress = "DELETE_IN_PROGRESS", "Being deleted.";
        DeleteFailed = "DELETE_FAILED", "The deletion failed.";
        DeleteComplete = "DELETE_COMPLETE", "Deleted.";
        UpdateInProgress = "UPDATE_IN_PROGRESS", "Being updated.";
        UpdateCompleteCleanup = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Updated; replaced resources are being deleted.";
        UpdateComplete = "UPDATE_COMPLETE", "Updated.";
        UpdateFailed = "UPDATE_FAILED", "The update failed and was not rolled back.";
        UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS", "The update failed and is being rolled back.";
        UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED", "The update and its rollback failed.";
        UpdateRollbackCleanup = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "The update was rolled back; new resources are being deleted.";
        UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE", "The update failed and was rolled back.";
        ReviewInProgress = "REVIEW_IN_PROGRESS", "Only a change set exists; the stack has no resources.";
        ImportInProgress = "IMPORT_IN_PROGRESS", "Resources are being imported.";
        ImportComplete = "IMPORT_COMPLETE", "Resources were imported.";
        ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS", "The import failed and is being rolled back.";
        ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED", "The import and its rollback failed.";
        ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE", "The import failed and was rolled back.";
    }
}

impl Default for StackStatus {
    /// Returns an unknown status with an empty name.
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

impl StackStatus {
    /// Returns whether no operation is running. That includes `REVIEW_IN_PROGRESS`.
    pub fn is_terminal(&self) -> bool {
        *self == Self::ReviewInProgress || is_terminal(self.as_str())
    }

    /// Returns whether the status means success or failure. A complete rollback means failure.
    pub fn sentiment(&self) -> Sentiment {
        sentiment(self.as_str())
    }

    /// Returns whether a failed operation was rolled back.
    pub fn is_rolled_back(&self) -> bool {
        matches!(
            self,
            Self::RollbackComplete | Self::UpdateRollbackComplete | Self::ImportRollbackComplete
        )
    }

    /// Returns whether CloudFormation may still go back to the template before the last update, which it
    /// does not return then.
    pub fn may_go_back(&self) -> bool {
        let is_update = self.as_str().starts_with("UPDATE_")
            || self.as_str().starts_with("IMPORT_")
            || matches!(self, Self::Unknown(_));
        is_update && *self != Self::UpdateCompleteCleanup && !self.as_str().ends_with("_COMPLETE")
    }

    /// Returns whether the stack may have resources.
    pub fn exists(&self) -> bool {
        !matches!(self, Self::ReviewInProgress | Self::DeleteComplete)
    }
}

/// The status of a resource in an event, unchanged from the API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceStatus(String);

impl ResourceStatus {
    /// Returns the status by its name in the API.
    pub fn from_wire(wire: impl Into<String>) -> Self {
        Self(wire.into())
    }

    /// Returns the name in the API.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the resource, or the stack, failed.
    pub fn is_failure(&self) -> bool {
        self.0.ends_with("_FAILED")
    }

    /// Returns whether the operation on the resource has ended.
    pub fn is_terminal(&self) -> bool {
        is_terminal(&self.0)
    }

    /// Returns whether the status means success or failure.
    pub fn sentiment(&self) -> Sentiment {
        sentiment(&self.0)
    }
}

impl fmt::Display for ResourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The detailed status of a resource or a stack whose configuration is applied, while it is not stable
/// yet. It is progress in every mode.
pub(super) const CONFIGURED: &str = "CONFIGURATION_COMPLETE";

fn is_terminal(status: &str) -> bool {
    !status.ends_with("_IN_PROGRESS") && status != CONFIGURED
}

fn sentiment(status: &str) -> Sentiment {
    if status == CONFIGURED {
        return Sentiment::Neutral;
    }
    if status.ends_with("_FAILED") || status.contains("ROLLBACK") {
        Sentiment::Bad
    } else if status.ends_with("_COMPLETE") {
        Sentiment::Good
    } else {
        Sentiment::Neutral
    }
}

#[cfg(test)]
mod tests {
    use super::{ResourceStatus, Sentiment, StackStatus};

    #[test]
    fn known_statuses_round_trip_through_their_names() {
        for status in StackStatus::ALL {
            assert_eq!(&StackStatus::from_wire(status.as_str()), status);
        }
    }

    #[test]
    fn an_unknown_status_is_kept_and_classified_by_its_suffix() {
        let status = StackStatus::from_wire("RECONCILE_ROLLBACK_IN_PROGRESS");
        assert_eq!(status.as_str(), "RECONCILE_ROLLBACK_IN_PROGRESS");
        assert!(!status.is_terminal());
        assert_eq!(status.sentiment(), Sentiment::Bad);
    }

    #[test]
    fn an_applied_configuration_is_no_end() {
        let stack = StackStatus::from_wire("CONFIGURATION_COMPLETE");
        let resource = ResourceStatus::from_wire("CONFIGURATION_COMPLETE");
        assert!(!stack.is_terminal() && !resource.is_terminal());
        assert_eq!(stack.sentiment(), Sentiment::Neutral);
        assert_eq!(resource.sentiment(), Sentiment::Neutral);
    }

    #[test]
    fn an_update_that_has_not_ended_well_may_need_the_template_before_it() {
        let may_go_back = StackStatus::ALL.iter().filter(|it| it.may_go_back());
        let names: Vec<&str> = may_go_back.map(StackStatus::as_str).collect();
        let expected = [
            "UPDATE_IN_PROGRESS",
            "UPDATE_FAILED",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "UPDATE_ROLLBACK_FAILED",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "IMPORT_IN_PROGRESS",
            "IMPORT_ROLLBACK_IN_PROGRESS",
            "IMPORT_ROLLBACK_FAILED",
        ];
        assert_eq!(names, expected);
        assert!(StackStatus::from_wire("REFACTOR_IN_PROGRESS").may_go_back());
    }

    #[test]
    fn a_stack_in_review_is_terminal_and_has_no_resources() {
        assert!(StackStatus::ReviewInProgress.is_terminal());
        assert!(!StackStatus::ReviewInProgress.exists());
        assert!(!StackStatus::UpdateCompleteCleanup.is_terminal());
    }
}
