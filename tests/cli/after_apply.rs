//! What `apply` does after a successful deployment: it checks the code of the functions and sets
//! the stack policy.

use crate::cloud::{Cloud, Progress};
use crate::demo;
use crate::sandbox::Sandbox;

const POLICY: &str = r#"{
  "Statement": [
    { "Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*" }
  ]
}
"#;

/// Returns the project with this stack policy.
fn with_policy(policy: &str) -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.append("manifest.toml", "\n[stack]\npolicy = \"policy.json\"\n");
    sandbox.write("policy.json", policy);
    (sandbox, cloud)
}

#[test]
fn apply_compares_the_function_code_with_its_artifact() {
    let (sandbox, cloud) = demo::in_cloud();
    let applied = sandbox.run(&["apply", "--yes", "-v"]).expect_code(0);
    let asked = cloud.calls_of("GetFunctionConfiguration");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].parameter("FunctionName"), "demo-handler");
    applied.expect_stderr("Handler runs the artifact `handler`");
    let quiet = demo::in_cloud();
    let applied = quiet.0.run(&["apply", "--yes"]).expect_code(0);
    assert!(!applied.stderr.contains("runs the artifact"), "{applied}");

    // Without a deployment, the code is not checked.
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(cloud.calls_of("GetFunctionConfiguration").is_empty());
}

#[test]
fn different_function_code_is_an_error_with_a_remedy() {
    let (sandbox, cloud) = demo::in_cloud();
    let other = r#"{"FunctionName":"demo-handler","CodeSha256":"c29tZXRoaW5nIGVsc2U="}"#;
    let answer = crate::cloud::Response::new(200, other);
    cloud.on("GetFunctionConfiguration").reply(answer);
    let finished = sandbox
        .run(&["apply", "--yes", "--outputs-file", "outputs.json"])
        .expect_code(1);
    let (_, message) = finished.stderr.split_once("Applied:").unwrap();
    let message = regex_lite::Regex::new("[0-9a-f]{64}|is [A-Za-z0-9+/]{43}=")
        .unwrap()
        .replace_all(message, "[DIGEST]")
        .into_owned();
    insta::assert_snapshot!(message, @r"
     demo-dev is CREATE_COMPLETE.

    error: the stack was deployed, but the function Handler runs other code
    hint: Handler: Lambda has CodeSha256 c29tZXRoaW5nIGVsc2U=, the artifact `handler` [DIGEST]; find out who changed it, then `aws lambda update-function-code --function-name demo-handler --s3-bucket stackctl-artifacts-123456789012-eu-west-1 --s3-key demo/handler/[DIGEST].zip`
    ");
    assert!(
        finished.stdout.contains("demo-data"),
        "the outputs are shown"
    );
    assert!(sandbox.path("outputs.json").exists());
}

#[test]
fn code_of_a_function_is_read_as_soon_as_it_is_done() {
    let (sandbox, cloud) = demo::in_cloud();
    let sandbox = sandbox.env("STACKCTL_TEST_PACE", "1");
    // The role comes after the function, and each poll shows two events.
    cloud.account().progress = Progress::Events(1);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let operations = cloud.operations();
    let last = |name: &str| operations.iter().rposition(|it| it == name);
    assert!(last("GetFunctionConfiguration") < last("DescribeStackEvents"));
    assert_eq!(cloud.calls_of("GetFunctionConfiguration").len(), 1);
}

#[test]
fn early_answer_of_other_code_is_asked_again_at_the_end() {
    let other = crate::cloud::Response::new(200, r#"{"CodeSha256":"b2xk"}"#);
    for rule in ["old", "denied", "missing"] {
        let (sandbox, cloud) = demo::in_cloud();
        cloud.account().progress = Progress::Events(4);
        let first = cloud.on("GetFunctionConfiguration").times(1);
        match rule {
            "old" => first.reply(other.clone()),
            "denied" => first.error(403, "AccessDeniedException", "not yet"),
            _ => first.error(404, "ResourceNotFoundException", "not yet"),
        }
        let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
        assert!(!applied.stderr.contains("could not be read"), "{applied}");
        assert_eq!(
            cloud.calls_of("GetFunctionConfiguration").len(),
            2,
            "{rule}"
        );
    }
}

#[test]
fn functions_that_do_not_change_are_read_during_the_deployment() {
    let (sandbox, cloud) = demo::deployed();
    let sandbox = sandbox.env("STACKCTL_TEST_PACE", "1");
    demo::change_description(&sandbox);
    cloud.account().progress = Progress::Events(1);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let operations = cloud.operations();
    let last = |name: &str| operations.iter().rposition(|it| it == name);
    assert!(last("GetFunctionConfiguration") < last("DescribeStackEvents"));
    for operation in ["GetFunctionConfiguration", "ListStackResources"] {
        assert_eq!(cloud.calls_of(operation).len(), 1, "{operation}");
    }
    // If they cannot be listed then, they are at the end.
    sandbox.edit("manifest.toml", "second", "third");
    cloud.forget_calls();
    let listed = cloud.on("ListStackResources").times(1);
    listed.error(400, "ValidationError", "not now");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(cloud.calls_of("ListStackResources").len(), 2);
    assert_eq!(cloud.calls_of("GetFunctionConfiguration").len(), 1);
}

#[test]
fn code_of_a_failed_deployment_is_not_checked() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().progress = Progress::Events(4);
    cloud.account().fail("Role", "no");
    let asked = cloud.on("GetFunctionConfiguration");
    asked.delay(60_000).carry_on();
    // A pending answer does not delay the report.
    let failed = sandbox.run(&["apply", "--yes"]).expect_code(3);
    assert!(!failed.stderr.contains("runs other code"), "{failed}");
}

#[test]
fn denied_code_check_is_not_an_error() {
    let (sandbox, cloud) = demo::in_cloud();
    let message = "not authorized to perform: lambda:GetFunctionConfiguration";
    cloud
        .on("GetFunctionConfiguration")
        .error(403, "AccessDeniedException", message);
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(0);
    finished.expect_stderr("the caller lacks `lambda:GetFunctionConfiguration`.");
}

#[test]
fn outputs_are_kept_if_a_step_after_the_deployment_fails() {
    for (operation, message) in [
        ("SetStackPolicy", "its settings are not all set"),
        (
            "GetFunctionConfiguration",
            "the code of its functions could not be checked",
        ),
    ] {
        let (sandbox, cloud) = with_policy(POLICY);
        let denied = cloud.on(operation);
        denied.error(400, "ValidationError", "no");
        let arguments = ["apply", "--yes", "--outputs-file", "outputs.json"];
        let finished = sandbox.run(&arguments).expect_code(1);
        finished.expect_stderr(&format!("error: the stack was deployed, but {message}"));
        assert!(finished.stdout.contains("demo-data"), "{finished}");
        assert!(sandbox.path("outputs.json").exists());
    }
}

#[test]
fn only_functions_with_an_artifact_are_checked() {
    let (sandbox, cloud) = demo::in_cloud();
    let code =
        "S3Bucket: !Sub \"{{ artifact_bucket }}\"\n        S3Key: \"{{ artifacts.handler.key }}\"";
    let inline = "ZipFile: \"def handler(event, context): pass\"";
    sandbox.edit("stack.yaml.j2", code, inline);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(cloud.calls_of("GetFunctionConfiguration").is_empty());
    assert!(cloud.calls_of("ListStackResources").is_empty());
}

#[test]
fn stack_policy_is_shown_and_updated() {
    let (sandbox, cloud) = with_policy(POLICY);
    let planned = sandbox.run(&["plan"]).expect_code(0);
    let (_, settings) = planned.stdout.split_once("Stack settings\n").unwrap();
    insta::assert_snapshot!(settings.split("\n\n").next().unwrap(), @r#"
    + policy
        + {"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}
    "#);
    assert!(cloud.calls_of("SetStackPolicy").is_empty());

    let finished = sandbox.run(&["apply", "--yes"]).expect_code(0);
    finished.expect_stderr("The stack policy is set.");
    let sent = cloud.calls_of("SetStackPolicy");
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].parameter("StackPolicyBody"),
        POLICY.split_whitespace().collect::<String>()
    );
    let operations = cloud.operations();
    let at = |name: &str| operations.iter().position(|operation| operation == name);
    assert!(at("ExecuteChangeSet") < at("SetStackPolicy"));

    // The same policy with other whitespace is not a change. Another policy is a change and needs
    // no change set.
    sandbox.write("policy.json", POLICY.replace('\n', " \n "));
    let diff = sandbox.run(&["diff", "--exit-code"]).expect_code(0);
    assert!(!diff.stdout.contains("policy"), "{diff}");
    sandbox.write("policy.json", POLICY.replace("Allow", "Deny"));
    sandbox.run(&["diff", "--exit-code"]).expect_code(2);
    let planned = sandbox.run(&["plan"]).expect_code(0);
    let sentence = "\nNo resource changes; only stack settings change.\n";
    assert!(planned.stdout.contains(sentence), "{planned}");
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    let policy = cloud.account().stack("demo-dev").policy.clone();
    assert!(policy.unwrap().contains("Deny"));

    // Without the key in the manifest, the policy is kept and not read.
    sandbox.write("manifest.toml", demo::MANIFEST);
    cloud.forget_calls();
    sandbox.run(&["diff", "--exit-code"]).expect_code(0);
    assert!(cloud.calls_of("GetStackPolicy").is_empty());
}

#[test]
fn stack_policy_is_read_again_after_waiting() {
    let (sandbox, cloud) = with_policy(POLICY);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let manifest = std::fs::read_to_string(sandbox.path("manifest.toml")).unwrap();
    sandbox.write("manifest.toml", manifest.replace("first", "second"));
    demo::leave_running(&sandbox, &cloud);
    let mut waiting = sandbox.spawn(&["apply", "--yes", "--wait"]);
    waiting.wait_for_stderr("Waiting for the running operation");
    {
        let mut account = cloud.account();
        account.stack("demo-dev").policy = Some(POLICY.replace("Allow", "Deny"));
        account.progress = Progress::Events(1);
    }
    let finished = waiting.wait().expect_code(0);
    finished.expect_stderr("The stack policy is set.");
}

#[test]
fn invalid_stack_policy_is_reported_at_its_line() {
    let (sandbox, cloud) = with_policy("{\n  \"Statement\": [,]\n}\n");
    let planned = sandbox.run(&["plan"]);
    insta::assert_snapshot!(planned, @r#"
    --- stderr
    error[bad-stack-policy]: this is not valid JSON: expected value
     --> policy.json:2:17
      |
    2 |   "Statement": [,]
      |                 ^

    error: `policy.json` is not a stack policy
    --- exit 1
    "#);
    let validated = sandbox.run(&["validate"]);
    assert_eq!(validated.to_string(), planned.to_string());
    sandbox.write("policy.json", "{}");
    let finished = sandbox.run(&["plan"]).expect_code(1);
    finished.expect_stderr("`Statement` list");
    std::fs::remove_file(sandbox.path("policy.json")).unwrap();
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[missing-stack-policy]: the stack policy `policy.json` does not exist
      --> manifest.toml:15:10
       |
    15 | policy = "policy.json"
       |          ^^^^^^^^^^^^^

    error: there is no stack policy to set
    --- exit 1
    "#);
    assert!(cloud.calls().is_empty());
}

#[test]
fn update_denied_by_the_policy_is_reported() {
    let (sandbox, cloud) = demo::deployed();
    let reason = "Action denied by stack policy: Statement [#1] does not allow [Update:*] for \
        resource [LogicalResourceId/Role]";
    cloud.account().fail("Role", reason);
    demo::change_description(&sandbox);
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(3);
    finished.expect_stderr(reason);
    assert_eq!(cloud.status(), "UPDATE_ROLLBACK_COMPLETE");
}
