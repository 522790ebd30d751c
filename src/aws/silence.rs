//! A service that does not answer: reported once, early, and once more when it answers again.
//!
//! A call may wait for minutes before it fails: the SDK repeats it with growing pauses, and on a
//! dropped connection each attempt waits for its time-out. So the time without an answer is
//! measured independently of what the calls return.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The time without an answer after which it is reported: longer than a throttled call usually
/// takes, shorter than a user waits before wondering.
const LIMIT: Duration = Duration::from_secs(20);

/// How long a service has not answered, and whether that was reported.
#[derive(Debug)]
pub(crate) struct Unresponsive {
    since: Instant,
    limit: Duration,
    /// For how much longer it may not answer because its calls have to wait here.
    wait: Duration,
    is_reported: bool,
}

impl Unresponsive {
    /// Starts to measure now.
    pub(crate) fn begin() -> Self {
        Self::of(LIMIT)
    }

    fn of(limit: Duration) -> Self {
        Self {
            since: Instant::now(),
            limit,
            wait: Duration::ZERO,
            is_reported: false,
        }
    }

    /// Sets for how much longer the service may not answer, because its calls have to wait before they are
    /// sent.
    pub(crate) fn allow(&mut self, wait: Duration) {
        self.wait = wait;
    }

    /// Waits for `work`. If the service does not answer for too long, calls `report` with the time
    /// without an answer; once, until the service [answers](Self::end).
    pub(crate) async fn watch<T>(
        &mut self,
        work: impl Future<Output = T>,
        report: impl FnOnce(Duration),
    ) -> T {
        let mut work = pin!(work);
        if !self.is_reported {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep_until(self.since + self.limit + self.wait) => {}
            }
            self.is_reported = true;
            report(self.since.elapsed());
        }
        work.await
    }

    /// Notes that the service has answered, and starts again. Returns how long it had not answered,
    /// if that was reported.
    pub(crate) fn end(&mut self) -> Option<Duration> {
        let lasted = self.is_reported.then(|| self.since.elapsed());
        *self = Self {
            wait: self.wait,
            ..Self::of(self.limit)
        };
        lasted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::Unresponsive;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_silence_is_reported_once_and_its_end_once() {
        let mut service = Unresponsive::of(SHORT);
        let mut reports = Vec::new();
        assert_eq!(service.watch(async { 7 }, |it| reports.push(it)).await, 7);
        assert_eq!((service.end(), reports.len()), (None, 0), "it answered");

        // Two calls that take long, one after the other, are one service.
        for _ in 0..2 {
            service.watch(sleep(2 * SHORT), |it| reports.push(it)).await;
        }
        assert!(reports.len() == 1 && reports[0] >= SHORT, "{reports:?}");
        let lasted = service.end().unwrap_or_default();
        assert!(lasted >= 4 * SHORT, "{lasted:?}");
        assert_eq!(service.end(), None);

        service.watch(sleep(2 * SHORT), |it| reports.push(it)).await;
        assert_eq!(reports.len(), 2, "the next period is another one");
    }

    #[tokio::test]
    async fn calls_that_wait_here_are_no_silence() {
        let mut service = Unresponsive::of(SHORT);
        let mut reports = Vec::new();
        service.allow(10 * SHORT);
        for _ in 0..2 {
            let call = sleep(2 * SHORT);
            service.watch(call, |it| reports.push(it)).await;
            assert_eq!(service.end(), None);
        }
        let call = sleep(12 * SHORT);
        service.watch(call, |it| reports.push(it)).await;
        assert!(
            reports.len() == 1 && reports[0] >= 11 * SHORT,
            "{reports:?}"
        );
    }

    #[tokio::test]
    async fn it_is_reported_before_the_call_ends() {
        let mut service = Unresponsive::of(SHORT);
        let mut is_reported = false;
        let never = service.watch(std::future::pending::<()>(), |_| is_reported = true);
        assert!(timeout(10 * SHORT, never).await.is_err());
        assert!(is_reported);
    }
}
