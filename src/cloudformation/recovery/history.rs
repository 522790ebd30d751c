//! The history of a stack from its events: the last request, and the failures of its resources.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::cloudformation::event::Event;
use crate::cloudformation::service_message;

/// The last request for a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Create the stack.
    Create,
    /// Update the stack.
    Update,
    /// Import existing resources.
    Import,
    /// Roll back a failed or cancelled operation. An automatic rollback is part of the operation that
    /// failed.
    RollBack,
    /// Delete the stack. The automatic deletion after a failed creation is part of the creation.
    Delete,
}

impl Attempt {
    /// Returns the name in JSON and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Import => "import",
            Self::RollBack => "roll back",
            Self::Delete => "delete",
        }
    }

    /// Returns the request that an event of the stack starts, if it starts one.
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

/// Whether a stack was ever in a state to which a rollback returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stability {
    /// An event shows such a state.
    Stable,
    /// The events go back to the stack's first one, and none shows such a state.
    NeverStable,
    /// The events do not go back far enough: CloudFormation keeps them for 90 days.
    #[default]
    Unknown,
}

/// The history of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The last request; `None` if the events do not show it.
    pub attempt: Option<Attempt>,
    /// Whether a rollback has a state to return to.
    pub stability: Stability,
    /// The time of the newest event that shows such a state.
    pub stable_at: Option<Timestamp>,
    /// The token of the last request; `None` if the events do not show it.
    pub token: Option<String>,
    /// Whether the last request continued a rollback that had failed.
    pub is_continued: bool,
    /// The resources that the continued rollback skipped, by logical id: CloudFormation reports them as
    /// updated without beginning to update them (API reference, `ContinueUpdateRollback`).
    pub skipped: Vec<String>,
    /// The reason of the newest failure of each resource, by logical id.
    pub(super) reasons: HashMap<String, String>,
    /// The newest status of each resource, by logical id.
    pub(super) statuses: HashMap<String, String>,
    /// Whether an event of the stack itself from before the last request was seen.
    pub(super) reaches_before_attempt: bool,
}

impl History {
    /// Returns the history from events, the newest first.
    pub fn of(newest_first: &[Event]) -> Self {
        let mut history = Self::default();
        let mut begun: HashSet<&str> = HashSet::new();
        for event in newest_first {
            if event.is_of_the_stack() {
                history.add_own(event);
                continue;
            }
            if history.attempt.is_none() {
                match event.status.as_str() {
                    "UPDATE_COMPLETE" => history.skipped.push(event.logical_id.clone()),
                    "UPDATE_IN_PROGRESS" => {
                        begun.insert(&event.logical_id);
                    }
                    _ => {}
                }
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
        if !history.is_continued {
            history.skipped.clear();
        }
        history.skipped.retain(|name| !begun.contains(&**name));
        history.skipped.sort_unstable();
        history.skipped.dedup();
        history
    }

    /// Adds an event of the stack itself, which is older than those before.
    fn add_own(&mut self, event: &Event) {
        if self.attempt.is_some() && !self.reaches_before_attempt {
            self.reaches_before_attempt = true;
            self.is_continued = self.attempt == Some(Attempt::RollBack)
                && event.status.as_str() == "UPDATE_ROLLBACK_FAILED";
        }
        if self.attempt.is_none() {
            self.attempt = Attempt::begun_by(event);
            if self.attempt.is_some() {
                self.token.clone_from(&event.token);
            }
        }
        if is_stable(event) {
            self.stable_at = self.stable_at.or(event.time);
            self.stability = Stability::Stable;
        } else if self.stability == Stability::Unknown && is_first(event) {
            self.stability = Stability::NeverStable;
        }
    }

    /// Returns whether older events would add nothing.
    pub fn is_complete(&self) -> bool {
        let is_rollback = self.attempt == Some(Attempt::RollBack);
        self.attempt.is_some()
            && self.stability != Stability::Unknown
            && (self.reaches_before_attempt || !is_rollback)
    }

    /// Returns the status of a resource whose newest event is a failure.
    pub fn failed(&self, logical_id: &str) -> Option<&str> {
        let status = self.statuses.get(logical_id)?;
        status.ends_with("_FAILED").then_some(status)
    }

    /// Returns the reason of a resource's newest failure.
    pub fn reason(&self, logical_id: &str) -> Option<&str> {
        self.reasons.get(logical_id).map(String::as_str)
    }
}

/// Returns whether an event of the stack itself is its first one. A stack is created once.
fn is_first(event: &Event) -> bool {
    matches!(
        event.status.as_str(),
        "REVIEW_IN_PROGRESS" | "CREATE_IN_PROGRESS"
    )
}

/// Returns whether the event's status is one to which a rollback returns (API reference,
/// `RollbackStack`).
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

#[cfg(test)]
mod tests {
    use super::{Attempt, History, Stability};
    use crate::cloudformation::event::Event;
    use crate::cloudformation::status::ResourceStatus;

    /// Returns an event of the stack itself.
    fn event(status: &str, reason: &str) -> Event {
        Event {
            stack_id: "arn".to_owned(),
            physical_id: "arn".to_owned(),
            status: ResourceStatus::from_wire(status),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            ..Event::default()
        }
    }

    /// The statuses of the stack with their reasons, the newest first; the last request; whether the stack
    /// was ever stable.
    type Case = (
        &'static [(&'static str, &'static str)],
        Option<Attempt>,
        Stability,
    );

    #[test]
    fn the_history_distinguishes_requests_from_automatic_operations() {
        const FAILED: &str =
            "The following resource(s) failed to create: [A]. Delete requested by user.";
        let cases: [Case; 10] = [
            (&[], None, Stability::Unknown),
            (
                &[("REVIEW_IN_PROGRESS", "User Initiated")],
                None,
                Stability::NeverStable,
            ),
            (
                &[
                    ("ROLLBACK_COMPLETE", ""),
                    (
                        "ROLLBACK_IN_PROGRESS",
                        "The following resource(s) failed to create: [A]. ",
                    ),
                    ("CREATE_IN_PROGRESS", "User Initiated"),
                ],
                Some(Attempt::Create),
                Stability::NeverStable,
            ),
            (
                &[
                    ("DELETE_FAILED", ""),
                    ("DELETE_IN_PROGRESS", FAILED),
                    ("CREATE_IN_PROGRESS", "User Initiated"),
                ],
                Some(Attempt::Create),
                Stability::NeverStable,
            ),
            (
                &[
                    ("DELETE_FAILED", ""),
                    ("DELETE_IN_PROGRESS", "User Initiated"),
                    ("CREATE_COMPLETE", ""),
                ],
                Some(Attempt::Delete),
                Stability::Stable,
            ),
            (
                &[
                    ("UPDATE_ROLLBACK_FAILED", ""),
                    ("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
                    ("UPDATE_ROLLBACK_FAILED", ""),
                    ("UPDATE_IN_PROGRESS", "User Initiated"),
                ],
                Some(Attempt::RollBack),
                Stability::Unknown,
            ),
            (
                &[
                    ("UPDATE_FAILED", ""),
                    ("UPDATE_IN_PROGRESS", ""),
                    ("UPDATE_COMPLETE", ""),
                ],
                Some(Attempt::Update),
                Stability::Stable,
            ),
            (
                &[("IMPORT_IN_PROGRESS", "")],
                Some(Attempt::Import),
                Stability::Unknown,
            ),
            // The events of an old stack do not go back to its creation.
            (
                &[("UPDATE_FAILED", ""), ("UPDATE_IN_PROGRESS", "")],
                Some(Attempt::Update),
                Stability::Unknown,
            ),
            (
                &[
                    ("UPDATE_FAILED", ""),
                    ("UPDATE_IN_PROGRESS", ""),
                    ("CREATE_FAILED", ""),
                    ("CREATE_IN_PROGRESS", ""),
                ],
                Some(Attempt::Update),
                Stability::NeverStable,
            ),
        ];
        for (statuses, attempt, stability) in cases {
            let events: Vec<Event> = statuses
                .iter()
                .map(|(status, reason)| event(status, reason))
                .collect();
            let history = History::of(&events);
            assert_eq!(history.attempt, attempt, "{statuses:?}");
            assert_eq!(history.stability, stability, "{statuses:?}");
        }
    }
}
