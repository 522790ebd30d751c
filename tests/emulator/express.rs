//! EXPRESS mode: a deployment, a failure without rollback, and its recovery.

use crate::custom_resource::failing_at;

#[test]
fn failure_in_express_mode_is_completed_with_the_last_template() {
    let project = failing_at("Update").deployed();
    project.set_var("version", "1", "2");
    let failed = project.run(&["apply", "--yes", "--express", "--no-rollback"]);
    failed.expect_code(1).expect_stderr("injected by Update");
    project.expect_status("UPDATE_FAILED");

    for command in [&["plan"][..], &["apply", "--yes"], &["destroy", "--yes"]] {
        let refused = project.run(command).expect_code(4);
        refused.expect_stderr("until it is complete, CloudFormation accepts only that mode");
    }
    let shown = project.run(&["recover"]).expect_code(4);
    shown.expect_stdout("UpdateStack");
    shown.expect_stdout("DisplayName: \"2\" → \"1\"");

    let finished = project.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stderr("UPDATE_COMPLETE");
    project.expect_status("UPDATE_COMPLETE");
    project.set_var("version", "2", "1");
    project
        .run(&["plan"])
        .expect_code(0)
        .expect_stdout("No changes. The stack matches the files.");

    project.set_var("fails_at", "Update", "");
    project.run(&["apply", "--yes", "--express"]).expect_code(0);
    project
        .run(&["destroy", "--yes", "--express"])
        .expect_code(0);
}
