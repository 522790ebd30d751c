//! How fast time passes for the pauses between calls: for tests of the program, faster than it does.
//!
//! Only pauses are shorter. Time-outs are not: a busy machine does not answer faster.

use std::time::Duration;

/// How many seconds of a pause pass in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace(u32);

impl Default for Pace {
    fn default() -> Self {
        Self(1)
    }
}

impl Pace {
    /// Returns the pace at which so many seconds of a pause pass in a second; at least 1.
    pub(super) fn new(seconds: u32) -> Self {
        Self(seconds.max(1))
    }

    /// Returns how long a pause really takes.
    pub(crate) fn real(self, pause: Duration) -> Duration {
        pause / self.0
    }

    /// Returns how much time has passed for what makes pauses.
    pub(crate) fn passed(self, real: Duration) -> Duration {
        real.saturating_mul(self.0)
    }
}
