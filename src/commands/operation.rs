//! A running operation: followed to its end, whoever began it, and what went wrong is told.

use std::time::{Duration, Instant};

use super::deployment::Deployment;
use super::proposal::Proposal;
use super::session::Session;
use crate::aws::stack::{Look, StackService};
use crate::cli::EventsShown;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Timeline};
use crate::interrupt::Interrupt;
use crate::present::human;
use crate::stack::Stack;
use crate::status::{ResourceStatus, Sentiment, StackStatus};

/// An operation that runs on a stack: a creation, an update, a rollback or a deletion.
#[derive(Debug)]
pub(super) struct Running<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) interrupt: &'a Interrupt,
    pub(super) service: &'a StackService,
    pub(super) stack_id: String,
    timeline: Timeline,
    shown: EventsShown,
    /// How many resources it is about; 0 where that is not known.
    expected: usize,
    /// The command that goes on with it.
    pub(super) resume: String,
    joined: Instant,
    /// How old it was when it was joined; `None` before the first look.
    age: Option<Duration>,
}

impl<'a> Running<'a> {
    /// Returns an operation that is about to be asked for. `earlier` are the stack's newest events
    /// before it; `resume` is the command that goes on with it after an interrupt.
    pub(super) fn after(
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
    pub(super) async fn join(
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
            expected: 0,
            resume: resume.to_owned(),
            joined: Instant::now(),
            age: None,
        }
    }

    /// Chooses which events are shown.
    pub(super) fn showing(mut self, shown: EventsShown) -> Self {
        self.shown = shown;
        self
    }

    /// Says how many resources it is about, for the progress line.
    pub(super) fn expecting(mut self, resources: usize) -> Self {
        self.expected = resources;
        self
    }

    /// Follows it until the stack is settled or the user stops that, and shows its events.
    pub(super) async fn follow_until_interrupted(&mut self) -> Result<Option<Stack>> {
        let presenter = self.session.presenter();
        let (shown, expected, joined) = (self.shown, self.expected, self.joined);
        let age = &mut self.age;
        let seen = |look: Look<'_>| match look {
            Look::News(new, timeline) => {
                let followed = joined.elapsed();
                let now = age
                    .get_or_insert_with(|| timeline.age())
                    .saturating_add(followed);
                for event in new {
                    if is_shown(event, shown) {
                        let elapsed = timeline.elapsed(event).unwrap_or(now);
                        presenter.note(&human::event::line(event, elapsed));
                    }
                }
                presenter.progress(&human::event::progress(timeline, expected, now));
            }
            Look::Trouble(error) => presenter.progress(&format!("{error}: trying again")),
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
        followed.map_err(|error| match error.kind() {
            ErrorKind::Interrupted | ErrorKind::Deployment => error.hint(format!(
                "the operation goes on; follow it with `{}`",
                self.resume
            )),
            _ => error,
        })
    }

    /// Returns the error with the first real cause of the operation's failure.
    pub(super) fn explain(&self, error: Error) -> Error {
        match self.timeline.root_cause() {
            Some(cause) => error.caused_by(FirstCause::of(cause)),
            None => error,
        }
    }
}

fn is_shown(event: &Event, shown: EventsShown) -> bool {
    match shown {
        EventsShown::None => false,
        EventsShown::Errors => event.is_bad(),
        EventsShown::All => true,
    }
}

fn too_long(minutes: u32) -> Error {
    Error::new(
        ErrorKind::Deployment,
        format!("the operation is still running after {minutes} minutes"),
    )
}

/// Executes the change set and follows it until the stack is settled.
pub(super) async fn execute(
    deployment: &Deployment<'_>,
    proposal: &Proposal,
    shown: EventsShown,
) -> Result<Stack> {
    let (session, change_set) = (deployment.session, &proposal.change_set);
    let mut running = Running::after(
        &proposal.earlier_events,
        session,
        &deployment.interrupt,
        &deployment.service,
        &proposal.stack_id,
        &session.command("apply --wait"),
    )
    .expecting(change_set.changes.len())
    .showing(shown);
    session.presenter().note("");
    deployment.begin(proposal).await?;
    let ended = running.follow().await?;
    outcome(session, ended, &running)
}

/// Returns the stack where it ended well, else what went wrong first and what to do now.
fn outcome(session: &Session<'_>, ended: Option<Stack>, running: &Running<'_>) -> Result<Stack> {
    let name = &session.settings.stack_name;
    let Some(stack) = ended else {
        return Err(Error::new(
            ErrorKind::Deployment,
            format!("the stack `{name}` is gone"),
        ));
    };
    if stack.status.sentiment() == Sentiment::Good && stack.status != StackStatus::DeleteComplete {
        return Ok(stack);
    }
    let (kind, what) = if stack.status.is_rolled_back() {
        (ErrorKind::RolledBack, "failed and was rolled back")
    } else {
        (ErrorKind::Deployment, "failed")
    };
    let error = Error::new(kind, format!("the deployment {what} ({})", stack.status));
    let next = match stack.status {
        StackStatus::RollbackComplete => {
            format!(
                "a stack whose creation failed can only be deleted: `{}`",
                session.command("destroy")
            )
        }
        _ => format!("the stack as it is now: `{}`", session.command("status")),
    };
    Err(running.explain(error).hint(next))
}

/// The first real cause of a failed operation.
#[derive(Debug, thiserror::Error)]
#[error("{resource_type} {logical_id} {status}: {reason}")]
struct FirstCause {
    resource_type: String,
    logical_id: String,
    status: ResourceStatus,
    reason: String,
}

impl FirstCause {
    fn of(event: &Event) -> Self {
        let reason = event
            .reason
            .as_deref()
            .unwrap_or("the service gave no reason");
        Self {
            resource_type: event.resource_type.clone(),
            logical_id: event.logical_id.clone(),
            status: event.status.clone(),
            reason: reason.to_owned(),
        }
    }
}
