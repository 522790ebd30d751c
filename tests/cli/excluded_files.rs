//! What `exclude` leaves out of an artifact, and outputs inside a packaged folder.

use crate::demo;
use crate::sandbox::Sandbox;

fn with_globs(globs: &str) -> Sandbox {
    let sandbox = demo::files()
        .file("handler/secret.pem", "key")
        .file("handler/tests/test_app.py", "x = 1\n");
    let artifact = "path = \"handler\"";
    let with_globs = format!("{artifact}\nexclude = [{globs}]");
    sandbox.edit("manifest.toml", artifact, &with_globs);
    sandbox
}

/// Returns the names of the packaged files.
fn packaged(sandbox: &Sandbox) -> Vec<String> {
    let finished = sandbox.run(&["package", "--format", "json"]).expect_code(0);
    let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let files = document["artifacts"][0]["files"].as_array().unwrap();
    let path = |file: &serde_json::Value| file["path"].as_str().unwrap().to_owned();
    files.iter().map(path).collect()
}

#[test]
fn globs_with_dots_and_empty_parts_match() {
    for glob in [
        "./secret.pem",
        "././secret.pem",
        ".//secret.pem",
        "/secret.pem",
    ] {
        let sandbox = with_globs(&format!("\"{glob}\", 'tests//**'"));
        assert_eq!(packaged(&sandbox), ["app.py"], "{glob}");
        let finished = sandbox.run(&["plan", "--offline"]).expect_code(0);
        assert!(!finished.stderr.contains("matches nothing"), "{finished}");
    }
}

#[test]
fn glob_that_matches_nothing_is_a_warning_at_its_place() {
    let sandbox = with_globs("\"tests\", \"handler/secret.pem\", 'secrets/**'");
    insta::assert_snapshot!(sandbox.run(&["plan", "--offline"]).without_stdout(), @r#"
    --- stderr
    warning[unmatched-glob]: the glob `handler/secret.pem` matches nothing in the folder `handler`
      --> manifest.toml:10:21
       |
    10 | exclude = ["tests", "handler/secret.pem", 'secrets/**']
       |                     ^^^^^^^^^^^^^^^^^^^^
       |
       = help: globs are relative to that folder: write `/secret.pem`

    warning[unmatched-glob]: the glob `secrets/**` matches nothing in the folder `handler`
      --> manifest.toml:10:43
       |
    10 | exclude = ["tests", "handler/secret.pem", 'secrets/**']
       |                                           ^^^^^^^^^^^^
       |
       = help: files that it was meant to leave out are packaged: correct or remove it

    --- exit 0
    "#);
    for command in [&["package"][..], &["validate"]] {
        let finished = sandbox.run(command).expect_code(0);
        finished.expect_stderr("warning[unmatched-glob]: the glob `secrets/**` matches nothing");
    }
    let quiet = sandbox.run(&["validate", "--set", "lint.ignore=[\"unmatched-glob\"]"]);
    assert!(!quiet.stderr.contains("matches nothing"), "{quiet}");
}

#[test]
fn output_in_a_packaged_folder_is_refused() {
    let sandbox = demo::files();
    insta::assert_snapshot!(sandbox.run(&["package", "--out", "handler/dist"]), @r"
    --- stderr
    error: `--out` writes into the folder `handler`, which is packaged: its digest would change with every run
    hint: write to another folder, or add this one to `artifacts.handler.exclude` in the manifest
    --- exit 1
    ");
    assert!(!sandbox.path("handler/dist").exists());
    let plan = sandbox
        .run(&["plan", "--out", "handler/a.plan"])
        .expect_code(1);
    plan.expect_stderr("`--out` writes into the folder `handler`");

    let excluded = with_globs("\"dist\", \"tests\", \"*.pem\"");
    let digest = |sandbox: &Sandbox| {
        let finished = sandbox.run(&["package", "--out", "handler/dist"]);
        finished.expect_code(0).stdout
    };
    assert_eq!(digest(&excluded), digest(&excluded));
}

#[test]
fn output_in_a_folder_that_the_template_names_is_refused() {
    let template = "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: { Code: src, Handler: a.b, Runtime: python3.13, Role: x }\n";
    let sandbox = demo::files()
        .file("template.yaml", template)
        .file("src/app.py", "x = 1\n");
    sandbox.edit("manifest.toml", "stack.yaml.j2", "template.yaml");
    let refused = sandbox.run(&["package", "--out", "src"]).expect_code(1);
    refused.expect_stderr("`--out` writes into the folder `src`");
    sandbox.run(&["package", "--out", "srcs"]).expect_code(0);
}
