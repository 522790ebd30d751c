//! The differences between two strings that contain JSON or YAML documents.
//!
//! A state machine, a dashboard or a build specification is often one string. CloudFormation only
//! reports that the string changed; the user wants to know which member of the document changed.

use std::borrow::Cow;

use super::{path_text, values};
use crate::diagnostic::SourceFile;
use crate::template::node::Node;
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
        _ => (yaml_document(old)?, yaml_document(new)?),
    };
    let changes = values(&old, &new);
    let inner = changes.iter().map(|change| Inner {
        path: path_text(&change.path),
        before: change.before.map(text),
        after: change.after.map(text),
    });
    Some(inner.collect())
}

fn text(node: &Node) -> String {
    node.scalar().map_or_else(
        || emit::to_yaml(node).trim_end().to_owned(),
        Cow::into_owned,
    )
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
