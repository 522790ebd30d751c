//! The code that the deployed template gives to the functions, and functions that run other code.
//!
//! The key of an artifact contains its digest, so the template says which code a function runs. A change
//! set compares templates alone: it does not find code that was changed outside of the stack, and drift
//! detection does not either, because the property `Code` can only be written.

use std::borrow::Cow;

use indexmap::IndexMap;

use crate::artifact::digest::Digest;
use crate::cloudformation::change_set::{Change, Effect};
use crate::cloudformation::function::LiveFunction;
use crate::plan::predict::Side;
use crate::plan::record::mentions::Mentions;
use crate::template::evaluate::{Evaluated, Evaluator};
use crate::template::node::Node;
use crate::template::{Resource, Template};

/// The code that a template gives to a function: an artifact of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployedCode {
    /// The logical id of the function.
    pub logical_id: String,
    /// The bucket; `None` if it is not known.
    pub bucket: Option<String>,
    /// The key.
    pub key: String,
    /// The name of the artifact, as the key has it.
    pub artifact: String,
    /// The SHA-256 of the zip in Base64, as the key has it.
    pub sha256: String,
}

/// A function whose code was changed outside of the stack, and that gets the code of the template again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRevert {
    /// The name of the function.
    pub function: String,
    /// The code that the template gives to it.
    pub code: DeployedCode,
    /// The SHA-256 in Base64 of the code that it runs.
    pub live: String,
}

/// Returns the functions of a template whose code is an artifact of the project, in the order of the
/// template. Functions whose condition is false do not exist and are left out.
pub fn deployed_codes(side: Side<'_>, project: &str) -> Vec<DeployedCode> {
    let evaluator = Evaluator::new(side.template, side.parameters);
    let exists = |resource: &Resource<'_>| {
        let condition = resource.condition();
        condition.is_none_or(|name| evaluator.condition(name) != Some(false))
    };
    let functions = side.template.resources().filter(exists);
    let codes = functions.filter_map(|resource| {
        let code = side.template.function_code(resource)?;
        let stored = Mentions::of(key(code)?, project)
            .artifacts
            .into_iter()
            .next()?;
        let bucket = code.get("S3Bucket").or_else(|| code.get("Bucket"));
        let bucket = bucket.map(|bucket| evaluator.value(bucket));
        Some(DeployedCode {
            logical_id: resource.logical_id().to_owned(),
            bucket: match bucket {
                Some(Evaluated::Scalar(name)) => Some(Cow::into_owned(name)),
                _ => None,
            },
            artifact: stored.name,
            sha256: Digest::from_hex(&stored.sha256)?.base64(),
            key: stored.key,
        })
    });
    codes.collect()
}

/// Returns the key that a function's code names.
fn key(code: &Node) -> Option<&str> {
    let key = code.get("S3Key").or_else(|| code.get("Key"));
    key.unwrap_or(code).as_str()
}

/// Returns the functions that run other code than the deployed template gives to them, except for those
/// that get code, or are removed, by these changes to the template `after`.
pub fn code_reverts(
    deployed: &[DeployedCode],
    live: &IndexMap<String, LiveFunction>,
    changes: &[Change],
    after: &Template,
) -> Vec<CodeRevert> {
    let keeps_code = |code: &DeployedCode| {
        let resource = after.resource(&code.logical_id);
        let node = resource.and_then(|resource| after.function_code(resource));
        let change = changes.iter().find(|it| it.logical_id == code.logical_id);
        let is_new = |change: &Change| matches!(change.effect(), Effect::Replace | Effect::Remove);
        node.is_some_and(|node| node.contains_text(&code.key)) && !change.is_some_and(is_new)
    };
    let reverts = deployed.iter().filter_map(|code| {
        let function = live.get(&code.logical_id)?;
        let runs = function.code.as_ref()?;
        let differs = runs.sha256 != code.sha256 && !runs.is_image;
        (differs && keeps_code(code)).then(|| CodeRevert {
            function: function.name.clone(),
            code: code.clone(),
            live: runs.sha256.clone(),
        })
    });
    reverts.collect()
}
