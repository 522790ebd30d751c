//! The stack: whether it accepts a change, and what killed runs have left on it.

use jiff::Timestamp;

use super::within;
use crate::aws::Connection;
use crate::aws::stack::{ListedChangeSet, StackService, listing};
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::StackStatus;
use crate::error::Result;
use crate::operations::change_set_name::{SAVED, is_leftover};
use crate::operations::deploy::readiness;
use crate::operations::session::Session;
use crate::plan::checkup::{Check, Topic};
use crate::util::suggest::join_first;

/// How many names of change sets are shown.
const SHOWN: usize = 3;

/// What CloudFormation says of the stack.
#[derive(Debug)]
pub(super) struct ReadStack {
    /// The stack; `None` if there is none of that name.
    pub(super) stack: Result<Option<Stack>>,
    /// Its resources.
    pub(super) resources: Result<Vec<Resource>>,
    /// Its change sets.
    pub(super) change_sets: Result<Vec<ListedChangeSet>>,
}

/// Reads the stack, its resources and its change sets at the same time.
pub(super) async fn read(session: &Session<'_>, connection: &Connection) -> ReadStack {
    let name = &session.settings().stack_name;
    let service = StackService::new(connection, name);
    let (stack, resources, change_sets) = tokio::join!(
        within(service.describe()),
        within(service.resources()),
        within(listing::change_sets(&service, name))
    );
    ReadStack {
        stack,
        resources,
        change_sets,
    }
}

/// Adds what was read.
pub(super) fn judge(session: &Session<'_>, read: &ReadStack, checks: &mut Vec<Check>) {
    const STATE: &str = "state";
    if session.settings().stack_set.is_some() {
        let command = session.command("status");
        let reason = format!("a stack set: `{command}` shows its targets");
        checks.push(Check::skipped(Topic::Stack, STATE, reason));
        return;
    }
    checks.push(match &read.stack {
        Ok(stack) => state(session, stack.as_ref()),
        Err(error) => Check::of_error(Topic::Stack, STATE, error),
    });
    checks.push(match &read.change_sets {
        Ok(listed) => change_sets(session, listed, Timestamp::now()),
        Err(error) => Check::of_error(Topic::Stack, "change-sets", error).at_most_warning(),
    });
}

fn state(session: &Session<'_>, stack: Option<&Stack>) -> Check {
    const NAME: &str = "state";
    let Some(stack) = stack.filter(|it| it.status.exists()) else {
        let name = &session.settings().stack_name;
        return Check::ok(Topic::Stack, NAME, format!("`{name}` is not deployed"));
    };
    let again = |option: &str| session.command(format!("apply {option}").trim_end());
    let (name, status) = (&stack.name, &stack.status);
    if let Some(error) = readiness::refusal(session, stack, &again) {
        let check = Check::of_error(Topic::Stack, NAME, &error);
        let is_running = !status.is_terminal();
        return if is_running {
            check.at_most_warning()
        } else {
            check
        };
    }
    let found = format!("`{name}` is {status}");
    match status {
        StackStatus::CreateFailed | StackStatus::UpdateFailed => {
            let recover = session.command("recover");
            Check::warning(Topic::Stack, NAME, found)
                .detail("the last operation failed and was not rolled back")
                .remedy(format!("`{recover}` says what is possible"))
        }
        StackStatus::Unknown(_) => {
            let status = session.command("status");
            Check::warning(Topic::Stack, NAME, found)
                .detail("this version of stackctl does not know the status")
                .remedy(format!("`{status}` shows the stack and its resources"))
        }
        _ => Check::ok(Topic::Stack, NAME, found),
    }
}

fn change_sets(session: &Session<'_>, listed: &[ListedChangeSet], now: Timestamp) -> Check {
    const NAME: &str = "change-sets";
    let (leftovers, others): (Vec<_>, Vec<_>) = listed.iter().partition(|it| is_leftover(it, now));
    let (saved, others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|it| it.name.starts_with(SAVED));
    let names = |sets: &[&ListedChangeSet]| {
        let names: Vec<String> = sets.iter().map(|it| format!("`{}`", it.name)).collect();
        join_first(names.into_iter(), SHOWN)
    };
    let mut details = Vec::new();
    if !saved.is_empty() {
        details.push(format!("of saved plans: {}", names(&saved)));
    }
    if !others.is_empty() {
        details.push(format!("of other runs or programs: {}", names(&others)));
    }
    let mut check = if leftovers.is_empty() {
        let summary = match listed.len() {
            0 => "none is left over".to_owned(),
            _ => "none is left over by a killed run".to_owned(),
        };
        Check::ok(Topic::Stack, NAME, summary)
    } else {
        let summary = format!("left over by killed runs: {}", names(&leftovers));
        let plan = session.command("plan");
        Check::warning(Topic::Stack, NAME, summary).remedy(format!(
            "`{plan}` deletes those that are older than an hour"
        ))
    };
    check.details.extend(details);
    check
}
