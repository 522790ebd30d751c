//! Advice about a failure: its category, and a hint from the table of known causes.

use super::known::{Failure, Known, Remedy, TABLE, Values, fill};
use super::quotas;
use super::reason::Reason;
use crate::cloudformation::event::Event;

/// Advice about a known cause.
#[derive(Debug)]
pub struct Advice {
    known: &'static Known,
    values: Values,
}

/// Returns the advice about an event; `None` if its reason is not known.
pub fn advice(event: &Event) -> Option<Advice> {
    let hook = event.hook.as_ref().filter(|hook| hook.is_failure());
    match (&event.reason, hook) {
        (Some(reason), _) => advice_on(&event.resource_type, event.status.as_str(), reason),
        (None, Some(hook)) => Advice::about_hook(&hook.name),
        (None, None) => None,
    }
}

/// Returns the advice about the reason of a resource with this type and status; `None` if the reason is
/// not known.
pub fn advice_on(resource_type: &str, status: &str, reason: &str) -> Option<Advice> {
    let failure = Failure {
        kind: resource_type,
        status,
        reason: Reason::of_event(reason),
    };
    let found = TABLE.of_event(failure)?;
    Some(Advice::new(found, resource_type))
}

/// Returns the advice about a refused call with this error code and message, or about a failed change
/// set, which has no code; `None` if the reason is not known.
pub fn advice_on_call(code: &str, message: &str) -> Option<Advice> {
    let failure = Failure {
        kind: "",
        status: "",
        reason: Reason::of_call(code, message),
    };
    Some(Advice::new(TABLE.of_call(failure)?, ""))
}

impl Advice {
    fn new((known, mut values): (&'static Known, Values), kind: &str) -> Self {
        values.push(("type".to_owned(), kind.to_owned()));
        values.push(("quotas".to_owned(), quotas::command(kind)));
        Self { known, values }
    }

    /// Returns the advice about a failed hook whose event has no reason.
    fn about_hook(name: &str) -> Option<Self> {
        let known = TABLE.of_category("hook")?;
        let values = vec![("hook".to_owned(), name.to_owned())];
        Some(Self::new((known, values), ""))
    }

    /// Returns the kind of failure, such as `already-exists`.
    pub fn category(&self) -> &'static str {
        &self.known.category
    }

    /// Returns the properties that usually cause the failure, the likeliest first.
    pub(super) fn properties(&self) -> &'static [String] {
        &self.known.properties
    }

    /// Returns the hint for an event; `None` if one of its values is missing.
    pub fn hint(&self, event: &Event) -> Option<String> {
        let mut values = self.values.clone();
        values.push(("logical_id".to_owned(), event.logical_id.clone()));
        fill(&self.known.hint, &values)
    }

    /// Returns the hint for a refused call, with the command that helps; `None` if one of its values is
    /// missing. `command` returns the command line for the arguments of stackctl.
    pub fn hint_on_call(&self, command: impl Fn(&str) -> String) -> Option<String> {
        let hint = self.known.call.as_ref().unwrap_or(&self.known.hint);
        let hint = fill(hint, &self.values)?;
        Some(match self.known.run {
            Some(remedy) => format!("{hint}: `{}`", command(&remedy.command(""))),
            None => hint,
        })
    }

    /// Returns the command of stackctl that helps; `None` if there is none.
    pub fn remedy(&self, event: &Event) -> Option<Remedy> {
        let remedy = self.known.run?;
        // No command can name a resource inside a nested stack.
        let is_possible = event.nested_in.is_empty() || remedy != Remedy::DestroyEmptying;
        is_possible.then_some(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::{advice_on, advice_on_call};

    /// Returns the category and the hint, with a logical id where it needs one.
    fn found(kind: &str, status: &str, reason: &str) -> (&'static str, String) {
        let Some(advice) = advice_on(kind, status, reason) else {
            return ("", String::new());
        };
        let event = super::Event {
            logical_id: "It".to_owned(),
            ..super::Event::default()
        };
        (advice.category(), advice.hint(&event).unwrap_or_default())
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn codes_decide_before_words() {
        let (create, update, delete) = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED");
        let handler = |message: &str, code: &str| {
            format!(
                "Resource handler returned message: \"{message}\" (RequestToken: 1, \
                 HandlerErrorCode: {code})"
            )
        };
        let service = |message: &str, status: u16, code: &str| {
            format!(
                "{message} (Service: X; Status Code: {status}; Error Code: {code}; Request ID: 1)"
            )
        };
        let cases = [
            // The code of the handler, if the words say something else or nothing.
            (
                create,
                handler("The name is invalid", "AlreadyExists"),
                "already-exists",
            ),
            (create, handler("no", "AccessDenied"), "permission"),
            (create, handler("no", "NotFound"), "not-found"),
            (update, handler("no", "NotFound"), "deleted-outside"),
            (delete, handler("no", "NotFound"), "deleted-outside"),
            (create, handler("no", "Throttling"), "throttling"),
            (create, handler("no", "ServiceLimitExceeded"), "quota"),
            (create, handler("no", "NotStabilized"), "timeout"),
            (create, handler("no", "ServiceTimeout"), "timeout"),
            (create, handler("no", "ResourceConflict"), "busy"),
            (create, handler("no", "InternalFailure"), "internal"),
            (create, handler("no", "ServiceInternalError"), "internal"),
            (create, handler("no", "NetworkFailure"), "internal"),
            (create, handler("no", "InvalidCredentials"), "credentials"),
            (create, handler("no", "InvalidRequest"), "service-rule"),
            (update, handler("no", "NotUpdatable"), "service-rule"),
            (
                create,
                handler("no", "GeneralServiceException"),
                "service-error",
            ),
            // Codes that leave the cause open do not decide before words.
            (
                create,
                handler("Rate exceeded", "GeneralServiceException"),
                "throttling",
            ),
            (
                create,
                handler("Rate exceeded", "InternalFailure"),
                "throttling",
            ),
            (
                create,
                handler("x-1 already exists", "InvalidRequest"),
                "already-exists",
            ),
            // The service's own code, then the HTTP status.
            (
                create,
                service("no", 400, "LimitExceededException"),
                "quota",
            ),
            (
                create,
                service("no", 400, "TooManyRequestsException"),
                "throttling",
            ),
            (
                create,
                service("no", 403, "InvalidClientTokenId"),
                "credentials",
            ),
            (
                create,
                service("no", 400, "EntityAlreadyExists"),
                "already-exists",
            ),
            (
                create,
                service("no", 400, "ResourceInUseException"),
                "already-exists",
            ),
            (update, service("no", 400, "ResourceInUseException"), "busy"),
            (
                delete,
                service("no", 400, "ResourceInUseException"),
                "delete-blocked",
            ),
            (
                create,
                service("no", 500, "InsufficientInstanceCapacity"),
                "capacity",
            ),
            (
                create,
                service("no", 400, "KMSAccessDeniedException"),
                "kms",
            ),
            (
                create,
                service("no", 400, "ValidationException"),
                "service-rule",
            ),
            (create, service("no", 403, "Other"), "permission"),
            (create, service("no", 404, "Other"), "not-found"),
            (create, service("no", 429, "Other"), "throttling"),
            (create, service("no", 503, "Other"), "internal"),
            (create, service("no", 400, "Other"), "service-rule"),
            // A stack returns to its status if its deletion is canceled.
            (
                "CREATE_COMPLETE",
                "Delete canceled. Cannot delete export x as it is in use by y.".to_owned(),
                "export-in-use",
            ),
            // Nothing is known.
            (create, "no".to_owned(), ""),
        ];
        for (status, reason, expected) in cases {
            let (category, hint) = found("AWS::X::Y", status, &reason);
            assert_eq!(category, expected, "{reason}: {hint}");
            assert_eq!(hint.is_empty(), expected.is_empty(), "{reason}");
        }
    }

    #[test]
    fn words_with_another_meaning_do_not_mislead() {
        let cases = [
            (
                "AWS::Lambda::Function",
                "Timeout must be between 1 and 900",
                "service-rule",
            ),
            (
                "AWS::Lambda::Function",
                "1 validation error detected: Value 'x' at 'functionName' failed to satisfy \
                 constraint: Member must have length less than or equal to 64",
                "service-rule",
            ),
            (
                "AWS::SQS::Queue",
                "KMS key ids must begin with alias/",
                "service-rule",
            ),
            (
                "AWS::AppMesh::Route",
                "The circuit breaker settings are not valid",
                "service-rule",
            ),
            (
                "AWS::EC2::Instance",
                "Duplicate tag keys found. Tag keys must be unique",
                "service-rule",
            ),
            (
                "AWS::ApiGateway::UsagePlan",
                "ThrottlingBurstLimit must be positive",
                "service-rule",
            ),
            (
                "AWS::CodePipeline::Webhook",
                "The webhook registration failed",
                "",
            ),
            (
                "AWS::RDS::DBInstance",
                "The instance cannot be modified while in stopped state",
                "service-rule",
            ),
            (
                "AWS::EC2::VPC",
                "You must enable DNS hostnames to use this endpoint",
                "service-rule",
            ),
            (
                "AWS::IAM::ServiceLinkedRole",
                "The service-linked role must be deleted by its service",
                "service-rule",
            ),
            (
                "AWS::X::Y",
                "User: a is not authorized to perform: cloudformation:DescribeEvents",
                "permission",
            ),
            (
                "AWS::Elasticsearch::Domain",
                "LifecycleState must be Active",
                "service-rule",
            ),
            (
                "AWS::X::Y",
                "Parameter Size must be a number",
                "service-rule",
            ),
            (
                "AWS::X::Y",
                "The description exceeds the maximum length",
                "",
            ),
        ];
        for (kind, reason, expected) in cases {
            let (category, hint) = found(kind, "CREATE_FAILED", reason);
            assert_eq!(category, expected, "{reason}: {hint}");
        }
        let log_group = found(
            "AWS::Logs::LogGroup",
            "CREATE_FAILED",
            "The log group already exists",
        );
        assert!(!log_group.1.contains("named group"), "{log_group:?}");
    }

    #[test]
    fn refused_calls_get_the_hints_of_the_table() {
        let cases = [
            (
                "InsufficientCapabilitiesException",
                "Requires capabilities : [CAPABILITY_NAMED_IAM]",
                "set `stack.capabilities = [\"CAPABILITY_NAMED_IAM\"]`",
            ),
            (
                "InsufficientCapabilitiesException",
                "Requires capabilities : [CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND]",
                "[\"CAPABILITY_IAM\", \"CAPABILITY_AUTO_EXPAND\"]",
            ),
            (
                "ValidationError",
                "Parameters: [Size, Zone] must have values",
                "needs values for Size, Zone",
            ),
            (
                "ValidationError",
                "Template format error: Unresolved resource dependencies [Role] in the Resources \
                 block of the template",
                "`Resources` refers to Role",
            ),
            (
                "ValidationError",
                "Stack:arn:x is in ROLLBACK_COMPLETE state and can not be updated.",
                "the stack is ROLLBACK_COMPLETE and accepts no changes now: `stackctl status`",
            ),
            (
                "AccessDenied",
                "User: arn:x is not authorized to perform: cloudformation:CreateChangeSet on \
                 resource: arn:y",
                "the caller needs cloudformation:CreateChangeSet on arn:y: allow it in a policy of \
                 that user or role, or use a profile that has it",
            ),
            ("ThrottlingException", "Rate exceeded", "wait a minute"),
            ("LimitExceededException", "no", "quota"),
            (
                "TokenAlreadyExistsException",
                "no",
                "the same request was sent before",
            ),
            ("ExpiredToken", "no", "log in again"),
            ("InternalFailure", "no", "run the command again"),
            (
                "ChangeSetNotFound",
                "ChangeSet [x] does not exist",
                "plan again",
            ),
            // What is right for a resource need not be right for a call.
            ("ValidationError", "The name is not valid", ""),
            ("NoSuchKey", "The specified key does not exist", ""),
            ("BucketAlreadyExists", "no", ""),
        ];
        for (code, message, expected) in cases {
            let advice = advice_on_call(code, message);
            let hint =
                advice.and_then(|it| it.hint_on_call(|command| format!("stackctl {command}")));
            let hint = hint.unwrap_or_default();
            assert!(
                hint.contains(expected) && hint.is_empty() == expected.is_empty(),
                "{message}: {hint}"
            );
        }
    }
}
