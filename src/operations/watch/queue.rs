//! What a save does to the run that is under way, and when the next run begins.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::config::project::Differences;

/// How many runs in succession begin only because of what the `build` of the run before has written.
const MOST_FOLLOW_UPS: u8 = 5;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It reads files and asks AWS. It can be stopped: then it removes what it has made.
    Planning,
    /// It changes the stack. It is not stopped.
    Deploying,
    /// It is done, and at most shows logs.
    Done,
}

/// What is done after the files were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Wait,
    /// The run ends as soon as it can, and the next one begins.
    Stop,
    /// The next run begins after this one. The user is told so.
    Queue,
}

/// The saves that no run has seen yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The files that differ from what the run has read.
    saved: BTreeSet<PathBuf>,
    /// Whether the run was stopped, or the user was told that it is repeated.
    is_decided: bool,
    /// Whether the run began only because of what a `build` has written.
    is_follow_up: bool,
    follow_ups: u8,
    /// What had changed while the `build` commands of the run before ran.
    suspects: BTreeSet<PathBuf>,
    /// What `build` commands write each time.
    outputs: BTreeSet<PathBuf>,
    /// What was saved while no `build` ran.
    sources: BTreeSet<PathBuf>,
    /// Whether the run was done when the files were looked at before.
    was_done: bool,
}

impl Queue {
    /// Takes in what is not as the run has read it.
    pub(super) fn absorb(&mut self, found: Differences, phase: Phase) -> Step {
        if phase == Phase::Done {
            if self.was_done {
                // No build runs: somebody has saved these.
                self.outputs.retain(|path| !found.of_builds.contains(path));
                self.sources.extend(found.of_builds.iter().cloned());
                self.saved.extend(found.of_builds);
            } else {
                self.after_builds(&found.of_builds, found.changed.is_empty());
            }
            self.was_done = true;
        }
        self.saved.extend(found.changed);
        if self.saved.is_empty() || self.is_decided && phase != Phase::Done {
            return Step::Wait;
        }
        self.is_decided = true;
        match phase {
            Phase::Planning | Phase::Done => Step::Stop,
            Phase::Deploying => Step::Queue,
        }
    }

    /// Begins the next run. Returns the files that were saved for it.
    pub(super) fn begin(&mut self) -> BTreeSet<PathBuf> {
        self.is_decided = false;
        self.was_done = false;
        std::mem::take(&mut self.saved)
    }

    /// Takes in what has changed while the `build` commands ran. Most of it they have written themselves, but
    /// somebody may have saved a source meanwhile. So there is one more run, and what its builds write again is
    /// not a source.
    fn after_builds(&mut self, written: &BTreeSet<PathBuf>, is_all: bool) {
        let is_repeated = self.is_follow_up;
        if is_repeated {
            let again = written.intersection(&self.suspects);
            let again = again.filter(|path| !self.sources.contains(*path));
            self.outputs.extend(again.cloned());
        }
        let new: BTreeSet<PathBuf> = written.difference(&self.outputs).cloned().collect();
        self.is_follow_up = is_all && !new.is_empty();
        self.follow_ups = if is_repeated { self.follow_ups + 1 } else { 0 };
        if self.is_follow_up && self.follow_ups >= MOST_FOLLOW_UPS {
            self.is_follow_up = false;
            self.sources.retain(|path| !new.contains(path));
            self.outputs.extend(new);
            return;
        }
        self.suspects.clone_from(&new);
        self.saved.extend(new);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::{Phase, Queue, Step};
    use crate::config::project::Differences;

    fn paths(names: &[&str]) -> BTreeSet<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    fn saved(names: &[&str]) -> Differences {
        Differences {
            changed: paths(names),
            ..Differences::default()
        }
    }

    fn built(names: &[&str]) -> Differences {
        Differences {
            of_builds: paths(names),
            ..Differences::default()
        }
    }

    #[test]
    fn a_save_stops_a_plan_once_and_begins_the_next() {
        let mut queue = Queue::default();
        assert_eq!(queue.absorb(saved(&[]), Phase::Planning), Step::Wait);
        assert_eq!(queue.absorb(saved(&["a"]), Phase::Planning), Step::Stop);
        assert_eq!(
            queue.absorb(saved(&["a", "b"]), Phase::Planning),
            Step::Wait
        );
        assert_eq!(queue.absorb(saved(&["b"]), Phase::Done), Step::Stop);
        assert_eq!(queue.begin(), paths(&["a", "b"]));
        assert_eq!(queue.absorb(saved(&[]), Phase::Done), Step::Wait);
        assert_eq!(queue.absorb(saved(&["c"]), Phase::Done), Step::Stop);
        assert_eq!(queue.begin(), paths(&["c"]));
    }

    #[test]
    fn saves_during_a_deployment_queue_exactly_one_run() {
        let mut queue = Queue::default();
        assert_eq!(queue.absorb(saved(&["a"]), Phase::Deploying), Step::Queue);
        for _ in 0..100 {
            assert_eq!(queue.absorb(saved(&["a"]), Phase::Deploying), Step::Wait);
        }
        assert_eq!(queue.absorb(saved(&["a"]), Phase::Done), Step::Stop);
        assert_eq!(queue.begin(), paths(&["a"]));
        assert_eq!(queue.absorb(saved(&[]), Phase::Done), Step::Wait);
        assert!(queue.begin().is_empty());
    }

    #[test]
    fn what_a_build_writes_is_built_once_more_and_then_known() {
        let mut queue = Queue::default();
        assert_eq!(queue.absorb(built(&["cache"]), Phase::Planning), Step::Wait);
        assert_eq!(queue.absorb(built(&["cache"]), Phase::Done), Step::Stop);
        queue.begin();
        assert_eq!(queue.absorb(built(&["cache"]), Phase::Done), Step::Wait);
        // A save, whose build writes the same again.
        assert_eq!(queue.absorb(built(&["source"]), Phase::Done), Step::Stop);
        assert_eq!(queue.begin(), paths(&["source"]));
        assert_eq!(queue.absorb(built(&["cache"]), Phase::Done), Step::Wait);
    }

    #[test]
    fn a_source_that_is_saved_during_its_build_is_built_again() {
        let mut queue = Queue::default();
        for _ in 0..2 {
            queue.absorb(built(&["cache"]), Phase::Done);
            queue.begin();
        }
        assert_eq!(
            queue.absorb(built(&["cache", "source"]), Phase::Done),
            Step::Stop
        );
        assert_eq!(queue.begin(), paths(&["source"]));
        assert_eq!(queue.absorb(built(&["cache"]), Phase::Done), Step::Wait);
        // What was taken for an output is a source as soon as it is saved.
        assert_eq!(queue.absorb(built(&["cache"]), Phase::Done), Step::Stop);
        assert_eq!(queue.begin(), paths(&["cache"]));
    }

    #[test]
    fn a_build_that_writes_other_names_each_time_ends() {
        let mut queue = Queue::default();
        let mut runs = 0;
        for number in 0..100 {
            runs += 1;
            let name = format!("random-{number}");
            if queue.absorb(built(&[&name]), Phase::Done) == Step::Wait {
                break;
            }
            queue.begin();
        }
        assert_eq!(runs, 6);
    }

    #[test]
    fn a_source_that_is_saved_during_each_build_is_built_each_time() {
        let mut queue = Queue::default();
        queue.absorb(Differences::default(), Phase::Done);
        assert_eq!(queue.absorb(built(&["source"]), Phase::Done), Step::Stop);
        for _ in 0..4 {
            queue.begin();
            assert_eq!(queue.absorb(built(&["source"]), Phase::Done), Step::Stop);
        }
        queue.begin();
        assert_eq!(
            queue.absorb(Differences::default(), Phase::Done),
            Step::Wait
        );
    }
}
