//! One change set out of the service's two descriptions of it.
//!
//! With property values the service may leave out whole changes, single details, and the reason of
//! a failure; without them it says no values. Details come in an order that differs from call to
//! call. So the description without values decides what there is and in which order, and the one
//! with values adds to it.

use super::{Change, ChangeSet, Detail, Replacement};
use crate::cloudformation::service_message;

impl ChangeSet {
    /// Returns this description, made with property values, completed by one made without them.
    #[must_use]
    pub fn merged_with(mut self, plain: Self) -> Self {
        let mut valued: Vec<Option<Change>> = self.changes.drain(..).map(Some).collect();
        for change in plain.changes {
            let known = valued.iter_mut().find(|known| {
                known
                    .as_ref()
                    .is_some_and(|known| known.logical_id == change.logical_id)
            });
            let merged = match known.and_then(Option::take) {
                Some(known) => known.completed_by(change),
                None => change,
            };
            self.changes.push(merged);
        }
        self.changes.extend(valued.into_iter().flatten());
        let reasons = [self.reason.take(), plain.reason];
        for reason in reasons.into_iter().flatten() {
            if !service_message::is_warning(&reason) {
                self.reason.get_or_insert(reason);
            } else if !self.warnings.contains(&reason) {
                self.warnings.push(reason);
            }
        }
        for warning in plain.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        self
    }

    /// Adds the changes of a further page, except for those that are there already.
    pub(crate) fn extend(&mut self, changes: Vec<Change>) {
        for change in changes {
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
    }
}

impl Change {
    fn completed_by(mut self, plain: Self) -> Self {
        for detail in plain.details {
            if !self.details.iter().any(|known| covers(known, &detail)) {
                self.details.push(detail);
            }
        }
        for attribute in plain.scope {
            if !self.scope.contains(&attribute) {
                self.scope.push(attribute);
            }
        }
        if severity(plain.replacement.as_ref()) > severity(self.replacement.as_ref()) {
            self.replacement = plain.replacement;
        }
        self.physical_id = self.physical_id.or(plain.physical_id);
        self.policy_action = self.policy_action.or(plain.policy_action);
        self.drift_status = self.drift_status.or(plain.drift_status);
        self.nested_change_set = self.nested_change_set.or(plain.nested_change_set);
        self.module = self.module.or(plain.module);
        self.hook_invocations = self.hook_invocations.or(plain.hook_invocations);
        self
    }
}

/// Returns whether a known detail says all that one without values does.
fn covers(known: &Detail, plain: &Detail) -> bool {
    known.attribute == plain.attribute
        && known.name == plain.name
        && known.evaluation == plain.evaluation
        && known.change_source == plain.change_source
        && known.causing_entity == plain.causing_entity
        && (plain.path.is_none() || known.path == plain.path)
}

/// Where the two descriptions differ, the worse one is shown.
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
    fn changes_that_only_one_description_has_are_kept_in_the_services_order() {
        let valued = set(None, vec![change("LoadB", vec![]), change("Extra", vec![])]);
        let plain = set(
            None,
            vec![change("LoadBListener", vec![]), change("LoadB", vec![])],
        );
        let merged = valued.merged_with(plain);
        assert_eq!(ids(&merged), ["LoadBListener", "LoadB", "Extra"]);
    }

    #[test]
    fn details_in_another_order_are_recognized_and_missing_ones_added() {
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
        let merged = set(None, vec![change("A", valued.clone())])
            .merged_with(set(None, vec![change("A", plain)]));
        let mut expected = valued;
        expected.push(detail(attribute, None));
        assert_eq!(merged.changes, [change("A", expected)]);
    }

    #[test]
    fn the_worse_replacement_wins() {
        let replaced = |replacement| Change {
            replacement,
            ..change("A", vec![])
        };
        for (valued, plain) in [
            (Some(Replacement::False), Some(Replacement::True)),
            (Some(Replacement::True), Some(Replacement::Conditional)),
            (None, Some(Replacement::True)),
        ] {
            let merged =
                set(None, vec![replaced(valued)]).merged_with(set(None, vec![replaced(plain)]));
            assert_eq!(merged.changes, [replaced(Some(Replacement::True))]);
        }
    }

    #[test]
    fn a_warning_is_told_from_the_reason_that_only_the_other_description_has() {
        let merged = set(Some(WARNING), vec![]).merged_with(set(Some("No updates"), vec![]));
        assert_eq!(merged.reason.as_deref(), Some("No updates"));
        assert_eq!(merged.warnings, [WARNING]);
        let merged = set(Some(WARNING), vec![]).merged_with(set(None, vec![]));
        assert_eq!((merged.reason, merged.warnings.len()), (None, 1));
    }

    #[test]
    fn a_page_that_comes_twice_counts_once() {
        let mut first = set(None, vec![change("A", vec![])]);
        first.extend(vec![change("A", vec![]), change("B", vec![])]);
        assert_eq!(ids(&first), ["A", "B"]);
    }
}
