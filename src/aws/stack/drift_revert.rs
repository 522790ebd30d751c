//! A change set of what is deployed already, which reverts drift.

use aws_sdk_cloudformation::types::{Capability, ChangeSetType, DeploymentMode, Parameter};

use super::{Requested, StackService};
use crate::aws::fault;
use crate::cloudformation::stack::Stack;
use crate::error::Result;

/// Requests a drift-aware change set of the deployed template and parameters, and returns at once. Tags, topics and alarms are not sent, so that they stay as they are.
///
/// `includes_nested` asks for change sets of the stacks inside it too.
pub async fn create(
    service: &StackService,
    name: &str,
    stack: &Stack,
    role: Option<&str>,
    includes_nested: bool,
) -> Result<Requested> {
    let parameters = stack.parameters.keys().map(|name| {
        let parameter = Parameter::builder().parameter_key(name);
        parameter.use_previous_value(true).build()
    });
    let capabilities = stack.capabilities.iter();
    let capabilities = capabilities.map(|name| Capability::from(name.as_str()));
    let request = service
        .client
        .create_change_set()
        .stack_name(&stack.id)
        .change_set_name(name)
        .client_token(name)
        .change_set_type(ChangeSetType::Update)
        .use_previous_template(true)
        .set_parameters(Some(parameters.collect()))
        .set_capabilities(Some(capabilities.collect()))
        .deployment_mode(DeploymentMode::RevertDrift)
        .set_include_nested_stacks(includes_nested.then_some(true))
        .set_role_arn(role.map(str::to_owned))
        .description("made by stackctl");
    let answer = request.send().await.map_err(|error| {
        let doing = format!("create a drift-aware change set for `{}`", service.name);
        service.connection.fault(doing, &error)
    })?;
    let id = answer.id;
    Ok(Requested {
        change_set_id: id.ok_or_else(|| fault::incomplete("CreateChangeSet", "Id"))?,
        stack_id: stack.id.clone(),
    })
}
