//! What a change is, if code is to be sent without CloudFormation.

use std::collections::BTreeSet;

use crate::cloudformation::change_set::{Action, Change, Detail, Effect, Replacement};
use crate::cloudformation::function::FUNCTION_TYPE;
use crate::cloudformation::stateful::stored_data;
use crate::template::node::{Map, Node};
use crate::template::{STACK_TYPE, Template};
use crate::util::suggest::join_first;

/// The type of functions before the SAM transform.
pub(super) const SAM_FUNCTION: &str = "AWS::Serverless::Function";

/// The common prefix of SAM's types.
const SAM: &str = "AWS::Serverless::";

/// The properties of a SAM function from which the transform makes no other resource.
const PLAIN: [&str; 14] = [
    "Architectures",
    "CodeUri",
    "Description",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "InlineCode",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "ReservedConcurrentExecutions",
    "Runtime",
    "Tags",
    "Timeout",
];

/// Types that grant access and whose names do not say so.
const GRANTING: [&str; 6] = [
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::Cognito::IdentityPoolRoleAttachment",
    "AWS::RAM::ResourceShare",
    "AWS::SSO::Assignment",
];

/// The attributes of a resource that a prediction compares, and those that change no permission.
const COMPARED: [&str; 9] = [
    "Type",
    "Properties",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "DependsOn",
    "Condition",
];

/// The sections whose entries a prediction compares, or that change no resource.
const SECTIONS: [&str; 9] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
    "Globals",
];

/// The highest number of properties that are named.
const SHOWN: usize = 4;

/// What a change means for sending code without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Impact {
    /// It changes who may do what.
    Permissions,
    /// It changes a resource that stores this data.
    Data(&'static str),
    /// It may change anything.
    Unknown,
    /// It changes something else.
    Other,
}

/// Returns whether a function is updated in place.
pub(super) fn keeps_function(change: &Change) -> bool {
    let is_function = [FUNCTION_TYPE, SAM_FUNCTION].contains(&change.resource_type.as_str());
    let in_place = matches!(change.replacement, None | Some(Replacement::False));
    is_function && change.action == Action::Modify && in_place
}

/// Returns whether nothing of a function changes but the key of its zip.
pub(super) fn is_of_key(change: &Change) -> bool {
    keeps_function(change)
        && change.scope.iter().all(|it| it == "Properties")
        && change.nested_change_set.is_none()
        && !change.details.is_empty()
        && change.details.iter().all(|detail| {
            let steps = detail.steps();
            let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
            matches!(
                steps.as_slice(),
                ["Properties", "Code" | "CodeUri"]
                    | ["Properties", "Code", "S3Key"]
                    | ["Properties", "CodeUri", "Key"]
            )
        })
}

/// Returns whether a resource changes only if one of these resources gets another name or ARN.
pub(super) fn follows_from(change: &Change, resources: &BTreeSet<&str>) -> bool {
    let is_caused = |detail: &Detail| {
        let is_possible = detail.evaluation.as_deref() == Some("Dynamic");
        let entity = detail.causing_entity.as_deref().unwrap_or_default();
        let cause = entity.split('.').next().unwrap_or_default();
        is_possible && resources.contains(cause)
    };
    matches!(change.action, Action::Modify | Action::Dynamic)
        && change.replacement != Some(Replacement::True)
        && !change.details.is_empty()
        && change.details.iter().all(is_caused)
}

/// Returns whether nothing of a change depends on other resources.
pub(super) fn is_certain(change: &Change) -> bool {
    let is_static = |detail: &Detail| detail.evaluation.as_deref() != Some("Dynamic");
    change.effect() != Effect::Possible && change.details.iter().all(is_static)
}

/// Returns what a change means for sending code without it.
pub(super) fn impact(change: &Change, protected_types: &[String]) -> Impact {
    let kind = change.resource_type.as_str();
    let is_nested = kind == STACK_TYPE || kind == "AWS::Serverless::Application";
    if is_nested || kind.ends_with("::MODULE") || change.nested_change_set.is_some() {
        return Impact::Unknown;
    }
    if grants(kind) || change.details.iter().any(is_granting) || makes_permissions(change) {
        return Impact::Permissions;
    }
    match stored_data(kind, protected_types) {
        Some(data) => Impact::Data(data),
        None => Impact::Other,
    }
}

/// Returns whether resources of a type grant access.
fn grants(kind: &str) -> bool {
    let name = kind.rsplit("::").next().unwrap_or(kind);
    let is_policy = name.ends_with("Policy") && name != "ScalingPolicy";
    kind.starts_with("AWS::IAM::")
        || kind.starts_with("AWS::SSO::")
        || is_policy
        || name.contains("Permission")
        || name == "Connector"
        || GRANTING.contains(&kind)
}

/// Returns whether a changed property grants access: a policy or a role.
fn is_granting(detail: &Detail) -> bool {
    let names = detail.steps();
    let mut names = names.iter().skip(1);
    let is_granting = |name: &str| {
        let is_other = matches!(
            name,
            "UpdatePolicy" | "CreationPolicy" | "DeletionPolicy" | "UpdateReplacePolicy"
        );
        let ends = [
            "Policy",
            "Policies",
            "PolicyDocument",
            "PolicyArns",
            "PolicyText",
        ];
        let roles = ["Role", "Roles", "RoleArn", "RoleARN", "PermissionsBoundary"];
        !is_other && ends.iter().chain(&roles).any(|end| name.ends_with(end))
    };
    names.any(|name| is_granting(name))
}

/// Returns whether the SAM transform may make permissions of a change.
fn makes_permissions(change: &Change) -> bool {
    if !change.resource_type.starts_with(SAM) {
        return false;
    }
    let is_plain = |detail: &Detail| {
        let steps = detail.steps();
        let is_property = steps.first().is_some_and(|it| it == "Properties");
        !is_property || steps.get(1).is_some_and(|it| PLAIN.contains(&it.as_str()))
    };
    let is_function = change.resource_type == SAM_FUNCTION;
    !(is_function && change.action == Action::Modify && change.details.iter().all(is_plain))
}

/// Returns the name of a macro that may change the template in any way; `None` if there is none.
pub(super) fn unknown_macro(template: &Template) -> Option<String> {
    if let Some(name) = template.macro_name() {
        return Some(name.to_owned());
    }
    let mut found = None;
    template.root().visit(&mut |node| {
        let name = node.get("Fn::Transform").map(|it| it.get("Name"));
        let name = name.map(|it| it.and_then(Node::as_str).unwrap_or("Fn::Transform"));
        if let Some(name) = name.filter(|name| *name != "AWS::Include") {
            found.get_or_insert_with(|| name.to_owned());
        }
    });
    found
}

/// Returns what differs between two templates and no prediction compares: a section, a loop, or an
/// attribute of a resource; `None` if there is nothing like that.
pub(super) fn incomparable(before: &Template, after: &Template) -> Option<String> {
    let sections = differing(before.root(), after.root(), &SECTIONS);
    if sections.is_some() {
        return sections;
    }
    let resources = |template: &'_ Template| -> Map {
        let all = template.section("Resources").cloned().unwrap_or_default();
        let other = all.into_iter().filter(|(name, _)| name.starts_with("Fn::"));
        other.collect()
    };
    let (old, new) = (resources(before), resources(after));
    let loops = old.keys().chain(new.keys());
    let mut loops = loops.filter(|name| old.get(*name) != new.get(*name));
    if let Some(name) = loops.next() {
        return Some(name.clone());
    }
    after.resources().find_map(|resource| {
        let old = before.resource(resource.logical_id())?;
        let name = differing(old.entry.node, resource.entry.node, &COMPARED)?;
        Some(format!("{}.{name}", resource.logical_id()))
    })
}

/// Returns the first key besides these under which two maps differ.
fn differing(before: &Node, after: &Node, besides: &[&str]) -> Option<String> {
    let keys = |node: &Node| -> Vec<String> {
        let map = node.as_map().into_iter().flatten();
        map.map(|(key, _)| key.clone()).collect()
    };
    let mut keys = keys(before).into_iter().chain(keys(after));
    keys.find(|key| !besides.contains(&key.as_str()) && before.get(key) != after.get(key))
}

/// Returns the sentence that a change needs a deployment.
pub(super) fn sentence(change: &Change) -> String {
    let (id, kind) = (&change.logical_id, &change.resource_type);
    let is_function = [FUNCTION_TYPE, SAM_FUNCTION].contains(&kind.as_str());
    let happens = match change.effect() {
        Effect::Add => "is added",
        Effect::Remove => "is removed",
        Effect::Replace => "is replaced",
        Effect::Import => "is imported",
        Effect::Possible => "may change",
        Effect::Update | Effect::Sync if is_function => {
            return format!("`{id}` needs a deployment: {}", properties(change));
        }
        Effect::Update | Effect::Sync => "changes",
    };
    format!("`{id}` needs a deployment: the {kind} {happens}")
}

/// Returns which properties of a function change.
fn properties(change: &Change) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut has_code = false;
    for detail in &change.details {
        let steps = detail.steps();
        let name = match steps.as_slice() {
            [first, name, ..] if first == "Properties" => name.clone(),
            [name, ..] => name.clone(),
            [] => detail.attribute.clone().unwrap_or_default(),
        };
        has_code |= name == "Code" || name == "CodeUri";
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let code = |name: &String| name == "Code" || name == "CodeUri";
    let only_code = !names.is_empty() && names.iter().all(code);
    if names.is_empty() {
        return "what changes in it is not known".to_owned();
    }
    if only_code {
        return "more of its code changes than the key of an artifact".to_owned();
    }
    names.retain(|name| !code(name));
    let verb = if names.len() == 1 {
        "changes"
    } else {
        "change"
    };
    let names = names.iter().map(|name| format!("`{name}`"));
    let names = join_first(names, SHOWN);
    let too = if has_code { " too" } else { "" };
    format!("its {names} {verb}{too}")
}
