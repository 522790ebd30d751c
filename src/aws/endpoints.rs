//! The endpoints that variables and profiles configure, and whether a URL is an endpoint of AWS.

use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::partition;
use super::shared_config::{Profile, SharedConfig};
use super::variables::Variables;
use crate::error::{Error, Result};

/// The variable of an endpoint for all services. With `_` and a service it is for that one.
const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL";

/// The configured endpoints. The order is botocore's: the variable of the service, the variable for
/// all, the profile's `services` section, the profile's `endpoint_url`.
#[derive(Debug)]
pub(super) struct Endpoints {
    variables: Variables,
    profile: Profile,
    services: Profile,
    is_ignored: bool,
}

impl Endpoints {
    /// Returns the endpoints of a profile.
    ///
    /// # Errors
    ///
    /// If the profile names a `services` section that does not exist, and no variable sets the
    /// endpoint.
    pub(super) fn of(
        variables: &Variables,
        shared: &SharedConfig,
        profile: &Profile,
    ) -> Result<Self> {
        let ignore = variables.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?;
        let ignore = ignore
            .as_deref()
            .or(profile.text("ignore_configured_endpoint_urls"));
        let is_ignored = ignore.is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let name = profile.text("services");
        let services = name.and_then(|name| shared.services(name));
        let is_set = variables.filled(ENDPOINT_VARIABLE)?.is_some();
        if let (Some(name), None, false, false) = (name, services, is_set, is_ignored) {
            let place = profile.place("services");
            return Err(Error::input(format!(
                "{place}: the shared AWS configuration has no section `[services {name}]`"
            ))
            .hint("add the section to ~/.aws/config, or remove `services` from the profile"));
        }
        Ok(Self {
            variables: variables.clone(),
            profile: profile.clone(),
            services: services.cloned().unwrap_or_default(),
            is_ignored,
        })
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.filled(name).ok().flatten()
    }
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let (name, id) = (key.env(), key.service_id());
        if self.is_ignored && name == ENDPOINT_VARIABLE {
            return None;
        }
        let id = id.replace([' ', '-'], "_");
        let of_service = self.variable(&format!("{name}_{}", id.to_uppercase()));
        let of_profile = || {
            let nested = self.services.nested(&id.to_lowercase(), key.profile());
            let value = nested.or_else(|| self.profile.text(key.profile()));
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        of_service
            .or_else(|| self.variable(name))
            .or_else(of_profile)
    }
}

/// Returns the scheme of a URL and what follows up to its path: the host, perhaps with user and port.
pub(super) fn scheme_and_authority(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    Some((scheme, rest.split(['/', '?', '#']).next()?))
}

/// Returns whether a text can be called: a scheme, a host, perhaps a port.
pub(super) fn is_url(text: &str) -> bool {
    let Some(("http" | "https", authority)) = scheme_and_authority(text) else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().is_ok()),
        _ => (authority, true),
    };
    port && !host.is_empty() && !text.contains(|it: char| it.is_whitespace() || it.is_control())
}

/// Returns whether a URL is an HTTPS endpoint under one of AWS's own domains.
pub(super) fn is_aws(url: &str) -> bool {
    let Some(("https", authority)) = scheme_and_authority(url) else {
        return false;
    };
    let host = authority.split(':').next().unwrap_or_default();
    !authority.contains('@') && partition::is_host_of_aws(&host.to_ascii_lowercase())
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
            "http://a\n",
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
            "https://s3.eusc-de-east-1.amazonaws.eu",
            "https://cloudformation.us-iso-east-1.c2s.ic.gov",
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
