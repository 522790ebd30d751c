//! Checks that sections, resources and outputs have the required members and no unknown ones.

use super::Checks;
use super::serverless::SERVERLESS_TYPE;
use super::similar_type::similar_type;
use super::transforms::Transform;
use crate::diagnostic::Severity;
use crate::template::Resource;
use crate::template::node::Value;

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

/// The attributes that AWS SAM adds.
const SERVERLESS_ATTRIBUTES: [&str; 2] = ["Connectors", "IgnoreGlobals"];

/// The attributes that must be maps.
const MAP_ATTRIBUTES: [&str; 3] = ["CreationPolicy", "Metadata", "UpdatePolicy"];

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
                checks.push(checks.mistake("invalid-name", text, entry.name_span));
            }
        }
    }
    for resource in template.resources() {
        self::resource(checks, &resource);
    }
    outputs(checks);
    equal_names(checks);
}

/// Reports a name that a parameter and a resource have, so that `Ref` could mean either.
fn equal_names(checks: &mut Checks<'_>) {
    let template = checks.template;
    for resource in template.resources() {
        let id = resource.logical_id();
        let Some(parameter) = template.parameter(id) else {
            continue;
        };
        let text = format!("`{id}` is the name of a parameter and of a resource");
        let found = checks.mistake("duplicate-name", text, resource.entry.name_span);
        let first = checks.place(parameter.entry.name_span, "the parameter");
        checks.push(found.at(first).help("rename one of them"));
    }
}

fn sections(checks: &mut Checks<'_>) {
    let template = checks.template;
    for (name, member) in template.root().as_map().into_iter().flatten() {
        let transforms = &checks.transforms;
        let known = SECTIONS.contains(&name.as_str());
        let is_globals = name == "Globals" && transforms.has(Transform::Serverless);
        if !known && !is_globals && !transforms.rewrites() && !name.starts_with("Fn::") {
            let text = format!("a template has no section `{name}`");
            let found = checks.error("unknown-section", text, &member.key_span);
            let suggestion = checks.suggestion(name, SECTIONS);
            checks.push(if name == "Globals" {
                found.help("`Globals` needs `Transform: AWS::Serverless-2016-10-31`")
            } else {
                found.help(
                    suggestion
                        .unwrap_or_else(|| format!("the sections are {}", SECTIONS.join(", "))),
                )
            });
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
    if empty && missing && !checks.transforms.may_add_to("Resources") {
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
    let transforms = &checks.transforms;
    let has_macro = map.contains_key("Fn::Transform");
    let kind = resource.kind().unwrap_or_default();
    let is_serverless = kind.starts_with(SERVERLESS_TYPE);
    if is_serverless && !transforms.has(Transform::Serverless) && !transforms.rewrites() {
        let text = format!("the type `{kind}` needs the transform of AWS SAM");
        let span = resource.attribute("Type").map(|node| node.span.clone());
        let found = checks.error("missing-transform", text, &span.unwrap_or_default());
        checks.push(found.help("add `Transform: AWS::Serverless-2016-10-31` to the template"));
    }
    match resource.attribute("Type") {
        None if has_macro => {}
        None => {
            let text = format!("the resource `{id}` has no `Type`");
            checks.push(checks.mistake("missing-type", text, entry.name_span));
        }
        Some(node) if node.as_str().is_none_or(|kind| !kind.contains("::")) => {
            let text = format!("the type of `{id}` must be a name such as `AWS::S3::Bucket`");
            let found = checks.mistake("invalid-type", text, &node.span);
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
            || has_macro
            || checks.transforms.rewrites()
            || checks.transforms.has(Transform::Serverless)
                && SERVERLESS_ATTRIBUTES.contains(&name.as_str())
        {
            continue;
        }
        let text = format!("a resource has no attribute `{name}`");
        let mut found = checks.error("unknown-resource-attribute", text, &member.key_span);
        if is_serverless {
            // AWS SAM ignores it.
            found.severity = Severity::Warning;
        }
        checks.push(match checks.suggestion(name, RESOURCE_ATTRIBUTES) {
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
    for name in MAP_ATTRIBUTES {
        if let Some(node) = resource.attribute(name)
            && node.as_map().is_none()
            && node.value != Value::Null
        {
            let text = format!("`{name}` must be a map, but is {}", node.noun());
            checks.push(checks.mistake("wrong-shape", text, &node.span));
        }
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
        let Some(value) = node.scalar() else {
            let transforms = &checks.transforms;
            let computed = node.intrinsic().is_some();
            if node.value == Value::Null
                || computed && transforms.has(Transform::LanguageExtensions)
            {
                continue;
            }
            let text = format!("`{attribute}` must be a string, but is {}", node.noun());
            checks.push(if computed {
                checks
                    .warning("wrong-shape", text, &node.span)
                    .help("it may be a function with `Transform: AWS::LanguageExtensions`")
            } else {
                checks.mistake("wrong-shape", text, &node.span)
            });
            continue;
        };
        if !allowed.contains(&value.as_ref()) {
            let text = format!("`{value}` is not a valid {attribute}");
            let found = checks.mistake("invalid-policy", text, &node.span);
            let help = format!("use one of {}", allowed.join(", "));
            checks.push(found.help(help));
        }
    }
}

fn outputs(checks: &mut Checks<'_>) {
    let template = checks.template;
    for output in template.outputs() {
        let has_macro = output.entry.node.get("Fn::Transform").is_some();
        if output.value().is_none() && !has_macro && !checks.transforms.rewrites() {
            let text = format!("the output `{}` has no `Value`", output.entry.name);
            checks.push(checks.error("missing-value", text, output.entry.name_span));
        }
    }
}
