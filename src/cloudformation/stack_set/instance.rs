//! The instances of a stack set: one stack in one account and region each.

use crate::cloudformation::status::statuses;

use super::Target;

statuses! {
    /// Whether the stack of an instance is as the stack set says (`StackInstance`, `Status`).
    InstanceStatus {
        Current = "CURRENT", "The stack is as the stack set says.";
        Outdated = "OUTDATED", "The stack is not, or not yet, as the stack set says.";
        Inoperable = "INOPERABLE", "A deletion failed: the instance takes part in no update, and its stack has to be deleted by hand.";
    }
}

/// An instance of a stack set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The account and region.
    pub target: Target,
    /// The ARN of the stack; `None` if it was never created.
    pub stack_id: Option<String>,
    /// Whether the stack is as the stack set says.
    pub status: InstanceStatus,
    /// What the last operation did with it, unchanged from the API, such as `SUCCEEDED` or `FAILED`;
    /// `None` if the API does not say.
    pub detailed_status: Option<String>,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
    /// The organizational unit by which the account was chosen; `None` with self-managed permissions.
    pub organizational_unit: Option<String>,
    /// Whether it has drifted, unchanged from the API; `None` if the API does not say.
    pub drift: Option<String>,
}

impl Instance {
    /// Returns why the stack is not as the stack set says; `None` if it is.
    pub fn problem(&self) -> Option<Problem> {
        if self.status == InstanceStatus::Current {
            return None;
        }
        let detail = self.detailed_status.as_deref();
        let detail = detail.filter(|it| *it != self.status.as_str() && *it != "SUCCEEDED");
        Some(Problem {
            target: self.target.clone(),
            status: match detail {
                Some(detail) => format!("{} ({detail})", self.status),
                None => self.status.to_string(),
            },
            reason: self.reason.clone(),
        })
    }
}

/// A target whose stack is not as the stack set says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The target.
    pub target: Target,
    /// The status that shows it, as it is printed.
    pub status: String,
    /// The reason; `None` if the API gives none.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{Instance, InstanceStatus, Target};

    fn problem(status: &str, detail: Option<&str>) -> Option<String> {
        let instance = Instance {
            target: Target::new("111111111111", "eu-west-1"),
            stack_id: None,
            status: InstanceStatus::from_wire(status),
            detailed_status: detail.map(str::to_owned),
            reason: None,
            organizational_unit: None,
            drift: None,
        };
        instance.problem().map(|problem| problem.status)
    }

    #[test]
    fn only_a_current_instance_is_as_the_stack_set_says() {
        assert_eq!(problem("CURRENT", Some("SUCCEEDED")), None);
        for (status, detail, expected) in [
            ("OUTDATED", Some("FAILED"), "OUTDATED (FAILED)"),
            ("OUTDATED", Some("CANCELLED"), "OUTDATED (CANCELLED)"),
            ("OUTDATED", Some("SUCCEEDED"), "OUTDATED"),
            ("OUTDATED", None, "OUTDATED"),
            ("INOPERABLE", Some("INOPERABLE"), "INOPERABLE"),
            ("NEW_STATUS", Some("NEW_DETAIL"), "NEW_STATUS (NEW_DETAIL)"),
        ] {
            assert_eq!(problem(status, detail).as_deref(), Some(expected));
        }
    }
}
