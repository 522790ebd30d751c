//! The `live` field of `stackctl.diff/1`: the drifted resources, and what `apply` does about each.

use schemars::JsonSchema;
use serde::Serialize;

use super::drift::{NestedEntry, nested};
use crate::cloudformation::drift::Drift;
use crate::plan::Content;
use crate::plan::comparison::live::{DriftEffect, LiveProperty, LiveResource};

/// The drift of a stack, as a part of a comparison.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LiveEntry<'a> {
    status: &'a str,
    detection: &'a str,
    reason: Option<&'a str>,
    resources: Vec<ResourceEntry<'a>>,
    not_checked: Vec<&'a str>,
    nested: Vec<NestedEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ResourceEntry<'a> {
    logical_id: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    status: &'a str,
    way: Option<&'static str>,
    properties: Vec<PropertyEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PropertyEntry<'a> {
    path: &'a str,
    deployed: Option<&'a str>,
    live: Option<&'a str>,
    desired: Option<&'a str>,
    way: &'static str,
}

impl<'a> LiveEntry<'a> {
    /// Returns the field for the drift of a stack.
    pub fn of(drift: &'a Drift, resources: &'a [LiveResource<'_>]) -> Self {
        let detection = &drift.detection;
        let unchecked = drift.unchecked.iter();
        Self {
            status: &detection.stack_status,
            detection: &detection.status,
            reason: detection.reason.as_deref(),
            resources: resources.iter().map(resource).collect(),
            not_checked: unchecked.map(|it| it.logical_id.as_str()).collect(),
            nested: drift.nested.iter().map(nested).collect(),
        }
    }
}

fn resource<'a>(resource: &'a LiveResource<'_>) -> ResourceEntry<'a> {
    ResourceEntry {
        logical_id: &resource.drift.logical_id,
        resource_type: &resource.drift.resource_type,
        status: resource.drift.status.as_str(),
        way: resource.effect.map(DriftEffect::as_str),
        properties: resource.properties.iter().map(property).collect(),
    }
}

fn property(property: &LiveProperty) -> PropertyEntry<'_> {
    PropertyEntry {
        path: &property.path,
        deployed: property.deployed.as_ref().map(Content::text),
        live: property.live.as_ref().map(Content::text),
        desired: property.desired.as_ref().map(Content::text),
        way: property.effect.as_str(),
    }
}
