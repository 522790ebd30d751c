//! Stack sets: how a run ends if targets fail, operations go on without it, or answers are lost.

use crate::cloud::Cloud;
use crate::sandbox::{Finished, Sandbox};
use crate::stack_sets::{NAME, deployed, project, statuses, writes};

pub(crate) fn operations(cloud: &Cloud) -> Vec<(String, String)> {
    let mut account = cloud.account();
    let operations = account.stack_set(NAME).operations.iter();
    operations
        .map(|it| (it.id.clone(), it.status.clone()))
        .collect()
}

fn fail(cloud: &Cloud, target: &str, reason: &str) {
    let failing = &mut cloud.account().set_world.failing;
    failing.insert(target.to_owned(), reason.to_owned());
}

/// Lets the running operation end after a few more polls.
fn continue_for_some_polls(cloud: &Cloud) {
    let mut account = cloud.account();
    let operations = &account.stack_set(NAME).operations;
    let polls = operations.last().map_or(0, |it| it.polls);
    account.set_world.polls = polls + 4;
}

fn heal(cloud: &Cloud) {
    cloud.account().set_world.failing.clear();
}

#[test]
fn a_failed_target_fails_the_run_although_the_operation_succeeded() {
    let (sandbox, cloud) = project();
    sandbox.append("manifest.toml", "failure_tolerance = 1\n");
    cloud.account().set_world.polls = 3;
    fail(&cloud, "222222222222/eu-west-1", "Topic exists");
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes", "-q"]).without_stdout(), @"
    --- stderr
    error: `site-base-dev`: 1 target is not as the stack set says:
      222222222222/eu-west-1 OUTDATED (FAILED): Topic exists
    hint: fix the cause, then run `stackctl apply -s base -e dev` again: it updates what is not current, and nothing else
    --- exit 3
    ");
    let sent = cloud.calls_of("CreateStackInstances").remove(0);
    let name = "OperationPreferences.FailureToleranceCount";
    assert_eq!(sent.parameter(name), "1");
    assert_eq!(operations(&cloud)[0].1, "SUCCEEDED");

    // The next run updates that target alone, with another id.
    heal(&cloud);
    cloud.forget_calls();
    let again = sandbox.run(&["apply", "--yes"]).expect_code(0);
    again.expect_stderr("222222222222/eu-west-1  SUCCEEDED");
    assert_eq!(writes(&cloud), ["UpdateStackSet 2×eu-west-1"]);
    let ids = operations(&cloud);
    assert_ne!(ids[0].0, ids[1].0);
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(writes(&cloud), [""; 0]);
}

#[test]
fn an_operation_that_failed_cancels_later_regions_and_what_follows() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("manifest.toml", "\"small\"", "\"large\"");
    sandbox.edit(
        "manifest.toml",
        "\"333333333333\"]",
        "\"333333333333\", \"444444444444\"]",
    );
    fail(&cloud, "222222222222/eu-west-1", "Access denied");
    let failed = sandbox.run(&["apply", "--yes", "-q"]).without_stdout();
    let id = &operations(&cloud)[1].0;
    let failed = failed.to_string().replace(id, "stackctl-[ID]");
    insta::assert_snapshot!(failed, @"
    --- stderr
    error: the operation `stackctl-[ID]` on the stack set `site-base-dev` failed (FAILED); 5 targets are not as the stack set says:
      222222222222/eu-west-1 OUTDATED (FAILED): Access denied
      333333333333/eu-west-1 CANCELLED: Cancelled since failure tolerance has exceeded
      111111111111/us-east-1 CANCELLED: Cancelled since failure tolerance has exceeded
      222222222222/us-east-1 CANCELLED: Cancelled since failure tolerance has exceeded
      333333333333/us-east-1 CANCELLED: Cancelled since failure tolerance has exceeded
    hint: fix the cause, then run `stackctl apply -s base -e dev` again: it updates what is not current, and nothing else
    --- exit 3
    ");
    assert_eq!(
        writes(&cloud),
        ["UpdateStackSet"],
        "nothing is added after a failed update"
    );
    heal(&cloud);
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        writes(&cloud),
        [
            "UpdateStackSet",
            "CreateStackInstances 4×eu-west-1+us-east-1"
        ]
    );
}

/// Applies, and leaves the operation of the stack set running. It must not end by itself.
pub(crate) fn leave_operation(sandbox: &Sandbox) -> Finished {
    let mut running = sandbox.spawn_on_terminal(&["apply", "--yes"]);
    running.wait_for_stderr("RUNNING").interrupt();
    running.wait_for_stderr("Leave or stop:").type_line("leave");
    running.wait().expect_code(130)
}

/// Applies again, which finds the operation and follows it, and stops it.
pub(crate) fn stop_earlier_operation(sandbox: &Sandbox) -> Finished {
    let mut running = sandbox.spawn_on_terminal(&["apply", "--yes"]);
    running.wait_for_stderr("which an earlier run has begun");
    running.wait_for_stderr("RUNNING").interrupt();
    running.wait_for_stderr("Leave or stop:").type_line("stop");
    let stopped = running.wait().expect_code(3);
    stopped.expect_stderr("was stopped (STOPPED)");
    stopped
}

#[test]
fn ctrl_c_asks_whether_to_leave_the_operation_or_to_stop_it() {
    let (sandbox, cloud) = project();
    cloud.account().set_world.polls = 100_000;
    let left = leave_operation(&sandbox);
    left.expect_stderr("follows it to its end and continues from there");
    let stopped = stop_earlier_operation(&sandbox);
    stopped.expect_stderr("333333333333/us-east-1 CANCELLED");
    assert_eq!(cloud.calls_of("CreateStackInstances").len(), 1);
    assert_eq!(cloud.calls_of("StopStackSetOperation").len(), 1);
}

#[test]
fn a_run_that_was_killed_is_continued_and_nothing_is_sent_twice() {
    let (sandbox, cloud) = project();
    cloud.account().set_world.polls = 100_000;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running
        .wait_for_call(&cloud, "DescribeStackSetOperation")
        .kill();
    continue_for_some_polls(&cloud);
    let next = sandbox.run(&["apply", "--yes"]).expect_code(0);
    next.expect_stderr("which an earlier run has begun");
    assert_eq!(cloud.calls_of("CreateStackSet").len(), 1);
    assert_eq!(cloud.calls_of("CreateStackInstances").len(), 1);
    assert_eq!(statuses(&cloud).len(), 6);

    // It ended while nobody looked: the next run has nothing to do.
    sandbox.edit("manifest.toml", "\"small\"", "\"large\"");
    cloud.account().set_world.polls = 100_000;
    cloud.forget_calls();
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running
        .wait_for_call(&cloud, "DescribeStackSetOperation")
        .kill();
    cloud.account().set_world.polls = 0;
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(writes(&cloud), [""; 0]);
}

#[test]
fn a_lost_answer_is_no_second_operation() {
    for lost in ["answer", "request"] {
        let (sandbox, cloud) = project();
        let rule = cloud.on("CreateStackInstances").times(1);
        match lost {
            "answer" => rule.lose_answer(),
            _ => rule.drop_connection(),
        }
        sandbox.run(&["apply", "--yes"]).expect_code(0);
        assert_eq!(operations(&cloud).len(), 1, "{lost}");
        let calls = cloud.calls_of("CreateStackInstances");
        let ids: Vec<&str> = calls.iter().map(|it| it.parameter("OperationId")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}

#[test]
fn throttled_calls_are_repeated() {
    let (sandbox, cloud) = project();
    for operation in [
        "CreateStackInstances",
        "DescribeStackSetOperation",
        "ListStackSetOperationResults",
    ] {
        let rule = cloud.on(operation).times(4);
        rule.error(400, "Throttling", "Rate exceeded");
    }
    sandbox
        .spawn(&["apply", "--yes"])
        .within(std::time::Duration::from_mins(2))
        .wait()
        .expect_code(0);
    assert_eq!(operations(&cloud).len(), 1);
}

#[test]
fn an_operation_of_somebody_else_is_named_and_can_be_waited_for() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("manifest.toml", "\"small\"", "\"large\"");
    // Another run has begun an operation, and its record is on another machine.
    cloud.account().set_world.polls = 100_000;
    let mut other = sandbox.spawn(&["apply", "--yes"]);
    other
        .wait_for_call(&cloud, "DescribeStackSetOperation")
        .kill();
    std::fs::remove_dir_all(sandbox.cache().join("stack-sets")).unwrap();
    let id = operations(&cloud)[1].0.clone();
    cloud.forget_calls();
    let refused = sandbox.run(&["apply", "--yes"]).expect_code(4);
    refused.expect_stderr(&format!("UPDATE `{id}` is"));
    refused.expect_stderr("apply --wait");
    sandbox.run(&["drift"]).expect_code(4);
    sandbox.run(&["destroy", "--yes"]).expect_code(4);
    assert_eq!(writes(&cloud), [""; 0]);
    continue_for_some_polls(&cloud);
    let waited = sandbox.run(&["apply", "--yes", "--wait"]).expect_code(0);
    waited.expect_stderr("which somebody else has begun");
    assert_eq!(writes(&cloud), [""; 0]);
}

#[test]
fn an_operation_that_begins_between_plan_and_request_is_no_failure_of_ours() {
    let (sandbox, cloud) = project();
    cloud.on("CreateStackInstances").error(
        409,
        "OperationInProgressException",
        "Another Operation on StackSet is in progress",
    );
    let refused = sandbox.run(&["apply", "--yes"]).expect_code(4);
    refused.expect_stderr("an operation is running on the stack set");
    let records = sandbox.cache().join("stack-sets");
    let records = std::fs::read_dir(records).map_or(0, Iterator::count);
    assert_eq!(records, 0, "the next run has an id of its own");
}

#[test]
fn an_inoperable_instance_is_left_behind_only_by_name() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("manifest.toml", ", \"333333333333\"", "");
    fail(&cloud, "333333333333/us-east-1", "The bucket is not empty");
    let failed = sandbox.run(&["apply", "--yes"]).expect_code(3);
    failed.expect_stderr("333333333333/us-east-1 FAILED: The bucket is not empty");
    cloud.forget_calls();

    let plan = sandbox.run(&["plan"]).expect_code(0);
    plan.expect_stdout("333333333333/us-east-1 is INOPERABLE");
    let refused = sandbox.run(&["destroy", "--yes"]).expect_code(4);
    refused.expect_stderr("destroy --yes --retain 333333333333/us-east-1");
    sandbox
        .run(&["destroy", "--yes", "--retain", "999999999999/us-east-1"])
        .expect_code(4);
    assert_eq!(writes(&cloud), [""; 0]);

    sandbox
        .run(&["destroy", "--yes", "--retain", "333333333333/us-east-1"])
        .expect_code(0);
    assert_eq!(
        writes(&cloud),
        [
            "DeleteStackInstances 3×us-east-1",
            "DeleteStackInstances 1+2×eu-west-1+us-east-1",
            "DeleteStackSet"
        ]
    );
    let calls = cloud.calls_of("DeleteStackInstances");
    let retained: Vec<&str> = calls
        .iter()
        .map(|it| it.parameter("RetainStacks"))
        .collect();
    assert_eq!(retained, ["true", "false"]);
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
}

#[test]
fn a_stack_set_that_changed_since_it_was_shown_is_not_touched() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("manifest.toml", "\"small\"", "\"large\"");
    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Apply:");
    {
        let mut account = cloud.account();
        let set = account.stack_set(NAME);
        let mut other = set.operations[0].clone();
        "another".clone_into(&mut other.id);
        set.operations.push(other);
    }
    running.type_line("yes");
    let refused = running.wait().expect_code(4);
    refused.expect_stderr("has changed since it was shown");
    assert_eq!(writes(&cloud), [""; 0]);
}

#[test]
fn a_target_with_an_unknown_status_is_shown_as_it_came() {
    let (sandbox, cloud) = deployed();
    "FROZEN".clone_into(&mut cloud.account().stack_set(NAME).instances[0].status);
    let status = sandbox.run(&["status"]).expect_code(0);
    status.expect_stdout("FROZEN");
    fail(&cloud, "111111111111/eu-west-1", "frozen");
    sandbox.run(&["apply", "--yes"]).expect_code(3);
}
