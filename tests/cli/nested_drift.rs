//! `drift` in nested stacks: each has a detection of its own.

use serde_json::Value;

use crate::cloud::{Call, Cloud, Deployment};
use crate::demo;
use crate::drift::{CHANGED, SAME};
use crate::live::describes_a_drift_revert;
use crate::sandbox::Sandbox;

const INNER: &str = "Parameters:\n  Name: {Type: String}\nResources:\n  Topic:\n    Type: AWS::SNS::Topic\n    \
    Properties: {DisplayName: !Ref Name, TracingConfig: Active}\n  \
    Deep:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: 'https://x/y'}\n";

const DEEP: &str =
    "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n  Route: {Type: AWS::EC2::Route}\n";

/// A topic with another name and other tracing.
const TOPIC: &str = r#"<member>
  <LogicalResourceId>Topic</LogicalResourceId><ResourceType>AWS::SNS::Topic</ResourceType>
  <ExpectedProperties>{"DisplayName":"the-name","TracingConfig":"Active"}</ExpectedProperties>
  <ActualProperties>{"DisplayName":"other-name","TracingConfig":"PassThrough"}</ActualProperties>
  <PropertyDifferences>
    <member><PropertyPath>/DisplayName</PropertyPath><ExpectedValue>the-name</ExpectedValue><ActualValue>other-name</ActualValue><DifferenceType>NOT_EQUAL</DifferenceType></member>
    <member><PropertyPath>/TracingConfig</PropertyPath><ExpectedValue>Active</ExpectedValue><ActualValue>PassThrough</ActualValue><DifferenceType>NOT_EQUAL</DifferenceType></member>
  </PropertyDifferences>
  <StackResourceDriftStatus>MODIFIED</StackResourceDriftStatus>
</member>"#;

const QUEUE: &str = "<member><LogicalResourceId>Queue</LogicalResourceId>\
    <ResourceType>AWS::SQS::Queue</ResourceType>\
    <StackResourceDriftStatus>DELETED</StackResourceDriftStatus></member>";

/// Returns whether a call is about a stack, by a part of its name or ARN.
fn about(stack: &'static str) -> impl Fn(&Call) -> bool + Send + 'static {
    move |call| call.parameter("StackName").contains(stack)
}

/// Lets detections of a stack find something.
fn finds(cloud: &Cloud, stack: &'static str, status: &str, drifts: &str) {
    let id = format!("<StackDriftDetectionId>{stack}</StackDriftDetectionId>");
    let begins = cloud.on("DetectStackDrift").only(about(stack));
    begins.reply_result(&id);
    let poll = cloud.on("DescribeStackDriftDetectionStatus");
    let poll = poll.only(move |call| call.parameter("StackDriftDetectionId") == stack);
    poll.reply_result(&format!(
        "{id}<DetectionStatus>DETECTION_COMPLETE</DetectionStatus>\
         <StackDriftStatus>{status}</StackDriftStatus>"
    ));
    let found = cloud.on("DescribeStackResourceDrifts").only(about(stack));
    found.reply_result(&format!(
        "<StackResourceDrifts>{drifts}</StackResourceDrifts>"
    ));
}

/// Returns a deployed project with two levels of nested stacks.
fn nested() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::with_nested(&["Nested"]);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    {
        let mut account = cloud.account();
        account.deploy("inner", Deployment::of(INNER));
        account.deploy("deepest", Deployment::of(DEEP));
        let id = account.stack("inner").id.clone();
        account.stack("demo-dev").resources["Nested"].physical_id = id;
        let id = account.stack("deepest").id.clone();
        account.stack("inner").resources["Deep"].physical_id = id;
    }
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Returns the same with drift in both nested stacks, and none in their parent.
fn drifted() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = nested();
    finds(&cloud, "demo-dev", "IN_SYNC", SAME);
    finds(&cloud, "inner", "DRIFTED", TOPIC);
    finds(&cloud, "deepest", "DRIFTED", QUEUE);
    (sandbox, cloud)
}

#[test]
fn resources_of_nested_stacks_are_below_their_parents() {
    let (sandbox, cloud) = drifted();
    insta::assert_snapshot!(sandbox.run(&["drift", "--exit-code"]), @r#"
    --- stdout
    demo-dev  IN_SYNC, nested stacks DRIFTED
      deployed → live

      ~ Nested  AWS::CloudFormation::Stack

          ~ Topic  AWS::SNS::Topic
              ~ DisplayName: "the-name" → "other-name"
              ~ TracingConfig: "Active" → "PassThrough"

          ~ Deep  AWS::CloudFormation::Stack

              - Queue  AWS::SQS::Queue # is deleted

    Not checked (CloudFormation does not check all types; -v lists the resources):
      AWS::IAM::Role, AWS::Lambda::Function, AWS::EC2::Route

    Drift: 1 modified, 1 deleted, 1 in sync, 3 not checked.
    --- stderr
    hint: `stackctl recover -e dev` reverts it as far as CloudFormation can, and names the rest
    --- exit 2
    "#);
    assert_eq!(cloud.calls_of("DetectStackDrift").len(), 3);
    let finished = sandbox.run(&["drift", "--format", "json"]).expect_code(0);
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(document["status"], "IN_SYNC");
    assert_eq!(document["has_drift"], true);
    let inner = &document["nested"][0];
    assert_eq!(inner["logical_id"], "Nested");
    assert_eq!(inner["reason"], Value::Null);
    assert_eq!(inner["detection"]["status"], "DETECTION_COMPLETE");
    assert_eq!(inner["resources"][0]["logical_id"], "Topic");
    let deep = &inner["nested"][0];
    assert_eq!(deep["resources"][0]["status"], "DELETED");
    assert_eq!(deep["not_checked"][0]["logical_id"], "Route");
    assert_eq!(document["summary"]["deleted"], 1);
}

#[test]
fn only_names_a_nested_stack_or_a_resource_in_it() {
    let (sandbox, cloud) = drifted();
    let asked = |only: &str| {
        cloud.forget_calls();
        let finished = sandbox.run(&["drift", "--only", only]).expect_code(0);
        let calls = cloud.calls_of("DetectStackDrift").into_iter();
        let mut calls: Vec<String> = calls
            .map(|call| {
                let stack = call.parameter("StackName").split('/').nth(1);
                let names = call.list("LogicalResourceIds").join(",");
                format!("{}:{names}", stack.unwrap_or("root"))
            })
            .collect();
        calls.sort();
        (finished, calls)
    };
    let (finished, calls) = asked("Nested");
    assert_eq!(calls, ["deepest:", "inner:"]);
    finished.expect_stdout("demo-dev  NOT_CHECKED, nested stacks DRIFTED");
    let (finished, calls) = asked("Nested.Topic");
    assert_eq!(calls, ["inner:Topic"]);
    finished.expect_stdout("Drift: 1 modified, 0 deleted, 0 in sync, 0 not checked.");
    let (finished, calls) = asked("Bucket,Nested.Deep.Queue");
    assert_eq!(calls, ["deepest:Queue", "root:Bucket"]);
    finished.expect_stdout("Drift: 0 modified, 1 deleted, 1 in sync, 0 not checked.");
    for (only, message) in [
        (
            "Nested.Topci",
            "the nested stack `Nested` has no resource `Topci`",
        ),
        (
            "Nested.Deep.X",
            "the nested stack `Deep` has no resource `X`",
        ),
        (
            "Bucket.X",
            "the stack `demo-dev` has no resource `Bucket.X`",
        ),
        ("Nested.", "the nested stack `Nested` has no resource ``"),
    ] {
        sandbox
            .run(&["drift", "--only", only])
            .expect_code(1)
            .expect_stderr(message);
    }
}

#[test]
fn a_nested_stack_that_cannot_be_checked_does_not_hide_the_others() {
    let (sandbox, cloud) = nested();
    finds(&cloud, "demo-dev", "DRIFTED", CHANGED);
    let denied = cloud.on("DetectStackDrift").only(about("inner"));
    denied.error(
        403,
        "AccessDenied",
        "not authorized to perform: cloudformation:X",
    );
    finds(&cloud, "deepest", "DRIFTED", QUEUE);
    let finished = sandbox.run(&["drift"]).expect_code(1);
    finished.expect_stdout("~ Handler  AWS::Lambda::Function");
    finished.expect_stdout(
        "? Nested  AWS::CloudFormation::Stack # could not be checked: cannot detect drift",
    );
    finished
        .expect_stderr("drift detection could not check everything: Nested: cannot detect drift");
    sandbox
        .run(&["drift", "--exit-code"])
        .expect_code(2)
        .expect_stderr("not authorized");
    cloud.account().put_into("inner", &[("DELETE_FAILED", "")]);
    sandbox
        .run(&["drift"])
        .expect_code(1)
        .expect_stdout("could not be checked: the stack is DELETE_FAILED");
}

#[test]
fn old_reads_and_lost_answers_of_nested_stacks_decide_nothing() {
    let (sandbox, cloud) = nested();
    let stale = cloud.on("DescribeStacks").only(about("inner")).times(1);
    stale.error(400, "ValidationError", "Stack with id inner does not exist");
    let lost = cloud.on("DetectStackDrift").only(about("deepest")).times(1);
    lost.drop_connection();
    let busy = cloud.on("DetectStackDrift").only(about("deepest")).times(1);
    busy.error(
        400,
        "ValidationError",
        "Drift detection is already in progress for stack deepest",
    );
    let lost = cloud.on("DescribeStackDriftDetectionStatus").times(1);
    lost.drop_connection();
    finds(&cloud, "demo-dev", "IN_SYNC", SAME);
    finds(&cloud, "inner", "DRIFTED", TOPIC);
    finds(&cloud, "deepest", "DRIFTED", QUEUE);
    sandbox
        .run(&["drift", "--exit-code"])
        .expect_code(2)
        .expect_stdout("Drift: 1 modified, 1 deleted, 1 in sync");
}

#[test]
fn a_secret_that_is_passed_to_a_nested_stack_is_masked_in_it() {
    let (sandbox, cloud) = drifted();
    let mut template = cloud.account().stack("demo-dev").deployed.clone().unwrap();
    template.template = template.template.replacen(
        "Resources:",
        "Parameters:\n  Word: {Type: String, NoEcho: true, Default: x}\nResources:",
        1,
    );
    template.template = template.template.replace(
        "TemplateURL:",
        "Parameters: {Name: !Ref Word}\n      TemplateURL:",
    );
    cloud.account().stack("demo-dev").deployed = Some(template);
    for format in ["human", "json"] {
        let finished = sandbox.run(&["drift", "--format", format]).expect_code(0);
        assert!(!finished.stdout.contains("-name"), "{finished}");
        finished.expect_stdout("PassThrough");
    }
}

#[test]
fn recover_and_revert_drift_name_what_they_do_not_reach() {
    let (sandbox, cloud) = drifted();
    cloud.on("CreateChangeSet").reply_result("<Id>arn:set</Id>");
    describes_a_drift_revert(&cloud);
    let finished = sandbox.run(&["recover"]).expect_code(4);
    for line in [
        "To revert manually, because CloudFormation does not revert it:",
        "~ Nested.Topic  AWS::SNS::Topic",
        "- Nested.Deep.Queue  AWS::SQS::Queue # is deleted",
    ] {
        finished.expect_stdout(line);
    }
    let plan = sandbox.run(&["plan", "--revert-drift"]).expect_code(0);
    plan.expect_stderr(
        "warning: drift inside nested stacks is not reverted where the change set changes nothing in \
         them: `Nested`",
    );
    plan.expect_stderr("hint: `stackctl drift -e dev` shows it");
}

#[test]
fn diff_shows_live_resources_of_nested_stacks_below_their_parents() {
    let (sandbox, _cloud) = drifted();
    let live = sandbox
        .run(&["diff", "--live", "--exit-code"])
        .expect_code(2);
    live.expect_stdout(
        "Live  deployed → live
  ~ Nested  AWS::CloudFormation::Stack
      ~ Topic  AWS::SNS::Topic
          ~ DisplayName: \"the-name\" → \"other-name\"
          ~ TracingConfig: \"Active\" → \"PassThrough\"
      ~ Deep  AWS::CloudFormation::Stack
          - Queue  AWS::SQS::Queue # is deleted
Drift: 1 modified, 1 deleted, 1 in sync, 3 not checked.",
    );
    live.expect_stderr(
        "`stackctl plan --revert-drift -e dev` shows a deployment that reverts drift",
    );
    let document = sandbox.json(&["diff", "--live"]);
    let inner = &document["live"]["nested"][0];
    assert_eq!(inner["logical_id"], "Nested");
    assert_eq!(inner["resources"][0]["logical_id"], "Topic");
    assert_eq!(inner["nested"][0]["resources"][0]["status"], "DELETED");
    let page = sandbox.run(&["diff", "--live", "--format", "markdown"]);
    let page = page.expect_code(0);
    page.expect_stdout("<b>Nested.Topic</b> AWS::SNS::Topic");
    page.expect_stdout("<b>Nested.Deep.Queue</b> AWS::SQS::Queue is deleted");
    let lines = sandbox.run(&["diff", "--live", "--format", "unified"]);
    let lines = lines.expect_code(0);
    lines.expect_stdout("--- Nested.Topic, as deployed");
    lines.expect_stdout("+++ Nested.Topic, live");
}
