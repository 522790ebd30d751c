//! Invalid input: the error, its place and the remedy. Nothing is changed in AWS.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::{Finished, Sandbox};

/// The calls that `plan` makes while it reads the files, at the same time.
const READS: [&str; 3] = ["GetCallerIdentity", "DescribeStacks", "GetTemplate"];

/// Runs `plan` with a scripted cloud and checks that it only reads.
fn plan(sandbox: Sandbox) -> Finished {
    let cloud = Cloud::start();
    let finished = sandbox.cloud(&cloud).run(&["plan"]);
    let mut calls = cloud.operations();
    calls.retain(|call| !READS.contains(&call.as_str()));
    assert_eq!(calls, [""; 0], "{finished}");
    finished
}

fn with_manifest(text: &str) -> Finished {
    plan(demo::files().file("manifest.toml", text))
}

fn with_template(text: &str) -> Finished {
    plan(demo::files().file("stack.yaml.j2", text))
}

#[test]
fn missing_manifest() {
    insta::assert_snapshot!(plan(Sandbox::far_from_any_project().in_folder("a/b")), @r"
    --- stderr
    error: there is no `manifest.toml` in `[SANDBOX]/project/a/b` or any folder above it
    hint: run `stackctl init` to create one, or name one with `--manifest PATH`
    --- exit 1
    ");
}

#[test]
fn named_manifest_does_not_exist() {
    let finished = demo::files().run(&["plan", "--manifest", "other.toml"]);
    insta::assert_snapshot!(finished, @r"
    --- stderr
    error: the manifest `other.toml` does not exist
    hint: name another manifest with `--manifest PATH`, or create one with `stackctl init`
    --- exit 1
    ");
}

#[test]
fn malformed_toml() {
    insta::assert_snapshot!(with_manifest("project = \"demo\nenvironment = 'dev'\n"), @r#"
    --- stderr
    error[syntax]: this is not TOML: invalid basic string, expected `"`
     --> manifest.toml:1:16
      |
    1 | project = "demo
      |                ^

    error: `manifest.toml` has an error
    --- exit 1
    "#);
}

#[test]
fn all_manifest_errors_are_reported_at_once() {
    let manifest = r#"
project = "demo"
enviroment = "dev"
environment = "dev"
allow_endpoint = "yes"
allowed_ssh_cidr = ["203.0.113.7/24", "0.0.0.0/0"]
"#;
    insta::assert_snapshot!(with_manifest(manifest), @r#"
    --- stderr
    error[unknown-key]: unknown key `enviroment`
     --> manifest.toml:3:1
      |
    3 | enviroment = "dev"
      | ^^^^^^^^^^
      |
      = help: did you mean `environment`?
      = help: values of your own for the template go into `[vars]`

    error[wrong-type]: `allow_endpoint` must be a boolean, not a string
     --> manifest.toml:5:18
      |
    5 | allow_endpoint = "yes"
      |                  ^^^^^
      |
      = help: write `true` or `false`

    error[bad-cidr]: `allowed_ssh_cidr` has host bits set behind its prefix of 24
     --> manifest.toml:6:21
      |
    6 | allowed_ssh_cidr = ["203.0.113.7/24", "0.0.0.0/0"]
      |                     ^^^^^^^^^^^^^^^^
      |
      = help: the network is `203.0.113.0/24`; for the one address write `203.0.113.7/32`

    error[world-ssh]: `0.0.0.0/0` opens SSH to the world
     --> manifest.toml:6:39
      |
    6 | allowed_ssh_cidr = ["203.0.113.7/24", "0.0.0.0/0"]
      |                                       ^^^^^^^^^^^ far more than your own network
      |
      = help: name your own address or network, such as `203.0.113.7/32`
      = help: if everyone really is meant, write `allow_world_ssh = true` beside it

    error: `manifest.toml` has 4 errors
    --- exit 1
    "#);
}

#[test]
fn unknown_environment() {
    let finished = demo::files().run(&["plan", "-e", "prd"]);
    insta::assert_snapshot!(finished, @r"
    --- stderr
    error[unknown-environment]: the manifest has no environment `prd`
     --> --env:1:1
      |
    1 | prd
      | ^^^
      |
      = help: the environments are `dev`, `local`; a new one needs a table `[environments.prd]`
      = help: `local` is built in: an emulator on this machine

    error: the settings have an error
    --- exit 1
    ");
}

#[test]
fn wrong_variable_and_wrong_flag() {
    let sandbox = demo::files().env("STACKCTL_ALLOW_ENDPOINT", "maybe");
    insta::assert_snapshot!(sandbox.run(&["plan", "--set", "regoin=eu-west-1"]), @r"
    --- stderr
    error[unknown-key]: there is no key `regoin` to set
     --> --set:1:8
      |
    1 | regoin=eu-west-1
      |        ^^^^^^^^^
      |
      = help: did you mean `region`?

    error[wrong-type]: `allow_endpoint` must be a boolean, not a string
     --> STACKCTL_ALLOW_ENDPOINT:1:1
      |
    1 | maybe
      | ^^^^^
      |
      = help: write `true` or `false`

    error: the settings have 2 errors
    --- exit 1
    ");
}

#[test]
fn required_version_does_not_match() {
    let manifest = format!(
        "required_version = \">=99\"\nnew_key = 1\n{}",
        demo::MANIFEST
    );
    let planned = with_manifest(&manifest);
    insta::assert_snapshot!(planned, @r#"
    --- stderr
    error[required-version]: this is stackctl 0.1.0, which `>=99` does not admit
     --> manifest.toml:1:20
      |
    1 | required_version = ">=99"
      |                    ^^^^^^

    error: the manifest requires stackctl `>=99`, this is 0.1.0
    hint: install a version that matches, or change `required_version`
    --- exit 4
    "#);
    let sandbox = demo::files().file("manifest.toml", manifest);
    let shown = sandbox.run(&["config", "show"]);
    assert_eq!(shown.to_string(), planned.to_string());
}

#[test]
fn missing_template() {
    let manifest = demo::MANIFEST.replace("stack.yaml.j2", "stak.yaml.j2");
    insta::assert_snapshot!(with_manifest(&manifest), @r#"
    --- stderr
    error[missing-template]: the template `stak.yaml.j2` does not exist
     --> manifest.toml:5:12
      |
    5 | template = "stak.yaml.j2"
      |            ^^^^^^^^^^^^^^
      |
      = help: did you mean `stack.yaml.j2`?

    error: there is no template to render
    --- exit 1
    "#);
}

#[test]
fn template_syntax_error() {
    insta::assert_snapshot!(with_template("Resources:\n{% if vars.flag %}\n"), @"
    --- stderr
    error[template-syntax]: `{% if … %}` is not closed
     --> stack.yaml.j2:2:1
      |
    2 | {% if vars.flag %}
      | ^^^^^^^^^^^^^^^^^^
      |
      = help: close it with `{% endif %}`

    error: cannot render `stack.yaml.j2`
    --- exit 1
    ");
}

#[test]
fn undefined_variable() {
    insta::assert_snapshot!(with_template("Resources:\n  A:\n    Type: {{ vars.descripton }}\n"), @r"
    --- stderr
    error[template-undefined]: `vars.descripton` is not defined
     --> stack.yaml.j2:3:14
      |
    3 |     Type: {{ vars.descripton }}
      |              ^^^^^^^^^^^^^^^
      |
      = help: did you mean `vars.description`?

    error: cannot render `stack.yaml.j2`
    --- exit 1
    ");
}

#[test]
fn template_includes_itself() {
    insta::assert_snapshot!(with_template("Resources:\n{% include \"stack.yaml.j2\" %}\n"), @r#"
    --- stderr
    error[template-error]: recursion limit exceeded
     --> stack.yaml.j2:2:4
      |
    2 | {% include "stack.yaml.j2" %}
      |    ^^^^^^^^^^^^^^^^^^^^^^^
      |    |
      |    included from here
      |
      = help: check whether a template includes itself or a macro calls itself endlessly

    error: cannot render `stack.yaml.j2`
    --- exit 1
    "#);
}

#[test]
fn template_is_a_symlink_loop() {
    let sandbox = demo::files();
    fs::remove_file(sandbox.path("stack.yaml.j2")).unwrap();
    symlink("stack.yaml.j2", sandbox.path("stack.yaml.j2")).unwrap();
    insta::assert_snapshot!(plan(sandbox), @r"
    --- stderr
    error: cannot open the template `stack.yaml.j2`
      caused by: Too many levels of symbolic links (os error 40)
    --- exit 1
    ");
}

#[test]
fn unknown_filter() {
    insta::assert_snapshot!(with_template("Resources: {{ project | uper }}\n"), @r"
    --- stderr
    error[template-unknown-filter]: there is no filter `uper`
     --> stack.yaml.j2:1:25
      |
    1 | Resources: {{ project | uper }}
      |                         ^^^^
      |
      = help: did you mean `upper`?

    error: cannot render `stack.yaml.j2`
    --- exit 1
    ");
}

#[test]
fn rendered_yaml_is_invalid() {
    let template = "Resources:\n  A:\n    Type: \"{{ vars.description }}\n";
    insta::assert_snapshot!(with_template(template), @r#"
    --- stderr
    error[yaml-syntax]: this is not YAML: this quote is never closed
     --> stack.yaml.j2:3:11
      |
    3 |     Type: "{{ vars.description }}
      |           ^

    error: `stack.yaml.j2` is not a valid CloudFormation template
    --- exit 1
    "#);
}

#[test]
fn undefined_reference() {
    let template = demo::TEMPLATE.replace("!Ref Bucket", "!Ref Buckett");
    insta::assert_snapshot!(with_template(&template), @r"
    --- stderr
    error[undefined-reference]: there is no parameter or resource `Buckett`
      --> stack.yaml.j2:28:17
       |
    28 |     Value: !Ref Buckett
       |                 ^^^^^^^
       |
       = help: did you mean `Bucket`?

    error: `stack.yaml.j2` is not a valid CloudFormation template
    --- exit 1
    ");
}

#[test]
fn empty_artifact() {
    let sandbox = demo::files();
    fs::remove_file(sandbox.path("handler/app.py")).unwrap();
    insta::assert_snapshot!(plan(sandbox), @r"
    --- stderr
    error: the artifact folder `handler` is empty
    hint: the artifact `handler` is the folder `handler` (manifest.toml:9)
    --- exit 1
    ");
}

#[test]
fn missing_artifact_folder() {
    let sandbox = demo::files();
    fs::remove_dir_all(sandbox.path("handler")).unwrap();
    insta::assert_snapshot!(plan(sandbox), @r"
    --- stderr
    error: the artifact folder `handler` does not exist
    hint: the artifact `handler` is the folder `handler` (manifest.toml:9)
    --- exit 1
    ");
}

#[test]
fn symlink_leaves_the_artifact_folder() {
    let sandbox = demo::files().file("secret.txt", "secret");
    symlink("../secret.txt", sandbox.path("handler/link.txt")).unwrap();
    insta::assert_snapshot!(plan(sandbox), @r"
    --- stderr
    error: `handler/link.txt` is a symlink that points outside the artifact folder
    hint: replace it with a regular file, or leave it out with `exclude`
    hint: the artifact `handler` is the folder `handler` (manifest.toml:9)
    --- exit 1
    ");
}

#[test]
fn artifact_exceeds_the_size_limit() {
    let sandbox = demo::files();
    let large = File::create(sandbox.path("handler/large.bin")).unwrap();
    large.set_len(251 << 20).unwrap();
    insta::assert_snapshot!(plan(sandbox), @r"
    --- stderr
    error: the artifact folder `handler` has 263192618 bytes, over Lambda's limit of 262144000 bytes unzipped
    hint: leave out files with `exclude`; the largest files are `large.bin` (263192576 bytes), `app.py` (42 bytes)
    hint: the artifact `handler` is the folder `handler` (manifest.toml:9)
    --- exit 1
    ");
}

#[test]
fn unreadable_file() {
    let sandbox = demo::files().file("handler/closed.py", "");
    let closed = sandbox.path("handler/closed.py");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&closed).is_ok() {
        // Root can read every file, but cannot package a socket.
        fs::remove_file(&closed).unwrap();
        let _socket = UnixListener::bind(&closed).unwrap();
        insta::assert_snapshot!(plan(sandbox), @r"
        --- stderr
        error: `handler/closed.py` is a socket, not a file
        hint: replace it with a regular file, or leave it out with `exclude`
        hint: the artifact `handler` is the folder `handler` (manifest.toml:9)
        --- exit 1
        ");
    } else {
        let finished = plan(sandbox).expect_code(1);
        finished.expect_stderr("handler/closed.py");
        finished.expect_stderr("ermission denied");
    }
}

#[test]
fn thousands_of_findings_are_counted() {
    let aliases = vec!["*a"; 20_000].join(",\n        ");
    let sandbox = demo::files().file(
        "stack.yaml.j2",
        format!(
            "Resources:\n  A: &a\n    Type: AWS::SNS::Topic\n    Metadata:\n      L: [{aliases}]\n"
        ),
    );
    let finished = sandbox.run(&["validate"]).expect_code(1);
    assert_eq!(finished.stderr.matches("error[").count(), 100);
    finished.expect_stderr("note[not-shown]: 19900 more findings are not shown");
    let document = sandbox.run(&["validate", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&document.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let errors = findings.iter().filter(|it| it["severity"] == "error");
    assert_eq!(errors.count(), 100);
}
