//! `refactor` when something goes wrong: every end of an execution, lost answers, other users, and runs
//! that are killed.

use crate::cloud::{Cloud, Progress, Refactor, rename};
use crate::demo;
use crate::refactor::is_renamed;
use crate::sandbox::{Running, Sandbox};

/// Creates a refactor without executing it, and forgets the calls.
fn created() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::renamed();
    sandbox.json(&["refactor"]);
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Changes the refactor without a call.
fn edit(cloud: &Cloud, edit: impl FnOnce(&mut Refactor)) {
    edit(&mut cloud.account().refactors[0]);
}

/// Starts `refactor` and waits until it asks.
fn spawn_until_asked(sandbox: &Sandbox) -> Running {
    let mut running = sandbox.spawn_on_terminal(&["refactor"]);
    running.wait_for_stderr("Refactor:");
    running
}

/// Starts `refactor` and waits until its execution is shown. The execution makes no progress.
fn spawn_until_executing(sandbox: &Sandbox, cloud: &Cloud) -> Running {
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["refactor", "--yes"]);
    running.wait_for_stderr("UPDATE_IN_PROGRESS  demo-dev");
    running
}

fn executions(cloud: &Cloud) -> Vec<usize> {
    let refactors = &cloud.account().refactors;
    refactors.iter().map(|it| it.executions).collect()
}

#[test]
fn every_end_of_an_execution_has_its_exit_code() {
    for (end, code, message) in [
        (
            "EXECUTE_COMPLETE",
            0,
            "Renamed: demo-dev is UPDATE_COMPLETE.",
        ),
        (
            "EXECUTE_FAILED",
            3,
            "the resources were not renamed: all have their old logical ids (EXECUTE_FAILED): no luck",
        ),
        (
            "ROLLBACK_COMPLETE",
            3,
            "the resources were not renamed: all have their old logical ids (ROLLBACK_COMPLETE): no luck",
        ),
        (
            "ROLLBACK_FAILED",
            1,
            "the refactor and its rollback both failed (ROLLBACK_FAILED): no luck",
        ),
        (
            "OBSOLETE",
            4,
            "changed since the refactor was created (OBSOLETE)",
        ),
    ] {
        let (sandbox, cloud) = demo::renamed();
        cloud.account().refactor_end = (end.to_owned(), "no luck".to_owned());
        let finished = sandbox.run(&["refactor", "--yes"]).expect_code(code);
        finished.expect_stderr(message);
        assert_eq!(executions(&cloud), [1], "{end}");
        let record = sandbox.cache().join("refactors");
        assert_eq!(std::fs::read_dir(record).unwrap().count(), 0, "{end}");
    }
}

#[test]
fn a_failure_says_why_and_what_to_do() {
    let (sandbox, cloud) = demo::renamed();
    let reason = "Resource handler returned: no permission to tag";
    cloud.account().refactor_end = ("ROLLBACK_COMPLETE".to_owned(), reason.to_owned());
    insta::assert_snapshot!(sandbox.run(&["refactor", "--yes"]), @"
    --- stdout
      → Bucket → Files  AWS::S3::Bucket  demo-data
    --- stderr
    Renames in `demo-dev` (account 123456789012, region eu-west-1), by CloudFormation's stack refactoring (a preview in stackctl):


    Only the logical ids change: no resource is created, changed or deleted.

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  EXPORT_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  EXPORT_COMPLETE     Bucket    AWS::S3::Bucket
      [TIME]  IMPORT_IN_PROGRESS  Files     AWS::S3::Bucket
      [TIME]  IMPORT_FAILED       Files     AWS::S3::Bucket: Resource handler returned: no permission to tag
      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack
      [TIME]  UPDATE_ROLLBACK_COMPLETE  demo-dev  AWS::CloudFormation::Stack
    error: the resources were not renamed: all have their old logical ids (ROLLBACK_COMPLETE): Resource handler returned: no permission to tag
      caused by: AWS::S3::Bucket Files IMPORT_FAILED: Resource handler returned: no permission to tag
    hint: fix the cause, then run `stackctl refactor -e dev` again
    --- exit 3
    ");
    let (sandbox, cloud) = demo::renamed();
    cloud.account().refactor_end = ("ROLLBACK_FAILED".to_owned(), reason.to_owned());
    insta::assert_snapshot!(sandbox.run(&["refactor", "--yes"]).without_stdout().without_resource_events(), @"
    --- stderr
    Renames in `demo-dev` (account 123456789012, region eu-west-1), by CloudFormation's stack refactoring (a preview in stackctl):


    Only the logical ids change: no resource is created, changed or deleted.

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack
      [TIME]  UPDATE_ROLLBACK_FAILED  demo-dev  AWS::CloudFormation::Stack
    error: the refactor and its rollback both failed (ROLLBACK_FAILED): Resource handler returned: no permission to tag
      caused by: during the rollback: AWS::CloudFormation::Stack demo-dev UPDATE_ROLLBACK_FAILED: the service gave no reason
      caused by: AWS::S3::Bucket Files IMPORT_FAILED: Resource handler returned: no permission to tag
    hint: `stackctl status -e dev` shows which ids the resources have now
    hint: `stackctl recover -e dev` shows how the stack is repaired
    --- exit 1
    ");
}

#[test]
fn a_status_that_is_not_known_is_shown_as_it_came() {
    let (sandbox, cloud) = created();
    let status = |execution: &str| {
        format!("<Status>CREATE_COMPLETE</Status><ExecutionStatus>{execution}</ExecutionStatus>")
    };
    let id = cloud.account().refactors[0].description.clone();
    let described = status("VERIFY_PENDING") + &format!("<Description>{id}</Description>");
    cloud.on("DescribeStackRefactor").reply_result(&described);
    let finished = sandbox.run(&["refactor", "--yes"]);
    finished.expect_stderr("the refactor cannot be executed (VERIFY_PENDING)");
    assert_eq!(finished.code(), 1);
    assert_eq!(executions(&cloud), [0, 0]);
}

#[test]
fn a_refactor_that_cannot_be_created_says_why() {
    let (sandbox, cloud) = created();
    edit(&cloud, |refactor| {
        refactor.status = "CREATE_FAILED".to_owned();
        refactor.execution = "UNAVAILABLE".to_owned();
        refactor.reason = "Resource type AWS::S3::Bucket is not supported".to_owned();
    });
    let failed = sandbox.run(&["refactor", "--yes"]).expect_code(1);
    failed.expect_stderr(
        "CloudFormation does not rename the resources (CREATE_FAILED): Resource type AWS::S3::Bucket is not supported",
    );
    assert_eq!(executions(&cloud), [0]);

    let (sandbox, cloud) = demo::renamed();
    let unknown = "Could not find operation CreateStackRefactor";
    cloud
        .on("CreateStackRefactor")
        .error(400, "InvalidAction", unknown);
    cloud
        .on("ListStackRefactors")
        .error(400, "InvalidAction", unknown);
    let failed = sandbox.run(&["refactor", "--yes"]).expect_code(1);
    failed.expect_stderr("this endpoint does not support stack refactoring");
    let (sandbox, cloud) = demo::renamed();
    cloud
        .on("ListStackRefactors")
        .error(403, "AccessDenied", "not authorized");
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    is_renamed(&cloud);
}

#[test]
fn a_refactor_is_awaited_until_it_is_created() {
    let (sandbox, cloud) = created();
    edit(&cloud, |refactor| {
        refactor.status = "CREATE_IN_PROGRESS".to_owned();
        refactor.execution = "UNAVAILABLE".to_owned();
    });
    let mut running = sandbox.spawn(&["refactor", "--yes"]);
    running.wait_until("polls", || {
        cloud.calls_of("DescribeStackRefactor").len() > 5
    });
    edit(&cloud, |refactor| {
        refactor.status = "CREATE_COMPLETE".to_owned();
        refactor.execution = "AVAILABLE".to_owned();
    });
    running.wait().expect_code(0);
    is_renamed(&cloud);
}

#[test]
fn a_lost_answer_does_not_execute_twice() {
    let (sandbox, cloud) = demo::renamed();
    cloud.on("ExecuteStackRefactor").times(1).lose_answer();
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    assert_eq!(cloud.calls_of("ExecuteStackRefactor").len(), 1);
    is_renamed(&cloud);

    // A request that did not arrive is repeated, but only after its effect has not come.
    let (sandbox, cloud) = demo::renamed();
    cloud.on("ExecuteStackRefactor").times(1).drop_connection();
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    assert_eq!(cloud.calls_of("ExecuteStackRefactor").len(), 2);
    is_renamed(&cloud);
}

#[test]
fn throttled_calls_are_repeated() {
    let (sandbox, cloud) = demo::renamed();
    for operation in [
        "CreateStackRefactor",
        "ExecuteStackRefactor",
        "DescribeStackRefactor",
        "ListStackRefactorActions",
    ] {
        cloud
            .on(operation)
            .times(2)
            .error(400, "Throttling", "Rate exceeded");
    }
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    assert_eq!(cloud.calls_of("ExecuteStackRefactor").len(), 3);
    is_renamed(&cloud);
}

#[test]
fn a_refused_execution_is_reported_and_not_repeated() {
    let (sandbox, cloud) = demo::renamed();
    let message = "User is not authorized to perform cloudformation:ExecuteStackRefactor";
    cloud
        .on("ExecuteStackRefactor")
        .error(403, "AccessDenied", message);
    let failed = sandbox.run(&["refactor", "--yes"]).expect_code(1);
    failed.expect_stderr(message);
    assert_eq!(cloud.calls_of("ExecuteStackRefactor").len(), 1);
    assert_eq!(executions(&cloud), [0]);
}

#[test]
fn an_old_answer_decides_nothing() {
    let (sandbox, cloud) = demo::renamed();
    let old = |id: &str| {
        format!(
            "<StackResourceSummaries><member><LogicalResourceId>{id}</LogicalResourceId>\
             <PhysicalResourceId>demo-data</PhysicalResourceId>\
             <ResourceType>AWS::S3::Bucket</ResourceType>\
             <ResourceStatus>CREATE_COMPLETE</ResourceStatus></member></StackResourceSummaries>"
        )
    };
    cloud
        .on("ListStackResources")
        .after(1)
        .times(2)
        .reply_result(&old("Bucket"));
    cloud
        .on("ListStackResources")
        .after(1)
        .times(1)
        .error(500, "InternalFailure", "no");
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    assert!(cloud.calls_of("ListStackResources").len() >= 4);
    is_renamed(&cloud);
}

#[test]
fn an_obsolete_refactor_is_refused_and_made_again() {
    let (sandbox, cloud) = demo::renamed();
    let mut running = spawn_until_asked(&sandbox);
    // A colleague deploys while the user is asked.
    edit(&cloud, |refactor| {
        refactor.execution = "OBSOLETE".to_owned();
    });
    running.type_line("yes");
    let refused = running.wait().expect_code(4);
    refused.expect_stderr("the stack `demo-dev` changed since the refactor was created (OBSOLETE)");
    refused.expect_stderr("run `stackctl refactor -e dev` again: it creates a new one");
    assert_eq!(executions(&cloud), [0]);
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    assert_eq!(executions(&cloud), [0, 1]);
    is_renamed(&cloud);
}

#[test]
fn an_operation_that_begins_during_the_question_is_not_disturbed() {
    let (sandbox, cloud) = demo::renamed();
    let mut running = spawn_until_asked(&sandbox);
    cloud.set_status("UPDATE_IN_PROGRESS");
    running.type_line("yes");
    running.wait().expect_code(4);
    assert_eq!(executions(&cloud), [0]);

    // The stack is deleted.
    let (sandbox, cloud) = demo::renamed();
    let mut running = spawn_until_asked(&sandbox);
    cloud.set_status("DELETE_COMPLETE");
    running.type_line("yes");
    running.wait().expect_code(4);
    assert_eq!(executions(&cloud), [0]);
}

#[test]
fn refactors_of_others_are_left_alone() {
    let (sandbox, cloud) = created();
    edit(&cloud, |refactor| {
        refactor.description = "made by a colleague".to_owned();
    });
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    assert_eq!(executions(&cloud), [0, 1]);
    is_renamed(&cloud);

    // Another one of stackctl, of another request.
    let (sandbox, cloud) = created();
    sandbox.edit("stack.yaml.j2", "  Files:\n", "  Data:\n");
    sandbox.edit("stack.yaml.j2", "!Ref Files", "!Ref Data");
    sandbox.edit("manifest.toml", "\"Files\"", "\"Data\"");
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    assert_eq!(executions(&cloud), [0, 1]);
}

#[test]
fn a_run_that_is_killed_before_the_execution_leaves_a_refactor_that_is_used_again() {
    for forgets in [false, true] {
        let (sandbox, cloud) = demo::renamed();
        spawn_until_asked(&sandbox).kill();
        if forgets {
            std::fs::remove_dir_all(sandbox.cache().join("refactors")).unwrap();
        }
        sandbox.run(&["refactor", "--yes"]).expect_code(0);
        assert_eq!(cloud.calls_of("CreateStackRefactor").len(), 1);
        is_renamed(&cloud);
    }
}

#[test]
fn a_run_that_is_killed_after_the_execution_is_finished_by_the_next_one() {
    for forgets in [false, true] {
        let (sandbox, cloud) = demo::renamed();
        spawn_until_executing(&sandbox, &cloud).kill();
        if forgets {
            std::fs::remove_dir_all(sandbox.cache().join("refactors")).unwrap();
        }
        cloud.forget_calls();
        let mut next = sandbox.spawn(&["refactor"]);
        next.wait_for_stderr("is running (EXECUTE_IN_PROGRESS)");
        cloud.account().progress = Progress::Done;
        let finished = next.wait().expect_code(0);
        finished.expect_stderr("→ Bucket → Files  AWS::S3::Bucket  demo-data");
        finished.expect_stderr("Renamed: demo-dev is UPDATE_COMPLETE.");
        assert!(cloud.calls_of("ExecuteStackRefactor").is_empty());
        assert!(cloud.calls_of("CreateStackRefactor").is_empty());
        is_renamed(&cloud);
    }
}

#[test]
fn a_refactor_that_ended_after_its_run_was_killed_is_reported() {
    for (end, code, message) in [
        (
            "",
            0,
            "The refactor that an earlier run executed is complete",
        ),
        (
            "ROLLBACK_COMPLETE",
            4,
            "the last refactor ended in ROLLBACK_COMPLETE: no luck",
        ),
    ] {
        let (sandbox, cloud) = demo::renamed();
        spawn_until_executing(&sandbox, &cloud).kill();
        cloud.account().refactor_end = (end.to_owned(), "no luck".to_owned());
        cloud.account().progress = Progress::Done;
        let next = sandbox.run(&["refactor"]).expect_code(code);
        next.expect_stderr(message);
        let again = sandbox.run(&["refactor"]).expect_code(code);
        assert!(
            !again.stderr.contains(message),
            "it is reported once: {again}"
        );
        assert_eq!(executions(&cloud), [1]);
    }
}

#[test]
fn a_rename_that_was_undone_since_is_done_again() {
    let (sandbox, cloud) = created();
    edit(&cloud, |refactor| {
        refactor.execution = "ROLLBACK_FAILED".to_owned();
    });
    let finished = sandbox.run(&["refactor", "--yes"]).expect_code(0);
    finished.expect_stderr("warning: the last refactor ended in ROLLBACK_FAILED");
    assert_eq!(executions(&cloud), [0, 1]);
}

#[test]
fn a_colleague_who_executes_the_same_refactor_is_followed() {
    let (sandbox, cloud) = demo::renamed();
    let mut running = spawn_until_asked(&sandbox);
    let mut account = cloud.account();
    let mut refactor = account.refactors[0].clone();
    rename(account.stack("demo-dev"), &refactor);
    refactor.execution = "EXECUTE_COMPLETE".to_owned();
    refactor.executions = 1;
    account.refactors[0] = refactor;
    drop(account);
    running.type_line("yes");
    running.wait().expect_code(0);
    assert!(cloud.calls_of("ExecuteStackRefactor").is_empty());
    is_renamed(&cloud);
}

#[test]
fn ctrl_c_leaves_the_refactor_running() {
    let (sandbox, cloud) = demo::renamed();
    let mut running = spawn_until_executing(&sandbox, &cloud);
    running.interrupt();
    let left = running.wait().expect_code(130);
    left.expect_stderr("`stackctl refactor -e dev` waits for its end and continues from there");
    cloud.account().progress = Progress::Done;
    sandbox.run(&["refactor"]).expect_code(0);
    is_renamed(&cloud);
}
