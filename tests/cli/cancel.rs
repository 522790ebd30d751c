//! `cancel`: which operations can be stopped, and how the stack ends.

use crate::cloud::{Cloud, Progress};
use crate::demo;
use crate::recover::writes;
use crate::sandbox::Sandbox;

/// Returns a running update: its events come one by one from now on.
fn updating() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    sandbox.write("manifest.toml", demo::MANIFEST.replace("first", "second"));
    cloud.account().progress = Progress::ObjectState;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running.wait_for_stderr("UPDATE_IN_PROGRESS").kill();
    cloud.forget_calls();
    (sandbox, cloud)
}

#[test]
fn cancel_rolls_back_a_running_update() {
    let (sandbox, cloud) = updating();
    sandbox.run(&["cancel"]).expect_code(4);
    assert!(writes(&cloud).is_empty(), "nobody was asked");
    cloud.on("CancelUpdateStack").carry_on();
    let mut running = sandbox.spawn_on_terminal(&["cancel"]);
    running.wait_for_stderr("Cancel:").type_line("yes");
    running.wait_for_call(&cloud, "CancelUpdateStack");
    cloud.account().progress = Progress::Done;
    insta::assert_snapshot!(running.wait(), @r"
    --- stderr
    demo-dev is UPDATE_IN_PROGRESS.
    CancelUpdateStack stops the update and undoes it.
    Only 'yes' will be accepted.
    Cancel:
      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting what the failed update had made
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
    for (status, said) in [
        ("CREATE_IN_PROGRESS", "stackctl cancel --delete -e dev"),
        (
            "DELETE_IN_PROGRESS",
            "cannot cancel what is running (DELETE_IN_PROGRESS)",
        ),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "stackctl recover -e dev"),
    ] {
        status.clone_into(&mut cloud.account().stack("demo-dev").status);
        let refused = sandbox.run(&["cancel", "--yes"]).expect_code(4);
        assert!(refused.stderr.contains(said), "{refused}");
    }
    assert!(writes(&cloud).is_empty());
}

#[test]
fn cancel_delete_deletes_a_stack_that_is_being_created() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().progress = Progress::ObjectState;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running.wait_for_stderr("CREATE_IN_PROGRESS").kill();
    cloud.account().progress = Progress::Done;
    cloud
        .on("DescribeStacks")
        .times(1)
        .reply_xml(&describe_as(&cloud, "CREATE_IN_PROGRESS"));
    let finished = sandbox.run(&["cancel", "--delete", "--yes"]).expect_code(0);
    assert!(
        finished.stderr.contains("Cancelled: demo-dev is gone."),
        "{finished}"
    );
    assert_eq!(cloud.calls_of("DeleteStack").len(), 1);
}

fn describe_as(cloud: &Cloud, status: &str) -> String {
    let id = cloud.account().stack("demo-dev").id.clone();
    format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>{id}</StackId>\
         <StackName>demo-dev</StackName><StackStatus>{status}</StackStatus></member></Stacks>\
         </DescribeStacksResult></DescribeStacksResponse>"
    )
}
