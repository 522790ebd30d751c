//! Whether an answer says that the service throttles its caller.
//!
//! Most services say it in the body of an answer with status 400, so the beginning of the body is kept as
//! it is read.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use http_body::{Body, Frame, SizeHint};
use tokio_util::bytes::Bytes;

/// The codes of throttling, or what they contain. `LimitExceededException` is not among them: with
/// CloudFormation it is a quota.
const CODES: [&str; 6] = [
    "Throttl",
    "TooManyRequests",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
];

/// How much of a body is kept, in bytes: the code is at its beginning.
const KEPT: usize = 4096;

/// Calls `note` if an answer says that its call was throttled, and `otherwise` if it says anything else:
/// at once, or when its body was read.
pub(super) fn examine(
    is_head: bool,
    mut answer: HttpResponse,
    note: impl FnOnce(bool) + Send + Sync + 'static,
) -> HttpResponse {
    let status = answer.status().as_u16();
    let code = answer.headers().get("x-amzn-errortype");
    let is_throttled = match status {
        429 => Some(true),
        400 | 403 | 503 if code.is_some() => Some(code.is_some_and(is_code)),
        // An answer without a body gives no reason.
        503 if is_head => Some(true),
        400 | 403 | 503 if !is_head => None,
        _ => Some(false),
    };
    if let Some(is_throttled) = is_throttled {
        note(is_throttled);
        return answer;
    }
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    *answer.body_mut() = SdkBody::from_body_1_x(ErrorBody {
        body,
        start: Vec::new(),
        note: Some(Box::new(note)),
    });
    answer
}

fn is_code(text: &str) -> bool {
    CODES.iter().any(|code| text.contains(code))
}

/// Returns whether the body of an error, in XML or JSON, has a code of throttling.
fn has_code(body: &str) -> bool {
    let names = [("<Code>", '<'), ("\"__type\":", ','), ("\"code\":", ',')];
    names.iter().any(|(name, end)| {
        let after = body.split_once(name).map(|(_, after)| after);
        after.is_some_and(|after| is_code(after.split(*end).next().unwrap_or_default()))
    })
}

/// The body of an error. Its beginning is examined when it ends.
struct ErrorBody {
    body: SdkBody,
    start: Vec<u8>,
    note: Option<Box<dyn FnOnce(bool) + Send + Sync>>,
}

impl ErrorBody {
    fn end(&mut self) {
        if let Some(note) = self.note.take() {
            note(has_code(&String::from_utf8_lossy(&self.start)));
        }
    }
}

impl fmt::Debug for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorBody")
    }
}

impl Body for ErrorBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    let room = KEPT.saturating_sub(self.start.len());
                    self.start.extend(data.iter().take(room));
                }
            }
            Poll::Ready(_) => self.end(),
            Poll::Pending => {}
        }
        frame
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

impl Drop for ErrorBody {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::byte_stream::ByteStream;

    use super::examine;

    /// Returns what an answer was taken for, once its body was read.
    async fn is_throttled(status: u16, code: Option<&'static str>, body: &str) -> Option<bool> {
        let noted = Arc::new(Mutex::new(None));
        let status = StatusCode::try_from(status).ok()?;
        let mut answer = HttpResponse::new(status, SdkBody::from(body));
        if let Some(code) = code {
            answer.headers_mut().insert("x-amzn-errortype", code);
        }
        let note = Arc::clone(&noted);
        let answer = examine(false, answer, move |it| {
            *note.lock().unwrap() = Some(it);
        });
        let read = ByteStream::new(answer.into_body()).collect().await.ok()?;
        assert_eq!(read.to_vec(), body.as_bytes(), "the body stays as it is");
        *noted.lock().unwrap()
    }

    #[tokio::test]
    async fn throttling_is_known_by_its_code() {
        let xml = |code: &str, message: &str| {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error></ErrorResponse>"
            )
        };
        for (status, code, body) in [
            (400, None, xml("Throttling", "Rate exceeded")),
            (400, None, xml("RequestLimitExceeded", "")),
            (
                503,
                None,
                xml("SlowDown", "Please reduce your request rate."),
            ),
            (
                400,
                None,
                r#"{"__type":"com.amazon#ThrottlingException"}"#.to_owned(),
            ),
            (400, Some("ThrottlingException:http://x/"), "{}".to_owned()),
            (429, Some("TooManyRequestsException"), "{}".to_owned()),
            (429, None, String::new()),
        ] {
            assert_eq!(
                is_throttled(status, code, &body).await,
                Some(true),
                "{status} {body}"
            );
        }
        for (status, code, body) in [
            (200, None, xml("Throttling", "a stack's output may say so")),
            (
                400,
                None,
                xml("ValidationError", "Stack [Throttling] does not exist"),
            ),
            (400, None, xml("LimitExceededException", "too many stacks")),
            (403, None, xml("AccessDenied", "")),
            (503, None, "<html>".to_owned()),
            (500, None, xml("InternalFailure", "")),
            (
                400,
                Some("ValidationException"),
                r#"{"__type":"Throttling"}"#.to_owned(),
            ),
            (400, None, String::new()),
        ] {
            assert_eq!(
                is_throttled(status, code, &body).await,
                Some(false),
                "{status} {body}"
            );
        }
    }
}
