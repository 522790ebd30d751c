//! The old and new value: on one line if it fits, else as a line diff.

use unicode_width::UnicodeWidthStr;

use crate::plan::Content;
use crate::plan::ValueChange;
use crate::plan::model::KNOWN_AFTER_APPLY as SERVICE_KNOWN_AFTER_APPLY;
use crate::present::line_diff::line_diff;
use crate::present::style::{ADD, BOLD, DIM, REMOVE, Sign, plain};
use crate::present::visible::one_line;
use crate::present::words::ShownValue;
use crate::present::wrap;
use crate::template::json;

/// The human form of the placeholder for a value that is only known after the deployment.
const KNOWN_AFTER_APPLY: &str = "(known after apply)";
/// The number of equal lines around a difference.
pub(super) const CONTEXT: usize = 2;
/// The indentation of a line diff.
pub(super) const LINES: &str = "          ";

/// Adds `path: before → after` to a text, with the sign of an addition, removal, or change.
///
/// The values are already formatted: in quotes, or as several lines. `note` follows the path.
pub(super) fn push(
    text: &mut String,
    path: &str,
    [before, after]: [Option<String>; 2],
    note: &str,
    width: usize,
) {
    let path = &one_line(path);
    let (style, sign) = Sign::of(before.is_some(), after.is_some()).parts();
    text.push_str(&format!("      {style}{sign}{style:#} {path}"));
    let separator = if path.starts_with("Tags.") { " =" } else { ":" };
    let one_line = match (&before, &after) {
        (None, None) => String::new(),
        (Some(value), None) | (None, Some(value)) => format!("{separator} {value}"),
        (Some(before), Some(after)) if before == after => format!("{separator} {after}"),
        (Some(before), Some(after)) => format!("{separator} {before} → {after}"),
    };
    let note_width = plain(note).width();
    let fits = 8 + path.width() + one_line.width() + note_width <= width;
    if fits && !one_line.contains('\n') {
        text.push_str(&one_line);
        text.push_str(note);
        text.push('\n');
        return;
    }
    text.push_str(note);
    text.push('\n');
    let values = [&before, &after].map(|value| value.as_deref().unwrap_or_default());
    push_lines(text, values, LINES, CONTEXT, usize::MAX);
}

/// Adds changed values, such as tags, under a title. Adds nothing if `changes` is empty.
pub(super) fn push_section(text: &mut String, title: &str, changes: &[ValueChange], width: usize) {
    if changes.is_empty() {
        return;
    }
    text.push_str(&format!("\n{BOLD}{title}{BOLD:#}\n"));
    for change in changes {
        let values = [&change.before, &change.after];
        let values = values.map(|value| value.as_deref().map(from_service));
        push(text, &change.name, values, "", width);
    }
}

/// Adds changed parameters, with remarks on where their values come from. Adds nothing if there are none.
pub(super) fn push_parameters(text: &mut String, parameters: &[ShownValue<'_>], width: usize) {
    if parameters.is_empty() {
        return;
    }
    text.push_str(&format!("\n{BOLD}Parameters{BOLD:#}\n"));
    for parameter in parameters {
        let [before, after] = [parameter.before, parameter.after].map(|it| it.map(from_service));
        match &parameter.remark {
            Some(remark) if after.is_none() => {
                let values = [before, Some(remark.clone())];
                push(text, parameter.name, values, "", width);
            }
            Some(remark) => {
                let remark = format!(" {DIM}{remark}{DIM:#}");
                push(text, parameter.name, [before, after], &remark, width);
            }
            None => push(text, parameter.name, [before, after], "", width),
        }
    }
}

/// Adds a line diff with `context` equal lines, and `…` in place of omitted equal lines.
pub(super) fn push_lines(
    text: &mut String,
    [before, after]: [&str; 2],
    indent: &str,
    context: usize,
    width: usize,
) {
    let room = width.saturating_sub(indent.width() + 2);
    for line in line_diff(before, after, context) {
        let Some((sign, line)) = line else {
            text.push_str(&format!("{indent}{DIM}…{DIM:#}\n"));
            continue;
        };
        let style = match sign {
            '-' => REMOVE,
            '+' => ADD,
            _ => DIM,
        };
        for (number, part) in wrap::anywhere(&line, room).iter().enumerate() {
            let sign = if number == 0 { sign } else { ' ' };
            let line = format!("{sign} {part}");
            text.push_str(&format!("{indent}{style}{}{style:#}\n", line.trim_end()));
        }
    }
}

/// Removes the quotes of a value if the other value has several lines, which are not in quotes.
pub(super) fn without_lone_quotes(values: [Option<String>; 2]) -> [Option<String>; 2] {
    let has_lines = |value: &String| value.contains('\n');
    if !values.iter().flatten().any(has_lines) {
        return values;
    }
    values.map(|value| {
        let value = value?;
        let inner = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        let inner = inner.filter(|_| !has_lines(&value));
        Some(inner.map(str::to_owned).unwrap_or(value))
    })
}

/// Returns a value from CloudFormation as text: in quotes, unless it is JSON or has several lines.
pub(super) fn from_service(value: &str) -> String {
    if value == SERVICE_KNOWN_AFTER_APPLY {
        return KNOWN_AFTER_APPLY.to_owned();
    }
    let is_document = json::document(value).is_some();
    let value = value.replace(SERVICE_KNOWN_AFTER_APPLY, KNOWN_AFTER_APPLY);
    if is_document || value.contains('\n') {
        value
    } else {
        format!("\"{value}\"")
    }
}

/// Returns a property's value as text: a scalar as [`from_service`] formats it, or YAML.
pub(super) fn of_property(content: &Content) -> String {
    match content {
        Content::Scalar(text) => from_service(text),
        Content::Structure(yaml) => yaml.replace(SERVICE_KNOWN_AFTER_APPLY, KNOWN_AFTER_APPLY),
    }
}

#[cfg(test)]
mod tests {
    use super::{from_service, push};
    use crate::present::style::plain;

    fn shown(before: Option<&str>, after: Option<&str>, width: usize) -> String {
        let mut text = String::new();
        push(
            &mut text,
            "Code.S3Key",
            [before, after].map(|value| value.map(str::to_owned)),
            "",
            width,
        );
        plain(&text)
    }

    #[test]
    fn a_value_is_in_quotes_unless_it_is_a_document() {
        for text in [r#"{"a": 1}"#, "[]", "one\ntwo", "\n[1]"] {
            assert_eq!(from_service(text), text);
        }
        for text in [
            "",
            "null",
            "{Substitution}",
            "[unknown",
            "{{resolve:ssm:a}}",
        ] {
            assert_eq!(from_service(text), format!("\"{text}\""));
        }
        let unknown = r#"{"a": "{{changeSet:KNOWN_AFTER_APPLY}}"}"#;
        assert_eq!(from_service(unknown), r#"{"a": "(known after apply)"}"#);
    }

    #[test]
    fn short_values_are_on_one_line() {
        assert_eq!(
            shown(Some("\"a\""), Some("\"b\""), 80),
            "      ~ Code.S3Key: \"a\" → \"b\"\n"
        );
        assert_eq!(shown(None, Some("1"), 80), "      + Code.S3Key: 1\n");
        assert_eq!(shown(None, None, 80), "      ~ Code.S3Key\n");
    }

    #[test]
    fn long_and_multi_line_values_become_a_line_diff() {
        let before = "one\ntwo\nthree\nfour\nfive\n";
        let after = "one\n2\nthree\nfour\nfive\n";
        insta::assert_snapshot!(shown(Some(before), Some(after), 80), @r"
              ~ Code.S3Key
                    one
                  - two
                  + 2
                    three
                    four
        ");
        insta::assert_snapshot!(shown(Some("\"aaaa\""), Some("\"bbbb\""), 20), @r#"
              ~ Code.S3Key
                  - "aaaa"
                  + "bbbb"
        "#);
    }
}
