//! Output: secrets are masked, color follows the flags, and lines fit the terminal.

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::{Finished, Input, Sandbox};

const SECRET: &str = "hunter2-and-more";

/// A secret that is too short to be searched for. Only its place shows that it is secret.
const PIN: &str = "§7";

/// Returns a project with two secret parameters, one from the environment and one from the
/// manifest, and with outputs that contain them.
fn with_secret() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    let manifest =
        format!("\n[parameters]\nPassword = {{ from_env = \"DB_PASSWORD\" }}\nPin = \"{PIN}\"\n");
    sandbox.append("manifest.toml", &manifest);
    let parameters = "Parameters:\n  Password:\n    Type: String\n    NoEcho: true\n  \
        Pin:\n    Type: String\n    NoEcho: true\nResources:\n";
    let template = demo::TEMPLATE
        .replace("Resources:\n", parameters)
        .replace("\"{{ vars.description }}\"", "!Ref Password")
        .replace(
            "FunctionName: demo-handler",
            "FunctionName: demo-handler\n      Description: !Ref Pin",
        )
        + "  Login:\n    Value: !Sub \"${Password}:${Pin}\"\n  Pin:\n    Value: !Ref Pin\n";
    sandbox.write("stack.yaml.j2", template);
    (sandbox, cloud)
}

#[track_caller]
fn keeps_quiet(finished: &Finished) {
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains(SECRET), "{finished}");
        assert!(!text.contains(PIN), "{finished}");
        assert!(!text.contains("not-a-real-secret"), "{finished}");
    }
}

#[test]
fn secret_is_sent_but_never_printed() {
    let (sandbox, cloud) = with_secret();
    let sandbox = sandbox.env("DB_PASSWORD", SECRET);
    for arguments in [
        &["plan", "-v"][..],
        &["plan", "--format", "json", "-vv"],
        &["plan", "--format", "markdown"],
        &["plan", "--offline", "--format", "json"],
        &["apply", "--yes", "-vv", "--outputs-file", "out.json"],
        // The scripted service returns the value, which AWS does not.
        &["plan", "-vv"],
        &["diff"],
        &["diff", "--format", "json"],
        &["diff", "--format", "unified"],
        &["status", "--format", "json"],
        &["logs", "-vv"],
        &["outputs", "-vv"],
        &["outputs", "Login"],
        &["render"],
        &["validate", "-vv"],
        &["destroy", "--yes", "-vv"],
    ] {
        let finished = sandbox.run(arguments).expect_code(0);
        keeps_quiet(&finished);
    }
    let created = cloud.calls_of("CreateChangeSet");
    let sent = created[0].pairs("Parameters", "ParameterKey", "ParameterValue");
    assert_eq!(sent["Password"], SECRET);
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    for file in ["out.json", "plan.json"] {
        let written = std::fs::read_to_string(sandbox.path(file)).unwrap();
        assert!(
            !written.contains(SECRET) && !written.contains(PIN),
            "{written}"
        );
    }
    // A value in the manifest is shown, a value from the environment is not.
    for format in ["human", "json"] {
        let shown = sandbox.run(&["config", "show", "--format", format]);
        assert!(!shown.stdout.contains(SECRET), "{shown}");
    }
}

#[test]
fn outputs_mask_secrets_that_the_command_does_not_know() {
    let (sandbox, _cloud) = with_secret();
    let sandbox = sandbox.env("DB_PASSWORD", SECRET);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let sandbox = sandbox.env("DB_PASSWORD", "");
    for arguments in [
        &["outputs"][..],
        &["outputs", "Login"],
        &["outputs", "--format", "json"],
        &["status", "--format", "json"],
    ] {
        let finished = sandbox.run(arguments).expect_code(0);
        keeps_quiet(&finished);
    }
    insta::assert_snapshot!(sandbox.run(&["outputs"]), @r"
    --- stdout
    output      value
    BucketName  demo-data
    Login       ****
    Pin         ****
    --- exit 0
    ");
}

#[test]
fn secret_in_a_service_message_is_masked() {
    let (sandbox, cloud) = with_secret();
    let sandbox = sandbox.env("DB_PASSWORD", SECRET);
    let message = format!("Parameter Password = {SECRET} is no password");
    cloud
        .on("CreateChangeSet")
        .error(400, "ValidationError", &message);
    let finished = sandbox.run(&["plan", "-vv"]).expect_code(1);
    keeps_quiet(&finished);
    finished.expect_stderr("Parameter Password = (secret) is no password");
}

#[test]
fn only_commands_that_send_a_secret_require_it() {
    let (sandbox, cloud) = with_secret();
    for command in [&["plan"][..], &["apply", "--yes"]] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(sandbox.run(command), @r#"
            --- stderr
            warning[unread-variable]: no template reads `vars.description`
              --> manifest.toml:12:15
               |
            12 | description = "first"
               |               ^^^^^^^

            error: the parameter `Password` is read from DB_PASSWORD, which is not set
            hint: export DB_PASSWORD before running the command
            --- exit 1
            "#);
        }
    }
    // The deployed stack is read concurrently, so these calls may or may not have been made.
    let reads = |operation: &String| operation.starts_with("Get") || operation.starts_with("Desc");
    let operations = cloud.operations();
    assert!(operations.iter().all(reads), "{operations:?}");
    for command in ["diff", "status", "validate", "render", "destroy"] {
        sandbox.run(&[command]).expect_code(0);
    }
}

#[test]
fn sdk_trace_contains_no_bodies() {
    let (sandbox, _cloud) = demo::in_cloud();
    let finished = sandbox.run(&["apply", "--yes", "-vv"]).expect_code(0);
    assert!(finished.stderr.contains("DEBUG"), "there is a trace");
    keeps_quiet(&finished);
    for part in [
        // Parts of request and response bodies.
        "TemplateBody",
        "AssumeRolePolicyDocument",
        "<StackStatus>",
        "GetCallerIdentityResult",
        // Parts of a signature.
        "AWS4-HMAC-SHA256",
        "Signature=",
    ] {
        assert!(!finished.stderr.contains(part), "{part} in\n{finished}");
    }
}

#[test]
fn closed_stdout_is_not_an_error() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().log_lines = vec!["a line".to_owned()];
    for command in [
        "schema",
        "status",
        "plan --format json",
        "--help",
        "logs -q --follow",
    ] {
        let script = format!(
            "( {} {command}; echo \"code $?\" >&2 ) | :",
            env!("CARGO_BIN_EXE_stackctl")
        );
        let finished = sandbox
            .start("/bin/sh", &["-c", &script], Input::Nothing)
            .wait();
        assert_eq!(finished.stderr, "code 0\n", "{command}");
    }
}

#[test]
fn color_follows_the_terminal_and_the_flags() {
    const ESCAPE: &str = "\x1b[";
    let (sandbox, _cloud) = demo::in_cloud();
    let piped = sandbox.run(&["plan"]).expect_code(0);
    assert!(!piped.stdout.contains(ESCAPE), "{piped}");
    let always = sandbox.run(&["plan", "--color", "always"]).expect_code(0);
    always.expect_stdout(ESCAPE);
    assert_eq!(always.to_string(), piped.to_string());

    let declined = |sandbox: &Sandbox, arguments: &[&str]| {
        sandbox
            .answer(arguments, "Apply:", "no")
            .expect_code(4)
            .stderr
    };
    assert!(declined(&sandbox, &["apply"]).contains(ESCAPE));
    assert!(!declined(&sandbox, &["apply", "--color", "never"]).contains(ESCAPE));
    let sandbox = sandbox.env("NO_COLOR", "1");
    assert!(!declined(&sandbox, &["apply"]).contains(ESCAPE));
    let always = sandbox.run(&["plan", "--color", "always"]);
    assert!(always.stdout.contains(ESCAPE), "the flag is stronger");
}

#[test]
fn quiet_prints_only_data_and_errors() {
    let (sandbox, _cloud) = demo::in_cloud();
    let finished = sandbox.run(&["apply", "--yes", "-q"]).expect_code(0);
    assert_eq!(finished.stderr, "");
    finished.expect_stdout("Plan: 3 to add");
    let finished = sandbox.run(&["outputs", "Nothing", "-q"]).expect_code(1);
    assert!(finished.stderr.starts_with("error: "), "{finished}");
}

#[test]
fn output_fits_a_narrow_terminal() {
    let (sandbox, _cloud) = demo::in_cloud();
    let plan = sandbox.run(&["plan"]).expect_code(0);
    let sandbox = sandbox.env("COLUMNS", "40");
    let narrow = sandbox.run(&["plan"]);
    assert_eq!(narrow.to_string(), plan.to_string(), "it is narrow anyway");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    insta::assert_snapshot!(sandbox.run(&["status"]), @r"
    --- stdout
    demo-dev  CREATE_COMPLETE
      id arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]
      created [INSTANT]
      termination protection off

    resource  type                   status
        physical id
    Bucket    AWS::S3::Bucket
        CREATE_COMPLETE  demo-data
    Role      AWS::IAM::Role
        CREATE_COMPLETE
        demo-dev-Role-1A2B3C
    Handler   AWS::Lambda::Function
        CREATE_COMPLETE  demo-handler
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(&["outputs"]), @r"
    --- stdout
    output      value
    BucketName  demo-data
    --- exit 0
    ");
}

/// `/dev/full` rejects all writes, as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn failed_write_to_stdout_is_an_error() {
    let sandbox = demo::files();
    let script = "exec \"$0\" render > /dev/full";
    let program = env!("CARGO_BIN_EXE_stackctl");
    let finished = sandbox
        .start("/bin/sh", &["-c", script, program], Input::Nothing)
        .wait();
    insta::assert_snapshot!(finished, @r"
    --- stderr
    error: cannot write the output to stdout
      caused by: No space left on device (os error 28)
    --- exit 1
    ");
}
