//! The only module that names an SDK type: configuration, clients and the translation of errors.
//!
//! Nothing here knows whether it talks to AWS or to the emulator, except for what a [`Connection`]
//! needs to be opened: an endpoint, credentials and path-style addressing.

mod answer;
mod backoff;
mod call_span;
pub(crate) mod download;
mod error_chain;
mod fault;
mod foreign;
pub mod functions;
mod http;
mod json_call;
mod login;
pub mod probe;
mod region;
mod silence;
pub mod stack;
pub mod store;

pub(crate) use fault::lacks_permission;

use std::fmt;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use crate::config::origin::Origin;
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use call_span::CallSpans;
use json_call::JsonClient;
use login::Login;

/// The time-out of one attempt of a call. Uploads have none.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);
/// The time-out of a call with all its attempts: nobody should wait longer for a server that
/// accepts a connection and does not answer. Uploads have none.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is tried in all; the SDK waits longer each time, and on throttling.
const ATTEMPTS: u32 = 5;

/// The services that have an SDK crate, by the id under which the SDK looks up their endpoints.
const SERVICES: [&str; 3] = ["CloudFormation", "S3", "STS"];

/// The emulator to connect to. No credentials are ever looked up for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulation {
    /// Its URL on the loopback interface.
    pub endpoint: String,
    /// Its account, 12 digits, which is also the access key id that selects it.
    pub account: String,
    /// Its region.
    pub region: String,
}

/// Which servers are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// AWS's own, by region.
    Aws,
    /// Others: the embedded emulator, or the endpoint that `AWS_ENDPOINT_URL` or the profile names.
    Custom(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws => f.write_str("AWS"),
            Self::Custom(url) => f.write_str(url),
        }
    }
}

/// The SDK's configuration for one run, from which clients are created.
#[derive(Debug, Clone)]
pub struct Connection {
    config: SdkConfig,
    region: String,
    endpoint: Endpoint,
    login: Login,
}

/// The caller's identity, from STS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account, 12 digits.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
}

impl Connection {
    /// Returns a connection by the ordinary chain of the AWS SDKs, or to the emulator.
    ///
    /// Nothing is sent yet: credentials are first looked up by the first call.
    ///
    /// # Errors
    ///
    /// If no region is configured; refused if an endpoint that is not AWS's is configured
    /// outside an emulator environment without `allow_endpoint = true`.
    pub async fn open(settings: &Settings, emulation: Option<&Emulation>) -> Result<Self> {
        let http = http::client(emulation.is_some());
        let (config, login) = if let Some(emulation) = emulation {
            (emulated(emulation, http), Login::default())
        } else {
            let login = Login::of_profile(settings.profile.as_deref());
            let (config, login) = tokio::join!(ambient(settings, http), login);
            login.check(settings.origins.get("profile"))?;
            (config, login)
        };
        let Some(region) = config.region().map(ToString::to_string) else {
            return Err(Error::input("no AWS region is configured").hint(
                "set `region = \"eu-west-1\"` in the manifest, export AWS_REGION, or pass --region",
            ));
        };
        let endpoint = custom_endpoint(&config).map_or(Endpoint::Aws, Endpoint::Custom);
        let connection = Self {
            config,
            region,
            endpoint,
            login,
        };
        if emulation.is_none() && !settings.allow_endpoint {
            connection.refuse_redirection(&settings.environment)?;
        }
        connection.check_url()?;
        Ok(connection)
    }

    fn check_url(&self) -> Result<()> {
        match &self.endpoint {
            Endpoint::Custom(url) if !is_url(url) => Err(Error::input(format!(
                "the endpoint `{url}` is not a URL"
            ))
            .hint(
                "endpoints look like `http://127.0.0.1:4566`; this one comes from AWS_ENDPOINT_URL or the profile's `endpoint_url`",
            )),
            _ => Ok(()),
        }
    }

    fn refuse_redirection(&self, environment: &str) -> Result<()> {
        let Endpoint::Custom(url) = &self.endpoint else {
            return Ok(());
        };
        Err(Error::refused(format!(
            "the environment `{environment}` would be sent to {url}, which is not an AWS endpoint"
        ))
        .hint("unset AWS_ENDPOINT_URL (and the profile's `endpoint_url`)")
        .hint("or set `allow_endpoint = true` in the environment's table of the manifest"))
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns which servers are called.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the translation of a failed call: `doing` completes "cannot …".
    pub(crate) fn fault<E>(
        &self,
        doing: impl fmt::Display,
        error: &aws_sdk_cloudformation::error::SdkError<E>,
    ) -> Error
    where
        E: aws_sdk_cloudformation::error::ProvideErrorMetadata
            + std::error::Error
            + Send
            + Sync
            + 'static,
    {
        fault::translate(&self.login, (&self.endpoint, &self.region), doing, error)
    }

    /// Returns who is calling.
    pub async fn identity(&self) -> Result<Identity> {
        let answer = self
            .sts()
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| self.fault("identify the caller", &error))?;
        match (answer.account, answer.arn) {
            (Some(account), arn) => Ok(Identity {
                account,
                arn: arn.unwrap_or_default(),
            }),
            (None, _) => Err(fault::incomplete("GetCallerIdentity", "Account")),
        }
    }

    pub(crate) fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        let config = aws_sdk_cloudformation::config::Builder::from(&self.config)
            .retry_classifier(foreign::Pages)
            .interceptor(CallSpans)
            .build();
        aws_sdk_cloudformation::Client::from_conf(config)
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let path_style = self.endpoint != Endpoint::Aws;
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .force_path_style(path_style)
            .interceptor(CallSpans)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    pub(crate) fn sts(&self) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(&self.config)
            .interceptor(CallSpans)
            .build();
        aws_sdk_sts::Client::from_conf(config)
    }

    /// Returns a client of a service that has no SDK crate.
    fn json(&self, service: json_call::Service) -> JsonClient {
        JsonClient::new(&self.config, service)
    }
}

/// Returns a configuration that looks nothing up: no file, no variable, no metadata service.
fn emulated(emulation: &Emulation, http: SharedHttpClient) -> SdkConfig {
    let credentials = Credentials::new(
        &emulation.account,
        "stackctl-local",
        None,
        None,
        "stackctl emulator",
    );
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(emulation.region.clone()))
        .endpoint_url(&emulation.endpoint)
        .http_client(http)
        .credentials_provider(
            aws_credential_types::provider::SharedCredentialsProvider::new(credentials),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts())
        .build()
}

async fn ambient(settings: &Settings, http: SharedHttpClient) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts());
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &settings.profile {
        loader = loader
            .profile_name(profile)
            .credentials_provider(of_profile(settings, profile, http).await);
    }
    loader.load().await
}

/// Returns the credentials of a profile that the user chose.
///
/// Left to itself, the SDK's chain prefers exported keys to the profile, so that a plan for the one
/// account would be made in another. A machine without any profile, as those of continuous integration
/// are, falls back on the chain if the profile is the manifest's.
async fn of_profile(
    settings: &Settings,
    profile: &str,
    http: SharedHttpClient,
) -> CredentialsProviderChain {
    let region = settings.region.clone().map(Region::new);
    let config = ProviderConfig::without_region()
        .with_region(region.clone())
        .with_http_client(http)
        .with_timeout_config(timeouts());
    let chosen = ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(profile)
        .build();
    let chain = CredentialsProviderChain::first_try("Profile", chosen);
    if !matches!(settings.origins.get("profile"), Origin::Manifest { .. }) {
        return chain;
    }
    let mut others = DefaultCredentialsChain::builder().configure(config);
    others.set_region(region);
    chain.or_else("Others", others.build().await)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build()
}

/// Returns the first configured endpoint that is not AWS's, for all services or for one.
fn custom_endpoint(config: &SdkConfig) -> Option<String> {
    let with_json = json_call::SERVICES.iter().map(|service| service.id);
    let services = SERVICES.into_iter().chain(with_json);
    let of_a_service = services.filter_map(|id| service_specific_endpoint(config, id));
    config
        .endpoint_url()
        .map(str::to_owned)
        .into_iter()
        .chain(of_a_service)
        .find(|url| !is_aws(url))
}

/// Returns the endpoint that is configured for a service, by its id: its own, else the general one. The
/// SDK's clients use the same order.
fn service_endpoint(config: &SdkConfig, id: &str) -> Option<String> {
    let for_all = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return for_all();
    }
    service_specific_endpoint(config, id).or_else(for_all)
}

/// Returns the endpoint that is configured for this service only.
fn service_specific_endpoint(config: &SdkConfig, id: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config.service_config()?.load_config(key)
}

/// Returns whether a text can be called: a scheme, a host, perhaps a port.
fn is_url(text: &str) -> bool {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().is_ok()),
            _ => (authority, true),
        };
        port && !host.is_empty() && !text.contains(char::is_whitespace)
    })
}

/// Returns whether a URL is an HTTPS endpoint under one of AWS's own domains.
fn is_aws(url: &str) -> bool {
    const DOMAINS: [&str; 4] = [
        "amazonaws.com",
        "amazonaws.com.cn",
        "api.aws",
        "api.amazonwebservices.com.cn",
    ];
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .split(':')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    !authority.contains('@')
        && DOMAINS.iter().any(|domain| {
            host.strip_suffix(domain)
                .is_some_and(|before| before.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::{is_aws, is_url};

    #[test]
    fn an_endpoint_has_a_scheme_and_a_host() {
        for url in [
            "http://127.0.0.1:4566",
            "https://localhost",
            "http://[::1]:4566/",
            "http://[::1]",
            "https://user@host:1/path",
        ] {
            assert!(is_url(url), "{url}");
        }
        for url in [
            "",
            "nonsense",
            "127.0.0.1:4566",
            "http://",
            "http://:4566",
            "http://host:port",
            "http://host:70000",
            "http://a b",
            "ftp://host",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }

    #[test]
    fn only_https_under_a_domain_of_aws_is_aws() {
        for url in [
            "https://cloudformation.eu-west-1.amazonaws.com",
            "https://cloudformation.cn-north-1.amazonaws.com.cn/",
            "https://vpce-1.s3.eu-west-1.vpce.amazonaws.com:443/x",
            "https://lambda.eu-west-1.api.aws",
        ] {
            assert!(is_aws(url), "{url}");
        }
        for url in [
            "http://cloudformation.eu-west-1.amazonaws.com",
            "http://localhost:4566",
            "https://amazonaws.com.evil.example",
            "https://evilamazonaws.com",
            "https://x.amazonaws.com@evil.example",
            "https://evil.example/.amazonaws.com",
            "",
        ] {
            assert!(!is_aws(url), "{url}");
        }
    }
}
