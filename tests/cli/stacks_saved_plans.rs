//! The saved plans of several stacks: one file, executed in the order of the graph.

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::cloud::Cloud;
use crate::sandbox::Sandbox;
use crate::stacks_apply::{RIGHT, add_topic, deployed, executed};

#[test]
fn saved_plans_of_several_stacks_are_executed_in_their_order() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    add_topic(&sandbox, "network.yaml");
    sandbox.run(&["plan", "--out", "plans.json"]).expect_code(0);
    assert!(executed(&cloud).is_empty());
    assert_eq!(cloud.account().change_sets(), 2);
    let applied = sandbox
        .run(&["apply", "plans.json", "--yes"])
        .expect_code(0);
    applied.expect_stderr("2 done, 2 unchanged");
    assert_eq!(executed(&cloud), ["network", "right"]);
    // A second time, they are stale.
    let stale = sandbox
        .run(&["apply", "plans.json", "--yes"])
        .expect_code(4);
    stale.expect_stderr("the plan `plans.json` is stale");
    stale.expect_stderr("create new plans: `stackctl plan --out plans.json -s");
}

#[test]
fn what_is_no_longer_true_in_a_file_of_plans_stops_what_needs_it_alone() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    add_topic(&sandbox, "side.yaml");
    sandbox.run(&["plan", "--out", "plans.json"]).expect_code(0);
    sandbox.edit("side.yaml", "More:", "Other:");
    let applied = sandbox
        .run(&["apply", "plans.json", "--yes"])
        .expect_code(4);
    applied.expect_stderr("the files have changed since: the template");
    applied.expect_stderr("1 done, 1 unchanged, 1 refused, 1 not begun");
    assert_eq!(executed(&cloud), ["right"]);
}

#[test]
fn the_saved_plan_of_one_of_several_stacks_is_executed_for_that_stack_alone() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    add_topic(&sandbox, "network.yaml");
    let plan = ["plan", "-s", "right", "--out", "right.json"];
    let saved = sandbox.run(&plan).expect_code(0);
    saved.expect_stderr("`stackctl apply right.json` executes exactly this plan");
    sandbox
        .run(&["apply", "right.json", "--yes", "-e", "prod"])
        .expect_code(4)
        .expect_stderr("is for the environment `dev`, not `prod`");
    sandbox
        .run(&["apply", "right.json", "--yes"])
        .expect_code(0);
    assert_eq!(executed(&cloud), ["right"]);
}

#[test]
fn nothing_is_applied_if_the_saved_plan_cannot_be_read() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    for file in ["gone.json", "right.yaml"] {
        let failed = sandbox.run(&["apply", file, "--yes"]);
        failed.expect_stderr(file);
        assert_ne!(failed.code(), 0);
    }
    assert!(cloud.calls().is_empty(), "{:?}", cloud.operations());
}

#[test]
fn saved_plans_of_several_stacks_may_be_piped_in() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    sandbox.run(&["plan", "--out", "plans.json"]).expect_code(0);
    let pipe = sandbox.path("pipe.json");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let running = sandbox.spawn(&["apply", "pipe.json", "--yes"]);
    let plans = std::fs::read(sandbox.path("plans.json")).unwrap();
    std::fs::write(&pipe, plans).unwrap();
    running.wait().expect_code(0);
    assert_eq!(executed(&cloud), ["right"]);
}

#[test]
fn saved_plans_of_one_stack_in_several_environments_know_the_environments() {
    let manifest = "project = \"demo\"\nregion = \"eu-west-1\"\ntemplate = \"right.yaml\"\n\
                    allow_endpoint = true\n[environments.prod]\n";
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .file("manifest.toml", manifest)
        .file("right.yaml", RIGHT)
        .cloud(&cloud);
    let plan = ["plan", "-e", "dev,prod", "--out", "plans.json"];
    sandbox.run(&plan).expect_code(0);
    let applied = sandbox
        .run(&["apply", "plans.json", "--yes"])
        .expect_code(0);
    applied.expect_stderr("2 stacks: 2 done");
}

#[test]
fn saved_plans_of_several_stacks_in_several_environments_are_one_file() {
    let (sandbox, cloud) = deployed();
    sandbox
        .run(&["apply", "--yes", "-e", "prod"])
        .expect_code(0);
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    add_topic(&sandbox, "network.yaml");
    cloud.forget_calls();
    let plan = ["plan", "-e", "dev,prod", "--out", "plans.json"];
    sandbox.run(&plan).expect_code(0);
    assert_eq!(cloud.account().change_sets(), 4);
    // The environments are in the file, so others are refused, and a part of them, too.
    for (other, message) in [
        ("dev", "the plans are also for the environment `prod`"),
        ("dev,test", "the plans are not for the environment `test`"),
    ] {
        let refused = sandbox.run(&["apply", "plans.json", "--yes", "-e", other]);
        refused.expect_code(4).expect_stderr(message);
        assert!(executed(&cloud).is_empty());
    }
    let applied = sandbox
        .run(&["apply", "plans.json", "--yes", "-e", "dev,prod"])
        .expect_code(0);
    applied.expect_stderr("8 stacks: 4 done, 4 unchanged");
    let done = executed(&cloud);
    let position = |name: &str| done.iter().position(|it| it == name).unwrap();
    assert!(position("network") < position("right"), "{done:?}");
    let position = |name: &str| done.iter().position(|it| it == name).unwrap();
    assert!(
        position("network-prod") < position("right-prod"),
        "{done:?}"
    );
    assert_eq!(done.len(), 4);
}

#[test]
fn a_provisional_plan_is_not_saved_and_leaves_nothing() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("manifest.toml", "\"one\"", "\"two\"");
    let refused = sandbox.run(&["plan", "--out", "plans.json"]).expect_code(4);
    refused.expect_stderr("this comes first: `stackctl apply -s network -e dev`");
    assert!(!sandbox.path("plans.json").exists());
    assert_eq!(cloud.account().change_sets(), 0);
}
