//! Checks values and keys that CloudFormation reads in another way than other YAML readers, or not at all.

use super::Checks;
use super::serverless::SERVERLESS_TYPE;
use super::transforms::Transform;
use crate::diagnostic::Severity;
use crate::template::node::{Map, Node, Value, plain_value, yaml11_boolean};

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    for section in ["Parameters", "Mappings", "Conditions", "Outputs", "Rules"] {
        if let Some(node) = template.root().get(section) {
            walk(checks, node, false);
        }
    }
    if let Some(resources) = template.section("Resources") {
        keys(checks, resources, false);
        for member in resources.values() {
            let kind = member.node.get("Type").and_then(Node::as_str);
            let is_serverless = kind.is_some_and(|kind| kind.starts_with(SERVERLESS_TYPE));
            let serialized = checks.transforms.has(Transform::Serverless) && is_serverless;
            walk(checks, &member.node, serialized);
        }
    }
}

/// Checks a value. What is `serialized` is written as text by a transform before CloudFormation reads
/// it, so it may contain null and any key.
fn walk(checks: &mut Checks<'_>, node: &Node, serialized: bool) {
    match &node.value {
        Value::Null if !serialized => null(checks, node),
        Value::Plain(word) => {
            number(checks, node);
            if let Some(boolean) = yaml11_boolean(word) {
                let text = format!("CloudFormation reads an unquoted `{word}` as `{boolean}`");
                let found = checks.warning("yaml-boolean", text, &node.span);
                checks.push(found.help(format!("write `{boolean}`, or `'{word}'` for the string")));
            }
        }
        Value::List(list) => list.iter().for_each(|node| walk(checks, node, serialized)),
        Value::Map(map) => {
            keys(checks, map, serialized);
            for (key, member) in map {
                let serialized = serialized || key == "Fn::ToJsonString";
                walk(checks, &member.node, serialized);
            }
        }
        Value::Number(_) => number(checks, node),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Warns of a number that CloudFormation may write in another way than the template.
fn number(checks: &mut Checks<'_>, node: &Node) {
    let Some(text) = node.scalar().filter(|_| node.is_rewritten_number()) else {
        return;
    };
    let message = format!("CloudFormation may change the text of the unquoted number `{text}`");
    let found = checks.warning("rewritten-number", message, &node.span);
    checks.push(found.help(format!("write `'{text}'` for the string")));
}

fn null(checks: &mut Checks<'_>, node: &Node) {
    let transforms = &checks.transforms;
    if transforms.may_change(&node.span) {
        return;
    }
    if transforms.has(Transform::LanguageExtensions) {
        let text = "`AWS::LanguageExtensions` removes a key whose value is null";
        let found = checks.warning("null-value", text, &node.span);
        return checks.push(found.help("write a value, or remove the key"));
    }
    let text = "a value is missing: CloudFormation does not accept null";
    let found = checks.error("null-value", text, &node.span);
    checks.push(found.help("write a value, or remove the key"));
}

/// Reports keys that CloudFormation reads as numbers.
fn keys(checks: &mut Checks<'_>, map: &Map, serialized: bool) {
    if serialized {
        return;
    }
    for (key, member) in map {
        let span = &member.key_span;
        let written = checks.template.source().text.get(span.clone());
        // A quoted key is longer in the text.
        let is_number = matches!(plain_value(key.into()), Value::Number(_));
        if !is_number || written != Some(key.as_str()) || checks.transforms.may_change(span) {
            continue;
        }
        let text = format!("CloudFormation does not accept the number `{key}` as a key");
        let mut found = checks.error("numeric-key", text, span);
        if checks.template.has_transforms() {
            // A transform may write the key as a string.
            found.severity = Severity::Warning;
        }
        checks.push(found.help(format!("write `'{key}'`")));
    }
}
