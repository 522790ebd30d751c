//! Creating the artifact bucket, once for each account and region.
//!
//! Versioning is enabled last, so a bucket with versioning is complete. An interrupted run may
//! leave a bucket without it, which the next run completes.

use std::time::Duration;

use aws_sdk_s3::client::Waiters;
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
    VersioningConfiguration,
};
use serde_json::json;

use super::super::partition;
use super::{ProvideErrorMetadata, SdkError, Store, status, wrong_region};
use crate::error::{Error, ErrorKind, Result};

/// How long a new bucket may take to be known everywhere.
const PROPAGATION: Duration = Duration::from_mins(1);

/// The state of the artifact bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketState {
    /// It can receive objects.
    Complete,
    /// It exists, but not all of its protections are in place.
    HalfMade,
    /// It does not exist.
    Missing,
}

/// Ensures that the artifact bucket exists: private, encrypted, versioned, TLS only.
///
/// A bucket that the manifest names is never created or changed. `report` is called before a bucket
/// is created.
///
/// # Errors
///
/// If the manifest's bucket does not exist or is in another region; refused if the bucket
/// belongs to another account.
pub async fn ensure(store: &Store, report: impl Fn(&str)) -> Result<()> {
    prepare(store, state(store).await?, report).await
}

/// Returns the state of the artifact bucket.
///
/// # Errors
///
/// As [`ensure`].
pub async fn state(store: &Store) -> Result<BucketState> {
    let bucket = &store.bucket;
    let head = store
        .client
        .head_bucket()
        .bucket(bucket)
        .expected_bucket_owner(&store.account)
        .send();
    let versioned = async {
        if store.explicit {
            Ok(true)
        } else {
            is_versioned(store).await
        }
    };
    match tokio::join!(head, versioned) {
        (Ok(head), versioned) => {
            let wanted = store.connection.region();
            match head.bucket_region() {
                Some(actual) if actual != wanted => Err(wrong_region(bucket, actual, wanted)),
                _ if versioned? => Ok(BucketState::Complete),
                _ => Ok(BucketState::HalfMade),
            }
        }
        (Err(error), _) if status(&error) == Some(404) && store.explicit => Err(Error::input(
            format!("the artifact bucket `{bucket}` does not exist"),
        )
        .hint(
            "create it, or remove `artifact_bucket` from the manifest: then stackctl makes its own",
        )),
        (Err(error), _) if status(&error) == Some(404) => Ok(BucketState::Missing),
        (Err(error), _) => {
            let doing = "use the artifact bucket";
            Err(store.problem(bucket, doing, "s3:ListBucket", &error))
        }
    }
}

/// Creates or completes the artifact bucket if it is not complete. `report` is called before.
///
/// # Errors
///
/// Refused if the bucket's name belongs to another account.
pub async fn prepare(store: &Store, state: BucketState, report: impl Fn(&str)) -> Result<()> {
    let bucket = &store.bucket;
    match state {
        BucketState::Complete => return Ok(()),
        BucketState::HalfMade => report(&format!("Finishing the artifact bucket `{bucket}`")),
        BucketState::Missing => {
            report(&format!(
                "Creating the artifact bucket `{bucket}` (private, encrypted, versioned, TLS only)"
            ));
            create(store).await?;
        }
    }
    harden(store).await
}

/// Returns whether the bucket is versioned, if that can be read.
///
/// Some servers answer in a format that the SDK cannot read. Such a bucket counts as incomplete:
/// completing it is harmless if repeated, and is done only to stackctl's own bucket.
pub(super) async fn is_versioned(store: &Store) -> Result<bool> {
    let request = store
        .client
        .get_bucket_versioning()
        .bucket(&store.bucket)
        .expected_bucket_owner(&store.account);
    match request.send().await {
        Ok(answer) => Ok(answer.status() == Some(&BucketVersioningStatus::Enabled)),
        Err(error) if status(&error) == Some(200) => Ok(false),
        Err(error) => Err(hardening(store, "s3:GetBucketVersioning", &error)),
    }
}

async fn create(store: &Store) -> Result<()> {
    let region = store.connection.region();
    // us-east-1 is the one region that must not be named.
    let location = (region != "us-east-1").then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build()
    });
    let answer = store
        .client
        .create_bucket()
        .bucket(&store.bucket)
        .set_create_bucket_configuration(location)
        .send()
        .await;
    match answer {
        Ok(_) => {}
        Err(error) if is_created_concurrently(&error) => {}
        Err(error)
            if matches!(
                error.as_service_error(),
                Some(CreateBucketError::BucketAlreadyExists(_))
            ) =>
        {
            return Err(Error::refused(format!(
                "the bucket `{}` belongs to another account",
                store.bucket
            ))
            .hint("choose a name with `artifact_bucket` in the manifest and create that bucket"));
        }
        Err(error) => {
            let doing = "create the artifact bucket";
            return Err(store.problem(&store.bucket, doing, "s3:CreateBucket", &error));
        }
    }
    store
        .client
        .wait_until_bucket_exists()
        .bucket(&store.bucket)
        .expected_bucket_owner(&store.account)
        .wait(PROPAGATION)
        .await
        .map(drop)
        .map_err(|error| {
            Error::new(
                ErrorKind::Service,
                format!("the new bucket `{}` does not appear", store.bucket),
            )
            .caused_by(error)
            .hint("run the command again")
        })
}

/// Applies every protection. Each call is harmless when repeated; versioning comes last.
async fn harden(store: &Store) -> Result<()> {
    let (client, bucket, owner) = (&store.client, &store.bucket, &store.account);
    client
        .put_public_access_block()
        .bucket(bucket)
        .expected_bucket_owner(owner)
        .public_access_block_configuration(
            PublicAccessBlockConfiguration::builder()
                .block_public_acls(true)
                .ignore_public_acls(true)
                .block_public_policy(true)
                .restrict_public_buckets(true)
                .build(),
        )
        .send()
        .await
        .map_err(|error| hardening(store, "s3:PutBucketPublicAccessBlock", &error))?;
    client
        .put_bucket_encryption()
        .bucket(bucket)
        .expected_bucket_owner(owner)
        .server_side_encryption_configuration(encryption()?)
        .send()
        .await
        .map_err(|error| hardening(store, "s3:PutEncryptionConfiguration", &error))?;
    client
        .put_bucket_policy()
        .bucket(bucket)
        .expected_bucket_owner(owner)
        .policy(tls_only(bucket, store.connection.region()))
        .send()
        .await
        .map_err(|error| hardening(store, "s3:PutBucketPolicy", &error))?;
    client
        .put_bucket_tagging()
        .bucket(bucket)
        .expected_bucket_owner(owner)
        .tagging(tagging()?)
        .send()
        .await
        .map_err(|error| hardening(store, "s3:PutBucketTagging", &error))?;
    client
        .put_bucket_versioning()
        .bucket(bucket)
        .expected_bucket_owner(owner)
        .versioning_configuration(
            VersioningConfiguration::builder()
                .status(BucketVersioningStatus::Enabled)
                .build(),
        )
        .send()
        .await
        .map_err(|error| hardening(store, "s3:PutBucketVersioning", &error))?;
    Ok(())
}

fn hardening<E>(store: &Store, action: &str, error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    store.problem(&store.bucket, "protect the artifact bucket", action, error)
}

/// Returns whether this account has created the bucket already, or another run is creating it.
fn is_created_concurrently(error: &SdkError<CreateBucketError>) -> bool {
    error.as_service_error().is_some_and(|error| {
        error.is_bucket_already_owned_by_you() || error.code() == Some("OperationAborted")
    })
}

fn encryption() -> Result<ServerSideEncryptionConfiguration> {
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::Aes256)
        .build()
        .map_err(incomplete)?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(default)
        .build();
    ServerSideEncryptionConfiguration::builder()
        .rules(rule)
        .build()
        .map_err(incomplete)
}

/// The bucket serves every project of its account and region, so its tag names none of them.
fn tagging() -> Result<Tagging> {
    let tag = Tag::builder()
        .key("stackctl:purpose")
        .value("artifacts")
        .build()
        .map_err(incomplete)?;
    Tagging::builder().tag_set(tag).build().map_err(incomplete)
}

fn incomplete(error: aws_sdk_s3::error::BuildError) -> Error {
    Error::system("cannot put a request to S3 together", error)
}

/// Returns the ARN of a bucket in the partition of a region.
pub(super) fn bucket_arn(bucket: &str, region: &str) -> String {
    format!("arn:{}:s3:::{bucket}", partition::of_region(region))
}

/// Returns a bucket policy that denies every request without TLS.
pub(super) fn tls_only(bucket: &str, region: &str) -> String {
    let arn = bucket_arn(bucket, region);
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, format!("{arn}/*")],
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }],
    })
    .to_string()
}
