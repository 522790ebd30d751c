//! `init`: the example, the smallest project, and a manifest for a template that exists.

use crate::sandbox::{Finished, Sandbox};

/// A template without parameters.
const TEMPLATE: &str = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n";

/// Returns the text of a file of the project.
fn read(sandbox: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(sandbox.path(path)).unwrap()
}

/// Fails the test unless the manifest can be read for this environment.
#[track_caller]
fn expect_manifest(sandbox: &Sandbox, environment: &str) -> Finished {
    sandbox
        .run(&["config", "show", "-e", environment])
        .expect_code(0)
}

#[test]
fn init_writes_a_valid_project() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["init", "new"]), @r"
    --- stderr
    wrote new/manifest.toml
    wrote new/templates/stack.yaml.j2
    wrote new/handler/app.py
    wrote new/tests/data/pixel.png
    wrote new/docs/pipeline.md
    wrote new/.gitignore
    hint: `cd new && stackctl apply --env local --yes` deploys it on this machine, without an account
    hint: for AWS, set `allowed_ssh_cidr` and `key_pair` in manifest.toml, then run `stackctl plan`
    --- exit 0
    ");
    let manifest = read(&sandbox, "new/manifest.toml");
    let shipped = include_str!("../../manifest.toml");
    let named = shipped.replace("project = \"file-metadata\"", "project = \"new\"");
    assert_eq!(manifest, named);
    assert_eq!(
        std::fs::read(sandbox.path("new/tests/data/pixel.png")).unwrap(),
        include_bytes!("../data/pixel.png")
    );
    let sandbox = sandbox.in_folder("new");
    for environment in ["dev", "prod", "local"] {
        sandbox
            .run(&["config", "show", "-e", environment])
            .expect_code(0);
    }
}

#[test]
fn init_refuses_to_overwrite_files() {
    let sandbox = Sandbox::new()
        .file("handler/app.py", "mine")
        .file("docs/pipeline.md", "mine too")
        .file(".gitignore", "target/\n");
    insta::assert_snapshot!(sandbox.run(&["init"]), @r"
    --- stderr
    error: init would overwrite files that exist: `handler/app.py`, `docs/pipeline.md`
    hint: name a new folder: `stackctl init DIR`
    --- exit 4
    ");
    assert_eq!(
        std::fs::read(sandbox.path("handler/app.py")).unwrap(),
        b"mine"
    );
    assert!(!sandbox.path("manifest.toml").exists());
}

#[test]
fn init_keeps_the_files_of_an_earlier_run_and_gitignore() {
    let sandbox = Sandbox::new().file(".gitignore", "target/\n.venv\n");
    sandbox.run(&["init"]).expect_code(0);
    for path in ["templates/stack.yaml.j2", "docs/pipeline.md"] {
        std::fs::remove_file(sandbox.path(path)).unwrap();
    }
    insta::assert_snapshot!(sandbox.run(&["init"]), @r"
    --- stderr
    kept manifest.toml
    kept handler/app.py
    kept tests/data/pixel.png
    kept .gitignore
    wrote templates/stack.yaml.j2
    wrote docs/pipeline.md
    hint: add to .gitignore: `.stackctl/`, `__pycache__/`, `*.pyc`
    hint: `stackctl apply --env local --yes` deploys it on this machine, without an account
    hint: for AWS, set `allowed_ssh_cidr` and `key_pair` in manifest.toml, then run `stackctl plan`
    --- exit 0
    ");
    let kept = std::fs::read_to_string(sandbox.path(".gitignore")).unwrap();
    assert_eq!(kept, "target/\n.venv\n");
}

#[test]
fn init_rejects_a_file_as_folder_and_quotes_spaces() {
    let sandbox = Sandbox::new().file("taken", "");
    insta::assert_snapshot!(sandbox.run(&["init", "taken"]), @r"
    --- stderr
    error: `taken` is not a folder
    hint: name a new folder: `stackctl init DIR`
    --- exit 1
    ");
    let finished = sandbox.run(&["init", "a b"]).expect_code(0);
    finished.expect_stderr("`cd 'a b' && stackctl apply");
}

#[test]
fn project_is_named_after_the_folder() {
    let sandbox = Sandbox::new();
    let written = sandbox.run(&["init", "my_shop.v2"]).expect_code(0);
    written.expect_stderr("named the project `my-shop-v2` after the folder `my_shop.v2`");
    assert!(read(&sandbox, "my_shop.v2/manifest.toml").contains("project = \"my-shop-v2\"\n"));
    // The folder of a path with `..` is the folder that it leads to.
    let written = sandbox
        .run(&["init", "--minimal", "my_shop.v2/../site"])
        .expect_code(0);
    assert!(!written.stderr.contains("named the project"), "{written}");
    assert!(read(&sandbox, "site/manifest.toml").starts_with("project = \"site\"\n"));
}

#[test]
fn minimal_project_has_two_keys_and_one_resource() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["init", "--minimal", "site"]), @r"
    --- stderr
    wrote site/manifest.toml
    wrote site/template.yaml
    wrote site/.gitignore
    hint: `cd site && stackctl plan --env local` shows what would be deployed on this machine, without an account
    hint: `stackctl plan` shows what would be deployed to your AWS account
    --- exit 0
    ");
    assert_eq!(
        read(&sandbox, "site/manifest.toml"),
        "project = \"site\"\ntemplate = \"template.yaml\"\n"
    );
    let sandbox = sandbox.in_folder("site");
    for environment in ["dev", "local"] {
        expect_manifest(&sandbox, environment);
    }
    sandbox.run(&["validate"]).expect_code(0);
}

#[test]
fn minimal_project_is_not_written_over_a_template() {
    let sandbox = Sandbox::new().file("template.yaml", TEMPLATE);
    insta::assert_snapshot!(sandbox.run(&["init", "--minimal"]), @r"
    --- stderr
    error: init would overwrite a file that exists: `template.yaml`
    hint: to use the template that exists, run `stackctl init --from template.yaml`
    --- exit 4
    ");
    assert_eq!(read(&sandbox, "template.yaml"), TEMPLATE);
    assert!(!sandbox.path("manifest.toml").exists());
}

#[test]
fn manifest_shows_the_parameters_of_the_template() {
    let template = r#"
Parameters:
  Stage:
    Type: String
    Default: dev
    AllowedValues: [dev, prod]
    Description: The stage
  Vpc: { Type: "AWS::EC2::VPC::Id" }
  Size: { Type: Number, Default: 3, MinValue: 1, MaxValue: 10 }
  Path: { Type: String, Default: 'C:\a "b"', AllowedPattern: "^.+$", MinLength: 1 }
  DbPassword: { Type: String, NoEcho: true, MinLength: 8 }
  Token: { Type: String, NoEcho: true, Default: hunter2 }
  Image: { Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /image }
Resources:
  Topic: { Type: AWS::SNS::Topic }
"#;
    let sandbox = Sandbox::new().file("infra/stack.yaml", template);
    insta::assert_snapshot!(sandbox.run(&["init", "--from", "infra/stack.yaml"]), @r"
    --- stderr
    wrote manifest.toml
    a parameter needs a value in manifest.toml: `Vpc`
    secrets are read from the environment; set DB_PASSWORD
    hint: `stackctl plan --env local` shows what would be deployed on this machine, without an account
    hint: `stackctl plan` shows what would be deployed to your AWS account
    --- exit 0
    ");
    insta::assert_snapshot!(read(&sandbox, "manifest.toml"), @r#"
    project = "project"
    template = "infra/stack.yaml"

    # The template's parameters. A line that is a comment shows the default: remove the `#` to set
    # another value. A line marked `# REQUIRED` needs a value.
    [parameters]

    # The stage
    # String; one of "dev", "prod"
    # Stage = "dev"

    # AWS::EC2::VPC::Id
    # Vpc = ""  # REQUIRED

    # Number; 1 to 10
    # Size = "3"

    # String; length at least 1; matches the pattern ^.+$
    # Path = "C:\\a \"b\""

    # String; length at least 8; a secret (NoEcho)
    DbPassword = { from_env = "DB_PASSWORD" }

    # String; a secret (NoEcho)
    # Token = { from_env = "PROJECT_TOKEN" }

    # AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>; the value is the name of a parameter in SSM
    # Parameter Store
    # Image = "/image"
    "#);
    assert_eq!(read(&sandbox, "infra/stack.yaml"), template);
    expect_manifest(&sandbox, "dev");
    let checked = sandbox.run(&["validate"]).expect_code(1);
    checked.expect_stderr("the parameter `Vpc` has neither a value nor a default");
}

#[test]
fn local_paths_and_code_to_build_are_recognised() {
    let template = r"
Parameters:
  Python: { Type: String, Default: python3.13 }
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: nested/child.yaml }
  Api:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: api, Runtime: nodejs22.x }
  Gone:
    Type: AWS::Lambda::Function
    Properties: { Code: nowhere }
  Remote:
    Type: AWS::Lambda::LayerVersion
    Properties: { Content: 's3://bucket/key' }
";
    let child = r"
Parameters:
  Python: { Type: String, Default: python3.12 }
Resources:
  Role: { Type: AWS::IAM::Role }
  Locked:
    Type: AWS::Lambda::Function
    Properties: { Code: ../src/locked, Runtime: !Ref Python, Architectures: [arm64] }
  Unlocked:
    Type: AWS::Lambda::Function
    Properties: { Code: ../src/unlocked, Runtime: python3.13 }
  Plain:
    Type: AWS::Lambda::Function
    Properties: { Code: ../src/plain, Runtime: python3.13 }
  Unknown:
    Type: AWS::Lambda::Function
    Properties: { Code: ../../elsewhere, Runtime: python3.13 }
";
    let sandbox = Sandbox::new()
        .file("infra/template.yaml", template)
        .file("infra/nested/child.yaml", child)
        .file("infra/api/package.json", r#"{"dependencies": {"a": "1"}}"#)
        .file(
            "infra/src/locked/requirements.txt",
            "six==1.17.0 --hash=sha256:00\n",
        )
        .file("infra/src/unlocked/requirements.txt", "six\n")
        .file("infra/src/plain/requirements.txt", "# nothing\n");
    insta::assert_snapshot!(sandbox.run(&["init", "--from", "infra/template.yaml"]), @r"
    --- stderr
    wrote manifest.toml
    CloudFormation requires CAPABILITY_IAM. stackctl derives this from the template and sends it; `stack.capabilities` overrides it.
    infra/src/locked: stackctl adds the packages in infra/src/locked/requirements.txt
    infra/src/unlocked: stackctl adds the packages in infra/src/unlocked/requirements.lock
    hint: make the lock file, with hashes: `uv pip compile --universal --generate-hashes --python-version 3.13 infra/src/unlocked/requirements.txt -o infra/src/unlocked/requirements.lock`
    infra/api has to be built: infra/api/package.json names packages that are not in the folder; see [artifacts.Api] in manifest.toml
    hint: `stackctl plan --env local` shows what would be deployed on this machine, without an account
    hint: `stackctl plan` shows what would be deployed to your AWS account
    --- exit 0
    ");
    insta::assert_snapshot!(read(&sandbox, "manifest.toml"), @r#"
    # CloudFormation requires CAPABILITY_IAM. stackctl derives this from the template and sends it;
    # `stack.capabilities` overrides it.

    project = "project"
    template = "infra/template.yaml"

    # Local paths in the template. stackctl packages and uploads them.
    #   infra/nested/child.yaml  (TemplateURL of Child: a nested template, which is packaged itself)
    #   infra/src/locked  (Code of Locked: a folder, which becomes a zip)
    #   infra/src/unlocked  (Code of Unlocked: a folder, which becomes a zip)
    #   infra/src/plain  (Code of Plain: a folder, which becomes a zip)
    #   elsewhere  (Code of Unknown: does not exist)
    #   infra/api  (CodeUri of Api: a folder, which becomes a zip)
    #   infra/nowhere  (Code of Gone: does not exist)

    [artifacts.Locked]
    path = "infra/src/locked"
    requirements = "infra/src/locked/requirements.txt"
    python = "3.12"
    architecture = "arm64"

    # The packages need a lock file with hashes. This command makes it:
    #   uv pip compile --universal --generate-hashes --python-version 3.13 infra/src/unlocked/requirements.txt -o infra/src/unlocked/requirements.lock
    [artifacts.Unlocked]
    path = "infra/src/unlocked"
    requirements = "infra/src/unlocked/requirements.lock"
    python = "3.13"
    architecture = "x86_64"

    # infra/api/package.json names packages that are not in the folder: set the command that builds the
    # code, or run `sam build` and set template = ".aws-sam/build/template.yaml".
    # [artifacts.Api]
    # path = "infra/api"
    # build = [""]  # REQUIRED

    # The template's parameters. A line that is a comment shows the default: remove the `#` to set
    # another value. A line marked `# REQUIRED` needs a value.
    [parameters]

    # String
    # Python = "python3.13"
    "#);
    expect_manifest(&sandbox, "dev");
}

#[test]
fn values_come_from_parameter_files_and_samconfig() {
    let template = r"
Parameters:
  Stage: { Type: String, Default: dev }
  Owner: { Type: String }
  Zones: { Type: CommaDelimitedList }
  Secret: { Type: String, NoEcho: true }
Transform: AWS::Serverless-2016-10-31
Resources:
  Role: { Type: AWS::IAM::Role }
";
    let config = r#"
version = 0.1
[default.global.parameters]
stack_name = "shop-stack"
[default.deploy.parameters]
region = "eu-west-1"
s3_bucket = "shop-zips"
parameter_overrides = "Owner=\"web team\" Stage=qa Secret=t0ps3cret"
capabilities = "CAPABILITY_IAM"
tags = "team=web"
[prod.deploy.parameters]
region = "nowhere"
profile = "prod"
capabilities = ["CAPABILITY_NAMED_IAM"]
"#;
    let sandbox = Sandbox::new()
        .file("template.yaml", template)
        .file("samconfig.toml", config)
        .file(
            "prod-parameters.json",
            r#"[{"ParameterKey": "Zones", "ParameterValue": "a,b"}, {"ParameterKey": "Gone", "ParameterValue": "1"}]"#,
        )
        .file("package.json", r#"{"Stage": "no"}"#);
    insta::assert_snapshot!(sandbox.run(&["init", "--from", "template.yaml"]), @r"
    --- stderr
    read prod-parameters.json: 1 parameter for the environment `prod`
    not taken from prod-parameters.json: `Gone`, which the template does not have
    read [default] of samconfig.toml: stack_name, region, s3_bucket, parameter_overrides, capabilities, tags for the environment `default`
    warning: [default] of samconfig.toml contains `Secret`, which the template declares as secret (NoEcho) and which init does not copy; keep the file out of version control
    read [prod] of samconfig.toml: region, profile, capabilities for the environment `prod`
    wrote manifest.toml
    secrets are read from the environment; set PROJECT_SECRET
    The template uses the transform `AWS::Serverless-2016-10-31`, which CloudFormation runs in the account.
    CloudFormation requires CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND. stackctl derives this from the template and sends it; `stack.capabilities` overrides it.
    hint: `stackctl plan --env local` shows what would be deployed on this machine, without an account
    hint: `stackctl plan` shows what would be deployed to your AWS account
    --- exit 0
    ");
    let manifest = read(&sandbox, "manifest.toml");
    assert!(!manifest.contains("t0ps3cret"));
    insta::assert_snapshot!(manifest, @r#"
    # The template uses the transform `AWS::Serverless-2016-10-31`, which CloudFormation runs in the
    # account.
    #
    # CloudFormation requires CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND. stackctl derives this from the
    # template and sends it; `stack.capabilities` overrides it.

    project = "project"
    template = "template.yaml"
    environment = "default"

    # The template's parameters. A line that is a comment shows the default: remove the `#` to set
    # another value. A line marked `# REQUIRED` needs a value.
    [parameters]

    # String
    Stage = "qa"  # [default] of samconfig.toml

    # String
    Owner = "web team"  # [default] of samconfig.toml

    # CommaDelimitedList
    # Zones = ""  # REQUIRED, but for prod

    # String; a secret (NoEcho)
    Secret = { from_env = "PROJECT_SECRET" }  # [default] of samconfig.toml

    [environments.prod]
    # region = "nowhere"  # samconfig.toml: `region` is not an AWS region's name
    profile = "prod"  # samconfig.toml

    [environments.prod.stack]
    capabilities = ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_NAMED_IAM"]  # samconfig.toml

    [environments.prod.parameters]
    Zones = "a,b"  # prod-parameters.json
    Stage = "dev"  # the template's default; [default] of samconfig.toml does not apply here

    [environments.default]
    stack_name = "shop-stack"  # samconfig.toml
    region = "eu-west-1"  # samconfig.toml
    artifact_bucket = "shop-zips"  # samconfig.toml

    [environments.default.tags]
    team = "web"  # samconfig.toml
    "#);
    for environment in ["default", "prod", "local"] {
        expect_manifest(&sandbox, environment);
    }
}

#[test]
fn named_parameter_files_replace_those_next_to_the_template() {
    let template = "Parameters:\n  A: { Type: String }\n  B: { Type: String }\nResources:\n  T: { Type: AWS::SNS::Topic }\n";
    let sandbox = Sandbox::new()
        .file("t.json.yaml", template)
        .file("parameters.json", r#"{"A": "near"}"#)
        .file("one.json", r#"{"Parameters": {"A": "one", "B": "one"}}"#)
        .file("two.json", r#"["B=two"]"#)
        .file("bad.json", "{");
    let from = ["init", "--from", "t.json.yaml", "--parameters"];
    insta::assert_snapshot!(sandbox.run(&[&from[..], &["bad.json"]].concat()), @r"
    --- stderr
    error: `bad.json` is not JSON: EOF while parsing an object at line 1 column 1
    --- exit 1
    ");
    sandbox
        .run(&[&from[..], &["one.json", "--parameters", "two.json"]].concat())
        .expect_code(0);
    let shown = expect_manifest(&sandbox, "dev");
    shown.expect_stdout("parameters.A                       one ");
    shown.expect_stdout("parameters.B                       two ");
}

#[test]
fn missing_values_are_asked_for_on_a_terminal() {
    let template = "Parameters:\n  Stage: { Type: String, AllowedValues: [dev, prod] }\n  Vpc: { Type: \"AWS::EC2::VPC::Id\" }\nResources:\n  T: { Type: AWS::SNS::Topic }\n";
    let sandbox = Sandbox::new().file("t.yaml", template);
    let mut running = sandbox.spawn_on_terminal(&["init", "--from", "t.yaml"]);
    running
        .wait_for_stderr("Stage (String; one of")
        .type_line("test");
    running
        .wait_for_stderr("is not one of dev, prod")
        .type_line("prod");
    running
        .wait_for_stderr("Vpc (AWS::EC2::VPC::Id;")
        .type_line("");
    running.wait().expect_code(0);
    let manifest = read(&sandbox, "manifest.toml");
    assert!(manifest.contains("\nStage = \"prod\"\n"), "{manifest}");
    assert!(
        manifest.contains("\n# Vpc = \"\"  # REQUIRED\n"),
        "{manifest}"
    );
}

#[test]
fn manifest_goes_to_the_named_folder_and_is_never_overwritten() {
    let sandbox = Sandbox::new().file(
        "infra/deep/t.json",
        r#"{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}"#,
    );
    let from = ["init", "--from", "infra/deep/t.json", "infra"];
    sandbox.run(&from).expect_code(0);
    let manifest = read(&sandbox, "infra/manifest.toml");
    assert_eq!(
        manifest,
        "project = \"infra\"\ntemplate = \"deep/t.json\"\n"
    );
    insta::assert_snapshot!(sandbox.run(&from), @r"
    --- stderr
    error: init would overwrite a file that exists: `infra/manifest.toml`
    hint: to deploy another template, change `template` in `infra/manifest.toml`
    --- exit 4
    ");
    assert_eq!(read(&sandbox, "infra/manifest.toml"), manifest);
    let sandbox = sandbox.file("infra/manifest.toml", "project = \"infra\"\n[stacks.app]\n");
    let refused = sandbox.run(&from).expect_code(4);
    let hint =
        "hint: to deploy one more template, add a table `[stacks.NAME]` to `infra/manifest.toml`";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
}

#[test]
fn rendered_template_is_taken_without_its_parameters() {
    let sandbox = Sandbox::new().file("t.yaml.j2", "{% if vars.x %}\n{% endif %}\n");
    sandbox.run(&["init", "--from", "t.yaml.j2"]).expect_code(0);
    let manifest = read(&sandbox, "manifest.toml");
    assert!(
        manifest.contains("template = \"t.yaml.j2\"\n"),
        "{manifest}"
    );
    expect_manifest(&sandbox, "dev");
}

#[test]
fn synthesized_template_of_the_cdk_is_explained() {
    let template = r#"{
 "Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {
   "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "abc.zip"}}}},
 "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>",
   "Default": "/cdk-bootstrap/hnb659fds/version"}}
}"#;
    let sandbox = Sandbox::new().file("cdk.out/Shop.template.json", template);
    let written = sandbox
        .run(&["init", "--from", "cdk.out/Shop.template.json"])
        .expect_code(0);
    written.expect_stderr(
        "`BootstrapVersion` from SSM Parameter Store, where `cdk bootstrap` writes it",
    );
    written.expect_stderr("npx cdk-assets publish --path cdk.out/Shop.assets.json");
    expect_manifest(&sandbox, "dev");
}
