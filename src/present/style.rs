//! The styles of the human output. The text is understandable without them.

use anstyle::{AnsiColor, Style};

/// Names and headings.
pub const BOLD: Style = Style::new().bold();
/// Less important text.
pub const DIM: Style = Style::new().dimmed();
/// The word "error".
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The word "warning", and text about dangerous or uncertain changes.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// The word "hint".
pub const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// Additions and success.
pub const ADD: Style = AnsiColor::Green.on_default();
/// Changes.
pub const CHANGE: Style = AnsiColor::Yellow.on_default();
/// Removals, replacements, and failure.
pub const REMOVE: Style = AnsiColor::Red.on_default();

/// How a value changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Add,
    Remove,
    Change,
}

impl Sign {
    /// Returns how a value changes that exists before or after.
    pub(super) fn of(before: bool, after: bool) -> Self {
        match (before, after) {
            (false, true) => Self::Add,
            (true, false) => Self::Remove,
            _ => Self::Change,
        }
    }

    /// Returns its style and its character.
    pub(super) fn parts(self) -> (Style, char) {
        match self {
            Self::Add => (ADD, '+'),
            Self::Remove => (REMOVE, '-'),
            Self::Change => (CHANGE, '~'),
        }
    }
}
