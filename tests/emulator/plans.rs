//! Dangers in plans, and saved plans.

use serde_json::Value;

use crate::project::Project;

/// Returns the risks of a JSON plan as `severity logical_id`.
fn risks(plan: &Value) -> Vec<String> {
    let risks = plan["risk"].as_array().into_iter().flatten();
    let text = |risk: &Value, name: &str| risk[name].as_str().unwrap_or_default().to_owned();
    risks
        .map(|risk| format!("{} {}", text(risk, "severity"), text(risk, "logical_id")))
        .collect()
}

fn plan(project: &Project) -> Value {
    project.json(&["plan"])
}

#[test]
fn plan_shows_a_table_replacement_first_and_apply_refuses_it() {
    let project = Project::unverified().deployed();
    project.edit(
        "templates/stack.yaml.j2",
        "        - AttributeName: fileName\n          KeyType: HASH",
        "        - AttributeName: name\n          KeyType: HASH",
    );
    project.edit(
        "templates/stack.yaml.j2",
        "        - AttributeName: fileName\n          AttributeType: S",
        "        - AttributeName: name\n          AttributeType: S",
    );

    let shown = project.run(&["plan"]).expect_code(0);
    // The emulator calls the replacement conditional, and AWS does not.
    let danger = shown.stdout.find("MetadataTable may be replaced");
    let changes = shown.stdout.find("~ MetadataTable");
    assert!(danger.is_some() && danger < changes, "{shown}");
    shown.expect_stdout("its TableName is fixed");
    assert!(
        risks(&plan(&project))
            .iter()
            .any(|risk| risk.ends_with("MetadataTable"))
    );

    let status = project.stack_status();
    let finished = project.run(&["apply", "--yes"]).expect_code(4);
    finished.expect_stderr("--allow-replace MetadataTable");
    assert_eq!(project.stack_status(), status, "nothing was done");
}

#[test]
fn opened_port_is_a_danger() {
    let project = Project::unverified().deployed();
    project.edit(
        "manifest.toml",
        "allowed_ssh_cidr = \"203.0.113.7/32\"",
        "allowed_ssh_cidr = [\"203.0.113.7/32\", \"198.51.100.0/24\"]",
    );
    let finished = project.run(&["plan"]).expect_code(0);
    finished.expect_stdout("SshSecurityGroup allows inbound tcp 22 from 198.51.100.0/24");
}

#[test]
fn saved_plan_applies_once_and_only_if_nothing_changed() {
    let project = Project::unverified().deployed();
    let change_sets = project.change_sets().len();
    let days = "log_retention_days = ";
    project.edit("manifest.toml", &format!("{days}30"), &format!("{days}60"));
    project.run(&["plan", "--out", "saved.json"]).expect_code(0);
    let saved = std::fs::read_to_string(project.path("saved.json")).unwrap();
    assert_eq!(
        project.change_sets().len(),
        change_sets + 1,
        "it waits to be applied"
    );

    project.edit("manifest.toml", &format!("{days}60"), &format!("{days}90"));
    project
        .run(&["apply", "--yes", "saved.json"])
        .expect_code(4);
    assert_eq!(
        project.log_retention(),
        30,
        "the files say something else by now"
    );

    project.edit("manifest.toml", &format!("{days}90"), &format!("{days}60"));
    project.write("saved.json", saved.replace("\"region\"", "\"Region\""));
    project
        .run(&["apply", "--yes", "saved.json"])
        .expect_code(4);
    assert_eq!(project.log_retention(), 30, "the plan was altered");

    project.write("saved.json", &saved);
    project
        .run(&["apply", "--yes", "saved.json"])
        .expect_code(0);
    assert_eq!(project.log_retention(), 60);
    project
        .run(&["apply", "--yes", "saved.json"])
        .expect_code(4);
}

#[test]
fn two_saved_plans_of_a_new_stack_belong_to_one_stack() {
    let topic = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n";
    let project = Project::of_template(topic, "");
    for file in ["first.json", "second.json"] {
        project.run(&["plan", "--out", file]).expect_code(0);
    }
    assert_eq!(project.change_sets().len(), 2);
    project
        .run(&["apply", "first.json", "--yes"])
        .expect_code(0);
    project
        .run(&["apply", "second.json", "--yes"])
        .expect_code(4);
    project.expect_status("CREATE_COMPLETE");
}
