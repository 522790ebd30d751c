//! The styles of the human output. The text is understandable without them.
//!
//! A style in a text is not a terminal's control sequence but a mark with a random number. Only
//! `shown`, through which everything is written, makes control sequences of the marks. So a text from
//! a template or from the service cannot contain a style: its control characters become escapes.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use anstyle::AnsiColor;

use super::visible::visible;

/// The beginning of a mark.
static MARK: LazyLock<String> =
    LazyLock::new(|| format!("\u{fdd0}{:016x}", RandomState::new().hash_one(0)));
/// The end of a mark.
const END: char = '\u{fdd1}';

/// A style. `{STYLE}` begins it in a text, and `{STYLE:#}` ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style(anstyle::Style);

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequences = if f.alternate() {
            self.0.render_reset().to_string()
        } else {
            self.0.render().to_string()
        };
        f.write_str(&marked(&sequences))
    }
}

/// Returns the text as it is written: hidden characters as escapes, styles as control sequences, or
/// nothing in their place without `color`.
pub(super) fn shown(text: &str, color: bool) -> String {
    if !color {
        return visible(&plain(text)).into_owned();
    }
    let mut parts = text.split(MARK.as_str());
    let mut shown = visible(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let (codes, rest) = part.split_once(END).unwrap_or((part, ""));
        shown.push('\u{1b}');
        shown.push_str(codes);
        shown.push_str(&visible(rest));
    }
    shown
}

/// Returns the text without styles.
pub fn plain(text: &str) -> String {
    let mut parts = text.split(MARK.as_str());
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once(END).map_or("", |(_, rest)| rest)
    })
}

/// Returns the text of another program or library, whose colors are kept as styles. All other control
/// sequences stay as they are, and [`shown`] makes escapes of them.
pub(super) fn marked(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut marked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        match end.and_then(|end| part.split_at_checked(end)) {
            Some((codes, rest)) if rest.starts_with('m') => {
                marked.push_str(&format!("{}[{codes}m{END}{}", *MARK, &rest[1..]));
            }
            _ => marked.push_str(&format!("\u{1b}[{part}")),
        }
    }
    marked
}

/// Names and headings.
pub const BOLD: Style = Style(anstyle::Style::new().bold());
/// Less important text.
pub const DIM: Style = Style(anstyle::Style::new().dimmed());
/// The word "error".
pub const ERROR: Style = Style(AnsiColor::Red.on_default().bold());
/// The word "warning", and text about dangerous or uncertain changes.
pub const WARNING: Style = Style(AnsiColor::Yellow.on_default().bold());
/// The word "hint".
pub const HINT: Style = Style(AnsiColor::Cyan.on_default().bold());
/// Additions and success.
pub const ADD: Style = Style(AnsiColor::Green.on_default());
/// Changes.
pub const CHANGE: Style = Style(AnsiColor::Yellow.on_default());
/// Removals, replacements, and failure.
pub const REMOVE: Style = Style(AnsiColor::Red.on_default());

/// The names of functions in their logs, one after the other.
pub const LABELS: [Style; 6] = [
    Style(AnsiColor::Cyan.on_default()),
    Style(AnsiColor::Green.on_default()),
    Style(AnsiColor::BrightBlue.on_default()),
    Style(AnsiColor::Yellow.on_default()),
    Style(AnsiColor::BrightCyan.on_default()),
    Style(AnsiColor::BrightGreen.on_default()),
];

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

#[cfg(test)]
mod tests {
    use super::{BOLD, MARK, REMOVE, marked, plain, shown};

    #[test]
    fn own_styles_are_written_and_control_sequences_in_values_are_escapes() {
        let value = "\u{1b}[31mred\u{1b}[0m";
        let text = format!("{BOLD}name{BOLD:#} {REMOVE}{value}{REMOVE:#}\n");
        assert_eq!(plain(&text), format!("name {value}\n"));
        let escaped = "\\u001b[31mred\\u001b[0m";
        assert_eq!(shown(&text, false), format!("name {escaped}\n"));
        assert_eq!(
            shown(&text, true),
            format!("\u{1b}[1mname\u{1b}[0m \u{1b}[31m{escaped}\u{1b}[0m\n")
        );
    }

    #[test]
    fn colors_of_another_program_are_kept_and_nothing_else() {
        let text = marked("\u{1b}[1;32mok\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[\u{1b}[31");
        assert_eq!(
            shown(&text, true),
            "\u{1b}[1;32mok\u{1b}[0m \\u001b[2J\\u001b]0;title\\u0007\\u001b[\\u001b[31"
        );
        assert_eq!(shown(&marked("a\u{1b}[m"), false), "a");
        // Without the random number, a mark is only text.
        assert_eq!(shown("\u{fdd0}[31m\u{fdd1}", true), "\\ufdd0[31m\\ufdd1");
        assert_eq!(shown(&format!("a{}b", *MARK), false), "a");
    }
}
