//! How far a command is with one of several stacks, and how it ended there.

use super::style::{ADD, BOLD, CHANGE, DIM, REMOVE, Style, WARNING};
use crate::error::ErrorKind;

/// How far a command is with one of several stacks, and how it ended there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StackState {
    /// It has not begun yet.
    #[default]
    Waiting,
    /// It has begun and has not ended.
    Running,
    /// It is done.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// There are differences, and the command line asked for an exit code that says so.
    Differs,
    /// It failed.
    Failed,
    /// The deployment failed and was rolled back.
    RolledBack,
    /// It was refused: a guard, a declined question, a wrong account.
    Refused,
    /// It never began, because a stack that comes first did not end well.
    NotBegun,
    /// The user interrupted it.
    Interrupted,
}

impl StackState {
    /// Returns how a command ended that looks for differences. `is_asked` tells whether the command line
    /// asked for an exit code that says whether there are some.
    pub const fn of_differences(differs: bool, is_asked: bool) -> Self {
        match (differs, is_asked) {
            (false, _) => Self::Unchanged,
            (true, true) => Self::Differs,
            (true, false) => Self::Done,
        }
    }

    /// Returns how a command ended that failed with an error of this kind.
    pub fn of_error(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::RolledBack => Self::RolledBack,
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Interrupted => Self::Interrupted,
            ErrorKind::Usage
            | ErrorKind::Input
            | ErrorKind::Service
            | ErrorKind::System
            | ErrorKind::Deployment => Self::Failed,
        }
    }

    /// Returns the word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Differs => "differs",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
            Self::Refused => "refused",
            Self::NotBegun => "not begun",
            Self::Interrupted => "interrupted",
        }
    }

    /// Returns whether nothing more happens to the stack in this run.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    /// Returns whether the stack needs somebody's attention.
    pub const fn is_bad(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::RolledBack | Self::Refused | Self::NotBegun | Self::Interrupted
        )
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Waiting | Self::Unchanged => DIM,
            Self::Running => BOLD,
            Self::Done => ADD,
            Self::Differs => CHANGE,
            Self::Failed | Self::RolledBack => REMOVE,
            Self::Refused | Self::NotBegun | Self::Interrupted => WARNING,
        }
    }
}
