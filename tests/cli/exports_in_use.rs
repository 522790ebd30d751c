//! Exports that a plan changes although another stack imports them: the plan names the users and the
//! order that works, and `apply` refuses what CloudFormation certainly refuses.

use serde_json::json;

use crate::cloud::Cloud;
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"
project = "net"
environment = "dev"
region = "eu-west-1"
template = "stack.yaml"
allow_endpoint = true
"#;

const TEMPLATE: &str = "Parameters:
  Env: {Type: String, Default: dev}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: one, DisplayName: first}
Outputs:
  Name: {Value: !Sub '${Env}-name', Export: {Name: !Sub '${AWS::StackName}-name'}}
  Topic: {Value: !Ref Topic, Export: {Name: topic}}
";

/// Returns a deployed project whose exports `names` are imported by the stack `web`.
fn deployed(names: &[&str]) -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("stack.yaml", TEMPLATE)
        .cloud(&cloud);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    for name in names {
        cloud
            .account()
            .imports
            .insert((*name).to_owned(), vec!["web".to_owned()]);
    }
    cloud.forget_calls();
    (sandbox, cloud)
}

#[test]
fn an_imported_export_that_changes_is_refused_with_the_order_that_works() {
    let (sandbox, cloud) = deployed(&["net-dev-name"]);
    sandbox.edit("stack.yaml", "${Env}-name'", "${Env}-other'");
    let plan = sandbox.run(&["plan"]).expect_code(0);
    plan.expect_stdout("DANGER   net-dev-name changes from \"dev-name\" to \"dev-other\"");
    let plan = sandbox.json(&["plan"]);
    assert_eq!(
        plan["exports"],
        json!([{
            "name": "net-dev-name",
            "output": "Name",
            "change": "changed",
            "before": "dev-name",
            "after": "dev-other",
            "cause": "its definition changes",
            "importers": [{"stack": "web", "key": null, "deployed": true}],
            "unknown": null,
            "refused": true,
        }])
    );
    assert_eq!(plan["risk"][0]["kind"], "export-in-use");
    let markdown = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    markdown.expect_stdout("**DANGER** <b>net-dev-name</b> changes");
    cloud.forget_calls();
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]).without_stdout(), @r#"
    --- stderr
    error: not applied: the export `net-dev-name` changes from "dev-name" to "dev-other" (its definition changes), and `web` imports it: CloudFormation refuses the update
    hint: in this order: 1. change the stack `web` so that it no longer imports `net-dev-name`; 2. run `stackctl apply -e dev`
    --- exit 4
    "#);
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    assert!(!cloud.calls_of("DeleteChangeSet").is_empty());
    // The export that stays is not looked up.
    let looked_up = cloud.calls_of("ListImports");
    assert_eq!(looked_up.len(), 1);
    assert_eq!(looked_up[0].parameter("ExportName"), "net-dev-name");
}

#[test]
fn an_imported_export_that_may_change_is_a_warning() {
    let (sandbox, _cloud) = deployed(&["topic"]);
    sandbox.edit("stack.yaml", "!Ref Topic,", "!GetAtt Topic.TopicName,");
    sandbox.run(&["plan"]).expect_code(0).expect_stdout(
        "WARNING  topic may change (its definition changes), and `web` imports it: CloudFormation refuses",
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn removing_and_renaming_are_refused_and_what_nobody_imports_is_not() {
    let (sandbox, cloud) = deployed(&["topic"]);
    sandbox.edit("stack.yaml", "{Name: topic}", "{Name: other}");
    sandbox
        .run(&["apply", "--yes"])
        .expect_code(4)
        .expect_stderr(
            "the export `topic` is removed (it is renamed to `other`), and `web` imports it",
        );
    sandbox.edit("stack.yaml", ", Export: {Name: other}", "");
    sandbox
        .run(&["apply", "--yes"])
        .expect_code(4)
        .expect_stderr("the export `topic` is removed (the output `Topic` is no longer exported)");
    cloud.account().imports.clear();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn what_leaves_the_exports_alone_asks_nothing_about_them() {
    let (sandbox, cloud) = deployed(&["topic", "net-dev-name"]);
    sandbox.run(&["plan"]).expect_code(0);
    sandbox.edit("stack.yaml", "DisplayName: first", "DisplayName: second");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(cloud.calls_of("ListImports").is_empty());
}

#[test]
fn users_that_cannot_be_listed_are_unknown() {
    let (sandbox, cloud) = deployed(&[]);
    sandbox.edit("stack.yaml", "${Env}-name'", "${Env}-other'");
    cloud.on("ListImports").error(
        403,
        "AccessDenied",
        "not authorized to perform: cloudformation:ListImports",
    );
    let plan = sandbox.json(&["plan"]);
    assert_eq!(plan["exports"][0]["importers"], json!(null));
    assert_eq!(
        plan["exports"][0]["unknown"],
        "the caller lacks `cloudformation:ListImports`"
    );
    assert_eq!(plan["risk"][0]["severity"], "warning");
    sandbox
        .run(&["apply", "--yes"])
        .expect_code(0)
        .expect_stdout("stack imports it is unknown: the caller lacks");
}
