//! Ctrl-C and SIGTERM.
//!
//! The first one asks the running command to end in an orderly way: what it made and nobody needs
//! is removed, what CloudFormation is doing goes on. The second ends the process at once.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::present;

/// The user's wish to stop, which every wait of a command looks out for.
#[derive(Debug, Clone)]
pub struct Interrupt {
    token: CancellationToken,
    resume: Arc<Mutex<Option<String>>>,
}

impl Interrupt {
    /// Starts to listen, on the running asynchronous runtime.
    ///
    /// # Errors
    ///
    /// Where the operating system refuses a signal handler.
    pub fn listen() -> Result<Self> {
        let mut signals =
            Signals::new().map_err(|error| Error::system("cannot listen for Ctrl-C", error))?;
        let interrupt = Self {
            token: CancellationToken::new(),
            resume: Arc::default(),
        };
        let listener = interrupt.clone();
        tokio::spawn(async move {
            signals.next().await;
            listener.token.cancel();
            signals.next().await;
            present::exit_interrupted(listener.resume().as_deref());
        });
        Ok(interrupt)
    }

    /// Keeps the command that goes on with what runs now, for those who end the process at once.
    pub fn resume_with(&self, command: impl Into<String>) {
        *self.resume.lock().unwrap_or_else(PoisonError::into_inner) = Some(command.into());
    }

    fn resume(&self) -> Option<String> {
        self.resume
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for `work`, or for the user to stop it.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`ErrorKind::Interrupted`] where the user was first.
    pub async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.token.cancelled() => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
            done = work => done,
        }
    }
}

/// The signals that ask a process to end.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        // Without a handler there is nothing to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
