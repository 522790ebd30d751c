//! More time for calls that have to wait for their turn.
//!
//! The SDK's time-outs begin before a call waits. Without more time, a call that waits behind a hundred
//! others would fail although the service answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_smithy_types::timeout::{MergeTimeoutConfig, TimeoutConfig};

use aws_types::sdk_config::StalledStreamProtectionConfig;

use super::{Limiter, OfScope};

/// The most time that is added. A request is signed before it waits, and services accept a signature for
/// five minutes.
const MOST: Duration = Duration::from_mins(4);

/// For how long a server may stop to send an answer: the SDK's default.
pub(in crate::aws) const GRACE: Duration = Duration::from_secs(5);

/// The interceptor that every client is given.
#[derive(Debug)]
pub(in crate::aws) struct Allowance(pub(in crate::aws) OfScope);

/// Returns the SDK's protection from servers that stop to send. Its other half, which gives up after five
/// seconds in which nothing is sent, would give up calls that wait.
pub(in crate::aws) fn stalled_stream_protection() -> StalledStreamProtectionConfig {
    let config = StalledStreamProtectionConfig::enabled().grace_period(GRACE);
    config.upload_enabled(false).build()
}

/// A call that has begun. It ends when the call returns or is dropped.
#[derive(Debug)]
struct Begun(Arc<Limiter>);

impl Begun {
    fn now(limiter: &Arc<Limiter>) -> Self {
        limiter.calls.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(limiter))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Storable for Begun {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Allowance {
    fn name(&self) -> &'static str {
        "allowance"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let limiter = self.0.limiter();
        let wait = limiter.wait().min(MOST);
        config.interceptor_state().store_put(Begun::now(&limiter));
        if !wait.is_zero() {
            let timeouts = config.load::<MergeTimeoutConfig>();
            config
                .interceptor_state()
                .store_put(longer(&timeouts, wait));
        }
        Ok(())
    }
}

/// Returns these time-outs with more time for the call and for each of its attempts. A time-out that is
/// disabled stays disabled.
fn longer(timeouts: &TimeoutConfig, wait: Duration) -> TimeoutConfig {
    let mut longer = timeouts.clone().into_builder();
    if let Some(timeout) = timeouts.operation_timeout() {
        longer = longer.operation_timeout(timeout + wait);
    }
    if let Some(timeout) = timeouts.operation_attempt_timeout() {
        longer = longer.operation_attempt_timeout(timeout + wait);
    }
    longer.build()
}
