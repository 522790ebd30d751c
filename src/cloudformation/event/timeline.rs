//! The events of one operation on a stack and its nested stacks.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::Event;
use crate::cloudformation::status::ResourceStatus;

/// The events of one operation on a stack, each once, oldest first. Events of nested stacks are merged
/// by time.
///
/// [`absorb`](Self::absorb) adds a page of one stack's events. [`advance`](Self::advance) returns the
/// events that are new since its last call.
#[derive(Debug)]
pub struct Timeline {
    /// The root stack, then the nested ones in the order of their first event.
    streams: Vec<Stream>,
    /// The keys of the events before the operation.
    earlier: HashSet<String>,
    /// The time of the first event, by the service's clock.
    began: Option<Timestamp>,
    events: Vec<Event>,
}

/// The events of one stack.
#[derive(Debug)]
struct Stream {
    stack_id: String,
    path: Vec<String>,
    seen: HashSet<String>,
    /// The new events that `advance` has not returned yet, oldest first.
    waiting: Vec<Event>,
    /// Whether an operation is running, according to the parent stack.
    running: bool,
    /// Whether the parent stack has a newer event than the last page of this stack.
    stale: bool,
}

impl Stream {
    fn new(stack_id: &str, path: Vec<String>) -> Self {
        Self {
            stack_id: stack_id.to_owned(),
            path,
            seen: HashSet::new(),
            waiting: Vec::new(),
            running: true,
            stale: true,
        }
    }
}

impl Timeline {
    /// Returns a timeline of all events of a stack.
    pub fn of(stack_id: &str) -> Self {
        Self::after(stack_id, &[])
    }

    /// Returns a timeline of the events of a stack after these `earlier` events.
    pub fn after(stack_id: &str, earlier: &[Event]) -> Self {
        Self {
            streams: vec![Stream::new(stack_id, Vec::new())],
            earlier: earlier.iter().map(Event::key).collect(),
            began: None,
            events: Vec::new(),
        }
    }

    /// Returns the ARNs of the nested stacks, at any depth, that may have new events. If `all` is true,
    /// returns all nested stacks.
    pub fn nested_to_read(&self, all: bool) -> Vec<String> {
        let nested = self.streams.iter().skip(1);
        nested
            .filter(|stream| all || stream.running || stream.stale)
            .map(|stream| stream.stack_id.clone())
            .collect()
    }

    /// Returns whether a page of a stack's events contains events that were already added, so that
    /// older pages contain no new events.
    pub fn overlaps(&self, stack_id: &str, page: &[Event]) -> bool {
        self.stream(stack_id)
            .is_some_and(|stream| page.iter().any(|event| stream.seen.contains(&event.key())))
    }

    /// Returns whether a page of a stack's events contains events from before the operation.
    pub fn is_past(&self, stack_id: &str, page: &[Event]) -> bool {
        page.iter().any(|event| self.is_earlier(stack_id, event))
    }

    /// Returns whether an event is from before the operation. For nested stacks, the time decides,
    /// because their earlier events are not known.
    fn is_earlier(&self, stack_id: &str, event: &Event) -> bool {
        if self.is_root(stack_id) {
            return self.earlier.contains(&event.key());
        }
        let (time, began) = (event.time, self.began);
        time.zip(began).is_some_and(|(time, began)| time < began)
    }

    fn is_root(&self, stack_id: &str) -> bool {
        let root = self.streams.first();
        root.is_some_and(|root| root.stack_id == stack_id)
    }

    fn stream(&self, stack_id: &str) -> Option<&Stream> {
        let mut streams = self.streams.iter();
        streams.find(|stream| stream.stack_id == stack_id)
    }

    /// Adds events of one stack in the order of the API, newest first.
    ///
    /// Skips all events after the first one that is from before the operation.
    pub fn absorb(&mut self, stack_id: &str, mut newest_first: Vec<Event>) {
        let is_root = self.is_root(stack_id);
        let mut page = newest_first.iter();
        if let Some(end) = page.position(|event| self.is_earlier(stack_id, event)) {
            newest_first.truncate(end);
        }
        let mut streams = self.streams.iter_mut();
        let Some(stream) = streams.find(|stream| stream.stack_id == stack_id) else {
            return;
        };
        stream.stale = false;
        let mut nested: Vec<(String, Vec<String>, bool)> = Vec::new();
        for mut event in newest_first.into_iter().rev() {
            if !stream.seen.insert(event.key()) {
                continue;
            }
            event.nested_in.clone_from(&stream.path);
            if is_root && self.began.is_none() {
                self.began = event.time;
            }
            if let Some(child) = event.nested_stack() {
                let path = [&stream.path[..], &[event.logical_id.clone()]].concat();
                nested.push((child.to_owned(), path, !event.status.is_terminal()));
            }
            stream.waiting.push(event);
        }
        for (child, path, running) in nested {
            self.follow_nested(&child, path, running);
        }
    }

    fn follow_nested(&mut self, stack_id: &str, path: Vec<String>, running: bool) {
        let mut streams = self.streams.iter_mut();
        if let Some(stream) = streams.find(|stream| stream.stack_id == stack_id) {
            (stream.running, stream.stale) = (running, true);
        } else {
            let mut stream = Stream::new(stack_id, path);
            stream.running = running;
            self.streams.push(stream);
        }
    }

    /// Returns the events that were added since the last call, oldest first.
    ///
    /// The events of each stack keep the order of the API. Events of different stacks are ordered by
    /// time.
    pub fn advance(&mut self) -> Vec<Event> {
        let waiting = self.streams.iter_mut();
        let mut waiting: Vec<_> = waiting
            .map(|stream| std::mem::take(&mut stream.waiting).into_iter().peekable())
            .collect();
        let mut new = Vec::new();
        while let Some(event) = waiting
            .iter_mut()
            .filter_map(|events| Some((events.peek()?.time, events)))
            .min_by_key(|(time, _)| *time)
            .and_then(|(_, events)| events.next())
        {
            new.push(event);
        }
        self.events.extend(new.iter().cloned());
        new
    }

    /// Returns all events that `advance` has returned, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns the time from the start of the operation to an event; `None` if the event has no time.
    pub fn elapsed(&self, event: &Event) -> Option<Duration> {
        let elapsed = event.time?.duration_since(self.began?);
        Some(elapsed.try_into().unwrap_or_default())
    }

    /// Returns the time from the start of the operation to its newest event.
    pub fn age(&self) -> Duration {
        let mut newest = self.events.iter().rev();
        newest
            .find_map(|event| self.elapsed(event))
            .unwrap_or_default()
    }

    /// Returns the status in the newest event of the stack itself.
    pub fn own_status(&self) -> Option<&ResourceStatus> {
        let mut own = self.events.iter().rev();
        own.find(|event| event.nested_in.is_empty() && event.is_of_the_stack())
            .map(|event| &event.status)
    }

    /// Returns how many resources of the root stack have events.
    pub fn resources(&self) -> usize {
        self.latest().len()
    }

    /// Returns the physical id of a resource of the root stack; `None` if it has no events or was
    /// deleted.
    pub fn physical_id(&self, logical_id: &str) -> Option<&str> {
        let newest_first = self.events.iter().rev();
        let mut of_resource = newest_first.filter(|event| {
            event.nested_in.is_empty() && event.logical_id == logical_id && !event.is_of_the_stack()
        });
        // A replaced resource is deleted last, under the same logical id.
        let event = of_resource.find(|event| !event.status.as_str().starts_with("DELETE_"))?;
        Some(event.physical_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Returns how many resources of the root stack have a terminal status in their newest event.
    pub fn finished_resources(&self) -> usize {
        let latest = self.latest();
        latest.values().filter(|it| it.status.is_terminal()).count()
    }

    /// Returns the newest event of each resource of the root stack, by logical id.
    fn latest(&self) -> HashMap<&str, &Event> {
        let own = self.events.iter().filter(|it| it.nested_in.is_empty());
        own.filter(|event| !event.is_of_the_stack())
            .map(|event| (event.logical_id.as_str(), event))
            .collect()
    }

    /// Returns the first event of the stack itself; `None` if there is none yet.
    pub fn beginning(&self) -> Option<&Event> {
        let mut own = self.events.iter().filter(|it| it.nested_in.is_empty());
        own.find(|event| event.is_of_the_stack())
    }

    /// Returns whether the operation is the deletion of the stack.
    pub fn is_deletion(&self) -> bool {
        let beginning = self.beginning().map(|event| event.status.as_str());
        beginning == Some("DELETE_IN_PROGRESS")
    }

    /// Returns whether the operation continues a rollback that had failed.
    pub fn continues_rollback(&self) -> bool {
        let beginning = self.beginning().map(|event| event.status.as_str());
        beginning == Some("UPDATE_ROLLBACK_IN_PROGRESS")
    }

    /// Returns the newest event of each resource that the operation could not delete.
    pub fn left_behind(&self) -> Vec<&Event> {
        let mut latest: Vec<&Event> = Vec::new();
        for event in self.events.iter().filter(|it| !it.is_of_the_stack()) {
            // Another resource may have the same physical id: one of another type, or one that was
            // renamed in the template and keeps its name.
            let same = |it: &&Event| {
                it.stack_id == event.stack_id
                    && it.resource_type == event.resource_type
                    && it.logical_id == event.logical_id
                    && it.physical_id == event.physical_id
            };
            latest.retain(|it| !same(it));
            latest.push(event);
        }
        latest.retain(|event| event.status.as_str() == "DELETE_FAILED");
        latest
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};

    use super::{Event, Timeline};
    use crate::cloudformation::status::ResourceStatus;
    use crate::template::STACK_TYPE;

    /// Returns an event of the stack `stack`: its time in seconds, its resource (`-` for the stack
    /// itself) and its status.
    fn event(stack: &str, second: i64, resource: &str, status: &str) -> Event {
        let is_own = resource == "-";
        Event {
            id: format!("{resource}-{status}-{second}"),
            time: Some(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)),
            stack_id: stack.to_owned(),
            logical_id: resource.to_owned(),
            physical_id: if is_own { stack } else { "" }.to_owned(),
            status: ResourceStatus::from_wire(status),
            ..Event::default()
        }
    }

    /// Returns an event about a nested stack.
    fn nested(stack: &str, second: i64, resource: &str, child: &str, status: &str) -> Event {
        Event {
            physical_id: child.to_owned(),
            resource_type: STACK_TYPE.to_owned(),
            ..event(stack, second, resource, status)
        }
    }

    fn texts(events: &[Event]) -> Vec<String> {
        let text = |event: &Event| format!("{} {}", event.path(), event.status);
        events.iter().map(text).collect()
    }

    #[test]
    fn overlapping_pages_return_each_event_once_oldest_first() {
        let old = event("root", 0, "-", "CREATE_COMPLETE");
        let mut timeline = Timeline::after("root", std::slice::from_ref(&old));
        let first = event("root", 5, "-", "UPDATE_IN_PROGRESS");
        let second = event("root", 5, "Bucket", "UPDATE_IN_PROGRESS");
        let third = event("root", 7, "Bucket", "UPDATE_COMPLETE");

        timeline.absorb("root", vec![second.clone(), first.clone(), old.clone()]);
        let new = timeline.advance();
        assert_eq!(
            texts(&new),
            ["- UPDATE_IN_PROGRESS", "Bucket UPDATE_IN_PROGRESS"]
        );
        assert_eq!(timeline.finished_resources(), 0);
        // An event that appears late, after one that was already returned.
        let late = event("root", 6, "Role", "UPDATE_COMPLETE");
        timeline.absorb("root", vec![third.clone(), late, second, first, old]);
        let new = timeline.advance();
        assert_eq!(
            texts(&new),
            ["Role UPDATE_COMPLETE", "Bucket UPDATE_COMPLETE"]
        );
        assert_eq!(timeline.finished_resources(), 2);
        assert_eq!(timeline.elapsed(&third), Some(Duration::from_secs(2)));
        assert_eq!(timeline.events().len(), 4);
        assert!(timeline.advance().is_empty());
    }

    #[test]
    fn events_older_than_an_earlier_event_are_skipped() {
        let earlier = event("root", 3, "-", "CREATE_COMPLETE");
        let mut timeline = Timeline::after("root", std::slice::from_ref(&earlier));
        let new = event("root", 9, "-", "UPDATE_IN_PROGRESS");
        // Older than the events that were read before the operation.
        let older = event("root", 1, "-", "CREATE_IN_PROGRESS");
        let page = vec![new, earlier, older];
        assert!(timeline.is_past("root", &page));
        timeline.absorb("root", page);
        assert_eq!(texts(&timeline.advance()), ["- UPDATE_IN_PROGRESS"]);
    }

    #[test]
    fn nested_stacks_are_read_once_more_after_their_end() {
        let mut timeline = Timeline::after("root", &[event("root", 0, "-", "CREATE_COMPLETE")]);
        let child = "arn:child";
        timeline.absorb(
            "root",
            vec![
                nested("root", 12, "Net", child, "UPDATE_IN_PROGRESS"),
                event("root", 10, "-", "UPDATE_IN_PROGRESS"),
            ],
        );
        assert_eq!(timeline.nested_to_read(false), [child]);
        let own = |second, status| Event {
            physical_id: child.to_owned(),
            ..event(child, second, "child", status)
        };
        let (started, inner) = (
            own(11, "UPDATE_IN_PROGRESS"),
            nested(child, 13, "Deep", "arn:deep", "UPDATE_IN_PROGRESS"),
        );
        // The creation of the nested stack is not part of this operation.
        let page = vec![inner.clone(), started.clone(), own(1, "CREATE_COMPLETE")];
        assert!(timeline.is_past(child, &page) && !timeline.overlaps(child, &page));
        timeline.absorb(child, page);
        assert_eq!(
            texts(&timeline.advance()),
            [
                "- UPDATE_IN_PROGRESS",
                "Net/(stack) UPDATE_IN_PROGRESS",
                "Net UPDATE_IN_PROGRESS",
                "Net/Deep UPDATE_IN_PROGRESS",
            ]
        );
        assert_eq!(timeline.nested_to_read(false), [child, "arn:deep"]);

        timeline.absorb("arn:deep", Vec::new());
        let done = nested("root", 20, "Net", child, "UPDATE_COMPLETE");
        timeline.absorb("root", vec![done]);
        // Two stacks with the same template may have events with the same id.
        let same_id = Event {
            stack_id: "arn:deep".to_owned(),
            ..event(child, 14, "Vpc", "UPDATE_COMPLETE")
        };
        timeline.absorb("arn:deep", vec![same_id]);
        let page = vec![event(child, 14, "Vpc", "UPDATE_COMPLETE"), inner, started];
        assert!(timeline.overlaps(child, &page));
        timeline.absorb(child, page);
        assert_eq!(
            texts(&timeline.advance()),
            [
                "Net/Vpc UPDATE_COMPLETE",
                "Net/Deep/Vpc UPDATE_COMPLETE",
                "Net UPDATE_COMPLETE",
            ]
        );
        assert_eq!(
            timeline.nested_to_read(false),
            ["arn:deep"],
            "its parent has not ended it"
        );
        assert_eq!(timeline.nested_to_read(true), [child, "arn:deep"]);
        assert_eq!(
            timeline.own_status().map(ToString::to_string).as_deref(),
            Some("UPDATE_IN_PROGRESS")
        );
    }

    #[test]
    fn resources_that_could_not_be_deleted_are_left_behind() {
        let made = |event: Event, physical_id: &str| Event {
            physical_id: physical_id.to_owned(),
            ..event
        };
        let of_type = |event: Event, kind: &str| Event {
            resource_type: kind.to_owned(),
            ..event
        };
        let mut timeline = Timeline::of("root");
        timeline.absorb(
            "root",
            vec![
                event("root", 9, "-", "UPDATE_COMPLETE"),
                made(event("root", 8, "Role", "DELETE_COMPLETE"), "old-role"),
                made(event("root", 7, "Role", "DELETE_FAILED"), "old-role"),
                made(event("root", 6, "Bucket", "DELETE_FAILED"), "old-bucket"),
                // Others with the same physical id: one of another type, and a renamed one.
                made(event("root", 8, "Alarm", "UPDATE_COMPLETE"), "shared"),
                of_type(
                    made(event("root", 7, "Alarm", "DELETE_FAILED"), "shared"),
                    "T",
                ),
                made(event("root", 8, "Files", "CREATE_COMPLETE"), "kept-name"),
                made(event("root", 7, "Data", "DELETE_FAILED"), "kept-name"),
                made(event("root", 2, "Bucket", "UPDATE_COMPLETE"), "new-bucket"),
            ],
        );
        timeline.advance();
        let left = timeline.left_behind();
        let left: Vec<&str> = left.iter().map(|event| event.logical_id.as_str()).collect();
        assert_eq!(left, ["Data", "Alarm", "Bucket"]);
    }
}
