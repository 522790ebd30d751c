//! Servers that are not AWS, or that fail in the middle: each command ends, and says why.

use std::time::Duration;

use crate::cloud::{Cloud, Response, xml};
use crate::demo;
use crate::drift;
use crate::sandbox::Sandbox;

/// Runs a command against a cloud that was set up by `arrange`, and returns stderr.
fn fails(
    arguments: &[&str],
    (sandbox, cloud): (Sandbox, Cloud),
    arrange: impl Fn(&Cloud),
) -> String {
    arrange(&cloud);
    let finished = sandbox.run(arguments);
    assert!(
        [1, 4].contains(&finished.code()),
        "{arguments:?}\n{finished}"
    );
    for operation in ["ExecuteChangeSet", "DeleteStack"] {
        assert!(
            cloud.calls_of(operation).is_empty(),
            "{operation}\n{finished}"
        );
    }
    assert!(!finished.stdout.contains("No changes."), "{finished}");
    finished.stderr
}

/// A list, the result element that contains it without items, and a command that reads it.
const LISTS: [(&str, &str, &[&str]); 6] = [
    ("DescribeStackEvents", "StackEvents", &["events", "--all"]),
    ("ListStackResources", "StackResourceSummaries", &["status"]),
    (
        "ListStackResources",
        "StackResourceSummaries",
        &["destroy", "--yes"],
    ),
    ("ListChangeSets", "Summaries", &["recover", "--yes"]),
    ("DescribeStackEvents", "StackEvents", &["recover", "--yes"]),
    ("ListImports", "Imports", &["destroy", "--yes"]),
];

/// Runs the command of each list concurrently, with the answers of `arrange` to its operation.
fn with_each_list(arrange: fn(&Cloud, &str, &str), expected: fn(&str, &str) -> String) {
    std::thread::scope(|scope| {
        for (operation, list, arguments) in LISTS {
            scope.spawn(move || {
                let project = if operation == "ListImports" {
                    exporting()
                } else {
                    demo::deployed()
                };
                let stderr = fails(arguments, project, |cloud| arrange(cloud, operation, list));
                let expected = expected(operation, list);
                assert!(stderr.contains(&expected), "{operation}: {stderr}");
            });
        }
    });
}

#[test]
fn endless_pages_are_an_error() {
    with_each_list(
        |cloud, operation, list| cloud.on(operation).reply_endlessly(&format!("<{list}/>")),
        |_, _| "does not end: over 2000 pages were read".to_owned(),
    );
}

#[test]
fn answer_without_its_list_is_an_error() {
    with_each_list(
        |cloud, operation, _| cloud.on(operation).reply_result(""),
        |operation, list| format!("the answer to {operation} has no {list}"),
    );
}

/// Returns the deployed project with an export.
fn exporting() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    let output = "Outputs:\n  Shared: { Value: !Ref Bucket, Export: { Name: shared } }\n";
    sandbox.write(
        "stack.yaml.j2",
        demo::TEMPLATE.replace("Outputs:\n", output),
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

#[test]
fn answer_without_a_stack_is_not_a_stack_that_does_not_exist() {
    let commands: [&[&str]; 11] = [
        &["plan"],
        &["apply", "--yes"],
        &["diff"],
        &["status"],
        &["outputs"],
        &["events"],
        &["destroy", "--yes"],
        &["recover", "--yes"],
        &["cancel", "--yes"],
        &["drift"],
        &["gc", "--yes"],
    ];
    let no_status = "<Stacks><member><StackName>demo-dev</StackName></member></Stacks>";
    let cases = commands.iter().map(|arguments| ("", *arguments)).chain([
        ("<Stacks/>", commands[1]),
        ("<Stacks/>", commands[6]),
        (no_status, commands[0]),
        (no_status, commands[6]),
    ]);
    std::thread::scope(|scope| {
        for (result, arguments) in cases {
            scope.spawn(move || {
                let stderr = fails(arguments, demo::deployed(), |cloud| {
                    cloud.on("DescribeStacks").reply_result(result);
                });
                let missing = if result == no_status {
                    "StackStatus"
                } else {
                    "Stacks"
                };
                let expected = format!("error: the answer to DescribeStacks has no {missing}\n");
                assert!(
                    stderr.contains(&expected),
                    "{arguments:?} {result}: {stderr}"
                );
            });
        }
    });
}

#[test]
fn half_of_a_change_set_is_an_error() {
    for (result, missing) in [
        ("", "Status"),
        ("<Changes/>", "Status"),
        (
            "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>",
            "Changes",
        ),
    ] {
        for arguments in [&["plan"][..], &["apply", "--yes"]] {
            let stderr = fails(arguments, demo::changed(), |cloud| {
                cloud.on("DescribeChangeSet").reply_result(result);
            });
            let expected = format!("the answer to DescribeChangeSet has no {missing}");
            assert!(stderr.contains(&expected), "{result}: {stderr}");
        }
    }
}

#[test]
fn stack_without_a_template_is_not_a_new_one() {
    for arguments in [&["plan"][..], &["apply", "--yes"], &["diff"]] {
        let stderr = fails(arguments, demo::changed(), |cloud| {
            cloud.on("GetTemplate").reply_result("");
        });
        let expected = "the stack `demo-dev` exists, but the service returns no template of it";
        assert!(stderr.contains(expected), "{stderr}");
    }
}

/// Returns what a server may answer instead of an answer of AWS, with a name.
fn strange_answers() -> Vec<(&'static str, Vec<u8>)> {
    let answer = |headers: &str, body: &str| {
        format!("HTTP/1.1 200 OK\r\n{headers}\r\nconnection: close\r\n\r\n{body}").into_bytes()
    };
    let stack = xml::query_response("DescribeStacks", "<Stacks/>");
    let xml_of = |length: usize, body: &str| {
        answer(
            &format!("content-type: text/xml\r\ncontent-length: {length}"),
            body,
        )
    };
    vec![
        (
            "HTML",
            answer(
                "content-type: text/html\r\ncontent-length: 13",
                "<html></html>",
            ),
        ),
        (
            "JSON",
            answer("content-type: application/json\r\ncontent-length: 2", "{}"),
        ),
        ("JSON as XML", xml_of(2, "{}")),
        ("an empty body", xml_of(0, "")),
        (
            "truncated XML",
            xml_of(stack.len() / 2, &stack[..stack.len() / 2]),
        ),
        (
            "a length that is too short",
            xml_of(stack.len() - 9, &stack),
        ),
        ("a length that is too long", xml_of(stack.len() + 9, &stack)),
        (
            "a length that is no number",
            answer("content-type: text/xml\r\ncontent-length: x", &stack),
        ),
        ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
    ]
}

#[test]
fn strange_answer_is_an_error() {
    for (name, bytes) in strange_answers() {
        for arguments in [&["status"][..], &["destroy", "--yes"]] {
            let stderr = fails(arguments, demo::deployed(), |cloud| {
                cloud.on("DescribeStacks").reply_raw(bytes.clone());
            });
            let expected = "error: cannot describe the stack `demo-dev`\n";
            assert!(stderr.contains(expected), "{name}: {stderr}");
        }
    }
}

#[test]
fn answer_that_is_too_long_is_not_read() {
    let expected = "the answer is longer than 32 MiB, which is more than AWS ever returns";
    // A length of 1.5 GB is refused before anything is read.
    let (sandbox, cloud) = demo::deployed();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 1500000000\r\n\r\n";
    cloud.on("DescribeStacks").reply_raw(head);
    let finished = sandbox.run(&["status"]).expect_code(1);
    finished.expect_stderr(expected);
    finished.expect_stderr(&format!(
        "hint: check that {} is the endpoint",
        cloud.endpoint()
    ));

    // Without a length, the answer is read up to the maximum.
    let (sandbox, cloud) = demo::deployed();
    let mut bytes =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\nconnection: close\r\n\r\n".to_vec();
    bytes.resize(40 * 1024 * 1024, b' ');
    cloud.on("DescribeStacks").reply_raw(bytes);
    let mut running = sandbox.spawn(&["status"]);
    let mut peak = 0;
    while !running.has_ended() {
        peak = peak.max(running.peak_memory().unwrap_or(0));
        std::thread::sleep(Duration::from_millis(10));
    }
    running.wait().expect_code(1).expect_stderr(expected);
    assert!(peak < 256 * 1024 * 1024, "{peak} bytes");
}

#[test]
fn waiting_without_end_can_be_interrupted() {
    // A change set that is never made.
    let (sandbox, cloud) = demo::changed();
    let mut running = demo::spawn_until_described(&sandbox, &cloud, &["apply", "--yes"]);
    running.interrupt();
    let finished = running.wait().expect_code(130);
    finished.expect_stderr("no change set is left behind");

    // A drift detection that never ends, and another one that never ends.
    for is_other in [false, true] {
        let (sandbox, cloud) = demo::deployed();
        if is_other {
            let message = "Drift detection [x] is already in progress.";
            cloud
                .on("DetectStackDrift")
                .error(400, "ValidationError", message);
        } else {
            drift::begins(&cloud);
            drift::ends(&cloud, "DETECTION_IN_PROGRESS", "NOT_CHECKED", "");
        }
        let mut running = sandbox.spawn(&["drift"]);
        running.wait_for_call(&cloud, "DetectStackDrift");
        std::thread::sleep(Duration::from_millis(500));
        running.interrupt();
        running.wait().expect_code(130);
    }
}

#[test]
fn silent_server_can_be_interrupted_at_every_call() {
    const SILENCE: u64 = 300_000;
    let operations = |arguments: &[&str]| {
        let (sandbox, cloud) = demo::changed();
        sandbox.run(arguments).expect_code(0);
        let mut operations = cloud.operations();
        operations.sort_unstable();
        operations.dedup();
        operations
    };
    let apply = ["apply", "--yes"];
    let destroy = ["destroy", "--yes", "--empty", "Bucket"];
    std::thread::scope(|scope| {
        for arguments in [&apply[..], &destroy, &["gc", "--yes"]] {
            for operation in operations(arguments) {
                scope.spawn(move || {
                    let (sandbox, cloud) = demo::changed();
                    cloud.on(&operation).delay(SILENCE).carry_on();
                    let mut running = sandbox.spawn(arguments);
                    running.wait_for_call(&cloud, &operation).interrupt();
                    // A change set that cannot be deleted is waited for, for a limited time.
                    let running = running.within(Duration::from_secs(40));
                    running.wait().expect_code(130);
                });
            }
        }
    });
}

#[test]
fn page_instead_of_the_answer_to_an_execution_is_no_success() {
    let (sandbox, cloud) = demo::changed();
    let page = Response::new(200, "<html>Please log in</html>").header("content-type", "text/html");
    cloud.on("ExecuteChangeSet").reply(page);
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running.wait_for_call(&cloud, "ExecuteChangeSet");
    std::thread::sleep(Duration::from_secs(3));
    running.terminate();
    let finished = running.wait().expect_code(130);
    assert!(!finished.stderr.contains("Applied"), "{finished}");
}
