//! Whether a plan that was made again is the plan that was shown.
//!
//! A stack whose inputs another stack changes is planned before and after that stack is deployed. The
//! user agreed to the first plan. The second one is executed without a question if it does the same, and
//! the changes decide, not their texts:
//!
//! - Both plans come from change sets: the same resources change in the same way, with the same values.
//! - The first one is a prediction, because an input did not exist: the same resources are added,
//!   changed, replaced and removed. A value that was not known may be any value, and a resource that was
//!   shown as one that may change may change or not. It is not replaced.
//! - A stack that is created: the resources that were shown are added, and nothing else happens. If the
//!   template has a transform, more resources may be added, since a prediction does not know its result.

use std::collections::{BTreeMap, BTreeSet};

use super::{Operation, Plan, ValueChange};
use crate::cloudformation::change_set::{Change, ChangeSet, Effect, Replacement};

/// Returns how a plan differs from the one that was shown, as parts of a sentence; empty if it does the
/// same. `has_transforms` is whether the template has a transform, whose result a prediction does not know.
pub fn differences(shown: &Plan, again: &Plan, has_transforms: bool) -> Vec<String> {
    let mut found = Vec::new();
    if shown.operation != again.operation {
        found.push(match again.operation {
            Operation::Create => "the stack is created".to_owned(),
            Operation::Update => "the stack exists".to_owned(),
        });
    }
    let lists = [
        ("parameter", &shown.parameters, &again.parameters),
        ("tag", &shown.tags, &again.tags),
        ("setting", &shown.settings, &again.settings),
        ("output", &shown.outputs, &again.outputs),
    ];
    for (kind, then, now) in lists {
        let is_unknown = |name: &str| {
            let mut inputs = shown.provisional.iter();
            kind == "parameter" && inputs.any(|it| it.parameter == name && it.is_unknown())
        };
        found.extend(values(kind, then, now, is_unknown));
    }
    if shown.capabilities != again.capabilities {
        found.push(format!(
            "the capabilities are {}",
            again.capabilities.join(", ")
        ));
    }
    if shown.code_reverts != again.code_reverts {
        found.push("the code that was changed outside of the stack".to_owned());
    }
    if shown.moved != again.moved {
        found.push("other resources are renamed".to_owned());
    }
    if (shown.mode, shown.skips_validation) != (again.mode, again.skips_validation) {
        found.push("the mode of the deployment".to_owned());
    }
    found.extend(if shown.prediction.is_some() {
        since_prediction(shown, again, has_transforms)
    } else {
        since_change_set(shown.change_set.as_ref(), again.change_set.as_ref())
    });
    found
}

/// Returns the named values that differ.
pub(super) fn values(
    kind: &str,
    shown: &[ValueChange],
    again: &[ValueChange],
    is_unknown: impl Fn(&str) -> bool,
) -> Vec<String> {
    let by_name = |list: &[ValueChange]| -> BTreeMap<String, ValueChange> {
        let pairs = list.iter().map(|it| (it.name.clone(), it.clone()));
        pairs.collect()
    };
    let (shown, again) = (by_name(shown), by_name(again));
    let names: BTreeSet<&String> = shown.keys().chain(again.keys()).collect();
    let differs = |name: &&&String| !is_unknown(name) && shown.get(**name) != again.get(**name);
    let names = names.iter().filter(differs);
    names.map(|name| format!("the {kind} `{name}`")).collect()
}

/// Returns the resources that change otherwise than a prediction showed.
fn since_prediction(shown: &Plan, again: &Plan, has_transforms: bool) -> Vec<String> {
    let effects = |plan: &Plan| -> BTreeMap<String, Effect> {
        let changes = plan.changes().iter();
        let effects = changes.map(|change| (change.logical_id.clone(), effect(change)));
        effects.collect()
    };
    let (then, now) = (effects(shown), effects(again));
    let ids: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let is_creation = shown.operation == Operation::Create;
    let differs = |id: &&String| {
        let sides = (then.get(*id), now.get(*id));
        !match sides {
            (Some(then), Some(now)) if then == now => true,
            (Some(Effect::Possible), None | Some(Effect::Update))
            | (None, Some(Effect::Possible)) => true,
            (None, Some(Effect::Add)) => is_creation && has_transforms,
            _ => false,
        }
    };
    let differing = ids.into_iter().filter(differs);
    let text = |id: &String| difference(id, then.get(id).copied(), now.get(id).copied());
    differing.map(text).collect()
}

/// Returns the resources that change otherwise than a change set showed.
fn since_change_set(shown: Option<&ChangeSet>, again: Option<&ChangeSet>) -> Vec<String> {
    let changes = |set: Option<&ChangeSet>| -> BTreeMap<String, Change> {
        let sets = set.into_iter().flat_map(ChangeSet::tree);
        let changes = sets.flat_map(|(path, set)| {
            set.changes.iter().map(move |change| {
                let path: Vec<&str> = path.iter().copied().chain([&*change.logical_id]).collect();
                (path.join("/"), comparable(change))
            })
        });
        changes.collect()
    };
    let (then, now) = (changes(shown), changes(again));
    let ids: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let differing = ids.into_iter().filter(|id| then.get(*id) != now.get(*id));
    let text = |id: &String| difference(id, then.get(id).map(effect), now.get(id).map(effect));
    let mut found: Vec<String> = differing.map(text).collect();
    // A change set without changes of resources may deploy outputs or metadata.
    let is_empty = |set: Option<&ChangeSet>| set.is_none_or(ChangeSet::is_unchanged);
    if found.is_empty() && is_empty(shown) != is_empty(again) {
        found.push(if is_empty(again) {
            "nothing is left to change".to_owned()
        } else {
            "the stack changes".to_owned()
        });
    }
    found
}

/// Returns a change without what differs between two change sets that do the same.
fn comparable(change: &Change) -> Change {
    let mut change = Change {
        nested_change_set: None,
        hook_invocations: None,
        // The details say what changes, with the same values.
        before_context: None,
        after_context: None,
        ..change.clone()
    };
    change.details.sort_by_key(|detail| format!("{detail:?}"));
    change.scope.sort_unstable();
    change
}

/// Returns the effect of a change. If the replacement depends on unknown values, it is only possible.
fn effect(change: &Change) -> Effect {
    match change.effect() {
        Effect::Update if change.replacement == Some(Replacement::Conditional) => Effect::Possible,
        effect => effect,
    }
}

/// Returns how a resource changes, and how it was shown.
fn difference(id: &str, then: Option<Effect>, now: Option<Effect>) -> String {
    let words = |effect: Option<Effect>| match effect {
        None => "unchanged",
        Some(Effect::Add) => "added",
        Some(Effect::Update) => "changed",
        Some(Effect::Replace) => "replaced",
        Some(Effect::Remove) => "removed",
        Some(Effect::Import) => "imported",
        Some(Effect::Sync) => "taken as it is",
        Some(Effect::Possible) => "possibly changed",
    };
    if then == now {
        return format!("`{id}` is {} with other values", words(now));
    }
    format!("`{id}` is {} and was shown as {}", words(now), words(then))
}

#[cfg(test)]
mod tests {
    use super::differences;
    use crate::cloudformation::change_set::{Action, Change, ChangeSet, Detail, Replacement};
    use crate::plan::provisional::{InputChange, ProvisionalInput};
    use crate::plan::{Operation, Plan, ValueChange};

    fn change(id: &str, action: Action, replacement: Option<Replacement>) -> Change {
        Change {
            logical_id: id.to_owned(),
            action,
            replacement,
            ..Change::default()
        }
    }

    fn plan(operation: Operation, changes: Vec<Change>) -> Plan {
        Plan {
            operation,
            change_set: Some(ChangeSet {
                changes,
                ..ChangeSet::default()
            }),
            ..Plan::default()
        }
    }

    fn parameter(after: Option<&str>) -> Vec<ValueChange> {
        vec![ValueChange {
            name: "VpcId".to_owned(),
            before: None,
            after: after.map(str::to_owned),
        }]
    }

    #[test]
    fn a_prediction_of_a_new_stack_is_right_if_the_same_resources_are_added() {
        let added = |ids: &[&str]| ids.iter().map(|id| change(id, Action::Add, None)).collect();
        let mut shown = plan(Operation::Create, added(&["A", "B"]));
        shown.prediction = Some("everything counts as new".to_owned());
        let mut again = plan(Operation::Create, added(&["B", "A"]));
        again.parameters = parameter(Some("vpc-1"));
        assert_eq!(
            differences(&shown, &again, false),
            ["the parameter `VpcId`"],
            "a value that was known"
        );
        shown.provisional = vec![ProvisionalInput {
            parameter: "VpcId".to_owned(),
            stack: "network".to_owned(),
            output: "Id".to_owned(),
            before: None,
            change: InputChange::Unknown,
            cause: None,
        }];
        assert_eq!(differences(&shown, &again, false), Vec::<String>::new());
        let more = plan(Operation::Create, added(&["A", "B", "Role"]));
        let only_role = ["`Role` is added and was shown as unchanged"];
        shown.parameters.clear();
        assert_eq!(differences(&shown, &more, false), only_role);
        assert!(differences(&shown, &more, true).is_empty());
        let fewer = plan(Operation::Create, added(&["A"]));
        assert_eq!(
            differences(&shown, &fewer, true),
            ["`B` is unchanged and was shown as added"]
        );
        let exists = plan(Operation::Update, added(&["A", "B"]));
        assert_eq!(differences(&shown, &exists, true), ["the stack exists"]);
    }

    #[test]
    fn a_resource_that_may_change_may_not_be_replaced() {
        let modify = |replacement| vec![change("A", Action::Modify, Some(replacement))];
        let predicted = |replacement| {
            let mut shown = plan(Operation::Update, modify(replacement));
            shown.prediction = Some("compared".to_owned());
            shown
        };
        let cases = [
            (Replacement::Conditional, Some(Replacement::False), true),
            (
                Replacement::Conditional,
                Some(Replacement::Conditional),
                true,
            ),
            (Replacement::Conditional, None, true),
            (Replacement::Conditional, Some(Replacement::True), false),
            (Replacement::False, Some(Replacement::True), false),
            (Replacement::False, Some(Replacement::False), true),
            (Replacement::False, None, false),
            (Replacement::True, Some(Replacement::True), true),
            (Replacement::True, Some(Replacement::False), false),
        ];
        for (then, now, same) in cases {
            let again = plan(
                Operation::Update,
                now.clone().map(modify).unwrap_or_default(),
            );
            let found = differences(&predicted(then.clone()), &again, false);
            assert_eq!(found.is_empty(), same, "{then:?} {now:?}: {found:?}");
        }
    }

    #[test]
    fn two_change_sets_are_the_same_if_their_changes_have_the_same_values() {
        let with = |after: &str, arn: &str| {
            let mut changed = change("A", Action::Modify, Some(Replacement::False));
            changed.nested_change_set = Some(arn.to_owned());
            for (name, value) in [("Vpc", after), ("Size", "2")] {
                changed.details.push(Detail {
                    name: Some(name.to_owned()),
                    after: Some(value.to_owned()),
                    ..Detail::default()
                });
            }
            changed
        };
        let shown = plan(Operation::Update, vec![with("vpc-1", "arn:1")]);
        let mut turned = with("vpc-1", "arn:2");
        turned.details.reverse();
        let again = plan(Operation::Update, vec![turned]);
        assert!(differences(&shown, &again, false).is_empty());
        let other = plan(Operation::Update, vec![with("vpc-2", "arn:2")]);
        assert_eq!(
            differences(&shown, &other, false),
            ["`A` is changed with other values"]
        );
        let mut none = plan(Operation::Update, vec![]);
        none.change_set = None;
        assert_eq!(
            differences(&shown, &none, false),
            ["`A` is unchanged and was shown as changed"]
        );
        let outputs_only = plan(Operation::Update, vec![]);
        assert_eq!(
            differences(&none, &outputs_only, false),
            ["the stack changes"]
        );
    }
}
