//! `rollback --dry-run`: the plan of a rollback, and nothing else.

use crate::demo;
use crate::history::{record_keys, template, three_deployments};

#[test]
fn rollback_shows_its_plan_and_deploys_nothing() {
    let (sandbox, cloud) = three_deployments();
    let deployed = template(&cloud);
    for option in ["--dry-run", "--plan"] {
        let shown = sandbox.run(&["rollback", "--to", "1", option]);
        let shown = shown.expect_code(0);
        shown.expect_stdout("-     return 2");
        shown.expect_stdout("Plan: 0 to add, 1 to change");
        shown.expect_stderr("This deploys again what deployment 1 sent on ");
    }
    let to_first = ["rollback", "--to", "1", "--dry-run"];
    let json = [&to_first[..], &["--format", "json", "--detailed-exitcode"]].concat();
    let plan = sandbox.run(&json).expect_code(2).json();
    assert_eq!(plan["schema"], "stackctl.plan/1");
    assert_eq!(plan["has_changes"], true);
    assert_eq!(plan["code"][0]["artifact"], "handler");
    let comment = sandbox.run(&[&to_first[..], &["--format", "markdown"]].concat());
    comment
        .expect_code(0)
        .expect_stdout("<!-- stackctl:plan demo-dev -->");
    // The second one is deployed.
    let same = ["rollback", "--to", "2", "--dry-run", "--detailed-exitcode"];
    let same = sandbox.run(&same).expect_code(0);
    same.expect_stdout("No changes.");

    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    assert!(cloud.calls_of("PutObject").is_empty());
    assert_eq!(cloud.account().change_sets(), 0);
    assert_eq!(template(&cloud), deployed);
    assert_eq!(record_keys(&cloud).len(), 3);

    for (arguments, message) in [
        (&["--dry-run", "--yes"][..], "cannot be used with"),
        (&["--dry-run", "--wait"], "cannot be used with"),
        (&["--format", "json"], "--dry-run"),
        (&["--detailed-exitcode"], "--dry-run"),
    ] {
        let refused = sandbox.run(&[&["rollback"][..], arguments].concat());
        refused.expect_code(64).expect_stderr(message);
    }
}

#[test]
fn rollback_plans_what_it_would_refuse_and_a_stack_that_is_gone() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.edit(
        "stack.yaml.j2",
        "Outputs:",
        "  Table:\n    Type: AWS::DynamoDB::Table\nOutputs:",
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let shown = sandbox.run(&["rollback", "--dry-run"]).expect_code(0);
    shown.expect_stdout("Table  AWS::DynamoDB::Table");
    shown.expect_stderr("Data does not roll back.");

    cloud.account().stack("demo-dev").status = "UPDATE_IN_PROGRESS".to_owned();
    let busy = sandbox.run(&["rollback", "--dry-run"]).expect_code(4);
    busy.expect_stderr("an operation is running on the stack `demo-dev`");
    cloud.account().stack("demo-dev").status = "UPDATE_COMPLETE".to_owned();

    let delete = ["destroy", "--yes", "--allow-delete", "Table"];
    let delete = [&delete[..], &["--allow-delete", "Bucket"]].concat();
    sandbox.run(&delete).expect_code(0);
    cloud.forget_calls();
    let new = sandbox.run(&["rollback", "--to", "1", "--dry-run"]);
    new.expect_code(0).expect_stdout("Plan: 3 to add");
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
}
