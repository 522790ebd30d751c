//! A project whose manifest has two keys. Nothing of the included example is needed.

use crate::cloud::Cloud;
use crate::sandbox::{Finished, Sandbox};

const MANIFEST: &str = "project = \"site\"\ntemplate = \"template.yaml\"\n";

const TEMPLATE: &str = "\
Parameters:
  Delay:
    Type: Number
    Default: 7
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: site-queue
      DelaySeconds: !Ref Delay
Outputs:
  QueueUrl:
    Value: !Ref Queue
";

/// Returns the project.
fn files() -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("template.yaml", TEMPLATE)
}

/// Returns the project with a cloud to deploy it to.
fn in_cloud() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = files()
        .cloud(&cloud)
        .env("STACKCTL_ALLOW_ENDPOINT", "true")
        .env("AWS_REGION", "eu-west-1");
    (sandbox, cloud)
}

/// Returns the deployed project.
fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = in_cloud();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

#[test]
fn commands_without_an_account_succeed() {
    let sandbox = files();
    assert_eq!(sandbox.run(&["render"]).expect_code(0).stdout, TEMPLATE);
    insta::assert_snapshot!(sandbox.run(&["validate"]), @"
    --- stderr
    Not linted: cfn-lint is not installed.
    `template.yaml` is valid for `dev`: 1 resource, 0 warnings, 217 bytes.
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(&["package"]), @"
    --- stderr
    The manifest names no artifact, and the template no local file: there is nothing to package.
    --- exit 0
    ");
    let packaged = sandbox.json(&["package"]);
    assert_eq!(packaged["artifacts"], serde_json::json!([]));
    insta::assert_snapshot!(sandbox.run(&["plan", "--offline"]), @r#"
    --- stdout
    New stack    site-dev (environment dev)
    Account      unknown
    Region       unknown
    Prediction   everything counts as new: this machine knows no earlier deployment

      + Queue  AWS::SQS::Queue

    Parameters
          + Delay: "7"

    Tags
          + stackctl:project: "site"
          + stackctl:environment: "dev"

    Outputs
          + QueueUrl: "${Queue}"

    Plan: 1 to add, 0 to change, 0 to replace, 0 to destroy.
    This is a prediction. Run `plan` without `--offline` to ask CloudFormation.
    --- exit 0
    "#);
}

#[test]
fn commands_with_an_account_succeed() {
    let (sandbox, _cloud) = in_cloud();
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stdout
    New stack    site-dev (environment dev)
    Account      123456789012
    Region       eu-west-1
    Endpoint     http://127.0.0.1:[PORT]

      + Queue  AWS::SQS::Queue

    Parameters
          + Delay: "7"

    Tags
          + stackctl:project: "site"
          + stackctl:environment: "dev"

    Outputs
          + QueueUrl: "${Queue}"

    Plan: 1 to add, 0 to change, 0 to replace, 0 to destroy.
    --- exit 0
    "#);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    for arguments in [
        &["plan"][..],
        &["plan", "--offline"],
        &["diff"],
        &["status"],
        &["events"],
        &["recover"],
        &["destroy", "--dry-run"],
    ] {
        sandbox.run(arguments).expect_code(0);
    }
    let url = sandbox.run(&["outputs", "QueueUrl"]).expect_code(0).stdout;
    assert!(url.contains("site-queue"), "{url}");
    let refused = sandbox.run(&["destroy", "--yes"]).expect_code(4);
    refused.expect_stderr("`Queue` is deleted with its waiting messages");
    sandbox
        .run(&["destroy", "--yes", "--allow-delete", "Queue"])
        .expect_code(0);
}

#[test]
fn config_show_has_no_setting_of_the_example() {
    insta::assert_snapshot!(files().run(&["config", "show"]), @"
    --- stdout
    project                            site           manifest.toml:1
    environment                        dev            default
    required_version                   (unset)        default
    region                             (unset)        default
    profile                            (unset)        default
    account                            (unset)        default
    stack_name                         site-dev       default
    template                           template.yaml  manifest.toml:2
    artifact_bucket                    (unset)        default
    allow_endpoint                     false          default
    allowed_ssh_cidr                   (unset)        default
    allow_world_ssh                    false          default
    key_pair                           (unset)        default
    tags.stackctl:project              site           default
    tags.stackctl:environment          dev            default
    own_tags                           true           default
    artifacts                          (unset)        default
    parameters                         (unset)        default
    import                             (unset)        default
    moved                              (unset)        default
    vars                               (unset)        default
    stack.capabilities                 (unset)        default
    stack.termination_protection       (unset)        default
    stack.policy                       (unset)        default
    stack.role_arn                     (unset)        default
    stack.notification_arns            (unset)        default
    stack.rollback_alarms              (unset)        default
    stack.rollback_monitoring_minutes  (unset)        default
    stack.timeout_minutes              (unset)        default
    stack.protected_types              (unset)        default
    stack.deployment_mode              standard       default
    lint.ignore                        (unset)        default
    lint.severity                      warning        default
    lint.rc                            false          default
    ssh.address                        (unset)        default
    ssh.identity_file                  (unset)        default
    ssh.user                           (unset)        default
    history.enabled                    (unset)        default
    history.keep                       50             default
    verify.upload.bucket               (unset)        default
    verify.upload.file                 (unset)        default
    verify.expect.table                (unset)        default
    verify.expect.key                  (unset)        default
    verify.timeout                     (unset)        default
    verify.after_apply                 (unset)        default
    emulator                           false          default
    watch                              (unset)        default
    --- exit 0
    ");
}

#[test]
fn ssh_and_verify_say_what_the_manifest_lacks() {
    // No call is needed for that, so no credentials are either.
    insta::assert_snapshot!(files().run(&["ssh"]), @r#"
    --- stderr
    error: the manifest does not say which instance to connect to
    hint: name the stack output that holds its address:
      [ssh]
      address = ["InstancePublicIp"] # a stack output
      user = "ec2-user"
    --- exit 1
    "#);
    insta::assert_snapshot!(files().run(&["verify"]), @r#"
    --- stderr
    error: the manifest has no `[verify]` table: there is nothing to upload
    hint: add the smoke test to the manifest:
      [verify]
      upload = { bucket = "BucketName", file = "photo.png" } # bucket: a stack output
      expect = { table = "TableName", key = "fileName" } # table: a stack output; key: the table's key
    --- exit 1
    "#);
    insta::assert_snapshot!(files().run(&["apply", "--verify", "--yes"]), @r#"
    --- stderr
    error: the manifest has no `[verify]` table: there is nothing to upload
    hint: add the smoke test to the manifest:
      [verify]
      upload = { bucket = "BucketName", file = "photo.png" } # bucket: a stack output
      expect = { table = "TableName", key = "fileName" } # table: a stack output; key: the table's key
    --- exit 1
    "#);
}

#[test]
fn ssh_and_verify_name_the_key_whose_output_does_not_exist() {
    let (sandbox, _cloud) = deployed();
    let tables = "[ssh]\naddress = [\"Ip\", \"Dns\"]\n[verify]\n\
        upload = { bucket = \"QueueUrl\", file = \"template.yaml\" }\n\
        expect = { table = \"Table\", key = \"id\" }\n";
    sandbox.append("manifest.toml", tables);
    insta::assert_snapshot!(sandbox.run(&["ssh"]), @"
    --- stderr
    error: `ssh.address` names `Ip`, `Dns`, which the stack `site-dev` does not have as an output
    hint: its outputs are QueueUrl
    --- exit 1
    ");
    insta::assert_snapshot!(sandbox.run(&["verify"]), @"
    --- stderr
    error: `verify.expect.table` names `Table`, which the stack `site-dev` does not have as an output
    hint: its outputs are QueueUrl
    --- exit 1
    ");
    sandbox.edit("manifest.toml", "\"QueueUrl\"", "\"Bucket\"");
    insta::assert_snapshot!(sandbox.run(&["verify"]), @"
    --- stderr
    error: `verify.upload.bucket` names `Bucket`, which the stack `site-dev` does not have as an output
    hint: its outputs are QueueUrl
    --- exit 1
    ");
}

/// Returns the output of `render` for a project whose template is rendered.
fn rendered(template: &str, manifest: &str) -> Finished {
    let manifest = format!("project = \"site\"\ntemplate = \"template.yaml.j2\"\n{manifest}");
    Sandbox::new()
        .file("manifest.toml", manifest)
        .file("template.yaml.j2", template)
        .run(&["render"])
}

#[test]
fn a_template_that_reads_a_key_names_it() {
    let template = "Resources:\n  Instance:\n    Type: AWS::EC2::Instance\n    Properties:\n      \
        KeyName: {{ key_pair }}\n";
    insta::assert_snapshot!(rendered(template, ""), @r#"
    --- stderr
    error[template-undefined]: `key_pair` is not defined
     --> template.yaml.j2:5:19
      |
    5 |       KeyName: {{ key_pair }}
      |                   ^^^^^^^^
      |
      = help: add `key_pair = "ops"` to the manifest, above the first `[table]`
      = help: or guard it with `{% if key_pair is defined %}`

    error: cannot render `template.yaml.j2`
    --- exit 1
    "#);
    rendered(template, "key_pair = \"ops\"\n")
        .expect_code(0)
        .expect_stdout("KeyName: ops\n");
    let cidrs = "Networks:\n{% for cidr in allowed_ssh_cidrs %}\n  - {{ cidr }}\n{% endfor %}\n";
    insta::assert_snapshot!(rendered(cidrs, ""), @r#"
    --- stderr
    error[template-undefined]: `allowed_ssh_cidrs` is not defined
     --> template.yaml.j2:2:16
      |
    2 | {% for cidr in allowed_ssh_cidrs %}
      |                ^^^^^^^^^^^^^^^^^
      |
      = help: add `allowed_ssh_cidr = "203.0.113.7/32"` to the manifest, above the first `[table]`
      = help: or guard it with `{% if allowed_ssh_cidrs is defined %}`

    error: cannot render `template.yaml.j2`
    --- exit 1
    "#);
    let open = rendered(cidrs, "allowed_ssh_cidr = \"0.0.0.0/0\"\n");
    open.expect_code(1).expect_stderr("opens SSH to the world");
}

/// The keys that the shipped template reads.
const BOTH: &str = "allowed_ssh_cidr = \"203.0.113.7/32\"\nkey_pair = \"ops\"\n";

#[test]
fn the_shipped_template_keeps_its_guards() {
    let render = |keys: &str, more: &[&str]| {
        let manifest = format!("project = \"site\"\n{keys}");
        Sandbox::new()
            .file("manifest.toml", manifest)
            .file(
                "templates/stack.yaml.j2",
                include_str!("../../templates/stack.yaml.j2"),
            )
            .file("handler/app.py", include_str!("../../handler/app.py"))
            .run(&[&["render"], more].concat())
    };
    render(BOTH, &[]).expect_code(0);
    render("", &["--set", "vars.test_instance=false"]).expect_code(0);
    for (keys, more, expected) in [
        ("", &[][..], "add `allowed_ssh_cidr = "),
        (
            "allowed_ssh_cidr = \"203.0.113.7/32\"",
            &[],
            "add `key_pair = ",
        ),
        (
            "allowed_ssh_cidr = []\nkey_pair = \"ops\"",
            &[],
            "`allowed_ssh_cidr` is empty",
        ),
        (
            BOTH,
            &["--set", "vars.test_instance=no"],
            "must be true or false",
        ),
    ] {
        render(keys, more).expect_code(1).expect_stderr(expected);
    }
}

#[test]
fn the_local_environment_needs_no_table() {
    let shown = files().json(&["config", "show", "-e", "local"]);
    let settings = shown["settings"].as_array().unwrap();
    let emulator = settings.iter().find(|it| it["key"] == "emulator").unwrap();
    assert_eq!(emulator["value"], "true");
    let status = files().run(&["local", "status"]).expect_code(0);
    assert_eq!(status.stdout, "not running\n");
}

#[test]
fn variables_of_other_programs_are_warnings() {
    let sandbox = files()
        .env("STACKCTL_VERSION", "0.1.0")
        .env("STACKCTL_REGON", "x");
    insta::assert_snapshot!(sandbox.run(&["render"]).expect_code(0).stderr, @"
    warning[unknown-variable]: STACKCTL_REGON has no effect: there is no key `regon`
     --> STACKCTL_REGON:1:1
      |
    1 | x
      | ^
      |
      = help: did you mean `STACKCTL_REGION`?

    warning[unknown-variable]: STACKCTL_VERSION has no effect: there is no key `version`
     --> STACKCTL_VERSION:1:1
      |
    1 | 0.1.0
      | ^^^^^
      |
      = help: did you mean `STACKCTL_VERIFY`?
    ");
}
