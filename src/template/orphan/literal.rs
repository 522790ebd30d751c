//! The value that replaces a reference.

use std::ops::Range;

use crate::template::node::{Node, Value};

/// The value that replaces a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl Literal {
    /// Returns the value as a node.
    pub(super) fn node(&self, span: Range<usize>) -> Node {
        let text = |text: &String| Node {
            span: span.clone(),
            value: Value::String(text.clone()),
        };
        match self {
            Self::Text(value) => text(value),
            Self::List(values) => Node {
                span: span.clone(),
                value: Value::List(values.iter().map(text).collect()),
            },
        }
    }

    /// Returns the value as it is written in a template.
    pub fn written(&self) -> String {
        match self {
            Self::Text(value) => quoted(value),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                format!("[{}]", values.join(", "))
            }
        }
    }
}

/// Returns a text in the quotes of JSON, which YAML reads too.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
