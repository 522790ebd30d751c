//! Which events of an operation are shown.

use clap::ValueEnum;

use crate::cloudformation::diagnosis::{Role, role};
use crate::cloudformation::event::Event;

/// Which events of an operation are shown while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum EventFilter {
    /// None
    None,
    /// What fails, without what only follows from another failure
    Errors,
    /// All
    #[default]
    All,
}

impl EventFilter {
    /// Returns whether an event is shown.
    pub fn includes(self, event: &Event) -> bool {
        match self {
            Self::None => false,
            Self::Errors => matches!(
                role(event),
                Role::Root | Role::Explanation | Role::Unexplained | Role::UserInitiated
            ),
            Self::All => true,
        }
    }
}
