//! Recovery of a stack from any status.
//!
//! CloudFormation has two dozen stack statuses, and each accepts different calls: a rollback, the
//! continuation of a rollback, or only a deletion. The [`table`] contains the meaning and the actions
//! for each status and [last request](history). A [`Recovery`] combines a row of the table with the
//! stack's resources: the resources that block it, the data that would be lost, and the [`Call`]s.
//! `recover` prints this value and then sends the same calls.
//!
//! This module sends no requests.

mod call;
pub mod history;
pub mod last_good;
pub mod table;

use std::collections::HashSet;

use crate::cloudformation::deletion::{
    DeletionOutcome, DeletionRequest, ResourceDeletion, resource_deletions,
};
use crate::cloudformation::event::Event;
use crate::cloudformation::service_message;
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::StackStatus;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, Result};
use crate::template::evaluate::Evaluator;
use crate::template::policy::{self, Policy};
use crate::template::{STACK_TYPE, Template};
pub use call::Call;
use history::{Attempt, History, Stability};
use last_good::LastGood;
use table::{Entry, FORCE, IMPORT_RETAINED, Other, RecoveryAction, entry, express};

/// A resource that made an operation fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The name for `--skip` and `--retain`: the logical id, with the nested stack's name and a dot
    /// before it if the resource is in a nested stack.
    pub name: String,
    /// Whether the resource is in a nested stack. `--retain` then takes the logical id of that stack.
    pub is_nested: bool,
    /// The resource.
    pub resource: Resource,
    /// Why the resource failed.
    pub reason: Option<String>,
    /// The option that excludes the resource; `None` if it cannot be excluded.
    pub option: Option<&'static str>,
}

/// The state of a stack, the input of a recovery.
#[derive(Debug)]
pub struct StackState<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// The history from the stack's events.
    pub history: History,
    /// The stack's resources.
    pub resources: Vec<Resource>,
    /// The failed resources of nested stacks, each with its stack's name and its reason.
    pub nested: Vec<(String, Resource, Option<String>)>,
    /// The deployed template.
    pub template: Option<&'a Template>,
    /// The last template that succeeded, after a failure in EXPRESS mode.
    pub last_good: Option<LastGood>,
    /// The ARNs of the change sets that an earlier run of stackctl did not delete.
    pub leftover_change_sets: Vec<String>,
    /// The names of the other change sets, which another user may need.
    pub change_sets: Vec<String>,
    /// Further types that store data.
    pub protected_types: &'a [String],
    /// The role that CloudFormation assumes.
    pub role: Option<&'a str>,
}

/// The recovery of a stack: its state, the action of `recover` and the alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The status.
    pub status: StackStatus,
    /// The last request; `None` if the events do not show it.
    pub attempt: Option<Attempt>,
    /// What the status means, in a sentence.
    pub meaning: &'static str,
    /// Which resources of the stack exist, in a sentence.
    pub remains: &'static str,
    /// What `recover` does.
    pub action: RecoveryAction,
    /// The alternatives.
    pub others: Vec<Other>,
    /// The event that made the last operation fail.
    pub cause: Option<Event>,
    /// The resources that made the last operation fail.
    pub obstacles: Vec<Obstacle>,
    /// The resources that a continued rollback skipped, by logical id: they may differ from the
    /// template.
    pub skipped: Vec<String>,
    /// The existing resources, if the action deletes or retains them. A retained resource loses no
    /// data.
    pub live: Vec<ResourceDeletion>,
    /// The names of the change sets that prevent the deletion of an empty stack.
    pub change_sets: Vec<String>,
    /// The last template that succeeded, if the action deploys it.
    pub last_good: Option<LastGood>,
    /// The mode that the stack accepts.
    mode: DeploymentMode,
    stack_id: String,
    role: Option<String>,
    leftover_change_sets: Vec<String>,
}

/// The resources that the user chose.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// The resources to skip in a rollback.
    pub skip: Vec<String>,
    /// The resources to retain if the stack is deleted.
    pub retain: Vec<String>,
    /// The resources that store data and may be deleted.
    pub allow_delete: Vec<String>,
    /// Whether the deletion leaves behind what could not be deleted.
    pub force_delete: bool,
    /// The last template that succeeded, as the user names it and its text.
    pub template: Option<(String, String)>,
}

impl Recovery {
    /// Returns the recovery of a stack. `cause` is the event that made the last operation fail.
    pub fn of(mut state: StackState<'_>, cause: Option<Event>, choices: &Choices) -> Self {
        for resource in &mut state.resources {
            // Emulators may list the status from before the operation in which the resource failed.
            if let Some(failed) = state.history.failed(&resource.logical_id) {
                failed.clone_into(&mut resource.status);
            }
        }
        let status = state.stack.status.clone();
        let Entry {
            meaning,
            mut remains,
            mut action,
            others,
        } = express(&status, &state.history, state.last_good.is_some())
            .filter(|_| state.stack.is_express)
            .unwrap_or_else(|| entry(&status, &state.history));
        if status == StackStatus::ReviewInProgress && !state.change_sets.is_empty() {
            action = RecoveryAction::Manual;
        }
        let obstacles = obstacles(&status, &state);
        let live = live(&status, action, &state, choices);
        let mut others = others.to_vec();
        if choices.force_delete {
            others.retain(|other| other.command != FORCE.command);
        }
        if action == RecoveryAction::Delete && live.is_empty() {
            remains = "None of its resources exist.";
        }
        if action == RecoveryAction::Delete
            && !live
                .iter()
                .any(|deletion| deletion.outcome == DeletionOutcome::Retained)
        {
            others.retain(|other| other.command != IMPORT_RETAINED.command);
        }
        let is_relevant = |cause: &Event| {
            let is_undone =
                status.is_rolled_back() && state.history.attempt != Some(Attempt::RollBack);
            let is_stuck = !matches!(action, RecoveryAction::Nothing | RecoveryAction::Follow);
            cause.reason.is_some() && (is_stuck || is_undone)
        };
        Self {
            attempt: state.history.attempt,
            meaning,
            remains,
            action,
            others,
            cause: cause.filter(is_relevant),
            obstacles,
            skipped: if status == StackStatus::UpdateRollbackComplete {
                state.history.skipped
            } else {
                Vec::new()
            },
            live,
            change_sets: state.change_sets,
            last_good: state
                .last_good
                .filter(|_| action == RecoveryAction::DeployLastGood),
            mode: if status.as_str().ends_with("_FAILED") {
                state.stack.mode()
            } else {
                DeploymentMode::Standard
            },
            stack_id: state.stack.id.clone(),
            role: state.role.map(str::to_owned),
            leftover_change_sets: state.leftover_change_sets,
            status,
        }
    }

    /// Returns the calls of the action, in order.
    ///
    /// # Errors
    ///
    /// Refused if the user chose what is not possible in this state.
    pub fn calls(&self, choices: &Choices) -> Result<Vec<Call>> {
        self.check_choices(choices)?;
        self.check("--skip", &choices.skip)?;
        self.check("--retain", &choices.retain)?;
        Ok(match self.action {
            RecoveryAction::Nothing | RecoveryAction::Follow | RecoveryAction::Manual => Vec::new(),
            RecoveryAction::RollBack => vec![Call::RollbackStack],
            RecoveryAction::ContinueRollback => {
                vec![Call::ContinueUpdateRollback(choices.skip.clone())]
            }
            RecoveryAction::DeployLastGood => {
                let last_good = self.last_good.clone().into_iter();
                last_good.map(Box::new).map(Call::UpdateStack).collect()
            }
            RecoveryAction::Delete => {
                let leftovers = self.leftover_change_sets.iter().cloned();
                let delete = Call::DeleteStack(DeletionRequest {
                    retained: choices.retain.clone(),
                    is_forced: choices.force_delete,
                    mode: self.mode,
                });
                leftovers
                    .map(Call::DeleteChangeSet)
                    .chain([delete])
                    .collect()
            }
        })
    }

    /// Returns the parameters of a call, by their names in the API. The request also has a token.
    pub fn parameters(&self, call: &Call) -> Vec<(&'static str, Vec<String>)> {
        let takes_stack = !matches!(call, Call::DeleteChangeSet(_));
        let takes_role = takes_stack && *call != Call::CancelUpdateStack;
        let stack = takes_stack.then(|| ("StackName", vec![self.stack_id.clone()]));
        let role = self.role.iter().filter(|_| takes_role);
        let role = role.map(|role| ("RoleARN", vec![role.clone()]));
        stack
            .into_iter()
            .chain(call.parameters())
            .chain(role)
            .collect()
    }

    /// Refuses a choice that is not possible in any form in this state.
    ///
    /// # Errors
    ///
    /// Refused, with the states in which it is possible.
    pub fn check_choices(&self, choices: &Choices) -> Result<()> {
        let status = &self.status;
        let is_running = self.action == RecoveryAction::Follow;
        if choices.force_delete && *status != StackStatus::DeleteFailed && !is_running {
            return Err(Error::refused(format!(
                "`--force-delete` is not possible in {status}"
            ))
            .hint("CloudFormation forces a deletion only after a deletion has failed (DELETE_FAILED)"));
        }
        if choices.template.is_some() && self.last_good.is_none() && !is_running {
            return Err(
                Error::refused(format!("`--template` is not possible in {status}")).hint(
                    "`recover` deploys a template only after an update that failed in EXPRESS mode \
                 (UPDATE_FAILED)",
                ),
            );
        }
        Ok(())
    }

    fn check(&self, option: &str, chosen: &[String]) -> Result<()> {
        let possible: Vec<&str> = self
            .obstacles
            .iter()
            .filter(|obstacle| obstacle.option == Some(option))
            .map(|obstacle| obstacle.name.as_str())
            .collect();
        let Some(wrong) = chosen
            .iter()
            .find(|name| !possible.contains(&name.as_str()))
        else {
            return Ok(());
        };
        let mut error = Error::refused(format!(
            "`{option} {wrong}` is not possible in {}",
            self.status
        ));
        let mut nested = self.obstacles.iter().filter(|it| it.is_nested);
        if option == "--retain" && nested.any(|obstacle| obstacle.name == *wrong) {
            error = error.hint(
                "CloudFormation retains a nested stack as a whole, by its logical id in this stack",
            );
        }
        Err(match (possible.as_slice(), option) {
            ([], "--retain") => error.hint(
                "CloudFormation retains a resource only if it failed to delete it (DELETE_FAILED)",
            ),
            ([], _) => error.hint(
                "CloudFormation skips a resource only if its rollback failed (UPDATE_ROLLBACK_FAILED)",
            ),
            (names, _) => error.hint(format!("`{option}` is possible for {}", names.join(", "))),
        })
    }

    /// Returns what is lost, such as `Table is deleted with its items`. A stack that is not stuck is
    /// asked about only to revert its drift.
    pub fn losses(&self) -> Vec<String> {
        if self.action == RecoveryAction::Nothing {
            return vec!["the live values that differ from the deployed ones".to_owned()];
        }
        let losing = self
            .live
            .iter()
            .filter(|deletion| self.action == RecoveryAction::Delete && deletion.lost.is_some());
        losing
            .map(|deletion| format!("{} {}", deletion.path, deletion.loss()))
            .collect()
    }

    /// Returns the resources that would be deleted with their data and that the user did not allow.
    pub fn guarded(&self, choices: &Choices) -> Vec<&ResourceDeletion> {
        // If the failed operation was a deletion, it was already confirmed.
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

/// Returns the resources that a forced deletion leaves behind, by logical id: those that could not be
/// deleted, and those that they depend on.
fn left_by_force<'a>(state: &'a StackState<'_>) -> HashSet<&'a str> {
    let failed = state.resources.iter();
    let failed = failed.filter(|resource| resource.status == "DELETE_FAILED");
    let mut left: HashSet<&str> = failed.map(|resource| &*resource.logical_id).collect();
    let references = state.template.map(Template::references);
    let references = references.unwrap_or_default();
    loop {
        let more: Vec<&str> = references
            .iter()
            .filter(|it| it.section == "Resources" && left.contains(it.owner))
            .filter_map(|it| {
                let mut resources = state.resources.iter();
                let found = resources.find(|resource| resource.logical_id == it.target)?;
                Some(&*found.logical_id).filter(|name| !left.contains(name))
            })
            .collect();
        if more.is_empty() {
            return left;
        }
        left.extend(more);
    }
}

/// Returns the resources that made the last operation fail, with the option that excludes each.
fn obstacles(status: &StackStatus, state: &StackState<'_>) -> Vec<Obstacle> {
    let option = |resource: &Resource, reason: Option<&str>, is_nested: bool| match status {
        // A cancelled resource must not be skipped: CloudFormation rolls it back with the others (API
        // reference, `ContinueUpdateRollback`). The resources of a nested stack are skipped one by one.
        StackStatus::UpdateRollbackFailed => {
            let cancelled = reason.is_some_and(service_message::is_cancelled);
            let is_stack = resource.resource_type == STACK_TYPE;
            (resource.status == "UPDATE_FAILED" && !cancelled && !is_stack).then_some("--skip")
        }
        // `DeleteStack` retains only resources of the stack itself, such as a whole nested stack.
        StackStatus::DeleteFailed => {
            (resource.status == "DELETE_FAILED" && !is_nested).then_some("--retain")
        }
        _ => None,
    };
    if !status.as_str().ends_with("_FAILED") {
        return Vec::new();
    }
    let own = state.resources.iter().map(|resource| {
        let reason = state.history.reason(&resource.logical_id);
        (resource.logical_id.clone(), resource, reason, false)
    });
    let nested = state.nested.iter().map(|(stack, resource, reason)| {
        let name = format!("{stack}.{}", resource.logical_id);
        (name, resource, reason.as_deref(), true)
    });
    own.chain(nested)
        .filter(|(_, resource, ..)| resource.status.ends_with("_FAILED"))
        .map(|(name, resource, reason, is_nested)| Obstacle {
            name,
            is_nested,
            resource: resource.clone(),
            reason: reason.map(str::to_owned),
            option: option(resource, reason, is_nested),
        })
        .collect()
}

/// Returns the existing resources and what happens to each; empty if the action deletes nothing.
fn live(
    status: &StackStatus,
    action: RecoveryAction,
    state: &StackState<'_>,
    choices: &Choices,
) -> Vec<ResourceDeletion> {
    let undoes_creation = action == RecoveryAction::RollBack
        && (*status == StackStatus::CreateFailed
            || state.history.stability == Stability::NeverStable);
    if action != RecoveryAction::Delete && !undoes_creation {
        return Vec::new();
    }
    let existing = state.resources.iter().filter(|resource| is_live(resource));
    let existing = existing.cloned().collect();
    let values = state.stack.values();
    let deployed = (state.template).map(|template| Evaluator::new(template, &values));
    let deployed = deployed.as_ref();
    let mut deletion = resource_deletions(existing, deployed, "", &[], state.protected_types);
    let left_by_force = if choices.force_delete {
        left_by_force(state)
    } else {
        HashSet::new()
    };
    for deletion in &mut deletion {
        let name = &deletion.resource.logical_id;
        let declared = state.template.and_then(|template| template.resource(name));
        let policy = declared
            .and_then(|declared| policy::stated(declared.entry.node, "DeletionPolicy", deployed));
        if undoes_creation && policy == Some(Policy::RetainExceptOnCreate) {
            deletion.outcome = DeletionOutcome::Deleted;
        }
        if choices.retain.contains(name)
            || left_by_force.contains(name.as_str())
            || deletion.outcome == DeletionOutcome::LeftBehind
        {
            deletion.outcome = DeletionOutcome::Retained;
        }
        deletion.lost = deletion
            .lost
            .filter(|_| deletion.outcome != DeletionOutcome::Retained);
    }
    deletion
}

/// Returns whether a resource exists: it has a physical id and was not deleted.
fn is_live(resource: &Resource) -> bool {
    resource.physical_id.is_some() && resource.status != "DELETE_COMPLETE"
}

#[cfg(test)]
mod tests;
