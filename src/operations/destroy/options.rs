//! What the command line asks of a deletion.

use crate::present::event_filter::EventFilter;
use crate::present::format::Format;

/// The options of `destroy`.
#[derive(Debug)]
pub(crate) struct DeletionOptions {
    /// Whether nothing is asked.
    pub(crate) yes: bool,
    /// The buckets to empty first.
    pub(crate) empty: Vec<String>,
    /// The resources that may be deleted with the data that they store.
    pub(crate) allow_delete: Vec<String>,
    /// The resources to leave behind.
    pub(crate) retain: Vec<String>,
    /// Whether the stack is deleted in EXPRESS mode.
    pub(crate) express: bool,
    /// The form of what is shown before the deletion.
    pub(crate) format: Format,
    /// Which events are shown while the deletion runs.
    pub(crate) events: EventFilter,
}
