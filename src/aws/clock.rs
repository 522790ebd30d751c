//! This machine's clock, compared with those of the servers.
//!
//! A signature contains a time, and AWS refuses one that is too far from its own. The SDK corrects a wrong
//! clock by itself; other programs of the machine may not.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use jiff::{SignedDuration, Timestamp};

/// How far this machine's clock is ahead of those of the servers that answered, as far as that is known.
/// Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerClock(Arc<Mutex<Option<SignedDuration>>>);

impl ServerClock {
    /// Returns by how much this machine's clock is ahead, to the second; `None` if nobody has answered.
    pub(super) fn ahead(&self) -> Option<SignedDuration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the time of an answer (the header `Date`) with this machine's.
    fn observe(&self, answer: &HttpResponse, now: Timestamp) {
        let date = answer.headers().get("date");
        let date = date.and_then(|it| DateTime::from_str(it, Format::HttpDate).ok());
        let Some(time) = date.and_then(|it| Timestamp::from_second(it.secs()).ok()) else {
            return;
        };
        let ahead = now.duration_since(time);
        let ahead = SignedDuration::from_secs(ahead.as_secs());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An answer may come late or from a cache, which makes the difference larger.
        if known.is_none_or(|known| ahead.abs() < known.abs()) {
            *known = Some(ahead);
        }
    }
}

/// A connector that compares the clocks.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) connector: SharedHttpConnector,
    pub(super) clock: ServerClock,
}

impl HttpConnector for Timed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.connector.call(request);
        let clock = self.clock.clone();
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            clock.observe(&answer, Timestamp::now());
            Ok(answer)
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use jiff::{SignedDuration, Timestamp};

    use super::ServerClock;

    fn answer(date: &str) -> HttpResponse {
        let status = StatusCode::try_from(200).unwrap();
        let mut answer = HttpResponse::new(status, SdkBody::empty());
        answer.headers_mut().insert("date", date.to_owned());
        answer
    }

    #[test]
    fn the_answer_with_the_nearest_time_counts() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let clock = ServerClock::default();
        clock.observe(&answer("yesterday"), now);
        assert_eq!(clock.ahead(), None);
        for (date, expected) in [
            ("Sun, 01 Mar 2026 11:50:00 GMT", 600),
            ("Sun, 01 Mar 2026 12:01:30 GMT", -90),
            ("Sun, 01 Mar 2026 11:00:00 GMT", -90),
        ] {
            clock.observe(&answer(date), now);
            let ahead = clock.ahead().unwrap();
            assert_eq!(ahead, SignedDuration::from_secs(expected), "{date}");
        }
    }
}
