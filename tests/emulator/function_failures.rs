//! Functions that fail or do not start: what `verify` and `logs` print.

use std::time::{Duration, Instant};

use crate::project::Project;

/// How long `apply` may take until it reports a function that does not start. The time-out of `verify` is a
/// minute.
const EARLY: Duration = Duration::from_secs(45);

#[test]
fn functions_that_do_not_start_are_reported_early() {
    let project = Project::shipped();
    let handler = std::fs::read_to_string(project.path("handler/app.py")).unwrap();
    for (code, cause) in [
        (
            "def handler(event, context)\n    pass\n".to_owned(),
            "its code has a syntax error: Syntax error in module 'app': expected ':' (app.py, line 1)",
        ),
        (
            "import not_packaged\n\n\ndef handler(event, context):\n    pass\n".to_owned(),
            "an import fails: Unable to import module 'app': No module named 'not_packaged'",
        ),
        (
            handler.replace("def handler(", "def handle("),
            "its `Handler` names nothing that its code has: Handler 'handler' missing on module 'app'",
        ),
    ] {
        project.write("handler/app.py", &code);
        let begun = Instant::now();
        let applied = project.run(&["apply", "--yes"]).expect_code(1);
        assert!(begun.elapsed() < EARLY, "{applied}");
        let sentence = format!("the function `Handler` does not start: {cause}");
        applied.expect_stderr("error: the function failed, and no item came");
        applied.expect_stderr(&format!("caused by: {sentence}"));
        let logs = project.run(&["logs"]).expect_code(0);
        logs.expect_stderr(&format!("warning: {sentence}"));
        logs.expect_stdout("  Handler  [ERROR] Runtime.");
    }
    assert_eq!(project.versions(), [""; 0], "the probes are removed");

    project.write("handler/app.py", &handler);
    project.run(&["apply", "--yes"]).expect_code(0);
    let logs = project
        .run(&["logs", "--filter", "metadata stored"])
        .expect_code(0);
    logs.expect_stdout("\"message\": \"metadata stored\"");
    let logs = project.run(&["logs"]).expect_code(0);
    assert!(!logs.stderr.contains("does not start"), "{logs}");
}

#[test]
fn a_missing_permission_of_the_function_is_named() {
    let project = Project::shipped();
    let (right, wrong) = ("Action: dynamodb:PutItem", "Action: dynamodb:DescribeTable");
    project.edit("templates/stack.yaml.j2", right, wrong);
    let applied = project.run(&["apply", "--yes"]).expect_code(1);
    applied
        .expect_stderr("caused by: a call of the function `Handler` was denied: dynamodb:PutItem");
    applied.expect_stderr("hint: allow the action in the policy of the function's role");
}
