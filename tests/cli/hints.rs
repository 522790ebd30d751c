//! The commands in hints: they can be pasted, and they work on the same stack.

use crate::demo;

/// Returns the words of the command in the line that contains `part`.
fn command(text: &str, part: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.contains(part)).unwrap();
    let (_, rest) = line.split_once("`stackctl ").unwrap();
    let (command, _) = rest.split_once('`').unwrap();
    shlex::split(command).unwrap()
}

#[test]
fn hint_repeats_the_flags_that_select_the_deployment() {
    let (sandbox, cloud) = demo::in_cloud();
    let refused = sandbox.run(&[
        "apply",
        "--import-existing",
        "--outputs-file",
        "out put.json",
        "--manifest",
        "./manifest.toml",
        "--region",
        "eu-west-1",
        "--set",
        "vars.description=it's $HOME",
    ]);
    insta::assert_snapshot!(refused, @r#"
    --- stderr
    error: cannot ask a question without a terminal, and --yes was not given
    hint: run `stackctl apply --outputs-file 'out put.json' --import-existing --yes -e dev --manifest ./manifest.toml --region eu-west-1 --set "vars.description=it's "'$HOME'`
    --- exit 4
    "#);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn hint_of_a_saved_plan_repeats_its_set_flags() {
    let (sandbox, _cloud) = demo::deployed();
    let planned = sandbox
        .run(&["plan", "--out", "p.json", "--set", "vars.description=other"])
        .expect_code(0);
    let pasted = command(&planned.stderr, "executes exactly this plan");
    assert_eq!(
        pasted,
        ["apply", "p.json", "--set", "vars.description=other"]
    );

    let finished = sandbox.run(&["apply", "p.json", "--yes"]).expect_code(4);
    finished.expect_stderr("hint: if it was made with `--set`, give `apply` the same `--set`");
    sandbox
        .run(&[&pasted[..], &["--yes".to_owned()]].concat())
        .expect_code(0);
}

#[test]
fn guard_hint_contains_the_whole_command() {
    let (sandbox, _cloud) = demo::deployed();
    let template = demo::TEMPLATE.replace(
        "  Bucket:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: demo-data\n",
        "",
    );
    sandbox.write("stack.yaml.j2", template.replace("!Ref Bucket", "x"));
    let asked = [
        "apply",
        "--yes",
        "--on-failure",
        "delete",
        "--set",
        "tags.a=b",
    ];
    let refused = sandbox.run(&asked).expect_code(4);
    let pasted = command(&refused.stderr, "if that is what you want");
    assert_eq!(
        pasted.join(" "),
        "apply --yes --on-failure delete --allow-delete Bucket -e dev --set tags.a=b"
    );
    sandbox.run(&pasted).expect_code(0);
}

#[test]
fn missing_plan_file_suggests_an_environment() {
    let (sandbox, _cloud) = demo::in_cloud();
    let finished = sandbox.run(&["apply", "prod"]).expect_code(1);
    finished.expect_stderr("hint: an environment is named with -e: `stackctl apply -e prod`");
}
