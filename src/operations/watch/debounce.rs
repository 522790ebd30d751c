//! When a save is over: an editor writes a file in several steps, and a checkout writes many files.

use std::time::Duration;

use tokio::time::Instant;

/// How long nothing must happen.
const QUIET: Duration = Duration::from_millis(60);

/// How long something may happen again and again before the files are looked at all the same.
const LONGEST: Duration = Duration::from_secs(1);

/// Waits for a quiet moment.
#[derive(Debug, Default)]
pub(super) struct Debounce(Option<Span>);

#[derive(Debug, Clone, Copy)]
struct Span {
    first: Instant,
    last: Instant,
}

impl Debounce {
    /// Remembers that something has happened.
    pub(super) fn touch(&mut self, now: Instant) {
        let first = self.0.map_or(now, |span| span.first);
        self.0 = Some(Span { first, last: now });
    }

    /// Returns when the files are looked at; `None` if nothing has happened.
    pub(super) fn due(&self) -> Option<Instant> {
        let span = self.0?;
        Some((span.last + QUIET).min(span.first + LONGEST))
    }

    /// Forgets what has happened, because the files are looked at.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Debounce, LONGEST, QUIET};

    #[test]
    fn the_files_are_looked_at_in_a_quiet_moment() {
        let start = Instant::now();
        let mut debounce = Debounce::default();
        assert_eq!(debounce.due(), None);
        debounce.touch(start);
        assert_eq!(debounce.due(), Some(start + QUIET));
        let later = start + QUIET / 2;
        debounce.touch(later);
        assert_eq!(debounce.due(), Some(later + QUIET));
        debounce.clear();
        assert_eq!(debounce.due(), None);
        debounce.touch(later);
        assert_eq!(debounce.due(), Some(later + QUIET));
    }

    #[test]
    fn noise_without_end_delays_for_a_limited_time() {
        let start = Instant::now();
        let mut debounce = Debounce::default();
        for step in 0..100 {
            debounce.touch(start + Duration::from_millis(step * 20));
        }
        assert_eq!(debounce.due(), Some(start + LONGEST));
    }
}
