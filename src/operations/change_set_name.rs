//! The names of stackctl's change sets, which also serve as client request tokens.

use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;

use crate::aws::stack::ListedChangeSet;

/// The prefix of change sets that stackctl creates and deletes again.
pub(crate) const TEMPORARY: &str = "stackctl-tmp-";

/// The prefix of change sets that belong to a saved plan.
pub(crate) const SAVED: &str = "stackctl-plan-";

/// The age, in milliseconds, after which no run still needs a temporary change set.
const LEFTOVER_AFTER: i64 = 60 * 60 * 1000;

/// Returns whether a change set is a temporary one whose run ended before it could delete it.
pub(crate) fn is_leftover(set: &ListedChangeSet, now: Timestamp) -> bool {
    let is_old = set.created.is_some_and(|created| {
        now.as_millisecond()
            .saturating_sub(created.as_millisecond())
            > LEFTOVER_AFTER
    });
    let is_executing = set.execution_status.starts_with("EXECUTE_");
    set.name.starts_with(TEMPORARY) && is_old && !is_executing
}

/// Returns a name that no other run uses; it also serves as a client request token.
pub(crate) fn temporary_name() -> String {
    unique_name(TEMPORARY)
}

/// Returns a name with this prefix that no other run uses.
pub(crate) fn unique_name(prefix: &str) -> String {
    // The standard hasher's keys are random: enough to distinguish two runs in one millisecond.
    let random = RandomState::new().hash_one(std::process::id());
    format!(
        "{prefix}{}-{random:016x}",
        Timestamp::now().as_millisecond()
    )
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{ListedChangeSet, is_leftover};

    #[test]
    fn only_old_temporary_change_sets_that_are_not_executed_are_leftovers() {
        let now = Timestamp::UNIX_EPOCH;
        let cases = [
            ("stackctl-tmp-1", Some(61), "AVAILABLE", true),
            ("stackctl-tmp-1", Some(61), "UNAVAILABLE", true),
            ("stackctl-tmp-1", Some(61), "EXECUTE_IN_PROGRESS", false),
            ("stackctl-tmp-1", Some(59), "AVAILABLE", false),
            ("stackctl-tmp-1", None, "AVAILABLE", false),
            ("stackctl-plan-1", Some(6000), "AVAILABLE", false),
            ("release-42", Some(6000), "AVAILABLE", false),
        ];
        for (name, minutes, execution_status, expected) in cases {
            let set = ListedChangeSet {
                id: String::new(),
                name: name.to_owned(),
                created: minutes.map(|minutes| now - SignedDuration::from_mins(minutes)),
                execution_status: execution_status.to_owned(),
            };
            assert_eq!(is_leftover(&set, now), expected, "{set:?}");
        }
    }
}
