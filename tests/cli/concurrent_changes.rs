//! What others do to the stack while a command is at work on it, and what Ctrl-C does to an operation.

use crate::cloud::{Cloud, Progress};
use crate::demo;
use crate::sandbox::{Finished, Running, Sandbox};

/// Returns the deployed project with a change to apply.
fn with_a_change() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    sandbox.write("manifest.toml", demo::MANIFEST.replace("first", "second"));
    (sandbox, cloud)
}

/// Starts an apply and waits for its question.
fn at_the_question(sandbox: &Sandbox) -> Running {
    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Apply:");
    running
}

#[test]
fn one_of_two_concurrent_applies_deploys() {
    let (sandbox, cloud) = with_a_change();
    let (mut first, mut second) = (at_the_question(&sandbox), at_the_question(&sandbox));
    cloud.account().progress = Progress::ObjectState;
    first.type_line("yes").wait_for_stderr("UPDATE_IN_PROGRESS");
    second.type_line("yes");
    insta::assert_snapshot!(second.wait().without_stdout(), @r"
    --- stderr

    Executing this removes the other change sets of the stack: stackctl-tmp-[ID]

    Do you want to apply these changes? Only 'yes' will be accepted.
    Apply:
    error: an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)
      caused by: cannot execute the change set
      caused by: ChangeSet [arn:aws:cloudformation:eu-west-1:123456789012:changeSet/stackctl-tmp-[ID]/[UUID]] does not exist (ChangeSetNotFound)
    hint: `stackctl apply --wait -e dev` waits for it and goes on
    hint: `stackctl recover -e dev` follows it
    hint: `stackctl cancel -e dev` stops it
    --- exit 4
    ");
    cloud.account().progress = Progress::Done;
    first.wait().expect_code(0);
    assert_eq!(cloud.account().change_sets(), 0);
    let updates = |status: &str| {
        let mut account = cloud.account();
        let events = account.stack("demo-dev").events.iter();
        events.filter(|event| event.status == status).count()
    };
    assert_eq!(updates("UPDATE_COMPLETE"), 2, "the role's and the stack's");
}

#[test]
fn apply_refuses_if_another_apply_was_first() {
    let (sandbox, cloud) = with_a_change();
    let (mut first, mut second) = (at_the_question(&sandbox), at_the_question(&sandbox));
    first.type_line("yes");
    first.wait().expect_code(0);
    second.type_line("yes");
    insta::assert_snapshot!(second.wait().without_stdout(), @r"
    --- stderr

    Executing this removes the other change sets of the stack: stackctl-tmp-[ID]

    Do you want to apply these changes? Only 'yes' will be accepted.
    Apply:
    error: not applied: the stack `demo-dev` was changed in the meantime, and the change set is gone
      caused by: cannot execute the change set
      caused by: ChangeSet [arn:aws:cloudformation:eu-west-1:123456789012:changeSet/stackctl-tmp-[ID]/[UUID]] does not exist (ChangeSetNotFound)
    hint: plan again: `stackctl apply -e dev`
    --- exit 4
    ");
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn operation_that_starts_before_the_change_set_is_reported() {
    let (sandbox, cloud) = with_a_change();
    let id = cloud.account().stack("demo-dev").id.clone();
    let running = cloud.account().stack("demo-dev").to_xml();
    let running = running.replace("CREATE_COMPLETE", "UPDATE_IN_PROGRESS");
    cloud.on("DescribeStacks").after(1).reply_xml(&format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>{running}</member></Stacks>\
         </DescribeStacksResult></DescribeStacksResponse>"
    ));
    let message = format!("Stack:{id} is in UPDATE_IN_PROGRESS state and can not be updated.");
    cloud
        .on("CreateChangeSet")
        .error(400, "ValidationError", &message);
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r"
    --- stderr
    error: an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)
      caused by: cannot create a change set for `demo-dev`
      caused by: Stack:arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID] is in UPDATE_IN_PROGRESS state and can not be updated. (ValidationError)
    hint: `stackctl apply --wait -e dev` waits for it and goes on
    hint: `stackctl recover -e dev` follows it
    hint: `stackctl cancel -e dev` stops it
    --- exit 4
    ");
}

#[test]
fn operation_that_starts_before_the_execution_leaves_no_change_set() {
    let (sandbox, cloud) = with_a_change();
    let mut running = at_the_question(&sandbox);
    "UPDATE_IN_PROGRESS".clone_into(&mut cloud.account().stack("demo-dev").status);
    running.type_line("yes");
    let refused = running.wait().expect_code(4);
    let said = "an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)";
    assert!(refused.stderr.contains(said), "{refused}");
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn execution_with_a_lost_response_is_followed() {
    let (sandbox, cloud) = with_a_change();
    cloud.on("ExecuteChangeSet").times(1).lose_answer();
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(0);
    let said = "Applied: demo-dev is UPDATE_COMPLETE.";
    assert!(finished.stderr.contains(said), "{finished}");
    let calls = cloud.calls_of("ExecuteChangeSet");
    assert!(calls.len() > 1, "it was repeated");
    let tokens = calls
        .iter()
        .map(|call| call.parameter("ClientRequestToken"));
    assert_eq!(tokens.collect::<std::collections::HashSet<_>>().len(), 1);
}

#[test]
fn denied_execution_leaves_no_change_set() {
    let (sandbox, cloud) = with_a_change();
    let message = "User is not authorized to perform: cloudformation:ExecuteChangeSet";
    cloud
        .on("ExecuteChangeSet")
        .error(403, "AccessDenied", message);
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(1);
    assert!(finished.stderr.contains(message), "{finished}");
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn saved_plan_survives_a_refused_apply() {
    let (sandbox, cloud) = with_a_change();
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    let mut running = sandbox.spawn_on_terminal(&["apply", "plan.json"]);
    running.wait_for_stderr("Apply:");
    "UPDATE_IN_PROGRESS".clone_into(&mut cloud.account().stack("demo-dev").status);
    running.type_line("yes");
    running.wait().expect_code(4);
    assert_eq!(cloud.account().change_sets(), 1);
    "CREATE_COMPLETE".clone_into(&mut cloud.account().stack("demo-dev").status);
    sandbox.run(&["apply", "--yes", "plan.json"]).expect_code(0);
}

#[test]
fn ctrl_c_offers_to_leave_or_cancel_the_operation() {
    let (sandbox, cloud) = with_a_change();
    cloud.account().progress = Progress::ObjectState;
    let mut running = at_the_question(&sandbox);
    running.type_line("yes");
    running.wait_for_stderr("UPDATE_IN_PROGRESS").interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("leave");
    insta::assert_snapshot!(running.wait().without_stdout(), @r"
    --- stderr

    Do you want to apply these changes? Only 'yes' will be accepted.
    Apply:
      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated

    Leave the update running, or cancel it, so that CloudFormation undoes it?
    Only 'leave' or 'cancel' will be accepted.
    Leave or cancel: error: left running
    hint: the operation goes on; follow it with `stackctl apply --wait -e dev`
    --- exit 130
    ");
    assert!(cloud.calls_of("CancelUpdateStack").is_empty());

    let mut running = sandbox.spawn_on_terminal(&["apply", "--wait"]);
    running.wait_for_stderr("User Initiated").interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("cancel");
    running.wait_for_call(&cloud, "CancelUpdateStack");
    // Another Ctrl-C asks again: the first one has been answered.
    running
        .wait_for_stderr("UPDATE_ROLLBACK_IN_PROGRESS")
        .interrupt();
    let left = running.wait().expect_code(130);
    let said = "What is running (UPDATE_ROLLBACK_IN_PROGRESS) cannot be cancelled.";
    assert!(left.stderr.contains(said), "{left}");
}

#[test]
fn second_ctrl_c_exits_with_a_hint() {
    let (sandbox, cloud) = with_a_change();
    cloud.account().progress = Progress::ObjectState;
    let mut running = at_the_question(&sandbox);
    running.type_line("yes");
    running.wait_for_stderr("UPDATE_IN_PROGRESS").interrupt();
    running.wait_for_stderr("Leave or cancel:").interrupt();
    let ended = running.wait().expect_code(130);
    let hint = "hint: go on with `stackctl apply --wait -e dev`";
    assert!(ended.stderr.contains(hint), "{ended}");
    assert!(cloud.calls_of("CancelUpdateStack").is_empty());
}

#[test]
fn cancelled_update_is_reported_as_rolled_back() {
    let (sandbox, cloud) = with_a_change();
    cloud.account().progress = Progress::ObjectState;
    let mut running = at_the_question(&sandbox);
    running.type_line("yes");
    running.wait_for_stderr("UPDATE_IN_PROGRESS").interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("cancel");
    running.wait_for_call(&cloud, "CancelUpdateStack");
    cloud.account().progress = Progress::Done;
    insta::assert_snapshot!(after_the_answer(&running.wait()), @r"
      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting what the failed update had made
      [TIME]  UPDATE_ROLLBACK_COMPLETE  demo-dev  AWS::CloudFormation::Stack
    error: the deployment was cancelled and undone (UPDATE_ROLLBACK_COMPLETE): the stack is as it was
    hint: `stackctl apply -e dev` deploys it after all
    --- exit 3
    ");
}

/// Returns what was said after the last question, and the exit code.
fn after_the_answer(finished: &Finished) -> String {
    let blob = finished.to_string();
    let said = blob.rsplit("Leave or cancel:").next().unwrap();
    said.trim_start_matches('\n').to_owned()
}

#[test]
fn cancelled_creation_is_reported_as_deleted() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().progress = Progress::ObjectState;
    let mut running = at_the_question(&sandbox);
    running.type_line("yes");
    running.wait_for_stderr("CREATE_IN_PROGRESS").interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("cancel");
    running.wait_for_call(&cloud, "DeleteStack");
    cloud.account().progress = Progress::Done;
    insta::assert_snapshot!(after_the_answer(&running.wait()), @r"
      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    error: the deployment was cancelled and the new stack was deleted again (DELETE_COMPLETE)
    hint: `stackctl apply -e dev` deploys it after all
    --- exit 3
    ");
}

#[test]
fn cancel_does_not_delete_a_creation_that_has_completed() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().progress = Progress::ObjectState;
    let mut running = at_the_question(&sandbox);
    running.type_line("yes");
    running.wait_for_stderr("CREATE_IN_PROGRESS").interrupt();
    running.wait_for_stderr("Leave or cancel:");
    cloud.account().progress = Progress::Done;
    running.type_line("cancel");
    let finished = running.wait().expect_code(0);
    let said = "Not cancelled: it has gone on meanwhile.";
    assert!(finished.stderr.contains(said), "{finished}");
    assert!(cloud.calls_of("DeleteStack").is_empty());

    let mut running = sandbox.spawn_on_terminal(&["destroy"]);
    running.wait_for_stderr("to destroy it:");
    cloud.account().progress = Progress::ObjectState;
    running.type_line("demo-dev");
    running.wait_for_stderr("DELETE_IN_PROGRESS").interrupt();
    let left = running.wait().expect_code(130);
    let said = "What is running (DELETE_IN_PROGRESS) cannot be cancelled.";
    assert!(left.stderr.contains(said), "{left}");
}

#[test]
fn cancelling_the_awaited_operation_applies_nothing() {
    let (sandbox, cloud) = with_a_change();
    cloud.account().progress = Progress::ObjectState;
    let mut running = at_the_question(&sandbox);
    running.type_line("yes");
    running.wait_for_stderr("UPDATE_IN_PROGRESS").terminate();
    running.wait().expect_code(130);
    let mut running = sandbox.spawn_on_terminal(&["apply", "--wait", "--yes"]);
    running.wait_for_stderr("User Initiated").interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("cancel");
    running.wait_for_call(&cloud, "CancelUpdateStack");
    cloud.account().progress = Progress::Done;
    let ended = running.wait().expect_code(130);
    assert!(
        ended.stderr.contains("cancelled: nothing was applied"),
        "{ended}"
    );
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
}

#[test]
fn sigterm_does_not_prompt() {
    let (sandbox, cloud) = with_a_change();
    cloud.account().progress = Progress::ObjectState;
    let mut running = at_the_question(&sandbox);
    running.type_line("yes");
    running.wait_for_stderr("UPDATE_IN_PROGRESS").terminate();
    let ended = running.wait().expect_code(130);
    assert!(!ended.stderr.contains("Leave or cancel"), "{ended}");
    let hint = "follow it with `stackctl apply --wait -e dev`";
    assert!(ended.stderr.contains(hint), "{ended}");
}

#[test]
fn ctrl_c_during_a_creation_deletes_only_if_chosen() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().progress = Progress::ObjectState;
    let mut running = at_the_question(&sandbox);
    running.type_line("yes");
    running.wait_for_stderr("CREATE_IN_PROGRESS").interrupt();
    running.wait_for_stderr("Leave or cancel:").type_line("");
    let left = running.wait().expect_code(130);
    let said = "A creation is cancelled by deleting the stack";
    assert!(left.stderr.contains(said), "{left}");
    assert!(cloud.calls_of("DeleteStack").is_empty());
}
