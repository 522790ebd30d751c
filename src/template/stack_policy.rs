//! A stack policy: the JSON document that controls which resources an update may change.
//!
//! The project's file is compared with the text that CloudFormation returns. The two are compared as
//! JSON values, so white space does not count.

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, SourceFile};

/// The largest policy, in bytes (`SetStackPolicy`, `StackPolicyBody`).
const LIMIT: usize = 16_384;

/// A stack policy.
#[derive(Debug, Clone, PartialEq)]
pub struct StackPolicy(Value);

impl StackPolicy {
    /// Parses a policy. CloudFormation checks the statements itself.
    ///
    /// # Errors
    ///
    /// If the text is not JSON, has no `Statement` list, or is larger than 16,384 bytes.
    pub fn parse(source: &Arc<SourceFile>) -> Result<Self, Diagnostic> {
        let wrong = |at: usize, message: String| {
            let place = Place {
                source: Arc::clone(source),
                span: at..at,
                label: String::new(),
            };
            Diagnostic::error("bad-stack-policy", message, place)
        };
        let value: Value = serde_json::from_str(&source.text).map_err(|error| {
            let message = error.to_string();
            // serde_json appends the place, which the diagnostic already has.
            let message = message.split(" at line ").next().unwrap_or_default();
            let at = offset(&source.text, error.line(), error.column());
            wrong(at, format!("this is not valid JSON: {message}"))
        })?;
        let policy = Self(value);
        if !policy.0.get("Statement").is_some_and(Value::is_array) {
            let problem = wrong(
                0,
                "a stack policy must be an object with a `Statement` list".to_owned(),
            );
            return Err(problem.help(
                "for example `{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"Update:*\", \
                 \"Principal\": \"*\", \"Resource\": \"*\"}]}`",
            ));
        }
        let length = policy.text().len();
        if length > LIMIT {
            let problem = wrong(0, format!("the stack policy has {length} bytes"));
            return Err(problem.help(format!("CloudFormation accepts at most {LIMIT} bytes")));
        }
        Ok(policy)
    }

    /// Returns whether the text that CloudFormation returned is this policy.
    pub fn is(&self, deployed: &str) -> bool {
        serde_json::from_str::<Value>(deployed).is_ok_and(|deployed| deployed == self.0)
    }

    /// Returns the policy as JSON without white space, as it is sent and shown.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Returns the byte offset of a line and a column, both counted from 1. The column counts bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut at = (before + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use super::{LIMIT, StackPolicy};
    use crate::diagnostic::SourceFile;

    const ALLOW: &str =
        r#"{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}"#;

    #[test]
    fn white_space_and_the_order_of_keys_do_not_count() {
        let spaced = ALLOW.replace(',', " ,\n  ");
        let policy = StackPolicy::parse(&SourceFile::new("policy.json", spaced)).unwrap();
        assert_eq!(policy.text(), ALLOW);
        let swapped = ALLOW.replace(
            r#""Effect":"Allow","Action":"Update:*""#,
            r#""Action":"Update:*","Effect":"Allow""#,
        );
        assert!(policy.is(ALLOW) && policy.is(&swapped));
        assert!(!policy.is(&ALLOW.replace("Allow", "Deny")));
        assert!(!policy.is("no JSON"));
    }

    #[test]
    fn mistakes_are_reported_at_their_place() {
        let long = ALLOW.replace("Update:*", &"x".repeat(LIMIT));
        let cases = [
            ("{\n  \"Statement\": [,]\n}", (2, 17), "expected value"),
            ("{\"Statement\": [\"ü\", ?]}", (1, 21), "expected value"),
            ("", (1, 1), "EOF while parsing"),
            ("[]", (1, 1), "an object with a `Statement` list"),
            (r#"{"Statement": {}}"#, (1, 1), "a `Statement` list"),
            (long.as_str(), (1, 1), "16461 bytes"),
        ];
        for (text, place, message) in cases {
            let source = SourceFile::new("policy.json", text);
            let found = StackPolicy::parse(&source).unwrap_err();
            assert!(found.message.contains(message), "{found:?}");
            assert_eq!(source.position(found.places[0].span.start), place, "{text}");
        }
    }
}
