//! The reason of a failure in its parts: the message, and the codes around it.
//!
//! A resource handler puts the service's message between its own text and its code, and the service adds its
//! name, its HTTP status, often its error code, and request ids:
//!
//! ```text
//! Resource handler returned message: "No such key (Service: Kms, Status Code: 404, Request ID: 1)" (RequestToken: 2, HandlerErrorCode: NotFound)
//! No such key (Service: AWSKMS; Status Code: 404; Error Code: NotFoundException; Request ID: 1; Proxy: null)
//! ```

/// The parts of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason<'a> {
    /// The message, without codes and request ids.
    pub(super) message: &'a str,
    /// The code of the resource handler.
    pub(super) handler_code: Option<&'a str>,
    /// The error code of the service.
    pub(super) error_code: Option<&'a str>,
    /// The HTTP status of the service's response.
    pub(super) http_status: Option<u16>,
}

impl<'a> Reason<'a> {
    /// Returns the parts of the reason of an event.
    pub(super) fn of_event(reason: &'a str) -> Self {
        let status = code_after(reason, "Status Code: ");
        let status = status.or_else(|| code_after(reason, "status code: "));
        Self {
            message: unwrapped(reason),
            handler_code: code_after(reason, "HandlerErrorCode: "),
            error_code: code_after(reason, "Error Code: ").or_else(|| quoted_code(reason)),
            http_status: status.and_then(|status| status.parse().ok()),
        }
    }

    /// Returns the parts of the answer to a refused call. `code` is empty if there is none.
    pub(super) fn of_call(code: &'a str, message: &'a str) -> Self {
        let parts = Self::of_event(message);
        Self {
            error_code: Some(code)
                .filter(|code| !code.is_empty())
                .or(parts.error_code),
            ..parts
        }
    }
}

/// Returns the last code that follows `label`.
fn code_after<'a>(reason: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = reason.rsplit_once(label)?;
    let end = rest.find(|character: char| !is_of_code(character));
    let code = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
    (!code.is_empty()).then_some(code)
}

/// Returns the error code that an SDK puts before or into its message: `An error occurred (CODE) when …`,
/// `CODE: …`.
fn quoted_code(reason: &str) -> Option<&str> {
    let code = if let Some((_, rest)) = reason.split_once("An error occurred (") {
        rest.split_once(')')?.0
    } else {
        unwrapped(reason).split_once(": ")?.0
    };
    let is_code = code.len() > 3 && code.starts_with(|it: char| it.is_ascii_uppercase());
    (is_code && code.chars().all(is_of_code)).then_some(code)
}

fn is_of_code(character: char) -> bool {
    character.is_ascii_alphanumeric() || ".-_".contains(character)
}

/// Returns the message of a resource handler, without `Resource handler returned message: "…"`, and
/// without the service, the codes and the request ids after the message.
pub(super) fn unwrapped(reason: &str) -> &str {
    const HANDLER: &str = "Resource handler returned message: \"";
    let mut message = reason.trim();
    if let Some(inner) = message.strip_prefix(HANDLER) {
        let end = inner
            .rfind("\" (RequestToken:")
            .or_else(|| inner.rfind("(RequestToken:"));
        message = end.map_or(inner, |end| &inner[..end]).trim();
        message = message.strip_suffix('"').unwrap_or(message);
    }
    for noise in [" (Service: ", " (SDK Attempt Count: "] {
        if let Some((before, after)) = message.split_once(noise)
            && after.trim_end_matches(['.', '"']).ends_with(')')
        {
            message = before;
        }
    }
    if message.is_empty() { reason } else { message }
}

#[cfg(test)]
mod tests {
    use super::{Reason, unwrapped};

    #[test]
    fn the_text_of_the_resource_handlers_is_removed() {
        let cases = [
            ("Plain words", "Plain words"),
            (
                "Resource handler returned message: \"Name \"x\" is taken\" (RequestToken: 1-2, \
                 HandlerErrorCode: AlreadyExists)",
                "Name \"x\" is taken",
            ),
            (
                "Resource handler returned message: \"Too many (Service: Ec2, Status Code: 400, \
                 Request ID: 5)\" (RequestToken: 1, HandlerErrorCode: GeneralServiceException)",
                "Too many",
            ),
            (
                "Not empty (Service: Amazon S3; Status Code: 409; Error Code: BucketNotEmpty; x)",
                "Not empty",
            ),
            ("Resource handler returned message: \"cut", "cut"),
            ("A (Service: x) B", "A (Service: x) B"),
            ("", ""),
        ];
        for (reason, expected) in cases {
            assert_eq!(unwrapped(reason), expected);
        }
    }

    #[test]
    fn the_codes_are_found() {
        let cases = [
            ("Plain words: of no code", [None, None], None),
            ("", [None, None], None),
            (
                "Resource handler returned message: \"Too many (Service: Ec2, Status Code: 400, \
                 Request ID: 5) (SDK Attempt Count: 1)\" (RequestToken: 1, HandlerErrorCode: \
                 ServiceLimitExceeded)",
                [Some("ServiceLimitExceeded"), None],
                Some(400),
            ),
            (
                "Wait (Service: AmazonSQS; Status Code: 400; Error Code: \
                 AWS.SimpleQueueService.QueueDeletedRecently; Request ID: 5; Proxy: null)",
                [None, Some("AWS.SimpleQueueService.QueueDeletedRecently")],
                Some(400),
            ),
            (
                "An error occurred (AccessDenied) when calling the GetX operation: no",
                [None, Some("AccessDenied")],
                None,
            ),
            (
                "VpcLimitExceeded: the maximum is reached. status code: 400, request id: 1",
                [None, Some("VpcLimitExceeded")],
                Some(400),
            ),
            ("Status Code: , HandlerErrorCode: )", [None, None], None),
            ("Status Code: 99999999", [None, None], None),
            ("Error Code: ü", [None, None], None),
        ];
        for (reason, [handler_code, error_code], http_status) in cases {
            let found = Reason::of_event(reason);
            let codes = (found.handler_code, found.error_code, found.http_status);
            assert_eq!(codes, (handler_code, error_code, http_status), "{reason}");
        }
        let call = Reason::of_call("ValidationError", "Template format error: no");
        assert_eq!(call.error_code, Some("ValidationError"));
        assert_eq!(Reason::of_call("", "no").error_code, None);
    }
}
