//! `plan --offline`: a prediction without credentials, network or emulator.

use crate::demo;

#[test]
fn everything_is_new_without_a_deployed_template() {
    let (sandbox, _cloud) = demo::in_cloud();
    let plan = sandbox.run(&["plan"]).expect_code(0).in_full();
    let predicted = demo::files().run(&["plan", "--offline"]).in_full();
    insta::assert_snapshot!(predicted.difference_from(&plan), @r"
    @@
    -Account      123456789012
    +Account      unknown
    @@
    -Endpoint     http://127.0.0.1:[PORT]
    +Prediction   everything counts as new: this machine knows no earlier deployment
    @@
    +This is a prediction. Run `plan` without `--offline` to ask CloudFormation.
    ");
}

#[test]
fn change_is_predicted_against_the_last_deployment() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.edit("stack.yaml.j2", "demo-handler", "other-handler");
    let plan = sandbox.run(&["plan", "--offline", "--detailed-exitcode"]);
    let plan = plan.expect_code(2).stdout;
    let place = "deployed from here to 123456789012, eu-west-1 at 20";
    assert!(plan.contains(place), "{plan}");
    let (_, changes) = plan.split_once("CAPABILITY_IAM\n\n").unwrap();
    insta::assert_snapshot!(changes, @r#"
    -/+ Handler  AWS::Lambda::Function # is replaced, policy ReplaceAndDelete
          ~ FunctionName: "demo-handler" → "other-handler" # forces replacement

    Plan: 0 to add, 0 to change, 1 to replace, 0 to destroy.
    This is a prediction. Run `plan` without `--offline` to ask CloudFormation.
    "#);
    let json = sandbox.run(&["plan", "--offline", "--format", "json"]);
    let json = json.expect_code(0).json();
    assert!(
        json["prediction"]
            .as_str()
            .unwrap()
            .starts_with("compared with")
    );
    assert_eq!(json["changes"][0]["replacement"], "True");
    assert!(cloud.calls().is_empty());
}

#[test]
fn changed_tags_are_predicted() {
    let (sandbox, _cloud) = demo::deployed();
    sandbox.append("manifest.toml", "\n[tags]\nowner = \"media\"\n");
    let plan = sandbox.run(&["plan", "--offline"]).expect_code(0).stdout;
    let (_, changes) = plan.split_once("CAPABILITY_IAM\n\n").unwrap();
    insta::assert_snapshot!(changes, @r#"
    Tags
          + owner: "media"

    No resource changes are predicted.

    Plan: 0 to add, 0 to change, 0 to replace, 0 to destroy.
    This is a prediction. Run `plan` without `--offline` to ask CloudFormation.
    "#);
    // A file of an older version contains no tags, so none are predicted.
    let folder = std::fs::read_dir(sandbox.path("../cache/deployed")).unwrap();
    for entry in folder {
        let path = entry.unwrap().path();
        let kept = std::fs::read_to_string(&path).unwrap();
        let mut kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        kept.as_object_mut().unwrap().remove("tags").unwrap();
        std::fs::write(path, kept.to_string()).unwrap();
    }
    let plan = sandbox.run(&["plan", "--offline"]).expect_code(0).stdout;
    assert!(plan.contains("No changes are predicted."), "{plan}");
}

#[test]
fn unchanged_files_predict_no_changes() {
    let (sandbox, cloud) = demo::deployed();
    let plan = sandbox.run(&["plan", "--offline", "--detailed-exitcode"]);
    plan.expect_code(0)
        .expect_stdout("No changes are predicted.");
    assert!(cloud.calls().is_empty());
}

#[test]
fn secrets_are_neither_required_nor_stored() {
    let (sandbox, _cloud) = demo::in_cloud();
    sandbox.write(
        "stack.yaml.j2",
        format!(
            "{}Parameters:\n  Password: {{ Type: String, NoEcho: true }}\n  \
             Token: {{ Type: String, NoEcho: true }}\n  Size: {{ Type: String }}\n",
            demo::TEMPLATE
        ),
    );
    let manifest = format!(
        "{}\n[parameters]\nPassword = {{ from_env = \"DB_PASSWORD\" }}\nToken = \"in the open\"\n\
         Size = \"small\"\n",
        demo::MANIFEST
    );
    sandbox.write("manifest.toml", &manifest);
    sandbox.run(&["plan", "--offline"]).expect_code(0);

    let sandbox = sandbox.env("DB_PASSWORD", "correct horse");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let kept = std::fs::read_dir(sandbox.path("../cache/deployed")).unwrap();
    let kept = kept.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let kept: String = kept.collect();
    assert!(kept.contains("small"), "{kept}");
    assert!(
        !kept.contains("correct horse") && !kept.contains("in the open"),
        "{kept}"
    );

    let sandbox = sandbox.env("DB_PASSWORD", "");
    sandbox.write("manifest.toml", manifest.replace("small", "large"));
    let plan = sandbox.run(&["plan", "--offline"]).expect_code(0);
    plan.expect_stdout("large");
    assert!(!plan.stdout.contains("in the open"), "{plan}");
}

#[test]
fn emulator_is_not_started() {
    let sandbox = demo::files();
    let manifest = format!(
        "{}\n[environments.local]\nemulator = true\n",
        demo::MANIFEST
    );
    sandbox.write("manifest.toml", manifest);
    let plan = sandbox.run(&["plan", "--offline", "-e", "local"]);
    assert!(plan.expect_code(0).stdout.contains("3 to add"));
    let mut cached = std::fs::read_dir(sandbox.path("../cache")).unwrap();
    assert!(cached.next().is_none(), "nothing is installed");
}
