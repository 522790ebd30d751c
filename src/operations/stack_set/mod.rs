//! Stacks that CloudFormation distributes to accounts and regions itself, as a stack set: planning them,
//! and following their operations target by target.

pub(crate) mod access;
pub(crate) mod apply;
mod checks;
pub(crate) mod deployment;
pub(crate) mod destroy;
pub(crate) mod drift;
mod execution;
mod follow;
mod losses;
mod outcome;
mod running;
pub(crate) mod status;

use crate::operations::session::Session;

/// Returns whether the stack is a stack set, which has nothing of this kind itself, and then says so.
pub(crate) fn has_none(session: &Session<'_>, what: &str) -> bool {
    let is_set = session.settings().stack_set.is_some();
    if is_set {
        let name = &session.settings().stack_name;
        session.presenter().note(&format!(
            "`{name}` is a stack set: it has no {what} of its own, and the stack of each target has."
        ));
    }
    is_set
}
