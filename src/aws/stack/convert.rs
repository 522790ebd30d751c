//! From the SDK's types to stackctl's own. Every member of an answer may be missing.

use aws_sdk_cloudformation::types as sdk;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::request::ALARM_TYPE;
use crate::aws::fault;
use crate::cloudformation::event::{Event, Hook};
use crate::cloudformation::stack::{Output, Resource, Stack};
use crate::cloudformation::status::{ResourceStatus, StackStatus};
use crate::error::Result;

pub(super) fn stack(stack: sdk::Stack) -> Result<Stack> {
    let status = stack.stack_status.as_ref().map(sdk::StackStatus::as_str);
    let status = fault::text(status, "DescribeStacks", "StackStatus")?;
    let rollback = stack.rollback_configuration;
    let alarms = rollback
        .as_ref()
        .and_then(|rollback| rollback.rollback_triggers.clone());
    let name = stack.stack_name.unwrap_or_default();
    Ok(Stack {
        id: stack.stack_id.unwrap_or_else(|| name.clone()),
        name,
        root_id: stack.root_id,
        status: StackStatus::from_wire(&status),
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
        alarm_types: alarms
            .iter()
            .flatten()
            .filter_map(|trigger| Some((trigger.arn.clone()?, trigger.r#type.clone()?)))
            .filter(|(_, kind)| kind != ALARM_TYPE)
            .collect(),
        rollback_alarms: alarms
            .unwrap_or_default()
            .into_iter()
            .filter_map(|trigger| trigger.arn)
            .collect(),
        rollback_monitoring_minutes: rollback
            .and_then(|rollback| rollback.monitoring_time_in_minutes)
            .and_then(|minutes| u32::try_from(minutes).ok()),
        termination_protection: stack.enable_termination_protection.unwrap_or_default(),
        is_express: stack.deployment_config.and_then(|it| it.mode)
            == Some(sdk::DeploymentConfigMode::Express),
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
        reason: resource
            .resource_status_reason
            .filter(|reason| !reason.is_empty()),
    }
}

pub(super) fn event(event: sdk::StackEvent) -> Event {
    let hook = event.hook_type.map(|name| Hook {
        name,
        status: text(event.hook_status.as_ref().map(sdk::HookStatus::as_str)),
        reason: event.hook_status_reason.filter(|reason| !reason.is_empty()),
        failure_mode: event.hook_failure_mode.map(|mode| mode.as_str().to_owned()),
        invocation_point: event
            .hook_invocation_point
            .map(|point| point.as_str().to_owned()),
        invocation_id: event.hook_invocation_id.filter(|id| !id.is_empty()),
    });
    let service_token = event.resource_properties.as_deref().and_then(service_token);
    let status = event.resource_status.as_ref();
    let detailed_status = event.detailed_status.as_ref();
    Event {
        id: event.event_id.unwrap_or_default(),
        time: event.timestamp.and_then(time),
        stack_id: event.stack_id.unwrap_or_default(),
        nested_in: Vec::new(),
        logical_id: event.logical_resource_id.unwrap_or_default(),
        physical_id: event.physical_resource_id.unwrap_or_default(),
        resource_type: event.resource_type.unwrap_or_default(),
        status: ResourceStatus::from_wire(text(status.map(sdk::ResourceStatus::as_str))),
        detailed_status: detailed_status.map(|status| status.as_str().to_owned()),
        reason: event
            .resource_status_reason
            .filter(|reason| !reason.is_empty()),
        token: event.client_request_token,
        operation: event.operation_id,
        hook,
        service_token,
    }
}

/// Returns the `ServiceToken` in the properties of an event. The other properties may be secrets.
fn service_token(properties: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Properties {
        #[serde(rename = "ServiceToken")]
        service_token: Option<String>,
    }
    let properties = serde_json::from_str::<Properties>(properties).ok()?;
    properties.service_token
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

pub(in crate::aws) fn time(time: DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
}
