//! Failed deployments with `--no-rollback` and `--on-failure`, also from saved plans.

use crate::change_sets::{answer_nested, answer_root, change, nested_change, nesting};
use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::Sandbox;

/// Returns the deployed project with a change of the role. The change fails.
fn with_a_failing_change() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::changed();
    cloud.account().fail("Role", "Role is not to be");
    (sandbox, cloud)
}

/// Returns one parameter of the last call of an operation.
fn sent(cloud: &Cloud, operation: &str, parameter: &str) -> String {
    let calls = cloud.calls_of(operation);
    calls.last().unwrap().parameter(parameter).to_owned()
}

#[test]
fn rollback_options_are_not_sent_by_default() {
    let (sandbox, cloud) = with_a_failing_change();
    sandbox.run(&["apply", "--yes"]).expect_code(3);
    assert_eq!(sent(&cloud, "CreateChangeSet", "OnStackFailure"), "");
    assert_eq!(
        sent(&cloud, "CreateChangeSet", "ImportExistingResources"),
        ""
    );
    assert_eq!(sent(&cloud, "ExecuteChangeSet", "DisableRollback"), "");
}

#[test]
fn creation_without_rollback_is_kept_and_continued() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().fail("Role", "Role is not to be");
    let failed = sandbox.run(&["apply", "--yes", "--no-rollback"]);
    insta::assert_snapshot!(failed.without_stdout().without_resource_events(), @r"
    --- stderr
    [UPLOAD]

    Rollback is disabled: if the deployment fails, everything stays as it is then.

      [TIME]  CREATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  CREATE_FAILED       demo-dev  AWS::CloudFormation::Stack
    error[deployment-failed]: `Role`: Role is not to be
     --> stack.yaml.j2:6:3
      |
    6 |   Role:
      |   ^^^^

    error: the deployment failed (CREATE_FAILED): what it had changed by then stays
      caused by: AWS::IAM::Role Role CREATE_FAILED: Role is not to be
    hint: fix the cause, then run `stackctl apply -e dev` to go on from here, or `stackctl recover -e dev` to roll back
    --- exit 1
    ");
    assert_eq!(sent(&cloud, "ExecuteChangeSet", "DisableRollback"), "true");
    assert_eq!(cloud.status(), "CREATE_FAILED");

    cloud.account().failing.clear();
    demo::change_description(&sandbox);
    let applied = sandbox.run(&["apply", "--yes"]);
    insta::assert_snapshot!(applied.without_stdout(), @"
    --- stderr

    The stack is CREATE_FAILED: CloudFormation accepts this change only with rollback disabled.
    If the deployment fails, everything stays as it is then.

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Applied: demo-dev is UPDATE_COMPLETE.

    --- exit 0
    ");
    assert_eq!(sent(&cloud, "CreateChangeSet", "ChangeSetType"), "UPDATE");
    assert_eq!(sent(&cloud, "ExecuteChangeSet", "DisableRollback"), "true");
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
}

#[test]
fn update_without_rollback_is_kept_and_can_be_rolled_back() {
    let (sandbox, cloud) = with_a_failing_change();
    sandbox
        .run(&["apply", "--yes", "--on-failure", "keep"])
        .expect_code(1);
    assert_eq!(cloud.status(), "UPDATE_FAILED");
    sandbox.run(&["recover", "--yes"]).expect_code(0);
    assert_eq!(cloud.calls_of("RollbackStack").len(), 1);
}

#[test]
fn on_failure_delete_deletes_only_a_new_stack() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().fail("Bucket", "Bucket is not to be");
    let arguments = ["apply", "--yes", "--on-failure", "delete"];
    insta::assert_snapshot!(sandbox.run(&arguments).without_stdout(), @"
    --- stderr
    [UPLOAD]

    If the creation fails, the stack is deleted again.

      [TIME]  CREATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  CREATE_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  CREATE_IN_PROGRESS  Bucket    AWS::S3::Bucket: Resource creation Initiated
      [TIME]  CREATE_FAILED       Bucket    AWS::S3::Bucket: Bucket is not to be
      [TIME]  CREATE_FAILED       Handler   AWS::Lambda::Function: Resource creation cancelled
      [TIME]  CREATE_FAILED       Role      AWS::IAM::Role: Resource creation cancelled
      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: The following resource(s) failed to create: [Bucket]. Delete requested by user.
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    error[deployment-failed]: `Bucket`: Bucket is not to be
     --> stack.yaml.j2:2:3
      |
    2 |   Bucket:
      |   ^^^^^^

    error: the deployment failed and the new stack was deleted again (DELETE_COMPLETE)
      caused by: AWS::S3::Bucket Bucket CREATE_FAILED: Bucket is not to be
    hint: fix the cause, then run `stackctl apply -e dev` to recreate the stack
    --- exit 3
    ");
    assert_eq!(sent(&cloud, "CreateChangeSet", "OnStackFailure"), "DELETE");
    assert_eq!(sent(&cloud, "ExecuteChangeSet", "DisableRollback"), "");
    assert_eq!(cloud.status(), "DELETE_COMPLETE");

    let (sandbox, cloud) = with_a_failing_change();
    sandbox.run(&arguments).expect_code(3);
    assert_eq!(sent(&cloud, "CreateChangeSet", "OnStackFailure"), "");
    assert_eq!(cloud.status(), "UPDATE_ROLLBACK_COMPLETE");
}

#[test]
fn saved_plan_keeps_its_rollback_options() {
    let (sandbox, cloud) = with_a_failing_change();
    let plan = [
        "plan",
        "--out",
        "plan.json",
        "--no-rollback",
        "--import-existing",
    ];
    sandbox.run(&plan).expect_code(0);
    assert_eq!(
        sent(&cloud, "CreateChangeSet", "ImportExistingResources"),
        "true"
    );
    for option in ["--no-rollback", "--on-failure=delete", "--import-existing"] {
        sandbox
            .run(&["apply", "--yes", "plan.json", option])
            .expect_code(64);
    }
    sandbox.run(&["apply", "--yes", "plan.json"]).expect_code(1);
    assert_eq!(sent(&cloud, "ExecuteChangeSet", "DisableRollback"), "true");
    assert_eq!(cloud.status(), "UPDATE_FAILED");
}

#[test]
fn replacement_without_rollback_is_refused() {
    let (sandbox, cloud) = with_a_failing_change();
    let plan = ["plan", "--out", "plan.json", "--no-rollback"];
    sandbox.run(&plan).expect_code(0);
    "True".clone_into(&mut cloud.account().stack("demo-dev").change_sets[0].changes[0].replacement);
    let refused = sandbox
        .run(&["apply", "--yes", "plan.json"])
        .without_stdout();
    insta::assert_snapshot!(refused, @r"
    --- stderr
    error: not applied: CloudFormation cannot replace resources while rollback is disabled: Role
    hint: leave out --no-rollback and --on-failure keep
    --- exit 4
    ");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
}

#[test]
fn apply_names_the_change_sets_that_it_removes() {
    let (sandbox, cloud) = with_a_failing_change();
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    let theirs = cloud.account().stack("demo-dev").change_sets[0]
        .name
        .clone();
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(3);
    let message = format!("Executing this deletes the other change sets of the stack: {theirs}");
    finished.expect_stderr(&message);
}

#[test]
fn rollback_alarms_are_sent() {
    let (sandbox, cloud) = demo::in_cloud();
    let alarm = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors";
    let stack =
        format!("[stack]\nrollback_alarms = [\"{alarm}\"]\nrollback_monitoring_minutes = 5\n");
    sandbox.write("manifest.toml", format!("{}\n{stack}", demo::MANIFEST));
    sandbox.run(&["plan"]).expect_code(0);
    let trigger = "RollbackConfiguration.RollbackTriggers.member.1";
    let arn = sent(&cloud, "CreateChangeSet", &format!("{trigger}.Arn"));
    assert_eq!(arn, alarm);
    let minutes = "RollbackConfiguration.MonitoringTimeInMinutes";
    assert_eq!(sent(&cloud, "CreateChangeSet", minutes), "5");
}

#[test]
fn replacement_in_a_nested_stack_without_rollback_is_refused() {
    let (sandbox, cloud) = nesting();
    let replaced = "<ResourceChange><Replacement>True</Replacement>";
    let table = change("Modify", "Topic", "AWS::SNS::Topic").replace("<ResourceChange>", replaced);
    answer_root(
        &cloud,
        "CREATE_COMPLETE",
        "",
        &nested_change("Child", "child"),
    );
    answer_nested(&cloud, "child", "CREATE_COMPLETE", "", &table);
    for option in [&["--no-rollback"][..], &["--on-failure", "keep"]] {
        let arguments = [&["apply", "--yes"], option].concat();
        let refused = sandbox.run(&arguments).expect_code(4);
        refused.expect_stderr(
            "not applied: CloudFormation cannot replace resources while rollback is disabled: \
             Child/Topic",
        );
    }
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
}
