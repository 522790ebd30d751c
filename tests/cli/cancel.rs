//! `cancel`: which operations can be stopped, and how the stack ends.

use crate::cloud::Progress;
use crate::demo;
use crate::recover::writes;

#[test]
fn cancel_rolls_back_a_running_update() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    sandbox.run(&["cancel"]).expect_code(4);
    assert!(writes(&cloud).is_empty(), "nobody was asked");
    cloud.on("CancelUpdateStack").carry_on();
    let mut running = sandbox.spawn_on_terminal(&["cancel"]);
    running.wait_for_stderr("Cancel:").type_line("yes");
    running.wait_for_call(&cloud, "CancelUpdateStack");
    cloud.account().progress = Progress::Done;
    insta::assert_snapshot!(running.wait(), @"
    --- stderr
    The stack `demo-dev` (account 123456789012, region eu-west-1) is UPDATE_IN_PROGRESS.
    CancelUpdateStack stops the update and rolls it back.
    Only 'yes' will be accepted.
    Cancel:
      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack:
                                deleting resources that the failed update created
      [TIME]  UPDATE_ROLLBACK_COMPLETE  demo-dev  AWS::CloudFormation::Stack

    Cancelled: demo-dev is as it was before.
    --- exit 0
    ");
    let token = cloud.calls_of("CancelUpdateStack").remove(0);
    assert!(!token.parameter("ClientRequestToken").is_empty());
}

#[test]
fn cancel_reports_operations_that_cannot_be_cancelled() {
    let (sandbox, cloud) = demo::deployed();
    insta::assert_snapshot!(sandbox.run(&["cancel", "--yes"]), @r"
    --- stderr
    No operation is running: nothing to cancel.
    --- exit 0
    ");
    for (status, message) in [
        ("CREATE_IN_PROGRESS", "stackctl cancel --delete -e dev"),
        (
            "DELETE_IN_PROGRESS",
            "cannot cancel what is running (DELETE_IN_PROGRESS)",
        ),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "stackctl recover -e dev"),
    ] {
        cloud.set_status(status);
        let finished = sandbox.run(&["cancel", "--yes"]).expect_code(4);
        finished.expect_stderr(message);
    }
    assert!(writes(&cloud).is_empty());
}

#[test]
fn cancel_delete_deletes_a_stack_that_is_being_created() {
    let (sandbox, cloud) = demo::in_cloud();
    demo::leave_running(&sandbox, &cloud);
    cloud.account().progress = Progress::Done;
    let id = cloud.account().stack("demo-dev").id.clone();
    cloud.on("DescribeStacks").times(2).reply_result(&format!(
        "<Stacks><member><StackId>{id}</StackId><StackName>demo-dev</StackName>\
         <StackStatus>CREATE_IN_PROGRESS</StackStatus></member></Stacks>"
    ));
    let finished = sandbox.run(&["cancel", "--delete", "--yes"]).expect_code(0);
    finished.expect_stderr("Cancelled: demo-dev is gone.");
    assert_eq!(cloud.calls_of("DeleteStack").len(), 1);
}

#[test]
fn cancel_does_not_stop_a_newer_operation() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    let mut running = sandbox.spawn_on_terminal(&["cancel"]);
    running.wait_for_stderr("Cancel:");
    // A colleague's update has the same status.
    let events = [
        ("UPDATE_COMPLETE", ""),
        ("UPDATE_IN_PROGRESS", "User Initiated"),
    ];
    cloud.account().put_into("demo-dev", &events);
    running.type_line("yes");
    let refused = running.wait().expect_code(4);
    refused.expect_stderr("not cancelled: the operation on `demo-dev` changed in the meantime");
    assert!(writes(&cloud).is_empty());

    // Without the question, a creation that has completed is not deleted either.
    let (sandbox, cloud) = demo::in_cloud();
    demo::leave_running(&sandbox, &cloud);
    cloud.account().progress = Progress::Done;
    let id = cloud.account().stack("demo-dev").id.clone();
    cloud.on("DescribeStacks").times(1).reply_result(&format!(
        "<Stacks><member><StackId>{id}</StackId><StackName>demo-dev</StackName>\
         <StackStatus>CREATE_IN_PROGRESS</StackStatus></member></Stacks>"
    ));
    let refused = sandbox.run(&["cancel", "--delete", "--yes"]);
    let refused = refused.expect_code(4);
    refused.expect_stderr("not cancelled: the operation on `demo-dev` changed in the meantime");
    assert!(writes(&cloud).is_empty());
}

#[test]
fn ctrl_c_does_not_offer_to_cancel_a_newer_operation() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    let mut running = sandbox.spawn_on_terminal(&["apply", "--wait"]);
    running.wait_for_stderr("User Initiated");
    let events = [
        ("UPDATE_COMPLETE", ""),
        ("UPDATE_IN_PROGRESS", "by a colleague"),
    ];
    cloud.account().put_into("demo-dev", &events);
    running.interrupt();
    let left = running.wait().expect_code(130);
    left.expect_stderr("Another operation is running by now (UPDATE_IN_PROGRESS).");
    assert!(!left.stderr.contains("Leave or cancel"), "{left}");
    assert!(writes(&cloud).is_empty());
}
