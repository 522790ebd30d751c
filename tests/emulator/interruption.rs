//! Ctrl-C at every stage of a deployment.

use std::fs;

use crate::custom_resource::waiting_for;
use crate::project::Project;

/// Lets the deployment continue.
fn open(project: &Project) {
    fs::write(project.path("gate"), "").unwrap();
}

#[test]
fn interrupted_deployment_continues_and_can_be_waited_for() {
    let project = waiting_for("gate");
    let mut applying = project.spawn(&["apply", "--yes"]);
    applying
        .wait_for_stderr("CREATE_IN_PROGRESS  Custom")
        .interrupt();
    let finished = applying.wait().expect_code(130);
    finished.expect_stderr("stackctl apply --wait -e local");
    project.expect_status("CREATE_IN_PROGRESS");

    for command in [&["apply", "--yes"][..], &["plan"], &["destroy", "--yes"]] {
        let finished = project.run(command).expect_code(4);
        finished.expect_stderr("an operation is running on the stack");
    }
    let mut waiting = project.spawn(&["apply", "--wait"]);
    waiting.wait_for_stderr("Waiting for the running operation (CREATE_IN_PROGRESS)");
    open(&project);
    let finished = waiting.wait().expect_code(0);
    finished.expect_stdout("No changes. The stack matches the files.");
    project.expect_status("CREATE_COMPLETE");
    let output = project.run(&["outputs", "Custom"]).expect_code(0);
    assert_eq!(output.stdout, "custom\n");
}

#[test]
fn interrupted_wait_does_not_fail_the_deployment() {
    let project = waiting_for("gate");
    let mut applying = project.spawn(&["apply", "--yes"]);
    applying
        .wait_for_stderr("CREATE_IN_PROGRESS  Custom")
        .terminate();
    applying.wait().expect_code(130);
    let mut waiting = project.spawn(&["apply", "--wait", "--yes"]);
    waiting.wait_for_stderr("Waiting for").interrupt();
    waiting.wait().expect_code(130);
    open(&project);
    project.run(&["apply", "--wait", "--yes"]).expect_code(0);
    project.expect_status("CREATE_COMPLETE");
}

#[test]
fn interrupt_at_the_prompt_leaves_nothing_behind() {
    let project = waiting_for("gate");
    let mut applying = project.spawn_on_terminal(&["apply"]);
    applying.wait_for_stderr("Apply:").interrupt();
    applying.wait().expect_code(130);
    assert_eq!(project.stacks(), [""; 0], "no empty stack");

    open(&project);
    let project = project.deployed();
    let change_sets = project.change_sets();
    project.edit("manifest.toml", "gate\"", "other\"");
    let mut applying = project.spawn_on_terminal(&["apply"]);
    applying.wait_for_stderr("Apply:").interrupt();
    applying.wait().expect_code(130);
    assert_eq!(project.change_sets(), change_sets);
    project.expect_status("CREATE_COMPLETE");
}

#[test]
fn apply_requires_the_answer_yes() {
    let project = waiting_for("gate");
    open(&project);
    let finished = project.run(&["apply"]).expect_code(4);
    finished.expect_stderr("--yes was not given");
    for answer in ["y", "YES", "no", ""] {
        let mut applying = project.spawn_on_terminal(&["apply"]);
        applying.wait_for_stderr("Apply:").type_line(answer);
        let finished = applying.wait().expect_code(4);
        finished.expect_stderr("the answer was not `yes`");
    }
    assert_eq!(project.stacks(), [""; 0]);
    let mut applying = project.spawn_on_terminal(&["apply"]);
    applying.wait_for_stderr("Apply:").type_line("yes");
    applying.wait().expect_code(0);
    project.expect_status("CREATE_COMPLETE");
}
