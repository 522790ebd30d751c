//! The choice of the events that are shown.

use clap::ValueEnum;

use crate::cloudformation::diagnosis::{Role, role};
use crate::cloudformation::event::Event;

/// The events that are shown while an operation runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum EventFilter {
    /// No events
    None,
    /// Failures, except those caused by another failure
    Errors,
    /// All events
    #[default]
    All,
}

impl EventFilter {
    /// Returns whether the event is shown.
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
