//! The `change_set` and `changes[]` of a plan, with all data of CloudFormation's change set.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::change_set::{Change, ChangeSet, Detail, Replacement};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangeSetEntry<'a> {
    id: &'a str,
    name: &'a str,
    stack_id: &'a str,
    stack_name: &'a str,
    description: Option<&'a str>,
    created: Option<String>,
    status: &'a str,
    execution_status: &'a str,
    reason: Option<&'a str>,
    warnings: &'a [String],
    parameters: Vec<ParameterEntry<'a>>,
    tags: Vec<TagEntry<'a>>,
    capabilities: &'a [String],
    notification_arns: &'a [String],
    rollback: RollbackEntry<'a>,
    on_stack_failure: Option<&'a str>,
    imports_existing: Option<bool>,
    includes_nested: Option<bool>,
    parent_id: Option<&'a str>,
    root_id: Option<&'a str>,
    drift_status: Option<&'a str>,
    deployment_mode: Option<&'a str>,
    deployment: DeploymentEntry<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ParameterEntry<'a> {
    name: &'a str,
    value: Option<&'a str>,
    resolved_value: Option<&'a str>,
    uses_previous_value: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TagEntry<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RollbackEntry<'a> {
    triggers: Vec<TriggerEntry<'a>>,
    monitoring_minutes: Option<i32>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TriggerEntry<'a> {
    arn: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DeploymentEntry<'a> {
    mode: Option<&'a str>,
    disable_rollback: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangeEntry<'a> {
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
    ignored_drift: Vec<IgnoredDriftEntry<'a>>,
    module: Option<ModuleEntry<'a>>,
    hook_invocations: Option<i32>,
    nested_change_set: Option<&'a str>,
    nested: Option<NestedEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct IgnoredDriftEntry<'a> {
    path: Option<&'a str>,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ModuleEntry<'a> {
    types: Option<&'a str>,
    logical_ids: Option<&'a str>,
}

/// The change set of a nested stack, in the same layout as the plan's own.
#[derive(Debug, Serialize, JsonSchema)]
struct NestedEntry<'a> {
    change_set: ChangeSetEntry<'a>,
    changes: Vec<ChangeEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DetailEntry<'a> {
    path: Option<&'a str>,
    attribute: Option<&'a str>,
    name: Option<&'a str>,
    before: Option<&'a str>,
    after: Option<&'a str>,
    before_from: Option<&'a str>,
    after_from: Option<&'a str>,
    drift: Option<DriftEntry<'a>>,
    attribute_change: Option<&'a str>,
    requires_recreation: Option<&'a str>,
    evaluation: Option<&'a str>,
    change_source: Option<&'a str>,
    causing_entity: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DriftEntry<'a> {
    previous: Option<&'a str>,
    actual: Option<&'a str>,
    detected: Option<String>,
}

pub(super) fn change_set(set: &ChangeSet) -> ChangeSetEntry<'_> {
    let parameters = set.parameters.iter().map(|parameter| ParameterEntry {
        name: &parameter.name,
        value: parameter.value.as_deref(),
        resolved_value: parameter.resolved_value.as_deref(),
        uses_previous_value: parameter.uses_previous_value,
    });
    let tags = set
        .tags
        .iter()
        .map(|(name, value)| TagEntry { name, value });
    let triggers = set.rollback.triggers.iter();
    ChangeSetEntry {
        id: &set.id,
        name: &set.name,
        stack_id: &set.stack_id,
        stack_name: &set.stack_name,
        description: set.description.as_deref(),
        created: set.created.map(|time| time.to_string()),
        status: &set.status,
        execution_status: &set.execution_status,
        reason: set.reason.as_deref(),
        warnings: &set.warnings,
        parameters: parameters.collect(),
        tags: tags.collect(),
        capabilities: &set.capabilities,
        notification_arns: &set.notification_arns,
        rollback: RollbackEntry {
            triggers: triggers
                .map(|(arn, kind)| TriggerEntry { arn, kind })
                .collect(),
            monitoring_minutes: set.rollback.monitoring_minutes,
        },
        on_stack_failure: set.on_stack_failure.as_deref(),
        imports_existing: set.imports_existing,
        includes_nested: set.includes_nested,
        parent_id: set.parent_id.as_deref(),
        root_id: set.root_id.as_deref(),
        drift_status: set.drift_status.as_deref(),
        deployment_mode: set.deployment_mode.as_deref(),
        deployment: DeploymentEntry {
            mode: set.deployment.mode.as_deref(),
            disable_rollback: set.deployment.disable_rollback,
        },
    }
}

/// Returns the changes of a change set. The changes of a nested stack are in the `nested` field of its
/// own change.
pub(super) fn changes(set: &ChangeSet) -> Vec<ChangeEntry<'_>> {
    set.changes
        .iter()
        .map(|one| ChangeEntry {
            nested: set.nested_of(one).map(|nested| NestedEntry {
                change_set: change_set(nested),
                changes: changes(nested),
            }),
            ..change(one)
        })
        .collect()
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
        ignored_drift: change
            .ignored_drift
            .iter()
            .map(|ignored| IgnoredDriftEntry {
                path: ignored.path.as_deref(),
                reason: ignored.reason.as_deref(),
            })
            .collect(),
        module: change.module.as_ref().map(|module| ModuleEntry {
            types: module.types.as_deref(),
            logical_ids: module.logical_ids.as_deref(),
        }),
        hook_invocations: change.hook_invocations,
        nested_change_set: change.nested_change_set.as_deref(),
        nested: None,
    }
}

fn detail(detail: &Detail) -> DetailEntry<'_> {
    DetailEntry {
        path: detail.path.as_deref(),
        attribute: detail.attribute.as_deref(),
        name: detail.name.as_deref(),
        before: detail.before.as_deref(),
        after: detail.after.as_deref(),
        before_from: detail.before_from.as_deref(),
        after_from: detail.after_from.as_deref(),
        drift: detail.drift.as_ref().map(|drift| DriftEntry {
            previous: drift.previous.as_deref(),
            actual: drift.actual.as_deref(),
            detected: drift.detected.map(|time| time.to_string()),
        }),
        attribute_change: detail.attribute_change.as_deref(),
        requires_recreation: detail.requires_recreation.as_deref(),
        evaluation: detail.evaluation.as_deref(),
        change_source: detail.change_source.as_deref(),
        causing_entity: detail.causing_entity.as_deref(),
    }
}
