//! A running operation, followed to its end, whoever began it.

pub(crate) mod failure_evidence;
mod failure_places;
pub(crate) mod failure_report;
pub(crate) mod interrupt_prompt;

use crate::aws::stack::events::{self, Polled};
use std::error::Error as _;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::session::Session;
use crate::aws::stack::{PollUpdate, StackService};
use crate::cloudformation::diagnosis::reason_of;
use crate::cloudformation::event::{Event, Evidence, Timeline};
use crate::cloudformation::recovery::Call;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::{Sentiment, StackStatus};
use crate::error::{Error, ErrorKind, Result};
use crate::present::event_filter::EventFilter;
use crate::present::json::event::EventLine;
use crate::present::{Presenter, human};
use crate::util::interrupt::Interrupt;

/// Where the events of an operation are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventOutput {
    /// As progress, with the time since the beginning of the operation.
    Progress,
    /// As the command's data, with date and time.
    Data,
    /// As the command's data, one JSON object per line.
    Json,
}

/// An operation that runs on a stack: a creation, an update, a rollback or a deletion.
#[derive(Debug)]
pub(crate) struct RunningOperation<'a> {
    session: &'a Session<'a>,
    interrupt: &'a Interrupt,
    service: &'a StackService,
    stack_id: String,
    /// What has happened so far.
    timeline: Timeline,
    /// What proves its outcome, besides that.
    evidence: Evidence,
    filter: EventFilter,
    output: EventOutput,
    /// Who else receives the events.
    receiver: Option<UnboundedSender<Event>>,
    /// How many resources the operation is about; 0 if that is not known.
    expected: usize,
    /// The command that continues to follow the operation.
    resume: String,
    /// Whether the user has cancelled the operation from here.
    is_cancelled: bool,
    joined: Instant,
    /// How old the operation was when it was joined; `None` before the first poll.
    age: Option<Duration>,
}

impl<'a> RunningOperation<'a> {
    /// Returns an operation that is about to be requested. `before` is the stack just before it, and
    /// `earlier` are its newest events; `resume` is the command that follows it after an interrupt.
    pub(crate) fn after(
        before: Option<&Stack>,
        earlier: &[Event],
        session: &'a Session<'a>,
        interrupt: &'a Interrupt,
        service: &'a StackService,
        stack_id: &str,
        resume: &str,
    ) -> Self {
        Self {
            evidence: Evidence::of_request(before),
            ..Self::of(
                Timeline::after(stack_id, earlier),
                session,
                interrupt,
                service,
                stack_id,
                resume,
            )
        }
    }

    /// Returns an operation on an existing stack that is about to be requested. `resume` is the command
    /// that follows it after an interrupt.
    ///
    /// # Errors
    ///
    /// If the stack's events cannot be read.
    pub(crate) async fn before_request(
        session: &'a Session<'a>,
        interrupt: &'a Interrupt,
        service: &'a StackService,
        stack: &Stack,
        resume: &str,
    ) -> Result<Self> {
        let (before, id) = (Some(stack), &stack.id);
        let earlier = events::latest(service, id).await?;
        Ok(Self::after(
            before, &earlier, session, interrupt, service, id, resume,
        ))
    }

    /// Returns the operation that is running on a stack, or ran last, from its beginning on.
    ///
    /// # Errors
    ///
    /// If the stack's events cannot be read.
    pub(crate) async fn join(
        session: &'a Session<'a>,
        interrupt: &'a Interrupt,
        service: &'a StackService,
        stack: &Stack,
        resume: &str,
    ) -> Result<Self> {
        let is_running = !stack.status.is_terminal();
        let timeline = interrupt
            .guard(events::last_operation(service, &stack.id, is_running))
            .await?;
        Ok(Self {
            evidence: Evidence::of_running(stack),
            ..Self::of(timeline, session, interrupt, service, &stack.id, resume)
        })
    }

    fn of(
        timeline: Timeline,
        session: &'a Session<'a>,
        interrupt: &'a Interrupt,
        service: &'a StackService,
        stack_id: &str,
        resume: &str,
    ) -> Self {
        interrupt.resume_with(ways_to_resume(session, resume));
        Self {
            session,
            interrupt,
            service,
            stack_id: stack_id.to_owned(),
            timeline,
            evidence: Evidence::default(),
            filter: EventFilter::All,
            output: EventOutput::Progress,
            receiver: None,
            expected: 0,
            resume: resume.to_owned(),
            is_cancelled: false,
            joined: Instant::now(),
            age: None,
        }
    }

    /// Chooses which events are shown.
    pub(crate) fn showing(mut self, filter: EventFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Chooses where the events are printed.
    pub(crate) fn printing(mut self, output: EventOutput) -> Self {
        self.output = output;
        self
    }

    /// Sends each new event there too, until this value ends.
    pub(crate) fn sending(mut self, receiver: Option<UnboundedSender<Event>>) -> Self {
        self.receiver = receiver;
        self
    }

    /// Sets how many resources the operation is about, for the progress line.
    pub(crate) fn expecting(mut self, resources: usize) -> Self {
        self.expected = resources;
        self
    }

    pub(crate) fn session(&self) -> &'a Session<'a> {
        self.session
    }

    pub(crate) fn interrupt(&self) -> &'a Interrupt {
        self.interrupt
    }

    pub(crate) fn service(&self) -> &'a StackService {
        self.service
    }

    pub(crate) fn stack_id(&self) -> &str {
        &self.stack_id
    }

    pub(crate) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Returns the command that continues to follow the operation.
    pub(crate) fn resume(&self) -> &str {
        &self.resume
    }

    /// Returns whether the operation had not ended when it was joined, as far as any read or event shows.
    pub(crate) fn was_followed(&self) -> bool {
        self.evidence.was_followed()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// Sends the request for the operation, or another one during it. If the user interrupts that, the
    /// request may have arrived.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`], with how to follow the operation; those of `sent`.
    pub(crate) async fn request(&self, sent: impl Future<Output = Result<()>>) -> Result<()> {
        let sent = self.interrupt.guard(sent).await;
        sent.map_err(|error| match error.kind() {
            ErrorKind::Interrupted => self.still_running(error),
            _ => error,
        })
    }

    /// Notes that the user has cancelled the operation from here, with this call.
    pub(crate) fn set_cancelled(&mut self, call: &Call) {
        self.is_cancelled = true;
        if matches!(call, Call::DeleteStack(_)) {
            self.evidence.request_deletion();
        }
    }

    /// Polls until the operation has ended or the user interrupts, and shows its events. Returns the
    /// stack as it ended; `None` if it is gone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`]; [`ErrorKind::Deployment`] after the manifest's `timeout_minutes`;
    /// [`ErrorKind::Service`] if the status and the events contradict each other, or the last failure
    /// if the status could not be read, for a long time.
    pub(crate) async fn poll_until_interrupted(&mut self) -> Result<Option<Stack>> {
        let presenter = self.session.presenter();
        let (filter, output) = (self.filter, self.output);
        let (expected, joined) = (self.expected, self.joined);
        let age = &mut self.age;
        let receiver = self.receiver.as_ref();
        let mut poll_error: Option<String> = None;
        let on_update = |update: PollUpdate<'_>| match update {
            PollUpdate::NewEvents(new, timeline) => {
                // An error of this poll is reported after its events.
                poll_error = None;
                let now = age
                    .get_or_insert_with(|| timeline.age())
                    .saturating_add(joined.elapsed());
                let name_width = human::event::name_width(timeline.events());
                for event in new.iter().filter(|event| filter.includes(event)) {
                    let elapsed = timeline.elapsed(event).unwrap_or(now);
                    print(presenter, output, event, (elapsed, name_width));
                }
                if let Some(receiver) = receiver {
                    for event in new {
                        // Nobody may be left who wants to know.
                        let _ = receiver.send(event.clone());
                    }
                }
                presenter.progress_since(&human::event::progress(timeline, expected), now);
            }
            PollUpdate::PollError(error) => {
                presenter.progress(&format!("{error}: trying again"));
                poll_error = error.source().map(ToString::to_string);
            }
            PollUpdate::Unresponsive(duration) => {
                presenter.warning(&human::event::unresponsive(duration, poll_error.as_deref()));
            }
            PollUpdate::Recovered(duration) => {
                presenter.note(&human::event::recovered(duration));
            }
        };
        let poll = events::poll_until_terminal(
            self.service,
            &self.stack_id,
            &mut self.timeline,
            &mut self.evidence,
            on_update,
        );
        let polled = limited(self.session, self.interrupt, poll).await;
        presenter.clear_progress();
        match polled {
            Ok(Polled::Ended(stack)) => Ok(stack.map(|stack| *stack)),
            Ok(Polled::Unknown(error)) => Err(error.hint(format!("look again: `{}`", self.resume))),
            Err(error) => Err(self.still_running(error)),
        }
    }

    /// Reads the events that came since the last time and shows them. A failure decides nothing.
    pub(crate) async fn show_new_events(&mut self) {
        let presenter = self.session.presenter();
        let read = events::catch_up(self.service, &self.stack_id, &mut self.timeline, false).await;
        let new = self.timeline.advance();
        let joined = self.joined.elapsed();
        let age = self.age.get_or_insert_with(|| self.timeline.age());
        let now = age.saturating_add(joined);
        let name_width = human::event::name_width(self.timeline.events());
        for event in new.iter().filter(|event| self.filter.includes(event)) {
            let elapsed = self.timeline.elapsed(event).unwrap_or(now);
            print(presenter, self.output, event, (elapsed, name_width));
        }
        match read {
            Ok(_) => {
                let text = human::event::progress(&self.timeline, self.expected);
                presenter.progress_since(&text, now);
            }
            Err(error) => presenter.progress(&format!("{error}: trying again")),
        }
    }

    /// Returns the error that keeps this process from following the operation, with a hint that the
    /// operation continues and how to follow it.
    pub(crate) fn still_running(&self, error: Error) -> Error {
        let ways = ways_to_resume(self.session, &self.resume);
        ways.into_iter().fold(error, Error::hint)
    }

    /// Returns whether the operation achieved what it was for; `ended` is `None` if the stack is gone.
    pub(crate) fn succeeded(&self, ended: Option<&Stack>) -> bool {
        let status = ended.map_or(&StackStatus::DeleteComplete, |stack| &stack.status);
        let is_deleted = *status == StackStatus::DeleteComplete;
        status.sentiment() == Sentiment::Good && is_deleted == self.timeline.is_deletion()
    }

    /// Returns what has happened.
    pub(crate) fn into_timeline(self) -> Timeline {
        self.timeline
    }

    /// Warns of resources that are no longer part of the stack and could not be deleted.
    pub(crate) fn warn_of_resources_left_behind(&self) {
        for left in self.timeline.left_behind() {
            self.session.presenter().warning(&format!(
                "{} {} ({}) could not be deleted and is left behind: {}",
                left.resource_type,
                left.path(),
                left.physical_id,
                reason_of(left)
            ));
        }
    }
}

/// Waits for `poll`, until the user interrupts and at most as long as the manifest's `timeout_minutes`.
///
/// # Errors
///
/// Those of `poll`; [`ErrorKind::Interrupted`]; [`ErrorKind::Deployment`] after that time.
pub(crate) async fn limited<T>(
    session: &Session<'_>,
    interrupt: &Interrupt,
    poll: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(minutes) = session.settings().stack.timeout_minutes else {
        return interrupt.guard(poll).await;
    };
    let limit = Duration::from_mins(u64::from(minutes));
    let timed = async {
        tokio::time::timeout(limit, poll)
            .await
            .unwrap_or_else(|_| Err(timed_out(minutes)))
    };
    interrupt.guard(timed).await
}

/// Returns the hints for a user who no longer follows an operation: how to see its events, and the
/// command that continues from there.
fn ways_to_resume(session: &Session<'_>, resume: &str) -> Vec<String> {
    let follow = session.command("events --follow");
    let mut ways = vec![format!(
        "the operation continues; follow it with `{follow}`"
    )];
    if resume != follow {
        ways.push(format!(
            "`{resume}` waits for its end and continues from there"
        ));
    }
    ways
}

fn print(
    presenter: &Presenter,
    output: EventOutput,
    event: &Event,
    (elapsed, name_width): (Duration, usize),
) {
    match output {
        EventOutput::Progress => {
            let width = presenter.screen_width();
            presenter.note(&human::event::line(event, elapsed, name_width, width));
        }
        EventOutput::Data => presenter.data(&(human::event::dated(event, name_width) + "\n")),
        EventOutput::Json => {
            if let Err(error) = presenter.json_line(&EventLine::of(event)) {
                presenter.warning(&error.to_string());
            }
        }
    }
}

fn timed_out(minutes: u32) -> Error {
    Error::new(
        ErrorKind::Deployment,
        format!("the operation is still running after {minutes} minutes"),
    )
}
