//! The bars of a chart, from the events of an operation.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{Action, Bar, Outcome, Phase, Span};
use crate::cloudformation::event::Event;
use crate::cloudformation::service_message;
use crate::cloudformation::status::CONFIGURED;

/// The bars, and what is known of their stacks.
pub(super) struct Folded {
    pub(super) began: Timestamp,
    pub(super) until: Duration,
    pub(super) is_running: bool,
    /// The root stack first.
    pub(super) streams: Vec<Stream>,
    pub(super) bars: Vec<Bar>,
    /// For each span of each bar: its stack, and what its stack was doing.
    pub(super) places: Vec<Vec<Place>>,
    index: HashMap<String, usize>,
}

/// A stack of the operation.
pub(super) struct Stream {
    stack_id: String,
    /// When its phases began.
    pub(super) phases: Vec<(Phase, Duration)>,
}

/// Where a span is.
#[derive(Clone)]
pub(super) struct Place {
    /// The index of its stack.
    pub(super) stream: usize,
    /// The index of the phase of the stack.
    pub(super) phase: usize,
    /// The ARN of the nested stack that the resource is.
    nested: Option<String>,
    /// The time of the last event.
    newest: Duration,
}

impl Folded {
    /// Returns the bars of these events, oldest first; `None` if no event has a time.
    pub(super) fn of(events: &[Event], now: Option<Timestamp>) -> Option<Self> {
        let began = events.iter().find_map(|event| event.time)?;
        let mut folded = Self {
            began,
            until: Duration::ZERO,
            is_running: now.is_some(),
            streams: Vec::new(),
            bars: Vec::new(),
            places: Vec::new(),
            index: HashMap::new(),
        };
        if let Some(root) = events.iter().find(|event| event.nested_in.is_empty()) {
            folded.stream_of(root);
        }
        let mut at = Duration::ZERO;
        for event in events {
            if let Some(time) = event.time {
                at = since(began, time);
            }
            folded.until = folded.until.max(at);
            folded.add(event, at);
        }
        match now {
            Some(now) => folded.until = folded.until.max(since(began, now)),
            None => folded.close(),
        }
        folded.sort();
        Some(folded)
    }

    /// Returns the index of the stack that a nested stack's span is, if it has events.
    pub(super) fn inner(&self, place: &Place) -> Option<usize> {
        let nested = place.nested.as_ref()?;
        let mut streams = self.streams.iter();
        streams.position(|stream| stream.stack_id == *nested)
    }

    fn add(&mut self, event: &Event, at: Duration) {
        let stream = self.stream_of(event);
        if event.is_of_the_stack() {
            self.streams[stream].enter(event, at);
            return;
        }
        if event.logical_id.is_empty() {
            return;
        }
        let stack = &mut self.streams[stream];
        if stack.phases.is_empty() {
            // The beginning of the stack's own operation is missing.
            let begin = if stream == 0 { Duration::ZERO } else { at };
            stack.phases.push((Phase::Forward, begin));
        }
        let phase = stack.phases.len() - 1;
        let (kind, waits_from) = stack.phases[phase];
        let place = Place {
            stream,
            phase,
            nested: event.nested_stack().map(str::to_owned),
            newest: at,
        };
        let path = event.path();
        let bar = *self.index.entry(path).or_insert_with(|| {
            self.bars.push(Bar {
                nested_in: event.nested_in.clone(),
                logical_id: event.logical_id.clone(),
                resource_type: event.resource_type.clone(),
                is_replaced: false,
                is_outer: false,
                spans: Vec::new(),
            });
            self.places.push(Vec::new());
            self.bars.len() - 1
        });
        let new = Span {
            action: action(event),
            phase: kind,
            waits_from: waits_from.min(at),
            after: None,
            start: at,
            knows_start: !event.status.is_terminal(),
            configured: None,
            end: None,
            outcome: Outcome::Open,
            reason: None,
        };
        let (bar, places) = (&mut self.bars[bar], &mut self.places[bar]);
        bar.is_replaced |= is_replacement(event);
        // A nested stack has no physical id in its first event.
        let continues = bar.spans.last().is_some_and(|last| {
            let is_same = last.action == new.action || new.action == Action::Other;
            // The stack may begin to roll back before the events of what it cancels.
            let is_of_phase = last.phase == kind || event.status.is_terminal();
            last.end.is_none() && is_same && is_of_phase
        });
        if !continues {
            if let Some(last) = bar.spans.last_mut().filter(|last| last.end.is_none()) {
                // Another action began without an event of the end of this one.
                last.end = Some(at.max(last.start));
                last.outcome = Outcome::Cancelled;
            }
            bar.spans.push(new);
            places.push(place.clone());
        }
        if let (Some(span), Some(known)) = (bar.spans.last_mut(), places.last_mut()) {
            known.nested = place.nested.or_else(|| known.nested.take());
            known.newest = at;
            update(span, event, at);
        }
    }

    fn stream_of(&mut self, event: &Event) -> usize {
        let mut streams = self.streams.iter();
        let known = streams.position(|stream| stream.stack_id == event.stack_id);
        known.unwrap_or_else(|| {
            self.streams.push(Stream {
                stack_id: event.stack_id.clone(),
                phases: Vec::new(),
            });
            self.streams.len() - 1
        })
    }

    /// Ends the actions that have no event of their end, after the end of the operation. In EXPRESS mode,
    /// the resources become stable after it.
    fn close(&mut self) {
        for (bar, places) in self.bars.iter_mut().zip(&self.places) {
            for (span, place) in bar.spans.iter_mut().zip(places) {
                let end = span.configured.unwrap_or(place.newest);
                span.end.get_or_insert(end.max(span.start));
            }
        }
    }

    /// Sorts the bars by their starts.
    fn sort(&mut self) {
        let bars = std::mem::take(&mut self.bars);
        let places = std::mem::take(&mut self.places);
        let mut both: Vec<(Bar, Vec<Place>)> = bars.into_iter().zip(places).collect();
        both.sort_by_key(|(bar, _)| bar.start());
        (self.bars, self.places) = both.into_iter().unzip();
    }
}

impl Stream {
    /// Notes the phase that an event of the stack itself begins.
    fn enter(&mut self, event: &Event, at: Duration) {
        let status = event.status.as_str();
        if event.status.is_terminal() {
            return;
        }
        let phase = match status {
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => Phase::Cleanup,
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => Phase::RollbackCleanup,
            // A creation that failed is deleted.
            "DELETE_IN_PROGRESS" if !self.phases.is_empty() => Phase::Rollback,
            status if status.contains("ROLLBACK") => Phase::Rollback,
            _ => Phase::Forward,
        };
        if self.phases.last().is_none_or(|(last, _)| *last != phase) {
            self.phases.push((phase, at));
        }
    }
}

/// Changes a span by an event of it.
fn update(span: &mut Span, event: &Event, at: Duration) {
    let detail = event.detailed_status.as_deref();
    if detail == Some(CONFIGURED) || event.status.as_str() == CONFIGURED {
        span.configured.get_or_insert(at.max(span.start));
    }
    if !event.status.is_terminal() {
        return;
    }
    let status = event.status.as_str();
    let reason = event.reason.as_deref().unwrap_or_default();
    span.end = Some(at.max(span.start));
    span.outcome = if status.ends_with("_SKIPPED") {
        Outcome::Skipped
    } else if !event.status.is_failure() {
        Outcome::Complete
    } else if service_message::is_cancelled(reason) {
        Outcome::Cancelled
    } else {
        Outcome::Failed
    };
    if span.outcome == Outcome::Failed {
        span.reason.clone_from(&event.reason);
    }
}

fn action(event: &Event) -> Action {
    let status = event.status.as_str();
    let word = status.split('_').next().unwrap_or_default();
    match word {
        "CREATE" => Action::Create,
        "UPDATE" | "ROLLBACK" => Action::Update,
        "DELETE" => Action::Delete,
        "IMPORT" => Action::Import,
        _ => Action::Other,
    }
}

fn is_replacement(event: &Event) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default();
    service_message::is_replacement(reason)
}

fn since(began: Timestamp, time: Timestamp) -> Duration {
    time.duration_since(began).try_into().unwrap_or_default()
}
