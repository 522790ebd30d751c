//! A limit on the calls of CloudFormation, as AWS has one for each account and region.

use std::collections::HashMap;
use std::time::Instant;

use super::call::Call;

/// How many calls a second are accepted, and how many at once after a pause. AWS publishes neither.
pub(super) struct Rate {
    per_second: f64,
    burst: f64,
    /// The tokens of each region, and when they were counted.
    tokens: HashMap<String, (f64, Instant)>,
}

impl Rate {
    pub(super) fn new(per_second: f64, burst: f64) -> Self {
        let tokens = HashMap::new();
        Self {
            per_second,
            burst,
            tokens,
        }
    }

    /// Returns whether a call is accepted.
    pub(super) fn accepts(&mut self, call: &Call) -> bool {
        if call.service != "cloudformation" {
            return true;
        }
        let now = Instant::now();
        let full = (self.burst, now);
        let (tokens, counted) = self.tokens.entry(call.region.clone()).or_insert(full);
        let passed = now.duration_since(*counted).as_secs_f64();
        *tokens = (*tokens + passed * self.per_second).min(self.burst);
        *counted = now;
        let is_accepted = *tokens >= 1.0;
        if is_accepted {
            *tokens -= 1.0;
        }
        is_accepted
    }
}
