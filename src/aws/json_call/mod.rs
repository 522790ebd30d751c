//! Calls to services of which stackctl needs one or two operations, without an SDK crate for each.
//!
//! The SDK's own orchestrator makes the call: it signs, retries, limits retries by its token bucket,
//! applies time-outs, corrects a wrong clock, resolves credentials and sets the user agent. This module
//! adds what the SDK generates for each service: the endpoint, the request and the error.
//!
//! IAM is called here too, although it answers in XML: its answers are [read as JSON](xml).
//!
//! To add a service, add a [`Service`] to [`SERVICES`] and a function that sends a [`Request`].

mod endpoint;
mod failure;
#[cfg(test)]
mod tests;
mod xml;

use std::fmt;

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::sdk_feature::AwsSdkFeature;
use aws_runtime::service_clock_skew::{
    DisableClockSkewCorrection, ServiceClockSkewClassifier, ServiceClockSkewInterceptor,
};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_http::label::{EncodingStrategy, fmt_string};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime::client::sdk_feature::SmithySdkFeature;
use aws_smithy_runtime::client::stalled_stream_protection::StalledStreamProtectionInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, SharedEndpointResolver};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, SensitiveOutput};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{SharedRuntimePlugin, StaticRuntimePlugin};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{FrozenLayer, Layer};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call_span::CallSpans;
use super::limiter::Allowance;
use super::retries::CONNECT_TIMEOUT;
use endpoint::EndpointResolver;
pub(super) use failure::Failure;

/// The services that this module calls.
pub(super) const SERVICES: [&Service; 6] =
    [&DYNAMODB, &IAM, &LAMBDA, &LOGS, &SECRETS_MANAGER, &SSM];

/// Amazon DynamoDB.
pub(super) const DYNAMODB: Service = Service {
    id: "DynamoDB",
    name: "dynamodb",
    govcloud_fips: "dynamodb",
    has_dual_stack: true,
};

/// AWS Identity and Access Management. A partition has one endpoint of it, in one region.
pub(super) const IAM: Service = Service {
    id: "IAM",
    name: "iam",
    govcloud_fips: "iam",
    has_dual_stack: false,
};

/// AWS Lambda.
pub(super) const LAMBDA: Service = Service {
    id: "Lambda",
    name: "lambda",
    govcloud_fips: "lambda-fips",
    has_dual_stack: true,
};

/// Amazon CloudWatch Logs.
pub(super) const LOGS: Service = Service {
    id: "CloudWatch Logs",
    name: "logs",
    govcloud_fips: "logs",
    has_dual_stack: true,
};

/// AWS Secrets Manager.
pub(super) const SECRETS_MANAGER: Service = Service {
    id: "Secrets Manager",
    name: "secretsmanager",
    govcloud_fips: "secretsmanager-fips",
    has_dual_stack: false,
};

/// AWS Systems Manager, for its Parameter Store.
pub(super) const SSM: Service = Service {
    id: "SSM",
    name: "ssm",
    govcloud_fips: "ssm",
    has_dual_stack: true,
};

/// A service of AWS whose requests and answers are JSON, or IAM.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// The id by which the SDK looks up a configured endpoint, such as `CloudWatch Logs` for
    /// `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`.
    pub(super) id: &'static str,
    /// The first label of the endpoint's host, which is also the name that requests are signed for.
    pub(super) name: &'static str,
    /// The first label of the FIPS endpoint's host in AWS GovCloud. In other partitions that label is
    /// the name followed by `-fips`.
    govcloud_fips: &'static str,
    /// Whether the service has other hosts for IPv4 and IPv6 together. Otherwise its ordinary host serves
    /// both.
    has_dual_stack: bool,
}

/// Why a call failed.
pub(super) type CallError = SdkError<Failure, HttpResponse>;

/// A request to one operation. Its debug form omits the body, which may hold a secret.
#[derive(Clone)]
pub(super) struct Request {
    operation: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Whether the call may take as long as it needs.
    is_patient: bool,
    /// Whether the answer is in XML.
    is_answered_in_xml: bool,
}

impl Request {
    /// Returns a request in the AWS query protocol. The names of `parameters` are those of the form, such as
    /// `ActionNames.member.1`.
    pub(super) fn query(
        operation: &'static str,
        version: &str,
        parameters: &[(String, String)],
    ) -> Self {
        let encoded = |text: &str| fmt_string(text, EncodingStrategy::Default);
        let mut body = format!("Action={operation}&Version={version}");
        for (name, value) in parameters {
            body.push_str(&format!("&{}={}", encoded(name), encoded(value)));
        }
        let form = "application/x-www-form-urlencoded";
        Self {
            operation,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                ("content-type", form.to_owned()),
                ("content-length", body.len().to_string()),
            ],
            body,
            is_patient: false,
            is_answered_in_xml: true,
        }
    }

    /// Returns a request in the AWS JSON protocol, version `1.0` or `1.1`. `target` is the value of the
    /// header `X-Amz-Target`, which ends with the operation, such as `DynamoDB_20120810.GetItem`.
    pub(super) fn json(version: &str, target: &'static str, input: &Value) -> Self {
        let body = input.to_string();
        Self {
            operation: target.rsplit('.').next().unwrap_or(target),
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                ("content-type", format!("application/x-amz-json-{version}")),
                ("x-amz-target", target.to_owned()),
                ("content-length", body.len().to_string()),
            ],
            body,
            is_patient: false,
            is_answered_in_xml: false,
        }
    }

    /// Returns a `PUT` request in the REST-JSON protocol. The segments of the path are percent-encoded.
    pub(super) fn put(operation: &'static str, path: &[&str], body: String) -> Self {
        Self {
            method: "PUT",
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("content-length", body.len().to_string()),
            ],
            body,
            ..Self::get(operation, path)
        }
    }

    /// Returns the same request without time-outs, for a large body and a slow network.
    pub(super) fn patient(self) -> Self {
        Self {
            is_patient: true,
            ..self
        }
    }

    /// Returns a `GET` request in the REST-JSON protocol. The segments of the path are percent-encoded.
    pub(super) fn get(operation: &'static str, path: &[&str]) -> Self {
        let segments = path.iter();
        let segments = segments.map(|it| format!("/{}", fmt_string(it, EncodingStrategy::Default)));
        Self {
            operation,
            method: "GET",
            path: segments.collect(),
            headers: Vec::new(),
            body: String::new(),
            is_patient: false,
            is_answered_in_xml: false,
        }
    }

    /// Returns the same request with a parameter in its query.
    pub(super) fn with_query(mut self, name: &str, value: &str) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        let value = fmt_string(value, EncodingStrategy::Default);
        self.path.push_str(&format!("{separator}{name}={value}"));
        self
    }

    fn to_http(&self) -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(self.body.as_str()));
        request.set_method(self.method)?;
        request.set_uri(self.path.as_str())?;
        for (name, value) in &self.headers {
            request.headers_mut().try_insert(*name, value.clone())?;
        }
        Ok(request)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.operation, self.method, self.path)
    }
}

/// A client of one service. Like the SDK's own clients it is cheap to clone, and its calls share the
/// credentials and the measured clock skew.
#[derive(Debug, Clone)]
pub(super) struct JsonClient {
    service: Service,
    behavior: Option<BehaviorVersion>,
    plugin: SharedRuntimePlugin,
}

impl JsonClient {
    /// Returns a client; nothing is sent yet. `allowance` gives its calls more time if they have to wait.
    pub(super) fn new(config: &SdkConfig, service: Service, allowance: Allowance) -> Self {
        let custom = super::service_endpoint(config, service.id);
        let settings = settings(config, service, custom.is_some());
        let components = components(config, service, custom).with_interceptor(allowance);
        let plugin = StaticRuntimePlugin::new()
            .with_config(settings)
            .with_runtime_components(components);
        Self {
            service,
            behavior: config.behavior_version(),
            plugin: SharedRuntimePlugin::new(plugin),
        }
    }

    /// Sends a request and returns the answer, deserialized from JSON. An empty body is read as `{}`. An
    /// answer in XML is deserialized from its [JSON](xml).
    pub(super) async fn send<T>(&self, request: Request) -> Result<T, CallError>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        let mut call = Operation::builder()
            .service_name(self.service.id)
            .operation_name(request.operation)
            .runtime_plugin(self.plugin.clone());
        if request.is_patient {
            call = call.runtime_plugin(without_timeouts());
        }
        if let Some(behavior) = self.behavior {
            call = call.behavior_version(behavior);
        }
        let is_xml = request.is_answered_in_xml;
        call.serializer(move |(): ()| request.to_http())
            .deserializer(move |answer: &HttpResponse| failure::read(answer, is_xml))
            .build()
            .invoke(())
            .await
    }
}

/// Returns what takes the time-outs from a call, except for that of connecting.
fn without_timeouts() -> StaticRuntimePlugin {
    let mut layer = Layer::new("stackctl::patience");
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .disable_operation_attempt_timeout()
        .disable_operation_timeout();
    layer.store_put(timeouts.build());
    StaticRuntimePlugin::new().with_config(layer.freeze())
}

/// Returns the settings that a generated client takes from the SDK's configuration.
fn settings(config: &SdkConfig, service: Service, is_custom: bool) -> FrozenLayer {
    let mut layer = Layer::new("stackctl::json_call");
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(SigningName::from_static(service.name));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(EndpointResolverParams::new(()));
    layer.store_put(SensitiveOutput);
    let mut partition = service.name.to_owned();
    if let Some(region) = config.region() {
        layer.store_put(SigningRegion::from(region.clone()));
        partition = format!("{partition}-{region}");
    }
    layer.store_put(RetryPartition::new(partition));
    let retries = config.retry_config().cloned();
    layer.store_put(retries.unwrap_or_else(RetryConfig::standard));
    if let Some(timeouts) = config.timeout_config() {
        layer.store_put(timeouts.clone());
    }
    if let Some(protection) = config.stalled_stream_protection() {
        layer.store_put(protection);
    }
    if let Some(is_off) = config.disable_clock_skew_correction() {
        layer.store_put(DisableClockSkewCorrection::from(is_off));
    }
    layer.store_put(ApiMetadata::new(service.name, env!("CARGO_PKG_VERSION")));
    if let Some(name) = config.app_name() {
        layer.store_put(name.clone());
    }
    for metadata in config.framework_metadata() {
        layer.store_append(metadata.clone());
    }
    layer.store_append(SmithySdkFeature::RetryModeStandard);
    if is_custom {
        layer.store_append(AwsSdkFeature::EndpointOverride);
    }
    layer.freeze()
}

/// Returns the components that a generated client consists of.
fn components(
    config: &SdkConfig,
    service: Service,
    custom: Option<String>,
) -> RuntimeComponentsBuilder {
    let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let endpoint = EndpointResolver::new(config, service, custom);
    // If the configuration has no cache, the calls of this client share one.
    let identities = config.identity_cache();
    let identities = identities.unwrap_or_else(|| IdentityCache::lazy().build());
    let mut components = RuntimeComponentsBuilder::new("stackctl::json_call")
        .with_http_client(config.http_client())
        .with_sleep_impl(config.sleep_impl())
        .with_time_source(config.time_source())
        .with_identity_cache(Some(identities))
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
        .with_endpoint_resolver(Some(SharedEndpointResolver::new(endpoint)))
        .with_interceptor(ConnectionPoisoningInterceptor::new())
        .with_interceptor(StalledStreamProtectionInterceptor::default())
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_interceptor(RequestInfoInterceptor::new())
        .with_interceptor(UserAgentInterceptor::new())
        .with_interceptor(InvocationIdInterceptor::new())
        .with_interceptor(RecursionDetectionInterceptor::new())
        .with_interceptor(CallSpans)
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(TransientErrorClassifier::<Failure>::new())
        .with_retry_classifier(AwsErrorCodeClassifier::<Failure>::new())
        .with_retry_classifier(ServiceClockSkewClassifier::<Failure>::new());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    components
}
