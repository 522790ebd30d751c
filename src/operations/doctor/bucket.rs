//! The artifact bucket: whether it can be used, and how it is protected.

use super::within;
use crate::aws::store::protection::{self, Protection, Protections};
use crate::aws::store::{BucketState, Store, bucket};
use crate::aws::{Connection, Identity};
use crate::error::{ErrorKind, Result};
use crate::operations::session::Session;
use crate::plan::checkup::{Check, Topic};
use crate::util::shell_word::quote;

const BUCKET: Topic = Topic::Bucket;

/// What was found out about the bucket.
#[derive(Debug)]
pub(super) struct ReadBucket {
    pub(super) checks: Vec<Check>,
    /// The actions that S3 allowed or denied.
    pub(super) seen: Vec<(&'static str, bool)>,
}

/// Reads the bucket and its protections at the same time.
pub(super) async fn checks(
    session: &Session<'_>,
    connection: &Connection,
    identity: &Identity,
) -> ReadBucket {
    let store = Store::new(connection, session.settings(), identity.account.as_str());
    let protections = async { Ok(protection::read(&store).await) };
    let (state, protections) = tokio::join!(within(bucket::state(&store)), within(protections));
    let mut checks = vec![usable(session, &store, &state)];
    let mut seen = Vec::new();
    // A bucket that cannot be read may belong to another account.
    if state.as_ref().is_ok_and(|it| *it != BucketState::Missing) {
        seen.push(("s3:ListBucket", true));
    }
    if let (Ok(BucketState::Complete | BucketState::HalfMade), Ok(Protections(read))) =
        (&state, protections)
    {
        for (protection, found) in read {
            seen.push((action(protection), !is_denied(&found)));
            checks.push(protected(&store, protection, &found));
        }
    }
    ReadBucket { checks, seen }
}

fn usable(session: &Session<'_>, store: &Store, state: &Result<BucketState>) -> Check {
    const NAME: &str = "bucket";
    let bucket = store.bucket();
    match state {
        Ok(BucketState::Complete) => {
            let whose = if store.is_named() {
                "the manifest names it"
            } else {
                "stackctl's own"
            };
            Check::ok(BUCKET, NAME, format!("`{bucket}`, {whose}"))
        }
        Ok(BucketState::HalfMade) => {
            let summary = format!("`{bucket}` is not complete");
            let apply = session.command("apply");
            Check::warning(BUCKET, NAME, summary).remedy(format!(
                "`{apply}` completes it before it uploads something"
            ))
        }
        Ok(BucketState::Missing) => {
            let summary = format!("`{bucket}` does not exist yet");
            Check::ok(BUCKET, NAME, summary)
                .detail("the first command that uploads something creates it")
        }
        Err(error) => Check::of_error(BUCKET, NAME, error),
    }
}

fn is_denied(found: &Result<bool>) -> bool {
    let error = found.as_ref().err();
    error.is_some_and(|it| it.kind() == ErrorKind::Refused)
}

/// Returns the name of a check, and the permission that reads it.
fn action(protection: Protection) -> &'static str {
    match protection {
        Protection::PublicAccessBlock => "s3:GetBucketPublicAccessBlock",
        Protection::Encryption => "s3:GetEncryptionConfiguration",
        Protection::TlsOnly => "s3:GetBucketPolicy",
        Protection::Versioning => "s3:GetBucketVersioning",
    }
}

fn protected(store: &Store, protection: Protection, found: &Result<bool>) -> Check {
    let (name, yes, no) = match protection {
        Protection::PublicAccessBlock => (
            "public-access",
            "blocked",
            "not blocked: a policy or a list of permissions can make objects public",
        ),
        Protection::Encryption => ("encryption", "objects are encrypted", "none is configured"),
        Protection::TlsOnly => (
            "tls",
            "the policy denies requests without TLS",
            "no policy denies requests without TLS",
        ),
        Protection::Versioning => (
            "versioning",
            "enabled",
            "not enabled: an object that is deleted or replaced is lost",
        ),
    };
    match found {
        Ok(true) => Check::ok(BUCKET, name, yes),
        Ok(false) => Check::warning(BUCKET, name, no).remedy(remedy(store, protection)),
        Err(error) if is_denied(found) => {
            let reason = format!("not known: the caller lacks `{}`", action(protection));
            let _ = error;
            Check::skipped(BUCKET, name, reason)
        }
        Err(error) => Check::of_error(BUCKET, name, error).at_most_warning(),
    }
}

fn remedy(store: &Store, protection: Protection) -> String {
    let bucket = quote(store.bucket());
    let command = |operation: &str, option: &str| {
        format!("`aws s3api {operation} --bucket {bucket} {option}`")
    };
    match protection {
        Protection::PublicAccessBlock => command(
            "put-public-access-block",
            "--public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,\
             BlockPublicPolicy=true,RestrictPublicBuckets=true",
        ),
        Protection::Encryption => command(
            "put-bucket-encryption",
            "--server-side-encryption-configuration '{\"Rules\":[{\"ApplyServerSideEncryptionByDefault\":\
             {\"SSEAlgorithm\":\"AES256\"}}]}'",
        ),
        Protection::TlsOnly => format!(
            "add a statement to the policy of {bucket} that denies `s3:*` to everybody where \
             `aws:SecureTransport` is false"
        ),
        Protection::Versioning => command(
            "put-bucket-versioning",
            "--versioning-configuration Status=Enabled",
        ),
    }
}
