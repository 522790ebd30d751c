//! The layout of a difference: what follows a path, what goes below it, and where lines break.

use anstyle::Style;
use similar::{ChangeTag, TextDiff};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::present::style::{ADD, CHANGE, DIM, REMOVE, WARNING};

/// The width of the text and the number of context lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The width in columns.
    pub width: usize,
    /// The number of equal lines before and after a difference inside a string.
    pub context: usize,
}

/// The kind of a value's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Add,
    Remove,
    Change,
}

impl Sign {
    pub(super) fn of(before: bool, after: bool) -> Self {
        match (before, after) {
            (false, true) => Self::Add,
            (true, false) => Self::Remove,
            _ => Self::Change,
        }
    }

    fn parts(self) -> (Style, char) {
        match self {
            Self::Add => (ADD, '+'),
            Self::Remove => (REMOVE, '-'),
            Self::Change => (CHANGE, '~'),
        }
    }
}

/// Adds a heading with notes and line numbers after it, or below it if they do not fit.
pub(super) fn push_head(
    text: &mut String,
    head: &str,
    notes: &str,
    lines: &str,
    indent: &str,
    frame: Frame,
) {
    let plain = anstream::adapter::strip_str(head).to_string();
    let tail = tail(notes, lines);
    text.push_str(head);
    if tail.is_empty() {
        text.push('\n');
    } else if plain.width() + 1 + tail.width() <= frame.width {
        push_tail(text, notes, lines);
    } else {
        text.push('\n');
        push_below(text, notes, lines, indent, frame.width);
    }
}

/// Adds `path: before → after` with notes and line numbers. Parts that do not fit go below the path.
#[expect(
    clippy::too_many_arguments,
    reason = "a line of the diff consists of these parts"
)]
pub(super) fn push_value(
    text: &mut String,
    indent: usize,
    sign: Sign,
    path: &str,
    values: [Option<String>; 2],
    notes: &str,
    lines: &str,
    frame: Frame,
) {
    let (style, sign) = sign.parts();
    let start = " ".repeat(indent);
    let [before, after] = values;
    let one_line = match (&before, &after) {
        (None, None) => String::new(),
        (Some(value), None) | (None, Some(value)) => format!(": {value}"),
        (Some(before), Some(after)) => format!(": {before} → {after}"),
    };
    let tail = tail(notes, lines);
    let head = format!("{start}{style}{sign}{style:#} {path}");
    let length = indent + 2 + path.width() + one_line.width();
    let is_flat = !one_line.contains('\n');
    if is_flat && length <= frame.width {
        push_head(
            text,
            &format!("{head}{one_line}"),
            notes,
            lines,
            &format!("{start}    "),
            frame,
        );
        return;
    }
    let head_length = indent + 2 + path.width();
    if head_length <= frame.width {
        text.push_str(&head);
    } else {
        let broken = wrap(path, frame.width.saturating_sub(indent + 2));
        let broken = broken.join(&format!("\n{start}  "));
        text.push_str(&format!("{start}{style}{sign}{style:#} {broken}"));
    }
    let below = format!("{start}    ");
    if tail.is_empty() {
        text.push('\n');
    } else if head_length + 1 + tail.width() <= frame.width {
        push_tail(text, notes, lines);
    } else {
        text.push('\n');
        push_below(text, notes, lines, &below, frame.width);
    }
    push_lines(text, before.as_deref(), after.as_deref(), &below, frame);
}

/// Adds text, broken into lines of at most `width` columns.
pub(super) fn push_wrapped(text: &mut String, words: &str, first: &str, next: &str, width: usize) {
    for (number, line) in wrap(words, width.saturating_sub(next.width()))
        .iter()
        .enumerate()
    {
        let indent = if number == 0 { first } else { next };
        text.push_str(&format!("{indent}{line}\n"));
    }
}

/// Adds a line diff of two values, with `…` in place of omitted equal lines.
fn push_lines(
    text: &mut String,
    before: Option<&str>,
    after: Option<&str>,
    indent: &str,
    frame: Frame,
) {
    let diff = TextDiff::from_lines(before.unwrap_or_default(), after.unwrap_or_default());
    for (number, group) in diff.grouped_ops(frame.context).iter().enumerate() {
        if number > 0 {
            text.push_str(&format!("{indent}{DIM}…{DIM:#}\n"));
        }
        for change in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            let (style, sign) = match change.tag() {
                ChangeTag::Delete => (REMOVE, '-'),
                ChangeTag::Insert => (ADD, '+'),
                ChangeTag::Equal => (DIM, ' '),
            };
            let line = change.value().trim_end_matches(['\n', '\r']);
            let room = frame.width.saturating_sub(indent.width() + 2);
            for (number, part) in wrap(line, room).iter().enumerate() {
                let sign = if number == 0 { sign } else { ' ' };
                let line = format!("{sign} {part}");
                text.push_str(&format!("{indent}{style}{}{style:#}\n", line.trim_end()));
            }
        }
    }
}

/// Returns notes and line numbers as they follow a heading.
fn tail(notes: &str, lines: &str) -> String {
    match (notes.is_empty(), lines.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("# {notes}"),
        (true, false) => format!("({lines})"),
        (false, false) => format!("# {notes} ({lines})"),
    }
}

fn push_tail(text: &mut String, notes: &str, lines: &str) {
    if !notes.is_empty() {
        text.push_str(&format!(" {WARNING}# {notes}{WARNING:#}"));
    }
    if !lines.is_empty() {
        text.push_str(&format!(" {DIM}({lines}){DIM:#}"));
    }
    text.push('\n');
}

fn push_below(text: &mut String, notes: &str, lines: &str, indent: &str, width: usize) {
    let room = width.saturating_sub(indent.width() + 2);
    if !notes.is_empty() {
        for (number, line) in wrap(notes, room).iter().enumerate() {
            let sign = if number == 0 { '#' } else { ' ' };
            text.push_str(&format!("{indent}{WARNING}{sign} {line}{WARNING:#}\n"));
        }
    }
    if !lines.is_empty() {
        for line in wrap(&format!("({lines})"), room) {
            text.push_str(&format!("{indent}{DIM}{line}{DIM:#}\n"));
        }
    }
}

/// Returns text in parts of at most `width` columns. A part ends after a space if its second half
/// contains one, else at any character.
fn wrap(text: &str, width: usize) -> Vec<&str> {
    let width = width.max(8);
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.width() > width {
        let mut columns = 0;
        let end = rest
            .char_indices()
            .find(|(_, character)| {
                columns += character.width().unwrap_or(0);
                columns > width
            })
            .map_or(rest.len(), |(at, _)| at);
        let fits = rest.get(..end).unwrap_or(rest);
        let at_space = fits.rfind(' ').map(|at| at + 1).filter(|at| *at * 2 > end);
        let (part, remaining) = rest.split_at(at_space.unwrap_or(end));
        if part.is_empty() {
            break;
        }
        parts.push(part.trim_end());
        rest = remaining.trim_start_matches(' ');
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::{Frame, Sign, push_value, wrap};

    #[test]
    fn lines_break_at_spaces_or_anywhere() {
        assert_eq!(wrap("short", 10), ["short"]);
        assert_eq!(wrap("some words to wrap", 10), ["some words", "to wrap"]);
        assert_eq!(wrap("0123456789abc", 10), ["0123456789", "abc"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("日本語日本語", 8), ["日本語日", "本語"]);
    }

    #[test]
    fn text_that_does_not_fit_goes_below_the_path() {
        let shown = |width| {
            let mut text = String::new();
            let values = [Some("\"one\"".to_owned()), Some("\"two\"".to_owned())];
            let frame = Frame { width, context: 1 };
            push_value(
                &mut text,
                6,
                Sign::Change,
                "TopicName",
                values,
                "forces replacement",
                "line 3",
                frame,
            );
            anstream::adapter::strip_str(&text).to_string()
        };
        insta::assert_snapshot!(shown(80), @r#"      ~ TopicName: "one" → "two" # forces replacement (line 3)"#);
        insta::assert_snapshot!(shown(40), @r#"
              ~ TopicName: "one" → "two"
                  # forces replacement
                  (line 3)
        "#);
        insta::assert_snapshot!(shown(25), @r#"
              ~ TopicName
                  # forces
                    replacement
                  (line 3)
                  - "one"
                  + "two"
        "#);
    }
}
