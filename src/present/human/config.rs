//! The settings and their sources for people.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use crate::config::settings::Row;
use crate::present::style::{BOLD, DIM};
use crate::present::visible::one_line;

/// Returns one line per setting: key, value, source.
///
/// The sources are aligned if `width` allows it. A longer value pushes its source to the right; values
/// are never truncated.
pub fn settings(rows: &[Row], width: usize) -> String {
    let widest = |cell: &dyn Fn(&Row) -> usize| rows.iter().map(cell).max().unwrap_or(0);
    let keys = widest(&|row| row.key.width());
    let sources = widest(&|row| row.origin.width());
    let room = width.saturating_sub(keys + sources + 4);
    let values = widest(&|row| value(row).width()).min(room);
    let mut text = String::new();
    for row in rows {
        let value = value(row);
        let after_key = " ".repeat(keys.saturating_sub(row.key.width()) + 2);
        let after_value = " ".repeat(values.saturating_sub(value.width()) + 2);
        let dim = if row.value.is_none() {
            format!("{DIM}{value}{DIM:#}")
        } else {
            value.into_owned()
        };
        text.push_str(&format!(
            "{BOLD}{}{BOLD:#}{after_key}{dim}{after_value}{DIM}{}{DIM:#}\n",
            row.key, row.origin
        ));
    }
    text
}

/// Returns the value on one line. Control characters, such as line breaks, are escaped.
fn value(row: &Row) -> Cow<'_, str> {
    match row.value.as_deref() {
        None => Cow::Borrowed("(unset)"),
        Some(text) => one_line(text),
    }
}

#[cfg(test)]
mod tests {
    use super::settings;
    use crate::config::settings::Row;
    use crate::present::style::plain;

    #[test]
    fn a_long_value_pushes_its_source_and_line_breaks_are_escaped() {
        let row = |key: &str, value: Option<&str>| Row {
            key: key.to_owned(),
            value: value.map(str::to_owned),
            origin: "default".to_owned(),
        };
        let rows = [
            row("a", Some("a value that does not fit")),
            row("longer", Some("two\nlines\u{1b}[2J")),
            row("none", None),
        ];
        let text = settings(&rows, 30);
        insta::assert_snapshot!(plain(&text), @r"
    a       a value that does not fit  default
    longer  two\nlines\u001b[2J  default
    none    (unset)        default
    ");
    }
}
