//! Every stuck state that the emulator supports, and its recovery.

use serde_json::json;

use crate::custom_resource::failing_at;

#[test]
fn apply_recreates_a_stack_whose_creation_failed() {
    let project = failing_at("Create");
    let failed = project.run(&["apply", "--yes"]).expect_code(3);
    failed.expect_stderr("injected by Create");
    project.expect_status("ROLLBACK_COMPLETE");
    let finished = project.run(&["recover"]).expect_code(4);
    finished.expect_stdout("The creation failed and was rolled back.");
    finished.expect_stdout("DeleteStack");
    project.expect_status("ROLLBACK_COMPLETE");

    project.set_var("fails_at", "Create", "");
    project.run(&["apply", "--yes"]).expect_code(0);
    project.expect_status("CREATE_COMPLETE");
}

#[test]
fn recover_skips_a_resource_and_continues_the_rollback() {
    let project = failing_at("Update").deployed();
    project.set_var("version", "1", "2");
    project.run(&["apply", "--yes"]).expect_code(1);
    project.expect_status("UPDATE_ROLLBACK_FAILED");
    let finished = project.run(&["apply", "--yes"]).expect_code(4);
    finished.expect_stderr("`stackctl recover -e local`");

    let finished = project.run(&["recover", "--yes"]).expect_code(1);
    finished.expect_stdout("--skip Custom");
    finished.expect_stderr("is stuck again");
    project
        .run(&["recover", "--yes", "--skip", "Topic"])
        .expect_code(4);
    project
        .run(&["recover", "--yes", "--skip", "Custom"])
        .expect_code(0);
    project.expect_status("UPDATE_ROLLBACK_COMPLETE");
}

#[test]
fn creation_without_rollback_can_be_rolled_back_or_continued() {
    let project = failing_at("Create");
    let failed = project.run(&["apply", "--yes", "--no-rollback"]);
    let finished = failed.expect_code(1);
    finished.expect_stderr("or `stackctl recover -e local` to roll back");
    project.expect_status("CREATE_FAILED");
    let finished = project.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stdout("RollbackStack");
    assert_eq!(project.stacks(), [""; 0]);

    project
        .run(&["apply", "--yes", "--on-failure", "keep"])
        .expect_code(1);
    project.set_var("fails_at", "Create", "");
    project.run(&["apply", "--yes"]).expect_code(0);
    project.expect_status("UPDATE_COMPLETE");
}

#[test]
fn on_failure_delete_deletes_a_new_stack_that_fails() {
    let project = failing_at("Create");
    let failed = project.run(&["apply", "--yes", "--on-failure", "delete"]);
    let finished = failed.expect_code(3);
    finished.expect_stderr("the new stack was deleted again");
    assert_eq!(project.stacks(), [""; 0]);
    let finished = project.run(&["recover"]).expect_code(0);
    finished.expect_stderr("There is no stack");
}

#[test]
fn recover_retains_a_resource_that_fails_to_delete() {
    let project = failing_at("Delete").deployed();
    project.run(&["destroy", "--yes"]).expect_code(1);
    project.expect_status("DELETE_FAILED");
    project.run(&["recover", "--yes"]).expect_code(1);
    project
        .run(&["recover", "--yes", "--retain", "Custom"])
        .expect_code(0);
    assert_eq!(project.stacks(), [""; 0]);
}

#[test]
fn forced_deletion_leaves_behind_what_fails_to_delete() {
    let project = failing_at("Delete").deployed();
    project.run(&["destroy", "--yes"]).expect_code(1);
    project.expect_status("DELETE_FAILED");
    let finished = project.run(&["recover", "--yes", "--force-delete"]);
    finished
        .expect_code(0)
        .expect_stderr("Left behind: Custom::Resource custom");
    assert_eq!(project.stacks(), [""; 0]);
}

#[test]
fn apply_refuses_if_the_stack_was_deleted_after_the_plan() {
    let project = failing_at("").deployed();
    project.set_var("version", "1", "2");
    let mut applying = project.spawn_on_terminal(&["apply"]);
    applying.wait_for_stderr("Apply:");
    let name = json!({"StackName": project.stack()});
    project.aws("cloudformation", "delete_stack", name);
    while project.stack_status().is_some() {
        std::thread::yield_now();
    }
    applying.type_line("yes");
    let finished = applying.wait().expect_code(4);
    finished.expect_stderr("in the meantime");
    project.run(&["apply", "--yes"]).expect_code(0);
    project.expect_status("CREATE_COMPLETE");
}
