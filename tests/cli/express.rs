//! EXPRESS mode: what is requested, what the plan says, what the service refuses.

use crate::cloud::{Cloud, Progress, express};
use crate::demo;
use crate::sandbox::Sandbox;

/// Returns the mode and whether rollback is disabled, as the last call of an operation requested them;
/// both are empty if it requested none.
pub(crate) fn requested(cloud: &Cloud, operation: &str) -> [String; 2] {
    let call = cloud.calls_of(operation).pop().unwrap();
    ["Mode", "DisableRollback"].map(|member| {
        let name = format!("DeploymentConfig.{member}");
        call.parameter(&name).to_owned()
    })
}

/// Sets the mode of the project in the manifest.
fn set_mode(sandbox: &Sandbox, mode: &str) {
    let manifest = std::fs::read_to_string(sandbox.path("manifest.toml")).unwrap();
    let table = format!("\n[stack]\ndeployment_mode = \"{mode}\"\n");
    sandbox.write("manifest.toml", manifest + &table);
}

#[test]
fn express_deployment_requests_its_mode_with_rollback() {
    let (sandbox, cloud) = demo::changed();
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes", "--express"]), @r#"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

    EXPRESS mode: the operation ends before the resources are stable. A resource may not be ready for
    use yet, a deletion may still be running, and its name may still be taken.

      ~ Role  AWS::IAM::Role
          ~ Description: "first" → "second"

    Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
    output      value
    BucketName  demo-data
    --- stderr

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE     Role      AWS::IAM::Role: Resource operation completed using Express Mode. It may continue becoming available in the background.
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack: Resource operation completed using Express Mode. It may continue becoming available in the background.

    Applied: demo-dev is UPDATE_COMPLETE. It was deployed in EXPRESS mode: its resources may become ready only later.

    --- exit 0
    "#);
    assert_eq!(requested(&cloud, "CreateChangeSet"), ["EXPRESS", "false"]);
    let executed = cloud.calls_of("ExecuteChangeSet").remove(0);
    for member in ["DisableRollback", "DeploymentConfig.Mode"] {
        assert_eq!(executed.parameter(member), "", "{member}");
    }
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");

    cloud.forget_calls();
    sandbox.edit("manifest.toml", "second", "third");
    sandbox
        .run(&["apply", "--yes", "--express", "--no-rollback"])
        .expect_code(0)
        .expect_stderr("CloudFormation cannot roll a stack back that failed in EXPRESS mode");
    assert_eq!(requested(&cloud, "CreateChangeSet"), ["EXPRESS", "true"]);
    let executed = cloud.calls_of("ExecuteChangeSet").remove(0);
    assert_eq!(executed.parameter("DisableRollback"), "");
}

#[test]
fn standard_deployment_requests_no_mode() {
    let (sandbox, cloud) = demo::changed();
    for arguments in [&["apply", "--yes"][..], &["plan"]] {
        sandbox.edit("manifest.toml", "description = \"", "description = \"x");
        cloud.forget_calls();
        let finished = sandbox.run(arguments).expect_code(0);
        assert!(!finished.stdout.contains("EXPRESS"), "{finished}");
        assert_eq!(requested(&cloud, "CreateChangeSet"), ["", ""]);
        let call = cloud.calls_of("CreateChangeSet").remove(0);
        assert_eq!(call.parameter("DisableValidation"), "");
    }
}

#[test]
fn manifest_chooses_the_mode() {
    let (sandbox, cloud) = demo::changed();
    set_mode(&sandbox, "express");
    let plan = sandbox.run(&["plan", "--format", "json"]).expect_code(0);
    assert_eq!(plan.json()["mode"], "express");
    assert_eq!(plan.json()["change_set"]["deployment"]["mode"], "EXPRESS");
    assert_eq!(requested(&cloud, "CreateChangeSet"), ["EXPRESS", "false"]);
    let plan = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    plan.expect_stdout("EXPRESS mode: the operation ends before the resources are stable.");
    let set = "stack.deployment_mode=standard";
    let plan = sandbox.run(&["plan", "--format", "json", "--set", set]);
    assert_eq!(plan.expect_code(0).json()["mode"], "standard");
    let plan = sandbox.run(&["plan", "--offline", "--format", "json"]);
    assert_eq!(plan.expect_code(0).json()["mode"], "express");
}

#[test]
fn unknown_mode_is_an_error_at_its_place() {
    let sandbox = demo::files();
    set_mode(&sandbox, "EXPRESS");
    insta::assert_snapshot!(sandbox.run(&["render"]), @r#"
    --- stderr
    error[bad-deployment-mode]: `stack.deployment_mode` is not a mode of CloudFormation
      --> manifest.toml:15:19
       |
    15 | deployment_mode = "EXPRESS"
       |                   ^^^^^^^^^
       |
       = help: did you mean `express`?

    error: `manifest.toml` has an error
    --- exit 1
    "#);
    set_mode(&demo::files(), "fast");
}

#[test]
fn endpoint_that_ignores_the_mode_is_refused() {
    for arguments in [&["plan", "--express"][..], &["apply", "--yes", "--express"]] {
        let (sandbox, cloud) = demo::changed();
        cloud.account().knows_express = false;
        insta::allow_duplicates! {
            insta::assert_snapshot!(sandbox.run(arguments).without_stdout(), @r#"
            --- stderr
            error: this endpoint does not support EXPRESS mode: it ignored the request for that mode
            hint: deploy in the standard mode: leave out `--express`, or set `stack.deployment_mode = "standard"` for this environment
            --- exit 4
            "#);
        }
        assert_eq!(cloud.account().change_sets(), 0, "it is deleted again");
        assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    }
}

#[test]
fn saved_plan_is_executed_in_its_mode() {
    let (sandbox, cloud) = demo::changed();
    sandbox
        .run(&["plan", "--express", "--no-validation", "--out", "plan.json"])
        .expect_code(0);
    assert_eq!(requested(&cloud, "CreateChangeSet"), ["EXPRESS", "false"]);
    let saved = std::fs::read_to_string(sandbox.path("plan.json")).unwrap();
    assert!(saved.contains("\"mode\": \"express\""), "{saved}");

    let altered = saved.replace("\"mode\": \"express\"", "\"mode\": \"standard\"");
    sandbox.write("altered.json", altered);
    sandbox
        .run(&["apply", "altered.json", "--yes"])
        .expect_code(4)
        .expect_stderr("does not match its own digest");

    let applied = sandbox.run(&["apply", "plan.json", "--yes"]).expect_code(0);
    applied.expect_stdout("EXPRESS mode: the operation ends");
    applied.expect_stdout("validations before the deployment are disabled");
    applied.expect_stderr("It was deployed in EXPRESS mode");
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
    let refused = sandbox.run(&["apply", "plan.json", "--express"]);
    refused.expect_code(64);
}

#[test]
fn change_set_in_another_mode_is_not_the_plans() {
    let (sandbox, cloud) = demo::changed();
    sandbox
        .run(&["plan", "--express", "--out", "plan.json"])
        .expect_code(0);
    cloud.account().stack("demo-dev").change_sets[0].express = None;
    sandbox
        .run(&["apply", "plan.json", "--yes"])
        .expect_code(4)
        .expect_stderr("was not made for the plan `plan.json`");
}

#[test]
fn disabled_validation_is_requested_and_shown() {
    let (sandbox, cloud) = demo::changed();
    let plan = sandbox.run(&["plan", "--no-validation"]).expect_code(0);
    plan.expect_stdout("CloudFormation's validations before the deployment are disabled");
    let call = cloud.calls_of("CreateChangeSet").remove(0);
    assert_eq!(call.parameter("DisableValidation"), "true");
    let plan = sandbox.run(&["plan", "--no-validation", "--format", "json"]);
    assert_eq!(plan.expect_code(0).json()["disable_validation"], true);
    let plan = sandbox.run(&["plan", "--format", "json"]);
    assert_eq!(plan.expect_code(0).json()["disable_validation"], false);
}

/// Returns the deployed project after an update in EXPRESS mode that failed without rollback.
pub(crate) fn failed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::changed();
    fail_update(&sandbox, &cloud, express::REPLACEMENT);
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Updates the role in EXPRESS mode without rollback. The update fails; the next one would not.
pub(crate) fn fail_update(sandbox: &Sandbox, cloud: &Cloud, reason: &str) {
    cloud.account().fail("Role", reason);
    sandbox
        .run(&["apply", "--yes", "--express", "--no-rollback"])
        .expect_code(1);
    assert_eq!(cloud.status(), "UPDATE_FAILED");
    cloud.account().failing.clear();
}

#[test]
fn standard_deployment_after_a_failure_in_express_mode_says_what_to_do() {
    let (sandbox, cloud) = failed();
    sandbox.edit("manifest.toml", "second", "third");
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @"
    --- stderr
    error: the stack `demo-dev` is UPDATE_FAILED after an operation in EXPRESS mode: until it is complete, CloudFormation accepts only that mode
      caused by: cannot create a change set for `demo-dev`
      caused by: This stack is in a UPDATE_FAILED state from a previous operation that used EXPRESS deployment mode with disable-rollback. Follow-up operations must use the same DeploymentConfig (mode=EXPRESS) until the stack reaches a *_COMPLETE state. (ValidationError)
    hint: `stackctl recover -e dev` deploys the last template that succeeded
    hint: or continue in that mode: `stackctl apply --express -e dev`
    --- exit 4
    ");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    assert_eq!(cloud.account().change_sets(), 0);
    sandbox
        .run(&["plan"])
        .expect_code(4)
        .expect_stderr("`stackctl recover -e dev`");

    // The service accepts that mode, with rollback disabled.
    sandbox
        .run(&["apply", "--yes", "--express"])
        .expect_code(0)
        .expect_stderr("accepts this change only with rollback disabled");
    assert_eq!(requested(&cloud, "CreateChangeSet"), ["EXPRESS", "true"]);
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
    // The stack is complete: every mode is accepted again.
    sandbox.edit("manifest.toml", "third", "fourth");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn applied_configuration_is_no_success() {
    for (arguments, code, status) in [
        (&["--express", "--no-rollback"][..], 1, "UPDATE_FAILED"),
        (&["--no-rollback"], 1, "UPDATE_FAILED"),
        (&["--express"], 3, "UPDATE_ROLLBACK_COMPLETE"),
    ] {
        let (sandbox, cloud) = demo::changed();
        let mut account = cloud.account();
        account.shows_detailed_status = true;
        account.progress = Progress::Events(1);
        account.fail("Role", "Resource handler returned message: \"not stable\"");
        drop(account);
        let failed = sandbox.run(&[&["apply", "--yes"], arguments].concat());
        failed.expect_code(code).expect_stderr("not stable");
        assert_eq!(cloud.status(), status);
    }
}

#[test]
fn destroy_requests_its_mode() {
    let (sandbox, cloud) = demo::deployed();
    let shown = sandbox
        .run(&["destroy", "--dry-run", "--express"])
        .expect_code(0);
    shown.expect_stdout("EXPRESS mode: the operation ends before the resources are gone.");
    let shown = sandbox.run(&["destroy", "--dry-run", "--format", "json"]);
    assert_eq!(shown.expect_code(0).json()["mode"], "standard");
    set_mode(&sandbox, "express");
    let shown = sandbox.run(&["destroy", "--dry-run", "--format", "json"]);
    assert_eq!(shown.expect_code(0).json()["mode"], "express");
    let finished = sandbox.run(&["destroy", "--yes"]).expect_code(0);
    finished.expect_stderr("In EXPRESS mode, the deletion of its resources may still be running.");
    assert!(!finished.stderr.contains("warning"), "{finished}");
    assert_eq!(requested(&cloud, "DeleteStack"), ["EXPRESS", "false"]);

    let (sandbox, cloud) = demo::deployed();
    cloud.account().knows_express = false;
    sandbox
        .run(&["destroy", "--yes", "--express"])
        .expect_code(0)
        .expect_stderr("it deleted the stack in the standard mode");

    let (sandbox, cloud) = demo::deployed();
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
    assert_eq!(requested(&cloud, "DeleteStack"), ["", ""]);
}

#[test]
fn standard_deletion_after_a_failure_in_express_mode_says_what_to_do() {
    let (sandbox, cloud) = failed();
    let status = sandbox.run(&["status", "--format", "json"]).expect_code(0);
    assert_eq!(status.json()["mode"], "express");
    let refused = sandbox.run(&["destroy", "--yes"]).expect_code(4);
    refused.expect_stderr("until it is complete, CloudFormation accepts only that mode");
    refused.expect_stderr("`stackctl destroy --express -e dev`");
    sandbox
        .run(&["destroy", "--yes", "--express"])
        .expect_code(0);
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}
