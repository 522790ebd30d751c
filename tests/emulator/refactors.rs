//! Resources get other logical ids and keep what they have.

use serde_json::json;

use crate::project::{Project, texts};

const TEMPLATE: &str = "Parameters:
  Team: {Type: String, Default: media}
Resources:
  Table: # holds what users wrote
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: k, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
  Topic:
    Type: AWS::SNS::Topic
    DependsOn: [Table]
    Properties: {DisplayName: !Sub \"${Team} ${Table}\"}
Outputs:
  TableName: {Value: !Ref Table}
  TableArn: {Value: !GetAtt Table.Arn}
";

/// Calls the table `Items` in the files, and says so in the manifest.
fn rename(project: &Project) {
    let template = TEMPLATE.replace("  Table:", "  Items:");
    let template = template.replace("[Table]", "[Items]");
    let template = template.replace("${Table}", "${Items}");
    let template = template.replace("!Ref Table", "!Ref Items");
    let template = template.replace("!GetAtt Table", "!GetAtt Items");
    project.write("templates/stack.yaml.j2", template);
    let manifest = std::fs::read_to_string(project.path("manifest.toml")).unwrap();
    let moved = format!("{manifest}\n[moved]\nTable = \"Items\"\n");
    project.write("manifest.toml", moved);
}

#[test]
fn a_renamed_table_keeps_its_items() {
    let project = Project::of_template(TEMPLATE, "").deployed();
    let stack = json!({"StackName": project.stack()});
    let resources = || {
        let listed = project.aws("cloudformation", "list_stack_resources", stack.clone());
        listed["StackResourceSummaries"].clone()
    };
    let before = resources();
    let names = texts(&before, "PhysicalResourceId");
    let outputs = project.run(&["outputs"]).stdout;
    let item = json!({"TableName": names[0], "Item": {"k": {"S": "kept"}}});
    project.aws("dynamodb", "put_item", item);
    let manifest = std::fs::read_to_string(project.path("manifest.toml")).unwrap();
    rename(&project);

    let done = project.run(&["refactor", "--yes"]).expect_code(0);
    done.expect_stdout(&format!(
        "→ Table → Items  AWS::DynamoDB::Table  {}",
        names[0]
    ));
    done.expect_stderr("is UPDATE_COMPLETE");
    let after = resources();
    assert_eq!(texts(&after, "LogicalResourceId"), ["Items", "Topic"]);
    assert_eq!(texts(&after, "PhysicalResourceId"), names);
    let items = project.aws("dynamodb", "scan", json!({"TableName": names[0]}));
    assert_eq!(items["Count"], 1, "{items}");
    assert_eq!(project.run(&["outputs"]).stdout, outputs);

    // With the line of the manifest and without, the plan changes nothing.
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    project.write("manifest.toml", manifest);
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    let again = project.run(&["refactor", "--yes"]).expect_code(0);
    again.expect_stderr("nothing to rename");

    // The stack is managed as before: a change reaches the same table.
    project.edit(
        "templates/stack.yaml.j2",
        "Default: media",
        "Default: press",
    );
    project.edit(
        "templates/stack.yaml.j2",
        "      BillingMode",
        "      Tags: [{Key: a, Value: b}]\n      BillingMode",
    );
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(texts(&resources(), "PhysicalResourceId"), names);
    let items = project.aws("dynamodb", "scan", json!({"TableName": names[0]}));
    assert_eq!(items["Count"], 1, "{items}");
}

#[test]
fn two_runs_at_once_rename_once() {
    let project = Project::of_template(TEMPLATE, "").deployed();
    rename(&project);
    let runs = [(); 2].map(|()| project.spawn(&["refactor", "--yes"]));
    // The other one follows, has nothing to do, or is refused.
    let codes = runs.map(|run| run.wait().code());
    assert!(codes.contains(&0), "{codes:?}");
    let request = json!({"StackName": project.stack()});
    let events = project.aws("cloudformation", "describe_stack_events", request);
    let statuses = texts(&events["StackEvents"], "ResourceStatus");
    let moved = statuses.iter().filter(|it| *it == "EXPORT_COMPLETE");
    assert_eq!(moved.count(), 1, "{statuses:?}");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}

#[test]
fn what_stack_refactoring_does_not_accept_is_refused_by_the_emulator_too() {
    let project = Project::of_template(TEMPLATE, "").deployed();
    let create = |template: String, from: &str, to: &str| {
        let at = |id: &str| json!({"StackName": project.stack(), "LogicalResourceId": id});
        let request = json!({
            "StackDefinitions": [{"StackName": project.stack(), "TemplateBody": template}],
            "ResourceMappings": [{"Source": at(from), "Destination": at(to)}],
        });
        let created = project.aws("cloudformation", "create_stack_refactor", request);
        let id = json!({"StackRefactorId": created["StackRefactorId"]});
        let described = project.aws("cloudformation", "describe_stack_refactor", id.clone());
        (id, described)
    };
    let renamed = TEMPLATE.replace("  Topic:", "  News:");
    for (template, from, to, reason) in [
        (renamed.clone(), "Nothing", "News", "does not exist"),
        (renamed.clone(), "Topic", "Table", "already exists"),
        (
            TEMPLATE.to_owned(),
            "Topic",
            "News",
            "modifying, adding or deleting",
        ),
        (
            renamed.replace("DisplayName: ", "TopicName: "),
            "Topic",
            "News",
            "modifying, adding or deleting",
        ),
        (
            renamed.replace("media", "press"),
            "Topic",
            "News",
            "Parameters",
        ),
    ] {
        let (_, described) = create(template, from, to);
        assert_eq!(described["Status"], "CREATE_FAILED", "{described}");
        assert_eq!(described["ExecutionStatus"], "UNAVAILABLE", "{described}");
        let given = described["StatusReason"].as_str().unwrap();
        assert!(given.contains(reason), "{given}");
    }

    // A change of the stack makes a refactor obsolete.
    let (id, described) = create(renamed, "Topic", "News");
    assert_eq!(described["ExecutionStatus"], "AVAILABLE", "{described}");
    let actions = project.aws("cloudformation", "list_stack_refactor_actions", id.clone());
    assert_eq!(actions["StackRefactorActions"][0]["Action"], "MOVE");
    project.edit(
        "templates/stack.yaml.j2",
        "Default: media",
        "Default: press",
    );
    project.run(&["apply", "--yes"]).expect_code(0);
    let listed = project.aws("cloudformation", "list_stack_refactors", json!({}));
    let statuses = texts(&listed["StackRefactorSummaries"], "ExecutionStatus");
    assert_eq!(statuses.last().unwrap(), "OBSOLETE");
    rename(&project);
    project.edit(
        "templates/stack.yaml.j2",
        "Default: media",
        "Default: press",
    );
    project.run(&["refactor", "--yes"]).expect_code(0);
    let described = project.aws("cloudformation", "describe_stack_refactor", id);
    assert_eq!(described["ExecutionStatus"], "OBSOLETE", "{described}");
}
