//! Findings of the service's checks before a change set is created.

use crate::change_sets::{answer_nested, answer_root, arn, nested_change, nesting};
use crate::cloud::xml;
use crate::demo;

const ANNOUNCED: &str = "The following hook(s)/validation failed: \
    [AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early Validation errors, use \
    the DescribeEvents API for detailed failure information.";

/// Returns a finding of a check, as an item of `DescribeEvents`.
fn finding(mode: &str, name: &str, path: &str, reason: &str) -> String {
    format!(
        "<member><EventId>{path}</EventId><EventType>VALIDATION_ERROR</EventType>\
        <LogicalResourceId>Bucket</LogicalResourceId><ResourceType>AWS::S3::Bucket</ResourceType>\
        <ValidationFailureMode>{mode}</ValidationFailureMode><ValidationName>{name}</ValidationName>\
        <ValidationStatus>FAILED</ValidationStatus><ValidationPath>{path}</ValidationPath>\
        <ValidationStatusReason>{reason}</ValidationStatusReason></member>"
    )
}

/// Returns the result of `DescribeEvents` with these items.
fn events(items: &str) -> String {
    let first = "<member><EventId>0</EventId><EventType>STACK_EVENT</EventType></member>";
    format!("<OperationEvents>{first}{items}</OperationEvents>")
}

#[test]
fn early_validation_is_shown_at_the_template_line() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.edit("stack.yaml.j2", "demo-data", "{{ vars.description }}");
    answer_root(&cloud, "FAILED", ANNOUNCED, "");
    let taken = finding(
        "FAIL",
        "NAME_CONFLICT_VALIDATION",
        "/Resources/Bucket/Properties/BucketName",
        "Resource of type 'AWS::S3::Bucket' with identifier 'first' already exists.",
    );
    cloud.on("DescribeEvents").reply_result(&events(&taken));
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[service-check]: `Bucket`: Resource of type 'AWS::S3::Bucket' with identifier 'first' already exists. (NAME_CONFLICT_VALIDATION)
      --> stack.yaml.j2:5:22
       |
     5 |       BucketName: {{ vars.description }}
       |                      ^^^^^^^^^^^^^^^^
       |
      ::: manifest.toml:12:15
       |
    12 | description = "first"
       |               ------- `vars.description` is set here

    error: CloudFormation could not create a change set for `demo-dev`: `Bucket`: Resource of type 'AWS::S3::Bucket' with identifier 'first' already exists. (NAME_CONFLICT_VALIDATION)
    --- exit 1
    "#);
    let asked = cloud.calls_of("DescribeEvents").pop().unwrap();
    assert_eq!(asked.parameter("ChangeSetName"), arn("root"));
}

#[test]
fn plan_waits_for_delayed_findings() {
    let (sandbox, cloud) = demo::in_cloud();
    answer_root(&cloud, "FAILED", ANNOUNCED, "");
    let path = "/Resources/Bucket/Properties/BucketName";
    let taken = finding("FAIL", "NAME_CONFLICT_VALIDATION", path, "is taken");
    cloud
        .on("DescribeEvents")
        .times(2)
        .reply_result(&events(""));
    cloud.on("DescribeEvents").reply_result(&events(&taken));
    let finished = sandbox.run(&["plan"]).expect_code(1);
    finished
        .expect_stderr("change set for `demo-dev`: `Bucket`: is taken (NAME_CONFLICT_VALIDATION)");
    assert_eq!(cloud.calls_of("DescribeEvents").len(), 3);
}

#[test]
fn plan_stops_waiting_for_missing_findings() {
    let (sandbox, cloud) = demo::in_cloud();
    answer_root(&cloud, "FAILED", ANNOUNCED, "");
    cloud.on("DescribeEvents").reply_result(&events(""));
    let finished = sandbox.run(&["plan"]).expect_code(1);
    finished.expect_stderr("validation failed");
    finished.expect_stderr("hint: the service has not said in time what its checks found");
    // Other failures have no findings, and a server without this operation is not asked again.
    for (reason, code) in [("Template error: X", ""), (ANNOUNCED, "InvalidAction")] {
        let (sandbox, cloud) = demo::in_cloud();
        answer_root(&cloud, "FAILED", reason, "");
        if !code.is_empty() {
            cloud.on("DescribeEvents").error(400, code, "unknown");
        }
        sandbox.run(&["plan"]).expect_code(1);
        let mut asked = cloud.calls_of("DescribeEvents");
        asked.retain(|call| call.parameter("ChangeSetName") == arn("root"));
        assert_eq!(asked.len(), 1, "{reason}");
    }
}

#[test]
fn nested_finding_is_shown_in_its_template_or_at_its_resource() {
    for has_template in [true, false] {
        let (sandbox, cloud) = nesting();
        let child = nested_change("Child", "child");
        let failed = format!(
            "Nested change set {} was not successfully created",
            arn("child")
        );
        answer_root(&cloud, "FAILED", &failed, &child);
        answer_nested(&cloud, "child", "FAILED", ANNOUNCED, "");
        let path = "/Resources/Bucket/Properties/BucketName";
        let taken = finding("FAIL", "NAME_CONFLICT_VALIDATION", path, "is taken");
        cloud
            .on("DescribeEvents")
            .only(|call| call.parameter("ChangeSetName") == arn("child"))
            .reply_result(&events(&taken));
        if has_template {
            let body = "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: x\n";
            cloud
                .on("GetTemplate")
                .only(|call| call.parameter("ChangeSetName") == arn("child"))
                .reply_result(&xml::element("TemplateBody", body));
        }
        let finished = sandbox.run(&["plan"]);
        if has_template {
            insta::assert_snapshot!(finished, @r#"
            --- stderr
            warning[unread-variable]: no template reads `vars.description`
              --> manifest.toml:12:15
               |
            12 | description = "first"
               |               ^^^^^^^

            error[service-check]: nested stack `Child`: `Bucket`: is taken (NAME_CONFLICT_VALIDATION)
             --> the template of `Child`:5:19
              |
            5 |       BucketName: x
              |                   ^

            error: CloudFormation could not create a change set for `demo-dev`, nested stack `Child`: `Bucket`: is taken (NAME_CONFLICT_VALIDATION)
            --- exit 1
            "#);
        } else {
            insta::assert_snapshot!(finished, @r#"
            --- stderr
            warning[unread-variable]: no template reads `vars.description`
              --> manifest.toml:12:15
               |
            12 | description = "first"
               |               ^^^^^^^

            error[service-check]: nested stack `Child`: `Bucket`: is taken (NAME_CONFLICT_VALIDATION)
             --> stack.yaml.j2:2:3
              |
            2 |   Child:
              |   ^^^^^

            error: CloudFormation could not create a change set for `demo-dev`, nested stack `Child`: `Bucket`: is taken (NAME_CONFLICT_VALIDATION)
            --- exit 1
            "#);
        }
    }
}

#[test]
fn warning_of_a_check_is_part_of_the_plan() {
    let (sandbox, cloud) = demo::in_cloud();
    let odd = finding(
        "WARN",
        "BUCKET_EMPTINESS_VALIDATION",
        "/Resources/Bucket",
        "The bucket 'demo-data' is not empty.",
    );
    let plan = sandbox.run(&["plan"]).expect_code(0);
    cloud.on("DescribeEvents").reply_result(&events(&odd));
    let warned = sandbox.run(&["plan"]);
    insta::assert_snapshot!(warned.difference_from(&plan), @r"
    @@
    +Service checks
    +  warning: `Bucket`: The bucket 'demo-data' is not empty. (BUCKET_EMPTINESS_VALIDATION)
    +    stack.yaml.j2:2:3
    +
    ");
    let plan = sandbox.json(&["plan"]);
    insta::assert_snapshot!(format!("{:#}", plan["validations"]), @r#"
    [
      {
        "name": "BUCKET_EMPTINESS_VALIDATION",
        "failure_mode": "WARN",
        "status": "FAILED",
        "reason": "The bucket 'demo-data' is not empty.",
        "logical_id": "Bucket",
        "physical_id": null,
        "type": "AWS::S3::Bucket",
        "path": "/Resources/Bucket",
        "time": null,
        "nested_in": [],
        "places": [
          {
            "file": "stack.yaml.j2",
            "line": 2,
            "column": 3,
            "label": ""
          }
        ]
      }
    ]
    "#);
}

#[test]
fn plan_succeeds_without_change_set_events() {
    for (code, warns) in [("InvalidAction", false), ("AccessDenied", true)] {
        let (sandbox, cloud) = demo::in_cloud();
        cloud.on("DescribeEvents").error(400, code, "no such luck");
        let plan = sandbox.json(&["plan"]);
        let warned = plan["warnings"].to_string().contains("no such luck");
        assert_eq!(warned, warns, "{code}: {plan:#}");
        assert_eq!(plan["summary"]["add"], 3);
    }
}
