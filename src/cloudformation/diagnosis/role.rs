//! The role of an event in a failure.

use super::advice_on;
use crate::cloudformation::event::{Event, Hook};
use crate::cloudformation::service_message;
use crate::cloudformation::status::Sentiment;

/// The role of an event in a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The resource failed for a reason of its own.
    Root,
    /// The resource was cancelled because another one failed.
    Cascade,
    /// The stack lists its failed resources.
    Summary,
    /// A stack repeats the reason of its nested stack.
    NestedSummary,
    /// The resource is still in progress, and the event has the reason of its failure.
    Explanation,
    /// The resource failed without a reason.
    Unexplained,
    /// A user requested the rollback.
    UserInitiated,
    /// The resource is in progress, or succeeded.
    Progress,
}

impl Role {
    /// Returns the name in JSON.
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

/// Returns the role of an event.
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
        // A rejected deletion: the stack returns to its previous status.
        if is_known(event, reason) {
            Role::Root
        } else {
            Role::Progress
        }
    } else if is_own || event.status.is_terminal() || !service_message::mentions_failure(reason) {
        Role::Progress
    } else if is_known(event, reason) {
        Role::Explanation
    } else {
        Role::Progress
    }
}

/// Returns whether the table has a row for a reason. This is the slowest check, so it is the last one.
/// The events of a successful operation do not reach it.
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
