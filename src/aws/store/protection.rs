//! How the artifact bucket is protected, read and compared with what [`bucket`] sets.

use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use serde_json::Value;

use super::bucket::{self, bucket_arn};
use super::{ProvideErrorMetadata, SdkError, Store, status};
use crate::error::{Error, Result};

/// A protection that stackctl gives to the bucket that it creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Nobody can make the bucket or an object public.
    PublicAccessBlock,
    /// Objects are encrypted.
    Encryption,
    /// A policy denies requests without TLS.
    TlsOnly,
    /// Objects have versions.
    Versioning,
}

/// Whether the artifact bucket has each protection.
#[derive(Debug)]
pub struct Protections(pub Vec<(Protection, Result<bool>)>);

/// Reads the protections of the artifact bucket, at the same time.
pub async fn read(store: &Store) -> Protections {
    let (public, encryption, policy, versioning) = tokio::join!(
        blocks_public_access(store),
        is_encrypted(store),
        is_tls_only(store),
        bucket::is_versioned(store)
    );
    Protections(vec![
        (Protection::PublicAccessBlock, public),
        (Protection::Encryption, encryption),
        (Protection::TlsOnly, policy),
        (Protection::Versioning, versioning),
    ])
}

async fn blocks_public_access(store: &Store) -> Result<bool> {
    let request = store
        .client
        .get_public_access_block()
        .bucket(&store.bucket)
        .expected_bucket_owner(&store.account);
    match request.send().await {
        Ok(answer) => Ok(answer
            .public_access_block_configuration
            .is_some_and(|it| is_complete(&it))),
        Err(error) => absent(store, "s3:GetBucketPublicAccessBlock", &error),
    }
}

fn is_complete(block: &PublicAccessBlockConfiguration) -> bool {
    let all = [
        block.block_public_acls,
        block.ignore_public_acls,
        block.block_public_policy,
        block.restrict_public_buckets,
    ];
    all.iter().all(|it| *it == Some(true))
}

async fn is_encrypted(store: &Store) -> Result<bool> {
    let request = store
        .client
        .get_bucket_encryption()
        .bucket(&store.bucket)
        .expected_bucket_owner(&store.account);
    match request.send().await {
        Ok(answer) => Ok(answer
            .server_side_encryption_configuration
            .is_some_and(|it| !it.rules.is_empty())),
        Err(error) => absent(store, "s3:GetEncryptionConfiguration", &error),
    }
}

async fn is_tls_only(store: &Store) -> Result<bool> {
    let request = store
        .client
        .get_bucket_policy()
        .bucket(&store.bucket)
        .expected_bucket_owner(&store.account);
    match request.send().await {
        Ok(answer) => {
            let policy = answer.policy.unwrap_or_default();
            let arn = bucket_arn(&store.bucket, store.connection.region());
            Ok(denies_plain_http(&policy, &arn))
        }
        Err(error) => absent(store, "s3:GetBucketPolicy", &error),
    }
}

/// Returns that the bucket lacks a configuration, if that is why it could not be read.
fn absent<E>(store: &Store, action: &str, error: &SdkError<E>) -> Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    // A server may answer with a configuration that the SDK cannot read.
    if matches!(status(error), Some(200 | 404)) {
        return Ok(false);
    }
    let error: Error = store.problem(
        &store.bucket,
        "read how the artifact bucket is protected",
        action,
        error,
    );
    Err(error)
}

/// Returns whether a bucket policy denies everybody every request without TLS, for the bucket and its
/// objects.
fn denies_plain_http(policy: &str, bucket_arn: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let objects = format!("{bucket_arn}/*");
    statements.iter().any(|statement| {
        let has =
            |key: &str, wanted: &[&str]| texts(&statement[key]).any(|it| wanted.contains(&it));
        let principal = &statement["Principal"];
        let condition = &statement["Condition"];
        let is_plain =
            |operator: &str| texts(&condition[operator]["aws:SecureTransport"]).eq(["false"]);
        let is_only_condition = condition.as_object().is_some_and(|it| it.len() == 1);
        statement["Effect"] == "Deny"
            && (texts(principal).eq(["*"]) || texts(&principal["AWS"]).eq(["*"]))
            && has("Action", &["s3:*", "*"])
            && (has("Resource", &["*"])
                || has("Resource", &[bucket_arn]) && has("Resource", &[&objects]))
            && is_only_condition
            && (is_plain("Bool") || is_plain("BoolIfExists"))
    })
}

/// Returns the texts of a text or of a list of texts. A boolean counts as its text.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    values.iter().filter_map(|value| match value {
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        other => other.as_str(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::bucket::{bucket_arn, tls_only};
    use super::denies_plain_http;

    #[test]
    fn the_policy_of_a_new_bucket_denies_requests_without_tls() {
        for region in ["eu-west-1", "cn-north-1"] {
            let arn = bucket_arn("b", region);
            assert!(denies_plain_http(&tls_only("b", region), &arn));
            assert!(!denies_plain_http(&tls_only("other", region), &arn));
        }
    }

    #[test]
    fn a_statement_with_the_same_effect_counts_and_a_weaker_one_does_not() {
        let arn = bucket_arn("b", "eu-west-1");
        let own = tls_only("b", "eu-west-1");
        let same = [
            own.replace("\"Principal\":\"*\"", "\"Principal\":{\"AWS\":[\"*\"]}"),
            own.replace("\"false\"", "false"),
            own.replace("\"Bool\"", "\"BoolIfExists\""),
            own.replace("\"s3:*\"", "[\"s3:*\"]"),
        ];
        for policy in same {
            assert!(denies_plain_http(&policy, &arn), "{policy}");
        }
        let weaker = [
            own.replace("Deny", "Allow"),
            own.replace("\"s3:*\"", "\"s3:GetObject\""),
            own.replace("b/*", "b/public/*"),
            own.replace(
                "\"Principal\":\"*\"",
                "\"Principal\":{\"AWS\":\"123456789012\"}",
            ),
            own.replace("\"false\"", "\"true\""),
            own.replace("{\"Bool\"", "{\"StringEquals\":{\"aws:x\":\"y\"},\"Bool\""),
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
        ];
        for policy in weaker {
            assert!(!denies_plain_http(&policy, &arn), "{policy}");
        }
    }
}
