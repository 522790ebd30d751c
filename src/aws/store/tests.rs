#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;
use std::fs;

use aws_config::Region;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, StalledStreamProtectionConfig};
use aws_sdk_s3::operation::create_bucket::{CreateBucketError, CreateBucketOutput};
use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::operation::get_bucket_versioning::GetBucketVersioningOutput;
use aws_sdk_s3::operation::head_bucket::HeadBucketOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::operation::put_bucket_encryption::PutBucketEncryptionOutput;
use aws_sdk_s3::operation::put_bucket_policy::PutBucketPolicyOutput;
use aws_sdk_s3::operation::put_bucket_tagging::PutBucketTaggingOutput;
use aws_sdk_s3::operation::put_bucket_versioning::PutBucketVersioningOutput;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_public_access_block::PutPublicAccessBlockOutput;
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_s3::types::error::BucketAlreadyExists;
use aws_sdk_s3::types::{
    BucketVersioningStatus, DeleteMarkerEntry, Error as ObjectError, ObjectIdentifier,
    ObjectVersion,
};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock};
use aws_types::SdkConfig;

use super::*;
use crate::aws::fault::Login;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const MADE: &str = "stackctl-artifacts-111122223333-eu-west-1";
const BODY: &str = "Resources: {}\n";

fn store_in(region: &str, endpoint: Endpoint, explicit: Option<&str>, rules: &[&Rule]) -> Store {
    let mut script = MockResponseInterceptor::new().rule_mode(RuleMode::Sequential);
    for rule in rules {
        script = script.with_rule(rule);
    }
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .http_client(create_mock_http_client())
        .interceptor(script)
        .build();
    Store {
        connection: Connection {
            config: SdkConfig::builder().build(),
            region: region.to_owned(),
            endpoint,
            login: Login::default(),
        },
        client: Client::from_conf(config),
        account: ACCOUNT.to_owned(),
        bucket: explicit.map_or_else(
            || format!("stackctl-artifacts-{ACCOUNT}-{region}"),
            str::to_owned,
        ),
        explicit: explicit.is_some(),
    }
}

fn store(rules: &[&Rule]) -> Store {
    store_in(REGION, Endpoint::Aws, None, rules)
}

fn absent() -> Rule {
    mock!(Client::head_object)
        .match_requests(|head| {
            head.expected_bucket_owner() == Some(ACCOUNT)
                && head.checksum_mode() == Some(&ChecksumMode::Enabled)
        })
        .then_http_response(|| answer(404, &[], ""))
}

fn held(checksum: Option<&str>) -> Rule {
    let checksum = checksum.map(str::to_owned);
    mock!(Client::head_object).then_output(move || {
        HeadObjectOutput::builder()
            .set_checksum_sha256(checksum.clone())
            .e_tag("\"tag\"")
            .build()
    })
}

fn answer(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
) -> HttpResponse {
    let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    for (name, value) in headers {
        answer.headers_mut().insert(*name, *value);
    }
    answer
}

fn error_body(code: &str) -> &'static str {
    format!("<Error><Code>{code}</Code><Message>said {code}</Message></Error>").leak()
}

fn digest() -> Digest {
    Digest::of(BODY)
}

#[tokio::test]
async fn what_is_there_with_the_same_checksum_is_not_sent() {
    let there = held(Some(&digest().base64()));
    let store = store(&[&there]);
    let url = store.store_template("p", BODY).await.unwrap();
    assert_eq!(
        url,
        format!(
            "https://{MADE}.s3.eu-west-1.amazonaws.com/p/templates/{}.yaml",
            digest()
        )
    );
    assert_eq!(there.num_calls(), 1);
}

#[tokio::test]
async fn what_is_missing_is_sent_once_with_its_checksum_and_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    fs::write(&path, BODY).unwrap();
    let absent = absent();
    let put = mock!(Client::put_object)
        .match_requests(|put| {
            put.if_none_match() == Some("*")
                && put.if_match().is_none()
                && put.checksum_sha256() == Some(&Digest::of(BODY).base64())
                && put.expected_bucket_owner() == Some(ACCOUNT)
                && put.bucket() == Some(MADE)
                && put.content_type() == Some("application/zip")
        })
        .then_output(|| PutObjectOutput::builder().build());
    let object = Object {
        key: "p/handler/x.zip",
        digest: &digest(),
        content_type: "application/zip",
        bytes: Bytes::File(&path),
    };
    let stored = store(&[&absent, &put]).put(&object).await.unwrap();
    assert_eq!(stored, Stored::Uploaded);
    assert_eq!(put.num_calls(), 1);
}

#[tokio::test]
async fn what_has_no_or_another_checksum_is_replaced_if_it_is_still_that() {
    for checksum in [
        None,
        Some("AAAA"),
        Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-2"),
    ] {
        let other = held(checksum);
        let put = mock!(Client::put_object)
            .match_requests(|put| {
                put.if_match() == Some("\"tag\"") && put.if_none_match().is_none()
            })
            .then_output(|| PutObjectOutput::builder().build());
        let store = store(&[&other, &put]);
        let object = Object {
            key: "k",
            digest: &digest(),
            content_type: "x",
            bytes: Bytes::Text(BODY),
        };
        assert_eq!(store.put(&object).await.unwrap(), Stored::Replaced);
    }
}

#[tokio::test]
async fn a_lost_race_looks_again() {
    let absent = absent();
    let lost = mock!(Client::put_object)
        .then_http_response(|| answer(412, &[], error_body("PreconditionFailed")));
    let there = held(Some(&digest().base64()));
    let url = store(&[&absent, &lost, &there])
        .store_template("p", BODY)
        .await;
    assert!(url.is_ok(), "{url:?}");
    assert_eq!(there.num_calls(), 1);
}

#[tokio::test]
async fn a_race_that_never_ends_is_an_error() {
    let rules: Vec<Rule> = (0..RACES)
        .flat_map(|_| {
            let lost = mock!(Client::put_object)
                .then_http_response(|| answer(409, &[], error_body("ConditionalRequestConflict")));
            [absent(), lost]
        })
        .collect();
    let rules: Vec<&Rule> = rules.iter().collect();
    let error = store(&rules).store_template("p", BODY).await.unwrap_err();
    assert!(error.to_string().contains("keeps writing"), "{error}");
}

#[tokio::test]
async fn a_bucket_of_another_account_is_refused() {
    let denied = mock!(Client::head_object).then_http_response(|| answer(403, &[], ""));
    let error = store(&[&denied]).holds("k", &digest()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        format!("cannot look for `k` in the artifact bucket: the bucket `{MADE}` denies access")
    );
    assert!(error.hints()[0].contains(ACCOUNT), "{error:?}");
    assert!(error.hints()[1].contains("s3:GetObject"), "{error:?}");

    let absent = absent();
    let denied = mock!(Client::put_object)
        .then_http_response(|| answer(403, &[], error_body("AccessDenied")));
    let error = store(&[&absent, &denied])
        .store_template("p", BODY)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hints()[1].contains("s3:PutObject"), "{error:?}");
}

#[tokio::test]
async fn a_missing_bucket_holds_nothing_and_takes_nothing() {
    let missing = absent();
    assert!(!store(&[&missing]).holds("k", &digest()).await.unwrap());

    let missing = absent();
    let gone = mock!(Client::put_object)
        .then_http_response(|| answer(404, &[], error_body("NoSuchBucket")));
    let error = store(&[&missing, &gone])
        .store_template("p", BODY)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with(&format!("there is no bucket `{MADE}`")),
        "{error}"
    );
}

#[tokio::test]
async fn a_bucket_in_another_region_is_an_error() {
    let moved = mock!(Client::head_bucket)
        .then_http_response(|| answer(301, &[("x-amz-bucket-region", "us-east-2")], ""));
    let error = store(&[&moved]).ensure_bucket(|_| {}).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the artifact bucket `{MADE}` is in us-east-2, but the stack is in eu-west-1")
    );
    let there = mock!(Client::head_bucket).then_output(|| {
        HeadBucketOutput::builder()
            .bucket_region("us-east-2")
            .build()
    });
    let error = store(&[&there]).ensure_bucket(|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("is in us-east-2"), "{error}");
}

/// Returns the rules of making a bucket safe, in their order.
fn hardening() -> Vec<Rule> {
    vec![
        mock!(Client::put_public_access_block)
            .match_requests(|put| {
                let block = put.public_access_block_configuration().unwrap();
                [
                    block.block_public_acls(),
                    block.block_public_policy(),
                    block.ignore_public_acls(),
                    block.restrict_public_buckets(),
                ] == [Some(true); 4]
            })
            .then_output(|| PutPublicAccessBlockOutput::builder().build()),
        mock!(Client::put_bucket_encryption)
            .then_output(|| PutBucketEncryptionOutput::builder().build()),
        mock!(Client::put_bucket_policy)
            .match_requests(|put| {
                let policy = put.policy().unwrap();
                policy.contains("aws:SecureTransport")
                    && policy.contains(":s3:::stackctl-artifacts-")
            })
            .then_output(|| PutBucketPolicyOutput::builder().build()),
        mock!(Client::put_bucket_tagging).then_output(|| PutBucketTaggingOutput::builder().build()),
        mock!(Client::put_bucket_versioning)
            .then_output(|| PutBucketVersioningOutput::builder().build()),
    ]
}

fn bucket() -> Rule {
    mock!(Client::head_bucket).then_output(|| HeadBucketOutput::builder().build())
}

/// Runs `ensure_bucket` against these rules and then those of hardening; returns what was said.
async fn ensure(region: &str, rules: Vec<Rule>) -> Vec<String> {
    let mut rules = rules;
    rules.extend(hardening());
    let script: Vec<&Rule> = rules.iter().collect();
    let store = store_in(region, Endpoint::Aws, None, &script);
    let said = RefCell::new(Vec::new());
    store
        .ensure_bucket(|line| said.borrow_mut().push(line.to_owned()))
        .await
        .unwrap();
    for (index, rule) in rules.iter().enumerate() {
        assert_eq!(rule.num_calls(), 1, "call {index}");
    }
    said.into_inner()
}

#[tokio::test]
async fn a_missing_bucket_is_made_and_protected_after_saying_so() {
    let create = mock!(Client::create_bucket)
        .match_requests(|create| {
            let location = create.create_bucket_configuration().unwrap();
            location.location_constraint().unwrap().as_str() == REGION
        })
        .then_output(|| CreateBucketOutput::builder().build());
    let said = ensure(REGION, vec![missing_head(), create, bucket()]).await;
    assert_eq!(
        said,
        [format!(
            "creating the artifact bucket `{MADE}` (private, encrypted, versioned, TLS only)"
        )]
    );
}

fn missing_head() -> Rule {
    mock!(Client::head_bucket)
        .match_requests(|head| head.expected_bucket_owner() == Some(ACCOUNT))
        .then_http_response(|| answer(404, &[], ""))
}

#[tokio::test]
async fn us_east_1_is_not_named_and_a_bucket_made_meanwhile_is_taken() {
    let create = mock!(Client::create_bucket)
        .match_requests(|create| create.create_bucket_configuration().is_none())
        .then_http_response(|| answer(409, &[], error_body("OperationAborted")));
    ensure("us-east-1", vec![missing_head(), create, bucket()]).await;

    let create = mock!(Client::create_bucket)
        .then_http_response(|| answer(409, &[], error_body("BucketAlreadyOwnedByYou")));
    ensure(REGION, vec![missing_head(), create, bucket()]).await;
}

#[tokio::test]
async fn a_half_made_bucket_is_finished_and_a_whole_one_left_alone() {
    let unversioned = mock!(Client::get_bucket_versioning)
        .then_output(|| GetBucketVersioningOutput::builder().build());
    let said = ensure(REGION, vec![bucket(), unversioned]).await;
    assert_eq!(said, [format!("finishing the artifact bucket `{MADE}`")]);

    let bucket = bucket();
    let versioned = mock!(Client::get_bucket_versioning).then_output(|| {
        GetBucketVersioningOutput::builder()
            .status(BucketVersioningStatus::Enabled)
            .build()
    });
    store(&[&bucket, &versioned])
        .ensure_bucket(|_| unreachable!("nothing is made"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_name_that_another_account_has_is_refused() {
    let missing = missing_head();
    let taken = mock!(Client::create_bucket).then_error(|| {
        CreateBucketError::BucketAlreadyExists(BucketAlreadyExists::builder().build())
    });
    let error = store(&[&missing, &taken])
        .ensure_bucket(|_| {})
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        format!("the bucket `{MADE}` belongs to another account")
    );
}

#[tokio::test]
async fn the_manifests_bucket_is_never_made_or_changed() {
    let missing = missing_head();
    let store = store_in(REGION, Endpoint::Aws, Some("mine"), &[&missing]);
    let error = store.ensure_bucket(|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(
        error.to_string(),
        "the artifact bucket `mine` does not exist"
    );

    let bucket = bucket();
    let store = store_in(REGION, Endpoint::Aws, Some("mine"), &[&bucket]);
    store.ensure_bucket(|_| {}).await.unwrap();
}

#[tokio::test]
async fn emptying_deletes_versions_and_markers_page_by_page() {
    let version = |key: &str| ObjectVersion::builder().key(key).version_id("1").build();
    let first = mock!(Client::list_object_versions)
        .match_requests(|list| {
            list.expected_bucket_owner() == Some(ACCOUNT) && list.key_marker().is_none()
        })
        .then_output(move || {
            ListObjectVersionsOutput::builder()
                .versions(version("a"))
                .delete_markers(
                    DeleteMarkerEntry::builder()
                        .key("b")
                        .version_id("2")
                        .build(),
                )
                .is_truncated(true)
                .next_key_marker("b")
                .next_version_id_marker("2")
                .build()
        });
    let delete = |keys: &'static [&'static str]| {
        mock!(Client::delete_objects)
            .match_requests(move |delete| {
                let objects = delete.delete().unwrap().objects();
                delete.expected_bucket_owner() == Some(ACCOUNT)
                    && objects.iter().all(|object| object.version_id().is_some())
                    && objects
                        .iter()
                        .map(ObjectIdentifier::key)
                        .eq(keys.iter().copied())
            })
            .then_output(|| DeleteObjectsOutput::builder().build())
    };
    let (delete_first, delete_second) = (delete(&["a", "b"]), delete(&["c"]));
    let second = mock!(Client::list_object_versions)
        .match_requests(|list| {
            list.key_marker() == Some("b") && list.version_id_marker() == Some("2")
        })
        .then_output(move || {
            ListObjectVersionsOutput::builder()
                .versions(version("c"))
                .build()
        });
    let store = store(&[&first, &delete_first, &second, &delete_second]);
    let said = RefCell::new(Vec::new());
    let count = store
        .empty_bucket("theirs", |count| said.borrow_mut().push(count))
        .await
        .unwrap();
    assert_eq!((count, said.into_inner()), (3, vec![2, 3]));
}

#[tokio::test]
async fn an_object_that_stays_is_named() {
    let list = mock!(Client::list_object_versions).then_output(|| {
        ListObjectVersionsOutput::builder()
            .versions(ObjectVersion::builder().key("a").version_id("1").build())
            .build()
    });
    let delete = mock!(Client::delete_objects).then_output(|| {
        DeleteObjectsOutput::builder()
            .errors(ObjectError::builder().key("a").code("AccessDenied").build())
            .build()
    });
    let error = store(&[&list, &delete])
        .empty_bucket("b", |_| {})
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot empty the bucket `b`: `a` was not deleted: AccessDenied"
    );
}

#[test]
fn urls_have_the_form_that_cloudformation_reads() {
    let url = |region: &str, endpoint: Endpoint, bucket: &str| {
        store_in(region, endpoint, Some(bucket), &[]).url("k")
    };
    assert_eq!(
        url(REGION, Endpoint::Aws, "b"),
        "https://b.s3.eu-west-1.amazonaws.com/k"
    );
    assert_eq!(
        url(REGION, Endpoint::Aws, "a.b"),
        "https://s3.eu-west-1.amazonaws.com/a.b/k"
    );
    assert_eq!(
        url("cn-north-1", Endpoint::Aws, "b"),
        "https://b.s3.cn-north-1.amazonaws.com.cn/k"
    );
    let local = Endpoint::Custom("http://127.0.0.1:4566/".into());
    assert_eq!(url(REGION, local, "b"), "http://127.0.0.1:4566/b/k");
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
