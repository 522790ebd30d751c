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
use super::login::{Login, NotLoaded};
use crate::cloudformation::service_message;
use crate::error::{Error, ErrorKind};

/// What the service said, as the cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[error("{message} ({code})")]
struct Answer {
    code: String,
    message: String,
}

/// Returns whether a service refused a call because the caller lacks the permission.
pub(crate) fn is_denied<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(|answer| answer.code());
    code.is_some_and(|code| code.starts_with("AccessDenied") || code.starts_with("Unauthorized"))
}

/// Returns whether a call failed because its credentials have ended, which no repetition changes.
pub(crate) fn needs_login(error: &Error) -> bool {
    error.source().is_some_and(|cause| {
        let answer = cause.downcast_ref::<Answer>();
        cause.is::<NotLoaded>()
            || answer.is_some_and(|answer| is_expiry(&answer.code) || is_unknown(&answer.code))
    })
}

fn is_expiry(code: &str) -> bool {
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired"].contains(&code)
}

/// Returns whether AWS does not know the credentials.
fn is_unknown(code: &str) -> bool {
    [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "AuthFailure",
    ]
    .contains(&code)
}

/// Returns the error for an answer that lacks a member which its API promises.
pub(crate) fn incomplete(operation: &str, member: &str) -> Error {
    Error::new(
        ErrorKind::Service,
        format!("the answer to {operation} has no {member}"),
    )
    .hint("if an emulator or a proxy answers here, check that it is the right one")
}

/// Returns the error for a failed call; `doing` completes "cannot …".
pub(crate) fn translate<E>(
    login: &Login,
    endpoint: &Endpoint,
    doing: impl fmt::Display,
    error: &SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let said = format!("cannot {doing}");
    if let Some(answer) = error.as_service_error()
        && let Some(code) = answer.code()
    {
        let message = answer
            .message()
            .unwrap_or("the service gave no reason")
            .to_owned();
        let fault = Error::new(ErrorKind::Service, said);
        return answer_hint(login, code, &message, fault).caused_by(Answer {
            code: code.to_owned(),
            message,
        });
    }
    if let Some(cause) = find::<CredentialsError>(error) {
        return login.error(cause);
    }
    if let Some(answer) = error.raw_response() {
        return misunderstood(endpoint, said, answer, Chain::of(error));
    }
    let unreachable = matches!(error, SdkError::DispatchFailure(failure)
        if failure.is_io() || failure.is_timeout())
        || matches!(error, SdkError::TimeoutError(_));
    let fault = Error::new(ErrorKind::Service, said);
    let fault = if unreachable {
        fault.hint("check the network, the proxy and the region's name; then run the command again")
    } else {
        fault
    };
    fault.caused_by(Chain::of(error))
}

/// Returns the error for an answer that says neither what was asked nor why not. Where it is not in
/// AWS's languages, somebody else has answered: a proxy, a login page, another server.
fn misunderstood(endpoint: &Endpoint, said: String, answer: &HttpResponse, chain: Chain) -> Error {
    let header = |name| answer.headers().get(name).unwrap_or_default();
    let language = header("content-type");
    let language = language.split(';').next().unwrap_or_default().trim();
    let is_aws = ["x-amzn-requestid", "x-amz-request-id"]
        .iter()
        .any(|name| !header(name).is_empty());
    let status = answer.status().as_u16();
    let fault = Error::new(ErrorKind::Service, said);
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
    fault
        .hint(match endpoint {
            Endpoint::Aws => "a proxy or a login page seems to answer in AWS's place: check HTTPS_PROXY and the network".to_owned(),
            Endpoint::Custom(url) => format!(
                "check that {url} is the endpoint that you mean (AWS_ENDPOINT_URL, or the profile's `endpoint_url`)"
            ),
        })
        .caused_by(Chain(format!("the answer is none of AWS's: HTTP {status}{page}")))
}

pub(super) fn answer_hint(login: &Login, code: &str, message: &str, fault: Error) -> Error {
    match code {
        code if is_expiry(code) => fault
            .hint(format!("the credentials have expired: run `{}`", login.command("sso login")))
            .hint("or export fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"),
        code if is_unknown(code) => fault
            .hint(format!(
                "AWS does not know these credentials: check them with `{}`",
                login.command("sts get-caller-identity")
            )),
        "RequestTimeTooSkewed" => clock(fault),
        "SignatureDoesNotMatch" | "InvalidSignatureException"
            if service_message::is_clock_skew(message) => {
            clock(fault)
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => fault.hint(format!(
            "the secret access key does not belong to the access key id: run `{}`",
            login.command("configure")
        )),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => fault.hint(
            "ask for the permission that the message names, or use a profile that has it (--profile)",
        ),
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "SlowDown" => {
            fault.hint("AWS is throttling this account: wait a minute and run the command again")
        }
        "OptInRequired" => fault.hint("the account has not enabled this region"),
        _ => fault,
    }
}

fn clock(fault: Error) -> Error {
    fault.hint("this machine's clock is off by more than AWS accepts: set it, for example by NTP")
}

/// Returns the first error of type `T` in the chain of causes.
pub(super) fn find<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A chain of causes as one line, each said once.
///
/// The SDK's outer errors only name its own layers; what a user needs is at the chain's end.
#[derive(Debug)]
pub(super) struct Chain(String);

impl Chain {
    pub(super) fn of(error: &dyn StdError) -> Self {
        const LAYERS: [&str; 7] = [
            "dispatch failure",
            "io error",
            "timeout",
            "other",
            "service error",
            "unhandled error",
            "client error (Connect)",
        ];
        let mut said: Vec<String> = Vec::new();
        let mut next = Some(error);
        while let Some(cause) = next {
            // A program that gives credentials ends its text with a line break.
            let text = cause.to_string().trim_end().to_owned();
            if !LAYERS.contains(&text.as_str()) && !said.iter().any(|before| before.contains(&text))
            {
                said.push(text);
            }
            next = cause.source();
        }
        if said.is_empty() {
            said.push(error.to_string());
        }
        Self(said.join(": "))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Chain {}
