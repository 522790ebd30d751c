//! Pauses between two polls of an operation.

use std::time::Duration;

use tokio::time::Instant;

use super::Connection;
use super::limiter::Watched;
use super::pace::Pace;

/// An operation that is younger than this is polled often: small stacks finish within a second, and
/// most failures happen early.
const YOUTH: Duration = Duration::from_mins(1);

/// Growing pauses: short at first, longer later, longest if the service cannot be reached.
#[derive(Debug)]
pub(crate) struct Backoff {
    started: Instant,
    next: Duration,
    pace: Pace,
    watched: Option<Watched>,
}

impl Backoff {
    /// Returns pauses for a change set or a running operation: 0.1 s, growing by half, up to 2 s in
    /// the first minute and 5 s after it. If CloudFormation throttles calls, they are longer, the more
    /// operations are being polled.
    pub(crate) fn polling(connection: &Connection) -> Self {
        Self {
            pace: connection.pace(),
            watched: Some(connection.watch()),
            ..Self::short()
        }
    }

    /// Returns pauses that nothing else makes longer.
    pub(crate) fn short() -> Self {
        Self {
            started: Instant::now(),
            next: Duration::from_millis(100),
            pace: Pace::default(),
            watched: None,
        }
    }

    /// Waits for the next pause.
    pub(crate) async fn pause(&mut self) {
        let pause = self.take(self.age());
        let shortest = self.watched.as_ref().map(Watched::pause);
        let pause = pause.max(shortest.unwrap_or_default());
        tokio::time::sleep(self.pace.real(pause)).await;
    }

    /// Returns how long the service may not answer for no other reason than that calls are throttled.
    pub(crate) fn wait(&self) -> Duration {
        let wait = self.watched.as_ref().map(Watched::wait);
        wait.unwrap_or_default()
    }

    fn age(&self) -> Duration {
        self.pace.passed(self.started.elapsed())
    }

    /// Returns the next pause for an operation of this age, and prepares the one after it.
    fn take(&mut self, age: Duration) -> Duration {
        let longest = Duration::from_secs(if age < YOUTH { 2 } else { 5 });
        let pause = self.next;
        self.next = (pause * 3 / 2).min(longest);
        pause
    }

    /// Starts again with a short pause: something has just happened.
    pub(crate) fn quicken(&mut self) {
        let young = self.age() < YOUTH;
        let short = Duration::from_millis(if young { 500 } else { 2000 });
        self.next = self.next.min(short);
    }

    /// Makes the next pause longer, up to 20 s: the service is throttling, or cannot be reached.
    pub(crate) fn ease(&mut self) {
        self.next = (self.next * 2).min(Duration::from_secs(20));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn pauses_are_short_at_first_longer_later_and_longest_in_trouble() {
        let mut backoff = Backoff::short();
        let early: Vec<Duration> = (0..10).map(|_| backoff.take(Duration::ZERO)).collect();
        assert_eq!(early[0], Duration::from_millis(100));
        assert_eq!(early[9], Duration::from_secs(2));
        assert!(early.is_sorted(), "{early:?}");

        let old = Duration::from_mins(2);
        let later: Vec<Duration> = (0..10).map(|_| backoff.take(old)).collect();
        assert_eq!(later[9], Duration::from_secs(5));
        backoff.quicken();
        assert_eq!(
            backoff.take(old),
            Duration::from_millis(500),
            "it began just now"
        );
        for _ in 0..20 {
            backoff.ease();
        }
        assert_eq!(backoff.take(old), Duration::from_secs(20));
        assert_eq!(
            backoff.take(old),
            Duration::from_secs(5),
            "the trouble is over"
        );
    }
}
