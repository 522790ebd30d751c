//! The Markdown text of a comment: its building blocks and its length limit.
//!
//! Values may contain any text. They are only used in fenced blocks with a fence that is longer than
//! any run of backticks in the block. Names and sentences are escaped. GitHub accepts [`LIMIT`]
//! characters, so the text consists of whole blocks. A block that does not fit is omitted or replaced
//! by a shorter one. Nothing is truncated inside a fence, a table, or a folded section.

use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::present::human::count;
use crate::present::line_diff::line_diff;

/// The highest number of characters in a GitHub comment.
pub(in crate::present) const LIMIT: usize = 65_536;

/// Characters reserved for the last line, which says how much was omitted.
const RESERVE: usize = 1_000;

/// The number of equal lines around a difference.
pub(in crate::present) const CONTEXT: usize = 3;

/// A text of whole blocks that never exceeds [`LIMIT`] characters.
pub(in crate::present) struct Page {
    pub(in crate::present) text: String,
    length: usize,
    omitted: usize,
}

impl Page {
    /// Returns a page that starts with `heading`, which is never omitted.
    pub(in crate::present) fn new(heading: String) -> Self {
        Self {
            length: heading.chars().count(),
            text: heading,
            omitted: 0,
        }
    }

    /// Adds a block. If it does not fit, adds `shorter` instead, or nothing.
    pub(in crate::present) fn push(&mut self, block: &str, shorter: &str) {
        let room = LIMIT.saturating_sub(RESERVE).saturating_sub(self.length);
        let length = block.chars().count();
        if length <= room {
            self.text.push_str(block);
            self.length += length;
            return;
        }
        self.omitted += 1;
        let length = shorter.chars().count();
        if length <= room {
            self.text.push_str(shorter);
            self.length += length;
        }
    }

    /// Returns the text. If a block was omitted, the last line names the `command` that shows everything.
    pub(in crate::present) fn finish(mut self, command: &str) -> String {
        if self.omitted > 0 {
            self.text.push_str(&format!(
                "\n**The details of {} are omitted; run `{command}` to see everything.**\n",
                count(self.omitted, "part")
            ));
        }
        self.text
    }
}

/// Adds the old and new value. Values of several lines become a line diff.
pub(in crate::present) fn push_value(
    lines: &mut Vec<String>,
    name: &str,
    before: Option<&str>,
    after: Option<&str>,
    context: usize,
) {
    let shown = |value: &str| value.replace(KNOWN_AFTER_APPLY, "(known after apply)");
    let (before, after) = (before.map(shown), after.map(shown));
    let (before, after) = (before.as_deref(), after.as_deref());
    let is_long = |value: Option<&str>| value.is_some_and(|value| value.contains('\n'));
    if !is_long(before) && !is_long(after) {
        let line = |sign, value| format!("{sign} {name}: {value}");
        lines.extend(before.map(|value| line('-', value)));
        lines.extend(after.map(|value| line('+', value)));
        return;
    }
    lines.push(format!("  {name}:"));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    push_lines(lines, [before, after], "  ", context);
}

/// Adds a line diff with `context` equal lines, and `…` in place of omitted equal lines.
pub(in crate::present) fn push_lines(
    lines: &mut Vec<String>,
    [before, after]: [&str; 2],
    indent: &str,
    context: usize,
) {
    let diff = line_diff(before, after, context).into_iter();
    lines.extend(diff.map(|line| match line {
        Some((sign, text)) => format!("{sign} {indent}{text}").trim_end().to_owned(),
        None => format!("  {indent}…"),
    }));
}

/// Returns a foldable section. `title` and `inside` are already Markdown.
pub(in crate::present) fn details(title: &str, inside: &str, open: bool) -> String {
    let open = if open { " open" } else { "" };
    format!("\n<details{open}><summary>{title}</summary>\n\n{inside}\n</details>\n")
}

/// Returns lines as a fenced diff block. No text in the lines can end the block.
pub(in crate::present) fn fenced(lines: &[String]) -> String {
    let text = lines.join("\n");
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}diff\n{text}\n{fence}\n")
}

/// Returns text on one line, escaped for HTML and Markdown. It becomes no markup, link or mention.
pub(in crate::present) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => safe.push(' '),
            '&' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '|' | '\\' | '~' => {
                safe.push_str(&format!("&#{};", u32::from(character)));
            }
            // GitHub looks for mentions and references after it has resolved the entities. Only a
            // zero-width space after the sign prevents them.
            '@' | '#' => safe.push_str(&format!("&#{};&#8203;", u32::from(character))),
            _ => safe.push(character),
        }
    }
    // Likewise for addresses, which become links.
    safe.replace("://", ":&#8203;//")
        .replace("www.", "www&#8203;.")
}

/// Returns a sentence like [`escaped`], but with the text between backticks as code.
pub(in crate::present) fn prose(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escaped).collect();
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let parts = parts.into_iter().enumerate().map(|(number, part)| {
        if number % 2 == 1 {
            format!("<code>{part}</code>")
        } else {
            part
        }
    });
    parts.collect()
}
