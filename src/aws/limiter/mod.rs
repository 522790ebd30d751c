//! Calls to one service of one account and Region, no more of them than the service accepts.
//!
//! The limiter works in the HTTP client, so it sees every attempt of every call, whoever makes it, and
//! no call has to know of it. Nothing is delayed until the service throttles a call ([`Rate`]). From then
//! on, calls are sent one after the other at a rate that is learned. The SDK still repeats the calls that
//! were throttled, and its repetitions wait for their turn, too.

mod allowance;
mod clock;
mod connector;
mod rate;
#[cfg(test)]
mod tests;
mod throttling;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::pace::Pace;
pub(super) use allowance::{Allowance, GRACE, stalled_stream_protection};
use clock::Clock;
pub(super) use connector::limited;
use rate::Rate;

/// How many calls to a service are under way at once: more than one stack ever needs, and few enough
/// that the first calls of a hundred stacks are not all throttled.
const AT_ONCE: u32 = 32;

/// The calls of one look at a running operation: its status and its events.
const CALLS_PER_LOOK: f64 = 2.0;

/// The part of the rate that all looks together may use up. The rest is for the calls that make progress.
const SHARE_OF_LOOKS: f64 = 0.5;

/// The limiters of one account by the scopes of requests, such as `eu-west-1/cloudformation`.
type Scopes = Arc<Mutex<HashMap<String, Arc<Limiter>>>>;

/// The limiters of all services that are called with the same credentials; as soon as their account is
/// known, those of the account. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Limiters {
    clock: Clock,
    scopes: Arc<Mutex<Scopes>>,
}

/// The limiter of a service in a region, whichever it is when it is needed.
#[derive(Debug, Clone)]
pub(super) struct OfScope {
    limiters: Limiters,
    scope: String,
}

impl OfScope {
    /// Returns the limiter.
    pub(super) fn limiter(&self) -> Arc<Limiter> {
        self.limiters.of_scope(&self.scope)
    }
}

impl Limiters {
    /// Returns limiters for whose pauses time passes at this pace.
    pub(super) fn at(pace: Pace) -> Self {
        Self {
            clock: Clock::at(pace),
            ..Self::default()
        }
    }

    /// Returns how fast time passes for the pauses.
    pub(super) fn pace(&self) -> Pace {
        self.clock.pace
    }

    /// Returns the limiter of a service in a region, both as requests are signed for them, such as
    /// `eu-west-1` and `cloudformation`.
    pub(super) fn of(&self, region: &str, service: &str) -> OfScope {
        OfScope {
            limiters: self.clone(),
            scope: format!("{region}/{service}"),
        }
    }

    /// Uses the limiters of others from now on, because they are of the same account.
    pub(super) fn join(&self, others: &Self) {
        let scopes = others.scopes();
        *self.scopes.lock().unwrap_or_else(PoisonError::into_inner) = scopes;
    }

    fn scopes(&self) -> Scopes {
        Arc::clone(&self.scopes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn of_scope(&self, scope: &str) -> Arc<Limiter> {
        let scopes = self.scopes();
        let mut limiters = scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limiter) = limiters.get(scope) {
            return Arc::clone(limiter);
        }
        let limiter = Arc::new(Limiter::new(self.clock.clone()));
        limiters.insert(scope.to_owned(), Arc::clone(&limiter));
        limiter
    }
}

/// Lets calls through as fast as the service accepts them.
#[derive(Debug)]
pub(crate) struct Limiter {
    clock: Clock,
    rate: Mutex<Rate>,
    /// Held by the first of the calls that were never sent. The others wait for it in their order.
    line: tokio::sync::Mutex<()>,
    /// Held by the call that is sent next. Calls that are sent again do not stand in the line, so each of
    /// them waits for one of the others at most.
    next: tokio::sync::Mutex<()>,
    under_way: Semaphore,
    /// How many calls have begun and not returned, the waiting ones included.
    calls: AtomicU32,
    /// How many operations are being looked at again and again.
    operations: AtomicU32,
}

/// The right to send one call. It ends with the call's answer.
#[derive(Debug)]
struct Turn<'a> {
    /// When the call is sent, by the limiter's clock.
    sent: Duration,
    /// Whether the call had to wait.
    has_waited: bool,
    _under_way: Option<SemaphorePermit<'a>>,
}

impl Limiter {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            rate: Mutex::default(),
            line: tokio::sync::Mutex::default(),
            next: tokio::sync::Mutex::default(),
            under_way: Semaphore::new(AT_ONCE as usize),
            calls: AtomicU32::new(0),
            operations: AtomicU32::new(0),
        }
    }

    /// Waits until one more call may be sent. `is_repeated` tells whether the call was sent before.
    async fn turn(&self, is_repeated: bool) -> Turn<'_> {
        let mut has_waited = false;
        let _line = if is_repeated {
            None
        } else {
            Some(self.line.lock().await)
        };
        let _next = self.next.lock().await;
        // Only a closed semaphore gives no permit, and nobody closes it.
        let under_way = self.under_way.acquire().await.ok();
        loop {
            let sent = self.clock.now();
            match self.with_rate(|rate| rate.take(sent)) {
                Ok(()) => {
                    return Turn {
                        sent,
                        has_waited,
                        _under_way: under_way,
                    };
                }
                Err(pause) => {
                    has_waited = true;
                    self.clock.sleep(pause).await;
                }
            }
        }
    }

    /// Notes that a call was answered, other than by throttling it.
    fn note_answer(&self, has_waited: bool) {
        let now = self.clock.now();
        self.with_rate(|rate| rate.answered(has_waited, now));
    }

    /// Notes that a call was throttled that was sent at `sent`.
    fn note_throttling(&self, sent: Duration) {
        let now = self.clock.now();
        let rate = self.with_rate(|rate| {
            rate.throttled(sent, now);
            rate.limit()
        });
        tracing::debug!(rate, "the service throttled a call");
    }

    fn with_rate<T>(&self, work: impl FnOnce(&mut Rate) -> T) -> T {
        work(&mut self.rate.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the shortest pause between two looks at a running operation, so that the looks at all
    /// operations leave room for other calls; 0 if no call was throttled yet.
    fn pause_between_looks(&self) -> Duration {
        let Some(rate) = self.with_rate(|rate| rate.limit()) else {
            return Duration::ZERO;
        };
        let operations = self.operations.load(Ordering::Relaxed);
        Duration::from_secs_f64(f64::from(operations) * CALLS_PER_LOOK / (rate * SHARE_OF_LOOKS))
    }

    /// Returns how long a call that begins now may have to wait for its turn; 0 if no call was throttled
    /// yet and few calls are under way.
    fn wait(&self) -> Duration {
        /// What is assumed before anything is known, in calls a second.
        const UNKNOWN: f64 = 1.0;
        let calls = self.calls.load(Ordering::Relaxed);
        match self.with_rate(|rate| rate.limit()) {
            // The rate may still fall.
            Some(rate) => Duration::from_secs_f64(2.0 * f64::from(calls) / rate),
            None => Duration::from_secs_f64(f64::from(calls.saturating_sub(AT_ONCE)) / UNKNOWN),
        }
    }
}

/// An operation that is looked at again and again until it ends.
#[derive(Debug)]
pub(crate) struct Watched(Arc<Limiter>);

impl Watched {
    /// Counts one more operation, until this value is dropped.
    pub(crate) fn begin(limiter: Arc<Limiter>) -> Self {
        limiter.operations.fetch_add(1, Ordering::Relaxed);
        Self(limiter)
    }

    /// Returns the shortest pause before the next look; 0 if no call was throttled yet.
    pub(crate) fn pause(&self) -> Duration {
        self.0.pause_between_looks()
    }

    /// Returns how long the next look may take for no other reason than that it has to wait for its turn.
    pub(crate) fn wait(&self) -> Duration {
        self.0.pause_between_looks() + self.0.wait()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.operations.fetch_sub(1, Ordering::Relaxed);
    }
}
