//! Log lines for people: the time, the function and the text.

use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use crate::present::style::{DIM, LABELS};
use crate::present::visible::one_line;

/// The widest label that moves the texts of all other lines.
const LABEL_WIDTH: usize = 32;

/// Returns a log line without a line break at its end. `label` is the function's logical id, its number,
/// which chooses the color, and the width of the longest one. Further lines of the text are indented.
pub fn line(
    time: Option<Timestamp>,
    (label, number, width): (&str, usize, usize),
    message: &str,
    is_of_platform: bool,
) -> String {
    let time = time.map_or_else(String::new, clock);
    let style = LABELS[number % LABELS.len()];
    let label = one_line(label);
    let padding = width.min(LABEL_WIDTH).saturating_sub(label.width());
    let column = 24 + 2 + label.width() + padding + 2;
    let mut text = format!(
        "{DIM}{time:<24}{DIM:#}  {style}{label}{style:#}{:padding$}  ",
        ""
    );
    for (index, part) in message.lines().enumerate() {
        if index > 0 {
            text.push_str(&format!("\n{:column$}", ""));
        }
        if is_of_platform {
            text.push_str(&format!("{DIM}{part}{DIM:#}"));
        } else {
            text.push_str(part);
        }
    }
    text
}

/// Returns a time in UTC with milliseconds.
pub fn clock(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::line;
    use crate::present::style;

    #[test]
    fn a_line_names_its_function_and_its_further_lines_are_indented() {
        let time = Timestamp::from_millisecond(1_767_323_045_006).ok();
        let lines = [
            line(time, ("Handler", 0, 11), "stored 1 file", false),
            line(
                time,
                ("Api/Handler", 1, 11),
                "[ERROR] x\nTraceback\n  File",
                false,
            ),
            line(None, ("Handler", 7, 11), "START RequestId: 1", true),
            line(time, ("Handler", 0, 11), "", false),
        ];
        let text = style::plain(&lines.join("\n"));
        let text: Vec<&str> = text.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(text.join("\n"), @"
        2026-01-02 03:04:05.006Z  Handler      stored 1 file
        2026-01-02 03:04:05.006Z  Api/Handler  [ERROR] x
                                               Traceback
                                                 File
                                  Handler      START RequestId: 1
        2026-01-02 03:04:05.006Z  Handler
        ");
    }
}
