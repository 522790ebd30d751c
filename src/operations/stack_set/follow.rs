//! Following an operation of a stack set to its end, target by target.
//!
//! The operation is CloudFormation's, so ending this process does not end it. On a terminal, Ctrl-C asks
//! whether to leave it running or to stop it.

use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::{Instant, sleep};

use super::access::Access;
use crate::aws::{Backoff, is_final};
use crate::cloudformation::stack_set::Target;
use crate::cloudformation::stack_set::operation::{
    EndedOperation, OperationStatus, ResultStatus, SetOperation, TargetResult,
};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::follow::interrupt_prompt::{
    can_ask, chooses_to_leave, question_for_several,
};
use crate::operations::follow::limited;
use crate::present::event_filter::EventFilter;
use crate::present::human;
use crate::util::interrupt::Decision;

/// How many polls may fail in a row before polling stops. The SDK makes several attempts in each, and the
/// pauses between them grow.
const PATIENCE: u32 = 30;

/// How long the results of an operation that has ended may be older than its end.
const LATE: Duration = Duration::from_secs(15);

/// An operation that is followed.
#[derive(Debug)]
pub(super) struct Following<'a, 'b> {
    access: &'b Access<'a>,
    id: &'b str,
    filter: EventFilter,
    /// The command line that follows the operation again.
    resume: &'b str,
    begun: Instant,
    seen: IndexMap<Target, ResultStatus>,
}

impl<'a, 'b> Following<'a, 'b> {
    /// Returns the operation with this id, from now on.
    pub(super) fn new(
        access: &'b Access<'a>,
        id: &'b str,
        filter: EventFilter,
        resume: &'b str,
    ) -> Self {
        Self {
            access,
            id,
            filter,
            resume,
            begun: Instant::now(),
            seen: IndexMap::new(),
        }
    }

    /// Follows the operation to its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`], with the command that follows the operation, if the user leaves it
    /// running; if it cannot be read for a long time.
    pub(super) async fn until_ended(mut self) -> Result<EndedOperation> {
        let access = self.access;
        let _running = access.interrupt.follow(access.name());
        access.interrupt.resume_with(self.hints());
        let ended = loop {
            let polled = limited(access.session, &access.interrupt, self.poll()).await;
            let presenter = access.session.presenter();
            presenter.clear_progress();
            match polled {
                Err(error) if can_ask(access.session, &access.interrupt, &error) => {
                    if let Err(error) = self.leave_or_stop().await {
                        break Err(error);
                    }
                }
                Err(error) => break Err(self.still_running(error)),
                Ok(ended) => break Ok(ended),
            }
        };
        access.interrupt.resume_with(Vec::new());
        ended
    }

    async fn poll(&mut self) -> Result<EndedOperation> {
        let service = &self.access.service;
        let mut backoff = Backoff::polling(&self.access.connection);
        let mut failures = 0;
        loop {
            let read =
                async { tokio::try_join!(service.operation(self.id), service.results(self.id)) };
            match read.await {
                Ok((Some(operation), results)) => {
                    failures = 0;
                    if self.show(&operation, &results) {
                        backoff.quicken();
                    }
                    if operation.status.is_terminal() {
                        return self.complete(operation, results).await;
                    }
                }
                // A new operation may not be found for some time.
                Ok((None, _)) if failures >= PATIENCE => return Err(self.vanished()),
                Ok((None, _)) => failures += 1,
                Err(error) if failures >= PATIENCE || is_final(&error) => return Err(error),
                Err(error) => {
                    failures += 1;
                    backoff.ease();
                    let presenter = self.access.session.presenter();
                    presenter.progress(&format!("{error}: trying again"));
                }
            }
            backoff.pause().await;
        }
    }

    /// Reads the results again if they are older than the end of the operation.
    async fn complete(
        &mut self,
        operation: SetOperation,
        mut results: Vec<TargetResult>,
    ) -> Result<EndedOperation> {
        let deadline = Instant::now() + LATE;
        loop {
            let mut statuses = results.iter().map(|it| &it.status);
            let is_late =
                statuses.any(|it| matches!(it, ResultStatus::Pending | ResultStatus::Running));
            if !is_late || Instant::now() >= deadline {
                return Ok(EndedOperation { operation, results });
            }
            sleep(Duration::from_secs(1)).await;
            // One failed call decides nothing.
            if let Ok(read) = self.access.service.results(self.id).await {
                self.show(&operation, &read);
                results = read;
            }
        }
    }

    /// Prints what is new. Returns whether something is.
    fn show(&mut self, operation: &SetOperation, results: &[TargetResult]) -> bool {
        let presenter = self.access.session.presenter();
        let elapsed = self.begun.elapsed();
        let mut is_new = false;
        for result in results {
            let known = self.seen.get(&result.target);
            if known == Some(&result.status) {
                continue;
            }
            self.seen
                .insert(result.target.clone(), result.status.clone());
            is_new = true;
            let is_failure = result.status == ResultStatus::Failed;
            let is_shown = match self.filter {
                EventFilter::None => false,
                EventFilter::Errors => is_failure,
                EventFilter::All => result.status != ResultStatus::Pending,
            };
            if is_shown {
                presenter.note(&human::stack_set::result(result, elapsed));
            }
        }
        let done = self.seen.values();
        let done = done
            .filter(|it| !matches!(it, ResultStatus::Pending | ResultStatus::Running))
            .count();
        presenter.progress(&format!(
            "{} {done}/{} targets · {}",
            operation.status,
            self.seen.len(),
            human::clock(elapsed)
        ));
        is_new
    }

    /// Asks whether to leave the operation running, which is an error, or to stop it, and then stops it. If
    /// other operations run, the answer is for all of them. A second Ctrl-C during the question ends the
    /// process.
    async fn leave_or_stop(&self) -> Result<()> {
        let access = self.access;
        let presenter = access.session.presenter();
        let resets = access.interrupt.resets();
        let decide = access.interrupt.decide(resets, async |running| {
            let presenter = presenter.of_all();
            let (question, other) = if running.len() > 1 {
                (question_for_several(running), "cancel")
            } else {
                let place = access.place();
                let question = format!(
                    "\nLeave the operation on {place} running, or stop it? If it is stopped, the targets \
                     that it has not begun stay as they are."
                );
                (question, "stop")
            };
            presenter.note(&question);
            Ok(if chooses_to_leave(&presenter, other, self.resume).await? {
                Decision::Leave
            } else {
                Decision::Cancel
            })
        });
        if decide.await? == Decision::Leave {
            let left = Error::new(ErrorKind::Interrupted, "left running");
            return Err(self.still_running(left));
        }
        let now = access.service.operation(self.id).await;
        let is_over = now
            .as_ref()
            .is_ok_and(|it| it.as_ref().is_some_and(|it| it.status.is_terminal()));
        if is_over {
            presenter.note("Not stopped: the operation has ended in the meantime.");
            return Ok(());
        }
        let stopped = access.service.stop(self.id).await;
        stopped.map_err(|error| self.still_running(error))
    }

    /// Adds how to see an operation that this run no longer follows.
    fn still_running(&self, error: Error) -> Error {
        self.hints().into_iter().fold(error, Error::hint)
    }

    fn hints(&self) -> Vec<String> {
        vec![
            format!("the operation `{}` continues", self.id),
            format!(
                "`{}` follows it to its end and continues from there",
                self.resume
            ),
        ]
    }

    fn vanished(&self) -> Error {
        let (id, name) = (self.id, self.access.name());
        let message = format!(
            "the outcome of the operation `{id}` is unknown: the stack set `{name}` has no such operation"
        );
        Error::new(ErrorKind::Service, message)
    }
}

/// Returns whether an operation ended because it was stopped.
pub(super) fn is_stopped(ended: &EndedOperation) -> bool {
    ended.operation.status == OperationStatus::Stopped
}
