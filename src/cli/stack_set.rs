//! What the command line of a command that also works on stack sets may not say for one.

use crate::error::{Error, Result};
use crate::operations::context::OpenedTarget;
use crate::operations::graph::group::Group;

/// Refuses options that have no effect on a stack set.
///
/// # Errors
///
/// An input error that names the first option that is given.
pub(super) fn refuse<'o>(options: impl IntoIterator<Item = (&'o str, bool)>) -> Result<()> {
    let mut options = options.into_iter();
    match options.find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((option, _)) => Err(Error::input(format!(
            "`{option}` is for single stacks, and this stack is a stack set"
        ))),
    }
}

/// Refuses options that have no effect on a stack set, if one is among several stacks.
///
/// # Errors
///
/// An input error that names the first option that is given, and the first stack set.
pub(super) fn refuse_among_several<'o>(
    group: &Group<'_>,
    options: impl IntoIterator<Item = (&'o str, bool)>,
) -> Result<()> {
    let members = group.members().iter();
    let mut sets = members.filter(|member| member.target().is_some_and(OpenedTarget::is_stack_set));
    let mut options = options.into_iter();
    match (sets.next(), options.find(|(_, is_given)| *is_given)) {
        (Some(set), Some((option, _))) => Err(Error::input(format!(
            "`{option}` is for single stacks, and `{}` is a stack set",
            set.label()
        ))
        .hint("choose the other stacks with `-s`")),
        _ => Ok(()),
    }
}
