//! Requesting an operation of a stack set once, and following it to its end.
//!
//! The id of the operation is stored before the request is sent. So a run that was killed finds its
//! operation again, and a request that is repeated has no effect. An operation that has ended is forgotten:
//! another attempt has another id.

use std::path::PathBuf;

use super::access::Access;
use super::follow::Following;
use super::running;
use crate::artifact::digest::Digest;
use crate::aws::Backoff;
use crate::aws::stack_set::{self, Request, Sent};
use crate::cloudformation::stack_set::operation::EndedOperation;
use crate::config::cache;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::unique_name;
use crate::plan::operation_record::{Record as _, SetOperationRecord};
use crate::present::event_filter::EventFilter;
use crate::present::human;

/// The prefix of the ids of this program's operations.
const PREFIX: &str = "stackctl-";

/// How often a request whose answer was lost is sent.
const ATTEMPTS: u32 = 4;

/// How long an operation whose request may have arrived takes to be found, in polls.
const LATE: u32 = 5;

/// An operation that an earlier run has requested.
#[derive(Debug)]
pub(super) enum Earlier {
    /// There is none, or its request never arrived.
    Nothing,
    /// It is running, and has this id.
    Running(String),
    /// It has ended, so that what was read before may be old.
    Ended,
}

/// The operations of one stack set.
#[derive(Debug)]
pub(super) struct Operations<'a, 'b> {
    access: &'b Access<'a>,
    /// The stack set's id.
    set_id: &'b str,
    filter: EventFilter,
    /// The command line that continues from an operation that is running.
    resume: &'b str,
    cache: Option<PathBuf>,
}

impl<'a, 'b> Operations<'a, 'b> {
    /// Returns the operations of the stack set with this id.
    ///
    /// # Errors
    ///
    /// If the cache folder belongs to another user.
    pub(super) fn new(
        access: &'b Access<'a>,
        set_id: &'b str,
        filter: EventFilter,
        resume: &'b str,
    ) -> Result<Self> {
        let cache = cache::root(access.session.context().ambient())?;
        Ok(Self {
            access,
            set_id,
            filter,
            resume,
            cache,
        })
    }

    /// Requests an operation and follows it to its end.
    ///
    /// # Errors
    ///
    /// If the service refuses the request; refused if another operation is running; those of
    /// [`Following::until_ended`].
    pub(super) async fn run(&self, request: &Request<'_>) -> Result<EndedOperation> {
        let id = self.begin(request).await?;
        self.follow(&id).await
    }

    /// Follows an operation to its end, prints how it ended, and forgets it.
    ///
    /// # Errors
    ///
    /// Those of [`Following::until_ended`].
    pub(super) async fn follow(&self, id: &str) -> Result<EndedOperation> {
        let following = Following::new(self.access, id, self.filter, self.resume);
        let ended = following.until_ended().await?;
        self.forget();
        let presenter = self.access.session.presenter();
        presenter.note(&human::stack_set::ended(&ended));
        Ok(ended)
    }

    /// [Follows](Self::follow) an operation that an earlier run has requested, and prints that it does.
    ///
    /// # Errors
    ///
    /// Those of [`follow`](Self::follow).
    pub(super) async fn follow_earlier(&self, id: &str) -> Result<EndedOperation> {
        self.access.session.presenter().note(&format!(
            "Following the operation `{id}`, which an earlier run has begun:\n"
        ));
        self.follow(id).await
    }

    /// Returns the operation that an earlier run has requested. One that has ended is forgotten.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(super) async fn earlier(&self) -> Result<Earlier> {
        let Some(record) = self.record() else {
            return Ok(Earlier::Nothing);
        };
        let operation = self.access.service.operation(&record.operation_id);
        match self.access.interrupt.guard(operation).await? {
            Some(operation) if operation.status.is_terminal() => {
                self.forget();
                Ok(Earlier::Ended)
            }
            Some(operation) => Ok(Earlier::Running(operation.id)),
            // The request may never have arrived. The next one like it has the same id.
            None => Ok(Earlier::Nothing),
        }
    }

    /// Requests an operation and returns its id.
    async fn begin(&self, request: &Request<'_>) -> Result<String> {
        let digest = Digest::of(format!("{request:?}")).to_string();
        let earlier = self.record().filter(|it| it.request == digest);
        let id = earlier.map_or_else(|| unique_name(PREFIX), |it| it.operation_id);
        self.remember(&id, &digest)?;
        let (service, settings) = (&self.access.service, self.access.settings);
        let mut backoff = Backoff::polling(&self.access.connection);
        for attempt in 1.. {
            let sent = stack_set::request(service, request, settings, &id);
            let sent = self.access.interrupt.guard(sent).await;
            match sent {
                Ok(Sent::Accepted(answered)) => {
                    if answered != id {
                        self.remember(&answered, &digest)?;
                    }
                    return Ok(answered);
                }
                Ok(Sent::Known) => return Ok(id),
                Ok(Sent::Busy(error)) => {
                    if service.operation(&id).await?.is_some() {
                        return Ok(id);
                    }
                    self.forget();
                    return Err(running::refusal(self.access, error).await);
                }
                Ok(Sent::Lost(error)) => {
                    if self.has_arrived(&id).await {
                        return Ok(id);
                    }
                    if attempt == ATTEMPTS {
                        return Err(self.unknown(error));
                    }
                    backoff.ease();
                    backoff.pause().await;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    return Err(self.unknown(error));
                }
                Err(error) => {
                    self.forget();
                    return Err(error);
                }
            }
        }
        Ok(id)
    }

    /// Adds that the request may have arrived, and what finds that out.
    fn unknown(&self, error: Error) -> Error {
        error.hint(format!(
            "whether the operation has begun is unknown: `{}` looks again, and requests nothing twice",
            self.resume
        ))
    }

    /// Returns whether an operation exists. One that was requested just now may not be found for some time.
    async fn has_arrived(&self, id: &str) -> bool {
        let mut backoff = Backoff::polling(&self.access.connection);
        for _ in 0..LATE {
            if let Ok(Some(_)) = self.access.service.operation(id).await {
                return true;
            }
            backoff.pause().await;
        }
        false
    }

    fn record(&self) -> Option<SetOperationRecord> {
        SetOperationRecord::find(self.cache.as_ref()?, self.set_id)
    }

    fn remember(&self, id: &str, digest: &str) -> Result<()> {
        let Some(cache) = &self.cache else {
            return Ok(());
        };
        let record = SetOperationRecord {
            stack_set_id: self.set_id.to_owned(),
            operation_id: id.to_owned(),
            request: digest.to_owned(),
        };
        record.store(cache)
    }

    fn forget(&self) {
        if let Some(cache) = &self.cache {
            SetOperationRecord::remove(cache, self.set_id);
        }
    }
}
