//! Drift on the emulator: what is changed outside of CloudFormation, and how it is reverted.

use serde_json::json;

use crate::project::{Project, texts};

/// Changes a function and a bucket, and deletes a table.
fn meddle(project: &Project) {
    project.aws(
        "lambda",
        "update_function_configuration",
        json!({"FunctionName": function(project), "MemorySize": 512}),
    );
    project.aws(
        "s3",
        "put_bucket_versioning",
        json!({"Bucket": project.bucket(), "VersioningConfiguration": {"Status": "Suspended"}}),
    );
    project.aws("dynamodb", "delete_table", json!({"TableName": TABLE}));
}

const TABLE: &str = "FileMetadata-local";

fn function(project: &Project) -> String {
    format!("{}-handler", project.stack())
}

/// Expects the live function, bucket and table to match the template.
#[track_caller]
fn expect_reverted(project: &Project, memory: u64) {
    let finished = project.run(&["drift", "--exit-code"]).expect_code(0);
    finished.expect_stdout("Drift: 0 modified, 0 deleted, ");
    let configuration = project.aws(
        "lambda",
        "get_function_configuration",
        json!({"FunctionName": function(project)}),
    );
    assert_eq!(configuration["MemorySize"], memory);
    let versioning = project.aws(
        "s3",
        "get_bucket_versioning",
        json!({"Bucket": project.bucket()}),
    );
    assert_eq!(versioning["Status"], "Enabled");
    let table = project.aws("dynamodb", "describe_table", json!({"TableName": TABLE}));
    assert_eq!(table["Table"]["TableStatus"], "ACTIVE");
}

#[test]
fn drift_is_shown_and_recover_reverts_it() {
    let project = Project::unverified().deployed();
    let drift = project.run(&["drift", "--exit-code"]).expect_code(0);
    drift.expect_stdout("Drift: 0 modified, 0 deleted, ");
    meddle(&project);

    let drift = project.run(&["drift", "--exit-code"]).expect_code(2);
    for line in [
        "~ Handler  AWS::Lambda::Function",
        "~ MemorySize: \"256\" → \"512\"",
        "~ VersioningConfiguration.Status: \"Enabled\" → \"Suspended\"",
        "- MetadataTable  AWS::DynamoDB::Table # is deleted",
        "Drift: 2 modified, 1 deleted, ",
    ] {
        drift.expect_stdout(line);
    }
    let drift = project.json(&["drift"]);
    assert_eq!(drift["summary"]["modified"], 2, "{drift:#}");
    assert!(!texts(&drift["not_checked"], "logical_id").is_empty());
    let only = project.run(&["drift", "--only", "Handler"]).expect_code(0);
    only.expect_stdout("1 modified, 0 deleted, 0 in sync, 0 not");

    // The files match the deployed template, so plans and diffs show nothing.
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    project.run(&["diff", "--exit-code"]).expect_code(0);
    let live = project
        .run(&["diff", "--live", "--exit-code"])
        .expect_code(2);
    assert_eq!(
        live.stdout.matches("apply: keeps the live value").count(),
        2,
        "{live}"
    );
    live.expect_stdout("apply: does not recreate it");
    let live = project.run(&["diff", "--live", "--only", "Handler"]);
    live.expect_stdout("Drift: 1 modified, 0");

    let sets = project.change_sets();
    // Without a terminal, `recover` shows the plan and leaves nothing behind.
    let asked = project.run(&["recover"]).expect_code(4);
    for line in [
        "~ MemorySize: \"512\" → \"256\" # because the live value has drifted",
        "~ VersioningConfiguration.Status: \"Suspended\" → \"Enabled\"",
        "AWS::DynamoDB::Table # was deleted, is recreated",
        "Plan: 1 to add, 2 to change, 0 to replace, 0 to destroy.",
    ] {
        asked.expect_stdout(line);
    }
    assert_eq!(project.change_sets(), sets, "none is left behind");
    project.run(&["drift", "--exit-code"]).expect_code(2);

    // Changes in the files are not deployed by `recover`.
    project.edit(
        "templates/stack.yaml.j2",
        "MemorySize: 256",
        "MemorySize: 384",
    );
    project.run(&["recover", "--yes"]).expect_code(0);
    expect_reverted(&project, 256);
    let finished = project.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stderr("Nothing to do.");
    let finished = project.run(&["plan"]).expect_code(0);
    finished.expect_stdout("0 to add, 1 to change");
}

#[test]
fn apply_reverts_drift_of_changed_properties_and_all_drift_on_request() {
    let project = Project::unverified().deployed();
    meddle(&project);
    project.edit(
        "templates/stack.yaml.j2",
        "MemorySize: 256",
        "MemorySize: 384",
    );
    let live = project.run(&["diff", "--live"]).expect_code(0);
    live.expect_stdout("apply: sets it to \"384\"");
    project.run(&["apply", "--yes"]).expect_code(0);
    let drift = project.run(&["drift"]).expect_code(0);
    drift.expect_stdout("Drift: 1 modified, 1 deleted, ");

    let sets = project.change_sets();
    let finished = project.run(&["plan", "--revert-drift"]).expect_code(0);
    finished.expect_stdout("1 to add, 1 to change");
    assert_eq!(project.change_sets(), sets, "none is left behind");
    project
        .run(&["apply", "--yes", "--revert-drift"])
        .expect_code(0);
    expect_reverted(&project, 384);

    // Another name replaces the resource, which also recreates the deleted table.
    project.aws("dynamodb", "delete_table", json!({"TableName": TABLE}));
    project.edit(
        "templates/stack.yaml.j2",
        "TableName: FileMetadata-{{ environment }}",
        "TableName: FileMetadata-{{ environment }}-again",
    );
    let finished = project.run(&["diff", "--live"]).expect_code(0);
    finished.expect_stdout("apply: creates a new one");
    project
        .run(&["apply", "--yes", "--allow-replace", "MetadataTable"])
        .expect_code(0);
    let finished = project.run(&["drift"]).expect_code(0);
    finished.expect_stdout("Drift: 0 modified, 0 deleted, ");
}

/// The manual steps in the hints, if CloudFormation cannot revert the drift.
#[test]
fn two_deployments_recreate_a_deleted_resource() {
    const WITHOUT: &str = "Resources:\n  Group:\n    Type: AWS::Logs::LogGroup\n";
    let with = format!(
        "{WITHOUT}  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: \
         \"{{{{ project }}}}-queue\"\n"
    );
    let project = Project::of_template(&with, "").deployed();
    let name = format!("{}-queue", project.name());
    let url = project.aws("sqs", "get_queue_url", json!({"QueueName": name}));
    project.aws("sqs", "delete_queue", json!({"QueueUrl": url["QueueUrl"]}));
    project.run(&["drift", "--exit-code"]).expect_code(2);
    for template in [WITHOUT, &with] {
        project.write("templates/stack.yaml.j2", template);
        let apply = ["apply", "--yes", "--allow-delete", "Queue"];
        project.run(&apply).expect_code(0);
    }
    project.run(&["drift", "--exit-code"]).expect_code(0);
    project.aws("sqs", "get_queue_url", json!({"QueueName": name}));
}

#[test]
fn suspended_versioning_is_no_drift() {
    let template = "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Properties:\n      \
                    VersioningConfiguration: { Status: Suspended }\n";
    let project = Project::of_template(template, "").deployed();
    project.run(&["drift", "--exit-code"]).expect_code(0);
}
