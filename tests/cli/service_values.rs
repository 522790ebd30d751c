//! Parameters whose values are in SSM Parameter Store or Secrets Manager.

use crate::cloud::{Cloud, Response};
use crate::demo;
use crate::sandbox::{Finished, Sandbox};

const PASSWORD: &str = "correct horse battery";
const IMAGE: &str = "registry/app@sha256:0123456789";

const PARAMETERS: &str = r#"
[parameters]
Image = { from_ssm = "/app/image" }
User = { from_secret = "app/db#user" }
Password = { from_secret = "app/db#password" }
"#;

/// Returns a project with these parameters. Nothing is deployed.
fn project(parameters: &str) -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    let manifest = demo::manifest_without_variables() + parameters;
    sandbox.write("manifest.toml", manifest);
    let declared = "Parameters:\n  Image: { Type: String }\n  \
                    User: { Type: String, NoEcho: true, Default: the-default }\n  \
                    Password: { Type: String, NoEcho: true, Default: a-default }\nResources:\n";
    let template = demo::TEMPLATE
        .replace("Resources:\n", declared)
        .replace("\"{{ vars.description }}\"", "!Ref Password")
        .replace(
            "FunctionName: demo-handler",
            "FunctionName: demo-handler\n      Description: !Join ['-', [!Ref Image, !Ref User]]",
        );
    sandbox.write("stack.yaml.j2", template);
    {
        let mut account = cloud.account();
        account.set_parameter("/app/image", "String", IMAGE);
        account.set_secret(
            "app/db",
            &format!(r#"{{"user": "administrator", "password": "{PASSWORD}", "port": 5432}}"#),
        );
    }
    (sandbox, cloud)
}

fn read(sandbox: &Sandbox, file: &str) -> String {
    std::fs::read_to_string(sandbox.path(file)).unwrap()
}

#[track_caller]
fn keeps_quiet(finished: &Finished) {
    for value in [PASSWORD, IMAGE, "administrator"] {
        let shown = format!("{}{}", finished.stdout, finished.stderr);
        assert!(!shown.contains(value), "{value} is printed:\n{shown}");
    }
}

#[test]
fn values_are_read_once_sent_and_never_printed() {
    let (sandbox, cloud) = project(PARAMETERS);
    for format in ["human", "json", "markdown"] {
        let plan = sandbox.run(&["plan", "--format", format, "-v"]);
        keeps_quiet(&plan.expect_code(0));
    }
    cloud.forget_calls();
    keeps_quiet(&sandbox.run(&["apply", "--yes"]).expect_code(0));
    let request = &cloud.calls_of("CreateChangeSet")[0];
    let sent = request.pairs("Parameters", "ParameterKey", "ParameterValue");
    assert_eq!(
        sent.into_iter().collect::<Vec<_>>(),
        [
            ("Image".to_owned(), IMAGE.to_owned()),
            ("Password".to_owned(), PASSWORD.to_owned()),
            ("User".to_owned(), "administrator".to_owned()),
        ]
    );
    assert_eq!(cloud.calls_of("GetParameter").len(), 1);
    let secrets = cloud.calls_of("GetSecretValue");
    assert_eq!(secrets.len(), 1, "one call for two keys");
    // They are read with the stack, not after it.
    let operations = cloud.operations();
    let place = |name: &str| operations.iter().position(|it| it == name).unwrap();
    for name in ["GetParameter", "GetSecretValue"] {
        assert!(place(name) < place("CreateChangeSet"), "{operations:?}");
    }
    for command in [
        &["status", "--format", "json"][..],
        &["outputs", "--format", "json"],
        &["diff"],
        &["plan", "--offline"],
        &["config", "show"],
        &["events"],
    ] {
        keeps_quiet(&sandbox.run(command).expect_code(0));
    }
    let kept = std::fs::read_dir(sandbox.path("../cache/deployed")).unwrap();
    for entry in kept {
        let kept = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!kept.contains(PASSWORD) && !kept.contains(IMAGE), "{kept}");
    }
}

#[test]
fn a_change_outside_is_a_change() {
    // The image alone: with a `NoEcho` parameter, the service is asked in any case.
    let (sandbox, cloud) = project("\n[parameters]\nImage = { from_ssm = \"/app/image\" }\n");
    let template = read(&sandbox, "stack.yaml.j2");
    let template = template.replace(", NoEcho: true", "");
    sandbox.write("stack.yaml.j2", template);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    sandbox
        .run(&["plan", "--detailed-exitcode"])
        .expect_code(0)
        .expect_stdout("No changes");
    assert_eq!(cloud.calls_of("CreateChangeSet").len(), 1);
    let other = "registry/app@sha256:9876543210";
    cloud.account().set_parameter("/app/image", "String", other);
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    plan.expect_stdout("~ Handler");
    for value in [IMAGE, other] {
        assert!(!plan.stdout.contains(value), "{plan}");
    }
}

#[test]
fn commands_that_send_nothing_read_no_value() {
    let (sandbox, cloud) = project(PARAMETERS);
    for command in [
        &["validate"][..],
        &["render"],
        &["schema"],
        &["package"],
        &["config", "show"],
        &["plan", "--offline"],
    ] {
        sandbox.run(command).expect_code(0);
        assert!(cloud.calls().is_empty(), "{command:?}");
    }
    for command in ["diff", "status"] {
        sandbox.run(&[command]).expect_code(0);
    }
    assert!(cloud.calls_of("GetParameter").is_empty());
    assert!(cloud.calls_of("GetSecretValue").is_empty());
    let shown = sandbox.run(&["config", "show"]);
    for line in [
        "parameters.Image                   (not printed, from the SSM parameter `/app/image`)",
        "(not printed, from the key `password` of the secret `app/db`)",
    ] {
        shown.expect_stdout(line);
    }
}

#[test]
fn a_saved_plan_needs_no_value_again() {
    let (sandbox, cloud) = project(PARAMETERS);
    sandbox.run(&["plan", "--out", "plan.json"]).expect_code(0);
    let plan = read(&sandbox, "plan.json");
    assert!(!plan.contains(PASSWORD) && !plan.contains(IMAGE), "{plan}");
    sandbox.edit("manifest.toml", "/app/image", "/app/other");
    sandbox
        .run(&["apply", "plan.json", "--yes"])
        .expect_code(4)
        .expect_stderr("the files have changed since: the parameters");
    sandbox.edit("manifest.toml", "/app/other", "/app/image");
    cloud.forget_calls();
    let applied = sandbox.run(&["apply", "plan.json", "--yes"]);
    keeps_quiet(&applied.expect_code(0));
    assert!(cloud.calls_of("GetParameter").is_empty());
    assert!(cloud.calls_of("GetSecretValue").is_empty());
}

#[test]
fn every_value_that_cannot_be_sent_is_named_at_its_place() {
    let (sandbox, cloud) = project(
        r#"
[parameters]
Image = { from_ssm = "/app/missing:3" }
User = { from_secret = "app/db#login" }
Password = { from_secret = "arn:aws:secretsmanager:us-east-1:210987654321:secret:db-AbCdEf" }
"#,
    );
    cloud
        .on("GetSecretValue")
        .only(|call| call.region == "us-east-1")
        .error(
            400,
            "AccessDeniedException",
            "User: arn:aws:iam::123456789012:user/tester is not authorized to perform: \
             secretsmanager:GetSecretValue on resource: db",
        );
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[no-service-value]: the parameter `Image` has no value: the SSM parameter `/app/missing:3` cannot be read in eu-west-1: there is no such value (ParameterNotFound)
      --> manifest.toml:14:9
       |
    14 | Image = { from_ssm = "/app/missing:3" }
       |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: create it in this region and account, or name another one; an ARN also names one of
               another region or account

    error[no-service-value]: the parameter `User` has no value: the secret `app/db` has no key `login`
      --> manifest.toml:15:8
       |
    15 | User = { from_secret = "app/db#login" }
       |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error[no-service-value]: the parameter `Password` has no value: the secret `arn:aws:secretsmanager:us-east-1:210987654321:secret:db-AbCdEf` cannot be read in us-east-1: User: arn:aws:iam::123456789012:user/tester is not authorized to perform: secretsmanager:GetSecretValue on resource: db (AccessDeniedException)
      --> manifest.toml:16:12
       |
    16 | Password = { from_secret = "arn:aws:secretsmanager:us-east-1:210987654321:secret:db-AbCdEf" }
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: the credentials need the permission `secretsmanager:GetSecretValue`

    error: 3 parameters have no value
    --- exit 1
    "#);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    // The account comes first.
    let manifest = read(&sandbox, "manifest.toml");
    let manifest = manifest.replace("[artifacts", "account = \"999999999999\"\n[artifacts");
    sandbox.write("manifest.toml", manifest);
    sandbox
        .run(&["plan"])
        .expect_code(4)
        .expect_stderr("the manifest allows only 999999999999");
}

#[test]
fn a_lost_answer_is_asked_for_again_and_a_broken_one_is_an_error() {
    let (sandbox, cloud) = project(PARAMETERS);
    cloud.on("GetParameter").times(1).lose_answer();
    cloud
        .on("GetSecretValue")
        .times(1)
        .error(400, "ThrottlingException", "Rate exceeded");
    keeps_quiet(&sandbox.run(&["plan"]).expect_code(0));
    cloud.on("GetParameter").reply(Response::new(200, "{}"));
    sandbox
        .run(&["plan"])
        .expect_code(1)
        .expect_stderr("the answer to GetParameter has no Parameter.Value");
}

#[test]
fn a_secret_that_the_stack_shows_is_a_warning() {
    let (sandbox, cloud) = project(
        "\n[parameters]\nImage = { from_secret = \"app/db#password\" }\nPassword = { from_ssm = \"/pw\" }\n",
    );
    cloud
        .account()
        .set_parameter("/pw", "SecureString", "another password");
    sandbox
        .run(&["validate"])
        .expect_code(0)
        .expect_stderr("warning[visible-secret]: the parameter `Image` gets a secret");
    let template = read(&sandbox, "stack.yaml.j2");
    sandbox.write("stack.yaml.j2", template.replace(", NoEcho: true", ""));
    let plan = sandbox.run(&["plan"]).expect_code(0);
    plan.expect_stderr("warning[visible-secret]: the parameter `Password` gets a secret");
    keeps_quiet(&plan);
    assert!(!plan.stdout.contains("another password"), "{plan}");
    let template = read(&sandbox, "stack.yaml.j2");
    let template = template.replace(
        "Password: { Type: String",
        "Password: { Type: 'AWS::SSM::Parameter::Value<String>'",
    );
    sandbox.write("stack.yaml.j2", template);
    sandbox
        .run(&["validate"])
        .expect_code(0)
        .expect_stderr("write the name alone, `Password = \"/pw\"`");
}

#[test]
fn a_short_value_is_masked_by_its_position() {
    let (sandbox, cloud) = project("\n[parameters]\nImage = { from_ssm = \"/app/image\" }\n");
    cloud.account().set_parameter("/app/image", "String", "q7");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let status = sandbox.run(&["status", "--format", "json"]).expect_code(0);
    status.expect_stdout("\"Image\": \"****\"");
    cloud.account().set_parameter("/app/image", "String", "z9");
    for format in ["human", "json", "markdown"] {
        let plan = sandbox.run(&["plan", "--format", format]).expect_code(0);
        assert!(!plan.stdout.contains("z9"), "{plan}");
        assert!(!plan.stdout.contains("q7"), "{plan}");
    }
}
