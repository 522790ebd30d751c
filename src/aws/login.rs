//! The credentials in use: why they cannot be loaded, and what helps if a service refuses them.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::credentials::Unavailable;
use super::error_chain::{Chain, find};
use super::shared_config::explain_unopened;
use crate::cloudformation::diagnosis::advice_on_call;
use crate::cloudformation::service_message;
use crate::error::{Error, ErrorKind};

/// What is known of the credentials in use, for the hint that renews them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Login {
    /// The profile that the user chose; `None` if variables or the default choose it.
    pub(super) profile: Option<String>,
    /// The profile that the manifest names, on a machine that has no profiles.
    pub(super) absent_profile: Option<String>,
    pub(super) kind: LoginKind,
    /// Why files that exist could not be opened.
    pub(super) unopened: Vec<String>,
    /// The command line that deploys without an account.
    pub(super) without_account: String,
    /// The command line of `doctor`.
    pub(super) doctor: String,
}

/// How the user logs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum LoginKind {
    /// Single sign-on (IAM Identity Center), perhaps to assume a role.
    SignOn,
    /// `aws login`.
    Session,
    #[default]
    Other,
}

/// Why the credentials could not be loaded, as the cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotLoaded(String);

impl Login {
    /// Returns a command line of the AWS CLI for the chosen profile.
    pub(super) fn command(&self, command: &str) -> String {
        match &self.profile {
            Some(profile) => format!("aws {command} --profile {profile}"),
            None => format!("aws {command}"),
        }
    }

    /// Adds what helps against an error that a service returned, by its code.
    pub(super) fn hint(&self, fault: Error, code: &str, message: &str) -> Error {
        match code {
            code if is_expiry(code) => fault
                .hint(format!("the credentials have expired: run `{}`", self.renewal()))
                .hint("or export fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"),
            code if is_unknown(code) => fault
                .hint(format!(
                    "AWS does not know these credentials: check them with `{}`",
                    self.command("sts get-caller-identity")
                )),
            "RequestTimeTooSkewed" => self.clock(fault),
            "SignatureDoesNotMatch" | "InvalidSignatureException"
                if service_message::is_clock_skew(message) => {
                self.clock(fault)
            }
            "SignatureDoesNotMatch" | "InvalidSignatureException" => fault.hint(format!(
                "the secret access key does not belong to the access key id: run `{}`",
                self.command("configure")
            )),
            "OptInRequired" => fault.hint("the account has not enabled this region"),
            code => {
                let advice = advice_on_call(code, message);
                let hint = advice.and_then(|it| it.hint_on_call(|it| format!("stackctl {it}")));
                hint.into_iter().fold(fault, Error::hint)
            }
        }
    }

    fn clock(&self, fault: Error) -> Error {
        let fault = fault.hint(
            "this machine's clock is off by more than AWS accepts: set it, for example by NTP",
        );
        match self.doctor.as_str() {
            "" => fault,
            doctor => fault.hint(format!("`{doctor}` shows by how much")),
        }
    }

    /// Returns the command line that renews the credentials.
    fn renewal(&self) -> String {
        self.command(match self.kind {
            LoginKind::Session => "login",
            _ => "sso login",
        })
    }

    /// Returns the error for credentials that could not be loaded.
    pub(super) fn error(&self, cause: &CredentialsError) -> Error {
        let failed = |message: &str| Error::new(ErrorKind::Service, message);
        let unavailable = find::<Unavailable>(cause);
        if let Some(Unavailable::Nothing) = unavailable {
            return self.nothing();
        }
        let refused = refusal(cause);
        let text = match (unavailable, &refused) {
            (Some(unavailable), _) => unavailable.to_string(),
            (None, Some(Refusal { code, message, .. })) => format!("{message} ({code})"),
            (None, None) => Chain::of(cause).to_string(),
        };
        let needs_sign_on = matches!(unavailable, Some(Unavailable::SignOnSession(_)))
            || refused.as_ref().is_some_and(|it| it.is_of_session);
        let fault = if needs_sign_on {
            failed("the single sign-on session is missing or has expired")
                .hint(format!("run `{}`", self.command("sso login")))
        } else if let Some(Unavailable::LoginSession(_)) = unavailable {
            failed("the session of `aws login` is missing or has expired")
                .hint(format!("run `{}`", self.command("login")))
                .hint(format!(
                    "if you logged in within twelve hours, `{}` renews it",
                    self.command("sts get-caller-identity")
                ))
        } else if let Some(Unavailable::CodeUsed(_)) = unavailable {
            failed("the AWS credentials have expired").hint("run the command again with a new code")
        } else {
            let fault = failed("the AWS credentials could not be loaded");
            let fault = match &refused {
                Some(Refusal { code, message, .. }) => self.hint(fault, code, message),
                None => fault,
            };
            if fault.hints().is_empty() {
                let command = self.command("sts get-caller-identity");
                fault.hint(format!("check them with `{command}`"))
            } else {
                fault
            }
        };
        fault.caused_by(NotLoaded(text))
    }

    fn nothing(&self) -> Error {
        let error = match &self.absent_profile {
            Some(profile) => Error::new(
                ErrorKind::Service,
                format!("this machine has neither the profile `{profile}` nor other AWS credentials"),
            )
            .hint(format!(
                "create it with `aws configure sso --profile {profile}`, or choose another with `--profile`"
            )),
            None => Error::new(ErrorKind::Service, "no AWS credentials were found")
                .hint(format!(
                    "run `{}` or `{}`",
                    self.command("sso login"),
                    self.command("configure")
                ))
                .hint(format!(
                    "without an account: `{}` deploys to the embedded emulator",
                    self.without_account
                )),
        };
        explain_unopened(error, &self.unopened)
    }
}

/// How a service answered a request for credentials.
struct Refusal {
    code: String,
    message: String,
    /// Whether only a new single sign-on session helps.
    is_of_session: bool,
}

fn refusal(cause: &CredentialsError) -> Option<Refusal> {
    let of_sts = read_refusal::<AssumeRoleError>(cause);
    let of_sts = of_sts.or_else(|| read_refusal::<AssumeRoleWithWebIdentityError>(cause));
    of_sts.or_else(|| {
        let error = find::<SdkError<GetRoleCredentialsError>>(cause)?.as_service_error();
        let mut refusal = read_refusal::<GetRoleCredentialsError>(cause)?;
        refusal.is_of_session =
            error.is_some_and(GetRoleCredentialsError::is_unauthorized_exception);
        Some(refusal)
    })
}

fn read_refusal<E>(cause: &CredentialsError) -> Option<Refusal>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = find::<SdkError<E>>(cause)?.as_service_error()?;
    Some(Refusal {
        code: error.code()?.to_owned(),
        message: error
            .message()
            .unwrap_or("the service gave no reason")
            .to_owned(),
        is_of_session: false,
    })
}

/// Returns whether the credentials have expired.
pub(super) fn is_expiry(code: &str) -> bool {
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired"].contains(&code)
}

/// Returns whether AWS does not know the credentials.
pub(super) fn is_unknown(code: &str) -> bool {
    [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "AuthFailure",
    ]
    .contains(&code)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sso::types::error::UnauthorizedException;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn answer(status: u16) -> HttpResponse {
        let status = StatusCode::try_from(status).unwrap_or_else(|error| panic!("{error}"));
        HttpResponse::new(status, SdkBody::empty())
    }

    fn metadata(code: &str) -> ErrorMetadata {
        ErrorMetadata::builder().code(code).message("no").build()
    }

    fn refused_role(code: &str) -> CredentialsError {
        let error = AssumeRoleError::generic(metadata(code));
        CredentialsError::provider_error(SdkError::service_error(error, answer(403)))
    }

    fn refused_session(error: GetRoleCredentialsError) -> CredentialsError {
        CredentialsError::provider_error(SdkError::service_error(error, answer(401)))
    }

    #[test]
    fn why_credentials_cannot_be_loaded_decides_what_to_do() {
        let session = "the single sign-on session is missing or has expired";
        let other = "the AWS credentials could not be loaded";
        let unauthorized = UnauthorizedException::builder()
            .message("no")
            .meta(metadata("UnauthorizedException"))
            .build();
        let unauthorized = GetRoleCredentialsError::UnauthorizedException(unauthorized);
        let forbidden = GetRoleCredentialsError::generic(metadata("ForbiddenException"));
        let because = |reason: Unavailable| CredentialsError::provider_error(reason);
        let text = |text: &str| because(Unavailable::Unusable(text.to_owned()));
        let cases = [
            (
                because(Unavailable::SignOnSession("no file".into())),
                session,
                "aws sso login --profile p",
            ),
            (
                refused_session(unauthorized),
                session,
                "aws sso login --profile p",
            ),
            (
                refused_session(forbidden),
                other,
                "use a profile that has it (--profile)",
            ),
            (
                because(Unavailable::LoginSession("no file".into())),
                "the session of `aws login` is missing or has expired",
                "aws login --profile p",
            ),
            (
                because(Unavailable::CodeUsed("device".into())),
                "the AWS credentials have expired",
                "run the command again",
            ),
            (
                refused_role("AccessDenied"),
                other,
                "use a profile that has it (--profile)",
            ),
            (
                refused_role("ExpiredToken"),
                other,
                "the credentials have expired",
            ),
            (refused_role("Other"), other, "aws sts get-caller-identity"),
            (
                because(Unavailable::Nothing),
                "no AWS credentials were found",
                "aws sso login",
            ),
            // What a program writes is its own text: "processor" has the letters of "sso" in it.
            (
                text("the processor failed"),
                other,
                "aws sts get-caller-identity",
            ),
            (
                text("the token expired"),
                other,
                "aws sts get-caller-identity",
            ),
        ];
        let login = Login {
            profile: Some("p".to_owned()),
            ..Login::default()
        };
        for (cause, message, hint) in cases {
            let error = login.error(&cause);
            assert_eq!(error.to_string(), message, "{cause:?}");
            assert!(error.hints()[0].contains(hint), "{cause:?}: {error:?}");
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            assert!(!cause.is_some_and(|it| it.contains('{')), "{error:?}");
        }
        let absent = Login {
            absent_profile: Some("nowhere".to_owned()),
            ..Login::default()
        };
        let error = absent.error(&because(Unavailable::Nothing));
        assert_eq!(
            error.to_string(),
            "this machine has neither the profile `nowhere` nor other AWS credentials"
        );
        assert!(error.hints()[0].contains("aws configure sso --profile nowhere"));
    }
}
