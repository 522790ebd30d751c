#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use super::*;

#[test]
fn urls_have_the_form_that_cloudformation_reads() {
    let local = Endpoint::Custom("http://127.0.0.1:4566/".into());
    for (endpoint, region, bucket, url) in [
        (
            Endpoint::Aws,
            "eu-west-1",
            "b",
            "https://b.s3.eu-west-1.amazonaws.com/k",
        ),
        (
            Endpoint::Aws,
            "eu-west-1",
            "a.b",
            "https://s3.eu-west-1.amazonaws.com/a.b/k",
        ),
        (
            Endpoint::Aws,
            "cn-north-1",
            "b",
            "https://b.s3.cn-north-1.amazonaws.com.cn/k",
        ),
        (
            Endpoint::Aws,
            "eusc-de-east-1",
            "b",
            "https://b.s3.eusc-de-east-1.amazonaws.eu/k",
        ),
        (
            Endpoint::Aws,
            "us-iso-east-1",
            "a.b",
            "https://s3.us-iso-east-1.c2s.ic.gov/a.b/k",
        ),
        (local, "eu-west-1", "b", "http://127.0.0.1:4566/b/k"),
    ] {
        assert_eq!(object_url(&endpoint, region, bucket, "k"), url);
    }
}

/// S3's operations that this crate uses, except `CreateBucket`, which has no such member.
const OPERATIONS: [&str; 16] = [
    ".head_bucket()",
    ".head_object()",
    ".get_object()",
    ".put_object()",
    ".delete_object()",
    ".delete_objects()",
    ".list_object_versions()",
    ".list_objects_v2()",
    ".wait_until_bucket_exists()",
    ".wait_until_object_exists()",
    ".get_bucket_versioning()",
    ".put_bucket_versioning()",
    ".put_bucket_encryption()",
    ".put_bucket_policy()",
    ".put_bucket_tagging()",
    ".put_public_access_block()",
];

#[test]
fn every_call_names_the_expected_owner() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut calls = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            if !is_source || path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for operation in OPERATIONS {
                for (at, _) in text.match_indices(operation) {
                    let statement = text[at..].split(';').next().unwrap();
                    assert!(
                        statement.contains(".expected_bucket_owner("),
                        "{}: {operation} without an expected owner",
                        path.display()
                    );
                    calls += 1;
                }
            }
        }
    }
    assert!(calls >= 10, "the test finds the calls: {calls}");
}
