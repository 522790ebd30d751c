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
    for mapping in checks.template.mappings() {
        if is_function(mapping.name) {
            continue;
        }
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
            key(checks, element, member, Severity::Error);
            let Some(attributes) = levels(checks, "an element of a mapping", &member.node) else {
                continue;
            };
            // It is not known what the transform makes of such a name.
            let is_open = checks.transforms.has(Transform::LanguageExtensions);
            let severity = if is_open {
                Severity::Warning
            } else {
                Severity::Error
            };
            for (attribute, member) in attributes {
                key(checks, attribute, member, severity);
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
        let found = checks.mistake("wrong-shape", text, &node.span);
        checks
            .push(found.help("a mapping has two levels of keys: `Mapping: {key: {name: value}}`"));
    }
    map
}

fn key(checks: &mut Checks<'_>, key: &str, member: &Member, severity: Severity) {
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if is_function(key) || !key.is_empty() && key.bytes().all(is_key) {
        return;
    }
    let text = format!("the key `{key}` has characters other than letters, digits, `-` and `.`");
    let mut found = checks.mistake("invalid-name", text, &member.key_span);
    if severity == Severity::Warning {
        found.severity = severity;
    }
    checks.push(found);
}

fn value(checks: &mut Checks<'_>, node: &Node) {
    if node.as_map().is_some() && node.intrinsic().is_none() {
        let text = "a value of a mapping must be a string or a list, but is a map";
        let found = checks.mistake("wrong-shape", text, &node.span);
        checks
            .push(found.help("a mapping has two levels of keys: `Mapping: {key: {name: value}}`"));
    }
}

/// Returns whether a key is that of a function, such as `Fn::Transform`.
fn is_function(key: &str) -> bool {
    key.starts_with("Fn::")
}
