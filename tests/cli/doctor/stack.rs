//! The stack, its change sets and the artifact bucket.

use jiff::{SignedDuration, Timestamp};

use super::{doctor, expect, healthy};
use crate::cloud::{ACCOUNT, Bucket};
use crate::demo::{self, ARTIFACT_BUCKET};

#[test]
fn a_stuck_stack_fails_and_a_running_operation_is_a_warning() {
    let (sandbox, cloud) = healthy();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    for (status, verdict, code, parts) in [
        ("UPDATE_COMPLETE", "ok", 0, &["is UPDATE_COMPLETE"][..]),
        ("UPDATE_ROLLBACK_COMPLETE", "ok", 0, &[]),
        ("UPDATE_FAILED", "warning", 0, &["stackctl recover -e dev"]),
        (
            "UPDATE_IN_PROGRESS",
            "warning",
            0,
            &["an operation is running", "apply --wait"],
        ),
        (
            "UPDATE_ROLLBACK_FAILED",
            "failed",
            1,
            &["accepts no change", "stackctl recover -e dev"],
        ),
        ("ROLLBACK_COMPLETE", "failed", 1, &["apply --yes"]),
        ("DELETE_FAILED", "failed", 1, &["stackctl recover -e dev"]),
        ("SOMETHING_NEW", "warning", 0, &[]),
    ] {
        cloud.set_status(status);
        let document = doctor(&sandbox, &cloud, &["--format", "json"])
            .expect_code(code)
            .json();
        expect(&document, "state", verdict, parts);
    }
}

#[test]
fn change_sets_of_killed_runs_are_named_and_others_only_counted() {
    let (sandbox, cloud) = healthy();
    demo::spawn_until_described(&sandbox, &cloud, &["plan"]).kill();
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "change-sets",
        "ok",
        &["of other runs or programs: `stackctl-tmp-"],
    );
    let old = Timestamp::now() - SignedDuration::from_mins(61);
    for set in &mut cloud.account().stack("demo-dev").change_sets {
        set.created = old.to_string();
    }
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    let parts = [
        "left over by killed runs: `stackctl-tmp-",
        "stackctl plan -e dev",
    ];
    expect(&document, "change-sets", "warning", &parts);
}

#[test]
fn each_protection_that_the_bucket_lacks_has_its_command() {
    for (configuration, name, command) in [
        (
            "PublicAccessBlock",
            "public-access",
            "aws s3api put-public-access-block",
        ),
        (
            "BucketEncryption",
            "encryption",
            "aws s3api put-bucket-encryption",
        ),
        ("BucketPolicy", "tls", "aws:SecureTransport"),
        (
            "BucketVersioning",
            "versioning",
            "aws s3api put-bucket-versioning",
        ),
    ] {
        let (sandbox, cloud) = healthy();
        let mut account = cloud.account();
        let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
        bucket.configuration.remove(configuration);
        drop(account);
        let document = doctor(&sandbox, &cloud, &["--format", "json"])
            .expect_code(0)
            .json();
        expect(&document, name, "warning", &[command]);
        let bucket = if name == "versioning" {
            "warning"
        } else {
            "ok"
        };
        expect(&document, "bucket", bucket, &[]);
    }
}

#[test]
fn the_bucket_is_judged_by_the_rules_of_apply() {
    let (sandbox, cloud) = healthy();
    cloud.account().buckets.clear();
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "bucket",
        "ok",
        &["does not exist yet", "creates it"],
    );
    assert!(cloud.account().buckets.is_empty());

    // Somebody else has it.
    let foreign = Bucket::owned_by("999999999999");
    cloud
        .account()
        .buckets
        .insert(ARTIFACT_BUCKET.to_owned(), foreign);
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(
        &document,
        "bucket",
        "failed",
        &["denies access", "must belong to the account 123456789012"],
    );

    // One that the manifest names has to exist, in the same region.
    sandbox.edit(
        "manifest.toml",
        "project = ",
        "artifact_bucket = \"mine\"\nproject = ",
    );
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(&document, "bucket", "failed", &["`mine` does not exist"]);
    let mut mine = Bucket::owned_by(ACCOUNT);
    "us-east-1".clone_into(&mut mine.region);
    cloud.account().buckets.insert("mine".to_owned(), mine);
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(&document, "bucket", "failed", &["is in us-east-1"]);
}

#[test]
fn a_protection_that_cannot_be_read_is_not_known() {
    let (sandbox, cloud) = healthy();
    cloud.on("GetBucketPolicy").error(403, "AccessDenied", "no");
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(
        &document,
        "tls",
        "skipped",
        &["not known: the caller lacks `s3:GetBucketPolicy`"],
    );
}
