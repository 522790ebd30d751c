//! Whether a status that the service returned is the outcome of an operation.
//!
//! `DescribeStacks` is eventually consistent: for some seconds after a request it may still return the
//! previous status, `REVIEW_IN_PROGRESS`, or that the stack does not exist. Events may be late too, but
//! an event of the operation cannot be about an earlier one. So a status is only an outcome if
//! something else confirms it.

use std::time::Duration;

use jiff::Timestamp;

use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::{ResourceStatus, StackStatus};

/// How long a status has to stay the same if no event confirms it, because the events cannot be read
/// or there are none.
const WITHOUT_EVENTS: Duration = Duration::from_secs(10);

/// How long a status has to stay the same if the events say that the operation is still running. They
/// were up to a minute late in reports about other tools.
const AGAINST_EVENTS: Duration = Duration::from_secs(75);

/// How long a status has to stay the same if the read looks like one from before the operation in
/// everything but an event.
const SAME_AS_BEFORE: Duration = Duration::from_secs(3);

/// What one read of a stack proves about the operation on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The operation is running.
    Running,
    /// The status is the outcome.
    Proven,
    /// The status is the outcome if later reads return the same for this time.
    Probable(Duration),
    /// The read is old, or it contradicts the events.
    Unproven,
}

/// What is known about an operation besides its events.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The status before the request; `None` if the operation was running already.
    before: Option<StackStatus>,
    /// The time of the last update before the request.
    updated_before: Option<Timestamp>,
    /// The newest time of an update in any read.
    newest: Option<Timestamp>,
    /// Whether a read showed the operation in progress.
    was_running: bool,
    /// Whether a read or an event showed that it had not ended.
    was_followed: bool,
    /// Whether the deletion of the stack was requested while the operation was running.
    is_deletion_requested: bool,
}

impl Evidence {
    /// Returns the evidence of an operation that is about to be requested; `before` is the stack just
    /// before the request, `None` if there is none.
    pub fn of_request(before: Option<&Stack>) -> Self {
        let updated = before.and_then(|stack| stack.updated);
        let status = before.map(|stack| stack.status.clone());
        Self {
            before: Some(status.unwrap_or(StackStatus::ReviewInProgress)),
            updated_before: updated,
            newest: updated,
            ..Self::default()
        }
    }

    /// Returns the evidence of an operation that was running when `stack` was read, or had ended.
    pub fn of_running(stack: &Stack) -> Self {
        Self {
            newest: stack.updated,
            was_running: !stack.status.is_terminal(),
            was_followed: !stack.status.is_terminal(),
            ..Self::default()
        }
    }

    /// Returns whether a read or an event showed that the operation had not ended.
    pub fn was_followed(&self) -> bool {
        self.was_followed
    }

    /// Notes that the deletion of the stack was requested while the operation was running. The operation
    /// may end before the deletion begins, which is no outcome.
    pub fn request_deletion(&mut self) {
        self.is_deletion_requested = true;
    }

    /// Returns what a read of the stack proves; `None` means that the stack does not exist. `event` is
    /// the status in the newest event of the operation about the stack itself, and `None` if there is
    /// no such event.
    pub fn judge(&mut self, read: Option<&Stack>, event: Option<&ResourceStatus>) -> Verdict {
        let status = read.map_or(&StackStatus::DeleteComplete, |stack| &stack.status);
        // A deleted stack does not change any more, so no read of one is old.
        let is_old = *status != StackStatus::DeleteComplete
            && read.is_some_and(|stack| stack.updated < self.newest);
        if !is_old && let Some(stack) = read {
            self.newest = stack.updated;
        }
        self.was_followed |= event.is_some_and(|event| !event.is_terminal());
        if !status.is_terminal() {
            self.was_running |= !is_old;
            self.was_followed = true;
            return Verdict::Running;
        }
        let ended = event.filter(|event| event.is_terminal());
        if self.is_deletion_requested && !status.as_str().starts_with("DELETE_") {
            return Verdict::Unproven;
        }
        match ended {
            Some(event) if event.as_str() != status.as_str() => Verdict::Unproven,
            Some(_) if is_old => Verdict::Unproven,
            Some(_) if self.is_as_before(read) => Verdict::Probable(SAME_AS_BEFORE),
            Some(_) => Verdict::Proven,
            None if is_old || *status == StackStatus::ReviewInProgress => Verdict::Unproven,
            None if read.is_none() => match event {
                Some(event) if event.as_str() == "DELETE_IN_PROGRESS" => {
                    Verdict::Probable(WITHOUT_EVENTS)
                }
                _ => Verdict::Unproven,
            },
            None if !self.was_running && self.is_as_before(read) => Verdict::Unproven,
            None if event.is_some() => Verdict::Probable(AGAINST_EVENTS),
            None => Verdict::Probable(WITHOUT_EVENTS),
        }
    }

    /// Returns whether a read shows the same status and time as before the request.
    fn is_as_before(&self, read: Option<&Stack>) -> bool {
        read.is_some_and(|stack| {
            self.before.as_ref() == Some(&stack.status) && stack.updated == self.updated_before
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{AGAINST_EVENTS, Evidence, SAME_AS_BEFORE, Verdict, WITHOUT_EVENTS};
    use crate::cloudformation::stack::Stack;
    use crate::cloudformation::status::{ResourceStatus, StackStatus};

    /// Returns a stack from `STATUS@SECOND`, where the second is that of the last update; `None` from
    /// an empty text.
    fn stack(text: &str) -> Option<Stack> {
        let (status, second) = text.split_once('@').unwrap_or((text, ""));
        let second = second.parse().ok();
        (!text.is_empty()).then(|| Stack {
            status: StackStatus::from_wire(status),
            updated: second.map(|it| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(it)),
            ..Stack::default()
        })
    }

    /// Judges reads one after another, each with the status of the newest event, and returns the last
    /// verdict.
    fn last(mut evidence: Evidence, reads: &[(&str, &str)]) -> Verdict {
        let mut verdict = Verdict::Running;
        for (read, event) in reads {
            let event = (!event.is_empty()).then(|| ResourceStatus::from_wire(*event));
            verdict = evidence.judge(stack(read).as_ref(), event.as_ref());
        }
        verdict
    }

    #[test]
    fn a_status_needs_evidence() {
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Verdict);
        const RUNNING: (&str, &str) = ("UPDATE_IN_PROGRESS@5", "UPDATE_IN_PROGRESS");
        let cases: &[Case<'_>] = &[
            // An event confirms the status.
            (
                "UPDATE_COMPLETE@1",
                &[("UPDATE_COMPLETE@5", "UPDATE_COMPLETE")],
                Verdict::Proven,
            ),
            (
                "",
                &[("CREATE_COMPLETE", "CREATE_COMPLETE")],
                Verdict::Proven,
            ),
            (
                "CREATE_COMPLETE",
                &[("", "DELETE_COMPLETE")],
                Verdict::Proven,
            ),
            (
                "CREATE_COMPLETE",
                &[("DELETE_COMPLETE", "DELETE_COMPLETE")],
                Verdict::Proven,
            ),
            (
                "UPDATE_COMPLETE@1",
                &[("DELETE_COMPLETE", "DELETE_COMPLETE")],
                Verdict::Proven,
            ),
            // The event says the same, but the read may be from before.
            (
                "UPDATE_COMPLETE@1",
                &[("UPDATE_COMPLETE@1", "UPDATE_COMPLETE")],
                Verdict::Probable(SAME_AS_BEFORE),
            ),
            (
                "UPDATE_COMPLETE@1",
                &[RUNNING, ("UPDATE_COMPLETE@1", "UPDATE_COMPLETE")],
                Verdict::Unproven,
            ),
            // The event says something else.
            (
                "UPDATE_COMPLETE@1",
                &[("UPDATE_COMPLETE@1", "UPDATE_ROLLBACK_COMPLETE")],
                Verdict::Unproven,
            ),
            ("", &[("", "CREATE_COMPLETE")], Verdict::Unproven),
            // The old status, before and after the operation was seen.
            (
                "UPDATE_COMPLETE@1",
                &[("UPDATE_COMPLETE@1", "")],
                Verdict::Unproven,
            ),
            (
                "UPDATE_COMPLETE@1",
                &[("UPDATE_COMPLETE@1", "UPDATE_IN_PROGRESS")],
                Verdict::Unproven,
            ),
            (
                "UPDATE_COMPLETE@1",
                &[RUNNING, ("UPDATE_COMPLETE@1", "UPDATE_IN_PROGRESS")],
                Verdict::Unproven,
            ),
            ("", &[("REVIEW_IN_PROGRESS", "")], Verdict::Unproven),
            ("", &[("", "")], Verdict::Unproven),
            ("", &[("", "CREATE_IN_PROGRESS")], Verdict::Unproven),
            // The events are late, or cannot be read.
            (
                "UPDATE_COMPLETE@1",
                &[RUNNING, ("UPDATE_COMPLETE@5", "UPDATE_IN_PROGRESS")],
                Verdict::Probable(AGAINST_EVENTS),
            ),
            (
                "UPDATE_COMPLETE@1",
                &[("UPDATE_COMPLETE@5", "")],
                Verdict::Probable(WITHOUT_EVENTS),
            ),
            (
                "UPDATE_COMPLETE@1",
                &[("UPDATE_ROLLBACK_COMPLETE@1", "")],
                Verdict::Probable(WITHOUT_EVENTS),
            ),
            (
                "",
                &[("CREATE_IN_PROGRESS", ""), ("CREATE_COMPLETE", "")],
                Verdict::Probable(WITHOUT_EVENTS),
            ),
            (
                "CREATE_COMPLETE",
                &[("", "DELETE_IN_PROGRESS")],
                Verdict::Probable(WITHOUT_EVENTS),
            ),
            // Still running.
            ("UPDATE_COMPLETE@1", &[RUNNING], Verdict::Running),
            (
                "UPDATE_COMPLETE@1",
                &[("UPDATE_IN_PROGRESS@5", "UPDATE_COMPLETE")],
                Verdict::Running,
            ),
        ];
        for (before, reads, expected) in cases {
            let evidence = Evidence::of_request(stack(before).as_ref());
            assert_eq!(last(evidence, reads), *expected, "{before:?} {reads:?}");
        }
    }

    #[test]
    fn a_requested_deletion_ends_only_in_a_deletion() {
        let requested = || {
            let mut evidence = stack("CREATE_IN_PROGRESS")
                .map_or_else(Evidence::default, |it| Evidence::of_running(&it));
            evidence.request_deletion();
            evidence
        };
        let complete = ("CREATE_COMPLETE", "CREATE_COMPLETE");
        assert_eq!(last(requested(), &[complete]), Verdict::Unproven);
        let failed = ("ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE");
        assert_eq!(last(requested(), &[failed]), Verdict::Unproven);
        let gone = ("DELETE_COMPLETE", "DELETE_COMPLETE");
        assert_eq!(last(requested(), &[complete, gone]), Verdict::Proven);
        let stuck = ("DELETE_FAILED", "DELETE_FAILED");
        assert_eq!(last(requested(), &[stuck]), Verdict::Proven);
    }

    #[test]
    fn an_operation_was_followed_if_it_had_not_ended() {
        let was_followed = |joined: &str, reads: &[(&str, &str)]| {
            let joined = stack(joined);
            let mut evidence =
                joined.map_or_else(Evidence::default, |it| Evidence::of_running(&it));
            for (read, event) in reads {
                let event = ResourceStatus::from_wire(*event);
                evidence.judge(stack(read).as_ref(), Some(&event));
            }
            evidence.was_followed()
        };
        let ended = ("UPDATE_COMPLETE@5", "UPDATE_COMPLETE");
        assert!(!was_followed("UPDATE_COMPLETE@5", &[ended]));
        assert!(was_followed("UPDATE_IN_PROGRESS@5", &[ended]));
        // The first reads were old.
        let old = ("CREATE_COMPLETE", "UPDATE_IN_PROGRESS");
        assert!(was_followed("CREATE_COMPLETE", &[old, ended]));
        let running = ("UPDATE_IN_PROGRESS@5", "CREATE_COMPLETE");
        assert!(was_followed("CREATE_COMPLETE", &[running, ended]));
    }

    #[test]
    fn an_operation_that_ended_before_it_was_joined_needs_no_event() {
        let reads = [("UPDATE_COMPLETE@5", "")];
        let expected = Verdict::Probable(WITHOUT_EVENTS);
        assert_eq!(last(Evidence::default(), &reads), expected);
    }
}
