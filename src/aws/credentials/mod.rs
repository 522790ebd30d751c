//! The credentials of a connection, loaded when the first call needs them.

mod login_session;
mod process;
mod source;
mod unavailable;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sso::SsoTokenProvider;
use aws_config::{Region, imds};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Providing;
use aws_credential_types::provider::token::ProvideToken as _;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_types::SdkConfig;
use jiff::Timestamp;
use tokio::time::Instant;

use super::shared_config::SIZE;
use super::variables::{Variables, not_a_word};
use crate::config::secret::{Secret, Secrets};
use crate::util::regular_file;
use source::{Role, SignOn};
pub(super) use source::{Search, Source};
pub(super) use unavailable::Unavailable;

/// How the parts of the SDK are configured that load credentials.
#[derive(Debug, Clone)]
pub(super) struct Loading {
    /// The configuration of the connection, without credentials.
    pub(super) config: SdkConfig,
    /// For the services that answer inside a machine or a container.
    pub(super) local: ProviderConfig,
    pub(super) metadata: imds::Client,
    pub(super) variables: Variables,
    /// The secrets that no output may contain.
    pub(super) secrets: Secrets,
}

/// The codes of MFA devices, by the device; `None` for one that was used.
pub(super) type Codes = Arc<Mutex<BTreeMap<String, Option<String>>>>;

/// Until when credentials are valid. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Validity(Arc<Mutex<Option<Expiry>>>);

/// Until when credentials are valid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expiry {
    /// When the credentials expire; `None` if they do not, or do not say so.
    pub credentials: Option<Timestamp>,
    /// When the session expires with which they are renewed (single sign-on).
    pub session: Option<Timestamp>,
    /// Whether they are temporary, as credentials with a session token are.
    pub is_temporary: bool,
}

impl Validity {
    /// Returns until when the credentials are valid; `None` if none were loaded.
    pub(super) fn get(&self) -> Option<Expiry> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, expiry: Expiry) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(expiry);
    }
}

/// For how long credentials that could not be loaded are not tried again. Otherwise each stack of a project
/// would try, one after the other, and a program that asks the user would ask for each.
const NO_RETRY: Duration = Duration::from_secs(10);

/// Loads the credentials of a source.
#[derive(Debug)]
pub(super) struct Provider {
    source: Source,
    loading: Loading,
    codes: Codes,
    validity: Validity,
    /// When the single sign-on session expires, from the last load.
    session_end: Mutex<Option<Timestamp>>,
    /// The last failure, and when that was.
    failure: Mutex<Option<(Instant, Arc<CredentialsError>)>>,
}

/// A failure that several calls get.
#[derive(Debug)]
struct SameFailure(Arc<CredentialsError>);

impl fmt::Display for SameFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SameFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

impl Provider {
    pub(super) fn new(source: Source, loading: Loading, codes: Codes, validity: Validity) -> Self {
        Self {
            source,
            loading,
            codes,
            validity,
            session_end: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    async fn provide(&self) -> Result<Credentials, CredentialsError> {
        let same = |failure: &Arc<CredentialsError>| {
            Err(CredentialsError::provider_error(SameFailure(Arc::clone(
                failure,
            ))))
        };
        let failure = || self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, failure)) = &*failure()
            && at.elapsed() < NO_RETRY
        {
            return same(failure);
        }
        let provided = self.provide_now().await;
        provided.or_else(|error| {
            let error = Arc::new(error);
            *failure() = Some((Instant::now(), Arc::clone(&error)));
            same(&error)
        })
    }

    async fn provide_now(&self) -> Result<Credentials, CredentialsError> {
        let credentials = self.load(&self.source).await?;
        let secrets = [
            Some(credentials.secret_access_key()),
            credentials.session_token(),
        ];
        for secret in secrets.into_iter().flatten() {
            self.loading.secrets.add(&Secret::new(secret));
        }
        let words = [
            ("access key id", Some(credentials.access_key_id())),
            ("secret access key", Some(credentials.secret_access_key())),
            ("session token", credentials.session_token()),
        ];
        for (name, text) in words {
            if let Some(reason) = text.and_then(not_a_word) {
                return Err(unavailable(Unavailable::Unusable(format!(
                    "the {name} {reason}"
                ))));
            }
        }
        let session = self.session_end.lock();
        let session = *session.unwrap_or_else(PoisonError::into_inner);
        self.validity.set(Expiry {
            credentials: credentials.expiry().and_then(timestamp),
            session,
            is_temporary: credentials.session_token().is_some(),
        });
        Ok(credentials)
    }

    /// Boxed, because the source of a role is a source.
    fn load<'a>(
        &'a self,
        source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + 'a>> {
        Box::pin(async move {
            let loading = &self.loading;
            match source {
                Source::Keys(keys) => {
                    let (id, secret) = (keys.id.as_str(), keys.secret.as_str());
                    Ok(Credentials::new(
                        id,
                        secret,
                        keys.token.clone(),
                        None,
                        "keys",
                    ))
                }
                Source::Role(role, from) => {
                    let from = self.load(from).await?;
                    self.assume(role, from).await
                }
                Source::WebIdentity {
                    role,
                    session,
                    token_file,
                } => {
                    self.assume_by_token(role, session.as_deref(), token_file)
                        .await
                }
                Source::SignOn(sign_on) => self.sign_on(sign_on).await,
                Source::LoginSession(session) => {
                    let loaded = login_session::load(&loading.variables, session);
                    loaded.map_err(unavailable)
                }
                Source::Process(command) => process::run(command).await.map_err(unavailable),
                Source::Container => {
                    let provider = EcsCredentialsProvider::builder().configure(&loading.local);
                    provider.build().provide_credentials().await
                }
                Source::Metadata => {
                    let provider = ImdsCredentialsProvider::builder()
                        .configure(&loading.local)
                        .imds_client(loading.metadata.clone());
                    let loaded = provider.build().provide_credentials().await;
                    // Its refusal adds nothing: most machines are no instances.
                    loaded.map_err(|_| unavailable(Unavailable::Nothing))
                }
            }
        })
    }

    async fn assume(
        &self,
        role: &Role,
        from: Credentials,
    ) -> Result<Credentials, CredentialsError> {
        let code = match &role.mfa {
            None => None,
            Some(device) => {
                let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
                let code = codes.get_mut(device).and_then(Option::take);
                Some(code.ok_or_else(|| unavailable(Unavailable::CodeUsed(device.clone())))?)
            }
        };
        let config = self.loading.config.to_builder();
        let config = config.credentials_provider(SharedCredentialsProvider::new(from));
        let answer = aws_sdk_sts::Client::new(&config.build())
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(session_name(role.session.as_deref()))
            .set_external_id(role.external_id.clone())
            .set_duration_seconds(role.seconds)
            .set_serial_number(role.mfa.clone())
            .set_token_code(code)
            .send()
            .await
            .map_err(CredentialsError::provider_error)?;
        of_sts(answer.credentials)
    }

    async fn assume_by_token(
        &self,
        role: &str,
        session: Option<&str>,
        token_file: &str,
    ) -> Result<Credentials, CredentialsError> {
        let unusable = |reason: String| {
            unavailable(Unavailable::Unusable(format!(
                "the web identity token `{token_file}` {reason}"
            )))
        };
        let token = regular_file::read(Path::new(token_file), SIZE);
        let token = token.map_err(|error| unusable(error.predicate()))?;
        let token = String::from_utf8(token).map_err(|_| unusable("is not UTF-8".to_owned()))?;
        let answer = aws_sdk_sts::Client::new(&self.loading.config)
            .assume_role_with_web_identity()
            .role_arn(role)
            .role_session_name(session_name(session))
            .web_identity_token(token)
            .send()
            .await
            .map_err(CredentialsError::provider_error)?;
        of_sts(answer.credentials)
    }

    async fn sign_on(&self, sign_on: &SignOn) -> Result<Credentials, CredentialsError> {
        let region = Region::new(sign_on.region.clone());
        // Without a session, the token is cached under the URL, and is not renewed.
        let name = sign_on.session.as_ref().unwrap_or(&sign_on.start_url);
        let tokens = SsoTokenProvider::builder()
            .configure(&self.loading.config)
            .region(region.clone())
            .session_name(name)
            .start_url(&sign_on.start_url)
            .build()
            .await;
        let token = tokens.provide_token().await;
        let token = token.map_err(|error| {
            let text = super::error_chain::Chain::of(&error).to_string();
            unavailable(Unavailable::SignOnSession(text))
        })?;
        let end = token.expiration().and_then(timestamp);
        *self
            .session_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = end;
        let config = self.loading.config.to_builder().region(region);
        let config = config.identity_cache(IdentityCache::no_cache()).build();
        let answer = aws_sdk_sso::Client::new(&config)
            .get_role_credentials()
            .account_id(&sign_on.account)
            .role_name(&sign_on.role)
            .access_token(token.token())
            .send()
            .await
            .map_err(CredentialsError::provider_error)?;
        let given = answer.role_credentials.and_then(|it| {
            let expiry = Timestamp::from_millisecond(it.expiration).ok()?;
            let (id, secret) = (it.access_key_id?, it.secret_access_key?);
            let expiry = Some(expiry.into());
            Some(Credentials::new(
                id,
                secret,
                it.session_token,
                expiry,
                "sso",
            ))
        });
        given.ok_or_else(|| incomplete("GetRoleCredentials"))
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> Providing<'a>
    where
        Self: 'a,
    {
        Providing::new(self.provide())
    }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

fn unavailable(reason: Unavailable) -> CredentialsError {
    CredentialsError::provider_error(reason)
}

fn incomplete(operation: &str) -> CredentialsError {
    let message = format!("the answer to {operation} has no credentials");
    unavailable(Unavailable::Unusable(message))
}

/// Returns the configured name of a role's session, or one of its own.
fn session_name(configured: Option<&str>) -> String {
    let own = || format!("stackctl-{}", Timestamp::now().as_second());
    configured.map_or_else(own, str::to_owned)
}

fn of_sts(given: Option<aws_sdk_sts::types::Credentials>) -> Result<Credentials, CredentialsError> {
    let given = given.ok_or_else(|| incomplete("AssumeRole"))?;
    let expiry = given.expiration.try_into();
    let expiry = expiry.map_err(|_| incomplete("AssumeRole"))?;
    Ok(Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        Some(expiry),
        "sts",
    ))
}
