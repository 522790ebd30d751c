//! Two pieces of work at the same time.
//!
//! Reading a template and predicting a deployment are the program's longest computations: tens of
//! milliseconds for the largest templates that CloudFormation accepts, and there are always two sides.

use std::panic::resume_unwind;
use std::thread;

/// Runs `one` and `other` concurrently, `one` on a thread of its own, and returns both results.
///
/// # Panics
///
/// If either panics.
pub(crate) fn both<A: Send, B>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> (A, B) {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join().unwrap_or_else(|panic| resume_unwind(panic));
        (one, other)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::both;

    #[test]
    fn both_run_at_the_same_time() {
        let barrier = Barrier::new(2);
        let (one, other) = both(|| barrier.wait(), || barrier.wait());
        assert_ne!(one.is_leader(), other.is_leader());
    }
}
