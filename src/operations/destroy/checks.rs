//! What keeps a stack from being deleted.

use super::deletion::Deletion;
use crate::cloudformation::deletion::{DeletionPlan, ResourceDeletion};
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, Result};

/// Refuses if CloudFormation would not begin.
pub(super) fn check_ready(deletion: &Deletion<'_>) -> Result<()> {
    let (session, stack) = (deletion.session, &deletion.stack);
    if !stack.status.is_terminal() {
        return Err(Error::refused(format!(
            "an operation is running on the stack `{}` ({})",
            stack.name, stack.status
        ))
        .hint(format!(
            "wait until it has ended: `{}`",
            session.command("status")
        )));
    }
    if stack.termination_protection {
        return Err(Error::refused(format!(
            "the stack `{}` is protected from deletion",
            stack.name
        ))
        .hint(format!(
            "set `stack.termination_protection = false` in the manifest and run `{}` first",
            session.command("apply")
        )));
    }
    if !deletion.options.retain.is_empty() && stack.status != StackStatus::DeleteFailed {
        return Err(Error::refused(format!(
            "CloudFormation accepts --retain only after a deletion has failed, and the stack \
             `{}` is {}",
            stack.name, stack.status
        ))
        .hint(format!(
            "to keep a resource from the start, give it `DeletionPolicy: Retain` and run `{}` \
             first",
            session.command("apply")
        )));
    }
    Ok(())
}

/// Refuses names on the command line that the stack does not have.
pub(super) fn check_names(deletion: &Deletion<'_>, deletion_plan: &DeletionPlan) -> Result<()> {
    for name in &deletion.options.empty {
        let mut buckets = deletion_plan.buckets();
        if !buckets.any(|it| it.path == *name) {
            return Err(Error::refused(format!(
                "the stack has no bucket `{name}` to empty"
            )));
        }
    }
    for name in &deletion.options.retain {
        let mut resources = deletion_plan.resources.iter();
        let is_own = |it: &ResourceDeletion| it.resource.logical_id == *name;
        if !resources.any(|it| it.path == *name && is_own(it)) {
            return Err(Error::refused(format!(
                "the stack itself has no resource `{name}` to leave behind"
            )));
        }
    }
    Ok(())
}

/// Returns the names of the buckets to empty.
///
/// # Errors
///
/// Refused if a bucket that will be deleted holds something and was not named.
pub(super) fn full_buckets(
    deletion: &Deletion<'_>,
    deletion_plan: &DeletionPlan,
) -> Result<Vec<String>> {
    let named = &deletion.options.empty;
    let (named_ones, unnamed): (Vec<_>, Vec<_>) = deletion_plan
        .buckets()
        .filter(|bucket| {
            let full = bucket.contents.map(|contents| !contents.is_empty());
            // A bucket that the caller may not read is emptied if it is named.
            full.unwrap_or(bucket.emptied)
        })
        .partition(|bucket| bucket.emptied);
    if unnamed.is_empty() {
        let physical = |bucket: &ResourceDeletion| bucket.resource.physical_id.clone();
        return Ok(named_ones.into_iter().filter_map(physical).collect());
    }
    let unnamed: Vec<&str> = unnamed.iter().map(|bucket| bucket.path.as_str()).collect();
    let all = named.iter().map(String::as_str);
    let error = Error::refused(format!(
        "CloudFormation cannot delete a bucket that holds objects: {}",
        unnamed.join(", ")
    ))
    .hint(format!(
        "to delete all their objects and versions too: `{}`",
        deletion.command("--empty", all.chain(unnamed.iter().copied()))
    ));
    if deletion.stack.status != StackStatus::DeleteFailed {
        return Err(error);
    }
    let retain = deletion.command("--retain", unnamed.iter().copied());
    Err(error.hint(format!("to leave them behind: `{retain}`")))
}

/// Refuses the deletion while other stacks import what this one exports.
pub(super) fn check_exports(deletion_plan: &DeletionPlan) -> Result<()> {
    let uses = deletion_plan.exports.iter().map(|export| {
        let importers = export.importers.join(", ");
        format!("`{}` ({importers})", export.name)
    });
    let uses: Vec<String> = uses.collect();
    if uses.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "other stacks import what this one exports: {}",
        uses.join(", ")
    ))
    .hint("destroy those stacks first, or deploy them without the imports"))
}
