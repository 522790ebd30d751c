//! `recover`: how each state is described, which calls are made, and how the recovery ends.

use crate::cloud::{Cloud, Progress};
use crate::demo;
use crate::drift;
use crate::sandbox::Sandbox;

const WRITES: [&str; 7] = [
    "CancelUpdateStack",
    "ContinueUpdateRollback",
    "CreateChangeSet",
    "DeleteChangeSet",
    "DeleteStack",
    "RollbackStack",
    "UpdateStack",
];

/// Returns the calls that change a stack, in order.
pub(crate) fn writes(cloud: &Cloud) -> Vec<String> {
    let mut operations = cloud.operations();
    operations.retain(|name| WRITES.contains(&name.as_str()));
    operations
}

/// Returns the project after an update that failed, and whose rollback failed at two resources.
fn stuck_in_a_rollback() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    let mut account = cloud.account();
    account.put_into("demo-dev", &[("UPDATE_IN_PROGRESS", "User Initiated")]);
    let reason = "The role is not there";
    account.put_resource_into("demo-dev", "Handler", "UPDATE_FAILED", reason);
    account.put_into(
        "demo-dev",
        &[(
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to update: [Handler].",
        )],
    );
    let reason = "Resource of type 'AWS::IAM::Role' was not found";
    account.put_resource_into("demo-dev", "Role", "UPDATE_FAILED", reason);
    let reason = "Resource update cancelled";
    account.put_resource_into("demo-dev", "Bucket", "UPDATE_FAILED", reason);
    let failed = "The following resource(s) failed to update: [Role].";
    account.put_into("demo-dev", &[("UPDATE_ROLLBACK_FAILED", failed)]);
    account
        .failing
        .insert("Role".to_owned(), "still not found".to_owned());
    drop(account);
    (sandbox, cloud)
}

#[test]
fn recover_deletes_the_empty_stack_of_a_failed_creation() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().fail("Bucket", "demo-data already exists");
    sandbox.run(&["apply", "--yes"]).expect_code(3);
    cloud.forget_calls();
    insta::assert_snapshot!(sandbox.run(&["recover"]), @"
    --- stdout
    demo-dev  ROLLBACK_COMPLETE
      The creation failed and was rolled back. CloudFormation keeps the empty stack with its events; it
      accepts no changes and can only be deleted.
      None of its resources exist.
      cause AWS::S3::Bucket Bucket: demo-data already exists

    To recover
      DeleteStack
        StackName: arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

    Other options
      Fix the cause, then delete the empty stack and deploy again:
        stackctl apply -e dev
    --- stderr
    error: cannot ask a question without a terminal
    hint: to continue without the question, run `stackctl recover --yes -e dev`
    --- exit 4
    ");
    assert!(writes(&cloud).is_empty());
    insta::assert_snapshot!(sandbox.run(&["recover", "--yes"]).without_stdout(), @r"
    --- stderr

      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    demo-dev is gone.
    hint: `stackctl apply -e dev` deploys it
    --- exit 0
    ");
    assert_eq!(writes(&cloud), ["DeleteStack"]);
    let call = cloud.calls_of("DeleteStack").remove(0);
    assert!(
        call.parameter("StackName").starts_with("arn:"),
        "by its ARN"
    );
    assert!(!call.parameter("ClientRequestToken").is_empty());
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}

#[test]
fn recover_continues_a_rollback_without_skipped_resources() {
    let (sandbox, cloud) = stuck_in_a_rollback();
    insta::assert_snapshot!(sandbox.run(&["recover", "--yes"]), @"
    --- stdout
    demo-dev  UPDATE_ROLLBACK_FAILED
      The update failed and so did its rollback. The stack accepts no changes until the rollback is
      complete.
      Some of its resources are in their previous state, and the failed update changed the others.
      cause AWS::Lambda::Function Handler: The role is not there

    Blocked by
      UPDATE_FAILED  Bucket  AWS::S3::Bucket
          Resource update cancelled
      UPDATE_FAILED  Role  AWS::IAM::Role
          Resource of type 'AWS::IAM::Role' was not found
          to skip it in the rollback: --skip Role
      UPDATE_FAILED  Handler  AWS::Lambda::Function
          The role is not there
          to skip it in the rollback: --skip Handler

    To recover
      ContinueUpdateRollback
        StackName: arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

    Other options
      Delete the stack:
        stackctl destroy -e dev
    --- stderr

      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  UPDATE_COMPLETE     Bucket    AWS::S3::Bucket
      [TIME]  UPDATE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  UPDATE_FAILED       Role      AWS::IAM::Role: still not found
      [TIME]  UPDATE_IN_PROGRESS  Handler   AWS::Lambda::Function
      [TIME]  UPDATE_COMPLETE     Handler   AWS::Lambda::Function
      [TIME]  UPDATE_ROLLBACK_FAILED  demo-dev  AWS::CloudFormation::Stack
    error: the stack `demo-dev` is stuck again (UPDATE_ROLLBACK_FAILED)
      caused by: AWS::IAM::Role Role UPDATE_FAILED: still not found
    hint: the resource, or one that it refers to, does not exist any more: create it again with the same name, correct the reference, or rename `Role` in the template to create a new one
    hint: `stackctl recover -e dev` shows the reason
    --- exit 1
    ");
    assert_eq!(writes(&cloud), ["ContinueUpdateRollback"]);

    cloud.forget_calls();
    let refused = sandbox.run(&["recover", "--yes", "--skip", "Handler", "--skip", "Bucket"]);
    insta::assert_snapshot!(refused, @r"
    --- stderr
    error: `--skip Handler` is not possible in UPDATE_ROLLBACK_FAILED
    hint: `--skip` is possible for Role
    --- exit 4
    ");
    assert!(writes(&cloud).is_empty());

    insta::assert_snapshot!(sandbox.answer(&["recover", "--skip", "Role"], "Recover:", "yes").without_stdout(), @"
    --- stderr

    Do you want to do this to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Recover:
      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  UPDATE_ROLLBACK_COMPLETE  demo-dev  AWS::CloudFormation::Stack

    demo-dev is UPDATE_ROLLBACK_COMPLETE.
    Skipped, and perhaps different from the template: Role. `stackctl drift -e dev` shows the differences.
    --- exit 0
    ");
    let later = sandbox.run(&["recover"]).expect_code(0);
    later.expect_stdout("in their previous state, except for those that the rollback skipped.");
    later.expect_stdout("Skipped, and perhaps different from the template: Role.");
    let call = cloud.calls_of("ContinueUpdateRollback").remove(0);
    assert_eq!(call.list("ResourcesToSkip"), ["Role"]);
    assert_eq!(cloud.status(), "UPDATE_ROLLBACK_COMPLETE");
}

#[test]
fn recover_declines_any_answer_but_yes() {
    let (sandbox, cloud) = stuck_in_a_rollback();
    for answer in ["y", ""] {
        sandbox
            .answer(&["recover"], "Recover:", answer)
            .expect_code(4);
    }
    assert!(writes(&cloud).is_empty());
}

#[test]
fn recover_rolls_back_a_failed_creation_and_deletes_the_stack() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().stack("demo-dev").events.clear();
    let events = [
        ("CREATE_IN_PROGRESS", "User Initiated"),
        (
            "CREATE_FAILED",
            "The following resource(s) failed to create: [Handler].",
        ),
    ];
    cloud.account().put_into("demo-dev", &events);
    let refused = sandbox.run(&["recover", "--yes"]);
    insta::assert_snapshot!(refused, @"
    --- stdout
    demo-dev  CREATE_FAILED
      The creation failed and was not rolled back, because rollback was disabled.
      The resources that were created before the failure exist.
      cause AWS::CloudFormation::Stack demo-dev: The following resource(s) failed to create: [Handler].

      resource  type                   what happens  physical id
    - Bucket    AWS::S3::Bucket        deleted       demo-data
    - Role      AWS::IAM::Role         deleted       demo-dev-Role-1A2B3C
    - Handler   AWS::Lambda::Function  deleted       demo-handler
    DANGER Bucket is deleted with its objects

    To recover
      RollbackStack
        StackName: arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

    Other options
      Fix the cause, then continue the deployment; CloudFormation cannot replace resources while
      rollback is disabled:
        stackctl apply -e dev
    --- stderr
    error: nothing was done: `Bucket` would be deleted with its objects
    hint: if that is what you want: `stackctl recover --allow-delete Bucket -e dev`
    --- exit 4
    ");
    assert!(writes(&cloud).is_empty());

    sandbox
        .run(&["recover", "--yes", "--allow-delete", "Bucket"])
        .expect_code(0);
    assert_eq!(writes(&cloud), ["RollbackStack", "DeleteStack"]);
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}

#[test]
fn recover_rolls_back_a_failed_update() {
    let (sandbox, cloud) = demo::deployed();
    let events = [
        ("UPDATE_IN_PROGRESS", "User Initiated"),
        ("UPDATE_FAILED", ""),
    ];
    cloud.account().put_into("demo-dev", &events);
    insta::assert_snapshot!(sandbox.run(&["recover", "--yes"]), @"
    --- stdout
    demo-dev  UPDATE_FAILED
      The update failed and was not rolled back, because rollback was disabled.
      Some of its resources are in their previous state, and the failed update changed the others.

    To recover
      RollbackStack
        StackName: arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

    Other options
      Fix the cause, then continue the deployment; CloudFormation cannot replace resources while
      rollback is disabled:
        stackctl apply -e dev
    --- stderr

      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_ROLLBACK_COMPLETE  demo-dev  AWS::CloudFormation::Stack

    demo-dev is UPDATE_ROLLBACK_COMPLETE.
    --- exit 0
    ");
    assert_eq!(writes(&cloud), ["RollbackStack"]);
}

#[test]
fn recover_does_not_take_an_old_stack_for_one_without_a_stable_state() {
    let (sandbox, cloud) = demo::deployed();
    // CloudFormation keeps events for 90 days.
    cloud.account().stack("demo-dev").events.clear();
    let events = [
        ("UPDATE_IN_PROGRESS", "User Initiated"),
        ("UPDATE_FAILED", ""),
    ];
    cloud.account().put_into("demo-dev", &events);
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stdout(
        "The update failed and was not rolled back, because rollback was disabled. A rollback returns \
         to\n  the last stable state; the events do not go back far enough to show it",
    );
    assert!(!finished.stdout.contains("deletes the stack"), "{finished}");
    assert!(!finished.stdout.contains("what happens"), "{finished}");
    assert_eq!(writes(&cloud), ["RollbackStack"]);
    assert_eq!(cloud.status(), "UPDATE_ROLLBACK_COMPLETE");
}

#[test]
fn recover_retains_a_nested_stack_by_its_own_logical_id() {
    let (sandbox, cloud) = demo::with_nested(&["Child"]);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let mut account = cloud.account();
    account.put_into("demo-dev", &[("DELETE_IN_PROGRESS", "User Initiated")]);
    account.put_resource_into("demo-dev", "Child", "DELETE_FAILED", "Files failed");
    account.put_into("demo-dev", &[("DELETE_FAILED", "")]);
    let child = account.stack("demo-dev").resources["Child"]
        .physical_id
        .clone();
    drop(account);
    cloud
        .on("ListStackResources")
        .only(move |call| call.parameter("StackName") == child)
        .reply_result(
            "<StackResourceSummaries><member><LogicalResourceId>Files</LogicalResourceId>\
             <ResourceType>AWS::S3::Bucket</ResourceType>\
             <ResourceStatus>DELETE_FAILED</ResourceStatus></member></StackResourceSummaries>",
        );
    cloud.forget_calls();
    let refused = sandbox.run(&["recover", "--yes", "--retain", "Child.Files"]);
    insta::assert_snapshot!(refused, @"
    --- stderr
    error: `--retain Child.Files` is not possible in DELETE_FAILED
    hint: CloudFormation retains a nested stack as a whole, by its logical id in this stack
    hint: `--retain` is possible for Child
    --- exit 4
    ");
    let shown = sandbox.run(&["recover"]).expect_code(4);
    assert!(!shown.stdout.contains("--retain Child.Files"), "{shown}");
    shown.expect_stdout("to keep it outside the stack: --retain Child");
    assert!(writes(&cloud).is_empty());
    sandbox
        .run(&["recover", "--yes", "--retain", "Child"])
        .expect_code(0);
    let call = cloud.calls_of("DeleteStack").remove(0);
    assert_eq!(call.list("RetainResources"), ["Child"]);
}

#[test]
fn recover_retries_a_failed_deletion_or_retains_resources() {
    let (sandbox, cloud) = demo::deployed();
    let mut account = cloud.account();
    account.put_into("demo-dev", &[("DELETE_IN_PROGRESS", "User Initiated")]);
    let reason = "The bucket you tried to delete is not empty";
    account.put_resource_into("demo-dev", "Bucket", "DELETE_FAILED", reason);
    account.put_into(
        "demo-dev",
        &[(
            "DELETE_FAILED",
            "The following resource(s) failed to delete: [Bucket].",
        )],
    );
    drop(account);
    demo::put_object(&cloud, "demo-data", "a");

    let again = sandbox.run(&["recover", "--yes"]).expect_code(1);
    again.expect_stderr("error: the stack `demo-dev` is stuck again (DELETE_FAILED)");

    insta::assert_snapshot!(sandbox.run(&["recover", "--yes", "--retain", "Bucket"]), @"
    --- stdout
    demo-dev  DELETE_FAILED
      The deletion of the stack failed. CloudFormation can only try again, or retain the resources that
      it could not delete.
      The resources that could not be deleted exist.
      cause AWS::S3::Bucket Bucket: The bucket you tried to delete is not empty. You must delete all versions in the bucket.

    Blocked by
      DELETE_FAILED  Bucket  AWS::S3::Bucket
          The bucket you tried to delete is not empty. You must delete all versions in the bucket.
          to keep it outside the stack: --retain Bucket

      resource  type             what happens  physical id
      Bucket    AWS::S3::Bucket  retained      demo-data

    To recover
      DeleteStack
        StackName: arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]
        RetainResources: Bucket

    Other options
      Delete the stack and leave behind what could not be deleted:
        stackctl recover --force-delete -e dev
    --- stderr

      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_SKIPPED      Bucket    AWS::S3::Bucket
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    demo-dev is gone.
    hint: `stackctl apply -e dev` deploys it
    --- exit 0
    ");
    let call = cloud.calls_of("DeleteStack").remove(1);
    assert_eq!(call.list("RetainResources"), ["Bucket"]);
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
    assert!(
        cloud.account().buckets.contains_key("demo-data"),
        "it stays"
    );
}

#[test]
fn recover_keeps_a_stack_with_change_sets_of_others() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    cloud.forget_calls();
    let finished = sandbox.run(&["recover", "--yes"]);
    let change_set = cloud.account().stack("demo-dev").change_sets[0]
        .name
        .clone();
    finished.expect_stdout(&change_set);
    finished.expect_stderr("error: not deleted: the stack `demo-dev` has change sets");
    finished.expect_code(4);
    assert!(writes(&cloud).is_empty());
}

#[test]
fn recover_deletes_an_empty_stack_with_old_temporary_change_sets() {
    let (sandbox, cloud) = demo::in_cloud();
    let mut running = demo::spawn_until_described(&sandbox, &cloud, &["plan"]);
    running.kill();
    cloud.forget_calls();
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(4);
    finished.expect_stdout("stackctl-tmp-");
    assert!(writes(&cloud).is_empty(), "a run may stand before it");

    let created = "2025-06-01T12:00:00.000Z";
    created.clone_into(&mut cloud.account().stack("demo-dev").change_sets[0].created);
    sandbox.run(&["recover", "--yes"]).expect_code(0);
    assert_eq!(writes(&cloud), ["DeleteChangeSet", "DeleteStack"]);
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}

#[test]
fn recover_follows_a_running_operation() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    cloud.account().progress = Progress::Events(1);
    let finished = sandbox.run(&["recover"]);
    insta::assert_snapshot!(finished, @"
    --- stdout
    demo-dev  UPDATE_IN_PROGRESS
      The stack is being updated.
      Its resources are changing.

    Other options
      Cancel the update and roll it back:
        stackctl cancel -e dev
    --- stderr

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    demo-dev is UPDATE_COMPLETE.
    --- exit 0
    ");
    assert!(writes(&cloud).is_empty());
}

#[test]
fn recover_does_nothing_for_a_healthy_or_missing_stack() {
    let (sandbox, cloud) = demo::deployed();
    drift::begins(&cloud);
    drift::ends(&cloud, "DETECTION_COMPLETE", "IN_SYNC", "");
    drift::finds(&cloud, drift::SAME);
    insta::assert_snapshot!(sandbox.run(&["recover"]), @"
    --- stdout
    demo-dev  CREATE_COMPLETE
      The stack was created.
      All its resources exist.

    Drift: 0 modified, 0 deleted, 1 in sync, 2 not checked.
    --- stderr

    Nothing to do.
    --- exit 0
    ");
    assert!(writes(&cloud).is_empty());
    let (sandbox, _cloud) = demo::in_cloud();
    insta::assert_snapshot!(sandbox.run(&["recover"]), @r"
    --- stderr
    There is no stack `demo-dev`.
    hint: `stackctl apply -e dev` deploys it
    --- exit 0
    ");
}

#[test]
fn recover_does_nothing_about_an_unknown_status() {
    let (sandbox, cloud) = demo::deployed();
    cloud
        .account()
        .put_into("demo-dev", &[("RECONCILE_FAILED", "")]);
    insta::assert_snapshot!(sandbox.run(&["recover", "--yes"]), @"
    --- stdout
    demo-dev  RECONCILE_FAILED
      This version of stackctl does not know the status, so it cannot recover the stack. See the events
      of the stack for the reason.
      It is not known which resources exist.

    Options
      Show the stack:
        stackctl status -e dev
    --- stderr
    error: nothing was done: you have to decide what to do about RECONCILE_FAILED
    --- exit 4
    ");
    assert!(writes(&cloud).is_empty());
}

#[test]
fn recover_json_prints_the_findings_and_changes_nothing() {
    let (sandbox, cloud) = stuck_in_a_rollback();
    let found = sandbox
        .run(&["recover", "--format", "json", "--skip", "Role"])
        .json();
    assert_eq!(found["schema"], "stackctl.recovery/1");
    assert_eq!(found["way"], "continue-rollback");
    assert_eq!(found["last_operation"], "update");
    assert_eq!(found["calls"][0]["operation"], "ContinueUpdateRollback");
    assert_eq!(
        found["calls"][0]["parameters"]["ResourcesToSkip"][0],
        "Role"
    );
    assert_eq!(found["cause"]["logical_id"], "Handler");
    assert!(writes(&cloud).is_empty());
    let (sandbox, _cloud) = demo::in_cloud();
    let nothing = sandbox.json(&["recover"]);
    assert_eq!(nothing["exists"], false);
}

#[test]
fn recover_refuses_to_delete_a_protected_stack() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().review("demo-dev");
    cloud.account().stack("demo-dev").termination_protection = true;
    let refused = sandbox
        .run(&["recover", "--yes"])
        .expect_code(4)
        .without_stdout();
    insta::assert_snapshot!(refused, @r"
    --- stderr
    error: the stack `demo-dev` is protected from deletion
    hint: turn that off first: `aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name demo-dev --region eu-west-1`
    --- exit 4
    ");
    assert!(writes(&cloud).is_empty());
}

#[test]
fn recover_and_cancel_refuse_another_account() {
    let (sandbox, cloud) = stuck_in_a_rollback();
    sandbox.edit(
        "manifest.toml",
        "project = ",
        "account = \"210987654321\"\nproject = ",
    );
    for command in ["recover", "cancel"] {
        sandbox.run(&[command, "--yes"]).expect_code(4);
    }
    assert!(writes(&cloud).is_empty());
}
