//! CloudFormation: stack refactors. Requests are checked against the API's model (version 2010-05-15).

use super::account::{Account, Fault};
use super::call::Call;
use super::changes::Change;
use super::operation::Operation;
use super::stacks::Stack;
use super::{template, xml};

/// A stack refactor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refactor {
    /// Its id.
    pub(crate) id: String,
    /// The description in the request.
    pub(crate) description: String,
    /// The ARN of its stack.
    pub(crate) stack_id: String,
    /// The template in the request.
    pub(crate) template: String,
    /// The old and the new logical ids.
    pub(crate) moves: Vec<(String, String)>,
    /// Its status.
    pub(crate) status: String,
    /// The reason of the status; empty if there is none.
    pub(crate) reason: String,
    /// The status of its execution.
    pub(crate) execution: String,
    /// The reason of that status; empty if there is none.
    pub(crate) execution_reason: String,
    /// The XML of its actions; `None` means a move for each of `moves`.
    pub(crate) actions: Option<Vec<String>>,
    /// How often it was executed.
    pub(crate) executions: usize,
}

type Answer = Result<String, Fault>;

/// The members of the requests: their names, with `#` for the number in a list, and whether they are
/// required.
const MODEL: [(&str, &[(&str, bool)]); 5] = [
    (
        "CreateStackRefactor",
        &[
            ("Description", false),
            ("EnableStackCreation", false),
            ("ResourceMappings.member.#.Source.StackName", true),
            ("ResourceMappings.member.#.Source.LogicalResourceId", true),
            ("ResourceMappings.member.#.Destination.StackName", true),
            (
                "ResourceMappings.member.#.Destination.LogicalResourceId",
                true,
            ),
            ("StackDefinitions.member.#.StackName", true),
            ("StackDefinitions.member.#.TemplateBody", false),
            ("StackDefinitions.member.#.TemplateURL", false),
        ],
    ),
    ("DescribeStackRefactor", &[("StackRefactorId", true)]),
    ("ExecuteStackRefactor", &[("StackRefactorId", true)]),
    (
        "ListStackRefactorActions",
        &[
            ("StackRefactorId", true),
            ("NextToken", false),
            ("MaxResults", false),
        ],
    ),
    (
        "ListStackRefactors",
        &[
            ("ExecutionStatusFilter.member.#", false),
            ("NextToken", false),
            ("MaxResults", false),
        ],
    ),
];

const EXECUTION_STATUSES: [&str; 9] = [
    "UNAVAILABLE",
    "AVAILABLE",
    "OBSOLETE",
    "EXECUTE_IN_PROGRESS",
    "EXECUTE_COMPLETE",
    "EXECUTE_FAILED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
];

/// Refuses a request that does not conform to the model.
fn check(call: &Call) -> Result<(), Fault> {
    let model = MODEL.iter().find(|(name, _)| *name == call.operation);
    let members = model.map(|(_, members)| *members).unwrap_or_default();
    let general = |name: &str| {
        let parts = name.split('.');
        let parts = parts.map(|part| {
            if part.parse::<usize>().is_ok() {
                "#"
            } else {
                part
            }
        });
        parts.collect::<Vec<_>>().join(".")
    };
    for (name, value) in &call.parameters {
        if ["Action", "Version"].contains(&&**name) {
            continue;
        }
        if !members.iter().any(|(known, _)| *known == general(name)) {
            return Err(Fault::validation(format!("{name} is no member")));
        }
        let is_in_bounds = match name.as_str() {
            "Description" | "NextToken" => (1..=1024).contains(&value.len()),
            "MaxResults" => value.parse().is_ok_and(|it: u32| (1..=100).contains(&it)),
            name if name.starts_with("ExecutionStatusFilter") => {
                EXECUTION_STATUSES.contains(&&**value)
            }
            name if name.ends_with("TemplateBody") => (1..=51_200).contains(&value.len()),
            name if name.ends_with("TemplateURL") => (1..=5120).contains(&value.len()),
            _ => !value.is_empty(),
        };
        if !is_in_bounds {
            return Err(Fault::validation(format!("{name} is out of bounds")));
        }
    }
    for (required, _) in members.iter().filter(|(_, required)| *required) {
        let (list, _) = required.split_once('#').unwrap_or((required, ""));
        let listed = call.parameters.keys().filter(|name| name.starts_with(list));
        let numbers = listed.filter_map(|name| name[list.len()..].split('.').next());
        let mut wanted: Vec<String> = numbers.map(|it| required.replace('#', it)).collect();
        if list == *required || list.starts_with("StackDefinitions") {
            wanted.push(required.replace('#', "1"));
        }
        if let Some(name) = wanted.iter().find(|name| call.parameter(name).is_empty()) {
            return Err(Fault::validation(format!("{name} is required")));
        }
    }
    Ok(())
}

impl Account {
    /// Returns the contents of the result element for a call about refactors; `None` for other calls.
    pub(super) fn refactor(&mut self, call: &Call) -> Option<Answer> {
        self.advance_refactors();
        MODEL.iter().find(|(name, _)| *name == call.operation)?;
        if let Err(fault) = check(call) {
            return Some(Err(fault));
        }
        Some(match call.operation.as_str() {
            "CreateStackRefactor" => self.create_refactor(call),
            "ListStackRefactors" => {
                let filter = call.list("ExecutionStatusFilter");
                let listed = self
                    .refactors
                    .iter()
                    .filter(|it| filter.contains(&it.execution));
                let listed = listed.map(Refactor::members).collect();
                Ok(self.page(call, "StackRefactorSummaries", listed))
            }
            operation => self.find_refactor(call).and_then(|index| match operation {
                "DescribeStackRefactor" => {
                    let refactor = &self.refactors[index];
                    let stack = xml::text("member", &refactor.stack_id);
                    Ok(refactor.members() + &xml::element("StackIds", &stack))
                }
                "ListStackRefactorActions" => {
                    let actions = self.actions_of(index);
                    Ok(self.page(call, "StackRefactorActions", actions))
                }
                _ => self.execute_refactor(index),
            }),
        })
    }

    fn find_refactor(&self, call: &Call) -> Result<usize, Fault> {
        let id = call.parameter("StackRefactorId");
        let found = self.refactors.iter().position(|it| it.id == id);
        let missing = || {
            let message = format!("Stack refactor {id} does not exist");
            Fault::new(404, "StackRefactorNotFoundException", message)
        };
        found.ok_or_else(missing)
    }

    fn create_refactor(&mut self, call: &Call) -> Answer {
        let name = call.parameter("StackDefinitions.member.1.StackName");
        let index = self.find(name)?;
        let text = self.template_text(
            call.parameter("StackDefinitions.member.1.TemplateBody"),
            call.parameter("StackDefinitions.member.1.TemplateURL"),
        )?;
        let moves = (1..).map_while(|number| {
            let id = |end: &str| {
                let at = format!("ResourceMappings.member.{number}.{end}");
                let is_here = call.parameter(&format!("{at}.StackName")) == name;
                let id = call.parameter(&format!("{at}.LogicalResourceId"));
                is_here.then(|| id.to_owned())
            };
            id("Source").zip(id("Destination"))
        });
        let moves: Vec<(String, String)> = moves.collect();
        let stack = &self.stacks[index];
        let reason = problem(stack, &text, &moves);
        let (status, execution) = if reason.is_empty() {
            ("CREATE_COMPLETE", "AVAILABLE")
        } else {
            ("CREATE_FAILED", "UNAVAILABLE")
        };
        let refactor = Refactor {
            description: call.parameter("Description").to_owned(),
            stack_id: stack.id.clone(),
            template: text,
            moves,
            status: status.to_owned(),
            reason,
            execution: execution.to_owned(),
            ..Refactor::default()
        };
        let id = format!("00000000-0000-4000-9000-{:012}", self.next_number());
        let result = xml::text("StackRefactorId", &id);
        self.refactors.push(Refactor { id, ..refactor });
        Ok(result)
    }

    fn actions_of(&self, index: usize) -> Vec<String> {
        let refactor = &self.refactors[index];
        if let Some(actions) = &refactor.actions {
            return actions.clone();
        }
        let mut stacks = self.stacks.iter();
        let stack = stacks.find(|stack| stack.id == refactor.stack_id).unwrap();
        let moves = refactor.moves.iter();
        moves
            .map(|(old, new)| {
                let resource = stack.resources.get(old).or(stack.resources.get(new));
                let physical_id = resource.map_or("", |it| it.physical_id.as_str());
                move_xml(&stack.name, [old, new], physical_id)
            })
            .collect()
    }

    fn execute_refactor(&mut self, index: usize) -> Answer {
        let refactor = &mut self.refactors[index];
        if refactor.execution != "AVAILABLE" {
            let message = format!(
                "Stack refactor {} is in {} status and cannot be executed",
                refactor.id, refactor.execution
            );
            return Err(Fault::validation(message));
        }
        refactor.executions += 1;
        "EXECUTE_IN_PROGRESS".clone_into(&mut refactor.execution);
        let refactor = refactor.clone();
        let at = self.find(&refactor.stack_id)?;
        let stack = &self.stacks[at];
        let mut operation = Operation::default();
        operation.stack_event(stack, "UPDATE_IN_PROGRESS", "User Initiated");
        let (end, reason) = self.refactor_end.clone();
        let fails = !end.is_empty() && end != "EXECUTE_COMPLETE";
        for (old, new) in &refactor.moves {
            let resource = &stack.resources[old];
            let change = |id: &str| Change::removal(id, resource);
            operation.event(&change(old), "EXPORT_IN_PROGRESS", "");
            operation.event(&change(old), "EXPORT_COMPLETE", "");
            operation.event(&change(new), "IMPORT_IN_PROGRESS", "");
            if fails {
                operation.event(&change(new), "IMPORT_FAILED", &reason);
                break;
            }
            operation.event(&change(new), "IMPORT_COMPLETE", "");
        }
        if fails {
            operation.stack_event(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "");
        }
        operation.stack_event(
            stack,
            match end.as_str() {
                "ROLLBACK_FAILED" => "UPDATE_ROLLBACK_FAILED",
                _ if fails => "UPDATE_ROLLBACK_COMPLETE",
                _ => "UPDATE_COMPLETE",
            },
            "",
        );
        self.begin(at, operation);
        Ok(String::new())
    }

    /// Ends the execution of refactors whose stack has no more events to write.
    fn advance_refactors(&mut self) {
        for refactor in 0..self.refactors.len() {
            if self.refactors[refactor].execution != "EXECUTE_IN_PROGRESS" {
                continue;
            }
            let Ok(index) = self.find(&self.refactors[refactor].stack_id.clone()) else {
                continue;
            };
            self.advance(index);
            let stack = &mut self.stacks[index];
            if !stack.pending().is_empty() {
                continue;
            }
            let refactor = &mut self.refactors[refactor];
            let (end, reason) = self.refactor_end.clone();
            refactor.execution_reason = reason;
            if !end.is_empty() && end != "EXECUTE_COMPLETE" {
                refactor.execution = end;
                continue;
            }
            "EXECUTE_COMPLETE".clone_into(&mut refactor.execution);
            rename(stack, refactor);
        }
    }
}

/// Gives the resources of a stack their new logical ids.
pub(crate) fn rename(stack: &mut Stack, refactor: &Refactor) {
    let new = |id: String| {
        let moved = refactor.moves.iter().find(|(old, _)| *old == id);
        moved.map_or(id.clone(), |(_, new)| new.clone())
    };
    let resources = std::mem::take(&mut stack.resources).into_iter();
    stack.resources = resources
        .map(|(id, resource)| (new(id), resource))
        .collect();
    let deployed = stack
        .deployed
        .as_mut()
        .expect("a refactored stack is deployed");
    deployed.template.clone_from(&refactor.template);
}

/// Returns why a stack cannot be refactored; empty if it can.
fn problem(stack: &Stack, text: &str, moves: &[(String, String)]) -> String {
    if stack.policy.is_some() {
        return "Stack refactor does not support stacks with a stack policy".to_owned();
    }
    let template = template::parse(text);
    let sent = template::resources(&template).map(|(id, resource)| (id, &resource["Type"]));
    let mut sent: Vec<(String, String)> = sent
        .map(|(id, kind)| (id.clone(), kind.as_str().unwrap_or_default().to_owned()))
        .collect();
    let mut expected: Vec<(String, String)> = stack
        .resources
        .iter()
        .map(|(id, resource)| {
            let new = moves.iter().find(|(old, _)| old == id);
            let id = new.map_or(id, |(_, new)| new);
            (id.clone(), resource.kind.clone())
        })
        .collect();
    sent.sort();
    expected.sort();
    if sent == expected {
        return String::new();
    }
    "Stack refactor does not support creating or deleting resources".to_owned()
}

/// Returns the XML of the action that moves a resource within a stack.
pub(crate) fn move_xml(stack: &str, ids: [&str; 2], physical_id: &str) -> String {
    let end = |end: &str, id: &str| {
        let location = xml::text("StackName", stack) + &xml::text("LogicalResourceId", id);
        xml::element(end, &location)
    };
    let mapping = end("Source", ids[0]) + &end("Destination", ids[1]);
    xml::text("Action", "MOVE")
        + &xml::text("Entity", "RESOURCE")
        + &xml::optional("PhysicalResourceId", physical_id)
        + &xml::text("Detection", "MANUAL")
        + &xml::element("ResourceMapping", &mapping)
}

impl Refactor {
    fn members(&self) -> String {
        xml::text("StackRefactorId", &self.id)
            + &xml::optional("Description", &self.description)
            + &xml::text("Status", &self.status)
            + &xml::optional("StatusReason", &self.reason)
            + &xml::text("ExecutionStatus", &self.execution)
            + &xml::optional("ExecutionStatusReason", &self.execution_reason)
    }
}
