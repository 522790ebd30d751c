//! Old answers after a request: the service is eventually consistent.
//!
//! For some seconds after a request, `DescribeStacks` may return the previous status, a stack in
//! review, or that the stack does not exist, and the events may be late. None of it changes what a
//! command reports.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::fault_injection::{Part, ProxiedProject};
use crate::matrix;
use crate::proxy::{Rule, StaleRead};

/// How many commands run concurrently. Almost all of their time is waiting.
const AT_ONCE: usize = 96;

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
    /// `apply` of a new stack in EXPRESS mode.
    ExpressCreate,
    /// `apply` of a change in EXPRESS mode.
    ExpressUpdate,
    /// `apply` of a change in EXPRESS mode that fails and is rolled back.
    ExpressFailure,
    /// The same without rollback.
    ExpressKept,
    /// `destroy` in EXPRESS mode.
    ExpressDestroy,
    /// `recover` of an update that failed in EXPRESS mode, which deploys the last template.
    ExpressRecover,
    /// `recover` of a stack that has drifted, which reverts the drift.
    DriftRevert,
    /// `cancel` of a running update.
    Cancel,
    /// `events --follow` of an update that somebody else has started.
    Follow,
    /// `events --follow` of an update that somebody else has started, and that fails.
    FollowFailed,
    /// `apply` while an update is running that somebody else has started.
    Wait,
}

impl Command {
    const REQUESTED: [Self; 6] = [
        Self::Create,
        Self::FailedCreate,
        Self::Update,
        Self::FailedUpdate,
        Self::Destroy,
        Self::Recover,
    ];

    const EXPRESS: [Self; 6] = [
        Self::ExpressCreate,
        Self::ExpressUpdate,
        Self::ExpressFailure,
        Self::ExpressKept,
        Self::ExpressDestroy,
        Self::ExpressRecover,
    ];

    /// The commands whose operation is one that is running already.
    const JOINED: [Self; 3] = [Self::Follow, Self::FollowFailed, Self::Wait];

    fn project(self) -> ProxiedProject {
        let project = ProxiedProject::new();
        match self {
            Self::Create | Self::ExpressCreate => {}
            Self::FailedCreate => project.write_with("first", "1", Part::Failure),
            Self::Update | Self::ExpressUpdate => {
                // Two deployments, so that the status before and after the third is the same.
                project.deploy();
                project.write("second", "2");
                project.deploy();
                project.write("third", "3");
            }
            Self::FailedUpdate
            | Self::ExpressFailure
            | Self::ExpressKept
            | Self::ExpressRecover => {
                project.deploy();
                project.write("second", "2");
                project.deploy();
                project.write_with("third", "3", Part::Failure);
                if self == Self::ExpressRecover {
                    let proxy = project.proxy(Rule::Nothing);
                    let failed = project.run(&proxy, Self::ExpressKept.arguments());
                    failed.expect_code(1);
                }
            }
            Self::Destroy | Self::ExpressDestroy => {
                project.write_with("first", "1", Part::Nothing);
                project.deploy();
            }
            Self::Recover => {
                project.write_with("first", "1", Part::Failure);
                let proxy = project.proxy(Rule::Nothing);
                let kept = project.run(&proxy, &["apply", "--yes", "--on-failure", "keep"]);
                kept.expect_code(1);
            }
            Self::DriftRevert => {
                project.deploy();
                project.write("second", "2");
                project.deploy();
                project.change_function();
            }
            Self::Cancel | Self::Follow | Self::FollowFailed | Self::Wait => {
                fs::write(project.gate(), "").unwrap();
                for name in ["first", "second"] {
                    project.write_with(name, "1", Part::Gate);
                    project.deploy();
                }
                fs::remove_file(project.gate()).unwrap();
            }
        }
        project
    }

    /// Starts an update that waits at the gate, as somebody else would.
    fn start_update(self, project: &ProxiedProject) {
        let part = match self {
            Self::FollowFailed => Part::BrokenGate,
            _ => Part::Gate,
        };
        project.write_with("third", "1", part);
        let proxy = project.proxy(Rule::Nothing);
        let mut theirs = project.spawn(&proxy, &["apply", "--yes"]);
        theirs.wait_for_stderr("UPDATE_IN_PROGRESS  Gate").kill();
    }

    fn is_gated(self) -> bool {
        self == Self::Cancel || Self::JOINED.contains(&self)
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Destroy => &["destroy", "--yes"],
            Self::Recover | Self::DriftRevert | Self::ExpressRecover => &["recover", "--yes"],
            Self::ExpressCreate | Self::ExpressUpdate | Self::ExpressFailure => {
                &["apply", "--yes", "--express"]
            }
            Self::ExpressKept => &["apply", "--yes", "--express", "--no-rollback"],
            Self::ExpressDestroy => &["destroy", "--yes", "--express"],
            Self::Cancel => &["cancel", "--yes"],
            Self::Follow | Self::FollowFailed => &["events", "--follow"],
            Self::Wait => &["apply", "--yes", "--wait"],
            _ => &["apply", "--yes"],
        }
    }

    /// Returns the exit code and the text on standard error that the command ends with.
    fn outcome(self) -> (i32, &'static str) {
        match self {
            Self::Create | Self::ExpressCreate => (0, "is CREATE_COMPLETE"),
            Self::FailedCreate => (3, "ROLLBACK_COMPLETE"),
            Self::Update | Self::DriftRevert | Self::ExpressUpdate | Self::ExpressRecover => {
                (0, "is UPDATE_COMPLETE")
            }
            Self::FailedUpdate | Self::FollowFailed | Self::ExpressFailure => {
                (3, "UPDATE_ROLLBACK_COMPLETE")
            }
            Self::ExpressKept => (1, "the deployment failed (UPDATE_FAILED)"),
            Self::Destroy | Self::ExpressDestroy => (0, "Destroyed"),
            Self::Recover => (0, "is gone"),
            Self::Cancel => (0, "Cancelled: "),
            Self::Follow => (0, ""),
            Self::Wait => (0, "It has ended: "),
        }
    }

    /// Returns the request after which reads are old.
    fn request(self) -> &'static str {
        match self {
            Self::Destroy | Self::ExpressDestroy => "DeleteStack",
            Self::ExpressRecover => "UpdateStack",
            Self::Recover => "RollbackStack",
            Self::Cancel => "CancelUpdateStack",
            _ => "ExecuteChangeSet",
        }
    }
}

/// Longer than any command waits for the status and the events to agree.
const ENDLESS: Duration = Duration::from_mins(10);

/// How long the gate stays closed after the first old answer, or after the update was cancelled.
const CLOSED: Duration = Duration::from_secs(2);

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
    for command in Command::REQUESTED {
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
    for command in [Command::DriftRevert, Command::Cancel] {
        for stale in stale_reads {
            for (from, seconds) in [(0, 15), (1, 20)] {
                cases.push(Case {
                    command,
                    stale,
                    from,
                    lasts: Duration::from_secs(seconds),
                });
            }
        }
    }
    for command in Command::JOINED {
        for (stale, from, seconds) in [
            // Right after the first read, which shows that the operation is running.
            (StaleRead::Before, 1, 20),
            (StaleRead::InReview, 1, 20),
            (StaleRead::Missing, 1, 20),
            (StaleRead::Events, 1, 20),
            (StaleRead::Events, 0, 15),
            (StaleRead::Before, 1, 60),
        ] {
            cases.push(Case {
                command,
                stale,
                from,
                lasts: Duration::from_secs(seconds),
            });
        }
    }
    // The first read does not show yet that an operation is running.
    for command in [Command::Follow, Command::FollowFailed] {
        cases.push(Case {
            command,
            stale: StaleRead::Before,
            from: 0,
            lasts: Duration::from_secs(15),
        });
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

#[test]
fn old_answers_do_not_change_the_outcome_in_express_mode() {
    let mut cases = Vec::new();
    for command in Command::EXPRESS {
        for (stale, from, seconds) in [
            (StaleRead::Before, 0, 15),
            (StaleRead::Before, 1, 20),
            (StaleRead::InReview, 0, 15),
            (StaleRead::Missing, 0, 15),
            (StaleRead::Events, 0, 15),
            (StaleRead::Events, 1, 20),
        ] {
            cases.push(Case {
                command,
                stale,
                from,
                lasts: Duration::from_secs(seconds),
            });
        }
    }
    matrix::try_all("stale reads in EXPRESS mode", &cases, AT_ONCE, |case| {
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
    if Command::JOINED.contains(&command) {
        project.run(&proxy, &["events"]).expect_code(0);
        proxy.keep_answers();
    }
    if command.is_gated() {
        command.start_update(&project);
    }
    let mut running = project.spawn(&proxy, command.arguments());
    if command.is_gated() {
        let has_begun = || match command {
            Command::Cancel => proxy.accepted("CancelUpdateStack") > 0,
            _ => proxy.injected() > 0,
        };
        while !has_begun() && !running.has_ended() {
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(CLOSED);
        fs::write(project.gate(), "").unwrap();
    }
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
    Err(format!("{case:?}\n{ended}"))
}
