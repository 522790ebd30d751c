//! The one HTTP client of all [connections](super::Connection) of a run, also for their credential
//! providers.
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
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use super::answer::Checked;
use super::clock::{ServerClock, Timed};
use super::endpoints::scheme_and_authority;
use super::trust::Bundle;
use crate::error::Result;

/// Which servers a client reaches, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// The emulator: plain HTTP, no certificates to load, and never through a proxy.
    Loopback,
    /// The services that give a machine or a container its credentials. A proxy must not see those, and
    /// cannot reach the services.
    Direct,
    /// AWS, through the proxy of the environment.
    Aws(ToAws),
}

/// How AWS is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ToAws {
    /// The certificates that are trusted; `None` stands for those of the machine.
    pub(super) certificates: Option<Bundle>,
    /// The value of `NO_PROXY`: hosts that are not reached through a proxy.
    pub(super) no_proxy: String,
}

/// Returns an HTTP client for all calls on this route. Its answers are compared with `clock`.
///
/// # Errors
///
/// If the certificates cannot be read.
pub(super) fn client(route: &Route, clock: &ServerClock) -> Result<SharedHttpClient> {
    let certificates = match route {
        Route::Aws(ToAws {
            certificates: Some(bundle),
            ..
        }) => Some(bundle.read()?),
        _ => None,
    };
    let (connectors, route, clock) = (Connectors::default(), route.clone(), clock.clone());
    Ok(http_client_fn(move |settings, components| {
        connectors.get(settings, || {
            let create = |proxy: Option<ProxyConfig>| {
                let mut builder = Connector::builder().connector_settings(settings.clone());
                builder.set_sleep_impl(components.sleep_impl());
                let Some(proxy) = proxy else {
                    return SharedHttpConnector::new(builder.build_http());
                };
                let mut builder = builder
                    .proxy_config(proxy)
                    .tls_provider(Provider::Rustls(CryptoMode::Ring));
                if let Some(certificates) = &certificates {
                    builder = builder.tls_context(certificates.clone());
                }
                SharedHttpConnector::new(builder.build())
            };
            let connector = match &route {
                Route::Loopback => create(None),
                Route::Direct => create(Some(ProxyConfig::disabled())),
                Route::Aws(ToAws { no_proxy, .. }) if no_proxy.is_empty() => {
                    create(Some(ProxyConfig::from_env()))
                }
                Route::Aws(ToAws { no_proxy, .. }) => SharedHttpConnector::new(Bypass {
                    no_proxy: no_proxy.clone(),
                    proxied: create(Some(ProxyConfig::from_env())),
                    direct: create(Some(ProxyConfig::disabled())),
                }),
            };
            let connector = SharedHttpConnector::new(Checked(connector));
            // The services inside a machine have its clock.
            if route == Route::Direct {
                return connector;
            }
            let clock = clock.clone();
            SharedHttpConnector::new(Timed { connector, clock })
        })
    }))
}

/// Reaches the hosts of `NO_PROXY` directly. The SDK does so too, except for an address of `*` and for a
/// host with a port.
#[derive(Debug)]
struct Bypass {
    no_proxy: String,
    proxied: SharedHttpConnector,
    direct: SharedHttpConnector,
}

impl HttpConnector for Bypass {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let host = scheme_and_authority(request.uri()).map_or("", |(_, authority)| authority);
        if bypasses(&self.no_proxy, host) {
            self.direct.call(request)
        } else {
            self.proxied.call(request)
        }
    }
}

/// Returns whether a list of hosts has this one, perhaps with its port, as Python's `urllib` reads it.
fn bypasses(no_proxy: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let name = host
        .rsplit_once(':')
        .map_or(host.as_str(), |(name, _)| name);
    let mut rules = no_proxy.split(',').map(str::trim);
    rules.any(|rule| {
        let rule = rule.trim_start_matches('.').to_ascii_lowercase();
        let is_below = |host: &str| {
            let before = host.strip_suffix(rule.as_str());
            before.is_some_and(|it| it.is_empty() || it.ends_with('.'))
        };
        rule == "*" || !rule.is_empty() && (is_below(name) || is_below(&host))
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

    use super::{Connectors, bypasses};

    #[test]
    fn hosts_of_the_list_are_reached_directly() {
        for (rules, host) in [
            ("*", "127.0.0.1:4566"),
            ("a.example, 127.0.0.1", "127.0.0.1:4566"),
            ("127.0.0.1:4566", "127.0.0.1:4566"),
            (".amazonaws.com", "sts.eu-west-1.AMAZONAWS.com"),
            ("amazonaws.com", "amazonaws.com:443"),
        ] {
            assert!(bypasses(rules, host), "{rules} {host}");
        }
        for (rules, host) in [
            ("", "a"),
            (",", "a"),
            ("127.0.0.1:1", "127.0.0.1:4566"),
            ("zonaws.com", "sts.amazonaws.com"),
        ] {
            assert!(!bypasses(rules, host), "{rules} {host}");
        }
    }

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
