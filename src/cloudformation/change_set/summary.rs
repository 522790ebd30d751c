//! The number of resources with each effect: the last line of a plan.

use std::fmt;

use super::{Change, Effect, Replacement};

/// The number of resources with each effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// The resources to create.
    pub add: usize,
    /// The resources to update, those that may be replaced included.
    pub change: usize,
    /// The resources in `change` that CloudFormation may replace.
    pub may_replace: usize,
    /// The resources to replace.
    pub replace: usize,
    /// The resources to delete or retain.
    pub destroy: usize,
    /// The resources to import.
    pub import: usize,
    /// The resources that may change, which no other field includes.
    pub possible: usize,
}

impl Summary {
    /// Returns the summary of `changes`.
    pub fn of(changes: &[Change]) -> Self {
        let mut summary = Self::default();
        for change in changes {
            let is_unsure = change.replacement == Some(Replacement::Conditional);
            match change.effect() {
                Effect::Update if is_unsure => {
                    summary.change += 1;
                    summary.may_replace += 1;
                }
                Effect::Add => summary.add += 1,
                Effect::Update | Effect::Sync => summary.change += 1,
                Effect::Replace => summary.replace += 1,
                Effect::Remove => summary.destroy += 1,
                Effect::Import => summary.import += 1,
                Effect::Possible => summary.possible += 1,
            }
        }
        summary
    }

    /// Adds another summary to this one.
    pub(super) fn add(&mut self, other: Self) {
        self.add += other.add;
        self.change += other.change;
        self.may_replace += other.may_replace;
        self.replace += other.replace;
        self.destroy += other.destroy;
        self.import += other.import;
        self.possible += other.possible;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            add,
            change,
            may_replace,
            replace,
            destroy,
            import,
            possible,
        } = self;
        write!(f, "Plan: {add} to add, {change} to change")?;
        if *may_replace > 0 {
            write!(f, " ({may_replace} may be replaced)")?;
        }
        write!(f, ", {replace} to replace, {destroy} to destroy")?;
        if *import > 0 {
            write!(f, ", {import} to import")?;
        }
        if *possible > 0 {
            write!(f, " ({possible} more may change)")?;
        }
        f.write_str(".")
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;
    use crate::cloudformation::change_set::{Action, Change, Replacement};

    #[test]
    fn each_resource_is_counted_once() {
        let change = |action, replacement| Change {
            action,
            replacement,
            ..Change::default()
        };
        let summary = Summary::of(&[
            change(Action::Add, Some(Replacement::True)),
            change(Action::Modify, Some(Replacement::True)),
            change(Action::Modify, None),
            change(Action::Remove, None),
            change(Action::Import, None),
            change(Action::Dynamic, None),
        ]);
        assert_eq!(
            summary.to_string(),
            "Plan: 1 to add, 1 to change, 1 to replace, 1 to destroy, 1 to import (1 more may change)."
        );
        let summary = Summary::of(&[
            change(Action::Modify, Some(Replacement::Conditional)),
            change(Action::Modify, Some(Replacement::False)),
        ]);
        assert_eq!(
            summary.to_string(),
            "Plan: 0 to add, 2 to change (1 may be replaced), 0 to replace, 0 to destroy."
        );
    }
}
