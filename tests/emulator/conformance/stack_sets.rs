//! The whole life of a stack set on moto, in three accounts and two regions. Its operations succeed at
//! once; how one is followed is tested against a scripted server.

use std::process::Command;

use super::server::Server;
use crate::python::{WHEELS_ONLY, environment};
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"project = "site"
region = "eu-west-1"
allow_endpoint = true

[stacks.base]
template = "base.yaml"
parameters.Size = "small"

[stacks.base.stack_set]
accounts = ["111111111111", "222222222222", "333333333333"]
regions = ["eu-west-1", "us-east-1"]
"#;

const TEMPLATE: &str = "Parameters:
  Size: {Type: String}
Resources:
  Value:
    Type: AWS::SSM::Parameter
    Properties: {Name: /site/size, Type: String, Value: !Ref Size}
";

/// A stack beside the stack set. moto deploys no stack whose first change set was deleted, so none needs it.
const STACK: &str = "\n[stacks.first]\ntemplate = \"topic.yaml\"\n";

const TOPIC: &str = "Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
";

#[test]
fn moto_distributes_a_stack_set() {
    let python = environment("moto", "tests/emulator/packages/moto.lock", &WHEELS_ONLY);
    let server = Server::start(
        |port| {
            let mut command = Command::new(&python);
            command.args(["-I", "-m", "moto.server", "-H", "127.0.0.1", "-p"]);
            command.arg(port.to_string());
            command
        },
        "/moto-api/",
    );
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("base.yaml", TEMPLATE)
        .credentials()
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL", &server.endpoint);
    let targets = || {
        let status = sandbox.json(&["status"]);
        let instances = status["instances"].as_array().unwrap().clone();
        let mut targets: Vec<String> = instances
            .iter()
            .map(|it| {
                let [account, region, status] =
                    ["account", "region", "status"].map(|key| it[key].as_str().unwrap());
                format!("{}/{region} {status}", &account[..1])
            })
            .collect();
        targets.sort_unstable();
        targets.join(", ")
    };
    let apply = || sandbox.run(&["apply", "--yes"]).expect_code(0);

    apply();
    assert_eq!(
        targets(),
        "1/eu-west-1 CURRENT, 1/us-east-1 CURRENT, 2/eu-west-1 CURRENT, 2/us-east-1 CURRENT, \
         3/eu-west-1 CURRENT, 3/us-east-1 CURRENT"
    );
    sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    sandbox.edit("manifest.toml", "\"small\"", "\"large\"");
    sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    apply();
    sandbox.run(&["diff", "--exit-code"]).expect_code(0);

    sandbox.edit("manifest.toml", ", \"333333333333\"", "");
    sandbox.edit("manifest.toml", "\"us-east-1\"", "\"us-west-2\"");
    apply();
    assert_eq!(
        targets(),
        "1/eu-west-1 CURRENT, 1/us-west-2 CURRENT, 2/eu-west-1 CURRENT, 2/us-west-2 CURRENT"
    );
    sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    sandbox.run(&["destroy", "--yes"]).expect_code(0);
    assert_eq!(sandbox.json(&["status"])["exists"], false);
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
    among_others(&sandbox);
}

/// Deploys and destroys the stack set after a stack that it needs.
fn among_others(sandbox: &Sandbox) {
    sandbox.write("topic.yaml", TOPIC);
    let needs = "[stacks.base]\nneeds = [\"first\"]\n";
    sandbox.edit("manifest.toml", "[stacks.base]\n", needs);
    sandbox.append("manifest.toml", STACK);
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("2 stacks: 2 done");
    let plan = ["plan", "--detailed-exitcode"];
    let same = sandbox.run(&plan).expect_code(0);
    same.expect_stderr("2 stacks: 2 unchanged");

    sandbox.edit("manifest.toml", "\"large\"", "\"huge\"");
    let planned = sandbox.run(&plan).expect_code(2);
    planned.expect_stderr("0 to add, 4 to update, 0 to remove");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("1 done, 1 unchanged");
    sandbox.run(&plan).expect_code(0);

    let destroyed = sandbox.run(&["destroy", "--yes"]).expect_code(0);
    destroyed.expect_stderr("2 stacks: 2 done");
}
