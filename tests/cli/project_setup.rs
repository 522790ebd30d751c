//! `config show` and `schema`.

use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"project = "file-metadata"
environment = "dev"
allowed_ssh_cidr = ["203.0.113.7/32", "2001:db8::/64"]
key_pair = "ops"

[parameters]
Password = { from_env = "DB_PASSWORD" }

[environments.prod]
region = "eu-west-1"
"#;

#[test]
fn config_show_names_every_source() {
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .env("DB_PASSWORD", "hunter2")
        .env("STACKCTL_VARS__INSTANCE_TYPE", "t3.micro");
    insta::assert_snapshot!(
        sandbox.run(&["config", "show", "-e", "prod", "--set", "tags.owner=media"]),
        @"
    --- stdout
    project                            file-metadata                manifest.toml:1
    environment                        prod                         --env
    required_version                   (unset)                      default
    region                             eu-west-1                    manifest.toml:10 [environments.prod]
    profile                            (unset)                      default
    account                            (unset)                      default
    stack_name                         file-metadata-prod           default
    template                           templates/stack.yaml.j2      default
    artifact_bucket                    (unset)                      default
    allow_endpoint                     false                        default
    allowed_ssh_cidr                   203.0.113.7/32, 2001:db8::/64  manifest.toml:3
    allow_world_ssh                    false                        default
    key_pair                           ops                          manifest.toml:4
    tags.owner                         media                        --set
    tags.stackctl:project              file-metadata                default
    tags.stackctl:environment          prod                         default
    own_tags                           true                         default
    artifacts                          (unset)                      default
    parameters.Password                (secret, from DB_PASSWORD)   manifest.toml:7
    import                             (unset)                      default
    moved                              (unset)                      default
    vars.instance_type                 t3.micro                     STACKCTL_VARS__INSTANCE_TYPE
    stack.capabilities                 (unset)                      default
    stack.termination_protection       (unset)                      default
    stack.policy                       (unset)                      default
    stack.role_arn                     (unset)                      default
    stack.notification_arns            (unset)                      default
    stack.rollback_alarms              (unset)                      default
    stack.rollback_monitoring_minutes  (unset)                      default
    stack.timeout_minutes              (unset)                      default
    stack.protected_types              (unset)                      default
    stack.deployment_mode              standard                     default
    lint.ignore                        (unset)                      default
    lint.severity                      warning                      default
    lint.rc                            false                        default
    ssh.address                        (unset)                      default
    ssh.identity_file                  (unset)                      default
    ssh.user                           (unset)                      default
    history.enabled                    (unset)                      default
    history.keep                       50                           default
    verify.upload.bucket               (unset)                      default
    verify.upload.file                 (unset)                      default
    verify.expect.table                (unset)                      default
    verify.expect.key                  (unset)                      default
    verify.timeout                     (unset)                      default
    verify.after_apply                 (unset)                      default
    emulator                           false                        default
    watch                              (unset)                      default
    --- exit 0
    "
    );
}

#[test]
fn config_show_prints_json() {
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .in_folder("below");
    let shown = sandbox
        .run(&["config", "show", "--format", "json"])
        .expect_code(0);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(document["schema"], "stackctl.config/1");
    let settings = document["settings"].as_array().unwrap();
    let find = |key: &str| settings.iter().find(|it| it["key"] == key).unwrap();
    assert_eq!(find("key_pair")["value"], "ops");
    assert_eq!(find("key_pair")["source"], "../manifest.toml:4");
    assert!(find("region")["value"].is_null());
}

#[test]
fn config_show_reports_every_manifest_error() {
    let sandbox = Sandbox::new().file(
        "manifest.toml",
        "project = \"p\"\nenvironment = \"dev\"\nallowed_ssh_cidr = \"10.0.0.1/8\"\nkeypair = \"ops\"\n",
    );
    insta::assert_snapshot!(sandbox.run(&["config", "show"]), @r#"
    --- stderr
    error[bad-cidr]: `allowed_ssh_cidr` has host bits set behind its prefix of 8
     --> manifest.toml:3:20
      |
    3 | allowed_ssh_cidr = "10.0.0.1/8"
      |                    ^^^^^^^^^^^^
      |
      = help: the network is `10.0.0.0/8`; for the one address write `10.0.0.1/32`

    error[unknown-key]: unknown key `keypair`
     --> manifest.toml:4:1
      |
    4 | keypair = "ops"
      | ^^^^^^^
      |
      = help: did you mean `key_pair`?
      = help: values of your own for the template go into `[vars]`

    error: `manifest.toml` has 2 errors
    --- exit 1
    "#);
}

#[test]
fn schema_is_one_document_and_needs_no_project() {
    let shown = Sandbox::new().run(&["schema"]).expect_code(0);
    let schema: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(schema["title"], "stackctl manifest");
    assert_eq!(shown.stderr, "");
}
