//! CloudFormation: change sets, from their creation to their execution.

use std::collections::BTreeMap;

use super::account::{Account, Fault};
use super::call::Call;
use super::changes::{self, Change};
use super::operation::now;
use super::stacks::{Deployment, Stack, arn};
use super::{express, template, xml};

/// A change set.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChangeSet {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) id: String,
    /// Its description; empty if it has none.
    pub(crate) description: String,
    /// When it was created.
    pub(crate) created: String,
    /// The deployment.
    pub(crate) deployment: Deployment,
    /// The changes.
    pub(crate) changes: Vec<Change>,
    /// Its status.
    pub(crate) status: String,
    /// The reason for its status.
    pub(crate) reason: String,
    /// Whether it can be executed.
    pub(crate) execution_status: String,
    /// Its `OnStackFailure`; empty if it was not set.
    pub(crate) on_stack_failure: String,
    /// Whether it disables rollback in EXPRESS mode; `None` in the standard mode.
    pub(crate) express: Option<bool>,
    /// How often `DescribeChangeSet` still returns it as pending.
    pub(crate) pending: usize,
}

/// CloudFormation's reason for a change set without changes.
const NO_CHANGES: &str = "The submitted information didn't contain changes. \
    Submit different information to create a change set.";

type Answer = Result<String, Fault>;

/// Returns a deployment without the template's description, which CloudFormation does not compare.
fn with_effect(deployment: &Deployment) -> Deployment {
    let lines = deployment.template.lines();
    let lines = lines.filter(|line| !line.starts_with("Description:"));
    Deployment {
        template: lines.collect::<Vec<_>>().join("\n"),
        ..deployment.clone()
    }
}

impl Account {
    pub(super) fn create_change_set(&mut self, call: &Call) -> Answer {
        let name = call.parameter("StackName");
        let set_name = call.parameter("ChangeSetName").to_owned();
        let found = self.find(name).ok();
        let creates = call.parameter("ChangeSetType") == "CREATE";
        let index = match found.map(|index| (index, self.stacks[index].status.as_str())) {
            Some((index, "REVIEW_IN_PROGRESS")) if creates => index,
            None if creates => self.new_stack(name, "REVIEW_IN_PROGRESS"),
            Some(_) if creates => {
                let message = format!(
                    "Stack [{name}] already exists and cannot be created again with the \
                    changeSet [{set_name}]."
                );
                return Err(Fault::validation(message));
            }
            None => {
                let message = format!("Stack [{name}] does not exist");
                return Err(Fault::validation(message));
            }
            Some((index, status))
                if status.ends_with("_IN_PROGRESS")
                    || is_stuck(status)
                    || status == "ROLLBACK_COMPLETE" =>
            {
                let id = &self.stacks[index].id;
                let message = format!("Stack:{id} is in {status} state and can not be updated.");
                return Err(Fault::validation(message));
            }
            Some((index, _)) => index,
        };
        let deployment = Deployment {
            template: self.template_of(call)?,
            parameters: self.parameters_of(call, index)?,
            tags: call.pairs("Tags", "Key", "Value"),
            capabilities: call.list("Capabilities"),
        };
        check_capabilities(&deployment)?;
        let (number, knows_express) = (self.next_number(), self.knows_express);
        let stack = &mut self.stacks[index];
        express::check_mode(stack, call)?;
        let unchanged = stack.deployed.as_ref().map(with_effect) == Some(with_effect(&deployment));
        let id = arn("changeSet", &set_name, number);
        let (status, reason, execution_status) = if unchanged {
            ("FAILED", NO_CHANGES, "UNAVAILABLE")
        } else {
            ("CREATE_COMPLETE", "", "AVAILABLE")
        };
        stack.change_sets.push(ChangeSet {
            changes: changes::between(stack, &deployment),
            name: set_name,
            id: id.clone(),
            description: call.parameter("Description").to_owned(),
            created: now(),
            deployment,
            status: status.to_owned(),
            reason: reason.to_owned(),
            execution_status: execution_status.to_owned(),
            on_stack_failure: call.parameter("OnStackFailure").to_owned(),
            express: express::disables_rollback(call).filter(|_| knows_express),
            pending: self.pending_describes,
        });
        Ok(xml::text("Id", &id) + &xml::text("StackId", &stack.id))
    }

    /// Returns the parameters of a call, with the previous values of those that keep theirs.
    pub(super) fn parameters_of(
        &self,
        call: &Call,
        index: usize,
    ) -> Result<BTreeMap<String, String>, Fault> {
        let mut parameters = call.pairs("Parameters", "ParameterKey", "ParameterValue");
        let keeps = call.pairs("Parameters", "ParameterKey", "UsePreviousValue");
        for (name, _) in keeps.iter().filter(|(_, keeps)| *keeps == "true") {
            let deployed = self.stacks[index].deployed.as_ref();
            let message = || {
                Fault::validation(format!(
                    "Parameter values specified for a template which does not require them, or \
                     no previous value for [{name}]"
                ))
            };
            let previous = deployed.and_then(|it| it.parameters.get(name));
            parameters.insert(name.clone(), previous.ok_or_else(message)?.clone());
        }
        Ok(parameters)
    }

    pub(super) fn describe_change_set(&mut self, call: &Call) -> Answer {
        let (index, set) = self.find_change_set(call)?;
        let stack = &mut self.stacks[index];
        let set = &mut stack.change_sets[set];
        let mut shown = set.clone();
        if set.pending > 0 {
            set.pending -= 1;
            "CREATE_IN_PROGRESS".clone_into(&mut shown.status);
            "UNAVAILABLE".clone_into(&mut shown.execution_status);
            shown.changes.clear();
        }
        let with_values = call.parameter("IncludePropertyValues") == "true";
        let changes = shown.changes.iter();
        let changes = changes.map(|change| change.to_xml(with_values)).collect();
        let names = ("ParameterKey", "ParameterValue");
        let result = shown.summary_xml(stack)
            + &xml::pairs("Parameters", names, &shown.deployment.parameters)
            + &xml::pairs("Tags", ("Key", "Value"), &shown.deployment.tags);
        Ok(result + &self.page(call, "Changes", changes))
    }

    pub(super) fn list_change_sets(&mut self, call: &Call) -> Answer {
        let index = self.find(call.parameter("StackName"))?;
        let stack = &self.stacks[index];
        let sets = stack.change_sets.iter().map(|set| set.summary_xml(stack));
        Ok(xml::members("Summaries", sets))
    }

    pub(super) fn delete_change_set(&mut self, call: &Call) {
        // The deletion of a missing change set succeeds.
        if let Ok((index, set)) = self.find_change_set(call) {
            self.stacks[index].change_sets.remove(set);
        }
    }

    pub(super) fn execute_change_set(&mut self, call: &Call) -> Answer {
        let (index, set) = self.find_change_set(call)?;
        let set = self.stacks[index].change_sets[set].clone();
        if set.execution_status != "AVAILABLE" {
            let message = format!(
                "ChangeSet [{}] cannot be executed in its current execution status of [{}]",
                set.id, set.execution_status
            );
            return Err(Fault::new(400, "InvalidChangeSetStatus", message));
        }
        let keeps = call.parameter("DisableRollback") == "true";
        if keeps && set.express.is_some() {
            let message = "DisableRollback is part of the DeploymentConfig in EXPRESS mode";
            return Err(Fault::validation(message));
        }
        let keeps = set.express.unwrap_or(keeps);
        let status = self.stacks[index].status.as_str();
        if keeps && !set.on_stack_failure.is_empty() {
            let message = "OnStackFailure and DisableRollback cannot be specified together";
            return Err(Fault::validation(message));
        }
        if !keeps && ["CREATE_FAILED", "UPDATE_FAILED"].contains(&status) {
            let message = format!("This stack is currently in a non-terminal [{status}] state.");
            return Err(Fault::validation(message));
        }
        if status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS" {
            let id = &self.stacks[index].id;
            let message = format!("Stack:{id} is in {status} state and can not be updated.");
            return Err(Fault::validation(message));
        }
        self.stacks[index].change_sets.clear();
        self.stacks[index].executed.push(set.clone());
        self.begin_deployment(index, &set, call.parameter("ClientRequestToken"), keeps);
        Ok(String::new())
    }

    pub(super) fn find_change_set(&self, call: &Call) -> Result<(usize, usize), Fault> {
        let (stack, name) = (call.parameter("StackName"), call.parameter("ChangeSetName"));
        for (index, candidate) in self.stacks.iter().enumerate() {
            let named = stack == candidate.name || stack == candidate.id;
            let set = candidate
                .change_sets
                .iter()
                .position(|set| set.id == name || (named && set.name == name));
            if let Some(set) = set {
                return Ok((index, set));
            }
        }
        let message = format!("ChangeSet [{name}] does not exist");
        Err(Fault::new(404, "ChangeSetNotFound", message))
    }
}

/// Returns whether a stack has failed so that it accepts no change set. A stack without rollback
/// does.
fn is_stuck(status: &str) -> bool {
    status.ends_with("_FAILED") && !["CREATE_FAILED", "UPDATE_FAILED"].contains(&status)
}

pub(super) fn check_capabilities(deployment: &Deployment) -> Result<(), Fault> {
    let parsed = template::parse(&deployment.template);
    let iam: Vec<_> = template::resources(&parsed)
        .filter(|(_, resource)| {
            let kind = resource["Type"].as_str().unwrap_or_default();
            kind.starts_with("AWS::IAM::")
        })
        .collect();
    let named = iam
        .iter()
        .any(|(_, resource)| resource["Properties"]["RoleName"].is_string());
    let given = |name: &str| deployment.capabilities.iter().any(|given| given == name);
    let missing = if named && !given("CAPABILITY_NAMED_IAM") {
        "CAPABILITY_NAMED_IAM"
    } else if !iam.is_empty() && !given("CAPABILITY_IAM") && !given("CAPABILITY_NAMED_IAM") {
        "CAPABILITY_IAM"
    } else {
        return Ok(());
    };
    let message = format!("Requires capabilities : [{missing}]");
    Err(Fault::new(
        400,
        "InsufficientCapabilitiesException",
        message,
    ))
}

impl ChangeSet {
    fn summary_xml(&self, stack: &Stack) -> String {
        xml::text("ChangeSetName", &self.name)
            + &xml::text("ChangeSetId", &self.id)
            + &xml::text("StackId", &stack.id)
            + &xml::text("StackName", &stack.name)
            + &xml::optional("Description", &self.description)
            + &xml::text("CreationTime", &self.created)
            + &xml::text("Status", &self.status)
            + &xml::optional("StatusReason", &self.reason)
            + &xml::text("ExecutionStatus", &self.execution_status)
            + &xml::optional("OnStackFailure", &self.on_stack_failure)
            + &express::config(self.express)
    }
}
