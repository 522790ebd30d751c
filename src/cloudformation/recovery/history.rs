//! What was last asked of a stack, and how it came to where it is: read off its events.

use std::collections::HashMap;

use crate::cloudformation::event::Event;
use crate::cloudformation::service_message;

/// What was last asked of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// To make it.
    Create,
    /// To change it.
    Update,
    /// To take existing resources into it.
    Import,
    /// To undo what failed or was cancelled, where somebody asked for that; the rollback that follows
    /// a failure by itself belongs to the operation that failed.
    RollBack,
    /// To delete it; the deletion that follows a failed creation by itself belongs to that.
    Delete,
}

impl Attempt {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Import => "import",
            Self::RollBack => "roll back",
            Self::Delete => "delete",
        }
    }

    /// Returns what an event of the stack itself begins, if it begins anything.
    fn begun_by(event: &Event) -> Option<Self> {
        let reason = event.reason.as_deref().unwrap_or_default();
        match event.status.as_str() {
            "CREATE_IN_PROGRESS" => Some(Self::Create),
            "UPDATE_IN_PROGRESS" => Some(Self::Update),
            "IMPORT_IN_PROGRESS" => Some(Self::Import),
            "DELETE_IN_PROGRESS" if !service_message::follows_failure(reason) => Some(Self::Delete),
            "ROLLBACK_IN_PROGRESS" | "UPDATE_ROLLBACK_IN_PROGRESS"
                if service_message::is_user_initiated(reason) =>
            {
                Some(Self::RollBack)
            }
            _ => None,
        }
    }
}

/// How a stack came to where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// What was last asked of it; `None` where the events do not say.
    pub attempt: Option<Attempt>,
    /// Whether an operation on it ever ended well, so that there is something to return to.
    pub was_stable: bool,
    /// The reason of the newest failure of each resource.
    pub(super) reasons: HashMap<String, String>,
    /// The newest status of each resource.
    pub(super) statuses: HashMap<String, String>,
}

impl History {
    /// Returns what these events tell, the newest first.
    pub fn of(newest_first: &[Event]) -> Self {
        let mut history = Self::default();
        for event in newest_first {
            if event.is_of_the_stack() {
                history.attempt = history.attempt.or_else(|| Attempt::begun_by(event));
                history.was_stable |= is_stable(event);
                continue;
            }
            history
                .statuses
                .entry(event.logical_id.clone())
                .or_insert_with(|| event.status.as_str().to_owned());
            if let (true, Some(reason)) = (event.status.is_failure(), &event.reason) {
                history
                    .reasons
                    .entry(event.logical_id.clone())
                    .or_insert_with(|| reason.clone());
            }
        }
        history
    }

    /// Returns whether older events would tell nothing more.
    pub fn is_complete(&self) -> bool {
        self.attempt.is_some() && self.was_stable
    }

    /// Returns the status of a resource whose newest event is a failure.
    pub fn failed(&self, logical_id: &str) -> Option<&str> {
        let status = self.statuses.get(logical_id)?;
        status.ends_with("_FAILED").then_some(status)
    }

    /// Returns why a resource failed last.
    pub fn reason(&self, logical_id: &str) -> Option<&str> {
        self.reasons.get(logical_id).map(String::as_str)
    }
}

/// Returns whether the stack was then in a state that a rollback returns to (`RollbackStack`).
fn is_stable(event: &Event) -> bool {
    matches!(
        event.status.as_str(),
        "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "IMPORT_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE"
    )
}
