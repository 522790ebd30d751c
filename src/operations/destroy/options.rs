//! What the command line asks of a deletion.

use crate::present::event_filter::EventFilter;
use crate::present::format::Format;
use crate::util::shell_word::quote;

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
    /// The run, if it deletes several stacks.
    pub(crate) run: Option<Run>,
}

/// A run that deletes several stacks.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The key of this stack in `[stacks]`, which stands before the names of its resources.
    pub(crate) key: String,
    /// The command line, for hints.
    pub(crate) command: String,
}

impl Run {
    /// Returns the command line with an option for each name of a resource of this stack.
    pub(crate) fn command<'n>(&self, option: &str, names: impl Iterator<Item = &'n str>) -> String {
        names.fold(self.command.clone(), |command, name| {
            let more = format!(" {option} {}", quote(&format!("{}:{name}", self.key)));
            if command.contains(&more) {
                command
            } else {
                command + &more
            }
        })
    }
}
