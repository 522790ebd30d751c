//! What happens to a stack's resources: one event, and the timeline that events are folded into.
//!
//! The service answers newest first, in pages that overlap from one look to the next, with timestamps
//! that collide, and each nested stack has events of its own. A [`Timeline`] is a pure fold over all
//! of that: each event comes out once, oldest first, whatever the pages were.

mod operation;
mod timeline;

use jiff::Timestamp;

use crate::cloudformation::status::{ResourceStatus, Sentiment};
use crate::template::STACK_TYPE;

pub use operation::last_operation;
pub use timeline::Timeline;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The id, which tells two events of one stack apart.
    pub id: String,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The ARN of the stack that it belongs to.
    pub stack_id: String,
    /// The logical ids of the nested stacks that lead to that stack; none for the stack itself.
    pub nested_in: Vec<String>,
    /// The resource's name in the template; the stack's name for the stack itself.
    pub logical_id: String,
    /// The resource's name in the world; empty before there is one.
    pub physical_id: String,
    /// The resource's type.
    pub resource_type: String,
    /// The status.
    pub status: ResourceStatus,
    /// Why, where the service says so.
    pub reason: Option<String>,
    /// The token of the request that caused it.
    pub token: Option<String>,
    /// The id of the operation that it belongs to. A failed update and its rollback have two.
    pub operation: Option<String>,
    /// What a hook said about the resource.
    pub hook: Option<Hook>,
}

/// What a hook said about a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hook {
    /// The hook's type, such as `Private::Guard::TestHook`.
    pub name: String,
    /// How it ended, such as `HOOK_COMPLETE_FAILED`.
    pub status: String,
    /// What it found.
    pub reason: Option<String>,
    /// Whether a finding stops the operation: `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
}

impl Hook {
    /// Returns whether it found something that stops the operation.
    pub fn is_failure(&self) -> bool {
        self.status.ends_with("_FAILED") && self.failure_mode.as_deref() != Some("WARN")
    }
}

impl Event {
    /// Returns whether it is about its stack as a whole.
    pub fn is_of_the_stack(&self) -> bool {
        self.physical_id == self.stack_id
    }

    /// Returns whether it says that what its stack had begun is undone.
    pub fn is_undone(&self) -> bool {
        self.is_of_the_stack() && self.status.as_str().ends_with("ROLLBACK_COMPLETE")
    }

    /// Returns the ARN of the nested stack that it is about.
    pub fn nested_stack(&self) -> Option<&str> {
        let is_nested = self.resource_type == STACK_TYPE
            && self.physical_id.starts_with("arn:")
            && !self.is_of_the_stack();
        is_nested.then_some(self.physical_id.as_str())
    }

    /// Returns the resource's name with the nested stacks that lead to it, such as `Network/Vpc`.
    ///
    /// A nested stack's name in the world says nothing: of itself it speaks as `Network/(stack)`.
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

    /// Returns whether it is bad news: a failure, a rollback, or a hook that objects.
    pub fn is_bad(&self) -> bool {
        self.status.sentiment() == Sentiment::Bad
            || self.hook.as_ref().is_some_and(Hook::is_failure)
    }

    /// Returns what tells it from the other events of its stack. The service always gives an id.
    fn key(&self) -> String {
        if self.id.is_empty() {
            format!("{}-{}-{:?}", self.logical_id, self.status, self.time)
        } else {
            self.id.clone()
        }
    }
}
