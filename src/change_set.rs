//! A change set as CloudFormation describes it, without loss.
//!
//! Enumerations keep values that this version does not know as they came: what the service says
//! must reach the user even where stackctl has no word for it.

use std::fmt;

/// A change set and everything that it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeSet {
    /// The ARN.
    pub id: String,
    /// The name.
    pub name: String,
    /// The ARN of its stack.
    pub stack_id: String,
    /// The status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// Whether it can be executed, such as `AVAILABLE`.
    pub execution_status: String,
    /// Why it has its status, or a warning about what the description leaves out.
    pub reason: Option<String>,
    /// The changes in the service's order.
    pub changes: Vec<Change>,
}

impl ChangeSet {
    /// Returns whether its creation has ended.
    pub fn is_settled(&self) -> bool {
        !matches!(
            self.status.as_str(),
            "CREATE_PENDING" | "CREATE_IN_PROGRESS"
        )
    }

    /// Returns whether it failed only because nothing differs.
    ///
    /// An empty list of changes is not enough: outputs and conditions can change alone.
    pub fn is_unchanged(&self) -> bool {
        const REASONS: [&str; 2] = [
            "The submitted information didn't contain changes",
            "No updates are to be performed",
        ];
        self.status == "FAILED"
            && self
                .reason
                .as_deref()
                .is_some_and(|reason| REASONS.iter().any(|words| reason.contains(words)))
    }

    /// Returns this description, made with property values, completed by one made without them.
    ///
    /// With values, the service may leave out whole changes and single details.
    #[must_use]
    pub fn merged_with(mut self, plain: Self) -> Self {
        for change in plain.changes {
            let known = self
                .changes
                .iter_mut()
                .find(|known| known.logical_id == change.logical_id);
            match known {
                Some(known) => known.complete(change.details),
                None => self.changes.push(change),
            }
        }
        self.changes
            .sort_by(|one, other| one.logical_id.cmp(&other.logical_id));
        self
    }

    /// Returns whether it can be executed.
    pub fn is_executable(&self) -> bool {
        self.status == "CREATE_COMPLETE" && self.execution_status == "AVAILABLE"
    }
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in the world; `None` for one that is yet to be made.
    pub physical_id: Option<String>,
    /// Its type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// What is done.
    pub action: Action,
    /// What the template's policies do about the old resource, such as `ReplaceAndRetain`.
    pub policy_action: Option<String>,
    /// Whether the resource is replaced by a new one; `None` where the service does not say.
    pub replacement: Option<Replacement>,
    /// Which kinds of attributes change, such as `Properties`.
    pub scope: Vec<String>,
    /// What changes in it, and why.
    pub details: Vec<Detail>,
    /// The resource before, a JSON document.
    pub before_context: Option<String>,
    /// The resource after, a JSON document.
    pub after_context: Option<String>,
    /// The resource at the previous deployment, a JSON document, in drift-aware change sets.
    pub previous_deployment_context: Option<String>,
    /// Whether the live resource differs from the last deployment, in drift-aware change sets.
    pub drift_status: Option<String>,
    /// The change set of a nested stack.
    pub nested_change_set: Option<String>,
}

/// One changed attribute of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// The kind of attribute, such as `Properties` or `Tags`.
    pub attribute: Option<String>,
    /// The property's name; tags have none.
    pub name: Option<String>,
    /// The place in the resource, such as `/Properties/Code/S3Key`.
    pub path: Option<String>,
    /// The value before.
    pub before: Option<String>,
    /// The value after; may not be known before the change is made.
    pub after: Option<String>,
    /// Whether the attribute is added, removed or modified.
    pub attribute_change: Option<String>,
    /// `Always`, `Never` or `Conditionally`.
    pub requires_recreation: Option<String>,
    /// `Static` where it is certain, `Dynamic` where it depends on another resource.
    pub evaluation: Option<String>,
    /// What causes it, such as `DirectModification` or `ResourceAttribute`.
    pub change_source: Option<String>,
    /// The parameter or attribute that causes it.
    pub causing_entity: Option<String>,
}

impl Detail {
    fn is_about_the_same_as(&self, other: &Self) -> bool {
        self.attribute == other.attribute
            && self.name == other.name
            && self.evaluation == other.evaluation
            && self.change_source == other.change_source
            && self.causing_entity == other.causing_entity
    }
}

/// What is done to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Action {
    /// It is made.
    Add,
    /// It is changed in place or replaced.
    #[default]
    Modify,
    /// It is deleted, or left behind where its policy says so.
    Remove,
    /// It exists and becomes part of the stack.
    Import,
    /// What is done depends on other resources.
    Dynamic,
    /// The stack's record follows the live resource.
    SyncWithActual,
    /// One that this version does not know.
    Unknown(String),
}

impl Action {
    /// Returns the action by its name in the API.
    pub fn from_wire(wire: &str) -> Self {
        match wire {
            "Add" => Self::Add,
            "Modify" => Self::Modify,
            "Remove" => Self::Remove,
            "Import" => Self::Import,
            "Dynamic" => Self::Dynamic,
            "SyncWithActual" => Self::SyncWithActual,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Returns the name in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Add => "Add",
            Self::Modify => "Modify",
            Self::Remove => "Remove",
            Self::Import => "Import",
            Self::Dynamic => "Dynamic",
            Self::SyncWithActual => "SyncWithActual",
            Self::Unknown(wire) => wire,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a resource is replaced by a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// Yes.
    True,
    /// No.
    False,
    /// It depends on values that are not known yet; never to be shown as certain.
    Conditional,
    /// One that this version does not know.
    Unknown(String),
}

impl Replacement {
    /// Returns the replacement by its name in the API.
    pub fn from_wire(wire: &str) -> Self {
        match wire {
            "True" => Self::True,
            "False" => Self::False,
            "Conditional" => Self::Conditional,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Returns the name in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Conditional => "Conditional",
            Self::Unknown(wire) => wire,
        }
    }
}

/// What a change amounts to, for the eye and for the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `+`
    Add,
    /// `~`
    Update,
    /// `-/+`
    Replace,
    /// `-`
    Remove,
    /// `<-`
    Import,
    /// `↺`: the stack's record follows the live resource.
    Sync,
    /// It may change, depending on another resource; listed and not counted.
    Possible,
}

impl Change {
    /// Returns what the change amounts to.
    pub fn effect(&self) -> Effect {
        match &self.action {
            Action::Add => Effect::Add,
            Action::Remove => Effect::Remove,
            Action::Import => Effect::Import,
            Action::SyncWithActual => Effect::Sync,
            Action::Dynamic => Effect::Possible,
            Action::Modify | Action::Unknown(_) if self.replacement == Some(Replacement::True) => {
                Effect::Replace
            }
            Action::Modify | Action::Unknown(_) if self.is_only_possible() => Effect::Possible,
            Action::Modify | Action::Unknown(_) => Effect::Update,
        }
    }

    fn complete(&mut self, details: Vec<Detail>) {
        for detail in details {
            if !self
                .details
                .iter()
                .any(|known| known.is_about_the_same_as(&detail))
            {
                self.details.push(detail);
            }
        }
    }

    /// Returns whether every detail depends on what another resource turns out to be.
    ///
    /// A changed parameter yields a static detail beside a dynamic one, so all must be dynamic. A
    /// reference to a resource that is certainly replaced is static.
    fn is_only_possible(&self) -> bool {
        !self.details.is_empty()
            && self.details.iter().all(|detail| {
                detail.evaluation.as_deref() == Some("Dynamic")
                    && matches!(
                        detail.change_source.as_deref(),
                        Some("ResourceAttribute" | "ResourceReference")
                    )
            })
    }
}

/// How many resources each effect has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Resources to be made.
    pub add: usize,
    /// Resources to be changed in place.
    pub change: usize,
    /// Resources to be replaced.
    pub replace: usize,
    /// Resources to be deleted or left behind.
    pub destroy: usize,
    /// Resources to be imported.
    pub import: usize,
    /// Resources that may change; counted in no other field.
    pub possible: usize,
}

impl Summary {
    /// Returns the count over `changes`.
    pub fn of(changes: &[Change]) -> Self {
        let mut summary = Self::default();
        for change in changes {
            match change.effect() {
                Effect::Add => summary.add += 1,
                Effect::Update | Effect::Sync => summary.change += 1,
                Effect::Replace => summary.replace += 1,
                Effect::Remove => summary.destroy += 1,
                Effect::Import => summary.import += 1,
                Effect::Possible => summary.possible += 1,
            }
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            add,
            change,
            replace,
            destroy,
            import,
            possible,
        } = self;
        write!(
            f,
            "Plan: {add} to add, {change} to change, {replace} to replace, {destroy} to destroy"
        )?;
        if *import > 0 {
            write!(f, ", {import} to import")?;
        }
        if *possible > 0 {
            write!(f, " ({possible} more may change)")?;
        }
        f.write_str(".")
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Change, ChangeSet, Detail, Effect, Replacement, Summary};

    fn detail(evaluation: &str, source: &str) -> Detail {
        Detail {
            evaluation: Some(evaluation.to_owned()),
            change_source: Some(source.to_owned()),
            ..Detail::default()
        }
    }

    #[test]
    fn only_an_all_dynamic_modification_is_merely_possible() {
        let mut change = Change {
            replacement: Some(Replacement::Conditional),
            details: vec![detail("Dynamic", "ResourceAttribute")],
            ..Change::default()
        };
        assert_eq!(change.effect(), Effect::Possible);
        change.details.push(detail("Dynamic", "ResourceReference"));
        assert_eq!(change.effect(), Effect::Possible);
        change.details.push(detail("Static", "ParameterReference"));
        assert_eq!(change.effect(), Effect::Update);
        change.details = vec![detail("Static", "ResourceReference")];
        assert_eq!(change.effect(), Effect::Update);
        change.details.clear();
        assert_eq!(change.effect(), Effect::Update);
    }

    #[test]
    fn the_summary_counts_each_resource_once() {
        let change = |action, replacement| Change {
            action,
            replacement,
            ..Change::default()
        };
        let summary = Summary::of(&[
            change(Action::Add, Some(Replacement::True)),
            change(Action::Modify, Some(Replacement::True)),
            change(Action::Modify, None),
            change(Action::Remove, None),
            change(Action::Import, None),
            change(Action::Dynamic, None),
        ]);
        assert_eq!(
            summary.to_string(),
            "Plan: 1 to add, 1 to change, 1 to replace, 1 to destroy, 1 to import (1 more may change)."
        );
    }

    #[test]
    fn an_empty_change_set_is_unchanged_only_where_the_service_says_so() {
        let mut change_set = ChangeSet {
            status: "CREATE_COMPLETE".to_owned(),
            execution_status: "AVAILABLE".to_owned(),
            ..ChangeSet::default()
        };
        assert!(!change_set.is_unchanged() && change_set.is_executable());
        change_set.status = "FAILED".to_owned();
        change_set.reason = Some("No updates are to be performed.".to_owned());
        assert!(change_set.is_unchanged() && !change_set.is_executable());
    }
}
