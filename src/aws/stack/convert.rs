//! From the SDK's types to stackctl's own. Every member of an answer may be missing.

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types as sdk;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use crate::aws::fault;
use crate::change_set::{Action, Change, ChangeSet, Detail, Replacement};
use crate::error::Result;
use crate::event::Event;
use crate::stack::{Output, Resource, Stack};
use crate::status::{ResourceStatus, StackStatus};

pub(super) fn stack(stack: sdk::Stack) -> Result<Stack> {
    let status = stack
        .stack_status
        .ok_or_else(|| fault::incomplete("DescribeStacks", "StackStatus"))?;
    let rollback = stack.rollback_configuration;
    let alarms = rollback
        .as_ref()
        .and_then(|rollback| rollback.rollback_triggers.clone());
    let name = stack.stack_name.unwrap_or_default();
    Ok(Stack {
        id: stack.stack_id.unwrap_or_else(|| name.clone()),
        name,
        status: StackStatus::from_wire(status.as_str()),
        status_reason: stack.stack_status_reason,
        parameters: stack
            .parameters
            .unwrap_or_default()
            .into_iter()
            .filter_map(|parameter| Some((parameter.parameter_key?, parameter.parameter_value?)))
            .collect(),
        tags: stack
            .tags
            .unwrap_or_default()
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value?)))
            .filter(|(key, _)| !key.starts_with("aws:"))
            .collect(),
        outputs: stack
            .outputs
            .unwrap_or_default()
            .into_iter()
            .filter_map(output)
            .collect(),
        capabilities: stack
            .capabilities
            .unwrap_or_default()
            .iter()
            .map(|capability| capability.as_str().to_owned())
            .collect(),
        notification_arns: stack.notification_arns.unwrap_or_default(),
        role_arn: stack.role_arn,
        rollback_alarms: alarms
            .unwrap_or_default()
            .into_iter()
            .filter_map(|trigger| trigger.arn)
            .collect(),
        rollback_monitoring_minutes: rollback
            .and_then(|rollback| rollback.monitoring_time_in_minutes)
            .and_then(|minutes| u32::try_from(minutes).ok()),
        termination_protection: stack.enable_termination_protection.unwrap_or_default(),
        created: stack.creation_time.and_then(time),
        updated: stack.last_updated_time.and_then(time),
    })
}

fn output(output: sdk::Output) -> Option<Output> {
    Some(Output {
        name: output.output_key?,
        value: output.output_value.unwrap_or_default(),
        description: output.description,
        export: output.export_name,
    })
}

pub(super) fn resource(resource: sdk::StackResourceSummary) -> Resource {
    Resource {
        logical_id: resource.logical_resource_id.unwrap_or_default(),
        physical_id: resource.physical_resource_id.filter(|id| !id.is_empty()),
        resource_type: resource.resource_type.unwrap_or_default(),
        status: resource
            .resource_status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
    }
}

pub(super) fn event(event: sdk::StackEvent) -> Event {
    Event {
        id: event.event_id.unwrap_or_default(),
        time: event.timestamp.and_then(time),
        stack_id: event.stack_id.unwrap_or_default(),
        logical_id: event.logical_resource_id.unwrap_or_default(),
        physical_id: event.physical_resource_id.unwrap_or_default(),
        resource_type: event.resource_type.unwrap_or_default(),
        status: ResourceStatus::from_wire(
            event
                .resource_status
                .as_ref()
                .map(sdk::ResourceStatus::as_str)
                .unwrap_or_default(),
        ),
        reason: event
            .resource_status_reason
            .filter(|reason| !reason.is_empty()),
        token: event.client_request_token,
    }
}

pub(super) fn change_set(answer: DescribeChangeSetOutput) -> ChangeSet {
    ChangeSet {
        id: answer.change_set_id.unwrap_or_default(),
        name: answer.change_set_name.unwrap_or_default(),
        stack_id: answer.stack_id.unwrap_or_default(),
        status: answer
            .status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        execution_status: answer
            .execution_status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        reason: answer.status_reason.filter(|reason| !reason.is_empty()),
        changes: answer
            .changes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|change| change.resource_change)
            .map(change)
            .collect(),
    }
}

fn change(change: sdk::ResourceChange) -> Change {
    Change {
        logical_id: change.logical_resource_id.unwrap_or_default(),
        physical_id: change.physical_resource_id.filter(|id| !id.is_empty()),
        resource_type: change.resource_type.unwrap_or_default(),
        action: Action::from_wire(
            change
                .action
                .as_ref()
                .map(sdk::ChangeAction::as_str)
                .unwrap_or_default(),
        ),
        policy_action: change
            .policy_action
            .map(|action| action.as_str().to_owned()),
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
        drift_status: change
            .resource_drift_status
            .map(|status| status.as_str().to_owned()),
        nested_change_set: change.change_set_id,
    }
}

fn detail(detail: sdk::ResourceChangeDetail) -> Detail {
    let target = detail.target;
    let mut converted = Detail {
        evaluation: detail.evaluation.map(|value| value.as_str().to_owned()),
        change_source: detail.change_source.map(|value| value.as_str().to_owned()),
        causing_entity: detail.causing_entity,
        ..Detail::default()
    };
    if let Some(target) = target {
        converted.attribute = target.attribute.map(|value| value.as_str().to_owned());
        converted.name = target.name;
        converted.path = target.path;
        converted.before = target.before_value;
        converted.after = target.after_value;
        converted.attribute_change = target
            .attribute_change_type
            .map(|value| value.as_str().to_owned());
        converted.requires_recreation = target
            .requires_recreation
            .map(|value| value.as_str().to_owned());
    }
    converted
}

pub(super) fn time(time: DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
}
