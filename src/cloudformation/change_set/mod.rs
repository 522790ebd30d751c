//! A change set as CloudFormation describes it, without loss.
//!
//! Every member of the API's response has a field, because the JSON plan contains them all.
//! Enumerations keep values that this version does not know. A [`ChangeSet`] combines several
//! responses: the descriptions with and without property values, the change sets of nested stacks,
//! and the results of CloudFormation's checks.

mod change;
pub mod failure;
pub mod merge;
mod summary;
pub mod validation;

use jiff::Timestamp;

use crate::cloudformation::service_message;
use crate::diagnostic::SourceFile;
use crate::template::Template;
pub use change::{
    Action, Change, Detail, Effect, IgnoredDrift, Module, PropertyDrift, Replacement,
};
pub use summary::Summary;
use validation::Validation;

/// A change set.
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
    /// The description.
    pub description: Option<String>,
    /// The time of the request.
    pub created: Option<Timestamp>,
    /// The status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// The execution status, such as `AVAILABLE`.
    pub execution_status: String,
    /// The reason of the status.
    pub reason: Option<String>,
    /// The reasons why the description is incomplete.
    pub warnings: Vec<String>,
    /// The changes, in the order of the API.
    pub changes: Vec<Change>,
    /// The change sets of nested stacks. A [`Change`] refers to one by its ARN.
    pub nested: Vec<ChangeSet>,
    /// The new template of a nested stack; `None` if it could not be read.
    pub template: Option<String>,
    /// The deployed template of a nested stack; `None` if it could not be read.
    pub deployed_template: Option<String>,
    /// The findings of CloudFormation's checks.
    pub validations: Vec<Validation>,
    /// The parameters. The API masks those with `NoEcho`.
    pub parameters: Vec<Parameter>,
    /// The tags of the stack, as keys and values.
    pub tags: Vec<(String, String)>,
    /// The acknowledged capabilities.
    pub capabilities: Vec<String>,
    /// The SNS topics that receive the events.
    pub notification_arns: Vec<String>,
    /// The rollback configuration.
    pub rollback: Rollback,
    /// What happens if the creation of the stack fails, such as `DELETE`.
    pub on_stack_failure: Option<String>,
    /// Whether existing resources with the same name are imported into the stack.
    pub imports_existing: Option<bool>,
    /// Whether the change set includes nested stacks.
    pub includes_nested: Option<bool>,
    /// The ARN of the parent stack's change set.
    pub parent_id: Option<String>,
    /// The ARN of the root change set, the only one that can be executed.
    pub root_id: Option<String>,
    /// Whether the stack has drifted, in drift-aware change sets.
    pub drift_status: Option<String>,
    /// How the change set treats drift, such as `REVERT_DRIFT`.
    pub deployment_mode: Option<String>,
    /// The deployment configuration.
    pub deployment: DeploymentConfig,
}

/// A parameter of a change set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// The value; for a parameter of an SSM type, the name of the SSM parameter.
    pub value: Option<String>,
    /// The current value of the SSM parameter.
    pub resolved_value: Option<String>,
    /// Whether the stack keeps its current value.
    pub uses_previous_value: Option<bool>,
}

/// The rollback configuration of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rollback {
    /// The alarms, each with its type, such as `AWS::CloudWatch::Alarm`.
    pub triggers: Vec<(String, String)>,
    /// How long the alarms are monitored after the operation, in minutes.
    pub monitoring_minutes: Option<i32>,
}

/// The deployment configuration of a change set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeploymentConfig {
    /// The mode, such as `STANDARD` or `EXPRESS`.
    pub mode: Option<String>,
    /// Whether rollback is disabled.
    pub disable_rollback: Option<bool>,
}

impl ChangeSet {
    /// Returns whether the creation of the change set has ended.
    pub fn is_terminal(&self) -> bool {
        !matches!(
            self.status.as_str(),
            "CREATE_PENDING" | "CREATE_IN_PROGRESS"
        )
    }

    /// Returns whether the change set failed only because it has no changes.
    ///
    /// An empty list of changes is not sufficient: outputs and conditions may change without it.
    pub fn is_unchanged(&self) -> bool {
        let reason = self.reason.as_deref();
        self.is_failed() && reason.is_some_and(service_message::is_without_changes)
    }

    /// Returns the deployed template and the new one of a nested stack; `None` for one that could not be
    /// read or that is no template.
    pub fn templates(&self) -> [Option<Template>; 2] {
        [&self.deployed_template, &self.template]
            .map(|text| Template::parse_deployed(&SourceFile::new("nested", text.as_deref()?)).ok())
    }

    /// Returns whether the change set can be executed.
    pub fn is_executable(&self) -> bool {
        self.status == "CREATE_COMPLETE" && self.execution_status == "AVAILABLE"
    }

    /// Returns whether the change set also compares the live resources and reverts drift.
    pub fn reverts_drift(&self) -> bool {
        self.deployment_mode.as_deref() == Some("REVERT_DRIFT")
    }

    /// Returns whether the change set is executed in EXPRESS mode.
    pub fn is_express(&self) -> bool {
        self.deployment.mode.as_deref() == Some("EXPRESS")
    }

    /// Returns whether the creation of the change set failed.
    pub fn is_failed(&self) -> bool {
        self.status == "FAILED"
    }

    /// Adds the changes of a further page, except for duplicates.
    pub(crate) fn add_changes(&mut self, changes: Vec<Change>) {
        for change in changes {
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
    }

    /// Returns the change set of the nested stack in a change; `None` if it was not described.
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

    /// Returns the resources that are replaced for certain, those of nested stacks included, each by its
    /// logical id after those of the nested stacks that lead to it, such as `Network/Vpc`.
    pub fn replaced(&self) -> Vec<String> {
        let mut replaced = Vec::new();
        for (path, set) in self.tree() {
            let changes = set.changes.iter().filter(|change| {
                change.action == Action::Modify && change.replacement == Some(Replacement::True)
            });
            replaced.extend(changes.map(|change| {
                let parts: Vec<&str> = path.iter().copied().chain([&*change.logical_id]).collect();
                parts.join("/")
            }));
        }
        replaced
    }

    /// Returns this change set and those of all nested stacks, parents first, each with the logical ids
    /// of the nested stacks that lead to it.
    pub fn tree(&self) -> Vec<(Vec<&str>, &ChangeSet)> {
        let mut found = vec![(Vec::new(), self)];
        for nested in &self.nested {
            let id = nested.id.as_str();
            let change = self
                .changes
                .iter()
                .find(|change| change.nested_change_set.as_deref() == Some(id));
            // A failed change set may have a child that is not in its changes.
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
    use super::{Action, Change, ChangeSet, Replacement};

    pub(super) fn set(id: &str, status: &str, reason: &str) -> ChangeSet {
        ChangeSet {
            id: format!("arn:{id}"),
            stack_name: id.to_owned(),
            status: status.to_owned(),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            ..ChangeSet::default()
        }
    }

    pub(super) fn nested_stack(logical_id: &str, id: &str) -> Change {
        Change {
            logical_id: logical_id.to_owned(),
            nested_change_set: Some(format!("arn:{id}")),
            ..Change::default()
        }
    }

    #[test]
    fn an_empty_change_set_is_unchanged_only_if_its_reason_says_so() {
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
    fn a_change_in_two_pages_is_added_once() {
        let change = |logical_id: &str| Change {
            logical_id: logical_id.to_owned(),
            ..Change::default()
        };
        let mut first = ChangeSet {
            changes: vec![change("A")],
            ..ChangeSet::default()
        };
        first.add_changes(vec![change("A"), change("B")]);
        assert_eq!(first.changes, [change("A"), change("B")]);
    }

    #[test]
    fn replacements_in_nested_stacks_are_found() {
        let replaced = |logical_id: &str, replacement| Change {
            action: Action::Modify,
            replacement: Some(replacement),
            ..nested_stack(logical_id, "none")
        };
        let mut deepest = set("deepest", "CREATE_COMPLETE", "");
        deepest.changes = vec![
            replaced("Table", Replacement::True),
            replaced("Queue", Replacement::False),
        ];
        let mut child = set("child", "CREATE_COMPLETE", "");
        child.changes = vec![nested_stack("Inner", "deepest")];
        child.nested = vec![deepest];
        let mut root = set("root", "CREATE_COMPLETE", "");
        root.changes = vec![
            nested_stack("Child", "child"),
            replaced("Own", Replacement::True),
        ];
        root.nested = vec![child];
        assert_eq!(root.replaced(), ["Own", "Child/Inner/Table"]);
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
