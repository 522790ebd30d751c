//! The records of deployments, `history` and `rollback`.

use std::fs;

use serde_json::{Value, json};

use crate::cloud::{Bucket, Cloud, Object, Progress};
use crate::demo::{self, ARTIFACT_BUCKET};
use crate::sandbox::Sandbox;

const PREFIX: &str = "demo/history/demo-dev/";

/// Returns the keys of the records.
pub(crate) fn record_keys(cloud: &Cloud) -> Vec<String> {
    let account = cloud.account();
    let Some(bucket) = account.buckets.get(ARTIFACT_BUCKET) else {
        return Vec::new();
    };
    let keys = bucket.keys().into_iter().map(str::to_owned);
    keys.filter(|key| key.contains("/history/")).collect()
}

fn key(number: u64) -> String {
    format!("{PREFIX}{number:08}.json")
}

/// Returns the record of a deployment.
fn record(cloud: &Cloud, number: u64) -> Value {
    let account = cloud.account();
    let content = account.buckets[ARTIFACT_BUCKET].get(&key(number));
    serde_json::from_slice(content.unwrap()).unwrap()
}

/// Puts an object into the artifact bucket without a call.
fn put(cloud: &Cloud, key: &str, body: impl Into<Vec<u8>>) {
    let mut account = cloud.account();
    let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
    bucket.objects.push(Object {
        key: key.to_owned(),
        version: format!("own-{key}"),
        body: Some(body.into()),
    });
}

/// Returns the text of the deployed template.
pub(crate) fn template(cloud: &Cloud) -> String {
    let mut account = cloud.account();
    let deployed = account.stack("demo-dev").deployed.clone();
    deployed.unwrap().template
}

/// Returns the project after three deployments: new code, and a change of the role that failed.
pub(crate) fn three_deployments() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    demo::change_code(&sandbox);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    demo::change_description(&sandbox);
    cloud.account().fail("Role", "Role is not to be");
    sandbox.run(&["apply", "--yes"]).expect_code(3);
    cloud.account().failing.clear();
    cloud.forget_calls();
    (sandbox, cloud)
}

#[test]
fn every_deployment_is_recorded_also_a_failed_one() {
    let (sandbox, cloud) = three_deployments();
    assert_eq!(record_keys(&cloud), [key(1), key(2), key(3)]);
    let [first, second, third] = [1, 2, 3].map(|number| record(&cloud, number));
    assert_eq!(first["schema"], "stackctl.record/1");
    assert_eq!(first["operation"], "create");
    assert_eq!(first["outcome"], "succeeded");
    assert_eq!(first["caller"], "arn:aws:iam::123456789012:user/tester");
    assert_eq!(first["summary"]["add"], 3);
    assert_eq!(first["status"], "CREATE_COMPLETE");
    assert_eq!(second["summary"]["change"], 1);
    assert_eq!(second["operation"], "update");
    assert_ne!(first["artifacts"][0]["key"], second["artifacts"][0]["key"]);
    assert_eq!(third["outcome"], "rolled_back");
    assert_eq!(third["status"], "UPDATE_ROLLBACK_COMPLETE");
    let cause = third["cause"].as_str().unwrap();
    assert!(cause.contains("Role is not to be"), "{cause}");
    let token = third["operation_id"].as_str().unwrap();
    let events = sandbox.run(&["events", "--format", "json", "--all"]);
    events.expect_code(0).expect_stdout(token);
    // The text of the template is stored to the byte, and every key exists.
    let key = second["template"]["key"].as_str().unwrap();
    let stored = cloud.account().buckets[ARTIFACT_BUCKET]
        .get(key)
        .unwrap()
        .to_vec();
    assert_eq!(String::from_utf8(stored).unwrap(), template(&cloud));

    let history = sandbox.json(&["history"]);
    assert_eq!(history["schema"], "stackctl.history/1");
    assert_eq!(history["deployments"], json!([first, second, third]));
    assert_eq!(history["deployed"], 2);
    assert_eq!(history["gaps"], json!([]));
    let shown = sandbox.run(&["history"]).expect_code(0);
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert!(lines[1].starts_with("3  "), "{shown}");
    shown.expect_stdout("rolled back");
    shown.expect_stdout("deployed now");
    let few = sandbox.run(&["history", "--limit", "1"]).expect_code(0);
    few.expect_stdout("2 older deployments not shown");
    let writes = ["PutObject", "CreateBucket", "CreateChangeSet"];
    let calls = cloud.operations();
    assert!(
        !calls.iter().any(|it| writes.contains(&it.as_str())),
        "{calls:?}"
    );
}

#[test]
fn history_of_one_deployment_says_what_it_changed() {
    let (sandbox, _cloud) = three_deployments();
    let second = sandbox.run(&["history", "2"]).expect_code(0);
    second.expect_stdout("Deployment 2  succeeded");
    second.expect_stdout("--- deployment 1\n+++ deployment 2\n");
    second.expect_stdout("-     return 1");
    second.expect_stdout("+     return 2");
    // The failed one is compared with what was deployed before it.
    let third = sandbox.run(&["history", "3"]).expect_code(0);
    third.expect_stdout("--- deployment 2\n+++ deployment 3\n");
    third.expect_stdout("Description");
    let first = sandbox.run(&["history", "1"]).expect_code(0);
    first.expect_stdout("--- nothing\n+++ deployment 1\n");
    let both = sandbox.run(&["history", "--diff", "3", "1"]).expect_code(0);
    both.expect_stdout("--- deployment 3\n+++ deployment 1\n");
    let same = sandbox.run(&["history", "--diff", "1", "1"]).expect_code(0);
    same.expect_stdout("No differences: deployment 1 and deployment 1 are equivalent.");
    let json = sandbox.json(&["history", "2"]);
    assert_eq!(json["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(json["differences"]["schema"], "stackctl.diff/1");
    assert_eq!(json["differences"]["before"], "deployment 1");
    let missing = sandbox.run(&["history", "9"]).expect_code(1);
    missing.expect_stderr("error: there is no record of deployment 9");
    for wrong in [
        &["history", "x"][..],
        &["history", "--limit", "0"],
        &["history", "1", "--diff", "1", "2"],
    ] {
        sandbox.run(wrong).expect_code(64);
    }
}

#[test]
fn no_deployment_fails_because_of_its_record() {
    let is_record = |call: &crate::cloud::Call| call.parameter("Key").contains("/history/");
    // The record or the list is denied.
    for operation in ["PutObject", "ListObjectsV2"] {
        let (sandbox, cloud) = demo::in_cloud();
        let rule = cloud.on(operation);
        match operation {
            "PutObject" => rule.only(is_record).error(403, "AccessDenied", "no"),
            _ => rule.error(403, "AccessDenied", "no"),
        }
        let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
        applied.expect_stderr("warning: this deployment is not in the history: cannot ");
        assert_eq!(applied.stderr.matches("not in the history").count(), 1);
        assert!(record_keys(&cloud).is_empty());
    }
    // A server that has no answer for it.
    let (sandbox, cloud) = demo::in_cloud();
    cloud
        .on("PutObject")
        .only(is_record)
        .error(500, "InternalError", "broken");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("not in the history");
    // A failed deployment keeps its exit code.
    let (sandbox, cloud) = demo::deployed();
    demo::change_description(&sandbox);
    cloud.account().fail("Role", "Role is not to be");
    cloud
        .on("PutObject")
        .only(is_record)
        .error(403, "AccessDenied", "no");
    let failed = sandbox.run(&["apply", "--yes"]).expect_code(3);
    failed.expect_stderr("not in the history");
}

#[test]
fn no_record_is_overwritten() {
    // Another run has taken the number since the list was read.
    let (sandbox, cloud) = demo::deployed();
    put(&cloud, &key(2), "taken");
    let empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    cloud.on("ListObjectsV2").times(1).reply_xml(empty);
    demo::change_code(&sandbox);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(record_keys(&cloud), [key(1), key(2), key(3)]);
    assert_eq!(record(&cloud, 1)["number"], 1);
    assert_eq!(record(&cloud, 3)["number"], 3);
    let account = cloud.account();
    let second = account.buckets[ARTIFACT_BUCKET].get(&key(2));
    assert_eq!(second, Some(b"taken".as_slice()));
}

#[test]
fn a_lost_answer_makes_no_second_record() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud
        .on("PutObject")
        .only(|call| call.parameter("Key").contains("/history/"))
        .times(1)
        .lose_answer();
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(!applied.stderr.contains("not in the history"), "{applied}");
    assert_eq!(record_keys(&cloud), [key(1)]);
}

#[test]
fn records_that_cannot_be_read_are_named() {
    let (sandbox, cloud) = demo::deployed();
    let mut other = record(&cloud, 1);
    other["stack"] = json!("another");
    put(&cloud, &key(2), "{");
    put(
        &cloud,
        &key(3),
        r#"{ "schema": "stackctl.record/2", "new": true }"#,
    );
    put(&cloud, &key(4), other.to_string());
    put(&cloud, &format!("{PREFIX}5.json"), "no record");
    put(&cloud, "demo/history/x", "no record");
    let shown = sandbox.run(&["history"]).expect_code(0);
    shown.expect_stdout("not read: it is not a record of stackctl");
    shown.expect_stdout("not read: it is a `stackctl.record/2`, written by a newer stackctl");
    shown.expect_stdout("not read: it is the record of another deployment");
    let json = sandbox.json(&["history"]);
    assert_eq!(json["unreadable"].as_array().unwrap().len(), 3);
    assert_eq!(json["deployments"].as_array().unwrap().len(), 1);
    for number in ["2", "3", "4"] {
        let read = sandbox.run(&["history", number]).expect_code(1);
        read.expect_stderr("cannot be read");
        let refused = sandbox.run(&["rollback", "--to", number, "--yes"]);
        refused.expect_code(4).expect_stderr("cannot be read");
    }
    // The next deployment has the next number.
    demo::change_code(&sandbox);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(record(&cloud, 5)["number"], 5);
}

#[test]
fn changes_without_a_record_are_shown() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().stack("demo-dev").updated = Some("2099-01-01T10:00:00.000Z".to_owned());
    let shown = sandbox.run(&["history"]).expect_code(0);
    shown.expect_stdout("2099-01-01 10:00:00Z");
    shown.expect_stdout("the stack was changed without a record");
    assert!(!shown.stdout.contains("deployed now"), "{shown}");
    let gaps = &sandbox.json(&["history"])["gaps"];
    assert_eq!(gaps[0]["kind"], "updated");
    assert_eq!(gaps[0]["after"], 1);
    // The change of others is what a rollback undoes; here it has changed nothing else.
    let rolled_back = sandbox.run(&["rollback", "--yes"]).expect_code(0);
    rolled_back.expect_stdout("No changes.");
    // Then it is between two records.
    demo::change_code(&sandbox);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let gaps = &sandbox.json(&["history"])["gaps"];
    assert_eq!(gaps[0]["before"], 2, "{gaps}");
    sandbox
        .run(&["destroy", "--yes", "--allow-delete", "Bucket"])
        .expect_code(0);
    let shown = sandbox.run(&["history"]).expect_code(0);
    shown.expect_stdout("the stack was deleted");
}

#[test]
fn a_plain_template_creates_no_bucket_unless_the_manifest_asks() {
    let template = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n";
    let manifest = "project = \"demo\"\ntemplate = \"t.yaml\"\nallow_endpoint = true\n";
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .file("manifest.toml", manifest)
        .file("t.yaml", template)
        .cloud(&cloud);
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(!applied.stderr.contains("history"), "{applied}");
    assert!(cloud.account().buckets.is_empty());
    assert!(cloud.calls_of("PutObject").is_empty());
    let nothing = sandbox.run(&["history"]).expect_code(0);
    nothing.expect_stderr("there is no record of a deployment of `demo-dev`");
    nothing.expect_stderr("`enabled = true` in `[history]` creates it");
    sandbox.run(&["rollback", "--yes"]).expect_code(1);
    assert_eq!(sandbox.json(&["history"])["deployments"], json!([]));

    // Not even a caller that may not use S3 is told, for nothing is missing.
    cloud
        .on("ListObjectsV2")
        .times(1)
        .error(403, "AccessDenied", "no");
    sandbox.append("t.yaml", "  Other:\n    Type: AWS::SNS::Topic\n");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(!applied.stderr.contains("history"), "{applied}");

    sandbox.append("manifest.toml", "[history]\nenabled = true\n");
    sandbox.append("t.yaml", "  Third:\n    Type: AWS::SNS::Topic\n");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("Creating the artifact bucket");
    assert_eq!(record_keys(&cloud), [key(1)]);
    sandbox.edit("manifest.toml", "enabled = true", "enabled = false");
    sandbox.append("t.yaml", "  Fourth:\n    Type: AWS::SNS::Topic\n");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(record_keys(&cloud), [key(1)]);
}

#[test]
fn rollback_deploys_what_was_sent_from_any_machine() {
    let (sandbox, cloud) = demo::deployed();
    let first = template(&cloud);
    demo::change_code(&sandbox);
    demo::change_description(&sandbox);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let second = template(&cloud);
    assert_ne!(first, second);

    let elsewhere = Sandbox::far_from_any_project().cloud(&cloud);
    let without = ["--set", "project=demo", "--set", "allow_endpoint=true"];
    let refused = elsewhere.run(&[&["rollback"][..], &without].concat());
    refused.expect_code(4).expect_stderr(
        "stackctl rollback --to 1 --yes -e dev --set 'project=demo' --set 'allow_endpoint=true'",
    );
    cloud.forget_calls();
    let rolled_back = elsewhere.run(&[&["rollback", "--yes"][..], &without].concat());
    let rolled_back = rolled_back.expect_code(0);
    rolled_back.expect_stdout("-     return 2");
    rolled_back.expect_stderr("This deploys again what deployment 1 sent on ");
    rolled_back.expect_stderr("Data does not roll back.");
    assert_eq!(template(&cloud), first);
    let record = record(&cloud, 3);
    assert_eq!(record["rollback_to"], 1);
    assert_eq!(record["template"], self::record(&cloud, 1)["template"]);
    assert_eq!(record["artifacts"], self::record(&cloud, 1)["artifacts"]);
    // Nothing but the record is new in the bucket.
    let put = cloud.calls_of("PutObject").into_iter();
    let keys: Vec<_> = put.map(|call| call.parameter("Key").to_owned()).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_eq!(keys[1], key(3));

    // A rollback can be rolled back, and is shown as one.
    let history = elsewhere.run(&[&["history"][..], &without].concat());
    history.expect_code(0).expect_stdout("rollback to 1");
    sandbox.run(&["rollback", "--yes"]).expect_code(0);
    assert_eq!(template(&cloud), second);
    let again = sandbox
        .run(&["rollback", "--to", "4", "--yes"])
        .expect_code(0);
    again.expect_stdout("No changes.");
    again.expect_stderr("The stack is what deployment 4 describes.");
    assert_eq!(record_keys(&cloud).len(), 4);
}

#[test]
fn a_deployed_template_that_is_sent_again_keeps_its_artifacts() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.run(&["orphan", "Bucket", "--yes"]).expect_code(0);
    assert_eq!(record_keys(&cloud).len(), 3);
    let key = record(&cloud, 1)["artifacts"][0]["key"].clone();
    for number in [2, 3] {
        let record = record(&cloud, number);
        assert_eq!(record["artifacts"][0]["key"], key, "{record}");
        assert_eq!(record["artifacts"][0]["name"], "handler");
    }
    let orphaned = template(&cloud);
    demo::change_code(&sandbox);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let rolled_back = sandbox.run(&["rollback", "--yes", "--allow-delete", "Bucket"]);
    rolled_back.expect_code(0).expect_stdout("-     return 2");
    assert_eq!(template(&cloud), orphaned);
}

#[test]
fn rollback_asks_and_takes_no_for_an_answer() {
    let (sandbox, cloud) = three_deployments();
    let mut running = sandbox.spawn_on_terminal(&["rollback", "--to", "1"]);
    running.wait_for_stderr("Do you want to apply these changes to ");
    let declined = running.type_line("y");
    declined.wait_until("discarded", || cloud.account().change_sets() == 0);
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    assert_eq!(record_keys(&cloud).len(), 3);
}

#[test]
fn rollback_refuses_what_cannot_be_deployed_again() {
    let (sandbox, cloud) = three_deployments();
    let failed = sandbox
        .run(&["rollback", "--to", "3", "--yes"])
        .expect_code(4);
    failed.expect_stderr("error: deployment 3 did not succeed");
    let missing = sandbox
        .run(&["rollback", "--to", "7", "--yes"])
        .expect_code(1);
    missing.expect_stderr("there is no record of deployment 7");

    let first = record(&cloud, 1);
    for (object, what) in [
        (&first["artifacts"][0], "the zip of `handler`"),
        (&first["template"], "the template"),
    ] {
        let key = object["key"].as_str().unwrap();
        let body = cloud.account().buckets[ARTIFACT_BUCKET]
            .get(key)
            .unwrap()
            .to_vec();
        put(&cloud, key, "something else");
        let changed = sandbox
            .run(&["rollback", "--to", "1", "--yes"])
            .expect_code(4);
        changed.expect_stderr(&format!("{what} of deployment 1 has changed"));
        {
            let mut account = cloud.account();
            let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
            bucket.objects.retain(|object| object.key != key);
        }
        let gone = sandbox
            .run(&["rollback", "--to", "1", "--yes"])
            .expect_code(4);
        gone.expect_stderr(&format!(
            "{what} of deployment 1 is no longer in the bucket"
        ));
        put(&cloud, key, body);
    }
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    sandbox
        .run(&["rollback", "--to", "1", "--yes"])
        .expect_code(0);

    // There is nothing before the first one.
    let (sandbox, _cloud) = demo::deployed();
    let nothing = sandbox.run(&["rollback", "--yes"]).expect_code(4);
    nothing.expect_stderr("there is nothing to go back to");
}

#[test]
fn rollback_has_the_guards_of_apply_and_says_that_data_stays() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.edit(
        "stack.yaml.j2",
        "Outputs:",
        "  Table:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      TableName: demo\nOutputs:",
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let refused = sandbox.run(&["rollback", "--yes"]).expect_code(4);
    refused.expect_stderr("not applied: `Table` ");
    refused.expect_stderr("stackctl rollback --to 1 --yes --allow-delete Table -e dev");
    let allowed = ["rollback", "--yes", "--allow-delete", "Table"];
    sandbox.run(&allowed).expect_code(0);
    let created = sandbox.run(&["rollback", "--yes"]).expect_code(0);
    created.expect_stdout("data does not roll back");
    assert_eq!(cloud.account().stack("demo-dev").resources.len(), 4);
}

#[test]
fn secrets_keep_their_value_or_must_be_given() {
    let secret = "Parameters:\n  Password:\n    Type: String\n    NoEcho: true\n  Size:\n    Type: String\n    Default: small\nResources:";
    let cloud = Cloud::start();
    let sandbox = demo::files()
        .file(
            "stack.yaml.j2",
            demo::TEMPLATE.replace("Resources:", secret),
        )
        .env("PASSWORD", "correct horse battery")
        .cloud(&cloud);
    sandbox.append(
        "manifest.toml",
        "[parameters]\nPassword = { from_env = \"PASSWORD\" }\n",
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.append("manifest.toml", "Size = \"large\"\n");
    demo::change_code(&sandbox);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let record = record(&cloud, 2);
    assert_eq!(record["parameters"]["Size"], "large");
    assert_eq!(
        record["parameters"]["Password"],
        json!({ "withheld": "secret" })
    );
    assert!(!record.to_string().contains("horse"));

    cloud.forget_calls();
    let elsewhere = Sandbox::far_from_any_project().cloud(&cloud);
    let without = ["--set", "project=demo", "--set", "allow_endpoint=true"];
    let rolled_back = elsewhere.run(&[&["rollback", "--yes"][..], &without].concat());
    let rolled_back = rolled_back.expect_code(0);
    rolled_back.expect_stderr("Parameters that keep the value that the stack has now: Password.");
    let created = cloud.calls_of("CreateChangeSet").remove(0);
    let sent = created.pairs("Parameters", "ParameterKey", "UsePreviousValue");
    assert_eq!(sent.get("Password").map(String::as_str), Some("true"));
    let sent = created.pairs("Parameters", "ParameterKey", "ParameterValue");
    assert_eq!(sent["Size"], "small");

    // A new stack has no previous value.
    let destroy = ["destroy", "--yes", "--allow-delete", "Bucket"];
    sandbox.run(&destroy).expect_code(0);
    let missing = elsewhere.run(&[&["rollback", "--to", "1", "--yes"][..], &without].concat());
    let missing = missing.expect_code(1);
    missing.expect_stderr("these parameters need a value");
    missing.expect_stderr(r#"--set 'parameters={ Password = { from_env = "VARIABLE" } }'"#);
    let given = r#"parameters={ Password = { from_env = "PASSWORD" } }"#;
    let again = ["rollback", "--to", "1", "--yes", "--set", given];
    let unset = elsewhere
        .run(&[&again[..], &without].concat())
        .expect_code(1);
    unset.expect_stderr("PASSWORD, which is not set");
    let elsewhere = elsewhere.env("PASSWORD", "correct horse battery");
    let created = elsewhere.run(&[&again[..], &without].concat());
    let created = created.expect_code(0);
    created.expect_stderr("Parameters with the value that is given now: Password.");
    assert!(!format!("{}{}", created.stdout, created.stderr).contains("horse"));
    assert_eq!(cloud.status(), "CREATE_COMPLETE");
}

#[test]
fn a_deployment_that_is_left_running_is_recorded_as_unknown() {
    let (sandbox, cloud) = demo::deployed();
    demo::change_code(&sandbox);
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running
        .wait_for_stderr("_IN_PROGRESS  demo-dev")
        .interrupt();
    running.wait().expect_code(130);
    let record = record(&cloud, 2);
    assert_eq!(record["outcome"], "unknown");
    assert_eq!(record["status"], Value::Null);
    cloud.account().progress = Progress::Done;
    sandbox.run(&["apply", "--wait", "--yes"]).expect_code(0);
    let shown = sandbox.run(&["history"]).expect_code(0);
    shown.expect_stdout("unknown");
}

#[test]
fn bucket_of_another_account_is_not_read() {
    let (sandbox, cloud) = demo::in_cloud();
    let other = Bucket::owned_by("210987654321");
    cloud
        .account()
        .buckets
        .insert(ARTIFACT_BUCKET.to_owned(), other);
    for command in [&["history"][..], &["rollback", "--yes"]] {
        let refused = sandbox.run(command).expect_code(4);
        refused.expect_stderr("denies access");
    }
}

#[test]
fn without_a_manifest_the_project_must_be_named() {
    let sandbox = Sandbox::far_from_any_project();
    let missing = sandbox.run(&["history"]).expect_code(1);
    missing.expect_stderr("there is no `manifest.toml`");
    // A manifest that exists is never left out.
    sandbox.write("manifest.toml", "project = 1\n");
    let broken = sandbox.run(&["history", "--set", "project=demo", "--set", "nonsense=1"]);
    broken.expect_code(1);
    fs::remove_file(sandbox.path("manifest.toml")).unwrap();
    let wrong = sandbox
        .run(&["history", "--set", "project=a/b"])
        .expect_code(1);
    wrong.expect_stderr("bad-project");
    let strange = ["history", "--set", "project=demo", "-e", "x\"]\ny"];
    sandbox.run(&strange).expect_code(1);
}
