//! What a failed operation is reported as: what CloudFormation did, why, where that stands in the
//! user's files, what helps, and what to run now.

use super::Running;
use crate::cloudformation::diagnosis::{self, Cause, Causes, Remedy, reason_of};
use crate::cloudformation::event::Event;
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

impl Running<'_> {
    /// Returns whether the operation did what it was for; `ended` is `None` where the stack is gone.
    pub(crate) fn went_well(&self, ended: Option<&Stack>) -> bool {
        let status = ended.map_or(&StackStatus::DeleteComplete, |stack| &stack.status);
        let is_deleted = *status == StackStatus::DeleteComplete;
        status.sentiment() == Sentiment::Good && is_deleted == self.timeline.is_deletion()
    }

    /// Returns the error for an operation that did not: how it ended, why, and what to run now. `build`
    /// is what the files say, where they are what was deployed.
    pub(crate) async fn failed(&self, ended: Option<&Stack>, build: Option<&Build>) -> Error {
        let status = ended.map_or(&StackStatus::DeleteComplete, |stack| &stack.status);
        let (kind, what) = if self.timeline.is_deletion() {
            (
                ErrorKind::Deployment,
                ["the stack could not be deleted", ""],
            )
        } else if self.is_cancelled {
            cancelled(status)
        } else {
            ending(status)
        };
        let [what, so] = what;
        let error = Error::new(kind, format!("{what} ({status}){so}"));
        let error = self.explain(error, build).await;
        if self.is_cancelled && kind == ErrorKind::RolledBack {
            let apply = self.session.command("apply");
            return error.hint(format!("`{apply}` deploys it after all"));
        }
        error.hint(next_step(self.session, status))
    }

    /// Returns the error with the first real cause of the operation's failure: in the chain of causes,
    /// at its place where the files are known, and with what helps.
    pub(crate) async fn explain(&self, error: Error, build: Option<&Build>) -> Error {
        // What a nested stack said may have come later than what its parent said after it.
        let mut events = self.timeline.events().to_vec();
        events.sort_by_key(|event| event.time);
        self.service.add_findings(&self.stack_id, &mut events).await;
        self.service.decode_authorization(&mut events).await;
        let Causes { first, undoing } = diagnosis::causes(&events);
        // That the user asked for it is nothing to explain to the user.
        let Some(first) = first.filter(|first| !(first.user_initiated && self.is_cancelled)) else {
            return error;
        };
        let mut error = self.located(error, &first, build).await;
        let mut chain = link(&first, self.session.presenter().is_verbose());
        for cause in [Some(&first), undoing.as_ref()].into_iter().flatten() {
            if let Some(hint) = self.hint(cause) {
                error = error.hint(hint);
            }
        }
        if let Some(undoing) = &undoing {
            let text = format!("while it was undone: {}", told(undoing.event));
            chain = Link::new(text, Some(chain));
        }
        error.caused_by(chain)
    }

    /// Adds the places of the failures in the user's files. Where those are not known, the failures
    /// that came with the first are told.
    async fn located(&self, error: Error, first: &Cause<'_>, build: Option<&Build>) -> Error {
        let Some(build) = build else {
            let presenter = self.session.presenter();
            for other in &first.others {
                presenter.note(&format!("Also failed: {}", told(other)));
            }
            return error;
        };
        let failed = [&[first.event], first.others.as_slice()].concat();
        error.with_diagnostics(self.places(&failed, build).await)
    }

    /// Returns what helps against a cause, with the command to run.
    fn hint(&self, cause: &Cause<'_>) -> Option<String> {
        let advice = cause.advice().filter(|_| !cause.user_initiated)?;
        let hint = advice.hint(cause.event)?;
        match advice.remedy(cause.event) {
            // A deletion says itself how to go on.
            Some(Remedy::Destroy | Remedy::DestroyEmptying) if self.timeline.is_deletion() => None,
            Some(remedy) => {
                let command = remedy.command(&cause.event.logical_id);
                Some(format!("{hint}: `{}`", self.session.command(&command)))
            }
            None => Some(hint),
        }
    }
}

/// Returns what an event says, on one line.
fn told(event: &Event) -> String {
    let (kind, path, status) = (&event.resource_type, event.path(), &event.status);
    format!(
        "{kind} {path} {status}: {}",
        reason_of(event).replace('\n', " ")
    )
}

fn link(cause: &Cause<'_>, verbose: bool) -> Link {
    let mut text = if cause.user_initiated {
        format!("somebody asked for the rollback ({})", cause.event.status)
    } else {
        told(cause.event)
    };
    if verbose && cause.cancelled > 0 {
        let count = cause.cancelled;
        text.push_str(&format!(" (and {count} more were cancelled because of it)"));
    }
    let explanation = cause
        .explanation
        .map(|said| Link::new(said.to_owned(), None));
    Link::new(text, explanation)
}

/// Returns how a deployment that went wrong ended, with what that comes to, and what it makes of the
/// exit code.
fn ending(status: &StackStatus) -> (ErrorKind, [&'static str; 2]) {
    match status {
        StackStatus::RollbackComplete => (
            ErrorKind::RolledBack,
            [
                "the deployment failed and was rolled back",
                ": only the stack's name is left",
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
            ["the deployment failed", ": what it had done by then stays"],
        ),
        StackStatus::RollbackFailed
        | StackStatus::UpdateRollbackFailed
        | StackStatus::ImportRollbackFailed => (
            ErrorKind::Deployment,
            ["the deployment failed, and undoing it failed too", ""],
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
                "the deployment was cancelled and undone",
                ": the stack is as it was",
            ],
        ),
        StackStatus::UpdateRollbackFailed => (
            ErrorKind::Deployment,
            ["the deployment was cancelled, and undoing it failed", ""],
        ),
        // It failed before it could be cancelled.
        status => ending(status),
    }
}

/// Returns what to run after an operation that ended badly with this status.
fn next_step(session: &Session<'_>, status: &StackStatus) -> String {
    let (apply, recover) = (session.command("apply"), session.command("recover"));
    match status {
        StackStatus::DeleteComplete | StackStatus::RollbackComplete => {
            format!("when that is put right: `{apply}` makes the stack anew")
        }
        status if status.is_rolled_back() || status.sentiment() == Sentiment::Good => {
            format!("when that is put right: `{apply}`")
        }
        StackStatus::CreateFailed | StackStatus::UpdateFailed => {
            format!("when that is put right: `{apply}` goes on from here; or `{recover}` undoes it")
        }
        _ => format!("`{recover}` says what the stack's state means and leads out of it"),
    }
}
