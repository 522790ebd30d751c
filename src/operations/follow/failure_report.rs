//! The report of a failed operation: what CloudFormation did, why, the place in the user's files, what
//! helps, and what to run now.

use tokio::time::timeout_at;

use super::{RunningOperation, failure_evidence, failure_places};
use crate::aws::stack::events;
use crate::cloudformation::diagnosis::{self, Cause, Causes, Remedy, reason_of};
use crate::cloudformation::event::Event;
use crate::cloudformation::failure_evidence::{EvidenceReport, FailureEvidence};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::{Sentiment, StackStatus};
use crate::error::{Error, ErrorKind};
use crate::operations::build::Build;
use crate::operations::session::Session;

/// One link in the chain of causes.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Link {
    text: String,
    source: Option<Box<Link>>,
}

impl Link {
    fn new(text: String, source: Option<Self>) -> Self {
        Self {
            text,
            source: source.map(Box::new),
        }
    }
}

/// The report of an operation that did not achieve what it was for.
pub(crate) struct FailureReport<'a> {
    operation: &'a RunningOperation<'a>,
    build: Option<&'a Build>,
}

impl<'a> FailureReport<'a> {
    /// Returns the report of an operation. `build` is what was deployed, if the files say that.
    pub(crate) fn new(operation: &'a RunningOperation<'a>, build: Option<&'a Build>) -> Self {
        Self { operation, build }
    }

    /// Returns the error for the operation: how it ended, why, and what to run now. `ended` is `None`
    /// if the stack is gone.
    pub(crate) async fn error(&self, ended: Option<&Stack>) -> Error {
        let (session, is_cancelled) = (self.operation.session(), self.operation.is_cancelled());
        let status = ended.map_or(&StackStatus::DeleteComplete, |stack| &stack.status);
        let (kind, [outcome, consequence]) = if self.operation.timeline().is_deletion() {
            (
                ErrorKind::Deployment,
                ["the stack could not be deleted", ""],
            )
        } else if is_cancelled {
            cancelled(status)
        } else if self.operation.timeline().continues_rollback() {
            // The request may have skipped resources, which are not as they were.
            let (kind, [outcome, _]) = ending(status);
            (kind, [outcome, ""])
        } else {
            ending(status)
        };
        let error = Error::new(kind, format!("{outcome} ({status}){consequence}"));
        let error = self.explain(error).await;
        if is_cancelled && kind == ErrorKind::RolledBack {
            let apply = session.command("apply");
            return error.hint(format!("`{apply}` deploys it after all"));
        }
        let is_express = ended.is_some_and(|stack| stack.is_express);
        error.hint(next_step(session, status, is_express))
    }

    /// Adds the first real cause of the operation's failure to an error: in the chain of causes, at
    /// its place if the files are known, and with what helps.
    pub(crate) async fn explain(&self, error: Error) -> Error {
        let (operation, service) = (self.operation, self.operation.service());
        // A nested stack's event may be newer than its parent's events that follow from it.
        let mut events = operation.timeline().events().to_vec();
        events.sort_by_key(|event| event.time);
        let before = events.clone();
        let mut evidence = EvidenceReport::default();
        let deadline = failure_evidence::deadline();
        let details = async {
            let template = self.build.map(|build| &build.template);
            let complete = async {
                events::add_findings(service, operation.stack_id(), &mut events).await;
                events::decode_authorization(service, &mut events).await;
            };
            let more = failure_evidence::of_events(service, &before, template, deadline);
            // What has not arrived in time is left out.
            let (_, found) = tokio::join!(timeout_at(deadline, complete), more);
            evidence = found;
            Ok(())
        };
        // If the user interrupts this, the events are explained as they are.
        let _ = operation.interrupt().guard(details).await;
        let Causes { first, rollback } = diagnosis::causes(&events);
        // The user's own request needs no explanation.
        let is_explained = |first: &Cause<'_>| !(first.user_initiated && operation.is_cancelled());
        let Some(first) = first.filter(is_explained) else {
            return error;
        };
        let mut error = self.located(error, &first).await;
        let verbose = operation.session().presenter().is_verbose();
        let mut chain = link(&first, verbose, own_evidence(&evidence, first.event));
        for hint in evidence.found.iter().flat_map(FailureEvidence::hints) {
            error = error.hint(hint);
        }
        for cause in [Some(&first), rollback.as_ref()].into_iter().flatten() {
            if let Some(hint) = self.hint(cause) {
                error = error.hint(hint);
            }
        }
        for left_out in &evidence.left_out {
            error = error.hint(left_out);
        }
        if let Some(rollback) = &rollback {
            let text = format!("during the rollback: {}", line(rollback.event));
            chain = Link::new(text, Some(chain));
        }
        error.caused_by(chain)
    }

    /// Adds the places of the failures in the user's files. If the files are not known, the failures
    /// that came with the first are printed.
    async fn located(&self, error: Error, first: &Cause<'_>) -> Error {
        let Some(build) = self.build else {
            let presenter = self.operation.session().presenter();
            for other in &first.others {
                presenter.note(&format!("Also failed: {}", line(other)));
            }
            return error;
        };
        let failed = [&[first.event], first.others.as_slice()].concat();
        error.with_diagnostics(failure_places::locate(self.operation, &failed, build).await)
    }

    /// Returns what helps against a cause, with the command to run.
    fn hint(&self, cause: &Cause<'_>) -> Option<String> {
        let advice = cause.advice().filter(|_| !cause.user_initiated)?;
        let hint = advice.hint(cause.event)?;
        let operation = self.operation;
        match advice.remedy(cause.event) {
            // A deletion has its own hints about what to run.
            Some(Remedy::Destroy | Remedy::DestroyEmptying)
                if operation.timeline().is_deletion() =>
            {
                None
            }
            Some(remedy) => {
                let command = remedy.command(&cause.event.logical_id);
                Some(format!(
                    "{hint}: `{}`",
                    operation.session().command(&command)
                ))
            }
            None => Some(hint),
        }
    }
}

/// Returns an event with its reason, on one line.
fn line(event: &Event) -> String {
    let (kind, path, status) = (&event.resource_type, event.path(), &event.status);
    format!(
        "{kind} {path} {status}: {}",
        reason_of(event).replace('\n', " ")
    )
}

/// Returns the cause that the evidence names for a failed resource.
fn own_evidence(evidence: &EvidenceReport, failed: &Event) -> Option<String> {
    let path = failed.path();
    let is_own =
        |it: &&FailureEvidence| matches!(it, FailureEvidence::Log(tail) if tail.resource == path);
    evidence
        .found
        .iter()
        .filter(is_own)
        .find_map(FailureEvidence::cause)
}

/// Returns the chain of a cause, its explanation and what the evidence says.
fn link(cause: &Cause<'_>, verbose: bool, evidence: Option<String>) -> Link {
    let mut text = if cause.user_initiated {
        format!("a user requested the rollback ({})", cause.event.status)
    } else {
        line(cause.event)
    };
    if verbose && cause.cancelled > 0 {
        let count = cause.cancelled;
        text.push_str(&format!(" (and {count} more were cancelled because of it)"));
    }
    let evidence = evidence.map(|text| Link::new(text, None));
    let explanation = match cause.explanation {
        Some(text) => Some(Link::new(text.to_owned(), evidence)),
        None => evidence,
    };
    Link::new(text, explanation)
}

/// Returns how a failed deployment ended: the error kind, which sets the exit code, the outcome, and
/// its consequence.
fn ending(status: &StackStatus) -> (ErrorKind, [&'static str; 2]) {
    match status {
        StackStatus::RollbackComplete => (
            ErrorKind::RolledBack,
            [
                "the deployment failed and was rolled back",
                ": only the empty stack is left",
            ],
        ),
        StackStatus::UpdateRollbackComplete | StackStatus::ImportRollbackComplete => (
            ErrorKind::RolledBack,
            [
                "the deployment failed and was rolled back",
                ": the stack is as it was",
            ],
        ),
        StackStatus::DeleteComplete => (
            ErrorKind::RolledBack,
            [
                "the deployment failed and the new stack was deleted again",
                "",
            ],
        ),
        StackStatus::CreateFailed | StackStatus::UpdateFailed => (
            ErrorKind::Deployment,
            [
                "the deployment failed",
                ": what it had changed by then stays",
            ],
        ),
        StackStatus::RollbackFailed
        | StackStatus::UpdateRollbackFailed
        | StackStatus::ImportRollbackFailed => (
            ErrorKind::Deployment,
            ["the deployment and its rollback both failed", ""],
        ),
        _ => (ErrorKind::Deployment, ["the deployment failed", ""]),
    }
}

/// Returns, as [`ending`] does, how a deployment ended that the user cancelled on the way.
fn cancelled(status: &StackStatus) -> (ErrorKind, [&'static str; 2]) {
    match status {
        StackStatus::DeleteComplete => (
            ErrorKind::RolledBack,
            [
                "the deployment was cancelled and the new stack was deleted again",
                "",
            ],
        ),
        StackStatus::DeleteFailed => (
            ErrorKind::Deployment,
            [
                "the deployment was cancelled, and the new stack could not be deleted",
                "",
            ],
        ),
        StackStatus::UpdateRollbackComplete => (
            ErrorKind::RolledBack,
            [
                "the deployment was cancelled and rolled back",
                ": the stack is as it was",
            ],
        ),
        StackStatus::UpdateRollbackFailed => (
            ErrorKind::Deployment,
            ["the deployment was cancelled, and its rollback failed", ""],
        ),
        // It failed before it could be cancelled.
        status => ending(status),
    }
}

/// Returns what to run after an operation that failed with this status.
fn next_step(session: &Session<'_>, status: &StackStatus, is_express: bool) -> String {
    let (apply, recover) = (session.command("apply"), session.command("recover"));
    match status {
        StackStatus::DeleteComplete | StackStatus::RollbackComplete => {
            format!("fix the cause, then run `{apply}` to recreate the stack")
        }
        status if status.is_rolled_back() || status.sentiment() == Sentiment::Good => {
            format!("fix the cause, then run `{apply}`")
        }
        StackStatus::CreateFailed | StackStatus::UpdateFailed if !is_express => {
            format!(
                "fix the cause, then run `{apply}` to go on from here, or `{recover}` to roll back"
            )
        }
        _ => format!("run `{recover}`: it explains the stack's state and repairs the stack"),
    }
}
