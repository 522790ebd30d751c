//! A finding that points at a place in a text.
//!
//! The manifest, the template and the rendered stack all report what they find as a [`Diagnostic`].
//! It is plain data: `present` draws it with the quoted line and a caret.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text and the name under which the user knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path as the user would type it from the current folder, or a name such as `STACKCTL_REGION`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// Returns a source that several diagnostics can share.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
        })
    }

    /// Returns the line and the column of a byte offset, both from 1. The column counts characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

/// How many findings are shown. Who has more has one mistake that repeats.
pub const SHOWN: usize = 100;

/// The rule of the note that counts the findings that are not shown.
const NOT_SHOWN: &str = "not-shown";

/// Returns the first [`SHOWN`] findings, errors before warnings, in their order, and a note that counts
/// the others. A list that is only a little longer is returned as it is.
pub fn capped(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let is_note = |it: &Diagnostic| it.rule == NOT_SHOWN;
    if found.len() <= SHOWN || found.len() == SHOWN + 1 && found.iter().any(is_note) {
        return found;
    }
    let is_error = |it: &Diagnostic| it.severity == Severity::Error;
    let errors = found.iter().filter(|it| is_error(it)).count();
    let (mut shown_errors, mut shown_others) = (0, 0);
    let others_allowed = SHOWN.saturating_sub(errors);
    let total = found.len();
    let mut shown = Vec::with_capacity(SHOWN + 1);
    let mut first_hidden = None;
    for finding in found {
        let (count, allowed) = if is_error(&finding) {
            (&mut shown_errors, SHOWN)
        } else {
            (&mut shown_others, others_allowed)
        };
        if *count < allowed {
            *count += 1;
            shown.push(finding);
        } else if first_hidden.is_none() {
            first_hidden = Some(finding);
        }
    }
    if let Some(mut note) = first_hidden {
        note.severity = Severity::Note;
        note.rule = NOT_SHOWN.into();
        note.message = format!(
            "{} more findings are not shown: this is the first of them",
            total - shown.len()
        );
        note.help.clear();
        shown.push(note);
    }
    shown
}

/// How much a finding matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Probably not what was meant; the command goes on.
    Warning,
    /// Wrong; the command stops before it writes anything.
    Error,
}

impl Severity {
    /// Returns its name in the manifest and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A range of a text, with a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: Arc<SourceFile>,
    /// Byte offsets into the text. An empty range points between two characters.
    pub span: Range<usize>,
    /// The label next to the caret; may be empty.
    pub label: String,
}

/// A finding about one place in a text, perhaps with further places that explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// The rule's stable name: stackctl's own are in kebab-case, such as `unknown-key`; a linter's are as
    /// the linter names them.
    pub rule: Cow<'static, str>,
    /// What is wrong, a lower-case fragment without a full stop.
    pub message: String,
    /// Where. The first is the primary place.
    pub places: Vec<Place>,
    /// What is allowed, or what to do: each becomes a `help:` line.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// Returns an error at one place.
    pub fn error(
        rule: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        place: Place,
    ) -> Self {
        Self::new(Severity::Error, rule, message, place)
    }

    /// Returns a warning at one place.
    pub fn warning(
        rule: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        place: Place,
    ) -> Self {
        Self::new(Severity::Warning, rule, message, place)
    }

    /// Returns a finding at one place.
    pub fn new(
        severity: Severity,
        rule: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        place: Place,
    ) -> Self {
        Self {
            severity,
            rule: rule.into(),
            message: message.into(),
            places: vec![place],
            help: Vec::new(),
        }
    }

    /// Adds a further place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Place, SHOWN, Severity, SourceFile, capped};

    fn finding(severity: Severity, number: usize) -> Diagnostic {
        let place = Place {
            source: SourceFile::new("t", "text"),
            span: 0..1,
            label: String::new(),
        };
        Diagnostic::new(severity, "rule", number.to_string(), place)
    }

    #[test]
    fn a_hundred_findings_are_shown_errors_first_and_the_rest_is_counted() {
        let warnings = || (0..250).map(|number| finding(Severity::Warning, number));
        let few: Vec<_> = warnings().take(SHOWN).collect();
        assert_eq!(capped(few.clone()), few);

        let many: Vec<_> = warnings()
            .chain([finding(Severity::Error, 250), finding(Severity::Error, 251)])
            .collect();
        let shown = capped(many);
        assert_eq!(shown.len(), SHOWN + 1);
        let messages: Vec<&str> = shown.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(messages[97..100], ["97", "250", "251"]);
        assert_eq!(
            messages[100],
            "152 more findings are not shown: this is the first of them"
        );
        assert_eq!(shown[100].severity, Severity::Note);
        assert_eq!(capped(shown.clone()), shown);
    }
}
