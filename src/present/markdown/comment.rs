//! A text for a comment, and how much attention it needs.

use crate::plan::Plan;
use crate::plan::risk::Severity;

/// A text for a comment on a pull request or merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The text. Its first line is a marker that is the same in every run.
    pub text: String,
    /// How much attention it needs.
    pub weight: Weight,
}

/// How much attention a comment needs, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Nothing would change.
    Unchanged,
    /// Something would change.
    Changes,
    /// Something that would change is dangerous.
    Danger,
    /// The command failed.
    Failed,
}

impl Comment {
    /// Returns the text without its marker.
    pub(super) fn body(&self) -> &str {
        match self.text.split_once('\n') {
            Some((first, rest)) if first.starts_with("<!--") => rest,
            _ => &self.text,
        }
    }
}

impl Weight {
    /// Returns the weight of a plan. A plan is dangerous if it has a risk that is more than a note.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut risks = plan.assessment.risks.iter();
        if risks.any(|risk| risk.severity > Severity::Note) {
            Self::Danger
        } else {
            Self::of_changes(!plan.is_empty())
        }
    }

    pub(super) fn of_changes(are_there: bool) -> Self {
        if are_there {
            Self::Changes
        } else {
            Self::Unchanged
        }
    }
}
