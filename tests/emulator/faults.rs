//! The fault matrix: each call of a command fails in every way that a network and a service can
//! fail, one at a time.
//!
//! After a fault, the stack is correct or unchanged, the report names a remedy, nothing is applied
//! twice, and the next run of the command succeeds. A first `apply` is tested with every fault. An
//! update, `destroy` and `recover` share most of its code and are tested with fewer faults.

use crate::fault_injection::{Part, ProxiedProject};
use crate::matrix;
use crate::proxy::{Fault, Rule};

/// How many commands run concurrently. Most of them wait between two attempts of the SDK.
const AT_ONCE: usize = 16;

/// More calls than the SDK makes before it gives up.
const ALWAYS: usize = 20;

/// The faults for other commands than a first `apply`: one before the service acts, two after it,
/// and an invalid response.
const SOME: [Fault; 4] = [
    Fault::Throttled,
    Fault::FailingLate,
    Fault::ResetLate,
    Fault::Garbage,
];

/// A command whose calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Command {
    /// `apply` of a new stack.
    Create,
    /// `apply` of a change.
    Update,
    /// `destroy` of a stack with a bucket that is not empty.
    Destroy,
    /// `recover` of a failed creation without rollback, which is rolled back and deleted.
    Recover,
}

impl Command {
    /// Returns a project in which the command has something to do.
    fn project(self) -> ProxiedProject {
        let project = ProxiedProject::new();
        match self {
            Self::Create => {}
            Self::Update => {
                project.deploy();
                project.write("second", "2");
            }
            Self::Destroy => {
                project.write_with("first", "1", Part::Bucket);
                project.deploy();
                project.fill_bucket();
            }
            Self::Recover => {
                project.write_with("first", "1", Part::Failure);
                let proxy = project.proxy(Rule::Nothing);
                let kept = project.run(&proxy, &["apply", "--yes", "--on-failure", "keep"]);
                kept.expect_code(1);
            }
        }
        project
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Create | Self::Update => &["apply", "--yes"],
            Self::Destroy => &["destroy", "--yes", "--empty", "Data"],
            Self::Recover => &["recover", "--yes"],
        }
    }

    /// Returns the command that a user runs after a failure.
    fn next(self) -> &'static [&'static str] {
        match self {
            Self::Create | Self::Update => &["apply", "--yes", "--wait"],
            _ => self.arguments(),
        }
    }

    /// Returns the call that changes the stack.
    fn write(self) -> &'static str {
        match self {
            Self::Create | Self::Update => "ExecuteChangeSet",
            Self::Destroy => "DeleteStack",
            Self::Recover => "RollbackStack",
        }
    }

    /// Returns what differs from the result of a successful command.
    fn wrong(self, project: &ProxiedProject, may_remain: bool) -> Vec<String> {
        match self {
            Self::Create | Self::Update => project.wrong(may_remain),
            Self::Destroy | Self::Recover => project.left(),
        }
    }

    /// Returns every operation that the command calls, in the order of their first calls.
    fn operations(self) -> Vec<String> {
        let project = self.project();
        let proxy = project.proxy(Rule::Nothing);
        project.run(&proxy, self.arguments()).expect_code(0);
        assert_eq!(self.wrong(&project, false), [""; 0]);
        let mut operations: Vec<String> = Vec::new();
        for call in proxy.passed() {
            if !operations.contains(&call.operation) {
                operations.push(call.operation);
            }
        }
        operations
    }
}

/// One cell of the matrix.
#[derive(Debug, Clone)]
struct Case {
    command: Command,
    operation: String,
    fault: Fault,
    times: usize,
}

#[test]
fn apply_survives_a_fault_in_any_call() {
    let operations = Command::Create.operations();
    let mut cases = once(Command::Create, &operations, &Fault::ALL);
    // The status of a running operation is polled much longer than other calls are retried.
    let write = Command::Create.write();
    let last = operations.iter().position(|it| it == write).unwrap();
    for operation in &operations[..=last] {
        cases.push(always(Command::Create, operation, Fault::Throttled));
    }
    cases.push(always(Command::Create, write, Fault::Reset));
    assert!(cases.len() > 150, "{} faults", cases.len());
    try_all(cases);
}

#[test]
fn update_destroy_and_recover_survive_a_fault_in_any_call() {
    let mut cases = Vec::new();
    for command in [Command::Update, Command::Destroy, Command::Recover] {
        cases.extend(once(command, &command.operations(), &SOME));
        cases.push(always(command, command.write(), Fault::Reset));
    }
    assert!(cases.len() > 80, "{} faults", cases.len());
    try_all(cases);
}

/// Returns each of these operations with each of these faults once.
fn once(command: Command, operations: &[String], faults: &[Fault]) -> Vec<Case> {
    let mut cases = Vec::new();
    for operation in operations {
        let has_body = !operation.starts_with("Head");
        // The response to a `HEAD` has no body that a fault could change.
        let faults = faults.iter().filter(|fault| {
            has_body || !matches!(fault, Fault::Truncated | Fault::Garbage | Fault::Clock)
        });
        cases.extend(faults.map(|fault| Case {
            command,
            operation: operation.clone(),
            fault: *fault,
            times: 1,
        }));
    }
    cases
}

/// Returns an operation that never succeeds.
fn always(command: Command, operation: &str, fault: Fault) -> Case {
    Case {
        command,
        operation: operation.to_owned(),
        fault,
        times: ALWAYS,
    }
}

/// Tries all cells, several concurrently, and prints the results.
fn try_all(mut cases: Vec<Case>) {
    // The cells that wait longest start first.
    cases.sort_by_key(|case| std::cmp::Reverse(case.times));
    matrix::try_all("faults", &cases, AT_ONCE, |case| match attempt(case) {
        Ok(outcome) => Ok((case.command, outcome)),
        Err(failure) => Err(format!("{case:?}: {failure}")),
    });
}

/// Runs the command with the fault and, if it failed, once more without. Returns the result.
fn attempt(case: &Case) -> Result<&'static str, String> {
    let command = case.command;
    let project = command.project();
    let rule = Rule::Inject(case.operation.clone(), case.fault, case.times);
    let proxy = project.proxy(rule);
    let first = project.run(&proxy, command.arguments());
    let mut written = proxy.accepted(command.write());
    let fail = |what: &str| Err(format!("{what}\n{first}"));
    if proxy.injected() == 0 {
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
            let second = project.run(&healthy, command.next());
            written += healthy.accepted(command.write());
            if second.code() != 0 {
                return fail(&format!("the next run failed:\n{second}"));
            }
            "reported, and right after the next run"
        }
        _ => return fail("another exit code"),
    };
    // A second request to delete a stack is not a second deletion.
    if written != 1 && command != Command::Destroy {
        return fail(&format!("{} was accepted {written} times", command.write()));
    }
    let wrong = command.wrong(&project, case.times == ALWAYS);
    if !wrong.is_empty() {
        return fail(&format!("{outcome}, but {wrong:?}"));
    }
    if outcome != "survived" && case.times == 1 && is_transient(case.fault) {
        return fail("one such fault must not end the command");
    }
    Ok(outcome)
}

/// Returns whether the same call succeeds without the fault a moment later.
fn is_transient(fault: Fault) -> bool {
    !matches!(fault, Fault::Clock | Fault::Garbage)
}
