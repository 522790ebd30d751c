//! `stackctl iam-policy`: what the policies allow, on what, and how they are printed. Nothing is sent anywhere.

use serde_json::{Value, json};

use crate::sandbox::{Finished, Sandbox};

const MANIFEST: &str = r#"project = "site"
environment = "dev"
region = "eu-west-1"
account = "123456789012"
template = "site.yaml"
"#;

const TEMPLATE: &str = "Resources:\n  Files: {Type: AWS::S3::Bucket}\n  \
    Handler: {Type: AWS::Lambda::Function, Properties: {FunctionName: !Sub '${AWS::StackName}-fn'}}\n";

/// The beginning of the ARNs of the stack's place.
const CLOUDFORMATION: &str = "arn:aws:cloudformation:eu-west-1:123456789012";

fn project() -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("site.yaml", TEMPLATE)
}

/// Returns the statements of all policies that were printed.
fn statements(finished: &Finished) -> Vec<Value> {
    let policies = serde_json::Deserializer::from_str(&finished.stdout).into_iter::<Value>();
    let statements = policies.map(|it| it.unwrap()["Statement"].as_array().unwrap().clone());
    statements.flatten().collect()
}

/// Returns the resources on which an action is allowed.
fn on(finished: &Finished, action: &str) -> Vec<String> {
    let has = |statement: &&Value| {
        let actions = statement["Action"].as_array().unwrap();
        actions.iter().any(|it| it == action)
    };
    let statements = statements(finished);
    let statements = statements.iter().filter(has);
    let resources = statements.flat_map(|it| it["Resource"].as_array().unwrap().clone());
    resources
        .map(|it| it.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_policy_of_a_command_is_json() {
    insta::assert_snapshot!(project().run(&["iam-policy", "outputs", "history"]), @r##"
    --- stdout
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Action": [
            "cloudformation:DescribeStacks",
            "cloudformation:GetTemplate"
          ],
          "Resource": [
            "arn:aws:cloudformation:eu-west-1:123456789012:stack/site-dev/*"
          ]
        },
        {
          "Effect": "Allow",
          "Action": [
            "s3:ListBucket"
          ],
          "Resource": [
            "arn:aws:s3:::stackctl-artifacts-123456789012-eu-west-1"
          ]
        },
        {
          "Effect": "Allow",
          "Action": [
            "s3:GetObject"
          ],
          "Resource": [
            "arn:aws:s3:::stackctl-artifacts-123456789012-eu-west-1/site/*"
          ]
        }
      ]
    }
    --- exit 0
    "##);
}

#[test]
fn each_action_is_on_what_it_works_on() {
    let found = project().run(&["iam-policy"]).expect_code(0);
    let stack = format!("{CLOUDFORMATION}:stack/site-dev/*");
    for (action, resources) in [
        ("cloudformation:CreateChangeSet", vec![stack.as_str()]),
        (
            "cloudformation:GetTemplate",
            vec!["arn:aws:cloudformation:eu-west-1:123456789012:stack/*/*"],
        ),
        ("cloudformation:ListImports", vec!["*"]),
        (
            "s3:PutObject",
            vec!["arn:aws:s3:::stackctl-artifacts-123456789012-eu-west-1/site/*"],
        ),
        (
            "s3:DeleteObject",
            vec![
                "arn:aws:s3:::site-dev-files-*/*",
                "arn:aws:s3:::stackctl-artifacts-123456789012-eu-west-1/site/*",
            ],
        ),
        (
            "logs:FilterLogEvents",
            vec!["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/site-dev-fn:*"],
        ),
        ("iam:PassRole", vec![]),
        ("ssm:GetParameter", vec![]),
        ("lambda:UpdateFunctionCode", vec![]),
        ("cloudformation:CreateStackSet", vec![]),
    ] {
        assert_eq!(on(&found, action), resources, "{action}");
    }
    let gc = project().run(&["iam-policy", "gc"]);
    assert_eq!(on(&gc, "cloudformation:CreateChangeSet"), [""; 0]);
    let plan = project().run(&["iam-policy", "plan"]);
    assert_eq!(on(&plan, "cloudformation:GetTemplate"), [stack]);
}

#[test]
fn what_the_manifest_names_is_in_the_policy() {
    let role = "arn:aws:iam::123456789012:role/deploy";
    let manifest = format!(
        "{MANIFEST}artifact_bucket = \"files\"\nparameters.A = {{ from_ssm = \"/a/b\" }}\n\
         parameters.B = {{ from_secret = \"c\" }}\n[stack]\nrole_arn = \"{role}\"\n"
    );
    let template = "Transform: AWS::Serverless-2016-10-31\nParameters:\n  A: {Type: String, NoEcho: true}\n  \
        B: {Type: String, NoEcho: true}\n  C:\n    Type: AWS::SSM::Parameter::Value<String>\n    \
        Default: /aws/service/x\nResources:\n  Topic: {Type: AWS::SNS::Topic}\n";
    let sandbox = Sandbox::new()
        .file("manifest.toml", manifest)
        .file("site.yaml", template);
    let found = sandbox.run(&["iam-policy", "apply"]).expect_code(0);
    assert_eq!(on(&found, "iam:PassRole"), [role]);
    let statements = statements(&found);
    let passes = statements
        .iter()
        .find(|it| it["Action"] == json!(["iam:PassRole"]));
    assert_eq!(
        passes.unwrap()["Condition"],
        json!({"StringEquals": {"iam:PassedToService": ["cloudformation.amazonaws.com"]}})
    );
    for (action, resource) in [
        (
            "ssm:GetParameter",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b",
        ),
        (
            "ssm:GetParameters",
            "arn:aws:ssm:eu-west-1::parameter/aws/service/x",
        ),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:c-??????",
        ),
        ("s3:PutObject", "arn:aws:s3:::files/site/*"),
    ] {
        assert_eq!(on(&found, action), [resource], "{action}");
    }
    assert_eq!(
        on(&found, "cloudformation:CreateChangeSet"),
        [
            format!("{CLOUDFORMATION}:stack/site-dev/*"),
            "arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31".to_owned(),
        ]
    );
    // Somebody else created it.
    assert_eq!(on(&found, "s3:CreateBucket"), [""; 0]);
    assert!(!found.stderr.contains("--resources"), "{}", found.stderr);
}

#[test]
fn several_stacks_and_environments_have_one_policy() {
    let manifest = r#"project = "site"
region = "eu-west-1"

[stacks.base]
template = "site.yaml"

[stacks.app]
template = "app.yaml"
parameters.Name = { from_stack = "base", output = "Name" }

[environments.dev]
account = "111111111111"

[environments.prod]
account = "222222222222"
region = "eu-central-1"
"#;
    let sandbox = Sandbox::new()
        .file("manifest.toml", manifest)
        .file(
            "site.yaml",
            format!("{TEMPLATE}Outputs: {{Name: {{Value: x}}}}\n"),
        )
        .file(
            "app.yaml",
            "Parameters: {Name: {Type: String}}\nResources: {Topic: {Type: AWS::SNS::Topic}}\n",
        );
    let all = sandbox
        .run(&["iam-policy", "status", "--all-envs"])
        .expect_code(0);
    assert_eq!(
        on(&all, "cloudformation:ListStackResources"),
        [
            "arn:aws:cloudformation:eu-central-1:222222222222:stack/site-app-prod/*",
            "arn:aws:cloudformation:eu-central-1:222222222222:stack/site-base-prod/*",
            "arn:aws:cloudformation:eu-west-1:111111111111:stack/site-app-dev/*",
            "arn:aws:cloudformation:eu-west-1:111111111111:stack/site-base-dev/*",
        ]
    );
    // It reads the outputs of the other one.
    let app = sandbox.run(&["iam-policy", "plan", "-s", "app", "-e", "dev"]);
    assert_eq!(
        on(&app, "cloudformation:DescribeStacks"),
        [
            "arn:aws:cloudformation:eu-west-1:111111111111:stack/site-app-dev/*",
            "arn:aws:cloudformation:eu-west-1:111111111111:stack/site-base-dev/*",
        ]
    );
    // Nothing is printed if a stack is missing in it.
    sandbox.write("app.yaml", "Resources: {");
    let broken = sandbox
        .run(&["iam-policy", "status", "-e", "dev"])
        .expect_code(1);
    assert_eq!(broken.stdout, "");
}

#[test]
fn a_stack_set_has_its_own_calls() {
    let manifest = "project = \"site\"\nenvironment = \"dev\"\nregion = \"eu-west-1\"\n\
        account = \"123456789012\"\n[stacks.base]\ntemplate = \"base.yaml\"\n[stacks.base.stack_set]\n\
        accounts = [\"111111111111\"]\nregions = [\"eu-west-1\"]\n";
    let sandbox = Sandbox::new()
        .file("manifest.toml", manifest)
        .file("base.yaml", "Resources: {Topic: {Type: AWS::SNS::Topic}}\n");
    let found = sandbox.run(&["iam-policy", "apply"]).expect_code(0);
    let set = format!("{CLOUDFORMATION}:stackset/site-base-dev:*");
    assert_eq!(
        on(&found, "cloudformation:DescribeStackSet"),
        std::slice::from_ref(&set)
    );
    assert_eq!(on(&found, "cloudformation:CreateStackSet"), ["*"]);
    assert_eq!(
        on(&found, "cloudformation:CreateStackInstances"),
        [
            format!("{CLOUDFORMATION}:stackset-target/site-base-dev:*"),
            set,
            format!("{CLOUDFORMATION}:type/resource/*"),
        ]
    );
    assert_eq!(
        on(&found, "iam:PassRole"),
        ["arn:aws:iam::123456789012:role/AWSCloudFormationStackSetAdministrationRole"]
    );
    assert_eq!(on(&found, "cloudformation:CreateChangeSet"), [""; 0]);
}

#[test]
fn what_is_not_known_is_a_star() {
    let sandbox = Sandbox::new()
        .file(
            "manifest.toml",
            "project = \"site\"\nenvironment = \"dev\"\ntemplate = \"site.yaml\"\n",
        )
        .file("site.yaml", TEMPLATE);
    let found = sandbox.run(&["iam-policy", "outputs"]).expect_code(0);
    assert_eq!(
        on(&found, "cloudformation:DescribeStacks"),
        ["arn:aws:cloudformation:*:*:stack/site-dev/*"]
    );
    found
        .expect_stderr("the account is not known")
        .expect_stderr("the region is not known");
    let given = [
        "iam-policy",
        "outputs",
        "--account",
        "123456789012",
        "--region",
        "us-gov-west-1",
    ];
    let found = sandbox.run(&given).expect_code(0);
    assert_eq!(
        on(&found, "cloudformation:DescribeStacks"),
        ["arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/site-dev/*"]
    );
    assert_eq!(found.stderr, "");
}

#[test]
fn the_resources_are_a_starting_point() {
    let sandbox = project();
    let found = sandbox.run(&["iam-policy", "--resources"]).expect_code(0);
    assert_eq!(on(&found, "s3:CreateBucket"), ["*"]);
    assert_eq!(on(&found, "lambda:CreateFunction"), ["*"]);
    assert_eq!(on(&found, "cloudformation:CreateChangeSet"), [""; 0]);
    let via =
        json!({"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}});
    assert!(statements(&found).iter().all(|it| it["Condition"] == via));
    found.expect_stderr("this is a starting point");
    assert!(!found.stderr.contains("least"), "{}", found.stderr);
    // A role of its own is assumed, so nothing is called via CloudFormation.
    sandbox.append(
        "manifest.toml",
        "[stack]\nrole_arn = \"arn:aws:iam::123456789012:role/x\"\n",
    );
    sandbox.append("site.yaml", "  Own: {Type: Custom::Thing, Properties: {ServiceToken: arn:aws:sns:x}}\n  Odd: {Type: My::Own::Type}\n");
    let found = sandbox.run(&["iam-policy", "--resources"]).expect_code(0);
    assert!(
        statements(&found)
            .iter()
            .all(|it| it["Condition"].is_null())
    );
    assert_eq!(on(&found, "sns:Publish"), ["arn:aws:sns:x"]);
    found
        .expect_stderr("it is for the role that CloudFormation assumes")
        .expect_stderr("no schema with permissions is known: `My::Own::Type`");
}

#[test]
fn a_large_policy_is_split() {
    let types = [
        "AWS::S3::Bucket",
        "AWS::DynamoDB::Table",
        "AWS::Lambda::Function",
        "AWS::EC2::Instance",
        "AWS::RDS::DBInstance",
        "AWS::ECS::Service",
    ];
    let resources = types.map(|it| format!("  {}: {{Type: {it}}}\n", it.replace(':', "")));
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("site.yaml", format!("Resources:\n{}", resources.concat()));
    let found = sandbox.run(&["iam-policy", "--resources"]).expect_code(0);
    let policies = serde_json::Deserializer::from_str(&found.stdout).into_iter::<Value>();
    let policies: Vec<Value> = policies.map(Result::unwrap).collect();
    assert_eq!(policies.len(), 2);
    assert!(policies.iter().all(|it| it.to_string().len() <= 6_144));
    found.expect_stderr("2 policies follow one another");
    let second = sandbox.run(&["iam-policy", "--resources", "--part", "2"]);
    assert_eq!(second.json(), policies[1]);
    sandbox
        .run(&["iam-policy", "--resources", "--part", "3"])
        .expect_code(1)
        .expect_stderr("there is no policy 3");
    let inline = sandbox
        .run(&["iam-policy", "--resources", "--inline"])
        .expect_code(0);
    assert!(inline.json().to_string().len() > 6_144);
}

#[test]
fn a_ci_service_may_assume_the_role() {
    let arguments = [
        "iam-policy",
        "--trust",
        "github",
        "--repo",
        "octo/site",
        "--branch",
        "main",
    ];
    insta::assert_snapshot!(project().run(&arguments), @r##"
    --- stdout
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Principal": {
            "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
          },
          "Action": "sts:AssumeRoleWithWebIdentity",
          "Condition": {
            "StringEquals": {
              "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
              "token.actions.githubusercontent.com:sub": "repo:octo/site:ref:refs/heads/main"
            }
          }
        }
      ]
    }
    --- stderr
    the account needs the identity provider `https://token.actions.githubusercontent.com` with the audience `sts.amazonaws.com`
    a repository that was created or renamed since July 15, 2026 has the ids of its owner and of itself in the subject: pass `--repo OWNER@ID/NAME@ID`
    --- exit 0
    "##);
    let sandbox = Sandbox::far_from_any_project();
    let arguments = [
        "iam-policy",
        "--trust",
        "gitlab",
        "--repo",
        "group/sub/site",
    ];
    sandbox.run(&arguments).expect_code(1);
    let found = sandbox.run(&[&arguments[..], &["--account", "123456789012"]].concat());
    assert_eq!(
        found.json()["Statement"][0]["Principal"]["Federated"],
        "arn:aws:iam::123456789012:oidc-provider/gitlab.com"
    );
    found.expect_stderr("every job of the repository may assume the role");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = project();
    for (arguments, code, message) in [
        (&["frobnicate"][..], 64, "possible values"),
        (&["plan", "--resources"], 64, "cannot be used with"),
        (&["--trust", "github"], 64, "--repo"),
        (&["--account", "1"], 64, "an account has 12 digits"),
        (
            &["--trust", "github", "--repo", "octo"],
            1,
            "`octo` is no repository",
        ),
        (
            &["plan", "-e", "local"],
            1,
            "checks no permissions of the caller",
        ),
    ] {
        let all = [&["iam-policy"], arguments].concat();
        let found = sandbox.run(&all).expect_code(code);
        assert_eq!(found.stdout, "", "{arguments:?}");
        found.expect_stderr(message);
    }
    sandbox.write(
        "manifest.toml",
        "project = \"site\"\nenvironment = \"dev\"\ntemplate = \"site.yaml\"\n",
    );
    sandbox
        .run(&["iam-policy", "--trust", "github", "--repo", "octo/site"])
        .expect_code(1)
        .expect_stderr("pass `--account ID`");
}
