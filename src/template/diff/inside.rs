//! The differences between two strings that contain JSON or YAML documents.
//!
//! A state machine, a dashboard or a build specification is often one string. CloudFormation only
//! reports that the string changed; the user wants to know which member of the document changed.

use std::borrow::Cow;

use super::{documents, path_text};
use crate::diagnostic::SourceFile;
use crate::template::node::{Node, Value};
use crate::template::{Template, emit, json};

/// A difference inside two documents. Values are the text of a scalar, or YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// The path of the value, as [`Change::path_text`](super::Change::path_text) returns it.
    pub path: String,
    /// The value before; `None` if it was added.
    pub before: Option<String>,
    /// The value after; `None` if it was removed.
    pub after: Option<String>,
}

/// Returns the differences between two strings if both are JSON, or both are YAML of several lines.
/// Returns an empty list if only the layout differs, and `None` if the strings are not documents.
pub fn inside(before: &Node, after: &Node) -> Option<Vec<Inner>> {
    let (old, new) = (before.as_str()?, after.as_str()?);
    let (old, new) = match (json::document(old), json::document(new)) {
        (Some(old), Some(new)) => (old, new),
        // A first line such as `#cloud-config` says how the rest is read.
        _ if first_comment(old) != first_comment(new) => return None,
        _ => (yaml_document(old)?, yaml_document(new)?),
    };
    let changes = documents(&old, &new);
    let inner = changes.iter().map(|change| {
        let (mut before, mut after) = (change.before.map(text), change.after.map(text));
        if before == after {
            // Only the types differ.
            (before, after) = (change.before.map(typed), change.after.map(typed));
        }
        Inner {
            path: path_text(&change.path),
            before,
            after,
        }
    });
    Some(inner.collect())
}

fn text(node: &Node) -> String {
    match &node.value {
        Value::Number(text) | Value::Plain(text) => text.clone(),
        _ => node.scalar().map_or_else(|| typed(node), Cow::into_owned),
    }
}

/// Returns a value as YAML, in which a string is in quotes if it looks like a value of another type.
fn typed(node: &Node) -> String {
    emit::to_yaml(node).trim_end().to_owned()
}

/// Returns the first line, if it is a comment.
fn first_comment(text: &str) -> Option<&str> {
    text.lines().next().filter(|line| line.starts_with('#'))
}

/// Returns the map in a YAML text of several lines; `None` for any other text, such as a script.
fn yaml_document(text: &str) -> Option<Node> {
    let is_candidate = text.trim_end().contains('\n') && text.contains(':');
    if !is_candidate || text.starts_with("#!") || text.trim_start().starts_with('{') {
        return None;
    }
    let template = Template::parse(&SourceFile::new("", text)).ok()?;
    Some(template.root().clone())
}

#[cfg(test)]
mod tests {
    use super::{Inner, inside};
    use crate::template::node::{Node, Value};

    fn show(before: &str, after: &str) -> Option<Vec<String>> {
        let node = |text: &str| Node {
            span: 0..0,
            value: Value::String(text.to_owned()),
        };
        let format_inner = |inner: Inner| {
            let (before, after) = (inner.before, inner.after);
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            format!("{}: {before} => {after}", inner.path)
        };
        let found = inside(&node(before), &node(after))?;
        Some(found.into_iter().map(format_inner).collect())
    }

    #[test]
    fn documents_are_compared_by_content() {
        let same = show(r#"{"a": 1, "b": [2]}"#, "{\"b\":[2],\n\"a\":1}");
        assert_eq!(same, Some(Vec::new()));
        assert_eq!(
            show(
                r#"{"States": {"A": {"End": true}}}"#,
                r#"{"States": {"A": {"Next": "B"}}}"#
            ),
            Some(vec![
                "States.A.End: true => ".to_owned(),
                "States.A.Next:  => B".to_owned()
            ])
        );
        assert_eq!(
            show(
                "version: 1\nphases:\n  build: x\n",
                "version: 2\nphases: {build: x}\n"
            ),
            Some(vec!["version: 1 => 2".to_owned()])
        );
        for (before, after, expected) in [
            (r#"{"a": 1}"#, r#"{"a": "1"}"#, r#"a: 1 => "1""#),
            (r#"{"a": true}"#, r#"{"a": "true"}"#, r#"a: true => "true""#),
            (r#"{"a": null}"#, r#"{"a": "null"}"#, r#"a: null => "null""#),
            (r#"{"a": null}"#, "{}", "a: null => "),
            (r#"{"a": ""}"#, r#"{"a": null}"#, "a:  => null"),
            (r#"{"a": 1.0}"#, r#"{"a": 1}"#, "a: 1.0 => 1"),
            (r#"{"Ref": ["a"]}"#, r#"{"Ref": "a"}"#, "Ref: - a => a"),
            ("a: yes\nb: 1\n", "a: true\nb: 1\n", "a: yes => true"),
            ("a: 08\nb: 1\n", "a: '08'\nb: 1\n", r#"a: 08 => "08""#),
        ] {
            let found = show(before, after).map(|found| found.join("; "));
            assert_eq!(found.as_deref(), Some(expected), "{before} {after}");
        }
        // Lists have an order, also lists of tags, of statements, and of names.
        for (before, after) in [
            (
                r#"[{"Key": "a", "Value": 1}, {"Key": "b", "Value": 2}]"#,
                r#"[{"Key": "b", "Value": 2}, {"Key": "a", "Value": 1}]"#,
            ),
            (
                r#"{"Statement": [{"Effect": "Allow"}, {"Effect": "Deny"}]}"#,
                r#"{"Statement": [{"Effect": "Deny"}, {"Effect": "Allow"}]}"#,
            ),
            (
                r#"{"DependsOn": ["a", "b"]}"#,
                r#"{"DependsOn": ["b", "a"]}"#,
            ),
        ] {
            let found = show(before, after);
            assert!(found.is_some_and(|it| !it.is_empty()), "{before}");
        }
        let config = "a: 1\nb: 2\n";
        assert_eq!(show(config, &format!("#cloud-config\n{config}")), None);
        assert_eq!(show(config, "b: 2 # two\na:   1\n"), Some(Vec::new()));
        for text in [
            "plain",
            "#!/bin/sh\necho a: b\n",
            "{Substitution}",
            "a: b",
            "- a\n- b\n",
        ] {
            assert_eq!(show(text, "version: 2\nphases: {}\n"), None, "{text}");
        }
    }
}
