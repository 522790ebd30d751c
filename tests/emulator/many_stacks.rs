//! The life of eight stacks in three regions and two accounts: the order comes from the events.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::eight_stacks::{ALLOW_DELETE, EightStacks, STACKS, all, expect_order, outcomes};

const KEYS: [&str; 8] = [
    "app", "data", "edge", "identity", "monitor", "network", "queue", "worker",
];

#[test]
fn eight_stacks_are_created_changed_and_deleted_in_the_order_of_the_graph() {
    let project = EightStacks::new();
    project.run(&["apply", "--yes"]).expect_code(0);
    let created = project.since(&BTreeSet::new());
    assert_eq!(outcomes(&created), all(&KEYS, "CREATE_COMPLETE"));
    // `app` and `worker` have the same code in two accounts: one zip in each.
    let artifacts = project.artifacts();
    assert_eq!(artifacts.len(), 2, "{artifacts:?}");
    assert!(
        artifacts.values().all(|zips| zips.len() == 1),
        "{artifacts:?}"
    );

    // No change, so no operation.
    let before = project.operations();
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(project.since(&before), []);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    assert_eq!(project.leftovers(), [""; 0]);

    // A change at the root reaches the stacks whose inputs change by it, and no others.
    project.set("network", "version", "\"2\"");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    project
        .run(&["apply", "--yes", "--accept-replans"])
        .expect_code(0);
    let reached = ["app", "data", "edge", "network", "queue"];
    assert_eq!(
        outcomes(&project.since(&before)),
        all(&reached, "UPDATE_COMPLETE")
    );
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    // A change at a leaf.
    let before = project.operations();
    project.set("edge", "cache_seconds", "10");
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(outcomes(&project.since(&before)), ["edge UPDATE_COMPLETE"]);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    // Backwards, and only if what holds data is named.
    let before = project.operations();
    project.run(&["destroy", "--yes"]).expect_code(4);
    assert_eq!(project.since(&before), []);
    project
        .run(&[&["destroy", "--yes"][..], &ALLOW_DELETE].concat())
        .expect_code(0);
    let deleted = project.since(&before);
    assert_eq!(outcomes(&deleted), all(&KEYS, "DELETE_COMPLETE"));
    assert!(project.statuses().is_empty());
}

#[test]
fn what_depends_on_a_failed_stack_is_not_begun_and_the_next_apply_does_the_rest() {
    let project = EightStacks::new();
    project.run(&["apply", "--yes"]).expect_code(0);
    let before = project.operations();
    project.set("network", "version", "\"2\"");
    project.set("queue", "fails", "true");
    let failed = project
        .run(&["apply", "--yes", "--accept-replans"])
        .expect_code(3);
    failed.expect_stderr("nobody");
    assert_eq!(
        outcomes(&project.since(&before)),
        [
            "data UPDATE_COMPLETE",
            "network UPDATE_COMPLETE",
            "queue UPDATE_ROLLBACK_COMPLETE",
        ]
    );

    project.unset("queue", "fails");
    let before = project.operations();
    project
        .run(&["apply", "--yes", "--accept-replans"])
        .expect_code(0);
    let resumed = project.since(&before);
    assert_eq!(
        outcomes(&resumed),
        all(&["app", "edge", "queue"], "UPDATE_COMPLETE")
    );
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}

#[test]
fn a_failed_creation_stops_its_dependants_alone() {
    let project = EightStacks::new();
    project.set("queue", "fails", "true");
    project.run(&["apply", "--yes"]).expect_code(3);
    let created = project.since(&BTreeSet::new());
    assert_eq!(
        outcomes(&created),
        [
            "data CREATE_COMPLETE",
            "identity CREATE_COMPLETE",
            "network CREATE_COMPLETE",
            "queue ROLLBACK_COMPLETE",
        ]
    );
    project.unset("queue", "fails");
    let before = project.operations();
    project.run(&["apply", "--yes"]).expect_code(0);
    let rest: BTreeSet<&str> = project
        .operations()
        .difference(&before)
        .map(|it| it.stack)
        .collect();
    assert_eq!(
        rest,
        BTreeSet::from(["app", "edge", "monitor", "queue", "worker"])
    );
    assert_eq!(project.statuses().len(), STACKS.len());
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}

#[test]
fn two_applies_at_once_apply_nothing_twice() {
    let project = EightStacks::new();
    let runs = [(); 2].map(|()| project.spawn(&["apply", "--yes"]));
    let runs = runs.map(crate::sandbox::Running::wait);
    for run in &runs {
        assert!(!run.stderr.contains("panicked"), "{run}");
    }
    let operations: Vec<_> = project.operations().into_iter().collect();
    expect_order(&operations);
    // What one run refused, because the other one was faster, is right after the next.
    project.run(&["apply", "--yes", "--wait"]).expect_code(0);
    assert_eq!(
        outcomes(&project.since(&BTreeSet::new())),
        all(&KEYS, "CREATE_COMPLETE")
    );
    assert_eq!(project.leftovers(), [""; 0]);
}

#[test]
fn local_names_the_account_and_the_region_of_each_stack() {
    let project = EightStacks::new();
    let status = project.json(&["local", "status"]);
    let stacks = status["stacks"].as_array().unwrap();
    assert_eq!((stacks.len(), &status["region"]), (8, &Value::Null));
    let [first, second] = project.accounts();
    let identity = json!({"stack": "identity", "account": second, "region": "us-east-1"});
    assert!(stacks.contains(&identity), "{status}");
    let edge = json!({"stack": "edge", "account": first, "region": "ap-southeast-2"});
    assert!(stacks.contains(&edge), "{status}");
    project
        .run(&["local", "status"])
        .expect_code(0)
        .expect_stdout(&format!("stack     edge      {first}  ap-southeast-2\n"));

    let refused = project.run(&["local", "env"]).expect_code(1);
    refused.expect_stderr("several accounts or regions");
    refused.expect_stderr("`-s edge`");
    let exports = project
        .run(&["local", "env", "-s", "identity"])
        .expect_code(0);
    exports.expect_stdout(&format!("AWS_ACCESS_KEY_ID={second}\n"));
    exports.expect_stdout("AWS_REGION=us-east-1\n");
}
