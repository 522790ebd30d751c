//! Checks the names and the levels of mappings.
//!
//! A mapping has two levels of keys. CloudFormation says what it accepts only in its errors: `Every
//! Mappings member A must be a map`, `Every Mappings attribute must be a String or a List`, `Mappings
//! element name '10.0.0.0/16' must be non-empty and can contain only alphanumerics, '-' or '.'`,
//! `Mappings attribute name 'a_b' must contain only alphanumeric characters`. It accepts `-` and `.` in
//! names of attributes by now, though the second error says otherwise.

use super::Checks;
use super::transforms::Transform;
use crate::diagnostic::Severity;
use crate::template::node::{Map, Member, Node, Value};

pub(super) fn check(checks: &mut Checks<'_>) {
    // It is not known what the transform makes of the name of an attribute.
    let is_open = checks.transforms.has(Transform::LanguageExtensions);
    for mapping in checks.template.mappings() {
        let is_name = mapping
            .name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric());
        if !is_name {
            let text = format!(
                "the name `{}` has characters other than letters and digits",
                mapping.name
            );
            checks.push(checks.mistake("invalid-name", text, mapping.name_span));
        }
        let Some(elements) = levels(checks, "a mapping", mapping.node) else {
            continue;
        };
        for (element, member) in elements {
            key(checks, element, member, false);
            let Some(attributes) = levels(checks, "an element of a mapping", &member.node) else {
                continue;
            };
            for (attribute, member) in attributes {
                key(checks, attribute, member, is_open);
                value(checks, &member.node);
            }
        }
    }
}

/// Returns the entries of a level, and reports a value that is no map.
fn levels<'t>(checks: &mut Checks<'_>, what: &str, node: &'t Node) -> Option<&'t Map> {
    // A function is reported elsewhere, and so is a missing value.
    if node.intrinsic().is_some() || node.value == Value::Null {
        return None;
    }
    let map = node.as_map();
    if map.is_none() {
        let text = format!("{what} must be a map, but is {}", node.noun());
        wrong_level(checks, text, node);
    }
    map
}

fn wrong_level(checks: &mut Checks<'_>, text: String, node: &Node) {
    let found = checks.mistake("wrong-shape", text, &node.span);
    checks.push(found.help("a mapping has two levels of keys: `Mapping: {key: {name: value}}`"));
}

/// Reports a key with other characters. `is_open` means that a transform may accept them.
fn key(checks: &mut Checks<'_>, key: &str, member: &Member, is_open: bool) {
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if key.starts_with("Fn::") || !key.is_empty() && key.bytes().all(is_key) {
        return;
    }
    let text = format!("the key `{key}` has characters other than letters, digits, `-` and `.`");
    let mut found = checks.mistake("invalid-name", text, &member.key_span);
    if is_open {
        found.severity = Severity::Warning;
    }
    checks.push(found);
}

fn value(checks: &mut Checks<'_>, node: &Node) {
    if node.as_map().is_some() && node.intrinsic().is_none() {
        let text = "a value of a mapping must be a string or a list, but is a map";
        wrong_level(checks, text.to_owned(), node);
    }
}
