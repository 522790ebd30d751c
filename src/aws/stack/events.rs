//! A stack's events, and the operation that they are about followed to its end.
//!
//! Two answers describe a running operation: the stack's status and its events. Both may be old, and
//! the events may also be cut into pages, throttled or not permitted at all. [`Evidence`] decides
//! when they are enough to know how the operation ended.

use std::time::Duration;

use aws_sdk_cloudformation::error::SdkError;
use aws_sdk_cloudformation::operation::describe_stack_events::{
    DescribeStackEventsError, DescribeStackEventsOutput,
};
use aws_sdk_cloudformation::operation::list_stacks::ListStacksOutput;
use aws_sdk_cloudformation::types;
use aws_smithy_types::DateTime;
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::change_set::validation;
use super::pages::Pages;
use super::{PATIENCE, StackService, convert, is_missing};
use crate::aws::backoff::Backoff;
use crate::aws::fault;
use crate::aws::silence::Unresponsive;
use crate::cloudformation::change_set::validation::Validation;
use crate::cloudformation::diagnosis::authorization;
use crate::cloudformation::event::{self, Event, Evidence, Timeline, Verdict};
use crate::cloudformation::service_message;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};

/// How long the status and the events may contradict each other before the outcome is reported as
/// unknown: twice the longest time for which either was seen to be old.
const CONTRADICTION: Duration = Duration::from_mins(2);

/// How many nested stacks' events are read at once: few enough that the service does not
/// begin to throttle.
const AT_ONCE: usize = 8;

/// How often the last events are read before the operation's end is reported without them.
const LAST_LOOKS: u32 = 3;

/// The end of polling.
#[derive(Debug)]
pub enum Polled {
    /// The operation has ended and left this stack; `None` if the stack is gone.
    Ended(Option<Box<Stack>>),
    /// The status and the events contradicted each other for too long. The error says how.
    Unknown(Error),
}

/// One look at a running operation.
#[derive(Debug)]
pub enum PollUpdate<'a> {
    /// What is new since the last look, oldest first, and everything so far.
    NewEvents(&'a [Event], &'a Timeline),
    /// A call failed; it is repeated.
    PollError(&'a Error),
    /// The service has not answered for this time; polling continues.
    Unresponsive(Duration),
    /// The service answers again, after so long a silence.
    Recovered(Duration),
}

type EventPages = Pages<DescribeStackEventsOutput, SdkError<DescribeStackEventsError>>;

/// Returns the newest page of events, newest first, of up to 100; none if the stack does not
/// exist.
pub async fn latest(service: &StackService, stack_id: &str) -> Result<Vec<Event>> {
    let mut pages = paginator(service, stack_id);
    Ok(next_events(service, &mut pages).await?.unwrap_or_default())
}

/// Returns the newest event of the stack itself; `None` if there is none.
pub async fn newest_of_stack(service: &StackService, stack_id: &str) -> Result<Option<Event>> {
    let has_own = |events: &[Event]| events.iter().any(Event::is_of_the_stack);
    let events = until(service, stack_id, has_own).await?;
    Ok(events.into_iter().find(Event::is_of_the_stack))
}

/// Returns a timeline of the stack's last operation, which is still running if `is_running`. Its events
/// are not in it yet: [`catch_up`] or [`poll_until_terminal`] reads them.
pub async fn last_operation(
    service: &StackService,
    stack_id: &str,
    is_running: bool,
) -> Result<Timeline> {
    let begins = |events: &[Event]| event::last_operation(events).is_some();
    let events = until(service, stack_id, begins).await?;
    let newest = events.iter().find(|event| event.is_of_the_stack());
    if is_running && newest.is_some_and(event::is_before_operation) {
        // The events are late: they are all about earlier operations.
        return Ok(Timeline::after(stack_id, &events));
    }
    Ok(match event::last_operation(&events) {
        Some(count) => Timeline::after(stack_id, events.get(count..).unwrap_or_default()),
        None => Timeline::of(stack_id),
    })
}

/// Returns the stack's events, newest first, page after page until `is_enough` says so.
pub async fn until(
    service: &StackService,
    stack_id: &str,
    is_enough: impl Fn(&[Event]) -> bool,
) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    let mut pages = paginator(service, stack_id);
    while let Some(page) = next_events(service, &mut pages).await? {
        events.extend(page);
        if is_enough(&events) {
            break;
        }
    }
    Ok(events)
}

/// Reads into the timeline what it lacks, of the stack and of the stacks nested in it. Returns
/// whether every page of the operation was read.
///
/// Usually that is what came since the last time. With `all`, every page of the operation is read
/// again: an event that the service showed late may stand behind others that were seen.
pub async fn catch_up(
    service: &StackService,
    stack_id: &str,
    timeline: &mut Timeline,
    all: bool,
) -> Result<bool> {
    let (events, mut is_whole) = new_events(service, stack_id, timeline, all).await?;
    timeline.absorb(stack_id, events);
    let mut read: Vec<String> = Vec::new();
    loop {
        // Reading one nested stack may bring up others inside it.
        let mut nested = timeline.nested_to_read(all);
        nested.retain(|nested| !read.contains(nested));
        if nested.is_empty() {
            let mut streams = timeline.nested_to_read(true).into_iter();
            return Ok(is_whole && streams.all(|stream| read.contains(&stream)));
        }
        let so_far = &*timeline;
        let look = async |nested: String| {
            let found = new_events(service, &nested, so_far, all).await;
            (nested, found)
        };
        let looks: Vec<_> = stream::iter(nested)
            .map(look)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut trouble = None;
        for (nested, found) in looks {
            match found {
                Ok((events, whole)) => {
                    timeline.absorb(&nested, events);
                    is_whole &= whole;
                }
                Err(error) => trouble = Some(error),
            }
            read.push(nested);
        }
        if let Some(error) = trouble {
            return Err(error);
        }
    }
}

/// Returns a stack's events that the timeline may lack, newest first, and whether they reach back
/// to the beginning of the operation.
async fn new_events(
    service: &StackService,
    stack_id: &str,
    timeline: &Timeline,
    all: bool,
) -> Result<(Vec<Event>, bool)> {
    let mut events = Vec::new();
    let mut pages = paginator(service, stack_id);
    while let Some(page) = next_events(service, &mut pages).await? {
        let is_whole = timeline.is_past(stack_id, &page) || pages.is_done();
        let is_enough = !all && timeline.overlaps(stack_id, &page);
        events.extend(page);
        if is_whole || is_enough {
            return Ok((events, is_whole));
        }
    }
    Ok((events, true))
}

/// Returns the pages of a stack's events, newest first. Nothing is sent yet.
fn paginator(service: &StackService, stack_id: &str) -> EventPages {
    let request = service.client.describe_stack_events().stack_name(stack_id);
    Pages::new(
        request.into_paginator().send(),
        DescribeStackEventsOutput::next_token,
        "the list of the stack's events",
    )
}

/// Returns the next page of events; `None` after the last one, or if the stack does not exist.
async fn next_events(service: &StackService, pages: &mut EventPages) -> Result<Option<Vec<Event>>> {
    match pages.next().await? {
        None => Ok(None),
        Some(Ok(page)) => {
            let (operation, member) = ("DescribeStackEvents", "StackEvents");
            let next = page.next_token.as_deref();
            let events = fault::list(page.stack_events, next, operation, member)?;
            Ok(Some(events.into_iter().map(convert::event).collect()))
        }
        Some(Err(error)) if is_missing(&error) => Ok(None),
        Some(Err(error)) => Err(service.connection.fault("read the stack's events", &error)),
    }
}

/// Replaces encoded authorization messages in the events of failures by their content, if the
/// caller may decode them (`sts:DecodeAuthorizationMessage`).
pub async fn decode_authorization(service: &StackService, events: &mut [Event]) {
    let client = service.connection.sts();
    let reasons = events.iter_mut().filter_map(|event| event.reason.as_mut());
    for reason in reasons {
        let Some(message) = authorization::encoded(reason) else {
            continue;
        };
        let request = client
            .decode_authorization_message()
            .encoded_message(message);
        let Ok(answer) = request.send().await else {
            // Who may not have one decoded may not have another decoded.
            return;
        };
        let decoded = answer.decoded_message.unwrap_or_default();
        if let Some(explained) = authorization::explained(reason, &decoded) {
            *reason = explained;
        }
    }
}

/// Adds what the validation before the operation found, if an event announces findings without
/// listing them (`DescribeEvents`): one event per finding, before the event that announces it.
pub async fn add_findings(service: &StackService, stack_id: &str, events: &mut Vec<Event>) {
    /// More pages than any template has room for findings.
    const PAGES: usize = 10;
    let Some(position) = events.iter().position(announces_findings) else {
        return;
    };
    let announcement = events[position].clone();
    let mut found = Vec::new();
    let request = service.client.describe_events().stack_name(stack_id);
    let request = request.set_operation_id(announcement.operation.clone());
    let mut pages = request.into_paginator().send();
    for _ in 0..PAGES {
        let Some(Ok(page)) = pages.next().await else {
            break;
        };
        let page = page.operation_events.unwrap_or_default().into_iter();
        let findings = page.filter_map(validation).filter(Validation::is_fatal);
        found.extend(findings.map(|finding| to_event(finding, &announcement)));
    }
    found.dedup();
    events.splice(position..position, found);
}

/// Returns the ARN of the newest deleted stack of this name; they are listed for 90 days
/// (`ListStacks`).
pub async fn last_deleted(service: &StackService) -> Result<Option<String>> {
    let request = service.client.list_stacks();
    let request = request.stack_status_filter(types::StackStatus::DeleteComplete);
    let mut pages = Pages::new(
        request.into_paginator().send(),
        ListStacksOutput::next_token,
        "the list of deleted stacks",
    );
    let mut newest: Option<(Option<DateTime>, String)> = None;
    while let Some(page) = pages.next().await? {
        let page = page.map_err(|error| service.connection.fault("list deleted stacks", &error))?;
        let next = page.next_token.as_deref();
        let stacks = fault::list(page.stack_summaries, next, "ListStacks", "StackSummaries")?;
        for stack in stacks {
            let is_it = stack.stack_name.as_deref() == Some(service.name.as_str());
            let deleted = stack.deletion_time;
            let later = newest.as_ref().is_none_or(|(known, _)| deleted > *known);
            if let Some(id) = stack.stack_id.filter(|_| is_it && later) {
                newest = Some((deleted, id));
            }
        }
    }
    Ok(newest.map(|(_, id)| id))
}

/// Polls the operation that `timeline` is about until it has ended, and hands what each look brings to
/// `seen`. It may be called again, with the same timeline and evidence, after it was dropped.
///
/// A look that fails decides nothing, and a status alone decides nothing either: see [`Evidence`].
///
/// # Errors
///
/// The last failure if the status could not be read for a long time; at once if only new credentials
/// help.
pub async fn poll_until_terminal(
    service: &StackService,
    stack_id: &str,
    timeline: &mut Timeline,
    evidence: &mut Evidence,
    mut seen: impl FnMut(PollUpdate<'_>),
) -> Result<Polled> {
    let mut backoff = Backoff::polling(&service.connection);
    let mut failures = 0;
    // The status of the last reads, if it is terminal, and since when it is the same.
    let mut terminal: Option<(Option<StackStatus>, Instant)> = None;
    let mut unproven_since: Option<Instant> = None;
    let mut silence = Unresponsive::begin();
    loop {
        silence.allow(backoff.wait());
        let look = async {
            tokio::join!(
                service.describe_by(stack_id),
                catch_up(service, stack_id, timeline, false)
            )
        };
        let (read, events) = silence
            .watch(look, |lasts| seen(PollUpdate::Unresponsive(lasts)))
            .await;
        if read.is_ok() {
            note_answer(&mut silence, &mut seen);
        }
        let new = timeline.advance();
        if !new.is_empty() {
            backoff.quicken();
        }
        seen(PollUpdate::NewEvents(&new, timeline));
        if let Err(error) = &events {
            seen(PollUpdate::PollError(error));
        }
        match read {
            Ok(stack) => {
                failures = 0;
                let mut verdict = evidence.judge(stack.as_ref(), timeline.own_status());
                let is_whole = matches!(events, Ok(true)) && verdict == Verdict::Proven;
                if verdict != Verdict::Running && !is_whole {
                    // The events were perhaps read before the status, and only the new ones of them.
                    read_to_the_end(service, stack_id, timeline, &mut silence, &mut seen).await;
                    verdict = evidence.judge(stack.as_ref(), timeline.own_status());
                }
                let status = stack.as_ref().map(|stack| stack.status.clone());
                let since = match terminal.take() {
                    Some((same, since)) if same == status => since,
                    _ => Instant::now(),
                };
                match verdict {
                    Verdict::Running => unproven_since = None,
                    Verdict::Proven => return Ok(Polled::Ended(stack.map(Box::new))),
                    Verdict::Probable(time) if since.elapsed() >= time => {
                        return Ok(Polled::Ended(stack.map(Box::new)));
                    }
                    Verdict::Probable(_) => {
                        terminal = Some((status, since));
                        unproven_since = None;
                    }
                    Verdict::Unproven => {
                        let since = *unproven_since.get_or_insert_with(Instant::now);
                        if since.elapsed() >= CONTRADICTION {
                            let error = unknown(service, status.as_ref(), timeline);
                            return Ok(Polled::Unknown(error));
                        }
                    }
                }
            }
            Err(error) if failures >= PATIENCE || fault::needs_login(&error) => {
                return Err(error);
            }
            Err(error) => {
                failures += 1;
                terminal = None;
                seen(PollUpdate::PollError(&error));
                backoff.ease();
            }
        }
        let pause = backoff.pause();
        silence
            .watch(pause, |lasts| seen(PollUpdate::Unresponsive(lasts)))
            .await;
    }
}

/// Returns the error of an operation whose outcome cannot be known: the status and the events say
/// different things.
fn unknown(service: &StackService, status: Option<&StackStatus>, timeline: &Timeline) -> Error {
    let status = match status {
        Some(status) => format!("its status is {status}"),
        None => "it does not exist".to_owned(),
    };
    let events = match timeline.own_status() {
        Some(event) => format!("its newest event says {event}"),
        None => "there is no event of the operation".to_owned(),
    };
    Error::new(
        ErrorKind::Service,
        format!(
            "the outcome of the operation on the stack `{}` is unknown: {status}, but {events}",
            service.name()
        ),
    )
}

/// Reads all events of an operation whose stack has a terminal status.
async fn read_to_the_end(
    service: &StackService,
    stack_id: &str,
    timeline: &mut Timeline,
    silence: &mut Unresponsive,
    seen: &mut impl FnMut(PollUpdate<'_>),
) {
    let mut backoff = Backoff::polling(&service.connection);
    for _ in 0..LAST_LOOKS {
        let look = catch_up(service, stack_id, timeline, true);
        let read = silence
            .watch(look, |lasts| seen(PollUpdate::Unresponsive(lasts)))
            .await;
        if read.is_ok() {
            note_answer(silence, seen);
        }
        let new = timeline.advance();
        seen(PollUpdate::NewEvents(&new, timeline));
        match read {
            Ok(_) => break,
            Err(error) => seen(PollUpdate::PollError(&error)),
        }
        backoff.pause().await;
    }
}

/// Notes that the service answers, and reports that if it was reported as unresponsive.
fn note_answer(silence: &mut Unresponsive, seen: &mut impl FnMut(PollUpdate<'_>)) {
    if let Some(lasted) = silence.end() {
        seen(PollUpdate::Recovered(lasted));
    }
}

/// Returns whether an event announces findings of the validation without listing them.
fn announces_findings(event: &Event) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default();
    event.is_of_the_stack() && service_message::refers_to_events(reason)
}

/// Returns a finding as the failure of its resource.
fn to_event(finding: Validation, announcement: &Event) -> Event {
    let (reason, path) = (finding.reason, finding.path);
    Event {
        id: String::new(),
        time: finding.time,
        logical_id: finding.logical_id.unwrap_or_default(),
        physical_id: finding.physical_id.unwrap_or_default(),
        resource_type: finding.resource_type.unwrap_or_default(),
        reason: match (reason, path) {
            (Some(reason), Some(path)) => Some(format!("{reason} ({path})")),
            (reason, path) => reason.or(path),
        },
        hook: None,
        ..announcement.clone()
    }
}
