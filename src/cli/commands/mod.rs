//! The commands: one file each, its arguments next to its one function. No command uses another, except that
//! the steps of `ci` are `plan` and `apply`.

pub mod apply;
pub mod cancel;
pub mod completions;
pub mod config;
pub mod destroy;
pub mod diff;
pub mod doctor;
pub mod drift;
pub mod events;
pub mod gc;
pub mod graph;
pub mod history;
pub mod iam_policy;
pub mod import;
pub mod init;
pub mod local;
pub mod logs;
pub mod man;
pub mod orphan;
pub mod outputs;
pub mod package;
pub mod plan;
pub mod recover;
pub mod refactor;
pub mod render;
pub mod rollback;
pub mod schema;
pub mod ssh;
pub mod status;
pub mod validate;
pub mod verify;
pub mod version;
pub mod watch;

use crate::operations::context::Context;

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// There are differences, and the command line asked for an exit code that says so.
    Differences,
    /// With this code: that of a program that took over the terminal, or 1 if a check failed.
    Code(u8),
}

impl Exit {
    /// Returns how a command ended that looks for differences. `is_asked` tells whether the command line
    /// asked for an exit code that says whether there are some.
    pub const fn of_differences(differs: bool, is_asked: bool) -> Self {
        if differs && is_asked {
            Self::Differences
        } else {
            Self::Done
        }
    }

    /// Returns the process exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Differences => 2,
            Self::Code(code) => code,
        }
    }
}
