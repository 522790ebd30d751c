//! Servers that implement only a part of CloudFormation's API.
//!
//! AWS reports an internal failure in the API's own format, and a retry is right. Some other
//! servers answer an operation that they lack with status 500 and an HTML page. The SDK treats that
//! as a transient failure and tries five times, which adds about ten seconds to every plan.

use aws_sdk_cloudformation::config::interceptors::InterceptorContext;
use aws_sdk_cloudformation::config::retry::{ClassifyRetry, RetryAction};

/// Forbids the retry of an internal error that is an HTML page.
#[derive(Debug)]
pub(super) struct Pages;

impl ClassifyRetry for Pages {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let is_page = context.response().is_some_and(|response| {
            let form = response.headers().get("content-type").unwrap_or_default();
            response.status().as_u16() == 500 && form.starts_with("text/html")
        });
        if is_page {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "internal errors that come as a page"
    }
}
