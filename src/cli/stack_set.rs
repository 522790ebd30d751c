//! What the command line of a command that also works on stack sets may not say for one.

use crate::error::{Error, Result};
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

/// Refuses a stack set among several stacks that a command changes.
///
/// # Errors
///
/// Refused, with the command for the stack set alone.
pub(super) fn refuse_among_several(group: &Group<'_>, command: &str) -> Result<()> {
    for member in group.members() {
        let Some(target) = member.target() else {
            continue;
        };
        if target.settings.stack_set.is_none() {
            continue;
        }
        let name = &target.settings.stack_name;
        let alone = member.command(command, Some(&target.settings.environment));
        return Err(Error::refused(format!(
            "`{name}` is a stack set: `{command}` works on it alone"
        ))
        .hint(format!("`{alone}`, and the other stacks with `-s`")));
    }
    Ok(())
}
