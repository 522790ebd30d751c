//! Requests to the REST API of another server, such as a code forge: over the same proxy as those to AWS,
//! and with the same certificates.

use std::fmt;

use aws_config::BehaviorVersion;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::TransientErrorClassifier;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::os_shim_internal::Env;

use super::http::Route;
use super::retries::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT};
use super::shared_config::Profile;
use super::variables::Variables;
use super::{Pool, configuration, error_chain};
use crate::error::{Error, ErrorKind, Result};

/// How often a request is sent if the connection fails.
const ATTEMPTS: u32 = 3;

/// A client for other servers.
#[derive(Debug, Clone)]
pub(crate) struct Web(SharedHttpClient);

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    /// The names in lower case, and the values, which may be secrets.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// JSON; `None` for a request without a body.
    pub(crate) body: Option<String>,
}

/// The answer to a request, also if it is an error.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    #[cfg(test)]
    pub(crate) fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self {
            status,
            headers,
            body,
        }
    }

    /// Returns the value of a header; its name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// There is no answer that is an error: the caller reads its status.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

impl Web {
    /// Returns a client.
    ///
    /// # Errors
    ///
    /// If a variable is not UTF-8, or the certificates cannot be read.
    pub(crate) fn new(pool: &Pool) -> Result<Self> {
        let variables = Variables::new(Env::real());
        let to_aws = configuration::to_aws(&variables, &Profile::default())?;
        Ok(Self(pool.client(Route::Aws(to_aws))?))
    }

    /// Sends a request. It is sent again if the connection fails, so it may arrive more than once.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Response> {
        let Request {
            method,
            url,
            headers,
            body,
        } = request;
        let Some((server, path)) = split(&url) else {
            return Err(Error::input(format!("`{url}` is not a URL")));
        };
        let (server, path) = (server.to_owned(), path.to_owned());
        let mut settings = Layer::new("stackctl::web");
        // The log must not show the token.
        settings.store_put(SensitiveOutput);
        let operation = Operation::builder()
            .service_name("web")
            .operation_name("request")
            .runtime_plugin(StaticRuntimePlugin::new().with_config(settings.freeze()))
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&server)
            .no_auth()
            .http_client(self.0.clone())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .standard_retry(&RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .retry_classifier(TransientErrorClassifier::<NoAnswer>::new())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            .serializer(move |(): ()| {
                let content = body.clone().map_or_else(SdkBody::empty, SdkBody::from);
                let mut request = HttpRequest::new(content);
                request.set_method(method)?;
                request.set_uri(path.as_str())?;
                let sent = request.headers_mut();
                sent.try_insert(
                    "user-agent",
                    concat!("stackctl/", env!("CARGO_PKG_VERSION")),
                )?;
                if let Some(body) = &body {
                    sent.try_insert("content-type", "application/json")?;
                    sent.try_insert("content-length", body.len().to_string())?;
                }
                for (name, value) in &headers {
                    sent.try_insert(*name, value.clone())?;
                }
                Ok(request)
            })
            .deserializer(|answer: &HttpResponse| {
                let headers = answer.headers().iter();
                Ok::<_, OrchestratorError<NoAnswer>>(Response {
                    status: answer.status().as_u16(),
                    headers: headers
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect(),
                    body: answer.body().bytes().unwrap_or_default().to_vec(),
                })
            })
            .build();
        let answer = operation.invoke(()).await;
        answer.map_err(|error: SdkError<NoAnswer, HttpResponse>| {
            Error::new(ErrorKind::Service, format!("`{server}` does not answer"))
                .caused_by(error_chain::Chain::of(&error))
        })
    }
}

/// Splits a URL into the server and the path with the query.
pub(super) fn split(url: &str) -> Option<(&str, &str)> {
    let scheme = url.find("://")? + "://".len();
    let path = scheme + url.get(scheme..)?.find('/')?;
    Some((url.get(..path)?, url.get(path..)?))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_url_has_a_server_and_a_path() {
        assert_eq!(
            split("https://a.b:1/c/d?e=/f"),
            Some(("https://a.b:1", "/c/d?e=/f"))
        );
        assert_eq!(split("https://a"), None);
        assert_eq!(split("/a/b"), None);
    }
}
