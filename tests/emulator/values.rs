//! Values of parameters from SSM Parameter Store and Secrets Manager.

use serde_json::json;

use crate::project::Project;

const TEMPLATE: &str = "Parameters:
  Level: {Type: String}
  User: {Type: String, NoEcho: true}
  Password: {Type: String, NoEcho: true}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Sub '${Level}:${User}:${Password}'
";

const PARAMETERS: &str = "
[parameters]
Level = { from_ssm = \"/app/level\" }
User = { from_secret = \"app/db#user\" }
Password = { from_ssm = \"/app/password\" }
";

/// Returns the name that the topic shows.
fn display_name(project: &Project) -> String {
    let topics = project.aws("sns", "list_topics", json!({}));
    let arn = &topics["Topics"][0]["TopicArn"];
    let topic = project.aws("sns", "get_topic_attributes", json!({"TopicArn": arn}));
    topic["Attributes"]["DisplayName"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn values_of_other_services_are_deployed_and_followed() {
    let project = Project::of_template(TEMPLATE, "");
    let manifest = std::fs::read_to_string(project.path("manifest.toml")).unwrap();
    project.write("manifest.toml", manifest + PARAMETERS);
    let missing = project.run(&["plan"]).expect_code(1);
    missing.expect_stderr("the SSM parameter `/app/level` cannot be read in us-east-1");
    missing.expect_stderr("the secret `app/db` cannot be read in us-east-1");
    missing.expect_stderr("the emulator has values of its own");
    let put = |name: &str, kind: &str, value: &str| {
        let input = json!({"Name": name, "Type": kind, "Value": value, "Overwrite": true});
        project.aws("ssm", "put_parameter", input);
    };
    put("/app/level", "String", "loud-level");
    put("/app/password", "SecureString", "correct horse");
    let secret = json!({"Name": "app/db", "SecretString": r#"{"user": "admin-user"}"#});
    project.aws("secretsmanager", "create_secret", secret);

    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        display_name(&project),
        "loud-level:admin-user:correct horse"
    );
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    // The value changes, and no file.
    put("/app/level", "String", "quiet-level");
    let plan = project
        .run(&["plan", "--detailed-exitcode", "-v"])
        .expect_code(2);
    plan.expect_stdout("~ Topic");
    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        display_name(&project),
        "quiet-level:admin-user:correct horse"
    );
    for finished in [plan, applied, project.run(&["status", "--format", "json"])] {
        for value in ["loud-level", "quiet-level", "admin-user", "correct horse"] {
            assert!(!finished.to_string().contains(value), "{finished}");
        }
    }
    // A version is a value that no longer changes.
    project.edit("manifest.toml", "/app/level", "/app/level:1");
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        display_name(&project),
        "loud-level:admin-user:correct horse"
    );
}
