//! One word that a shell offers.

use crate::present::one_line;

/// The longest description, in characters.
const LONGEST: usize = 80;

/// A value and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The value.
    pub(crate) text: String,
    /// Its description; may be empty.
    pub(crate) description: String,
    /// Whether more of the word follows, so that the shell adds no space.
    pub(crate) continues: bool,
}

impl Named {
    /// Returns a value that is complete.
    pub(crate) fn new(text: &str, description: String) -> Self {
        Self {
            text: text.to_owned(),
            description,
            continues: false,
        }
    }

    /// Returns the start of a word.
    pub(crate) fn start(text: String, description: &str) -> Self {
        Self {
            text,
            description: description.to_owned(),
            continues: true,
        }
    }
}

/// A word that a shell offers. What it adds to what was typed is the same text for every shell: letters,
/// digits, and signs that no shell interprets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The whole word.
    pub(crate) word: String,
    /// One line of visible characters; may be empty.
    pub(crate) description: String,
    /// Whether more of the word follows.
    pub(crate) continues: bool,
}

impl Candidate {
    /// Returns the word for a value that begins with `typed`; `before` is the word's part before the value.
    /// Returns `None` if a shell could interpret the value.
    pub(super) fn new(before: &str, typed: &str, named: &Named) -> Option<Self> {
        let added = named.text.strip_prefix(typed)?;
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,@%+".contains(it);
        if !added.chars().all(is_plain) {
            return None;
        }
        Some(Self {
            word: format!("{before}{}", named.text),
            description: visible(&named.description),
            continues: named.continues,
        })
    }
}

/// Returns the first line of a text without characters that a terminal interprets, shortened.
fn visible(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = one_line(line);
    if line.chars().count() <= LONGEST {
        return line.into_owned();
    }
    let start: String = line.chars().take(LONGEST - 1).collect();
    format!("{}…", start.trim_end())
}
