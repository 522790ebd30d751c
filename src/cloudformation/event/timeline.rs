//! The events of one operation, of the stack and of the stacks nested in it, each once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::Event;
use crate::cloudformation::status::ResourceStatus;

/// The events of one operation on a stack, each once, oldest first, those of nested stacks between
/// those of their parent.
///
/// Pages are handed in with [`absorb`](Self::absorb), one stack's at a time; what is new in them all
/// comes out of [`advance`](Self::advance) in one order.
#[derive(Debug)]
pub struct Timeline {
    /// The stack itself, then the nested ones as they came up.
    streams: Vec<Stream>,
    /// What happened before the operation.
    earlier: HashSet<String>,
    /// When the operation began, by the service's clock.
    began: Option<Timestamp>,
    events: Vec<Event>,
}

/// The events of one stack.
#[derive(Debug)]
struct Stream {
    stack_id: String,
    path: Vec<String>,
    seen: HashSet<String>,
    /// New ones that are not among the timeline's yet, oldest first.
    waiting: Vec<Event>,
    /// Whether something goes on in it, as its parent says.
    moving: bool,
    /// Whether its parent has said something since its events were read.
    stale: bool,
}

impl Stream {
    fn new(stack_id: &str, path: Vec<String>) -> Self {
        Self {
            stack_id: stack_id.to_owned(),
            path,
            seen: HashSet::new(),
            waiting: Vec::new(),
            moving: true,
            stale: true,
        }
    }
}

impl Timeline {
    /// Returns a timeline of everything that ever happened to a stack.
    pub fn of(stack_id: &str) -> Self {
        Self::after(stack_id, &[])
    }

    /// Returns a timeline of what happens to a stack after these `earlier` events.
    pub fn after(stack_id: &str, earlier: &[Event]) -> Self {
        Self {
            streams: vec![Stream::new(stack_id, Vec::new())],
            earlier: earlier.iter().map(Event::key).collect(),
            began: None,
            events: Vec::new(),
        }
    }

    /// Returns the ARNs of the stacks nested in the stack, at any depth, whose events may have gone on
    /// since they were read; with `all`, of every one that came up.
    pub fn nested_to_read(&self, all: bool) -> Vec<String> {
        let nested = self.streams.iter().skip(1);
        nested
            .filter(|stream| all || stream.moving || stream.stale)
            .map(|stream| stream.stack_id.clone())
            .collect()
    }

    /// Returns whether no event that is missing can be older than this page of a stack's events,
    /// because the page reaches back to events that were seen.
    pub fn has_seen_some(&self, stack_id: &str, page: &[Event]) -> bool {
        self.stream(stack_id)
            .is_some_and(|stream| page.iter().any(|event| stream.seen.contains(&event.key())))
    }

    /// Returns whether a page of a stack's events reaches back to the time before the operation.
    pub fn is_past(&self, stack_id: &str, page: &[Event]) -> bool {
        page.iter().any(|event| self.is_earlier(stack_id, event))
    }

    /// Nested stacks have no baseline: what they did before the operation began is not part of it.
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

    /// Takes events of one stack as the service gives them, newest first.
    ///
    /// What stands behind an event from before the operation is from before the operation too.
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
        for (child, path, moving) in nested {
            self.follow_nested(&child, path, moving);
        }
    }

    fn follow_nested(&mut self, stack_id: &str, path: Vec<String>, moving: bool) {
        let mut streams = self.streams.iter_mut();
        if let Some(stream) = streams.find(|stream| stream.stack_id == stack_id) {
            (stream.moving, stream.stale) = (moving, true);
        } else {
            let mut stream = Stream::new(stack_id, path);
            stream.moving = moving;
            self.streams.push(stream);
        }
    }

    /// Returns what was absorbed since the last time, oldest first, and adds it to the events.
    ///
    /// The order of each stack's own events is the service's; between stacks the time decides.
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

    /// Returns the events so far, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns how long after the operation's beginning an event happened; `None` where the service
    /// gives no time.
    pub fn elapsed(&self, event: &Event) -> Option<Duration> {
        let elapsed = event.time?.duration_since(self.began?);
        Some(elapsed.try_into().unwrap_or_default())
    }

    /// Returns how long after the operation's beginning its newest event happened.
    pub fn age(&self) -> Duration {
        let mut newest = self.events.iter().rev();
        newest
            .find_map(|event| self.elapsed(event))
            .unwrap_or_default()
    }

    /// Returns the newest status that an event gives the stack itself.
    pub fn own_status(&self) -> Option<&ResourceStatus> {
        let mut own = self.events.iter().rev();
        own.find(|event| event.nested_in.is_empty() && event.is_of_the_stack())
            .map(|event| &event.status)
    }

    /// Returns how many of the stack's own resources have had an event.
    pub fn resources(&self) -> usize {
        self.latest().len()
    }

    /// Returns the physical id of one of the stack's own resources, as far as the operation touched it
    /// and did not delete it.
    pub fn physical_id(&self, logical_id: &str) -> Option<&str> {
        let newest_first = self.events.iter().rev();
        let mut of_it = newest_first.filter(|event| {
            event.nested_in.is_empty() && event.logical_id == logical_id && !event.is_of_the_stack()
        });
        // A replaced resource is deleted last, under the same logical id.
        let event = of_it.find(|event| !event.status.as_str().starts_with("DELETE_"))?;
        Some(event.physical_id.as_str()).filter(|id| !id.is_empty())
    }

    /// Returns how many of the stack's own resources have come to an end: their newest event says so.
    pub fn finished_resources(&self) -> usize {
        let latest = self.latest();
        latest.values().filter(|it| it.status.is_terminal()).count()
    }

    /// Returns the newest event about each of the stack's own resources.
    fn latest(&self) -> HashMap<&str, &Event> {
        let own = self.events.iter().filter(|it| it.nested_in.is_empty());
        own.filter(|event| !event.is_of_the_stack())
            .map(|event| (event.logical_id.as_str(), event))
            .collect()
    }

    /// Returns whether the operation is the deletion of the stack.
    pub fn is_deletion(&self) -> bool {
        let mut own = self.events.iter().filter(|it| it.nested_in.is_empty());
        own.find(|event| event.is_of_the_stack())
            .is_some_and(|event| event.status.as_str() == "DELETE_IN_PROGRESS")
    }

    /// Returns what the operation could not delete and what is no longer part of the stack: the last
    /// event about each of those resources.
    pub fn left_behind(&self) -> Vec<&Event> {
        let mut latest: Vec<&Event> = Vec::new();
        for event in self.events.iter().filter(|it| !it.is_of_the_stack()) {
            let same =
                |it: &&Event| it.stack_id == event.stack_id && it.physical_id == event.physical_id;
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

    /// Returns an event of the stack `stack`: its second, its resource (`-` for the stack itself),
    /// its status.
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
    fn overlapping_pages_give_each_event_once_and_oldest_first() {
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
        // An event that the service showed late, behind one that it had shown before.
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
    fn what_stands_behind_an_earlier_event_is_earlier() {
        let earlier = event("root", 3, "-", "CREATE_COMPLETE");
        let mut timeline = Timeline::after("root", std::slice::from_ref(&earlier));
        let new = event("root", 9, "-", "UPDATE_IN_PROGRESS");
        // Older than what was read before the operation.
        let older = event("root", 1, "-", "CREATE_IN_PROGRESS");
        let page = vec![new, earlier, older];
        assert!(timeline.is_past("root", &page));
        timeline.absorb("root", page);
        assert_eq!(texts(&timeline.advance()), ["- UPDATE_IN_PROGRESS"]);
    }

    #[test]
    fn nested_stacks_come_up_go_on_and_are_read_once_more_at_their_end() {
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
        let (begun, inner) = (
            own(11, "UPDATE_IN_PROGRESS"),
            nested(child, 13, "Deep", "arn:deep", "UPDATE_IN_PROGRESS"),
        );
        // Its creation, years ago, is none of this operation's events, with or without a baseline.
        let page = vec![inner.clone(), begun.clone(), own(1, "CREATE_COMPLETE")];
        assert!(timeline.is_past(child, &page) && !timeline.has_seen_some(child, &page));
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
        // Two stacks of one template may have events with one id.
        let same_id = Event {
            stack_id: "arn:deep".to_owned(),
            ..event(child, 14, "Vpc", "UPDATE_COMPLETE")
        };
        timeline.absorb("arn:deep", vec![same_id]);
        let page = vec![event(child, 14, "Vpc", "UPDATE_COMPLETE"), inner, begun];
        assert!(timeline.has_seen_some(child, &page));
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
    fn what_could_not_be_cleaned_up_is_left_behind() {
        let made = |event: Event, physical_id: &str| Event {
            physical_id: physical_id.to_owned(),
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
                made(event("root", 2, "Bucket", "UPDATE_COMPLETE"), "new-bucket"),
            ],
        );
        timeline.advance();
        let left = timeline.left_behind();
        let left: Vec<&str> = left
            .iter()
            .map(|event| event.physical_id.as_str())
            .collect();
        assert_eq!(left, ["old-bucket"]);
    }
}
