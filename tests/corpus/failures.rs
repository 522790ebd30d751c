//! Recorded failures and event streams: their root causes and categories.

use std::collections::HashSet;

use serde_json::Value;
use stackctl::cloudformation::diagnosis::{Cause, Role, advice, advice_on, causes, role};
use stackctl::cloudformation::event::{Event, Hook, Timeline};
use stackctl::cloudformation::status::ResourceStatus;

use crate::corpus;

/// The ARN of every recorded stack.
const STACK: &str = "arn:aws:cloudformation:us-east-1:111111111111:stack/recorded/1";

/// Returns the text of the first of two members that exists.
fn text(event: &Value, names: [&str; 2]) -> String {
    let mut found = names.iter().filter_map(|name| event[*name].as_str());
    found.next().unwrap_or_default().to_owned()
}

/// Returns a recorded event. `is_own` means that the event is about the stack itself.
fn event(recorded: &Value, number: usize, is_own: bool) -> Event {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let hook = recorded["HookType"].as_str().map(|name| Hook {
        name: name.to_owned(),
        status: text(recorded, ["HookStatus", ""]),
        reason: some(text(recorded, ["HookStatusReason", ""])),
        failure_mode: some(text(recorded, ["HookFailureMode", ""])),
        ..Hook::default()
    });
    Event {
        id: number.to_string(),
        stack_id: STACK.to_owned(),
        logical_id: text(recorded, ["logical_id", "LogicalResourceId"]),
        physical_id: if is_own {
            STACK.to_owned()
        } else {
            text(recorded, ["physical_id", "PhysicalResourceId"])
        },
        resource_type: text(recorded, ["resource_type", "ResourceType"]),
        status: ResourceStatus::from_wire(text(recorded, ["status", "ResourceStatus"])),
        reason: some(text(recorded, ["reason", "ResourceStatusReason"])),
        hook,
        ..Event::default()
    }
}

/// Returns the name of a role in the corpus.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::Root | Role::Explanation | Role::Unexplained => "root",
        Role::Cascade => "cascade",
        Role::Summary => "summary",
        Role::NestedSummary => "nested-summary",
        Role::UserInitiated | Role::Progress => "progress",
    }
}

#[test]
fn every_recorded_failure_gets_its_role_and_category() {
    let Some(folder) = corpus::folder("failures") else {
        return;
    };
    let records = std::fs::read_to_string(folder.join("failure-events.jsonl")).unwrap();
    let (mut roles, mut categories, mut missed) = ([0, 0], [0, 0], Vec::new());
    for record in records.lines() {
        let record: Value = serde_json::from_str(record).unwrap();
        let kind = text(&record, ["resource_type", ""]);
        let named = text(&record, ["logical_id", ""]);
        let status = text(&record, ["status", ""]);
        // A failed nested stack reports about itself, and its parent reports "Embedded stack".
        let is_own = kind == "AWS::CloudFormation::Stack";
        let event = event(&record, 0, is_own);
        let (wanted, wanted_role) = (&record["category"], text(&record, ["event_role", ""]));
        if wanted_role == "validation" {
            // A finding about a change set is not an event.
            continue;
        }
        // A change set and a refused call are not events either, but their texts are in the table.
        if !["change-set", "api-error"].contains(&wanted_role.as_str()) {
            let found = role_name(role(&event));
            roles[usize::from(found == wanted_role)] += 1;
            if found != wanted_role {
                missed.push(format!(
                    "role {wanted_role}, not {found}: {kind} {named} {status}"
                ));
            }
        }
        if ["root", "change-set", "api-error"].contains(&wanted_role.as_str()) {
            let reason = event.reason.as_deref().unwrap_or_default();
            let found = advice_on(&kind, &status, reason).map(|advice| advice.category());
            categories[usize::from(found == wanted.as_str())] += 1;
            if found != wanted.as_str() {
                missed.push(format!("category {wanted}, not {found:?}: {reason:?}"));
            }
            assert!(
                wanted_role != "root" || advice(&event).is_some_and(|it| it.hint(&event).is_some()),
                "no hint for {reason}"
            );
        }
    }
    crate::report!(
        "failures: {} of {} roles and {} of {} categories found",
        roles[1],
        roles[0] + roles[1],
        categories[1],
        categories[0] + categories[1]
    );
    corpus::expect_cases("roles", roles[1], 37);
    corpus::expect_cases("categories", categories[1], 33);
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_recorded_event_stream_gets_its_root_cause() {
    let Some(folder) = corpus::folder("failures/event-streams") else {
        return;
    };
    let (mut found, mut missed) = (0, Vec::new());
    for path in corpus::files(&folder) {
        let stream = corpus::json(&path);
        let recorded = stream["events"].as_array().unwrap();
        let newest_first: Vec<Event> = recorded
            .iter()
            .enumerate()
            .map(|(number, recorded)| {
                let mut event = event(recorded, number, recorded["physical_id"] == "stack-arn");
                event.resource_type = text(recorded, ["type", ""]);
                if event.resource_type == "AWS::CloudFormation::Stack" {
                    STACK.clone_into(&mut event.physical_id);
                }
                event
            })
            .collect();
        let count = newest_first.len();
        let mut timeline = Timeline::of(STACK);
        timeline.absorb(STACK, newest_first);
        assert_eq!(timeline.advance().len(), count, "{}", path.display());
        let cause = causes(timeline.events()).first;
        let expected = &stream["expected"];
        let number = cause.as_ref().map(|cause| cause.event.id.clone());
        let category = cause
            .as_ref()
            .and_then(Cause::advice)
            .map(|advice| advice.category());
        if number
            == expected["root_cause_event"]
                .as_u64()
                .map(|it| it.to_string())
            && category == expected["category"].as_str()
        {
            found += 1;
        } else {
            missed.push(format!(
                "{}: {number:?} {category:?}, not {expected}",
                path.display()
            ));
        }
    }
    crate::report!("streams: root cause and category found in {found}");
    corpus::expect_cases("event streams", found + missed.len(), 5);
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn hook_failure_explains_the_event_that_names_the_hook() {
    let Some(folder) = corpus::folder("cdk-diff/hook-correlation") else {
        return;
    };
    let (mut cases, mut explained) = (0, 0);
    for path in corpus::files(&folder) {
        let recorded = corpus::json(&path);
        let recorded = recorded["events"].as_array().unwrap().iter().enumerate();
        let events: Vec<Event> = recorded
            .map(|(number, recorded)| event(recorded, number, false))
            .collect();
        let hook_reason = events.iter().find_map(|event| event.hook.clone()?.reason);
        let cause = causes(&events).first.expect("something failed");
        let names_it = events.iter().any(|event| {
            let hook = event.hook.as_ref();
            let reason = cause.event.reason.as_deref().unwrap_or_default();
            hook.is_some_and(|hook| reason.contains(&hook.name))
        });
        if cause.event.hook.is_none() {
            let expected = hook_reason.filter(|_| names_it);
            assert_eq!(cause.explanation, expected.as_deref(), "{}", path.display());
            explained += usize::from(expected.is_some());
        }
        cases += 1;
    }
    crate::report!("hooks: {explained} of {cases} failures explained");
    corpus::expect_cases("failures that a hook explains", explained, 1);
}

/// Returns the events of a recorded response or test, newest first; `None` if the recording has
/// only some members of the events.
fn recorded_events(recording: &Value) -> Option<Vec<Value>> {
    let response = &recording["response"];
    let is_event = |it: &&Value| it["EventId"].is_string() && it["ResourceStatus"].is_string();
    let mut events: Vec<Value> = if let Value::Array(events) = &response["StackEvents"] {
        events.iter().filter(is_event).cloned().collect()
    } else {
        // The harness recorded the events by resource, each newest first.
        let sets = response.as_object()?.values().filter_map(Value::as_array);
        let events = sets.flatten().filter(is_event);
        events.cloned().collect()
    };
    let order = recording["events_order"].as_str().unwrap_or_default();
    if !order.starts_with("newest first") && !order.starts_with("complete list") {
        events.reverse();
    }
    (!events.is_empty()).then_some(events)
}

#[test]
fn timeline_returns_recorded_events_once_and_in_order() {
    let Some(folder) = corpus::folder("localstack/responses") else {
        return;
    };
    let (mut sets, mut total, mut left_out, mut failures) = (0, 0, 0, 0);
    for path in corpus::files(&folder) {
        if !path.to_string_lossy().contains("DescribeStackEvents") {
            continue;
        }
        let recording = corpus::json(&path);
        let Some(recorded) = recorded_events(&recording) else {
            left_out += 1;
            continue;
        };
        let ids = |events: &[Event]| -> Vec<String> {
            events.iter().map(|event| event.id.clone()).collect()
        };
        let newest_first: Vec<Event> = recorded
            .iter()
            .enumerate()
            .map(|(number, recorded)| Event {
                // The recording has the same placeholder for all times in the ids.
                id: format!("{}-{number}", text(recorded, ["EventId", ""])),
                stack_id: text(recorded, ["StackId", ""]),
                ..event(recorded, number, false)
            })
            .collect();
        let mut expected = ids(&newest_first);
        expected.reverse();
        // As in polls, each page overlaps the previous one, and the last poll reads all events.
        let stack = newest_first[0].stack_id.clone();
        for step in [1, 3, 100] {
            let mut timeline = Timeline::of(&stack);
            let mut shown = Vec::new();
            let looks = (0..newest_first.len()).rev().step_by(step).chain([0]);
            for oldest in looks {
                timeline.absorb(&stack, newest_first[oldest..].to_vec());
                shown.extend(ids(&timeline.advance()));
            }
            assert_eq!(shown, expected, "{}", path.display());
            let once: HashSet<&String> = shown.iter().collect();
            assert_eq!(once.len(), shown.len(), "{}", path.display());
        }
        let mut oldest_first = newest_first;
        oldest_first.reverse();
        failures += usize::from(causes(&oldest_first).first.is_some());
        total += expected.len();
        sets += 1;
    }
    crate::report!(
        "events: {sets} recorded sets with {total} events in order, none twice; {failures} with a \
        cause; {left_out} without event records"
    );
    corpus::expect_cases("sets of events", sets, 70);
    corpus::expect_cases("events", total, 842);
    corpus::expect_cases("sets with a cause", failures, 6);
}
