//! `stackctl.drift/1`: the differences between the deployed and the live resources.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cloudformation::drift::{Difference, Drift, DriftSummary, NestedDrift, ResourceDrift};
use crate::cloudformation::stack::{Resource, Stack};

/// The JSON document of a stack's drift.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftDocument<'a> {
    #[schemars(extend("const" = "stackctl.drift/1"))]
    schema: &'static str,
    stack: &'a str,
    id: &'a str,
    #[serde(flatten)]
    found: FoundEntry<'a>,
    summary: SummaryEntry,
}

/// What was found in a stack.
#[derive(Debug, Serialize, JsonSchema)]
struct FoundEntry<'a> {
    status: &'a str,
    has_drift: bool,
    detection: Option<DetectionEntry<'a>>,
    resources: Vec<ResourceEntry<'a>>,
    not_checked: Vec<UncheckedEntry<'a>>,
    nested: Vec<NestedEntry<'a>>,
}

/// A nested stack, and what was found in it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NestedEntry<'a> {
    logical_id: &'a str,
    physical_id: &'a str,
    reason: Option<&'a str>,
    #[serde(flatten)]
    found: FoundEntry<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DetectionEntry<'a> {
    id: &'a str,
    status: &'a str,
    reason: Option<&'a str>,
    started: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ResourceEntry<'a> {
    logical_id: &'a str,
    physical_id: Option<&'a str>,
    #[serde(rename = "type")]
    resource_type: &'a str,
    status: &'a str,
    reason: Option<&'a str>,
    checked: Option<String>,
    expected: Option<Value>,
    actual: Option<Value>,
    differences: Vec<DifferenceEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DifferenceEntry<'a> {
    path: &'a str,
    kind: &'a str,
    expected: Option<&'a str>,
    actual: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UncheckedEntry<'a> {
    logical_id: &'a str,
    physical_id: Option<&'a str>,
    #[serde(rename = "type")]
    resource_type: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SummaryEntry {
    modified: usize,
    deleted: usize,
    in_sync: usize,
    unknown: usize,
    not_checked: usize,
}

impl<'a> DriftDocument<'a> {
    /// Returns the document for the drift of a stack.
    pub fn of(stack: &'a Stack, drift: &'a Drift) -> Self {
        Self {
            schema: "stackctl.drift/1",
            stack: &stack.name,
            id: &stack.id,
            found: found(drift),
            summary: summary(drift.summary()),
        }
    }
}

fn found(drift: &Drift) -> FoundEntry<'_> {
    let detection = &drift.detection;
    FoundEntry {
        status: drift.stack_status(),
        has_drift: drift.is_drifted(),
        detection: detection.is_made().then(|| DetectionEntry {
            id: &detection.id,
            status: &detection.status,
            reason: detection.reason.as_deref(),
            started: detection.started.map(|time| time.to_string()),
        }),
        resources: drift.resources.iter().map(resource).collect(),
        not_checked: drift.unchecked.iter().map(unchecked).collect(),
        nested: drift.nested.iter().map(nested).collect(),
    }
}

/// Returns the entry of a nested stack.
pub(super) fn nested(nested: &NestedDrift) -> NestedEntry<'_> {
    NestedEntry {
        logical_id: &nested.logical_id,
        physical_id: &nested.stack_id,
        reason: nested.drift.as_ref().err().map(String::as_str),
        found: match &nested.drift {
            Ok(drift) => found(drift),
            Err(_) => FoundEntry {
                status: "UNKNOWN",
                has_drift: false,
                detection: None,
                resources: Vec::new(),
                not_checked: Vec::new(),
                nested: Vec::new(),
            },
        },
    }
}

fn resource(drift: &ResourceDrift) -> ResourceEntry<'_> {
    ResourceEntry {
        logical_id: &drift.logical_id,
        physical_id: drift.physical_id.as_deref(),
        resource_type: &drift.resource_type,
        status: drift.status.as_str(),
        reason: drift.reason.as_deref(),
        checked: drift.checked.map(|time| time.to_string()),
        expected: drift.expected.as_deref().map(document),
        actual: drift.actual.as_deref().map(document),
        differences: drift.differences.iter().map(difference).collect(),
    }
}

/// Returns CloudFormation's JSON, or the text itself if it is not JSON.
fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

fn difference(difference: &Difference) -> DifferenceEntry<'_> {
    DifferenceEntry {
        path: &difference.path,
        kind: &difference.kind,
        expected: difference.expected.as_deref(),
        actual: difference.actual.as_deref(),
    }
}

fn unchecked(resource: &Resource) -> UncheckedEntry<'_> {
    UncheckedEntry {
        logical_id: &resource.logical_id,
        physical_id: resource.physical_id.as_deref(),
        resource_type: &resource.resource_type,
    }
}

fn summary(summary: DriftSummary) -> SummaryEntry {
    let DriftSummary {
        modified,
        deleted,
        in_sync,
        unknown,
        not_checked,
    } = summary;
    SummaryEntry {
        modified,
        deleted,
        in_sync,
        unknown,
        not_checked,
    }
}
