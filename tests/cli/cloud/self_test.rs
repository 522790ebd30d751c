//! Tests of the scripted cloud with the SDK.

use aws_sdk_cloudformation as cloudformation;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use aws_sdk_cloudformation::types::{Capability, ChangeSetType};
use aws_sdk_s3 as s3;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use aws_smithy_http_client::Builder;

use super::account::Progress;
use super::{ACCOUNT, Cloud, REGION};

const TEMPLATE: &str = r"
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub ${AWS::AccountId}-data
  Role:
    Type: AWS::IAM::Role
    Properties:
      Description: first
Outputs:
  BucketName:
    Value: !Ref Bucket
";

/// Waits for a future of the SDK.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn stacks_of(cloud: &Cloud) -> cloudformation::Client {
    let config = cloudformation::Config::builder()
        .behavior_version_latest()
        .region(cloudformation::config::Region::new(REGION))
        .credentials_provider(cloudformation::config::Credentials::new(
            "id", "secret", None, None, "test",
        ))
        .http_client(Builder::new().build_http())
        .endpoint_url(cloud.endpoint())
        .build();
    cloudformation::Client::from_conf(config)
}

fn store_of(cloud: &Cloud) -> s3::Client {
    let config = s3::Config::builder()
        .behavior_version_latest()
        .region(s3::config::Region::new(REGION))
        .credentials_provider(s3::config::Credentials::new(
            "id", "secret", None, None, "test",
        ))
        .http_client(Builder::new().build_http())
        .endpoint_url(cloud.endpoint())
        .force_path_style(true)
        .build();
    s3::Client::from_conf(config)
}

async fn create_change_set(
    client: &cloudformation::Client,
    kind: ChangeSetType,
    template: &str,
) -> String {
    let answer = client
        .create_change_set()
        .stack_name("demo")
        .change_set_name("set")
        .change_set_type(kind)
        .template_body(template)
        .capabilities(Capability::CapabilityIam)
        .send()
        .await
        .unwrap();
    answer.id.unwrap()
}

#[test]
fn stack_is_created_updated_and_deleted() {
    let cloud = Cloud::start();
    cloud.account().progress = Progress::Events(1);
    block_on(async {
        let client = stacks_of(&cloud);
        let id = create_change_set(&client, ChangeSetType::Create, TEMPLATE).await;
        let set = client.describe_change_set().change_set_name(&id);
        let set = set.send().await.unwrap();
        assert_eq!(set.status.unwrap().as_str(), "CREATE_COMPLETE");
        assert_eq!(set.changes.unwrap().len(), 2);

        client
            .execute_change_set()
            .change_set_name(&id)
            .client_request_token("token-1")
            .send()
            .await
            .unwrap();
        let mut looks = 0;
        let stack = loop {
            let stacks = client.describe_stacks().stack_name("demo").send().await;
            let stack = stacks.unwrap().stacks.unwrap().remove(0);
            looks += 1;
            if stack.stack_status.as_ref().unwrap().as_str() != "CREATE_IN_PROGRESS" {
                break stack;
            }
        };
        assert_eq!(looks, 7, "each look reveals one event");
        assert_eq!(stack.stack_status.unwrap().as_str(), "CREATE_COMPLETE");
        let output = stack.outputs.unwrap().remove(0).output_value.unwrap();
        assert_eq!(output, format!("{ACCOUNT}-data"));
        let events = client.describe_stack_events().stack_name("demo");
        let events = events.send().await.unwrap().stack_events.unwrap();
        assert_eq!(events.len(), 8);
        let newest = events[0].resource_status.as_ref().unwrap();
        assert_eq!(newest.as_str(), "CREATE_COMPLETE");
        assert_eq!(events[0].client_request_token(), Some("token-1"));

        let second = TEMPLATE.replace("first", "second");
        let id = create_change_set(&client, ChangeSetType::Update, &second).await;
        let set = client
            .describe_change_set()
            .change_set_name(&id)
            .include_property_values(true)
            .send()
            .await
            .unwrap();
        let change = set.changes()[0].resource_change().unwrap();
        assert_eq!(change.logical_resource_id(), Some("Role"));
        let target = change.details()[0].target().unwrap();
        assert_eq!(target.path(), Some("/Properties/Description"));
        assert_eq!(target.before_value(), Some("first"));
        assert_eq!(target.after_value(), Some("second"));

        let id = create_change_set(&client, ChangeSetType::Update, TEMPLATE).await;
        let set = client.describe_change_set().change_set_name(&id);
        let set = set.send().await.unwrap();
        assert_eq!(set.status.unwrap().as_str(), "FAILED");
        assert!(
            set.status_reason
                .unwrap()
                .contains("didn't contain changes")
        );

        cloud.account().progress = Progress::Done;
        let deletion = client.delete_stack().stack_name("demo");
        deletion.send().await.unwrap();
        let gone = client.describe_stacks().stack_name("demo").send().await;
        let gone = gone.unwrap_err().into_service_error();
        assert_eq!(gone.code(), Some("ValidationError"));
        assert_eq!(gone.message(), Some("Stack with id demo does not exist"));
    });
    assert!(cloud.account().buckets.is_empty());
}

#[test]
fn failing_resource_rolls_the_stack_back() {
    let cloud = Cloud::start();
    cloud
        .account()
        .failing
        .insert("Bucket".to_owned(), "name taken".to_owned());
    block_on(async {
        let client = stacks_of(&cloud);
        let id = create_change_set(&client, ChangeSetType::Create, TEMPLATE).await;
        let execution = client.execute_change_set().change_set_name(&id);
        execution.send().await.unwrap();
        let stacks = client.describe_stacks().stack_name("demo").send().await;
        let stack = stacks.unwrap().stacks.unwrap().remove(0);
        assert_eq!(stack.stack_status.unwrap().as_str(), "ROLLBACK_COMPLETE");
    });
    let mut account = cloud.account();
    let reasons: Vec<&str> = account
        .stack("demo")
        .events
        .iter()
        .filter(|event| event.status == "CREATE_FAILED")
        .map(|event| event.reason.as_str())
        .collect();
    assert_eq!(reasons, ["name taken", "Resource creation cancelled"]);
}

#[test]
fn artifact_is_stored_once_and_checked() {
    let cloud = Cloud::start();
    block_on(async {
        let client = store_of(&cloud);
        let created = client.create_bucket().bucket("artifacts");
        created.send().await.unwrap();
        let put = || {
            client
                .put_object()
                .bucket("artifacts")
                .key("a b/ü.zip")
                .expected_bucket_owner(ACCOUNT)
                .if_none_match("*")
        };
        // Long enough for `Expect: 100-continue`, and streamed in AWS's chunks with a trailer.
        let bytes = vec![7; 3 << 20];
        let stored = put()
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(bytes.clone().into())
            .send();
        stored.await.unwrap();
        let again = put().body(bytes.clone().into()).send().await;
        let again = again.unwrap_err().into_service_error();
        assert_eq!(again.code(), Some("PreconditionFailed"));

        let head = client
            .head_object()
            .bucket("artifacts")
            .key("a b/ü.zip")
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        assert_eq!(head.content_length, Some(3 << 20));
        let digest = super::buckets::sha256(&bytes);
        assert_eq!(head.checksum_sha256, Some(digest));

        let foreign = client.head_bucket().bucket("artifacts");
        let foreign = foreign.expected_bucket_owner("999999999999").send().await;
        assert_eq!(
            foreign
                .unwrap_err()
                .raw_response()
                .unwrap()
                .status()
                .as_u16(),
            403
        );
    });
    let put = &cloud.calls_of("PutObject")[0];
    assert_eq!(put.region, REGION);
    assert_eq!(put.header("x-amz-expected-bucket-owner"), ACCOUNT);
    assert_eq!(put.request.body.len(), 3 << 20);
    assert_eq!(cloud.account().buckets["artifacts"].keys(), ["a b/ü.zip"]);
}

#[test]
fn file_is_streamed_in_chunks() {
    let cloud = Cloud::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, vec![9; 100_000]).unwrap();
    block_on(async {
        let client = store_of(&cloud);
        let created = client.create_bucket().bucket("artifacts");
        created.send().await.unwrap();
        let body = s3::primitives::ByteStream::from_path(&path).await.unwrap();
        let put = client.put_object().bucket("artifacts").key("file");
        let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256).body(body);
        put.send().await.unwrap();
    });
    let put = &cloud.calls_of("PutObject")[0];
    assert!(put.header("content-encoding").contains("aws-chunked"));
    assert_eq!(put.request.body, vec![9; 100_000]);
    let digest = super::buckets::sha256(&put.request.body);
    assert_eq!(put.header("x-amz-checksum-sha256"), digest, "the trailer");
}

#[test]
fn versions_are_listed_and_deleted() {
    let cloud = Cloud::start();
    block_on(async {
        let client = store_of(&cloud);
        let created = client.create_bucket().bucket("data");
        created.send().await.unwrap();
        let enabled = s3::types::VersioningConfiguration::builder()
            .status(s3::types::BucketVersioningStatus::Enabled)
            .build();
        let versioning = client.put_bucket_versioning().bucket("data");
        let versioning = versioning.versioning_configuration(enabled);
        versioning.send().await.unwrap();
        for _ in 0..2 {
            let put = client.put_object().bucket("data").key("a&b");
            put.send().await.unwrap();
        }
        let deleted = client.delete_object().bucket("data").key("a&b");
        deleted.send().await.unwrap();
        let listed = client.list_object_versions().bucket("data").send().await;
        let listed = listed.unwrap();
        assert_eq!(listed.versions().len(), 2);
        assert_eq!(listed.delete_markers().len(), 1);
        let versions = listed.versions().iter();
        let versions = versions.map(|version| (version.key(), version.version_id()));
        let markers = listed.delete_markers().iter();
        let markers = markers.map(|marker| (marker.key(), marker.version_id()));
        let mut delete = s3::types::Delete::builder();
        for (key, version) in versions.chain(markers) {
            let object = s3::types::ObjectIdentifier::builder()
                .set_key(key.map(str::to_owned))
                .set_version_id(version.map(str::to_owned))
                .build()
                .unwrap();
            delete = delete.objects(object);
        }
        let delete = delete.build().unwrap();
        let deletion = client.delete_objects().bucket("data").delete(delete);
        deletion.send().await.unwrap();
        client.delete_bucket().bucket("data").send().await.unwrap();
    });
    assert!(cloud.account().buckets.is_empty());
}

#[test]
fn rules_precede_the_account() {
    let cloud = Cloud::start();
    cloud
        .on("DescribeStacks")
        .only(|call| call.parameter("StackName") == "demo")
        .after(1)
        .times(1)
        .error(400, "ExpiredToken", "the token is expired");
    cloud.on("ListChangeSets").times(1).drop_connection();
    cloud.on("ListChangeSets").delay(1).carry_on();
    block_on(async {
        let client = stacks_of(&cloud);
        let mut codes = Vec::new();
        for _ in 0..3 {
            let answer = client.describe_stacks().stack_name("demo").send().await;
            let error = answer.unwrap_err().into_service_error();
            codes.push(error.code().unwrap().to_owned());
        }
        assert_eq!(
            codes,
            ["ValidationError", "ExpiredToken", "ValidationError"]
        );
        let retried = client.list_change_sets().stack_name("demo").send().await;
        assert!(retried.unwrap_err().into_service_error().code().is_some());
    });
    let operations = cloud.operations();
    assert_eq!(operations[3..], ["ListChangeSets", "ListChangeSets"]);
}
