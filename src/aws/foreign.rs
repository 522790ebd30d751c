//! Servers that speak only a part of CloudFormation's API.
//!
//! The service puts its own failures into the form of the API, and asking again is right. Some other
//! servers answer an operation that they lack with status 500 and a page for people. The SDK takes that
//! for a failure that passes and asks five times, which costs every plan some ten seconds.

use aws_sdk_cloudformation::config::interceptors::InterceptorContext;
use aws_sdk_cloudformation::config::retry::{ClassifyRetry, RetryAction};

/// Says of an internal error that comes as a page that it will come again.
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
