//! From an SDK error to what the user needs to know.
//!
//! Every failed call becomes "cannot DO THIS", the service's own words as the cause, and a hint
//! where the remedy is known: a login, a permission, a clock, a network.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::Endpoint;
use super::answer::TooLong;
use super::error_chain::{Chain, find};
use super::login::{Login, NotLoaded, is_expiry, is_unknown};
use super::region;
use crate::error::{Error, ErrorKind, Result};

/// The service's message, as the cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[error("{message} ({code})")]
struct Answer {
    code: String,
    message: String,
}

/// Returns whether a service refused a call because the caller lacks the permission.
pub(crate) fn is_denied<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(|answer| answer.code());
    code.is_some_and(is_denied_code)
}

/// Returns whether a service answered with an error of this code.
pub(crate) fn has_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, code: &str) -> bool {
    let answer = error.as_service_error();
    answer.and_then(|answer| answer.code()) == Some(code)
}

fn is_denied_code(code: &str) -> bool {
    code.starts_with("AccessDenied") || code.starts_with("Unauthorized")
}

/// Returns whether an error is that of a call for which the caller lacks the permission.
pub(crate) fn lacks_permission(error: &Error) -> bool {
    let answer = error.source().and_then(|it| it.downcast_ref::<Answer>());
    answer.is_some_and(|answer| is_denied_code(&answer.code))
}

/// Returns whether an error is that of a call for something that does not exist.
pub(crate) fn is_missing(error: &Error) -> bool {
    let answer = error.source().and_then(|it| it.downcast_ref::<Answer>());
    answer.is_some_and(|answer| answer.code == "ResourceNotFoundException")
}

/// Returns the message of the service that refused a call; `None` if no service refused it.
pub(crate) fn message(error: &Error) -> Option<&str> {
    let answer = error.source()?.downcast_ref::<Answer>()?;
    Some(&answer.message)
}

/// Returns whether a call failed because its credentials have ended, which no repetition changes.
pub(crate) fn needs_login(error: &Error) -> bool {
    error.source().is_some_and(|cause| {
        let answer = cause.downcast_ref::<Answer>();
        cause.is::<NotLoaded>()
            || answer.is_some_and(|answer| is_expiry(&answer.code) || is_unknown(&answer.code))
    })
}

/// Returns whether no repetition of a call that failed helps.
pub(crate) fn is_final(error: &Error) -> bool {
    needs_login(error) || lacks_permission(error)
}

/// Returns whether a request may have had an effect although it failed: nobody answered, or the service
/// failed while it worked.
pub(super) fn is_lost<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(answer) => answer.err().code().is_none_or(|code| {
            code.starts_with("Internal") || code.starts_with("ServiceUnavailable")
        }),
        _ => true,
    }
}

/// Returns whether a service refused a request because there were too many.
pub(super) fn is_throttled<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(|answer| answer.code());
    code.is_some_and(|code| {
        code.starts_with("Throttl")
            || matches!(code, "RequestLimitExceeded" | "TooManyRequestsException")
    })
}

/// Returns the error for an answer that lacks a member which its API promises.
pub(crate) fn incomplete(operation: &str, member: &str) -> Error {
    Error::new(
        ErrorKind::Service,
        format!("the answer to {operation} has no {member}"),
    )
    .hint("if an emulator or a proxy answers here, check that it is the right one")
}

/// What the SDK puts in the place of an enumeration that its API requires and the answer lacks.
const UNSET: &str = "no value was set";

/// Returns the text of an enumeration.
///
/// # Errors
///
/// If the answer has no such member.
pub(crate) fn text(value: Option<&str>, operation: &str, member: &str) -> Result<String> {
    let value = value.filter(|value| *value != UNSET);
    value
        .map(str::to_owned)
        .ok_or_else(|| incomplete(operation, member))
}

/// Returns the list of a page of an answer; `next` is the token of the following page.
///
/// # Errors
///
/// If the answer has neither such a list nor a following page: a list without items would mean something
/// else.
pub(crate) fn list<T>(
    list: Option<Vec<T>>,
    next: Option<&str>,
    operation: &str,
    member: &str,
) -> Result<Vec<T>> {
    match (list, next) {
        (Some(list), _) => Ok(list),
        (None, Some(_)) => Ok(Vec::new()),
        (None, None) => Err(incomplete(operation, member)),
    }
}

/// Returns the error for a failed call; `doing` completes "cannot …".
pub(crate) fn translate<E>(
    login: &Login,
    (endpoint, region): (&Endpoint, &str),
    doing: impl fmt::Display,
    error: &SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let failed = format!("cannot {doing}");
    if let Some(answer) = error.as_service_error()
        && let Some(code) = answer.code()
    {
        let message = answer
            .message()
            .unwrap_or("the service gave no reason")
            .to_owned();
        let fault = Error::new(ErrorKind::Service, failed);
        return login.hint(fault, code, &message).caused_by(Answer {
            code: code.to_owned(),
            message,
        });
    }
    if let Some(cause) = find::<CredentialsError>(error) {
        return login.error(cause);
    }
    if find::<TooLong>(error).is_some() {
        let fault = Error::new(ErrorKind::Service, failed);
        return fault
            .hint(somebody_else(endpoint))
            .caused_by(Chain::of(error));
    }
    if let Some(answer) = error.raw_response() {
        return misunderstood(endpoint, failed, answer, Chain::of(error));
    }
    let unreachable = matches!(error, SdkError::DispatchFailure(failure)
        if failure.is_io() || failure.is_timeout())
        || matches!(error, SdkError::TimeoutError(_));
    let fault = Error::new(ErrorKind::Service, failed);
    let unknown = region::hint(region).filter(|_| unreachable && *endpoint == Endpoint::Aws);
    let fault = if let Some(hint) = unknown {
        fault.hint(hint)
    } else if unreachable {
        fault.hint("check the network, the proxy and the region's name; then run the command again")
    } else {
        fault
    };
    fault.caused_by(Chain::of(error))
}

/// Returns the error for an answer that says neither what was asked nor why not. Where it is not in
/// AWS's languages, somebody else has answered: a proxy, a login page, another server.
fn misunderstood(
    endpoint: &Endpoint,
    message: String,
    answer: &HttpResponse,
    chain: Chain,
) -> Error {
    let header = |name| answer.headers().get(name).unwrap_or_default();
    let language = header("content-type");
    let language = language.split(';').next().unwrap_or_default().trim();
    let is_aws = ["x-amzn-requestid", "x-amz-request-id"]
        .iter()
        .any(|name| !header(name).is_empty());
    let status = answer.status().as_u16();
    let fault = Error::new(ErrorKind::Service, message);
    if is_aws || language.ends_with("xml") || language.ends_with("json") {
        return fault.caused_by(if answer.status().is_success() {
            chain
        } else {
            Chain(format!("HTTP {status}, without a reason"))
        });
    }
    let page = match language {
        "" => String::new(),
        "text/html" => " and a web page".to_owned(),
        language => format!(" and {language}"),
    };
    fault.hint(somebody_else(endpoint)).caused_by(Chain(format!(
        "the answer is none of AWS's: HTTP {status}{page}"
    )))
}

/// Returns what helps if somebody else than AWS has answered.
fn somebody_else(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Aws => "a proxy or a login page seems to answer in AWS's place: check HTTPS_PROXY and the network".to_owned(),
        Endpoint::Custom(url) => format!(
            "check that {url} is the endpoint that you mean (AWS_ENDPOINT_URL, or the profile's `endpoint_url`)"
        ),
    }
}
