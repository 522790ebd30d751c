//! The only module that names an SDK type: configuration, clients and the translation of errors.
//!
//! Nothing here knows whether it talks to AWS or to the emulator, except for what a [`Connection`]
//! needs to be opened: an endpoint, credentials and path-style addressing.

pub mod actions;
mod answer;
mod backoff;
mod call_span;
mod clock;
pub mod code_storage;
mod configuration;
mod credentials;
pub(crate) mod download;
mod endpoints;
mod error_chain;
mod fault;
mod foreign;
pub mod functions;
mod http;
pub mod iam;
mod json_call;
mod limiter;
mod login;
pub mod logs;
mod pace;
mod partition;
pub mod place;
mod pool;
pub mod probe;
mod region;
mod retries;
pub mod service_reference;
pub(crate) mod service_values;
mod shared_config;
mod silence;
pub mod stack;
pub mod stack_set;
pub mod store;
mod trust;
pub mod unneeded_actions;
mod variables;
pub(crate) mod web;

pub(crate) use fault::{
    is_final, is_missing, lacks_permission, message as service_message, needs_login,
};

pub use configuration::{Setup, setup};
pub use credentials::Expiry;
pub use pool::Pool;

use std::fmt;
use std::sync::{Arc, PoisonError};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::sdk_config::StalledStreamProtectionConfig;
use aws_types::service_config::ServiceConfigKey;

use crate::config::secret::Secrets;
use crate::config::settings::Settings;
use crate::error::{Error, Result};
pub(crate) use backoff::Backoff;
use call_span::CallSpans;
use configuration::Configuration;
use endpoints::{is_aws, is_url};
use http::Route;
use json_call::JsonClient;
use limiter::{Allowance, GRACE, OfScope, Watched, limited};
use login::Login;
use pace::Pace;
use pool::{Caller, Credentials};
use retries::Retries;

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
    devices: Vec<String>,
    caller: Arc<Caller>,
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
    /// Nothing is sent yet: credentials are first looked up by the first call, which adds them to
    /// `secrets`. Connections with the same pool share what they can.
    ///
    /// # Errors
    ///
    /// If a variable, a file or a profile of AWS cannot be used, or no region is configured; refused if
    /// an endpoint that is not AWS's is configured outside an emulator environment without
    /// `allow_endpoint = true`.
    pub async fn open(
        settings: &Settings,
        emulation: Option<&Emulation>,
        secrets: &Secrets,
        pool: &Pool,
    ) -> Result<Self> {
        let configuration = match emulation {
            Some(emulation) => emulated(emulation, pool)?,
            None => configuration::load(settings, secrets, pool).await?,
        };
        let Configuration {
            sdk: config,
            region,
            login,
            devices,
            caller,
        } = configuration;
        let endpoint = custom_endpoint(&config).map_or(Endpoint::Aws, Endpoint::Custom);
        let connection = Self {
            config,
            region,
            endpoint,
            login,
            devices,
            caller,
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

    /// Returns until when the credentials are valid; `None` if none were loaded.
    pub fn expiry(&self) -> Option<Expiry> {
        self.caller.validity.get()
    }

    /// Returns which servers are called.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sets the command lines that hints suggest: one that needs no credentials if there are none, and that
    /// of `doctor`.
    pub fn suggest(&mut self, without_account: String, doctor: String) {
        self.login.without_account = without_account;
        self.login.doctor = doctor;
    }

    /// Waits until nobody else asks for the codes of the credentials' MFA devices, as long as the result
    /// is kept.
    pub async fn ask_alone(&self) -> impl Sized + '_ {
        self.caller.asking.lock().await
    }

    /// Returns the MFA devices whose codes the credentials need and nobody has given yet, in the order of
    /// their use.
    pub fn mfa_devices(&self) -> Vec<String> {
        self.caller.without_code(&self.devices)
    }

    /// Sets the code of an MFA device, before the first call. It is used once.
    pub fn set_mfa_code(&self, device: &str, code: String) {
        let codes = self.caller.codes.lock();
        let mut codes = codes.unwrap_or_else(PoisonError::into_inner);
        codes.insert(device.to_owned(), Some(code));
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

    /// Returns who is calling. Connections with the same credentials ask once.
    pub async fn identity(&self) -> Result<Identity> {
        self.caller.identity(|| self.ask_identity()).await
    }

    async fn ask_identity(&self) -> Result<Identity> {
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
            .interceptor(Allowance(self.limiter("cloudformation")))
            .interceptor(CallSpans)
            .build();
        aws_sdk_cloudformation::Client::from_conf(config)
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        self.s3_in(&self.region)
    }

    /// Returns a client for buckets in another region.
    pub(crate) fn s3_in(&self, region: &str) -> aws_sdk_s3::Client {
        let path_style = self.endpoint != Endpoint::Aws;
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .region(Region::new(region.to_owned()))
            .force_path_style(path_style)
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled()
                    .grace_period(GRACE)
                    .build(),
            )
            .interceptor(CallSpans)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    pub(crate) fn sts(&self) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(&self.config)
            .interceptor(Allowance(self.limiter("sts")))
            .interceptor(CallSpans)
            .build();
        aws_sdk_sts::Client::from_conf(config)
    }

    /// Returns what limits the calls to a service, by the name that requests are signed for.
    fn limiter(&self, service: &str) -> OfScope {
        self.caller.limiters.of(&self.region, service)
    }

    /// Returns how fast time passes for pauses.
    fn pace(&self) -> Pace {
        self.caller.limiters.pace()
    }

    /// Counts one more running operation of CloudFormation that is polled, until the result is dropped.
    fn watch(&self) -> Watched {
        Watched::begin(self.limiter("cloudformation").limiter())
    }

    /// Returns a client of a service that has no SDK crate, in another region if one is given.
    fn json_in(&self, service: json_call::Service, region: Option<&str>) -> JsonClient {
        let Some(region) = region.filter(|region| *region != self.region) else {
            return self.json(service);
        };
        let config = self.config.to_builder();
        let config = config.region(Region::new(region.to_owned()));
        let limiter = self.caller.limiters.of(region, service.name);
        JsonClient::new(&config.build(), service, Allowance(limiter))
    }

    /// Returns a client of a service that has no SDK crate.
    fn json(&self, service: json_call::Service) -> JsonClient {
        let allowance = Allowance(self.limiter(service.name));
        JsonClient::new(&self.config, service, allowance)
    }
}

/// Returns the hint for a region that is none of AWS's; `None` if it is one.
pub(crate) fn unknown_region(region: &str) -> Option<String> {
    region::hint(region)
}

/// Returns whether a region has to be enabled in an account before it can be used.
pub(crate) fn needs_opt_in(region: &str) -> bool {
    region::needs_opt_in(region)
}

/// Returns the partition of a region, as ARNs have it.
pub(crate) fn partition_of(region: &str) -> &'static str {
    partition::of_region(region)
}

/// Returns a configuration that looks nothing up: no file, no variable, no metadata service.
fn emulated(emulation: &Emulation, pool: &Pool) -> Result<Configuration> {
    let caller = pool.caller(Credentials::Emulated {
        endpoint: emulation.endpoint.clone(),
        account: emulation.account.clone(),
    });
    let client = pool.client(Route::Loopback)?;
    let credentials = aws_credential_types::Credentials::new(
        &emulation.account,
        "stackctl-local",
        None,
        None,
        "stackctl emulator",
    );
    let Retries { retries, timeouts } = Retries::default().at(pool.pace());
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(emulation.region.clone()))
        .endpoint_url(&emulation.endpoint)
        .http_client(limited(client, caller.limiters.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(retries)
        .timeout_config(timeouts)
        .stalled_stream_protection(limiter::stalled_stream_protection())
        .build();
    Ok(Configuration {
        sdk,
        region: emulation.region.clone(),
        login: Login::default(),
        devices: Vec::new(),
        caller,
    })
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
