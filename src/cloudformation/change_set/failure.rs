//! Why CloudFormation could not create a change set.
//!
//! The reason of a change set often refers to another response: it says only that a nested change set
//! or a validation failed. These functions find the actual reason.

use std::fmt;

use super::ChangeSet;
use super::validation::Validation;
use crate::cloudformation::service_message;
use crate::error::{Error, ErrorKind};

/// Returns the reason of a failed change set, with the logical ids of the nested stacks that lead to
/// it. The reason is `None` if CloudFormation gives none.
///
/// The root change set names only the first nested change set that failed.
pub fn reason(set: &ChangeSet) -> (Vec<&str>, Option<&str>) {
    let mut failed = set.tree();
    failed.retain(|(_, set)| set.is_failed());
    let with_reason = failed
        .iter()
        .position(|(_, set)| set.reason.is_some() && failed_child(set).is_none());
    let chosen = with_reason.or((!failed.is_empty()).then_some(0));
    match chosen.map(|index| failed.swap_remove(index)) {
        Some((path, set)) => (path, set.reason.as_deref()),
        None => (Vec::new(), set.reason.as_deref()),
    }
}

/// Returns whether a change set failed in a check whose finding is not available yet.
pub fn awaits_findings(set: &ChangeSet) -> bool {
    let reason = set.reason.as_deref();
    set.is_failed()
        && reason.is_some_and(service_message::is_failed_validation)
        && !set.validations.iter().any(Validation::is_fatal)
}

/// Returns the ARN of the nested change set whose failure made a change set fail.
pub fn failed_child(set: &ChangeSet) -> Option<&str> {
    service_message::failed_nested_change_set(set.reason.as_deref()?)
}

/// Returns the error for a failed change set of the stack `stack`.
pub fn to_error(set: &ChangeSet, stack: &str) -> Error {
    let (path, reason) = reason(set);
    let target = if path.is_empty() {
        format!("`{stack}`")
    } else {
        format!("`{stack}`, nested stack `{}`", path.join("/"))
    };
    let reason = reason.unwrap_or("the service gave no reason");
    let failed = set.tree();
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
            "CloudFormation could not create a change set for {target}: {}",
            findings.as_deref().unwrap_or(reason)
        ),
    );
    let error = if findings.is_some() && !service_message::is_failed_validation(reason) {
        error.caused_by(Reason(reason.to_owned()))
    } else {
        error
    };
    set.warnings.iter().fold(error, Error::hint)
}

/// The reason of the service, as the cause of an error.
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

    use super::{failed_child, reason, to_error};
    use crate::cloudformation::change_set::tests::{nested_stack, set};
    use crate::cloudformation::change_set::validation::Validation;

    #[test]
    fn the_reason_is_from_the_innermost_failed_change_set() {
        let nested_failed = |id: &str| {
            format!("Nested change set arn:{id} was not successfully created: Currently in FAILED.")
        };
        let mut root = set("root", "FAILED", &nested_failed("child"));
        let mut child = set("child", "FAILED", &nested_failed("grandchild"));
        child.nested = vec![set("grandchild", "FAILED", "Template error: X")];
        child.changes = vec![nested_stack("Inner", "grandchild")];
        root.changes = vec![nested_stack("Child", "child")];
        root.nested = vec![child, set("sibling", "CREATE_IN_PROGRESS", "")];
        assert_eq!(failed_child(&root), Some("arn:child"));
        let (path, text) = reason(&root);
        assert_eq!(path, ["Child", "Inner"]);
        assert_eq!(text, Some("Template error: X"));

        root.nested.clear();
        assert_eq!(reason(&root), (vec![], root.reason.as_deref()));
    }

    #[test]
    fn the_error_contains_the_findings_of_the_checks() {
        const VALIDATION_FAILED: &str = "The following hook(s)/validation failed: \
            [AWS::EarlyValidation::PropertyValidation].";
        let finding = |logical_id: &str, mode: &str, reason: &str| Validation {
            name: "CHECK".to_owned(),
            failure_mode: Some(mode.to_owned()),
            logical_id: Some(logical_id.to_owned()),
            reason: Some(reason.to_owned()),
            ..Validation::default()
        };
        let mut root = set("root", "FAILED", VALIDATION_FAILED);
        root.validations = vec![
            finding("A", "FAIL", "is taken"),
            finding("B", "WARN", "is odd"),
        ];
        assert_eq!(
            to_error(&root, "demo").to_string(),
            "CloudFormation could not create a change set for `demo`: `A`: is taken (CHECK)"
        );
        root.validations.push(finding("C", "FAIL", "is wrong"));
        assert_eq!(
            to_error(&root, "demo").to_string(),
            "CloudFormation could not create a change set for `demo`: 2 checks failed\n  \
             `A`: is taken (CHECK)\n  `C`: is wrong (CHECK)"
        );
        assert!(to_error(&root, "demo").source().is_none());
        root.reason = Some("Something else".to_owned());
        let cause = to_error(&root, "demo").source().map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("Something else"));
    }
}
