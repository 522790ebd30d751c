//! What the caller may do, simulated or tried.

use super::{doctor, expect, healthy};
use crate::cloud::ACCOUNT;

#[test]
fn simulated_permissions_are_shown_for_each_command() {
    let (sandbox, cloud) = healthy();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let mut account = cloud.account();
    for (action, decision) in [
        ("cloudformation:ExecuteChangeSet", "implicitDeny"),
        ("cloudformation:DeleteStack", "explicitDeny"),
        ("cloudformation:ListImports", "implicitDeny"),
    ] {
        account.simulated.insert(action.to_owned(), decision);
    }
    drop(account);
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "simulation",
        "ok",
        &["of the organization, of a session"],
    );
    expect(
        &document,
        "plan",
        "ok",
        &["needed in some cases only, and not allowed: `cloudformation:"],
    );
    expect(
        &document,
        "apply",
        "warning",
        &["not allowed: `cloudformation:ExecuteChangeSet`"],
    );
    expect(
        &document,
        "destroy",
        "warning",
        &["denied by a policy: `cloudformation:DeleteStack`"],
    );
    expect(&document, "status", "ok", &[]);

    // Without a plan there is no deployment.
    let denied = "cloudformation:CreateChangeSet".to_owned();
    cloud.account().simulated.insert(denied, "implicitDeny");
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(
        &document,
        "plan",
        "failed",
        &["not allowed: `cloudformation:CreateChangeSet`"],
    );

    // Each kind of resource is asked for by its ARN.
    sandbox.append(
        "manifest.toml",
        "[parameters]\nImage = { from_ssm = \"/app/image:3\" }\nPassword = { from_secret = \"db#key\" }\n\
         [stack]\nrole_arn = \"arn:aws:iam::123456789012:role/cfn\"\n",
    );
    doctor(&sandbox, &cloud, &[]);
    let asked: Vec<String> = cloud
        .calls_of("SimulatePrincipalPolicy")
        .iter()
        .flat_map(|call| call.list("ResourceArns"))
        .collect();
    for arn in [
        "*",
        "arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/*",
        "arn:aws:s3:::stackctl-artifacts-123456789012-eu-west-1",
        "arn:aws:s3:::stackctl-artifacts-123456789012-eu-west-1/demo/*",
        "arn:aws:lambda:eu-west-1:123456789012:function:demo-handler",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/demo-handler:*",
        "arn:aws:s3:::demo-data/*",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/app/image",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-??????",
        "arn:aws:iam::123456789012:role/cfn",
    ] {
        assert!(
            asked.iter().any(|it| it == arn),
            "{arn} is not in {asked:?}"
        );
    }
    for call in cloud.calls_of("SimulatePrincipalPolicy") {
        assert_eq!(call.region, "us-east-1");
        let principal = "arn:aws:iam::123456789012:user/tester";
        assert_eq!(call.parameter("PolicySourceArn"), principal);
    }
}

#[test]
fn the_role_of_a_session_is_looked_up() {
    let (sandbox, cloud) = healthy();
    let session = "arn:aws:sts::123456789012:assumed-role/Deployer/me";
    cloud.on("GetCallerIdentity").reply_result(&format!(
        "<Arn>{session}</Arn><UserId>A</UserId><Account>{ACCOUNT}</Account>"
    ));
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(&document, "credentials", "ok", &[session]);
    expect(&document, "simulation", "ok", &[]);
    assert_eq!(cloud.calls_of("GetRole").len(), 1);
    let asked = cloud.calls_of("SimulatePrincipalPolicy").remove(0);
    let role = "arn:aws:iam::123456789012:role/path/Deployer";
    assert_eq!(asked.parameter("PolicySourceArn"), role);
}

#[test]
fn without_a_simulation_only_what_was_tried_is_known() {
    let (sandbox, cloud) = healthy();
    let message = "User: x is not authorized to perform: iam:SimulatePrincipalPolicy";
    cloud
        .on("SimulatePrincipalPolicy")
        .error(403, "AccessDenied", message);
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "simulation",
        "skipped",
        &["not possible", "iam:SimulatePrincipalPolicy"],
    );
    expect(
        &document,
        "apply",
        "skipped",
        &["not known: ", "were tried and allowed"],
    );

    cloud
        .on("ListStackResources")
        .error(403, "AccessDenied", "no");
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "status",
        "warning",
        &["denied: `cloudformation:ListStackResources`"],
    );
    expect(&document, "plan", "skipped", &["not known"]);
}

#[test]
fn an_answer_of_iam_that_is_none_is_no_permission() {
    for body in [
        "<html></html>",
        "{}",
        "<A><SimulatePrincipalPolicyResult/></A>",
        "<A",
    ] {
        let (sandbox, cloud) = healthy();
        cloud.on("SimulatePrincipalPolicy").reply_xml(body);
        let document = doctor(&sandbox, &cloud, &["--format", "json"])
            .expect_code(0)
            .json();
        expect(&document, "simulation", "skipped", &["not possible"]);
        expect(&document, "apply", "skipped", &["not known"]);
    }
}
