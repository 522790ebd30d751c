//! Functions that recognize messages of AWS by their text.
//!
//! Errors have codes, and stacks and resources have statuses. For the cases in this file neither is
//! sufficient: one code is used for many errors, or the reason of a status is only a text. The texts
//! are not documented. So each function documents the text that it expects, and its test includes a
//! similar text with a different meaning. No other file depends on the text of a message, except the
//! table of known causes, which selects hints.

// Errors. CloudFormation answers nearly all of them with the code `ValidationError`.

/// Returns whether there is no such stack or change set: `Stack with id X does not exist`,
/// `Stack [X] does not exist`, `Stack 'X' does not exist`, `ChangeSet [X] does not exist`.
pub(crate) fn is_missing(message: &str) -> bool {
    message.contains("does not exist")
}

/// Returns whether no stack imports the export. `ListImports` makes that an error:
/// `Export 'X' is not imported by any stack.`
pub(crate) fn is_unused_export(message: &str) -> bool {
    message.contains("not imported by any stack")
}

/// Returns whether another drift detection of the stack is running:
/// `Drift detection [X] is already in progress.`
pub(crate) fn is_drift_detection_running(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("drift") && message.contains("in progress")
}

/// Returns whether AWS rejects a signature because the clock of this machine is wrong. The error has the
/// same code as a wrong secret key: `Signature expired: X is now earlier than Y`,
/// `Signature not yet current: …`.
pub(crate) fn is_clock_skew(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("not yet current")
}

/// Returns whether the service accepts only operations in EXPRESS mode, because the stack failed in that
/// mode: `Follow-up operations must use the same DeploymentConfig (mode=EXPRESS) until the stack reaches
/// a *_COMPLETE state`.
pub(crate) fn requires_express(message: &str) -> bool {
    message.contains("must use the same DeploymentConfig") && message.contains("EXPRESS")
}

/// Returns whether the service does not roll a stack back, because it failed in EXPRESS mode:
/// `RollbackStack is not supported for stacks that were last updated using EXPRESS deployment mode and
/// are in a failed state`.
pub(crate) fn cannot_roll_back_express(message: &str) -> bool {
    message.contains("RollbackStack is not supported") && message.contains("EXPRESS")
}

// Change sets. A failed one has a reason and no code.

/// Returns whether a change set failed only because it has no changes.
pub(crate) fn is_without_changes(reason: &str) -> bool {
    reason.contains("The submitted information didn't contain changes")
        || reason.contains("No updates are to be performed")
}

/// Returns whether a change set failed in the checks before the deployment. Their findings are events.
pub(crate) fn is_failed_validation(reason: &str) -> bool {
    reason.contains("validation failed")
}

/// Returns whether the reason of a change set is only a warning: `[WARN] …`.
pub(crate) fn is_warning(reason: &str) -> bool {
    reason.starts_with("[WARN]")
}

/// Returns the ARN of the nested change set that made its parent fail:
/// `Nested change set ARN was not successfully created: …`.
pub(crate) fn failed_nested_change_set(reason: &str) -> Option<&str> {
    let rest = reason.strip_prefix("Nested change set ")?;
    let id = rest.split_whitespace().next()?;
    id.starts_with("arn:").then_some(id)
}

// Events. A status shows that a resource failed, and only the reason shows why.

/// Returns whether the user started the operation or the rollback: `User Initiated`.
pub(crate) fn is_user_initiated(reason: &str) -> bool {
    starts_with(reason, "User Initiated")
}

/// Returns whether a resource was stopped because another one failed: `Resource creation cancelled`,
/// `Resource update cancelled`.
pub(crate) fn is_cancelled(reason: &str) -> bool {
    let mut words = reason.split_whitespace();
    let is = |word: Option<&str>, expected: &str| {
        word.is_some_and(|word| word.trim_end_matches('.').eq_ignore_ascii_case(expected))
    };
    is(words.next(), "resource") && words.next().is_some() && is(words.next(), "cancelled")
}

/// Returns whether a resource is replaced: `Requested update requires the creation of a new physical
/// resource; hence creating one.`
pub(crate) fn is_replacement(reason: &str) -> bool {
    starts_with(
        reason,
        "Requested update requires the creation of a new physical resource",
    )
}

/// Returns whether a stack repeats the reason of its nested stack: `Embedded stack ARN was not
/// successfully created: …`.
pub(crate) fn is_about_nested_stack(reason: &str) -> bool {
    starts_with(reason, "Embedded stack ")
}

/// Returns whether a stack lists its failed resources, or refers to the events that list them.
pub(crate) fn lists_failures(reason: &str) -> bool {
    const STARTS: [&str; 3] = [
        "The following resource(s) failed to ",
        "Rollback requested by user",
        "Validation failure detected",
    ];
    STARTS.iter().any(|start| starts_with(reason, start)) || reason.contains("Call DescribeEvents")
}

/// Returns whether a stack refers to `DescribeEvents` for the findings of its checks.
pub(crate) fn refers_to_events(reason: &str) -> bool {
    reason.contains("DescribeEvents")
}

/// Returns whether a deletion follows a failed creation automatically:
/// `The following resource(s) failed to create: [X]. . Delete requested by user.`
pub(crate) fn follows_failure(reason: &str) -> bool {
    reason.contains("failed to")
}

/// Returns whether an instance reported success: `Received SUCCESS signal with UniqueId X`.
pub(crate) fn is_success_signal(reason: &str) -> bool {
    starts_with(reason, "Received SUCCESS signal")
}

/// Returns whether the reason of an event in progress mentions a failure.
pub(crate) fn mentions_failure(reason: &str) -> bool {
    const WORDS: [&str; 8] = [
        "fail",
        "error",
        "denied",
        "not authorized",
        "unable",
        "unhealthy",
        "did not",
        "timed out",
    ];
    let reason = reason.to_ascii_lowercase();
    WORDS.iter().any(|word| reason.contains(word))
}

/// Returns whether a reason names a hook: `The following hook(s) failed: [NAME]`. The event of the
/// resource has no member for the hook that stopped it.
pub(crate) fn names_hook(reason: &str, hook: &str) -> bool {
    !hook.is_empty() && reason.contains(hook)
}

/// Returns whether a hook of the account made a change set fail:
/// `The following hook(s) failed: [NAME]`. The findings of early validation are events.
pub(crate) fn is_about_hook(reason: &str) -> bool {
    reason.contains("hook") && !reason.contains("EarlyValidation")
}

/// Returns whether a bucket could not be deleted because it holds objects:
/// `The bucket you tried to delete is not empty`.
pub(crate) fn is_not_empty(reason: &str) -> bool {
    reason.contains("not empty")
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Recognizer = fn(&str) -> bool;

    /// Checks that each function recognizes its own texts, and none that is close to them.
    fn check(cases: &[(&str, Recognizer, &[&str], &[&str])]) {
        for (name, recognizes, expected, others) in cases {
            for message in *expected {
                assert!(recognizes(message), "{name}: {message}");
            }
            for message in others.iter().chain(&[""]) {
                assert!(!recognizes(message), "{name}: {message}");
            }
        }
    }

    #[test]
    fn errors_are_recognized() {
        check(&[
            (
                "is_missing",
                is_missing,
                &[
                    "Stack with id demo does not exist",
                    "ChangeSet [arn:aws:cloudformation:x] does not exist",
                ],
                &["Stack [demo] already exists"],
            ),
            (
                "is_unused_export",
                is_unused_export,
                &["Export 'demo' is not imported by any stack."],
                &["Export demo does not exist"],
            ),
            (
                "is_drift_detection_running",
                is_drift_detection_running,
                &[
                    "Drift detection is in progress for [arn:aws:cloudformation:x]",
                    "Drift detection [1a229160] is already in progress.",
                ],
                &["Stack [s] is in UPDATE_IN_PROGRESS state"],
            ),
            (
                "requires_express",
                requires_express,
                &[
                    "This stack is in a UPDATE_FAILED state from a previous operation that used EXPRESS \
                     deployment mode with disable-rollback. Follow-up operations must use the same \
                     DeploymentConfig (mode=EXPRESS) until the stack reaches a *_COMPLETE state",
                ],
                &["DeploymentConfig (mode=EXPRESS) is not supported in this region"],
            ),
            (
                "cannot_roll_back_express",
                cannot_roll_back_express,
                &[
                    "RollbackStack is not supported for stacks that were last updated using EXPRESS \
                     deployment mode and are in a failed state",
                ],
                &["RollbackStack cannot be called from current stack status"],
            ),
            (
                "is_clock_skew",
                is_clock_skew,
                &[
                    "Signature expired: 20260101T000000Z is now earlier than 20260102T000000Z",
                    "Signature not yet current: 20260102T000000Z is still later than 20260101T000000Z",
                ],
                &["The request signature we calculated does not match the one you provided"],
            ),
        ]);
    }

    #[test]
    fn reasons_of_change_sets_are_recognized() {
        check(&[
            (
                "is_without_changes",
                is_without_changes,
                &[
                    "The submitted information didn't contain changes. Submit different information",
                    "No updates are to be performed.",
                ],
                &["No export named demo found"],
            ),
            (
                "is_failed_validation",
                is_failed_validation,
                &["The following hook(s)/validation failed: [AWS::EarlyValidation::X]"],
                &["Validation failure detected"],
            ),
            (
                "is_about_hook",
                is_about_hook,
                &["The following hook(s) failed: [Private::Guard::Hook]"],
                &[
                    "The following hook(s)/validation failed: [AWS::EarlyValidation::X]",
                    "no updates",
                ],
            ),
            (
                "is_warning",
                is_warning,
                &["[WARN] --include-property-values option can return incomplete data"],
                &["Failed to read [WARN]"],
            ),
        ]);
    }

    #[test]
    fn reasons_of_events_are_recognized() {
        check(&[
            (
                "is_user_initiated",
                is_user_initiated,
                &["User Initiated", "user initiated"],
                &["Rollback requested by user."],
            ),
            (
                "is_cancelled",
                is_cancelled,
                &["Resource creation cancelled", "Resource update Cancelled."],
                &[
                    "Resource cancelled",
                    "The creation of the resource was cancelled",
                ],
            ),
            (
                "is_replacement",
                is_replacement,
                &[
                    "Requested update requires the creation of a new physical resource; hence creating \
                     one.",
                ],
                &["The update requires the creation of a new physical resource"],
            ),
            (
                "is_about_nested_stack",
                is_about_nested_stack,
                &["Embedded stack arn:aws:cloudformation:x was not successfully created: no"],
                &["Stack arn:aws:cloudformation:x was embedded"],
            ),
            (
                "lists_failures",
                lists_failures,
                &[
                    "The following resource(s) failed to create: [A, B].",
                    "Rollback requested by user.",
                    "Validation failure detected. Call DescribeEvents for details",
                ],
                &[
                    "The role failed to create a bucket",
                    "not authorized to perform: cloudformation:DescribeEvents",
                ],
            ),
            (
                "refers_to_events",
                refers_to_events,
                &["use the DescribeEvents API for detailed failure information."],
                &["use the console for detailed failure information."],
            ),
            (
                "follows_failure",
                follows_failure,
                &["The following resource(s) failed to create: [A]. . Delete requested by user."],
                &["User Initiated"],
            ),
            (
                "is_success_signal",
                is_success_signal,
                &["Received SUCCESS signal with UniqueId i-1"],
                &["Received 0 SUCCESS signal(s) out of 1"],
            ),
            (
                "mentions_failure",
                mentions_failure,
                &[
                    "Unable to reach the host",
                    "Failed to receive 1 resource signal(s)",
                ],
                &["Resource creation Initiated"],
            ),
            (
                "is_not_empty",
                is_not_empty,
                &["The bucket you tried to delete is not empty. You must delete all versions"],
                &["The bucket is empty"],
            ),
        ]);
    }

    #[test]
    fn the_nested_change_set_and_the_hook_are_found_in_a_reason() {
        let arn = "arn:aws:cloudformation:eu-west-1:1:changeSet/x/1";
        let reason =
            format!("Nested change set {arn} was not successfully created: Currently in FAILED.");
        assert_eq!(failed_nested_change_set(&reason), Some(arn));
        for other in ["", "Nested change set", "Nested change set x failed", arn] {
            assert_eq!(failed_nested_change_set(other), None, "{other}");
        }
        let reason = "The following hook(s) failed: [Private::Guard::Hook]";
        assert!(names_hook(reason, "Private::Guard::Hook"));
        assert!(!names_hook(reason, "Private::Other::Hook"));
        assert!(!names_hook(reason, ""), "an event without a hook");
    }
}
