//! A timeline does not depend on how it was polled.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use stackctl::cloudformation::event::{Event, Timeline};
use stackctl::cloudformation::status::ResourceStatus;

const STACK: &str = "arn:aws:cloudformation:eu-west-1:111111111111:stack/demo/1";

/// Returns events, oldest first. Each occurs this many seconds after the previous one.
fn events(pauses: &[i64]) -> Vec<Event> {
    let mut time = Timestamp::UNIX_EPOCH;
    let numbered = pauses.iter().enumerate();
    numbered
        .map(|(number, pause)| {
            time += SignedDuration::from_secs(*pause);
            Event {
                id: format!("event-{number}"),
                time: Some(time),
                stack_id: STACK.to_owned(),
                logical_id: format!("Resource{}", number % 3),
                status: ResourceStatus::from_wire("UPDATE_IN_PROGRESS"),
                ..Event::default()
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A poll returns the newest event first, and at least all events since the previous poll. More
    /// overlap and polls without new events make no difference.
    #[test]
    fn overlapping_polls_return_each_event_once_and_in_order(
        pauses in prop::collection::vec(0..3_i64, 1..30),
        looks in prop::collection::vec((0..8_usize, 0..12_usize), 0..20),
        earlier in 0..5_usize,
    ) {
        let all = events(&pauses);
        let earlier = earlier.min(all.len());
        let mut timeline = Timeline::after(STACK, &all[..earlier]);
        let mut seen = earlier;
        let mut given = Vec::new();
        for (new, overlap) in looks.into_iter().chain([(all.len(), 0)]) {
            let until = (seen + new).min(all.len());
            let from = seen.saturating_sub(overlap);
            let page: Vec<Event> = all[from..until].iter().rev().cloned().collect();
            timeline.absorb(STACK, page);
            given.extend(timeline.advance());
            seen = until;
        }
        prop_assert_eq!(&given[..], &all[earlier..]);
        prop_assert_eq!(timeline.events(), &all[earlier..]);
    }
}
