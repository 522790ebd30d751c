//! A parent with two levels of nested templates and a function with code in a folder.

use serde_json::json;

use crate::project::{Project, ROLE, texts};

const PARENT: &str = "Resources:
  Middle:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: nested/middle.yaml
      Parameters:
        Prefix: !Ref AWS::StackName
Outputs:
  Function:
    Value: !GetAtt Middle.Outputs.Function
";

const MIDDLE: &str = "Parameters:
  Prefix:
    Type: String
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: inner.json
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub ${Prefix}-nested
      Runtime: python3.13
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: ../../src
Outputs:
  Function:
    Value: !Ref Function
";

const INNER: &str = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}}}"#;

fn project() -> Project {
    let project = Project::of_template(PARENT, "");
    let middle = MIDDLE.replace("Resources:\n", &format!("Resources:\n{ROLE}"));
    project.write("templates/nested/middle.yaml", &middle);
    project.write("templates/nested/inner.json", INNER);
    project.write("src/app.py", "def handler(event, context):\n    return 1\n");
    project
}

/// Invokes the function and fails the test if it raises an error.
fn invoke(project: &Project) {
    let name = format!("{}-nested", project.stack());
    let answer = project.aws("lambda", "invoke", json!({"FunctionName": name}));
    assert_eq!(answer["FunctionError"], json!(null), "{answer}");
}

#[test]
fn nested_templates_deploy_update_and_plan_unchanged() {
    let project = project();
    let planned = project.run(&["plan"]).expect_code(0);
    planned.expect_stderr("Uploaded");
    let uploaded = project.artifacts();
    assert_eq!(uploaded.len(), 2, "{uploaded:?}");

    let applied = project.run(&["apply", "--yes", "-v"]).expect_code(0);
    applied.expect_stderr("Middle/Function runs the artifact `src`");
    project.expect_status("CREATE_COMPLETE");
    invoke(&project);
    let stacks = project.stacks();
    assert_eq!(stacks.len(), 3, "{stacks:?}");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    // The innermost template and the code change.
    project.edit("templates/nested/inner.json", "one", "two");
    project.edit("src/app.py", "return 1", "return 2");
    let planned = project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    planned.expect_stdout("Middle");
    planned.expect_stdout("return 2");
    project.run(&["apply", "--yes"]).expect_code(0);
    project.expect_status("UPDATE_COMPLETE");
    let topics = project.aws("sns", "list_topics", json!({}));
    let arn = texts(&topics["Topics"], "TopicArn").remove(0);
    let topic = project.aws("sns", "get_topic_attributes", json!({"TopicArn": arn}));
    assert_eq!(topic["Attributes"]["DisplayName"], "two");
    invoke(&project);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    // What is changed in a nested stack is found in it.
    project
        .run(&["drift", "--exit-code"])
        .expect_code(0)
        .expect_stdout("Drift: 0 modified, 0 deleted, ");
    project.aws(
        "lambda",
        "update_function_configuration",
        json!({"FunctionName": format!("{}-nested", project.stack()), "MemorySize": 512, "Handler": "other.handler"}),
    );
    let drift = project.run(&["drift", "--exit-code"]).expect_code(2);
    drift.expect_stdout("~ Middle  AWS::CloudFormation::Stack");
    drift.expect_stdout("~ Function  AWS::Lambda::Function");
    drift.expect_stdout("Handler: \"app.handler\" → \"other.handler\"");
    let drift = project.json(&["drift", "--only", "Middle.Function"]);
    let inside = &drift["nested"][0];
    assert_eq!(inside["logical_id"], "Middle");
    assert_eq!(inside["resources"][0]["status"], "MODIFIED", "{drift:#}");
}
