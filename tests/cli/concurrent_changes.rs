//! Changes to the stack by others while a command runs, and Ctrl-C during an operation.

use crate::cloud::{Cloud, Progress, xml};
use crate::demo;
use crate::sandbox::{Finished, Running, Sandbox};

/// Starts an apply and waits for its prompt.
fn apply_at_prompt(sandbox: &Sandbox) -> Running {
    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Apply:");
    running
}

/// Applies on a terminal until stderr shows this status. The operation then makes no progress.
fn apply_until(sandbox: &Sandbox, cloud: &Cloud, status: &str) -> Running {
    cloud.account().progress = Progress::Paused;
    let mut running = apply_at_prompt(sandbox);
    running.type_line("yes").wait_for_stderr(status);
    running
}

/// Interrupts an operation and cancels it at the prompt. The service completes it after this call.
fn interrupt_and_cancel(mut running: Running, cloud: &Cloud, call: &str) -> Finished {
    running.interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("cancel");
    running.wait_for_call(cloud, call);
    cloud.account().progress = Progress::Done;
    running.wait()
}

#[test]
fn one_of_two_concurrent_applies_deploys() {
    let (sandbox, cloud) = demo::changed();
    let (mut first, mut second) = (apply_at_prompt(&sandbox), apply_at_prompt(&sandbox));
    cloud.account().progress = Progress::Paused;
    first.type_line("yes").wait_for_stderr("UPDATE_IN_PROGRESS");
    second.type_line("yes");
    insta::assert_snapshot!(second.wait().without_stdout(), @"
    --- stderr

    Executing this deletes the other change sets of the stack: stackctl-tmp-[ID]

    Do you want to apply these changes to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
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
    let (sandbox, cloud) = demo::changed();
    let (mut first, mut second) = (apply_at_prompt(&sandbox), apply_at_prompt(&sandbox));
    first.type_line("yes");
    first.wait().expect_code(0);
    second.type_line("yes");
    insta::assert_snapshot!(second.wait().without_stdout(), @"
    --- stderr

    Executing this deletes the other change sets of the stack: stackctl-tmp-[ID]

    Do you want to apply these changes to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Apply:
    error: not applied: the stack `demo-dev` changed in the meantime, and the change set is gone
      caused by: cannot execute the change set
      caused by: ChangeSet [arn:aws:cloudformation:eu-west-1:123456789012:changeSet/stackctl-tmp-[ID]/[UUID]] does not exist (ChangeSetNotFound)
    hint: plan again: `stackctl apply -e dev`
    --- exit 4
    ");
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn operation_that_starts_before_the_change_set_is_reported() {
    let (sandbox, cloud) = demo::changed();
    let id = cloud.account().stack("demo-dev").id.clone();
    let running = cloud.account().stack("demo-dev").to_xml();
    let running = running.replace("CREATE_COMPLETE", "UPDATE_IN_PROGRESS");
    cloud
        .on("DescribeStacks")
        .after(1)
        .reply_result(&xml::members("Stacks", [running]));
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
    let (sandbox, cloud) = demo::changed();
    let mut running = apply_at_prompt(&sandbox);
    cloud.set_status("UPDATE_IN_PROGRESS");
    running.type_line("yes");
    let finished = running.wait().expect_code(4);
    finished.expect_stderr("an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)");
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn execution_with_a_lost_response_is_followed() {
    let (sandbox, cloud) = demo::changed();
    cloud.on("ExecuteChangeSet").times(1).lose_answer();
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(0);
    finished.expect_stderr("Applied: demo-dev is UPDATE_COMPLETE.");
    let calls = cloud.calls_of("ExecuteChangeSet");
    assert!(calls.len() > 1, "it was repeated");
    let tokens = calls
        .iter()
        .map(|call| call.parameter("ClientRequestToken"));
    assert_eq!(tokens.collect::<std::collections::HashSet<_>>().len(), 1);
}

#[test]
fn denied_execution_leaves_no_change_set() {
    let (sandbox, cloud) = demo::changed();
    let message = "User is not authorized to perform: cloudformation:ExecuteChangeSet";
    cloud
        .on("ExecuteChangeSet")
        .error(403, "AccessDenied", message);
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(1);
    finished.expect_stderr(message);
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn saved_plan_survives_a_refused_apply() {
    let (sandbox, cloud) = demo::changed();
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    let mut running = sandbox.spawn_on_terminal(&["apply", "plan.json"]);
    running.wait_for_stderr("Apply:");
    cloud.set_status("UPDATE_IN_PROGRESS");
    running.type_line("yes");
    running.wait().expect_code(4);
    assert_eq!(cloud.account().change_sets(), 1);
    cloud.set_status("CREATE_COMPLETE");
    sandbox.run(&["apply", "--yes", "plan.json"]).expect_code(0);
}

#[test]
fn ctrl_c_offers_to_leave_or_cancel_the_operation() {
    let (sandbox, cloud) = demo::changed();
    let mut running = apply_until(&sandbox, &cloud, "UPDATE_IN_PROGRESS");
    running.interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("leave");
    insta::assert_snapshot!(running.wait().without_stdout(), @"
    --- stderr

    Do you want to apply these changes to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Apply:
      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated

    Leave the update of `demo-dev` (account 123456789012, region eu-west-1) running, or cancel it, so that CloudFormation rolls it back?
    Only 'leave' or 'cancel' will be accepted.
    Leave or cancel: error: left running
    hint: the operation continues; follow it with `stackctl events --follow -e dev`
    hint: `stackctl apply --wait -e dev` waits for its end and continues from there
    --- exit 130
    ");
    assert!(cloud.calls_of("CancelUpdateStack").is_empty());

    let mut running = sandbox.spawn_on_terminal(&["apply", "--wait"]);
    running.wait_for_stderr("User Initiated").interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("cancel");
    running.wait_for_call(&cloud, "CancelUpdateStack");
    // Another Ctrl-C prompts again, because the first prompt has been answered.
    running
        .wait_for_stderr("UPDATE_ROLLBACK_IN_PROGRESS")
        .interrupt();
    let finished = running.wait().expect_code(130);
    finished
        .expect_stderr("The running operation (UPDATE_ROLLBACK_IN_PROGRESS) cannot be cancelled.");
}

#[test]
fn second_signal_exits_with_a_hint() {
    for send in [Running::interrupt, Running::terminate, Running::hang_up] {
        let (sandbox, cloud) = demo::changed();
        let mut running = apply_until(&sandbox, &cloud, "UPDATE_IN_PROGRESS");
        running.interrupt();
        send(running.wait_for_stderr("Leave or cancel:"));
        let finished = running.wait().expect_code(130);
        finished.expect_stderr(
            "hint: `stackctl apply --wait -e dev` waits for its end and continues from there",
        );
        assert!(cloud.calls_of("CancelUpdateStack").is_empty());
    }
}

#[test]
fn cancelled_update_is_reported_as_rolled_back() {
    let (sandbox, cloud) = demo::changed();
    let running = apply_until(&sandbox, &cloud, "UPDATE_IN_PROGRESS");
    let cancelled = interrupt_and_cancel(running, &cloud, "CancelUpdateStack");
    insta::assert_snapshot!(after_the_prompt(&cancelled), @"
      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack:
                                deleting resources that the failed update created
      [TIME]  UPDATE_ROLLBACK_COMPLETE  demo-dev  AWS::CloudFormation::Stack
    error: the deployment was cancelled and rolled back (UPDATE_ROLLBACK_COMPLETE): the stack is as it was
    hint: `stackctl apply -e dev` deploys it after all
    --- exit 3
    ");
}

/// Returns what was printed after the last prompt, and the exit code.
fn after_the_prompt(finished: &Finished) -> String {
    let blob = finished.to_string();
    let message = blob.rsplit("Leave or cancel:").next().unwrap();
    message.trim_start_matches('\n').to_owned()
}

#[test]
fn cancelled_creation_is_reported_as_deleted() {
    let (sandbox, cloud) = demo::in_cloud();
    let running = apply_until(&sandbox, &cloud, "CREATE_IN_PROGRESS");
    let cancelled = interrupt_and_cancel(running, &cloud, "DeleteStack");
    insta::assert_snapshot!(after_the_prompt(&cancelled), @r"
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
    let mut running = apply_until(&sandbox, &cloud, "CREATE_IN_PROGRESS");
    running.interrupt();
    running.wait_for_stderr("Leave or cancel:");
    cloud.account().progress = Progress::Done;
    running.type_line("cancel");
    let finished = running.wait().expect_code(0);
    finished.expect_stderr("Not cancelled: the operation's status changed in the meantime.");
    assert!(cloud.calls_of("DeleteStack").is_empty());

    let mut running = sandbox.spawn_on_terminal(&["destroy"]);
    running.wait_for_stderr("to destroy it:");
    cloud.account().progress = Progress::Paused;
    running.type_line("demo-dev");
    running.wait_for_stderr("DELETE_IN_PROGRESS").interrupt();
    let finished = running.wait().expect_code(130);
    finished.expect_stderr("The running operation (DELETE_IN_PROGRESS) cannot be cancelled.");
}

#[test]
fn cancelling_the_awaited_operation_applies_nothing() {
    let (sandbox, cloud) = demo::changed();
    let mut running = apply_until(&sandbox, &cloud, "UPDATE_IN_PROGRESS");
    running.terminate();
    running.wait().expect_code(130);
    let mut running = sandbox.spawn_on_terminal(&["apply", "--wait", "--yes"]);
    running.wait_for_stderr("User Initiated");
    interrupt_and_cancel(running, &cloud, "CancelUpdateStack")
        .expect_code(130)
        .expect_stderr("cancelled: nothing was applied");
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
}

#[test]
fn sigterm_and_sighup_do_not_prompt() {
    for send in [Running::terminate, Running::hang_up] {
        let (sandbox, cloud) = demo::changed();
        let mut running = apply_until(&sandbox, &cloud, "UPDATE_IN_PROGRESS");
        send(&mut running);
        let ended = running.wait().expect_code(130);
        assert!(!ended.stderr.contains("Leave or cancel"), "{ended}");
        ended.expect_stderr("follow it with `stackctl events --follow -e dev`");
        ended.expect_stderr("`stackctl apply --wait -e dev` waits for its end and continues");
    }
}

#[test]
fn ctrl_c_during_a_creation_deletes_only_if_chosen() {
    let (sandbox, cloud) = demo::in_cloud();
    let mut running = apply_until(&sandbox, &cloud, "CREATE_IN_PROGRESS");
    running.interrupt();
    running.wait_for_stderr("Leave or cancel:").type_line("");
    let finished = running.wait().expect_code(130);
    finished.expect_stderr("A creation is cancelled by deleting the stack");
    assert!(cloud.calls_of("DeleteStack").is_empty());
}
