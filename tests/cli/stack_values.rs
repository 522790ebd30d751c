//! Values between stacks: outputs that are parameters of other stacks (`from_stack`), and plans that
//! depend on other plans.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"
project = "shop"
environment = "dev"
region = "eu-west-1"
allow_endpoint = true

[stacks.network]
template = "network.yaml"

[stacks.app]
template = "app.yaml"
parameters.TopicName = { from_stack = "network", output = "TopicName" }
"#;

const NETWORK: &str = "Parameters:
  Env: {Type: String, Default: dev}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: first, DisplayName: one}
Outputs:
  TopicName: {Value: !GetAtt Topic.TopicName}
  Name: {Value: !Sub 'name-${Env}', Export: {Name: shop-name}}
";

const APP: &str = "Parameters:
  TopicName: {Type: String}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub 'q-${TopicName}'}
";

fn project() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("network.yaml", NETWORK)
        .file("app.yaml", APP)
        .cloud(&cloud);
    (sandbox, cloud)
}

/// Returns the project with both stacks deployed.
fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = project();
    for stack in ["network", "app"] {
        sandbox.run(&["apply", "--yes", "-s", stack]).expect_code(0);
    }
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Returns the value that was sent last for a parameter of the stack `app`.
fn sent(cloud: &Cloud) -> String {
    let calls = cloud.calls_of("CreateChangeSet");
    let call = calls.last().unwrap();
    call.parameter("Parameters.member.1.ParameterValue")
        .to_owned()
}

/// Returns the plan of a stack in the document of several.
fn plan_of<'d>(document: &'d Value, stack: &str) -> &'d Value {
    let stacks = document["stacks"].as_array().unwrap();
    let entry = stacks.iter().find(|it| it["stack"] == stack).unwrap();
    &entry["document"]
}

#[test]
fn the_output_of_the_deployed_stack_is_sent() {
    let (sandbox, cloud) = deployed();
    let name = cloud.account().stack("shop-network-dev").outputs["TopicName"].clone();
    sandbox.edit("app.yaml", "q-", "p-");
    sandbox.run(&["plan", "-s", "app"]).expect_code(0);
    assert_eq!(sent(&cloud), name);
}

#[test]
fn an_unchanged_plan_reads_the_other_stack_at_the_same_time() {
    let (sandbox, cloud) = deployed();
    let plan = sandbox.run(&["plan", "-s", "app"]).expect_code(0);
    plan.expect_stdout("No changes. The stack matches the files.");
    let mut operations = cloud.operations();
    operations.sort();
    assert_eq!(
        operations,
        [
            "DescribeStacks",
            "DescribeStacks",
            "GetCallerIdentity",
            "GetTemplate"
        ]
    );
    for command in [
        &["config", "show", "-s", "app"][..],
        &["render", "-s", "app"],
        &["package", "-s", "app"],
    ] {
        cloud.forget_calls();
        sandbox.run(command).expect_code(0);
        assert!(
            cloud.operations().is_empty(),
            "{command:?}: {:?}",
            cloud.operations()
        );
    }
}

#[test]
fn a_stack_that_is_not_deployed_comes_first() {
    let (sandbox, cloud) = project();
    let refused = sandbox.run(&["apply", "--yes", "-s", "app"]).expect_code(1);
    refused.expect_stderr(
        "the parameter `TopicName` has no value: the stack `network` (`shop-network-dev`) is not deployed",
    );
    refused.expect_stderr("`stackctl apply -s network -e dev` deploys it");
    refused.expect_stderr("manifest.toml:12");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn an_output_that_does_not_exist_is_named_with_the_nearest() {
    let (sandbox, _cloud) = deployed();
    sandbox.edit(
        "manifest.toml",
        "output = \"TopicName\"",
        "output = \"TopicNam\"",
    );
    let refused = sandbox.run(&["plan", "-s", "app"]).expect_code(1);
    refused.expect_stderr("the stack `network` (`shop-network-dev`) has no output `TopicNam`");
    refused.expect_stderr("did you mean `TopicName`?");
    // What reads no output is not concerned.
    sandbox.run(&["render", "-s", "app"]).expect_code(0);
}

#[test]
fn a_plan_says_that_its_input_may_change() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("network.yaml", "  Topic:\n", "  Other:\n");
    sandbox.edit("network.yaml", "!GetAtt Topic.", "!GetAtt Other.");
    let plan = sandbox.run(&["plan"]).expect_code(0);
    plan.expect_stdout("Provisional  the plan may differ after network is applied");
    plan.expect_stdout("(may change with network: output TopicName)");
    let document = sandbox.json(&["plan"]);
    assert_eq!(plan_of(&document, "network")["provisional"], json!([]));
    let provisional = &plan_of(&document, "app")["provisional"][0];
    assert_eq!(provisional["parameter"], "TopicName");
    assert_eq!(provisional["stack"], "network");
    assert_eq!(provisional["output"], "TopicName");
    assert_eq!(provisional["change"], "may-change");
    assert_eq!(provisional["cause"], "its definition changes");
    let markdown = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    markdown.expect_stdout("Provisional: the plan may differ after network is applied.");
    // What is planned alone is planned with what is deployed.
    cloud.forget_calls();
    let alone = sandbox.json(&["plan", "-s", "app"]);
    assert_eq!(alone["provisional"], json!([]));
}

#[test]
fn a_plan_is_made_with_a_new_value_that_is_known() {
    let (sandbox, cloud) = deployed();
    sandbox.edit(
        "manifest.toml",
        "output = \"TopicName\"",
        "output = \"Name\"",
    );
    sandbox.run(&["apply", "--yes", "-s", "app"]).expect_code(0);
    sandbox.edit("network.yaml", "name-$", "other-$");
    cloud.forget_calls();
    let document = sandbox.json(&["plan"]);
    let app = plan_of(&document, "app");
    assert_eq!(app["provisional"][0]["change"], "changes");
    assert_eq!(app["provisional"][0]["after"], "other-dev");
    assert_eq!(sent(&cloud), "other-dev");
    let human = sandbox.run(&["plan"]).expect_code(0);
    human.expect_stdout(
        "TopicName: \"name-dev\" → \"other-dev\" (changes with network: output Name)",
    );
}

#[test]
fn an_unchanged_output_makes_nothing_provisional() {
    let (sandbox, _cloud) = deployed();
    sandbox.edit("network.yaml", "DisplayName: one", "DisplayName: two");
    let document = sandbox.json(&["plan"]);
    assert_eq!(plan_of(&document, "network")["has_changes"], true);
    let app = plan_of(&document, "app");
    assert_eq!(app["provisional"], json!([]));
    assert_eq!(app["has_changes"], false);
}

#[test]
fn a_plan_without_its_input_is_a_prediction() {
    let (sandbox, cloud) = project();
    let plan = sandbox.run(&["plan"]).expect_code(0);
    plan.expect_stdout("+ TopicName: (known after network is applied)");
    plan.expect_stdout("This is a prediction. The plan is made again after network is applied.");
    let created = cloud.calls_of("CreateChangeSet");
    assert_eq!(created.len(), 1);
    assert_eq!(created[0].parameter("StackName"), "shop-network-dev");
    // The same for a new output of a stack that exists.
    let (sandbox, cloud) = deployed();
    sandbox.append("network.yaml", "  New: {Value: !Ref Topic}\n");
    sandbox.edit(
        "manifest.toml",
        "output = \"TopicName\"",
        "output = \"New\"",
    );
    let document = sandbox.json(&["plan"]);
    let app = plan_of(&document, "app");
    assert_eq!(app["provisional"][0]["change"], "unknown");
    assert!(
        app["prediction"].as_str().unwrap().contains("network"),
        "{app}"
    );
    assert_eq!(cloud.calls_of("CreateChangeSet").len(), 1);
    // An output that the template does not have will never exist.
    sandbox.edit("manifest.toml", "output = \"New\"", "output = \"Newer\"");
    let refused = sandbox.run(&["plan"]).expect_code(1);
    refused.expect_stderr("the template of `network` has no output `Newer`");
}

#[test]
fn a_secret_output_is_never_printed() {
    let (sandbox, cloud) = project();
    sandbox.edit(
        "network.yaml",
        "  Env: {Type: String, Default: dev}\n",
        "  Env: {Type: String, Default: dev}\n  Key: {Type: String, NoEcho: true}\n",
    );
    sandbox.append("network.yaml", "  Secret: {Value: !Sub 'k-${Key}'}\n");
    sandbox.edit(
        "manifest.toml",
        "template = \"network.yaml\"\n",
        "template = \"network.yaml\"\nparameters.Key = { from_env = \"NETWORK_KEY\" }\n",
    );
    let sandbox = sandbox.env("NETWORK_KEY", "hunter22hunter");
    sandbox.edit(
        "manifest.toml",
        "output = \"TopicName\"",
        "output = \"Secret\"",
    );
    sandbox
        .run(&["apply", "--yes", "-s", "network"])
        .expect_code(0);
    let applied = sandbox.run(&["apply", "--yes", "-s", "app"]).expect_code(0);
    assert_eq!(sent(&cloud), "k-hunter22hunter");
    for run in [
        applied,
        sandbox.run(&["plan", "-s", "app", "-v"]),
        sandbox.run(&["plan", "--format", "json"]),
    ] {
        assert!(!run.stdout.contains("hunter22") && !run.stderr.contains("hunter22"));
    }
}

#[test]
fn what_the_project_itself_imports_decides_the_order() {
    let (sandbox, cloud) = deployed();
    sandbox.append(
        "app.yaml",
        "Outputs:\n  Used: {Value: !ImportValue shop-name}\n",
    );
    cloud
        .account()
        .imports
        .insert("shop-name".to_owned(), vec!["shop-app-dev".to_owned()]);
    sandbox.edit("network.yaml", ", Export: {Name: shop-name}", "");
    let refused = sandbox
        .run(&["apply", "--yes", "-s", "network"])
        .expect_code(4);
    refused.expect_stderr("hint: in this order: 1. change `app` so that it no longer imports `shop-name`, and run `stackctl apply -s app -e dev`; 2. run `stackctl apply -s network -e dev`");
    // The new template no longer imports it, but the manifest puts it after the stack that exports.
    sandbox.edit(
        "app.yaml",
        "Outputs:\n  Used: {Value: !ImportValue shop-name}\n",
        "",
    );
    let refused = sandbox
        .run(&["apply", "--yes", "-s", "network"])
        .expect_code(4);
    refused.expect_stderr("hint: in this order: 1. run `stackctl apply -s app -e dev`; 2. run `stackctl apply -s network -e dev`; `app` comes after `network` in the manifest");
    // An output that another stack reads is removed.
    cloud.account().imports.clear();
    sandbox.edit(
        "network.yaml",
        "  TopicName: {Value: !GetAtt Topic.TopicName}\n",
        "",
    );
    let plan = sandbox.run(&["plan", "-s", "network"]).expect_code(0);
    plan.expect_stdout(
        "WARNING  TopicName is removed, and `app` takes its parameter `TopicName` from it",
    );
}

#[test]
fn an_import_that_depends_on_an_unread_value_is_not_judged_by_the_default() {
    let (sandbox, cloud) = deployed();
    sandbox.edit(
        "app.yaml",
        "TopicName: {Type: String}",
        "TopicName: {Type: String, Default: other}",
    );
    sandbox.append(
        "app.yaml",
        "Outputs:\n  Used: {Value: !ImportValue {'Fn::Sub': '${TopicName}-name'}}\n",
    );
    cloud
        .account()
        .imports
        .insert("shop-name".to_owned(), vec!["shop-app-dev".to_owned()]);
    sandbox.edit("network.yaml", ", Export: {Name: shop-name}", "");
    let refused = sandbox
        .run(&["apply", "--yes", "-s", "network"])
        .expect_code(4);
    refused.expect_stderr(
        "1. change `app` so that it no longer imports `shop-name`, and run `stackctl",
    );
}
