//! What happens to a stack's resources, folded from pages of events into one timeline.
//!
//! The service answers newest first, in pages that overlap from one poll to the next, with
//! timestamps that collide. A [`Timeline`] is a pure fold over those pages: each event comes out
//! once, oldest first, whatever the pages were.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::status::ResourceStatus;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The id, which alone tells two events apart.
    pub id: String,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The ARN of the stack that it belongs to.
    pub stack_id: String,
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
}

impl Event {
    /// Returns whether it is about the stack as a whole.
    pub fn is_of_the_stack(&self) -> bool {
        self.physical_id == self.stack_id
    }

    /// Returns whether it only follows from another failure.
    fn is_cascade(&self) -> bool {
        const CASCADES: [&str; 4] = [
            "Resource creation cancelled",
            "Resource update cancelled",
            "Resource deletion cancelled",
            "The following resource(s) failed to",
        ];
        self.reason
            .as_deref()
            .is_none_or(|reason| CASCADES.iter().any(|cascade| reason.starts_with(cascade)))
    }
}

/// The events of one operation, each once, oldest first.
#[derive(Debug, Default)]
pub struct Timeline {
    seen: HashSet<String>,
    events: Vec<Event>,
}

impl Timeline {
    /// Returns a timeline that leaves out `earlier` events: those before the operation.
    pub fn after(earlier: &[Event]) -> Self {
        Self {
            seen: earlier.iter().map(|event| event.id.clone()).collect(),
            events: Vec::new(),
        }
    }

    /// Returns whether an event was seen before, so that older pages hold nothing new.
    pub fn has_seen(&self, event: &Event) -> bool {
        self.seen.contains(&event.id)
    }

    /// Takes events as the service gives them, newest first, and returns the new ones, oldest first.
    pub fn absorb(&mut self, newest_first: Vec<Event>) -> Vec<Event> {
        let mut new: Vec<Event> = newest_first
            .into_iter()
            .filter(|event| self.seen.insert(event.id.clone()))
            .collect();
        new.reverse();
        self.events.extend(new.iter().cloned());
        new
    }

    /// Returns the events so far, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns how many resources have come to an end: their newest event says that they are settled.
    pub fn settled_resources(&self) -> usize {
        let mut latest: HashMap<&str, &Event> = HashMap::new();
        for event in self.events.iter().filter(|event| !event.is_of_the_stack()) {
            latest.insert(&event.logical_id, event);
        }
        latest
            .values()
            .filter(|event| event.status.is_settled())
            .count()
    }

    /// Returns the event that made the operation fail: the first failure of a resource that does
    /// not merely follow from another, else the stack's own first bad news.
    pub fn root_cause(&self) -> Option<&Event> {
        let failures = || self.events.iter().filter(|event| event.status.is_failure());
        failures()
            .find(|event| !event.is_of_the_stack() && !event.is_cascade())
            .or_else(|| {
                self.events.iter().find(|event| {
                    event.status.sentiment() == crate::status::Sentiment::Bad && !event.is_cascade()
                })
            })
            .or_else(|| failures().next())
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Timeline};
    use crate::status::ResourceStatus;

    fn event(id: &str, logical_id: &str, status: &str, reason: Option<&str>) -> Event {
        Event {
            id: id.to_owned(),
            time: None,
            stack_id: "stack-arn".to_owned(),
            logical_id: logical_id.to_owned(),
            physical_id: if logical_id == "stack" {
                "stack-arn"
            } else {
                ""
            }
            .to_owned(),
            resource_type: String::new(),
            status: ResourceStatus::from_wire(status),
            reason: reason.map(str::to_owned),
            token: None,
        }
    }

    fn ids(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| event.id.as_str()).collect()
    }

    #[test]
    fn overlapping_pages_give_each_event_once_and_oldest_first() {
        let old = event("0", "stack", "CREATE_COMPLETE", None);
        let mut timeline = Timeline::after(std::slice::from_ref(&old));
        let first = event("1", "stack", "UPDATE_IN_PROGRESS", None);
        let second = event("2", "Bucket", "UPDATE_IN_PROGRESS", None);
        let third = event("3", "Bucket", "UPDATE_COMPLETE", None);

        assert_eq!(
            ids(&timeline.absorb(vec![second.clone(), first.clone(), old])),
            ["1", "2"]
        );
        assert_eq!(ids(&timeline.absorb(vec![third, second, first])), ["3"]);
        assert_eq!(ids(timeline.events()), ["1", "2", "3"]);
    }

    #[test]
    fn the_root_cause_is_not_a_cancelled_neighbour() {
        let mut timeline = Timeline::default();
        timeline.absorb(vec![
            event(
                "4",
                "stack",
                "ROLLBACK_IN_PROGRESS",
                Some("The following resource(s) failed to create: [Role, Bucket]."),
            ),
            event(
                "3",
                "Bucket",
                "CREATE_FAILED",
                Some("dev-bucket already exists"),
            ),
            event(
                "2",
                "Role",
                "CREATE_FAILED",
                Some("Resource creation cancelled"),
            ),
            event("1", "stack", "CREATE_IN_PROGRESS", None),
        ]);
        assert_eq!(
            timeline.root_cause().map(|event| event.id.as_str()),
            Some("3")
        );
    }

    #[test]
    fn a_rollback_without_a_failed_resource_is_its_own_cause() {
        let mut timeline = Timeline::default();
        timeline.absorb(vec![
            event(
                "2",
                "stack",
                "UPDATE_ROLLBACK_IN_PROGRESS",
                Some("Export x cannot be updated as it is in use"),
            ),
            event("1", "stack", "UPDATE_IN_PROGRESS", None),
        ]);
        assert_eq!(
            timeline.root_cause().map(|event| event.id.as_str()),
            Some("2")
        );
    }
}
