//! `gc`: what is hidden, what is deleted an hour later, and what keeps an object.

mod faults;
mod references;

use stackctl::artifact::digest::Digest;

use crate::cloud::{ACCOUNT, Cloud, Deployment, Object};
use crate::demo::{self, ARTIFACT_BUCKET};
use crate::sandbox::{Finished, Sandbox};

/// Returns the SHA-256 of a text in hexadecimal.
fn digest(text: &str) -> String {
    Digest::of(text).to_string()
}

/// Puts an object with this content into the artifact bucket and returns its key.
fn put(cloud: &Cloud, folder: &str, extension: &str, content: &str) -> String {
    let key = format!("demo/{folder}/{}.{extension}", digest(content));
    put_at(cloud, &key, Some(content));
    key
}

/// Adds a version of a key, or a delete marker.
fn put_at(cloud: &Cloud, key: &str, content: Option<&str>) {
    let mut account = cloud.account();
    let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
    bucket.objects.push(Object {
        key: key.to_owned(),
        version: format!("put-{}", bucket.objects.len()),
        body: content.map(|it| it.as_bytes().to_vec()),
    });
}

/// Returns the deployed project, with the zip alone in the artifact bucket.
fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    {
        let mut account = cloud.account();
        let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
        bucket
            .objects
            .retain(|object| object.key.contains("/handler/"));
    }
    (sandbox, cloud)
}

/// Returns the deployed project with one object that nothing refers to, and its key.
fn with_garbage() -> (Sandbox, Cloud, String) {
    let (sandbox, cloud) = deployed();
    let key = put(&cloud, "old", "zip", "garbage");
    (sandbox, cloud, key)
}

/// Returns the versions of a key, the newest last: `v` is a version and `m` a marker.
fn versions(cloud: &Cloud, key: &str) -> String {
    let account = cloud.account();
    let objects = account.buckets[ARTIFACT_BUCKET].objects.iter();
    let objects = objects.filter(|object| object.key == key);
    objects
        .map(|it| if it.body.is_some() { 'v' } else { 'm' })
        .collect()
}

/// Returns the key of the handler's zip.
fn handler(cloud: &Cloud) -> String {
    let account = cloud.account();
    let keys = account.buckets[ARTIFACT_BUCKET].keys();
    let key = keys
        .into_iter()
        .find(|key| key.starts_with("demo/handler/"));
    key.unwrap().to_owned()
}

fn gc(sandbox: &Sandbox) -> Finished {
    sandbox.run(&["gc", "--yes"])
}

/// Returns the keys of a list in the document.
fn keys(document: &serde_json::Value, list: &str) -> Vec<String> {
    let entries = document[list].as_array().unwrap().iter();
    entries
        .map(|it| it["key"].as_str().unwrap().to_owned())
        .collect()
}

fn writes(cloud: &Cloud) -> usize {
    let calls = cloud.calls_of("DeleteObjects").len();
    calls + cloud.calls_of("DeleteObject").len() + cloud.calls_of("PutObject").len()
}

#[test]
fn unneeded_object_is_hidden_and_deleted_by_a_run_an_hour_later() {
    let (sandbox, cloud, garbage) = with_garbage();
    insta::assert_snapshot!(sandbox.run(&["gc", "--dry-run"]), @"
    --- stdout
    stackctl-artifacts-123456789012-eu-west-1 account 123456789012, region eu-west-1, keys demo/

    No longer needed: hidden now, deleted by a run in an hour or later
      ~ demo/old/[SHA256].zip  7 bytes

    Gc: 1 to mark, 0 to unmark, 0 to delete (0 bytes), 0 marked, 1 kept.
    --- exit 0
    ");
    assert_eq!(writes(&cloud), 0);

    insta::assert_snapshot!(gc(&sandbox).without_stdout(), @"
    --- stderr

    Marked 1 object, unmarked 0, deleted 0 (0 bytes).
    --- exit 0
    ");
    assert_eq!(versions(&cloud, &garbage), "vm");
    assert_eq!(versions(&cloud, &handler(&cloud)), "v");

    // Again, and fifty minutes later: nothing to do.
    for minutes in [0, 50] {
        cloud.account().s3_minutes = minutes;
        cloud.forget_calls();
        gc(&sandbox).expect_code(0).expect_stdout("until 20");
        assert_eq!(writes(&cloud), 0);
    }

    cloud.account().s3_minutes = 61;
    insta::assert_snapshot!(gc(&sandbox), @"
    --- stdout
    stackctl-artifacts-123456789012-eu-west-1 account 123456789012, region eu-west-1, keys demo/

    Hidden for an hour or more: deleted
      - demo/old/[SHA256].zip  7 bytes

    Gc: 0 to mark, 0 to unmark, 1 to delete (7 bytes), 0 marked, 1 kept.
    --- stderr

    Marked 0 objects, unmarked 0, deleted 1 (7 bytes).
    --- exit 0
    ");
    assert_eq!(versions(&cloud, &garbage), "");
    assert_eq!(versions(&cloud, &handler(&cloud)), "v");

    // Only the announcement of the last run is left, which the next one deletes.
    cloud.account().s3_minutes = 130;
    gc(&sandbox).expect_code(0);
    cloud.account().s3_minutes = 200;
    gc(&sandbox).expect_code(0);
    let s3 = cloud.calls();
    let s3 = s3.iter().filter(|call| call.service == "s3");
    for call in s3 {
        let owner = call.header("x-amz-expected-bucket-owner");
        assert_eq!(owner, ACCOUNT, "{}", call.operation);
    }
}

#[test]
fn nothing_is_deleted_without_a_yes() {
    let (sandbox, cloud, garbage) = with_garbage();
    insta::assert_snapshot!(sandbox.run(&["gc"]).without_stdout(), @"
    --- stderr
    error: cannot ask a question without a terminal
    hint: to continue without the question, run `stackctl gc --yes -e dev`
    --- exit 4
    ");
    let mut running = sandbox.spawn_on_terminal(&["gc"]);
    running.wait_for_stderr("Collect:").type_line("y");
    insta::assert_snapshot!(running.wait().without_stdout(), @"
    --- stderr

    This marks 1 object, unmarks 0 and deletes 0 objects in the bucket `stackctl-artifacts-123456789012-eu-west-1` (account 123456789012, region eu-west-1). Nothing is lost: what is marked is hidden, and not deleted yet. Only 'yes' will be accepted.
    Collect: error: nothing was deleted: the answer was not `yes`
    --- exit 4
    ");
    assert_eq!(writes(&cloud), 0);

    let mut running = sandbox.spawn_on_terminal(&["gc"]);
    running.wait_for_stderr("Collect:").type_line("yes");
    running.wait().expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "vm");
    sandbox.run(&["gc", "--yes", "--dry-run"]).expect_code(64);
}

#[test]
fn what_appeared_after_the_question_is_left_to_the_next_run() {
    let (sandbox, cloud, garbage) = with_garbage();
    let mut running = sandbox.spawn_on_terminal(&["gc"]);
    running.wait_for_stderr("Collect:");
    let later = put(&cloud, "old", "zip", "later");
    // Another project's stack refers to the first object now.
    let template = format!("Resources: {{}}\nDescription: {garbage}\n");
    cloud.account().deploy("other", Deployment::of(template));
    running.type_line("yes");
    running.wait().expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "v");
    assert_eq!(versions(&cloud, &later), "v");
}

#[test]
fn needed_object_loses_its_marker() {
    let (sandbox, cloud) = deployed();
    let needed = handler(&cloud);
    put_at(&cloud, &needed, None);
    put_at(&cloud, &needed, None);
    let document = sandbox.json(&["gc", "--yes"]);
    assert_eq!(keys(&document, "unmark"), [needed.as_str()]);
    assert_eq!(versions(&cloud, &needed), "v");
}

#[test]
fn document_names_everything_that_is_done() {
    let (sandbox, cloud, garbage) = with_garbage();
    let old = put(&cloud, "old", "zip", "old");
    put_at(&cloud, &old, None);
    put_at(&cloud, "demo/notes.txt", Some("of somebody else"));
    put_at(&cloud, "demo-2/handler/x.zip", Some("of another project"));
    let planned = sandbox.json(&["gc", "--dry-run"]);
    assert_eq!(planned["schema"], "stackctl.gc/1");
    assert_eq!(planned["bucket"], ARTIFACT_BUCKET);
    assert_eq!(
        (&planned["account"], &planned["region"]),
        (&ACCOUNT.into(), &"eu-west-1".into())
    );
    assert_eq!(
        (&planned["prefix"], &planned["done"]),
        (&"demo/".into(), &false.into())
    );
    assert_eq!(keys(&planned, "mark"), [garbage.as_str()]);
    assert_eq!(keys(&planned, "delete"), [old.as_str()]);
    assert_eq!(planned["mark"][0]["bytes"], 7);
    assert_eq!(planned["summary"]["other"], 1);
    assert_eq!(planned["summary"]["deleted_bytes"], 3);
    let done = sandbox.json(&["gc", "--yes"]);
    assert_eq!(
        (&done["done"], &done["delete"]),
        (&true.into(), &planned["delete"])
    );
    assert_eq!(versions(&cloud, "demo/notes.txt"), "v");
    let waiting = sandbox.json(&["gc", "--dry-run"]);
    assert_eq!(keys(&waiting, "waiting"), [garbage.as_str()]);
    assert!(waiting["waiting"][0]["until"].is_string());
}

#[test]
fn history_is_no_name_for_an_artifact() {
    let (sandbox, _cloud) = demo::in_cloud();
    sandbox.edit(
        "manifest.toml",
        "[artifacts.handler]",
        "[artifacts.history]",
    );
    insta::assert_snapshot!(sandbox.run(&["validate"]), @"
    --- stderr
    error[bad-artifact]: `artifacts.history` is not allowed as a name
     --> manifest.toml:8:12
      |
    8 | [artifacts.history]
      |            ^^^^^^^
      |
      = help: the records of the deployments are kept under it; choose another name

    error: `manifest.toml` has an error
    --- exit 1
    ");
}

#[test]
fn keep_says_how_many_records_stay() {
    let (sandbox, cloud) = deployed();
    sandbox.append("manifest.toml", "[history]\nkeep = 3\n");
    let record = |number: usize| format!("demo/history/demo-old/{number:08}.json");
    for number in 1..=5 {
        put_at(&cloud, &record(number), Some("{}"));
    }
    let document = sandbox.json(&["gc", "--dry-run"]);
    assert_eq!(keys(&document, "mark"), [record(1), record(2)]);
    let shown = sandbox.run(&["config", "show"]).expect_code(0);
    shown.expect_stdout("history.keep");
}
