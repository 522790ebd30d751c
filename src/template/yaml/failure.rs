//! Describes an error in the syntax of YAML: the place, the cause and the remedy.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use super::super::syntax::Findings;

/// Reports a syntax error.
pub(super) fn report(error: &ScanError, findings: &mut Findings<'_>) {
    let text: &str = &findings.source().text;
    let at = error.marker().byte_offset().unwrap_or(text.len());
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        findings.too_deep(character(text, at));
        return;
    }
    let (message, span, help) = if let Some(tab) = tab(error.kind(), text, at) {
        let help = "YAML is indented with spaces, never with tabs";
        ("a tab in the indentation".into(), tab..tab + 1, Some(help))
    } else {
        let unknown_escape = match error.kind() {
            ErrorKind::UnknownQuotedScalarEscape => unknown_escape(text, at),
            _ => None,
        };
        let span = unknown_escape.unwrap_or_else(|| character(text, at));
        (message(error), span, help(error.kind(), text, at))
    };
    let message = format!("this is not YAML: {message}");
    findings.error("yaml-syntax", message, span, help);
}

/// Returns the bytes of the first unknown escape in the double-quoted string that starts at `at`.
fn unknown_escape(text: &str, at: usize) -> Option<Range<usize>> {
    const KNOWN: &str = "0abtnvfre \"/\\N_LPxuU\t\r\n";
    let mut characters = text.get(at..)?.char_indices();
    while let Some((backslash, character)) = characters.next() {
        if character == '\\' {
            let (start, escaped) = characters.next()?;
            if !KNOWN.contains(escaped) {
                return Some(at + backslash..at + start + escaped.len_utf8());
            }
        }
    }
    None
}

/// Returns the place of a tab in the indentation, if the tab causes the error.
fn tab(kind: &ErrorKind, text: &str, at: usize) -> Option<usize> {
    let start = line_start(text, at);
    let rest = match kind {
        // The parser reports the start of the value, which may be several lines above the tab.
        ErrorKind::TabInPlainScalar | ErrorKind::TabAtBlockScalarStart => text.get(start..)?,
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry => text.get(start..)?.lines().next()?,
        _ => return None,
    };
    let mut line = start;
    for content in rest.split_inclusive('\n') {
        let words = content.trim_start_matches([' ', '\t']);
        let indentation = content.get(..content.len() - words.len())?;
        if let Some(tab) = indentation.find('\t').filter(|_| !words.trim().is_empty()) {
            return Some(line + tab);
        }
        line += content.len();
    }
    None
}

/// Returns the message: the parser's, or a plainer one if the parser's is hard to understand.
fn message(error: &ScanError) -> Cow<'static, str> {
    match error.kind() {
        ErrorKind::UnexpectedCharacter { character } => {
            format!("a value cannot start with `{}`", character.escape_debug()).into()
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            format!("this `{open}` is never closed").into()
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            format!("this `{open}` is closed by a `{close}`").into()
        }
        ErrorKind::UnclosedQuotedScalar => "this quote is never closed".into(),
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => "text after the closing quote".into(),
        ErrorKind::UnknownQuotedScalarEscape => "an unknown escape in double quotes".into(),
        ErrorKind::MissingLowSurrogate
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::UnpairedLowSurrogate => "half of a surrogate pair".into(),
        ErrorKind::BlockSequenceEntryNotAllowed => "a list cannot start here".into(),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "the key has no `:`".into(),
        ErrorKind::ExpectedNodeContent
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => "a value is missing here".into(),
        ErrorKind::InvalidColonPlacement => "unexpected `:` inside brackets".into(),
        ErrorKind::UndeclaredTagHandle => "a tag with a second `!`".into(),
        _ => error.info().into(),
    }
}

/// Returns the remedy.
fn help(kind: &ErrorKind, text: &str, at: usize) -> Option<&'static str> {
    let before = text.get(line_start(text, at)..at).unwrap_or_default();
    let help = match kind {
        ErrorKind::UnexpectedCharacter { .. } => "put the value in quotes",
        ErrorKind::MappingValueNotAllowed if before.contains(": ") => {
            "put a value that contains `: ` in quotes"
        }
        ErrorKind::MappingValueNotAllowed => {
            "check that the line above has a `:` and a space after it, or indent this line less"
        }
        ErrorKind::MappingKeyNotAllowed => "put a value that starts with `? ` in quotes",
        ErrorKind::ExpectedBlockMappingKey => {
            "compare the indentation with the line above, and check that each key has a `:`"
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "start the line with `- `, or indent it as part of the element above"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "write `: ` after the key, or indent the line if it continues the value above"
        }
        ErrorKind::MismatchedFlowCollectionEnd { .. }
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::InvalidColonPlacement => {
            "check that every bracket is closed and that commas separate the values"
        }
        ErrorKind::BlockSequenceEntryNotAllowed => "start the list on a new line below its key",
        ErrorKind::BlockEntryInFlowCollection
        | ErrorKind::PlainScalarStartsWithDashFlowIndicator => {
            "put the `-` in quotes, or remove it if it starts a list"
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            "write a single quote inside single quotes twice: `''`"
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "write a double quote inside double quotes as `\\\"`"
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            "write a backslash as `\\\\`, or use single quotes, which have no escapes"
        }
        ErrorKind::CommentNotSeparated => "put a space before the `#`",
        ErrorKind::InvalidBlockScalarHeader => "start the text on the next line",
        _ => return None,
    };
    Some(help)
}

fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |newline| newline + 1)
}

/// Returns the bytes of the character at `at`; an empty range at the end of a line or of the text.
fn character(text: &str, at: usize) -> Range<usize> {
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    let length = next.filter(|next| *next != '\n').map_or(0, char::len_utf8);
    at..at + length
}
