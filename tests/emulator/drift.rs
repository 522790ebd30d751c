//! What somebody else changes behind CloudFormation's back, and how it is put right.

use serde_json::json;

use crate::project::{Project, texts};

#[test]
fn what_changes_behind_the_stacks_back_shows_and_is_put_right() {
    let project = Project::unverified().deployed();
    let drift = project.run(&["drift", "--exit-code"]).expect_code(0);
    assert!(
        drift.stdout.contains("Drift: 0 modified, 0 deleted, "),
        "{drift}"
    );

    let function = format!("{}-handler", project.stack());
    project.aws(
        "lambda",
        "update_function_configuration",
        json!({"FunctionName": function, "MemorySize": 512}),
    );
    project.aws(
        "s3",
        "put_bucket_versioning",
        json!({"Bucket": project.bucket(), "VersioningConfiguration": {"Status": "Suspended"}}),
    );
    project.aws(
        "dynamodb",
        "delete_table",
        json!({"TableName": "FileMetadata-local"}),
    );

    let drift = project.run(&["drift", "--exit-code"]).expect_code(2);
    for line in [
        "~ Handler  AWS::Lambda::Function",
        "~ MemorySize: \"256\" → \"512\"",
        "~ VersioningConfiguration.Status: \"Enabled\" → \"Suspended\"",
        "- MetadataTable  AWS::DynamoDB::Table # is deleted",
        "Drift: 2 modified, 1 deleted, ",
    ] {
        assert!(drift.stdout.contains(line), "{line}\n{drift}");
    }
    let drift = project.run(&["drift", "--format", "json"]).json();
    assert_eq!(drift["summary"]["modified"], 2, "{drift:#}");
    assert!(!texts(&drift["not_checked"], "logical_id").is_empty());
    let only = project.run(&["drift", "--only", "Handler"]).expect_code(0);
    assert!(
        only.stdout
            .contains("1 modified, 0 deleted, 0 in sync, 0 not"),
        "{only}"
    );

    // The files are as they were deployed, so that no plan sees it.
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    project.run(&["diff", "--exit-code"]).expect_code(0);
    let live = project
        .run(&["diff", "--live", "--exit-code"])
        .expect_code(2);
    assert_eq!(live.stdout.matches("apply: leaves it").count(), 2, "{live}");
    assert!(
        live.stdout.contains("apply: does not make it again"),
        "{live}"
    );
    // The emulator takes no notice of the mode, and that is said.
    let refused = project.run(&["plan", "--revert-drift"]).expect_code(4);
    assert!(
        refused.stderr.contains("makes no drift-aware change sets"),
        "{refused}"
    );

    // What the files change is put right by the next deployment.
    project.edit(
        "templates/stack.yaml.j2",
        "MemorySize: 256",
        "MemorySize: 384",
    );
    let live = project.run(&["diff", "--live"]).expect_code(0);
    assert!(live.stdout.contains("apply: sets it to \"384\""), "{live}");
    project.run(&["apply", "--yes"]).expect_code(0);
    let configuration = project.aws(
        "lambda",
        "get_function_configuration",
        json!({"FunctionName": function}),
    );
    assert_eq!(configuration["MemorySize"], 384);
    let drift = project.run(&["drift"]).expect_code(0);
    assert!(
        drift.stdout.contains("Drift: 1 modified, 1 deleted, "),
        "{drift}"
    );

    // The deleted table comes back under another name, for which the resource is replaced.
    project.edit(
        "templates/stack.yaml.j2",
        "TableName: FileMetadata-{{ environment }}",
        "TableName: FileMetadata-{{ environment }}-again",
    );
    let live = project.run(&["diff", "--live"]).expect_code(0);
    assert!(live.stdout.contains("apply: makes a new one"), "{live}");
    project
        .run(&["apply", "--yes", "--allow-replace", "MetadataTable"])
        .expect_code(0);
    let drift = project.run(&["drift"]).expect_code(0);
    assert!(
        drift.stdout.contains("Drift: 1 modified, 0 deleted, "),
        "{drift}"
    );
}
