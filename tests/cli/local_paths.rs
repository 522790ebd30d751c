//! Local paths in a template: what is packaged, what is uploaded when, and what is refused.

use crate::cloud::Cloud;
use crate::demo::ARTIFACT_BUCKET;
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"
project = "site"
environment = "dev"
region = "eu-west-1"
template = "templates/stack.yaml"
allow_endpoint = true

[artifacts.api]
path = "src/api"
"#;

/// The template of that project.
pub(crate) const STACK: &str = "Resources:
  Api:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: site-api
      Code: ../src/api
  Lone:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: site-lone
      Code: ../src/lone.py
  Data:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: nested/data.yaml
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionS3Location: machine.json
";

const DATA: &str = "Resources:
  Worker:
    Type: AWS::Lambda::Function
    Properties:
      Code: ../../src/worker
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: data
  Deep:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: ./deep.json
";

const DEEP: &str = r#"{"Resources": {"Again": {"Type": "AWS::Lambda::Function", "Properties": {"Code": "../../src/worker"}}}}"#;

/// Returns a project with two functions, two levels of nested templates and a state machine.
pub(crate) fn project() -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("templates/stack.yaml", STACK)
        .file("templates/machine.json", "{}")
        .file("templates/nested/data.yaml", DATA)
        .file("templates/nested/deep.json", DEEP)
        .file(
            "src/api/app.py",
            "def handler(event, context):\n    return 1\n",
        )
        .file(
            "src/lone.py",
            "def handler(event, context):\n    return 2\n",
        )
        .file(
            "src/worker/app.py",
            "def handler(event, context):\n    return 3\n",
        )
}

/// Returns the project with one resource of its own in the template.
fn with_resource(resource: &str) -> Sandbox {
    project().file(
        "templates/stack.yaml",
        format!("Transform: AWS::Serverless-2016-10-31\nResources:\n{resource}"),
    )
}

/// Returns the keys of the artifact bucket, digests shortened.
fn keys(cloud: &Cloud) -> Vec<String> {
    let account = cloud.account();
    let Some(bucket) = account.buckets.get(ARTIFACT_BUCKET) else {
        return Vec::new();
    };
    let digest = regex_lite::Regex::new("[0-9a-f]{64}").unwrap();
    let mut keys: Vec<String> = bucket
        .keys()
        .into_iter()
        .map(|key| digest.replace_all(key, "SHA").into_owned())
        .collect();
    keys.sort();
    keys
}

#[test]
fn render_replaces_local_paths_and_needs_no_account() {
    insta::assert_snapshot!(project().run(&["render"]), @r#"
    --- stdout
    Resources:
      Api:
        Type: AWS::Lambda::Function
        Properties:
          FunctionName: site-api
          Code: {"S3Bucket": {"Fn::Sub": "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "site/api/[SHA256].zip"}
      Lone:
        Type: AWS::Lambda::Function
        Properties:
          FunctionName: site-lone
          Code: {"S3Bucket": {"Fn::Sub": "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "site/src/lone.py/[SHA256].zip"}
      Data:
        Type: AWS::CloudFormation::Stack
        Properties:
          TemplateURL: {"Fn::Sub": "https://s3.${AWS::Region}.${AWS::URLSuffix}/stackctl-artifacts-${AWS::AccountId}-${AWS::Region}/site/templates/[SHA256].yaml"}
      Machine:
        Type: AWS::StepFunctions::StateMachine
        Properties:
          DefinitionS3Location: {"Bucket": {"Fn::Sub": "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"}, "Key": "site/files/[SHA256].json"}
    --- exit 0
    "#);
}

#[test]
fn package_lists_everything_that_goes_up() {
    let sandbox = project();
    let listed = sandbox.run(&["package", "--out", "out"]).expect_code(0);
    insta::assert_snapshot!(listed, @"
    --- stdout
    artifact     files   unzipped  zipped     key
    api          1 file  42 bytes  170 bytes
        site/api/[SHA256].zip
    src/lone.py  1 file  42 bytes  172 bytes
        site/src/lone.py/[SHA256].zip
    src/worker   1 file  42 bytes  170 bytes
        site/src/worker/[SHA256].zip
    file                        as        size       key
    templates/nested/deep.json  template  262 bytes
        site/templates/[SHA256].yaml
    templates/nested/data.yaml  template  605 bytes
        site/templates/[SHA256].yaml
    templates/machine.json      file      2 bytes
        site/files/[SHA256].json
    --- stderr
    Wrote `[SANDBOX]/project/out/api.zip`.
    Wrote `[SANDBOX]/project/out/src/lone.py.zip`.
    Wrote `[SANDBOX]/project/out/src/worker.zip`.
    --- exit 0
    ");
    for name in ["api", "src/lone.py", "src/worker"] {
        assert!(sandbox.path(&format!("out/{name}.zip")).is_file(), "{name}");
    }
    let document = sandbox.json(&["package"]);
    let files = document["files"].as_array().unwrap();
    let paths: Vec<_> = files
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "templates/nested/deep.json",
            "templates/nested/data.yaml",
            "templates/machine.json"
        ]
    );
    assert_eq!(files[0]["is_template"], true);
    assert_eq!(files[2]["is_template"], false);
}

#[test]
fn plan_uploads_what_the_change_set_reads_and_apply_the_rest() {
    let cloud = Cloud::start();
    let sandbox = project().cloud(&cloud);
    let planned = sandbox.run(&["plan"]).expect_code(0);
    planned.expect_stderr("Uploaded");
    let templates = ["site/templates/SHA.yaml", "site/templates/SHA.yaml"];
    assert_eq!(keys(&cloud), templates);
    let operations = cloud.operations();
    let position = |name: &str| operations.iter().rposition(|known| known == name);
    assert!(position("PutObject") < position("CreateChangeSet"));

    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        keys(&cloud),
        [
            "site/api/SHA.zip",
            "site/files/SHA.json",
            "site/history/site-dev/00000001.json",
            "site/src/lone.py/SHA.zip",
            "site/src/worker/SHA.zip",
            templates[0],
            templates[1],
            // That of the stack, for the history.
            "site/templates/SHA.yaml",
        ]
    );
    // Nothing is uploaded twice.
    assert_eq!(cloud.calls_of("PutObject").len(), 6);
    let create = cloud.calls_of("CreateChangeSet").remove(0);
    assert_eq!(create.parameter("IncludeNestedStacks"), "true");
    // A nested template has a role with a name.
    assert_eq!(create.list("Capabilities"), ["CAPABILITY_NAMED_IAM"]);

    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(cloud.calls_of("PutObject").is_empty());
}

#[test]
fn saved_plan_uploads_everything() {
    let cloud = Cloud::start();
    let sandbox = project().cloud(&cloud);
    sandbox.run(&["plan", "--out", "p.plan"]).expect_code(0);
    assert_eq!(keys(&cloud).len(), 6);
    // What a nested template names is part of the plan.
    sandbox.write("src/worker/app.py", "changed\n");
    let stale = sandbox.run(&["apply", "p.plan", "--yes"]).expect_code(4);
    stale.expect_stderr("the files have changed since: ");
}

#[test]
fn include_files_go_up_with_the_plan() {
    let cloud = Cloud::start();
    let include = "  Api:\n    Type: AWS::Serverless::Api\n    Properties:\n      DefinitionBody:\n        Fn::Transform:\n          Name: AWS::Include\n          Parameters: { Location: api.yaml }\n      Other: !Ref AWS::StackName\n";
    let sandbox = with_resource(include)
        .file("templates/api.yaml", "openapi: 3.0.1\n")
        .cloud(&cloud);
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(keys(&cloud), ["site/files/SHA.yaml"]);
}

#[test]
fn offline_commands_need_no_cloud() {
    let sandbox = project();
    sandbox.run(&["plan", "--offline"]).expect_code(0);
    let valid = sandbox.run(&["validate"]).expect_code(0);
    valid.expect_stderr("4 resources, 2 nested templates, 0 warnings");
}

#[test]
fn code_of_local_paths_is_compared_and_checked() {
    let cloud = Cloud::start();
    let sandbox = project().cloud(&cloud);
    let applied = sandbox.run(&["apply", "--yes", "-v"]).expect_code(0);
    applied.expect_stderr("Api runs the artifact `api`");
    applied.expect_stderr("Lone runs the artifact `src/lone.py`");
    sandbox.write(
        "src/lone.py",
        "def handler(event, context):\n    return 4\n",
    );
    let planned = sandbox.run(&["plan"]).expect_code(0);
    planned.expect_stdout("lone.py");
    planned.expect_stdout("return 4");
}

#[test]
fn a_path_that_cannot_be_packaged_is_an_error_at_its_line() {
    let sandbox = with_resource(
        "  A: { Type: AWS::Lambda::Function, Properties: { Code: ../src/ap } }
  B: { Type: AWS::Lambda::Function, Properties: { Code: ../../elsewhere } }
  C: { Type: AWS::Lambda::Function, Properties: { Code: /etc } }
  D: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: nested } }
  E: { Type: AWS::Lambda::Function, Properties: { Code: ../empty } }
  F: { Type: AWS::Serverless::GraphQLApi, Properties: { SchemaUri: machine.json } }
  G: { Type: AWS::Glue::Job, Properties: { Command: { ScriptLocation: nowhere/x } } }
",
    );
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    insta::assert_snapshot!(sandbox.run(&["validate"]), @"
    --- stderr
    error[local-path]: `../src/ap` does not exist
     --> templates/stack.yaml:3:57
      |
    3 |   A: { Type: AWS::Lambda::Function, Properties: { Code: ../src/ap } }
      |                                                         ^^^^^^^^^
      |
      = help: did you mean `src/api`?

    error[local-path]: `../../elsewhere` is outside the project
     --> templates/stack.yaml:4:57
      |
    4 |   B: { Type: AWS::Lambda::Function, Properties: { Code: ../../elsewhere } }
      |                                                         ^^^^^^^^^^^^^^^
      |
      = help: name a file or folder inside the manifest's folder, relative to the template

    error[local-path]: `/etc` is outside the project
     --> templates/stack.yaml:5:57
      |
    5 |   C: { Type: AWS::Lambda::Function, Properties: { Code: /etc } }
      |                                                         ^^^^
      |
      = help: name a file or folder inside the manifest's folder, relative to the template

    error[local-path]: `nested` is a folder, not a template
     --> templates/stack.yaml:6:69
      |
    6 |   D: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: nested } }
      |                                                                     ^^^^^^

    error[local-path]: the artifact folder `empty` is empty
     --> templates/stack.yaml:7:57
      |
    7 |   E: { Type: AWS::Lambda::Function, Properties: { Code: ../empty } }
      |                                                         ^^^^^^^^

    error[local-path]: the transform accepts only a plain `s3://` URL as `SchemaUri`, and the name of the default artifact bucket depends on the account
     --> templates/stack.yaml:8:68
      |
    8 |   F: { Type: AWS::Serverless::GraphQLApi, Properties: { SchemaUri: machine.json } }
      |                                                                    ^^^^^^^^^^^^
      |
      = help: name a bucket with the manifest's `artifact_bucket`

    error[local-path]: `nowhere/x` does not exist
     --> templates/stack.yaml:9:71
      |
    9 |   G: { Type: AWS::Glue::Job, Properties: { Command: { ScriptLocation: nowhere/x } } }
      |                                                                       ^^^^^^^^^
      |
      = help: a path is relative to its template, so this one is `templates/nowhere/x`; a URL starts
              with `https://` or `s3://`

    error: `templates/stack.yaml` is not a valid CloudFormation template
    --- exit 1
    ");
}

#[test]
fn a_symlink_out_of_the_project_is_refused() {
    let sandbox = with_resource(
        "  A: { Type: AWS::Lambda::Function, Properties: { Code: ../out } }
  B: { Type: AWS::Lambda::Function, Properties: { Code: ../src/worker } }
",
    );
    std::os::unix::fs::symlink("/etc", sandbox.path("out")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", sandbox.path("src/worker/host")).unwrap();
    insta::assert_snapshot!(sandbox.run(&["render"]), @"
    --- stderr
    error[local-path]: the local path `out` is a symlink that points outside the project
     --> templates/stack.yaml:3:57
      |
    3 |   A: { Type: AWS::Lambda::Function, Properties: { Code: ../out } }
      |                                                         ^^^^^^
      |
      = help: write a relative path inside the manifest's folder, without `..`

    error[local-path]: `src/worker/host` is a symlink that points outside the artifact folder
     --> templates/stack.yaml:4:57
      |
    4 |   B: { Type: AWS::Lambda::Function, Properties: { Code: ../src/worker } }
      |                                                         ^^^^^^^^^^^^^
      |
      = help: replace it with a regular file, or leave it out with `exclude`

    error: cannot package what `templates/stack.yaml` names
    --- exit 1
    ");
}

#[test]
fn findings_behind_a_replaced_path_are_at_their_lines() {
    let sandbox = with_resource(
        "  A: { Type: AWS::Lambda::Function, Properties: { Code: ../src/api, Role: !Ref Nobody } }
  B: { Type: AWS::SQS::Queue, DependsOn: Nothing }
",
    );
    insta::assert_snapshot!(sandbox.run(&["validate"]), @"
    --- stderr
    Not linted: cfn-lint is not installed.
    error[undefined-reference]: there is no parameter or resource `Nobody`
     --> templates/stack.yaml:3:80
      |
    3 |   A: { Type: AWS::Lambda::Function, Properties: { Code: ../src/api, Role: !Ref Nobody } }
      |                                                                                ^^^^^^

    error[undefined-reference]: there is no resource `Nothing`
     --> templates/stack.yaml:4:42
      |
    4 |   B: { Type: AWS::SQS::Queue, DependsOn: Nothing }
      |                                          ^^^^^^^

    error: `templates/stack.yaml` is not a valid CloudFormation template
    --- exit 1
    ");
}

#[test]
fn code_that_has_to_be_built_first_is_refused() {
    let requirements = ("src/worker/requirements.txt", "requests==2.32.3\n");
    let sam = |metadata: &str| {
        let template = format!(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    \
             Type: AWS::Serverless::Function\n{metadata}    Properties:\n      \
             CodeUri: ../src/worker\n"
        );
        project().file("templates/stack.yaml", template)
    };
    let sandbox = sam("").file(requirements.0, requirements.1);
    insta::assert_snapshot!(sandbox.run(&["validate"]), @r#"
    --- stderr
    error[local-path]: the code in `src/worker` has to be built: it has a `requirements.txt`, and the packages in it are not in the folder
     --> templates/stack.yaml:6:16
      |
    6 |       CodeUri: ../src/worker
      |                ^^^^^^^^^^^^^
      |
      = help: let an artifact with this `path` build it: `[artifacts.NAME]` with `build` or
              `requirements`
      = help: or run `sam build` and set `template = ".aws-sam/build/template.yaml"`

    error: `templates/stack.yaml` is not a valid CloudFormation template
    --- exit 1
    "#);
    // A comment installs nothing.
    sandbox.write("src/worker/requirements.txt", "# nothing\n");
    sandbox.run(&["validate"]).expect_code(0);

    let method = "    Metadata: { BuildMethod: makefile }\n";
    let sandbox = sam(method);
    let refused = sandbox.run(&["validate"]).expect_code(1);
    refused.expect_stderr("the template gives `BuildMethod: makefile`");

    // The output of `sam build` is taken as it is.
    let method = "    Metadata: { BuildMethod: makefile, SamResourceId: F }\n";
    let sandbox = sam(method).file(requirements.0, requirements.1);
    sandbox.run(&["validate"]).expect_code(0);
    let sandbox = project()
        .file(
            "manifest.toml",
            MANIFEST.replace("templates/stack.yaml", ".aws-sam/build/template.yaml"),
        )
        .file(
            ".aws-sam/build/template.yaml",
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    \
             Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: F\n",
        )
        .file(".aws-sam/build/F/requirements.txt", "requests==2.32.3\n");
    sandbox.run(&["validate"]).expect_code(0);

    // Other tools do not build the code of this type.
    let function = "  F: { Type: AWS::Lambda::Function, Properties: { Code: ../src/worker } }\n";
    let sandbox = with_resource(function).file(requirements.0, requirements.1);
    let warned = sandbox.run(&["validate"]).expect_code(0);
    warned.expect_stderr("it has a `requirements.txt`");
}

#[test]
fn a_zip_is_uploaded_as_it_is() {
    let sandbox = project();
    sandbox.run(&["package", "--out", "dist"]).expect_code(0);
    let zip = std::fs::read(sandbox.path("dist/src/worker.zip")).unwrap();
    let cloud = Cloud::start();
    let sandbox = with_resource(
        "  A: { Type: AWS::Lambda::Function, Properties: { Code: ../worker.zip } }\n",
    )
    .file("worker.zip", &zip)
    .cloud(&cloud);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let account = cloud.account();
    let bucket = &account.buckets[ARTIFACT_BUCKET];
    let key = bucket
        .keys()
        .into_iter()
        .find(|key| key.contains("/worker.zip/"));
    assert_eq!(bucket.get(key.unwrap()), Some(zip.as_slice()));
}

#[test]
fn an_explicit_bucket_is_named_as_it_is() {
    let sandbox = project();
    sandbox.edit(
        "manifest.toml",
        "project = ",
        "artifact_bucket = \"mine\"\nproject = ",
    );
    let rendered = sandbox.run(&["render"]).expect_code(0);
    rendered.expect_stdout(r#"Code: {"S3Bucket": "mine", "S3Key": "site/api/"#);
    rendered.expect_stdout("https://s3.${AWS::Region}.${AWS::URLSuffix}/mine/site/templates/");
}
