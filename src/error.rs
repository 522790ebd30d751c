//! The one error type of the program.
//!
//! An [`Error`] has a kind, which decides the exit code; a message in lower case; optionally the
//! places in a text that it is about; the error that caused it; and hints, each with something to
//! run or to change. The presenter prints it as `error: …`, the chain of causes, then `hint: …`.

use std::error::Error as StdError;
use std::fmt;

use crate::diagnostic::{Diagnostic, capped};

/// Shorthand for a result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in broad terms. It decides the exit code and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line cannot be understood.
    Usage,
    /// The manifest, the template, an artifact or another input is wrong.
    Input,
    /// AWS, the network or the emulator answered with an error, or not at all.
    Service,
    /// The operating system refused something: a file, a process, a port.
    System,
    /// The deployment failed and what it did could not be, or was not, rolled back.
    Deployment,
    /// The deployment failed and was rolled back: the stack is as it was before.
    RolledBack,
    /// stackctl refused to go on: a guard, a stale plan, a declined prompt, a wrong account.
    Refused,
    /// The user interrupted the command.
    Interrupted,
}

impl ErrorKind {
    /// Returns the process exit code for an error of this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Input | Self::Service | Self::System | Self::Deployment => 1,
            Self::RolledBack => 3,
            Self::Refused => 4,
            Self::Usage => 64,
            Self::Interrupted => 130,
        }
    }
}

/// An error with everything that a user needs to get on.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    diagnostics: Vec<Diagnostic>,
    hints: Vec<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Returns an error of `kind`. The message is a lower-case fragment without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            diagnostics: Vec::new(),
            hints: Vec::new(),
            source: None,
        }))
    }

    /// Returns an error of kind [`ErrorKind::Input`].
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// Returns an error of kind [`ErrorKind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// Returns an error of kind [`ErrorKind::System`] with its cause.
    pub fn system(
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::new(ErrorKind::System, message).caused_by(source)
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Returns an error of the same kind with this message, caused by this error, with its hints.
    #[must_use]
    pub fn within(self, message: impl Into<String>) -> Self {
        let hints = self.hints().to_vec();
        let error = Self::new(self.kind(), message).caused_by(self);
        hints.into_iter().fold(error, Self::hint)
    }

    /// Adds a hint: a command to run or a key to change, without the word "hint".
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds the places in a text that this error is about. They are shown before the error itself; of
    /// very many, only the first.
    #[must_use]
    pub fn with_diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.0.diagnostics = capped(diagnostics);
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the places in a text that this error is about.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// Returns the hints, in the order in which they were added.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// Returns the messages of all causes, from the outermost.
    pub fn causes(&self) -> impl Iterator<Item = String> {
        let causes = std::iter::successors(self.source(), |&cause| cause.source());
        causes.map(ToString::to_string)
    }

    /// Returns the message and those of all causes, separated by colons.
    pub fn in_one_line(&self) -> String {
        let message = std::iter::once(self.to_string());
        message.chain(self.causes()).collect::<Vec<_>>().join(": ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("hints", &self.0.hints)
            .field("diagnostics", &self.0.diagnostics.len())
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
