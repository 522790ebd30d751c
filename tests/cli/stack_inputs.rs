//! Outputs of other stacks as values of parameters, and what `config show` says of several stacks.

use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"project = "demo"
vars.size = "small"
vars.unused = 1
parameters.Stage = "test"

[stacks.network]
template = "network.yaml"

[stacks.app]
template = "app.yaml.j2"
parameters.Vpc = { from_stack = "network", output = "VpcId" }
parameters.Count = { from_stack = "network", output = "Count" }

[environments.prod]
stacks.app.vars.size = "large"
"#;

const NETWORK: &str = "Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Net: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 } }
Outputs:
  VpcId: { Value: !Ref Vpc }
  NetId: { Value: !Ref Net }
  Count: { Value: 3 }
  Words: { Value: many }
";

const APP: &str = "Parameters:
  Vpc: { Type: 'AWS::EC2::VPC::Id' }
  Count: { Type: Number }
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub '{{ vars.size }}-${Vpc}-${Count}' }
";

fn project(manifest: &str) -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", manifest)
        .file("network.yaml", NETWORK)
        .file("app.yaml.j2", APP)
}

#[test]
fn what_is_given_to_all_stacks_need_not_be_used_by_each() {
    let run = project(MANIFEST)
        .run(&["validate", "-s", "app"])
        .expect_code(0);
    assert!(!run.stderr.contains("warning["), "{}", run.stderr);
    let own = MANIFEST.replace(
        "[stacks.app]",
        "[stacks.app]\nvars.own = 1\nparameters.Own = 1",
    );
    let run = project(&own).run(&["validate", "-s", "app"]).expect_code(1);
    assert!(
        run.stderr.contains("no template reads `vars.own`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("no parameter `Own`"), "{}", run.stderr);
}

#[test]
fn an_output_must_exist_and_fit_the_parameter() {
    for (old, new, expected) in [
        (
            "\"VpcId\"",
            "\"VpcID\"",
            "the template of the stack `network` has no output `VpcID`",
        ),
        ("\"VpcId\"", "\"VpcID\"", "did you mean `VpcId`?"),
        (
            "\"VpcId\"",
            "\"NetId\"",
            "identifies a resource of the type AWS::EC2::Subnet",
        ),
        (
            "\"Count\"",
            "\"Words\"",
            "the output `Words` of the stack `network` is `many`, which is not a number",
        ),
    ] {
        let run = project(&MANIFEST.replace(old, new)).run(&["validate", "-s", "app"]);
        let run = run.expect_code(1);
        assert!(run.stderr.contains(expected), "{new}: {}", run.stderr);
        assert!(
            run.stderr.contains("manifest.toml:1"),
            "{new}: {}",
            run.stderr
        );
    }
}

#[test]
fn config_show_has_each_stack_with_its_origins() {
    let project = project(MANIFEST);
    let run = project
        .run(&["config", "show", "-e", "prod", "-s", "app"])
        .expect_code(0);
    for expected in [
        "demo-app-prod",
        "large",
        "[environments.prod.stacks.app]",
        "(the output VpcId of the stack network)",
        "[stacks.app]",
    ] {
        assert!(run.stdout.contains(expected), "{expected}: {}", run.stdout);
    }
    let run = project.run(&["config", "show"]).expect_code(0);
    assert!(run.stdout.contains("demo-app-dev") && run.stdout.contains("demo-network-dev"));
    let document = project
        .run(&["config", "show", "--format", "json"])
        .expect_code(0)
        .json();
    let stacks = document["stacks"].as_array().unwrap();
    let names: Vec<&str> = stacks
        .iter()
        .filter_map(|it| it["stack"].as_str())
        .collect();
    assert_eq!(names, ["network", "app"]);
    let one = Sandbox::new().file("manifest.toml", "project = \"demo\"\n");
    let shown = one.run(&["config", "show"]).expect_code(0).stdout;
    assert!(
        !shown.contains("needs") && !shown.contains("stack_set"),
        "{shown}"
    );
}
