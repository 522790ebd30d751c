//! Durations that `-v` prints: one line for each call to AWS, and one for the command.

use regex_lite::Regex;

use crate::demo;
use crate::sandbox::Finished;

/// Returns the lines of stderr about durations, without the durations. Their format is checked.
fn timed(finished: &Finished) -> Vec<String> {
    let line = Regex::new(r"^ {2,}\d+\.\d{3} s  (.+)$").unwrap();
    let lines = finished.stderr.lines();
    lines
        .filter_map(|text| Some(line.captures(text)?[1].to_owned()))
        .collect()
}

#[test]
fn verbose_run_prints_a_line_for_each_call_and_one_for_the_command() {
    let (sandbox, cloud) = demo::in_cloud();
    let finished = sandbox.run(&["apply", "--yes", "-v"]).expect_code(0);
    let mut lines = timed(&finished);
    assert_eq!(
        lines.pop().as_deref(),
        Some("apply: stack demo-dev, environment dev"),
        "{finished}"
    );
    let operation = |line: &String| {
        let words = line.split([' ', ',']).nth(1);
        words.unwrap_or_default().to_owned()
    };
    let mut printed: Vec<String> = lines.iter().map(operation).collect();
    let mut called = cloud.operations();
    printed.sort();
    called.sort();
    assert_eq!(printed, called, "{finished}");
    for line in [
        "sts GetCallerIdentity",
        "cloudformation CreateChangeSet",
        "s3 PutObject",
        "lambda GetFunctionConfiguration",
        // The response of the service for a missing stack.
        "cloudformation DescribeStacks, HTTP 400",
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}\n{finished}");
    }
}

#[test]
fn durations_are_printed_only_on_request() {
    let (sandbox, _cloud) = demo::deployed();
    for arguments in [&["status"][..], &["status", "-q"]] {
        let finished = sandbox.run(arguments).expect_code(0);
        assert!(timed(&finished).is_empty(), "{finished}");
    }
    // The lines are not on stdout, and the trace of the SDK does not repeat them.
    for verbosity in ["-v", "-vv"] {
        let arguments = ["status", "--format", "json", verbosity];
        let finished = sandbox.run(&arguments).expect_code(0);
        let lines = timed(&finished);
        let last = lines.last().map(String::as_str);
        assert_eq!(last, Some("status: stack demo-dev, environment dev"));
        assert!(!finished.stderr.contains("stackctl::span"), "{finished}");
        let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(document["stack"], "demo-dev", "{finished}");
    }
}

#[test]
fn retried_and_failed_calls_are_marked() {
    let (sandbox, cloud) = demo::deployed();
    let script = cloud.on("DescribeStacks").times(1);
    script.error(500, "InternalFailure", "try again");
    let finished = sandbox.run(&["status", "-v"]).expect_code(0);
    let lines = timed(&finished);
    let retried = "cloudformation DescribeStacks, 2 attempts";
    assert!(lines.iter().any(|it| it == retried), "{finished}");

    let denied = cloud.on("DescribeStacks");
    denied.error(403, "AccessDenied", "not authorized");
    let finished = sandbox.run(&["status", "-v"]).expect_code(1);
    let lines = timed(&finished);
    let denied = "cloudformation DescribeStacks, HTTP 403";
    assert!(lines.iter().any(|it| it == denied), "{finished}");
}

#[test]
fn command_without_a_project_is_timed_too() {
    let (sandbox, _cloud) = demo::in_cloud();
    let finished = sandbox.run(&["version", "-v"]).expect_code(0);
    assert_eq!(timed(&finished), ["version"]);
}
