//! Resources that were made by hand become part of a stack.

use serde_json::json;

use crate::project::{Project, texts};

const TEMPLATE: &str = "Resources:
  Later:
    Type: AWS::SNS::Topic
";

/// Each resource has the name `NAME`, which is the project's own.
const IMPORTED: &str = "  Files: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: NAME}}
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: NAME
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: k, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
  Queue: {Type: AWS::SQS::Queue, DeletionPolicy: Delete, Properties: {QueueName: NAME}}
  Topic: {Type: AWS::SNS::Topic, DeletionPolicy: Retain, Properties: {TopicName: NAME}}
  Role:
    Type: AWS::IAM::Role
    DeletionPolicy: Retain
    Properties:
      RoleName: NAME
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
  Logs: {Type: AWS::Logs::LogGroup, DeletionPolicy: Retain, Properties: {LogGroupName: NAME}}
";

const OUTPUT: &str = "Outputs:
  Files: {Value: !Ref Files}
";

/// Creates the six resources and returns the text of `[import]`.
fn create_by_hand(project: &Project, name: &str) -> String {
    project.aws("s3", "create_bucket", json!({"Bucket": name}));
    let table = json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    });
    project.aws("dynamodb", "create_table", table);
    let item = json!({"TableName": name, "Item": {"k": {"S": "kept"}}});
    project.aws("dynamodb", "put_item", item);
    let queue = project.aws("sqs", "create_queue", json!({"QueueName": name}));
    let topic = project.aws("sns", "create_topic", json!({"Name": name}));
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }]});
    let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
    project.aws("iam", "create_role", role);
    project.aws("logs", "create_log_group", json!({"logGroupName": name}));
    format!(
        "[import]
Files = {{ BucketName = \"{name}\" }}
Table = {{ TableName = \"{name}\" }}
Queue = {{ QueueUrl = {} }}
Topic = {{ TopicArn = {} }}
Role = {{ RoleName = \"{name}\" }}
Logs = {{ LogGroupName = \"{name}\" }}
",
        queue["QueueUrl"], topic["TopicArn"]
    )
}

/// Returns a project whose manifest and template import resources that exist by hand.
fn project(template: &str) -> Project {
    let project = Project::of_template(template, "");
    let name = project.bucket();
    let imports = create_by_hand(&project, &name);
    let manifest = std::fs::read_to_string(project.path("manifest.toml")).unwrap();
    project.write("manifest.toml", format!("{manifest}\n{imports}"));
    project
}

fn template(project: &Project, deployed: &str) -> String {
    format!("{deployed}{}", IMPORTED.replace("NAME", &project.bucket()))
}

#[test]
fn resources_made_by_hand_become_part_of_a_stack() {
    let project = project(TEMPLATE);
    project
        .run(&["plan"])
        .expect_code(1)
        .expect_stderr("the template has no resource `Files` to import");
    let manifest = std::fs::read_to_string(project.path("manifest.toml")).unwrap();
    let (before, imports) = manifest.split_once("[import]").unwrap();
    project.write("manifest.toml", before);
    project.run(&["apply", "--yes"]).expect_code(0);
    project.write("manifest.toml", format!("{before}[import]{imports}"));
    let with_output = template(&project, TEMPLATE) + OUTPUT;
    project.write("templates/stack.yaml.j2", &with_output);

    let plan = project.run(&["plan"]).expect_code(0);
    plan.expect_stdout("<- Files ")
        .expect_stdout("6 to import.");
    plan.expect_stderr("This only imports");
    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("is IMPORT_COMPLETE");
    let resources = project.aws(
        "cloudformation",
        "list_stack_resources",
        json!({"StackName": project.stack()}),
    );
    let mut ids = texts(&resources["StackResourceSummaries"], "LogicalResourceId");
    ids.sort();
    assert_eq!(
        ids,
        ["Files", "Later", "Logs", "Queue", "Role", "Table", "Topic"]
    );
    let items = project.aws("dynamodb", "scan", json!({"TableName": project.bucket()}));
    assert_eq!(items["Count"], 1, "{items}");

    // What else differs is a second plan; after it, nothing does.
    project
        .run(&["apply", "--yes"])
        .expect_code(0)
        .expect_stdout(&project.bucket());
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    project.run(&["drift", "--exit-code"]).expect_code(0);
}

#[test]
fn a_saved_import_creates_a_stack_of_what_it_imports() {
    let project = project(TEMPLATE);
    project.write("templates/stack.yaml.j2", template(&project, TEMPLATE));
    project
        .run(&["plan", "--out", "import.plan"])
        .expect_code(0);
    project
        .run(&["apply", "import.plan", "--yes"])
        .expect_code(0)
        .expect_stderr("IMPORT_COMPLETE");
    let plan = project.run(&["plan"]).expect_code(0);
    plan.expect_stdout("+ Later  AWS::SNS::Topic");
    plan.expect_stdout("Plan: 1 to add, 6 to change, 0 to replace, 0 to destroy.");
}
