//! The results of hooks, with the findings that events and change sets do not have.

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::get_hook_result::GetHookResultOutput;
use aws_sdk_cloudformation::types::{self, HookStatus, ListHookResultsTargetType};

use super::StackService;
use crate::aws::fault;
use crate::cloudformation::event::{Event, Hook};
use crate::cloudformation::failure_evidence::{Annotation, HookResult};
use crate::error::Result;

/// How many results are read.
const RESULTS: usize = 5;

/// The results of hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAnswer {
    /// The results, with their findings.
    Read(Vec<HookResult>),
    /// The caller lacks this permission.
    Denied(&'static str),
}

/// Returns the result of the hook that an event is about: by the id of the invocation, or else the
/// newest failure of the hook for the event's stack.
///
/// # Errors
///
/// If the service does not answer.
pub async fn of_event(service: &StackService, event: &Event, hook: &Hook) -> Result<HookAnswer> {
    if let Some(id) = &hook.invocation_id {
        match get(service, id, Some(event.path())).await? {
            Some(HookAnswer::Read(results)) if results.is_empty() => {}
            Some(answer) => return Ok(answer),
            None => {}
        }
    }
    let Some(arn) = type_arn(&event.stack_id, &hook.name) else {
        return Ok(HookAnswer::Read(Vec::new()));
    };
    let request = service.client.list_hook_results().type_arn(arn);
    let request = request.status(HookStatus::HookCompleteFailed);
    let listed = match request.send().await {
        Ok(answer) => answer.hook_results.unwrap_or_default(),
        Err(error) if fault::is_denied(&error) => {
            return Ok(HookAnswer::Denied("cloudformation:ListHookResults"));
        }
        Err(error) if is_unknown(&error) => return Ok(HookAnswer::Read(Vec::new())),
        Err(error) => {
            let doing = format!("list the results of the hook `{}`", hook.name);
            return Err(service.connection.fault(doing, &error));
        }
    };
    let mut ours: Vec<_> = listed
        .into_iter()
        .filter(|result| result.hook_execution_target.as_ref() == Some(&event.stack_id))
        .collect();
    ours.sort_by_key(|result| std::cmp::Reverse(result.invoked_at));
    // A hook may have checked other resources of the stack.
    let named: Vec<_> = ours
        .iter()
        .filter(|result| result.target_id.as_ref() == Some(&event.logical_id))
        .cloned()
        .collect();
    let chosen = if named.is_empty() { ours } else { named };
    let ids = chosen.into_iter().take(1);
    with_findings(service, ids, Some(event.path())).await
}

/// Returns the results of the hooks that made a change set fail, by its ARN.
///
/// # Errors
///
/// If the service does not answer.
pub async fn of_change_set(service: &StackService, change_set: &str) -> Result<HookAnswer> {
    let request = service.client.list_hook_results();
    let request = request.target_type(ListHookResultsTargetType::ChangeSet);
    let listed = match request.target_id(change_set).send().await {
        Ok(answer) => answer.hook_results.unwrap_or_default(),
        Err(error) if fault::is_denied(&error) => {
            return Ok(HookAnswer::Denied("cloudformation:ListHookResults"));
        }
        Err(error) if is_unknown(&error) => return Ok(HookAnswer::Read(Vec::new())),
        Err(error) => {
            let doing = "list the results of the change set's hooks";
            return Err(service.connection.fault(doing, &error));
        }
    };
    let is_failed = |result: &types::HookResultSummary| {
        let status = result.status.as_ref().map(HookStatus::as_str);
        status.is_none_or(|status| status.ends_with("_FAILED"))
    };
    let failed = listed.into_iter().filter(is_failed).take(RESULTS);
    with_findings(service, failed, None).await
}

async fn with_findings(
    service: &StackService,
    listed: impl Iterator<Item = types::HookResultSummary>,
    target: Option<String>,
) -> Result<HookAnswer> {
    let ids: Vec<String> = listed.filter_map(|it| it.hook_result_id).collect();
    let reads = ids.iter().map(|id| get(service, id, target.clone()));
    let mut results = Vec::new();
    for read in futures_util::future::join_all(reads).await {
        match read? {
            Some(HookAnswer::Read(read)) => results.extend(read),
            Some(denied @ HookAnswer::Denied(_)) => return Ok(denied),
            None => {}
        }
    }
    Ok(HookAnswer::Read(results))
}

/// Returns one result; `None` if the service does not know it.
async fn get(
    service: &StackService,
    id: &str,
    target: Option<String>,
) -> Result<Option<HookAnswer>> {
    let answer = service.client.get_hook_result().hook_result_id(id);
    match answer.send().await {
        Ok(answer) => Ok(Some(HookAnswer::Read(vec![result(answer, target)]))),
        Err(error) if fault::is_denied(&error) => {
            Ok(Some(HookAnswer::Denied("cloudformation:GetHookResult")))
        }
        Err(error) if is_unknown(&error) => Ok(None),
        Err(error) => Err(service
            .connection
            .fault("read the result of a hook", &error)),
    }
}

/// Returns whether the service has no such result, or an endpoint does not know the operation.
fn is_unknown<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let answer = error.as_service_error().and_then(|answer| answer.code());
    answer.is_some_and(|code| {
        code.starts_with("HookResultNotFound")
            || code.starts_with("TypeNotFound")
            || [
                "InvalidAction",
                "UnknownOperationException",
                "ValidationError",
            ]
            .contains(&code)
    })
}

/// Returns the ARN of a hook's type in the account and region of a stack.
fn type_arn(stack_id: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = stack_id.splitn(6, ':').collect();
    let [arn, partition, service, region, account, _] = parts.as_slice() else {
        return None;
    };
    let name = name.replace("::", "-");
    (*arn == "arn" && *service == "cloudformation")
        .then(|| format!("arn:{partition}:cloudformation:{region}:{account}:type/hook/{name}"))
}

fn result(answer: GetHookResultOutput, target: Option<String>) -> HookResult {
    let annotations = answer.annotations.unwrap_or_default();
    HookResult {
        id: answer.hook_result_id.unwrap_or_default(),
        name: answer.type_name.unwrap_or_default(),
        target,
        status: answer.status.map(|it| it.as_str().to_owned()),
        reason: answer.hook_status_reason,
        failure_mode: answer.failure_mode.map(|it| it.as_str().to_owned()),
        invocation_point: answer.invocation_point.map(|it| it.as_str().to_owned()),
        annotations: annotations.into_iter().map(annotation).collect(),
    }
}

fn annotation(annotation: types::Annotation) -> Annotation {
    let text = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    Annotation {
        name: text(annotation.annotation_name),
        status: annotation.status.map(|it| it.as_str().to_owned()),
        message: text(annotation.status_message),
        remediation: text(annotation.remediation_message),
        link: text(annotation.remediation_link),
        severity: annotation.severity_level.map(|it| it.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::type_arn;

    #[test]
    fn a_hook_has_an_arn_in_the_account_of_the_stack() {
        let stack = "arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/demo/1-2";
        assert_eq!(
            type_arn(stack, "Private::Guard::Hook").as_deref(),
            Some("arn:aws-cn:cloudformation:cn-north-1:123456789012:type/hook/Private-Guard-Hook")
        );
        assert_eq!(type_arn("demo", "Private::Guard::Hook"), None);
    }
}
