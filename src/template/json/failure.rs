//! Describes why a text is not JSON: the place, the cause and the remedy.

use std::ops::Range;

use jsonc_parser::ParseStringErrorKind as InString;
use jsonc_parser::errors::{ParseError, ParseErrorKind as Kind};

const NO_COMMA: &str = "JSON does not allow a comma after the last member";
const NO_COMMENT: &str = "write a template with comments in YAML";
const ESCAPES: &str = "the escapes of JSON are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX";
const QUOTES: &str = "put keys and strings in double quotes";

const SPACE: &str = "JSON allows only spaces, tabs and line breaks between values";

/// An error in a text.
pub(super) struct Wrong {
    /// The bytes of the text.
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

impl Wrong {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        let (message, help) = (message.into(), None);
        Self {
            span,
            message,
            help,
        }
    }

    pub(super) fn with_help(self, help: &'static str) -> Self {
        let help = Some(help);
        Self { help, ..self }
    }

    /// Returns the error at which the parser stopped.
    pub(super) fn of(text: &str, error: &ParseError) -> Self {
        let (start, end) = (error.range().start, error.range().end);
        let expected = |what: &str| Self::expected(text, start, what);
        match error.kind() {
            Kind::String(InString::UnterminatedStringLiteral) => {
                Self::new(start..start + 1, "the string is not closed")
            }
            Kind::String(InString::ExpectedFourHexDigits) => {
                Self::new(start..start + 2, "expected four hexadecimal digits")
            }
            Kind::String(InString::InvalidUnicodeEscapeSequence(_)) => {
                Self::new(start..start + 6, "half of a surrogate pair")
            }
            Kind::String(_) => {
                Self::new(start..end, "an unknown escape in a string").with_help(ESCAPES)
            }
            Kind::UnterminatedObject => Self::new(start..start + 1, "this `{` is never closed"),
            Kind::UnterminatedArray => Self::new(start..start + 1, "this `[` is never closed"),
            Kind::TrailingCommasNotAllowed => {
                Self::expected(text, end, "another member after the comma").with_help(NO_COMMA)
            }
            Kind::ExpectedDigit
            | Kind::ExpectedDigitFollowingNegativeSign
            | Kind::ExpectedPlusMinusOrDigitInNumberLiteral
            | Kind::BareDecimalPointNumbersNotAllowed
            | Kind::HexadecimalNumbersNotAllowed
            | Kind::NonFiniteNumbersNotAllowed
            | Kind::UnaryPlusNumbersNotAllowed => Self::number(text, start),
            // The parser ends a number after its leading zero.
            Kind::ExpectedComma if is_inside_number(text, start) => Self::number(text, start),
            Kind::ExpectedComma => expected("`,` or a closing bracket"),
            Kind::ExpectedColonAfterObjectKey => expected("`:` after the key"),
            Kind::ExpectedObjectValue => expected("a value"),
            Kind::UnexpectedCloseBrace
            | Kind::UnexpectedCloseBracket
            | Kind::UnexpectedColon
            | Kind::UnexpectedComma => expected(if follows(text, start, &['[', ',', ':']) {
                "a value"
            } else {
                "`,` or `]`"
            }),
            Kind::ExpectedStringObjectProperty => expected("a key in double quotes"),
            Kind::UnexpectedTokenInObject => expected(if follows(text, start, &['{', ',']) {
                "a key in double quotes"
            } else {
                "`,` or `}`"
            }),
            Kind::MultipleRootJsonValues => expected("the end of the template"),
            _ => Self::token(text, start),
        }
    }

    /// Returns the error that something else is expected at `at`, or after the white space there.
    pub(super) fn expected(text: &str, at: usize, what: &str) -> Self {
        let rest = text.get(at..).unwrap_or_default();
        let rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let at = text.len() - rest.len();
        match rest.chars().next() {
            Some(found) => {
                let message = format!("expected {what}, found `{found}`");
                Self::new(at..at + found.len_utf8(), message)
            }
            None => Self::new(at..at, format!("expected {what}, but the text ends here")),
        }
    }

    /// Returns the error about a token that JSON allows only in strings.
    pub(super) fn token(text: &str, at: usize) -> Self {
        let rest = text.get(at..).unwrap_or_default();
        let word = rest.len()
            - rest
                .trim_start_matches(|it: char| it.is_ascii_alphanumeric())
                .len();
        let other = rest.chars().next().unwrap_or_default();
        let span = at..at + word.max(other.len_utf8());
        if ["//", "/*", "#"]
            .iter()
            .any(|start| rest.starts_with(start))
        {
            return Self::new(at..at + 1, "JSON does not support comments").with_help(NO_COMMENT);
        }
        if let Some(word) = rest.get(..word).filter(|word| !word.is_empty()) {
            return Self::new(span, format!("`{word}` is not a JSON value")).with_help(QUOTES);
        }
        if other == '\'' {
            return Self::new(span, "a string in single quotes").with_help(QUOTES);
        }
        let message = format!("unexpected `{}`", other.escape_debug());
        let help = if other.is_whitespace() { SPACE } else { QUOTES };
        Self::new(span, message).with_help(help)
    }

    /// Returns the error about the number at `at`, which may be any byte of it.
    fn number(text: &str, at: usize) -> Self {
        let is_part = |it: char| it.is_ascii_alphanumeric() || ['+', '-', '.'].contains(&it);
        let before = text.get(..at).unwrap_or_default();
        let start = before.trim_end_matches(is_part).len();
        let rest = text.get(start..).unwrap_or_default();
        let end = text.len() - rest.trim_start_matches(is_part).len();
        let number = text.get(start..end).unwrap_or_default();
        let mut digits = number.trim_start_matches('-').bytes();
        let has_leading_zero =
            digits.next() == Some(b'0') && digits.next().is_some_and(|next| next.is_ascii_digit());
        let message = format!("`{number}` is not a JSON number");
        Self::new(start..end, message).with_help(if has_leading_zero {
            "put it in quotes: a JSON number cannot have leading zeros"
        } else {
            "put it in quotes if it is a string"
        })
    }
}

/// Returns whether one of these characters precedes `at`, not counting white space.
fn follows(text: &str, at: usize, characters: &[char]) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.trim_end().ends_with(characters)
}

fn is_inside_number(text: &str, at: usize) -> bool {
    let around = text.as_bytes().get(at.saturating_sub(1)..=at);
    around.is_some_and(|around| around.iter().all(u8::is_ascii_digit))
}
