//! Opens a span for each call, from its first attempt to its answer, loading the credentials included.
//!
//! The SDK runs an interceptor of a client for each of its calls, so no call has to do it.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tracing::Span;

use crate::util::span;

/// The interceptor that every client is given.
#[derive(Debug)]
pub(super) struct CallSpans;

/// The span of a call that is running. It ends when the call returns or is dropped.
#[derive(Debug)]
struct CallSpan(Span);

impl Storable for CallSpan {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for CallSpans {
    fn name(&self) -> &'static str {
        "call spans"
    }

    // The SDK's clients do not know the operation before this hook.
    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = config.load::<Metadata>() {
            let span = span::call(call.service(), call.name());
            if !span.is_disabled() {
                config.interceptor_state().store_put(CallSpan(span));
            }
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(CallSpan(span)) = config.load::<CallSpan>() {
            let attempts = config.load::<RequestAttempts>();
            let status = context.response().map(|answer| answer.status().as_u16());
            span::record_answer(span, attempts.map_or(0, RequestAttempts::attempts), status);
            config.interceptor_state().unset::<CallSpan>();
        }
        Ok(())
    }
}
