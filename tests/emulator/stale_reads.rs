//! Old answers after a request: the service is eventually consistent.
//!
//! For some seconds after a request, `DescribeStacks` may return the previous status, a stack in
//! review, or that the stack does not exist, and the events may be late. None of it changes what a
//! command reports.

use std::time::Duration;

use crate::fault_injection::{Part, ProxiedProject};
use crate::matrix;
use crate::proxy::{Rule, StaleRead};

/// How many commands run concurrently. Almost all of their time is waiting.
const AT_ONCE: usize = 48;

/// A command that changes a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Command {
    /// `apply` of a new stack.
    Create,
    /// `apply` of a new stack that fails and is rolled back.
    FailedCreate,
    /// `apply` of a change.
    Update,
    /// `apply` of a change that fails and is rolled back.
    FailedUpdate,
    /// `destroy`.
    Destroy,
    /// `recover` of a failed creation without rollback, which is rolled back and deleted.
    Recover,
}

impl Command {
    const ALL: [Self; 6] = [
        Self::Create,
        Self::FailedCreate,
        Self::Update,
        Self::FailedUpdate,
        Self::Destroy,
        Self::Recover,
    ];

    fn project(self) -> ProxiedProject {
        let project = ProxiedProject::new();
        match self {
            Self::Create => {}
            Self::FailedCreate => project.write_with("first", "1", Part::Failure),
            Self::Update => {
                // Two deployments, so that the status before and after the third is the same.
                project.deploy();
                project.write("second", "2");
                project.deploy();
                project.write("third", "3");
            }
            Self::FailedUpdate => {
                project.deploy();
                project.write("second", "2");
                project.deploy();
                project.write_with("third", "3", Part::Failure);
            }
            Self::Destroy => {
                project.write_with("first", "1", Part::Nothing);
                project.deploy();
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
            Self::Destroy => &["destroy", "--yes"],
            Self::Recover => &["recover", "--yes"],
            _ => &["apply", "--yes"],
        }
    }

    /// Returns the exit code and the text on standard error that the command ends with.
    fn outcome(self) -> (i32, &'static str) {
        match self {
            Self::Create => (0, "is CREATE_COMPLETE"),
            Self::FailedCreate => (3, "ROLLBACK_COMPLETE"),
            Self::Update => (0, "is UPDATE_COMPLETE"),
            Self::FailedUpdate => (3, "UPDATE_ROLLBACK_COMPLETE"),
            Self::Destroy => (0, "Destroyed"),
            Self::Recover => (0, "is gone"),
        }
    }

    /// Returns the request after which reads are old.
    fn request(self) -> &'static str {
        match self {
            Self::Destroy => "DeleteStack",
            Self::Recover => "RollbackStack",
            _ => "ExecuteChangeSet",
        }
    }
}

/// Longer than any command waits for the status and the events to agree.
const ENDLESS: Duration = Duration::from_mins(10);

/// What a refusal says if the stack is not as it was shown.
const CHANGED: &str = "changed since it was shown";

/// One cell of the matrix.
#[derive(Debug, Clone)]
struct Case {
    command: Command,
    stale: StaleRead,
    /// How many reads are right before the first old one.
    from: usize,
    lasts: Duration,
}

#[test]
fn old_answers_do_not_change_the_outcome() {
    let stale_reads = [
        StaleRead::Before,
        StaleRead::InReview,
        StaleRead::Missing,
        StaleRead::Events,
    ];
    let mut cases = Vec::new();
    for command in Command::ALL {
        for stale in stale_reads {
            let is_long = matches!(stale, StaleRead::Before | StaleRead::Events);
            let long = is_long.then_some((0, 60));
            for (from, seconds) in [(0, 2), (0, 15), (1, 20)].into_iter().chain(long) {
                cases.push(Case {
                    command,
                    stale,
                    from,
                    lasts: Duration::from_secs(seconds),
                });
            }
        }
    }
    // Longer than the two minutes after which the outcome is unknown.
    cases.push(Case {
        command: Command::FailedUpdate,
        stale: StaleRead::Before,
        from: 0,
        lasts: ENDLESS,
    });
    // The cells that take longest start first.
    cases.sort_by_key(|case| std::cmp::Reverse(case.lasts));
    matrix::try_all("stale reads", &cases, AT_ONCE, |case| {
        attempt(case).map(|outcome| (case.command, outcome))
    });
}

/// Runs the command with the old answers and compares how it ends.
fn attempt(case: &Case) -> Result<&'static str, String> {
    let command = case.command;
    let project = command.project();
    let rule = Rule::Stale(
        command.request().to_owned(),
        case.stale,
        case.from,
        case.lasts,
    );
    let proxy = project.proxy(rule);
    let running = project.spawn(&proxy, command.arguments());
    let ended = running.within(Duration::from_mins(4)).wait();
    let (code, text) = match case.lasts {
        ENDLESS => (
            1,
            "is unknown: its status is UPDATE_COMPLETE, but its newest event says",
        ),
        _ => command.outcome(),
    };
    if ended.code() == code && ended.stderr.contains(text) {
        return Ok("right");
    }
    // The second step of `recover` reads the stack again just before its call.
    if command == Command::Recover && ended.code() == 4 && ended.stderr.contains(CHANGED) {
        return Ok("refused");
    }
    Err(format!("{case:?}\n{ended}"))
}
