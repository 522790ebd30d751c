//! From the SDK's types to stackctl's own. Every member of an answer may be missing.

use aws_sdk_cloudformation::types as sdk;
use indexmap::IndexMap;

use crate::aws::fault;
use crate::aws::stack::time;
use crate::cloudformation::stack_set::instance::{Instance, InstanceStatus};
use crate::cloudformation::stack_set::operation::{
    OperationStatus, ResultStatus, SetOperation, TargetResult,
};
use crate::cloudformation::stack_set::{AutoDeployment, SetDrift, StackSet, Target};
use crate::config::settings::Permissions;
use crate::error::Result;

pub(super) fn stack_set(set: sdk::StackSet, name: &str) -> StackSet {
    let name = filled(set.stack_set_name).unwrap_or_else(|| name.to_owned());
    let is_service_managed = set.permission_model == Some(sdk::PermissionModels::ServiceManaged);
    let capabilities = set.capabilities.unwrap_or_default().into_iter();
    let tags = set.tags.unwrap_or_default().into_iter();
    StackSet {
        id: filled(set.stack_set_id).unwrap_or_else(|| name.clone()),
        arn: set.stack_set_arn.unwrap_or_default(),
        name,
        description: set.description.unwrap_or_default(),
        status: set
            .status
            .map_or_else(String::new, |it| it.as_str().to_owned()),
        template: set.template_body,
        parameters: parameters(set.parameters),
        tags: tags
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .filter(|(key, _)| !key.starts_with("aws:"))
            .collect(),
        capabilities: capabilities.map(|it| it.as_str().to_owned()).collect(),
        administration_role: filled(set.administration_role_arn),
        execution_role: filled(set.execution_role_name),
        permissions: if is_service_managed {
            Permissions::ServiceManaged
        } else {
            Permissions::SelfManaged
        },
        auto_deployment: set
            .auto_deployment
            .filter(|_| is_service_managed)
            .map(|it| AutoDeployment {
                enabled: it.enabled.unwrap_or_default(),
                retains_stacks: it.retain_stacks_on_account_removal.unwrap_or_default(),
            }),
        managed_execution: set
            .managed_execution
            .and_then(|it| it.active)
            .unwrap_or_default(),
        organizational_units: set.organizational_unit_ids.unwrap_or_default(),
        regions: set.regions.unwrap_or_default(),
        drift: set.stack_set_drift_detection_details.map(drift),
    }
}

fn drift(drift: sdk::StackSetDriftDetectionDetails) -> SetDrift {
    SetDrift {
        status: drift
            .drift_status
            .map_or_else(String::new, |it| it.as_str().to_owned()),
        drifted: count(drift.drifted_stack_instances_count).unwrap_or_default(),
        in_sync: count(drift.in_sync_stack_instances_count).unwrap_or_default(),
        failed: count(drift.failed_stack_instances_count).unwrap_or_default(),
        total: count(drift.total_stack_instances_count).unwrap_or_default(),
    }
}

pub(super) fn instance(instance: sdk::StackInstanceSummary) -> Result<Instance> {
    let status = instance.status.as_ref();
    let status = status.map(sdk::StackInstanceStatus::as_str);
    let status = fault::text(status, "ListStackInstances", "Status")?;
    let detailed = instance.stack_instance_status;
    let detailed = detailed.and_then(|it| it.detailed_status);
    Ok(Instance {
        target: target(instance.account, instance.region, "ListStackInstances")?,
        stack_id: filled(instance.stack_id),
        status: InstanceStatus::from_wire(&status),
        detailed_status: detailed.map(|it| it.as_str().to_owned()),
        reason: filled(instance.status_reason),
        organizational_unit: filled(instance.organizational_unit_id),
        drift: instance.drift_status.map(|it| it.as_str().to_owned()),
    })
}

pub(super) fn operation(operation: sdk::StackSetOperation, id: &str) -> Result<SetOperation> {
    let action = operation.action.as_ref();
    Ok(SetOperation {
        id: filled(operation.operation_id).unwrap_or_else(|| id.to_owned()),
        action: action.map_or_else(String::new, |it| it.as_str().to_owned()),
        status: status(operation.status.as_ref(), "DescribeStackSetOperation")?,
        reason: filled(operation.status_reason),
        failed: operation
            .status_details
            .and_then(|it| count(it.failed_stack_instances_count)),
        created: operation.creation_timestamp.and_then(time),
        ended: operation.end_timestamp.and_then(time),
    })
}

pub(super) fn summary(summary: sdk::StackSetOperationSummary) -> Result<SetOperation> {
    let action = summary.action.as_ref();
    let id = filled(summary.operation_id);
    Ok(SetOperation {
        id: id.ok_or_else(|| fault::incomplete("ListStackSetOperations", "OperationId"))?,
        action: action.map_or_else(String::new, |it| it.as_str().to_owned()),
        status: status(summary.status.as_ref(), "ListStackSetOperations")?,
        reason: filled(summary.status_reason),
        failed: summary
            .status_details
            .and_then(|it| count(it.failed_stack_instances_count)),
        created: summary.creation_timestamp.and_then(time),
        ended: summary.end_timestamp.and_then(time),
    })
}

pub(super) fn result(result: sdk::StackSetOperationResultSummary) -> Result<TargetResult> {
    let operation = "ListStackSetOperationResults";
    let status = result.status.as_ref();
    let status = status.map(sdk::StackSetOperationResultStatus::as_str);
    let status = fault::text(status, operation, "Status")?;
    Ok(TargetResult {
        target: target(result.account, result.region, operation)?,
        status: ResultStatus::from_wire(&status),
        reason: filled(result.status_reason),
    })
}

/// Returns the values of parameters by name. One without a value is left out.
pub(super) fn parameters(parameters: Option<Vec<sdk::Parameter>>) -> IndexMap<String, String> {
    let parameters = parameters.unwrap_or_default().into_iter();
    parameters
        .filter_map(|it| Some((it.parameter_key?, it.parameter_value?)))
        .collect()
}

fn status(
    status: Option<&sdk::StackSetOperationStatus>,
    operation: &str,
) -> Result<OperationStatus> {
    let status = status.map(sdk::StackSetOperationStatus::as_str);
    let status = fault::text(status, operation, "Status")?;
    Ok(OperationStatus::from_wire(&status))
}

fn target(account: Option<String>, region: Option<String>, operation: &str) -> Result<Target> {
    let account = filled(account).ok_or_else(|| fault::incomplete(operation, "Account"))?;
    let region = filled(region).ok_or_else(|| fault::incomplete(operation, "Region"))?;
    Ok(Target::new(account, region))
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn count(count: Option<i32>) -> Option<usize> {
    count.and_then(|count| usize::try_from(count).ok())
}
