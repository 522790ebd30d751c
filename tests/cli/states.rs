//! `plan` and `apply` where the stack, the service or the user is not in the state one hopes for.

use crate::cloud::{Progress, Response};
use crate::demo;

#[test]
fn a_stack_whose_creation_failed_is_refused_with_the_way_out() {
    let (sandbox, cloud) = demo::in_cloud();
    let reason = "demo-data already exists".to_owned();
    cloud.account().failing.insert("Bucket".to_owned(), reason);
    sandbox.run(&["apply", "--yes"]).expect_code(3);
    cloud.account().failing.clear();
    cloud.forget_calls();
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r"
    --- stderr
    error: the stack `demo-dev` is ROLLBACK_COMPLETE: its creation failed, and it can only be deleted
    hint: run `stackctl destroy -e dev`, then apply again
    --- exit 4
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn a_running_operation_is_refused_or_waited_for() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.write("manifest.toml", demo::MANIFEST.replace("first", "second"));
    cloud.account().progress = Progress::Held;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running.wait_for_stderr("UPDATE_IN_PROGRESS").interrupt();
    running.wait().expect_code(130);
    cloud.forget_calls();
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r"
    --- stderr
    error: an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)
    hint: `stackctl apply --wait -e dev` waits for it and goes on
    hint: `stackctl status -e dev` shows it
    --- exit 4
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());

    cloud.account().progress = Progress::Events(1);
    let finished = sandbox.run(&["apply", "--yes", "--wait"]);
    insta::assert_snapshot!(finished, @r"
    --- stdout
    Stack        demo-dev (environment dev)
    Account      123456789012
    Region       eu-west-1
    Endpoint     http://127.0.0.1:[PORT]
    Capabilities CAPABILITY_IAM

    No changes. The stack matches the files.
    --- stderr
    Waiting for the running operation (UPDATE_IN_PROGRESS) …
      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Role  AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE     Role  AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    --- exit 0
    ");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
}

#[test]
fn polls_that_fail_do_not_decide_the_result() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().progress = Progress::Events(2);
    // More failures in a row than the SDK's own five attempts.
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
    let said = "Applied: demo-dev is CREATE_COMPLETE.";
    assert!(finished.stderr.contains(said), "{finished}");
    let lines: Vec<&str> = finished
        .stderr
        .lines()
        .filter(|line| line.contains("CREATE_COMPLETE     "))
        .collect();
    assert_eq!(lines.len(), 4, "each once: {finished}");
}

#[test]
fn an_interrupted_plan_leaves_no_change_set_and_no_shell() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().pending_describes = usize::MAX;
    let mut running = sandbox.spawn(&["plan"]);
    running
        .wait_for_call(&cloud, "DescribeChangeSet")
        .interrupt();
    insta::assert_snapshot!(running.wait(), @r"
    --- stderr
    error: interrupted
    hint: the stack was not changed, and no change set is left behind
    --- exit 130
    ");
    assert_eq!(cloud.account().change_sets(), 0);
    assert_eq!(cloud.account().stack("demo-dev").status, "DELETE_COMPLETE");
}

#[test]
fn a_shell_that_holds_another_change_set_stays() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().pending_describes = usize::MAX;
    let mut running = sandbox.spawn(&["plan"]);
    running.wait_for_call(&cloud, "DescribeChangeSet");
    {
        // Somebody else begins to use the new stack.
        let mut account = cloud.account();
        let stack = account.stack("demo-dev");
        let mut other = stack.change_sets[0].clone();
        other.name = "theirs".to_owned();
        other.id += "-theirs";
        stack.change_sets.push(other);
    }
    running.interrupt();
    running.wait().expect_code(130);
    assert_eq!(
        cloud.account().stack("demo-dev").status,
        "REVIEW_IN_PROGRESS"
    );
    assert_eq!(
        cloud.account().stack("demo-dev").change_sets[0].name,
        "theirs"
    );
    assert!(cloud.calls_of("DeleteStack").is_empty());
}

#[test]
fn a_plan_in_someone_elses_shell_leaves_the_shell() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().review("demo-dev");
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(cloud.account().change_sets(), 0);
    assert_eq!(
        cloud.account().stack("demo-dev").status,
        "REVIEW_IN_PROGRESS"
    );
}

#[test]
fn credentials_for_another_region_and_a_missing_region_are_said_as_such() {
    let (sandbox, cloud) = demo::in_cloud();
    let message = "Credential should be scoped to a valid region.";
    cloud
        .on("GetCallerIdentity")
        .error(403, "SignatureDoesNotMatch", message);
    let finished = sandbox.run(&["plan"]).expect_code(1);
    assert!(finished.stderr.contains(message), "{finished}");

    let manifest = demo::MANIFEST.replace("region = \"eu-west-1\"\n", "");
    sandbox.write("manifest.toml", manifest);
    let sandbox = sandbox.env("AWS_REGION", "");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error: no AWS region is configured
    hint: set `region = "eu-west-1"` in the manifest, export AWS_REGION, or pass --region
    --- exit 1
    "#);
    sandbox.write(
        "manifest.toml",
        demo::MANIFEST.replace("eu-west-1", "eu-west"),
    );
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
