//! The calls that repair a stuck stack, and what is read for them.

use super::events;
use std::collections::HashSet;

use aws_sdk_cloudformation::types::{Capability, Parameter};

use super::StackService;
use super::request::deployment_config;
use crate::cloudformation::event::Event;
use crate::cloudformation::recovery::Call;
use crate::cloudformation::recovery::history::History;
use crate::cloudformation::stack::{Resource, name_of};
use crate::config::settings::DeploymentMode;
use crate::error::Result;
use crate::template::STACK_TYPE;

/// How deep nested stacks are searched for what failed.
const DEPTH: usize = 10;

/// Sends one call for the stack of this ARN. The token makes a repeated request harmless.
///
/// A lost answer is no failure if the operation has begun: an event has the token.
pub async fn perform(
    service: &StackService,
    call: &Call,
    stack_id: &str,
    token: &str,
    role: Option<&str>,
) -> Result<()> {
    let Err(error) = send(service, call, stack_id, token, role).await else {
        return Ok(());
    };
    let events = events::latest(service, stack_id).await.unwrap_or_default();
    let is_ours = |event: &Event| event.token.as_deref() == Some(token);
    if events.iter().any(is_ours) {
        Ok(())
    } else {
        Err(error)
    }
}

async fn send(
    service: &StackService,
    call: &Call,
    stack_id: &str,
    token: &str,
    role: Option<&str>,
) -> Result<()> {
    let assumed = role.map(str::to_owned);
    let doing = match call {
        Call::CancelUpdateStack => format!("cancel the update of `{}`", service.name),
        call => format!(
            "recover the stack `{}` ({})",
            service.name,
            call.operation()
        ),
    };
    match call {
        Call::DeleteChangeSet(id) => service.delete_change_set(id).await,
        Call::DeleteStack(request) => service.delete(stack_id, token, role, request).await,
        Call::UpdateStack(update) => {
            let parameters = update.parameters.iter().map(|(name, value)| {
                let parameter = Parameter::builder().parameter_key(name);
                match value {
                    Some(value) => parameter.parameter_value(value).build(),
                    None => parameter.use_previous_value(true).build(),
                }
            });
            let capabilities = update.capabilities.iter();
            let capabilities = capabilities.map(|name| Capability::from(name.as_str()));
            let body = update.template.clone();
            let sent = service
                .client
                .update_stack()
                .stack_name(stack_id)
                .set_template_body(update.url.is_none().then_some(body))
                .set_template_url(update.url.clone())
                .set_parameters(Some(parameters.collect()))
                .set_capabilities(Some(capabilities.collect()))
                .set_role_arn(assumed)
                // A stack that failed accepts an update only with rollback disabled.
                .set_deployment_config(deployment_config(DeploymentMode::Express, true))
                .client_request_token(token)
                .send()
                .await;
            sent.map(drop)
                .map_err(|error| service.connection.fault(doing, &error))
        }
        Call::RollbackStack => {
            let request = service.client.rollback_stack().stack_name(stack_id);
            let request = request.set_role_arn(assumed).client_request_token(token);
            let sent = request.send().await.map(drop);
            sent.map_err(|error| service.connection.fault(doing, &error))
        }
        Call::ContinueUpdateRollback(skipped) => {
            let request = service
                .client
                .continue_update_rollback()
                .stack_name(stack_id);
            let request = request
                .set_resources_to_skip((!skipped.is_empty()).then(|| skipped.clone()))
                .set_role_arn(assumed)
                .client_request_token(token);
            let sent = request.send().await.map(drop);
            sent.map_err(|error| service.connection.fault(doing, &error))
        }
        Call::CancelUpdateStack => {
            let request = service.client.cancel_update_stack().stack_name(stack_id);
            let sent = request.client_request_token(token).send().await;
            sent.map(drop)
                .map_err(|error| service.connection.fault(doing, &error))
        }
    }
}

/// Returns the failed resources of the stacks inside this one, each with its stack's name and
/// why it failed last. `resources` are this stack's own.
pub async fn failed_in_nested(
    service: &StackService,
    resources: &[Resource],
) -> Result<Vec<(String, Resource, Option<String>)>> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting: Vec<(usize, String)> = nested(resources).map(|id| (1, id)).collect();
    while let Some((depth, id)) = waiting.pop() {
        if depth > DEPTH || !seen.insert(id.clone()) {
            continue;
        }
        let inner = StackService {
            name: id.clone(),
            ..service.clone()
        };
        let resources = inner.resources().await?;
        waiting.extend(nested(&resources).map(|id| (depth + 1, id)));
        let failed = resources
            .into_iter()
            .filter(|resource| resource.status.ends_with("_FAILED"));
        let failed: Vec<Resource> = failed.collect();
        if failed.is_empty() {
            continue;
        }
        let history = History::of(&events::latest(service, &id).await?);
        for resource in failed {
            let reason = history.reason(&resource.logical_id).map(str::to_owned);
            found.push((name_of(&id).to_owned(), resource, reason));
        }
    }
    Ok(found)
}

/// Returns the ARNs of the failed stacks among these resources.
fn nested(resources: &[Resource]) -> impl Iterator<Item = String> + '_ {
    let failed = resources.iter().filter(|resource| {
        resource.resource_type == STACK_TYPE && resource.status.ends_with("_FAILED")
    });
    failed.filter_map(|resource| resource.physical_id.clone())
}
