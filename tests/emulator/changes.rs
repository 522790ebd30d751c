//! Plans and diffs of changed files.

use crate::project::{Project, texts};

/// A change of one character in the handler.
const CODE: (&str, &str, &str) = ("handler/app.py", "metadata stored", "metadata Stored");

#[test]
fn plan_of_a_new_stack_leaves_nothing_behind() {
    let project = Project::unverified();
    let plan = project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    let summary = format!("Plan: {} to add, ", project.resource_count());
    plan.expect_stdout(&summary);
    let plan = project.json(&["plan"]);
    assert_eq!(plan["schema"], "stackctl.plan/1");
    assert_eq!(project.stacks(), [""; 0], "no empty stack");
    assert_eq!(project.buckets(), [""; 0]);
}

#[test]
fn changed_code_changes_only_the_function() {
    let project = Project::unverified().deployed();
    let (uploaded, change_sets) = (project.artifacts(), project.change_sets());
    let (file, old, new) = CODE;
    project.edit(file, old, new);

    let plan = project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    plan.expect_stdout("Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.");
    assert_eq!(changed(&project), ["Handler"]);
    assert_eq!(project.artifacts(), uploaded, "a plan uploads nothing");
    assert_eq!(project.change_sets(), change_sets, "none is left behind");
    project.expect_status("CREATE_COMPLETE");

    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(applied.stderr.matches("Uploaded ").count(), 1, "{applied}");
    // The zip, the text of the template, and the record of the deployment.
    assert_eq!(project.artifacts().len(), uploaded.len() + 3);
    project.expect_status("UPDATE_COMPLETE");

    project.edit(file, new, old);
    assert_eq!(changed(&project), ["Handler"]);
    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(applied.stderr.matches("Uploaded ").count(), 0, "{applied}");
    // The record.
    assert_eq!(project.artifacts().len(), uploaded.len() + 4);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}

#[test]
fn reverted_file_shows_no_changes() {
    let project = Project::unverified().deployed();
    let (file, old, new) = CODE;
    project.edit(file, old, new);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    project.edit(file, new, old);
    let finished = project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    finished.expect_stdout("No changes.");
}

#[test]
fn changed_variable_changes_the_resource_that_uses_it() {
    let project = Project::unverified().deployed();
    project.edit(
        "manifest.toml",
        "log_retention_days = 30",
        "log_retention_days = 60",
    );

    let diff = project.run(&["diff", "--exit-code"]).expect_code(2);
    for line in ["~ HandlerLogs  AWS::Logs::LogGroup", "Diff: 1 difference;"] {
        diff.expect_stdout(line);
    }
    let diff = project.run(&["diff"]).expect_code(0);
    diff.expect_stdout("RetentionInDays");
    let diff = project.json(&["diff"]);
    assert_eq!(diff["schema"], "stackctl.diff/1");
    let diff = project.run(&["diff", "--format", "unified"]).expect_code(0);
    let lines = |sign: &str| -> Vec<&str> {
        let lines = diff.stdout.lines().skip(2);
        lines.filter(|line| line.starts_with(sign)).collect()
    };
    assert_eq!(lines("-").len(), 1, "{diff}");
    assert!(lines("+")[0].ends_with("RetentionInDays: 60"), "{diff}");

    assert_eq!(changed(&project), ["HandlerLogs"], "not what refers to it");
    let days = || project.log_retention();
    assert_eq!(days(), 30, "diff and plan change nothing");
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(days(), 60);
}

#[test]
fn changed_tag_is_a_difference() {
    let project = Project::unverified().deployed();
    let manifest = "[artifacts.handler]";
    project.edit(
        "manifest.toml",
        manifest,
        &format!("[tags]\nowner = \"media\"\n\n{manifest}"),
    );

    let diff = project.run(&["diff", "--exit-code"]).expect_code(2);
    diff.expect_stdout("owner: \"media\"");
    let diff = project.json(&["diff"]);
    assert_eq!(texts(&diff["tags"], "name"), ["owner"], "{diff:#}");

    let finished = project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    finished.expect_stdout("owner: \"media\"");
    project.run(&["apply", "--yes"]).expect_code(0);
    let status = project.json(&["status"]);
    assert_eq!(status["tags"]["owner"], "media", "{status:#}");
    project.run(&["diff", "--exit-code"]).expect_code(0);
}

/// Returns the logical ids of the resources that a plan changes in place, without those that may
/// change.
fn changed(project: &Project) -> Vec<String> {
    let plan = project.run(&["plan"]).expect_code(0);
    let changed: Vec<String> = plan
        .stdout
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("~ "))
        .filter_map(|rest| rest.split_once("  AWS::"))
        .map(|(id, _)| id.trim_end().to_owned())
        .collect();
    let json = project.run(&["plan", "--format", "json"]).expect_code(0);
    let summary = &json.json()["summary"];
    assert_eq!(summary["change"], changed.len(), "{plan}");
    for other in ["add", "replace", "destroy", "import"] {
        assert_eq!(summary[other], 0, "{plan}");
    }
    changed
}

#[test]
fn outputs_alone_can_change() {
    let template =
        "Resources: { Topic: { Type: AWS::SNS::Topic } }\nOutputs:\n  A: { Value: one }\n";
    let project = Project::of_template(template, "").deployed();
    project.edit("templates/stack.yaml.j2", "one", "two");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    project.run(&["apply", "--yes"]).expect_code(0);
    project
        .run(&["outputs", "A"])
        .expect_code(0)
        .expect_stdout("two");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}
