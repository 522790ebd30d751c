//! Downloads from a URL that carries its own signature, such as that of a function's code.
//!
//! The request is not signed again and carries no credentials. The answer is kept in memory; its length has
//! the limit of an object.

use std::fmt;
use std::time::Duration;

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::answer::FOR_OBJECT;
use super::retries::{ATTEMPTS, CONNECT_TIMEOUT};
use super::web::split;
use super::{Connection, Endpoint, error_chain, is_url};
use crate::error::{Error, ErrorKind, Result};

/// How long a download may take. The URL of a function's code is good for ten minutes (`GetFunction`).
const DOWNLOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// The server's answer to a download that failed.
#[derive(Debug)]
struct Refused(u16);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered with HTTP {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Returns what is at a URL. `what` is named in errors; the URL, which is as good as a password, is not.
///
/// # Errors
///
/// If the server does not answer, answers with an error, or has more bytes than an object may have. If AWS
/// names a server without TLS.
pub(crate) async fn download(connection: &Connection, url: &str, what: &str) -> Result<Vec<u8>> {
    let failed = || Error::new(ErrorKind::Service, format!("cannot download {what}"));
    let is_secure = url.starts_with("https://");
    let is_allowed = is_url(url) && (is_secure || *connection.endpoint() != Endpoint::Aws);
    let parts = split(url).filter(|_| is_allowed);
    let Some((server, path)) = parts else {
        let what = format!("cannot download {what}: its place is not an HTTPS URL");
        return Err(Error::new(ErrorKind::Service, what));
    };
    let config = &connection.config;
    let path = path.to_owned();
    let mut settings = Layer::new("stackctl::download");
    // The log must not show the content.
    settings.store_put(SensitiveOutput);
    let mut operation = Operation::builder()
        .service_name("download")
        .operation_name("download")
        .runtime_plugin(StaticRuntimePlugin::new().with_config(settings.freeze()))
        .endpoint_url(server)
        .no_auth()
        .standard_retry(&RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .retry_classifier(TransientErrorClassifier::<Refused>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_timeout(DOWNLOAD_TIMEOUT)
                .build(),
        );
    if let Some(behavior) = config.behavior_version() {
        operation = operation.behavior_version(behavior);
    }
    if let Some(client) = config.http_client() {
        operation = operation.http_client(client);
    }
    if let Some(sleep) = config.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    if let Some(time) = config.time_source() {
        operation = operation.time_source(time);
    }
    let operation = operation
        .serializer(move |(): ()| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_method("GET")?;
            request.set_uri(path.as_str())?;
            let (header, value) = FOR_OBJECT;
            request.headers_mut().try_insert(header, value)?;
            Ok(request)
        })
        .deserializer(|answer: &HttpResponse| {
            if answer.status().is_success() {
                Ok(answer.body().bytes().unwrap_or_default().to_vec())
            } else {
                let refused = Refused(answer.status().as_u16());
                Err(OrchestratorError::operation(refused))
            }
        })
        .build();
    let downloaded = operation.invoke(()).await;
    downloaded.map_err(|error| failed().caused_by(error_chain::Chain::of(&error)))
}
