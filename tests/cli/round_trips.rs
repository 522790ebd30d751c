//! The number of consecutive round trips of each command, which a user far from AWS waits for.
//!
//! The scripted AWS responds immediately and completes operations at the first poll, so the
//! remaining round trips are those of the command. The limits are documented in
//! `docs/performance.md`.

use std::time::Duration;

use crate::cloud::{Cloud, Progress};
use crate::demo;
use crate::latency::{Proxy, longest_chain};
use crate::sandbox::Sandbox;

/// The delay of the proxy. It is long compared with the time between two concurrent calls on a busy
/// machine.
const DELAY: Duration = Duration::from_millis(150);

/// A project with a slow connection to AWS.
struct Line {
    sandbox: Sandbox,
    cloud: Cloud,
    proxy: Proxy,
}

impl Line {
    /// Returns the project with an empty artifact bucket.
    fn new() -> Self {
        Self::of(demo::in_cloud())
    }

    /// Returns a project with a slow connection and an empty artifact bucket.
    fn of((sandbox, cloud): (Sandbox, Cloud)) -> Self {
        let proxy = Proxy::start(0, cloud.address(), DELAY, |_| ()).unwrap();
        let sandbox = sandbox.env("AWS_ENDPOINT_URL", &proxy.endpoint());
        demo::add_artifact_bucket(&cloud);
        Self {
            sandbox,
            cloud,
            proxy,
        }
    }

    /// Returns the deployed project.
    fn deployed() -> Self {
        let line = Self::new();
        line.sandbox.run(&["apply", "--yes"]).expect_code(0);
        line.proxy.take();
        line
    }

    /// Changes the artifact.
    fn with_new_code(self) -> Self {
        demo::change_code(&self.sandbox);
        self
    }

    /// Runs a command and checks the length of its longest chain of calls.
    #[track_caller]
    fn takes(&self, round_trips: usize, command: &[&str]) {
        self.sandbox.run(command).expect_code(0);
        let chain = longest_chain(self.proxy.take());
        let names: Vec<_> = chain.iter().map(|call| call.name.as_str()).collect();
        assert!(names.len() <= round_trips, "{command:?}: {names:#?}");
        assert!(!names.is_empty(), "{command:?} went another way");
    }
}

#[test]
fn read_commands_take_one_round_trip() {
    let line = Line::deployed();
    line.takes(1, &["outputs"]);
    line.takes(1, &["status"]);
    line.takes(1, &["plan"]);
    line.takes(1, &["diff"]);
}

#[test]
fn diff_of_changed_code_takes_two_round_trips() {
    let line = Line::deployed().with_new_code();
    line.takes(2, &["diff"]);
}

#[test]
fn plan_takes_four_round_trips() {
    let line = Line::deployed().with_new_code();
    line.takes(4, &["plan"]);
    assert_eq!(line.cloud.account().change_sets(), 0);
}

#[test]
fn plan_of_a_new_stack_takes_five_round_trips() {
    let line = Line::new();
    line.takes(5, &["plan"]);
    assert_eq!(line.cloud.status(), "DELETE_COMPLETE");
}

#[test]
fn apply_takes_seven_round_trips() {
    let line = Line::new();
    line.takes(7, &["apply", "--yes"]);
    line.with_new_code().takes(7, &["apply", "--yes"]);
}

#[test]
fn apply_takes_six_round_trips_besides_the_polls_without_history() {
    let line = Line::deployed().with_new_code();
    demo::change_description(&line.sandbox);
    line.sandbox
        .append("manifest.toml", "\n[history]\nenabled = false\n");
    // The function is done at the first poll, and the role only at a later one.
    line.cloud.account().progress = Progress::Events(2);
    line.sandbox.run(&["apply", "--yes"]).expect_code(0);
    let passed = line.proxy.take();
    let polls = passed.iter().skip_while(|it| it.name != "ExecuteChangeSet");
    let polls = polls.filter(|it| it.name == "DescribeStacks").count();
    let chain = longest_chain(passed);
    let names: Vec<_> = chain.iter().map(|call| call.name.as_str()).collect();
    let executed = names.iter().position(|name| *name == "ExecuteChangeSet");
    let executed = executed.unwrap();
    assert!(executed < 5, "{names:#?}");
    // The code is read during a poll.
    assert!(polls > 1, "{polls}");
    assert!(names.len() <= executed + 1 + polls, "{names:#?}");
    assert_eq!(line.cloud.calls_of("GetFunctionConfiguration").len(), 2);
}

#[test]
fn nested_stacks_are_read_concurrently() {
    let names = ["First", "Second", "Third", "Fourth"];
    let line = Line::of(demo::with_nested(&names));
    line.sandbox.run(&["apply", "--yes"]).expect_code(0);
    for name in names {
        let events = [
            ("", "CREATE_IN_PROGRESS", ""),
            ("Vpc", "CREATE_COMPLETE", ""),
        ];
        line.cloud.account().nest(name, &events);
    }
    line.proxy.take();
    // The stack, the start of its last operation, its events, and the events of all nested stacks.
    line.takes(4, &["events"]);
}
