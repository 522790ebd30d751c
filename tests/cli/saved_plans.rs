//! `plan --out FILE` and `apply FILE`, and change sets that must be kept.

use indexmap::IndexMap;
use stackctl::cloudformation::on_failure::OnFailure;
use stackctl::cloudformation::stack::Stack;
use stackctl::cloudformation::status::StackStatus;
use stackctl::plan::plan_file::{Fingerprint, PlanFile, SavedChangeSet};
use stackctl::plan::{Operation, Target};

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
    let put = cloud.calls_of("PutObject").into_iter();
    let keys = put.map(|call| call.parameter("Key").to_owned());
    let folders: Vec<_> = keys
        .map(|key| key.split('/').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(folders, ["templates", "history"]);
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

/// Writes the saved plan again, with another change set and a digest that matches it.
fn forge(sandbox: &Sandbox, change_set: &dyn Fn(&mut SavedChangeSet)) {
    let path = sandbox.path("plan.json");
    let file = PlanFile::read(&path).unwrap();
    let target = Target {
        account: file.account.clone(),
        region: file.region.clone(),
        endpoint: file.endpoint.clone(),
        stack: file.stack.name.clone(),
        environment: file.environment.clone(),
    };
    let stack = Stack {
        id: file.stack.id.clone(),
        name: file.stack.name.clone(),
        status: StackStatus::from_wire(&file.stack.status),
        updated: file.stack.updated,
        ..Stack::default()
    };
    let mut set = file.change_set.clone().unwrap();
    change_set(&mut set);
    let mut files = file.files.clone();
    // The parameters' digest is salted with the change set's ARN; this project has no parameters.
    let none = IndexMap::new();
    let again = Fingerprint::of(&set.id, "", &none, |_| false, &IndexMap::new(), None, []);
    files.parameters = again.parameters;
    let forged = PlanFile::new(
        file.created,
        &target,
        Operation::Update,
        &stack,
        Some(set),
        files,
    );
    forged.unwrap().write(&path).unwrap();
}

#[test]
fn saved_plan_executes_no_change_set_but_its_own() {
    let (sandbox, cloud) = demo::changed();
    // A plan of the same stack whose files were other ones.
    sandbox.edit("manifest.toml", "second", "third");
    sandbox.run(&["plan", "--out", "other.json"]).expect_code(0);
    sandbox.edit("manifest.toml", "third", "second");
    let other = cloud.account().stack("demo-dev").change_sets[0].clone();
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    let file = read(&sandbox);
    add_change_set(&cloud, "release-42", "2020-01-01T00:00:00Z");
    let (id, name) = (other.id.clone(), other.name.clone());
    let theirs = |set: &mut SavedChangeSet| set.id = "arn:release-42".to_owned();
    let theirs_by_name = |set: &mut SavedChangeSet| {
        set.id = "arn:release-42".to_owned();
        set.name = "release-42".to_owned();
    };
    let of_other_files = |set: &mut SavedChangeSet| {
        set.id.clone_from(&id);
        set.name.clone_from(&name);
    };
    let with_another_option = |set: &mut SavedChangeSet| set.on_failure = OnFailure::Keep;
    let forgeries: [&dyn Fn(&mut SavedChangeSet); 4] = [
        &theirs,
        &theirs_by_name,
        &of_other_files,
        &with_another_option,
    ];
    for change_set in forgeries {
        sandbox.write("plan.json", &file);
        forge(&sandbox, change_set);
        let refused = sandbox.run(&["apply", "plan.json", "--yes"]).expect_code(4);
        refused.expect_stderr("was not made for the plan `plan.json`");
        refused.expect_stderr("hint: create a new plan: `stackctl plan --out plan.json -e dev`");
    }
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    sandbox.write("plan.json", &file);
    sandbox.run(&["apply", "plan.json", "--yes"]).expect_code(0);
}

#[test]
fn saved_plan_of_a_local_environment_is_checked_before_the_emulator_starts() {
    let (sandbox, _cloud) = planned();
    sandbox.append("manifest.toml", "\n[environments.local]\nemulator = true\n");
    let plan = |endpoint: &str, stack: &str| {
        let file = PlanFile::read(&sandbox.path("plan.json")).unwrap();
        let target = Target {
            account: "000000000000".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: endpoint.to_owned(),
            stack: stack.to_owned(),
            environment: "local".to_owned(),
        };
        let stack = Stack {
            name: stack.to_owned(),
            id: "arn".to_owned(),
            ..Stack::default()
        };
        let set = file.change_set.clone();
        let files = file.files.clone();
        let made = PlanFile::new(file.created, &target, Operation::Update, &stack, set, files);
        made.unwrap().write(&sandbox.path("local.json")).unwrap();
        sandbox
            .run(&["apply", "local.json", "--yes"])
            .expect_code(4)
    };
    let refused = plan("AWS", "demo-local");
    refused.expect_stderr("targets endpoint AWS, but this run uses endpoint the emulator");
    let refused = plan("http://127.0.0.1:4566", "other");
    refused.expect_stderr("targets stack other, but this run uses stack demo-local");
    let refused = plan("http://127.0.0.1:4566", "demo-local");
    refused.expect_stderr("is stale: the files have changed since");
    assert!(!sandbox.cache().join("emulator").exists());
}

#[test]
fn file_that_cannot_be_a_plan_is_refused() {
    let (sandbox, cloud) = planned();
    let deep = "[".repeat(100_000);
    let deep_schema = format!(
        "{{\"schema\": \"stackctl.plan-file/1\", \"stackctl\": {}{}}}",
        "[".repeat(120),
        "]".repeat(120)
    );
    let refusals = [
        ("deep.json", deep.as_str(), "is not a plan of stackctl"),
        ("deeper.json", &deep_schema, "was changed: "),
        ("empty.json", "", "is not a plan of stackctl"),
    ];
    for (name, text, expected) in refusals {
        sandbox.write(name, text);
        let refused = sandbox.run(&["apply", name, "--yes"]).expect_code(4);
        refused.expect_stderr(expected);
    }
    // A sparse file of 10 GB, and a device without an end.
    sandbox.write("huge.json", "");
    let huge = std::fs::File::options()
        .write(true)
        .open(sandbox.path("huge.json"));
    huge.unwrap().set_len(10_000_000_000).unwrap();
    let refused = sandbox.run(&["apply", "huge.json", "--yes"]).expect_code(4);
    refused.expect_stderr("is not a plan of stackctl: it is longer than 4194304 bytes");
    let refused = sandbox.run(&["apply", "/dev/zero", "--yes"]).expect_code(1);
    refused.expect_stderr("the plan `/dev/zero` is a device, not a file");
    sandbox.write("folder/file", "");
    let refused = sandbox.run(&["apply", "folder", "--yes"]).expect_code(1);
    refused.expect_stderr("folder` is a folder, not a file");

    // What exists and is no file is not replaced; a pipe would never be read to its end.
    for path in ["huge.json", "/dev/zero", "/dev/null"] {
        let refused = sandbox.run(&["plan", "--out", path]).expect_code(4);
        refused.expect_stderr("exists and is not a plan of stackctl");
    }
    let pipe = sandbox.path("pipe.json");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let refused = sandbox.run(&["plan", "--out", "pipe.json"]).expect_code(4);
    refused.expect_stderr("exists and is not a plan of stackctl");
    // A plan may be piped in; a signal ends the wait for it.
    let mut running = sandbox.spawn(&["apply", "pipe.json", "--yes"]);
    // The pipe can be opened as soon as somebody reads from it.
    let writer = std::fs::File::options().write(true).open(&pipe).unwrap();
    // Not SIGINT, which a caller in the background may have set to be ignored.
    running.terminate();
    running.wait();
    drop(writer);
    assert!(cloud.calls().is_empty(), "{:?}", cloud.operations());
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
