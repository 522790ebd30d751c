//! What the plans of other stacks of the run do to the parameters of a deployment.

use super::project_stacks::key_of;
use crate::error::{Error, Result};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::session::Session;
use crate::plan::Plan;
use crate::plan::provisional::{ProvisionalInput, stacks};

/// Waits for the plans of the stacks whose outputs the deployment reads, and returns what they do to its
/// parameters. A new value that is known is used instead of the deployed one.
///
/// # Errors
///
/// If a stack will not have an output that the deployment reads.
pub(crate) async fn provisional(deployment: &mut Deployment<'_>) -> Result<Vec<ProvisionalInput>> {
    let inputs = deployment.inputs().provisional().await?;
    for input in &inputs {
        match input.after() {
            Some(after) => deployment.set_input(&input.parameter, after),
            None => deployment.set_uncertain(&input.parameter),
        }
    }
    Ok(inputs)
}

/// Lets the other stacks of the run know what a plan does to the outputs of its stack.
pub(crate) fn publish(session: &Session<'_>, plan: &Plan) {
    if let Some(key) = &session.settings().stack_key {
        let upstream = session.context().upstream();
        upstream.planned(&key_of(session, key), &plan.effects);
    }
}

/// Refuses to save a plan that depends on other plans.
///
/// # Errors
///
/// Refused if there are such inputs, with the command that comes first.
pub(crate) fn refuse_to_save(session: &Session<'_>, inputs: &[ProvisionalInput]) -> Result<()> {
    let first = stacks(inputs);
    let Some(input) = inputs.first() else {
        return Ok(());
    };
    let own = session.settings().stack_key.as_deref().unwrap_or_default();
    let environment = session.settings().environment.as_str();
    let command = session
        .context()
        .command_for("apply", &first, &[environment]);
    Err(Error::refused(format!(
        "the plan of `{own}` cannot be saved: its parameter `{}` depends on the plan of `{}`",
        input.parameter, input.stack
    ))
    .hint(format!("this comes first: `{command}`")))
}
