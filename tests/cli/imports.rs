//! Importing existing resources: which can be imported, what is sent, and what is refused.

use serde_json::json;

use crate::cloud::{Call, Cloud};
use crate::demo;
use crate::sandbox::Sandbox;

const RESOURCES: &str = r#"  Files:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: { BucketName: !Sub "demo-${AWS::AccountId}" }
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties: { TableName: demo-table }
  Stage:
    Type: AWS::ApiGateway::Stage
    DeletionPolicy: Retain
    Properties: { StageName: live, RestApiId: !ImportValue api }
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: demo-queue }
  Custom:
    Type: Custom::Thing
    Properties: { ServiceToken: demo }
Outputs:
"#;

/// Returns a deployed project with resources in the template that the stack does not have.
fn project() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    sandbox.edit("stack.yaml.j2", "Outputs:\n", RESOURCES);
    (sandbox, cloud)
}

fn summary(types: &[(&str, &[&str])]) -> String {
    let member = |name: &&str| format!("<member>{name}</member>");
    let entries = types.iter().map(|(kind, names)| {
        let names: String = names.iter().map(member).collect();
        format!(
            "<member><ResourceType>{kind}</ResourceType>\
             <ResourceIdentifiers>{names}</ResourceIdentifiers></member>"
        )
    });
    let entries: String = entries.collect();
    format!("<ResourceIdentifierSummaries>{entries}</ResourceIdentifierSummaries>")
}

#[test]
fn import_suggests_what_could_be_imported() {
    let (sandbox, cloud) = project();
    cloud.on("GetTemplateSummary").reply_result(&summary(&[
        ("AWS::S3::Bucket", &["BucketName"]),
        ("AWS::DynamoDB::Table", &["TableName"]),
        ("AWS::ApiGateway::Stage", &["RestApiId", "StageName"]),
        ("AWS::SQS::Queue", &["QueueUrl"]),
    ]));
    let is_table = |call: &Call| call.parameter("PhysicalResourceId") == "demo-table";
    cloud
        .on("DescribeStackResources")
        .only(is_table)
        .reply_result(
            "<StackResources><member><StackName>other</StackName>\
         <LogicalResourceId>Items</LogicalResourceId></member></StackResources>",
        );
    insta::assert_snapshot!(sandbox.run(&["import", "--suggest"]), @r#"
    --- stdout
    [import]
    Files = { BucketName = "demo-123456789012" }
    # Table (AWS::DynamoDB::Table): it belongs to the stack `other`, as `Items`
    # Table = { TableName = "demo-table" }
    # Stage (AWS::ApiGateway::Stage): the template does not give `RestApiId`
    # Stage = { RestApiId = "…", StageName = "live" }
    # Queue (AWS::SQS::Queue): the resource needs a `DeletionPolicy` first
    # Queue = { QueueUrl = "…" }
    # Custom (Custom::Thing): CloudFormation cannot import this type
    --- stderr
    hint: copy the lines of resources that exist into the manifest; `stackctl plan -e dev` then shows the import
    --- exit 0
    "#);
    let asked = cloud.calls_of("GetTemplateSummary").remove(0);
    let sent: serde_json::Value = serde_json::from_str(asked.parameter("TemplateBody")).unwrap();
    assert_eq!(
        sent["Resources"]["Table"],
        json!({"Type": "AWS::DynamoDB::Table"})
    );
    assert_eq!(sent["Resources"]["Bucket"], json!(null), "the stack has it");
    let asked = cloud.calls_of("DescribeStackResources");
    let asked = asked
        .iter()
        .map(|call| call.parameter("PhysicalResourceId"));
    let mut asked: Vec<&str> = asked.collect();
    asked.sort_unstable();
    assert_eq!(asked, ["demo-123456789012", "demo-table"]);

    let document = sandbox.json(&["import", "--suggest"]);
    assert_eq!(document["schema"], "stackctl.import/1");
    assert_eq!(document["candidates"][1]["obstacle"], "owned");
    assert_eq!(document["candidates"][1]["owner"]["stack"], "other");
    assert_eq!(
        document["candidates"][2]["identifier"]["RestApiId"],
        json!(null)
    );
    assert_eq!(document["candidates"][4]["obstacle"], "unsupported");
}

#[test]
fn an_import_sends_the_deployed_template_and_the_resources() {
    let (sandbox, cloud) = project();
    sandbox.edit(
        "stack.yaml.j2",
        "BucketName: demo-data",
        "BucketName: another-change",
    );
    sandbox.append(
        "manifest.toml",
        "\n[import]\nTable = { TableName = \"demo-table\" }\n",
    );
    cloud.forget_calls();
    sandbox.run(&["plan"]);
    let sent = cloud.calls_of("CreateChangeSet").remove(0);
    assert_eq!(sent.parameter("ChangeSetType"), "IMPORT");
    let imported = |name: &str| sent.parameter(&format!("ResourcesToImport.member.1.{name}"));
    assert_eq!(imported("LogicalResourceId"), "Table");
    assert_eq!(imported("ResourceType"), "AWS::DynamoDB::Table");
    assert_eq!(imported("ResourceIdentifier.entry.1.key"), "TableName");
    assert_eq!(imported("ResourceIdentifier.entry.1.value"), "demo-table");
    let template = sent.parameter("TemplateBody");
    assert!(
        template.contains("demo-table") && template.contains("demo-data"),
        "{template}"
    );
    assert!(
        !template.contains("another-change") && !template.contains("Queue"),
        "{template}"
    );
}

#[test]
fn an_offline_plan_predicts_an_import() {
    let (sandbox, cloud) = project();
    sandbox.append(
        "manifest.toml",
        "\n[import]\nTable = { TableName = \"demo-table\" }\nBucket = { BucketName = \"demo-data\" }\n",
    );
    let plan = sandbox.run(&["plan", "--offline"]).expect_code(0);
    plan.expect_stdout("<- Table   AWS::DynamoDB::Table # is imported");
    plan.expect_stdout("Plan: 4 to add, 0 to change, 0 to replace, 0 to destroy, 1 to import.");
    plan.expect_stderr(
        "The import comes first, as a deployment of its own; the other changes come",
    );
    sandbox.append("manifest.toml", "Tabel = { TableName = \"t\" }\n");
    let plan = sandbox.run(&["plan", "--offline"]).expect_code(1);
    plan.expect_stderr("help: did you mean `Table`?");
    assert!(cloud.calls().is_empty());
}

#[test]
fn an_import_keeps_the_values_of_parameters() {
    let (sandbox, cloud) = project();
    sandbox.append(
        "manifest.toml",
        "\n[import]\nTable = { TableName = \"demo-table\" }\n",
    );
    let mut account = cloud.account();
    let deployed = account.stack("demo-dev").deployed.as_mut().unwrap();
    deployed.template =
        "Parameters: {Password: {Type: String, NoEcho: true}}\nResources: {}\n".to_owned();
    deployed
        .parameters
        .insert("Password".to_owned(), "****".to_owned());
    drop(account);
    sandbox.run(&["plan"]);
    let sent = cloud.calls_of("CreateChangeSet").remove(0);
    let parameter = |name: &str| sent.parameter(&format!("Parameters.member.1.{name}"));
    assert_eq!(parameter("ParameterKey"), "Password");
    assert_eq!(parameter("UsePreviousValue"), "true");
    assert_eq!(parameter("ParameterValue"), "");
}

#[test]
fn what_cannot_be_imported_is_refused_at_its_place() {
    let (sandbox, cloud) = project();
    sandbox.append(
        "manifest.toml",
        "\n[import]\nQueue = { QueueUrl = \"https://sqs/1/q\" }\nTabel = { TableName = \"t\" }\n",
    );
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[unknown-resource]: the template has no resource `Tabel` to import
      --> manifest.toml:16:9
       |
    16 | Tabel = { TableName = "t" }
       |         ^^^^^^^^^^^^^^^^^^^
       |
       = help: did you mean `Table`?

    error: the resources cannot be imported
    --- exit 1
    "#);
    sandbox.edit("manifest.toml", "Tabel = { TableName = \"t\" }\n", "");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @"
    --- stderr
    error[import-without-policy]: CloudFormation imports `Queue` only if it has a `DeletionPolicy`
      --> stack.yaml.j2:38:3
       |
    38 |   Queue:
       |   ^^^^^
       |
       = help: write `DeletionPolicy: Retain` in the resource

    error: the resources cannot be imported
    --- exit 1
    ");
    sandbox.edit("manifest.toml", "Queue = {", "\"Que-ue\" = {");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[bad-logical-id]: `import.Que-ue` is not a logical id
      --> manifest.toml:15:1
       |
    15 | "Que-ue" = { QueueUrl = "https://sqs/1/q" }
       | ^^^^^^^^
       |
       = help: a logical id is letters and digits, at most 255 characters

    error: `manifest.toml` has an error
    --- exit 1
    "#);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn a_text_that_may_have_lost_characters_is_not_sent() {
    let (sandbox, cloud) = project();
    sandbox.append(
        "manifest.toml",
        "\n[import]\nTable = { TableName = \"demo-table\" }\n",
    );
    let template =
        "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Metadata: { Note: Gr??e }\n";
    let mut account = cloud.account();
    let deployed = account.stack("demo-dev").deployed.as_mut().unwrap();
    deployed.template = template.to_owned();
    drop(account);
    insta::assert_snapshot!(sandbox.run(&["plan"]), @"
    --- stderr
    error[lost-characters]: this text may have lost characters: CloudFormation returns `?` for each one outside ASCII
     --> the deployed template:4:23
      |
    4 |     Metadata: { Note: Gr??e }
      |                       ^^^^^
      |
      = help: write the true text at the same place of the project's template: the import then sends
              that text

    error: the resources cannot be imported
    --- exit 1
    ");
    sandbox.edit(
        "stack.yaml.j2",
        "    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: demo-data",
        "    Type: AWS::S3::Bucket\n    Metadata: { Note: Grüße }\n    Properties:\n      BucketName: demo-data",
    );
    sandbox.run(&["plan"]);
    let sent = cloud.calls_of("CreateChangeSet");
    let template = sent.last().unwrap().parameter("TemplateBody");
    assert!(template.contains(r#"Note: "Gr\xfc\xdfe""#), "{template}");
}
