//! Templates with transforms: SAM, `AWS::LanguageExtensions`, `AWS::Include`, and macros.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::project::{Project, texts};

/// An application with two functions, a layer, two APIs, a table, and a state machine.
const APPLICATION: &str = r"Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: { Type: String, Default: hello }
Globals:
  Function:
    Runtime: python3.13
    CodeUri: ../code
    Environment:
      Variables: { GREETING: !Ref Greeting, TABLE: !Ref Table }
Resources:
  Read:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.read
      Layers: [!Ref Common]
      Policies: [AmazonDynamoDBReadOnlyAccess, DynamoDBReadPolicy: { TableName: !Ref Table }]
      Events:
        Rest: { Type: Api, Properties: { Path: /items, Method: get } }
        Http: { Type: HttpApi, Properties: { Path: /items, Method: get } }
  Write:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.write
      CodeUri: ../writer/
      Policies: [DynamoDBCrudPolicy: { TableName: !Ref Table }]
  Common:
    Type: AWS::Serverless::LayerVersion
    Properties:
      ContentUri: ../layer
  Table:
    Type: AWS::Serverless::SimpleTable
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        StartAt: A
        States:
          A:
            Type: Task
            Resource: arn:aws:states:::lambda:invoke
            Parameters: { FunctionName: !Ref Write }
            End: true
      Policies: [LambdaInvokePolicy: { FunctionName: !Ref Write }]
Outputs:
  Rest: { Value: !Ref ServerlessRestApi }
  Http: { Value: !Ref ServerlessHttpApi }
";

const CODE: &str = r#"import os, common
def read(event, context):
    return {"statusCode": 200, "body": common.text(os.environ["GREETING"])}
"#;

fn application() -> Project {
    let project = Project::of_template(APPLICATION, "");
    project.write("code/app.py", CODE);
    project.write(
        "writer/app.py",
        "def write(event, context):\n    return 1\n",
    );
    let layer = "def text(greeting):\n    return greeting + ' from the layer'\n";
    project.write("layer/python/common.py", layer);
    project
}

/// Returns the response of an API to `GET` of this path.
fn get(project: &Project, api: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(project.address()).unwrap();
    let host = format!("{api}.execute-api.localhost");
    // The emulator takes the account from the credentials.
    let account = project.account();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: \
         AWS4-HMAC-SHA256 Credential={account}/20000101/us-east-1/execute-api/aws4_request, \
         SignedHeaders=host, Signature=none\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn changed(project: &Project) -> Vec<String> {
    let plan = project.json(&["plan"]);
    texts(&plan["changes"], "logical_id")
}

fn template(project: &Project, stage: &str) -> Value {
    let arguments = json!({"StackName": project.stack(), "TemplateStage": stage});
    project.aws("cloudformation", "get_template", arguments)["TemplateBody"].clone()
}

#[test]
fn serverless_application_is_planned_deployed_changed_and_deleted() {
    let project = application();
    let plan = project.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    plan.expect_stdout("+ ReadRole ");
    plan.expect_stdout("CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND");
    project.run(&["apply", "--yes"]).expect_code(0);

    let [rest, http] = ["Rest", "Http"].map(|name| {
        let finished = project.run(&["outputs", name]).expect_code(0);
        finished.stdout.trim().to_owned()
    });
    for (api, path) in [(rest, "/Prod/items"), (http, "/items")] {
        let response = get(&project, &api, path);
        assert!(response.ends_with("hello from the layer"), "{response}");
    }
    let original = template(&project, "Original");
    assert!(original.as_str().unwrap().starts_with("Transform:"));
    let processed = template(&project, "Processed");
    assert_eq!(
        processed["Resources"]["Read"]["Type"],
        "AWS::Lambda::Function"
    );

    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    project.run(&["diff", "--exit-code"]).expect_code(0);

    project.edit("writer/app.py", "return 1", "return 2");
    assert_eq!(changed(&project), ["Write"]);
    let diff = project.run(&["diff", "--exit-code"]).expect_code(2);
    diff.expect_stdout("~ Write  AWS::Serverless::Function");
    diff.expect_stdout("+     return 2");
    project.run(&["apply", "--yes"]).expect_code(0);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);

    project.edit("code/app.py", "common.text", "str");
    // The routes of the APIs depend on the function's ARN, which may change for all that is known.
    let plan = project.run(&["plan"]).expect_code(0);
    plan.expect_stdout("Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy");
    plan.expect_stdout("~ Read ");
    let diff = project.run(&["diff", "--exit-code"]).expect_code(2);
    diff.expect_stdout("Globals");

    let destroy = ["destroy", "--yes", "--allow-delete", "Table"];
    project.run(&destroy).expect_code(0);
    assert_eq!(project.stacks(), [""; 0]);
}

#[test]
fn transform_that_fails_is_reported_with_its_reason() {
    let unnamed =
        "  Function:\n    Type: AWS::Serverless::Function\n    Properties: { Handler: a.b }\n";
    let serverless = format!("Transform: AWS::Serverless-2016-10-31\nResources:\n{unnamed}");
    let cases = [
        (
            serverless.as_str(),
            "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless",
        ),
        (
            MACRO,
            "Transform Company::Macro failed with: the local environment cannot run",
        ),
        (
            INCLUDE,
            "Transform AWS::Include failed with: The S3 object s3://nowhere/a.yaml",
        ),
    ];
    for (template, reason) in cases {
        let project = Project::of_template(template, "");
        let plan = project.run(&["plan"]).expect_code(1);
        plan.expect_stderr(reason);
        assert_eq!(project.stacks(), [""; 0]);
    }
}

const MACRO: &str =
    "Transform: [Company::Macro]\nResources: { Topic: { Type: AWS::SNS::Topic } }\n";

const INCLUDE: &str = r"Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      Fn::Transform: { Name: AWS::Include, Parameters: { Location: s3://nowhere/a.yaml } }
";

/// Loops over a parameter; `Names` is not needed to know the number of topics.
const LOOP: &str = r#"Transform: AWS::LanguageExtensions
Parameters:
  Names: { Type: CommaDelimitedList, Default: "A,B" }
Mappings: { Sizes: { small: { count: 1 } } }
Resources:
  Fn::ForEach::Topics:
    - Name
    - !Ref Names
    - Topic${Name}:
        Type: AWS::SNS::Topic
        Properties: { DisplayName: !Sub "topic ${Name}" }
Outputs:
  Length: { Value: { Fn::Length: !Ref Names } }
  Json: { Value: { Fn::ToJsonString: { a: [1, 2] } } }
  Default: { Value: !FindInMap [Sizes, large, count, { DefaultValue: 7 }] }
"#;

#[test]
fn language_extensions_are_processed() {
    let project = Project::of_template(LOOP, "").deployed();
    let outputs = project.json(&["outputs"]);
    let outputs = outputs.to_string();
    for value in ["\"2\"", r#"{\"a\":[1,2]}"#, "\"7\""] {
        assert!(outputs.contains(value), "{value} in {outputs}");
    }
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    project.edit("templates/stack.yaml.j2", "\"A,B\"", "\"A,B,C\"");
    assert_eq!(changed(&project), ["TopicC"]);
}

const PARENT: &str = r"Transform: AWS::Serverless-2016-10-31
Resources:
  Application:
    Type: AWS::Serverless::Application
    Properties: { Location: child.yaml, Parameters: { Word: one } }
Outputs:
  Word: { Value: !GetAtt Application.Outputs.Word }
";

const CHILD: &str = r"Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters: { Word: { Type: String } }
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.read
      Runtime: python3.13
      CodeUri: ../code
      Environment: { Variables: { WORD: !Ref Word } }
Outputs:
  Word: { Value: !Ref Word }
  Function: { Value: !Ref Function }
";

#[test]
fn nested_application_is_expanded_and_updated() {
    let project = Project::of_template(PARENT, "");
    project.write("templates/child.yaml", CHILD);
    project.write("code/app.py", CODE);
    let project = project.deployed();
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    project.edit("templates/stack.yaml.j2", "Word: one", "Word: two");
    project.run(&["apply", "--yes"]).expect_code(0);
    project
        .run(&["outputs", "Word"])
        .expect_code(0)
        .expect_stdout("two");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    project.run(&["destroy", "--yes"]).expect_code(0);
    assert_eq!(project.stacks(), [""; 0]);
}
