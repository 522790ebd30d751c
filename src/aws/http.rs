//! The one HTTP client of a [`Connection`](super::Connection).
//!
//! Left alone, the client of each service brings its own pool and its own TLS configuration: a plan
//! would open three, an apply with its verification five. Credential providers keep theirs, because
//! they connect with other time-outs.

use std::sync::OnceLock;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};

/// Returns an HTTP client whose connector is made by the first call and serves all that follow.
///
/// All of them ask for the same connection time-out. `loopback` is for the emulator: plain HTTP, no
/// certificates to load, and never through the proxy of the environment.
pub(super) fn client(loopback: bool) -> SharedHttpClient {
    let made: OnceLock<SharedHttpConnector> = OnceLock::new();
    http_client_fn(move |settings, components| {
        let connector = made.get_or_init(|| {
            let mut builder = Connector::builder().connector_settings(settings.clone());
            builder.set_sleep_impl(components.sleep_impl());
            let connector = if loopback {
                builder.build_http()
            } else {
                builder
                    .proxy_config(ProxyConfig::from_env())
                    .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                    .build()
            };
            SharedHttpConnector::new(connector)
        });
        connector.clone()
    })
}
