//! What differs inside two strings that are documents themselves.
//!
//! A state machine, a dashboard or a build specification often stands in one string. To CloudFormation
//! a string is a string, and one changed byte is a change; people want to know which member it was.

use std::borrow::Cow;

use super::{path_text, values};
use crate::diagnostic::SourceFile;
use crate::template::node::Node;
use crate::template::{Template, emit, json};

/// A value inside two documents that differs. Values are scalars, or YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// The way to it, as [`Change::path_text`](super::Change::path_text) writes it.
    pub path: String,
    /// The value before; `None` where it is new.
    pub before: Option<String>,
    /// The value after; `None` where it is gone.
    pub after: Option<String>,
}

/// Returns what differs inside two strings, where both are JSON or both are YAML of several lines;
/// empty where only their layout differs, `None` where they are no documents.
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

/// Returns the map that a text of several lines spells in YAML; a script is none.
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
        let said = |inner: Inner| {
            let (before, after) = (inner.before, inner.after);
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            format!("{}: {before} => {after}", inner.path)
        };
        let found = inside(&node(before), &node(after))?;
        Some(found.into_iter().map(said).collect())
    }

    #[test]
    fn documents_are_compared_by_what_they_say() {
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
