//! Diagnosis of a failed operation: the root cause among its events, and a hint.
//!
//! One failure has many events. Other resources are cancelled at the same time and may be listed
//! first, the stack lists all resources that failed, and a parent stack repeats the reason of its
//! nested stack. Some failures have no failed resource: an export that is in use is only a reason of
//! the stack's rollback, and the finding of a hook is in an event that is still in progress. So each
//! event gets a [`Role`] from its status and its reason. The cause is the first event that fails for
//! a reason of its own.
//!
//! The hints are from a table of known causes.

mod advice;
pub mod authorization;
mod known;
mod place;
mod quotas;
mod reason;
mod role;

use std::collections::HashSet;

use crate::cloudformation::event::Event;
use crate::cloudformation::service_message;
pub use advice::{Advice, advice, advice_on, advice_on_call};
pub use known::Remedy;
pub use place::{diagnostic, diagnostic_outside};
pub use role::{Role, role};

/// The root cause of a failed operation.
#[derive(Debug)]
pub struct Cause<'a> {
    /// The event with the reason.
    pub event: &'a Event,
    /// A further reason from another event: the finding of a hook, or why no instance became healthy.
    pub explanation: Option<&'a str>,
    /// The other failures that are independent of this one.
    pub others: Vec<&'a Event>,
    /// How many resources were cancelled because of the failure.
    pub cancelled: usize,
    /// Whether a user requested the rollback, so that nothing failed.
    pub user_initiated: bool,
}

/// The causes of a failed operation and of its failed rollback.
#[derive(Debug, Default)]
pub struct Causes<'a> {
    /// The cause of the failed operation.
    pub first: Option<Cause<'a>>,
    /// The cause of the failed rollback; `None` if the rollback did not fail.
    pub rollback: Option<Cause<'a>>,
}

/// Returns the causes of a failed operation from its events, oldest first.
pub fn causes(events: &[Event]) -> Causes<'_> {
    let start = events.iter().position(is_start_of_rollback);
    // The event that starts the rollback may be the only one with the reason of the failure.
    let (operation, rollback) = match start {
        Some(start) => (&events[..=start], &events[start + 1..]),
        None => (events, &[][..]),
    };
    let (first, rollback) = (cause(operation), cause(rollback));
    // A complete rollback is no failure, even if its event has a reason.
    let rollback = rollback.filter(|cause| !cause.event.is_undone());
    match first {
        // The request of a user does not explain a failed rollback.
        Some(first) if !first.user_initiated || rollback.is_none() => Causes {
            first: Some(first),
            rollback,
        },
        _ => Causes {
            first: rollback,
            rollback: None,
        },
    }
}

/// Returns whether an event starts the rollback of the operation.
fn is_start_of_rollback(event: &Event) -> bool {
    let status = event.status.as_str();
    let undoes = status.contains("ROLLBACK")
        || status == "DELETE_IN_PROGRESS"
            && event
                .reason
                .as_deref()
                .is_some_and(service_message::lists_failures);
    undoes && event.nested_in.is_empty() && event.is_of_the_stack()
}

fn cause(events: &[Event]) -> Option<Cause<'_>> {
    let with_role = |wanted: Role| events.iter().filter(move |event| role(event) == wanted);
    // In the order of their information.
    let roles = [
        Role::Root,
        Role::Explanation,
        Role::NestedSummary,
        Role::Unexplained,
        Role::Summary,
        Role::UserInitiated,
    ];
    let event = roles.into_iter().find_map(|role| with_role(role).next())?;
    let place = |event: &'_ Event| (event.stack_id.clone(), event.logical_id.clone());
    let mut seen = HashSet::from([place(event)]);
    let others = with_role(Role::Root).filter(|other| seen.insert(place(other)));
    // The root stack fails only because a resource fails.
    let is_root_stack = |other: &Event| other.nested_in.is_empty() && other.is_of_the_stack();
    let others = others.filter(|other| !is_root_stack(other)).collect();
    let cancelled: HashSet<_> = with_role(Role::Cascade).map(place).collect();
    Some(Cause {
        event,
        explanation: explanation(event, events),
        others,
        cancelled: cancelled.len(),
        user_initiated: role(event) == Role::UserInitiated,
    })
}

/// Returns a further reason of a failure from an earlier event of the same resource.
///
/// The finding of a hook explains only failures that name the hook.
fn explanation<'a>(failed: &Event, events: &'a [Event]) -> Option<&'a str> {
    let reason = failed.reason.as_deref().unwrap_or_default();
    let before = events.iter().take_while(|event| *event != failed);
    let mut same: Vec<&Event> = before
        .filter(|event| event.stack_id == failed.stack_id && event.logical_id == failed.logical_id)
        .collect();
    same.reverse();
    let by_hook = same
        .iter()
        .filter_map(|event| event.hook.as_ref())
        .find(|hook| hook.is_failure() && service_message::names_hook(reason, &hook.name));
    if let Some(hook) = by_hook {
        return hook.reason.as_deref();
    }
    let mut same = same.iter().filter(|event| role(event) == Role::Explanation);
    let explanation = same.find(|event| event.hook.is_none())?;
    let explanation = explanation.reason.as_deref();
    explanation.filter(|explanation| *explanation != reason)
}

impl Cause<'_> {
    /// Returns the advice; `None` if the cause is not known.
    pub fn advice(&self) -> Option<Advice> {
        advice(self.event)
    }
}

/// Returns the reason of an event, without the text that resource handlers add, such as request ids.
pub fn reason_of(event: &Event) -> &str {
    let hook = event.hook.as_ref().filter(|hook| hook.is_failure());
    let of_hook = hook.and_then(|hook| hook.reason.as_deref());
    match event.reason.as_deref().or(of_hook) {
        Some(reason) => reason::unwrapped(reason),
        None => "the service gave no reason",
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, causes};
    use crate::cloudformation::event::Hook;
    use crate::cloudformation::status::ResourceStatus;

    /// Returns an event from `resource STATUS reason`; the stack itself is called `-`.
    fn event(text: &str) -> Event {
        let mut words = text.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (resource, status, reason) = (word(), word(), word());
        let is_own = resource == "-";
        Event {
            stack_id: "arn".to_owned(),
            logical_id: resource,
            physical_id: if is_own { "arn" } else { "" }.to_owned(),
            resource_type: if is_own {
                "AWS::CloudFormation::Stack"
            } else {
                "AWS::X::Y"
            }
            .to_owned(),
            status: ResourceStatus::from_wire(status),
            reason: (!reason.is_empty()).then_some(reason),
            ..Event::default()
        }
    }

    /// Returns each cause as `logical id, status, explanation, cancelled resources, other failures`.
    fn lines(events: &[Event]) -> Vec<String> {
        let causes = causes(events);
        let causes = [causes.first, causes.rollback].into_iter().flatten();
        causes
            .map(|cause| {
                let others: Vec<&str> = cause
                    .others
                    .iter()
                    .map(|it| it.logical_id.as_str())
                    .collect();
                format!(
                    "{} {} {:?} {} {}",
                    cause.event.logical_id,
                    cause.event.status,
                    cause.explanation.unwrap_or_default(),
                    cause.cancelled,
                    others.join(",")
                )
            })
            .collect()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn the_root_cause_is_found() {
        let cases: [(&str, &[&str], &[&str]); 11] = [
            (
                "other resources are cancelled first",
                &[
                    "- CREATE_IN_PROGRESS User Initiated",
                    "A CREATE_FAILED Resource creation cancelled",
                    "C CREATE_FAILED Resource creation Cancelled",
                    "B CREATE_FAILED b already exists",
                    "D CREATE_FAILED d already exists",
                    "- ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [A, B].",
                    "B DELETE_COMPLETE",
                    "- ROLLBACK_COMPLETE",
                ],
                &["B CREATE_FAILED \"\" 2 D"],
            ),
            (
                "an export in use has no failed resource",
                &[
                    "- UPDATE_IN_PROGRESS User Initiated",
                    "- UPDATE_ROLLBACK_IN_PROGRESS Export x cannot be updated as it is in use by y",
                    "A DELETE_FAILED in the clean-up",
                    "- UPDATE_ROLLBACK_COMPLETE",
                ],
                &[
                    "- UPDATE_ROLLBACK_IN_PROGRESS \"\" 0 ",
                    "A DELETE_FAILED \"\" 0 ",
                ],
            ),
            (
                "a rejected deletion returns to the previous status",
                &[
                    "- DELETE_IN_PROGRESS User Initiated",
                    "- UPDATE_COMPLETE Export x cannot be deleted as it is in use by y",
                ],
                &["- UPDATE_COMPLETE \"\" 0 "],
            ),
            (
                "a canceled deletion returns to the previous status",
                &[
                    "- DELETE_IN_PROGRESS User Initiated",
                    "- CREATE_COMPLETE Delete canceled. Cannot delete export x as it is in use by y.",
                ],
                &["- CREATE_COMPLETE \"\" 0 "],
            ),
            (
                "a failed creation that is deleted",
                &[
                    "- CREATE_IN_PROGRESS User Initiated",
                    "A CREATE_FAILED no",
                    "- DELETE_IN_PROGRESS The following resource(s) failed to create: [A]. . \
                     Delete requested by user.",
                    "- DELETE_COMPLETE",
                ],
                &["A CREATE_FAILED \"\" 0 "],
            ),
            (
                "an explanation is in an event in progress",
                &[
                    "A UPDATE_IN_PROGRESS Received SUCCESS signal with UniqueId i-1",
                    "A UPDATE_IN_PROGRESS Failed to receive 1 resource signal(s)",
                    "A CREATE_FAILED Received 0 SUCCESS signal(s) out of 1",
                ],
                &["A CREATE_FAILED \"Failed to receive 1 resource signal(s)\" 0 "],
            ),
            (
                "a rollback that fails has a cause of its own",
                &[
                    "A UPDATE_FAILED Invalid request",
                    "- UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [A].",
                    "B UPDATE_FAILED The runtime parameter of x is no longer supported",
                    "A UPDATE_FAILED Resource update cancelled",
                    "- UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [B].",
                ],
                &["A UPDATE_FAILED \"\" 0 ", "B UPDATE_FAILED \"\" 1 "],
            ),
            (
                "a complete rollback with a reason is no failure",
                &[
                    "A UPDATE_FAILED Invalid request",
                    "- UPDATE_ROLLBACK_IN_PROGRESS Invalid request",
                    "A UPDATE_COMPLETE",
                    "- UPDATE_ROLLBACK_COMPLETE Invalid request",
                ],
                &["A UPDATE_FAILED \"\" 0 "],
            ),
            (
                "a user cancelled the update",
                &[
                    "- UPDATE_IN_PROGRESS User Initiated",
                    "A UPDATE_FAILED Resource update cancelled",
                    "- UPDATE_ROLLBACK_IN_PROGRESS User Initiated",
                ],
                &["- UPDATE_ROLLBACK_IN_PROGRESS \"\" 1 "],
            ),
            (
                "no event has a reason",
                &["A CREATE_FAILED"],
                &["A CREATE_FAILED \"\" 0 "],
            ),
            ("nothing failed", &["A CREATE_COMPLETE"], &[]),
        ];
        for (name, events, expected) in cases {
            let events: Vec<Event> = events.iter().map(|text| event(text)).collect();
            assert_eq!(lines(&events), expected, "{name}");
        }
    }

    #[test]
    fn a_hook_explains_the_failures_that_name_it() {
        let hook = Event {
            hook: Some(Hook {
                name: "Private::Guard::Hook".to_owned(),
                status: "HOOK_COMPLETE_FAILED".to_owned(),
                reason: Some("no public buckets".to_owned()),
                failure_mode: Some("FAIL".to_owned()),
                ..Hook::default()
            }),
            ..event("A CREATE_IN_PROGRESS")
        };
        let failed = event("A CREATE_FAILED The following hook(s) failed: [Private::Guard::Hook]");
        let expected = "A CREATE_FAILED \"no public buckets\" 0 ";
        assert_eq!(lines(&[hook.clone(), failed]), [expected]);
        let unrelated = event("A CREATE_FAILED Something else");
        assert_eq!(
            lines(&[hook.clone(), unrelated]),
            ["A CREATE_FAILED \"\" 0 "]
        );
        assert_eq!(
            lines(std::slice::from_ref(&hook)),
            ["A CREATE_IN_PROGRESS \"\" 0 "]
        );
        let mut warning = hook;
        if let Some(hook) = &mut warning.hook {
            hook.failure_mode = Some("WARN".to_owned());
        }
        assert!(lines(&[warning]).is_empty());
    }
}
