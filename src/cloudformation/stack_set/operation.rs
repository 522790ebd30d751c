//! Operations of a stack set, and what they did in each target.

use jiff::Timestamp;

use crate::cloudformation::status::statuses;

use super::Target;
use super::instance::Problem;

statuses! {
    /// How far an operation is (`StackSetOperationStatus`).
    OperationStatus {
        Queued = "QUEUED", "Waiting for an earlier operation.";
        Running = "RUNNING", "Running.";
        Stopping = "STOPPING", "Being stopped.";
        Stopped = "STOPPED", "It was stopped.";
        Succeeded = "SUCCEEDED", "It ended, and no more targets failed than tolerated.";
        Failed = "FAILED", "More targets failed than tolerated.";
    }
}

impl OperationStatus {
    /// Returns whether the operation has ended. A status that is not known counts as one that goes on.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }
}

statuses! {
    /// What an operation did in a target (`StackSetOperationResultStatus`).
    ResultStatus {
        Pending = "PENDING", "Not begun.";
        Running = "RUNNING", "Running.";
        Succeeded = "SUCCEEDED", "Done.";
        Failed = "FAILED", "Failed.";
        Cancelled = "CANCELLED", "Not done, because the operation failed or was stopped before.";
    }
}

/// An operation of a stack set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOperation {
    /// The id.
    pub id: String,
    /// What it does, unchanged from the API: `CREATE`, `UPDATE`, `DELETE` or `DETECT_DRIFT`.
    pub action: String,
    /// How far it is.
    pub status: OperationStatus,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
    /// The number of targets that failed; `None` if the API does not say.
    pub failed: Option<usize>,
    /// When it was requested.
    pub created: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// What an operation did in one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetResult {
    /// The target.
    pub target: Target,
    /// The status.
    pub status: ResultStatus,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
}

impl TargetResult {
    /// Returns why the operation did not do its work in the target; `None` if it did.
    pub fn problem(&self) -> Option<Problem> {
        (self.status != ResultStatus::Succeeded).then(|| Problem {
            target: self.target.clone(),
            status: self.status.to_string(),
            reason: self.reason.clone(),
        })
    }
}

/// An operation that has ended, with what it did in each target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedOperation {
    /// The operation.
    pub operation: SetOperation,
    /// Its results, in the order of the API.
    pub results: Vec<TargetResult>,
}

impl EndedOperation {
    /// Returns the targets in which the operation did not do its work. An operation that succeeded may
    /// have some: it only tolerated them.
    pub fn problems(&self) -> Vec<Problem> {
        self.results
            .iter()
            .filter_map(TargetResult::problem)
            .collect()
    }

    /// Returns the number of failed targets that the API counts and does not list.
    pub fn unlisted_failures(&self) -> usize {
        let listed = self.results.iter();
        let listed = listed.filter(|it| it.status == ResultStatus::Failed);
        let counted = self.operation.failed.unwrap_or_default();
        counted.saturating_sub(listed.count())
    }
}
