//! `plan` and `apply` in an account without any trouble.

use crate::cloud::{ACCOUNT, Cloud};
use crate::demo::{self, ARTIFACT_BUCKET};

fn writes(cloud: &Cloud) -> Vec<String> {
    let mut operations = cloud.operations();
    operations.retain(|name| {
        !["Get", "Head", "Describe", "List", "Validate"]
            .iter()
            .any(|read| name.starts_with(read))
    });
    operations
}

#[test]
fn plan_of_a_new_stack_leaves_nothing_behind() {
    let (sandbox, cloud) = demo::in_cloud();
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]).in_full();
    insta::assert_snapshot!(plan, @r#"
    --- stdout
    New stack    demo-dev (environment dev)
    Account      123456789012
    Region       eu-west-1
    Endpoint     http://127.0.0.1:[PORT]
    Capabilities CAPABILITY_IAM

      + Bucket   AWS::S3::Bucket
      + Handler  AWS::Lambda::Function
      + Role     AWS::IAM::Role

    Code
      + handler  demo/handler/[SHA256].zip, 170 bytes

    Tags
          + stackctl:project: "demo"
          + stackctl:environment: "dev"

    Outputs
          + BucketName: "${Bucket}"

    2 notes on access and roles of new or retained resources (-v lists them)

    Plan: 3 to add, 0 to change, 0 to replace, 0 to destroy.
    --- exit 2
    "#);
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
    assert!(cloud.account().buckets.is_empty());
    assert!(sandbox.temporary_leftovers().is_empty());
}

#[test]
fn apply_deploys_what_the_plan_shows() {
    let (sandbox, cloud) = demo::in_cloud();
    let plan = sandbox.run(&["plan"]).expect_code(0);
    let applied = sandbox.run(&["apply", "--yes"]);
    let outputs = "output      value\nBucketName  demo-data\n";
    assert_eq!(applied.stdout, plan.stdout + outputs);
    insta::assert_snapshot!(applied.without_stdout().in_full(), @"
    --- stderr
    Creating the artifact bucket `stackctl-artifacts-123456789012-eu-west-1` (private, encrypted, versioned, TLS only)
    Uploaded 170 bytes to s3://stackctl-artifacts-123456789012-eu-west-1/demo/handler/[SHA256].zip

      [TIME]  CREATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  CREATE_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  CREATE_IN_PROGRESS  Bucket    AWS::S3::Bucket: Resource creation Initiated
      [TIME]  CREATE_COMPLETE     Bucket    AWS::S3::Bucket
      [TIME]  CREATE_IN_PROGRESS  Handler   AWS::Lambda::Function
      [TIME]  CREATE_IN_PROGRESS  Handler   AWS::Lambda::Function: Resource creation Initiated
      [TIME]  CREATE_COMPLETE     Handler   AWS::Lambda::Function
      [TIME]  CREATE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  CREATE_IN_PROGRESS  Role      AWS::IAM::Role: Resource creation Initiated
      [TIME]  CREATE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  CREATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Applied: demo-dev is CREATE_COMPLETE.

    --- exit 0
    ");
    // The zip, for which there was no bucket at first, the text of the template, and the record.
    assert_eq!(cloud.calls_of("PutObject").len(), 1 + 3);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
    assert_eq!(cloud.status(), "CREATE_COMPLETE");
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn unchanged_files_need_few_calls_and_no_writes() {
    let (sandbox, cloud) = demo::deployed();
    let plan = sandbox.run(&["plan"]);
    insta::assert_snapshot!(plan, @r"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

    No changes. The stack matches the files.
    --- exit 0
    ");
    let calls = cloud.operations();
    assert!(calls.len() < 6, "{calls:?}");
    let applied = sandbox.run(&["apply", "--yes"]);
    assert_eq!(applied.to_string(), plan.to_string());
    assert_eq!(writes(&cloud), [""; 0]);
}

#[test]
fn differences_that_the_service_ignores_are_named() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.edit(
        "stack.yaml.j2",
        "Resources:",
        "Description: other\nResources:",
    );
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]);
    insta::assert_snapshot!(plan, @r"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

    No changes: CloudFormation ignores what differs between the stack and the files: Description. `diff`
    shows it.
    --- exit 0
    ");
    let applied = sandbox.run(&["apply", "--yes"]);
    assert_eq!(applied.to_string(), plan.to_string());
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    let document = sandbox.run(&["plan", "--format", "json"]).expect_code(0);
    let document: serde_json::Value = serde_json::from_str(&document.stdout).unwrap();
    assert_eq!(document["ignored"], serde_json::json!(["Description"]));
    let markdown = sandbox.run(&["plan", "--format", "markdown"]);
    markdown.expect_stdout("ignores what differs between the stack and the files: Description.");
    sandbox.run(&["diff", "--exit-code"]).expect_code(2);
}

#[test]
fn changed_handler_changes_only_the_function() {
    let (sandbox, cloud) = demo::deployed();
    demo::change_code(&sandbox);
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

      ~ Handler  AWS::Lambda::Function
          ~ Code.S3Key
              - "demo/handler/[SHA256].zip"
              + "demo/handler/[SHA256].zip"

    Code
      ~ handler  e008281b3bf1 → 8a84b0df8e27, 1 file
          ~ app.py
                def handler(event, context):
              -     return 1
              +     return 2

    Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
    --- exit 0
    "#);
    assert_eq!(writes(&cloud), ["CreateChangeSet", "DeleteChangeSet"]);
    assert_eq!(cloud.account().change_sets(), 0);

    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        writes(&cloud),
        [
            "PutObject",
            "CreateChangeSet",
            "ExecuteChangeSet",
            "PutObject",
            "PutObject"
        ]
    );

    let code = &sandbox.json(&["plan"])["code"];
    assert_eq!(code, &serde_json::json!([]), "it is deployed now");

    sandbox.write(
        "handler/app.py",
        "def handler(event, context):\n    return 1\n",
    );
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let put = cloud.calls_of("PutObject").into_iter();
    let keys: Vec<_> = put.map(|call| call.parameter("Key").to_owned()).collect();
    let folders: Vec<_> = keys.iter().map(|key| key.split('/').nth(1)).collect();
    let expected = ["handler", "templates", "history"].map(Some);
    assert_eq!(folders, expected);
    let account = cloud.account();
    let objects = account.buckets[ARTIFACT_BUCKET].objects.iter();
    let versions = objects.filter(|object| object.key == keys[0]).count();
    assert_eq!(versions, 1, "the zip was stored the first time");
}

#[test]
fn apply_executes_the_change_set_that_was_shown() {
    let (sandbox, cloud) = demo::changed();
    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Only 'yes' will be accepted");
    let created = cloud.calls_of("CreateChangeSet").remove(0);
    running.wait_for_stderr("Apply:").type_line("yes");
    insta::assert_snapshot!(running.wait().without_stdout(), @"
    --- stderr

    Do you want to apply these changes to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Apply:
      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack:
                                deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Applied: demo-dev is UPDATE_COMPLETE.

    --- exit 0
    ");
    let executed = cloud.calls_of("ExecuteChangeSet").remove(0);
    let name = created.parameter("ChangeSetName");
    assert!(executed.parameter("ChangeSetName").contains(name));
    assert_eq!(cloud.calls_of("CreateChangeSet").len(), 1);
}

#[test]
fn apply_declines_any_answer_but_yes() {
    let (sandbox, cloud) = demo::in_cloud();
    insta::assert_snapshot!(sandbox.answer(&["apply"], "Apply:", "y").without_stdout(), @"
    --- stderr
    [UPLOAD]

    Do you want to apply these changes to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Apply: error: not applied: the answer was not `yes`
    hint: the uploaded files stay in `s3://stackctl-artifacts-123456789012-eu-west-1`: the next `apply` uses them
    --- exit 4
    ");
    demo::nothing_is_left(&cloud);
}

#[test]
fn apply_requires_yes_without_a_terminal() {
    let (sandbox, cloud) = demo::in_cloud();
    insta::assert_snapshot!(sandbox.run_with_stdin(&["apply"], "yes\n"), @r"
    --- stderr
    error: cannot ask a question without a terminal, and --yes was not given
    hint: run `stackctl apply --yes -e dev`
    --- exit 4
    ");
    assert_eq!(writes(&cloud), [""; 0]);
}

#[test]
fn every_s3_call_names_the_bucket_owner() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let calls = cloud.calls();
    let calls = calls.iter().filter(|call| call.service == "s3");
    let mut seen = 0;
    for call in calls.filter(|call| call.operation != "CreateBucket") {
        let owner = call.header("x-amz-expected-bucket-owner");
        assert_eq!(owner, ACCOUNT, "{}", call.operation);
        seen += 1;
    }
    assert!(seen > 5);
    let bucket = cloud.account().buckets[ARTIFACT_BUCKET].clone();
    let hardened: Vec<&String> = bucket.configuration.keys().collect();
    assert_eq!(
        hardened,
        [
            "BucketEncryption",
            "BucketPolicy",
            "BucketTagging",
            "BucketVersioning",
            "PublicAccessBlock"
        ]
    );
    let put = cloud.calls_of("PutObject").remove(0);
    assert_eq!(put.header("if-none-match"), "*");
    assert!(!put.header("x-amz-checksum-sha256").is_empty());
}

#[test]
fn plan_waits_for_the_change_set_and_reads_all_pages() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().pending_describes = 2;
    cloud.account().page_size = 1;
    let plan = sandbox.json(&["plan"]);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 3, "{plan:#}");
}

#[test]
fn throttling_and_broken_connections_are_retried() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud
        .on("DescribeStackEvents")
        .times(2)
        .error(400, "Throttling", "Rate exceeded");
    cloud
        .on("DescribeStacks")
        .after(1)
        .times(1)
        .drop_connection();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(cloud.status(), "CREATE_COMPLETE");
}

#[test]
fn failed_deployment_names_the_cause_and_exits_with_3() {
    let (sandbox, cloud) = demo::in_cloud();
    let reason = "demo-data already exists";
    cloud.account().fail("Bucket", reason);
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]).without_stdout(), @"
    --- stderr
    [UPLOAD]

      [TIME]  CREATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  CREATE_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  CREATE_IN_PROGRESS  Bucket    AWS::S3::Bucket: Resource creation Initiated
      [TIME]  CREATE_FAILED       Bucket    AWS::S3::Bucket: demo-data already exists
      [TIME]  CREATE_FAILED       Handler   AWS::Lambda::Function: Resource creation cancelled
      [TIME]  CREATE_FAILED       Role      AWS::IAM::Role: Resource creation cancelled
      [TIME]  ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: The following resource(s) failed to create: [Bucket]. Rollback requested by user.
      [TIME]  DELETE_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  DELETE_COMPLETE     Bucket    AWS::S3::Bucket
      [TIME]  ROLLBACK_COMPLETE   demo-dev  AWS::CloudFormation::Stack
    error[deployment-failed]: `Bucket`: demo-data already exists
     --> stack.yaml.j2:5:19
      |
    5 |       BucketName: demo-data
      |                   ^^^^^^^^^

    error: the deployment failed and was rolled back (ROLLBACK_COMPLETE): only the empty stack is left
      caused by: AWS::S3::Bucket Bucket CREATE_FAILED: demo-data already exists
    hint: bucket names are shared by all AWS accounts, and an earlier stack may have retained this bucket: choose another name, or remove the name
    hint: fix the cause, then run `stackctl apply -e dev` to recreate the stack
    --- exit 3
    ");
}

#[test]
fn markdown_plan_starts_with_its_marker() {
    let (sandbox, _cloud) = demo::in_cloud();
    let plan = sandbox.run(&["plan", "--format", "markdown"]);
    let plan = plan.expect_code(0).stdout;
    let start = "<!-- stackctl:plan demo-dev -->\n<b>Plan: 3 to add, ";
    assert!(plan.starts_with(start), "{plan}");
}

#[test]
fn unreadable_deployed_zip_does_not_fail_the_plan() {
    let (sandbox, cloud) = demo::deployed();
    demo::change_code(&sandbox);
    cloud
        .on("GetObject")
        .error(404, "NoSuchKey", "The specified key does not exist.");
    let plan = sandbox.json(&["plan"]);
    let code = &plan["code"][0];
    assert_eq!(code["artifact"], "handler");
    assert_eq!(code["files"], serde_json::Value::Null);
    let reason = code["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("no longer in the bucket"), "{reason}");
}

#[test]
fn change_of_only_outputs_is_shown_and_applied() {
    let (sandbox, cloud) = demo::deployed();
    let output = "  HandlerName:\n    Value: !Ref Handler\n";
    sandbox.append("stack.yaml.j2", output);
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    for part in ["+ HandlerName: \"${Handler}\"", "No resource changes;"] {
        plan.expect_stdout(part);
    }
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
    let outputs = sandbox.run(&["outputs", "HandlerName"]).expect_code(0);
    assert_eq!(outputs.stdout, "demo-handler\n");
}
