//! The changes inside nested stacks, indented under their parent.

use unicode_width::UnicodeWidthStr;

use super::change::{push_property, resource};
use crate::cloudformation::change_set::{Change, ChangeSet};
use crate::plan::model::Model;
use crate::plan::property::property_changes;

/// The indentation of a nested stack's changes.
const INDENT: &str = "    ";

/// Adds the changes of the nested stack that `change` changes, and returns whether it added any.
///
/// It adds none if `change` does not concern a nested stack, or if CloudFormation did not describe the
/// stack's changes. `set` is the change set that contains `change`.
pub(super) fn push(
    text: &mut String,
    set: Option<&ChangeSet>,
    change: &Change,
    width: usize,
) -> bool {
    let Some(nested) = set.and_then(|set| set.nested_of(change)) else {
        return false;
    };
    let width = width.saturating_sub(INDENT.len());
    let names = nested.changes.iter();
    let name_width = names.map(|change| change.logical_id.width()).max();
    let mut inner = String::new();
    for change in &nested.changes {
        let model = Model::of(change, None, None);
        let properties = property_changes(change, Some(&model), &nested.changes);
        inner.push_str(&resource(
            change,
            &properties,
            name_width.unwrap_or(0),
            width,
        ));
        for property in &properties {
            push_property(&mut inner, change, property, width);
        }
        push(&mut inner, Some(nested), change, width);
    }
    for line in inner.lines() {
        text.push_str(&format!("{INDENT}{line}\n"));
    }
    !inner.is_empty()
}

#[cfg(test)]
#[expect(
    clippy::print_stderr,
    reason = "the measured times are useful even if the test passes"
)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::cloudformation::change_set::{Action, Change, ChangeSet, Detail, Summary};
    use crate::plan::{Plan, Target};
    use crate::present::human::plan::plan;
    use crate::present::json::plan::PlanDocument;

    fn changes(count: usize) -> Vec<Change> {
        let detail = |number: usize| Detail {
            attribute: Some("Properties".to_owned()),
            name: Some("Environment".to_owned()),
            path: Some(format!("/Properties/Environment/Variables/NAME_{number}")),
            before: Some("{\"a\":\"the value before\"}".to_owned()),
            after: Some("{\"a\":\"the value after\"}".to_owned()),
            evaluation: Some("Static".to_owned()),
            ..Detail::default()
        };
        let change = |number: usize| Change {
            logical_id: format!("Function{number}"),
            resource_type: "AWS::Lambda::Function".to_owned(),
            action: Action::Modify,
            details: (0..4).map(detail).collect(),
            ..Change::default()
        };
        (0..count).map(change).collect()
    }

    /// Returns a plan of `count` changes, half of them in a nested stack.
    fn large(count: usize) -> Plan {
        let mut root = ChangeSet {
            status: "CREATE_COMPLETE".to_owned(),
            changes: changes(count / 2),
            ..ChangeSet::default()
        };
        if let Some(stack) = root.changes.first_mut() {
            stack.nested_change_set = Some("arn:nested".to_owned());
        }
        root.nested.push(ChangeSet {
            id: "arn:nested".to_owned(),
            changes: changes(count / 2),
            ..ChangeSet::default()
        });
        Plan {
            target: Target {
                account: "123456789012".to_owned(),
                region: "eu-west-1".to_owned(),
                endpoint: "AWS".to_owned(),
                stack: "demo".to_owned(),
                environment: "dev".to_owned(),
            },
            change_set: Some(root),
            ..Plan::default()
        }
    }

    /// Returns the shortest of five measurements. Each prints a plan with `count` changes `times` times.
    fn best_time(count: usize, times: usize) -> Duration {
        let large = large(count);
        let summary = Summary {
            change: count,
            ..Summary::default()
        };
        assert_eq!(large.summary(), summary);
        let runs = (0..5).map(|_| {
            let started = Instant::now();
            for _ in 0..times {
                let text = plan(&large, false, 100);
                let document = serde_json::to_string(&PlanDocument::of(&large));
                assert!(text.contains("Function24") && document.is_ok());
            }
            started.elapsed()
        });
        runs.min().unwrap_or_default()
    }

    /// One plan with 500 changes must take at most five times as long as ten plans with 50 changes.
    /// The comparison does not depend on the speed of the machine. The benchmark measures absolute times.
    #[test]
    fn the_time_to_print_a_plan_grows_linearly_with_its_changes() {
        let (parts, whole) = (best_time(50, 10), best_time(500, 1));
        eprintln!("500 changes in ten plans: {parts:?}, in one: {whole:?}");
        assert!(whole < parts * 5, "{parts:?}, {whole:?}");
    }
}
