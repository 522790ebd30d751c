//! CloudFormation: stacks, with the errors that stackctl handles.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::account::{Account, Fault};
use super::call::Call;
use super::change_sets::ChangeSet;
use super::operation::{Event, Operation, nested_arn, now};
use super::stack_sets::OPERATIONS;
use super::{ACCOUNT, REGION, express, template, xml};

/// A stack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stack {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) id: String,
    /// Its status.
    pub(crate) status: String,
    /// The reason for its status; empty if there is none.
    pub(crate) status_reason: String,
    /// The last deployment; `None` if the stack is in review.
    pub(crate) deployed: Option<Deployment>,
    /// The resources by logical id.
    pub(crate) resources: IndexMap<String, Resource>,
    /// The outputs.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The export names by output.
    pub(crate) exports: BTreeMap<String, String>,
    /// The events, the oldest first.
    pub(crate) events: Vec<Event>,
    /// The change sets, the oldest first.
    pub(crate) change_sets: Vec<ChangeSet>,
    /// Whether it is protected from deletion.
    pub(crate) termination_protection: bool,
    /// The time of the last update; `None` if it is not returned.
    pub(crate) updated: Option<String>,
    /// Whether the last operation was deployed in EXPRESS mode.
    pub(crate) is_express: bool,
    /// The deployment that failed and was not rolled back.
    pub(crate) attempted: Option<Deployment>,
    /// The rollback alarms with their types, by ARN.
    pub(crate) alarms: BTreeMap<String, String>,
    /// The change sets that were executed, the oldest first.
    pub(crate) executed: Vec<ChangeSet>,
    /// Whether its deletion is forced.
    pub(crate) is_forced: bool,
    /// The stack policy; `None` if it was never set.
    pub(crate) policy: Option<String>,
    pub(super) operation: Operation,
}

/// The input of CloudFormation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deployment {
    /// The template's text.
    pub(crate) template: String,
    /// The parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The tags.
    pub(crate) tags: BTreeMap<String, String>,
    /// The capabilities.
    pub(crate) capabilities: Vec<String>,
}

/// A deployed resource.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resource {
    /// Its type.
    pub(crate) kind: String,
    /// Its physical id.
    pub(crate) physical_id: String,
    /// Whether it is retained when the stack is deleted.
    pub(crate) retained: bool,
    /// Its status.
    pub(crate) status: String,
    /// The reason for its status; empty where there is none.
    pub(crate) reason: String,
}

type Answer = Result<String, Fault>;

impl Account {
    /// Adds a stack as if it had been deployed before.
    pub(crate) fn deploy(&mut self, name: &str, deployment: Deployment) {
        let index = self.new_stack(name, "CREATE_COMPLETE");
        self.install(index, deployment);
    }

    /// Adds a nested stack with its events, the oldest first: logical id, status, reason. An empty
    /// logical id means the stack itself. The events have the current time, so an operation must be
    /// running.
    pub(crate) fn nest(&mut self, logical_id: &str, events: &[(&str, &str, &str)]) {
        let index = self.new_stack(logical_id, "CREATE_COMPLETE");
        let stack = &mut self.stacks[index];
        stack.id = nested_arn(logical_id);
        let events = events.iter().map(|(resource, status, reason)| Event {
            id: format!("{resource}-{status}"),
            logical_id: (*resource).to_owned(),
            physical_id: if resource.is_empty() { &*stack.id } else { "" }.to_owned(),
            kind: "AWS::Test::Resource".to_owned(),
            status: (*status).to_owned(),
            reason: (*reason).to_owned(),
            time: now(),
            ..Event::default()
        });
        stack.events = events.collect();
    }

    /// Adds a stack without resources, as a first change set creates it.
    pub(crate) fn review(&mut self, name: &str) {
        self.new_stack(name, "REVIEW_IN_PROGRESS");
    }

    /// Returns the contents of the result element for a call.
    pub(super) fn cloudformation(&mut self, call: &Call) -> Answer {
        if let Some(answer) = self.refactor(call) {
            return answer;
        }
        if OPERATIONS.contains(&&*call.operation) {
            return self.stack_sets(call);
        }
        match call.operation.as_str() {
            "DescribeStacks" => self.describe_stacks(call),
            "DescribeStackEvents" => self.describe_stack_events(call),
            "DescribeStackResources" => self.list_resources(call, "StackResources", "Timestamp"),
            "ListStackResources" => {
                self.list_resources(call, "StackResourceSummaries", "LastUpdatedTimestamp")
            }
            "CreateChangeSet" => self.create_change_set(call),
            "DescribeChangeSet" => self.describe_change_set(call),
            "ListChangeSets" => self.list_change_sets(call),
            "DeleteChangeSet" => {
                self.delete_change_set(call);
                Ok(String::new())
            }
            "ExecuteChangeSet" => self.execute_change_set(call),
            "DeleteStack" => self.delete_stack(call),
            "UpdateStack" => self.update_stack(call),
            "RollbackStack" => self.rollback_stack(call),
            "ContinueUpdateRollback" => self.continue_update_rollback(call),
            "CancelUpdateStack" => self.cancel_update_stack(call),
            "UpdateTerminationProtection" => {
                let index = self.find(call.parameter("StackName"))?;
                let enabled = call.parameter("EnableTerminationProtection") == "true";
                self.stacks[index].termination_protection = enabled;
                Ok(xml::text("StackId", &self.stacks[index].id))
            }
            "ListImports" => {
                let name = call.parameter("ExportName");
                let importers = self.imports.get(name).ok_or_else(|| {
                    let message = format!("Export '{name}' is not imported by any stack.");
                    Fault::validation(message)
                })?;
                let importers = importers.iter().map(|name| xml::text("member", name));
                Ok(xml::element("Imports", &importers.collect::<String>()))
            }
            "GetStackPolicy" => {
                let index = self.find(call.parameter("StackName"))?;
                let policy = self.stacks[index].policy.as_deref().unwrap_or_default();
                Ok(xml::optional("StackPolicyBody", policy))
            }
            "SetStackPolicy" => {
                let index = self.find(call.parameter("StackName"))?;
                let policy = call.parameter("StackPolicyBody").to_owned();
                self.stacks[index].policy = Some(policy);
                Ok(String::new())
            }
            "GetTemplate" => self.get_template(call),
            "ValidateTemplate" | "GetTemplateSummary" => Ok(String::new()),
            "DescribeEvents" => Ok(xml::members("OperationEvents", [])),
            operation => {
                let message = format!("the scripted cloud does not know {operation}");
                Err(Fault::new(400, "InvalidAction", message))
            }
        }
    }

    fn describe_stacks(&mut self, call: &Call) -> Answer {
        let name = call.parameter("StackName");
        let found = if name.is_empty() {
            let live = |index: &usize| self.stacks[*index].status != "DELETE_COMPLETE";
            (0..self.stacks.len()).filter(live).collect()
        } else {
            vec![self.find(name)?]
        };
        for index in &found {
            self.advance(*index);
        }
        // A deletion may have just ended.
        if !name.is_empty() {
            self.find(name)?;
        }
        let stacks = found.iter().map(|index| self.stacks[*index].to_xml());
        let stacks = stacks.collect();
        Ok(self.page(call, "Stacks", stacks))
    }

    fn describe_stack_events(&mut self, call: &Call) -> Answer {
        let index = self.find(call.parameter("StackName"))?;
        self.advance(index);
        let stack = &self.stacks[index];
        let events = stack.events.iter().rev().map(|event| event.to_xml(stack));
        Ok(self.page(call, "StackEvents", events.collect()))
    }

    fn list_resources(&mut self, call: &Call, list: &str, time: &str) -> Answer {
        let index = self.find(call.parameter("StackName"))?;
        let resources = self.stacks[index].resources.iter();
        let resources = resources.map(|(logical_id, resource)| {
            xml::text("LogicalResourceId", logical_id)
                + &xml::text("PhysicalResourceId", &resource.physical_id)
                + &xml::text("ResourceType", &resource.kind)
                + &xml::text(time, &now())
                + &xml::text("ResourceStatus", &resource.status)
                + &xml::optional("ResourceStatusReason", &resource.reason)
        });
        Ok(xml::members(list, resources))
    }

    fn delete_stack(&mut self, call: &Call) -> Answer {
        let Ok(index) = self.find(call.parameter("StackName")) else {
            return Ok(String::new());
        };
        let knows_express = self.knows_express;
        let stack = &mut self.stacks[index];
        if stack.termination_protection {
            let message = format!(
                "Stack [{}] cannot be deleted while TerminationProtection is enabled",
                stack.name
            );
            return Err(Fault::validation(message));
        }
        express::check_mode(stack, call)?;
        let is_forced = call.parameter("DeletionMode") == "FORCE_DELETE_STACK";
        if is_forced && stack.status != "DELETE_FAILED" {
            let message = format!(
                "Invalid operation on stack [{}]. You can activate DeletionMode FORCE_DELETE_STACK in \
                 a delete stack operation only when the stack is in the DELETE_FAILED state.",
                stack.id
            );
            return Err(Fault::validation(message));
        }
        stack.is_forced = is_forced;
        if knows_express {
            stack.is_express = express::disables_rollback(call).is_some();
        }
        stack.change_sets.clear();
        self.retain(call, index)?;
        let stack = &self.stacks[index];
        let is_empty = stack.resources.is_empty();
        self.begin_deletion(index, call.parameter("ClientRequestToken"));
        if is_empty {
            self.advance_by(index, usize::MAX);
        }
        Ok(String::new())
    }

    fn get_template(&mut self, call: &Call) -> Answer {
        let template = if call.parameter("ChangeSetName").is_empty() {
            let index = self.find(call.parameter("StackName"))?;
            let stack = &self.stacks[index];
            let failed = stack
                .attempted
                .as_ref()
                .filter(|_| self.shows_failed_template);
            let shown = failed.or(stack.deployed.as_ref());
            shown.map_or_else(String::new, |deployed| deployed.template.clone())
        } else {
            self.template_of_change_set(call)?
        };
        // The service replaces characters that are not ASCII.
        let ascii = template.chars().map(|c| if c.is_ascii() { c } else { '?' });
        Ok(xml::text("TemplateBody", &ascii.collect::<String>()))
    }

    /// Returns the template of a change set, also of one that was executed.
    fn template_of_change_set(&self, call: &Call) -> Answer {
        let (stack, name) = (call.parameter("StackName"), call.parameter("ChangeSetName"));
        let executed = self.find(stack).ok().and_then(|index| {
            let mut sets = self.stacks[index].executed.iter();
            sets.find(|set| set.id == name || set.name == name)
        });
        if let Some(set) = executed {
            return Ok(set.deployment.template.clone());
        }
        let (index, set) = self.find_change_set(call)?;
        Ok(self.stacks[index].change_sets[set]
            .deployment
            .template
            .clone())
    }

    pub(super) fn template_of(&self, call: &Call) -> Answer {
        self.template_text(
            call.parameter("TemplateBody"),
            call.parameter("TemplateURL"),
        )
    }

    /// Returns the text of a template that a request contains, or names by its URL.
    pub(super) fn template_text(&self, body: &str, url: &str) -> Answer {
        if url.is_empty() {
            return Ok(body.to_owned());
        }
        let objects = self.buckets.values().flat_map(|bucket| &bucket.objects);
        let mut found = objects.filter(|object| url.ends_with(&format!("/{}", object.key)));
        let body = found.next_back().and_then(|object| object.body.clone());
        let body = body.ok_or_else(|| Fault::validation(format!("S3 error: {url}")))?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Returns the items of the requested page, with the token of the next page.
    pub(super) fn page(&self, call: &Call, list: &str, items: Vec<String>) -> String {
        let start: usize = call.parameter("NextToken").parse().unwrap_or(0);
        let next = start + self.page_size;
        let token = if next < items.len() {
            xml::text("NextToken", &next.to_string())
        } else {
            String::new()
        };
        xml::members(list, items.into_iter().skip(start).take(self.page_size)) + &token
    }

    pub(super) fn new_stack(&mut self, name: &str, status: &str) -> usize {
        let id = arn("stack", name, self.next_number());
        self.stacks.push(Stack {
            name: name.to_owned(),
            id,
            status: status.to_owned(),
            ..Stack::default()
        });
        self.stacks.len() - 1
    }

    /// Returns the stack of this name or ARN. A deleted stack has only its ARN.
    pub(super) fn find(&self, name: &str) -> Result<usize, Fault> {
        let found = self.stacks.iter().rposition(|stack| {
            stack.id == name || (stack.name == name && stack.status != "DELETE_COMPLETE")
        });
        let missing = || Fault::validation(format!("Stack with id {name} does not exist"));
        found.ok_or_else(missing)
    }
}

pub(super) fn arn(kind: &str, name: &str, number: usize) -> String {
    format!(
        "arn:aws:cloudformation:{REGION}:{ACCOUNT}:{kind}/{name}/\
        00000000-0000-4000-8000-{number:012}"
    )
}

impl Deployment {
    /// Returns the deployment of a template alone.
    pub(crate) fn of(template: impl Into<String>) -> Self {
        Self {
            template: template.into(),
            ..Self::default()
        }
    }

    /// Returns the deployment of a template by stackctl, for the project `demo` in the environment `dev`.
    pub(crate) fn of_demo(template: &str) -> Self {
        let tags = [
            ("stackctl:project", "demo"),
            ("stackctl:environment", "dev"),
        ];
        Self {
            tags: tags
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Self::of(template)
        }
    }

    /// Returns the parameters without the values of those with `NoEcho`.
    fn masked_parameters(&self) -> BTreeMap<String, String> {
        let parsed = template::parse(&self.template);
        let parameters = self.parameters.iter().map(|(name, value)| {
            let is_secret = parsed["Parameters"][name]["NoEcho"] == true;
            let value = if is_secret { "****" } else { value };
            (name.clone(), value.to_owned())
        });
        parameters.collect()
    }
}

impl Stack {
    /// Returns the stack as an item of `Stacks`.
    pub(crate) fn to_xml(&self) -> String {
        let mut result = xml::text("StackId", &self.id)
            + &xml::text("StackName", &self.name)
            + &xml::text("CreationTime", "2025-06-01T12:00:00.000Z")
            + &xml::text("StackStatus", &self.status)
            + &xml::optional("StackStatusReason", &self.status_reason)
            + &xml::text("DisableRollback", "false");
        let protected = self.termination_protection.to_string();
        result += &xml::text("EnableTerminationProtection", &protected);
        if let Some(updated) = &self.updated {
            result += &xml::text("LastUpdatedTime", updated);
        }
        if self.is_express {
            let mode = xml::text("Mode", "EXPRESS");
            result += &xml::element("DeploymentConfig", &mode);
        }
        if !self.alarms.is_empty() {
            let names = ("Arn", "Type");
            let triggers = xml::pairs("RollbackTriggers", names, &self.alarms);
            result += &xml::element("RollbackConfiguration", &triggers);
        }
        let none = BTreeMap::new();
        let deployed = self.deployed.as_ref();
        let tags = deployed.map_or(&none, |deployed| &deployed.tags);
        result += &xml::pairs("Tags", ("Key", "Value"), tags);
        // Empty lists are omitted, except for the tags.
        if let Some(deployed) = deployed.filter(|deployed| !deployed.parameters.is_empty()) {
            let names = ("ParameterKey", "ParameterValue");
            result += &xml::pairs("Parameters", names, &deployed.masked_parameters());
        }
        if let Some(deployed) = deployed.filter(|deployed| !deployed.capabilities.is_empty()) {
            let capabilities = deployed.capabilities.iter();
            let capabilities = capabilities.map(|name| xml::text("member", name));
            result += &xml::element("Capabilities", &capabilities.collect::<String>());
        }
        if !self.outputs.is_empty() {
            let outputs = self.outputs.iter().map(|(name, value)| {
                let export = self.exports.get(name).map_or("", String::as_str);
                xml::text("OutputKey", name)
                    + &xml::text("OutputValue", value)
                    + &xml::optional("ExportName", export)
            });
            result += &xml::members("Outputs", outputs);
        }
        result
    }
}
