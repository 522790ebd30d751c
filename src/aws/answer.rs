//! The length of an answer, and its end.
//!
//! The SDK reads an answer into memory before it parses it, whatever its length is: a server that is
//! not AWS, or a proxy, could fill the memory. And it accepts XML that ends in the middle, so that half
//! of a list would be taken for the whole.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body::{Body, Frame, SizeHint};
use tokio_util::bytes::Bytes;

/// The maximum length of an answer in bytes. AWS ends a page after 1 MB (`DescribeStackResources` and
/// others), and a template, the longest member, has at most 1 MB (`GetTemplate`); XML makes that up to
/// six times as long.
const ANSWER: u64 = 32 * 1024 * 1024;

/// The maximum length in bytes of an object that is read from S3, also by a URL that AWS returns: the most
/// that a function's code may have, unzipped (250 MB, Lambda quotas).
const OBJECT: u64 = 256 * 1024 * 1024;

/// The header of a request for an object by a URL of its own. S3 ignores it.
pub(super) const FOR_OBJECT: (&str, &str) = ("accept", "application/zip");

/// The error for an answer that is too long.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {} MiB, which is more than AWS ever returns", limit / 1024 / 1024)]
pub(super) struct TooLong {
    limit: u64,
}

/// The error for an answer that ends in the middle.
#[derive(Debug, thiserror::Error)]
#[error("the answer ends in the middle")]
struct Truncated;

/// A connector that reads no more of an answer than the maximum, and checks its end.
#[derive(Debug)]
pub(super) struct Checked(pub(super) SharedHttpConnector);

impl HttpConnector for Checked {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // The SDK names this operation. The content of an object may be anything.
        let (header, value) = FOR_OBJECT;
        let is_object = request.uri().contains("x-id=GetObject")
            || request.headers().get(header) == Some(value);
        let limit = if is_object { OBJECT } else { ANSWER };
        // The answer to a `HEAD` has the length of the object and no body.
        let has_body = request.method() != "HEAD";
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            let length = answer.headers().get("content-length");
            let length = length.and_then(|length| length.parse::<u64>().ok());
            if has_body && length.is_some_and(|length| length > limit) {
                return Err(ConnectorError::user(TooLong { limit }.into()));
            }
            Ok(checked(answer, limit, !is_object))
        })
    }
}

fn checked(answer: HttpResponse, limit: u64, is_document: bool) -> HttpResponse {
    let language = answer.headers().get("content-type").unwrap_or_default();
    let is_xml = is_document && language.contains("xml");
    answer.map(|body| {
        SdkBody::from_body_1_x(CheckedBody {
            body,
            limit,
            left: limit,
            document: is_xml.then(Document::default),
        })
    })
}

/// The beginning and the end of an XML document.
#[derive(Debug, Default)]
struct Document {
    start: Vec<u8>,
    end: Vec<u8>,
}

impl Document {
    /// How much of the beginning and of the end is kept, in bytes: the names of the root element.
    const KEPT: usize = 512;

    fn add(&mut self, data: &[u8]) {
        let room = Self::KEPT.saturating_sub(self.start.len());
        self.start.extend(data.iter().take(room));
        self.end
            .extend(data.iter().skip(data.len().saturating_sub(Self::KEPT)));
        let excess = self.end.len().saturating_sub(Self::KEPT);
        self.end.drain(..excess);
    }

    /// Returns whether the document ends before its root element does. A document without a root element
    /// is left to the parser.
    fn is_truncated(&self) -> bool {
        let (start, end) = (
            String::from_utf8_lossy(&self.start),
            String::from_utf8_lossy(&self.end),
        );
        let mut tags = start.split('<').skip(1);
        let Some(root) = tags.find(|tag| tag.starts_with(char::is_alphabetic)) else {
            return false;
        };
        let is_over = |c: char| c.is_whitespace() || c == '>' || c == '/';
        let name = root.split(is_over).next().unwrap_or_default();
        let is_empty = root.trim_end().ends_with("/>") && tags.next().is_none();
        !is_empty && !end.trim_end().ends_with(&format!("</{name}>"))
    }
}

/// A body that ends with an error after the maximum length, or where an XML document ends in the middle.
struct CheckedBody {
    body: SdkBody,
    limit: u64,
    left: u64,
    document: Option<Document>,
}

impl fmt::Debug for CheckedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedBody")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Body for CheckedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.data_ref().map_or(&[][..], |data| data);
                let Some(left) = self.left.checked_sub(data.len() as u64) else {
                    let limit = self.limit;
                    return Poll::Ready(Some(Err(TooLong { limit }.into())));
                };
                self.left = left;
                if let Some(document) = &mut self.document {
                    document.add(data);
                }
            }
            Poll::Ready(None) if self.document.take().is_some_and(|it| it.is_truncated()) => {
                return Poll::Ready(Some(Err(Truncated.into())));
            }
            _ => {}
        }
        frame
    }

    // That the body has ended is known only after its end was checked, so `is_end_stream` is not passed
    // on.

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::byte_stream::ByteStream;

    use super::{Document, checked};

    async fn read(length: usize, limit: u64) -> Result<usize, String> {
        let status = StatusCode::try_from(200).map_err(|error| error.to_string())?;
        let answer = HttpResponse::new(status, SdkBody::from(vec![b'x'; length]));
        let body = ByteStream::new(checked(answer, limit, true).into_body());
        let read = body.collect().await;
        read.map(|body| body.to_vec().len()).map_err(|error| {
            std::error::Error::source(&error).map_or_else(String::new, ToString::to_string)
        })
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_the_maximum() {
        let mib = 1024 * 1024;
        assert_eq!(read(mib, 1024 * 1024).await, Ok(mib));
        let expected = "the answer is longer than 1 MiB, which is more than AWS ever returns";
        assert_eq!(read(mib + 1, 1024 * 1024).await, Err(expected.to_owned()));
    }

    #[test]
    fn a_document_ends_with_its_root_element() {
        let is_truncated = |text: &str| {
            let mut document = Document::default();
            // The parts may be cut anywhere.
            for part in text.as_bytes().chunks(7) {
                document.add(part);
            }
            document.is_truncated()
        };
        let long = format!("<A>{}</A>", "<b>text</b>".repeat(1000));
        for whole in [
            "",
            "{}",
            "<A/>",
            "<A x='1' />\n",
            "<?xml version='1.0'?>\n<A xmlns='x'><b/></A>\n",
            &long,
        ] {
            assert!(!is_truncated(whole), "{whole}");
        }
        for half in [
            "<A>",
            "<A><b/>",
            "<?xml version='1.0'?><A><b></b>",
            "<A><b></b></",
            &long[..5000],
        ] {
            assert!(is_truncated(half), "{half}");
        }
    }
}
