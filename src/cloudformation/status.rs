//! What a status means: is something still going on, and did it go well?
//!
//! CloudFormation adds statuses, and its event streams hold some that its API model does not list.
//! A status that is not known here is kept and shown as it came, and judged by its ending.

use std::fmt;

/// Whether a status is good or bad news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentiment {
    /// It worked.
    Good,
    /// It is going on, or says nothing.
    Neutral,
    /// It failed, or is being undone.
    Bad,
}

macro_rules! stack_status {
    ($($variant:ident = $wire:literal, $doc:literal;)+) => {
        /// The status of a stack.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum StackStatus {
            $(#[doc = $doc] $variant,)+
            /// One that this version does not know.
            Unknown(String),
        }

        impl Default for StackStatus {
            /// Returns an unknown status with an empty name.
            fn default() -> Self {
                Self::Unknown(String::new())
            }
        }

        impl StackStatus {
            /// Every status that this version knows.
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
    };
}

stack_status! {
    CreateInProgress = "CREATE_IN_PROGRESS", "Its first resources are being made.";
    CreateFailed = "CREATE_FAILED", "Creation failed and was left as it was.";
    CreateComplete = "CREATE_COMPLETE", "Created.";
    RollbackInProgress = "ROLLBACK_IN_PROGRESS", "Creation failed and is being undone.";
    RollbackFailed = "ROLLBACK_FAILED", "Creation failed and could not be undone.";
    RollbackComplete = "ROLLBACK_COMPLETE", "Creation failed and was undone; only deletion is possible.";
    DeleteInProgress = "DELETE_IN_PROGRESS", "Being deleted.";
    DeleteFailed = "DELETE_FAILED", "Deletion stopped at a resource.";
    DeleteComplete = "DELETE_COMPLETE", "Deleted.";
    UpdateInProgress = "UPDATE_IN_PROGRESS", "Being updated.";
    UpdateCompleteCleanup = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Updated; replaced resources are being deleted.";
    UpdateComplete = "UPDATE_COMPLETE", "Updated.";
    UpdateFailed = "UPDATE_FAILED", "The update failed and was left as it was.";
    UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS", "The update failed and is being undone.";
    UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED", "The update failed and could not be undone.";
    UpdateRollbackCleanup = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "The update was undone; new resources are being deleted.";
    UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE", "The update failed and was undone.";
    ReviewInProgress = "REVIEW_IN_PROGRESS", "Only a change set exists; the stack has no resources.";
    ImportInProgress = "IMPORT_IN_PROGRESS", "Resources are being imported.";
    ImportComplete = "IMPORT_COMPLETE", "Resources were imported.";
    ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS", "The import failed and is being undone.";
    ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED", "The import failed and could not be undone.";
    ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE", "The import failed and was undone.";
}

impl StackStatus {
    /// Returns whether no operation is running. A stack in review is settled: nothing moves.
    pub fn is_terminal(&self) -> bool {
        *self == Self::ReviewInProgress || !self.as_str().ends_with("_IN_PROGRESS")
    }

    /// Returns whether it is good news. A rollback that is complete is bad news.
    pub fn sentiment(&self) -> Sentiment {
        sentiment(self.as_str())
    }

    /// Returns whether a failed operation was undone, so that the stack is as before.
    pub fn is_rolled_back(&self) -> bool {
        matches!(
            self,
            Self::RollbackComplete | Self::UpdateRollbackComplete | Self::ImportRollbackComplete
        )
    }

    /// Returns whether the stack has, or may have, resources.
    pub fn exists(&self) -> bool {
        !matches!(self, Self::ReviewInProgress | Self::DeleteComplete)
    }
}

impl fmt::Display for StackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The status of a resource in an event, as it came.
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

    /// Returns whether this resource, or the stack, failed.
    pub fn is_failure(&self) -> bool {
        self.0.ends_with("_FAILED")
    }

    /// Returns whether the operation on the resource has ended.
    pub fn is_terminal(&self) -> bool {
        !self.0.ends_with("_IN_PROGRESS")
    }

    /// Returns whether it is good news.
    pub fn sentiment(&self) -> Sentiment {
        sentiment(&self.0)
    }
}

impl fmt::Display for ResourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn sentiment(status: &str) -> Sentiment {
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
    use super::{Sentiment, StackStatus};

    #[test]
    fn every_known_status_has_its_name_and_comes_back_from_it() {
        for status in StackStatus::ALL {
            assert_eq!(&StackStatus::from_wire(status.as_str()), status);
        }
    }

    #[test]
    fn an_unknown_status_is_kept_and_judged_by_its_ending() {
        let status = StackStatus::from_wire("RECONCILE_ROLLBACK_IN_PROGRESS");
        assert_eq!(status.as_str(), "RECONCILE_ROLLBACK_IN_PROGRESS");
        assert!(!status.is_terminal());
        assert_eq!(status.sentiment(), Sentiment::Bad);
    }

    #[test]
    fn a_stack_in_review_is_settled_and_has_no_resources() {
        assert!(StackStatus::ReviewInProgress.is_terminal());
        assert!(!StackStatus::ReviewInProgress.exists());
        assert!(!StackStatus::UpdateCompleteCleanup.is_terminal());
    }
}
