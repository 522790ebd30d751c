//! The local environment: whether the emulator is installed and runs. It is not started.

use crate::aws::{Connection, Emulation};
use crate::emulator::inspection::{EmulatorState, Inspection, inspect};
use crate::operations::session::Session;
use crate::plan::checkup::{Check, Topic};

const NAME: &str = "emulator";

/// Says that the environment is not local.
pub(super) fn skip(session: &Session<'_>, is_real: bool, checks: &mut Vec<Check>) {
    let reason = if is_real {
        format!(
            "the environment `{}` is not local; `-e local` checks that one",
            session.settings().environment
        )
    } else {
        "this needs the manifest".to_owned()
    };
    checks.push(Check::skipped(Topic::Local, NAME, reason));
}

/// Checks the emulator, and connects to it if it runs.
pub(super) async fn connect(session: &Session<'_>, checks: &mut Vec<Check>) -> Option<Connection> {
    let settings = session.settings();
    for name in ["credentials", "account"] {
        let reason = "the local environment needs none";
        checks.push(Check::skipped(Topic::Account, name, reason));
    }
    let found = inspect(
        session.context().ambient(),
        session.project().root(),
        &settings.environment,
        settings.region.as_deref(),
    );
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            checks.push(Check::of_error(Topic::Local, NAME, &error));
            return None;
        }
    };
    checks.push(state(session, &found));
    if let [first, ..] = found.unfinished.as_slice() {
        let number = found.unfinished.len();
        let summary = format!("{number} interrupted, in {}", found.emulators.display());
        checks.push(
            Check::warning(Topic::Local, "installations", summary)
                .detail("the next installation deletes what an interrupted one has left")
                .remedy(format!("`rm -r {}`", first.display())),
        );
    }
    let emulator = found.emulator?.in_account(settings.account.as_deref());
    let (secrets, pool) = (session.presenter().secrets(), session.context().pool());
    let emulation = Emulation::from(&emulator);
    match Connection::open(settings, Some(&emulation), secrets, pool).await {
        Ok(connection) => {
            let place = format!("{}: {}", emulator.endpoint, emulator.region);
            checks.push(Check::ok(Topic::Account, "endpoint", place));
            Some(connection)
        }
        Err(error) => {
            checks.push(Check::of_error(Topic::Account, "endpoint", &error));
            None
        }
    }
}

fn state(session: &Session<'_>, found: &Inspection) -> Check {
    let command = |command: &str| session.command(command);
    let starts = format!("`{}` starts it", command("local start"));
    let installed = if found.python.is_some() {
        "installed"
    } else {
        "not installed: the first command that uses it installs it"
    };
    match (found.state, &found.emulator) {
        (EmulatorState::Running, Some(emulator)) if found.is_current => {
            let version = &emulator.version;
            Check::ok(
                Topic::Local,
                NAME,
                format!(
                    "MiniStack {version} runs and answers at {}",
                    emulator.endpoint
                ),
            )
        }
        (EmulatorState::Running, Some(emulator)) => {
            let summary = format!(
                "another version of stackctl has started MiniStack {}: the next command restarts it",
                emulator.version
            );
            Check::warning(Topic::Local, NAME, summary).remedy(starts)
        }
        (EmulatorState::Running | EmulatorState::Silent, _) => {
            let summary = "its process runs, and does not answer";
            Check::failed(Topic::Local, NAME, summary).remedy(format!(
                "`{}` stops it; `{}` shows its log",
                command("local stop"),
                command("local logs")
            ))
        }
        (EmulatorState::Killed, _) => {
            let summary = "it was killed before it could save: its state is lost, and the next command \
                           starts it empty";
            Check::warning(Topic::Local, NAME, summary).remedy(starts)
        }
        (EmulatorState::Ended, _) => {
            let check = Check::ok(Topic::Local, NAME, format!("{installed}; it does not run"));
            check.detail(starts)
        }
    }
}
