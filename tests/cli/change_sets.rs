//! Change sets that arrive in parts: pages, descriptions without values, nested change sets.

use std::fmt::Write;

use crate::cloud::{Call, Cloud};
use crate::demo;
use crate::sandbox::Sandbox;

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:cloudformation:eu-west-1:123456789012:changeSet/{name}/1")
}

/// Returns the result of `DescribeChangeSet`.
fn described(name: &str, status: &str, reason: &str, changes: &str) -> String {
    let execution = if status == "CREATE_COMPLETE" {
        "AVAILABLE"
    } else {
        "UNAVAILABLE"
    };
    format!(
        "<ChangeSetId>{}</ChangeSetId><ChangeSetName>{name}</ChangeSetName>\
        <StackName>{name}</StackName><StackId>{name}</StackId>\
        <Status>{status}</Status><StatusReason>{reason}</StatusReason>\
        <ExecutionStatus>{execution}</ExecutionStatus><Changes>{changes}</Changes>",
        arn(name)
    )
}

/// Returns a change of a resource, as an item of `Changes`.
pub(crate) fn change(action: &str, logical_id: &str, kind: &str) -> String {
    format!(
        "<member><Type>Resource</Type><ResourceChange><Action>{action}</Action>\
        <LogicalResourceId>{logical_id}</LogicalResourceId><ResourceType>{kind}</ResourceType>\
        </ResourceChange></member>"
    )
}

/// Returns a change of a nested stack that has a change set of this name.
pub(crate) fn nested_change(logical_id: &str, change_set: &str) -> String {
    let id = format!(
        "<ChangeSetId>{}</ChangeSetId></ResourceChange>",
        arn(change_set)
    );
    change("Modify", logical_id, "AWS::CloudFormation::Stack").replace("</ResourceChange>", &id)
}

fn with_values(call: &Call) -> bool {
    call.parameter("IncludePropertyValues") == "true"
}

/// Sets the description of the change set that `plan` creates.
pub(crate) fn answer_root(cloud: &Cloud, status: &str, reason: &str, changes: &str) {
    cloud
        .on("DescribeChangeSet")
        .only(|call| {
            let name = call.parameter("ChangeSetName");
            name.contains("stackctl-tmp-") || name == arn("root")
        })
        .reply_result(&described("root", status, reason, changes));
}

/// Sets the description of a nested change set.
pub(crate) fn answer_nested(
    cloud: &Cloud,
    name: &'static str,
    status: &str,
    reason: &str,
    changes: &str,
) {
    cloud
        .on("DescribeChangeSet")
        .only(move |call| call.parameter("ChangeSetName") == arn(name))
        .reply_result(&described(name, status, reason, changes));
}

/// Returns a project whose template has a nested stack.
pub(crate) fn nesting() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    let template = "Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      \
        TemplateURL: https://example.com/child.yaml\n";
    (sandbox.file("stack.yaml.j2", template), cloud)
}

#[test]
fn refused_change_set_has_the_hint_of_the_known_cause() {
    let refused = |code: &str, message: &str| {
        let (sandbox, cloud) = demo::in_cloud();
        cloud.on("CreateChangeSet").error(400, code, message);
        sandbox.run(&["plan"])
    };
    let message = "Requires capabilities : [CAPABILITY_NAMED_IAM]";
    insta::assert_snapshot!(refused("InsufficientCapabilitiesException", message), @r#"
    --- stderr
    error: cannot create a change set for `demo-dev`
      caused by: Requires capabilities : [CAPABILITY_NAMED_IAM] (InsufficientCapabilitiesException)
    hint: the template needs a capability that is not acknowledged: set `stack.capabilities = ["CAPABILITY_NAMED_IAM"]` in the manifest, with those that it has already
    --- exit 1
    "#);
    let message = "Parameters: [Size] must have values";
    insta::assert_snapshot!(refused("ValidationError", message), @r"
    --- stderr
    error: cannot create a change set for `demo-dev`
      caused by: Parameters: [Size] must have values (ValidationError)
    hint: the template needs values for Size: set them in `parameters` of the manifest (for a nested stack, in its `Parameters`), or give them a `Default`
    --- exit 1
    ");
    insta::assert_snapshot!(refused("ValidationError", "no such luck"), @r"
    --- stderr
    error: cannot create a change set for `demo-dev`
      caused by: no such luck (ValidationError)
    --- exit 1
    ");
}

#[test]
fn failed_change_set_has_the_hint_of_the_known_cause() {
    let (sandbox, cloud) = demo::in_cloud();
    let reason = "No export named demo-vpc found. Rollback requested by user.";
    answer_root(&cloud, "FAILED", reason, "");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r"
    --- stderr
    error: CloudFormation could not create a change set for `demo-dev`: No export named demo-vpc found. Rollback requested by user.
    hint: deploy the stack that exports `demo-vpc` first, to the same account and region
    --- exit 1
    ");
}

#[test]
fn plan_waits_while_the_change_set_is_pending() {
    let (sandbox, cloud) = demo::in_cloud();
    for status in ["CREATE_PENDING", "CREATE_IN_PROGRESS"] {
        let answer = described("root", status, "", "");
        cloud.on("DescribeChangeSet").times(1).reply_result(&answer);
    }
    let plan = sandbox.json(&["plan"]);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 3, "{plan:#}");
    assert_eq!(plan["change_set"]["status"], "CREATE_COMPLETE");
}

#[test]
fn large_change_sets_are_read_in_pages() {
    for count in [200, 500] {
        let (sandbox, cloud) = demo::in_cloud();
        let mut template = "Resources:\n".to_owned();
        for number in 0..count {
            writeln!(template, "  Topic{number:03}:\n    Type: AWS::SNS::Topic").unwrap();
        }
        sandbox.write("stack.yaml.j2", template);
        cloud.account().page_size = 33;
        let plan = sandbox.json(&["plan"]);
        let changes = plan["changes"].as_array().unwrap();
        let ids = changes
            .iter()
            .map(|change| change["logical_id"].as_str().unwrap());
        let expected = (0..count).map(|number| format!("Topic{number:03}"));
        assert!(ids.eq(expected), "{plan:#}");
        assert_eq!(plan["summary"]["add"], count);
    }
}

#[test]
fn repeated_page_token_ends_the_reading() {
    let (sandbox, cloud) = demo::in_cloud();
    let topic = change("Add", "Topic", "AWS::SNS::Topic");
    let answer = described("root", "CREATE_COMPLETE", "", &topic);
    let answer = answer.replace("<Changes>", "<NextToken>again</NextToken><Changes>");
    cloud
        .on("DescribeChangeSet")
        .only(|call| call.parameter("ChangeSetName").contains("stackctl-tmp-"))
        .reply_result(&answer);
    let plan = sandbox.json(&["plan"]);
    assert_eq!(plan["summary"]["add"], 1, "{plan:#}");
    assert!(cloud.calls_of("DescribeChangeSet").len() < 10);
}

#[test]
fn changes_missing_from_the_property_values_are_shown_with_the_warning() {
    let (sandbox, cloud) = demo::changed();
    let warning = "[WARN] --include-property-values option can return incomplete ChangeSet data \
        because: Logical Id: Role, failed property validation";
    cloud
        .on("DescribeChangeSet")
        .only(with_values)
        .reply_result(&described("root", "CREATE_COMPLETE", warning, ""));
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]
    warning: [WARN] --include-property-values option can return incomplete ChangeSet data because: Logical Id: Role, failed property validation

      ~ Role  AWS::IAM::Role
          ~ Description: "first" → "second"

    Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
    --- exit 0
    "#);
    let plan = sandbox.json(&["plan"]);
    assert_eq!(plan["warnings"][0], warning);
}

#[test]
fn missing_reason_is_requested_without_property_values() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud
        .on("DescribeChangeSet")
        .only(with_values)
        .reply_result(&described("root", "FAILED", "", ""));
    answer_root(&cloud, "FAILED", "No updates are to be performed.", "");
    let finished = sandbox.run(&["plan"]).expect_code(0);
    assert!(finished.to_string().contains("No changes."), "{finished}");
}

#[test]
fn nested_stacks_are_shown_under_their_parent_and_counted() {
    let (sandbox, cloud) = nesting();
    let child = nested_change("Child", "child");
    let topic = change("Add", "Topic", "AWS::SNS::Topic");
    answer_root(&cloud, "CREATE_COMPLETE", "", &(child + &topic));
    let inner = nested_change("Inner", "inner");
    let queue = change("Remove", "Queue", "AWS::SQS::Queue");
    let executable = "Only executable from the root change set.";
    answer_nested(
        &cloud,
        "child",
        "CREATE_COMPLETE",
        executable,
        &(inner + &queue),
    );
    // A nested change set that names its own ancestor is not followed again.
    let table = change("Add", "Table", "AWS::DynamoDB::Table");
    let cycle = nested_change("Cycle", "child");
    answer_nested(
        &cloud,
        "inner",
        "CREATE_COMPLETE",
        executable,
        &(cycle + &table),
    );

    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stdout
    New stack    demo-dev (environment dev)
    Account      123456789012
    Region       eu-west-1
    Endpoint     http://127.0.0.1:[PORT]

    Danger
      DANGER   Child/Queue is deleted with its waiting messages
               fix: deploy `DeletionPolicy: Retain` first, then remove it

      ~ Child  AWS::CloudFormation::Stack
          ~ Inner  AWS::CloudFormation::Stack
              ~ Cycle  AWS::CloudFormation::Stack
              + Table  AWS::DynamoDB::Table
          - Queue  AWS::SQS::Queue

      + Topic  AWS::SNS::Topic

    Tags
          + stackctl:project: "demo"
          + stackctl:environment: "dev"

    Plan: 2 to add, 3 to change, 0 to replace, 1 to destroy.
    --- stderr
    warning[unread-variable]: no template reads `vars.description`
      --> manifest.toml:12:15
       |
    12 | description = "first"
       |               ^^^^^^^

    --- exit 0
    "#);
    let created = cloud.calls_of("CreateChangeSet").remove(0);
    assert_eq!(created.parameter("IncludeNestedStacks"), "true");
    let plan = sandbox.json(&["plan"]);
    let inner = &plan["changes"][0]["nested"]["changes"][0];
    assert_eq!(
        inner["nested"]["changes"][1]["logical_id"], "Table",
        "{plan:#}"
    );
    assert_eq!(
        plan["changes"][0]["nested"]["change_set"]["reason"],
        executable
    );
}

#[test]
fn template_without_nested_stacks_does_not_request_them() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.run(&["plan"]).expect_code(0);
    let created = cloud.calls_of("CreateChangeSet").remove(0);
    assert_eq!(created.parameter("IncludeNestedStacks"), "");
}

#[test]
fn failed_nested_change_set_shows_its_own_reason() {
    let (sandbox, cloud) = nesting();
    let failed = |name: &str| {
        let arn = arn(name);
        format!("Nested change set {arn} was not successfully created: Currently in FAILED.")
    };
    let child = nested_change("Child", "child");
    answer_root(&cloud, "FAILED", &failed("child"), &child);
    // Only the reason names the inner change set.
    answer_nested(&cloud, "child", "FAILED", &failed("inner"), "");
    let reason = "Template format error: Unresolved resource dependencies [Nowhere]";
    answer_nested(&cloud, "inner", "FAILED", reason, "");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    warning[unread-variable]: no template reads `vars.description`
      --> manifest.toml:12:15
       |
    12 | description = "first"
       |               ^^^^^^^

    error: CloudFormation could not create a change set for `demo-dev`, nested stack `Child/inner`: Template format error: Unresolved resource dependencies [Nowhere]
    hint: CloudFormation rejects the template, or a value of its parameters; change what the message names, and check it: `stackctl validate -e dev`
    --- exit 1
    "#);
}
