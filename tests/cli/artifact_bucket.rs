//! How the artifact bucket is created, completed and used, and when it is refused.

use crate::cloud::{ACCOUNT, Bucket, Cloud, Response};
use crate::demo::{self, ARTIFACT_BUCKET};
use crate::sandbox::{Finished, Sandbox};

/// Returns the project with a complete artifact bucket.
fn with_bucket() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    demo::add_artifact_bucket(&cloud);
    (sandbox, cloud)
}

fn apply(sandbox: &Sandbox) -> Finished {
    sandbox.run(&["apply", "--yes"])
}

/// Returns the lines of stderr before the deployment starts.
fn lines_before_deployment(finished: &Finished) -> Vec<&str> {
    finished
        .stderr
        .lines()
        .take_while(|line| !line.is_empty())
        .collect()
}

fn explicit(sandbox: &Sandbox) {
    sandbox.edit(
        "manifest.toml",
        "project = ",
        "artifact_bucket = \"mine\"\nproject = ",
    );
}

#[test]
fn object_with_another_checksum_is_replaced_if_unchanged() {
    // S3 computes a checksum for each new object. Older objects and copies may have none, and a
    // multipart upload has a checksum of checksums.
    for checksum in [
        None,
        Some("AAAA"),
        Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-2"),
    ] {
        let (sandbox, cloud) = with_bucket();
        let mut held = Response::new(200, "").header("etag", "\"tag\"");
        if let Some(checksum) = checksum {
            held = held.header("x-amz-checksum-sha256", checksum);
        }
        cloud.on("HeadObject").times(2).reply(held);
        let taken = cloud.on("PutObject").times(1);
        taken.error(412, "PreconditionFailed", "it is there");
        apply(&sandbox).expect_code(0);
        let put = cloud.calls_of("PutObject").remove(1);
        assert_eq!(put.header("if-match"), "\"tag\"", "{checksum:?}");
        assert_eq!(put.header("if-none-match"), "", "{checksum:?}");
    }
}

/// Returns the number of uploads of keys with this beginning.
fn puts(cloud: &Cloud, prefix: &str) -> usize {
    let calls = cloud.calls_of("PutObject").into_iter();
    calls
        .filter(|call| call.parameter("Key").starts_with(prefix))
        .count()
}

#[test]
fn lost_upload_race_is_retried_and_then_reported() {
    for (code, status) in [
        ("PreconditionFailed", 412),
        ("ConditionalRequestConflict", 409),
    ] {
        let (sandbox, cloud) = with_bucket();
        cloud.on("PutObject").times(1).error(status, code, "lost");
        apply(&sandbox).expect_code(0);
        assert_eq!(puts(&cloud, "demo/handler/"), 2, "{code}");
    }
    // A server need not send a code with the status.
    let (sandbox, cloud) = with_bucket();
    cloud.on("PutObject").times(1).error(412, "Other", "lost");
    apply(&sandbox).expect_code(0);
    assert_eq!(puts(&cloud, "demo/handler/"), 2);

    let (sandbox, cloud) = with_bucket();
    cloud
        .on("PutObject")
        .error(412, "PreconditionFailed", "lost");
    insta::assert_snapshot!(apply(&sandbox), @r"
    --- stderr
    error: something else keeps writing `demo/handler/[SHA256].zip` to the artifact bucket `stackctl-artifacts-123456789012-eu-west-1`
    hint: wait for the other run and start this one again
    --- exit 1
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn content_that_another_run_uploaded_at_the_same_time_is_used() {
    let (sandbox, cloud) = with_bucket();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let stored = cloud.account().buckets[ARTIFACT_BUCKET].clone();
    let (sandbox, cloud) = with_bucket();
    // Before the upload, another run uploads the same zip.
    cloud
        .account()
        .buckets
        .insert(ARTIFACT_BUCKET.to_owned(), stored);
    cloud
        .on("PutObject")
        .only(|call| call.parameter("Key").starts_with("demo/handler/"))
        .error(412, "PreconditionFailed", "lost");
    apply(&sandbox).expect_code(0);
    assert_eq!(puts(&cloud, "demo/handler/"), 1);
    let looked = cloud.calls_of("HeadObject").into_iter();
    let looked = looked.filter(|call| call.parameter("Key").starts_with("demo/handler/"));
    // The second is before the execution.
    assert_eq!(looked.count(), 2);
}

#[test]
fn bucket_of_the_manifest_in_another_region_is_refused_before_anything_is_uploaded() {
    let (sandbox, cloud) = demo::in_cloud();
    explicit(&sandbox);
    let mut mine = Bucket::owned_by(ACCOUNT);
    "us-east-1".clone_into(&mut mine.region);
    cloud.account().buckets.insert("mine".to_owned(), mine);
    insta::assert_snapshot!(apply(&sandbox), @r"
    --- stderr
    error: the artifact bucket `mine` is in us-east-1, but the stack is in eu-west-1
    hint: Lambda loads code from its own region alone: name a bucket there, or remove `artifact_bucket`
    --- exit 1
    ");
    assert!(cloud.account().buckets["mine"].objects.is_empty());
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

/// Returns the key of the zip, and the conditions of its uploads.
fn conditions(cloud: &Cloud) -> (String, Vec<String>) {
    let mut calls = cloud.calls_of("PutObject");
    calls.retain(|call| call.parameter("Key").starts_with("demo/handler/"));
    let key = calls[0].parameter("Key").to_owned();
    let conditions = calls.iter().map(|call| call.header("if-none-match"));
    (key, conditions.map(str::to_owned).collect())
}

#[test]
fn zip_that_another_stack_has_uploaded_stays() {
    let (sandbox, cloud) = with_bucket();
    apply(&sandbox).expect_code(0);
    cloud.forget_calls();
    let other = ["apply", "--yes", "--set", "stack_name=other"];
    sandbox.run(&other).expect_code(0);
    // The key is taken; what is there is the same.
    let (key, sent) = conditions(&cloud);
    assert_eq!(sent, ["*"]);
    let account = cloud.account();
    let objects = account.buckets[ARTIFACT_BUCKET].objects.iter();
    assert_eq!(objects.filter(|object| object.key == key).count(), 1);
}

#[test]
fn zip_that_the_stack_uses_is_looked_for_and_not_sent() {
    let (sandbox, cloud) = with_bucket();
    apply(&sandbox).expect_code(0);
    cloud.forget_calls();
    demo::change_description(&sandbox);
    apply(&sandbox).expect_code(0);
    assert_eq!(puts(&cloud, "demo/handler/"), 0);
    assert!(!cloud.calls_of("HeadObject").is_empty());
}

#[test]
fn large_zip_is_looked_for_before_it_is_sent() {
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    for (size, looked) in [(1_000_000, 0), (1_100_000, 1)] {
        let (sandbox, cloud) = with_bucket();
        // Random bytes do not become smaller.
        let bytes: Vec<u8> = (0..size).map(|_| random()).collect();
        sandbox.write("handler/model.bin", bytes);
        apply(&sandbox).expect_code(0);
        let operations = cloud.operations();
        let first = operations.iter().position(|it| it == "PutObject").unwrap();
        let heads = operations[..first].iter().filter(|it| *it == "HeadObject");
        assert_eq!(heads.count(), looked, "{size}");
    }
}

#[test]
fn endpoint_without_conditional_writes_receives_the_zip() {
    // What is there decides, and only then is the zip sent without a condition.
    for is_there in [false, true] {
        let (sandbox, cloud) = with_bucket();
        if is_there {
            apply(&sandbox).expect_code(0);
            cloud.account().stacks.clear();
            cloud.forget_calls();
        }
        let conditional = cloud.on("PutObject").only(|call| {
            let is_zip = call.parameter("Key").starts_with("demo/handler/");
            is_zip && !call.header("if-none-match").is_empty()
        });
        conditional.error(501, "NotImplemented", "If-None-Match is not implemented");
        apply(&sandbox).expect_code(0);
        let (_, sent) = conditions(&cloud);
        let expected: &[&str] = if is_there { &["*"] } else { &["*", ""] };
        assert_eq!(sent, expected);
    }
}

#[test]
fn missing_permission_is_named() {
    let (sandbox, cloud) = with_bucket();
    cloud
        .on("PutObject")
        .error(403, "AccessDenied", "no identity-based policy allows it");
    insta::assert_snapshot!(apply(&sandbox), @r"
    --- stderr
    error: cannot upload `demo/handler/[SHA256].zip` to the artifact bucket: the bucket `stackctl-artifacts-123456789012-eu-west-1` denies access
      caused by: no identity-based policy allows it
    hint: the bucket must belong to the account 123456789012: stackctl never uses another's
    hint: the caller needs `s3:PutObject` on it
    hint: it admits requests with TLS alone, and http://127.0.0.1:[PORT] has none: where that is the reason, create another bucket there and name it with `artifact_bucket`
    --- exit 4
    ");
}

#[test]
fn bucket_created_concurrently_is_used() {
    for (code, status) in [("OperationAborted", 409), ("BucketAlreadyOwnedByYou", 409)] {
        let (sandbox, cloud) = with_bucket();
        cloud
            .on("HeadBucket")
            .times(1)
            .reply(Response::new(404, ""));
        cloud.on("CreateBucket").error(status, code, "meanwhile");
        apply(&sandbox).expect_code(0);
        assert_eq!(cloud.calls_of("PutBucketPolicy").len(), 1, "{code}");
    }
}

#[test]
fn create_bucket_names_every_region_but_us_east_1() {
    let (sandbox, cloud) = demo::in_cloud();
    apply(&sandbox).expect_code(0);
    let create = cloud.calls_of("CreateBucket").remove(0);
    let body = String::from_utf8_lossy(&create.request.body).into_owned();
    assert!(body.contains("<LocationConstraint>eu-west-1<"), "{body}");

    let (sandbox, cloud) = demo::in_cloud();
    sandbox.run(&["apply", "--yes", "--region", "us-east-1"]);
    let create = cloud.calls_of("CreateBucket").remove(0);
    assert_eq!(create.request.body, b"");
}

#[test]
fn new_bucket_is_private_before_it_is_complete() {
    let (sandbox, cloud) = demo::in_cloud();
    apply(&sandbox).expect_code(0);
    let configuration = cloud.account().buckets[ARTIFACT_BUCKET]
        .configuration
        .clone();
    let block = &configuration["PublicAccessBlock"];
    assert_eq!(block.matches(">true<").count(), 4, "{block}");
    let policy = &configuration["BucketPolicy"];
    assert!(policy.contains("aws:SecureTransport"), "{policy}");
    assert!(policy.contains(ARTIFACT_BUCKET), "{policy}");
    let puts: Vec<String> = cloud
        .operations()
        .into_iter()
        .filter(|name| name.starts_with("PutBucket") || name.starts_with("PutPublic"))
        .collect();
    assert_eq!(puts.last().map(String::as_str), Some("PutBucketVersioning"));
}

#[test]
fn incomplete_bucket_is_completed_and_a_complete_one_unchanged() {
    let (sandbox, cloud) = with_bucket();
    cloud
        .account()
        .buckets
        .get_mut(ARTIFACT_BUCKET)
        .unwrap()
        .configuration
        .clear();
    let finished = apply(&sandbox).expect_code(0);
    assert_eq!(
        lines_before_deployment(&finished)[0],
        format!("Finishing the artifact bucket `{ARTIFACT_BUCKET}`")
    );
    assert_eq!(cloud.calls_of("PutBucketVersioning").len(), 1);

    let (sandbox, cloud) = with_bucket();
    apply(&sandbox).expect_code(0);
    assert!(cloud.calls_of("PutBucketVersioning").is_empty());
    assert!(cloud.calls_of("CreateBucket").is_empty());
}

#[test]
fn unreadable_versioning_response_is_not_an_error() {
    let (sandbox, cloud) = with_bucket();
    cloud
        .on("GetBucketVersioning")
        .reply_xml("<GetBucketVersioningOutput/>");
    let finished = apply(&sandbox).expect_code(0);
    assert_eq!(
        lines_before_deployment(&finished)[0],
        format!("Finishing the artifact bucket `{ARTIFACT_BUCKET}`")
    );

    let (sandbox, cloud) = with_bucket();
    cloud
        .on("GetBucketVersioning")
        .error(403, "AccessDenied", "no");
    let finished = apply(&sandbox).expect_code(4);
    finished.expect_stderr("`s3:GetBucketVersioning`");
    assert!(cloud.calls_of("PutBucketPolicy").is_empty());
}

#[test]
fn bucket_name_of_another_account_is_refused() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud
        .on("CreateBucket")
        .error(409, "BucketAlreadyExists", "taken");
    insta::assert_snapshot!(apply(&sandbox), @r"
    --- stderr
    Creating the artifact bucket `stackctl-artifacts-123456789012-eu-west-1` (private, encrypted, versioned, TLS only)
    error: the bucket `stackctl-artifacts-123456789012-eu-west-1` belongs to another account
    hint: choose a name with `artifact_bucket` in the manifest and create that bucket
    --- exit 4
    ");
}

#[test]
fn bucket_named_in_the_manifest_is_never_created_or_changed() {
    let (sandbox, cloud) = demo::in_cloud();
    explicit(&sandbox);
    insta::assert_snapshot!(apply(&sandbox), @r"
    --- stderr
    error: the artifact bucket `mine` does not exist
    hint: create it, or remove `artifact_bucket` from the manifest: then stackctl makes its own
    --- exit 1
    ");
    assert!(cloud.calls_of("CreateBucket").is_empty());

    let mine = Bucket::owned_by(ACCOUNT);
    cloud.account().buckets.insert("mine".to_owned(), mine);
    apply(&sandbox).expect_code(0);
    let mine = cloud.account().buckets["mine"].clone();
    assert!(mine.configuration.is_empty());
    let folders: Vec<_> = mine
        .keys()
        .iter()
        .map(|key| key.split('/').nth(1))
        .collect();
    let expected = ["handler", "history", "templates"];
    assert_eq!(folders, expected.map(Some));
}

#[test]
fn bucket_deleted_between_two_calls_is_reported() {
    let (sandbox, cloud) = with_bucket();
    cloud.on("PutObject").error(404, "NoSuchBucket", "gone");
    insta::assert_snapshot!(apply(&sandbox), @r"
    --- stderr
    error: cannot upload `demo/handler/[SHA256].zip` to the artifact bucket: there is no bucket `stackctl-artifacts-123456789012-eu-west-1`
    --- exit 1
    ");
}
