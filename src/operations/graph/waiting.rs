//! What a stack of a run waits for before it is deployed: the consent of the user, and other stacks.

use super::coordinator::{Halt, Member};
use super::request::Request;
use crate::operations::context::Context;
use crate::operations::session::Session;
use crate::present::stack_state::StackState;

/// Ends the whole run if the user would have to be asked and cannot.
pub(super) fn check_can_ask(
    member: Member<'_>,
    session: &Session<'_>,
    request: &Request,
) -> Result<(), Halt> {
    let command = || (request.repeated)(&["--yes".to_owned()]);
    let can_ask = session.presenter().check_can_ask(request.yes, command);
    can_ask.map_err(|error| {
        member.coordinator().refuse(error);
        Halt::Stopped
    })
}

/// Returns whether a stack has to wait for others whose outputs it does not read: the deployment of these
/// may still change what it refers to, such as an export.
pub(super) fn waits_for_order(
    member: Member<'_>,
    session: &Session<'_>,
    upstream: &[usize],
) -> bool {
    let parameters = session.settings().parameters.values();
    let read: Vec<&str> = parameters
        .filter_map(|value| value.stack_output().map(|(stack, _)| stack))
        .collect();
    let mut upstream = upstream.iter();
    upstream.any(|stack| {
        let key = member.coordinator().key(*stack);
        !key.is_some_and(|key| read.contains(&key))
    })
}

/// Shows that a stack waits for consent.
pub(super) fn show_waiting(context: &Context, waits: bool) {
    let detail = if waits {
        "planned; planned again later"
    } else {
        "planned"
    };
    context.presenter().set_state(StackState::Waiting, detail);
}
