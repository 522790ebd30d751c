//! Why a change set could not be made.
//!
//! What the service gives as the reason is often only where to look: a nested change set failed, or
//! "validation" did. The reason worth reading is in another answer, and this finds it.

use std::fmt;

use super::ChangeSet;
use super::validation::Validation;
use crate::cloudformation::service_message;
use crate::error::{Error, ErrorKind};

impl ChangeSet {
    /// Returns why it failed, with the logical ids that lead to the nested stack that did.
    ///
    /// A root says no more than that a nested change set failed, and names only the first.
    pub fn failure(&self) -> (Vec<&str>, Option<&str>) {
        let mut failed = self.tree();
        failed.retain(|(_, set)| set.is_failed());
        let speaking = failed
            .iter()
            .position(|(_, set)| set.reason.is_some() && set.failed_child().is_none());
        let chosen = speaking.or((!failed.is_empty()).then_some(0));
        match chosen.map(|index| failed.swap_remove(index)) {
            Some((path, set)) => (path, set.reason.as_deref()),
            None => (Vec::new(), self.reason.as_deref()),
        }
    }

    /// Returns whether it failed in a check whose finding is not there yet.
    pub fn awaits_findings(&self) -> bool {
        let reason = self.reason.as_deref();
        self.is_failed()
            && reason.is_some_and(service_message::is_failed_validation)
            && !self.validations.iter().any(Validation::is_fatal)
    }

    /// Returns the ARN of the nested change set whose failure made this one fail.
    pub fn failed_child(&self) -> Option<&str> {
        service_message::failed_nested_change_set(self.reason.as_deref()?)
    }

    /// Returns the error for a change set of the stack `stack` that could not be made.
    pub fn to_error(&self, stack: &str) -> Error {
        let (path, reason) = self.failure();
        let whose = if path.is_empty() {
            format!("`{stack}`")
        } else {
            format!("`{stack}`, nested stack `{}`", path.join("/"))
        };
        let reason = reason.unwrap_or("the service gave no reason");
        let failed = self.tree();
        let failed: Vec<&Validation> = failed
            .iter()
            .flat_map(|(_, set)| &set.validations)
            .filter(|validation| validation.is_fatal())
            .collect();
        let findings = match failed.as_slice() {
            [] => None,
            [only] => Some(only.message()),
            several => {
                let lines: Vec<String> = several
                    .iter()
                    .map(|validation| format!("\n  {}", validation.message()))
                    .collect();
                Some(format!("{} checks failed{}", several.len(), lines.concat()))
            }
        };
        let error = Error::new(
            ErrorKind::Service,
            format!(
                "CloudFormation could not make a change set for {whose}: {}",
                findings.as_deref().unwrap_or(reason)
            ),
        );
        let error = if findings.is_some() && !service_message::is_failed_validation(reason) {
            error.caused_by(Reason(reason.to_owned()))
        } else {
            error
        };
        self.warnings.iter().fold(error, Error::hint)
    }
}

/// What the service gave as the reason.
#[derive(Debug)]
struct Reason(String);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Reason {}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use crate::cloudformation::change_set::validation::Validation;
    use crate::cloudformation::change_set::{Change, ChangeSet};

    fn set(id: &str, status: &str, reason: &str) -> ChangeSet {
        ChangeSet {
            id: format!("arn:{id}"),
            stack_name: id.to_owned(),
            status: status.to_owned(),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            ..ChangeSet::default()
        }
    }

    fn nested_stack(logical_id: &str, id: &str) -> Change {
        Change {
            logical_id: logical_id.to_owned(),
            nested_change_set: Some(format!("arn:{id}")),
            ..Change::default()
        }
    }

    #[test]
    fn the_failure_is_that_of_the_innermost_change_set_that_says_one() {
        let words = |id: &str| {
            format!("Nested change set arn:{id} was not successfully created: Currently in FAILED.")
        };
        let mut root = set("root", "FAILED", &words("child"));
        let mut child = set("child", "FAILED", &words("grandchild"));
        child.nested = vec![set("grandchild", "FAILED", "Template error: X")];
        child.changes = vec![nested_stack("Inner", "grandchild")];
        root.changes = vec![nested_stack("Child", "child")];
        root.nested = vec![child, set("sibling", "CREATE_IN_PROGRESS", "")];
        assert_eq!(root.failed_child(), Some("arn:child"));
        let (path, reason) = root.failure();
        assert_eq!(path, ["Child", "Inner"]);
        assert_eq!(reason, Some("Template error: X"));

        root.nested.clear();
        assert_eq!(root.failure(), (vec![], root.reason.as_deref()));
    }

    #[test]
    fn the_findings_of_the_checks_come_before_the_words_that_announce_them() {
        const ANNOUNCED: &str = "The following hook(s)/validation failed: \
            [AWS::EarlyValidation::PropertyValidation].";
        let finding = |logical_id: &str, mode: &str, reason: &str| Validation {
            name: "CHECK".to_owned(),
            failure_mode: Some(mode.to_owned()),
            logical_id: Some(logical_id.to_owned()),
            reason: Some(reason.to_owned()),
            ..Validation::default()
        };
        let mut root = set("root", "FAILED", ANNOUNCED);
        root.validations = vec![
            finding("A", "FAIL", "is taken"),
            finding("B", "WARN", "is odd"),
        ];
        assert_eq!(
            root.to_error("demo").to_string(),
            "CloudFormation could not make a change set for `demo`: `A`: is taken (CHECK)"
        );
        root.validations.push(finding("C", "FAIL", "is wrong"));
        assert_eq!(
            root.to_error("demo").to_string(),
            "CloudFormation could not make a change set for `demo`: 2 checks failed\n  \
             `A`: is taken (CHECK)\n  `C`: is wrong (CHECK)"
        );
        assert!(root.to_error("demo").source().is_none());
        root.reason = Some("Something else".to_owned());
        let cause = root.to_error("demo").source().map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("Something else"));
    }
}
