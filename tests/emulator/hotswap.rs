//! Code that goes past the stack, on the emulator.

use serde_json::{Value, json};

use crate::project::Project;

/// A change of one character in the handler.
const CODE: (&str, &str, &str) = ("handler/app.py", "metadata stored", "metadata Stored");

/// Returns what Lambda says of the function.
fn configuration(project: &Project) -> Value {
    let name = json!({ "FunctionName": function(project) });
    project.aws("lambda", "get_function_configuration", name)
}

fn function(project: &Project) -> String {
    let resources = json!({ "StackName": project.stack() });
    let resources = project.aws("cloudformation", "list_stack_resources", resources);
    let resources = resources["StackResourceSummaries"]
        .as_array()
        .unwrap()
        .iter();
    let mut handler = resources.filter(|it| it["LogicalResourceId"] == "Handler");
    let handler = handler.next().unwrap();
    handler["PhysicalResourceId"].as_str().unwrap().to_owned()
}

fn digest(project: &Project) -> String {
    configuration(project)["CodeSha256"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Returns the key of the handler's code that the plan names.
fn key(project: &Project) -> String {
    let plan = project.json(&["plan"]);
    let artifact = &plan["artifacts"][0];
    artifact["key"].as_str().unwrap().to_owned()
}

/// Sends a zip of the artifact bucket to the function, as a hotswap does.
fn send(project: &Project, key: &str) {
    let update = json!({
        "FunctionName": function(project),
        "S3Bucket": project.artifact_bucket(),
        "S3Key": key,
        "RevisionId": configuration(project)["RevisionId"],
    });
    project.aws("lambda", "update_function_code", update);
}

#[test]
fn code_that_was_sent_past_the_stack_is_found_and_restored() {
    let project = Project::unverified().deployed();
    let (first, first_key) = (digest(&project), key(&project));
    let (file, old, new) = CODE;
    project.edit(file, old, new);
    project.run(&["apply", "--yes"]).expect_code(0);
    let second = digest(&project);
    assert_ne!(first, second);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    // The files are those of the stack, and the function runs the first code.
    send(&project, &first_key);
    let plan = project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    plan.expect_stdout("↺ code of Handler (changed outside of the stack)");
    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("Restored the code of Handler");
    assert_eq!(digest(&project), second);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    // The function runs what is deployed next already.
    send(&project, &first_key);
    project.edit(file, new, old);
    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    assert!(!applied.stdout.contains('↺'), "{applied}");
    assert_eq!(digest(&project), first);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}
