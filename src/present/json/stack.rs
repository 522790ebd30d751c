//! `stackctl.status/1` and `stackctl.outputs/1`: the status and the outputs of a stack.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::stack::{Resource, Stack};

/// The JSON document of a stack with its resources.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatusDocument<'a> {
    #[schemars(extend("const" = "stackctl.status/1"))]
    schema: &'static str,
    stack: &'a str,
    exists: bool,
    id: Option<&'a str>,
    status: Option<&'a str>,
    reason: Option<&'a str>,
    created: Option<String>,
    updated: Option<String>,
    termination_protection: bool,
    /// The mode of the last operation.
    mode: Option<&'static str>,
    capabilities: &'a [String],
    parameters: Option<&'a IndexMap<String, String>>,
    tags: Option<&'a IndexMap<String, String>>,
    resources: Vec<ResourceEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ResourceEntry<'a> {
    logical_id: &'a str,
    physical_id: Option<&'a str>,
    #[serde(rename = "type")]
    resource_type: &'a str,
    status: &'a str,
    reason: Option<&'a str>,
}

impl<'a> StatusDocument<'a> {
    /// Returns the document for the stack `name`. `stack` is `None` if it does not exist.
    pub fn of(name: &'a str, stack: Option<&'a Stack>, resources: &'a [Resource]) -> Self {
        Self {
            schema: "stackctl.status/1",
            stack: name,
            exists: stack.is_some(),
            id: stack.map(|stack| stack.id.as_str()),
            status: stack.map(|stack| stack.status.as_str()),
            reason: stack.and_then(|stack| stack.status_reason.as_deref()),
            created: stack
                .and_then(|stack| stack.created)
                .map(|time| time.to_string()),
            updated: stack
                .and_then(|stack| stack.updated)
                .map(|time| time.to_string()),
            termination_protection: stack.is_some_and(|stack| stack.termination_protection),
            mode: stack.map(|stack| stack.mode().as_str()),
            capabilities: stack.map_or(&[], |stack| &stack.capabilities),
            parameters: stack.map(|stack| &stack.parameters),
            tags: stack.map(|stack| &stack.tags),
            resources: resources.iter().map(resource).collect(),
        }
    }
}

fn resource(resource: &Resource) -> ResourceEntry<'_> {
    ResourceEntry {
        logical_id: &resource.logical_id,
        physical_id: resource.physical_id.as_deref(),
        resource_type: &resource.resource_type,
        status: &resource.status,
        reason: resource.reason.as_deref(),
    }
}

/// The JSON document of a stack's outputs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OutputsDocument<'a> {
    #[schemars(extend("const" = "stackctl.outputs/1"))]
    schema: &'static str,
    stack: &'a str,
    outputs: IndexMap<&'a str, OutputEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OutputEntry<'a> {
    value: &'a str,
    description: Option<&'a str>,
    export: Option<&'a str>,
}

impl<'a> OutputsDocument<'a> {
    /// Returns the document for a stack.
    pub fn of(stack: &'a Stack) -> Self {
        let outputs = stack.outputs.iter().map(|output| {
            let entry = OutputEntry {
                value: &output.value,
                description: output.description.as_deref(),
                export: output.export.as_deref(),
            };
            (output.name.as_str(), entry)
        });
        Self {
            schema: "stackctl.outputs/1",
            stack: &stack.name,
            outputs: outputs.collect(),
        }
    }
}
