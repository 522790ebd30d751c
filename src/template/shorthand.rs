//! A value as one short line of text.
//!
//! In a table of permissions, `${Role.Arn}` is easier to read than a map with one key. So a reference
//! is written as `Fn::Sub` writes it.

use super::emit;
use super::node::Node;

/// Returns `${Name}` for a `Ref`, `${Name.Attribute}` for an `Fn::GetAtt`, and the text of an
/// `Fn::Sub` or an `Fn::Join`; `None` for any other value.
pub fn reference(node: &Node) -> Option<String> {
    let (function, argument) = node.intrinsic()?;
    let argument = &argument.node;
    match function {
        "Ref" => Some(format!("${{{}}}", argument.as_str()?)),
        "Fn::GetAtt" => {
            let parts: Option<Vec<&str>> = argument.elements().iter().map(Node::as_str).collect();
            Some(format!("${{{}}}", parts?.join(".")))
        }
        "Fn::Sub" => Some(argument.as_str()?.to_owned()),
        "Fn::Join" => {
            let [separator, parts] = argument.as_list()? else {
                return None;
            };
            let parts: Vec<String> = parts.as_list()?.iter().map(text).collect();
            Some(parts.join(separator.as_str()?))
        }
        _ => None,
    }
}

/// Returns the text of a scalar, the text of a [`reference()`], or any other value as YAML on one
/// line.
pub fn text(node: &Node) -> String {
    match node.scalar() {
        Some(scalar) => scalar.into_owned(),
        None => reference(node).unwrap_or_else(|| one_line(node)),
    }
}

/// Returns a value as YAML on one line.
pub fn one_line(node: &Node) -> String {
    let yaml = emit::to_yaml(node);
    yaml.split_whitespace().collect::<Vec<_>>().join(" ")
}
