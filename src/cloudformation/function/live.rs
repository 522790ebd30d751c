//! The code of a function, as Lambda reports it.

use std::fmt;

/// What Lambda reports about the code of a function (`GetFunctionConfiguration`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveCode {
    /// The SHA-256 of the zip in Base64 (`CodeSha256`).
    pub sha256: String,
    /// The number of the function's configuration and code (`RevisionId`), which changes with each update.
    pub revision: Option<String>,
    /// Whether the code is a container image (`PackageType`).
    pub is_image: bool,
    /// Whether the code is signed (`SigningJobArn`, `SigningProfileVersionArn`).
    pub is_signed: bool,
    /// How the last update of the function went.
    pub update: Update,
}

/// How the last update of a function went (`LastUpdateStatus`; also the creation, `State`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Update {
    /// It has ended, or the service does not say.
    #[default]
    Done,
    /// It is running.
    Running,
    /// It failed, with the reason.
    Failed(Option<String>),
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "the update has ended",
            Self::Running => "the update is running",
            Self::Failed(_) => "the update failed",
        })?;
        match self {
            Self::Failed(Some(reason)) => write!(f, ": {reason}"),
            _ => Ok(()),
        }
    }
}

/// A function of a stack with its live code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveFunction {
    /// The physical id: its name.
    pub name: String,
    /// The code; `None` if it could not be read.
    pub code: Option<LiveCode>,
}
