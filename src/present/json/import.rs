//! `stackctl.import/1`: the resources that a stack could take over.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::import::{Candidate, Obstacle};

/// The JSON document of the resources that a stack could take over.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportDocument<'a> {
    #[schemars(extend("const" = "stackctl.import/1"))]
    schema: &'static str,
    stack: &'a str,
    candidates: Vec<CandidateEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CandidateEntry<'a> {
    logical_id: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    identifier: &'a IndexMap<String, Option<String>>,
    /// `unsupported`, `unknown`, `no_deletion_policy` or `owned`; null if nothing is known against it.
    obstacle: Option<&'static str>,
    /// The stack that has the resource already.
    owner: Option<OwnerEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OwnerEntry<'a> {
    stack: &'a str,
    logical_id: &'a str,
}

impl<'a> ImportDocument<'a> {
    /// Returns the document for a stack.
    pub fn of(stack: &'a str, candidates: &'a [Candidate]) -> Self {
        Self {
            schema: "stackctl.import/1",
            stack,
            candidates: candidates.iter().map(entry).collect(),
        }
    }
}

fn entry(candidate: &Candidate) -> CandidateEntry<'_> {
    let obstacle = candidate.obstacle.as_ref();
    CandidateEntry {
        logical_id: &candidate.logical_id,
        resource_type: &candidate.resource_type,
        identifier: &candidate.identifier,
        obstacle: obstacle.map(|obstacle| match obstacle {
            Obstacle::Unsupported => "unsupported",
            Obstacle::Unknown => "unknown",
            Obstacle::NoPolicy => "no_deletion_policy",
            Obstacle::Owned(_) => "owned",
        }),
        owner: obstacle.and_then(|obstacle| match obstacle {
            Obstacle::Owned(owner) => Some(OwnerEntry {
                stack: &owner.stack,
                logical_id: &owner.logical_id,
            }),
            _ => None,
        }),
    }
}
