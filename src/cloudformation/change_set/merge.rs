//! Merges the two descriptions of a change set into one.
//!
//! The description with property values may omit changes, details and the reason of a failure. The
//! one without values has no values, and the order of details differs between calls. So the
//! description without values determines the changes and their order, and the one with values adds
//! the values.

use super::{Change, ChangeSet, Detail, Replacement};
use crate::cloudformation::service_message;

/// Returns the description with property values, completed from the one without them.
#[must_use]
pub fn merged(mut valued: ChangeSet, plain: ChangeSet) -> ChangeSet {
    let mut changes: Vec<Option<Change>> = valued.changes.drain(..).map(Some).collect();
    for change in plain.changes {
        let known = changes.iter_mut().find(|known| {
            known
                .as_ref()
                .is_some_and(|known| known.logical_id == change.logical_id)
        });
        let merged = match known.and_then(Option::take) {
            Some(known) => merged_change(known, change),
            None => change,
        };
        valued.changes.push(merged);
    }
    valued.changes.extend(changes.into_iter().flatten());
    let reasons = [valued.reason.take(), plain.reason];
    for reason in reasons.into_iter().flatten() {
        if !service_message::is_warning(&reason) {
            valued.reason.get_or_insert(reason);
        } else if !valued.warnings.contains(&reason) {
            valued.warnings.push(reason);
        }
    }
    for warning in plain.warnings {
        if !valued.warnings.contains(&warning) {
            valued.warnings.push(warning);
        }
    }
    valued
}

/// Returns the change with values, completed from the one without them.
fn merged_change(mut valued: Change, plain: Change) -> Change {
    for detail in plain.details {
        if !valued.details.iter().any(|known| covers(known, &detail)) {
            valued.details.push(detail);
        }
    }
    for attribute in plain.scope {
        if !valued.scope.contains(&attribute) {
            valued.scope.push(attribute);
        }
    }
    if severity(plain.replacement.as_ref()) > severity(valued.replacement.as_ref()) {
        valued.replacement = plain.replacement;
    }
    valued.physical_id = valued.physical_id.or(plain.physical_id);
    valued.policy_action = valued.policy_action.or(plain.policy_action);
    valued.drift_status = valued.drift_status.or(plain.drift_status);
    valued.nested_change_set = valued.nested_change_set.or(plain.nested_change_set);
    valued.module = valued.module.or(plain.module);
    valued.hook_invocations = valued.hook_invocations.or(plain.hook_invocations);
    valued
}

/// Returns whether a detail contains all information of one without values.
fn covers(detail: &Detail, plain: &Detail) -> bool {
    detail.attribute == plain.attribute
        && detail.name == plain.name
        && detail.evaluation == plain.evaluation
        && detail.change_source == plain.change_source
        && detail.causing_entity == plain.causing_entity
        && (plain.path.is_none() || detail.path == plain.path)
}

/// Returns a rank by which the more severe of two replacements is chosen.
fn severity(replacement: Option<&Replacement>) -> u8 {
    match replacement {
        Some(Replacement::True) => 4,
        Some(Replacement::Conditional) => 3,
        Some(Replacement::Unknown(_)) => 2,
        Some(Replacement::False) => 1,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::merged;
    use crate::cloudformation::change_set::{Change, ChangeSet, Detail, Replacement};

    const WARNING: &str = "[WARN] --include-property-values option can return incomplete \
        ChangeSet data because: ChangeSet creation failed for certain resources";

    fn set(reason: Option<&str>, changes: Vec<Change>) -> ChangeSet {
        ChangeSet {
            reason: reason.map(str::to_owned),
            changes,
            ..ChangeSet::default()
        }
    }

    fn change(logical_id: &str, details: Vec<Detail>) -> Change {
        Change {
            logical_id: logical_id.to_owned(),
            details,
            ..Change::default()
        }
    }

    fn detail(source: &str, after: Option<&str>) -> Detail {
        Detail {
            name: Some("Size".to_owned()),
            path: after.map(|_| "/Properties/Size".to_owned()),
            change_source: Some(source.to_owned()),
            after: after.map(str::to_owned),
            ..Detail::default()
        }
    }

    fn ids(set: &ChangeSet) -> Vec<&str> {
        set.changes
            .iter()
            .map(|change| change.logical_id.as_str())
            .collect()
    }

    #[test]
    fn changes_of_either_description_are_kept_in_order() {
        let valued = set(None, vec![change("LoadB", vec![]), change("Extra", vec![])]);
        let plain = set(
            None,
            vec![change("LoadBListener", vec![]), change("LoadB", vec![])],
        );
        assert_eq!(
            ids(&merged(valued, plain)),
            ["LoadBListener", "LoadB", "Extra"]
        );
    }

    #[test]
    fn details_are_matched_in_any_order_and_missing_ones_added() {
        let [direct, parameter, attribute] = [
            "DirectModification",
            "ParameterReference",
            "ResourceAttribute",
        ];
        let valued = vec![detail(direct, Some("2")), detail(parameter, Some("2"))];
        let plain = vec![
            detail(parameter, None),
            detail(attribute, None),
            detail(direct, None),
        ];
        let merged = merged(
            set(None, vec![change("A", valued.clone())]),
            set(None, vec![change("A", plain)]),
        );
        let mut expected = valued;
        expected.push(detail(attribute, None));
        assert_eq!(merged.changes, [change("A", expected)]);
    }

    #[test]
    fn the_more_severe_replacement_is_kept() {
        let replaced = |replacement| Change {
            replacement,
            ..change("A", vec![])
        };
        for (valued, plain) in [
            (Some(Replacement::False), Some(Replacement::True)),
            (Some(Replacement::True), Some(Replacement::Conditional)),
            (None, Some(Replacement::True)),
        ] {
            let merged = merged(
                set(None, vec![replaced(valued)]),
                set(None, vec![replaced(plain)]),
            );
            assert_eq!(merged.changes, [replaced(Some(Replacement::True))]);
        }
    }

    #[test]
    fn a_warning_does_not_hide_the_reason_of_the_other_description() {
        let both = merged(set(Some(WARNING), vec![]), set(Some("No updates"), vec![]));
        assert_eq!(both.reason.as_deref(), Some("No updates"));
        assert_eq!(both.warnings, [WARNING]);
        let one = merged(set(Some(WARNING), vec![]), set(None, vec![]));
        assert_eq!((one.reason, one.warnings.len()), (None, 1));
    }
}
