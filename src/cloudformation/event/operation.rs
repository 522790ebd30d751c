//! Where one operation ends and the next begins in a stack's events.

use super::Event;

/// Returns how many of these events, newest first, belong to the last operation on the stack; `None`
/// where its beginning is not among them.
///
/// An operation begins at an event of the stack itself that follows a settled one. So a rollback
/// belongs to the update that failed, and the deletion that ends a failed creation to that creation.
/// A deletion that was asked for meanwhile has a token of its own and begins anew.
pub fn last_operation(newest_first: &[Event]) -> Option<usize> {
    let mut own = newest_first
        .iter()
        .enumerate()
        .filter(|(_, event)| event.is_of_the_stack());
    let (mut begin, mut newer) = own.next()?;
    for (index, older) in own {
        if is_rest(older) || is_another_deletion(newer, older) {
            return Some(begin + 1);
        }
        (begin, newer) = (index, older);
    }
    None
}

/// Returns whether nothing was going on after this event. A stack in review waits for its creation.
fn is_rest(event: &Event) -> bool {
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

    /// Returns events of a stack itself, or of a resource where the status has a dot in front; a
    /// token may follow behind a space.
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
    fn the_last_operation_begins_behind_a_settled_status() {
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
