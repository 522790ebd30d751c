//! From an SDK error to what the user needs to know.
//!
//! Every failed call becomes "cannot DO THIS", the service's own words as the cause, and a hint
//! where the remedy is known: a login, a permission, a clock, a network.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};

use crate::error::{Error, ErrorKind};

/// What is known of the credentials in use, for the hint that renews them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Login {
    pub(crate) profile: Option<String>,
}

impl Login {
    fn command(&self, command: &str) -> String {
        match &self.profile {
            Some(profile) => format!("aws {command} --profile {profile}"),
            None => format!("aws {command}"),
        }
    }
}

/// What the service said, as the cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[error("{message} ({code})")]
struct Answer {
    code: String,
    message: String,
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
pub(crate) fn translate<E, R>(
    login: &Login,
    doing: impl fmt::Display,
    error: &SdkError<E, R>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
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
        return credentials(login, cause);
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

fn answer_hint(login: &Login, code: &str, message: &str, fault: Error) -> Error {
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => fault
            .hint(format!("the credentials have expired: run `{}`", login.command("sso login")))
            .hint("or export fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId"
        | "AuthFailure" => fault
            .hint(format!(
                "AWS does not know these credentials: check them with `{}`",
                login.command("sts get-caller-identity")
            )),
        "RequestTimeTooSkewed" => clock(fault),
        "SignatureDoesNotMatch" | "InvalidSignatureException"
            if message.contains("Signature expired") || message.contains("not yet current") => {
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

fn credentials(login: &Login, cause: &CredentialsError) -> Error {
    let chain = Chain::of(cause);
    let text = chain.to_string().to_lowercase();
    if text.contains("sso") || text.contains("token") && text.contains("expired") {
        return Error::new(
            ErrorKind::Service,
            "the single sign-on session is missing or has expired",
        )
        .hint(format!("run `{}`", login.command("sso login")))
        .caused_by(chain);
    }
    match cause {
        CredentialsError::CredentialsNotLoaded(_) => Error::new(
            ErrorKind::Service,
            "no AWS credentials were found",
        )
        .hint(format!(
            "run `{}` or `{}`",
            login.command("sso login"),
            login.command("configure")
        ))
        .hint("without an account: `stackctl apply --env local` deploys to the embedded emulator"),
        _ => Error::new(
            ErrorKind::Service,
            "the AWS credentials could not be loaded",
        )
        .hint(format!(
            "check them with `{}`",
            login.command("sts get-caller-identity")
        ))
        .caused_by(chain),
    }
}

/// Returns the first error of type `T` in the chain of causes.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
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
struct Chain(String);

impl Chain {
    fn of(error: &dyn StdError) -> Self {
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
            let text = cause.to_string();
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
