//! `stackctl.destroy/1`: the effects of a stack's deletion.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::deletion::{DeletionOutcome, DeletionPlan, ResourceDeletion};
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;

/// The JSON document of a deletion plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeletionDocument<'a> {
    #[schemars(extend("const" = "stackctl.destroy/1"))]
    schema: &'static str,
    stack: &'a str,
    id: &'a str,
    status: &'a str,
    mode: &'static str,
    resources: Vec<ResourceEntry<'a>>,
    exports: Vec<ExportEntry<'a>>,
    summary: Summary,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ResourceEntry<'a> {
    path: &'a str,
    physical_id: Option<&'a str>,
    #[serde(rename = "type")]
    resource_type: &'a str,
    status: &'a str,
    reason: Option<&'a str>,
    fate: &'static str,
    loses: Option<&'a str>,
    contents: Option<ContentsEntry>,
    emptied: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ContentsEntry {
    versions: usize,
    more: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExportEntry<'a> {
    name: &'a str,
    importers: &'a [String],
}

#[derive(Debug, Serialize, JsonSchema)]
struct Summary {
    delete: usize,
    snapshot: usize,
    retain: usize,
    left_behind: usize,
}

impl<'a> DeletionDocument<'a> {
    /// Returns the document for the deletion of `stack`.
    pub fn of(stack: &'a Stack, deletion_plan: &'a DeletionPlan, mode: DeploymentMode) -> Self {
        let exports = deletion_plan.exports.iter().map(|export| ExportEntry {
            name: &export.name,
            importers: &export.importers,
        });
        Self {
            schema: "stackctl.destroy/1",
            stack: &stack.name,
            id: &stack.id,
            status: stack.status.as_str(),
            mode: mode.as_str(),
            resources: deletion_plan.resources.iter().map(resource).collect(),
            exports: exports.collect(),
            summary: Summary {
                delete: deletion_plan.count(DeletionOutcome::Deleted)
                    + deletion_plan.count(DeletionOutcome::Unknown),
                snapshot: deletion_plan.count(DeletionOutcome::Snapshotted),
                retain: deletion_plan.count(DeletionOutcome::Retained),
                left_behind: deletion_plan.count(DeletionOutcome::LeftBehind),
            },
        }
    }
}

fn resource(deletion: &ResourceDeletion) -> ResourceEntry<'_> {
    ResourceEntry {
        path: &deletion.path,
        physical_id: deletion.resource.physical_id.as_deref(),
        resource_type: &deletion.resource.resource_type,
        status: &deletion.resource.status,
        reason: deletion.resource.reason.as_deref(),
        fate: deletion.outcome.as_str(),
        loses: deletion.lost.filter(|_| deletion.outcome.is_deleted()),
        contents: deletion.contents.map(|contents| ContentsEntry {
            versions: contents.versions,
            more: contents.more,
        }),
        emptied: deletion.emptied,
    }
}
