//! `stackctl.plan/1`: a plan without loss of anything that the service said.

use serde::Serialize;

use crate::change_set::{Change, Detail, Replacement, Summary};
use crate::plan::{Operation, Plan, PlannedArtifact, ValueChange};

/// A plan as one document.
#[derive(Debug, Serialize)]
pub struct PlanDocument<'a> {
    schema: &'static str,
    account: &'a str,
    region: &'a str,
    endpoint: &'a str,
    stack: &'a str,
    environment: &'a str,
    operation: &'static str,
    has_changes: bool,
    capabilities: &'a [String],
    change_set: Option<ChangeSetEntry<'a>>,
    changes: Vec<ChangeEntry<'a>>,
    artifacts: Vec<ArtifactEntry<'a>>,
    parameters: Vec<ValueEntry<'a>>,
    tags: Vec<ValueEntry<'a>>,
    settings: Vec<ValueEntry<'a>>,
    summary: SummaryEntry,
}

#[derive(Debug, Serialize)]
struct ChangeSetEntry<'a> {
    id: &'a str,
    stack_id: &'a str,
    status: &'a str,
    execution_status: &'a str,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ChangeEntry<'a> {
    logical_id: &'a str,
    physical_id: Option<&'a str>,
    #[serde(rename = "type")]
    resource_type: &'a str,
    action: &'a str,
    policy_action: Option<&'a str>,
    replacement: Option<&'a str>,
    scope: &'a [String],
    details: Vec<DetailEntry<'a>>,
    before_context: Option<&'a str>,
    after_context: Option<&'a str>,
    previous_deployment_context: Option<&'a str>,
    drift_status: Option<&'a str>,
    nested_change_set: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct DetailEntry<'a> {
    path: Option<&'a str>,
    attribute: Option<&'a str>,
    name: Option<&'a str>,
    before: Option<&'a str>,
    after: Option<&'a str>,
    attribute_change: Option<&'a str>,
    requires_recreation: Option<&'a str>,
    evaluation: Option<&'a str>,
    change_source: Option<&'a str>,
    causing_entity: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ArtifactEntry<'a> {
    name: &'a str,
    key: &'a str,
    size: u64,
    deployed: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ValueEntry<'a> {
    name: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct SummaryEntry {
    add: usize,
    change: usize,
    replace: usize,
    destroy: usize,
    import: usize,
    possible: usize,
}

impl<'a> PlanDocument<'a> {
    /// Returns the document for a plan.
    pub fn of(plan: &'a Plan) -> Self {
        Self {
            schema: "stackctl.plan/1",
            account: &plan.target.account,
            region: &plan.target.region,
            endpoint: &plan.target.endpoint,
            stack: &plan.target.stack,
            environment: &plan.target.environment,
            operation: match plan.operation {
                Operation::Create => "create",
                Operation::Update => "update",
            },
            has_changes: !plan.is_empty(),
            capabilities: &plan.capabilities,
            change_set: plan.change_set.as_ref().map(|set| ChangeSetEntry {
                id: &set.id,
                stack_id: &set.stack_id,
                status: &set.status,
                execution_status: &set.execution_status,
                reason: set.reason.as_deref(),
            }),
            changes: plan.changes().iter().map(change).collect(),
            artifacts: plan.artifacts.iter().map(artifact).collect(),
            parameters: plan.parameters.iter().map(value).collect(),
            tags: plan.tags.iter().map(value).collect(),
            settings: plan.settings.iter().map(value).collect(),
            summary: summary(plan.summary()),
        }
    }
}

fn change(change: &Change) -> ChangeEntry<'_> {
    ChangeEntry {
        logical_id: &change.logical_id,
        physical_id: change.physical_id.as_deref(),
        resource_type: &change.resource_type,
        action: change.action.as_str(),
        policy_action: change.policy_action.as_deref(),
        replacement: change.replacement.as_ref().map(Replacement::as_str),
        scope: &change.scope,
        details: change.details.iter().map(detail).collect(),
        before_context: change.before_context.as_deref(),
        after_context: change.after_context.as_deref(),
        previous_deployment_context: change.previous_deployment_context.as_deref(),
        drift_status: change.drift_status.as_deref(),
        nested_change_set: change.nested_change_set.as_deref(),
    }
}

fn detail(detail: &Detail) -> DetailEntry<'_> {
    DetailEntry {
        path: detail.path.as_deref(),
        attribute: detail.attribute.as_deref(),
        name: detail.name.as_deref(),
        before: detail.before.as_deref(),
        after: detail.after.as_deref(),
        attribute_change: detail.attribute_change.as_deref(),
        requires_recreation: detail.requires_recreation.as_deref(),
        evaluation: detail.evaluation.as_deref(),
        change_source: detail.change_source.as_deref(),
        causing_entity: detail.causing_entity.as_deref(),
    }
}

fn artifact(artifact: &PlannedArtifact) -> ArtifactEntry<'_> {
    ArtifactEntry {
        name: &artifact.name,
        key: &artifact.key,
        size: artifact.size,
        deployed: artifact.deployed,
    }
}

pub(super) fn value(value: &ValueChange) -> ValueEntry<'_> {
    ValueEntry {
        name: &value.name,
        before: value.before.as_deref(),
        after: value.after.as_deref(),
    }
}

fn summary(summary: Summary) -> SummaryEntry {
    let Summary {
        add,
        change,
        replace,
        destroy,
        import,
        possible,
    } = summary;
    SummaryEntry {
        add,
        change,
        replace,
        destroy,
        import,
        possible,
    }
}
