//! The fault matrix: each call of an `apply` goes wrong in every way that a network and a service
//! know, one at a time.
//!
//! Whatever goes wrong, the stack is right in the end or untouched, the report is one that a user can
//! act on, nothing is applied twice, and the next `apply` leaves everything right.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::proxy::{Fault, Rule};
use crate::spoilt::Spoilt;

/// How many applies run at once. Most of them wait: for the SDK's pauses between two attempts.
const AT_ONCE: usize = 16;

/// More calls than the SDK makes before it gives up.
const ALWAYS: usize = 20;

/// One cell of the matrix.
#[derive(Debug, Clone)]
struct Case {
    operation: String,
    fault: Fault,
    times: usize,
}

#[test]
fn whatever_call_goes_wrong_the_stack_is_right_in_the_end_and_applied_once() {
    let cases = cases();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::<&str, usize>::new());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match attempt(case) {
                        Ok(outcome) => *outcomes.lock().unwrap().entry(outcome).or_default() += 1,
                        Err(failure) => failures
                            .lock()
                            .unwrap()
                            .push(format!("{case:?}: {failure}")),
                    }
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    // Past the test harness, which shows what a test prints only where it fails.
    let said = format!("{} faults were tried: {outcomes:?}\n", cases.len());
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} cells of the matrix:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    assert!(cases.len() > 150, "{} faults", cases.len());
}

/// Returns every operation that an apply calls, with every fault once; those that come before the
/// deployment also without end.
fn cases() -> Vec<Case> {
    let project = Spoilt::new();
    let proxy = project.proxy(Rule::Nothing);
    project.run(&proxy, &["apply", "--yes"]).expect_code(0);
    assert_eq!(project.wrong(false), [""; 0]);
    let mut operations: Vec<String> = Vec::new();
    for call in proxy.passed() {
        if !operations.contains(&call.operation) {
            operations.push(call.operation);
        }
    }
    let case = |operation: &String, fault, times| Case {
        operation: operation.clone(),
        fault,
        times,
    };
    let mut cases = Vec::new();
    for operation in &operations {
        let has_body = !operation.starts_with("Head");
        // The answer to a HEAD has no body to spoil or to name the clock in; other calls come first.
        let faults = Fault::ALL.into_iter().filter(|fault| {
            has_body || !matches!(fault, Fault::Truncated | Fault::Garbage | Fault::Clock)
        });
        cases.extend(faults.map(|fault| case(operation, fault, 1)));
    }
    // The status of a running operation is asked for much longer than the others are.
    let last = operations
        .iter()
        .position(|operation| operation == "ExecuteChangeSet")
        .unwrap();
    for operation in &operations[..=last] {
        cases.push(case(operation, Fault::Throttled, ALWAYS));
    }
    cases.push(case(&operations[last], Fault::Reset, ALWAYS));
    // Those that wait longest begin first.
    cases.sort_by_key(|case| std::cmp::Reverse(case.times));
    cases
}

/// Runs an apply with the fault and, where it failed, another one without. Returns how it went.
fn attempt(case: &Case) -> Result<&'static str, String> {
    let project = Spoilt::new();
    let rule = Rule::Spoil(case.operation.clone(), case.fault, case.times);
    let proxy = project.proxy(rule);
    let first = project.run(&proxy, &["apply", "--yes"]);
    let mut executed = proxy.accepted("ExecuteChangeSet");
    let fail = |what: &str| Err(format!("{what}\n{first}"));
    if proxy.spoilt() == 0 {
        return fail("the call was not made");
    }
    if first.stderr.contains("panicked") {
        return fail("it panicked");
    }
    let outcome = match first.code() {
        0 => "survived",
        1 | 4 if !first.stderr.contains("error: ") => return fail("no report"),
        1 | 4 => {
            if case.fault == Fault::Clock && !first.stderr.contains("clock") {
                return fail("the clock is not named");
            }
            let healthy = project.proxy(Rule::Nothing);
            let second = project.run(&healthy, &["apply", "--yes", "--wait"]);
            executed += healthy.accepted("ExecuteChangeSet");
            if second.code() != 0 {
                return fail(&format!("the next apply failed:\n{second}"));
            }
            "reported, and right after the next apply"
        }
        _ => return fail("another exit code"),
    };
    if executed != 1 {
        return fail(&format!("executed {executed} times"));
    }
    let wrong = project.wrong(case.times == ALWAYS);
    if !wrong.is_empty() {
        return fail(&format!("{outcome}, but {wrong:?}"));
    }
    if outcome != "survived" && case.times == 1 && is_transient(case.fault) {
        return fail("one such fault must not end an apply");
    }
    Ok(outcome)
}

/// Returns whether a fault goes away by itself, so that the same call works a moment later.
fn is_transient(fault: Fault) -> bool {
    !matches!(fault, Fault::Clock | Fault::Garbage)
}
