//! Garbage collections that are refused, fail in part, or run beside a deployment.

use std::time::Duration;

use super::{gc, handler, put, put_at, versions, with_garbage, writes};
use crate::cloud::{ACCOUNT, Call, Cloud};
use crate::demo::{self, ARTIFACT_BUCKET};

#[test]
fn bucket_that_is_not_versioned_or_serves_others_is_refused() {
    let (sandbox, cloud, _) = with_garbage();
    let set = |name: &str, body: &str| {
        let mut account = cloud.account();
        let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
        bucket
            .configuration
            .insert(name.to_owned(), body.to_owned());
    };
    let policy = |principal: &str| {
        format!(
            r#"{{"Statement": {{"Effect": "Allow", "Action": "s3:*", "Principal": {principal}}}}}"#
        )
    };
    set(
        "BucketPolicy",
        &policy(r#"{"AWS": "arn:aws:iam::210987654321:root"}"#),
    );
    insta::assert_snapshot!(gc(&sandbox), @"
    --- stderr
    error: nothing is deleted: the bucket `stackctl-artifacts-123456789012-eu-west-1` serves other accounts (arn:aws:iam::210987654321:root)
    hint: the stacks of another account cannot be read, so nobody can tell what they need
    --- exit 4
    ");
    set("BucketPolicy", &policy("\"*\""));
    gc(&sandbox).expect_code(4).expect_stderr("(everybody)");
    set("BucketPolicy", "{}");
    gc(&sandbox).expect_code(4).expect_stderr("cannot be read");
    set(
        "BucketPolicy",
        &policy(&format!("{{\"AWS\": \"{ACCOUNT}\"}}")),
    );
    sandbox.run(&["gc", "--dry-run"]).expect_code(0);
    for versioning in [
        "<VersioningConfiguration/>",
        "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
    ] {
        set("BucketVersioning", versioning);
        let finished = gc(&sandbox);
        insta::allow_duplicates! {
            insta::assert_snapshot!(finished, @"
            --- stderr
            error: nothing is deleted: the bucket `stackctl-artifacts-123456789012-eu-west-1` is not versioned
            hint: without versions, an object cannot be marked before it is deleted, and a deployment that needs it would fail
            hint: enable versioning: `aws s3api put-bucket-versioning --bucket stackctl-artifacts-123456789012-eu-west-1 --versioning-configuration Status=Enabled`
            --- exit 4
            ");
        }
    }
    cloud.on("GetBucketPolicy").error(403, "AccessDenied", "no");
    gc(&sandbox)
        .expect_code(4)
        .expect_stderr("`s3:GetBucketPolicy`");
    assert_eq!(writes(&cloud), 0);

    let mut account = cloud.account();
    let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
    "210987654321".clone_into(&mut bucket.owner);
    drop(account);
    gc(&sandbox)
        .expect_code(4)
        .expect_stderr("the bucket must belong to the account 123456789012");
}

#[test]
fn project_without_a_bucket_has_nothing_to_delete() {
    let (sandbox, _cloud) = demo::in_cloud();
    insta::assert_snapshot!(gc(&sandbox), @"
    --- stderr
    There is no artifact bucket: nothing to delete.
    --- exit 0
    ");
}

#[test]
fn thousands_of_objects_are_deleted_in_batches() {
    let (sandbox, cloud, _) = with_garbage();
    cloud.account().page_size = 1_000;
    for number in 0..1_200 {
        put(&cloud, "old", "zip", &number.to_string());
    }
    gc(&sandbox)
        .expect_code(0)
        .expect_stderr("Marked 1201 objects");
    let batch = |call: &Call| {
        String::from_utf8_lossy(&call.request.body)
            .matches("<Object>")
            .count()
    };
    let mut batches: Vec<_> = cloud.calls_of("DeleteObjects").iter().map(batch).collect();
    batches.sort_unstable();
    assert_eq!(batches, [201, 1_000]);
    cloud.forget_calls();
    cloud.account().s3_minutes = 61;
    gc(&sandbox).expect_code(0).expect_stderr("deleted 1201 ");
    assert_eq!(
        cloud.account().buckets[ARTIFACT_BUCKET]
            .keys()
            .iter()
            .filter(|it| it.contains("/handler/") || it.contains("/old/"))
            .count(),
        1
    );
}

#[test]
fn version_that_is_not_deleted_keeps_its_marker_and_the_next_run_tries_again() {
    let (sandbox, cloud, garbage) = with_garbage();
    put_at(&cloud, &garbage, None);
    let refused = format!(
        "<DeleteResult><Error><Key>{garbage}</Key><VersionId>put-1</VersionId><Code>AccessDenied</Code>\
         <Message>object lock</Message></Error></DeleteResult>"
    );
    cloud.on("DeleteObjects").times(1).reply_xml(&refused);
    insta::assert_snapshot!(gc(&sandbox).without_stdout(), @"
    --- stderr

    Marked 0 objects, unmarked 0, deleted 1 (7 bytes), except 1 version.
    error: S3 did not delete 1 version; the first is of `demo/old/[SHA256].zip`: object lock
    hint: the caller needs `s3:DeleteObject` and `s3:DeleteObjectVersion`, and no object lock may hold an object
    hint: `stackctl gc -e dev` tries again
    --- exit 1
    ");
    assert_eq!(versions(&cloud, &garbage), "vm");
    assert_eq!(cloud.calls_of("DeleteObjects").len(), 1);
    gc(&sandbox).expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "");
}

#[test]
fn lost_answers_do_no_harm() {
    let (sandbox, cloud, garbage) = with_garbage();
    for operation in [
        "DeleteObjects",
        "PutObject",
        "ListObjectVersions",
        "GetTemplate",
    ] {
        cloud.on(operation).times(1).lose_answer();
    }
    gc(&sandbox).expect_code(0);
    assert!(versions(&cloud, &garbage).starts_with("vm"));
    cloud.account().s3_minutes = 61;
    cloud.on("DeleteObjects").times(2).lose_answer();
    gc(&sandbox).expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "");
}

#[test]
fn deployment_uploads_again_what_was_hidden_before_and_after_the_question() {
    let (sandbox, cloud) = demo::changed();
    let needed = handler(&cloud);
    put_at(&cloud, &needed, None);
    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Apply:");
    assert_eq!(versions(&cloud, &needed), "vmv");
    put_at(&cloud, &needed, None);
    running.type_line("yes");
    running.wait().expect_code(0);
    assert_eq!(versions(&cloud, &needed), "vmvmv");
    let calls = cloud.calls();
    let is_upload = |call: &Call| call.operation == "PutObject" && call.parameter("Key") == needed;
    let uploaded = calls.iter().rposition(is_upload);
    let executed = calls
        .iter()
        .position(|call| call.operation == "ExecuteChangeSet");
    assert!(uploaded < executed);
}

#[test]
fn deployment_waits_for_a_garbage_collection_that_may_hide_its_objects() {
    let announcement = |ended: bool, key: &str| {
        serde_json::json!({ "schema": "gc-announcement/1", "ended": ended, "keys": [key] })
            .to_string()
    };
    let announced = "demo/.gc/stackctl-gc-1.json";
    let (sandbox, cloud) = demo::changed();
    let needed = handler(&cloud);
    put_at(&cloud, announced, Some(&announcement(false, &needed)));
    let now = |cloud: &Cloud| {
        let mut account = cloud.account();
        let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
        let version = bucket.objects.last().unwrap().version.clone();
        bucket.written.insert(version, jiff::Timestamp::now());
    };
    now(&cloud);
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running.wait_for_call(&cloud, "ListObjectsV2");
    std::thread::sleep(Duration::from_millis(700));
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    // It hides the object and ends.
    put_at(&cloud, &needed, None);
    put_at(&cloud, announced, Some(&announcement(true, &needed)));
    now(&cloud);
    running.wait().expect_code(0);
    assert_eq!(versions(&cloud, &needed), "vmv");

    // One of other keys, one that has ended long ago, and a server that does not let one list.
    for (key, minutes) in [("demo/handler/other.zip", 0), (needed.as_str(), 11)] {
        let (sandbox, cloud) = demo::changed();
        put_at(&cloud, announced, Some(&announcement(false, key)));
        now(&cloud);
        cloud.account().s3_minutes = minutes;
        sandbox.run(&["apply", "--yes"]).expect_code(0);
    }
    let (sandbox, cloud) = demo::changed();
    cloud.on("ListObjectsV2").error(403, "AccessDenied", "no");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn two_at_once_do_no_harm() {
    let (sandbox, cloud, garbage) = with_garbage();
    let needed = handler(&cloud);
    for minutes in [0, 61] {
        cloud.account().s3_minutes = minutes;
        let runs = [
            sandbox.spawn(&["gc", "--yes"]),
            sandbox.spawn(&["gc", "--yes"]),
        ];
        for run in runs {
            run.wait().expect_code(0);
        }
    }
    cloud.account().s3_minutes = 130;
    gc(&sandbox).expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "");
    assert_eq!(versions(&cloud, &needed), "v");
}
