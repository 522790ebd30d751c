//! `stackctl.history/1`: the deployments of a stack.

use schemars::JsonSchema;
use serde::Serialize;

use super::diff::DiffDocument;
use crate::cloudformation::stack::Stack;
use crate::plan::record::Record;
use crate::plan::record::history::{GapKind, History};

/// The JSON document of a history.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HistoryDocument<'a> {
    #[schemars(extend("const" = "stackctl.history/1"))]
    schema: &'static str,
    stack: &'a str,
    bucket: &'a str,
    deployed: Option<u64>,
    deployments: Vec<&'a Record>,
    unreadable: Vec<Unreadable<'a>>,
    gaps: Vec<GapEntry>,
    omitted: usize,
    differences: Option<DiffDocument<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Unreadable<'a> {
    number: u64,
    reason: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct GapEntry {
    after: Option<u64>,
    before: Option<u64>,
    kind: &'static str,
    at: Option<String>,
}

impl<'a> HistoryDocument<'a> {
    /// Returns the document for the history of the stack `name`, kept in `bucket`. `stack` is the stack as
    /// it is now.
    pub fn of(name: &'a str, bucket: &'a str, history: &'a History, stack: Option<&Stack>) -> Self {
        let unreadable = history.entries.iter().filter_map(|entry| {
            Some(Unreadable {
                number: entry.number,
                reason: entry.record.as_ref().err()?,
            })
        });
        let gaps = history.gaps(stack).into_iter().map(|gap| {
            let (kind, at) = match gap.kind {
                GapKind::Updated(at) => ("updated", Some(at)),
                GapKind::Recreated(at) => ("recreated", at),
                GapKind::Deleted => ("deleted", None),
            };
            GapEntry {
                after: gap.after,
                before: gap.before,
                kind,
                at: at.map(|at| at.to_string()),
            }
        });
        Self {
            schema: "stackctl.history/1",
            stack: name,
            bucket,
            deployed: history.deployed(stack).map(|record| record.number),
            deployments: history.records().collect(),
            unreadable: unreadable.collect(),
            gaps: gaps.collect(),
            omitted: history.omitted,
            differences: None,
        }
    }

    /// Limits the deployments to these, and adds how they differ.
    #[must_use]
    pub fn comparing(self, records: Vec<&'a Record>, differences: DiffDocument<'a>) -> Self {
        Self {
            deployments: records,
            unreadable: Vec::new(),
            gaps: Vec::new(),
            omitted: 0,
            differences: Some(differences),
            ..self
        }
    }
}
