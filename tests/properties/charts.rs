//! A chart of any events is possible: its times are inside the operation, and its path has no gap.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use stackctl::cloudformation::chart::{Chart, Dependencies, Span};
use stackctl::cloudformation::event::Event;
use stackctl::cloudformation::status::ResourceStatus;

const STATUSES: [&str; 14] = [
    "CREATE_IN_PROGRESS",
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "DELETE_IN_PROGRESS",
    "DELETE_COMPLETE",
    "DELETE_SKIPPED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
    "CONFIGURATION_COMPLETE",
    "SOMETHING_NEW",
];
const STACKS: [&str; 3] = ["", "Net", "Net/Deep"];

/// Returns an event of one of three stacks, about the stack itself, a nested stack or a resource.
fn event() -> impl Strategy<Value = Event> {
    let time = prop::option::weighted(0.9, 0..40_i64);
    let detail = prop::option::weighted(0.2, Just("CONFIGURATION_COMPLETE".to_owned()));
    (time, 0..3_usize, 0..6_usize, 0..STATUSES.len(), detail).prop_map(
        |(time, stack, resource, status, detailed_status)| {
            let path = STACKS[stack];
            let stack_id = format!("arn:{path}");
            let (logical_id, physical_id) = match (resource, stack) {
                (0, _) => ("stack".to_owned(), stack_id.clone()),
                (1, 0) => ("Net".to_owned(), "arn:Net".to_owned()),
                (1, 1) => ("Deep".to_owned(), "arn:Net/Deep".to_owned()),
                (number, _) => (format!("Resource{number}"), String::new()),
            };
            let is_nested = resource == 1 && stack < 2;
            Event {
                time: time.map(|time| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(time)),
                nested_in: path
                    .split('/')
                    .filter(|it| !it.is_empty())
                    .map(str::to_owned)
                    .collect(),
                resource_type: if is_nested {
                    "AWS::CloudFormation::Stack"
                } else {
                    "AWS::X"
                }
                .to_owned(),
                status: ResourceStatus::from_wire(STATUSES[status]),
                stack_id,
                logical_id,
                physical_id,
                detailed_status,
                ..Event::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The events may be in any order of time, with any status, with and without a running operation.
    #[test]
    fn the_critical_path_has_no_gap_and_is_no_longer_than_the_operation(
        events in prop::collection::vec(event(), 0..40),
        is_ordered in any::<bool>(),
        now in prop::option::of(0..100_i64),
    ) {
        let mut events = events;
        if is_ordered {
            events.sort_by_key(|event| event.time);
        }
        let now = now.map(|now| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(now));
        let Some(chart) = Chart::of(&events, &Dependencies::default(), now) else {
            prop_assert!(events.iter().all(|event| event.time.is_none()));
            return Ok(());
        };
        let mut at = Duration::ZERO;
        for step in &chart.critical_path.steps {
            prop_assert_eq!(step.from, at);
            prop_assert!(step.from < step.to);
            at = step.to;
        }
        prop_assert_eq!(at, chart.until);
        let resources = chart.critical_path.resources();
        let work: Duration = resources.iter().map(|(_, time)| *time).sum();
        prop_assert_eq!(work, chart.critical_path.work);
        prop_assert!(work <= chart.until);
        for (bar, time) in &resources {
            prop_assert!(*time <= chart.bars[*bar].work(chart.until));
        }
        if let Some(saving) = chart.critical_path.saving {
            prop_assert!(now.is_none());
            prop_assert!(saving.time <= chart.bars[saving.bar].work(chart.until));
            prop_assert!(resources.iter().any(|(bar, _)| *bar == saving.bar));
        }
        let mut known: Vec<String> = Vec::new();
        for bar in &chart.bars {
            prop_assert!(!bar.spans.is_empty() && !known.contains(&bar.path()));
            known.push(bar.path());
            for span in &bar.spans {
                prop_assert!(span.waits_from <= span.start && span.start <= chart.until);
                prop_assert!(span.end.is_none_or(|end| span.start <= end && end <= chart.until));
                prop_assert!(span.end.is_some() || now.is_some());
                prop_assert!(span.configured.is_none_or(|at| span.start <= at));
                if let Some(after) = span.after {
                    let other = chart.bars.get(after.bar);
                    let is_earlier = |other: &Span| other.start <= span.start;
                    prop_assert!(other.is_some_and(|other| other.spans.iter().any(is_earlier)));
                }
            }
        }
        let of_resources = events.iter().filter(|event| !event.is_of_the_stack());
        let mut paths: Vec<String> = of_resources.map(Event::path).collect();
        paths.sort_unstable();
        paths.dedup();
        known.sort_unstable();
        prop_assert_eq!(known, paths);
    }
}
