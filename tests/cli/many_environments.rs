//! Several environments in one run, each with a profile of its own.

use crate::cloud::Cloud;
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"
project = "demo"
region = "eu-west-1"
allow_endpoint = true

[stacks.network]
template = "network.yaml"

[stacks.app]
template = "app.yaml"
parameters.Network = { from_stack = "network", output = "Name" }

[environments.test]
profile = "testers"

[environments.prod]
profile = "operators"
"#;

const NETWORK: &str = "Resources:
  Topic: {Type: AWS::SNS::Topic}
Outputs:
  Name: {Value: network}
";

const APP: &str = "Parameters:
  Network: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Network}}
";

/// The access key id of each environment.
const KEYS: [(&str, &str); 2] = [("test", "AKIATESTERS"), ("prod", "AKIAOPERATORS")];

const PROFILES: &str = "[profile testers]
aws_access_key_id = AKIATESTERS
aws_secret_access_key = not-a-real-secret
[profile operators]
aws_access_key_id = AKIAOPERATORS
aws_secret_access_key = not-a-real-secret
";

const APPLY: [&str; 5] = ["apply", "--yes", "--wait", "-e", "test,prod"];

fn project() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("network.yaml", NETWORK)
        .file("app.yaml", APP)
        .file("profiles", PROFILES)
        .cloud(&cloud);
    let profiles = sandbox.path("profiles");
    let sandbox = sandbox
        .env("AWS_CONFIG_FILE", profiles.to_str().unwrap())
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    (sandbox, cloud)
}

/// Fails the test if a call for a stack was made with the profile of another environment.
#[track_caller]
fn each_environment_has_its_profile(cloud: &Cloud) {
    for call in cloud.calls() {
        let stack = call.parameter("StackName").to_owned() + call.parameter("ChangeSetName");
        let Some((_, key)) = KEYS
            .iter()
            .find(|(name, _)| stack.contains(&format!("-{name}")))
        else {
            continue;
        };
        let credential = call.header("authorization");
        assert!(credential.contains(key), "{stack}: {credential}");
    }
}

#[test]
fn the_next_run_does_the_rest_after_a_run_over_environments_was_killed() {
    let moments = ["CreateChangeSet", "ExecuteChangeSet"];
    for (moment, count) in moments.iter().flat_map(|it| (1..=4).map(move |n| (it, n))) {
        let (sandbox, cloud) = project();
        let mut running = sandbox.spawn(&APPLY);
        running
            .wait_until(moment, || cloud.calls_of(moment).len() >= count)
            .kill();
        sandbox.run(&APPLY).expect_code(0);
        for stack in ["network", "app"] {
            for (environment, _) in KEYS {
                let name = format!("demo-{stack}-{environment}");
                let status = cloud.account().stack(&name).status.clone();
                assert_eq!(status, "CREATE_COMPLETE", "{name} after {count} × {moment}");
            }
        }
        // Nothing was executed twice, and nothing is left behind.
        let executed = cloud.calls_of("ExecuteChangeSet").len();
        assert_eq!(executed, 4, "after {count} × {moment}");
        assert_eq!(cloud.account().change_sets(), 0);
        each_environment_has_its_profile(&cloud);
        cloud.forget_calls();
        let again = sandbox.run(&["apply", "-e", "test,prod"]).expect_code(0);
        again.expect_stderr("4 stacks: 4 unchanged");
        assert!(cloud.calls_of("CreateChangeSet").is_empty());
    }
}
