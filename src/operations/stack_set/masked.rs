//! Hiding the parameters of a stack set whose values come from outside the project.

use crate::cloudformation::stack::Stack;
use crate::cloudformation::stack_set::StackSet;
use crate::operations::session::Session;

/// Masks these parameters.
pub(super) fn hide(session: &Session<'_>, set: &mut StackSet) {
    let mut stack = Stack {
        name: set.name.clone(),
        parameters: std::mem::take(&mut set.parameters),
        ..Stack::default()
    };
    session.hide_parameters(Some(&mut stack));
    set.parameters = stack.parameters;
}
