//! The time by which calls wait for their turn.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep as _, SharedAsyncSleep, TokioSleep};
use tokio::time::Instant;

use crate::aws::pace::Pace;

/// A clock that never goes back, and the pauses that go with it. Tests have one that does not wait.
#[derive(Clone)]
pub(super) struct Clock {
    pub(super) time: Arc<dyn Fn() -> Duration + Send + Sync>,
    pub(super) sleep: SharedAsyncSleep,
    pub(super) pace: Pace,
}

impl Default for Clock {
    fn default() -> Self {
        Self::at(Pace::default())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl Clock {
    /// Returns a clock whose time passes at this pace.
    pub(super) fn at(pace: Pace) -> Self {
        let started = Instant::now();
        Self {
            time: Arc::new(move || pace.passed(started.elapsed())),
            sleep: SharedAsyncSleep::new(TokioSleep::new()),
            pace,
        }
    }

    /// Returns the time since a fixed moment.
    pub(super) fn now(&self) -> Duration {
        (self.time)()
    }

    /// Waits.
    pub(super) async fn sleep(&self, pause: Duration) {
        self.sleep.sleep(self.pace.real(pause)).await;
    }
}
