//! The layout of a difference: what follows a path, what goes below it, and where lines break.

use unicode_width::UnicodeWidthStr;

use crate::present::human::value;
use crate::present::style::{self, DIM, Sign, WARNING};
use crate::present::visible::one_line;
use crate::present::wrap;

/// The width of the text and the number of context lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The width in columns.
    pub width: usize,
    /// The number of equal lines before and after a difference inside a string.
    pub context: usize,
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
    let plain = style::plain(head);
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
    let path = &one_line(path);
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
        let broken = wrap::anywhere(path, frame.width.saturating_sub(indent + 2));
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
    let values = [&before, &after].map(|value| value.as_deref().unwrap_or_default());
    value::push_lines(text, values, &below, frame.context, frame.width);
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
        for (number, line) in wrap::anywhere(notes, room).iter().enumerate() {
            let sign = if number == 0 { '#' } else { ' ' };
            text.push_str(&format!("{indent}{WARNING}{sign} {line}{WARNING:#}\n"));
        }
    }
    if !lines.is_empty() {
        for line in wrap::anywhere(&format!("({lines})"), room) {
            text.push_str(&format!("{indent}{DIM}{line}{DIM:#}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, push_value};
    use crate::present::style::{Sign, plain};

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
            plain(&text)
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
