//! Why a function cannot get new code without CloudFormation although nothing else of it changes.

use super::change::SAM_FUNCTION;
use super::{Facts, Wanted};
use crate::cloudformation::function::{FUNCTION_TYPE, name_in_arn};
use crate::plan::predict::Side;
use crate::template::evaluate::{Evaluated, Evaluator};
use crate::template::{Resource, Template};

/// The properties of a function that fix what code it runs, and what each of them means.
const PROPERTIES: [(&str, &str); 7] = [
    (
        "CodeSigningConfigArn",
        "its code must be signed (`CodeSigningConfigArn`)",
    ),
    ("CapacityProviderConfig", "it runs on a capacity provider"),
    (
        "AutoPublishAlias",
        "each deployment publishes a version (`AutoPublishAlias`)",
    ),
    (
        "DeploymentPreference",
        "CodeDeploy shifts its traffic (`DeploymentPreference`)",
    ),
    (
        "ProvisionedConcurrencyConfig",
        "it has provisioned concurrency",
    ),
    (
        "PublishToLatestPublished",
        "each deployment publishes a version (`PublishToLatestPublished`)",
    ),
    ("ImageUri", "its code is a container image"),
];

/// The types whose resources belong to versions of a function, with the property that names it.
const OF_VERSIONS: [(&str, &str, &str); 3] = [
    ("AWS::Lambda::Version", "FunctionName", "is a version of it"),
    ("AWS::Lambda::Alias", "FunctionName", "is an alias of it"),
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "ResourceId",
        "scales its provisioned concurrency",
    ),
];

/// Returns why a function cannot get the wanted code; `None` if it can.
pub(super) fn of(facts: &Facts<'_>, wanted: &Wanted) -> Option<String> {
    let id = wanted.logical_id.as_str();
    let Some(live) = facts.live.get(id) else {
        return Some("the stack has no such function yet".to_owned());
    };
    let Some(code) = &live.code else {
        return Some("its live code is not known (`lambda:GetFunctionConfiguration`)".to_owned());
    };
    if code.is_image {
        return Some("its code is a container image".to_owned());
    }
    if code.is_signed {
        return Some("its code is signed".to_owned());
    }
    if facts.processed.is_none() && facts.before.template.has_transforms() {
        return Some("what the transform makes of the template is not known".to_owned());
    }
    for side in [facts.before, facts.after] {
        if !has_plain_code(side.template, id) {
            return Some("its code is more than a bucket and a key".to_owned());
        }
    }
    if code_bucket(facts.before, id) != code_bucket(facts.after, id) {
        return Some("its code moves to another bucket".to_owned());
    }
    let after = facts.after.template;
    if !after
        .resource(id)
        .is_some_and(|it| names_key(after, it, &wanted.key))
    {
        return Some("its code is not the whole artifact".to_owned());
    }
    let processed = facts.processed.map(|template| Side {
        template,
        ..facts.before
    });
    let mut sides = [Some(facts.after), Some(facts.before), processed]
        .into_iter()
        .flatten();
    sides.find_map(|side| in_template(side, id, &live.name))
}

/// Returns whether the code of a function is an object with a bucket and a key, and nothing else.
fn has_plain_code(template: &Template, id: &str) -> bool {
    let code = template
        .resource(id)
        .and_then(|it| template.function_code(it));
    let Some(code) = code.and_then(|code| code.as_map()) else {
        return false;
    };
    let has = |names: [&str; 2]| names.iter().all(|name| code.contains_key(*name));
    code.len() == 2 && (has(["S3Bucket", "S3Key"]) || has(["Bucket", "Key"]))
}

/// Returns the bucket of a function's code, as far as it is known.
fn code_bucket(side: Side<'_>, id: &str) -> Option<String> {
    let resource = side.template.resource(id)?;
    let code = side.template.function_code(resource)?;
    let bucket = code.get("S3Bucket").or_else(|| code.get("Bucket"))?;
    let evaluator = Evaluator::new(side.template, side.parameters);
    Some(evaluator.value(bucket).text())
}

/// Returns whether the key of a function's code is exactly this one.
fn names_key(template: &Template, resource: Resource<'_>, key: &str) -> bool {
    let code = template.function_code(resource);
    let named = code.and_then(|code| code.get("S3Key").or_else(|| code.get("Key")));
    named.and_then(|node| node.as_str()) == Some(key)
}

/// Returns what a template says against new code for a function whose name is `name`.
fn in_template(side: Side<'_>, id: &str, name: &str) -> Option<String> {
    let template = side.template;
    let evaluator = Evaluator::new(template, side.parameters);
    if let Some(function) = template.resource(id) {
        let found = PROPERTIES.iter().find(|(property, _)| {
            let node = template.property(function, property);
            node.is_some_and(|node| evaluator.value(node) != Evaluated::Nothing)
        });
        if let Some((_, obstacle)) = found {
            return Some((*obstacle).to_owned());
        }
        let package = template.property(function, "PackageType");
        if package.is_some_and(|node| evaluator.value(node).text() != "Zip") {
            return Some("its code is a container image".to_owned());
        }
        let kind = function.kind().unwrap_or_default();
        if ![FUNCTION_TYPE, SAM_FUNCTION].contains(&kind) {
            return Some(format!("its type is {kind}"));
        }
    }
    template.resources().find_map(|resource| {
        let kind = resource.kind()?;
        let (_, property, is) = OF_VERSIONS.iter().find(|(other, ..)| *other == kind)?;
        let is_absent = |name: &str| evaluator.condition(name) == Some(false);
        if resource.condition().is_some_and(is_absent) {
            return None;
        }
        let node = resource.properties()?.get(property)?;
        let value = evaluator.value(node);
        let own = fixed_name(&evaluator, template.resource(id));
        concerns(&value, id, [Some(name), own.as_deref()])
            .then(|| format!("`{}` {is}", resource.logical_id()))
    })
}

/// Returns the name that a template gives to a function; `None` if CloudFormation makes one.
fn fixed_name<'a>(evaluator: &Evaluator<'a>, function: Option<Resource<'a>>) -> Option<String> {
    let node = function?.properties()?.get("FunctionName")?;
    match evaluator.value(node) {
        Evaluated::Scalar(name) => Some(name.into_owned()),
        _ => None,
    }
}

/// Returns whether a name, an ARN or a scalable target is of a function. One that is not known may be of
/// any function.
fn concerns(value: &Evaluated<'_>, id: &str, names: [Option<&str>; 2]) -> bool {
    let uses = value.uses();
    if uses.iter().any(|used| used.resource == id) {
        return true;
    }
    let text = value.text();
    match value {
        Evaluated::Scalar(_) => {
            let name = text.strip_prefix("function:").unwrap_or(&text);
            let name = name_in_arn(name).unwrap_or(name);
            let name = name.split(':').next().unwrap_or(name);
            names.into_iter().flatten().any(|own| own == name)
        }
        // `service/…` and other targets are no functions.
        Evaluated::Unknown(_) if uses.is_empty() => {
            !text.contains('/') || text.contains(":function:")
        }
        _ => false,
    }
}
