//! What part an event plays in a failure.

use super::advice_on;
use crate::cloudformation::event::{Event, Hook};
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
    if is_cancelled(reason) {
        Role::Cascade
    } else if starts_with(reason, "Embedded stack ") {
        Role::NestedSummary
    } else if is_summary(reason) || event.is_undone() {
        Role::Summary
    } else if is_own && is_bad && starts_with(reason, "User Initiated") {
        Role::UserInitiated
    } else if event.status.is_failure() || is_own && is_bad {
        Role::Root
    } else if has_failed_hook(event) {
        Role::Explanation
    } else if is_success(reason) {
        Role::Progress
    } else if is_own && event.status.is_terminal() {
        // A refused deletion: the stack returns to where it was.
        if is_known(event, reason) {
            Role::Root
        } else {
            Role::Progress
        }
    } else if is_own || event.status.is_terminal() || !speaks_of_failure(reason) {
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

/// Returns whether a reason lists what failed, or says where that is listed.
pub(super) fn is_summary(reason: &str) -> bool {
    const STARTS: [&str; 3] = [
        "The following resource(s) failed to ",
        "Rollback requested by user",
        "Validation failure detected",
    ];
    // What the checks before an operation found is told by `DescribeEvents` alone.
    STARTS.iter().any(|start| starts_with(reason, start)) || reason.contains("Call DescribeEvents")
}

/// Returns whether a reason says `Resource creation cancelled`, or the like of it.
fn is_cancelled(reason: &str) -> bool {
    let mut words = reason.split_whitespace();
    let is = |word: Option<&str>, expected: &str| {
        word.is_some_and(|word| word.trim_end_matches('.').eq_ignore_ascii_case(expected))
    };
    is(words.next(), "resource") && words.next().is_some() && is(words.next(), "cancelled")
}

fn is_success(reason: &str) -> bool {
    starts_with(reason, "Received SUCCESS signal")
}

/// Returns whether a reason on an event in progress tells of a failure, not of a step.
fn speaks_of_failure(reason: &str) -> bool {
    const WORDS: [&str; 8] = [
        "fail",
        "error",
        "denied",
        "not authorized",
        "unable",
        "unhealthy",
        "did not",
        "timed out",
    ];
    let reason = reason.to_ascii_lowercase();
    WORDS.iter().any(|word| reason.contains(word))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(start))
}
