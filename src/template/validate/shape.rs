//! Checks that sections, resources and outputs have the required members and no unknown ones.

use std::collections::HashMap;

use super::schema_names::similar_type;
use super::{Checks, suggestion};
use crate::template::Resource;
use crate::template::node::{Node, Value, yaml11_boolean};

const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

/// `Version` is an attribute of custom resources.
const RESOURCE_ATTRIBUTES: [&str; 10] = [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
    "Version",
];

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    sections(checks);
    for section in ["Parameters", "Conditions", "Resources", "Outputs"] {
        for entry in template.entries(section) {
            let alphanumeric = entry.name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !alphanumeric && section != "Conditions" && !entry.name.contains("${") {
                let text = format!(
                    "the name `{}` has characters other than letters and digits",
                    entry.name
                );
                checks.push(checks.error("invalid-name", text, entry.name_span));
            }
        }
    }
    for resource in template.resources() {
        self::resource(checks, &resource);
    }
    outputs(checks);
    for section in [
        "Parameters",
        "Mappings",
        "Conditions",
        "Resources",
        "Outputs",
        "Rules",
    ] {
        if let Some(node) = template.root().get(section) {
            scalars(checks, node);
        }
    }
}

fn sections(checks: &mut Checks<'_>) {
    let template = checks.template;
    for (name, member) in template.root().as_map().into_iter().flatten() {
        let known = SECTIONS.contains(&name.as_str());
        if !known && !checks.transformed && !name.starts_with("Fn::") {
            let text = format!("a template has no section `{name}`");
            let mut found = checks.error("unknown-section", text, &member.key_span);
            match suggestion(name, SECTIONS) {
                Some(suggestion) => found = found.help(suggestion),
                None => found = found.help(format!("the sections are {}", SECTIONS.join(", "))),
            }
            checks.push(found);
        }
        let scalar = matches!(name.as_str(), "AWSTemplateFormatVersion" | "Description");
        let node = &member.node;
        if scalar && node.scalar().is_none() {
            let text = format!("`{name}` must be a string, but is {}", node.noun());
            checks.push(checks.error("wrong-shape", text, &node.span));
        } else if known && !scalar && name != "Transform" && node.as_map().is_none() {
            let text = format!("`{name}` must be a map, but is {}", node.noun());
            checks.push(checks.error("wrong-shape", text, &node.span));
        }
    }
    let version = template.root().get("AWSTemplateFormatVersion");
    if let Some(node) = version.filter(|node| node.scalar().is_some_and(|it| it != "2010-09-09")) {
        let text = "the only format version is `2010-09-09`";
        checks.push(checks.error("format-version", text, &node.span));
    }
    let empty = template
        .section("Resources")
        .is_none_or(indexmap::IndexMap::is_empty);
    let missing = template
        .root()
        .get("Resources")
        .is_none_or(|node| node.as_map().is_some());
    if empty && missing && !checks.transformed {
        let span = match template.root().get("Resources") {
            Some(node) => node.span.clone(),
            None => 0..0,
        };
        let text = "the template has no resources, but it must have at least one";
        checks.push(checks.error("no-resources", text, &span));
    }
}

fn resource(checks: &mut Checks<'_>, resource: &Resource<'_>) {
    let id = resource.logical_id();
    let entry = resource.entry;
    let Some(map) = entry.node.as_map() else {
        let text = format!(
            "the resource `{id}` must be a map, but is {}",
            entry.node.noun()
        );
        return checks.push(checks.error("wrong-shape", text, &entry.node.span));
    };
    match resource.attribute("Type") {
        None => {
            let text = format!("the resource `{id}` has no `Type`");
            checks.push(checks.error("missing-type", text, entry.name_span));
        }
        Some(node) if node.as_str().is_none_or(|kind| !kind.contains("::")) => {
            let text = format!("the type of `{id}` must be a name such as `AWS::S3::Bucket`");
            let found = checks.error("invalid-type", text, &node.span);
            checks.push(match node.as_str().and_then(similar_type) {
                Some(similar) => found.help(format!("did you mean `{similar}`?")),
                None => found,
            });
        }
        Some(_) => {}
    }
    for (name, member) in map {
        if RESOURCE_ATTRIBUTES.contains(&name.as_str())
            || name.starts_with("Fn::")
            || checks.transformed
        {
            continue;
        }
        let text = format!("a resource has no attribute `{name}`");
        let found = checks.error("unknown-resource-attribute", text, &member.key_span);
        checks.push(match suggestion(name, RESOURCE_ATTRIBUTES) {
            Some(suggestion) => found.help(suggestion),
            None => found.help("write properties of the resource type under `Properties`"),
        });
    }
    policies(checks, resource);
    let properties = resource.properties();
    if let Some(node) =
        properties.filter(|node| node.as_map().is_none() && node.value != Value::Null)
    {
        let text = format!(
            "the properties of `{id}` must be a map, but are {}",
            node.noun()
        );
        checks.push(checks.error("wrong-shape", text, &node.span));
    }
    if let Some(node) = resource.attribute("DependsOn") {
        for node in node
            .elements()
            .iter()
            .filter(|node| node.as_str().is_none())
        {
            let text = format!("`DependsOn` takes logical ids, but this is {}", node.noun());
            let found = checks.error("wrong-shape", text, &node.span);
            checks.push(if node.intrinsic().is_some() {
                found.help("write the logical id itself, without a function")
            } else {
                found
            });
        }
    }
    if let Some(node) = resource
        .attribute("Condition")
        .filter(|node| node.as_str().is_none())
    {
        let text = format!(
            "`Condition` takes a condition's name, but this is {}",
            node.noun()
        );
        checks.push(checks.error("wrong-shape", text, &node.span));
    }
}

fn policies(checks: &mut Checks<'_>, resource: &Resource<'_>) {
    const DELETION: &[&str] = &["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"];
    const REPLACE: &[&str] = &["Delete", "Retain", "Snapshot"];
    for (attribute, allowed) in [
        ("DeletionPolicy", DELETION),
        ("UpdateReplacePolicy", REPLACE),
    ] {
        let Some(node) = resource.attribute(attribute) else {
            continue;
        };
        // With `AWS::LanguageExtensions` the value may be computed.
        let Some(value) = node.scalar() else { continue };
        if !allowed.contains(&value.as_ref()) {
            let text = format!("`{value}` is not a valid {attribute}");
            let found = checks.error("invalid-policy", text, &node.span);
            let help = format!("use one of {}", allowed.join(", "));
            checks.push(found.help(help));
        }
    }
}

fn outputs(checks: &mut Checks<'_>) {
    let template = checks.template;
    let mut exports: HashMap<&str, &Node> = HashMap::new();
    for output in template.outputs() {
        if output.value().is_none() && !checks.transformed {
            let text = format!("the output `{}` has no `Value`", output.entry.name);
            checks.push(checks.error("missing-value", text, output.entry.name_span));
        }
        let Some(node) = output.export_name() else {
            continue;
        };
        // Only literal names and equal `Fn::Sub` texts can be compared.
        let name = match node.intrinsic() {
            Some(("Fn::Sub", member)) => member.node.as_str(),
            _ => node.as_str(),
        };
        if let Some(first) = name.and_then(|name| exports.insert(name, node)) {
            let text = format!(
                "the export name `{}` is used twice",
                name.unwrap_or_default()
            );
            let found = checks.error("duplicate-export", text, &node.span);
            checks.push(found.at(checks.place(&first.span, "first used here")));
        }
    }
}

/// Reports null, which CloudFormation does not accept, and words that it reads as booleans.
fn scalars(checks: &mut Checks<'_>, node: &Node) {
    match &node.value {
        Value::Null => {
            let text = "a value is missing: CloudFormation does not accept null";
            let found = checks.error("null-value", text, &node.span);
            checks.push(found.help("write a value, or remove the key"));
        }
        Value::Plain(word) => {
            if let Some(boolean) = yaml11_boolean(word) {
                let text = format!("CloudFormation reads an unquoted `{word}` as `{boolean}`");
                let found = checks.warning("yaml-boolean", text, &node.span);
                checks.push(found.help(format!("write `{boolean}`, or `'{word}'` for the string")));
            }
        }
        Value::List(list) => list.iter().for_each(|node| scalars(checks, node)),
        Value::Map(map) => map
            .values()
            .for_each(|member| scalars(checks, &member.node)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
