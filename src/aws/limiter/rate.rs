//! How many calls a second a service accepts, learned from what it answers.
//!
//! AWS publishes no rates for most of its APIs, and other programs use the same account. So nothing is
//! assumed: calls are not delayed until the service throttles one. From then on, each answer raises the
//! rate a little and each throttled call lowers it by a part (additive increase, multiplicative
//! decrease, as in TCP), so that several processes get equal parts without knowing of each other.
//!
//! This file knows no clock: times are durations since any fixed moment.

use std::collections::VecDeque;
use std::time::Duration;

/// The lowest rate, in calls a second: ten processes that share a rate of 5. A lower one would make a program
/// slow for minutes after a few throttled calls.
const LOWEST: f64 = 0.5;
/// The first rate after a call was throttled, if little was answered before, in calls a second.
const FIRST: f64 = 2.0;
/// For how long answers are counted, to know at which rate the service has answered.
const MEASURED: Duration = Duration::from_secs(4);
/// How many answers are remembered. A service that answers more in that time is hardly throttled.
const REMEMBERED: usize = 400;
/// The part of the measured rate with which a limit begins.
const CAUTION: f64 = 0.6;
/// The part of the rate that remains after a call was throttled.
const REMAINS: f64 = 0.7;
/// By how much each answer raises the rate until it is lowered for the first time: by a third each second.
const SEARCH: f64 = 0.35;
/// By how much the answers of a second raise the rate after that.
const GROWTH: f64 = 0.25;
/// By how much one answer raises the rate at most after that. At low rates, a second has so few answers
/// that otherwise every tenth call would be throttled.
const STEP: f64 = 0.03;

/// The rate of the calls to one service of one account and Region.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// `None` until a call is throttled.
    limit: Option<Limit>,
    /// When calls were answered, the oldest first.
    answers: VecDeque<Duration>,
}

#[derive(Debug)]
struct Limit {
    /// In calls a second.
    rate: f64,
    /// How many calls may be sent now; at most 1. It is negative after a throttled call.
    tokens: f64,
    /// When `tokens` was counted.
    counted: Duration,
    /// When the rate was lowered last.
    lowered: Duration,
    /// Whether the rate was lowered only once: then it grows faster.
    is_searching: bool,
}

impl Rate {
    /// Returns the rate in calls a second; `None` if no call was throttled yet.
    pub(super) fn limit(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| limit.rate)
    }

    /// Takes the right to send one call now.
    ///
    /// # Errors
    ///
    /// The time after which to ask again.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let Some(limit) = &mut self.limit else {
            return Ok(());
        };
        limit.count(now);
        if limit.tokens >= 1.0 {
            limit.tokens -= 1.0;
            return Ok(());
        }
        let missing = (1.0 - limit.tokens) / limit.rate;
        // Rounding may not lead to a time of 0.
        Err(Duration::from_secs_f64(missing) + Duration::from_millis(1))
    }

    /// Notes that a call was answered, other than by throttling it. `has_waited` tells whether the call had
    /// to wait for the right to be sent: a rate that nobody uses up is not raised.
    pub(super) fn answered(&mut self, has_waited: bool, now: Duration) {
        if let Some(limit) = &mut self.limit
            && has_waited
        {
            limit.count(now);
            limit.rate += if limit.is_searching {
                SEARCH
            } else {
                (GROWTH / limit.rate).min(STEP)
            };
        }
        self.answers.push_back(now);
        self.forget(now);
    }

    /// Notes that a call was throttled that was sent at `sent`. That lowers the rate, unless the call was
    /// already under way when it was lowered last: such calls say nothing of the lower rate.
    pub(super) fn throttled(&mut self, sent: Duration, now: Duration) {
        self.forget(now);
        let Some(limit) = &mut self.limit else {
            let answered = u32::try_from(self.answers.len()).unwrap_or(u32::MAX);
            let answered = f64::from(answered) / MEASURED.as_secs_f64();
            self.limit = Some(Limit {
                rate: FIRST.max(answered * CAUTION),
                tokens: 0.0,
                counted: now,
                lowered: now,
                is_searching: true,
            });
            return;
        };
        if sent <= limit.lowered {
            return;
        }
        limit.count(now);
        limit.rate = LOWEST.max(limit.rate * REMAINS);
        // The service has nothing left: one call less.
        limit.tokens = limit.tokens.min(0.0);
        limit.lowered = now;
        limit.is_searching = false;
    }

    fn forget(&mut self, now: Duration) {
        let is_old = |at: &Duration| now.saturating_sub(*at) > MEASURED;
        while self.answers.front().is_some_and(is_old) || self.answers.len() > REMEMBERED {
            self.answers.pop_front();
        }
    }
}

impl Limit {
    fn count(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.counted).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(1.0);
        self.counted = self.counted.max(now);
    }
}
