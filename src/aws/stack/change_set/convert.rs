//! From the SDK's types to a change set. Every member of an answer may be missing, and none is lost.

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types as sdk;

use crate::aws::fault;
use crate::aws::stack::convert::time;
use crate::cloudformation::change_set::validation::Validation;
use crate::cloudformation::change_set::{
    Action, Change, ChangeSet, DeploymentConfig, Detail, IgnoredDrift, Module, Parameter,
    PropertyDrift, Replacement, Rollback,
};
use crate::error::Result;

/// Returns the text of an optional enumeration, also of a value that the SDK does not know.
macro_rules! text {
    ($value:expr) => {
        $value.map(|value| value.as_str().to_owned())
    };
}

/// Returns the change set.
///
/// # Errors
///
/// If the answer lacks its status, or its changes although it has been created: a change set without
/// changes would mean something else.
pub(super) fn change_set(answer: DescribeChangeSetOutput) -> Result<ChangeSet> {
    let has_changes = answer.changes.is_some();
    let change_set = convert(answer);
    let missing = |member| Err(fault::incomplete("DescribeChangeSet", member));
    match change_set.status.as_str() {
        "" => missing("Status"),
        "CREATE_COMPLETE" if !has_changes => missing("Changes"),
        _ => Ok(change_set),
    }
}

fn convert(answer: DescribeChangeSetOutput) -> ChangeSet {
    let mut warnings = Vec::new();
    let mut changes = Vec::new();
    for change in answer.changes.unwrap_or_default() {
        match change.resource_change {
            Some(resource) => changes.push(self::change(resource, change.hook_invocation_count)),
            None => warnings.push(format!(
                "the change set has a change of the kind `{}`, which this version cannot show",
                text!(change.r#type).unwrap_or_default()
            )),
        }
    }
    let rollback = answer.rollback_configuration;
    let deployment = answer.deployment_config;
    ChangeSet {
        id: answer.change_set_id.unwrap_or_default(),
        name: answer.change_set_name.unwrap_or_default(),
        stack_id: answer.stack_id.unwrap_or_default(),
        stack_name: answer.stack_name.unwrap_or_default(),
        description: answer.description,
        created: answer.creation_time.and_then(time),
        status: text!(answer.status).unwrap_or_default(),
        execution_status: text!(answer.execution_status).unwrap_or_default(),
        reason: answer.status_reason.filter(|reason| !reason.is_empty()),
        warnings,
        changes,
        nested: Vec::new(),
        template: None,
        deployed_template: None,
        validations: Vec::new(),
        parameters: answer
            .parameters
            .unwrap_or_default()
            .into_iter()
            .map(parameter)
            .collect(),
        tags: answer
            .tags
            .unwrap_or_default()
            .into_iter()
            .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
            .collect(),
        capabilities: answer
            .capabilities
            .unwrap_or_default()
            .iter()
            .map(|capability| capability.as_str().to_owned())
            .collect(),
        notification_arns: answer.notification_arns.unwrap_or_default(),
        rollback: rollback.map(self::rollback).unwrap_or_default(),
        on_stack_failure: text!(answer.on_stack_failure),
        imports_existing: answer.import_existing_resources,
        includes_nested: answer.include_nested_stacks,
        parent_id: answer.parent_change_set_id,
        root_id: answer.root_change_set_id,
        drift_status: text!(answer.stack_drift_status),
        deployment_mode: text!(answer.deployment_mode),
        deployment: DeploymentConfig {
            disable_rollback: deployment.as_ref().and_then(|it| it.disable_rollback),
            mode: text!(deployment.and_then(|it| it.mode)),
        },
    }
}

fn parameter(parameter: sdk::Parameter) -> Parameter {
    Parameter {
        name: parameter.parameter_key.unwrap_or_default(),
        value: parameter.parameter_value,
        resolved_value: parameter.resolved_value,
        uses_previous_value: parameter.use_previous_value,
    }
}

fn rollback(rollback: sdk::RollbackConfiguration) -> Rollback {
    let triggers = rollback.rollback_triggers.unwrap_or_default().into_iter();
    Rollback {
        triggers: triggers
            .map(|trigger| {
                let arn = trigger.arn.unwrap_or_default();
                (arn, trigger.r#type.unwrap_or_default())
            })
            .collect(),
        monitoring_minutes: rollback.monitoring_time_in_minutes,
    }
}

fn change(change: sdk::ResourceChange, hook_invocations: Option<i32>) -> Change {
    Change {
        logical_id: change.logical_resource_id.unwrap_or_default(),
        physical_id: change.physical_resource_id.filter(|id| !id.is_empty()),
        resource_type: change.resource_type.unwrap_or_default(),
        action: Action::from_wire(&text!(change.action).unwrap_or_default()),
        policy_action: text!(change.policy_action),
        replacement: change
            .replacement
            .map(|value| Replacement::from_wire(value.as_str())),
        scope: change
            .scope
            .unwrap_or_default()
            .iter()
            .map(|attribute| attribute.as_str().to_owned())
            .collect(),
        details: change
            .details
            .unwrap_or_default()
            .into_iter()
            .map(detail)
            .collect(),
        before_context: change.before_context,
        after_context: change.after_context,
        previous_deployment_context: change.previous_deployment_context,
        drift_status: text!(change.resource_drift_status),
        ignored_drift: change
            .resource_drift_ignored_attributes
            .unwrap_or_default()
            .into_iter()
            .map(|ignored| IgnoredDrift {
                path: ignored.path,
                reason: text!(ignored.reason),
            })
            .collect(),
        nested_change_set: change.change_set_id.filter(|id| !id.is_empty()),
        module: change.module_info.map(|module| Module {
            types: module.type_hierarchy,
            logical_ids: module.logical_id_hierarchy,
        }),
        hook_invocations,
    }
}

fn detail(detail: sdk::ResourceChangeDetail) -> Detail {
    let mut converted = Detail {
        evaluation: text!(detail.evaluation),
        change_source: text!(detail.change_source),
        causing_entity: detail.causing_entity,
        ..Detail::default()
    };
    if let Some(target) = detail.target {
        converted.attribute = text!(target.attribute);
        converted.name = target.name;
        converted.path = target.path;
        converted.before = target.before_value;
        converted.after = target.after_value;
        converted.before_from = text!(target.before_value_from);
        converted.after_from = text!(target.after_value_from);
        converted.attribute_change = text!(target.attribute_change_type);
        converted.requires_recreation = text!(target.requires_recreation);
        converted.drift = target.drift.map(|drift| PropertyDrift {
            previous: drift.previous_value,
            actual: drift.actual_value,
            detected: drift.drift_detection_timestamp.and_then(time),
        });
    }
    converted
}

/// Returns what a check or a hook found; `None` for an event that is about something else or that
/// tells of success.
pub(in crate::aws::stack) fn validation(event: sdk::OperationEvent) -> Option<Validation> {
    let is_check = event.event_type == Some(sdk::EventType::ValidationError)
        || event.validation_name.is_some()
        || event.validation_status.is_some();
    let hook_failed = matches!(
        event.hook_status,
        Some(sdk::HookStatus::HookFailed | sdk::HookStatus::HookCompleteFailed)
    );
    if !is_check && !hook_failed {
        return None;
    }
    Some(Validation {
        name: event
            .validation_name
            .or(event.hook_type)
            .unwrap_or_else(|| "VALIDATION".to_owned()),
        failure_mode: text!(event.validation_failure_mode.or(event.hook_failure_mode)),
        status: text!(event.validation_status).or(text!(event.hook_status)),
        reason: event
            .validation_status_reason
            .or(event.hook_status_reason)
            .or(event.resource_status_reason)
            .filter(|reason| !reason.is_empty()),
        logical_id: event.logical_resource_id.filter(|id| !id.is_empty()),
        physical_id: event.physical_resource_id.filter(|id| !id.is_empty()),
        resource_type: event.resource_type,
        path: event.validation_path.filter(|path| !path.is_empty()),
        time: event.timestamp.and_then(time),
    })
}
