//! Runs the cells of a matrix concurrently and reports what each outcome was.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// Tries all cells in their order, `at_once` concurrently, and prints how often each outcome occurred.
/// Fails with the messages of the cells that returned one.
#[track_caller]
pub(crate) fn try_all<C: Sync, O: Debug + Ord + Send>(
    what: &str,
    cells: &[C],
    at_once: usize,
    attempt: impl Fn(&C) -> Result<O, String> + Sync,
) {
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::<O, usize>::new());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match attempt(cell) {
                        Ok(outcome) => *outcomes.lock().unwrap().entry(outcome).or_default() += 1,
                        Err(failure) => failures.lock().unwrap().push(failure),
                    }
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    // This bypasses the test harness, which prints the output only of a failed test.
    let (count, seconds) = (cells.len(), began.elapsed().as_secs());
    let message = format!("{count} {what} were tried in {seconds} s: {outcomes:?}\n");
    std::io::stderr().write_all(message.as_bytes()).unwrap();
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} cells of the matrix:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}
