//! A zip as the body of a request.
//!
//! The SDK repeats a request only if it can have the body again, and knows how to do that with
//! memory and with paths. A zip has no path and may be too large for memory, so it is given as a
//! stream that begins again with each attempt.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use futures_util::stream::{self, Stream};
use http_body::{Body, Frame, SizeHint};
use tokio_util::bytes::Bytes;

use crate::artifact::package::ZipReader;

/// How many bytes are read at once: what the SDK itself reads of a file.
const CHUNK: usize = 64 * 1024;

/// Returns a zip as a body that can be sent several times.
pub(super) fn of_zip(zip: ZipReader) -> ByteStream {
    let body = move || SdkBody::from_body_1_x(ZipBody::new(zip.clone()));
    ByteStream::new(SdkBody::retryable(body))
}

type Chunks = dyn Stream<Item = io::Result<Bytes>> + Send + Sync;

struct ZipBody {
    chunks: Pin<Box<Chunks>>,
    size: u64,
}

impl ZipBody {
    fn new(zip: ZipReader) -> Self {
        Self {
            size: zip.size(),
            chunks: Box::pin(stream::try_unfold(zip, next_chunk)),
        }
    }
}

/// Reads the next bytes on a thread that may wait for a disk; `None` at the end.
async fn next_chunk(mut zip: ZipReader) -> io::Result<Option<(Bytes, ZipReader)>> {
    let read = tokio::task::spawn_blocking(move || {
        let mut chunk = vec![0; CHUNK];
        let count = zip.read(&mut chunk)?;
        chunk.truncate(count);
        Ok((count > 0).then(|| (Bytes::from(chunk), zip)))
    });
    read.await.map_err(io::Error::other)?
}

impl Body for ZipBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let chunks = self.get_mut().chunks.as_mut();
        chunks.poll_next(context).map_ok(Frame::data)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size)
    }
}
