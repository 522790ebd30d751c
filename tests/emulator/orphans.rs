//! Resources leave a stack and stay as they are.

use serde_json::{Value, json};

use crate::fault_injection::ProxiedProject;
use crate::matrix;
use crate::project::{Project, texts};
use crate::proxy::{Moment, Rule};

/// The resources that leave the stack, and those that stay and refer to them. `NAME` is the project's.
const TEMPLATE: &str = r#"# everything of the shop
Resources:
  Files: {Type: AWS::S3::Bucket, Properties: {BucketName: NAME}}
  # the items
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: NAME
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: k, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: NAME}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: NAME}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: NAME
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: NAME}}
  Access:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Files
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {AWS: !GetAtt Role.Arn}, Action: s3:GetObject, Resource: !Sub "${Files.Arn}/*"}
  Reader:
    Type: AWS::Lambda::Function
    DependsOn: [Topic, Access]
    Properties:
      FunctionName: NAME
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code: {ZipFile: "def handler(event, context): return 1"}
      Environment:
        Variables:
          TABLE: !GetAtt Table.Arn
          QUEUE: !Ref Queue
          QUEUE_ARN: !GetAtt Queue.Arn
          TOPIC: !Ref Topic
          LOGS: !GetAtt Logs.Arn
          ALL: !Join [" ", [!Ref Files, !Sub "${Table} ${Queue.QueueName} ${Topic.TopicName}"]]
Outputs:
  Bucket: {Value: !Ref Files}
  Role: {Value: !GetAtt Role.Arn}
"#;

const IDS: [&str; 6] = ["Files", "Table", "Queue", "Topic", "Role", "Logs"];

fn variables(project: &Project) -> Value {
    let function = json!({"FunctionName": project.bucket()});
    let configuration = project.aws("lambda", "get_function_configuration", function);
    configuration["Environment"]["Variables"].clone()
}

/// Returns the logical ids of the stack's resources, sorted.
fn resources(project: &Project) -> Vec<String> {
    let stack = json!({"StackName": project.stack()});
    let answer = project.aws("cloudformation", "list_stack_resources", stack);
    let mut ids = texts(&answer["StackResourceSummaries"], "LogicalResourceId");
    ids.sort_unstable();
    ids
}

#[test]
fn six_resources_leave_the_stack_in_one_go_and_keep_what_they_store() {
    let project = Project::of_template("", "");
    let name = project.bucket();
    let template = TEMPLATE.replace("NAME", &name);
    project.write("templates/stack.yaml.j2", &template);
    let project = project.deployed();
    let table = json!({"TableName": name});
    let item = json!({"TableName": name, "Item": {"k": {"S": "kept"}}});
    project.aws("dynamodb", "put_item", item);
    let object = json!({"Bucket": name, "Key": "kept"});
    project.aws("s3", "put_object", object.clone());
    let queue = project.aws("sqs", "get_queue_url", json!({"QueueName": name}));
    let queue = &queue["QueueUrl"];
    let message = json!({"QueueUrl": queue, "MessageBody": "kept"});
    project.aws("sqs", "send_message", message);
    let before = variables(&project);
    let outputs = project.json(&["outputs"]);

    let orphan = [&["orphan", "--yes"], &IDS[..]].concat();
    let orphaned = project.run(&orphan).expect_code(0);
    orphaned.expect_stderr("No longer in the stack, and not deleted");
    assert_eq!(resources(&project), ["Access", "Reader"]);
    assert_eq!(variables(&project), before);
    assert_eq!(project.json(&["outputs"]), outputs);
    let stack = json!({"StackName": project.stack(), "TemplateStage": "Original"});
    let deployed = project.aws("cloudformation", "get_template", stack);
    let deployed = deployed["TemplateBody"].as_str().unwrap();
    assert!(
        deployed.starts_with("# everything of the shop\nResources:\n  Access:"),
        "{deployed}"
    );

    // Everything exists, with its content.
    project.aws(
        "s3",
        "get_object_attributes",
        json!({"Bucket": name, "Key": "kept", "ObjectAttributes": ["ObjectSize"]}),
    );
    assert_eq!(project.aws("dynamodb", "scan", table)["Count"], 1);
    let received = project.aws("sqs", "receive_message", json!({"QueueUrl": queue}));
    assert_eq!(received["Messages"][0]["Body"], "kept");
    let topics = project.aws("sns", "list_topics", json!({}));
    let topics = texts(&topics["Topics"], "TopicArn");
    assert!(topics.iter().any(|arn| arn.ends_with(&name)), "{topics:?}");
    project.aws("iam", "get_role", json!({"RoleName": name}));
    let groups = project.aws(
        "logs",
        "describe_log_groups",
        json!({"logGroupNamePrefix": name}),
    );
    let groups = texts(&groups["logGroups"], "logGroupName");
    assert_eq!(groups, [name.as_str()]);

    // The files still have them: the next plan would create them again.
    project
        .run(&orphan)
        .expect_code(0)
        .expect_stderr("Nothing to do.");
    project.run(&["plan"]).expect_stdout("+ Files");
}

#[test]
fn orphan_and_import_rename_a_table_that_keeps_its_items() {
    let project = Project::of_template("", "");
    let name = project.bucket();
    let template = TEMPLATE.replace("NAME", &name);
    project.write("templates/stack.yaml.j2", &template);
    let project = project.deployed();
    let item = json!({"TableName": name, "Item": {"k": {"S": "kept"}}});
    project.aws("dynamodb", "put_item", item);
    let before = variables(&project);

    // As docs/renaming.md says, if CloudFormation cannot refactor the stack.
    project.run(&["orphan", "Table", "--yes"]).expect_code(0);
    assert!(!resources(&project).contains(&"Table".to_owned()));
    let renamed = template
        .replace(
            "  Table:\n    Type: AWS::DynamoDB::Table\n",
            "  Items:\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n",
        )
        .replace("Table.Arn", "Items.Arn")
        .replace("${Table}", "${Items}");
    project.write("templates/stack.yaml.j2", &renamed);
    let manifest = std::fs::read_to_string(project.path("manifest.toml")).unwrap();
    let import = format!("{manifest}\n[import]\nItems = {{ TableName = \"{name}\" }}\n");
    project.write("manifest.toml", import);
    let imported = project.run(&["apply", "--yes"]).expect_code(0);
    imported.expect_stderr("is IMPORT_COMPLETE");
    project.run(&["apply", "--yes"]).expect_code(0);

    assert!(resources(&project).contains(&"Items".to_owned()));
    assert_eq!(variables(&project), before);
    let table = json!({"TableName": name});
    assert_eq!(project.aws("dynamodb", "scan", table)["Count"], 1);
    project.write("manifest.toml", manifest);
    let plan = project.run(&["plan"]).expect_code(0);
    plan.expect_stdout("No changes.");
}

/// A SAM template with references that the transform moves to other resources.
const SERVERLESS: &str = "Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Environment: {Variables: {TABLE: !Ref Table}}}}
Resources:
  Table: {Type: AWS::SQS::Queue}
  Read:
    Type: AWS::Serverless::Function
    DependsOn: Table
    Properties:
      Handler: app.read
      Runtime: python3.13
      InlineCode: 'def read(event, context): return 1'
      Policies: [{SQSPollerPolicy: {QueueName: !GetAtt Table.QueueName}}]
";

#[test]
fn a_resource_leaves_a_stack_of_a_sam_template() {
    let project = Project::of_template(SERVERLESS, "").deployed();
    let orphan = ["orphan", "Table", "--yes"];
    project.run(&orphan).expect_code(0);
    assert_eq!(resources(&project), ["Read", "ReadRole"]);
    let read = project.run(&["orphan", "Read", "--yes"]).expect_code(4);
    read.expect_stderr("`Read` becomes several resources");
}

#[test]
fn next_run_finishes_after_a_kill_at_any_moment() {
    let orphan = ["orphan", "Topic", "Role", "--yes"];
    let start = || {
        let project = ProxiedProject::new();
        project.deploy();
        project
    };
    let first = start();
    let proxy = first.proxy(Rule::Nothing);
    first.run(&proxy, &orphan).expect_code(0);
    let calls = proxy.passed().len();
    let moments = [Moment::Before, Moment::Between, Moment::After];
    let cases: Vec<(usize, Moment)> = (1..=9)
        .map(|it| (it * calls / 10, moments[it % 3]))
        .collect();
    let results = matrix::map(&cases, 3, |(call, moment)| {
        let project = start();
        let proxy = project.proxy(Rule::Stop(*call, *moment));
        let mut running = project.spawn(&proxy, &orphan);
        proxy.wait_until_stopped(|| running.has_ended());
        running.kill();
        drop(proxy);
        let proxy = project.proxy(Rule::Nothing);
        let next = project.run(&proxy, &orphan);
        (
            next.code(),
            project.stack_resources(),
            project.topics(),
            next.to_string(),
        )
    });
    for ((call, moment), (code, resources, topics, output)) in cases.iter().zip(results) {
        assert_eq!(code, 0, "{call} {moment:?}: {output}");
        assert_eq!(resources, ["Function"], "{call} {moment:?}: {output}");
        assert_eq!(topics, 1, "{call} {moment:?}: {output}");
    }
}
