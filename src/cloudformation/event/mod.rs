//! Events of a stack's resources, and the timeline of an operation.
//!
//! The API returns events newest first, in pages that overlap between two requests, with timestamps
//! that are not unique. Each nested stack has its own events. A [`Timeline`] combines them all: it
//! returns each event once, oldest first.

mod evidence;
mod operation;
mod timeline;

use jiff::Timestamp;

use crate::cloudformation::status::{ResourceStatus, Sentiment};
use crate::template::STACK_TYPE;

pub use evidence::{Evidence, Verdict};
pub use operation::{is_before_operation, last_operation, last_success};
pub use timeline::Timeline;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The id, unique within the stack.
    pub id: String,
    /// The time of the event.
    pub time: Option<Timestamp>,
    /// The ARN of the stack.
    pub stack_id: String,
    /// The logical ids of the nested stacks that lead to the stack; empty for the root stack.
    pub nested_in: Vec<String>,
    /// The logical id of the resource; for the stack itself, its name.
    pub logical_id: String,
    /// The physical id of the resource; empty if it does not exist yet.
    pub physical_id: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The status.
    pub status: ResourceStatus,
    /// The detailed status, such as `CONFIGURATION_COMPLETE`; `None` if the API gives none.
    pub detailed_status: Option<String>,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
    /// The token of the request that caused the event.
    pub token: Option<String>,
    /// The id of the operation. A failed update and its rollback have different ids.
    pub operation: Option<String>,
    /// The result of a hook for the resource.
    pub hook: Option<Hook>,
    /// The ARN that provides a custom resource (`ServiceToken`); `None` if the event does not say it.
    pub service_token: Option<String>,
}

/// The result of a hook for a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hook {
    /// The hook's type, such as `Private::Guard::TestHook`.
    pub name: String,
    /// The status, such as `HOOK_COMPLETE_FAILED`.
    pub status: String,
    /// The finding.
    pub reason: Option<String>,
    /// Whether a finding makes the operation fail: `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// When the hook was invoked, such as `PRE_PROVISION`.
    pub invocation_point: Option<String>,
    /// The id of the invocation.
    pub invocation_id: Option<String>,
}

impl Hook {
    /// Returns whether the hook makes the operation fail.
    pub fn is_failure(&self) -> bool {
        self.status.ends_with("_FAILED") && self.failure_mode.as_deref() != Some("WARN")
    }
}

impl Event {
    /// Returns whether the event is about the stack itself.
    pub fn is_of_the_stack(&self) -> bool {
        self.physical_id == self.stack_id
    }

    /// Returns whether two events of the stack itself belong to the same operation: by the operation's
    /// id, else by the token of its request. Without both, only the same event does.
    pub fn is_of_same_operation(&self, other: &Self) -> bool {
        for (ours, theirs) in [
            (&self.operation, &other.operation),
            (&self.token, &other.token),
        ] {
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                return ours == theirs;
            }
        }
        self.key() == other.key()
    }

    /// Returns whether the event ends the rollback of its stack.
    pub fn is_undone(&self) -> bool {
        self.is_of_the_stack() && self.status.as_str().ends_with("ROLLBACK_COMPLETE")
    }

    /// Returns the ARN of the nested stack that the event is about; `None` for other resources.
    pub fn nested_stack(&self) -> Option<&str> {
        let is_nested = self.resource_type == STACK_TYPE
            && self.physical_id.starts_with("arn:")
            && !self.is_of_the_stack();
        is_nested.then_some(self.physical_id.as_str())
    }

    /// Returns the logical id after those of the nested stacks that lead to it, such as `Network/Vpc`.
    ///
    /// For an event of a nested stack about itself, the last part is `(stack)`, as in
    /// `Network/(stack)`.
    pub fn path(&self) -> String {
        let outer = self.nested_in.iter().map(String::as_str);
        let is_nested = !self.nested_in.is_empty() && self.is_of_the_stack();
        let name = if is_nested {
            "(stack)"
        } else {
            &self.logical_id
        };
        let parts: Vec<&str> = outer.chain([name]).collect();
        parts.join("/")
    }

    /// Returns whether the event is a failure, a rollback, or a failed hook.
    pub fn is_bad(&self) -> bool {
        self.status.sentiment() == Sentiment::Bad
            || self.hook.as_ref().is_some_and(Hook::is_failure)
    }

    /// Returns a key that is unique within the stack. CloudFormation always returns an id; emulators
    /// may omit it.
    fn key(&self) -> String {
        if self.id.is_empty() {
            format!("{}-{}-{:?}", self.logical_id, self.status, self.time)
        } else {
            self.id.clone()
        }
    }
}
