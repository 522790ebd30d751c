//! When a save is over: an editor writes a file in several steps, and a checkout writes many files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::project::watcher::Change;

/// How long nothing must happen.
const QUIET: Duration = Duration::from_millis(60);

/// How long something may happen again and again, or a file may be open, before the files are looked at all the
/// same.
const LONGEST: Duration = Duration::from_secs(1);

/// Waits for a quiet moment in which no file is half written.
#[derive(Debug, Default)]
pub(super) struct Debounce {
    span: Option<Span>,
    /// The files that are being written.
    open: BTreeSet<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    first: Instant,
    last: Instant,
}

impl Debounce {
    /// Remembers what has happened.
    pub(super) fn touch(&mut self, now: Instant, change: &Change) {
        let first = self.span.map_or(now, |span| span.first);
        self.span = Some(Span { first, last: now });
        match change {
            Change::Writing(paths) => self.open.extend(paths.iter().cloned()),
            Change::At(paths) => self.open.retain(|path| !paths.contains(path)),
            Change::Anywhere => self.open.clear(),
        }
    }

    /// Returns when the files are looked at; `None` if nothing has happened.
    pub(super) fn due(&self) -> Option<Instant> {
        let span = self.span?;
        let latest = span.first + LONGEST;
        if self.open.is_empty() {
            Some(latest.min(span.last + QUIET))
        } else {
            Some(latest)
        }
    }

    /// Forgets what has happened, because the files are looked at.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Debounce, LONGEST, QUIET};
    use crate::config::project::watcher::Change;

    fn whole(name: &str) -> Change {
        Change::At(vec![name.into()])
    }

    fn writing(name: &str) -> Change {
        Change::Writing(vec![name.into()])
    }

    #[test]
    fn the_files_are_looked_at_in_a_quiet_moment() {
        let start = Instant::now();
        let mut debounce = Debounce::default();
        assert_eq!(debounce.due(), None);
        debounce.touch(start, &whole("a"));
        assert_eq!(debounce.due(), Some(start + QUIET));
        let later = start + QUIET / 2;
        debounce.touch(later, &Change::Anywhere);
        assert_eq!(debounce.due(), Some(later + QUIET));
        debounce.clear();
        assert_eq!(debounce.due(), None);
        debounce.touch(later, &whole("a"));
        assert_eq!(debounce.due(), Some(later + QUIET));
    }

    #[test]
    fn a_file_that_is_being_written_is_waited_for() {
        let start = Instant::now();
        let later = start + QUIET;
        let mut debounce = Debounce::default();
        debounce.touch(start, &writing("a"));
        debounce.touch(start, &writing("b"));
        assert_eq!(debounce.due(), Some(start + LONGEST));
        debounce.touch(later, &whole("a"));
        assert_eq!(debounce.due(), Some(start + LONGEST));
        debounce.touch(later, &whole("b"));
        assert_eq!(debounce.due(), Some(later + QUIET));
        // It stays open: it is looked at all the same.
        debounce.touch(later, &writing("a"));
        debounce.clear();
        debounce.touch(later, &whole("b"));
        assert_eq!(debounce.due(), Some(later + QUIET));
    }

    #[test]
    fn noise_without_end_delays_for_a_limited_time() {
        let start = Instant::now();
        let mut debounce = Debounce::default();
        for step in 0..100 {
            debounce.touch(start + Duration::from_millis(step * 20), &whole("a"));
        }
        assert_eq!(debounce.due(), Some(start + LONGEST));
    }
}
