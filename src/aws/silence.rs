//! A service that does not answer: said early and once, and once more when it answers again.
//!
//! A call may be silent for minutes before it fails. The SDK repeats it with growing pauses, and on a
//! connection that the network has forgotten each attempt waits for its time limit. So the silence is
//! measured beside the calls, not by what they return.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long nothing is heard before it is said: longer than a throttled call usually takes, shorter
/// than a user waits before wondering.
const LIMIT: Duration = Duration::from_secs(20);

/// How long a service has been silent, and whether that was said.
#[derive(Debug)]
pub(crate) struct Unresponsive {
    since: Instant,
    limit: Duration,
    is_said: bool,
}

impl Unresponsive {
    /// Returns a silence that begins now.
    pub(crate) fn begin() -> Self {
        Self::of(LIMIT)
    }

    fn of(limit: Duration) -> Self {
        Self {
            since: Instant::now(),
            limit,
            is_said: false,
        }
    }

    /// Waits for `work`. Where the service becomes silent for too long meanwhile, `say` is given how
    /// long that is; once, until the silence [ends](Self::end).
    pub(crate) async fn watch<T>(
        &mut self,
        work: impl Future<Output = T>,
        say: impl FnOnce(Duration),
    ) -> T {
        let mut work = pin!(work);
        if !self.is_said {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep_until(self.since + self.limit) => {}
            }
            self.is_said = true;
            say(self.since.elapsed());
        }
        work.await
    }

    /// Notes that the service has answered, and begins anew. Returns how long it had been silent, where
    /// that was said.
    pub(crate) fn end(&mut self) -> Option<Duration> {
        let lasted = self.is_said.then(|| self.since.elapsed());
        *self = Self::of(self.limit);
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
    async fn a_silence_is_said_once_and_its_end_once() {
        let mut silence = Unresponsive::of(SHORT);
        let mut said = Vec::new();
        assert_eq!(silence.watch(async { 7 }, |it| said.push(it)).await, 7);
        assert_eq!((silence.end(), said.len()), (None, 0), "it was heard");

        // Two calls that take long, one after the other, are one silence.
        for _ in 0..2 {
            silence.watch(sleep(2 * SHORT), |it| said.push(it)).await;
        }
        assert!(said.len() == 1 && said[0] >= SHORT, "{said:?}");
        let lasted = silence.end().unwrap_or_default();
        assert!(lasted >= 4 * SHORT, "{lasted:?}");
        assert_eq!(silence.end(), None);

        silence.watch(sleep(2 * SHORT), |it| said.push(it)).await;
        assert_eq!(said.len(), 2, "the next one is another");
    }

    #[tokio::test]
    async fn it_is_said_before_the_call_ends() {
        let mut silence = Unresponsive::of(SHORT);
        let mut said = false;
        let never = silence.watch(std::future::pending::<()>(), |_| said = true);
        assert!(timeout(10 * SHORT, never).await.is_err());
        assert!(said);
    }
}
