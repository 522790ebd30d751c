//! Deployments that are recorded, and stacks that go back to them.

use std::collections::BTreeMap;

use crate::fault_injection::{Part, ProxiedProject};
use crate::proxy::Rule;

/// The deployments that fail, of ten.
const FAILING: [usize; 3] = [3, 6, 9];

#[test]
fn ten_deployments_are_listed_and_each_that_succeeded_comes_back() {
    let project = ProxiedProject::new();
    let proxy = project.proxy(Rule::Nothing);
    let mut deployed = BTreeMap::new();
    for number in 1..=10 {
        let (name, answer) = (format!("name-{number}"), number.to_string());
        if FAILING.contains(&number) {
            project.write_with(&name, &answer, Part::Failure);
            project.run(&proxy, &["apply", "--yes"]).expect_code(3);
        } else {
            project.write(&name, &answer);
            project.run(&proxy, &["apply", "--yes"]).expect_code(0);
            deployed.insert(number, project.deployed());
        }
    }
    let history = project.run(&proxy, &["history", "--format", "json"]);
    let history = history.expect_code(0).json();
    let deployments = history["deployments"].as_array().unwrap();
    assert_eq!(deployments.len(), 10, "{history}");
    for (deployment, number) in deployments.iter().zip(1..) {
        let outcome = if FAILING.contains(&number) {
            let cause = deployment["cause"].as_str().unwrap();
            assert!(cause.contains("Instance"), "{cause}");
            "rolled_back"
        } else {
            "succeeded"
        };
        assert_eq!(deployment["number"], number);
        assert_eq!(deployment["outcome"], outcome, "{deployment}");
    }
    assert_eq!(history["deployed"], 10);
    assert_eq!(history["gaps"].as_array().unwrap().len(), 0, "{history}");

    let refused = ["rollback", "--to", "6", "--yes"];
    project.run(&proxy, &refused).expect_code(4);
    for (number, expected) in deployed.iter().filter(|(number, _)| **number < 10) {
        let to = number.to_string();
        let back = project.run(&proxy, &["rollback", "--to", &to, "--yes"]);
        let back = back.expect_code(0);
        assert!(project.deployed() == *expected, "{number}: {back}");
    }
    // What was done last is undone: the deployment before it is the rollback to 7.
    project.run(&proxy, &["rollback", "--yes"]).expect_code(0);
    assert!(project.deployed() == deployed[&7]);
    let shown = project.run(&proxy, &["history"]).expect_code(0);
    shown.expect_stdout("rollback to 8");
    let nothing = project.run(&proxy, &["history", "--diff", "7", "17"]);
    nothing.expect_code(0).expect_stdout("No differences: ");
    assert!(project.wrong(false).is_empty());
}
