//! `stackctl graph`: the resources and the references between them.

use crate::demo;
use crate::local_paths::project;
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"
project = "demo"
region = "eu-west-1"
allow_endpoint = true

[stacks.network]
template = "network.yaml"

[stacks.data]
template = "data.yaml"

[stacks.app]
template = "app.yaml"
needs = ["data"]
parameters.VpcId = { from_stack = "network", output = "Vpc" }

[environments.prod]
"#;

const NETWORK: &str = "Resources:\n  Vpc: {Type: AWS::EC2::VPC}\n  \
    Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc}}\nOutputs: {Vpc: {Value: !Ref Vpc}}\n";

const DATA: &str = "Resources:\n  Table: {Type: AWS::DynamoDB::Table}\nOutputs:\n  Table:\n    \
    Value: !Ref Table\n    Export: {Name: !Sub '${AWS::StackName}-table'}\n";

const APP: &str = "Parameters: {VpcId: {Type: String}}\nResources:\n  Queue:\n    \
    Type: AWS::SQS::Queue\n    Properties: {QueueName: !ImportValue demo-data-dev-table}\n  \
    Group: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref VpcId}}\n";

fn stacks() -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("network.yaml", NETWORK)
        .file("data.yaml", DATA)
        .file("app.yaml", APP)
}

#[test]
fn files_alone_are_enough() {
    let sandbox = demo::files();
    std::fs::remove_dir_all(sandbox.path("handler")).unwrap();
    insta::assert_snapshot!(sandbox.run(&["graph"]), @r##"
    --- stdout
    Bucket  AWS::S3::Bucket, stores data
    Role  AWS::IAM::Role
    Handler  AWS::Lambda::Function
        → Role: Role (Arn)
    --- exit 0
    "##);
}

#[test]
fn a_nested_stack_contains_what_its_template_has() {
    let sandbox = project();
    // The code has to be there for a deployment alone.
    std::fs::remove_dir_all(sandbox.path("src")).unwrap();
    insta::assert_snapshot!(sandbox.run(&["graph"]), @r##"
    --- stdout
    Api  AWS::Lambda::Function
    Lone  AWS::Lambda::Function
    Data  AWS::CloudFormation::Stack
      Worker  AWS::Lambda::Function
      Role  AWS::IAM::Role
      Deep  AWS::CloudFormation::Stack
        Again  AWS::Lambda::Function
    Machine  AWS::StepFunctions::StateMachine
    --- exit 0
    "##);
    let picture = sandbox
        .run(&["graph", "--format", "svg"])
        .expect_code(0)
        .stdout;
    assert!(
        picture.starts_with("<svg ") && picture.ends_with("</svg>\n"),
        "{picture}"
    );
    sandbox.write("templates/nested/deep.json", "{\"Resources\": }");
    insta::assert_snapshot!(sandbox.run(&["graph"]), @r##"
    --- stderr
    error[json-syntax]: expected a value, found `}`
     --> templates/nested/deep.json:1:15
      |
    1 | {"Resources": }
      |               ^

    error: what `templates/stack.yaml` contains is not valid
    --- exit 1
    "##);
}

#[test]
fn a_text_that_is_no_template_is_an_error_at_its_place() {
    let sandbox = demo::files();
    sandbox.write("stack.yaml.j2", "Resources: [\n");
    insta::assert_snapshot!(sandbox.run(&["graph"]), @r##"
    --- stderr
    error[yaml-syntax]: this is not YAML: this `[` is never closed
     --> stack.yaml.j2:1:12
      |
    1 | Resources: [
      |            ^

    error: `stack.yaml.j2` is not a CloudFormation template
    --- exit 1
    "##);
}

#[test]
fn several_stacks_are_one_picture() {
    let sandbox = stacks();
    insta::assert_snapshot!(sandbox.run(&["graph"]), @r##"
    --- stdout
    network  stack
      Vpc  AWS::EC2::VPC
      Subnet  AWS::EC2::Subnet
          → Vpc: VpcId

    data  stack
      Table  AWS::DynamoDB::Table, stores data

    app  stack
        → network: VpcId = Vpc
        → data: imports demo-data-dev-table
      Queue  AWS::SQS::Queue, stores data
      Group  AWS::EC2::SecurityGroup
    --- stderr

    network  done           [TIME]
    data     done           [TIME]
    app      done           [TIME]
    3 stacks: 3 done
    --- exit 0
    "##);
    insta::assert_snapshot!(sandbox.run(&["graph", "--format", "mermaid"]).expect_code(0).stdout, @r##"
    flowchart LR
      subgraph n0["network · stack"]
        n3["Vpc<br/>EC2::VPC"]
        n4["Subnet<br/>EC2::Subnet"]
      end
      subgraph n1["data · stack"]
        n5[("Table<br/>DynamoDB::Table · data")]
      end
      subgraph n2["app · stack"]
        n6[("Queue<br/>SQS::Queue · data")]
        n7["Group<br/>EC2::SecurityGroup"]
      end
      n4 --> n3
      n2 -->|"VpcId = Vpc"| n0
      n2 -->|"imports demo-data-dev-table"| n1
    "##);
    for (format, start, end) in [
        ("dot", "digraph resources {\n", "}\n"),
        ("svg", "<svg ", "</svg>\n"),
    ] {
        let one = sandbox
            .run(&["graph", "--format", format])
            .expect_code(0)
            .stdout;
        assert!(one.starts_with(start) && one.ends_with(end), "{one}");
        assert_eq!(one.matches(start.trim()).count(), 1, "{one}");
        assert_eq!(one, sandbox.run(&["graph", "--format", format]).stdout);
    }
    let network = sandbox
        .run(&["graph", "-s", "network"])
        .expect_code(0)
        .stdout;
    assert_eq!(
        network,
        "Vpc  AWS::EC2::VPC\nSubnet  AWS::EC2::Subnet\n    → Vpc: VpcId\n"
    );
    let both = sandbox
        .run(&["graph", "-e", "dev,prod", "-s", "network"])
        .expect_code(0);
    assert!(
        both.stdout.contains("prod/network  stack\n"),
        "{}",
        both.stdout
    );
}

#[test]
fn a_stack_that_cannot_be_read_does_not_hide_the_others() {
    let sandbox = stacks();
    sandbox.write("data.yaml", "Resources: [\n");
    let shown = sandbox.run(&["graph"]).expect_code(1);
    assert!(
        shown
            .stdout
            .contains("\ndata  stack, the stack cannot be read\n"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("    → network: VpcId = Vpc\n"),
        "{}",
        shown.stdout
    );
    shown.expect_stderr("`data.yaml` is not a CloudFormation template");
}

#[test]
fn a_plan_has_its_signs_in_the_graph_and_leaves_nothing_behind() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.edit("stack.yaml.j2", "demo-handler", "other-handler");
    sandbox.append("stack.yaml.j2", "  Unused:\n    Value: x\n");
    let plan = sandbox.run(&["graph", "--plan"]).expect_code(0).stdout;
    insta::assert_snapshot!(plan, @r##"
    Bucket  AWS::S3::Bucket, stores data
    Role  AWS::IAM::Role
    ~ Handler  AWS::Lambda::Function
        → Role: Role (Arn)
    "##);
    assert!(cloud.account().change_sets() == 0);
    cloud.forget_calls();
    // The prediction knows which properties replace the resource; this cloud does not.
    let predicted = sandbox.run(&["graph", "--plan", "--offline"]);
    let predicted = predicted.expect_code(0).stdout;
    assert_eq!(predicted, plan.replace("~ Handler", "-/+ Handler"));
    assert!(cloud.calls().is_empty());
    sandbox.run(&["graph", "--offline"]).expect_code(64);
}

#[test]
fn what_is_removed_is_in_the_graph_of_the_plan() {
    let (sandbox, _cloud) = demo::deployed();
    sandbox.edit(
        "stack.yaml.j2",
        "!GetAtt Role.Arn",
        "arn:aws:iam::123456789012:role/other",
    );
    let template = std::fs::read_to_string(sandbox.path("stack.yaml.j2")).unwrap();
    let (start, rest) = template.split_once("  Role:\n").unwrap();
    let (_, end) = rest.split_once("  Handler:\n").unwrap();
    sandbox.write("stack.yaml.j2", format!("{start}  Handler:\n{end}"));
    let plan = sandbox
        .run(&["graph", "--plan", "--format", "mermaid"])
        .expect_code(0)
        .stdout;
    insta::assert_snapshot!(plan, @r##"
    flowchart LR
      n0[("Bucket<br/>S3::Bucket · data")]
      n1["#126; Handler<br/>Lambda::Function"]
      n2["#45; Role<br/>IAM::Role"]
      n1 --> n2
      subgraph legend["Legend"]
        legend_change["#126; is updated"]
        legend_remove["#45; is removed"]
        legend_same["does not change"]
      end
      classDef same fill:#f6f8fa,stroke:#aeb9c4,stroke-width:1px,color:#1b2733
      class n0,legend_same same
      classDef change fill:#fff3cf,stroke:#946100,stroke-width:2px,color:#1b2733
      class n1,legend_change change
      classDef remove fill:#ffe1e0,stroke:#c02a2f,stroke-width:2px,color:#1b2733
      class n2,legend_remove remove
    "##);
}

#[test]
fn a_rename_is_in_the_graph_of_the_plan() {
    let (sandbox, _cloud) = demo::renamed();
    let plan = sandbox.run(&["graph", "--plan"]).expect_code(0).stdout;
    assert!(
        plan.contains("→ Files  AWS::S3::Bucket, stores data, now Bucket\n"),
        "{plan}"
    );
}
