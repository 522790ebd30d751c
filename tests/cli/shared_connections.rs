//! What the stacks of one run share: HTTP connections, credentials, the identity, and the rate of calls.

use std::collections::BTreeSet;

use crate::cloud::{Cloud, Deployment};
use crate::sandbox::Sandbox;

const TEMPLATE: &str = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n";

/// Returns a project of so many deployed stacks.
fn deployed(count: usize) -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let mut manifest = "project = \"demo\"\nenvironment = \"dev\"\nregion = \"eu-west-1\"\n\
                        template = \"topic.yaml\"\nallow_endpoint = true\n"
        .to_owned();
    for number in 0..count {
        manifest += &format!("[stacks.s{number}]\n");
        let name = format!("demo-s{number}-dev");
        let deployment = Deployment::of_demo(TEMPLATE);
        cloud.account().deploy(&name, deployment);
    }
    let sandbox = Sandbox::new()
        .file("manifest.toml", manifest)
        .file("topic.yaml", TEMPLATE)
        .cloud(&cloud);
    (sandbox, cloud)
}

#[test]
fn the_identity_is_asked_for_once() {
    let (sandbox, cloud) = deployed(20);
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(cloud.calls_of("GetCallerIdentity").len(), 1);
    assert_eq!(cloud.calls_of("GetTemplate").len(), 20);
    let calls = cloud.calls();
    let connections: BTreeSet<u16> = calls.iter().map(|it| it.request.port).collect();
    assert!(connections.len() <= 33, "{} connections", connections.len());
}

#[test]
fn a_program_that_gives_no_credentials_runs_once() {
    let (sandbox, _cloud) = deployed(5);
    let config = sandbox.path("config");
    let sandbox = sandbox
        .file("config", "[default]\ncredential_process = helper\n")
        .env("AWS_CONFIG_FILE", config.to_str().unwrap())
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .program("helper", "#!/bin/sh\necho run >> \"$HOME/runs\"\nexit 1\n");
    let failed = sandbox.run(&["plan"]);
    assert_ne!(failed.code(), 0);
    failed.expect_stderr("5 failed");
    let runs = std::fs::read_to_string(sandbox.path("../home/runs")).unwrap();
    assert_eq!(runs, "run\n");
}

#[test]
fn the_calls_of_all_stacks_keep_to_the_rate() {
    let (sandbox, cloud) = deployed(20);
    cloud.limit_rate(20.0, 10.0);
    sandbox.run(&["plan"]).expect_code(0);
    let most = cloud.attempts().into_values().max().unwrap_or(0);
    assert!((2..=4).contains(&most), "a call was sent {most} times");
}
