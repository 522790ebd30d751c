//! What `watch` says between its runs: one screen on a terminal, lines in a pipe, objects in JSON.

use std::cell::RefCell;
use std::time::Duration;

use jiff::Timestamp;

use super::outcome::Outcome;
use super::queue::Phase;
use crate::config::project::watcher::{POLL_INTERVAL, Unwatched};
use crate::error::{Error, ErrorKind, Result};
use crate::present::Presenter;
use crate::present::format::Format;
use crate::present::json::watch::WatchEntry;
use crate::present::output::Part;
use crate::present::style::BOLD;
use crate::util::suggest::join_first;

/// How many saved files are named.
const NAMES: usize = 5;

/// Writes what `watch` says between its runs.
#[derive(Debug)]
pub(super) struct Report {
    presenter: Presenter,
    format: Format,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Why the files are looked at again and again.
    unwatched: Option<Unwatched>,
    /// What the runs have done with the stack.
    stack: String,
    /// The error of the deployment that the user has left.
    left: Option<Error>,
}

impl Report {
    pub(super) fn new(presenter: &Presenter, format: Format) -> Self {
        let stack = "Nothing was deployed.".to_owned();
        Self {
            presenter: presenter.clone(),
            format,
            state: RefCell::new(State {
                stack,
                ..State::default()
            }),
        }
    }

    /// Returns the presenter of one run.
    pub(super) fn of_run(&self) -> Presenter {
        match self.format {
            Format::Json => self.presenter.keeping_output(),
            Format::Human => self.presenter.clone(),
        }
    }

    /// Begins a run because of these saved files; the first run has none.
    ///
    /// # Errors
    ///
    /// If the output cannot be written as JSON.
    pub(super) fn begin(&self, files: &[String]) -> Result<()> {
        if self.format == Format::Json {
            return self.presenter.json_line(&WatchEntry::saved(files));
        }
        self.presenter.clear_screen();
        if !files.is_empty() {
            let names = files.iter().map(|name| format!("`{name}`"));
            let names = join_first(names, NAMES);
            self.presenter
                .note(&format!("{BOLD}Saved{BOLD:#}: {names}"));
        }
        // The screen is new: what holds is said again.
        if let Some(unwatched) = &self.state.borrow().unwatched
            && self.presenter.has_screen()
        {
            self.warn(unwatched);
        }
        Ok(())
    }

    /// Says that the files are looked at again and again, and why.
    pub(super) fn unwatched(&self, unwatched: Unwatched) {
        self.warn(&unwatched);
        self.state.borrow_mut().unwatched = Some(unwatched);
    }

    fn warn(&self, unwatched: &Unwatched) {
        let seconds = POLL_INTERVAL.as_secs();
        self.presenter.warning(&format!(
            "{}, so the files are looked at every {seconds} s",
            unwatched.reason
        ));
        if let Some(remedy) = &unwatched.remedy {
            self.presenter.hint(remedy);
        }
    }

    /// Says that a function runs its new code.
    pub(super) fn swapped(&self, function: &str, seconds: f64) {
        self.presenter.note(&format!(
            "Swapped the code of `{function}` in {seconds:.2} s."
        ));
    }

    /// Shows a further error of a run that failed.
    pub(super) fn also_failed(&self, error: &Error) {
        self.presenter.error(error);
    }

    /// Says that a save is deployed after the deployment that is running.
    pub(super) fn queued(&self) {
        self.presenter
            .note("Saved during the deployment: the files are deployed again after it.");
    }

    /// Prints what a run has printed, if its output was kept: one object on a line.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON.
    pub(super) fn print_kept(&self, run: &Presenter) -> Result<()> {
        for part in run.take_output() {
            if let Part::Document(document) = part {
                self.presenter.json_line(&document)?;
            }
        }
        Ok(())
    }

    /// Reports a run that did not fail.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON.
    pub(super) fn done(&self, outcome: &Outcome, took: Duration) -> Result<()> {
        let (word, shown, functions) = match outcome {
            Outcome::Planned => ("planned", "Planned", &[][..]),
            Outcome::Unchanged(_) => ("unchanged", "Nothing to deploy", &[][..]),
            Outcome::Applied { functions, .. } => ("applied", "Applied", &functions[..]),
            Outcome::Swapped { functions, .. } => ("swapped", "Swapped", &functions[..]),
        };
        if let Some(stack) = stack_after(outcome) {
            self.state.borrow_mut().stack = stack;
        }
        if self.format == Format::Json {
            return self.presenter.json_line(&WatchEntry::done(word, functions));
        }
        if let Outcome::Swapped { lag, .. } = outcome {
            self.presenter.note(lag);
        }
        self.wait(shown, took);
        Ok(())
    }

    /// Reports a run that failed. `phase` is how far it was.
    pub(super) fn failed(&self, error: Error, phase: Phase, took: Duration) {
        if error.kind() == ErrorKind::Interrupted {
            // It is the last thing that is said.
            self.state.borrow_mut().left = Some(error);
            return;
        }
        if self.format == Format::Json {
            // It was JSON before.
            let _ = self.presenter.json_line(&WatchEntry::failed(&error));
        }
        self.presenter.error(&error);
        match phase {
            Phase::Planning => self.wait("Failed", took),
            Phase::Deploying => {
                self.state.borrow_mut().stack = format!("The last deployment failed: {error}.");
                self.wait("Failed", took);
            }
            // What was to be done is done.
            Phase::Done => {}
        }
    }

    fn wait(&self, word: &str, took: Duration) {
        let (seconds, time) = (took.as_secs_f64(), clock());
        self.presenter.note(&format!(
            "\n{word} in {seconds:.1} s, {time}. Waiting for a save; Ctrl-C ends."
        ));
    }

    /// Says what has become of the stack, and returns the error with which the command ends.
    pub(super) fn leave(&self) -> Error {
        let mut state = self.state.borrow_mut();
        if let Some(error) = state.left.take() {
            return error;
        }
        self.presenter.note(&state.stack);
        Error::new(ErrorKind::Interrupted, "interrupted")
    }
}

/// Returns what a run has done with the stack; `None` if nothing.
fn stack_after(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Planned => None,
        Outcome::Unchanged(stack) => Some(format!("`{stack}` is in step with the files.")),
        Outcome::Applied { stack, status, .. } => Some(format!(
            "`{stack}` is {status}, deployed from the files at {}.",
            clock()
        )),
        Outcome::Swapped { functions, lag } if lag.is_empty() => {
            Some(format!("The code of {} was swapped.", functions.join(", ")))
        }
        Outcome::Swapped { lag, .. } => Some(lag.clone()),
    }
}

/// Returns the time in UTC.
fn clock() -> String {
    Timestamp::now().strftime("%H:%M:%SZ").to_string()
}
