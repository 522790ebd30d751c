//! `init --from-stack`: a project for a stack that is deployed.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::cloud::{Cloud, Deployment, Response};
use crate::sandbox::{Finished, Sandbox};

/// The stack that most tests adopt.
pub(crate) const TEMPLATE: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
# kept as it is
Parameters:
  Size: { Type: String, Default: small, Description: How large }
  Password: { Type: String, NoEcho: true }
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [] }
      Tags: [{ Key: size, Value: !Ref Size }]
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: shop-handler
      Handler: app.handler
      Runtime: python3.13
      Role: !GetAtt Role.Arn
      Environment: { Variables: { PASSWORD: !Ref Password } }
      Code:
        S3Bucket: elsewhere
        S3Key: code.zip
"#;

/// Operations that change nothing.
const READS: [&str; 8] = [
    "DescribeStacks",
    "GetCallerIdentity",
    "GetFunction",
    "GetStackPolicy",
    "GetTemplate",
    "ListStackResources",
    "GET /code",
    "GET /one",
];

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn sandbox(cloud: &Cloud) -> Sandbox {
    Sandbox::new()
        .cloud(cloud)
        .env("STACKCTL_ALLOW_ENDPOINT", "true")
}

/// Returns a cloud with the stack `shop`, and a sandbox for it.
pub(crate) fn shop() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    cloud.account().deploy(
        "shop",
        Deployment {
            parameters: pairs(&[("Size", "large"), ("Password", "hunter2hunter2")]),
            tags: pairs(&[("team", "web"), ("cost centre", "12")]),
            capabilities: vec!["CAPABILITY_IAM".to_owned()],
            ..Deployment::of(TEMPLATE)
        },
    );
    cloud.account().stack("shop").termination_protection = true;
    (sandbox(&cloud), cloud)
}

pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        zip.start_file(*path, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Serves the code of a function at a path of the cloud.
pub(crate) fn serve_code(cloud: &Cloud, function: &str, path: &str, code: &[u8]) {
    let location = format!("{}{path}?X-Amz-Signature=c0ffee", cloud.endpoint());
    let answer = json!({
        "Configuration": { "FunctionName": function },
        "Code": { "RepositoryType": "S3", "Location": location },
    });
    let name = function.to_owned();
    cloud
        .on("GetFunction")
        .only(move |call| call.parameter("FunctionName") == name)
        .reply(Response::new(200, answer.to_string()));
    cloud
        .on(&format!("GET {path}"))
        .reply(Response::new(200, code));
}

pub(crate) fn read(sandbox: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(sandbox.path(path)).unwrap()
}

/// Plans in the folder and expects no change, without a change set.
#[track_caller]
pub(crate) fn expect_unchanged(sandbox: &Sandbox, cloud: &Cloud) {
    cloud.forget_calls();
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    plan.expect_stdout("No changes");
    assert!(cloud.calls_of("CreateChangeSet").is_empty(), "{plan}");
}

#[track_caller]
pub(crate) fn expect_only_reads(cloud: &Cloud) {
    for operation in cloud.operations() {
        assert!(READS.contains(&operation.as_str()), "{operation}");
    }
}

#[test]
fn stack_becomes_a_project_that_plans_no_change() {
    let (sandbox, cloud) = shop();
    cloud.account().stack("shop").policy =
        Some(r#"{ "Statement" : [{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}] }"#.to_owned());
    let code = zip(&[
        ("app.py", "def handler(*_): pass\n"),
        ("lib/util.py", "A = 1\n"),
    ]);
    serve_code(&cloud, "shop-handler", "/code", &code);
    insta::assert_snapshot!(sandbox.run(&["init", "--from-stack", "shop", "new"]), @r"
    --- stderr
    wrote new/template.yaml
    wrote new/stack-policy.json
    wrote new/code/Handler (2 files)
    wrote new/manifest.toml

    The project is what is deployed: template, parameters, tags and settings of the stack.
    `cd new && stackctl plan` shows no changes.
    --- exit 0
    ");
    expect_only_reads(&cloud);
    assert_eq!(read(&sandbox, "new/template.yaml"), TEMPLATE);
    assert_eq!(read(&sandbox, "new/code/Handler/lib/util.py"), "A = 1\n");
    let mode = |path| {
        let metadata = std::fs::metadata(sandbox.path(path)).unwrap();
        metadata.permissions().mode()
    };
    assert_eq!(mode("new/code"), mode("new"));
    insta::assert_snapshot!(read(&sandbox, "new/manifest.toml"), @r#"
    # Written from the stack `shop` (account 123456789012, region eu-west-1). Its values are below, and
    # nothing else: with them, a plan shows no change.
    #
    # A parameter with `use_previous = true` is a secret that CloudFormation does not show. It keeps the
    # value of the stack. To change it, or to deploy another stack, write `{ from_env = "VARIABLE" }`.
    #
    # The folder `code` has the functions' code for reading. The template refers to the zips in S3. To
    # deploy the code from here, write its folder into the template, such as `Code: code/Handler`.

    project = "new"
    template = "template.yaml"
    stack_name = "shop"
    region = "eu-west-1"
    account = "123456789012"
    allow_endpoint = true
    own_tags = false

    [tags]
    "cost centre" = "12"
    team = "web"

    [stack]
    termination_protection = true
    policy = "stack-policy.json"

    # The template's parameters.
    [parameters]

    # How large
    # String
    Size = "large"

    # String; a secret (NoEcho)
    Password = { use_previous = true }
    "#);
    expect_unchanged(&sandbox.in_folder("new"), &cloud);
}

#[test]
fn secret_keeps_its_value_when_something_else_changes() {
    let (sandbox, cloud) = shop();
    sandbox
        .run(&["init", "--from-stack", "shop", "new"])
        .expect_code(0);
    let sandbox = sandbox.in_folder("new");
    sandbox.edit("new/manifest.toml", "Size = \"large\"", "Size = \"huge\"");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(!applied.to_string().contains("hunter2"), "{applied}");
    let sent = cloud.calls_of("CreateChangeSet").remove(0);
    let values = sent.pairs("Parameters", "ParameterKey", "ParameterValue");
    assert_eq!(values, pairs(&[("Password", ""), ("Size", "huge")]));
    let keeps = sent.pairs("Parameters", "ParameterKey", "UsePreviousValue");
    assert_eq!(keeps, pairs(&[("Password", "true"), ("Size", "")]));
    let mut account = cloud.account();
    let deployed = account.stack("shop").deployed.clone().unwrap();
    assert_eq!(deployed.parameters["Password"], "hunter2hunter2");
    assert_eq!(
        deployed.tags,
        pairs(&[("team", "web"), ("cost centre", "12")])
    );
}

#[test]
fn text_of_the_template_is_kept() {
    let large = format!(
        "Description: >-\n  {}\nResources:\n  A:\n    Type: AWS::SNS::Topic\n",
        "x".repeat(1000)
    );
    let padding = format!("# {}\n", "y".repeat(98)).repeat(9000);
    let large = large + &padding;
    for (text, file) in [
        (
            "Resources:\r\n  A:\r\n    Type: AWS::SNS::Topic\r\n",
            "template.yaml",
        ),
        (
            "\n\n  {\"Resources\": {\"A\":\n{\"Type\": \"AWS::SNS::Topic\"}}}",
            "template.json",
        ),
        (
            "Resources:\n  A:\n    Type: AWS::SSM::Parameter\n    Properties:\n      Type: String\n      \
             Value: \"{{ project }} {% if x %} {{ vars.size }} {{ parameters.A }} {# no #} ${#a[@]}\"\n",
            "template.yaml",
        ),
        ("Resources: {A: {Type: AWS::SNS::Topic}}", "template.yaml"),
        (&large, "template.yaml"),
    ] {
        let cloud = Cloud::start();
        cloud.account().deploy("shop", Deployment::of(text));
        let sandbox = sandbox(&cloud);
        let finished = sandbox.run(&["init", "--from-stack", "shop", "new"]);
        let finished = finished.expect_code(0);
        finished.expect_stderr("shows no changes");
        assert_eq!(read(&sandbox, &format!("new/{file}")), text);
        expect_unchanged(&sandbox.in_folder("new"), &cloud);
    }
}

#[test]
fn lost_characters_are_named_and_can_be_given() {
    let text = "# Größe\nDescription: Größe?\nResources:\n  A:\n    Type: AWS::SNS::Topic\n    \
                Properties: { DisplayName: \"日本\" }\n";
    let cloud = Cloud::start();
    cloud.account().deploy("shop", Deployment::of(text));
    let sandbox = sandbox(&cloud).file("given/stack.yaml", text);
    insta::assert_snapshot!(sandbox.run(&["init", "--from-stack", "shop", "new"]), @r#"
    --- stderr
    wrote new/template.yaml
    wrote new/manifest.toml
    warning: 2 lines have a `?`, which CloudFormation also returns in place of every character outside ASCII:
      template.yaml:2: Description: Gr??e?
      template.yaml:6: Properties: { DisplayName: "??" }
    hint: correct these lines in new/template.yaml before you change the stack, or give the file that was deployed: `stackctl init --from-stack shop --from FILE`

    The project is what is deployed: template, parameters, tags and settings of the stack.
    `cd new && stackctl plan` shows no changes.
    --- exit 0
    "#);
    let given = [
        "init",
        "--from-stack",
        "shop",
        "--from",
        "given/stack.yaml",
        "given",
    ];
    insta::assert_snapshot!(sandbox.run(&given), @r"
    --- stderr
    wrote given/manifest.toml

    The project and the stack differ:
      stack.yaml has the characters outside ASCII that CloudFormation returns as `?`; CloudFormation itself compares with the text that was deployed
    hint: `cd given && stackctl plan` shows what CloudFormation makes of it
    --- exit 0
    ");
    assert_eq!(read(&sandbox, "given/stack.yaml"), text);
    let other = sandbox.file(
        "other/t.yaml",
        text.replace("DisplayName: \"日本\"", "DisplayName: \"x\""),
    );
    let given = [
        "init",
        "--from-stack",
        "shop",
        "--from",
        "other/t.yaml",
        "other",
    ];
    insta::assert_snapshot!(other.run(&given), @r"
    --- stderr
    wrote other/manifest.toml

    The project and the stack differ:
      t.yaml:2: Description differs from the stack
      t.yaml:6: Resources.A.Properties.DisplayName differs from the stack
    hint: `cd other && stackctl plan` shows what CloudFormation makes of it
    --- exit 0
    ");
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let (sandbox, cloud) = shop();
    let sandbox = sandbox
        .file("a/manifest.toml", "")
        .file("b/template.yaml", "mine");
    insta::assert_snapshot!(sandbox.run(&["init", "--from-stack", "shop", "a"]), @r"
    --- stderr
    error: init would overwrite a file that exists: `a/manifest.toml`
    hint: name a new folder: `stackctl init --from-stack NAME DIR`
    --- exit 4
    ");
    assert!(cloud.calls().is_empty());
    insta::assert_snapshot!(sandbox.run(&["init", "--from-stack", "shop", "b"]), @r"
    --- stderr
    error: init would overwrite a file that exists: `b/template.yaml`
    hint: name a new folder: `stackctl init --from-stack NAME DIR`
    --- exit 4
    ");
    let sandbox = sandbox.file("c/code/mine.py", "");
    sandbox
        .run(&["init", "--from-stack", "shop", "c"])
        .expect_code(4)
        .expect_stderr("`c/code`");
    assert!(!sandbox.path("c/manifest.toml").exists());
    assert_eq!(read(&sandbox, "b/template.yaml"), "mine");
}

#[test]
fn missing_permissions_leave_out_their_part() {
    let (sandbox, cloud) = shop();
    let denied = "User: arn:aws:iam::1:user/x is not authorized";
    cloud
        .on("GetStackPolicy")
        .error(403, "AccessDenied", denied);
    cloud
        .on("GetFunction")
        .error(403, "AccessDeniedException", denied);
    insta::assert_snapshot!(sandbox.run(&["init", "--from-stack", "shop", "new"]), @r"
    --- stderr
    wrote new/template.yaml
    warning: the code of Handler is not in the project: the caller lacks `lambda:GetFunction`
    wrote new/manifest.toml
    warning: the stack policy is not in the project: the caller lacks `cloudformation:GetStackPolicy`

    The project is what is deployed: template, parameters, tags and settings of the stack.
    `cd new && stackctl plan` shows no changes.
    --- exit 0
    ");
    expect_unchanged(&sandbox.in_folder("new"), &cloud);
    let (sandbox, cloud) = shop();
    cloud
        .on("ListStackResources")
        .error(403, "AccessDenied", denied);
    sandbox
        .run(&["init", "--from-stack", "shop", "new"])
        .expect_code(0)
        .expect_stderr("`cloudformation:ListStackResources`");
    let (sandbox, cloud) = shop();
    cloud.on("GetTemplate").error(403, "AccessDenied", denied);
    sandbox
        .run(&["init", "--from-stack", "shop", "new"])
        .expect_code(1);
    assert!(!sandbox.path("new").exists());
}

#[test]
fn stack_that_cannot_be_adopted_is_refused() {
    let (sandbox, cloud) = shop();
    insta::assert_snapshot!(sandbox.run(&["init", "--from-stack", "shpo", "new"]), @r"
    --- stderr
    error: there is no stack `shpo` in the account 123456789012, region eu-west-1
    hint: choose another region with --region, or other credentials with --profile
    --- exit 1
    ");
    insta::assert_snapshot!(sandbox.run(&["init", "--from-stack", "no_name", "new"]), @r"
    --- stderr
    error: the stack's name `no_name` may not contain `_`
    hint: a stack's name is letters, digits and hyphens, starting with a letter, at most 128 characters
    --- exit 1
    ");
    for (status, code) in [
        ("UPDATE_IN_PROGRESS", 4),
        ("ROLLBACK_COMPLETE", 4),
        ("REVIEW_IN_PROGRESS", 1),
    ] {
        status.clone_into(&mut cloud.account().stack("shop").status);
        let finished = sandbox.run(&["init", "--from-stack", "shop", "new"]);
        finished.expect_code(code).expect_stderr(match status {
            "REVIEW_IN_PROGRESS" => "there is no stack",
            status => status,
        });
    }
    assert!(!sandbox.path("new").exists());
    assert!(sandbox.temporary_leftovers().is_empty());
}

#[test]
fn stack_can_be_named_by_its_arn() {
    let (sandbox, cloud) = shop();
    let arn = cloud.account().stack("shop").id.clone();
    let sandbox = sandbox.env("AWS_REGION", "us-east-2");
    let finished = sandbox.run(&["init", "--from-stack", &arn, "new"]);
    finished.expect_code(0).expect_stderr("shows no changes");
    let manifest = read(&sandbox, "new/manifest.toml");
    assert!(manifest.contains("stack_name = \"shop\""), "{manifest}");
    assert!(manifest.contains("region = \"eu-west-1\""), "{manifest}");
}

#[test]
fn stack_of_stackctl_keeps_its_project_and_environment() {
    let cloud = Cloud::start();
    cloud.account().deploy(
        "shop-prod",
        Deployment {
            tags: pairs(&[
                ("stackctl:project", "shop"),
                ("stackctl:environment", "prod"),
                ("a", "b"),
            ]),
            ..Deployment::of("Resources: {A: {Type: AWS::SNS::Topic}}")
        },
    );
    let sandbox = sandbox(&cloud);
    sandbox
        .run(&["init", "--from-stack", "shop-prod", "new"])
        .expect_code(0)
        .expect_stderr("shows no changes");
    let manifest = read(&sandbox, "new/manifest.toml");
    for line in [
        "project = \"shop\"\n",
        "environment = \"prod\"\n",
        "[environments.prod]\n",
    ] {
        assert!(manifest.contains(line), "{manifest}");
    }
    assert!(!manifest.contains("own_tags"), "{manifest}");
    expect_unchanged(&sandbox.in_folder("new"), &cloud);
}

#[test]
fn parameter_without_a_previous_value_is_refused_before_anything_is_sent() {
    let (sandbox, cloud) = shop();
    sandbox
        .run(&["init", "--from-stack", "shop", "new"])
        .expect_code(0);
    let sandbox = sandbox.in_folder("new");
    cloud.forget_calls();
    let plan =
        |name: &str| -> Finished { sandbox.run(&["plan", "--set", &format!("stack_name={name}")]) };
    insta::assert_snapshot!(plan("other"), @r#"
    --- stderr
    error[no-previous-value]: the parameter `Password` has no previous value: the stack `other` is not deployed
      --> manifest.toml:33:12
       |
    33 | Password = { use_previous = true }
       |            ^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: give the value: `{ from_env = "VARIABLE" }`

    error: a parameter needs a value
    --- exit 1
    "#);
    sandbox.edit(
        "new/template.yaml",
        "  Password:",
        "  Token: { Type: String, Default: x }\n  Password:",
    );
    sandbox.edit(
        "new/manifest.toml",
        "Size = \"large\"",
        "Size = \"large\"\nToken = { use_previous = true }",
    );
    insta::assert_snapshot!(plan("shop"), @r"
    --- stderr
    warning[unused-parameter]: the parameter `Token` is never used
     --> template.yaml:5:3
      |
    5 |   Token: { Type: String, Default: x }
      |   ^^^^^

    error[no-previous-value]: the parameter `Token` has no previous value: the stack `shop` has no such parameter
      --> manifest.toml:31:9
       |
    31 | Token = { use_previous = true }
       |         ^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write the value

    error: a parameter needs a value
    --- exit 1
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    let given = ["plan", "--set", "parameters.Token=y", "--detailed-exitcode"];
    sandbox.run(&given).expect_code(2);
}
