//! A running operation: its events and its result.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::account::{Account, Progress};
use super::buckets::{Bucket, sha256};
use super::call::Call;
use super::change_sets::ChangeSet;
use super::changes::Change;
use super::express;
use super::stacks::{Deployment, Resource, Stack};
use super::template::{self, Scope};
use super::xml;

/// An event of a stack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Event {
    /// Its id.
    pub(crate) id: String,
    /// The logical id; the stack's name for the stack itself.
    pub(crate) logical_id: String,
    /// The physical id; empty if there is none yet.
    pub(crate) physical_id: String,
    /// The resource's type.
    pub(crate) kind: String,
    /// The status.
    pub(crate) status: String,
    /// The reason; empty if there is none.
    pub(crate) reason: String,
    /// The client's token for the operation.
    pub(crate) token: String,
    /// The time.
    pub(crate) time: String,
    /// Further members as XML, such as those of a hook.
    pub(crate) members: String,
}

/// The type of a stack in its events.
pub(crate) const STACK: &str = "AWS::CloudFormation::Stack";

/// The type of a function.
const FUNCTION: &str = "AWS::Lambda::Function";

/// The reason for the deletion of a stack whose creation failed.
const DELETE_REQUESTED: &str =
    "The following resource(s) failed to create: [Bucket]. Delete requested by user.";

/// The operation that is running on a stack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operation {
    /// The events that are still to be written.
    pub(crate) pending: VecDeque<Event>,
    /// What is deployed if it succeeds; `None` for a deletion.
    pub(crate) target: Option<Deployment>,
    token: String,
    failed: bool,
}

impl Operation {
    /// Returns the operation of a call.
    pub(super) fn asked(call: &Call) -> Self {
        Self {
            token: call.parameter("ClientRequestToken").to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn stack_event(&mut self, stack: &Stack, status: &str, reason: &str) {
        self.pending.push_back(Event {
            logical_id: stack.name.clone(),
            physical_id: stack.id.clone(),
            kind: STACK.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            token: self.token.clone(),
            ..Event::default()
        });
    }

    /// Gives the last event the detailed status of an applied configuration.
    fn configured(&mut self) {
        if let Some(event) = self.pending.back_mut() {
            event.members = xml::text("DetailedStatus", "CONFIGURATION_COMPLETE");
        }
    }

    pub(super) fn event(&mut self, change: &Change, status: &str, reason: &str) {
        self.pending.push_back(Event {
            id: format!("{}-{status}", change.logical_id),
            logical_id: change.logical_id.clone(),
            physical_id: change.physical_id.clone(),
            kind: change.kind.clone(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            token: self.token.clone(),
            ..Event::default()
        });
    }
}

impl Account {
    /// Starts to execute a change set on the stack at this index.
    pub(super) fn begin_deployment(
        &mut self,
        index: usize,
        set: &ChangeSet,
        token: &str,
        keeps: bool,
    ) {
        let (failing, detailed) = (self.failing.clone(), self.shows_detailed_status);
        let stack = &self.stacks[index];
        let creates = stack.status == "REVIEW_IN_PROGRESS";
        let verb = if creates { "CREATE" } else { "UPDATE" };
        let mut operation = Operation {
            target: Some(set.deployment.clone()),
            token: token.to_owned(),
            ..Operation::default()
        };
        operation.stack_event(stack, &format!("{verb}_IN_PROGRESS"), "User Initiated");
        let completed = if set.express.is_some() {
            express::COMPLETED
        } else {
            ""
        };
        let (removed, changed): (Vec<_>, Vec<_>) = set
            .changes
            .iter()
            .partition(|change| change.action == "Remove");
        let mut done: Vec<Change> = Vec::new();
        for change in changed {
            let verb = if change.action == "Add" {
                "CREATE"
            } else {
                "UPDATE"
            };
            if operation.failed {
                let cancelled = format!("Resource {} cancelled", noun(verb));
                operation.event(change, &format!("{verb}_FAILED"), &cancelled);
                continue;
            }
            operation.event(change, &format!("{verb}_IN_PROGRESS"), "");
            let mut change = change.clone();
            if verb == "CREATE" {
                change.physical_id = physical_id(stack, &set.deployment, &change.logical_id);
                let initiated = "Resource creation Initiated";
                operation.event(&change, "CREATE_IN_PROGRESS", initiated);
            }
            if detailed {
                operation.event(&change, &format!("{verb}_IN_PROGRESS"), "");
                operation.configured();
            }
            if let Some(reason) = failing.get(&change.logical_id) {
                operation.event(&change, &format!("{verb}_FAILED"), reason);
                operation.failed = true;
            } else {
                operation.event(&change, &format!("{verb}_COMPLETE"), completed);
            }
            done.push(change);
        }
        if detailed {
            operation.stack_event(stack, &format!("{verb}_IN_PROGRESS"), "");
            operation.configured();
        }
        if operation.failed && keeps {
            operation.stack_event(stack, &format!("{verb}_FAILED"), "");
        } else if operation.failed && set.on_stack_failure == "DELETE" {
            operation.stack_event(stack, "DELETE_IN_PROGRESS", DELETE_REQUESTED);
            operation.stack_event(stack, "DELETE_COMPLETE", "");
        } else if operation.failed {
            roll_back(&mut operation, stack, &done, creates);
        } else if creates {
            operation.stack_event(stack, "CREATE_COMPLETE", completed);
        } else {
            operation.stack_event(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "");
            for change in removed {
                if change.policy_action == "Retain" {
                    operation.event(change, "DELETE_SKIPPED", "");
                    continue;
                }
                operation.event(change, "DELETE_IN_PROGRESS", "");
                operation.event(change, "DELETE_COMPLETE", "");
            }
            operation.stack_event(stack, "UPDATE_COMPLETE", completed);
        }
        let stack = &mut self.stacks[index];
        stack.is_express = set.express.is_some();
        if !creates {
            // The time does not go back if a test has set a later one.
            stack.updated = stack.updated.take().max(Some(now()));
        }
        self.begin(index, operation);
    }

    /// Starts to delete the stack at this index.
    pub(super) fn begin_deletion(&mut self, index: usize, token: &str) {
        let stack = &self.stacks[index];
        let mut operation = Operation {
            token: token.to_owned(),
            ..Operation::default()
        };
        operation.stack_event(stack, "DELETE_IN_PROGRESS", "User Initiated");
        let mut failed = Vec::new();
        for (logical_id, resource) in stack.resources.iter().rev() {
            if resource.status == "DELETE_COMPLETE" {
                continue;
            }
            let change = Change::removal(logical_id, resource);
            let bucket = self.buckets.get(&resource.physical_id);
            let full = bucket.is_some_and(|bucket| !bucket.objects.is_empty());
            if resource.retained || full && stack.is_forced {
                operation.event(&change, "DELETE_SKIPPED", "");
            } else if full && resource.kind == "AWS::S3::Bucket" {
                let reason = "The bucket you tried to delete is not empty. \
                    You must delete all versions in the bucket.";
                operation.event(&change, "DELETE_IN_PROGRESS", "");
                operation.event(&change, "DELETE_FAILED", reason);
                failed.push(logical_id.clone());
            } else {
                operation.event(&change, "DELETE_IN_PROGRESS", "");
                operation.event(&change, "DELETE_COMPLETE", "");
            }
        }
        if failed.is_empty() {
            operation.stack_event(stack, "DELETE_COMPLETE", "");
        } else {
            let reason = format!(
                "The following resource(s) failed to delete: [{}]. ",
                failed.join(", ")
            );
            operation.stack_event(stack, "DELETE_FAILED", &reason);
        }
        self.begin(index, operation);
    }

    /// Lets a running operation progress as much as a poll reveals.
    pub(super) fn advance(&mut self, index: usize) {
        let count = match self.progress {
            Progress::Done => usize::MAX,
            Progress::Events(count) => count,
            Progress::Paused => 0,
        };
        self.advance_by(index, count);
    }

    /// Lets a running operation write this many events.
    pub(super) fn advance_by(&mut self, index: usize, count: usize) {
        for _ in 0..count {
            let Some(event) = self.stacks[index].operation.pending.pop_front() else {
                return;
            };
            self.record(index, event);
        }
    }

    pub(super) fn begin(&mut self, index: usize, mut operation: Operation) {
        let first = operation.pending.pop_front();
        self.stacks[index].operation = operation;
        if let Some(first) = first {
            self.record(index, first);
        }
    }

    fn record(&mut self, index: usize, mut event: Event) {
        let number = self.next_number();
        // A nested stack has the same type, but is a resource.
        let of_the_stack = event.physical_id == self.stacks[index].id;
        event.id = if of_the_stack {
            format!("00000000-0000-4000-8000-{number:012}")
        } else {
            format!("{}-{number}", event.id)
        };
        event.time = now();
        let stack = &mut self.stacks[index];
        if of_the_stack {
            stack.status.clone_from(&event.status);
            stack.status_reason.clone_from(&event.reason);
        }
        if event.status.starts_with("DELETE_")
            && let Some(resource) = stack.resources.get_mut(&event.logical_id)
        {
            resource.status.clone_from(&event.status);
            resource.reason.clone_from(&event.reason);
        }
        let ended = of_the_stack && stack.operation.pending.is_empty();
        if event.kind == FUNCTION
            && matches!(&*event.status, "CREATE_COMPLETE" | "UPDATE_COMPLETE")
            && let Some(target) = if stack.status.contains("ROLLBACK") {
                &stack.deployed
            } else {
                &stack.operation.target
            }
        {
            // Lambda runs the code before the stack is done.
            let parsed = template::parse(&target.template);
            let scope = scope(stack, target, &parsed);
            let digest = code_digest(&self.buckets, &scope, &parsed, &event.logical_id);
            self.functions.insert(event.physical_id.clone(), digest);
        }
        stack.events.push(event);
        if ended {
            self.complete(index);
        }
    }

    /// Applies the result of an operation that has ended.
    fn complete(&mut self, index: usize) {
        let stack = &mut self.stacks[index];
        let operation = std::mem::take(&mut stack.operation);
        match (stack.status.as_str(), operation.target) {
            ("DELETE_COMPLETE", _) => {
                let resources = std::mem::take(&mut stack.resources);
                let gone = |resource: &&Resource| resource.status != "DELETE_SKIPPED";
                for resource in resources.values().filter(gone) {
                    self.buckets.remove(&resource.physical_id);
                    self.functions.remove(&resource.physical_id);
                }
            }
            ("CREATE_COMPLETE" | "UPDATE_COMPLETE" | "CREATE_FAILED", Some(target)) => {
                self.install(index, target);
            }
            ("UPDATE_FAILED", Some(target)) => stack.attempted = Some(target),
            ("ROLLBACK_COMPLETE", _) => stack.resources.clear(),
            _ => {}
        }
    }

    /// Installs a deployment: its resources, outputs, buckets and functions.
    pub(super) fn install(&mut self, index: usize, deployment: Deployment) {
        let stack = &mut self.stacks[index];
        let parsed = template::parse(&deployment.template);
        stack.resources = template::resources(&parsed)
            .map(|(logical_id, resource)| {
                let policy = resource["DeletionPolicy"].as_str().unwrap_or_default();
                let resource = Resource {
                    kind: resource["Type"].as_str().unwrap_or_default().to_owned(),
                    physical_id: physical_id(stack, &deployment, logical_id),
                    retained: policy.starts_with("Retain"),
                    status: "CREATE_COMPLETE".to_owned(),
                    ..Resource::default()
                };
                (logical_id.clone(), resource)
            })
            .collect();
        let scope = scope(stack, &deployment, &parsed);
        let outputs = parsed["Outputs"].as_object().into_iter().flatten();
        let outputs = outputs
            .map(|(name, output)| (name.clone(), scope.string(&output["Value"])))
            .collect();
        for (logical_id, resource) in &stack.resources {
            if resource.kind == "AWS::S3::Bucket" {
                let made = || Bucket::owned_by(&self.id);
                self.buckets
                    .entry(resource.physical_id.clone())
                    .or_insert_with(made);
            } else if resource.kind == FUNCTION {
                let digest = code_digest(&self.buckets, &scope, &parsed, logical_id);
                self.functions.insert(resource.physical_id.clone(), digest);
                let states = &mut self.function_states;
                let state = states.entry(resource.physical_id.clone()).or_default();
                state.revision += 1;
            }
        }
        let outputs_of_template = parsed["Outputs"].as_object().into_iter().flatten();
        stack.exports = outputs_of_template
            .filter(|(_, output)| output["Export"].is_object())
            .map(|(name, output)| (name.clone(), scope.string(&output["Export"]["Name"])))
            .collect();
        stack.outputs = outputs;
        stack.attempted = None;
        stack.deployed = Some(deployment);
    }
}

/// Returns the digest of a function's code.
fn code_digest(
    buckets: &BTreeMap<String, Bucket>,
    scope: &Scope<'_>,
    template: &Value,
    logical_id: &str,
) -> String {
    let code = &template["Resources"][logical_id]["Properties"]["Code"];
    let bucket = buckets.get(&scope.string(&code["S3Bucket"]));
    let zip = bucket.and_then(|bucket| bucket.get(&scope.string(&code["S3Key"])));
    sha256(zip.unwrap_or_default())
}

fn roll_back(operation: &mut Operation, stack: &Stack, done: &[Change], creates: bool) {
    let failed = operation.pending.iter().filter(|event| {
        event.status.ends_with("_FAILED") && !event.reason.starts_with("Resource ")
    });
    let failed: Vec<&str> = failed.map(|event| event.logical_id.as_str()).collect();
    let reason = format!(
        "The following resource(s) failed to {}: [{}]. Rollback requested by user.",
        if creates { "create" } else { "update" },
        failed.join(", ")
    );
    let prefix = if creates { "" } else { "UPDATE_" };
    let begun = format!("{prefix}ROLLBACK_IN_PROGRESS");
    operation.stack_event(stack, &begun, &reason);
    for change in done.iter().rev() {
        let verb = if change.action == "Add" {
            "DELETE"
        } else {
            "UPDATE"
        };
        operation.event(change, &format!("{verb}_IN_PROGRESS"), "");
        operation.event(change, &format!("{verb}_COMPLETE"), "");
    }
    if !creates {
        let cleaning = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS";
        operation.stack_event(stack, cleaning, "");
    }
    operation.stack_event(stack, &format!("{prefix}ROLLBACK_COMPLETE"), "");
}

fn noun(verb: &str) -> &'static str {
    if verb == "CREATE" {
        "creation"
    } else {
        "update"
    }
}

/// Returns the values of the names in a template.
pub(crate) fn scope<'a>(
    stack: &Stack,
    deployment: &Deployment,
    template: &'a serde_json::Value,
) -> Scope<'a> {
    let mut values = deployment.parameters.clone();
    for (name, value) in [
        ("AWS::AccountId", super::ACCOUNT),
        ("AWS::Region", super::REGION),
        ("AWS::Partition", "aws"),
        ("AWS::URLSuffix", "amazonaws.com"),
        ("AWS::StackName", &stack.name),
        ("AWS::StackId", &stack.id),
    ] {
        values.insert(name.to_owned(), value.to_owned());
    }
    let physical = stack.resources.iter();
    values.extend(physical.map(|(name, resource)| (name.clone(), resource.physical_id.clone())));
    Scope { values, template }
}

/// Returns a resource's physical id: the name in the template, otherwise a generated one.
fn physical_id(stack: &Stack, deployment: &Deployment, logical_id: &str) -> String {
    const NAMES: [&str; 5] = [
        "BucketName",
        "FunctionName",
        "QueueName",
        "RoleName",
        "TableName",
    ];
    let template = template::parse(&deployment.template);
    let properties = &template["Resources"][logical_id]["Properties"];
    let mut names = NAMES.iter().map(|name| &properties[name]);
    match names.find(|name| !name.is_null()) {
        Some(name) => scope(stack, deployment, &template).string(name),
        None if template["Resources"][logical_id]["Type"] == STACK => nested_arn(logical_id),
        None => format!("{}-{logical_id}-1A2B3C", stack.name),
    }
}

/// Returns the ARN of the nested stack of this logical id.
pub(crate) fn nested_arn(logical_id: &str) -> String {
    super::stacks::arn("stack", logical_id, 0)
}

/// Returns the time as CloudFormation writes it.
pub(crate) fn now() -> String {
    let now = jiff::Timestamp::now();
    format!("{now:.3}")
}

impl Stack {
    /// Returns the events that the running operation still has to write.
    pub(crate) fn pending(&mut self) -> &mut VecDeque<Event> {
        &mut self.operation.pending
    }
}

impl Event {
    /// Returns the event as an item of `StackEvents`.
    pub(crate) fn to_xml(&self, stack: &Stack) -> String {
        xml::text("StackId", &stack.id)
            + &xml::text("EventId", &self.id)
            + &xml::text("StackName", &stack.name)
            + &xml::text("LogicalResourceId", &self.logical_id)
            + &xml::text("PhysicalResourceId", &self.physical_id)
            + &xml::text("ResourceType", &self.kind)
            + &xml::text("Timestamp", &self.time)
            + &xml::text("ResourceStatus", &self.status)
            + &xml::optional("ResourceStatusReason", &self.reason)
            + &xml::optional("ClientRequestToken", &self.token)
            + &self.members
    }
}
