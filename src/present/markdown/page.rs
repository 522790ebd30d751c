//! A Markdown text for a comment: what it is made of, and how it is kept within what a comment takes.
//!
//! Values come from anywhere and may hold anything: they stand only in fenced blocks whose fence is
//! longer than any run of backticks in them; names and sentences stand escaped. GitHub takes [`LIMIT`]
//! characters, so the text grows by whole blocks: one that does not fit is left out, or put in short,
//! and never cut inside a fence, a table or a folded part.

use similar::{ChangeTag, TextDiff};

use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::present::human::count;

/// How many characters a comment on GitHub may have.
pub(in crate::present) const LIMIT: usize = 65_536;

/// Room for the last line, which says what was left out.
const RESERVE: usize = 1_000;

/// The lines around a difference that are shown with it.
const CONTEXT: usize = 3;

/// A text that grows by whole blocks and never past the limit.
pub(in crate::present) struct Page {
    pub(in crate::present) text: String,
    length: usize,
    left_out: usize,
}

impl Page {
    /// Returns a page that begins with this text, which is never left out.
    pub(in crate::present) fn new(heading: String) -> Self {
        Self {
            length: heading.chars().count(),
            text: heading,
            left_out: 0,
        }
    }

    /// Adds a block; where it does not fit, a shorter one in its place, or nothing.
    pub(in crate::present) fn push(&mut self, block: &str, shorter: &str) {
        let room = LIMIT.saturating_sub(RESERVE).saturating_sub(self.length);
        let length = block.chars().count();
        if length <= room {
            self.text.push_str(block);
            self.length += length;
            return;
        }
        self.left_out += 1;
        let length = shorter.chars().count();
        if length <= room {
            self.text.push_str(shorter);
            self.length += length;
        }
    }

    /// Returns the text; where something was left out, with a last line that names what shows all.
    pub(in crate::present) fn finish(mut self, command: &str) -> String {
        if self.left_out > 0 {
            self.text.push_str(&format!(
                "\n**The details of {} are left out here; `{command}` shows all.**\n",
                count(self.left_out, "part")
            ));
        }
        self.text
    }
}

/// Adds the lines of a value before and after, those of a long text as a diff.
pub(in crate::present) fn push_value(
    lines: &mut Vec<String>,
    name: &str,
    before: Option<&str>,
    after: Option<&str>,
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
    push_lines(lines, before, after, "  ");
}

/// Adds a line diff, with a mark where equal lines are left out.
pub(in crate::present) fn push_lines(
    lines: &mut Vec<String>,
    before: &str,
    after: &str,
    indent: &str,
) {
    let diff = TextDiff::from_lines(before, after);
    for (number, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if number > 0 {
            lines.push(format!("  {indent}…"));
        }
        for line in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            let sign = match line.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let text = line.value().trim_end_matches(['\n', '\r']);
            lines.push(format!("{sign} {indent}{text}").trim_end().to_owned());
        }
    }
}

/// Returns a part that can be folded; `title` and `inside` are Markdown already.
pub(in crate::present) fn details(title: &str, inside: &str, open: bool) -> String {
    let open = if open { " open" } else { "" };
    format!("\n<details{open}><summary>{title}</summary>\n\n{inside}\n</details>\n")
}

/// Returns lines as a diff block that nothing in them can end.
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

/// Returns text that stands for itself in HTML and in Markdown, on one line.
pub(in crate::present) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => safe.push(' '),
            '&' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '|' | '\\' | '@' | '#' | '~' => {
                safe.push_str(&format!("&#{};", u32::from(character)));
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Returns a sentence as [`escaped`], with what stands between backticks as code.
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
