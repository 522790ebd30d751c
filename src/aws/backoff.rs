//! How long to wait between two looks at something that CloudFormation is working on.

use std::time::Duration;

/// Growing pauses: quick at first, because small stacks settle within a second, polite later.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Returns pauses for a change set or an operation that is under way: 0.1 s, growing by half, up to 3 s.
    pub(crate) fn polling() -> Self {
        Self {
            next: Duration::from_millis(100),
            longest: Duration::from_secs(3),
        }
    }

    /// Waits for the next pause.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 3 / 2).min(self.longest);
    }

    /// Starts again with a short pause: something has just happened.
    pub(crate) fn quicken(&mut self) {
        self.next = self.next.min(Duration::from_millis(500));
    }
}
