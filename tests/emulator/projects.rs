//! Projects of other people: from `init --from` to a deployed stack and an unchanged plan.

use serde_json::{Value, json};

use crate::project::Project;
use crate::wheels::TestWheel;

/// Writes the manifest of a project. Names of functions are the same in every account
/// of the emulator, so the project gets a name of its own.
fn initialized(project: Project, template: &str) -> Project {
    project.run(&["init", "--from", template]).expect_code(0);
    let name = format!("project = \"{}\"\n", project.name());
    project.edit("manifest.toml", "project = \"project\"\n", &name);
    project
}

/// Deploys the project, and fails the test unless the plan is unchanged after it.
#[track_caller]
fn deploy(project: &Project) {
    project.run(&["apply", "--yes"]).expect_code(0);
    let planned = project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    planned.expect_stdout("No changes");
}

/// Returns the value of an output.
fn output(project: &Project, name: &str) -> String {
    let printed = project.run(&["outputs", name]).expect_code(0).stdout;
    printed.trim().to_owned()
}

/// Invokes the function that an output names, and fails the test if the function raises an error.
#[track_caller]
fn invoke(project: &Project, name: &str, event: &Value) {
    let arguments = json!({"FunctionName": output(project, name), "Payload": event.to_string()});
    let answer = project.aws("lambda", "invoke", arguments);
    assert_eq!(answer["FunctionError"], json!(null), "{answer}");
}

#[test]
fn plain_template_with_parameters_deploys() {
    let project = initialized(Project::without_manifest("parameters"), "queues.yaml");
    let refused = project.run(&["plan"]).expect_code(1);
    refused.expect_stderr("CONSUMER_TOKEN");

    let project = project.with_variable("CONSUMER_TOKEN", "not-a-real-token");
    deploy(&project);
    project.expect_status("CREATE_COMPLETE");
    let name = format!("/{}/Settings", project.stack());
    let answer = project.aws("ssm", "get_parameter", json!({ "Name": name }));
    let settings = answer["Parameter"]["Value"].as_str().unwrap();
    assert!(
        settings.contains("\"greeting\": \"{{ name }} {# ${literal} #}\""),
        "{settings}"
    );
}

#[test]
fn sam_application_deploys() {
    let project = initialized(Project::without_manifest("sam-app"), "template.yaml");
    deploy(&project);
    let buckets = project.buckets();
    assert_eq!(buckets, ["items-app-deployments"]);
    let event = json!({"pathParameters": {"id": "one"}});
    invoke(&project, "ItemsFunctionName", &event);
    invoke(&project, "StatusFunctionName", &json!({}));
    let arguments = json!({"TableName": output(&project, "TableName")});
    let items = project.aws("dynamodb", "scan", arguments);
    assert_eq!(items["Items"], json!([{"id": {"S": "one"}}]));
}

#[test]
fn nested_templates_and_a_function_with_packages_deploy() {
    let wheel = TestWheel::of(
        "underline",
        "py3-none-any",
        "",
        &[(
            "underline/__init__.py",
            "def heading(title):\n    return title + '=' * len(title)\n",
        )],
    );
    let project = Project::without_manifest("nested").with_programs();
    let wheels = project.path("wheels");
    project.write(&format!("wheels/{}", wheel.file_name), &wheel.bytes);
    let lock = format!(
        "--no-index\n--find-links {}\nunderline==1 --hash=sha256:{}\n",
        wheels.display(),
        wheel.hash()
    );
    project.write("report/requirements.lock", lock);
    let project = initialized(project, "main.yaml");
    deploy(&project);
    assert_eq!(project.stacks().len(), 3);
    invoke(&project, "FunctionName", &json!({}));
}
