//! The calls of stack refactoring: create a refactor, read it and its actions, execute it.
//!
//! The API deletes no refactor: one that is never executed stays, without an effect.

use std::time::Duration;

use aws_sdk_cloudformation::config::retry::RetryConfig;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::list_stack_refactor_actions::ListStackRefactorActionsOutput;
use aws_sdk_cloudformation::operation::list_stack_refactors::ListStackRefactorsOutput;
use aws_sdk_cloudformation::types as sdk;
use tokio::time::Instant;

use super::pages::Pages;
use super::{PATIENCE, StackService, TemplateSource};
use crate::aws::backoff::Backoff;
use crate::aws::fault;
use crate::cloudformation::refactor::{
    Action, ExecutionStatus, Location, Move, Refactor, RefactorStatus,
};
use crate::error::{Error, ErrorKind, Result};

/// How long the creation of a refactor may take. The AWS CLI waits 10 minutes
/// (`stack-refactor-create-complete`).
const CREATION: Duration = Duration::from_mins(10);

/// How often an execution is requested, if it is certain that the requests before had no effect.
const ATTEMPTS: u32 = 5;

/// How long a request whose answer was lost may take to show its effect.
const LATE: Duration = Duration::from_secs(10);

/// How long `EXECUTE_FAILED` has to stay before no rollback follows.
const ROLLBACK_FOLLOWS: Duration = Duration::from_secs(3);

/// How long an accepted execution may show no effect: a little longer than the longest time for which an
/// answer was seen to be old.
const NO_EFFECT: Duration = Duration::from_secs(75);

/// The execution statuses of refactors that can still be executed, or are being executed.
const UNFINISHED: [ExecutionStatus; 4] = [
    ExecutionStatus::Unavailable,
    ExecutionStatus::Available,
    ExecutionStatus::ExecuteInProgress,
    ExecutionStatus::RollbackInProgress,
];

/// Requests a refactor that gives resources of the stack other logical ids, and returns its id. `template`
/// is the deployed template with these ids.
///
/// The API takes no token. A repeated request makes another refactor, which has no effect.
///
/// # Errors
///
/// If the service refuses the request.
pub async fn create(
    service: &StackService,
    description: &str,
    template: TemplateSource,
    moves: &[Move],
) -> Result<String> {
    let definition = sdk::StackDefinition::builder().stack_name(&service.name);
    let definition = match template {
        TemplateSource::Body(text) => definition.template_body(text),
        TemplateSource::Url(url) => definition.template_url(url),
    };
    let mappings = moves.iter().map(|moved| {
        let at = |id: &str| {
            let location = sdk::ResourceLocation::builder().stack_name(&service.name);
            location.logical_resource_id(id).build()
        };
        let mapping = sdk::ResourceMapping::builder().source(at(&moved.from));
        mapping.destination(at(&moved.to)).build()
    });
    let request = service
        .client
        .create_stack_refactor()
        .description(description)
        .stack_definitions(definition.build())
        .set_resource_mappings(Some(mappings.collect()));
    let answer = request.send().await.map_err(|error| {
        let is_unknown = is_unknown_operation(&error);
        let doing = format!("create a refactor of the stack `{}`", service.name);
        let failed = service.connection.fault(doing, &error);
        if is_unknown {
            return failed.hint("this endpoint does not support stack refactoring");
        }
        failed
    })?;
    let id = answer.stack_refactor_id;
    id.ok_or_else(|| fault::incomplete("CreateStackRefactor", "StackRefactorId"))
}

/// Returns a refactor, or `None` if there is none of that id.
pub async fn describe(service: &StackService, id: &str) -> Result<Option<Refactor>> {
    let request = service.client.describe_stack_refactor();
    let answer = match request.stack_refactor_id(id).send().await {
        Ok(answer) => answer,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => {
            let doing = format!("describe the refactor of the stack `{}`", service.name);
            return Err(service.connection.fault(doing, &error));
        }
    };
    let status = answer.status.as_ref().map(sdk::StackRefactorStatus::as_str);
    Ok(Some(Refactor {
        id: id.to_owned(),
        stack_ids: answer.stack_ids.unwrap_or_default(),
        description: answer.description.unwrap_or_default(),
        status: RefactorStatus::from_wire(&fault::text(status, "DescribeStackRefactor", "Status")?),
        reason: reason(answer.status_reason),
        execution: execution(answer.execution_status.as_ref()),
        execution_reason: reason(answer.execution_status_reason),
    }))
}

/// Waits until a refactor is created or its creation has failed. `seen` is called with the time since
/// the first look.
///
/// # Errors
///
/// If the refactor cannot be described for a long time, or is not created after 10 minutes.
pub async fn wait(
    service: &StackService,
    id: &str,
    mut seen: impl FnMut(Duration),
) -> Result<Refactor> {
    let started = Instant::now();
    let mut backoff = Backoff::polling(&service.connection);
    let mut failures = 0;
    loop {
        match describe(service, id).await {
            Ok(Some(refactor)) if refactor.is_created() => return Ok(refactor),
            // A new refactor may not be found for some time.
            Ok(_) => failures = 0,
            Err(error) if failures >= PATIENCE || fault::is_final(&error) => return Err(error),
            Err(_) => {
                failures += 1;
                backoff.ease();
            }
        }
        if started.elapsed() >= CREATION {
            let minutes = CREATION.as_secs() / 60;
            return Err(Error::new(
                ErrorKind::Service,
                format!("the refactor `{id}` is not created after {minutes} minutes"),
            ));
        }
        seen(started.elapsed());
        backoff.pause().await;
    }
}

/// Returns what a refactor would do.
pub async fn actions(service: &StackService, id: &str) -> Result<Vec<Action>> {
    let request = service.client.list_stack_refactor_actions();
    let mut pages = Pages::new(
        request.stack_refactor_id(id).into_paginator().send(),
        ListStackRefactorActionsOutput::next_token,
        "the list of the refactor's actions",
    );
    let mut actions = Vec::new();
    while let Some(page) = pages.next().await? {
        let page = page.map_err(|error| {
            let doing = format!("list the actions of the refactor of `{}`", service.name);
            service.connection.fault(doing, &error)
        })?;
        let (operation, member) = ("ListStackRefactorActions", "StackRefactorActions");
        let next = page.next_token.as_deref();
        let page = fault::list(page.stack_refactor_actions, next, operation, member)?;
        actions.extend(page.into_iter().map(action));
    }
    Ok(actions)
}

/// Returns the refactors of the account that can still be executed, or are being executed; none if the
/// caller may not list them, or the endpoint does not know the call.
pub async fn unfinished(service: &StackService) -> Result<Vec<Refactor>> {
    let filter = UNFINISHED.map(|status| sdk::StackRefactorExecutionStatus::from(status.as_str()));
    let request = service.client.list_stack_refactors();
    let request = request.set_execution_status_filter(Some(filter.to_vec()));
    let mut pages = Pages::new(
        request.into_paginator().send(),
        ListStackRefactorsOutput::next_token,
        "the list of refactors",
    );
    let mut refactors = Vec::new();
    while let Some(page) = pages.next().await? {
        let page = match page {
            Err(error) if fault::is_denied(&error) || is_unknown_operation(&error) => break,
            page => page.map_err(|error| service.connection.fault("list refactors", &error))?,
        };
        let (operation, member) = ("ListStackRefactors", "StackRefactorSummaries");
        let next = page.next_token.as_deref();
        let page = fault::list(page.stack_refactor_summaries, next, operation, member)?;
        refactors.extend(page.into_iter().filter_map(summary));
    }
    refactors.retain(|refactor| {
        UNFINISHED.contains(&refactor.execution) || refactor.execution.is_running()
    });
    Ok(refactors)
}

/// Requests the execution of a refactor, once.
///
/// The API takes no token, so the SDK must not repeat the request. If the answer is lost, the status of
/// the refactor shows whether the request had an effect; only if it had none, the request is repeated.
///
/// # Errors
///
/// If the service refuses the execution; if no answer and no effect came for a long time.
pub async fn execute(service: &StackService, id: &str) -> Result<()> {
    let mut backoff = Backoff::polling(&service.connection);
    for attempt in 1.. {
        let retries = RetryConfig::disabled();
        let once = aws_sdk_cloudformation::config::Builder::new().retry_config(retries);
        let request = service
            .client
            .execute_stack_refactor()
            .stack_refactor_id(id);
        let Err(error) = request.customize().config_override(once).send().await else {
            return Ok(());
        };
        let is_lost = fault::is_lost(&error);
        if has_begun(service, id, is_lost).await {
            return Ok(());
        }
        if attempt == ATTEMPTS || !(is_lost || fault::is_throttled(&error)) {
            let doing = format!("execute the refactor of the stack `{}`", service.name);
            return Err(service.connection.fault(doing, &error));
        }
        backoff.ease();
        backoff.pause().await;
    }
    Ok(())
}

/// Polls a refactor whose execution was requested until the execution has ended. `look` is called before
/// each poll, with the error of the last one if it failed. A poll that fails decides nothing.
///
/// # Errors
///
/// The last failure if the refactor could not be described for a long time; at once if only new
/// credentials or a permission help; if the request has no effect.
pub async fn poll_until_terminal(
    service: &StackService,
    id: &str,
    mut look: impl AsyncFnMut(Option<&Error>),
) -> Result<Refactor> {
    let mut backoff = Backoff::polling(&service.connection);
    let mut failures = 0;
    let mut failed: Option<Error> = None;
    let mut unchanged: Option<(ExecutionStatus, Instant)> = None;
    loop {
        look(failed.take().as_ref()).await;
        match describe(service, id).await {
            Ok(Some(now)) => {
                failures = 0;
                let since = match unchanged.take() {
                    Some((same, since)) if same == now.execution => since,
                    _ => Instant::now(),
                };
                let status = &now.execution;
                let patience = match status {
                    ExecutionStatus::ExecuteFailed => ROLLBACK_FOLLOWS,
                    ExecutionStatus::Available | ExecutionStatus::Unavailable => NO_EFFECT,
                    _ => Duration::ZERO,
                };
                let is_over = since.elapsed() >= patience;
                if status.is_terminal() && is_over {
                    return Ok(now);
                }
                if !status.has_begun() && is_over {
                    return Err(without_effect(&now));
                }
                unchanged = Some((now.execution, since));
            }
            Ok(None) if failures >= PATIENCE => return Err(vanished(id)),
            Ok(None) => failures += 1,
            Err(error) if failures >= PATIENCE || fault::is_final(&error) => return Err(error),
            Err(error) => {
                failures += 1;
                failed = Some(error);
                backoff.ease();
            }
        }
        backoff.pause().await;
    }
}

fn without_effect(refactor: &Refactor) -> Error {
    let (id, status) = (&refactor.id, &refactor.execution);
    Error::new(
        ErrorKind::Service,
        format!("the execution of the refactor `{id}` was requested, but it is still {status}"),
    )
}

fn vanished(id: &str) -> Error {
    let message =
        format!("the outcome of the refactor `{id}` is unknown: it does not exist any more");
    Error::new(ErrorKind::Service, message)
}

/// Returns whether the execution of a refactor has begun. With `is_late`, waits for that.
async fn has_begun(service: &StackService, id: &str, is_late: bool) -> bool {
    let started = Instant::now();
    let mut backoff = Backoff::polling(&service.connection);
    loop {
        if let Ok(Some(refactor)) = describe(service, id).await {
            if refactor.execution.has_begun() {
                return true;
            }
            if refactor.execution == ExecutionStatus::Obsolete {
                return false;
            }
        }
        if !is_late || started.elapsed() >= LATE {
            return false;
        }
        backoff.pause().await;
    }
}

/// Returns whether the endpoint does not know the operation.
fn is_unknown_operation<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(|answer| answer.code());
    matches!(code, Some("InvalidAction" | "UnknownOperationException"))
}

/// Returns whether an error means that the refactor does not exist.
fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(|answer| answer.code());
    code.is_some_and(|code| code.starts_with("StackRefactorNotFound"))
}

fn action(action: sdk::StackRefactorAction) -> Action {
    let (from, to) = match action.resource_mapping {
        Some(mapping) => (location(mapping.source), location(mapping.destination)),
        None => (Location::default(), Location::default()),
    };
    let tags = action.tag_resources.unwrap_or_default().into_iter();
    Action {
        action: action
            .action
            .map_or_else(String::new, |it| it.as_str().to_owned()),
        entity: action
            .entity
            .map_or_else(String::new, |it| it.as_str().to_owned()),
        from,
        to,
        physical_id: action.physical_resource_id.unwrap_or_default(),
        tags: tags
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect(),
        untags: action.untag_resources.unwrap_or_default(),
    }
}

fn location(location: Option<sdk::ResourceLocation>) -> Location {
    let Some(location) = location else {
        return Location::default();
    };
    Location {
        stack: location.stack_name.unwrap_or_default(),
        logical_id: location.logical_resource_id.unwrap_or_default(),
    }
}

fn summary(summary: sdk::StackRefactorSummary) -> Option<Refactor> {
    let status = summary.status.as_ref();
    Some(Refactor {
        id: summary.stack_refactor_id?,
        stack_ids: Vec::new(),
        description: summary.description.unwrap_or_default(),
        status: RefactorStatus::from_wire(status.map_or("", sdk::StackRefactorStatus::as_str)),
        reason: reason(summary.status_reason),
        execution: execution(summary.execution_status.as_ref()),
        execution_reason: reason(summary.execution_status_reason),
    })
}

/// Returns the execution status; a refactor that is not created yet may have none.
fn execution(status: Option<&sdk::StackRefactorExecutionStatus>) -> ExecutionStatus {
    status.map_or(ExecutionStatus::Unavailable, |status| {
        ExecutionStatus::from_wire(status.as_str())
    })
}

fn reason(reason: Option<String>) -> Option<String> {
    reason.filter(|reason| !reason.is_empty())
}
