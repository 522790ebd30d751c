//! Why an operation failed: the first real cause among its events, and what helps against it.
//!
//! One failure makes many events. Its neighbours are cancelled in the same second and may be listed
//! before it, the stack sums up all that failed, a parent repeats what its nested stack said. Some
//! failures are no failed resource at all: an export that is in use rolls the stack back by a reason
//! alone, and a hook objects on an event that says "in progress". Each event therefore first gets a
//! [`Role`], read off its status and its words; the cause is the first that is a cause of its own.
//!
//! What helps is looked up in a table of known causes, which is data.

pub mod authorization;
mod known;
mod place;
mod role;

use std::collections::HashSet;

use crate::cloudformation::event::Event;
use crate::cloudformation::service_message;
pub use known::Remedy;
use known::{KNOWN, Known, Values, fill};
pub use place::{diagnostic, diagnostic_outside};
pub use role::{Role, role};

/// The first real cause of a failed operation.
#[derive(Debug)]
pub struct Cause<'a> {
    /// The event that tells it.
    pub event: &'a Event,
    /// What another event says about it: the finding of a hook, or why no instance became healthy.
    pub explanation: Option<&'a str>,
    /// The failures that came with it and do not follow from it.
    pub others: Vec<&'a Event>,
    /// How many resources were cancelled because of it.
    pub cancelled: usize,
    /// Whether somebody asked for the rollback, so that nothing failed at all.
    pub user_initiated: bool,
}

/// What is known about the words of a cause.
#[derive(Debug)]
pub struct Advice {
    known: &'static Known,
    values: Values,
}

/// The causes of an operation's two halves.
#[derive(Debug, Default)]
pub struct Causes<'a> {
    /// Why it failed.
    pub first: Option<Cause<'a>>,
    /// Why it could not be undone either.
    pub undoing: Option<Cause<'a>>,
}

/// Returns why an operation failed, by its events, oldest first.
pub fn causes(events: &[Event]) -> Causes<'_> {
    let turn = events.iter().position(is_turn);
    // The event that turns the operation around may be the only one that says why.
    let (forth, back) = match turn {
        Some(turn) => (&events[..=turn], &events[turn + 1..]),
        None => (events, &[][..]),
    };
    let (first, undoing) = (cause(forth), cause(back));
    // That it was undone is no failure, whatever reason stands beside it.
    let undoing = undoing.filter(|cause| !cause.event.is_undone());
    match first {
        // That somebody asked for it explains no failure.
        Some(first) if !first.user_initiated || undoing.is_none() => Causes {
            first: Some(first),
            undoing,
        },
        _ => Causes {
            first: undoing,
            undoing: None,
        },
    }
}

/// Returns whether the operation is undone from this event on.
fn is_turn(event: &Event) -> bool {
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
    // What comes first says the most.
    let telling = [
        Role::Root,
        Role::Explanation,
        Role::NestedSummary,
        Role::Unexplained,
        Role::Summary,
        Role::UserInitiated,
    ];
    let event = telling
        .into_iter()
        .find_map(|role| with_role(role).next())?;
    let place = |event: &'_ Event| (event.stack_id.clone(), event.logical_id.clone());
    let mut seen = HashSet::from([place(event)]);
    let others = with_role(Role::Root).filter(|other| seen.insert(place(other)));
    // The stack as a whole fails because something in it does.
    let is_whole = |other: &Event| other.nested_in.is_empty() && other.is_of_the_stack();
    let others = others.filter(|other| !is_whole(other)).collect();
    let cancelled: HashSet<_> = with_role(Role::Cascade).map(place).collect();
    Some(Cause {
        event,
        explanation: explanation(event, events),
        others,
        cancelled: cancelled.len(),
        user_initiated: role(event) == Role::UserInitiated,
    })
}

/// Returns what an earlier event of the same resource says about a failure.
///
/// A hook's finding explains the failures that name the hook, and no others.
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
    let telling = same.find(|event| event.hook.is_none())?;
    telling.reason.as_deref().filter(|said| *said != reason)
}

impl Cause<'_> {
    /// Returns what is known about it.
    pub fn advice(&self) -> Option<Advice> {
        advice(self.event)
    }
}

/// Returns an event's reason as a person would say it: without the wrapping of the resource handlers
/// and the numbers of requests.
pub fn reason_of(event: &Event) -> &str {
    let hook = event.hook.as_ref().filter(|hook| hook.is_failure());
    let of_hook = hook.and_then(|hook| hook.reason.as_deref());
    match event.reason.as_deref().or(of_hook) {
        Some(reason) => unwrapped(reason),
        None => "the service gave no reason",
    }
}

/// Returns what is known about the words of an event.
pub fn advice(event: &Event) -> Option<Advice> {
    let hook = event.hook.as_ref().filter(|hook| hook.is_failure());
    match (&event.reason, hook) {
        (Some(reason), _) => advice_on(&event.resource_type, event.status.as_str(), reason),
        (None, Some(hook)) => Advice::about_hook(&hook.name),
        (None, None) => None,
    }
}

/// Returns what is known about a reason that a resource of this type has for this status.
pub fn advice_on(resource_type: &str, status: &str, reason: &str) -> Option<Advice> {
    KNOWN.iter().find_map(|known| {
        let values = known.values(resource_type, status, reason)?;
        Some(Advice { known, values })
    })
}

impl Advice {
    /// Returns what is known about a hook that failed and whose event gives no reason.
    fn about_hook(name: &str) -> Option<Self> {
        let known = KNOWN.iter().find(|known| known.category == "hook")?;
        let values = vec![("hook".to_owned(), name.to_owned())];
        Some(Self { known, values })
    }

    /// Returns the kind of trouble, such as `already-exists`.
    pub fn category(&self) -> &'static str {
        &self.known.category
    }

    /// Returns what to do about an event.
    pub fn hint(&self, event: &Event) -> Option<String> {
        fill(&self.known.hint, &self.values(event))
    }

    /// Returns the command of this program that helps.
    pub fn remedy(&self, event: &Event) -> Option<Remedy> {
        let remedy = self.known.run?;
        // No command can name a resource inside a nested stack.
        let is_possible = event.nested_in.is_empty() || remedy != Remedy::DestroyEmptying;
        is_possible.then_some(remedy)
    }

    fn values(&self, event: &Event) -> Values {
        let mut values = self.values.clone();
        values.push(("logical_id".to_owned(), event.logical_id.clone()));
        values.push(("type".to_owned(), event.resource_type.clone()));
        values
    }
}

/// Returns what a resource handler said, without `Resource handler returned message: "…"` around it
/// and without the service, the codes and the request ids behind it.
fn unwrapped(reason: &str) -> &str {
    const HANDLER: &str = "Resource handler returned message: \"";
    let mut said = reason.trim();
    if let Some(inner) = said.strip_prefix(HANDLER) {
        let end = inner
            .rfind("\" (RequestToken:")
            .or_else(|| inner.rfind("(RequestToken:"));
        said = end.map_or(inner, |end| &inner[..end]).trim();
        said = said.strip_suffix('"').unwrap_or(said);
    }
    for noise in [" (Service: ", " (SDK Attempt Count: "] {
        if let Some((before, after)) = said.split_once(noise)
            && after.trim_end_matches(['.', '"']).ends_with(')')
        {
            said = before;
        }
    }
    if said.is_empty() { reason } else { said }
}

#[cfg(test)]
mod tests {
    use super::{Event, causes, unwrapped};
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

    /// Returns the causes' logical ids, statuses and how many were cancelled.
    fn told(events: &[Event]) -> Vec<String> {
        let causes = causes(events);
        let told = [causes.first, causes.undoing].into_iter().flatten();
        told.map(|cause| {
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
    fn the_first_real_cause_is_found() {
        let cases: [(&str, &[&str], &[&str]); 10] = [
            (
                "neighbours are cancelled first",
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
                "a refused deletion goes back to where it was",
                &[
                    "- DELETE_IN_PROGRESS User Initiated",
                    "- UPDATE_COMPLETE Export x cannot be deleted as it is in use by y",
                ],
                &["- UPDATE_COMPLETE \"\" 0 "],
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
                "an explanation stands on an event in progress",
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
                "that it was undone is no failure, whatever stands beside it",
                &[
                    "A UPDATE_FAILED Invalid request",
                    "- UPDATE_ROLLBACK_IN_PROGRESS Invalid request",
                    "A UPDATE_COMPLETE",
                    "- UPDATE_ROLLBACK_COMPLETE Invalid request",
                ],
                &["A UPDATE_FAILED \"\" 0 "],
            ),
            (
                "somebody cancelled the update",
                &[
                    "- UPDATE_IN_PROGRESS User Initiated",
                    "A UPDATE_FAILED Resource update cancelled",
                    "- UPDATE_ROLLBACK_IN_PROGRESS User Initiated",
                ],
                &["- UPDATE_ROLLBACK_IN_PROGRESS \"\" 1 "],
            ),
            (
                "nothing is said at all",
                &["A CREATE_FAILED"],
                &["A CREATE_FAILED \"\" 0 "],
            ),
            ("all is well", &["A CREATE_COMPLETE"], &[]),
        ];
        for (name, events, expected) in cases {
            let events: Vec<Event> = events.iter().map(|text| event(text)).collect();
            assert_eq!(told(&events), expected, "{name}");
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
            }),
            ..event("A CREATE_IN_PROGRESS")
        };
        let failed = event("A CREATE_FAILED The following hook(s) failed: [Private::Guard::Hook]");
        let expected = "A CREATE_FAILED \"no public buckets\" 0 ";
        assert_eq!(told(&[hook.clone(), failed]), [expected]);
        let unrelated = event("A CREATE_FAILED Something else");
        assert_eq!(
            told(&[hook.clone(), unrelated]),
            ["A CREATE_FAILED \"\" 0 "]
        );
        assert_eq!(
            told(std::slice::from_ref(&hook)),
            ["A CREATE_IN_PROGRESS \"\" 0 "]
        );
        let mut warning = hook;
        if let Some(hook) = &mut warning.hook {
            hook.failure_mode = Some("WARN".to_owned());
        }
        assert!(told(&[warning]).is_empty());
    }

    #[test]
    fn the_wrapping_of_the_handlers_is_taken_off() {
        let cases = [
            ("Plain words", "Plain words"),
            (
                "Resource handler returned message: \"Name \"x\" is taken\" (RequestToken: 1-2, \
                 HandlerErrorCode: AlreadyExists)",
                "Name \"x\" is taken",
            ),
            (
                "Resource handler returned message: \"Too many (Service: Ec2, Status Code: 400, \
                 Request ID: 5)\" (RequestToken: 1, HandlerErrorCode: GeneralServiceException)",
                "Too many",
            ),
            (
                "Not empty (Service: Amazon S3; Status Code: 409; Error Code: BucketNotEmpty; x)",
                "Not empty",
            ),
            ("Resource handler returned message: \"cut", "cut"),
            ("A (Service: x) B", "A (Service: x) B"),
            ("", ""),
        ];
        for (reason, expected) in cases {
            assert_eq!(unwrapped(reason), expected);
        }
    }
}
