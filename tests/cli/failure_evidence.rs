//! What explains a failed deployment beyond its events: findings of hooks, and logs of functions.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::change_sets::answer_root;
use crate::cloud::Cloud;
use crate::demo;
use crate::logs::{input, page};
use crate::sandbox::Sandbox;

/// The template with a custom resource.
fn with_custom_resource(sandbox: &Sandbox) {
    let custom = "  Setup:\n    Type: Custom::Thing\n    Properties:\n      ServiceToken: !GetAtt Handler.Arn\n\
                  Outputs:\n";
    sandbox.edit("stack.yaml.j2", "Outputs:\n", custom);
}

const DENIED: &str = "[ERROR] ClientError: An error occurred (AccessDeniedException) when calling the PutItem \
    operation: User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: dynamodb:PutItem on \
    resource: arn:aws:dynamodb:eu-west-1:1:table/t because no policy allows it";

#[test]
fn the_log_of_a_custom_resources_function_explains_its_failure() {
    let (sandbox, cloud) = demo::in_cloud();
    with_custom_resource(&sandbox);
    let reason = "Received response status [FAILED] from custom resource. Message returned: See the details in \
                  CloudWatch Log Stream: 2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef (RequestId: 1)";
    cloud.account().fail("Setup", reason);
    let lines = [
        ("1", 0, "START RequestId: 1"),
        ("2", 1, "storing"),
        ("3", 2, DENIED),
    ];
    cloud.on("FilterLogEvents").reply(page(&lines, None));
    let failed = sandbox.run(&["apply", "--yes"]).expect_code(3);
    let (_, message) = failed.stderr.split_once("\nerror: ").unwrap();
    insta::assert_snapshot!(message, @"
    the deployment failed and was rolled back (ROLLBACK_COMPLETE): only the empty stack is left
      caused by: Custom::Thing Setup CREATE_FAILED: Received response status [FAILED] from custom resource. Message returned: See the details in CloudWatch Log Stream: 2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef (RequestId: 1)
      caused by: a call of the function `demo-handler` was denied: dynamodb:PutItem on arn:aws:dynamodb:eu-west-1:1:table/t
    hint: allow the action in the policy of the function's role
    hint: the last lines of the log group `/aws/lambda/demo-handler`:
      storing
      [ERROR] ClientError: An error occurred (AccessDeniedException) when calling the PutItem operation: User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:1:table/t because no policy allows it
    hint: the custom resource's function returned this error: see its log (`aws logs tail /aws/lambda/FUNCTION`)
    hint: fix the cause, then run `stackctl apply -e dev` to recreate the stack
    ");
    let read = input(&cloud.calls_of("FilterLogEvents")[0]);
    assert_eq!(read["logGroupName"], "/aws/lambda/demo-handler");
    assert_eq!(
        read["logStreamNames"],
        json!(["2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef"])
    );
    assert!(read["endTime"].as_i64().unwrap() > read["startTime"].as_i64().unwrap());

    // The event names the function, also after it is gone.
    let properties =
        r#"{"ServiceToken":"arn:aws:lambda:eu-west-1:123456789012:function:demo-handler"}"#;
    for event in &mut cloud.account().stack("demo-dev").events {
        if event.logical_id == "Setup" {
            event.members = format!("<ResourceProperties>{properties}</ResourceProperties>");
        }
    }
    let document = sandbox.json(&["events", "--failed"]);
    let log = &document["evidence"]["logs"][0];
    assert_eq!(log["resource"], "Setup");
    assert_eq!(log["lines"][0], "storing");
    let cause = "a call of the function `demo-handler` was denied: dynamodb:PutItem on \
                 arn:aws:dynamodb:eu-west-1:1:table/t";
    assert_eq!(log["cause"], cause);
    assert_eq!(sandbox.json(&["events"])["evidence"], Value::Null);
    let events = sandbox.run(&["events", "--failed"]).expect_code(0);
    events.expect_stderr(&format!("hint: {cause}"));
}

#[test]
fn evidence_that_is_denied_or_slow_is_left_out() {
    let denied = "not authorized to perform: logs:FilterLogEvents";
    for is_slow in [false, true] {
        let (sandbox, cloud) = demo::in_cloud();
        with_custom_resource(&sandbox);
        cloud.account().fail(
            "Setup",
            "Received response status [FAILED] from custom resource.",
        );
        let left_out = if is_slow {
            cloud.on("FilterLogEvents").delay(15_000).carry_on();
            "hint: the log of the function of `Setup`: left out: no answer within 2 seconds"
        } else {
            let rule = cloud.on("FilterLogEvents");
            rule.error(400, "AccessDeniedException", denied);
            "hint: the log group `/aws/lambda/demo-handler`: left out: the caller lacks `logs:FilterLogEvents`"
        };
        let begun = Instant::now();
        let failed = sandbox.run(&["apply", "--yes"]).expect_code(3);
        assert!(begun.elapsed() < Duration::from_secs(14), "{failed}");
        failed.expect_stderr(left_out);
        failed.expect_stderr(
            "caused by: Custom::Thing Setup CREATE_FAILED: Received response status [FAILED]",
        );
    }
}

/// A result of a hook with a finding, as `GetHookResult` returns it.
const HOOK_RESULT: &str = "<HookResultId>id-1</HookResultId><TypeName>Private::Guard::Hook</TypeName>\
    <Status>HOOK_COMPLETE_FAILED</Status><HookStatusReason>1 rule failed</HookStatusReason>\
    <FailureMode>FAIL</FailureMode><InvocationPoint>PRE_PROVISION</InvocationPoint><Annotations><member>\
    <AnnotationName>s3-encryption</AnnotationName><Status>FAILED</Status><StatusMessage>the bucket has no \
    key</StatusMessage><RemediationMessage>Set BucketEncryption</RemediationMessage>\
    <RemediationLink>https://example.com/s3</RemediationLink><SeverityLevel>HIGH</SeverityLevel></member>\
    <member><AnnotationName>s3-tags</AnnotationName><Status>PASSED</Status></member></Annotations>";

/// Fails the creation of the bucket by a hook and returns the report.
fn failed_by_hook(invocation: &str, script: impl Fn(&Cloud)) -> (Sandbox, Cloud, String) {
    let (sandbox, cloud) = demo::in_cloud();
    let reason = "The following hook(s) failed: [Private::Guard::Hook]";
    cloud.account().fail("Bucket", reason);
    cloud.account().progress = crate::cloud::Progress::Paused;
    let mut running = sandbox.spawn(&["apply", "--yes", "--events", "none"]);
    running.wait_until("execution", || {
        !cloud.calls_of("ExecuteChangeSet").is_empty()
    });
    script(&cloud);
    {
        let mut account = cloud.account();
        account.stack("demo-dev").pending()[0].members = format!(
            "<HookType>Private::Guard::Hook</HookType><HookStatus>HOOK_COMPLETE_FAILED</HookStatus>\
             <HookStatusReason>1 rule failed</HookStatusReason><HookFailureMode>FAIL</HookFailureMode>\
             <HookInvocationPoint>PRE_PROVISION</HookInvocationPoint>{invocation}"
        );
        account.progress = crate::cloud::Progress::Done;
    }
    let failed = running.wait().expect_code(3);
    let (_, message) = failed.stderr.split_once("\nerror: ").unwrap();
    let message = message.to_owned();
    (sandbox, cloud, message)
}

#[test]
fn findings_of_a_hook_have_their_remediation() {
    let invocation = "<HookInvocationId>id-1</HookInvocationId>";
    let (sandbox, cloud, message) = failed_by_hook(invocation, |cloud| {
        cloud.on("GetHookResult").reply_result(HOOK_RESULT);
    });
    insta::assert_snapshot!(message, @"
    the deployment failed and was rolled back (ROLLBACK_COMPLETE): only the empty stack is left
      caused by: AWS::S3::Bucket Bucket CREATE_FAILED: The following hook(s) failed: [Private::Guard::Hook]
      caused by: 1 rule failed
    hint: the hook Private::Guard::Hook found at `Bucket`:
      s3-encryption (HIGH): the bucket has no key
        Set BucketEncryption
        https://example.com/s3
    hint: the hook Private::Guard::Hook of this account or organization rejects the resource: change the property that it checks, or ask the owner of the hook
    hint: fix the cause, then run `stackctl apply -e dev` to recreate the stack
    ");
    assert_eq!(
        cloud.calls_of("GetHookResult")[0].parameter("HookResultId"),
        "id-1"
    );
    assert!(cloud.calls_of("ListHookResults").is_empty());
    let document = sandbox.json(&["events", "--failed"]);
    let hook = &document["evidence"]["hooks"][0];
    assert_eq!(hook["target"], "Bucket");
    assert_eq!(
        hook["annotations"][0]["remediation"],
        "Set BucketEncryption"
    );
    assert_eq!(hook["annotations"][0]["link"], "https://example.com/s3");
    let event = &document["events"][0]["hook"];
    assert_eq!(
        (&event["invocation_id"], &event["invocation_point"]),
        (&json!("id-1"), &json!("PRE_PROVISION"))
    );
}

#[test]
fn a_hook_without_an_id_is_found_by_its_type() {
    let (_sandbox, cloud, message) = failed_by_hook("", |cloud| {
        let id = cloud.account().stack("demo-dev").id.clone();
        let ours = format!("<HookExecutionTarget>{id}</HookExecutionTarget>");
        let other = "<HookExecutionTarget>x</HookExecutionTarget>";
        let listed = format!(
            "<HookResults><member><HookResultId>id-9</HookResultId>{other}</member>\
             <member><HookResultId>id-1</HookResultId>{ours}<TargetId>Bucket</TargetId></member></HookResults>"
        );
        cloud.on("ListHookResults").reply_result(&listed);
        cloud.on("GetHookResult").reply_result(HOOK_RESULT);
    });
    assert!(
        message.contains("  s3-encryption (HIGH): the bucket has no key\n"),
        "{message}"
    );
    let call = &cloud.calls_of("ListHookResults")[0];
    let arn = "arn:aws:cloudformation:eu-west-1:123456789012:type/hook/Private-Guard-Hook";
    assert_eq!(call.parameter("TypeArn"), arn);
    assert_eq!(call.parameter("Status"), "HOOK_COMPLETE_FAILED");
    assert_eq!(
        cloud.calls_of("GetHookResult")[0].parameter("HookResultId"),
        "id-1"
    );
}

#[test]
fn denied_findings_of_a_hook_name_the_permission() {
    let invocation = "<HookInvocationId>id-1</HookInvocationId>";
    let (_sandbox, _cloud, message) = failed_by_hook(invocation, |cloud| {
        cloud.on("GetHookResult").error(403, "AccessDenied", "no");
    });
    let left_out = "hint: the findings of the hook Private::Guard::Hook: left out: the caller lacks \
                    `cloudformation:GetHookResult`\n";
    assert!(message.contains(left_out), "{message}");
    assert!(message.contains("caused by: 1 rule failed\n"), "{message}");
}

#[test]
fn a_hook_that_denies_a_change_set_is_explained() {
    let (sandbox, cloud) = demo::in_cloud();
    answer_root(
        &cloud,
        "FAILED",
        "The following hook(s) failed: [Private::Guard::Hook]",
        "",
    );
    let listed = "<HookResults><member><HookResultId>id-1</HookResultId><Status>HOOK_COMPLETE_FAILED</Status>\
        </member><member><HookResultId>id-2</HookResultId><Status>HOOK_COMPLETE_SUCCEEDED</Status></member>\
        </HookResults>";
    cloud.on("ListHookResults").reply_result(listed);
    cloud.on("GetHookResult").reply_result(HOOK_RESULT);
    insta::assert_snapshot!(sandbox.run(&["plan"]), @"
    --- stderr
    error: CloudFormation could not create a change set for `demo-dev`: The following hook(s) failed: [Private::Guard::Hook]
    hint: the hook Private::Guard::Hook found:
      s3-encryption (HIGH): the bucket has no key
        Set BucketEncryption
        https://example.com/s3
    hint: the hook Private::Guard::Hook of this account or organization rejects the resource: change the property that it checks, or ask the owner of the hook
    --- exit 1
    ");
    let call = &cloud.calls_of("ListHookResults")[0];
    assert_eq!(call.parameter("TargetType"), "CHANGE_SET");
    assert!(
        call.parameter("TargetId")
            .starts_with("arn:aws:cloudformation:")
    );
    assert_eq!(cloud.calls_of("GetHookResult").len(), 1);
}
