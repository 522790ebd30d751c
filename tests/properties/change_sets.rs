//! Merged descriptions of a change set.

use proptest::prelude::*;
use stackctl::cloudformation::change_set::merge::merged;
use stackctl::cloudformation::change_set::{Change, ChangeSet, Detail, Replacement};

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(words).prop_map(str::to_owned))
}

prop_compose! {
    fn detail()(
        name in word(&["Size", "Name", "Tags"]),
        path in word(&["/Properties/Size", "/Properties/Tags/0/Value"]),
        after in word(&["1", "2"]),
        change_source in word(&["DirectModification", "ParameterReference", "ResourceAttribute"]),
        causing_entity in word(&["Bucket.Arn", "Size"]),
        evaluation in word(&["Static", "Dynamic"]),
    ) -> Detail {
        Detail { name, path, after, change_source, causing_entity, evaluation, ..Detail::default() }
    }
}

prop_compose! {
    fn change(logical_id: String)(
        replacement in word(&["True", "False", "Conditional", "Perhaps"]),
        scope in prop::collection::vec(prop::sample::select(&["Properties", "Tags"][..]), 0..3),
        details in prop::collection::vec(detail(), 0..5),
        physical_id in word(&["demo-bucket"]),
    ) -> Change {
        Change {
            logical_id: logical_id.clone(),
            replacement: replacement.map(|wire| Replacement::from_wire(&wire)),
            scope: scope.into_iter().map(str::to_owned).collect(),
            details,
            physical_id,
            ..Change::default()
        }
    }
}

prop_compose! {
    /// A change set with each resource at most once, as CloudFormation returns it.
    fn set()(
        changes in ["A", "AB", "Bucket", "Role"].map(|id| prop::option::of(change(id.to_owned()))),
        reason in word(&["[WARN] incomplete", "No updates are to be performed."]),
    ) -> ChangeSet {
        ChangeSet { changes: changes.into_iter().flatten().collect(), reason, ..ChangeSet::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_twice_changes_nothing(valued in set(), plain in set()) {
        let once = merged(valued, plain.clone());
        prop_assert_eq!(merged(once.clone(), plain), once);
    }

    #[test]
    fn merging_loses_nothing(valued in set(), plain in set()) {
        let merged = merged(valued.clone(), plain.clone());
        for change in valued.changes.iter().chain(&plain.changes) {
            let found = merged.changes.iter().filter(|it| it.logical_id == change.logical_id);
            prop_assert_eq!(found.count(), 1);
        }
        for known in &valued.changes {
            let found = merged.changes.iter().find(|it| it.logical_id == known.logical_id).unwrap();
            prop_assert!(known.details.iter().all(|detail| found.details.contains(detail)));
        }
        for added in &plain.changes {
            if valued.changes.iter().all(|it| it.logical_id != added.logical_id) {
                prop_assert!(merged.changes.contains(added));
            }
        }
    }
}
