//! `drift`: the detection and its report.

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::Sandbox;

const ID: &str = "1a229160-e4d9-11ee-ab67-0a4f93df83d4";
/// The id of a detection that another user started.
const OTHER: &str = "2b229160-e4d9-11ee-ab67-0a4f93df83d4";

/// A function with another runtime and another environment variable.
pub(crate) const CHANGED: &str = r#"<member>
  <LogicalResourceId>Handler</LogicalResourceId>
  <PhysicalResourceId>demo-handler</PhysicalResourceId>
  <ResourceType>AWS::Lambda::Function</ResourceType>
  <ExpectedProperties>{"Runtime":"python3.13","MemorySize":128,"Environment":{"Variables":{"A":"1"}}}</ExpectedProperties>
  <ActualProperties>{"Runtime":"python3.12","MemorySize":128,"Environment":{"Variables":{"A":"1","B":"2"}}}</ActualProperties>
  <PropertyDifferences>
    <member><PropertyPath>/Runtime</PropertyPath><ExpectedValue>python3.13</ExpectedValue><ActualValue>python3.12</ActualValue><DifferenceType>NOT_EQUAL</DifferenceType></member>
    <member><PropertyPath>/Environment/Variables/B</PropertyPath><ExpectedValue>null</ExpectedValue><ActualValue>2</ActualValue><DifferenceType>ADD</DifferenceType></member>
  </PropertyDifferences>
  <StackResourceDriftStatus>MODIFIED</StackResourceDriftStatus>
  <Timestamp>2026-05-01T10:00:01Z</Timestamp>
</member>"#;

/// A bucket that was deleted.
pub(crate) const DELETED: &str = "<member>
  <LogicalResourceId>Bucket</LogicalResourceId>
  <PhysicalResourceId>demo-data</PhysicalResourceId>
  <ResourceType>AWS::S3::Bucket</ResourceType>
  <StackResourceDriftStatus>DELETED</StackResourceDriftStatus>
  <Timestamp>2026-05-01T10:00:02Z</Timestamp>
</member>";

/// A bucket without drift.
pub(crate) const SAME: &str = "<member>
  <LogicalResourceId>Bucket</LogicalResourceId>
  <ResourceType>AWS::S3::Bucket</ResourceType>
  <StackResourceDriftStatus>IN_SYNC</StackResourceDriftStatus>
</member>";

/// Lets the service start a detection.
pub(crate) fn begins(cloud: &Cloud) {
    let result = format!("<StackDriftDetectionId>{ID}</StackDriftDetectionId>");
    cloud.on("DetectStackDrift").reply_result(&result);
}

fn status(detection: &str, stack: &str, reason: &str) -> String {
    format!(
        "<StackDriftDetectionId>{ID}</StackDriftDetectionId><DetectionStatus>{detection}</DetectionStatus>\
         <StackDriftStatus>{stack}</StackDriftStatus><DetectionStatusReason>{reason}</DetectionStatusReason>\
         <Timestamp>2026-05-01T10:00:00Z</Timestamp>"
    )
}

/// Sets the result of the detection.
pub(crate) fn ends(cloud: &Cloud, detection: &str, stack: &str, reason: &str) {
    cloud
        .on("DescribeStackDriftDetectionStatus")
        .reply_result(&status(detection, stack, reason));
}

/// Sets the drift of the resources.
pub(crate) fn finds(cloud: &Cloud, drifts: &str) {
    let result = format!("<StackResourceDrifts>{drifts}</StackResourceDrifts>");
    cloud
        .on("DescribeStackResourceDrifts")
        .reply_result(&result);
}

/// Returns the deployed project after the function was changed and the bucket was deleted.
pub(crate) fn drifted() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    begins(&cloud);
    ends(&cloud, "DETECTION_COMPLETE", "DRIFTED", "");
    finds(&cloud, &(CHANGED.to_owned() + DELETED));
    (sandbox, cloud)
}

#[test]
fn drift_is_printed_like_a_plan() {
    let (sandbox, _cloud) = drifted();
    insta::assert_snapshot!(sandbox.run(&["drift"]), @r#"
    --- stdout
    demo-dev  DRIFTED
      deployed → live

      ~ Handler  AWS::Lambda::Function
          ~ Runtime: "python3.13" → "python3.12"
          + Environment.Variables.B: "2"

      - Bucket  AWS::S3::Bucket # is deleted

    Not checked (CloudFormation does not check all types; -v lists the resources):
      AWS::IAM::Role

    Drift: 1 modified, 1 deleted, 0 in sync, 1 not checked.
    --- stderr
    hint: `stackctl diff --live -e dev` shows what `apply` does about it
    hint: `stackctl recover -e dev` reverts it
    --- exit 0
    "#);
    sandbox.run(&["drift", "--exit-code"]).expect_code(2);
}

#[test]
fn json_document_contains_everything_the_service_sent() {
    let (sandbox, _cloud) = drifted();
    let finished = sandbox.run(&["drift", "--format", "json", "--exit-code"]);
    insta::assert_snapshot!(finished, @r#"
    --- stdout
    {
      "schema": "stackctl.drift/1",
      "stack": "demo-dev",
      "id": "arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]",
      "status": "DRIFTED",
      "has_drift": true,
      "detection": {
        "id": "[UUID]",
        "status": "DETECTION_COMPLETE",
        "reason": null,
        "started": "[INSTANT]"
      },
      "resources": [
        {
          "logical_id": "Handler",
          "physical_id": "demo-handler",
          "type": "AWS::Lambda::Function",
          "status": "MODIFIED",
          "reason": null,
          "checked": "[INSTANT]",
          "expected": {
            "Runtime": "python3.13",
            "MemorySize": 128,
            "Environment": {
              "Variables": {
                "A": "1"
              }
            }
          },
          "actual": {
            "Runtime": "python3.12",
            "MemorySize": 128,
            "Environment": {
              "Variables": {
                "A": "1",
                "B": "2"
              }
            }
          },
          "differences": [
            {
              "path": "/Runtime",
              "kind": "NOT_EQUAL",
              "expected": "python3.13",
              "actual": "python3.12"
            },
            {
              "path": "/Environment/Variables/B",
              "kind": "ADD",
              "expected": null,
              "actual": "2"
            }
          ]
        },
        {
          "logical_id": "Bucket",
          "physical_id": "demo-data",
          "type": "AWS::S3::Bucket",
          "status": "DELETED",
          "reason": null,
          "checked": "[INSTANT]",
          "expected": null,
          "actual": null,
          "differences": []
        }
      ],
      "not_checked": [
        {
          "logical_id": "Role",
          "physical_id": "demo-dev-Role-1A2B3C",
          "type": "AWS::IAM::Role"
        }
      ],
      "nested": [],
      "summary": {
        "modified": 1,
        "deleted": 1,
        "in_sync": 0,
        "unknown": 0,
        "not_checked": 1
      }
    }
    --- exit 2
    "#);
}

#[test]
fn unchecked_resources_are_not_counted_as_in_sync() {
    let (sandbox, cloud) = demo::deployed();
    begins(&cloud);
    ends(&cloud, "DETECTION_COMPLETE", "IN_SYNC", "");
    finds(&cloud, SAME);
    insta::assert_snapshot!(sandbox.run(&["drift", "--exit-code"]), @r"
    --- stdout
    demo-dev  IN_SYNC

    Not checked (CloudFormation does not check all types; -v lists the resources):
      AWS::IAM::Role, AWS::Lambda::Function

    Drift: 0 modified, 0 deleted, 1 in sync, 2 not checked.
    --- exit 0
    ");
}

#[test]
fn failed_polls_are_retried() {
    let (sandbox, cloud) = demo::deployed();
    begins(&cloud);
    let poll = || cloud.on("DescribeStackDriftDetectionStatus").times(1);
    poll().reply_result(&status("DETECTION_IN_PROGRESS", "UNKNOWN", ""));
    // The SDK makes three attempts.
    let throttled = cloud.on("DescribeStackDriftDetectionStatus").times(3);
    throttled.error(400, "Throttling", "Rate exceeded");
    poll().drop_connection();
    poll().error(
        400,
        "ValidationError",
        "Drift detection with id does not exist",
    );
    poll().reply_result(&status("DETECTION_SLOWLY_IN_PROGRESS", "UNKNOWN", ""));
    ends(&cloud, "DETECTION_COMPLETE", "DRIFTED", "");
    finds(&cloud, CHANGED);
    let finished = sandbox.run(&["drift", "--exit-code"]).expect_code(2);
    finished.expect_stdout("1 modified");
    assert_eq!(
        cloud.calls_of("DetectStackDrift").len(),
        1,
        "asked for once"
    );
}

#[test]
fn denied_polls_fail_at_once() {
    for (code, message) in [
        (
            "AccessDenied",
            "not authorized to perform: cloudformation:X",
        ),
        ("ExpiredToken", "The security token is expired"),
    ] {
        let (sandbox, cloud) = demo::deployed();
        begins(&cloud);
        let look = "DescribeStackDriftDetectionStatus";
        cloud.on(look).error(403, code, message);
        let finished = sandbox.run(&["drift"]).expect_code(1);
        finished.expect_stderr(message);
        assert!(cloud.calls_of(look).len() < 10, "{code}");
    }
}

#[test]
fn failed_detection_shows_its_findings_and_exits_nonzero() {
    for (found, code) in [(CHANGED, 2), (SAME, 1)] {
        let (sandbox, cloud) = demo::deployed();
        begins(&cloud);
        let reason = "Failed to detect drift on resources [Role]";
        ends(&cloud, "DETECTION_FAILED", "UNKNOWN", reason);
        let unknown = "<member><LogicalResourceId>Role</LogicalResourceId>\
            <ResourceType>AWS::IAM::Role</ResourceType>\
            <StackResourceDriftStatus>UNKNOWN</StackResourceDriftStatus>\
            <DriftStatusReason>iam:GetRole is not allowed</DriftStatusReason></member>";
        finds(&cloud, &(found.to_owned() + unknown));
        sandbox
            .run(&["drift", "--exit-code"])
            .expect_code(code)
            .expect_stderr(reason)
            .expect_stdout(
                "? Role  AWS::IAM::Role # could not be checked: iam:GetRole is not allowed",
            );
    }
}

#[test]
fn all_pages_are_read_and_only_filters_resources() {
    let (sandbox, cloud) = drifted();
    cloud.forget_calls();
    let page = |token: &str, drifts: &str| {
        format!("<NextToken>{token}</NextToken><StackResourceDrifts>{drifts}</StackResourceDrifts>")
    };
    let (sandbox_of_pages, cloud_of_pages) = demo::deployed();
    begins(&cloud_of_pages);
    ends(&cloud_of_pages, "DETECTION_COMPLETE", "DRIFTED", "");
    let first = cloud_of_pages.on("DescribeStackResourceDrifts");
    let first = first.only(|call| call.parameter("NextToken").is_empty());
    first.reply_result(&page("second", CHANGED));
    finds(&cloud_of_pages, DELETED);
    let finished = sandbox_of_pages.run(&["drift"]);
    finished.expect_stdout("1 modified, 1 deleted");

    let finished = sandbox.run(&["drift", "--only", "Handler"]);
    finished.expect_stdout("1 modified, 0 deleted, 0 in sync, 0 not");
    let asked = cloud.calls_of("DetectStackDrift").remove(0);
    assert_eq!(asked.list("LogicalResourceIds"), ["Handler"]);

    insta::assert_snapshot!(sandbox.run(&["drift", "--only", "Handlr"]), @r"
    --- stderr
    error: the stack `demo-dev` has no resource `Handlr`
    hint: did you mean `Handler`?
    --- exit 1
    ");
    assert_eq!(cloud.calls_of("DetectStackDrift").len(), 1);
}

/// A detection that another user started may check other resources, and no response says which.
#[test]
fn running_detection_is_waited_for() {
    let named = format!("Drift detection operation [{OTHER}] is already in progress");
    for message in [
        named.as_str(),
        "Drift detection is already in progress for stack arn:aws:cloudformation:x",
    ] {
        let (sandbox, cloud) = demo::deployed();
        let busy = cloud.on("DetectStackDrift").times(2);
        busy.error(400, "ValidationError", message);
        begins(&cloud);
        ends(&cloud, "DETECTION_COMPLETE", "DRIFTED", "");
        finds(&cloud, CHANGED);
        sandbox.run(&["drift", "--exit-code"]).expect_code(2);
        assert_eq!(cloud.calls_of("DetectStackDrift").len(), 3);
        let looks = cloud.calls_of("DescribeStackDriftDetectionStatus");
        assert_eq!(looks[0].parameter("StackDriftDetectionId"), ID);
    }
}

#[test]
fn too_many_names_for_a_request_check_the_whole_stack() {
    let (sandbox, cloud) = demo::in_cloud();
    let names: Vec<String> = (0..201).map(|number| format!("Topic{number}")).collect();
    let mut template = "Resources:\n".to_owned();
    for name in &names {
        template += &format!("  {name}: {{Type: 'AWS::SNS::Topic'}}\n");
    }
    sandbox.write("stack.yaml.j2", template);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    begins(&cloud);
    ends(&cloud, "DETECTION_COMPLETE", "IN_SYNC", "");
    finds(&cloud, "");
    for (asked, sent) in [(200, 200), (201, 0)] {
        cloud.forget_calls();
        let only = names[..asked].join(",");
        let finished = sandbox.run(&["drift", "--only", &only]).expect_code(0);
        let counted = format!("0 in sync, {asked} not checked");
        finished.expect_stdout(&counted);
        let call = cloud.calls_of("DetectStackDrift").remove(0);
        assert_eq!(call.list("LogicalResourceIds").len(), sent);
    }
}

#[test]
fn drift_refuses_a_stack_that_is_busy_or_failed() {
    let (sandbox, cloud) = demo::in_cloud();
    insta::assert_snapshot!(sandbox.run(&["drift"]), @r"
    --- stderr
    error: the stack `demo-dev` is not deployed
    hint: `stackctl apply -e dev` deploys it
    --- exit 1
    ");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    for (status, way) in [
        ("UPDATE_IN_PROGRESS", "status"),
        ("ROLLBACK_COMPLETE", "recover"),
    ] {
        cloud.account().put_into("demo-dev", &[(status, "")]);
        let finished = sandbox.run(&["drift"]).expect_code(4);
        finished.expect_stderr(status);
        let hint = format!("hint: `stackctl {way} -e dev`");
        finished.expect_stderr(&hint);
    }
    assert!(cloud.calls_of("DetectStackDrift").is_empty());
}

#[test]
fn secrets_are_masked_on_both_sides() {
    let (sandbox, cloud) = demo::in_cloud();
    let template = demo::TEMPLATE
        .replacen(
            "Resources:",
            "Parameters:\n  Word:\n    Type: String\n    NoEcho: true\nResources:",
            1,
        )
        .replace(
            "Handler: app.handler\n",
            "Handler: app.handler\n      Environment: {Variables: {A: !Ref Word}}\n",
        );
    sandbox.write("stack.yaml.j2", template);
    sandbox.append("manifest.toml", "[parameters]\nWord = \"deployed-word\"\n");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    begins(&cloud);
    ends(&cloud, "DETECTION_COMPLETE", "DRIFTED", "");
    let difference = "<member><PropertyPath>/Environment/Variables/A</PropertyPath>\
        <ExpectedValue>deployed-word</ExpectedValue><ActualValue>edited-word</ActualValue>\
        <DifferenceType>NOT_EQUAL</DifferenceType></member></PropertyDifferences>";
    let changed = CHANGED
        .replacen(r#""A":"1""#, r#""A":"deployed-word""#, 1)
        .replacen(r#""A":"1""#, r#""A":"edited-word""#, 1)
        .replace("</PropertyDifferences>", difference);
    finds(&cloud, &changed);
    for format in ["human", "json"] {
        let finished = sandbox.run(&["drift", "--format", format]).expect_code(0);
        let shown = finished.to_string();
        assert!(!shown.contains("-word"), "{finished}");
        assert!(shown.contains("****"), "{finished}");
        assert!(shown.contains("python3.12"), "{finished}");
    }
    // The secret was copied to a property that is not secret.
    let cloud = Cloud::start();
    let sandbox = sandbox.cloud(&cloud);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    begins(&cloud);
    ends(&cloud, "DETECTION_COMPLETE", "DRIFTED", "");
    finds(&cloud, &CHANGED.replace(">2<", ">deployed-word<"));
    let finished = sandbox.run(&["drift"]).expect_code(0);
    finished.expect_stdout("Environment.Variables.B");
    assert!(!finished.stdout.contains("deployed-word"), "{finished}");
}
