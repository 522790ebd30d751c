//! CloudFormation: operations in EXPRESS mode, with the refusals that users saw.

use super::account::{Account, Fault};
use super::call::Call;
use super::change_sets::ChangeSet;
use super::changes;
use super::stacks::{Deployment, Stack};
use super::xml;

/// The reason of what ended in EXPRESS mode.
pub(crate) const COMPLETED: &str = "Resource operation completed using Express Mode. \
    It may continue becoming available in the background.";

/// The reason of a resource that would be replaced while rollback is disabled.
pub(crate) const REPLACEMENT: &str =
    "Replacement type updates not supported on stack with disable-rollback.";

type Answer = Result<String, Fault>;

/// Returns whether a request in EXPRESS mode disables rollback; `None` if it is in another mode. The
/// service disables it if the request does not say otherwise.
pub(super) fn disables_rollback(call: &Call) -> Option<bool> {
    let is_express = call.parameter("DeploymentConfig.Mode") == "EXPRESS";
    is_express.then(|| call.parameter("DeploymentConfig.DisableRollback") != "false")
}

/// Returns the configuration as XML; nothing in the standard mode.
pub(super) fn config(disables_rollback: Option<bool>) -> String {
    disables_rollback.map_or_else(String::new, |disables| {
        let members =
            xml::text("Mode", "EXPRESS") + &xml::text("DisableRollback", &disables.to_string());
        xml::element("DeploymentConfig", &members)
    })
}

/// Refuses an operation in another mode on a stack that failed in EXPRESS mode.
pub(super) fn check_mode(stack: &Stack, call: &Call) -> Result<(), Fault> {
    let failed = stack.is_express && stack.status.ends_with("_FAILED");
    if !failed || disables_rollback(call).is_some() {
        return Ok(());
    }
    Err(Fault::validation(format!(
        "This stack is in a {} state from a previous operation that used EXPRESS deployment mode \
         with disable-rollback. Follow-up operations must use the same DeploymentConfig \
         (mode=EXPRESS) until the stack reaches a *_COMPLETE state.",
        stack.status
    )))
}

/// Refuses to roll back a stack that failed in EXPRESS mode.
pub(super) fn check_rollback(stack: &Stack) -> Result<(), Fault> {
    if !stack.is_express {
        return Ok(());
    }
    Err(Fault::validation(
        "RollbackStack is not supported for stacks that were last updated using EXPRESS deployment \
         mode and are in a failed state.",
    ))
}

impl Account {
    pub(super) fn update_stack(&mut self, call: &Call) -> Answer {
        let index = self.find(call.parameter("StackName"))?;
        let deployment = Deployment {
            template: self.template_of(call)?,
            parameters: self.parameters_of(call, index)?,
            tags: self.stacks[index]
                .deployed
                .as_ref()
                .map(|deployed| deployed.tags.clone())
                .unwrap_or_default(),
            capabilities: call.list("Capabilities"),
        };
        super::change_sets::check_capabilities(&deployment)?;
        let stack = &self.stacks[index];
        check_mode(stack, call)?;
        let express = disables_rollback(call);
        let keeps = express.unwrap_or(call.parameter("DisableRollback") == "true");
        let is_failed = ["CREATE_FAILED", "UPDATE_FAILED"].contains(&stack.status.as_str());
        if is_failed && !keeps {
            return Err(Fault::validation(format!(
                "This stack is currently in a non-terminal [{}] state. To update the stack from this \
                 state, please use the disable-rollback parameter with update-stack API.",
                stack.status
            )));
        }
        let before = Stack {
            deployed: stack.attempted.clone().or_else(|| stack.deployed.clone()),
            ..stack.clone()
        };
        let set = ChangeSet {
            changes: changes::between(&before, &deployment),
            deployment,
            express,
            ..ChangeSet::default()
        };
        self.begin_deployment(index, &set, call.parameter("ClientRequestToken"), keeps);
        Ok(xml::text("StackId", &self.stacks[index].id))
    }
}
