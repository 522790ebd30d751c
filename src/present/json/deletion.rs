//! `stackctl.destroy/1`: what the deletion of a stack would do.

use serde::Serialize;

use crate::cloudformation::deletion::{Destruction, Doomed, Fate};
use crate::cloudformation::stack::Stack;

/// What the deletion of a stack would do, as one document.
#[derive(Debug, Serialize)]
pub struct DestructionDocument<'a> {
    schema: &'static str,
    stack: &'a str,
    id: &'a str,
    status: &'a str,
    resources: Vec<ResourceEntry<'a>>,
    exports: Vec<ExportEntry<'a>>,
    summary: Summary,
}

#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
struct ContentsEntry {
    versions: usize,
    more: bool,
}

#[derive(Debug, Serialize)]
struct ExportEntry<'a> {
    name: &'a str,
    importers: &'a [String],
}

#[derive(Debug, Serialize)]
struct Summary {
    delete: usize,
    snapshot: usize,
    retain: usize,
    left_behind: usize,
}

impl<'a> DestructionDocument<'a> {
    /// Returns the document for a stack.
    pub fn of(stack: &'a Stack, destruction: &'a Destruction) -> Self {
        let exports = destruction.exports.iter().map(|export| ExportEntry {
            name: &export.name,
            importers: &export.importers,
        });
        Self {
            schema: "stackctl.destroy/1",
            stack: &stack.name,
            id: &stack.id,
            status: stack.status.as_str(),
            resources: destruction.resources.iter().map(resource).collect(),
            exports: exports.collect(),
            summary: Summary {
                delete: destruction.count(Fate::Deleted),
                snapshot: destruction.count(Fate::Snapshotted),
                retain: destruction.count(Fate::Retained),
                left_behind: destruction.count(Fate::LeftBehind),
            },
        }
    }
}

fn resource(doomed: &Doomed) -> ResourceEntry<'_> {
    ResourceEntry {
        path: &doomed.path,
        physical_id: doomed.resource.physical_id.as_deref(),
        resource_type: &doomed.resource.resource_type,
        status: &doomed.resource.status,
        reason: doomed.resource.reason.as_deref(),
        fate: doomed.fate.as_str(),
        loses: doomed.lost.filter(|_| doomed.fate.is_end()),
        contents: doomed.contents.map(|contents| ContentsEntry {
            versions: contents.versions,
            more: contents.more,
        }),
        emptied: doomed.emptied,
    }
}
