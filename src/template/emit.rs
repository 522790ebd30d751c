//! Writes a [`Node`] as YAML, to be sent to CloudFormation.
//!
//! The text is ASCII, because `GetTemplate` returns `?` for every other character: such characters are
//! escaped in double quotes. Comments are dropped and functions have their long form. The same tree
//! always gives the same bytes, and parsing the text returns the same tree.

use std::fmt::Write as _;

use super::node::{Map, Node, Value, plain_value};

/// The longest key that is written without `?`, in bytes. YAML allows 1,024 characters.
const LONGEST_PLAIN_KEY: usize = 1_000;

/// Returns the node as an ASCII YAML document that ends with a line break.
pub fn to_yaml(node: &Node) -> String {
    let mut out = String::new();
    match &node.value {
        Value::Map(map) if !map.is_empty() => write_map(&mut out, map, 0, false),
        Value::List(list) if !list.is_empty() => write_list(&mut out, list, 0, false),
        _ => write_inline(&mut out, node, 0),
    }
    out
}

/// Writes a map. Its lines have `indent` spaces; if `inside_list`, the first line is already indented.
fn write_map(out: &mut String, map: &Map, indent: usize, inside_list: bool) {
    for (position, (key, member)) in map.iter().enumerate() {
        if position > 0 || !inside_list {
            write_indent(out, indent);
        }
        let start = out.len();
        write_text(out, key);
        if out.len() - start > LONGEST_PLAIN_KEY {
            out.insert_str(start, "? ");
            out.push('\n');
            write_indent(out, indent);
        }
        out.push(':');
        match &member.node.value {
            Value::Map(map) if !map.is_empty() => {
                out.push('\n');
                write_map(out, map, indent + 2, false);
            }
            Value::List(list) if !list.is_empty() => {
                out.push('\n');
                write_list(out, list, indent + 2, false);
            }
            _ => {
                out.push(' ');
                write_inline(out, &member.node, indent);
            }
        }
    }
}

fn write_list(out: &mut String, list: &[Node], indent: usize, inside_list: bool) {
    for (position, node) in list.iter().enumerate() {
        if position > 0 || !inside_list {
            write_indent(out, indent);
        }
        out.push_str("- ");
        match &node.value {
            Value::Map(map) if !map.is_empty() => write_map(out, map, indent + 2, true),
            Value::List(list) if !list.is_empty() => write_list(out, list, indent + 2, true),
            _ => write_inline(out, node, indent),
        }
    }
}

/// Writes a scalar, an empty list or an empty map, and a line break.
fn write_inline(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(text) | Value::Plain(text) => out.push_str(text),
        Value::String(text) if is_block(text) => return write_block(out, text, indent + 2),
        Value::String(text) => write_text(out, text),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
    out.push('\n');
}

fn write_indent(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Returns whether a text of several lines can be written unchanged in a literal block.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.ends_with("\n\n")
        && text
            .bytes()
            .all(|byte| byte == b'\n' || byte == b'\t' || (b' '..=b'~').contains(&byte))
        && text
            .lines()
            .all(|line| line.is_empty() || !line.trim().is_empty())
        && text.lines().all(|line| !line.starts_with('\t'))
}

fn write_block(out: &mut String, text: &str, indent: usize) {
    out.push_str(if text.ends_with('\n') { "|\n" } else { "|-\n" });
    for line in text.lines() {
        if !line.is_empty() {
            write_indent(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn write_text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        write_quoted(out, text);
    }
}

/// Returns whether every YAML parser, including those for YAML 1.1, reads the text as this string
/// without quotes.
fn is_plain(text: &str) -> bool {
    let safe =
        |byte: u8| byte.is_ascii_alphanumeric() || b" -_./:+*=@()^$!?;~<>|%&".contains(&byte);
    let Some(first) = text.bytes().next() else {
        return false;
    };
    (first.is_ascii_alphanumeric() || first == b'/' || first == b'_' || first == b'$')
        && text.bytes().all(safe)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && matches!(plain_value(text.into()), Value::String(_))
}

fn write_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(character),
            _ => {
                let code = u32::from(character);
                // Writing to a string cannot fail.
                let _ = match code {
                    0..=0xFF => write!(out, "\\x{code:02x}"),
                    0x100..=0xFFFF => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use insta::assert_snapshot;

    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    fn emit(text: &str) -> String {
        let template = Template::parse(&SourceFile::new("t", text)).unwrap();
        let out = to_yaml(template.root());
        assert!(out.is_ascii());
        let again = Template::parse(&SourceFile::new("t", out.as_str())).unwrap();
        assert_eq!(template.root(), again.root(), "{out}");
        out
    }

    #[test]
    fn short_forms_become_long_and_text_becomes_ascii() {
        assert_snapshot!(emit("A: !Sub 'grün 😀'\nB: [!Ref X, [1, [2]], {}, []] # gone\nC: |\n  a: b\n\n   c\n"), @r#"
        A:
          Fn::Sub: "gr\xfcn \U0001f600"
        B:
          - Ref: X
          - - 1
            - - 2
          - {}
          - []
        C: |
          a: b

           c
        "#);
    }

    #[test]
    fn special_scalars_are_parsed_back_unchanged() {
        let special = [
            "",
            " ",
            "a ",
            " a",
            "yes",
            "NO",
            "1.10",
            "012345678901",
            "2010-09-09",
            "null",
            "~",
            "true",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "#",
            "!Ref x",
            "&a",
            "*a",
            "|",
            ">",
            "%",
            "@",
            "`",
            "{a}",
            "[a]",
            "a\n",
            "a\n\n",
            "\na",
            " a\nb",
            "a\n \nb",
            "a\r\nb",
            "\ta\nb",
            "a\tb\nc",
            "a\n\tb",
            "---",
            "...",
            "'",
            "\"",
            "\\",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}x",
            "é",
            "\u{0}",
            "a,b",
            "<<",
            "=",
            "?",
            "? a",
            "-",
            "a\n\nb",
            "a\n---\nb",
            "a\n...\nb",
            "${A}",
        ];
        for text in special {
            let json = serde_json::json!({ "Key": text, "List": [text, [text]], text: 1 });
            let template = Template::parse(&SourceFile::new("t", json.to_string())).unwrap();
            let out = to_yaml(template.root());
            let again = Template::parse(&SourceFile::new("t", out.as_str())).unwrap();
            assert_eq!(template.root(), again.root(), "{out}");
        }
    }

    #[test]
    fn unquoted_words_stay_unquoted() {
        assert_eq!(
            emit("A: yes\nB: 'yes'\nC: 2010-09-09\nD: 1.10\nE:\n"),
            "A: yes\nB: \"yes\"\nC: 2010-09-09\nD: 1.10\nE: null\n"
        );
    }

    #[test]
    fn a_very_long_key_is_parsed_back_unchanged() {
        emit(&format!("{{\"{}\": {{\"a\": [1]}}}}", "k".repeat(5_000)));
    }
}
