//! Taking resources out of a stack without deleting them: what leaves, and what two change sets may do.

use std::collections::BTreeSet;

use crate::cloudformation::change_set::{Action, Change, ChangeSet, Effect, Replacement};
use crate::template::STACK_TYPE;
use crate::template::orphan::{LostReference, Outcome};

/// A resource that leaves the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanedResource {
    /// The logical id.
    pub logical_id: String,
    /// The type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The physical id.
    pub physical_id: String,
    /// Whether the deployed template retains it already.
    pub is_retained: bool,
}

/// What takes resources out of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanPlan {
    /// The resources, in the order of the command line.
    pub resources: Vec<OrphanedResource>,
    /// The references to them, in the order of the template.
    pub references: Vec<LostReference>,
    /// The SAM resources that refer to them. The transform makes other resources of each, whose logical ids
    /// begin with its own.
    pub expanded: Vec<String>,
    /// The deployed template.
    pub deployed: String,
    /// The template of the first step, which retains the resources; equal to the deployed template if
    /// that retains them already.
    pub retaining: String,
    /// The template of the second step, which no longer has the resources.
    pub without: String,
    /// The template of the first step with the values of the second one in place of the references.
    pub decoupled: String,
}

impl OrphanPlan {
    /// Returns whether the first step is needed.
    pub fn needs_retain(&self) -> bool {
        self.resources.iter().any(|it| !it.is_retained)
    }

    /// Returns the resources' logical ids.
    pub fn ids(&self) -> Vec<&str> {
        let ids = self.resources.iter().map(|it| &*it.logical_id);
        ids.collect()
    }

    /// Returns what the change set of the first step does besides what it is for: each change in words.
    pub fn unexpected_in_first(&self, change_set: &ChangeSet) -> Vec<String> {
        let retained: BTreeSet<&str> = self
            .resources
            .iter()
            .filter(|it| !it.is_retained)
            .map(|it| &*it.logical_id)
            .collect();
        unexpected(change_set, |change| {
            // CloudFormation lists other attributes besides the policies, but no property may change.
            let keeps_properties = change
                .details
                .iter()
                .all(|detail| !matches!(detail.attribute.as_deref(), Some("Properties" | "Tags")));
            retained.contains(&*change.logical_id)
                && is_update_in_place(change)
                && keeps_properties
                && change
                    .scope
                    .iter()
                    .all(|it| it != "Properties" && it != "Tags")
        })
    }

    /// Returns what the change set of the second step does besides what was shown: each change in words,
    /// and each resource that it does not remove or does not retain.
    pub fn unexpected_in_second(&self, change_set: &ChangeSet) -> Vec<String> {
        let ids: BTreeSet<&str> = self.ids().into_iter().collect();
        let mut found = unexpected(change_set, |change| {
            if ids.contains(&*change.logical_id) {
                return change.action == Action::Remove && is_retained(change);
            }
            let mut expanded = self.expanded.iter();
            let is_expanded = expanded.any(|id| change.logical_id.starts_with(id));
            change.action == Action::Modify
                && keeps_values(change) != Some(false)
                && change.details.iter().all(|detail| {
                    let steps = detail.steps();
                    let mut references = self.references.iter();
                    is_expanded
                        || references.any(|it| {
                            it.owner == change.logical_id
                                && matches!(it.outcome, Outcome::Replaced(_))
                                && steps.iter().zip(&it.path).all(|(step, own)| step == own)
                        })
                })
        });
        let is_removed = |id: &&str| {
            let mut changes = change_set.changes.iter();
            changes.any(|it| it.logical_id == **id && it.action == Action::Remove)
        };
        let kept = ids.iter().filter(|id| !is_removed(id));
        found.extend(kept.map(|id| format!("`{id}` would not be removed")));
        found
    }
}

/// Returns the changes that are not expected, in words. What may only follow from an expected change is
/// expected too.
fn unexpected(change_set: &ChangeSet, is_expected: impl Fn(&Change) -> bool) -> Vec<String> {
    let mut expected: BTreeSet<&str> = BTreeSet::new();
    let mut rest: Vec<&Change> = change_set.changes.iter().collect();
    loop {
        let count = rest.len();
        rest.retain(|change| {
            let follows = change.effect() == Effect::Possible
                && change.details.iter().all(|detail| {
                    let cause = detail.causing_entity.as_deref().unwrap_or_default();
                    expected.contains(cause.split('.').next().unwrap_or_default())
                });
            let is_expected = is_expected(change) || follows || is_automatic(change_set, change);
            if is_expected && change.action != Action::Remove {
                expected.insert(&change.logical_id);
            }
            !is_expected
        });
        if rest.len() == count {
            return rest.into_iter().map(words).collect();
        }
    }
}

/// Returns whether a change is that of a nested stack in which nothing changes: CloudFormation lists
/// nested stacks in every change set.
fn is_automatic(change_set: &ChangeSet, change: &Change) -> bool {
    let nested = change_set.nested_of(change);
    let is_automatic = |source: Option<&str>| matches!(source, None | Some("Automatic"));
    change.resource_type == STACK_TYPE
        && is_update_in_place(change)
        && (change.details.iter()).all(|it| is_automatic(it.change_source.as_deref()))
        && nested.is_none_or(|nested| nested.is_unchanged() || nested.changes.is_empty())
}

fn is_update_in_place(change: &Change) -> bool {
    let replacement = change.replacement.as_ref();
    change.action == Action::Modify && replacement.is_none_or(|it| *it == Replacement::False)
}

/// Returns whether the properties that could replace a resource keep their values: a change set also
/// lists a value that is only written in another way. `None` if the endpoint gives no values.
pub fn keeps_values(change: &Change) -> Option<bool> {
    if is_update_in_place(change) {
        return Some(true);
    }
    let details = change.details.iter();
    let recreating = details.filter(|it| it.requires_recreation.as_deref() != Some("Never"));
    let values: Vec<_> = recreating.map(|it| (&it.before, &it.after)).collect();
    if values.iter().all(|sides| *sides == (&None, &None)) {
        return None;
    }
    Some(
        values
            .iter()
            .all(|(before, after)| before.is_some() && before == after),
    )
}

/// Returns whether a removal retains the resource. Some endpoints do not say what the policy does; then
/// the deployed template decides, which retains it.
fn is_retained(change: &Change) -> bool {
    let action = change.policy_action.as_deref();
    matches!(action, None | Some("Retain" | "RetainExceptOnCreate"))
}

fn words(change: &Change) -> String {
    let id = &change.logical_id;
    match change.effect() {
        Effect::Add => format!("`{id}` would be added"),
        Effect::Remove => match change.policy_action.as_deref() {
            Some("Retain") => format!("`{id}` would be removed"),
            _ => format!("`{id}` would be deleted"),
        },
        Effect::Replace => format!("`{id}` would be replaced"),
        Effect::Import => format!("`{id}` would be imported"),
        Effect::Possible => format!("`{id}` may change"),
        Effect::Update | Effect::Sync => {
            let steps = change.details.iter().map(|it| it.steps().join("."));
            let steps: BTreeSet<String> = steps.filter(|it| !it.is_empty()).collect();
            let steps: Vec<String> = steps.into_iter().collect();
            let may = match change.replacement {
                Some(Replacement::Conditional) => " and may be replaced",
                _ => "",
            };
            match steps.as_slice() {
                [] => format!("`{id}` would change{may}"),
                steps => format!("`{id}` would change{may} ({})", steps.join(", ")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OrphanPlan, OrphanedResource};
    use crate::cloudformation::change_set::{Action, Change, ChangeSet, Detail, Replacement};
    use crate::template::evaluate::Use;
    use crate::template::orphan::{Literal, LostReference, Outcome};

    fn plan() -> OrphanPlan {
        OrphanPlan {
            resources: vec![OrphanedResource {
                logical_id: "Table".to_owned(),
                resource_type: "AWS::DynamoDB::Table".to_owned(),
                physical_id: "t".to_owned(),
                is_retained: false,
            }],
            references: vec![LostReference {
                used: Use {
                    resource: "Table".to_owned(),
                    attribute: None,
                },
                outcome: Outcome::Replaced(Literal::Text("t".to_owned())),
                section: "Resources".to_owned(),
                owner: "Reader".to_owned(),
                path: ["Properties", "Environment"].map(str::to_owned).to_vec(),
                span: 0..0,
            }],
            expanded: Vec::new(),
            deployed: String::new(),
            retaining: String::new(),
            without: String::new(),
            decoupled: String::new(),
        }
    }

    fn change(id: &str, action: Action, path: &str) -> Change {
        let detail = Detail {
            path: Some(path.to_owned()),
            attribute: path.split('/').nth(1).map(str::to_owned),
            ..Detail::default()
        };
        Change {
            logical_id: id.to_owned(),
            replacement: (action == Action::Modify).then_some(Replacement::False),
            details: if path.is_empty() {
                vec![]
            } else {
                vec![detail]
            },
            action,
            ..Change::default()
        }
    }

    fn set(changes: Vec<Change>) -> ChangeSet {
        ChangeSet {
            changes,
            ..ChangeSet::default()
        }
    }

    fn possible(id: &str, cause: &str) -> Change {
        let mut change = change(id, Action::Modify, "/Properties/FunctionName");
        change.replacement = Some(Replacement::Conditional);
        for detail in &mut change.details {
            detail.evaluation = Some("Dynamic".to_owned());
            detail.change_source = Some("ResourceReference".to_owned());
            detail.causing_entity = Some(cause.to_owned());
        }
        change
    }

    #[test]
    fn the_first_step_changes_only_the_policies() {
        let found = |changes| plan().unexpected_in_first(&set(changes)).join("; ");
        let policy = change("Table", Action::Modify, "/DeletionPolicy");
        assert_eq!(found(vec![policy.clone()]), "");
        assert_eq!(found(vec![change("Table", Action::Modify, "")]), "");
        let property = change("Table", Action::Modify, "/Properties/TableName");
        assert_eq!(
            found(vec![property]),
            "`Table` would change (Properties.TableName)"
        );
        let other = change("Reader", Action::Modify, "/Properties/Environment");
        assert_eq!(
            found(vec![policy, other]),
            "`Reader` would change (Properties.Environment)"
        );
    }

    #[test]
    fn the_second_step_removes_and_changes_only_what_was_shown() {
        let found = |changes| plan().unexpected_in_second(&set(changes)).join("; ");
        let mut removal = change("Table", Action::Remove, "");
        assert_eq!(found(vec![removal.clone()]), "");
        removal.policy_action = Some("Retain".to_owned());
        let reader = change(
            "Reader",
            Action::Modify,
            "/Properties/Environment/Variables/T",
        );
        let all = vec![
            removal.clone(),
            possible("Permission", "Reader"),
            reader.clone(),
        ];
        assert_eq!(found(all), "");
        assert_eq!(found(vec![reader.clone()]), "`Table` would not be removed");
        assert_eq!(
            found(vec![removal.clone(), possible("Permission", "Other.Arn")]),
            "`Permission` may change"
        );
        let other = change("Reader", Action::Modify, "/Properties/Code");
        assert_eq!(
            found(vec![removal.clone(), other]),
            "`Reader` would change (Properties.Code)"
        );
        let role = change("ReaderRole", Action::Modify, "/Properties/Policies");
        let all = set(vec![removal.clone(), role]);
        assert_eq!(plan().unexpected_in_second(&all).len(), 1);
        let expanded = OrphanPlan {
            expanded: vec!["Reader".to_owned()],
            ..plan()
        };
        assert!(expanded.unexpected_in_second(&all).is_empty());
        let mut replaced = reader;
        replaced.replacement = Some(Replacement::True);
        // Without values, the notation alone may differ.
        assert_eq!(found(vec![removal.clone(), replaced.clone()]), "");
        replaced.details[0].before = Some("t".to_owned());
        let all = found(vec![removal.clone(), replaced.clone()]);
        assert_eq!(all, "`Reader` would be replaced");
        replaced.details[0].after = Some("t".to_owned());
        assert_eq!(found(vec![removal.clone(), replaced]), "");
        let queue = change("Queue", Action::Remove, "");
        assert_eq!(
            found(vec![removal.clone(), queue]),
            "`Queue` would be deleted"
        );
        removal.policy_action = Some("Delete".to_owned());
        assert_eq!(found(vec![removal]), "`Table` would be deleted");
    }
}
