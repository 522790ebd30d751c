//! A stack policy: the JSON document that controls which resources an update may change.
//!
//! The project's file is compared with the text that CloudFormation returns. The two are compared as
//! JSON values, so white space does not count.

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::util::wildcard;

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

    /// Returns whether the policy allows an action, such as `Update:Delete`, on a resource. What no
    /// statement allows is denied.
    pub fn allows(&self, action: &str, logical_id: &str, kind: &str) -> bool {
        let resource = format!("LogicalResourceId/{logical_id}");
        let statements = self.0.get("Statement").and_then(Value::as_array);
        let mut applying = statements.into_iter().flatten().filter(|statement| {
            covers(statement, "Action", action)
                && covers(statement, "Resource", &resource)
                && is_met(statement.get("Condition"), kind)
        });
        let is_deny = |it: &Value| it.get("Effect").and_then(Value::as_str) == Some("Deny");
        applying.next().is_some_and(|first| !is_deny(first)) && !applying.any(is_deny)
    }

    /// Returns the policy as JSON without white space, as it is sent and shown.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Returns whether an element of a statement, such as `Action` or `NotAction`, covers a text.
fn covers(statement: &Value, element: &str, text: &str) -> bool {
    match (
        statement.get(element),
        statement.get(format!("Not{element}")),
    ) {
        (Some(patterns), _) => matches_any(patterns, text),
        (None, Some(patterns)) => !matches_any(patterns, text),
        (None, None) => false,
    }
}

/// Returns whether a condition holds for a resource type: `StringEquals` or `StringLike` of
/// `ResourceType`.
fn is_met(condition: Option<&Value>, kind: &str) -> bool {
    let operators = condition.and_then(Value::as_object);
    let mut operators = operators.into_iter().flatten();
    operators.all(|(_, operands)| {
        let types = operands.get("ResourceType");
        types.is_none_or(|types| matches_any(types, kind))
    })
}

/// Returns whether a text matches a pattern, or one of a list of patterns. `*` stands for any text.
fn matches_any(patterns: &Value, text: &str) -> bool {
    let list = patterns
        .as_array()
        .map_or(std::slice::from_ref(patterns), Vec::as_slice);
    list.iter()
        .filter_map(Value::as_str)
        .any(|pattern| is_like(pattern, text))
}

fn is_like(pattern: &str, text: &str) -> bool {
    wildcard::is_match(&pattern.to_lowercase(), &text.to_lowercase())
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
    fn what_no_statement_allows_is_denied() {
        let parse = |statements: &str| {
            let text = format!("{{\"Statement\": [{statements}]}}");
            StackPolicy::parse(&SourceFile::new("policy.json", text)).unwrap()
        };
        let all = r#"{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}"#;
        let deny = |rest: &str| format!("{all}, {{\"Effect\": \"Deny\", {rest}}}");
        let allows = |policy: &str| parse(policy).allows("Update:Delete", "Table", "AWS::X::Table");
        assert!(allows(all));
        assert!(!allows(""));
        for denied in [
            r#""Action": "Update:*", "Resource": "*""#,
            r#""Action": ["Update:Replace", "Update:Delete"], "Resource": ["LogicalResourceId/Tab*"]"#,
            r#""Action": "update:delete", "Resource": "LogicalResourceId/*l*e""#,
            r#""NotAction": "Update:Modify", "NotResource": "LogicalResourceId/Other""#,
            r#""Action": "*", "Resource": "*", "Condition": {"StringLike": {"ResourceType": ["AWS::X::*"]}}"#,
        ] {
            assert!(!allows(&deny(denied)), "{denied}");
        }
        for allowed in [
            r#""Action": "Update:Modify", "Resource": "*""#,
            r#""Action": "Update:*", "Resource": "LogicalResourceId/Tab""#,
            r#""Action": "Update:*", "Resource": "LogicalResourceId/*x*""#,
            r#""Action": "*", "Resource": "*", "Condition": {"StringEquals": {"ResourceType": ["AWS::Y"]}}"#,
            r#""Action": "*""#,
        ] {
            assert!(allows(&deny(allowed)), "{allowed}");
        }
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
