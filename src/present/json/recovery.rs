//! `stackctl.recovery/1`: the state of a stack and how to repair it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::recovery::history::Attempt;
use crate::cloudformation::recovery::{Call, Recovery};
use crate::cloudformation::stack::Stack;

/// The JSON document of a recovery.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecoveryDocument<'a> {
    #[schemars(extend("const" = "stackctl.recovery/1"))]
    schema: &'static str,
    stack: &'a str,
    exists: bool,
    id: Option<&'a str>,
    status: Option<&'a str>,
    last_operation: Option<&'static str>,
    meaning: Option<&'static str>,
    remains: Option<&'static str>,
    cause: Option<Cause<'a>>,
    way: &'static str,
    calls: Vec<CallEntry>,
    obstacles: Vec<ObstacleEntry<'a>>,
    skipped: &'a [String],
    resources: Vec<LiveEntry<'a>>,
    change_sets: &'a [String],
    others: Vec<OtherEntry>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Cause<'a> {
    logical_id: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    status: &'a str,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CallEntry {
    operation: &'static str,
    parameters: IndexMap<&'static str, Vec<String>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ObstacleEntry<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    physical_id: Option<&'a str>,
    status: &'a str,
    reason: Option<&'a str>,
    option: Option<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LiveEntry<'a> {
    logical_id: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    physical_id: Option<&'a str>,
    status: &'a str,
    fate: &'static str,
    data: Option<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OtherEntry {
    what: &'static str,
    command: String,
}

impl<'a> RecoveryDocument<'a> {
    /// Returns the document for a stack that does not exist.
    pub fn of_missing_stack(name: &'a str) -> Self {
        Self {
            schema: "stackctl.recovery/1",
            stack: name,
            exists: false,
            id: None,
            status: None,
            last_operation: None,
            meaning: None,
            remains: None,
            cause: None,
            way: "nothing",
            calls: Vec::new(),
            obstacles: Vec::new(),
            skipped: &[],
            resources: Vec::new(),
            change_sets: &[],
            others: Vec::new(),
        }
    }

    /// Returns the document for a stack. `command` expands a short command such as `apply` to a full
    /// command line.
    pub fn of(
        stack: &'a Stack,
        recovery: &'a Recovery,
        calls: &[Call],
        command: impl Fn(&str) -> String,
    ) -> Self {
        let calls = calls.iter().map(|call| CallEntry {
            operation: call.operation(),
            parameters: recovery.parameters(call).into_iter().collect(),
        });
        let obstacles = recovery.obstacles.iter().map(|obstacle| ObstacleEntry {
            name: &obstacle.name,
            resource_type: &obstacle.resource.resource_type,
            physical_id: obstacle.resource.physical_id.as_deref(),
            status: &obstacle.resource.status,
            reason: obstacle.reason.as_deref(),
            option: obstacle.option,
        });
        let live = recovery.live.iter().map(|deletion| {
            let resource = &deletion.resource;
            LiveEntry {
                logical_id: &resource.logical_id,
                resource_type: &resource.resource_type,
                physical_id: resource.physical_id.as_deref(),
                status: &resource.status,
                fate: deletion.outcome.as_str(),
                data: deletion.lost,
            }
        });
        let others = recovery.others.iter().map(|other| OtherEntry {
            what: other.what,
            command: command(other.command),
        });
        Self {
            exists: true,
            id: Some(&stack.id),
            status: Some(stack.status.as_str()),
            last_operation: recovery.attempt.map(Attempt::as_str),
            meaning: Some(recovery.meaning),
            remains: Some(recovery.remains),
            cause: recovery.cause.as_ref().map(|cause| Cause {
                logical_id: &cause.logical_id,
                resource_type: &cause.resource_type,
                status: cause.status.as_str(),
                reason: cause.reason.as_deref(),
            }),
            way: recovery.action.as_str(),
            calls: calls.collect(),
            obstacles: obstacles.collect(),
            skipped: &recovery.skipped,
            resources: live.collect(),
            change_sets: &recovery.change_sets,
            others: others.collect(),
            ..Self::of_missing_stack(&stack.name)
        }
    }
}
