//! The commands that read a deployed stack: `diff`, `status`, `outputs`, `verify`, `ssh`.

use crate::cloud::{Cloud, Response};
use crate::demo;
use crate::sandbox::{Finished, Sandbox};

/// Deploys the project with these outputs and this text at the end of the manifest.
fn with_outputs(outputs: &[(&str, &str)], manifest: &str) -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    let mut template = demo::TEMPLATE.to_owned();
    for (name, value) in outputs {
        template += &format!("  {name}:\n    Value: \"{value}\"\n");
    }
    sandbox.write("stack.yaml.j2", template);
    sandbox.append("manifest.toml", manifest);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

#[test]
fn diff_shows_the_changes_and_writes_nothing() {
    let (sandbox, cloud) = demo::deployed();
    insta::assert_snapshot!(sandbox.run(&["diff", "--exit-code"]), @r"
    --- stdout
    No differences: the deployed stack matches the files.
    --- exit 0
    ");
    demo::change_description(&sandbox);
    insta::assert_snapshot!(sandbox.run(&["diff", "--exit-code"]), @r#"
    --- stdout
    --- the deployed template
    +++ stack.yaml.j2

      ~ Role  AWS::IAM::Role (line 6)
          ~ Description: "first" → "second" (line 9, `vars.description`)

      ? Handler  AWS::Lambda::Function # may change (line 16)
          ~ Role # may change, because `Role.Arn` may change

    Diff: 1 difference; 1 more resource is affected.
    --- exit 2
    "#);
    insta::assert_snapshot!(sandbox.run(&["diff", "--format", "unified"]), @r#"
    --- stdout
    --- the deployed template
    +++ stack.yaml.j2
    @@ -6,7 +6,7 @@
       Role:
         Type: AWS::IAM::Role
         Properties:
    -      Description: first
    +      Description: second
           AssumeRolePolicyDocument:
             Version: "2012-10-17"
             Statement:
    --- exit 0
    "#);
    let writes = [
        "CreateChangeSet",
        "PutObject",
        "UpdateTerminationProtection",
    ];
    for operation in writes {
        assert!(cloud.calls_of(operation).is_empty(), "{operation}");
    }
}

#[test]
fn commands_report_a_missing_stack() {
    let (sandbox, _cloud) = demo::in_cloud();
    let finished = sandbox.run(&["diff", "--exit-code"]).expect_code(2);
    finished.expect_stderr("The stack `demo-dev` is not deployed: everything is new.");
    insta::assert_snapshot!(sandbox.run(&["status"]), @r"
    --- stdout
    demo-dev  not deployed
    --- stderr
    hint: `stackctl apply -e dev` deploys it
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(&["status", "--format", "json"]), @r#"
    --- stdout
    {
      "schema": "stackctl.status/1",
      "stack": "demo-dev",
      "exists": false,
      "id": null,
      "status": null,
      "reason": null,
      "created": null,
      "updated": null,
      "termination_protection": false,
      "mode": null,
      "capabilities": [],
      "parameters": null,
      "tags": null,
      "resources": []
    }
    --- exit 0
    "#);
    insta::assert_snapshot!(sandbox.run(&["outputs"]), @r"
    --- stderr
    error: the stack `demo-dev` is not deployed
    hint: `stackctl apply -e dev` deploys it
    --- exit 1
    ");
}

#[test]
fn status_shows_the_stack_and_its_resources() {
    let (sandbox, _cloud) = demo::deployed();
    insta::assert_snapshot!(sandbox.run(&["status"]), @r"
    --- stdout
    demo-dev  CREATE_COMPLETE
      id arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]
      created [INSTANT]
      termination protection off

    resource  type                   status           physical id
    Bucket    AWS::S3::Bucket        CREATE_COMPLETE  demo-data
    Role      AWS::IAM::Role         CREATE_COMPLETE  demo-dev-Role-1A2B3C
    Handler   AWS::Lambda::Function  CREATE_COMPLETE  demo-handler
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(&["status", "--format", "json"]), @r#"
    --- stdout
    {
      "schema": "stackctl.status/1",
      "stack": "demo-dev",
      "exists": true,
      "id": "arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]",
      "status": "CREATE_COMPLETE",
      "reason": null,
      "created": "[INSTANT]",
      "updated": null,
      "termination_protection": false,
      "mode": "standard",
      "capabilities": [
        "CAPABILITY_IAM"
      ],
      "parameters": {},
      "tags": {
        "stackctl:environment": "dev",
        "stackctl:project": "demo"
      },
      "resources": [
        {
          "logical_id": "Bucket",
          "physical_id": "demo-data",
          "type": "AWS::S3::Bucket",
          "status": "CREATE_COMPLETE",
          "reason": null
        },
        {
          "logical_id": "Role",
          "physical_id": "demo-dev-Role-1A2B3C",
          "type": "AWS::IAM::Role",
          "status": "CREATE_COMPLETE",
          "reason": null
        },
        {
          "logical_id": "Handler",
          "physical_id": "demo-handler",
          "type": "AWS::Lambda::Function",
          "status": "CREATE_COMPLETE",
          "reason": null
        }
      ]
    }
    --- exit 0
    "#);
}

#[test]
fn outputs_prints_a_table_json_or_one_value() {
    let (sandbox, _cloud) = with_outputs(&[("Url", "https://example.com/a b")], "");
    insta::assert_snapshot!(sandbox.run(&["outputs"]), @r"
    --- stdout
    output      value
    BucketName  demo-data
    Url         https://example.com/a b
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(&["outputs", "--format", "json"]), @r#"
    --- stdout
    {
      "schema": "stackctl.outputs/1",
      "stack": "demo-dev",
      "outputs": {
        "BucketName": {
          "value": "demo-data",
          "description": null,
          "export": null
        },
        "Url": {
          "value": "https://example.com/a b",
          "description": null,
          "export": null
        }
      }
    }
    --- exit 0
    "#);
    insta::assert_snapshot!(sandbox.run(&["outputs", "Url"]), @r"
    --- stdout
    https://example.com/a b
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(&["outputs", "BucketNam"]), @r"
    --- stderr
    error: the stack `demo-dev` has no output `BucketNam`
    hint: its outputs are BucketName, Url
    --- exit 1
    ");
}

#[test]
fn outputs_file_contains_the_outputs_as_json() {
    let (sandbox, _cloud) = demo::in_cloud();
    sandbox
        .run(&["apply", "--yes", "--outputs-file", "out.json"])
        .expect_code(0);
    let written = std::fs::read_to_string(sandbox.path("out.json")).unwrap();
    let printed = sandbox.run(&["outputs", "--format", "json"]).stdout;
    assert_eq!(written, printed);
    // A run without changes writes the file too.
    std::fs::remove_file(sandbox.path("out.json")).unwrap();
    sandbox
        .run(&["apply", "--yes", "--outputs-file", "out.json"])
        .expect_code(0);
    assert!(sandbox.path("out.json").exists());
}

/// The smoke test of the demo project.
pub(crate) const VERIFY: &str = r#"
[verify]
upload = { bucket = "BucketName", file = "pixel.png" }
expect = { table = "TableName", key = "fileName" }
timeout = "1s"
"#;

/// Deploys a pipeline that creates an item for each file if it `works`.
fn pipeline(works: bool) -> (Sandbox, Cloud) {
    let outputs = [("TableName", "demo-table")];
    let (sandbox, cloud) = with_outputs(&outputs, VERIFY);
    sandbox.write("pixel.png", "png");
    if works {
        cloud.account().pipeline = Some(("demo-data".to_owned(), "demo-table".to_owned()));
    }
    (sandbox, cloud)
}

/// Deploys a pipeline that creates no item. Its smoke test waits for a minute, and its function logs these
/// lines.
fn logging_pipeline(lines: &[&str]) -> (Sandbox, Cloud) {
    let (sandbox, cloud) = pipeline(false);
    sandbox.edit("manifest.toml", "timeout = \"1s\"", "timeout = \"60s\"");
    cloud.account().log_lines = lines.iter().map(|it| (*it).to_owned()).collect();
    (sandbox, cloud)
}

fn nothing_is_left_of_the_probe(cloud: &Cloud) {
    let account = cloud.account();
    assert!(account.buckets["demo-data"].objects.is_empty());
    assert!(account.items.values().all(Vec::is_empty));
    drop(account);
    assert_eq!(cloud.calls_of("DeleteObject").len(), 1);
    assert_eq!(cloud.calls_of("DeleteItem").len(), 1);
}

#[test]
fn verify_prints_the_item_and_removes_the_test_object() {
    let (sandbox, cloud) = pipeline(true);
    let finished = sandbox.run(&["verify", "--format", "json"]).expect_code(0);
    let document = finished.json();
    assert_eq!(document["schema"], "stackctl.verify/1");
    assert_eq!(document["item"]["fileName"], document["key"]);
    nothing_is_left_of_the_probe(&cloud);
    let put = cloud.calls_of("PutObject").remove(0);
    assert_eq!(put.header("content-type"), "image/png");
    cloud.forget_calls();

    let finished = sandbox.run(&["apply", "--yes", "--verify"]).expect_code(0);
    finished.expect_stderr("Verified: the item was there");
    nothing_is_left_of_the_probe(&cloud);
}

#[test]
fn missing_item_shows_the_last_log_lines() {
    let (sandbox, cloud) = pipeline(false);
    cloud.account().log_lines = (1..=25).map(|number| format!("line {number}\n")).collect();
    let finished = sandbox.run(&["verify"]).expect_code(1);
    assert_eq!(finished.stdout, "");
    let lines: Vec<&str> = finished.stderr.lines().skip(1).collect();
    assert_eq!(
        lines[..3],
        [
            "error: no item came within 1 seconds of the upload",
            "hint: the last lines of the log group `/aws/lambda/demo-handler`:",
            "  line 6",
        ],
        "{finished}"
    );
    assert_eq!(lines.last(), Some(&"  line 25"));
    nothing_is_left_of_the_probe(&cloud);

    // The first page may be empty.
    let page = serde_json::json!({ "events": [], "nextToken": "more" }).to_string();
    let first = cloud.on("FilterLogEvents").times(1);
    first.reply(Response::new(200, page));
    cloud
        .on("DeleteObject")
        .times(1)
        .error(403, "AccessDenied", "no");
    let finished = sandbox.run(&["verify"]).expect_code(1);
    finished.expect_stderr("  line 25\n");
    finished.expect_stderr("warning: s3://demo-data/stackctl-verify/");

    cloud.account().log_lines.clear();
    let finished = sandbox.run(&["verify"]).expect_code(1);
    finished.expect_stderr(
        "hint: the log group `/aws/lambda/demo-handler` has no line since: its role `Role` (line 6 of \
         the deployed template) lacks `logs:CreateLogStream` and `logs:PutLogEvents`",
    );
}

#[test]
fn failed_function_ends_the_verification_early() {
    let (sandbox, cloud) = logging_pipeline(&[
        "START RequestId: 1 Version: $LATEST\n",
        "[ERROR] KeyError: 'size'\nTraceback (most recent call last):\n",
        "END RequestId: 1\n",
        "REPORT RequestId: 1\tDuration: 3 ms\n",
    ]);
    let started = std::time::Instant::now();
    let finished = sandbox.run(&["verify"]).expect_code(1);
    assert!(started.elapsed().as_secs() < 30, "{finished}");
    let lines: Vec<&str> = finished.stderr.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "error: the function failed, and no item came",
            "hint: the last lines of the log group `/aws/lambda/demo-handler`:",
            "  [ERROR] KeyError: 'size'",
            "  Traceback (most recent call last):",
        ],
        "{finished}"
    );
    nothing_is_left_of_the_probe(&cloud);
}

#[test]
fn function_that_does_not_start_ends_the_verification_early() {
    let (sandbox, cloud) = logging_pipeline(&[
        "START RequestId: 1 Version: $LATEST\n",
        "[ERROR] Runtime.HandlerNotFound: Handler 'handle' missing on module 'app'\n",
        "END RequestId: 1\n",
    ]);
    let started = std::time::Instant::now();
    let finished = sandbox.run(&["verify"]).expect_code(1);
    assert!(started.elapsed().as_secs() < 30, "{finished}");
    let lines: Vec<&str> = finished.stderr.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "error: the function failed, and no item came",
            "  caused by: the function `Handler` does not start: its `Handler` names nothing that its \
             code has: Handler 'handle' missing on module 'app'",
            "hint: set `Handler` to a file and a function of the code, such as `app.handler`",
            "hint: the last lines of the log group `/aws/lambda/demo-handler`:",
            "  [ERROR] Runtime.HandlerNotFound: Handler 'handle' missing on module 'app'",
        ],
        "{finished}"
    );
    nothing_is_left_of_the_probe(&cloud);

    // The configuration says it without a log.
    let failed =
        r#"{"State":"Failed","StateReason":"no access","StateReasonCode":"ImageAccessDenied"}"#;
    cloud
        .on("GetFunctionConfiguration")
        .reply(Response::new(200, failed));
    let missing = "The specified log group does not exist.";
    cloud
        .on("FilterLogEvents")
        .error(400, "ResourceNotFoundException", missing);
    let finished = sandbox.run(&["verify"]).expect_code(1);
    assert!(started.elapsed().as_secs() < 50, "{finished}");
    finished.expect_stderr(
        "  caused by: the function `Handler` cannot run: its state is Failed: no access (ImageAccessDenied)",
    );
    finished.expect_stderr(
        "hint: the log group `/aws/lambda/demo-handler` does not exist: its role `Role` (line 6 of \
         the deployed template) lacks `logs:CreateLogStream`, `logs:PutLogEvents` and \
         `logs:CreateLogGroup`",
    );

    // A role that may write logs shows that the function did not run; one that is not known, nothing.
    let basic = "    Properties:\n      ManagedPolicyArns: [arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]\n      Description: ";
    cloud.edit_deployed("    Properties:\n      Description: ", basic);
    let finished = sandbox.run(&["verify"]).expect_code(1);
    finished
        .expect_stderr("does not exist: the function did not run (its role `Role` may write logs)");
    cloud.edit_deployed("AWSLambdaBasicExecutionRole", "Own");
    let finished = sandbox.run(&["verify"]).expect_code(1);
    finished.expect_stderr(
        "does not exist: the function did not run, or its role lacks `logs:CreateLogGroup`, \
         `logs:CreateLogStream` and `logs:PutLogEvents`",
    );
}

#[test]
fn interrupted_verification_removes_the_test_object() {
    let (sandbox, cloud) = logging_pipeline(&[]);
    let mut running = sandbox.spawn(&["verify"]);
    running.wait_for_call(&cloud, "GetItem").interrupt();
    running.wait().expect_code(130);
    nothing_is_left_of_the_probe(&cloud);
}

fn ssh(outputs: &[(&str, &str)], manifest: &str, arguments: &[&str]) -> Finished {
    let (sandbox, _cloud) = with_outputs(outputs, manifest);
    sandbox.run(&[&["ssh", "--print"], arguments].concat())
}

/// The table of a manifest whose instances run Amazon Linux.
const SSH: &str =
    "[ssh]\naddress = [\"InstancePublicIp\", \"InstancePrivateIp\"]\nuser = \"ec2-user\"\n";

#[test]
fn ssh_builds_the_command_line() {
    let ip = [("InstancePublicIp", "203.0.113.9")];
    let keyed = "[ssh]\naddress = [\"InstancePublicIp\"]\nidentity_file = \"~/.ssh/ops\"\nuser = \"ubuntu\"\n";
    insta::assert_snapshot!(ssh(&ip, SSH, &[]), @r"
    --- stdout
    ssh -- ec2-user@203.0.113.9
    --- exit 0
    ");
    insta::assert_snapshot!(ssh(&ip, keyed, &["--", "ls", "-l", "/tmp"]), @r"
    --- stdout
    ssh -i [SANDBOX]/home/.ssh/ops -- ubuntu@203.0.113.9 ls -l /tmp
    --- exit 0
    ");
    let quoted = ssh(&ip, SSH, &["--", "echo", "it's", "$HOME", ""]).stdout;
    assert_eq!(
        quoted,
        "ssh -- ec2-user@203.0.113.9 echo \"it's\" '$HOME' ''\n"
    );
    let private = [("InstancePublicIp", ""), ("InstancePrivateIp", "10.0.0.4")];
    let nobody = "[ssh]\naddress = [\"InstancePublicIp\", \"InstancePrivateIp\"]\n";
    assert_eq!(ssh(&private, nobody, &[]).stdout, "ssh -- 10.0.0.4\n");
    insta::assert_snapshot!(ssh(&[], SSH, &[]), @"
    --- stderr
    error: `ssh.address` names `InstancePublicIp`, `InstancePrivateIp`, which the stack `demo-dev` does not have as an output
    hint: its outputs are BucketName
    --- exit 1
    ");
}

#[test]
fn ssh_does_not_take_an_output_for_an_option() {
    let evil = [("InstancePublicIp", "-oProxyCommand=touch /tmp/x")];
    let finished = ssh(&evil, &SSH.replace("ec2-user", "ops"), &[]).expect_code(0);
    assert_eq!(
        finished.stdout,
        "ssh -- 'ops@-oProxyCommand=touch /tmp/x'\n"
    );

    // `ssh` gets each word as one argument, and stackctl exits with its exit code.
    let (sandbox, _cloud) = with_outputs(&evil, SSH);
    let sandbox = sandbox.program(
        "ssh",
        "#!/bin/sh\nfor word; do echo \"[$word]\"; done\nexit 7\n",
    );
    let finished = sandbox.run(&["ssh", "--", "echo", "a b"]).expect_code(7);
    assert_eq!(
        finished.stdout,
        "[--]\n[ec2-user@-oProxyCommand=touch /tmp/x]\n[echo]\n[a b]\n"
    );
}
