//! A change set from its request to the moment when it is executed or removed.
//!
//! It belongs to the run that made it: whatever ends the run before the change set is executed
//! removes it, and with it the empty shell of a stack that nobody else uses.

use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;

use super::deployment::Deployment;
use super::options::DeployOptions;
use crate::artifact::code_diff::CodeChange;
use crate::aws::stack::{self, ChangeSetRequest, ListedChangeSet, Requested, TemplateSource};
use crate::cli::args::OnFailure;
use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::event::Event;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Operation;
use crate::template::render::INLINE_LIMIT;

/// The prefix of change sets that stackctl makes and removes again.
const TEMPORARY: &str = "stackctl-tmp-";

/// The prefix of change sets that belong to a saved plan.
const SAVED: &str = "stackctl-plan-";

/// After this long, in milliseconds, nobody waits in front of a temporary change set any more.
const ABANDONED_AFTER: i64 = 60 * 60 * 1000;

/// What a change set is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It ends with the command that made it.
    Command,
    /// It stays, for a saved plan.
    SavedPlan,
}

/// A change set that was made for this run.
#[derive(Debug)]
pub(crate) struct PendingChangeSet {
    pub(crate) stack_id: String,
    pub(crate) change_set: ChangeSet,
    /// The stack's newest events before anything is executed.
    pub(crate) earlier_events: Vec<Event>,
    /// What differs in the code of the artifacts.
    pub(crate) code: Vec<CodeChange>,
    /// What becomes of the deployment where it fails.
    pub(crate) on_failure: OnFailure,
    /// The names of the stack's other change sets, which its execution removes.
    pub(crate) others: Vec<String>,
}

impl Deployment<'_> {
    /// Asks for a change set and waits for it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the change set from being made. What was made by then is removed again.
    pub(crate) async fn propose(
        &self,
        purpose: Purpose,
        options: DeployOptions,
    ) -> Result<PendingChangeSet> {
        let name = match purpose {
            Purpose::Command => temporary_name(),
            Purpose::SavedPlan => unique_name(SAVED),
        };
        let made = self.make_change_set(&name, options);
        match self.interrupt.guard(made).await {
            Ok(pending) if options.revert_drift && !pending.change_set.reverts_drift() => {
                let error = Error::refused(
                    "this endpoint makes no drift-aware change sets: it ignored that drift is to be \
                     taken back",
                );
                Err(self.abandon(&name, error).await)
            }
            Ok(pending) if pending.change_set.is_executable() => Ok(pending),
            Ok(pending) if pending.change_set.is_unchanged() => {
                self.discard(&pending).await?;
                Ok(pending)
            }
            Ok(pending) => {
                let change_set = &pending.change_set;
                let failed = change_set.to_error(self.service.name());
                let failed = failed.with_diagnostics(self.check_diagnostics(change_set));
                Err(self.abandon(&name, failed).await)
            }
            Err(error) => {
                let error = self.abandon(&name, error).await;
                Err(match error.kind() {
                    ErrorKind::Service => self.in_the_way(error).await,
                    _ => error,
                })
            }
        }
    }

    /// Executes the change set. Its name is the token by which its events are known.
    ///
    /// # Errors
    ///
    /// Where the service refuses it; the change set is removed then. An answer that is lost is no
    /// failure where the execution has begun.
    pub(crate) async fn begin(&self, pending: &PendingChangeSet) -> Result<()> {
        let set = &pending.change_set;
        let keeps = self.keeps_failures(pending.on_failure);
        let Err(error) = self.service.execute(&set.id, &set.name, keeps).await else {
            return Ok(());
        };
        if self.has_begun(pending).await {
            return Ok(());
        }
        let error = self.in_the_way(error).await;
        let gone = matches!(self.service.find_change_set(&set.id).await, Ok(None));
        // A saved plan can still be applied once what is in the way has ended.
        let error = if set.name.starts_with(TEMPORARY) {
            self.abandon(&set.id, error).await
        } else {
            error
        };
        if gone && error.kind() == ErrorKind::Service {
            // Executing one change set removes the others of its stack.
            return Err(Error::refused(format!(
                "not applied: the stack `{}` was changed in the meantime, and the change set is gone",
                self.service.name()
            ))
            .caused_by(error)
            .hint(format!(
                "plan again: `{}`",
                self.session.command("apply")
            )));
        }
        Err(error)
    }

    /// Returns whether the execution of a change set has begun, though the answer to it was an error: the
    /// request was repeated, or only its answer was lost.
    async fn has_begun(&self, pending: &PendingChangeSet) -> bool {
        let set = &pending.change_set;
        let (events, listed) = tokio::join!(
            self.service.latest_events(&pending.stack_id),
            self.service.change_sets(&pending.stack_id)
        );
        let is_ours = |event: &Event| event.token.as_deref() == Some(&set.name);
        let is_executing = |listed: &ListedChangeSet| {
            listed.id == set.id && listed.execution_status.starts_with("EXECUTE_")
        };
        events.is_ok_and(|events| events.iter().any(is_ours))
            || listed.is_ok_and(|sets| sets.iter().any(is_executing))
    }

    /// Removes the change set of a run that ends before it is executed, and returns why it ends. An
    /// interrupt says that there is nothing to clean up.
    pub(crate) async fn abandon(&self, change_set: &str, why: Error) -> Error {
        match self.discard_by_name(change_set).await {
            Ok(()) if why.kind() == ErrorKind::Interrupted => {
                why.hint("the stack was not changed, and no change set is left behind")
            }
            Ok(()) => why,
            Err(error) => {
                // The first error is the one to report.
                self.session.presenter().warning(&format!(
                    "the change set `{change_set}` could not be removed: {error}"
                ));
                why
            }
        }
    }

    async fn make_change_set(
        &self,
        name: &str,
        options: DeployOptions,
    ) -> Result<PendingChangeSet> {
        let body = &self.build.body;
        let template = if body.len() > INLINE_LIMIT {
            let store = self.store();
            store
                .ensure_bucket(|said| self.session.presenter().note(said))
                .await?;
            let project = &self.session.settings.project;
            TemplateSource::Url(store.store_template(project, body).await?)
        } else {
            TemplateSource::Body(body.clone())
        };
        let purpose = match self.operation() {
            Operation::Create => stack::Purpose::Create {
                deletes_on_failure: options.on_failure() == OnFailure::Delete,
            },
            Operation::Update => stack::Purpose::Update,
        };
        let request = ChangeSetRequest {
            name,
            purpose,
            imports_existing: options.import_existing,
            reverts_drift: options.revert_drift,
            includes_nested: self.build.template.has_nested_stacks(),
            template,
            parameters: &self.build.parameters,
            tags: &self.session.settings.tags,
            capabilities: &self.build.capabilities,
            settings: &self.session.settings.stack,
        };
        let proposed = async {
            let requested = self.service.create_change_set(&request).await?;
            let prune = async { Ok(self.prune(&requested).await) };
            let (change_set, earlier_events, others) = tokio::try_join!(
                self.read_change_set(&requested.change_set_id),
                self.service.latest_events(&requested.stack_id),
                prune
            )?;
            Ok((requested.stack_id, change_set, earlier_events, others))
        };
        let code = async { Ok(self.compare_code().await) };
        let ((stack_id, change_set, earlier_events, others), code) =
            tokio::try_join!(proposed, code)?;
        Ok(PendingChangeSet {
            stack_id,
            change_set,
            earlier_events,
            code,
            on_failure: options.on_failure(),
            others,
        })
    }

    /// Removes the temporary change sets that a run which was killed left on the stack. Returns the
    /// names of the others beside ours.
    ///
    /// Nothing depends on it: where it may not be done, the next run tries again.
    async fn prune(&self, ours: &Requested) -> Vec<String> {
        let Ok(mut listed) = self.service.change_sets(&ours.stack_id).await else {
            return Vec::new();
        };
        let now = Timestamp::now();
        listed.retain(|set| set.id != ours.change_set_id);
        let (abandoned, others): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|set| is_abandoned(set, now));
        for set in abandoned {
            let presenter = self.session.presenter();
            match self.service.delete_change_set(&set.id).await {
                Ok(()) => presenter.detail(&format!(
                    "removed the change set `{}`, which an earlier run left behind",
                    set.name
                )),
                Err(error) => presenter.detail(&error.to_string()),
            }
        }
        others.into_iter().map(|set| set.name).collect()
    }

    /// Removes the change set of this run and, where this run made the stack's empty shell, that too.
    pub(crate) async fn discard(&self, pending: &PendingChangeSet) -> Result<()> {
        self.remove(&Requested {
            change_set_id: pending.change_set.id.clone(),
            stack_id: pending.stack_id.clone(),
        })
        .await
    }

    /// As [`discard`](Self::discard), where it is not known whether there is a change set already.
    async fn discard_by_name(&self, change_set: &str) -> Result<()> {
        match self.service.find_change_set(change_set).await? {
            Some(found) => self.remove(&found).await,
            None => Ok(()),
        }
    }

    async fn remove(&self, made: &Requested) -> Result<()> {
        let service = &self.service;
        if self.stack.is_some() {
            return service.delete_change_set(&made.change_set_id).await;
        }
        // Somebody may have begun to use the new stack in the meantime: look again, just before.
        let ((), shell, is_shared) = tokio::try_join!(
            service.delete_change_set(&made.change_set_id),
            service.describe_by(&made.stack_id),
            service.has_other_change_sets(made)
        )?;
        let in_review = shell.is_some_and(|shell| shell.status == StackStatus::ReviewInProgress);
        if in_review && !is_shared {
            let token = temporary_name();
            service.delete(&made.stack_id, &token, None, &[]).await?;
        }
        Ok(())
    }
}

/// Returns whether a change set is a temporary one that its run did not live to remove.
pub(crate) fn is_abandoned(set: &ListedChangeSet, now: Timestamp) -> bool {
    let is_old = set.created.is_some_and(|created| {
        now.as_millisecond()
            .saturating_sub(created.as_millisecond())
            > ABANDONED_AFTER
    });
    let is_executing = set.execution_status.starts_with("EXECUTE_");
    set.name.starts_with(TEMPORARY) && is_old && !is_executing
}

/// Returns a name that no other run uses; it also serves as a client request token.
pub(crate) fn temporary_name() -> String {
    unique_name(TEMPORARY)
}

/// Returns a name with this prefix that no other run uses.
pub(crate) fn unique_name(prefix: &str) -> String {
    // The standard hasher's keys are random: enough to tell two runs of one millisecond apart.
    let random = RandomState::new().hash_one(std::process::id());
    format!(
        "{prefix}{}-{random:016x}",
        Timestamp::now().as_millisecond()
    )
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{ListedChangeSet, is_abandoned};

    #[test]
    fn only_old_temporary_change_sets_that_are_not_executed_count_as_abandoned() {
        let now = Timestamp::UNIX_EPOCH;
        let cases = [
            ("stackctl-tmp-1", Some(61), "AVAILABLE", true),
            ("stackctl-tmp-1", Some(61), "UNAVAILABLE", true),
            ("stackctl-tmp-1", Some(61), "EXECUTE_IN_PROGRESS", false),
            ("stackctl-tmp-1", Some(59), "AVAILABLE", false),
            ("stackctl-tmp-1", None, "AVAILABLE", false),
            ("stackctl-plan-1", Some(6000), "AVAILABLE", false),
            ("release-42", Some(6000), "AVAILABLE", false),
        ];
        for (name, minutes, execution_status, expected) in cases {
            let set = ListedChangeSet {
                id: String::new(),
                name: name.to_owned(),
                created: minutes.map(|minutes| now - SignedDuration::from_mins(minutes)),
                execution_status: execution_status.to_owned(),
            };
            assert_eq!(is_abandoned(&set, now), expected, "{set:?}");
        }
    }
}
