//! The styles of the human output. Meaning never rests on them alone.

use anstyle::{AnsiColor, Style};

/// Names and headings.
pub const BOLD: Style = Style::new().bold();
/// What may be skipped.
pub const DIM: Style = Style::new().dimmed();
/// The word "error".
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The word "warning", and what is dangerous or uncertain.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// The word "hint".
pub const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// What is added, and success.
pub const ADD: Style = AnsiColor::Green.on_default();
/// What is changed.
pub const CHANGE: Style = AnsiColor::Yellow.on_default();
/// What is removed or replaced, and failure.
pub const REMOVE: Style = AnsiColor::Red.on_default();
