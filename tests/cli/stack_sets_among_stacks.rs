//! A stack set among several stacks: planned, agreed to, deployed and destroyed with the others.

use crate::cloud::Cloud;
use crate::sandbox::Sandbox;
use crate::stack_set_faults::{leave_operation, stop_earlier_operation};

/// `base` is a stack set. It reads an output of `network`, and `app` needs it.
const MANIFEST: &str = r#"project = "site"
environment = "dev"
region = "eu-west-1"
allow_endpoint = true

[stacks.app]
template = "app.yaml"
needs = ["base"]

[stacks.base]
template = "base.yaml"
parameters.Title = { from_stack = "network", output = "Title" }

[stacks.base.stack_set]
accounts = ["111111111111", "222222222222"]
regions = ["eu-west-1", "us-east-1"]

[stacks.network]
template = "network.yaml"
parameters.Title = "one"
"#;

const NETWORK: &str = "Parameters:
  Title: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
Outputs:
  Title: {Value: !Ref Title}
";

const BASE: &str = "Parameters:
  Title: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
";

const APP: &str = "Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: app}}
";

/// A table, which stores data.
const TABLE: &str = "  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
";

const SET: &str = "site-base-dev";

/// The calls that deploy everything: the network, the stack set, the app.
const IN_ORDER: [&str; 4] = [
    "ExecuteChangeSet",
    "CreateStackSet",
    "CreateStackInstances",
    "ExecuteChangeSet",
];

fn project() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("network.yaml", NETWORK)
        .file("base.yaml", BASE)
        .file("app.yaml", APP)
        .cloud(&cloud);
    (sandbox, cloud)
}

fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = project();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Returns the calls that deploy something, in their order.
fn done(cloud: &Cloud) -> Vec<String> {
    let operations = [
        "ExecuteChangeSet",
        "CreateStackSet",
        "UpdateStackSet",
        "CreateStackInstances",
        "DeleteStackInstances",
        "DeleteStackSet",
    ];
    let calls = cloud.calls().into_iter().map(|call| call.operation);
    calls.filter(|it| operations.contains(&&**it)).collect()
}

/// Returns the calls that delete something, in their order.
fn deleted(cloud: &Cloud) -> Vec<String> {
    let operations = ["DeleteStack", "DeleteStackInstances", "DeleteStackSet"];
    let calls = cloud.calls().into_iter().map(|call| call.operation);
    calls.filter(|it| operations.contains(&&**it)).collect()
}

fn parameter(cloud: &Cloud) -> String {
    cloud.account().stack_set(SET).parameters["Title"].clone()
}

#[test]
fn a_stack_set_is_deployed_between_what_it_needs_and_what_needs_it() {
    let (sandbox, cloud) = project();
    let planned = sandbox.run(&["plan"]).expect_code(0);
    planned.expect_stdout("Provisional     the plan may differ after network is applied");
    planned.expect_stdout("+ Title: (known after network is applied)");
    assert_eq!(done(&cloud), [""; 0]);
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("base    | Created the stack set site-base-dev.");
    applied.expect_stderr("222222222222/us-east-1  SUCCEEDED");
    applied.expect_stderr("3 stacks: 3 done");
    assert_eq!(done(&cloud), IN_ORDER);
    assert_eq!(parameter(&cloud), "one");

    // Nothing changes, and nothing is asked.
    cloud.forget_calls();
    let same = sandbox.run(&["apply"]).expect_code(0);
    same.expect_stderr("3 stacks: 3 unchanged");
    assert_eq!(done(&cloud), [""; 0]);
    let plans = sandbox.json(&["plan"]);
    assert_eq!(plans["schema"], "stackctl.plans/1");
    let documents = plans["stacks"].as_array().unwrap().iter();
    let documents: Vec<_> = documents.map(|it| &it["document"]["schema"]).collect();
    assert_eq!(
        documents,
        [
            "stackctl.plan/1",
            "stackctl.stack-set-plan/1",
            "stackctl.plan/1"
        ]
    );
}

#[test]
fn a_new_value_from_another_stack_is_known_and_its_plan_is_the_same_again() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("manifest.toml", "\"one\"", "\"two\"");
    let planned = sandbox.run(&["plan"]).expect_code(0);
    planned.expect_stdout("~ Title: \"one\" → \"two\" (changes with network: output Title)");
    planned.expect_stdout("Targets: 0 to add, 4 to update, 0 to remove.");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("2 done, 1 unchanged");
    assert_eq!(done(&cloud), ["ExecuteChangeSet", "UpdateStackSet"]);
    assert_eq!(parameter(&cloud), "two");
}

#[test]
fn a_plan_that_differs_after_another_stack_is_refused_unless_it_is_accepted() {
    let (sandbox, cloud) = deployed();
    // The output is known only after the deployment.
    let other = "{Value: !GetAtt Topic.TopicName}";
    sandbox.edit("network.yaml", "{Value: !Ref Title}", other);
    let refused = sandbox.run(&["apply", "--yes"]).expect_code(4);
    refused.expect_stderr("not applied: the plan is not the one that was shown");
    refused.expect_stderr("1 done, 1 refused, 1 not begun");
    refused.expect_stderr("--accept-replans");
    assert_eq!(done(&cloud), ["ExecuteChangeSet"]);
    let accepted = ["apply", "--yes", "--accept-replans"];
    sandbox.run(&accepted).expect_code(0);
    assert_eq!(done(&cloud), ["ExecuteChangeSet", "UpdateStackSet"]);
    assert_ne!(parameter(&cloud), "one");
}

#[test]
fn what_needs_a_stack_set_with_a_failed_target_is_not_begun() {
    let (sandbox, cloud) = project();
    let target = "222222222222/eu-west-1".to_owned();
    let failing = |cloud: &Cloud| {
        let failing = &mut cloud.account().set_world.failing;
        failing.insert(target.clone(), "Topic exists".to_owned());
    };
    failing(&cloud);
    let failed = sandbox.run(&["apply", "--yes"]).expect_code(3);
    failed.expect_stderr("222222222222/eu-west-1 OUTDATED (FAILED): Topic exists");
    failed.expect_stderr("1 done, 1 rolled back, 1 not begun");
    failed.expect_stderr("base was not done");

    // The next run updates what is not current, and deploys the rest.
    cloud.account().set_world.failing.clear();
    cloud.forget_calls();
    let again = sandbox.run(&["apply", "--yes"]).expect_code(0);
    again.expect_stderr("2 done, 1 unchanged");
    assert_eq!(done(&cloud), ["UpdateStackSet", "ExecuteChangeSet"]);
}

#[test]
fn a_run_that_was_killed_is_continued_and_nothing_is_sent_twice() {
    let (sandbox, cloud) = project();
    cloud.account().set_world.polls = 100_000;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running
        .wait_for_call(&cloud, "DescribeStackSetOperation")
        .kill();
    cloud.account().set_world.polls = 0;
    let next = sandbox.run(&["apply", "--yes"]).expect_code(0);
    next.expect_stderr("1 done, 2 unchanged");
    assert_eq!(done(&cloud), IN_ORDER);
    sandbox.run(&["apply"]).expect_code(0);
    assert_eq!(done(&cloud).len(), 4);
}

#[test]
fn ctrl_c_leaves_or_stops_the_operation_and_begins_nothing_more() {
    let (sandbox, cloud) = project();
    cloud.account().set_world.polls = 100_000;
    let left = leave_operation(&sandbox);
    left.expect_stderr("1 done, 1 not begun, 1 interrupted");
    stop_earlier_operation(&sandbox);
    let order = ["ExecuteChangeSet", "CreateStackSet", "CreateStackInstances"];
    assert_eq!(done(&cloud), order);
}

#[test]
fn one_question_names_the_stack_set_and_what_it_loses() {
    let (sandbox, cloud) = project();
    sandbox.append("base.yaml", TABLE);
    let refused = sandbox.run(&["apply"]).expect_code(4);
    refused.expect_stderr("cannot ask a question without a terminal");
    let asked = sandbox.answer(&["apply"], "Apply:", "no").expect_code(4);
    asked.expect_stderr("the stack set `site-base-dev` (account 123456789012, region eu-west-1)");
    assert_eq!(done(&cloud), [""; 0]);
    sandbox.answer(&["apply"], "Apply:", "yes").expect_code(0);
    cloud.forget_calls();

    // A target with data is removed only by name, and the others are not deployed without it.
    sandbox.edit("manifest.toml", ", \"222222222222\"]", "]");
    sandbox.edit("app.yaml", "DisplayName: app", "DisplayName: other");
    let guarded = sandbox.run(&["apply", "--yes"]).expect_code(4);
    guarded
        .expect_stderr("removing 222222222222/eu-west-1, 222222222222/us-east-1 loses data there");
    guarded.expect_stderr("--allow-delete base:Table");
    guarded.expect_stderr("nothing was applied, because of base");
    assert_eq!(done(&cloud), [""; 0]);
    let named = ["apply", "--allow-delete", "base:Table"];
    let asked = sandbox.answer(&named, "Apply:", "yes").expect_code(0);
    asked.expect_stderr("Lost in base: Table is deleted with its items in each removed target");
    assert_eq!(done(&cloud), ["DeleteStackInstances", "ExecuteChangeSet"]);
}

#[test]
fn everything_is_destroyed_in_reverse_order() {
    let (sandbox, cloud) = deployed();
    let dry = sandbox.run(&["destroy", "--dry-run"]).expect_code(0);
    dry.expect_stdout("site-base-dev");
    let documents = sandbox.json(&["destroy", "--dry-run"]);
    assert_eq!(documents["schema"], "stackctl.destroys/1");
    let set = &documents["stacks"][1]["document"];
    assert_eq!(set["schema"], "stackctl.stack-set-destroy/1");
    assert_eq!(deleted(&cloud), [""; 0]);
    let asked = sandbox.answer(&["destroy"], "to destroy them:", "site");
    let asked = asked.expect_code(0);
    asked.expect_stderr("the stack set `site-base-dev` (account 123456789012, region eu-west-1)");
    asked.expect_stderr("3 stacks: 3 done");
    assert_eq!(
        deleted(&cloud),
        [
            "DeleteStack",
            "DeleteStackInstances",
            "DeleteStackSet",
            "DeleteStack"
        ]
    );
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
}

#[test]
fn a_stack_set_that_cannot_be_removed_keeps_what_it_needs() {
    let (sandbox, cloud) = deployed();
    let target = "222222222222/us-east-1".to_owned();
    let reason = "The bucket is not empty".to_owned();
    cloud.account().set_world.failing.insert(target, reason);
    let failed = sandbox.run(&["destroy", "--yes"]).expect_code(1);
    failed.expect_stderr("1 done, 1 failed, 1 not begun");
    failed.expect_stderr("base was not deleted");
    failed.expect_stderr("--retain base:222222222222/us-east-1");
    assert_eq!(deleted(&cloud), ["DeleteStack", "DeleteStackInstances"]);
    cloud.forget_calls();

    let refused = sandbox.run(&["destroy", "--yes"]).expect_code(4);
    refused.expect_stderr("cannot delete the stack of an INOPERABLE instance");
    assert_eq!(deleted(&cloud), [""; 0]);
    let named = [
        "destroy",
        "--yes",
        "--retain",
        "base:222222222222/us-east-1",
    ];
    sandbox.run(&named).expect_code(0);
    assert_eq!(
        deleted(&cloud),
        ["DeleteStackInstances", "DeleteStackSet", "DeleteStack"]
    );
}

#[test]
fn a_stack_that_a_deployed_stack_set_uses_is_not_destroyed_alone() {
    let (sandbox, cloud) = deployed();
    let refused = sandbox.run(&["destroy", "--yes", "-s", "network"]);
    refused
        .expect_code(4)
        .expect_stderr("`base` (`site-base-dev`) uses `network`");
    assert_eq!(deleted(&cloud), [""; 0]);
    sandbox
        .run(&["destroy", "--yes", "-s", "app,base"])
        .expect_code(0);
    cloud.forget_calls();
    sandbox
        .run(&["destroy", "--yes", "-s", "network"])
        .expect_code(0);
    assert_eq!(deleted(&cloud), ["DeleteStack"]);
}

#[test]
fn what_a_stack_set_has_none_of_is_refused_before_any_call() {
    let (sandbox, cloud) = project();
    for command in [
        &["apply", "--yes", "--express"][..],
        &["apply", "--yes", "--revert-drift"],
        &["destroy", "--yes", "--express"],
        &["destroy", "--yes", "--empty", "base:Files"],
        &["plan", "--out", "plans.json"],
    ] {
        let refused = sandbox.run(command).expect_code(1);
        refused.expect_stderr("is for single stacks");
    }
    sandbox.edit(
        "manifest.toml",
        "needs = [\"base\"]",
        "parameters.Title = { from_stack = \"base\", output = \"Title\" }",
    );
    let refused = sandbox.run(&["apply", "--yes"]).expect_code(1);
    refused.expect_stderr("manifest.toml:8:");
    refused.expect_stderr(
        "`parameters.Title` reads an output of `base`, which is a stack set and has none",
    );
    refused.expect_stderr("`needs = [\"base\"]` deploys the stack after the stack set");
    assert_eq!(cloud.operations(), [""; 0]);
}

#[test]
fn a_saved_plan_of_a_stack_that_is_a_stack_set_by_now_is_refused() {
    let (sandbox, cloud) = project();
    let set = "accounts = [\"111111111111\", \"222222222222\"]\nregions = [\"eu-west-1\", \"us-east-1\"]\n";
    let set = format!("[stacks.base.stack_set]\n{set}");
    sandbox.edit("manifest.toml", &set, "");
    sandbox.edit(
        "manifest.toml",
        "parameters.Title = { from_stack = \"network\", output = \"Title\" }",
        "parameters.Title = \"one\"",
    );
    let several = ["plan", "-s", "base,network", "--out", "plans.json"];
    sandbox.run(&several).expect_code(0);
    let one = ["plan", "-s", "base", "--out", "plan.json"];
    sandbox.run(&one).expect_code(0);
    sandbox.append("manifest.toml", &set);
    let refused = sandbox.run(&["apply", "--yes", "plans.json"]);
    let refused = refused.expect_code(4);
    refused.expect_stderr("holds a plan of `base`, which is a stack set by now");
    let refused = sandbox.run(&["apply", "--yes", "plan.json"]);
    refused
        .expect_code(1)
        .expect_stderr("is a stack set: this command works on a single stack");
    assert_eq!(done(&cloud), ["ExecuteChangeSet"]);
}

#[test]
fn the_outputs_file_holds_the_stacks_and_no_outputs_of_the_stack_set() {
    let (sandbox, _cloud) = project();
    let apply = ["apply", "--yes", "--outputs-file", "outputs.json"];
    sandbox.run(&apply).expect_code(0);
    let text = std::fs::read_to_string(sandbox.path("outputs.json")).unwrap();
    let outputs: serde_json::Value = serde_json::from_str(&text).unwrap();
    let codes = outputs["stacks"].as_array().unwrap().iter();
    let codes: Vec<_> = codes.map(|it| it["exit_code"].as_u64()).collect();
    assert_eq!(codes, [Some(0); 3]);
    assert!(outputs["stacks"][1]["document"].is_null());
}
