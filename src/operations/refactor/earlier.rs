//! A refactor that an earlier run has left behind: found again by the record in the cache folder, else by
//! its description in the list of the account's refactors.

use crate::aws::stack::refactor;
use crate::cloudformation::refactor::{Move, Refactor};
use crate::cloudformation::stack::Stack;
use crate::config::cache;
use crate::error::Result;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::refactor::ShownRefactor;
use crate::plan::operation_record::{Record as _, RefactorRecord};

/// Returns the beginning of the descriptions of this program's refactors of a stack.
pub(crate) fn mark(stack: &Stack) -> String {
    format!("stackctl renames in {} ", stack.id)
}

/// Returns the refactor of the stack whose execution an earlier run has requested, with what it moves;
/// `None` if there is none, or another one than this program's.
///
/// # Errors
///
/// If a call fails.
pub(crate) async fn executed(
    deployment: &Deployment<'_>,
    stack: &Stack,
) -> Result<Option<ShownRefactor>> {
    let service = deployment.service();
    let recorded = match record(deployment, stack) {
        Some(record) => refactor::describe(service, &record.refactor_id).await?,
        None => None,
    };
    let recorded = recorded.filter(|it| is_of(it, stack) && it.execution.has_begun());
    let found = match recorded {
        Some(refactor) => Some(refactor),
        None => unfinished(deployment, stack, |it| it.execution.is_running()).await?,
    };
    let Some(refactor) = found else {
        return Ok(None);
    };
    let (actions, resources) = tokio::try_join!(
        refactor::actions(service, &refactor.id),
        service.resources()
    )?;
    let moves = actions.into_iter().map(|action| {
        let (from, to) = (action.from.logical_id, action.to.logical_id);
        let mut known = resources.iter();
        let known = known.rfind(|it| it.logical_id == to || it.logical_id == from);
        let physical_id = Some(action.physical_id).filter(|id| !id.is_empty());
        Move {
            resource_type: known.map_or_else(String::new, |it| it.resource_type.clone()),
            physical_id: known.and_then(|it| it.physical_id.clone()).or(physical_id),
            from,
            to,
        }
    });
    Ok(Some(ShownRefactor {
        moves: moves.collect(),
        refactor,
    }))
}

/// Returns the refactor of the stack by this program that has not ended and that `is_it` chooses; `None`
/// if there is none.
///
/// # Errors
///
/// If a call fails.
pub(super) async fn unfinished(
    deployment: &Deployment<'_>,
    stack: &Stack,
    is_it: impl Fn(&Refactor) -> bool,
) -> Result<Option<Refactor>> {
    let service = deployment.service();
    if let Some(record) = record(deployment, stack)
        && let Some(refactor) = refactor::describe(service, &record.refactor_id).await?
        && is_of(&refactor, stack)
        && !refactor.execution.is_terminal()
        && is_it(&refactor)
    {
        return Ok(Some(refactor));
    }
    let mark = mark(stack);
    let listed = refactor::unfinished(service).await?;
    for listed in listed
        .iter()
        .filter(|it| it.description.starts_with(&mark) && is_it(it))
    {
        // The list may be older than the refactor itself, and does not name the stacks.
        if let Some(refactor) = refactor::describe(service, &listed.id).await?
            && is_of(&refactor, stack)
            && !refactor.execution.is_terminal()
            && is_it(&refactor)
        {
            return Ok(Some(refactor));
        }
    }
    Ok(None)
}

/// Removes the record of a refactor that has ended.
pub(crate) fn forget(deployment: &Deployment<'_>, stack: &Stack) {
    if let Ok(Some(cache)) = cache::root(deployment.session().context().ambient()) {
        RefactorRecord::remove(&cache, &stack.id);
    }
}

fn record(deployment: &Deployment<'_>, stack: &Stack) -> Option<RefactorRecord> {
    let cache = cache::root(deployment.session().context().ambient());
    RefactorRecord::find(&cache.ok()??, &stack.id)
}

/// Returns whether a refactor is this program's, of this stack alone.
fn is_of(refactor: &Refactor, stack: &Stack) -> bool {
    let mut stacks = refactor.stack_ids.iter();
    refactor.description.starts_with(&mark(stack)) && stacks.all(|id| *id == stack.id)
}
