//! Characters that are not seen, or that control a terminal, as visible escapes such as `\u001b`.
//!
//! Texts come from templates, file names, the service and other programs. Some characters would hide
//! or change what is around them: control sequences, direction changes, zero-width characters, spaces
//! that look like others. Everything that a person reads shows them as escapes. Documents for programs
//! keep their values: JSON has escapes of its own.

use std::borrow::Cow;

/// Returns the text with all such characters as escapes, except line breaks and tabs.
///
/// A line that a build server would take for a command, such as `::add-mask::` or `##[error]`, gets an
/// escape too.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let escaped = escape(text, is_hidden, push_escape);
    match without_commands(&escaped) {
        Some(text) => Cow::Owned(text),
        None => escaped,
    }
}

/// Returns the text as [`visible`] does, on one line: line breaks and tabs are escapes too.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_hidden(c) || c.is_control(), push_escape)
}

/// Returns a JSON document with escapes of JSON for all such characters inside its strings. Its meaning
/// stays the same.
pub(super) fn json(document: &str) -> Cow<'_, str> {
    let escaped = escape(document, is_hidden, |text, c| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    });
    if escaped.contains("##[") || escaped.contains("##vso[") {
        return Cow::Owned(escaped.replace("##", "#\\u0023"));
    }
    escaped
}

fn escape(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    push: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_escaped(character) {
            push(&mut shown, character);
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Adds the escape of a character, as YAML and Python write it in double quotes.
fn push_escape(text: &mut String, character: char) {
    match u32::from(character) {
        0x09 => text.push_str("\\t"),
        0x0a => text.push_str("\\n"),
        0x0d => text.push_str("\\r"),
        number if number > 0xffff => text.push_str(&format!("\\U{number:08x}")),
        number => text.push_str(&format!("\\u{number:04x}")),
    }
}

/// Returns whether a character is not seen by itself, or changes what is around it.
fn is_hidden(character: char) -> bool {
    if (' '..='~').contains(&character) {
        return false;
    }
    let is_noncharacter = u32::from(character) & 0xfffe == 0xfffe;
    is_noncharacter
        || HIDDEN
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&character))
}

/// The characters that are escaped, as ranges.
const HIDDEN: [(char, char); 23] = [
    // C0 without tab and line feed, DEL, C1, no-break space.
    ('\0', '\u{8}'),
    ('\u{b}', '\u{1f}'),
    ('\u{7f}', '\u{a0}'),
    // Soft hyphen, grapheme joiner, Arabic letter mark, fillers, Ogham space, Khmer vowels, Mongolian
    // selectors.
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    // Spaces, zero-width characters, directions, line and paragraph separators, invisible operators.
    ('\u{2000}', '\u{200f}'),
    ('\u{2028}', '\u{202f}'),
    ('\u{205f}', '\u{206f}'),
    // Empty Braille pattern, Hangul fillers, noncharacters, variation selectors, byte order mark,
    // annotations.
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    // Format characters of shorthand and music, tags and further variation selectors.
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns the text without lines that a build server takes for commands; `None` if it has none. GitHub
/// takes a line that begins with `::NAME` after any spaces, or that contains `##[`; Azure `##vso[`.
fn without_commands(text: &str) -> Option<String> {
    let is_command = |line: &str| {
        let begins = line.trim_start().strip_prefix("::");
        begins.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    let has_old = text.contains("##[") || text.contains("##vso[");
    let has_new = text.contains("::") && text.lines().any(is_command);
    if !has_old && !has_new {
        return None;
    }
    let lines = text.split_inclusive('\n').map(|line| {
        let line = if has_old {
            Cow::Owned(
                line.replace("##[", "\\u0023#[")
                    .replace("##vso[", "\\u0023#vso["),
            )
        } else {
            Cow::Borrowed(line)
        };
        if is_command(&line) {
            Cow::Owned(line.replacen("::", "\\u003a:", 1))
        } else {
            line
        }
    });
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::{json, one_line, visible};

    /// One of each kind, between letters.
    const HIDDEN: &str = "a\u{1b}[2Jb\rc\u{9b}31md\u{7f}e\u{202e}f\u{2066}g\u{200b}h\u{200d}i\
                          \u{feff}j\u{e0041}k\u{a0}l\u{2028}m\u{fe0f}n\u{fdd0}o\u{0}p\u{8}q";

    #[test]
    fn hidden_characters_become_escapes() {
        assert_eq!(
            visible(HIDDEN),
            "a\\u001b[2Jb\\rc\\u009b31md\\u007fe\\u202ef\\u2066g\\u200bh\\u200di\\ufeffj\
             \\U000e0041k\\u00a0l\\u2028m\\ufe0fn\\ufdd0o\\u0000p\\u0008q"
        );
        let plain = "one\n\ttwo ü 日本語 😀 → ↺ · … 　\n";
        assert_eq!(visible(plain), plain);
        assert_eq!(one_line("one\n\ttwo\r\n"), "one\\n\\ttwo\\r\\n");
    }

    #[test]
    fn json_keeps_its_values() {
        let document = serde_json::json!({ "value": HIDDEN, "log": "##[set-output] ##vso[x]" });
        let text = serde_json::to_string_pretty(&document).unwrap();
        let shown = json(&text);
        assert!(
            shown.contains("\\u009b") && shown.contains("\\udb40\\udc41"),
            "{shown}"
        );
        assert!(
            shown.chars().all(|c| matches!(c, '\n' | ' '..='~')),
            "{shown}"
        );
        assert!(!shown.contains("##["), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            document
        );
    }

    #[test]
    fn no_line_is_a_command_of_a_build_server() {
        let text = "  ::add-mask::a\n::stop-commands::b\n+ ::x::\n##[error]c ##vso[task]\n";
        assert_eq!(
            visible(text),
            "  \\u003a:add-mask::a\n\\u003a:stop-commands::b\n+ ::x::\n\\u0023#[error]c \\u0023#vso[task]\n"
        );
        for plain in ["::/0", "  ::1\n", "AWS::S3::Bucket\n", "## heading"] {
            assert_eq!(visible(plain), plain);
        }
    }
}
