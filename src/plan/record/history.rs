//! The records of a stack in their order, and what they say together.

use jiff::{SignedDuration, Timestamp};

use super::{Outcome, Record};
use crate::cloudformation::stack::Stack;

/// How much the clock of the machine that wrote a record may be behind AWS's, and how much the end of a
/// deployment and its record may differ.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// The records of a stack, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The records that were read.
    pub entries: Vec<Entry>,
    /// How many older records were not read.
    pub omitted: usize,
}

/// A record, or why it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The number of the deployment.
    pub number: u64,
    /// The record, or why it was not read.
    pub record: std::result::Result<Box<Record>, String>,
}

/// A change of the stack without a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The number of the record before it; `None` if there is none.
    pub after: Option<u64>,
    /// The number of the record after it; `None` if there is none.
    pub before: Option<u64>,
    /// What happened.
    pub kind: GapKind,
}

/// What happened without a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapKind {
    /// The stack was updated last at this time.
    Updated(Timestamp),
    /// The stack was deleted, and created again at this time if it is known.
    Recreated(Option<Timestamp>),
    /// The stack was deleted.
    Deleted,
}

impl History {
    /// Returns the records that were read, the oldest first.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        let entries = self.entries.iter();
        entries.filter_map(|entry| entry.record.as_deref().ok())
    }

    /// Returns the entry with this number.
    pub fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.number == number)
    }

    /// Returns the changes of the stack without a record, in their order. `stack` is the stack as it is
    /// now.
    pub fn gaps(&self, stack: Option<&Stack>) -> Vec<Gap> {
        let records: Vec<&Record> = self.records().collect();
        let mut gaps = Vec::new();
        for pair in records.windows(2) {
            let [one, other] = pair else { continue };
            // A record between them may explain the change.
            let is_next = one.number.checked_add(1) == Some(other.number);
            if let Some(kind) = between(one, other).filter(|_| is_next) {
                gaps.push(Gap {
                    after: Some(one.number),
                    before: Some(other.number),
                    kind,
                });
            }
        }
        gaps.extend(self.gap_since_newest(stack));
        gaps
    }

    /// Returns the change of the stack after the newest record; `None` if there is none, or if that
    /// record was not read.
    fn gap_since_newest(&self, stack: Option<&Stack>) -> Option<Gap> {
        let newest = self.entries.last()?.record.as_deref().ok()?;
        Some(Gap {
            after: Some(newest.number),
            before: None,
            kind: since(newest, stack)?,
        })
    }

    /// Returns the record of what is deployed now; `None` if that has no record.
    pub fn deployed(&self, stack: Option<&Stack>) -> Option<&Record> {
        let newest = self.entries.last()?.record.as_deref().ok()?;
        match newest.outcome {
            _ if self.gap_since_newest(stack).is_some() => None,
            Outcome::Succeeded => Some(newest),
            Outcome::RolledBack => self.base(newest),
            Outcome::Failed | Outcome::Unknown => None,
        }
    }

    /// Returns the record of what was deployed before a deployment: the last one of the same stack that
    /// succeeded. `None` if the deployment created the stack, or that has no record.
    pub fn base(&self, record: &Record) -> Option<&Record> {
        if record.updated_before.is_none() && record.operation == "create" {
            return None;
        }
        let is_base = |it: &&Record| {
            it.number < record.number
                && it.outcome == Outcome::Succeeded
                && it.stack_id == record.stack_id
        };
        self.records().rev().find(is_base)
    }

    /// Returns the record of the last deployment that succeeded, for a stack that a later deployment has
    /// left failed; `None` if it is not known. `stable_at` is the time of the stack's newest event that shows
    /// a state without a failure, as far as its events say.
    pub fn last_success(&self, stack: &Stack, stable_at: Option<Timestamp>) -> Option<&Record> {
        let is_end = |it: &&Record| {
            let is_stable = matches!(it.outcome, Outcome::Succeeded | Outcome::RolledBack);
            is_stable && it.stack_id == stack.id
        };
        let newest = self.records().rev().find(is_end)?;
        let ended = newest.ended.checked_add(TOLERANCE).ok()?;
        let mut known = [stack.created, stable_at].into_iter().flatten();
        if known.any(|time| time > ended) {
            return None;
        }
        if newest.outcome == Outcome::Succeeded {
            return Some(newest);
        }
        let base = self.base(newest)?;
        let is_between = |gap: &Gap| {
            let follows = gap.after.is_some_and(|after| after >= base.number);
            follows && gap.before.is_some_and(|before| before <= newest.number)
        };
        // A record between them that cannot be read may be of a success too.
        let mut entries = self.entries.iter();
        let is_unread = entries.any(|entry| {
            base.number < entry.number && entry.number < newest.number && entry.record.is_err()
        });
        let is_certain = !is_unread && !self.gaps(None).iter().any(is_between);
        Some(base).filter(|_| is_certain)
    }

    /// Returns the record to which a rollback goes if none is named: the last one that succeeded before
    /// what was done last, which may have no record.
    pub fn rollback_target(&self, stack: Option<&Stack>) -> Option<&Record> {
        let newest = self.entries.last()?.number;
        let is_newest_last = self.gap_since_newest(stack).is_none();
        let is_target = |it: &&Record| {
            it.outcome == Outcome::Succeeded && !(is_newest_last && it.number == newest)
        };
        self.records().rev().find(is_target)
    }
}

/// Returns what happened between two records.
fn between(one: &Record, other: &Record) -> Option<GapKind> {
    let is_same = one.stack_id == other.stack_id;
    match other.updated_before {
        _ if one.stack_id.is_empty() || other.stack_id.is_empty() => None,
        // The later deployment itself has created the stack.
        None if is_same => None,
        None if is_gone(one) => None,
        None => Some(GapKind::Deleted),
        Some(at) if !is_same => Some(GapKind::Recreated(Some(at))),
        Some(at) => (at > end(one)).then_some(GapKind::Updated(at)),
    }
}

/// Returns what happened since the newest record.
fn since(last: &Record, stack: Option<&Stack>) -> Option<GapKind> {
    let stack = stack.filter(|stack| stack.status.exists());
    let Some(stack) = stack else {
        return (!is_gone(last)).then_some(GapKind::Deleted);
    };
    let at = stack.updated.or(stack.created);
    if stack.id != last.stack_id && !last.stack_id.is_empty() {
        return Some(GapKind::Recreated(at));
    }
    at.filter(|at| *at > end(last)).map(GapKind::Updated)
}

/// Returns the time of the stack's last update that a record explains.
fn end(record: &Record) -> Timestamp {
    record.updated.unwrap_or(record.ended)
}

/// Returns whether the stack was gone after a deployment.
fn is_gone(record: &Record) -> bool {
    record.status.as_deref() == Some("DELETE_COMPLETE")
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use jiff::Timestamp;

    use super::{Entry, GapKind, History};
    use crate::cloudformation::stack::Stack;
    use crate::cloudformation::status::StackStatus;
    use crate::plan::record::tests::record;
    use crate::plan::record::{Outcome, Record};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Returns a record of an update that began and ended at these times of the stack.
    fn update(number: u64, outcome: Outcome, before: i64, after: i64) -> Record {
        Record {
            outcome,
            updated_before: Some(at(before)),
            updated: Some(at(after)),
            ..record(number)
        }
    }

    fn history(records: Vec<Record>) -> History {
        let entries = records.into_iter().map(|record| Entry {
            number: record.number,
            record: Ok(Box::new(record)),
        });
        History {
            entries: entries.collect(),
            omitted: 0,
        }
    }

    fn stack(updated: i64) -> Stack {
        Stack {
            id: record(1).stack_id,
            status: StackStatus::from_wire("UPDATE_COMPLETE"),
            updated: Some(at(updated)),
            ..Stack::default()
        }
    }

    fn kinds(history: &History, stack: Option<&Stack>) -> Vec<(Option<u64>, GapKind)> {
        let gaps = history.gaps(stack);
        gaps.iter().map(|gap| (gap.after, gap.kind)).collect()
    }

    const GOOD: Outcome = Outcome::Succeeded;

    #[test]
    fn changes_of_others_are_gaps() {
        let of_mine = history(vec![update(1, GOOD, 1, 2), update(2, GOOD, 2, 3)]);
        assert_eq!(kinds(&of_mine, Some(&stack(3))), []);
        assert_eq!(
            kinds(&of_mine, Some(&stack(9))),
            [(Some(2), GapKind::Updated(at(9)))]
        );
        assert_eq!(kinds(&of_mine, None), [(Some(2), GapKind::Deleted)]);
        let other = Stack {
            id: "another".to_owned(),
            ..stack(9)
        };
        assert_eq!(
            kinds(&of_mine, Some(&other)),
            [(Some(2), GapKind::Recreated(Some(at(9))))]
        );
        let with_gap = history(vec![update(1, GOOD, 1, 2), update(2, GOOD, 5, 6)]);
        assert_eq!(
            kinds(&with_gap, Some(&stack(6))),
            [(Some(1), GapKind::Updated(at(5)))]
        );
        // A record in between that was deleted may explain the change.
        let pruned = history(vec![update(1, GOOD, 1, 2), update(3, GOOD, 5, 6)]);
        assert_eq!(kinds(&pruned, Some(&stack(6))), []);
    }

    #[test]
    fn a_stack_that_was_created_again_is_seen() {
        let created = Record {
            operation: "create".to_owned(),
            updated_before: None,
            stack_id: "another".to_owned(),
            ..update(2, GOOD, 0, 9)
        };
        let both = history(vec![update(1, GOOD, 1, 2), created.clone()]);
        let now = Stack {
            id: "another".to_owned(),
            ..stack(9)
        };
        assert_eq!(kinds(&both, Some(&now)), [(Some(1), GapKind::Deleted)]);
        assert_eq!(both.base(&created), None);
        // The failed creation left no stack.
        let gone = Record {
            status: Some("DELETE_COMPLETE".to_owned()),
            ..update(1, Outcome::RolledBack, 1, 2)
        };
        let both = history(vec![gone, created]);
        assert_eq!(kinds(&both, Some(&now)), []);
    }

    #[test]
    fn a_rollback_goes_to_the_last_success_before_the_present() {
        let target = |history: &History, stack: Option<&Stack>| {
            history.rollback_target(stack).map(|it| it.number)
        };
        let all = history(vec![
            update(1, GOOD, 1, 2),
            update(2, GOOD, 2, 3),
            update(3, Outcome::RolledBack, 3, 4),
            update(4, GOOD, 4, 5),
        ]);
        assert_eq!(target(&all, Some(&stack(5))), Some(2));
        assert_eq!(all.deployed(Some(&stack(5))).unwrap().number, 4);
        // What others have done is what a rollback undoes.
        assert_eq!(target(&all, Some(&stack(9))), Some(4));
        assert_eq!(all.deployed(Some(&stack(9))), None);
        assert_eq!(target(&all, None), Some(4));
        let failed = history(
            all.entries
                .iter()
                .take(3)
                .filter_map(|it| it.record.clone().ok())
                .map(|it| *it)
                .collect(),
        );
        assert_eq!(target(&failed, Some(&stack(4))), Some(2));
        assert_eq!(failed.deployed(Some(&stack(4))).unwrap().number, 2);
        assert_eq!(
            target(&history(vec![update(1, GOOD, 1, 2)]), Some(&stack(2))),
            None
        );
        assert_eq!(target(&History::default(), None), None);
    }

    #[test]
    fn the_last_success_is_known_if_nothing_succeeded_since() {
        let end = 1_700_000_060;
        let number = |history: &History, stable_at: Option<i64>| {
            let now = stack(9);
            let found = history.last_success(&now, stable_at.map(at));
            found.map(|it| it.number)
        };
        let failed = update(2, Outcome::Failed, 2, 3);
        let all = history(vec![update(1, GOOD, 1, 2), failed.clone()]);
        assert_eq!(number(&all, None), Some(1));
        assert_eq!(number(&all, Some(end)), Some(1));
        assert_eq!(number(&all, Some(end + 60)), Some(1));
        // Somebody else has deployed since.
        assert_eq!(number(&all, Some(end + 61)), None);
        // A rollback went back to it.
        let rolled_back = update(2, Outcome::RolledBack, 2, 3);
        let failed = Record {
            number: 3,
            ..failed
        };
        let both = history(vec![
            update(1, GOOD, 1, 2),
            rolled_back.clone(),
            failed.clone(),
        ]);
        assert_eq!(number(&both, Some(end)), Some(1));
        // Something without a record came between the two.
        let gap = Record {
            updated_before: Some(at(5)),
            ..rolled_back
        };
        let both = history(vec![update(1, GOOD, 1, 2), gap, failed.clone()]);
        assert_eq!(number(&both, Some(end)), None);
        let other = Record {
            stack_id: "another".to_owned(),
            ..update(1, GOOD, 1, 2)
        };
        assert_eq!(number(&history(vec![other, failed]), None), None);
        assert_eq!(number(&History::default(), None), None);
    }

    #[test]
    fn a_record_that_is_not_read_counts_as_a_deployment() {
        let mut all = history(vec![update(1, GOOD, 1, 2)]);
        all.entries.push(Entry {
            number: 2,
            record: Err("denied".to_owned()),
        });
        assert_eq!(all.gaps(Some(&stack(9))), []);
        assert_eq!(all.rollback_target(Some(&stack(9))).unwrap().number, 1);
        assert_eq!(all.deployed(Some(&stack(9))), None);
    }
}
