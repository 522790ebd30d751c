//! What part an event plays in a failure.

use super::advice_on;
use crate::cloudformation::event::{Event, Hook};
use crate::cloudformation::service_message;
use crate::cloudformation::status::Sentiment;

/// What part an event plays in a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It fails for a reason of its own.
    Root,
    /// It was cancelled because another failed.
    Cascade,
    /// The stack lists which of its resources failed.
    Summary,
    /// A stack repeats what a stack nested in it says.
    NestedSummary,
    /// It says why something fails or is about to, while it is still in progress.
    Explanation,
    /// It fails and does not say why.
    Unexplained,
    /// Somebody asked for the rollback.
    UserInitiated,
    /// It goes on, or ended well.
    Progress,
}

impl Role {
    /// Returns the stable name that programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Cascade => "cascade",
            Self::Summary => "summary",
            Self::NestedSummary => "nested-summary",
            Self::Explanation => "explanation",
            Self::Unexplained => "unexplained",
            Self::UserInitiated => "wish",
            Self::Progress => "progress",
        }
    }
}

/// Returns the part that an event plays.
pub fn role(event: &Event) -> Role {
    let Some(reason) = event
        .reason
        .as_deref()
        .filter(|reason| !reason.trim().is_empty())
    else {
        return without_reason(event);
    };
    let is_own = event.is_of_the_stack();
    let is_bad = event.status.sentiment() == Sentiment::Bad;
    if service_message::is_cancelled(reason) {
        Role::Cascade
    } else if service_message::is_about_nested_stack(reason) {
        Role::NestedSummary
    } else if service_message::lists_failures(reason) || event.is_undone() {
        Role::Summary
    } else if is_own && is_bad && service_message::is_user_initiated(reason) {
        Role::UserInitiated
    } else if event.status.is_failure() || is_own && is_bad {
        Role::Root
    } else if has_failed_hook(event) {
        Role::Explanation
    } else if service_message::is_success_signal(reason) {
        Role::Progress
    } else if is_own && event.status.is_terminal() {
        // A refused deletion: the stack returns to where it was.
        if is_known(event, reason) {
            Role::Root
        } else {
            Role::Progress
        }
    } else if is_own || event.status.is_terminal() || !service_message::speaks_of_failure(reason) {
        Role::Progress
    } else if is_known(event, reason) {
        Role::Explanation
    } else {
        Role::Progress
    }
}

/// Returns whether the table has a row for a reason. That costs the most, so it is asked last: of an
/// operation that succeeds, no event gets here.
fn is_known(event: &Event, reason: &str) -> bool {
    advice_on(&event.resource_type, event.status.as_str(), reason).is_some()
}

fn without_reason(event: &Event) -> Role {
    if event.status.is_failure() {
        Role::Unexplained
    } else if has_failed_hook(event) {
        Role::Explanation
    } else {
        Role::Progress
    }
}

fn has_failed_hook(event: &Event) -> bool {
    event.hook.as_ref().is_some_and(Hook::is_failure)
}
