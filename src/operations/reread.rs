//! Reads that may be older than what is known already.
//!
//! For some time after an operation, the service may return what was there before it
//! (`DescribeStacks` is eventually consistent).

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Result;

/// How long a read may be older than what is known: a little longer than the longest time that was seen.
const STALE: Duration = Duration::from_secs(75);

/// The pause between two reads.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads until the answer is not an old one, and returns it. After [`STALE`], the last answer counts.
///
/// # Errors
///
/// Those of `read`.
pub(crate) async fn until_current<T>(
    read: impl AsyncFn() -> Result<T>,
    is_old: impl Fn(&T) -> bool,
) -> Result<T> {
    let deadline = Instant::now() + STALE;
    loop {
        let answer = read().await?;
        if !is_old(&answer) || Instant::now() >= deadline {
            return Ok(answer);
        }
        sleep(PAUSE).await;
    }
}
