//! Stack sets: what is planned, sent and followed, and how a run ends.

use crate::cloud::Cloud;
use crate::sandbox::Sandbox;
use crate::stack_set_faults::operations;

/// A project with one stack, which is a stack set.
const MANIFEST: &str = r#"project = "site"
environment = "dev"
region = "eu-west-1"
allow_endpoint = true

[stacks.base]
template = "base.yaml"
parameters.Size = "small"

[stacks.base.stack_set]
accounts = ["111111111111", "222222222222", "333333333333"]
regions = ["eu-west-1", "us-east-1"]
"#;

const TEMPLATE: &str = r"Parameters:
  Size: {Type: String}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Ref Size
";

/// The template with a table, which stores data.
const TABLE: &str = r"  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
";

pub(crate) const NAME: &str = "site-base-dev";

pub(crate) fn project() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("base.yaml", TEMPLATE)
        .cloud(&cloud);
    (sandbox, cloud)
}

/// Returns a project whose stack set is deployed.
pub(crate) fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = project();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Returns the requests that change something, each with its targets.
pub(crate) fn writes(cloud: &Cloud) -> Vec<String> {
    let calls = cloud.calls().into_iter();
    let writes = calls.filter(|call| {
        let reads = ["Describe", "Get", "List", "Head"];
        !reads.iter().any(|verb| call.operation.starts_with(verb))
    });
    writes
        .map(|call| {
            let accounts = call.list("Accounts").into_iter();
            let accounts: Vec<String> = accounts.map(|it| it[..1].to_owned()).collect();
            let units = call.list("DeploymentTargets.OrganizationalUnitIds");
            let regions = call.list("Regions").join("+");
            let targets = accounts.join("+") + &units.join("+");
            format!("{} {targets}×{regions}", call.operation)
                .trim_end_matches(" ×")
                .to_owned()
        })
        .collect()
}

/// Returns the statuses of the instances.
pub(crate) fn statuses(cloud: &Cloud) -> Vec<String> {
    let mut account = cloud.account();
    let instances = account.stack_set(NAME).instances.iter();
    instances
        .map(|it| format!("{}/{} {}", it.account, it.region, it.status))
        .collect()
}

#[test]
fn a_new_stack_set_is_shown_created_and_filled() {
    let (sandbox, cloud) = project();
    cloud.account().page_size = 2;
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r#"
    --- stdout
    New stack set   site-base-dev (environment dev)
    Account         123456789012
    Region          eu-west-1
    Endpoint        http://127.0.0.1:[PORT]
    Permissions     self-managed

    Targets
      + 111111111111/eu-west-1
      + 222222222222/eu-west-1
      + 333333333333/eu-west-1
      + 111111111111/us-east-1
      + 222222222222/us-east-1
      + 333333333333/us-east-1

    In each target:

      + Topic  AWS::SNS::Topic

    Parameters
          + Size: "small"

    Tags
          + stackctl:project: "site"
          + stackctl:environment: "dev"

    Plan: 1 to add, 0 to change, 0 to replace, 0 to destroy.
    This is a prediction: CloudFormation shows the changes of a stack set in no target before it makes
    them.

    Targets: 6 to add, 0 to update, 0 to remove.
    --- stderr

    Created the stack set site-base-dev.
    Adding 6 targets:
        [TIME]  111111111111/eu-west-1  SUCCEEDED
        [TIME]  222222222222/eu-west-1  SUCCEEDED
        [TIME]  333333333333/eu-west-1  SUCCEEDED
        [TIME]  111111111111/us-east-1  SUCCEEDED
        [TIME]  222222222222/us-east-1  SUCCEEDED
        [TIME]  333333333333/us-east-1  SUCCEEDED
    The operation is SUCCEEDED: 6 targets.

    Applied: site-base-dev is CURRENT in 6 targets.
    --- exit 0
    "#);
    assert_eq!(
        writes(&cloud),
        [
            "CreateStackSet",
            "CreateStackInstances 1+2+3×eu-west-1+us-east-1"
        ]
    );
    let sent = cloud.calls_of("CreateStackInstances").remove(0);
    assert_eq!(
        sent.list("OperationPreferences.RegionOrder"),
        ["eu-west-1", "us-east-1"]
    );
    assert!(sent.parameter("OperationId").starts_with("stackctl-"));
    assert_eq!(sent.parameter("CallAs"), "");

    // Nothing changes, and nothing is sent.
    cloud.forget_calls();
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    plan.expect_stdout("No changes.");
    sandbox.run(&["apply"]).expect_code(0);
    assert_eq!(writes(&cloud), [""; 0]);
    let status = sandbox.json(&["status"]);
    assert_eq!(status["schema"], "stackctl.stack-set/1");
    assert_eq!(status["instances"].as_array().map(Vec::len), Some(6));
}

#[test]
fn a_change_is_an_update_an_addition_and_a_removal_in_that_order() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("manifest.toml", "\"333333333333\"", "\"444444444444\"");
    sandbox.edit("manifest.toml", "\"small\"", "\"large\"");
    insta::assert_snapshot!(sandbox.run(&["plan", "--detailed-exitcode"]), @r#"
    --- stdout
    Stack set       site-base-dev (environment dev)
    Account         123456789012
    Region          eu-west-1
    Endpoint        http://127.0.0.1:[PORT]
    Permissions     self-managed
    warning: CloudFormation marks every instance OUTDATED when the template or a parameter changes, also the 2 instances that this update leaves out and that are removed after it

    Targets
      ~ 111111111111/eu-west-1  CURRENT
      ~ 222222222222/eu-west-1  CURRENT
      - 333333333333/eu-west-1  CURRENT
      + 444444444444/eu-west-1
      ~ 111111111111/us-east-1  CURRENT
      ~ 222222222222/us-east-1  CURRENT
      - 333333333333/us-east-1  CURRENT
      + 444444444444/us-east-1

    In each target:

      ~ Topic  AWS::SNS::Topic
          ~ DisplayName: "small" → "large" # because parameter `Size` changed

    Parameters
          ~ Size: "small" → "large"

    Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
    This is a prediction: CloudFormation shows the changes of a stack set in no target before it makes
    them.

    Targets: 2 to add, 4 to update, 2 to remove.
    --- exit 2
    "#);
    let plan = sandbox.json(&["plan"]);
    assert_eq!(plan["schema"], "stackctl.stack-set-plan/1");
    let kinds = plan["operations"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["update", "add", "remove"]);
    let markdown = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    markdown.expect_stdout("<!-- stackctl:plan site-base-dev -->");
    let page = sandbox.run(&["plan", "--format", "html"]).expect_code(0);
    page.expect_stdout("<p class=\"sentence\">Targets: 2 to add, 4 to update, 2 to remove.</p>");
    assert_eq!(writes(&cloud), [""; 0]);

    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        writes(&cloud),
        [
            "UpdateStackSet 1+2×eu-west-1+us-east-1",
            "CreateStackInstances 4×eu-west-1+us-east-1",
            "DeleteStackInstances 3×eu-west-1+us-east-1",
        ]
    );
    let mut ids: Vec<String> = operations(&cloud).into_iter().map(|it| it.0).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each operation has an id of its own: {ids:?}");
    assert_eq!(
        statuses(&cloud),
        [
            "111111111111/eu-west-1 CURRENT",
            "222222222222/eu-west-1 CURRENT",
            "111111111111/us-east-1 CURRENT",
            "222222222222/us-east-1 CURRENT",
            "444444444444/eu-west-1 CURRENT",
            "444444444444/us-east-1 CURRENT",
        ]
    );
    assert_eq!(cloud.account().stack_set(NAME).parameters["Size"], "large");
}

#[test]
fn stacks_that_store_data_are_removed_only_by_name() {
    let (sandbox, cloud) = project();
    sandbox.append("base.yaml", TABLE);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.edit("manifest.toml", ", \"333333333333\"", "");
    cloud.forget_calls();
    let refused = sandbox.run(&["apply", "--yes"]).expect_code(4);
    refused.expect_stderr("333333333333/eu-west-1, 333333333333/us-east-1 loses data there");
    refused.expect_stderr("--allow-delete base:Table");
    let one = ["apply", "--yes", "--allow-delete", "333333333333/eu-west-1"];
    sandbox.run(&one).expect_code(4);
    assert_eq!(writes(&cloud), [""; 0]);
    sandbox
        .run(&["apply", "--yes", "--allow-delete", "Table"])
        .expect_code(0);
    sandbox.edit("manifest.toml", ", \"us-east-1\"", "");
    sandbox.run(&["apply", "--yes"]).expect_code(4);
    sandbox
        .run(&["apply", "--yes", "--allow-delete", "base:Table"])
        .expect_code(0);
    let refused = sandbox.run(&["destroy", "--yes"]).expect_code(4);
    refused.expect_stderr("in each target");
    let refused = sandbox.run(&["destroy"]).expect_code(4);
    refused.expect_stderr("destroy --yes --allow-delete Table");
    let asked = sandbox.answer(&["destroy"], "to destroy it:", "yes");
    asked
        .expect_code(4)
        .expect_stderr("was not the stack set's name");
    sandbox
        .answer(&["destroy"], "to destroy it:", NAME)
        .expect_code(0);
    assert!(cloud.account().stack_sets.iter().all(|set| set.is_deleted));
}

#[test]
fn nothing_is_sent_without_a_yes() {
    let (sandbox, cloud) = project();
    sandbox.run(&["apply"]).expect_code(4);
    sandbox.answer(&["apply"], "Apply:", "y").expect_code(4);
    assert_eq!(writes(&cloud), [""; 0]);
    sandbox.answer(&["apply"], "Apply:", "yes").expect_code(0);
}

#[test]
fn drift_is_detected_in_every_target() {
    let (sandbox, cloud) = deployed();
    let same = sandbox.run(&["drift", "--exit-code"]).expect_code(0);
    same.expect_stdout("0 of 6 targets drifted");
    cloud.account().stack_set(NAME).instances[1].has_drifted = true;
    let drifted = sandbox.run(&["drift", "--exit-code"]).expect_code(2);
    drifted.expect_stdout("1 of 6 targets drifted");
    let document = sandbox.json(&["drift"]);
    assert_eq!(document["schema"], "stackctl.stack-set-drift/1");
    assert_eq!(document["drifted"], 1);
    assert_eq!(cloud.calls_of("DetectStackSetDrift").len(), 3);
}

#[test]
fn values_of_single_targets_are_set_after_the_update() {
    let (sandbox, cloud) = deployed();
    sandbox.append(
        "manifest.toml",
        "overrides.us-east-1.Size = \"large\"\noverrides.\"333333333333\".Size = \"huge\"\n",
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        writes(&cloud),
        [
            "UpdateStackInstances 3×eu-west-1+us-east-1",
            "UpdateStackInstances 1+2×us-east-1"
        ]
    );
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(writes(&cloud), [""; 0]);
    // An empty table takes all of them away.
    let text = std::fs::read_to_string(sandbox.path("manifest.toml")).unwrap();
    let text = text.split("overrides").next().unwrap().to_owned() + "overrides = {}\n";
    sandbox.write("manifest.toml", text);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let mut account = cloud.account();
    let mut instances = account.stack_set(NAME).instances.iter();
    assert!(instances.all(|it| it.overrides.is_empty()));
}

/// The manifest with service-managed permissions.
fn service_managed(sandbox: &Sandbox) {
    sandbox.edit(
        "manifest.toml",
        "accounts = [\"111111111111\", \"222222222222\", \"333333333333\"]",
        "organizational_units = [\"ou-ab12-aaaaaaaa\"]\npermissions = \"service-managed\"\ncall_as = \
         \"delegated-admin\"\nauto_deployment = true",
    );
}

#[test]
fn organizational_units_are_targets_and_every_call_says_who_calls() {
    let (sandbox, cloud) = project();
    service_managed(&sandbox);
    for (unit, account) in [
        ("a", "111111111111"),
        ("a", "222222222222"),
        ("b", "333333333333"),
    ] {
        let unit = format!("ou-ab12-{}", unit.repeat(8));
        let organization = &mut cloud.account().set_world.organization;
        organization
            .entry(unit)
            .or_default()
            .push(account.to_owned());
    }
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.edit(
        "manifest.toml",
        "\"ou-ab12-aaaaaaaa\"",
        "\"ou-ab12-bbbbbbbb\"",
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.run(&["drift"]).expect_code(0);
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
    assert_eq!(
        writes(&cloud),
        [
            "CreateStackSet",
            "CreateStackInstances ou-ab12-aaaaaaaa×eu-west-1+us-east-1",
            "CreateStackInstances ou-ab12-bbbbbbbb×eu-west-1+us-east-1",
            "DeleteStackInstances ou-ab12-aaaaaaaa×eu-west-1+us-east-1",
            "DetectStackSetDrift",
            "DeleteStackInstances ou-ab12-bbbbbbbb×eu-west-1+us-east-1",
            "DeleteStackSet"
        ]
    );
    let calls = cloud.calls().into_iter();
    let silent: Vec<String> = calls
        .filter(|call| call.service == "cloudformation")
        .filter(|call| call.parameter("CallAs") != "DELEGATED_ADMIN")
        .map(|call| call.operation)
        .collect();
    assert_eq!(silent, [""; 0]);
    let created = cloud.calls_of("CreateStackSet").remove(0);
    assert_eq!(created.parameter("PermissionModel"), "SERVICE_MANAGED");
    assert_eq!(created.parameter("AutoDeployment.Enabled"), "true");
}

#[test]
fn what_no_stack_set_deploys_is_refused_before_any_call() {
    let nested = "  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: 'https://s3.amazonaws.com/b/k'}\n";
    let transform = "Transform: AWS::LanguageExtensions\n";
    for (addition, message) in [
        (transform, "a transform or a macro"),
        (nested, "a nested stack"),
    ] {
        let (sandbox, cloud) = project();
        service_managed(&sandbox);
        let text = match addition {
            "Transform: AWS::LanguageExtensions\n" => addition.to_owned() + TEMPLATE,
            _ => TEMPLATE.to_owned() + addition,
        };
        sandbox.write("base.yaml", text);
        for command in ["plan", "apply"] {
            let refused = sandbox.run(&[command]).expect_code(1);
            refused.expect_stderr(message);
            refused.expect_stderr("execution_role");
        }
        assert_eq!(cloud.operations(), [""; 0]);
        sandbox.append("manifest.toml", "execution_role = \"Own\"\n");
        sandbox.run(&["plan"]).expect_code(0);
    }
    let (sandbox, cloud) = project();
    let inner = "Resources:\n  Topic: {Type: 'AWS::SNS::Topic'}\n";
    sandbox.write("inner.yaml", inner);
    sandbox.append(
        "base.yaml",
        &nested.replace("https://s3.amazonaws.com/b/k", "inner.yaml"),
    );
    let refused = sandbox.run(&["plan"]).expect_code(1);
    refused.expect_stderr("cannot read");
    refused.expect_stderr("\"arn:aws:iam::111111111111:root\"");
    assert_eq!(cloud.operations(), [""; 0]);
}

#[test]
fn commands_for_single_stacks_say_what_a_stack_set_is() {
    let (sandbox, cloud) = project();
    for command in [
        &["outputs", "Name"][..],
        &["logs"],
        &["ssh"],
        &["verify"],
        &["rollback"],
        &["recover"],
        &["cancel"],
        &["refactor"],
        &["orphan", "Topic"],
        &["import", "--suggest"],
    ] {
        let refused = sandbox.run(command).expect_code(1);
        refused.expect_stderr("`site-base-dev` is a stack set");
        refused.expect_stderr("stackctl status");
    }
    for command in ["outputs", "events", "history"] {
        let none = sandbox.run(&[command]).expect_code(0);
        none.expect_stderr(&format!("it has no {command} of its own"));
    }
    for command in [
        &["plan", "--offline"][..],
        &["plan", "--out", "p.json"],
        &["plan", "--express"],
        &["apply", "--verify"],
        &["apply", "--import-existing"],
        &["destroy", "--empty", "Topic"],
        &["drift", "--only", "Topic"],
        &["diff", "--live"],
    ] {
        let refused = sandbox.run(command).expect_code(1);
        refused.expect_stderr("is for single stacks");
    }
    assert_eq!(cloud.operations(), [""; 0]);
    sandbox.run(&["status"]).expect_code(0);
    sandbox.run(&["diff", "--exit-code"]).expect_code(2);
    sandbox.run(&["validate"]).expect_code(0);
    sandbox.run(&["render"]).expect_code(0);
}

#[test]
fn mistakes_in_the_manifest_are_errors_at_their_place() {
    let (sandbox, _cloud) = project();
    let set = |text: &str| {
        let head = MANIFEST.split("[stacks.base.stack_set]").next().unwrap();
        sandbox.write(
            "manifest.toml",
            format!("{head}[stacks.base.stack_set]\n{text}\n"),
        );
        let refused = sandbox.run(&["plan"]).expect_code(1);
        refused.stderr
    };
    let good = "accounts = [\"111111111111\"]\nregions = [\"eu-west-1\"]\n";
    for (text, expected) in [
        ("", "`stack_set` has no `regions`"),
        ("regions = [\"eu-west-1\"]", "`stack_set` has no `accounts`"),
        (
            "accounts = [\"111111111111\"]\nregions = [\"eu-west-1\", \"eu-west-1\"]",
            "names `eu-west-1` twice",
        ),
        (
            "regions = [\"eu-west-1\"]\npermissions = \"service-managed\"",
            "has no `organizational_units`",
        ),
        (
            "regions = [\"eu-west-1\"]\norganizational_units = [\"ou-1\"]\npermissions = \"service-managed\"",
            "ou-ab12-34cd56ef",
        ),
        (
            &format!("{good}auto_deployment = true"),
            "needs `permissions = \"service-managed\"`",
        ),
        (
            &format!("{good}call_as = \"delegated-admin\""),
            "needs `permissions",
        ),
        (
            &format!("{good}failure_tolerance = \"101%\""),
            "is more than 100%",
        ),
        (
            &format!("{good}failure_tolerance = -1"),
            "neither a number nor a percentage",
        ),
        (&format!("{good}max_concurrent = 0"), "must be at least 1"),
        (
            &format!("{good}overrides.us-east-1.Size = \"x\""),
            "is for no target",
        ),
        (
            &format!("{good}overrides.eu-west-1.Sise = \"x\""),
            "names the parameter `Sise`",
        ),
        (
            &format!("{good}execution_role = \"arn:aws:iam::111111111111:role/Own\""),
            "write `Own`",
        ),
        (&format!("{good}toleranse = 1"), "toleranse"),
    ] {
        let stderr = set(text);
        assert!(stderr.contains(expected), "{text}\n{stderr}");
    }
}
