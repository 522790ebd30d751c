//! The endpoint of a service in a region.
//!
//! Each SDK crate contains the table of AWS partitions, and none of them exports it. But
//! CloudFormation's endpoint can be resolved, and the host of another service in the same region differs
//! only in its first label.

use aws_sdk_cloudformation::config::endpoint::{
    DefaultResolver, Endpoint, Params, ResolveEndpoint as _,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint,
};
use aws_types::SdkConfig;

use super::{IAM, Service};
use crate::aws::partition;

/// Resolves the endpoint of one service in the configured region.
#[derive(Debug)]
pub(super) struct EndpointResolver {
    service: Service,
    region: Option<String>,
    uses_fips: Option<bool>,
    uses_dual_stack: Option<bool>,
    custom: Option<String>,
    cloudformation: DefaultResolver,
}

impl EndpointResolver {
    /// Returns a resolver. `custom` is a configured endpoint that replaces the one of AWS.
    pub(super) fn new(config: &SdkConfig, service: Service, custom: Option<String>) -> Self {
        Self {
            service,
            region: config.region().map(ToString::to_string),
            uses_fips: config.use_fips(),
            uses_dual_stack: config
                .use_dual_stack()
                .filter(|_| service.has_dual_stack || custom.is_some()),
            custom,
            cloudformation: DefaultResolver::new(),
        }
    }

    /// Returns the service's endpoint.
    ///
    /// # Errors
    ///
    /// If the region is not a valid host label, or if the configuration asks for an endpoint that does
    /// not exist, such as a custom one with FIPS.
    pub(super) async fn resolve(&self) -> Result<Endpoint, BoxError> {
        let parameters = Params::builder()
            .set_region(self.region.clone())
            .set_use_fips(self.uses_fips)
            .set_use_dual_stack(self.uses_dual_stack)
            .set_endpoint(self.custom.clone())
            .build()?;
        let endpoint = self.cloudformation.resolve_endpoint(&parameters).await?;
        if self.custom.is_some() {
            return Ok(endpoint);
        }
        if self.service.name == IAM.name {
            let (host, _) = partition::iam(self.region.as_deref().unwrap_or_default());
            let host = match host.strip_prefix("iam.amazonaws") {
                Some(rest) if self.uses_fips == Some(true) => format!("iam-fips.amazonaws{rest}"),
                _ => host.to_owned(),
            };
            return Ok(Endpoint::builder().url(format!("https://{host}")).build());
        }
        let host = endpoint.url().strip_prefix("https://cloudformation");
        let host = host.ok_or("CloudFormation's endpoint has an unknown form")?;
        let label = if self.uses_fips == Some(true) && !host.starts_with("-fips.") {
            self.service.govcloud_fips
        } else {
            self.service.name
        };
        let url = format!("https://{label}{host}");
        Ok(Endpoint::builder().url(url).build())
    }
}

impl ResolveEndpoint for EndpointResolver {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        EndpointFuture::new(self.resolve())
    }
}
