//! Finds the last operation in the events of a stack.

use super::Event;

/// Returns how many of these events, newest first, belong to the last operation on the stack; `None`
/// if its first event is not among them.
///
/// The first event of an operation is the stack's first event after a terminal status. So a rollback
/// belongs to the update that failed, and the automatic deletion after a failed creation belongs to
/// the creation. A deletion that a user requested during an operation has a different token, and is an
/// operation of its own.
pub fn last_operation(newest_first: &[Event]) -> Option<usize> {
    let mut own = newest_first
        .iter()
        .enumerate()
        .filter(|(_, event)| event.is_of_the_stack());
    let (mut first, mut newer) = own.next()?;
    for (index, older) in own {
        if is_before_operation(older) || is_another_deletion(newer, older) {
            return Some(first + 1);
        }
        (first, newer) = (index, older);
    }
    None
}

/// Returns the event of the stack's last operation that succeeded, if it is among these.
pub fn last_success(newest_first: &[Event]) -> Option<&Event> {
    let is_success = |event: &&Event| {
        let status = event.status.as_str();
        event.is_of_the_stack()
            && matches!(
                status,
                "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE"
            )
    };
    newest_first.iter().find(is_success)
}

/// Returns whether no operation was running after this event. That includes `REVIEW_IN_PROGRESS`.
pub fn is_before_operation(event: &Event) -> bool {
    event.status.is_terminal() || event.status.as_str() == "REVIEW_IN_PROGRESS"
}

fn is_another_deletion(newer: &Event, older: &Event) -> bool {
    newer.status.as_str() == "DELETE_IN_PROGRESS"
        && newer.token.is_some()
        && older.token.is_some()
        && newer.token != older.token
}

#[cfg(test)]
mod tests {
    use super::{Event, last_operation};
    use crate::cloudformation::status::ResourceStatus;

    /// Returns events from `STATUS TOKEN`, where the token is optional. A dot before the status makes
    /// it an event of a resource instead of the stack.
    fn events(newest_first: &[&str]) -> Vec<Event> {
        let event = |text: &&str| {
            let (status, token) = text.split_once(' ').unwrap_or((text, ""));
            Event {
                stack_id: "arn".to_owned(),
                physical_id: if status.starts_with('.') { "" } else { "arn" }.to_owned(),
                status: ResourceStatus::from_wire(status.trim_start_matches('.')),
                token: (!token.is_empty()).then(|| token.to_owned()),
                ..Event::default()
            }
        };
        newest_first.iter().map(event).collect()
    }

    #[test]
    fn the_last_operation_starts_after_a_terminal_status() {
        let cases: [(&[&str], Option<usize>); 9] = [
            (
                &["CREATE_COMPLETE", ".CREATE_COMPLETE", "CREATE_IN_PROGRESS"],
                None,
            ),
            (
                &[
                    "CREATE_COMPLETE",
                    "CREATE_IN_PROGRESS",
                    "REVIEW_IN_PROGRESS",
                ],
                Some(2),
            ),
            (
                &[
                    "UPDATE_ROLLBACK_COMPLETE",
                    ".UPDATE_COMPLETE",
                    "UPDATE_ROLLBACK_IN_PROGRESS",
                    ".UPDATE_FAILED",
                    "UPDATE_IN_PROGRESS",
                    "CREATE_COMPLETE",
                ],
                Some(5),
            ),
            (
                &[
                    ".UPDATE_IN_PROGRESS",
                    "UPDATE_IN_PROGRESS",
                    "CREATE_COMPLETE",
                ],
                Some(2),
            ),
            (
                &["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"],
                Some(1),
            ),
            (
                &[
                    "DELETE_IN_PROGRESS a",
                    "CREATE_IN_PROGRESS a",
                    "REVIEW_IN_PROGRESS",
                ],
                Some(2),
            ),
            (
                &[
                    "DELETE_IN_PROGRESS b",
                    "CREATE_IN_PROGRESS a",
                    "REVIEW_IN_PROGRESS",
                ],
                Some(1),
            ),
            (&[".CREATE_COMPLETE"], None),
            (&[], None),
        ];
        for (newest_first, expected) in cases {
            let events = events(newest_first);
            assert_eq!(last_operation(&events), expected, "{newest_first:?}");
        }
    }
}
