//! A change set as CloudFormation describes it, without loss.
//!
//! A plan is only as good as what it is read from, so every member of the service's answer has a
//! place here, also those that no command looks at yet: they reach the user through the JSON plan.
//! Enumerations keep values that this version does not know as they came. What the service says in
//! several answers (with and without property values, a nested stack's own change set, the results
//! of its checks) is brought together into one [`ChangeSet`].

mod change;
mod failure;
mod merge;
mod summary;
pub mod validation;

use jiff::Timestamp;

use crate::cloudformation::service_message;
pub use change::{
    Action, Change, Detail, Effect, IgnoredDrift, Module, PropertyDrift, Replacement,
};
pub use summary::Summary;
use validation::Validation;

/// A change set and everything that it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeSet {
    /// The ARN.
    pub id: String,
    /// The name.
    pub name: String,
    /// The ARN of its stack.
    pub stack_id: String,
    /// The name of its stack.
    pub stack_name: String,
    /// What it was given as its description.
    pub description: Option<String>,
    /// When it was asked for.
    pub created: Option<Timestamp>,
    /// The status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// Whether it can be executed, such as `AVAILABLE`.
    pub execution_status: String,
    /// Why it has its status.
    pub reason: Option<String>,
    /// What keeps the description from being complete, in the service's words where it has any.
    pub warnings: Vec<String>,
    /// The changes in the service's order.
    pub changes: Vec<Change>,
    /// The change sets of nested stacks; a [`Change`] refers to one by its ARN.
    pub nested: Vec<ChangeSet>,
    /// The template that the change set of a nested stack was made from, where it can be read.
    pub template: Option<String>,
    /// The template that a nested stack was last deployed from, where it can be read.
    pub deployed_template: Option<String>,
    /// What the service's own checks found.
    pub validations: Vec<Validation>,
    /// The parameters that it would deploy; the service masks those with `NoEcho`.
    pub parameters: Vec<Parameter>,
    /// The tags that it would put on the stack, by key.
    pub tags: Vec<(String, String)>,
    /// The capabilities that were given to it.
    pub capabilities: Vec<String>,
    /// The topics that events are sent to.
    pub notification_arns: Vec<String>,
    /// What makes the service roll back.
    pub rollback: Rollback,
    /// What happens where a new stack fails, such as `DELETE`.
    pub on_stack_failure: Option<String>,
    /// Whether resources of the same name that exist already become part of the stack.
    pub imports_existing: Option<bool>,
    /// Whether change sets of nested stacks were asked for.
    pub includes_nested: Option<bool>,
    /// The ARN of the change set of the stack around this one.
    pub parent_id: Option<String>,
    /// The ARN of the outermost change set, the only one that can be executed.
    pub root_id: Option<String>,
    /// Whether the stack's resources differ from its template, in drift-aware change sets.
    pub drift_status: Option<String>,
    /// How drift is treated, such as `REVERT_DRIFT`.
    pub deployment_mode: Option<String>,
    /// How it would be deployed.
    pub deployment: DeploymentConfig,
}

/// A parameter of a change set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// The value; for a parameter of an SSM type the name of the entry that holds it.
    pub value: Option<String>,
    /// What an SSM parameter's entry holds at present.
    pub resolved_value: Option<String>,
    /// Whether the stack's present value is kept.
    pub uses_previous_value: Option<bool>,
}

/// What makes the service roll back an operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rollback {
    /// The alarms, each with its type, such as `AWS::CloudWatch::Alarm`.
    pub triggers: Vec<(String, String)>,
    /// How many minutes they are watched after the operation.
    pub monitoring_minutes: Option<i32>,
}

/// How a change set would be deployed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeploymentConfig {
    /// The mode, such as `STANDARD` or `EXPRESS`.
    pub mode: Option<String>,
    /// Whether a failed operation is left as it is.
    pub disable_rollback: Option<bool>,
}

impl ChangeSet {
    /// Returns whether its creation has ended.
    pub fn is_terminal(&self) -> bool {
        !matches!(
            self.status.as_str(),
            "CREATE_PENDING" | "CREATE_IN_PROGRESS"
        )
    }

    /// Returns whether it failed only because nothing differs.
    ///
    /// An empty list of changes is not enough: outputs and conditions can change alone.
    pub fn is_unchanged(&self) -> bool {
        let reason = self.reason.as_deref();
        self.is_failed() && reason.is_some_and(service_message::is_without_changes)
    }

    /// Returns whether it can be executed.
    pub fn is_executable(&self) -> bool {
        self.status == "CREATE_COMPLETE" && self.execution_status == "AVAILABLE"
    }

    /// Returns whether it compares the live resources too and takes drift back.
    pub fn reverts_drift(&self) -> bool {
        self.deployment_mode.as_deref() == Some("REVERT_DRIFT")
    }

    /// Returns whether it could not be made.
    pub fn is_failed(&self) -> bool {
        self.status == "FAILED"
    }

    /// Returns the change set of a nested stack that a change stands for, where it was described.
    pub fn nested_of(&self, change: &Change) -> Option<&ChangeSet> {
        let id = change.nested_change_set.as_deref()?;
        self.nested.iter().find(|nested| nested.id == id)
    }

    /// Returns how many resources are added, changed and so on, those of nested stacks included.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::of(&self.changes);
        for nested in &self.nested {
            summary.add(nested.summary());
        }
        summary
    }

    /// Returns this change set and those of all nested stacks, each with the logical ids that lead
    /// to it, parents first.
    pub fn tree(&self) -> Vec<(Vec<&str>, &ChangeSet)> {
        let mut found = vec![(Vec::new(), self)];
        for nested in &self.nested {
            let id = nested.id.as_str();
            let change = self
                .changes
                .iter()
                .find(|change| change.nested_change_set.as_deref() == Some(id));
            // A failed change set may name a child without listing its stack as a change.
            let name = change.map_or(nested.stack_name.as_str(), |change| &change.logical_id);
            for (mut path, descendant) in nested.tree() {
                path.insert(0, name);
                found.push((path, descendant));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Change, ChangeSet};

    fn set(id: &str, status: &str, reason: &str) -> ChangeSet {
        ChangeSet {
            id: format!("arn:{id}"),
            stack_name: id.to_owned(),
            status: status.to_owned(),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            ..ChangeSet::default()
        }
    }

    fn nested_stack(logical_id: &str, id: &str) -> Change {
        Change {
            logical_id: logical_id.to_owned(),
            nested_change_set: Some(format!("arn:{id}")),
            ..Change::default()
        }
    }

    #[test]
    fn an_empty_change_set_is_unchanged_only_where_the_service_says_so() {
        let mut change_set = ChangeSet {
            execution_status: "AVAILABLE".to_owned(),
            ..set("root", "CREATE_COMPLETE", "")
        };
        assert!(!change_set.is_unchanged() && change_set.is_executable());
        change_set.status = "FAILED".to_owned();
        change_set.reason = Some("No updates are to be performed.".to_owned());
        assert!(change_set.is_unchanged() && !change_set.is_executable());
    }

    #[test]
    fn the_summary_counts_the_resources_of_nested_stacks() {
        let mut root = set("root", "CREATE_COMPLETE", "");
        root.changes = vec![nested_stack("Child", "child")];
        let mut child = set("child", "CREATE_COMPLETE", "");
        child.changes = vec![
            Change {
                action: Action::Add,
                ..Change::default()
            };
            2
        ];
        root.nested = vec![child];
        let summary = root.summary();
        assert_eq!((summary.add, summary.change), (2, 1));
    }
}
