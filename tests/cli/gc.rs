//! `gc`: what is hidden, what is deleted an hour later, and what keeps an object.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::cloud::{ACCOUNT, Call, ChangeSet, Cloud, Deployment, Object, Response, xml};
use crate::demo::{self, ARTIFACT_BUCKET};
use crate::sandbox::{Finished, Sandbox};

/// Returns the SHA-256 of a text in hexadecimal.
fn digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
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
        bucket.objects.retain(|object| object.key.ends_with(".zip"));
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
        .find(|key| key.starts_with("demo/handler/") && key.ends_with(".zip"));
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
    cloud.account().deploy(
        "other",
        Deployment {
            template,
            ..Deployment::default()
        },
    );
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

/// Adds something that refers to the key in a text, and perhaps to the object of a template.
type Refer = fn(&Cloud, &str);

/// The ways to refer to an object.
const REFERENCES: [(&str, Refer); 9] = [
    ("a template of another stack", |cloud, key| {
        let template = format!("Resources: {{}}\nDescription: {key}\n");
        cloud.account().deploy(
            "other",
            Deployment {
                template,
                ..Deployment::default()
            },
        );
    }),
    ("a parameter of another stack", |cloud, key| {
        let parameters = [("Key".to_owned(), key.to_owned())].into();
        let template = "Parameters: { Key: { Type: String } }\nResources: {}\n".to_owned();
        let deployment = Deployment {
            template,
            parameters,
            ..Deployment::default()
        };
        cloud.account().deploy("other", deployment);
    }),
    ("a change set", |cloud, key| {
        let deployment = Deployment {
            template: format!("Description: {key}"),
            ..Deployment::default()
        };
        add_change_set(cloud, deployment);
    }),
    ("a parameter of a change set", |cloud, key| {
        let parameters = [("Key".to_owned(), key.to_owned())].into();
        add_change_set(
            cloud,
            Deployment {
                parameters,
                ..Deployment::default()
            },
        );
    }),
    ("a change set of a new stack", |cloud, key| {
        cloud.account().review("demo-dev-2");
        let deployment = Deployment {
            template: format!("Description: {key}"),
            ..Deployment::default()
        };
        cloud
            .account()
            .stack("demo-dev-2")
            .change_sets
            .push(ChangeSet {
                id: "arn:new".to_owned(),
                created: "2026-01-01T00:00:00.000Z".to_owned(),
                deployment,
                ..ChangeSet::default()
            });
    }),
    ("a nested template in the bucket", |cloud, key| {
        let grandchild = put(cloud, "templates", "yaml", &format!("Description: {key}"));
        let child = put(
            cloud,
            "templates",
            "yaml",
            &format!("Description: {grandchild}"),
        );
        let template = format!("Resources: {{}}\nDescription: {child}\n");
        cloud.account().deploy(
            "other",
            Deployment {
                template,
                ..Deployment::default()
            },
        );
    }),
    ("a hidden template in the bucket", |cloud, key| {
        let child = put(cloud, "templates", "yaml", &format!("Description: {key}"));
        put_at(cloud, &child, None);
        let template = format!("Resources: {{}}\nDescription: {child}\n");
        cloud.account().deploy(
            "other",
            Deployment {
                template,
                ..Deployment::default()
            },
        );
    }),
    ("a record", |cloud, key| {
        let record = "demo/history/demo-gone/00000001.json";
        put_at(cloud, record, Some(&format!("{{\"key\": \"{key}\"}}")));
    }),
    ("a stack set", |cloud, key| {
        let set = xml::text("StackSetName", "everywhere") + &xml::text("TemplateBody", key);
        cloud
            .on("ListStackSets")
            .reply_result(&xml::members("Summaries", [set.clone()]));
        cloud
            .on("DescribeStackSet")
            .reply_result(&xml::element("StackSet", &set));
    }),
];

fn add_change_set(cloud: &Cloud, deployment: Deployment) {
    cloud
        .account()
        .stack("demo-dev")
        .change_sets
        .push(ChangeSet {
            id: "arn:theirs".to_owned(),
            created: "2026-01-01T00:00:00.000Z".to_owned(),
            name: "theirs".to_owned(),
            deployment,
            ..ChangeSet::default()
        });
}

#[test]
fn everything_that_refers_to_an_object_keeps_it() {
    std::thread::scope(|scope| {
        for (what, refer) in REFERENCES {
            scope.spawn(move || {
                let (sandbox, cloud, garbage) = with_garbage();
                refer(&cloud, &garbage);
                cloud.account().page_size = 2;
                let finished = gc(&sandbox).expect_code(0);
                assert_eq!(versions(&cloud, &garbage), "v", "{what}: {finished}");
            });
        }
    });
}

#[test]
fn code_that_lambda_reads_from_the_bucket_stays() {
    let (sandbox, cloud, garbage) = with_garbage();
    let layer = put(&cloud, "layer", "zip", "layer");
    let unneeded = put(&cloud, "layer", "zip", "unneeded");
    let configuration = |cloud: &Cloud| {
        let policy = r#"{"Statement": [{"Effect": "Allow", "Action": "s3:GetObject*", "Principal": {"Service": "lambda.amazonaws.com"}}]}"#;
        let mut account = cloud.account();
        let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
        bucket
            .configuration
            .insert("BucketPolicy".to_owned(), policy.to_owned());
    };
    let json = |body: serde_json::Value| Response::new(200, body.to_string());
    let stored = |key: &str| serde_json::json!({ "ResolvedS3Object": { "S3Bucket": ARTIFACT_BUCKET, "S3Key": key, "S3ObjectVersion": "1" } });
    // Lambda may not read the bucket, so it is not asked.
    sandbox
        .run(&["gc", "--dry-run"])
        .expect_code(0)
        .expect_stdout("3 to mark");
    configuration(&cloud);
    let functions = "GET /2015-03-31/functions";
    cloud
        .on(functions)
        .only(|call| call.parameter("Marker").is_empty())
        .reply(json(serde_json::json!({
            "Functions": [{ "FunctionName": "other", "Version": "$LATEST" }], "NextMarker": "next",
        })));
    cloud.on(functions).reply(json(serde_json::json!({
        "Functions": [{ "FunctionName": "kept", "Version": "3" }, { "FunctionName": "gone", "Version": "1" }],
    })));
    cloud
        .on("GetFunction")
        .only(|call| call.parameter("FunctionName") == "kept" && call.parameter("Qualifier") == "3")
        .reply(json(serde_json::json!({ "Code": stored(&garbage) })));
    cloud
        .on("GetFunction")
        .only(|call| call.parameter("FunctionName") == "other")
        .reply(json(
            serde_json::json!({ "Code": { "Location": "https://x" } }),
        ));
    cloud.on("GET /2018-10-31/layers").reply(json(
        serde_json::json!({ "Layers": [{ "LayerName": "deps" }] }),
    ));
    cloud.on("GET /2018-10-31/layers/deps/versions").reply(json(
        serde_json::json!({ "LayerVersions": [{ "Version": 7 }] }),
    ));
    cloud
        .on("GET /2018-10-31/layers/deps/versions/7")
        .reply(json(serde_json::json!({ "Content": stored(&layer) })));
    let document = sandbox.json(&["gc", "--dry-run"]);
    assert_eq!(keys(&document, "mark"), [unneeded.as_str()]);

    let (sandbox, cloud, garbage) = with_garbage();
    configuration(&cloud);
    for operation in [functions, "GET /2018-10-31/layers"] {
        cloud
            .on(operation)
            .error(403, "AccessDeniedException", "no");
    }
    let finished = gc(&sandbox).expect_code(1);
    finished.expect_stderr("`lambda:ListFunctions`");
    assert_eq!(versions(&cloud, &garbage), "v");
}

#[test]
fn text_that_may_not_be_read_keeps_everything() {
    for (operation, permission) in [
        ("GetTemplate", "`cloudformation:GetTemplate`"),
        ("ListChangeSets", "`cloudformation:ListChangeSets`"),
        ("DescribeChangeSet", "`cloudformation:DescribeChangeSet`"),
        ("ListStackSets", "`cloudformation:ListStackSets`"),
        ("GetObject", "`s3:GetObject`"),
    ] {
        let (sandbox, cloud, garbage) = with_garbage();
        add_change_set(&cloud, Deployment::default());
        put_at(&cloud, "demo/history/demo-dev/00000001.json", Some("{}"));
        cloud.on(operation).error(403, "AccessDenied", "no");
        let finished = gc(&sandbox).expect_code(1);
        finished.expect_stderr("nothing is marked or deleted: ");
        finished.expect_stderr(permission);
        assert_eq!(writes(&cloud), 0, "{operation}");
        assert_eq!(versions(&cloud, &garbage), "v", "{operation}");
    }
    // A permission that is lost between the two looks.
    let (sandbox, cloud, garbage) = with_garbage();
    cloud
        .on("ListChangeSets")
        .after(1)
        .error(403, "AccessDenied", "no");
    gc(&sandbox).expect_code(1);
    assert_eq!(versions(&cloud, &garbage), "v");
}

#[test]
fn stack_that_may_go_back_keeps_everything_unless_a_record_says_what_it_needs() {
    let (sandbox, cloud, garbage) = with_garbage();
    for status in [
        "UPDATE_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_FAILED",
    ] {
        cloud.set_status(status);
        insta::allow_duplicates! {
            let finished = gc(&sandbox).without_stdout();
            let shown = finished.to_string().replace(status, "[STATUS]");
            insta::assert_snapshot!(shown, @"
            --- stderr
            warning: nothing is marked or deleted: the stack `demo-dev` is [STATUS], and it is not known what it may go back to
            --- exit 0
            ");
        }
        assert_eq!(versions(&cloud, &garbage), "v", "{status}");
    }
    // The record of the last deployment that succeeded.
    let token = {
        let mut account = cloud.account();
        let events = account.stack("demo-dev").events.clone();
        let success = events
            .iter()
            .rev()
            .find(|event| event.status == "CREATE_COMPLETE");
        success.unwrap().token.clone()
    };
    let previous = put(&cloud, "old", "zip", "previous");
    let record = record(&token, &previous);
    put_at(&cloud, "demo/history/demo-dev/00000900.json", Some(&record));
    gc(&sandbox).expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "vm");
    assert_eq!(versions(&cloud, &previous), "v");
}

/// Returns a record of the operation with this token, which names a key.
fn record(token: &str, key: &str) -> String {
    serde_json::json!({
        "schema": "stackctl.record/1",
        "number": 900,
        "stackctl": "0.1.0",
        "project": "demo",
        "environment": "dev",
        "account": ACCOUNT,
        "region": "eu-west-1",
        "stack": "demo-dev",
        "operation_id": token,
        "started": "2026-01-01T00:00:00Z",
        "ended": "2026-01-01T00:00:00Z",
        "outcome": "succeeded",
        "template": { "key": key, "sha256": digest("previous") },
    })
    .to_string()
}

#[test]
fn stack_of_another_project_that_may_go_back_does_not_matter() {
    let (sandbox, cloud, garbage) = with_garbage();
    let template = "Resources: {}\n".to_owned();
    cloud.account().deploy(
        "other",
        Deployment {
            template,
            ..Deployment::default()
        },
    );
    "UPDATE_IN_PROGRESS".clone_into(&mut cloud.account().stack("other").status);
    gc(&sandbox).expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "vm");
}

#[test]
fn stack_that_changes_while_it_is_read_is_read_again() {
    let stack = |cloud: &Cloud, number: usize| {
        let stack = cloud.account().stack("demo-dev").to_xml();
        let updated = xml::text(
            "LastUpdatedTime",
            &format!("2026-01-01T00:00:{number:02}.000Z"),
        );
        xml::members("Stacks", [stack + &updated])
    };
    let (sandbox, cloud, garbage) = with_garbage();
    for number in 0..2 {
        let described = stack(&cloud, number);
        let all = cloud
            .on("DescribeStacks")
            .only(|call| call.parameter("StackName").is_empty());
        all.times(1).reply_result(&described);
    }
    sandbox
        .run(&["gc", "--dry-run"])
        .expect_code(0)
        .expect_stdout("1 to mark");
    assert_eq!(cloud.calls_of("GetTemplate").len(), 3);

    let (sandbox, cloud, garbage_too) = with_garbage();
    for number in 0..20 {
        let described = stack(&cloud, number);
        let all = cloud
            .on("DescribeStacks")
            .only(|call| call.parameter("StackName").is_empty());
        all.times(1).reply_result(&described);
    }
    let finished = gc(&sandbox).expect_code(0);
    finished.expect_stderr("the stack `demo-dev` changes while it is read");
    assert_eq!(
        (versions(&cloud, &garbage_too).as_str(), garbage),
        ("v", garbage_too)
    );
}

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
            .filter(|it| it.ends_with(".zip"))
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
