//! The number of consecutive round trips of each command on the emulator.
//!
//! `tests/cli/round_trips.rs` tests the same limits with a scripted service. This test deploys the
//! shipped stack to the emulator over the same slow connection. Repeated polls are not counted.

use std::time::Duration;

use serde_json::json;

use crate::latency::{Passed, Proxy, longest_chain};
use crate::project::Project;

/// The delay of the proxy. It is long compared with the time between two concurrent calls, also while
/// the other tests use all processors: 250 ms were once too short.
const DELAY: Duration = Duration::from_secs(1);

/// The operations that are polled until the service is done.
const LOOKS: [&str; 5] = [
    "DescribeChangeSet",
    "DescribeEvents",
    "DescribeStackEvents",
    "DescribeStacks",
    "ListChangeSets",
];

/// Returns the calls, with only the last of consecutive polls of each operation.
fn without_repeated_looks(mut calls: Vec<Passed>) -> Vec<Passed> {
    calls.sort_by_key(|call| call.came);
    let is_look = |call: &Passed| LOOKS.contains(&call.name.as_str());
    let repeats = |index: usize| {
        let mut rest = calls[index + 1..].iter().take_while(|call| is_look(call));
        is_look(&calls[index]) && rest.any(|call| call.name == calls[index].name)
    };
    let kept: Vec<bool> = (0..calls.len()).map(|index| !repeats(index)).collect();
    let mut kept = kept.into_iter();
    calls.retain(|_| kept.next().unwrap_or_default());
    calls
}

/// Returns the shipped project for a server at another endpoint, with an artifact bucket.
fn project() -> Project {
    let project = Project::unverified();
    let (artifacts, vars) = ("[artifacts.handler]\n", "[vars]\n");
    project.edit(
        "manifest.toml",
        artifacts,
        &format!("allow_endpoint = true\nregion = \"us-east-1\"\n{artifacts}"),
    );
    project.edit(
        "manifest.toml",
        vars,
        &format!("{vars}image_id = \"ami-0123456789abcdef0\"\n"),
    );
    let bucket = project.artifact_bucket();
    project.aws("ec2", "create_key_pair", json!({ "KeyName": "ops" }));
    project.aws("s3", "create_bucket", json!({ "Bucket": bucket }));
    let versioning = json!({
        "Bucket": bucket,
        "VersioningConfiguration": { "Status": "Enabled" },
    });
    project.aws("s3", "put_bucket_versioning", versioning);
    project
}

#[test]
fn shipped_stack_keeps_to_the_documented_round_trips() {
    let project = project();
    let proxy = Proxy::start(0, project.address(), DELAY, |_| ()).unwrap();
    let takes = |round_trips: usize, command: &[&str]| {
        project.run_at(&proxy.endpoint(), command).expect_code(0);
        let chain = longest_chain(without_repeated_looks(proxy.take()));
        let names: Vec<_> = chain.iter().map(|call| call.name.as_str()).collect();
        assert!(names.len() <= round_trips, "{command:?}: {names:#?}");
        assert!(!names.is_empty(), "{command:?} went another way");
    };
    takes(5, &["plan"]);
    takes(7, &["apply", "--yes"]);
    takes(1, &["outputs"]);
    takes(1, &["status"]);
    takes(1, &["plan"]);
    takes(1, &["diff"]);
    project.edit("handler/app.py", "import json\n", "import json  # again\n");
    takes(2, &["diff"]);
    takes(4, &["plan"]);
    takes(7, &["apply", "--yes"]);
}
