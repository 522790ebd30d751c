//! `plan` and `apply` if the stack is failed, busy or empty, or the service fails.

use crate::cloud::{Cloud, Progress, Response};
use crate::demo;
use crate::sandbox::Sandbox;

/// Returns the project after a failed and rolled back creation. The next creation succeeds.
fn with_failed_creation() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().fail("Bucket", "demo-data already exists");
    sandbox.run(&["apply", "--yes"]).expect_code(3);
    cloud.account().failing.clear();
    cloud.forget_calls();
    (sandbox, cloud)
}

#[test]
fn apply_deletes_the_empty_stack_of_a_failed_creation() {
    let (sandbox, cloud) = with_failed_creation();
    let finished = sandbox.run(&["apply", "--yes"]).without_stdout();
    insta::assert_snapshot!(finished.without_resource_events(), @r"
    --- stderr
    The creation of `demo-dev` failed and was rolled back (ROLLBACK_COMPLETE).
    None of its resources is left, but the empty stack accepts no change.
    Deleting the empty stack:

      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack


      [TIME]  CREATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  CREATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Applied: demo-dev is CREATE_COMPLETE.

    --- exit 0
    ");
    assert_eq!(cloud.calls_of("DeleteStack").len(), 1);
    assert_eq!(cloud.status(), "CREATE_COMPLETE");
}

#[test]
fn empty_stack_is_kept_unless_the_user_agrees() {
    let (sandbox, cloud) = with_failed_creation();
    insta::assert_snapshot!(sandbox.run(&["apply"]), @r"
    --- stderr
    error: the stack `demo-dev` is ROLLBACK_COMPLETE: its creation failed, and the empty stack can only be deleted
    hint: `stackctl apply --yes -e dev` deletes it and creates the stack again
    hint: `stackctl recover -e dev` explains more
    --- exit 4
    ");
    sandbox.run(&["plan"]).expect_code(4);
    sandbox.answer(&["apply"], "Delete:", "no").expect_code(4);
    assert!(cloud.calls_of("DeleteStack").is_empty());

    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Delete:").type_line("yes");
    running.wait_for_stderr("Apply:").type_line("yes");
    let finished = running.wait().without_stdout();
    insta::assert_snapshot!(finished.without_resource_events(), @"
    --- stderr
    The creation of `demo-dev` failed and was rolled back (ROLLBACK_COMPLETE).
    None of its resources is left, but the empty stack accepts no change.
    Delete the empty stack `demo-dev` (account 123456789012, region eu-west-1) and go on? Only 'yes' will be accepted.
    Delete: Deleting the empty stack:

      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack


    Do you want to apply these changes to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Apply:
      [TIME]  CREATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  CREATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Applied: demo-dev is CREATE_COMPLETE.

    --- exit 0
    ");
}

#[test]
fn apply_refuses_to_delete_a_failed_stack_with_resources() {
    let (sandbox, cloud) = demo::deployed();
    let events = [("CREATE_IN_PROGRESS", ""), ("ROLLBACK_COMPLETE", "")];
    cloud.account().put_into("demo-dev", &events);
    for logical_id in ["Handler", "Role"] {
        let mut account = cloud.account();
        account.put_resource_into("demo-dev", logical_id, "DELETE_COMPLETE", "");
    }
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r"
    --- stderr
    error: the creation of `demo-dev` failed, and some of its resources still exist: Bucket (AWS::S3::Bucket demo-data)
    hint: `stackctl recover -e dev` shows what happens to them when the stack is deleted
    --- exit 4
    ");
    assert!(cloud.calls_of("DeleteStack").is_empty());
}

#[test]
fn every_refusal_suggests_recover() {
    let (sandbox, cloud) = demo::deployed();
    for status in [
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_FAILED",
        "IMPORT_ROLLBACK_FAILED",
        "DELETE_FAILED",
        "UPDATE_ROLLBACK_IN_PROGRESS",
    ] {
        cloud.set_status(status);
        for command in ["plan", "apply"] {
            let refused = sandbox.run(&[command]).expect_code(4);
            let hint = "`stackctl recover -e dev`";
            assert!(refused.stderr.contains(hint), "{status}: {refused}");
        }
    }
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn running_operation_is_followed_if_the_user_agrees() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    sandbox.answer(&["apply"], "Follow:", "no").expect_code(4);
    let mut followed = sandbox.spawn_on_terminal(&["apply"]);
    followed.wait_for_stderr("Follow:").type_line("yes");
    followed.wait_for_stderr("Waiting for");
    cloud.account().progress = Progress::Done;
    let finished = followed.wait().expect_code(0);
    finished.expect_stdout("No changes.");
    finished.expect_stderr("UPDATE_COMPLETE ");
}

#[test]
fn running_operation_is_refused_or_waited_for() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r"
    --- stderr
    error: an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)
    hint: `stackctl apply --wait -e dev` waits for it and goes on
    hint: `stackctl recover -e dev` follows it
    hint: `stackctl cancel -e dev` stops it
    --- exit 4
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());

    cloud.account().progress = Progress::Events(1);
    let finished = sandbox.run(&["apply", "--yes", "--wait"]);
    insta::assert_snapshot!(finished, @"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

    No changes. The stack matches the files.
    --- stderr
    Waiting for the running operation (UPDATE_IN_PROGRESS) …
      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    It has ended: demo-dev is UPDATE_COMPLETE.

    --- exit 0
    ");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
}

#[test]
fn failed_polls_do_not_change_the_result() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().progress = Progress::Events(2);
    // More consecutive failures than the SDK's five attempts.
    cloud
        .on("DescribeStackEvents")
        .after(2)
        .times(7)
        .error(400, "Throttling", "Rate exceeded");
    cloud
        .on("DescribeStacks")
        .after(4)
        .times(6)
        .reply(Response::new(503, "busy"));
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(0);
    finished.expect_stderr("Applied: demo-dev is CREATE_COMPLETE.");
    let lines: Vec<&str> = finished
        .stderr
        .lines()
        .filter(|line| line.contains("CREATE_COMPLETE     "))
        .collect();
    assert_eq!(lines.len(), 4, "each once: {finished}");
}

#[test]
fn interrupted_plan_keeps_a_stack_with_another_change_set() {
    let (sandbox, cloud) = demo::in_cloud();
    let mut running = demo::spawn_until_described(&sandbox, &cloud, &["plan"]);
    {
        // Another user starts to use the new stack.
        let mut account = cloud.account();
        let stack = account.stack("demo-dev");
        let mut other = stack.change_sets[0].clone();
        other.name = "theirs".to_owned();
        other.id += "-theirs";
        stack.change_sets.push(other);
    }
    running.interrupt();
    running.wait().expect_code(130);
    assert_eq!(cloud.status(), "REVIEW_IN_PROGRESS");
    assert_eq!(
        cloud.account().stack("demo-dev").change_sets[0].name,
        "theirs"
    );
    assert!(cloud.calls_of("DeleteStack").is_empty());
}

#[test]
fn plan_keeps_an_existing_empty_stack() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().review("demo-dev");
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(cloud.account().change_sets(), 0);
    assert_eq!(cloud.status(), "REVIEW_IN_PROGRESS");
}

#[test]
fn wrong_and_missing_regions_are_reported() {
    let (sandbox, cloud) = demo::in_cloud();
    let message = "Credential should be scoped to a valid region.";
    cloud
        .on("GetCallerIdentity")
        .error(403, "SignatureDoesNotMatch", message);
    sandbox.run(&["plan"]).expect_code(1).expect_stderr(message);

    sandbox.edit("manifest.toml", "region = \"eu-west-1\"\n", "");
    let sandbox = sandbox.env("AWS_REGION", "");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error: no AWS region is configured
    hint: set `region = "eu-west-1"` in the manifest, export AWS_REGION, or pass --region
    --- exit 1
    "#);
    let manifest = demo::MANIFEST.replace("eu-west-1", "eu-west");
    sandbox.write("manifest.toml", manifest);
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[bad-region]: `region` is not an AWS region's name
     --> manifest.toml:4:10
      |
    4 | region = "eu-west"
      |          ^^^^^^^^^
      |
      = help: regions look like `eu-west-1`

    error: `manifest.toml` has an error
    --- exit 1
    "#);
}
