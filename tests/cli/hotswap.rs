//! Code that was changed outside of the stack, in an environment that allows it: `plan` shows it, and
//! `apply` gives the function the code of the stack again.

use std::path::Path;

use serde_json::{Value, json};

use crate::cloud::{Call, Cloud};
use crate::demo;
use crate::sandbox::{Finished, Sandbox};

/// The table that allows to change code without CloudFormation.
const ALLOWED: &str = "\n[environments.dev]\nwatch = \"hotswap\"\n";

/// The name of the function.
const HANDLER: &str = "demo-handler";

/// The digest of the code that somebody else has sent.
const OTHER: &str = "b3RoZXI=";

/// Returns the deployed project, whose environment allows to change code without CloudFormation.
fn allowed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    sandbox.append("manifest.toml", ALLOWED);
    (sandbox, cloud)
}

/// Returns that project after somebody has changed the code of the function.
fn changed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = allowed();
    cloud.account().change_code(HANDLER, OTHER);
    (sandbox, cloud)
}

/// Returns the digest of the code that the function runs.
fn live(cloud: &Cloud) -> String {
    cloud.account().functions[HANDLER].clone()
}

/// Returns the requests for new code.
fn updates(cloud: &Cloud) -> Vec<Value> {
    let calls = cloud.calls_of("UpdateFunctionCode").into_iter();
    let body = |call: Call| serde_json::from_slice(&call.request.body).unwrap();
    calls.map(body).collect()
}

#[track_caller]
fn apply(sandbox: &Sandbox, code: i32) -> Finished {
    let finished = sandbox.run(&["apply", "--yes"]);
    finished.expect_code(code)
}

#[test]
fn other_environments_make_no_further_call() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().change_code(HANDLER, OTHER);
    for value in ["", "\n[environments.dev]\nwatch = \"apply\"\n"] {
        sandbox.append("manifest.toml", value);
        cloud.forget_calls();
        sandbox
            .run(&["plan"])
            .expect_code(0)
            .expect_stdout("No changes.");
        let mut calls = cloud.operations();
        calls.sort_unstable();
        assert_eq!(
            calls,
            ["DescribeStacks", "GetCallerIdentity", "GetTemplate"]
        );
    }
}

#[test]
fn equal_code_is_no_change() {
    let (sandbox, cloud) = allowed();
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]);
    plan.expect_code(0)
        .expect_stdout("No changes. The stack matches the files.");
    assert_eq!(cloud.calls_of("GetFunctionConfiguration").len(), 1);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    apply(&sandbox, 0);
    assert!(updates(&cloud).is_empty());
}

#[test]
fn plan_shows_code_that_was_changed_outside_of_the_stack() {
    let (sandbox, cloud) = changed();
    insta::assert_snapshot!(sandbox.run(&["plan", "--detailed-exitcode"]), @r#"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

      ↺ code of Handler (changed outside of the stack)
          b3RoZXI= → demo/handler/[SHA256].zip

    The stack itself does not change.

    Plan: 0 to add, 0 to change, 0 to replace, 0 to destroy, code of 1 function to restore.
    --- exit 2
    "#);
    let plan = sandbox
        .run(&["plan", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(plan["has_changes"], true);
    assert_eq!(plan["change_set"], Value::Null);
    assert_eq!(plan["summary"]["restore"], 1);
    let [revert] = plan["code_reverts"].as_array().unwrap().as_slice() else {
        panic!("{plan}");
    };
    assert_eq!(revert["logical_id"], "Handler");
    assert_eq!(revert["physical_id"], HANDLER);
    assert_eq!(revert["artifact"], "handler");
    assert_eq!(revert["live_code_sha256"], OTHER);
    let markdown = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    markdown.expect_stdout("<code>↺</code> code of Handler (changed outside of the stack)");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    assert!(updates(&cloud).is_empty());
}

#[test]
fn apply_sends_the_code_of_the_stack() {
    let (sandbox, cloud) = allowed();
    let before = live(&cloud);
    cloud.account().change_code(HANDLER, OTHER);
    insta::assert_snapshot!(apply(&sandbox, 0), @r#"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

      ↺ code of Handler (changed outside of the stack)
          b3RoZXI= → demo/handler/[SHA256].zip

    The stack itself does not change.

    Plan: 0 to add, 0 to change, 0 to replace, 0 to destroy, code of 1 function to restore.
    --- stderr
    Restored the code of Handler (demo-handler).
    --- exit 0
    "#);
    assert_eq!(live(&cloud), before);
    let [update] = updates(&cloud).try_into().unwrap();
    assert_eq!(update["S3Bucket"], demo::ARTIFACT_BUCKET);
    let key = update["S3Key"].as_str().unwrap();
    assert!(key.starts_with("demo/handler/"), "{key}");
    assert_eq!(update["RevisionId"], "demo-handler-2");
    assert_eq!(update.get("Publish"), None);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    // Without `--yes` and without a terminal, nothing is sent.
    cloud.account().change_code(HANDLER, OTHER);
    sandbox.run(&["apply"]).expect_code(4);
    assert_eq!(live(&cloud), OTHER);
}

#[test]
fn code_is_sent_after_the_other_changes() {
    let (sandbox, cloud) = changed();
    demo::change_description(&sandbox);
    let applied = apply(&sandbox, 0);
    applied.expect_stdout("0 to destroy, code of 1 function to restore.");
    applied.expect_stderr("Restored the code of Handler (demo-handler).");
    let calls = cloud.operations();
    let at = |name: &str| calls.iter().position(|it| it == name).unwrap();
    assert!(
        at("ExecuteChangeSet") < at("UpdateFunctionCode"),
        "{calls:?}"
    );
    assert_ne!(live(&cloud), OTHER);
}

#[test]
fn new_code_of_the_files_comes_with_the_stack() {
    let (sandbox, cloud) = changed();
    demo::change_code(&sandbox);
    let plan = sandbox.run(&["plan"]).expect_code(0);
    assert!(!plan.stdout.contains('↺'), "{plan}");
    apply(&sandbox, 0);
    assert!(updates(&cloud).is_empty());
    assert_ne!(live(&cloud), OTHER);
}

#[test]
fn apply_after_a_swap_with_the_same_code_succeeds() {
    let (sandbox, cloud) = allowed();
    let before = live(&cloud);
    demo::change_code(&sandbox);
    apply(&sandbox, 0);
    let swapped = live(&cloud);
    assert_ne!(before, swapped);
    // As if it had been swapped only.
    let (sandbox, cloud) = allowed();
    cloud.account().change_code(HANDLER, &swapped);
    demo::change_code(&sandbox);
    apply(&sandbox, 0);
    assert_eq!(live(&cloud), swapped);
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]);
    plan.expect_code(0).expect_stdout("No changes.");
}

#[test]
fn lost_objects_are_uploaded_again() {
    let (sandbox, cloud) = changed();
    let emptied = cloud
        .account()
        .buckets
        .get_mut(demo::ARTIFACT_BUCKET)
        .map(|bucket| {
            bucket.objects.clear();
        });
    assert!(emptied.is_some());
    apply(&sandbox, 0);
    assert_ne!(live(&cloud), OTHER);
}

#[test]
fn running_updates_are_waited_for() {
    let (sandbox, cloud) = changed();
    let mut account = cloud.account();
    account.function(HANDLER).running = 3;
    account.function(HANDLER).update_takes = 3;
    drop(account);
    apply(&sandbox, 0);
    assert_ne!(live(&cloud), OTHER);
    assert!(updates(&cloud).len() <= 3, "{:?}", updates(&cloud));
}

#[test]
fn code_of_another_writer_is_not_overwritten() {
    // The code changes between the plan and the request.
    let (sandbox, cloud) = changed();
    let stale = json!({
        "CodeSha256": "c3RhbGU=", "RevisionId": "0", "LastUpdateStatus": "Successful",
    });
    let stale = crate::cloud::Response::new(200, stale.to_string());
    cloud.on("GetFunctionConfiguration").times(1).reply(stale);
    let refused = apply(&sandbox, 4);
    refused.expect_stderr("somebody else has changed the code of the function `demo-handler`");
    assert_eq!(live(&cloud), OTHER);
    assert_eq!(updates(&cloud).len(), 1);
}

#[test]
fn another_revision_of_the_same_code_is_overwritten() {
    let (sandbox, cloud) = changed();
    let stale = json!({ "CodeSha256": OTHER, "RevisionId": "0" });
    let stale = crate::cloud::Response::new(200, stale.to_string());
    cloud.on("GetFunctionConfiguration").times(1).reply(stale);
    apply(&sandbox, 0);
    assert_eq!(updates(&cloud).len(), 2);
    assert_ne!(live(&cloud), OTHER);
}

#[test]
fn a_lost_answer_is_no_failure() {
    let (sandbox, cloud) = changed();
    cloud.on("UpdateFunctionCode").times(1).lose_answer();
    apply(&sandbox, 0);
    assert_ne!(live(&cloud), OTHER);
}

#[test]
fn failures_of_lambda_are_shown() {
    let (sandbox, cloud) = changed();
    cloud.account().function(HANDLER).failure = "no IP left".to_owned();
    let failed = apply(&sandbox, 1);
    failed.expect_stderr("`demo-handler` could not be updated: no IP left (InternalError)");

    let (sandbox, cloud) = changed();
    cloud.account().function(HANDLER).gets = Some("d3Jvbmc=".to_owned());
    let failed = apply(&sandbox, 1);
    failed.expect_stderr("got other code than was sent: Lambda reports CodeSha256 d3Jvbmc=");

    let (sandbox, cloud) = changed();
    let signing = "the signature of the code package is missing";
    cloud
        .on("UpdateFunctionCode")
        .error(400, "InvalidCodeSignatureException", signing);
    apply(&sandbox, 1).expect_stderr(signing);
}

#[test]
fn functions_that_cannot_be_read_prevent_no_plan() {
    for (status, code) in [
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
    ] {
        let (sandbox, cloud) = changed();
        cloud
            .on("GetFunctionConfiguration")
            .error(status, code, "no");
        let plan = sandbox.run(&["plan"]).expect_code(0);
        plan.expect_stdout("No changes.");
        plan.expect_stderr("`lambda:GetFunctionConfiguration`");
    }
}

#[test]
fn saved_plan_sends_what_it_shows() {
    let (sandbox, cloud) = changed();
    sandbox
        .run(&["plan", "--out", "plan.json"])
        .expect_code(0)
        .expect_stdout("↺");
    assert!(Path::new(&sandbox.path("plan.json")).exists());
    sandbox
        .run(&["apply", "plan.json", "--yes"])
        .expect_code(0)
        .expect_stdout("↺");
    assert_ne!(live(&cloud), OTHER);

    // Saved without it, and saved with other code.
    cloud.account().change_code(HANDLER, OTHER);
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    cloud.account().change_code(HANDLER, "bW9yZQ==");
    let stale = sandbox.run(&["apply", "plan.json", "--yes"]).expect_code(4);
    stale.expect_stderr("is stale: the code of Handler was changed in the meantime");
    apply(&sandbox, 0);
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    cloud.account().change_code(HANDLER, OTHER);
    sandbox.run(&["apply", "plan.json", "--yes"]).expect_code(4);
    assert_eq!(live(&cloud), OTHER);
}

#[test]
fn the_environment_must_allow_it() {
    let (sandbox, _) = demo::deployed();
    sandbox.append(
        "manifest.toml",
        "\n[environments.dev]\nwatch = \"hot-swap\"\n",
    );
    insta::assert_snapshot!(sandbox.run(&["config", "show"]), @r#"
    --- stderr
    error[bad-watch]: `environments.dev.watch` is nothing that `watch` can be allowed to do
      --> manifest.toml:15:9
       |
    15 | watch = "hot-swap"
       |         ^^^^^^^^^^
       |
       = help: did you mean `hotswap`?

    error: `manifest.toml` has an error
    --- exit 1
    "#);
    let (sandbox, _) = demo::deployed();
    sandbox.edit(
        "manifest.toml",
        "allow_endpoint",
        "watch = \"hotswap\"\nallow_endpoint",
    );
    let misplaced = sandbox.run(&["config", "show"]).expect_code(1);
    misplaced.expect_stderr("`watch` belongs in an `[environments.NAME]` table of the manifest");
    let (sandbox, _) = demo::deployed();
    let set = sandbox
        .run(&["config", "show", "--set", "watch=hotswap"])
        .expect_code(1);
    set.expect_stderr("`watch` belongs in an `[environments.NAME]` table of the manifest");
}
