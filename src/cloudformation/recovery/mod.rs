//! The way out of every state that a stack can be in.
//!
//! CloudFormation has two dozen statuses, and each takes other calls: some a rollback, some its
//! continuation, some nothing but a deletion. Which is a matter of knowledge, so it is data: the
//! [`table`] says for each status, with what was last [asked](history) of the stack, what it means and
//! what can be done. A [`Recovery`] is that row filled in with the stack's own resources: what is in
//! the way, what would be lost, and the exact [`Call`]s. The same value is shown and then sent, so that
//! what happens is what was read.
//!
//! Nothing here calls anything: it is a function of what was read.

pub mod history;
pub mod table;

use crate::cloudformation::deletion::{DeletionOutcome, ResourceDeletion, resource_deletions};
use crate::cloudformation::event::Event;
use crate::cloudformation::service_message;
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, Result};
use crate::template::STACK_TYPE;
use crate::template::Template;
use history::{Attempt, History};
use table::{Entry, Other, RecoveryAction, TAKE_OVER, entry};

/// One call of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Removes a change set, by its ARN, that an earlier run of stackctl left behind.
    DeleteChangeSet(String),
    /// Deletes the stack, but for these resources, by logical id.
    DeleteStack(Vec<String>),
    /// Returns to the last good state, or deletes what was made where there is none.
    RollbackStack,
    /// Goes on with a rollback, without these resources.
    ContinueUpdateRollback(Vec<String>),
    /// Stops a running update, which rolls it back.
    CancelUpdateStack,
}

impl Call {
    /// Returns the operation's name in the API.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::DeleteChangeSet(_) => "DeleteChangeSet",
            Self::DeleteStack(_) => "DeleteStack",
            Self::RollbackStack => "RollbackStack",
            Self::ContinueUpdateRollback(_) => "ContinueUpdateRollback",
            Self::CancelUpdateStack => "CancelUpdateStack",
        }
    }
}

/// A resource at which an operation stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The name that `--skip` and `--retain` take: the logical id, and for a resource of a nested
    /// stack that stack's name and a dot before it.
    pub name: String,
    /// The resource.
    pub resource: Resource,
    /// Why it failed.
    pub reason: Option<String>,
    /// The option that goes on without it.
    pub option: Option<&'static str>,
}

/// What is known of a stack before its recovery.
#[derive(Debug)]
pub struct Found<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// How it came to its state.
    pub history: History,
    /// Its resources.
    pub resources: Vec<Resource>,
    /// The resources of its nested stacks that failed, each with its stack's name and its reason.
    pub nested: Vec<(String, Resource, Option<String>)>,
    /// The template that was deployed.
    pub template: Option<&'a Template>,
    /// The change sets, by ARN, that an earlier run of stackctl left behind.
    pub abandoned: Vec<String>,
    /// The names of the other change sets: somebody may still want them.
    pub change_sets: Vec<String>,
    /// The types that hold data besides those that are known to.
    pub protected_types: &'a [String],
    /// The role that CloudFormation is to assume.
    pub role: Option<&'a str>,
}

/// A stack's state and the way out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The status.
    pub status: StackStatus,
    /// What was last asked of the stack.
    pub attempt: Option<Attempt>,
    /// What the status means.
    pub meaning: &'static str,
    /// What there still is of the stack, in a sentence.
    pub remains: &'static str,
    /// What `recover` does.
    pub action: RecoveryAction,
    /// What else can be done.
    pub others: Vec<Other>,
    /// The event that made the last operation fail.
    pub cause: Option<Event>,
    /// The resources that are in the way.
    pub obstacles: Vec<Obstacle>,
    /// The resources that are in the world and go or stay where the way deletes. What stays loses
    /// nothing.
    pub live: Vec<ResourceDeletion>,
    /// The change sets that keep an empty stack from being deleted, by name.
    pub change_sets: Vec<String>,
    stack_id: String,
    role: Option<String>,
    abandoned: Vec<String>,
}

/// What the user chose.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Resources to leave out of a rollback.
    pub skip: Vec<String>,
    /// Resources to leave behind where the stack is deleted.
    pub retain: Vec<String>,
    /// Resources that hold data and may be deleted.
    pub allow_delete: Vec<String>,
}

impl Recovery {
    /// Returns the way out of what was found. `cause` is the event that made the last operation fail.
    pub fn of(mut found: Found<'_>, cause: Option<Event>, choices: &Choices) -> Self {
        for resource in &mut found.resources {
            // Some servers list a resource as it was before the operation that it failed in.
            if let Some(failed) = found.history.failed(&resource.logical_id) {
                failed.clone_into(&mut resource.status);
            }
        }
        let status = found.stack.status.clone();
        let Entry {
            meaning,
            mut remains,
            mut action,
            others,
        } = entry(&status, &found.history);
        if status == StackStatus::ReviewInProgress && !found.change_sets.is_empty() {
            action = RecoveryAction::Manual;
        }
        let obstacles = obstacles(&status, &found);
        let live = live(&status, action, &found, choices);
        let mut others = others.to_vec();
        if action == RecoveryAction::Delete && live.is_empty() {
            remains = "None of its resources is left.";
        }
        if action == RecoveryAction::Delete
            && !live
                .iter()
                .any(|deletion| deletion.outcome == DeletionOutcome::Retained)
        {
            others.retain(|other| other.command != TAKE_OVER.command);
        }
        let tells = |cause: &Event| {
            let is_undone =
                status.is_rolled_back() && found.history.attempt != Some(Attempt::RollBack);
            let is_stuck = !matches!(action, RecoveryAction::Nothing | RecoveryAction::Follow);
            cause.reason.is_some() && (is_stuck || is_undone)
        };
        Self {
            attempt: found.history.attempt,
            meaning,
            remains,
            action,
            others,
            cause: cause.filter(tells),
            obstacles,
            live,
            change_sets: found.change_sets,
            stack_id: found.stack.id.clone(),
            role: found.role.map(str::to_owned),
            abandoned: found.abandoned,
            status,
        }
    }

    /// Returns the calls that go the way, in order.
    ///
    /// # Errors
    ///
    /// Refused where a choice does not fit the state: a resource that cannot be skipped or retained.
    pub fn calls(&self, choices: &Choices) -> Result<Vec<Call>> {
        self.check("--skip", &choices.skip)?;
        self.check("--retain", &choices.retain)?;
        Ok(match self.action {
            RecoveryAction::Nothing | RecoveryAction::Follow | RecoveryAction::Manual => Vec::new(),
            RecoveryAction::RollBack => vec![Call::RollbackStack],
            RecoveryAction::ContinueRollback => {
                vec![Call::ContinueUpdateRollback(choices.skip.clone())]
            }
            RecoveryAction::Delete => {
                let abandoned = self.abandoned.iter().cloned().map(Call::DeleteChangeSet);
                let delete = Call::DeleteStack(choices.retain.clone());
                abandoned.chain([delete]).collect()
            }
        })
    }

    /// Returns the parameters that a call is sent with, by the API's names; besides them it has a token
    /// of its own.
    pub fn parameters(&self, call: &Call) -> Vec<(&'static str, Vec<String>)> {
        let stack = ("StackName", vec![self.stack_id.clone()]);
        let role = self.role.iter().map(|role| ("RoleARN", vec![role.clone()]));
        let (list, takes_role) = match call {
            Call::DeleteChangeSet(id) => return vec![("ChangeSetName", vec![id.clone()])],
            Call::CancelUpdateStack => (None, false),
            Call::RollbackStack => (None, true),
            Call::DeleteStack(retained) => (Some(("RetainResources", retained)), true),
            Call::ContinueUpdateRollback(skipped) => (Some(("ResourcesToSkip", skipped)), true),
        };
        let list = list.filter(|(_, ids)| !ids.is_empty());
        let list = list.map(|(name, ids)| (name, ids.clone()));
        [stack]
            .into_iter()
            .chain(list)
            .chain(role.filter(|_| takes_role))
            .collect()
    }

    fn check(&self, option: &str, chosen: &[String]) -> Result<()> {
        let fitting: Vec<&str> = self
            .obstacles
            .iter()
            .filter(|obstacle| obstacle.option == Some(option))
            .map(|obstacle| obstacle.name.as_str())
            .collect();
        let Some(wrong) = chosen.iter().find(|name| !fitting.contains(&name.as_str())) else {
            return Ok(());
        };
        let error = Error::refused(format!(
            "`{option} {wrong}` is not possible in {}",
            self.status
        ));
        Err(match (fitting.as_slice(), option) {
            ([], "--retain") => error.hint(
                "CloudFormation leaves a resource behind only where it failed to delete it (DELETE_FAILED)",
            ),
            ([], _) => error.hint(
                "CloudFormation skips a resource only where its rollback failed (UPDATE_ROLLBACK_FAILED)",
            ),
            (names, _) => error.hint(format!("it can be given for {}", names.join(", "))),
        })
    }

    /// Returns the resources that are deleted with the data that they hold and were not allowed to.
    pub fn guarded(&self, choices: &Choices) -> Vec<&ResourceDeletion> {
        // Where the deletion itself stopped, somebody has agreed to it already.
        if self.attempt == Some(Attempt::Delete) {
            return Vec::new();
        }
        self.live
            .iter()
            .filter(|deletion| deletion.lost.is_some())
            .filter(|deletion| !choices.allow_delete.contains(&deletion.resource.logical_id))
            .collect()
    }
}

/// Returns the resources at which the last operation stopped, with the option that passes each by.
fn obstacles(status: &StackStatus, found: &Found<'_>) -> Vec<Obstacle> {
    let option = |resource: &Resource, reason: Option<&str>| match status {
        // One that was only cancelled is rolled back with the rest, and must not be skipped
        // (`ContinueUpdateRollback`). A nested stack is passed by resource by resource.
        StackStatus::UpdateRollbackFailed => {
            let cancelled = reason.is_some_and(service_message::is_cancelled);
            let is_stack = resource.resource_type == STACK_TYPE;
            (resource.status == "UPDATE_FAILED" && !cancelled && !is_stack).then_some("--skip")
        }
        StackStatus::DeleteFailed => (resource.status == "DELETE_FAILED").then_some("--retain"),
        _ => None,
    };
    if !status.as_str().ends_with("_FAILED") {
        return Vec::new();
    }
    let own = found.resources.iter().map(|resource| {
        let reason = found.history.reason(&resource.logical_id);
        (resource.logical_id.clone(), resource, reason)
    });
    let nested = found.nested.iter().map(|(stack, resource, reason)| {
        let name = format!("{stack}.{}", resource.logical_id);
        (name, resource, reason.as_deref())
    });
    own.chain(nested)
        .filter(|(_, resource, _)| resource.status.ends_with("_FAILED"))
        .map(|(name, resource, reason)| Obstacle {
            name,
            resource: resource.clone(),
            reason: reason.map(str::to_owned),
            option: option(resource, reason),
        })
        .collect()
}

/// Returns what is there of the stack where the way deletes, and what becomes of each.
fn live(
    status: &StackStatus,
    action: RecoveryAction,
    found: &Found<'_>,
    choices: &Choices,
) -> Vec<ResourceDeletion> {
    let undoes_creation = action == RecoveryAction::RollBack
        && (*status == StackStatus::CreateFailed || !found.history.was_stable);
    if action != RecoveryAction::Delete && !undoes_creation {
        return Vec::new();
    }
    let there = found.resources.iter().filter(|resource| is_live(resource));
    let there = there.cloned().collect();
    let mut deletion = resource_deletions(there, found.template, "", &[], found.protected_types);
    for deletion in &mut deletion {
        let name = &deletion.resource.logical_id;
        let declared = found.template.and_then(|template| template.resource(name));
        let policy = declared.and_then(|declared| declared.deletion_policy());
        if undoes_creation && policy == Some("RetainExceptOnCreate") {
            deletion.outcome = DeletionOutcome::Deleted;
        }
        if choices.retain.contains(name) || deletion.outcome == DeletionOutcome::LeftBehind {
            deletion.outcome = DeletionOutcome::Retained;
        }
        deletion.lost = deletion
            .lost
            .filter(|_| deletion.outcome != DeletionOutcome::Retained);
    }
    deletion
}

/// Returns whether a resource is in the world: it was given a physical id and not deleted since.
fn is_live(resource: &Resource) -> bool {
    resource.physical_id.is_some() && resource.status != "DELETE_COMPLETE"
}

#[cfg(test)]
mod tests;
