//! `apply` and `destroy` of eight stacks that end at any moment or meet a fault in any call: the next run
//! does the rest, and nothing is done twice.

use std::collections::BTreeSet;

use crate::eight_stacks::{ALLOW_DELETE, EightStacks, Operation, STACKS, expect_order};
use crate::killed::{Random, seed};
use crate::matrix;
use crate::proxy::{Fault, Moment, Rule};

/// How many projects go through the three commands. Each command of each project is killed.
const PROJECTS: usize = 10;
/// How many projects run concurrently. A run spends most of its time in the emulator.
const AT_ONCE: usize = 4;

/// The commands in the life of the project, in their order.
const COMMANDS: [Command; 3] = [Command::Create, Command::Change, Command::Destroy];

/// A command that ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Command {
    /// `apply` of eight new stacks.
    Create,
    /// `apply` of a change at the root.
    Change,
    /// `destroy` of all stacks.
    Destroy,
}

impl Command {
    /// Prepares the project.
    fn prepare(self, project: &EightStacks) {
        if self == Self::Change {
            project.set("network", "version", "\"2\"");
        }
    }

    fn arguments(self) -> Vec<&'static str> {
        match self {
            Self::Create | Self::Change => vec!["apply", "--yes", "--accept-replans"],
            Self::Destroy => [&["destroy", "--yes"][..], &ALLOW_DELETE].concat(),
        }
    }

    /// Returns the command that a user runs next.
    fn next(self) -> Vec<&'static str> {
        match self {
            Self::Create | Self::Change => [&self.arguments()[..], &["--wait"]].concat(),
            Self::Destroy => self.arguments(),
        }
    }

    /// Returns what is wrong after the command and the next one.
    fn wrong(self, project: &EightStacks, done: &[Operation]) -> Vec<String> {
        let statuses = project.statuses();
        let (count, status, operations) = match self {
            Self::Create => (STACKS.len(), "CREATE_COMPLETE", STACKS.len()),
            Self::Change => (STACKS.len(), "_COMPLETE", 5),
            Self::Destroy => (0, "", STACKS.len()),
        };
        let mut wrong = Vec::new();
        let is_right = statuses.values().all(|it| it.ends_with(status));
        if statuses.len() != count || !is_right {
            wrong.push(format!("{statuses:?}"));
        }
        if done.len() != operations {
            wrong.push(format!("{done:#?}"));
        }
        wrong.extend(project.leftovers());
        wrong
    }
}

#[test]
fn the_next_run_does_the_rest_after_a_run_of_eight_stacks_was_killed() {
    let seed = seed();
    let mut random = Random(seed);
    let project = EightStacks::new();
    let lengths = COMMANDS.map(|command| {
        command.prepare(&project);
        let proxy = project.behind_proxy(Rule::Nothing);
        project.run(&command.arguments()).expect_code(0);
        proxy.passed().len()
    });
    let moments = [Moment::Before, Moment::Between, Moment::After];
    let cases: Vec<Vec<Rule>> = (0..PROJECTS)
        .map(|number| {
            let stop = |length: usize| {
                // Each project has moments in another part of the commands.
                let part = length.div_ceil(PROJECTS);
                let call = (number * part + random.below(part)).min(length - 1);
                Rule::Stop(call, moments[random.below(moments.len())])
            };
            lengths.into_iter().map(stop).collect()
        })
        .collect();
    let attempts = matrix::map(&cases, AT_ONCE, |rules| attempt(rules));
    let landed: usize = attempts.iter().flatten().sum();
    let failures: Vec<String> = attempts.into_iter().filter_map(Result::err).collect();
    let count = PROJECTS * COMMANDS.len();
    matrix::report(&format!(
        "{landed} of {count} commands on eight stacks were killed in time; KILL_SEED={seed}"
    ));
    assert!(
        failures.is_empty(),
        "KILL_SEED={seed}:\n{}",
        failures.join("\n\n")
    );
    assert!(landed > count * 8 / 10, "KILL_SEED={seed}");
}

/// Kills each command of a project at its moment, and runs the next one. Returns how many had not ended by
/// themselves.
fn attempt(rules: &[Rule]) -> Result<usize, String> {
    let project = EightStacks::new();
    let mut landed = 0;
    for (command, rule) in COMMANDS.into_iter().zip(rules) {
        command.prepare(&project);
        let before = project.operations();
        let proxy = project.behind_proxy(rule.clone());
        let mut running = project.spawn(&command.arguments());
        landed += usize::from(proxy.wait_until_stopped(|| running.has_ended()));
        // Dropping the child kills it with SIGKILL.
        drop(running);
        proxy.wait_until_idle();
        drop(proxy);
        project.without_proxy();
        let next = project.run(&command.next());
        let fail = |what: String| {
            Err(format!(
                "{command:?} {rule:?}: {what}\nthe next run:\n{next}"
            ))
        };
        if next.code() != 0 || next.stderr.contains("panicked") {
            return fail("the next run failed".to_owned());
        }
        let wrong = command.wrong(&project, &done(&project, &before)?);
        if !wrong.is_empty() {
            return fail(format!("{wrong:#?}"));
        }
    }
    Ok(landed)
}

/// Returns the operations since an earlier look, if their order is right.
fn done(project: &EightStacks, before: &BTreeSet<Operation>) -> Result<Vec<Operation>, String> {
    let all = project.operations();
    let new: Vec<Operation> = all.difference(before).cloned().collect();
    match std::panic::catch_unwind(|| expect_order(&new)) {
        Ok(()) => Ok(new),
        Err(_) => Err(format!("the order is wrong: {new:#?}")),
    }
}

/// A fault in the first call of an operation.
#[derive(Debug, Clone)]
struct Case {
    operation: String,
    fault: Fault,
}

#[test]
fn apply_of_eight_stacks_survives_a_fault_in_any_call() {
    let project = EightStacks::new();
    let proxy = project.behind_proxy(Rule::Nothing);
    project.run(&Command::Create.arguments()).expect_code(0);
    let mut operations: Vec<String> = Vec::new();
    for call in proxy.passed() {
        if !operations.contains(&call.operation) {
            operations.push(call.operation);
        }
    }
    // One fault for every second operation, and each run begins with another one. The matrix of one stack
    // has all faults in all calls.
    let first = Random(seed()).below(2);
    let faults = [
        Fault::Throttled,
        Fault::ResetLate,
        Fault::Failing,
        Fault::FailingLate,
    ];
    let cases: Vec<Case> = operations
        .into_iter()
        .filter(|operation| !operation.contains(' '))
        .skip(first)
        .step_by(2)
        .zip(faults.into_iter().cycle())
        .map(|(operation, fault)| Case { operation, fault })
        .collect();
    matrix::try_all("faults on eight stacks", &cases, AT_ONCE, |case| {
        survive(case).map_err(|failure| format!("{case:?}: {failure}"))
    });
}

fn survive(case: &Case) -> Result<&'static str, String> {
    let project = EightStacks::new();
    let rule = Rule::Inject(case.operation.clone(), case.fault, 1);
    let proxy = project.behind_proxy(rule);
    let first = project.run(&Command::Create.arguments());
    if proxy.injected() == 0 || first.stderr.contains("panicked") {
        return Err(format!("injected {}\n{first}", proxy.injected()));
    }
    let outcome = match first.code() {
        0 => "survived",
        1 | 4 if first.stderr.contains("error: ") => {
            let second = project.run(&Command::Create.next());
            if second.code() != 0 {
                return Err(format!("{first}\nthe next run:\n{second}"));
            }
            "reported, and right after the next run"
        }
        _ => return Err(first.to_string()),
    };
    let wrong = Command::Create.wrong(&project, &done(&project, &BTreeSet::new())?);
    if wrong.is_empty() {
        Ok(outcome)
    } else {
        Err(format!("{outcome}, but {wrong:#?}\n{first}"))
    }
}
