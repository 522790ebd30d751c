//! Exports in use, which the emulator refuses to change as AWS does.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::project::{Project, texts};

/// Exports the variable `value` under the name `export`; nothing without a name.
const EXPORTER: &str = r#"Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: "{{ vars.value }}"
Outputs:
  Plain:
    Value: "{{ vars.value }}"
{%- if vars.export %}
  Exported:
    Value: "{{ vars.value }}"
    Export:
      Name: "{{ vars.export }}"
{%- endif %}
"#;

/// Returns a deployed project that exports `first` as `network`.
fn exporter() -> Project {
    Project::of_template(EXPORTER, "value = \"first\"\nexport = \"network\"\n").deployed()
}

/// Returns a template whose topic has this name.
fn importer(name: &str) -> String {
    format!(
        "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: {name}\n"
    )
}

/// Creates or updates a stack without stackctl, and returns its status at the end.
fn send(project: &Project, operation: &str, stack: &str, template: &str) -> String {
    let arguments = json!({"StackName": stack, "TemplateBody": template});
    project.aws("cloudformation", operation, arguments);
    wait_until_idle(project, stack)
}

/// Returns the status of a stack once no operation runs.
fn wait_until_idle(project: &Project, stack: &str) -> String {
    loop {
        let name = json!({"StackName": stack});
        let answer = project.aws("cloudformation", "describe_stacks", name);
        let status = answer["Stacks"][0]["StackStatus"].as_str().unwrap();
        if !status.ends_with("_IN_PROGRESS") {
            return status.to_owned();
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the last events of a stack itself, the newest first: status and reason.
fn last_events(project: &Project, stack: &str, count: usize) -> Vec<String> {
    let name = json!({"StackName": stack});
    let answer = project.aws("cloudformation", "describe_stack_events", name);
    let events = answer["StackEvents"].as_array().unwrap();
    let own = |event: &&Value| event["LogicalResourceId"] == stack;
    let line = |event: &Value| {
        let reason = event["ResourceStatusReason"].as_str().unwrap_or_default();
        format!("{} {reason}", event["ResourceStatus"].as_str().unwrap())
    };
    events.iter().filter(own).take(count).map(line).collect()
}

fn exports(project: &Project) -> Vec<String> {
    let answer = project.aws("cloudformation", "list_exports", json!({}));
    texts(&answer["Exports"], "Name")
}

/// Changes the exporter by an update that stackctl did not plan.
fn update(project: &Project, value: &str, export: &str) -> String {
    let sets = [
        format!("vars.value={value}"),
        format!("vars.export={export}"),
    ];
    let rendered = project.run(&["render", "--set", &sets[0], "--set", &sets[1]]);
    let template = rendered.expect_code(0).stdout;
    send(project, "update_stack", &project.stack(), &template)
}

#[test]
fn an_update_cannot_change_or_remove_an_export_in_use() {
    let project = exporter();
    let stack = project.stack();
    for name in ["app", "batch", "web"] {
        let status = send(
            &project,
            "create_stack",
            name,
            &importer("!ImportValue network"),
        );
        assert_eq!(status, "CREATE_COMPLETE");
    }
    let users = "as it is in use by app, batch and web";
    for (value, export, verb) in [
        ("second", "network", "updated"),
        ("first", "", "deleted"),
        ("first", "renamed", "deleted"),
    ] {
        assert_eq!(update(&project, value, export), "UPDATE_ROLLBACK_COMPLETE");
        let events = last_events(&project, &stack, 4);
        assert_eq!(
            events[2],
            format!("UPDATE_ROLLBACK_IN_PROGRESS Export network cannot be {verb} {users}"),
        );
        assert_eq!(exports(&project), ["network"]);
    }

    // The order that works: a new export, the importers change to it, the old export is removed.
    let both = EXPORTER.to_owned()
        + "  New:\n    Value: \"{{ vars.value }}\"\n    Export: { Name: network2 }\n";
    project.write("templates/stack.yaml.j2", both);
    project.run(&["apply", "--yes"]).expect_code(0);
    for name in ["app", "batch", "web"] {
        let template = importer("!ImportValue network2");
        let status = send(&project, "update_stack", name, &template);
        assert_eq!(status, "UPDATE_COMPLETE");
    }
    let unused = json!({"ExportName": "network"});
    let answer = project.try_aws("cloudformation", "list_imports", unused);
    assert_eq!(answer, Err("ValidationError".to_owned()));
    project.set_var("export", "network", "");
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(exports(&project), ["network2"]);
}

#[test]
fn the_deletion_of_an_exporter_in_use_is_canceled() {
    let project = exporter();
    let stack = project.stack();
    send(
        &project,
        "create_stack",
        "app",
        &importer("!ImportValue network"),
    );
    let name = json!({"StackName": stack});
    project.aws("cloudformation", "delete_stack", name);
    assert_eq!(
        last_events(&project, &stack, 2),
        [
            "CREATE_COMPLETE Delete canceled. Cannot delete export network as it is in use by app.",
            "DELETE_IN_PROGRESS User Initiated",
        ]
    );
    project.expect_status("CREATE_COMPLETE");
}

#[test]
fn an_export_is_missing_or_taken() {
    let project = exporter();
    let template = importer("!ImportValue unknown");
    let status = send(&project, "create_stack", "early", &template);
    assert_eq!(status, "ROLLBACK_COMPLETE");
    // A stack without resources imports nothing.
    let unknown = json!({"ExportName": "unknown"});
    let answer = project.try_aws("cloudformation", "list_imports", unknown);
    assert_eq!(answer, Err("ValidationError".to_owned()));

    let again = project.run(&["render"]).expect_code(0).stdout;
    assert_eq!(
        send(&project, "create_stack", "second", &again),
        "ROLLBACK_COMPLETE"
    );
    let expected = format!(
        "ROLLBACK_IN_PROGRESS Export with name network is already exported by stack {}",
        project.stack()
    );
    assert_eq!(last_events(&project, "second", 2)[1], expected);
    assert_eq!(exports(&project), ["network"]);
}

/// Writes a project of two stacks: `network` exports a name if `exports`, and `app` imports it if `imports`.
fn write_two_stacks(project: &Project, exports: bool, imports: bool) {
    let manifest = format!(
        "project = \"{}\"\n\n[stacks.network]\ntemplate = \"network.yaml.j2\"\nvars.exports = {exports}\n\n\
         [stacks.app]\ntemplate = \"app.yaml.j2\"\nneeds = [\"network\"]\nvars.imports = {imports}\n\n\
         [environments.local]\nemulator = true\n",
        project.name()
    );
    project.write("manifest.toml", manifest);
    let topic = |name: &str| importer(name);
    let network = topic("network")
        + "Outputs:\n  Plain:\n    Value: x\n{%- if vars.exports %}\n  Name:\n    Value: x\n    \
           Export: { Name: network }\n{%- endif %}\n";
    project.write("network.yaml.j2", network);
    let name = "{{ '!ImportValue network' if vars.imports else 'none' }}";
    project.write("app.yaml.j2", topic(name));
}

#[test]
fn the_order_that_the_plan_shows_works_and_the_naive_one_does_not() {
    let project = exporter();
    project.run(&["destroy", "--yes"]).expect_code(0);
    write_two_stacks(&project, true, true);
    project.run(&["apply", "--yes"]).expect_code(0);

    // `network` comes first in the graph, and cannot.
    write_two_stacks(&project, false, false);
    let plan = project.run(&["plan"]).expect_code(0).stdout;
    // The lines of the plan may end within a command.
    let plan = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    let before = project.run(&["apply", "--yes"]).expect_code(4);
    before.expect_stderr("network");
    assert_eq!(exports(&project), ["network"]);

    let start = "`stackctl apply -s ";
    let steps: Vec<&str> = plan
        .split(start)
        .skip(1)
        .map(|rest| rest.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(steps, ["app", "network"], "{plan}");
    for stack in steps {
        let applied = project.run(&["apply", "--yes", "-s", stack]);
        applied.expect_code(0);
    }
    assert!(exports(&project).is_empty());
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}
