//! How many round trips each command takes one after the other: what a user far from AWS waits for.
//!
//! The scripted AWS answers at once and settles at the first look, so whatever is left is the command's
//! own. The bounds are part of what stackctl promises (`docs/performance.md`).

use std::time::Duration;

use crate::cloud::Cloud;
use crate::demo;
use crate::latency::{Proxy, longest_chain};
use crate::sandbox::Sandbox;

/// The proxy's delay. It is long against what a busy machine needs between two calls that are made at
/// the same time.
const DELAY: Duration = Duration::from_millis(150);

/// A project behind a slow line.
struct Line {
    sandbox: Sandbox,
    cloud: Cloud,
    proxy: Proxy,
}

impl Line {
    /// Returns the project, with an artifact bucket and nothing in it.
    fn new() -> Self {
        Self::of(demo::in_cloud())
    }

    /// Returns a project behind the slow line, with an artifact bucket.
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

    /// Returns the project, deployed.
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
fn apply_takes_eight_round_trips() {
    let line = Line::new();
    line.takes(8, &["apply", "--yes"]);
    line.with_new_code().takes(8, &["apply", "--yes"]);
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
    // The stack, where its last operation begins, its events, and those of all nested stacks.
    line.takes(4, &["events"]);
}
