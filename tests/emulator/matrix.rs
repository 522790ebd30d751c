//! Runs the cells of a matrix concurrently and reports what each outcome was.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Write;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

/// Runs a function on all cells in their order, `at_once` concurrently, and returns the results in the
/// same order.
pub(crate) fn map<C: Sync, R: Send>(
    cells: &[C],
    at_once: usize,
    run: impl Fn(&C) -> R + Sync,
) -> Vec<R> {
    let next = Mutex::new(cells.iter().enumerate());
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let cell = next.lock().unwrap().next();
                    let Some((number, cell)) = cell else { return };
                    let result = run(cell);
                    results.lock().unwrap().insert(number, result);
                }
            });
        }
    });
    results.into_inner().unwrap().into_values().collect()
}

/// Prints a line to stderr, also if the test passes: the harness shows only what `eprintln!` prints in a
/// failed test.
pub(crate) fn report(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

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
    let mut outcomes = BTreeMap::<O, usize>::new();
    let mut failures = Vec::new();
    for result in map(cells, at_once, attempt) {
        match result {
            Ok(outcome) => *outcomes.entry(outcome).or_default() += 1,
            Err(failure) => failures.push(failure),
        }
    }
    let (count, seconds) = (cells.len(), began.elapsed().as_secs());
    report(&format!(
        "{count} {what} were tried in {seconds} s: {outcomes:?}"
    ));
    assert!(
        failures.is_empty(),
        "{} cells of the matrix:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}
