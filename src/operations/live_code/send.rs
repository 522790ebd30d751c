//! Sending new code to one function, and waiting until the function runs it.
//!
//! The revision that was read with the code is sent along, so that the code of another writer is never
//! overwritten. The revision also changes with the configuration of a function; so if only that has
//! changed, the request is sent again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::aws::functions::{CodeUpdate, Functions, NewCode};
use crate::aws::{Backoff, is_final};
use crate::cloudformation::function::{LiveCode, Update};
use crate::error::{Error, ErrorKind, Result};

/// How long an update of a function may take. Lambda itself gives up after ten minutes at most.
const PATIENCE: Duration = Duration::from_mins(11);

/// How often a request is sent if the revision of the function keeps changing.
const ATTEMPTS: usize = 10;

/// New code for a function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sending<'a> {
    /// The service.
    pub(crate) functions: &'a Functions,
    /// The name of the function.
    pub(crate) name: &'a str,
    /// What the function runs, as far as this run knows.
    pub(crate) known: &'a LiveCode,
    /// The new code.
    pub(crate) code: NewCode<'a>,
    /// The SHA-256 of the new code in Base64.
    pub(crate) sha256: &'a str,
    /// How many functions get new code at the same time.
    pub(crate) at_once: usize,
}

impl Sending<'_> {
    /// Sends the code and waits until the function runs it. Returns what Lambda reports then.
    ///
    /// # Errors
    ///
    /// If another writer has changed the code in the meantime: nothing is overwritten. If Lambda refuses
    /// the code or does not manage to update the function, with its reason.
    pub(crate) async fn send(self) -> Result<LiveCode> {
        let deadline = Instant::now() + PATIENCE;
        let mut revision = self.known.revision.clone();
        for _ in 0..ATTEMPTS {
            let sent = self.functions;
            let sent = sent.update_code(self.name, self.code, revision.as_deref());
            let now = match sent.await {
                Ok(CodeUpdate::Accepted(code)) => {
                    if !matches!(code.update, Update::Failed(_)) {
                        self.check(&code)?;
                    }
                    return self.ended(Some(code), deadline).await;
                }
                Ok(CodeUpdate::OtherRevision | CodeUpdate::Busy) => {
                    self.idle(None, deadline).await?
                }
                Err(error) if is_final(&error) => return Err(error),
                // Only the answer may be lost.
                Err(error) => match self.idle(None, deadline).await {
                    Ok(now) if now.sha256 == self.sha256 => now,
                    _ => return Err(error),
                },
            };
            if now.sha256 == self.sha256 {
                return self.ended(Some(now), deadline).await;
            }
            if now.sha256 != self.known.sha256 {
                return Err(self.conflict(&now));
            }
            revision = now.revision;
        }
        let message = format!(
            "the function `{}` is being updated again and again",
            self.name
        );
        Err(Error::new(ErrorKind::Service, message))
    }

    /// Waits until the update to the new code has ended.
    async fn ended(self, code: Option<LiveCode>, deadline: Instant) -> Result<LiveCode> {
        let code = self.idle(code, deadline).await?;
        if let Update::Failed(reason) = &code.update {
            let reason = reason.as_deref().unwrap_or("Lambda gives no reason");
            let message = format!(
                "the function `{}` could not be updated: {reason}",
                self.name
            );
            return Err(Error::new(ErrorKind::Deployment, message));
        }
        if code.sha256 == self.sha256 {
            return Ok(code);
        }
        Err(self.conflict(&code))
    }

    /// Waits until no update of the function is running. `code` is what was read just now.
    async fn idle(self, code: Option<LiveCode>, deadline: Instant) -> Result<LiveCode> {
        let mut backoff = Backoff::short();
        let mut code = match code {
            Some(code) => code,
            None => self.read().await?,
        };
        let mut is_first = true;
        while code.update == Update::Running {
            if Instant::now() >= deadline {
                let message = format!("the function `{}` is still being updated", self.name);
                return Err(Error::new(ErrorKind::Service, message));
            }
            if !is_first {
                backoff.pause().await;
                // All functions together are read ten times a second at most.
                sleep(Duration::from_millis(100) * self.others()).await;
            }
            is_first = false;
            code = self.read().await?;
        }
        Ok(code)
    }

    /// Returns how many other functions get new code at the same time.
    fn others(self) -> u32 {
        u32::try_from(self.at_once.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    async fn read(self) -> Result<LiveCode> {
        let code = self.functions.live_code(self.name).await?;
        code.ok_or_else(|| {
            let message = format!(
                "whether the function `{}` runs the new code is not known: the caller lacks \
                 `lambda:GetFunctionConfiguration`",
                self.name
            );
            Error::new(ErrorKind::Service, message)
        })
    }

    /// Checks that Lambda has received what was sent.
    fn check(self, code: &LiveCode) -> Result<()> {
        if code.sha256 == self.sha256 {
            return Ok(());
        }
        let message = format!(
            "the function `{}` got other code than was sent: Lambda reports CodeSha256 {}, and the \
             artifact is {}",
            self.name, code.sha256, self.sha256
        );
        Err(Error::new(ErrorKind::Service, message))
    }

    /// Returns the error that somebody else has changed the code.
    fn conflict(self, now: &LiveCode) -> Error {
        Error::refused(format!(
            "somebody else has changed the code of the function `{}`: it runs CodeSha256 {}, and ran {} \
             before; nothing was overwritten",
            self.name, now.sha256, self.known.sha256
        ))
    }
}
