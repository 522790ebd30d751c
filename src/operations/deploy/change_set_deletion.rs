//! Deleting a change set that is not executed, with what it leaves behind.

use std::time::Duration;

use jiff::Timestamp;

use super::deployment::Deployment;
use crate::aws::stack::{Requested, listing};
use crate::cloudformation::deletion::DeletionRequest;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::{is_leftover, temporary_name};

/// How long the change set of an interrupted run is deleted: less than most users wait before they
/// interrupt again.
pub(super) const CLEANUP: Duration = Duration::from_secs(20);

/// Deletes a change set and, if this run created the empty stack for it, that stack too.
///
/// # Errors
///
/// If a call fails.
pub(super) async fn discard(deployment: &Deployment<'_>, change_set: &Requested) -> Result<()> {
    let deleted = delete(deployment, change_set);
    match deployment.interrupt().guard(deleted).await {
        // The change set may be deleted already, and its empty stack not.
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            let again = delete(deployment, change_set);
            Err(after_discarding(deployment, &change_set.change_set_id, again, error).await)
        }
        deleted => deleted,
    }
}

/// Deletes the change set of a run that ends before the change set is executed. Returns the error
/// that ended the run; an interrupt says that nothing is left to clean up.
///
/// `change_set` is a name or an id: it may not be known whether the change set exists.
pub(crate) async fn discard_after(
    deployment: &Deployment<'_>,
    change_set: &str,
    error: Error,
) -> Error {
    let discarded = async {
        match deployment.service().find_change_set(change_set).await? {
            Some(found) => delete(deployment, &found).await,
            None => Ok(()),
        }
    };
    after_discarding(deployment, change_set, discarded, error).await
}

/// Waits until a change set is deleted, and returns the error that ended the run.
async fn after_discarding(
    deployment: &Deployment<'_>,
    change_set: &str,
    discarded: impl Future<Output = Result<()>>,
    error: Error,
) -> Error {
    // A user who wants to stop does not wait for a server that does not answer.
    let discarded = async {
        if error.kind() != ErrorKind::Interrupted {
            return discarded.await;
        }
        let limited = tokio::time::timeout(CLEANUP, discarded).await;
        limited.unwrap_or_else(|_| {
            let seconds = CLEANUP.as_secs();
            let message = format!("no answer for {seconds} seconds");
            Err(Error::new(ErrorKind::Service, message))
        })
    };
    match discarded.await {
        Ok(()) if error.kind() == ErrorKind::Interrupted => {
            error.hint("the stack was not changed, and no change set is left behind")
        }
        Ok(()) => error,
        Err(failed) => {
            // The first error is the one to report.
            deployment.session().presenter().warning(&format!(
                "the change set `{change_set}` could not be deleted: {failed}"
            ));
            error
        }
    }
}

/// Deletes the temporary change sets that killed runs left on the stack. Returns the names of the
/// stack's other change sets besides `ours`.
///
/// Nothing depends on it: if a deletion fails, the next run tries again.
pub(super) async fn prune(deployment: &Deployment<'_>, ours: &Requested) -> Vec<String> {
    let service = deployment.service();
    let Ok(mut listed) = listing::change_sets(service, &ours.stack_id).await else {
        return Vec::new();
    };
    let now = Timestamp::now();
    listed.retain(|set| set.id != ours.change_set_id);
    let (leftovers, others): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|set| is_leftover(set, now));
    for set in leftovers {
        let presenter = deployment.session().presenter();
        match service.delete_change_set(&set.id).await {
            Ok(()) => presenter.detail(&format!(
                "deleted the change set `{}`, which an earlier run left behind",
                set.name
            )),
            Err(error) => presenter.detail(&error.to_string()),
        }
    }
    others.into_iter().map(|set| set.name).collect()
}

async fn delete(deployment: &Deployment<'_>, change_set: &Requested) -> Result<()> {
    let service = deployment.service();
    if deployment.stack().is_some() {
        return service.delete_change_set(&change_set.change_set_id).await;
    }
    // Somebody may have begun to use the new stack in the meantime, so it is read again just before.
    let ((), empty, is_shared) = tokio::try_join!(
        service.delete_change_set(&change_set.change_set_id),
        service.describe_by(&change_set.stack_id),
        listing::has_other_change_sets(service, change_set)
    )?;
    let in_review = empty.is_some_and(|stack| stack.status == StackStatus::ReviewInProgress);
    if in_review && !is_shared {
        let token = temporary_name();
        service
            .delete(
                &change_set.stack_id,
                &token,
                None,
                &DeletionRequest::default(),
            )
            .await?;
    }
    Ok(())
}
