//! `watch`: a save, and the new code answers.

use serde_json::json;

use crate::project::{Project, ROLE};
use crate::sandbox::Running;

/// What is printed when a run is done.
const WAITING: &str = "Waiting for a save";

/// Returns a deployed project with a function.
fn deployed() -> Project {
    let template = format!(
        "Resources:\n{ROLE}  Handler:\n    Type: AWS::Lambda::Function\n    Properties:\n      \
         FunctionName: {{{{ project }}}}-handler\n      MemorySize: 128\n      Handler: app.handler\n      \
         Runtime: python3.13\n      Role: !GetAtt Role.Arn\n      Code: ../handler\n"
    );
    let project = Project::of_template(&template, "");
    save(&project, 1);
    project.deployed()
}

/// Writes code that answers with a number.
fn save(project: &Project, number: u32) {
    let code = format!(
        "def handler(event, context):\n    print('answer {number}')\n    return {number}\n"
    );
    project.write("handler/app.py", code);
}

/// Fails the test unless the function answers with the number.
#[track_caller]
fn expect_answer(project: &Project, number: u32) {
    let arguments = json!({"FunctionName": format!("{}-handler", project.name())});
    let answer = project.aws("lambda", "invoke", arguments);
    assert_eq!(answer["Payload"], number.to_string(), "{answer}");
}

fn end(mut running: Running) -> crate::sandbox::Finished {
    running.interrupt();
    running.wait().expect_code(130)
}

#[test]
fn saved_code_is_applied_and_answers() {
    let project = deployed();
    let mut running = project.spawn(&["watch", "--apply"]);
    running.wait_for_stderr(WAITING);
    save(&project, 2);
    running.wait_for_stderr_times(WAITING, 2);
    expect_answer(&project, 2);
    // Its log follows.
    running.wait_for_stdout("answer 2");
    save(&project, 3);
    running.wait_for_stderr_times(WAITING, 3);
    expect_answer(&project, 3);
    end(running).expect_stderr("UPDATE_COMPLETE, deployed from the files at");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}

#[test]
fn swapped_code_answers_and_everything_else_is_planned() {
    let project = deployed();
    let refused = project.run(&["watch", "--hotswap"]).expect_code(4);
    refused.expect_stderr("watch = \"hotswap\"");
    project.edit(
        "manifest.toml",
        "emulator = true",
        "emulator = true\nwatch = \"hotswap\"",
    );
    let mut running = project.spawn(&["watch", "--hotswap"]);
    running.wait_for_stderr(WAITING);
    for number in [2, 3] {
        save(&project, number);
        running.wait_for_stderr_times("Swapped the code of `Handler`", number as usize - 1);
        running.wait_for_stderr_times(WAITING, number as usize);
        expect_answer(&project, number);
        running.wait_for_stdout(&format!("answer {number}"));
    }
    let template = "templates/stack.yaml.j2";
    project.edit(template, "MemorySize: 128", "MemorySize: 256");
    running.wait_for_stderr_times(WAITING, 4);
    running.wait_for_stderr("Not swapped: ");
    running.wait_for_stdout("Plan: 0 to add, 1 to change");
    project.edit(template, "MemorySize: 256", "MemorySize: 128");
    running.wait_for_stderr_times(WAITING, 5);
    // The stack lags behind, and `apply` brings it into step.
    end(running).expect_stderr("lags behind");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    project.run(&["apply", "--yes"]).expect_code(0);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    expect_answer(&project, 3);
}
