//! A CloudFormation that throttles: no call may be tried again and again, and nothing may fail.

use std::collections::BTreeMap;

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::Sandbox;

/// Returns a project with a stack of its own.
fn project(cloud: &Cloud, number: usize) -> Sandbox {
    let name = format!("environment = \"dev\"\nstack_name = \"demo-{number}\"");
    let manifest = demo::MANIFEST.replace("environment = \"dev\"", &name);
    let files = demo::files().file("manifest.toml", manifest);
    // The rate of the cloud is one of calls in a second.
    files.cloud(cloud).env("STACKCTL_TEST_PACE", "1")
}

/// Returns how many calls were sent so often, by the number of their attempts.
fn attempts(cloud: &Cloud) -> BTreeMap<usize, usize> {
    let mut calls = BTreeMap::new();
    for attempts in cloud.attempts().into_values() {
        *calls.entry(attempts).or_default() += 1;
    }
    calls
}

#[test]
fn several_processes_share_the_rate_of_an_account() {
    let cloud = Cloud::start();
    demo::add_artifact_bucket(&cloud);
    let projects: Vec<Sandbox> = (0..4).map(|number| project(&cloud, number)).collect();
    cloud.limit_rate(10.0, 5.0);
    let running: Vec<_> = projects
        .iter()
        .map(|it| it.spawn(&["apply", "--yes"]))
        .collect();
    for process in running {
        process.wait().expect_code(0);
    }
    let attempts = attempts(&cloud);
    assert!(attempts.len() > 1, "nothing was throttled: {attempts:?}");
    assert!(
        attempts.keys().all(|it| *it <= 4),
        "by attempts: {attempts:?}"
    );
    // Once nobody throttles any more, nothing waits.
    cloud.limit_rate(1e6, 1e6);
    for project in &projects {
        project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    }
}
