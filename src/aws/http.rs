//! The one HTTP client of a [`Connection`](super::Connection), also for its credential providers.
//!
//! By default the client of each service and each credential provider has its own connection pool and
//! its own TLS configuration: a plan would open three, an apply with its verification five.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

use super::answer::Checked;

/// Returns an HTTP client for all calls of a connection.
///
/// `loopback` is for the emulator: plain HTTP, no certificates to load, and never through the proxy of
/// the environment.
pub(super) fn client(loopback: bool) -> SharedHttpClient {
    let connectors = Connectors::default();
    http_client_fn(move |settings, components| {
        connectors.get(settings, || {
            let mut builder = Connector::builder().connector_settings(settings.clone());
            builder.set_sleep_impl(components.sleep_impl());
            let connector = SharedHttpConnector::new(if loopback {
                builder.build_http()
            } else {
                builder
                    .proxy_config(ProxyConfig::from_env())
                    .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                    .build()
            });
            SharedHttpConnector::new(Checked(connector))
        })
    })
}

/// The connectors created so far, by connect and read time-out, which belong to a connector.
///
/// All services use the same time-outs and so share one connector. Calls to the instance metadata
/// service, which may not exist, have shorter ones.
#[derive(Default)]
struct Connectors(Mutex<HashMap<[Option<Duration>; 2], SharedHttpConnector>>);

impl Connectors {
    fn get(
        &self,
        settings: &HttpConnectorSettings,
        make: impl FnOnce() -> SharedHttpConnector,
    ) -> SharedHttpConnector {
        let timeouts = [settings.connect_timeout(), settings.read_timeout()];
        let mut connectors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connectors.entry(timeouts).or_insert_with(make).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_smithy_http_client::Connector;
    use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};

    use super::Connectors;

    #[test]
    fn each_pair_of_timeouts_has_one_connector() {
        let seconds = Duration::from_secs;
        let of_services = HttpConnectorSettings::builder().connect_timeout(seconds(5));
        let of_metadata = HttpConnectorSettings::builder()
            .connect_timeout(seconds(1))
            .read_timeout(seconds(1));
        let (of_services, of_metadata) = (of_services.build(), of_metadata.build());

        let connectors = Connectors::default();
        let mut made = Vec::new();
        for settings in [&of_metadata, &of_services, &of_services, &of_metadata] {
            connectors.get(settings, || {
                made.push(settings.connect_timeout());
                SharedHttpConnector::new(Connector::builder().build_http())
            });
        }
        assert_eq!(made, [Some(seconds(1)), Some(seconds(5))]);
    }
}
