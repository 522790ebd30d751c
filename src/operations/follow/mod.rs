//! A running operation: followed to its end, whoever began it, and what went wrong is told.

pub mod failure_places;
pub mod failure_report;
pub mod interrupt_prompt;

use std::error::Error as _;
use std::time::{Duration, Instant};

use super::deploy::deployment::Deployment;
use super::deploy::pending_change_set::PendingChangeSet;
use super::session::Session;
use crate::aws::stack::{PollUpdate, StackService};
use crate::cli::args::EventsShown;
use crate::cloudformation::diagnosis::{Role, reason_of, role};
use crate::cloudformation::event::{Event, Timeline};
use crate::cloudformation::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::present::json::event::EventLine;
use crate::present::{Presenter, human};
use crate::util::interrupt::Interrupt;

/// How the events of an operation are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventOutput {
    /// On the way, with the time since the operation's beginning.
    Aside,
    /// As the command's data, with date and time.
    Data,
    /// As the command's data, one JSON object a line.
    Json,
}

/// An operation that runs on a stack: a creation, an update, a rollback or a deletion.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) service: &'a StackService,
    pub(crate) stack_id: String,
    /// What has happened so far.
    pub(crate) timeline: Timeline,
    shown: EventsShown,
    telling: EventOutput,
    /// How many resources it is about; 0 where that is not known.
    expected: usize,
    /// The command that goes on with it.
    pub(crate) resume: String,
    /// Whether the user has cancelled it from here.
    pub(crate) is_cancelled: bool,
    joined: Instant,
    /// How old it was when it was joined; `None` before the first look.
    age: Option<Duration>,
}

impl<'a> Running<'a> {
    /// Returns an operation that is about to be asked for. `earlier` are the stack's newest events
    /// before it; `resume` is the command that goes on with it after an interrupt.
    pub(crate) fn after(
        earlier: &[Event],
        session: &'a Session<'a>,
        interrupt: &'a Interrupt,
        service: &'a StackService,
        stack_id: &str,
        resume: &str,
    ) -> Self {
        let timeline = Timeline::after(stack_id, earlier);
        Self::of(timeline, session, interrupt, service, stack_id, resume)
    }

    /// Returns the operation that is running on a stack, or ran last, from its beginning on.
    pub(crate) async fn join(
        session: &'a Session<'a>,
        interrupt: &'a Interrupt,
        service: &'a StackService,
        stack_id: &str,
        resume: &str,
    ) -> Result<Self> {
        let timeline = interrupt.guard(service.last_operation(stack_id)).await?;
        Ok(Self::of(
            timeline, session, interrupt, service, stack_id, resume,
        ))
    }

    fn of(
        timeline: Timeline,
        session: &'a Session<'a>,
        interrupt: &'a Interrupt,
        service: &'a StackService,
        stack_id: &str,
        resume: &str,
    ) -> Self {
        interrupt.resume_with(resume);
        Self {
            session,
            interrupt,
            service,
            stack_id: stack_id.to_owned(),
            timeline,
            shown: EventsShown::All,
            telling: EventOutput::Aside,
            expected: 0,
            resume: resume.to_owned(),
            is_cancelled: false,
            joined: Instant::now(),
            age: None,
        }
    }

    /// Chooses which events are shown.
    pub(crate) fn showing(mut self, shown: EventsShown) -> Self {
        self.shown = shown;
        self
    }

    /// Chooses how they are told.
    pub(crate) fn telling(mut self, telling: EventOutput) -> Self {
        self.telling = telling;
        self
    }

    /// Says how many resources it is about, for the progress line.
    pub(crate) fn expecting(mut self, resources: usize) -> Self {
        self.expected = resources;
        self
    }

    /// Follows it until the stack is settled or the user stops that, and shows its events.
    pub(crate) async fn follow_until_interrupted(&mut self) -> Result<Option<Stack>> {
        let presenter = self.session.presenter();
        let (shown, telling) = (self.shown, self.telling);
        let (expected, joined) = (self.expected, self.joined);
        let age = &mut self.age;
        let mut trouble: Option<String> = None;
        let seen = |look: PollUpdate<'_>| match look {
            PollUpdate::NewEvents(new, timeline) => {
                // What goes wrong in this look comes behind its news.
                trouble = None;
                let followed = joined.elapsed();
                let now = age
                    .get_or_insert_with(|| timeline.age())
                    .saturating_add(followed);
                for event in new.iter().filter(|event| is_shown(event, shown)) {
                    let elapsed = timeline.elapsed(event).unwrap_or(now);
                    tell(presenter, telling, event, elapsed);
                }
                presenter.progress(&human::event::progress(timeline, expected, now));
            }
            PollUpdate::PollError(error) => {
                presenter.progress(&format!("{error}: trying again"));
                trouble = error.source().map(ToString::to_string);
            }
            PollUpdate::Unresponsive(lasts) => {
                presenter.warning(&human::event::silence(lasts, trouble.as_deref()));
            }
            PollUpdate::Answer(lasted) => presenter.note(&human::event::answers_again(lasted)),
        };
        let follow = self
            .service
            .follow(&self.stack_id, &mut self.timeline, seen);
        let limit = self.session.settings.stack.timeout_minutes;
        let followed = match limit {
            None => self.interrupt.guard(follow).await,
            Some(minutes) => {
                let limit = Duration::from_mins(u64::from(minutes));
                let timed = async {
                    tokio::time::timeout(limit, follow)
                        .await
                        .unwrap_or_else(|_| Err(too_long(minutes)))
                };
                self.interrupt.guard(timed).await
            }
        };
        presenter.clear_progress();
        followed.map_err(|error| self.goes_on(error))
    }

    /// Returns what keeps this process from following the operation, which is CloudFormation's and goes
    /// on.
    pub(crate) fn goes_on(&self, error: Error) -> Error {
        let resume = &self.resume;
        error.hint(format!("the operation goes on; follow it with `{resume}`"))
    }

    /// Warns of resources that are no longer part of the stack and could not be deleted.
    fn tell_what_is_left_behind(&self) {
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

fn tell(presenter: &Presenter, telling: EventOutput, event: &Event, elapsed: Duration) {
    match telling {
        EventOutput::Aside => presenter.note(&human::event::line(event, elapsed)),
        EventOutput::Data => presenter.data(&(human::event::dated(event) + "\n")),
        EventOutput::Json => {
            if let Err(error) = presenter.json_line(&EventLine::of(event)) {
                presenter.warning(&error.to_string());
            }
        }
    }
}

/// Returns whether an event is shown. Of what fails, what only follows from another failure is not.
pub(crate) fn is_shown(event: &Event, shown: EventsShown) -> bool {
    match shown {
        EventsShown::None => false,
        EventsShown::Errors => matches!(
            role(event),
            Role::Root | Role::Explanation | Role::Unexplained | Role::UserInitiated
        ),
        EventsShown::All => true,
    }
}

fn too_long(minutes: u32) -> Error {
    Error::new(
        ErrorKind::Deployment,
        format!("the operation is still running after {minutes} minutes"),
    )
}

/// Executes the change set and follows it until the stack is settled. Returns the stack as it ended
/// and what happened.
pub(crate) async fn execute(
    deployment: &Deployment<'_>,
    pending: &PendingChangeSet,
    shown: EventsShown,
) -> Result<(Stack, Timeline)> {
    let (session, change_set) = (deployment.session, &pending.change_set);
    let mut running = Running::after(
        &pending.earlier_events,
        session,
        &deployment.interrupt,
        &deployment.service,
        &pending.stack_id,
        &session.command("apply --wait"),
    )
    .expecting(change_set.changes.len())
    .showing(shown);
    session.presenter().note("");
    deployment.begin(pending).await?;
    let ended = running.follow().await?;
    match ended {
        Some(stack) if running.went_well(Some(&stack)) => {
            if running.is_cancelled {
                let presenter = session.presenter();
                presenter.note("It had come to its end before it could be cancelled.");
            }
            running.tell_what_is_left_behind();
            Ok((stack, running.timeline))
        }
        ended => Err(running
            .failed(ended.as_ref(), Some(&deployment.build))
            .await),
    }
}
