//! `plan --out FILE` and `apply FILE`, and change sets that must be kept.

use crate::cloud::{ChangeSet, Cloud};
use crate::demo;
use crate::sandbox::Sandbox;

/// Returns a deployed project with a changed description and a saved plan of it.
fn planned() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::changed();
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

fn read(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path("plan.json")).unwrap()
}

#[test]
fn plan_file_that_cannot_be_written_is_an_error_before_any_upload() {
    let (sandbox, cloud) = demo::in_cloud();
    let finished = sandbox.run(&["plan", "--out", "/proc/self/plan.json"]);
    finished
        .expect_code(1)
        .expect_stderr("/proc/self/plan.json");
    assert!(cloud.operations().is_empty(), "{:?}", cloud.operations());
}

#[test]
fn apply_executes_the_change_set_of_the_saved_plan() {
    let (sandbox, cloud) = demo::deployed();
    demo::change_code(&sandbox);
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    assert_eq!(cloud.calls_of("PutObject").len(), 1, "the zip is there");
    let set = cloud.account().stack("demo-dev").change_sets[0].clone();
    assert!(set.name.starts_with("stackctl-plan-"), "{}", set.name);
    assert!(read(&sandbox).contains(&set.id));

    cloud.forget_calls();
    let applied = sandbox.run(&["apply", "plan.json", "--yes"]);
    assert!(applied.expect_code(0).stdout.contains("~ Handler"));
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    assert!(cloud.calls_of("PutObject").is_empty());
    let executed = cloud.calls_of("ExecuteChangeSet").remove(0);
    assert_eq!(executed.parameter("ChangeSetName"), set.id);
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");

    insta::assert_snapshot!(sandbox.run(&["apply", "plan.json", "--yes"]), @r"
    --- stderr
    error: the plan `plan.json` is stale: the stack was CREATE_COMPLETE and is UPDATE_COMPLETE now
    hint: create a new plan: `stackctl plan --out plan.json -e dev`
    --- exit 4
    ");
}

#[test]
fn saved_plan_of_a_new_stack_keeps_the_empty_stack() {
    let (sandbox, cloud) = demo::in_cloud();
    insta::assert_snapshot!(sandbox.run(&["plan", "--out", "plan.json"]).without_stdout(), @r"
    --- stderr
    [UPLOAD]

    Saved to `plan.json`. `stackctl apply plan.json` executes exactly this plan.
    --- exit 0
    ");
    assert_eq!(cloud.status(), "REVIEW_IN_PROGRESS");
    // Another plan keeps the empty stack, which it did not create, and the saved change set in it.
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(cloud.account().change_sets(), 1);
    sandbox.run(&["apply", "plan.json", "--yes"]).expect_code(0);
    assert_eq!(cloud.status(), "CREATE_COMPLETE");
}

#[test]
fn saved_plan_without_changes_can_be_applied() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    assert!(read(&sandbox).contains("\"change_set\": null"));
    let applied = sandbox.run(&["apply", "plan.json", "--yes"]);
    assert!(applied.expect_code(0).stdout.contains("No changes."));
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn stale_plan_is_refused_with_the_reason() {
    type Arrange = fn(&Sandbox, &Cloud);
    let cases: [(Arrange, &str); 8] = [
        (
            |_, cloud| cloud.account().stack("demo-dev").status = "UPDATE_ROLLBACK_COMPLETE".into(),
            "stale: the stack was CREATE_COMPLETE and is UPDATE_ROLLBACK_COMPLETE now",
        ),
        (
            |_, cloud| cloud.account().stack("demo-dev").id.push('9'),
            "stale: the stack `demo-dev` was deleted and created again",
        ),
        (
            |_, cloud| cloud.account().stack("demo-dev").status = "DELETE_COMPLETE".into(),
            "stale: the stack `demo-dev` is gone",
        ),
        (
            |_, cloud| cloud.account().stack("demo-dev").change_sets.clear(),
            "is gone",
        ),
        (
            |_, cloud| {
                "OBSOLETE".clone_into(
                    &mut cloud.account().stack("demo-dev").change_sets[0].execution_status,
                );
            },
            "cannot be executed: CREATE_COMPLETE, OBSOLETE",
        ),
        (
            |_, cloud| "210987654321".clone_into(&mut cloud.account().id),
            "targets account 123456789012, but the credentials belong to account 210987654321",
        ),
        (
            |sandbox, _| sandbox.write("handler/app.py", "def handler(*_):\n    return 3\n"),
            "the files have changed since: the template, the artifact `handler`",
        ),
        (
            |sandbox, _| {
                sandbox.write("plan.json", read(sandbox).replace("-plan-", "-other-"));
            },
            "was changed: it does not match its own digest",
        ),
    ];
    for (arrange, expected) in cases {
        let (sandbox, cloud) = planned();
        arrange(&sandbox, &cloud);
        let refused = sandbox.run(&["apply", "plan.json", "--yes"]).expect_code(4);
        assert!(refused.stderr.contains(expected), "{expected}: {refused}");
        refused.expect_stderr("hint: ");
        assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    }
}

#[test]
fn saved_plan_of_another_environment_or_region_is_refused() {
    let (sandbox, cloud) = planned();
    for (flag, value, expected) in [
        ("-e", "prod", "is for the environment `dev`, not `prod`"),
        (
            "--region",
            "eu-north-1",
            "targets region eu-west-1, but this run uses region eu-north-1",
        ),
    ] {
        let refused = sandbox.run(&["apply", "plan.json", "--yes", flag, value]);
        refused.expect_code(4).expect_stderr(expected);
    }
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
}

#[test]
fn declined_saved_plan_can_still_be_applied() {
    let (sandbox, cloud) = planned();
    sandbox
        .answer(&["apply", "plan.json"], "Apply:", "no")
        .expect_code(4);
    assert_eq!(cloud.account().change_sets(), 1);
    sandbox.run(&["apply", "plan.json", "--yes"]).expect_code(0);
}

#[test]
fn out_overwrites_only_plan_files() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.write("notes.txt", "mine");
    insta::assert_snapshot!(sandbox.run(&["plan", "--out", "notes.txt"]), @r"
    --- stderr
    error: `[SANDBOX]/project/notes.txt` exists and is not a plan of stackctl
    hint: choose another name for `--out`, or remove that file first
    --- exit 4
    ");
    assert!(cloud.calls().is_empty());
}

#[test]
fn plan_file_contains_no_secret() {
    let (sandbox, cloud) = demo::in_cloud();
    let sandbox = sandbox.env("DB_PASSWORD", "correct horse");
    let parameter = "Parameters:\n  Password: { Type: String, NoEcho: true }\n";
    let template = demo::TEMPLATE.to_owned() + parameter;
    let template = template.replace("\"{{ vars.description }}\"", "!Ref Password");
    assert!(template.contains("Description: !Ref Password"));
    sandbox.write("stack.yaml.j2", template);
    sandbox.write(
        "manifest.toml",
        format!(
            "{}\n[parameters]\nPassword = {{ from_env = \"DB_PASSWORD\" }}\n",
            demo::MANIFEST
        ),
    );
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    assert!(!read(&sandbox).contains("correct horse"));
    assert_eq!(cloud.account().change_sets(), 1);
}

/// Adds a change set of another user to the stack.
fn add_change_set(cloud: &Cloud, name: &str, created: &str) {
    let mut account = cloud.account();
    let stack = account.stack("demo-dev");
    stack.change_sets.push(ChangeSet {
        name: name.to_owned(),
        id: format!("arn:{name}"),
        created: created.to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
        execution_status: "AVAILABLE".to_owned(),
        ..ChangeSet::default()
    });
}

fn left(cloud: &Cloud) -> Vec<String> {
    let mut account = cloud.account();
    let sets = account.stack("demo-dev").change_sets.iter();
    sets.map(|set| set.name.clone()).collect()
}

#[test]
fn only_old_temporary_change_sets_are_pruned() {
    const LONG_AGO: &str = "2020-01-01T00:00:00Z";
    const FAR_AHEAD: &str = "2999-01-01T00:00:00Z";
    let (sandbox, cloud) = demo::deployed();
    add_change_set(&cloud, "stackctl-tmp-old", LONG_AGO);
    add_change_set(&cloud, "stackctl-tmp-new", FAR_AHEAD);
    add_change_set(&cloud, "stackctl-plan-old", LONG_AGO);
    add_change_set(&cloud, "release-42", LONG_AGO);
    sandbox.run(&["plan"]).expect_code(0);
    assert!(
        cloud.calls_of("ListChangeSets").is_empty(),
        "where nothing changes, nothing is listed"
    );
    demo::change_description(&sandbox);
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(
        left(&cloud),
        ["stackctl-tmp-new", "stackctl-plan-old", "release-42"]
    );
}

#[test]
fn plan_keeps_an_empty_stack_with_another_change_set() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.on("DescribeChangeSet").delay(300).carry_on();
    let mut running = sandbox.spawn(&["plan"]);
    running.wait_for_call(&cloud, "CreateChangeSet");
    running.wait_for_call(&cloud, "DescribeChangeSet");
    add_change_set(&cloud, "release-42", "2020-01-01T00:00:00Z");
    running.wait().expect_code(0);
    assert_eq!(left(&cloud), ["release-42"]);
    assert_eq!(cloud.status(), "REVIEW_IN_PROGRESS");
    assert!(cloud.calls_of("DeleteStack").is_empty());
}
