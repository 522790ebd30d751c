//! How much a page shows: at most about two megabytes, shared by its stacks.

use crate::present::human::count;

/// The room for the inside of changes, in bytes.
const CHANGES: usize = 900_000;
/// The room for differences of code, in bytes.
const CODE: usize = 450_000;

/// The room below which nothing is written any more, in bytes.
const LEAST: usize = 2_000;

/// The room that is left for a kind of content.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    left_out: usize,
}

impl Room {
    /// Returns the room for the inside of changes on one of `share` stacks.
    pub(super) const fn of_changes(share: usize) -> Self {
        Self::of(CHANGES, share)
    }

    /// Returns the room for differences of code on one of `share` stacks.
    pub(super) const fn of_code(share: usize) -> Self {
        Self::of(CODE, share)
    }

    const fn of(bytes: usize, share: usize) -> Self {
        let share = if share == 0 { 1 } else { share };
        Self {
            left: bytes / share,
            left_out: 0,
        }
    }

    /// Takes room for a content, and returns whether there was enough.
    pub(super) fn take(&mut self, length: usize) -> bool {
        if length <= self.left {
            self.left -= length;
            return true;
        }
        self.left_out += 1;
        false
    }

    /// Returns whether there is room for anything; if not, counts a part that is left out.
    pub(super) fn has_any(&mut self) -> bool {
        if self.left < LEAST {
            self.left_out += 1;
        }
        self.left >= LEAST
    }

    /// Returns a sentence that says how much was left out, and the command that shows it; `None` if
    /// nothing was.
    pub(super) fn left_out(&self, command: &str) -> Option<String> {
        let parts = count(self.left_out, "part");
        (self.left_out > 0).then(|| {
            format!(
                "The details of {parts} are left out, so that the page stays small: `{command}` shows \
                 everything."
            )
        })
    }
}
