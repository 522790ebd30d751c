//! `stackctl doctor`: what it checks, what it says of each failure, and that it changes nothing.

mod account;
mod permissions;
mod stack;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use stackctl::aws::actions;

use crate::cloud::{ACCOUNT, Cloud};
use crate::demo::{self, ARTIFACT_BUCKET};
use crate::sandbox::{Finished, Sandbox};

/// Gives the sandbox the programs that the checks look for.
fn with_programs(sandbox: Sandbox) -> Sandbox {
    sandbox
        .program("python3", "#!/bin/sh\necho 3.12\n")
        .program("git", "#!/bin/sh\necho git version 2.47.1\n")
        .program("cfn-lint", "#!/bin/sh\necho cfn-lint 1.30.0\n")
}

/// Adds the artifact bucket with all that `apply` gives to it.
fn protect_bucket(cloud: &Cloud) {
    demo::add_artifact_bucket(cloud);
    let arn = format!("arn:aws:s3:::{ARTIFACT_BUCKET}");
    let block = [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ];
    let block: String = block.map(|it| format!("<{it}>true</{it}>")).concat();
    let policy = serde_json::json!({ "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, format!("{arn}/*")],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    }] });
    let rule = "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
                </ApplyServerSideEncryptionByDefault></Rule>";
    let mut account = cloud.account();
    let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
    for (name, body) in [
        (
            "PublicAccessBlock",
            format!("<PublicAccessBlockConfiguration>{block}</PublicAccessBlockConfiguration>"),
        ),
        ("BucketPolicy", policy.to_string()),
        (
            "BucketEncryption",
            format!(
                "<ServerSideEncryptionConfiguration>{rule}</ServerSideEncryptionConfiguration>"
            ),
        ),
    ] {
        bucket.configuration.insert(name.to_owned(), body);
    }
}

/// Returns a project for which everything is in place.
fn healthy() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = with_programs(demo::files()).cloud(&cloud);
    fs::set_permissions(sandbox.cache(), fs::Permissions::from_mode(0o700)).unwrap();
    cloud.account().minutes = Some(0);
    protect_bucket(&cloud);
    (sandbox, cloud)
}

/// Runs the command and checks that all its calls only read.
#[track_caller]
fn doctor(sandbox: &Sandbox, cloud: &Cloud, arguments: &[&str]) -> Finished {
    cloud.forget_calls();
    let arguments = [&["doctor"], arguments].concat();
    let finished = sandbox.run(&arguments);
    // A request for the credentials of a session is not signed.
    for call in cloud.calls().iter().filter(|it| !it.service.is_empty()) {
        let known = actions::CALLS.iter();
        let mut known =
            known.filter(|it| it.operation == call.operation && it.is_made_by("doctor"));
        let is_read = known.next().is_some_and(|it| !it.writes);
        assert!(is_read, "{} is no reading call of doctor", call.operation);
    }
    finished
}

/// Returns a check of the JSON document.
#[track_caller]
fn check<'d>(document: &'d Value, name: &str) -> &'d Value {
    let checks = document["checks"].as_array().unwrap();
    let found = checks.iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("no check {name} in {document:#}"))
}

/// Fails unless a check ended so, with these parts in its texts.
#[track_caller]
fn expect(document: &Value, name: &str, verdict: &str, parts: &[&str]) {
    let check = check(document, name);
    assert_eq!(check["verdict"], verdict, "{check:#}");
    let text = check.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {check:#}");
    }
    let is_bad = ["warning", "failed"].contains(&verdict);
    let remedies = check["remedies"].as_array().unwrap();
    assert!(!is_bad || !remedies.is_empty(), "no remedy: {check:#}");
}

#[test]
fn everything_in_place_is_all_ok() {
    let (sandbox, cloud) = healthy();
    let sandbox = sandbox.env("COLUMNS", "80");
    let finished = doctor(&sandbox, &cloud, &[]).expect_code(0);
    finished.expect_stdout("  ok       plan           ");
    finished.expect_stdout("\nDoctor: 37 ok, 0 warnings, 0 failed, 2 skipped.\n");
    // The lines after it depend on the paths of this machine.
    let text = finished.to_string();
    let (text, _) = text.split_once("\nPermissions\n").unwrap();
    insta::assert_snapshot!(text, @r"
    --- stdout
    Project
      ok       manifest       manifest.toml: environment `dev`, stack `demo-dev`
      skipped  editor-schema  the manifest names no schema: a first line `#:schema
                              ./manifest.schema.json` makes editors check and
                              complete its keys
                              fix: `stackctl schema > manifest.schema.json`

    AWS account
      ok       credentials    arn:aws:iam::123456789012:user/tester
                              from the variables AWS_ACCESS_KEY_ID and
                              AWS_SECRET_ACCESS_KEY
      ok       expiry         the credentials do not expire
      ok       account        123456789012
                              the manifest has no `account`, so every account is
                              accepted
      ok       region         eu-west-1, from manifest.toml:4
      ok       endpoint       http://127.0.0.1:[PORT], which is not AWS's:
                              `allow_endpoint = true` allows it
      ok       clock          agrees with AWS's

    Stack
      ok       state          `demo-dev` is not deployed
      ok       change-sets    none is left over

    Artifact bucket
      ok       bucket         `stackctl-artifacts-123456789012-eu-west-1`,
                              stackctl's own
      ok       public-access  blocked
      ok       encryption     objects are encrypted
      ok       tls            the policy denies requests without TLS
      ok       versioning     enabled
    ");
    assert!(cloud.calls().len() <= 20, "{:?}", cloud.operations());
}

#[test]
fn the_document_has_every_check() {
    let (sandbox, cloud) = healthy();
    let finished = doctor(&sandbox, &cloud, &["--format", "json"]).expect_code(0);
    let document = finished.json();
    assert_eq!(document["schema"], "stackctl.doctor/1");
    assert_eq!(document["project"], "demo");
    assert_eq!(document["environment"], "dev");
    assert_eq!(document["stack"], "demo-dev");
    assert_eq!(document["account"], ACCOUNT);
    assert_eq!(document["region"], "eu-west-1");
    assert_eq!(document["verdict"], "ok");
    let checks = document["checks"].as_array().unwrap();
    let count = |verdict: &str| checks.iter().filter(|it| it["verdict"] == verdict).count();
    for (verdict, key) in [
        ("ok", "ok"),
        ("warning", "warnings"),
        ("failed", "failed"),
        ("skipped", "skipped"),
    ] {
        assert_eq!(document["summary"][key], count(verdict), "{verdict}");
    }
    for name in [
        "manifest",
        "editor-schema",
        "credentials",
        "expiry",
        "account",
        "region",
        "endpoint",
        "clock",
        "state",
        "change-sets",
        "bucket",
        "public-access",
        "encryption",
        "tls",
        "versioning",
        "simulation",
        "plan",
        "apply",
        "destroy",
        "emulator",
        "python",
        "linter",
        "git",
        "cache",
        "disk",
    ] {
        check(&document, name);
    }
}

#[test]
fn without_a_manifest_what_needs_none_is_checked() {
    let cloud = Cloud::start();
    let sandbox = with_programs(Sandbox::far_from_any_project()).cloud(&cloud);
    let sandbox = sandbox.env("STACKCTL_ALLOW_ENDPOINT", "true");
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "manifest",
        "warning",
        &["manifest.toml", "stackctl init"],
    );
    expect(&document, "credentials", "ok", &["user/tester"]);
    expect(&document, "bucket", "skipped", &["needs the manifest"]);
    expect(&document, "python", "ok", &[]);
    assert_eq!(document["project"], Value::Null);
    assert_eq!(document["account"], ACCOUNT);

    // One that is named has to be there.
    let arguments = ["--manifest", "nowhere.toml", "--format", "json"];
    let document = doctor(&sandbox, &cloud, &arguments).expect_code(1).json();
    expect(&document, "manifest", "failed", &["nowhere.toml"]);
}

#[test]
fn a_broken_manifest_is_quoted_by_its_places() {
    let (sandbox, cloud) = healthy();
    let sandbox = sandbox.env("STACKCTL_ALLOW_ENDPOINT", "true");
    sandbox.edit(
        "manifest.toml",
        "environment = \"dev\"",
        "enviroment = \"dev\"\n[stacks]\n",
    );
    for arguments in [
        &["--format", "json"][..],
        &["--format", "json", "--all-envs"],
    ] {
        let document = doctor(&sandbox, &cloud, arguments).expect_code(1).json();
        expect(
            &document,
            "manifest",
            "failed",
            &["manifest.toml:3:1: ", "enviroment", "environment"],
        );
        expect(&document, "git", "ok", &[]);
        expect(&document, "state", "skipped", &["needs the manifest"]);
    }
}

#[test]
fn a_schema_of_another_version_is_written_again() {
    let (sandbox, cloud) = healthy();
    let schema = sandbox.run(&["schema"]).expect_code(0).stdout;
    let manifest = fs::read_to_string(sandbox.path("manifest.toml")).unwrap();
    sandbox.write("manifest.toml", format!("#:schema ./my.json\n{manifest}"));
    let command = "stackctl schema > ./my.json";
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "editor-schema",
        "warning",
        &["cannot be read", command],
    );
    sandbox.write("my.json", schema.replace("\"type\"", "\"kind\""));
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "editor-schema",
        "warning",
        &["is not that of this version", command],
    );
    sandbox.write("my.json", schema);
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(&document, "editor-schema", "ok", &["my.json"]);
}

#[test]
fn programs_that_are_missing_are_named_with_their_remedy() {
    let (sandbox, cloud) = demo::in_cloud();
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "python",
        "warning",
        &["Python 3.10 or newer", "python3-venv"],
    );
    expect(&document, "linter", "warning", &["pip install cfn-lint"]);
    expect(&document, "git", "warning", &["install it"]);

    // An artifact with packages needs a Python.
    let sandbox = sandbox.program("python3", "#!/bin/sh\necho 3.8\n");
    sandbox.edit(
        "manifest.toml",
        "path = \"handler\"",
        "path = \"handler\"\nrequirements = \"handler/requirements.txt\"\npython = \"3.12\"",
    );
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(
        &document,
        "python",
        "failed",
        &["is Python 3.8", "`requirements` of an artifact needs it"],
    );
}

#[test]
fn a_cache_that_others_can_open_is_reported_and_not_changed() {
    let (sandbox, cloud) = healthy();
    let folder = sandbox.cache().join("wheels");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "cache",
        "warning",
        &["other users can open", "chmod go-rwx"],
    );
    let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o755);
}

#[test]
fn the_local_environment_is_looked_at_and_not_started() {
    let (sandbox, cloud) = healthy();
    let document = doctor(&sandbox, &cloud, &["-e", "local", "--format", "json"])
        .expect_code(0)
        .json();
    let parts = [
        "not installed",
        "it does not run",
        "stackctl local start -e local",
    ];
    expect(&document, "emulator", "ok", &parts);
    expect(&document, "credentials", "skipped", &["needs none"]);
    expect(&document, "state", "skipped", &[]);
    assert!(cloud.calls().is_empty());
    let left: Vec<_> = fs::read_dir(sandbox.cache()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    // What a killed installation has left.
    fs::create_dir_all(sandbox.cache().join("emulator/.unfinished-x")).unwrap();
    let document = doctor(&sandbox, &cloud, &["-e", "local", "--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "installations",
        "warning",
        &["1 interrupted", "rm -r "],
    );
}

#[test]
fn several_stacks_have_a_block_and_a_document_each() {
    let (sandbox, cloud) = healthy();
    sandbox.append(
        "manifest.toml",
        "\n[environments.prod]\naccount = \"999999999999\"\n",
    );
    let finished = doctor(&sandbox, &cloud, &["-e", "dev,prod", "--format", "json"]).expect_code(1);
    let document = finished.json();
    assert_eq!(document["schema"], "stackctl.doctors/1");
    let stacks = document["stacks"].as_array().unwrap();
    let codes: Vec<_> = stacks.iter().map(|it| &it["exit_code"]).collect();
    assert_eq!(codes, [0, 1]);
    expect(&stacks[1]["document"], "account", "failed", &[]);
    doctor(&sandbox, &cloud, &["-e", "dev,prod"])
        .expect_code(1)
        .expect_stdout("prod");
    // A name that is none is no reason to check something else.
    doctor(&sandbox, &cloud, &["-e", "dev,prdo"])
        .expect_code(1)
        .expect_stderr("prdo");
    doctor(&sandbox, &cloud, &["-e", "x*"])
        .expect_code(1)
        .expect_stderr("x*");
}

#[test]
fn the_lines_fit_a_narrow_terminal_without_color() {
    let (sandbox, cloud) = healthy();
    let color = ["--color", "always"];
    let colored = doctor(&sandbox, &cloud, &color).stdout;
    assert!(colored.contains("\u{1b}["));
    for width in ["60", "80", "120"] {
        let sandbox = demo::files().cloud(&cloud).env("COLUMNS", width);
        let text = doctor(&sandbox, &cloud, &[]).stdout;
        assert!(!text.contains('\u{1b}'));
        for line in text.lines() {
            // A long word, such as a path, has its own line behind the name of its check.
            let words: String = line.chars().skip(26).collect();
            let is_word = !words.trim_start_matches("fix: ").trim().contains(' ');
            let columns = line.chars().count();
            assert!(
                columns <= width.parse().unwrap() || is_word,
                "{width}: {line}"
            );
        }
    }
}
