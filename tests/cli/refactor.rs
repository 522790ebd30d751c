//! `refactor`: what is renamed, what is sent, and what is refused before.

use crate::cloud::{Cloud, move_xml};
use crate::demo;

/// Returns the operations that write.
pub(crate) fn writes(cloud: &Cloud) -> Vec<String> {
    let mut operations = cloud.operations();
    operations.retain(|operation| {
        let is_read = ["Describe", "Get", "List", "Head"];
        !is_read.iter().any(|verb| operation.starts_with(verb))
    });
    operations
}

/// Fails the test unless the stack shows the bucket under its new id alone.
#[track_caller]
pub(crate) fn is_renamed(cloud: &Cloud) {
    let mut account = cloud.account();
    let resources = &account.stack("demo-dev").resources;
    let ids: Vec<&str> = resources.keys().map(String::as_str).collect();
    assert_eq!(ids, ["Files", "Role", "Handler"]);
    assert_eq!(resources["Files"].physical_id, "demo-data");
    let executions: Vec<usize> = account.refactors.iter().map(|it| it.executions).collect();
    assert_eq!(executions.iter().sum::<usize>(), 1, "{executions:?}");
}

#[test]
fn refactor_renames_and_changes_nothing_else() {
    let (sandbox, cloud) = demo::renamed();
    let deployed = cloud.account().stack("demo-dev").deployed.clone().unwrap();
    let bucket_of = |cloud: &Cloud| cloud.account().buckets["demo-data"].objects.len();
    demo::put_object(&cloud, "demo-data", "kept");
    insta::assert_snapshot!(sandbox.run(&["refactor", "--yes"]), @"
    --- stdout
      → Bucket → Files  AWS::S3::Bucket  demo-data
    --- stderr
    Renames in `demo-dev` (account 123456789012, region eu-west-1), by CloudFormation's stack refactoring (a preview in stackctl):


    Only the logical ids change: no resource is created, changed or deleted.

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  EXPORT_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  EXPORT_COMPLETE     Bucket    AWS::S3::Bucket
      [TIME]  IMPORT_IN_PROGRESS  Files     AWS::S3::Bucket
      [TIME]  IMPORT_COMPLETE     Files     AWS::S3::Bucket
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Renamed: demo-dev is UPDATE_COMPLETE.
    hint: the manifest's `[moved]` no longer needs `Bucket`, once no other environment has the old ids
    hint: `stackctl plan -e dev` shows what else differs from the files
    --- exit 0
    ");
    is_renamed(&cloud);
    assert_eq!(bucket_of(&cloud), 1, "the bucket is the same");
    assert_eq!(
        writes(&cloud),
        ["CreateStackRefactor", "ExecuteStackRefactor"]
    );
    let sent = cloud.calls_of("CreateStackRefactor").remove(0);
    let definition = |name: &str| sent.parameter(&format!("StackDefinitions.member.1.{name}"));
    let expected = deployed.template.replace("Bucket:\n", "Files:\n");
    let expected = expected.replace("Ref: Bucket", "Ref: Files");
    let expected = expected.replace("!Ref Bucket", "!Ref Files");
    let body = definition("TemplateBody");
    assert_eq!(body, expected.replace("S3Files", "S3Bucket"));
    assert_eq!(definition("StackName"), "demo-dev");
    let mapping = |name: &str| sent.parameter(&format!("ResourceMappings.member.1.{name}"));
    assert_eq!(mapping("Source.LogicalResourceId"), "Bucket");
    assert_eq!(mapping("Destination.LogicalResourceId"), "Files");
    assert_eq!(sent.parameter("EnableStackCreation"), "");

    // The next plan neither deletes nor creates, with the line of `moved` and without.
    for _ in 0..2 {
        let plan = sandbox.run(&["plan"]).expect_code(0);
        plan.expect_stdout("No changes");
        sandbox.run(&["plan", "--offline"]).expect_code(0);
        let text = std::fs::read_to_string(sandbox.path("manifest.toml")).unwrap();
        sandbox.write("manifest.toml", text.replace(demo::MOVED, ""));
    }
    insta::assert_snapshot!(sandbox.run(&["refactor", "--yes"]), @"
    --- stderr
    The manifest has no `[moved]`: nothing to rename.
    --- exit 0
    ");
}

#[test]
fn nothing_to_rename_is_no_failure() {
    let (sandbox, cloud) = demo::renamed();
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    cloud.forget_calls();
    let verbose = sandbox.run(&["refactor", "--yes", "-v"]).expect_code(0);
    verbose.expect_stderr("`moved.Bucket` has no effect: the stack has the new id");
    verbose.expect_stderr("Nothing to rename in `demo-dev`.");
    let document = sandbox.json(&["refactor"]);
    assert_eq!(document["outcome"], "nothing_to_do");
    assert_eq!(document["stack"], "demo-dev");
    assert!(writes(&cloud).is_empty());

    let (sandbox, cloud) = demo::in_cloud();
    demo::rename_bucket(&sandbox);
    sandbox.append("manifest.toml", demo::MOVED);
    let refused = sandbox.run(&["refactor", "--yes"]).expect_code(1);
    refused.expect_stderr("the stack `demo-dev` is not deployed");
    assert!(writes(&cloud).is_empty());
}

#[test]
fn refactor_asks_before_it_executes() {
    let (sandbox, cloud) = demo::renamed();
    insta::assert_snapshot!(sandbox.run(&["refactor"]), @"
    --- stdout
      → Bucket → Files  AWS::S3::Bucket  demo-data
    --- stderr
    Renames in `demo-dev` (account 123456789012, region eu-west-1), by CloudFormation's stack refactoring (a preview in stackctl):


    Only the logical ids change: no resource is created, changed or deleted.
    error: cannot ask a question without a terminal, and --yes was not given
    hint: run `stackctl refactor --yes -e dev`
    --- exit 4
    ");
    assert!(writes(&cloud).is_empty(), "nobody can be asked");
    let declined = sandbox
        .answer(&["refactor"], "Refactor:", "y")
        .expect_code(4);
    declined.expect_stderr("nothing was renamed: the answer was not `yes`");
    assert!(cloud.calls_of("ExecuteStackRefactor").is_empty());
    sandbox
        .answer(&["refactor"], "Refactor:", "yes")
        .expect_code(0);
    is_renamed(&cloud);
    // No call deletes a refactor, so the one that was declined is used again.
    assert_eq!(cloud.calls_of("CreateStackRefactor").len(), 1);
}

#[test]
fn refactor_prints_json() {
    let (sandbox, cloud) = demo::renamed();
    let shown = sandbox.json(&["refactor"]);
    let id = cloud.account().refactors[0].id.clone();
    let stack_id = cloud.account().stack("demo-dev").id.clone();
    let expected = serde_json::json!({
        "schema": "stackctl.refactor/1",
        "stack": "demo-dev",
        "stack_id": stack_id,
        "outcome": "shown",
        "refactor_id": id,
        "moved": [{
            "from": "Bucket",
            "to": "Files",
            "type": "AWS::S3::Bucket",
            "physical_id": "demo-data",
        }],
    });
    assert_eq!(shown, expected);
    assert!(cloud.calls_of("ExecuteStackRefactor").is_empty());
    let renamed = sandbox.json(&["refactor", "--yes"]);
    assert_eq!(renamed["outcome"], "renamed");
    assert_eq!(renamed["moved"], expected["moved"]);
    is_renamed(&cloud);
}

#[test]
fn stacks_that_cannot_be_refactored_are_refused_first() {
    let (sandbox, cloud) = demo::renamed();
    let refused = |message: &str| {
        let finished = sandbox.run(&["refactor", "--yes"]).expect_code(4);
        finished.expect_stderr(message);
    };
    for (status, message) in [
        (
            "UPDATE_IN_PROGRESS",
            "an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)",
        ),
        (
            "UPDATE_ROLLBACK_FAILED",
            "the stack `demo-dev` is UPDATE_ROLLBACK_FAILED, and CloudFormation refactors only",
        ),
        ("CREATE_FAILED", "`stackctl recover -e dev` shows why"),
    ] {
        cloud.set_status(status);
        refused(message);
    }
    cloud.set_status("CREATE_COMPLETE");
    cloud.account().stack("demo-dev").policy = Some("{}".to_owned());
    refused("the stack `demo-dev` has a stack policy, and CloudFormation refactors no such stack");
    refused("`stackctl orphan Bucket -e dev` takes the resources out of the stack");
    cloud.account().stack("demo-dev").policy = None;
    assert!(writes(&cloud).is_empty());
}

#[test]
fn a_resource_that_the_stack_does_not_have_is_not_renamed() {
    let (sandbox, cloud) = demo::renamed();
    sandbox.edit("manifest.toml", "Bucket = \"Files\"", "Gone = \"Files\"");
    let done = sandbox.run(&["refactor", "--yes"]).expect_code(0);
    done.expect_stderr("the stack has neither `Gone` nor `Files`: the line has no effect");
    done.expect_stderr("Nothing to rename in `demo-dev`.");

    sandbox.edit("manifest.toml", "Gone = \"Files\"", "Bucket = \"Role\"");
    let refused = sandbox.run(&["refactor", "--yes"]).expect_code(1);
    refused.expect_stderr("`Bucket` cannot become `Role`: the stack has both");
    assert!(writes(&cloud).is_empty());
}

#[test]
fn a_text_that_may_have_lost_characters_is_restored_or_refused() {
    let (sandbox, cloud) = demo::renamed();
    let deployed = "      BucketName: demo-data\n";
    let noted =
        |note: &str| format!("    Metadata: {{ Note: {note} }}\n    Properties:\n{deployed}");
    let original = format!("    Properties:\n{deployed}");
    cloud.edit_deployed(&original, &noted("Gr??e"));
    insta::assert_snapshot!(sandbox.run(&["refactor", "--yes"]), @"
    --- stderr
    error[lost-characters]: this text may have lost characters: CloudFormation returns `?` for each one outside ASCII
     --> the deployed template:4:23
      |
    4 |     Metadata: { Note: Gr??e }
      |                       ^^^^^
      |
      = help: write the true text at the same place of the project's template

    error: nothing can be renamed: the deployed template is not known to the character
    --- exit 4
    ");
    assert!(writes(&cloud).is_empty());
    sandbox.edit("stack.yaml.j2", &original, &noted("Grüße"));
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    let sent = cloud.calls_of("CreateStackRefactor").remove(0);
    let body = sent.parameter("StackDefinitions.member.1.TemplateBody");
    assert!(body.contains(r#"Note: "Gr\xfc\xdfe""#), "{body}");
}

#[test]
fn a_question_mark_that_the_files_have_too_is_sent_as_it_is() {
    let (sandbox, cloud) = demo::renamed();
    let deployed = "      BucketName: demo-data\n";
    let noted = format!("    Metadata: {{ Note: why? }} # as?\n    Properties:\n{deployed}");
    let original = format!("    Properties:\n{deployed}");
    cloud.edit_deployed(&original, &noted);
    let deployed = cloud.account().stack("demo-dev").deployed.clone().unwrap();
    let expected = deployed.template.replace("  Bucket:\n", "  Files:\n");
    sandbox.edit("stack.yaml.j2", &original, &noted);
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    let sent = cloud.calls_of("CreateStackRefactor").remove(0);
    let body = sent.parameter("StackDefinitions.member.1.TemplateBody");
    assert_eq!(body.lines().count(), expected.lines().count());
    assert!(body.contains("Note: why? } # as?"), "{body}");
}

#[test]
fn a_large_template_is_sent_by_its_url() {
    let (sandbox, cloud) = demo::renamed();
    let commented = format!("# {}\nResources:\n", "x".repeat(60_000));
    cloud.edit_deployed("Resources:\n", &commented);
    sandbox.run(&["refactor", "--yes"]).expect_code(0);
    let sent = cloud.calls_of("CreateStackRefactor").remove(0);
    let definition = |name: &str| sent.parameter(&format!("StackDefinitions.member.1.{name}"));
    assert_eq!(definition("TemplateBody"), "");
    let url = definition("TemplateURL");
    assert!(url.contains(demo::ARTIFACT_BUCKET), "{url}");
    is_renamed(&cloud);
}

#[test]
fn a_refactor_that_does_anything_else_is_not_executed() {
    let other = |action: &str| move_xml("demo-dev", ["Role", "Rolle"], "r").replace("MOVE", action);
    let tagged = move_xml("demo-dev", ["Bucket", "Files"], "demo-data")
        + "<TagResources><member><Key>team</Key><Value>a</Value></member></TagResources>";
    let moved = || move_xml("demo-dev", ["Bucket", "Files"], "demo-data");
    let elsewhere = moved().replacen("demo-dev", "other", 1);
    for (actions, message) in [
        (
            vec![moved(), other("MOVE")],
            "it would also MOVE RESOURCE `Role` of `demo-dev` to `Rolle` of `demo-dev`",
        ),
        (
            vec![moved(), other("CREATE")],
            "it would also CREATE RESOURCE",
        ),
        (
            vec![moved(), other("ERASE")],
            "it would also ERASE RESOURCE",
        ),
        (vec![moved(), moved()], "it moves `Bucket` twice"),
        (vec![elsewhere], "`Bucket` of `other`"),
        (vec![tagged], "it would change tags of `Bucket`: `team`"),
        (vec![], "it would not move `Bucket` to `Files`"),
    ] {
        let (sandbox, cloud) = demo::renamed();
        cloud.account().page_size = 1;
        sandbox.json(&["refactor"]);
        cloud.account().refactors[0].actions = Some(actions);
        let refused = sandbox.run(&["refactor", "--yes"]).expect_code(4);
        refused.expect_stderr(message);
        refused.expect_stderr("has no effect");
        assert!(cloud.calls_of("ExecuteStackRefactor").is_empty());
    }
}

#[test]
fn several_resources_are_renamed_at_once() {
    let (sandbox, cloud) = demo::renamed();
    cloud.account().page_size = 1;
    sandbox.edit(
        "stack.yaml.j2",
        "  Role:\n    Type",
        "  HandlerRole:\n    Type",
    );
    sandbox.edit(
        "stack.yaml.j2",
        "!GetAtt Role.Arn",
        "!GetAtt HandlerRole.Arn",
    );
    sandbox.append("manifest.toml", "Role = \"HandlerRole\"\n");
    let finished = sandbox.run(&["refactor", "--yes"]).expect_code(0);
    insta::assert_snapshot!(finished.stdout, @"
    → Bucket → Files      AWS::S3::Bucket  demo-data
    → Role → HandlerRole  AWS::IAM::Role  demo-dev-Role-1A2B3C
    ");
    let mut account = cloud.account();
    let resources = &account.stack("demo-dev").resources;
    let ids: Vec<&str> = resources.keys().map(String::as_str).collect();
    assert_eq!(ids, ["Files", "HandlerRole", "Handler"]);
}
