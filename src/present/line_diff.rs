//! The difference of two texts, line by line.

use similar::{ChangeTag, TextDiff};

/// The mark of a text that does not end with a line break, as in `diff`.
const NO_LINE_BREAK: &str = " (no line break at the end)";

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `-`, `+`, or a space if it is the same on both sides.
    pub(super) sign: char,
    /// The line, without its line break.
    pub(super) text: String,
    /// Its number before and after, from 1; `None` on a side that does not have it.
    pub(super) numbers: [Option<usize>; 2],
}

/// Returns the lines that differ, with their signs (`-` and `+`), and `context` equal lines around them,
/// with a space as their sign. `None` stands for omitted equal lines. A carriage return is shown as `\r`,
/// unless all lines of both texts end with one.
pub(super) fn line_diff(before: &str, after: &str, context: usize) -> Vec<Option<(char, String)>> {
    let lines = numbered(before, after, context).into_iter();
    lines
        .map(|line| line.map(|line| (line.sign, line.text)))
        .collect()
}

/// Returns the lines as [`line_diff`] does, with their numbers.
pub(super) fn numbered(before: &str, after: &str, context: usize) -> Vec<Option<Line>> {
    let diff = TextDiff::from_lines(before, after);
    let is_crlf = |text: &str| text.matches("\r\n").count() == text.matches('\n').count();
    let line_end = if is_crlf(before) && is_crlf(after) {
        "\r\n"
    } else {
        "\n"
    };
    let has_other_end =
        !before.is_empty() && !after.is_empty() && before.ends_with('\n') != after.ends_with('\n');
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(context).iter().enumerate() {
        if number > 0 {
            lines.push(None);
        }
        for change in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let value = change.value();
            let line = value.strip_suffix(line_end).unwrap_or(value);
            let line = line.strip_suffix('\n').unwrap_or(line);
            let mut text = line.replace('\r', "\\r");
            if sign != ' ' && has_other_end && !value.ends_with('\n') {
                text.push_str(NO_LINE_BREAK);
            }
            let numbers = [change.old_index(), change.new_index()];
            lines.push(Some(Line {
                sign,
                text,
                numbers: numbers.map(|it| it.map(|it| it + 1)),
            }));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::line_diff;

    #[test]
    fn different_line_breaks_are_seen() {
        let changed = |before, after| {
            let lines = line_diff(before, after, 1).into_iter().flatten();
            let lines = lines.map(|(sign, line)| format!("{sign}{line}"));
            lines.collect::<Vec<_>>()
        };
        assert_eq!(changed("a\nb\n", "a\r\nb\n"), ["-a", "+a\\r", " b"]);
        assert_eq!(changed("a\r\nb\r\n", "a\r\nc\r\n"), [" a", "-b", "+c"]);
        assert_eq!(changed("a\n", "a\rb\n"), ["-a", "+a\\r", "+b"]);
    }

    #[test]
    fn a_line_break_at_the_end_that_differs_is_marked() {
        let shown = |before: &str, after: &str| {
            let lines = line_diff(before, after, 0).into_iter().flatten();
            let lines = lines.map(|(sign, line)| format!("{sign}{line}"));
            lines.collect::<Vec<_>>()
        };
        assert_eq!(shown("a\nb\n", "a\nc\n"), ["-b", "+c"]);
        assert_eq!(
            shown("a\nb\n", "a\nc"),
            ["-b", "+c (no line break at the end)"]
        );
        assert_eq!(shown("", "a"), ["+a"]);
    }
}
