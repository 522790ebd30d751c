//! The credentials in use: what the shared configuration says of them, why they cannot be loaded, and
//! what helps if a service refuses them.
//!
//! The SDK reports some of these failures as text alone, for example that a profile does not exist.
//! What the profile says is therefore read here too, and decides in place of that text.

use std::borrow::Cow;

use aws_config::imds::client::error::ImdsError;
use aws_config::profile::{self, ProfileSet};
use aws_credential_types::provider::error::{CredentialsError, TokenError};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_types::os_shim_internal::{Env, Fs};

use super::error_chain::{Chain, find};
use crate::cloudformation::diagnosis::advice_on_call;
use crate::cloudformation::service_message;
use crate::config::origin::Origin;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, ErrorKind, Result};
use crate::util::suggest::{nearest, quoted};

/// How many `source_profile` are followed. The SDK refuses a loop of them.
const SOURCES: usize = 10;

/// What is known of the credentials in use, for the hint that renews them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Login {
    /// The profile that the user chose; `None` if the SDK chooses it.
    profile: Option<String>,
    kind: ProfileKind,
    /// The profiles of the shared configuration.
    known: Vec<String>,
}

/// What the shared configuration says of the profile in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ProfileKind {
    /// There is no such profile.
    Missing,
    /// It uses single sign-on (IAM Identity Center), or assumes a role with a profile that does.
    SingleSignOn,
    /// It has something else, or it could not be read.
    #[default]
    Other,
}

/// Why the credentials could not be loaded, as the cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotLoaded(String);

impl Login {
    /// Returns what the shared configuration files of this user say of the profile; `None` stands for
    /// the profile that the SDK chooses.
    pub(super) async fn of_profile(profile: Option<&str>) -> Self {
        Self::read(&Fs::real(), &Env::real(), profile).await
    }

    async fn read(fs: &Fs, env: &Env, profile: Option<&str>) -> Self {
        let name = profile.map(|name| Cow::Owned(name.to_owned()));
        let profiles = profile::load(fs, env, &EnvConfigFiles::default(), name).await;
        Self {
            profile: profile.map(str::to_owned),
            kind: profiles.as_ref().map_or(ProfileKind::Other, kind),
            known: profiles.as_ref().map_or_else(
                |_| Vec::new(),
                |profiles| profiles.profiles().map(str::to_owned).collect(),
            ),
        }
    }

    /// Checks the profile that the user chose; `origin` is where.
    ///
    /// # Errors
    ///
    /// If the shared configuration has profiles, but not this one. A machine without any profile, such
    /// as a build machine, may have other credentials.
    pub(super) fn check(&self, origin: &Origin) -> Result<()> {
        let Some(profile) = &self.profile else {
            return Ok(());
        };
        if self.kind != ProfileKind::Missing || self.known.is_empty() {
            return Ok(());
        }
        let message = format!("the shared AWS configuration has no profile `{profile}`");
        let problem = Diagnostic::error("unknown-profile", message, origin.place(""));
        let known = || self.known.iter().map(String::as_str);
        let problem = match nearest(profile, known()) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem.help(format!("the profiles are {}", quoted(known()))),
        };
        Err(Error::input("the profile does not exist on this machine")
            .with_diagnostics(vec![problem])
            .hint("`--profile NAME` chooses another one"))
    }

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
                .hint(format!("the credentials have expired: run `{}`", self.command("sso login")))
                .hint("or export fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"),
            code if is_unknown(code) => fault
                .hint(format!(
                    "AWS does not know these credentials: check them with `{}`",
                    self.command("sts get-caller-identity")
                )),
            "RequestTimeTooSkewed" => clock(fault),
            "SignatureDoesNotMatch" | "InvalidSignatureException"
                if service_message::is_clock_skew(message) => {
                clock(fault)
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

    /// Returns the error for credentials that could not be loaded.
    pub(super) fn error(&self, cause: &CredentialsError) -> Error {
        let chain = NotLoaded(Chain::of(cause).to_string());
        let is_nothing_there = matches!(cause, CredentialsError::CredentialsNotLoaded(_));
        if let Some(profile) = &self.profile
            && self.kind == ProfileKind::Missing
            && is_nothing_there
        {
            return Error::new(
                ErrorKind::Service,
                format!("this machine has neither the profile `{profile}` nor other AWS credentials"),
            )
            .hint(format!(
                "create it with `aws configure sso --profile {profile}`, or choose another with `--profile`"
            ))
            .caused_by(chain);
        }
        if self.lacks_session(cause) {
            return Error::new(
                ErrorKind::Service,
                "the single sign-on session is missing or has expired",
            )
            .hint(format!("run `{}`", self.command("sso login")))
            .caused_by(chain);
        }
        // The instance metadata service is the last provider. Its refusal adds nothing.
        if is_nothing_there || find::<ImdsError>(cause).is_some() {
            return Error::new(ErrorKind::Service, "no AWS credentials were found")
                .hint(format!(
                    "run `{}` or `{}`",
                    self.command("sso login"),
                    self.command("configure")
                ))
                .hint(
                    "without an account: `stackctl apply --env local` deploys to the embedded emulator",
                );
        }
        let fault = Error::new(
            ErrorKind::Service,
            "the AWS credentials could not be loaded",
        );
        let refused = find::<SdkError<AssumeRoleError>>(cause);
        let fault = match refused.and_then(ProvideErrorMetadata::code) {
            Some(code) => {
                let message = refused.and_then(ProvideErrorMetadata::message);
                self.hint(fault, code, message.unwrap_or_default())
            }
            None => fault,
        };
        let fault = if fault.hints().is_empty() {
            let command = self.command("sts get-caller-identity");
            fault.hint(format!("check them with `{command}`"))
        } else {
            fault
        };
        fault.caused_by(chain)
    }

    /// Returns whether only a new single sign-on session helps.
    fn lacks_session(&self, cause: &CredentialsError) -> bool {
        if find::<TokenError>(cause).is_some() {
            return true;
        }
        if let Some(refused) = find::<SdkError<GetRoleCredentialsError>>(cause) {
            return refused
                .as_service_error()
                .is_some_and(GetRoleCredentialsError::is_unauthorized_exception);
        }
        // The SDK keeps the type for a cached token that it cannot read to itself. Of a profile for
        // single sign-on, nothing else is left but a role that cannot be assumed.
        self.kind == ProfileKind::SingleSignOn
            && matches!(cause, CredentialsError::ProviderError(_))
            && find::<SdkError<AssumeRoleError>>(cause).is_none()
    }
}

fn kind(profiles: &ProfileSet) -> ProfileKind {
    let mut name = profiles.selected_profile();
    for depth in 0..SOURCES {
        let Some(profile) = profiles.get_profile(name) else {
            return match depth {
                0 => ProfileKind::Missing,
                _ => ProfileKind::Other,
            };
        };
        let keys = ["sso_session", "sso_start_url"];
        if keys.iter().any(|key| profile.get(key).is_some()) {
            return ProfileKind::SingleSignOn;
        }
        match profile.get("source_profile") {
            Some(source) => name = source,
            None => break,
        }
    }
    ProfileKind::Other
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

fn clock(fault: Error) -> Error {
    fault.hint("this machine's clock is off by more than AWS accepts: set it, for example by NTP")
}

#[cfg(test)]
mod tests {
    use aws_sdk_sso::types::error::UnauthorizedException;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    const CONFIG: &str = "\
        [default]\nregion = eu-west-1\n\
        [profile session]\nsso_session = company\nsso_account_id = 1\nsso_role_name = x\n\
        [sso-session company]\nsso_start_url = https://x\n\
        [profile legacy]\nsso_start_url = https://x\n\
        [profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = session\n\
        [profile loop]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = loop\n\
        [profile dangling]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = nowhere\n\
        [profile program]\ncredential_process = sso-helper\n";

    async fn login(profile: Option<&str>) -> Login {
        let fs = Fs::from_slice(&[("/home/.aws/config", CONFIG)]);
        let env = Env::from_slice(&[("HOME", "/home")]);
        Login::read(&fs, &env, profile).await
    }

    #[tokio::test]
    async fn a_profile_that_does_not_exist_is_refused_where_others_do() {
        let check = |login: Login| {
            login
                .check(&Origin::Default)
                .map_err(|error| error.diagnostics()[0].help.join("\n"))
        };
        assert_eq!(check(login(Some("session")).await), Ok(()));
        assert_eq!(check(login(None).await), Ok(()));
        let near = check(login(Some("sesion")).await);
        assert_eq!(near, Err("did you mean `session`?".to_owned()));
        let unlike = check(login(Some("xyz")).await);
        assert!(matches!(unlike, Err(help) if help.starts_with("the profiles are `")));
        let fs = Fs::from_slice(&[]);
        let env = Env::from_slice(&[("HOME", "/home")]);
        let build_machine = Login::read(&fs, &env, Some("session")).await;
        assert_eq!(check(build_machine), Ok(()));
    }

    fn answer(status: u16) -> HttpResponse {
        let status = StatusCode::try_from(status).unwrap_or_else(|error| panic!("{error}"));
        HttpResponse::new(status, SdkBody::empty())
    }

    fn refused_role(code: &str) -> CredentialsError {
        let metadata = ErrorMetadata::builder().code(code).message("no").build();
        let error = AssumeRoleError::generic(metadata);
        CredentialsError::provider_error(SdkError::service_error(error, answer(403)))
    }

    fn refused_session(error: GetRoleCredentialsError) -> CredentialsError {
        CredentialsError::provider_error(SdkError::service_error(error, answer(401)))
    }

    #[tokio::test]
    async fn the_kind_of_a_profile_is_read_off_the_configuration() {
        let cases = [
            (None, ProfileKind::Other),
            (Some("session"), ProfileKind::SingleSignOn),
            (Some("legacy"), ProfileKind::SingleSignOn),
            (Some("role"), ProfileKind::SingleSignOn),
            (Some("loop"), ProfileKind::Other),
            (Some("dangling"), ProfileKind::Other),
            (Some("program"), ProfileKind::Other),
            (Some("nowhere"), ProfileKind::Missing),
        ];
        for (profile, expected) in cases {
            assert_eq!(login(profile).await.kind, expected, "{profile:?}");
        }
    }

    #[tokio::test]
    async fn why_credentials_cannot_be_loaded_decides_what_to_do() {
        let session = "the single sign-on session is missing or has expired";
        let other = "the AWS credentials could not be loaded";
        let unauthorized = || {
            let error = UnauthorizedException::builder().message("no").build();
            refused_session(GetRoleCredentialsError::UnauthorizedException(error))
        };
        let metadata = ErrorMetadata::builder().code("ForbiddenException").build();
        let forbidden = refused_session(GetRoleCredentialsError::generic(metadata));
        let text = |text: &str| CredentialsError::provider_error(text.to_owned());
        let token = CredentialsError::provider_error(TokenError::provider_error("no file"));
        let cases = [
            (
                Some("session"),
                token,
                session,
                "aws sso login --profile session",
            ),
            (
                Some("legacy"),
                text("no such file"),
                session,
                "aws sso login --profile legacy",
            ),
            (
                Some("legacy"),
                unauthorized(),
                session,
                "aws sso login --profile legacy",
            ),
            (
                Some("legacy"),
                forbidden,
                other,
                "aws sts get-caller-identity",
            ),
            (
                Some("role"),
                refused_role("AccessDenied"),
                other,
                "use a profile that has it (--profile)",
            ),
            (
                Some("role"),
                refused_role("ExpiredToken"),
                other,
                "the credentials have expired",
            ),
            (
                Some("role"),
                refused_role("Other"),
                other,
                "aws sts get-caller-identity",
            ),
            (
                Some("nowhere"),
                CredentialsError::not_loaded_no_source(),
                "this machine has neither the profile `nowhere` nor other AWS credentials",
                "aws configure sso --profile nowhere",
            ),
            (
                None,
                CredentialsError::not_loaded_no_source(),
                "no AWS credentials were found",
                "aws sso login",
            ),
            // What a program writes is its own text: "processor" has the letters of "sso" in it.
            (
                Some("program"),
                text("the processor failed"),
                other,
                "aws sts get-caller-identity",
            ),
            (
                Some("program"),
                text("the token expired"),
                other,
                "aws sts get-caller-identity",
            ),
        ];
        for (profile, cause, message, hint) in cases {
            let error = login(profile).await.error(&cause);
            assert_eq!(error.to_string(), message, "{cause:?}");
            assert!(error.hints()[0].contains(hint), "{cause:?}: {error:?}");
        }
    }
}
