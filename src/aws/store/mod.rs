//! The artifact bucket: zips and large templates, each under the name of its content.
//!
//! A key contains the SHA-256 of its content, so an existing object is never uploaded again; but it
//! is trusted only if S3 itself reports that SHA-256. One request uploads an object whole: the
//! checksum of a multipart upload is a checksum of checksums, which would never match.
//!
//! A bucket's name says nothing about its owner. Every request that can carry `ExpectedBucketOwner`
//! does, so that a bucket of our name in another account receives nothing from us.

pub mod announcements;
mod body;
pub mod bucket;
mod dated;
mod delete;
pub mod empty;
pub mod garbage;
pub mod protection;
pub mod records;

pub use bucket::BucketState;
pub use delete::Undeleted;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};

use super::backoff::Backoff;
use super::partition;
use super::retries::CONNECT_TIMEOUT;
use super::{Connection, Endpoint};
use crate::artifact::digest::Digest;
use crate::artifact::package::{Artifact, PlainFile, ZipReader};
use crate::config::settings::Settings;
use crate::error::{Error, ErrorKind, Result};
use dated::Dated;

/// How often an upload is tried if somebody else writes the same key at the same time.
const RACES: usize = 5;

/// The artifact bucket of one account and region.
#[derive(Debug, Clone)]
pub struct Store {
    connection: Connection,
    client: Client,
    account: String,
    bucket: String,
    /// Whether the manifest names the bucket: then it is used as it is, and never created.
    explicit: bool,
}

/// What became of something that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It was uploaded.
    Uploaded,
    /// It existed already, with the same SHA-256.
    Present,
    /// Its key was taken by something without a SHA-256 or with another one, such as a copy by
    /// another tool, and now holds the right content.
    Replaced,
}

/// Something to store: its key, its digest and its bytes.
#[derive(Debug, Clone)]
pub struct Object<'a> {
    key: &'a str,
    digest: &'a Digest,
    size: u64,
    content_type: &'static str,
    bytes: Bytes<'a>,
}

#[derive(Debug, Clone)]
enum Bytes<'a> {
    File(ZipReader),
    Text(&'a str),
}

impl<'a> Object<'a> {
    /// Returns the zip of an artifact.
    pub fn zip(artifact: &'a Artifact) -> Self {
        Self {
            key: &artifact.key,
            digest: &artifact.digest,
            size: artifact.size,
            content_type: "application/zip",
            bytes: Bytes::File(artifact.zip()),
        }
    }

    /// Returns a file that is stored as it is.
    pub fn file(file: &'a PlainFile) -> Self {
        Self {
            key: &file.key,
            digest: &file.digest,
            size: file.size,
            content_type: "application/octet-stream",
            bytes: Bytes::File(file.reader()),
        }
    }

    /// Returns a template.
    pub fn template(key: &'a str, digest: &'a Digest, body: &'a str) -> Self {
        Self {
            key,
            digest,
            size: body.len() as u64,
            content_type: "application/yaml",
            bytes: Bytes::Text(body),
        }
    }

    /// Returns the record of a deployment.
    pub fn record(key: &'a str, digest: &'a Digest, json: &'a str) -> Self {
        Self {
            content_type: "application/json",
            ..Self::template(key, digest, json)
        }
    }

    /// Returns the same object under another key.
    #[must_use]
    pub fn at(self, key: &'a str) -> Self {
        Self { key, ..self }
    }

    /// Returns the key.
    pub fn key(&self) -> &str {
        self.key
    }

    /// Returns the SHA-256.
    pub fn digest(&self) -> &Digest {
        self.digest
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// What is under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectState {
    /// Nothing, or there is no bucket.
    Nothing,
    /// The expected content: S3 reports its SHA-256.
    Same,
    /// Something else, with its entity tag.
    Other(Option<String>),
}

/// On what condition an object is written.
#[derive(Debug)]
enum Condition {
    /// There is nothing under its key.
    Absent,
    /// What is under its key still has this entity tag.
    Unchanged(String),
    /// On none.
    None,
}

impl Condition {
    /// Returns the condition that something with this entity tag is still under the key; none if the
    /// server gives no tag.
    fn of(tag: Option<String>) -> Self {
        tag.map_or(Self::None, Self::Unchanged)
    }
}

/// Returns the name of the artifact bucket that stackctl makes in an account and region.
pub(crate) fn default_bucket(account: &str, region: &str) -> String {
    format!("stackctl-artifacts-{account}-{region}")
}

impl Store {
    /// Returns the store of `account`: the manifest's `artifact_bucket`, else
    /// `stackctl-artifacts-{account}-{region}`. Nothing is sent yet.
    ///
    /// In the local environment, nobody else creates the manifest's bucket, so it counts as stackctl's own.
    pub fn new(connection: &Connection, settings: &Settings, account: impl Into<String>) -> Self {
        let account = account.into();
        let explicit = settings.artifact_bucket.clone();
        let made = || default_bucket(&account, connection.region());
        Self {
            connection: connection.clone(),
            client: connection.s3(),
            explicit: explicit.is_some() && !settings.emulator,
            bucket: explicit.unwrap_or_else(made),
            account,
        }
    }

    /// Returns the store of another bucket of the same account. `is_own` tells whether stackctl may create
    /// it.
    #[must_use]
    pub fn of_bucket(&self, bucket: &str, is_own: bool) -> Self {
        Self {
            bucket: bucket.to_owned(),
            explicit: !is_own,
            ..self.clone()
        }
    }

    /// Returns the same store for a bucket in another region.
    #[must_use]
    pub fn in_region(self, region: &str) -> Self {
        Self {
            client: self.connection.s3_in(region),
            ..self
        }
    }

    /// Returns whether the manifest names the bucket, so that stackctl neither creates nor changes it.
    pub fn is_named(&self) -> bool {
        self.explicit
    }

    /// Returns the bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns an object's bytes; `None` if there is no such object.
    ///
    /// # Errors
    ///
    /// Refused if the bucket belongs to another account or the caller may not read it.
    pub async fn fetch(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let doing = format!("read `{key}`");
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .expected_bucket_owner(&self.account)
            .send()
            .await;
        match answer {
            Ok(object) => {
                let body = object.body.collect().await.map_err(|error| {
                    Error::new(ErrorKind::Service, format!("cannot {doing}")).caused_by(error)
                })?;
                Ok(Some(body.to_vec()))
            }
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.problem(&self.bucket, &doing, "s3:GetObject", &error)),
        }
    }

    /// Stores an object unless it exists, on condition that its key still has the state that was read.
    /// The bucket must exist: see [`bucket::ensure`].
    ///
    /// # Errors
    ///
    /// Refused if the bucket belongs to another account or the caller may not write to it.
    pub async fn store(&self, object: &Object<'_>, state: ObjectState) -> Result<Stored> {
        let stored = self.put(object, state).await?;
        stored.ok_or_else(|| {
            let doing = format!("upload `{}` to the artifact bucket", object.key);
            no_bucket(&self.bucket, &doing)
        })
    }

    /// Stores an object without a look at its key first; only if the key is taken, what is there is
    /// read, and stays if it is the same. Returns `None` if there is no such bucket.
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store).
    pub async fn store_at_once(&self, object: &Object<'_>) -> Result<Option<Stored>> {
        self.put(object, ObjectState::Nothing).await
    }

    /// Stores an object if there is nothing under its key. What is there stays, whatever it is.
    ///
    /// # Errors
    ///
    /// If there is no such bucket; refused if the bucket belongs to another account or the caller may
    /// not write to it.
    pub async fn store_if_absent(&self, object: &Object<'_>) -> Result<Stored> {
        let mut backoff = Backoff::short();
        for _ in 0..RACES {
            match self.send(object, Condition::Absent).await {
                Ok(()) => return Ok(Stored::Uploaded),
                Err(error) if status(&error) == Some(412) => return Ok(Stored::Present),
                // Another upload is running, and may not succeed.
                Err(error) if lost_race(&error) => backoff.pause().await,
                Err(error) => {
                    let doing = format!("upload `{}`", object.key);
                    return Err(self.problem(&self.bucket, &doing, "s3:PutObject", &error));
                }
            }
        }
        Err(self.always_lost(object))
    }

    /// Returns the URL by which CloudFormation reads an object.
    pub fn url(&self, key: &str) -> String {
        object_url(
            self.connection.endpoint(),
            self.connection.region(),
            &self.bucket,
            key,
        )
    }

    /// Returns what is under `key`, compared with the content of this digest.
    ///
    /// # Errors
    ///
    /// Refused if the bucket belongs to another account or the caller may not read it.
    pub async fn object_state(&self, key: &str, digest: &Digest) -> Result<ObjectState> {
        let (state, _) = self.state_since(key, digest, None).await?;
        Ok(state)
    }

    /// As [`object_state`](Self::object_state), with the time of the answer by the bucket's clock; `None`
    /// if it is not known. Content that is older than `age` counts as something else, so that it is
    /// uploaded again.
    ///
    /// # Errors
    ///
    /// As [`object_state`](Self::object_state).
    pub async fn state_since(
        &self,
        key: &str,
        digest: &Digest,
        age: Option<SignedDuration>,
    ) -> Result<(ObjectState, Option<Timestamp>)> {
        let dated = Dated::default();
        let answer = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .expected_bucket_owner(&self.account)
            .customize()
            .interceptor(dated.clone())
            .send()
            .await;
        let is_old = |modified: Option<&DateTime>| match (age, modified, dated.time()) {
            (Some(age), Some(modified), Some(now)) => {
                let modified = garbage::timestamp(modified);
                modified.is_some_and(|modified| now.duration_since(modified) >= age)
            }
            _ => false,
        };
        let state = match answer {
            Ok(head)
                if head.checksum_sha256() == Some(&digest.base64())
                    && !is_old(head.last_modified()) =>
            {
                ObjectState::Same
            }
            Ok(head) => ObjectState::Other(head.e_tag),
            Err(error) if status(&error) == Some(404) => ObjectState::Nothing,
            Err(error) => {
                return Err(self.problem(
                    &self.bucket,
                    &format!("look for `{key}` in the artifact bucket"),
                    "s3:GetObject` and `s3:ListBucket",
                    &error,
                ));
            }
        };
        Ok((state, dated.time()))
    }

    /// Stores an object; returns `None` if there is no such bucket.
    async fn put(&self, object: &Object<'_>, mut state: ObjectState) -> Result<Option<Stored>> {
        let mut backoff = Backoff::short();
        for race in 0..RACES {
            let (stored, condition) = match state {
                ObjectState::Same => return Ok(Some(Stored::Present)),
                ObjectState::Nothing => (Stored::Uploaded, Condition::Absent),
                ObjectState::Other(tag) => (Stored::Replaced, Condition::of(tag)),
            };
            let sent = match self.send(object, condition).await {
                // The endpoint knows no conditions. The key names the content, so there is nothing
                // under it that must not be replaced.
                Err(error) if status(&error) == Some(501) => {
                    state = self.object_state(object.key, object.digest).await?;
                    if state == ObjectState::Same {
                        return Ok(Some(Stored::Present));
                    }
                    self.send(object, Condition::None).await
                }
                sent => sent,
            };
            match sent {
                Ok(()) => return Ok(Some(stored)),
                Err(error) if lost_race(&error) => {
                    // Another upload may not have ended yet, unless the key was simply taken.
                    if race > 0 || status(&error) != Some(412) {
                        backoff.pause().await;
                    }
                    state = self.object_state(object.key, object.digest).await?;
                }
                Err(error) if code(&error) == Some("NoSuchBucket") => return Ok(None),
                Err(error) => {
                    return Err(self.problem(
                        &self.bucket,
                        &format!("upload `{}` to the artifact bucket", object.key),
                        "s3:PutObject",
                        &error,
                    ));
                }
            }
        }
        Err(self.always_lost(object))
    }

    fn always_lost(&self, object: &Object<'_>) -> Error {
        Error::new(
            ErrorKind::Service,
            format!(
                "something else keeps writing `{}` to the artifact bucket `{}`",
                object.key, self.bucket
            ),
        )
        .hint("wait for the other run and start this one again")
    }

    /// Sends an object on a condition.
    async fn send(
        &self,
        object: &Object<'_>,
        condition: Condition,
    ) -> Result<(), SdkError<PutObjectError>> {
        let body = match &object.bytes {
            Bytes::Text(text) => ByteStream::from(text.as_bytes().to_vec()),
            Bytes::File(file) => body::of_zip(file.clone()),
        };
        // A large zip on a slow line may take as long as it needs.
        let patience = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .disable_operation_attempt_timeout()
            .disable_operation_timeout()
            .build();
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(object.key)
            .expected_bucket_owner(&self.account)
            .checksum_sha256(object.digest.base64())
            .content_type(object.content_type)
            .body(body);
        let request = match condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::Unchanged(tag) => request.if_match(tag),
            Condition::None => request,
        };
        let request = request
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(patience));
        request.send().await.map(drop)
    }

    /// Returns the error for a failed call on `bucket` that needs the permission `action`.
    fn problem<E>(
        &self,
        bucket: &str,
        doing: &str,
        action: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let answer = error.as_service_error();
        let code = answer.and_then(ProvideErrorMetadata::code);
        if status(error) == Some(403) && matches!(code, None | Some("AccessDenied" | "Forbidden")) {
            let refusal = Error::refused(format!(
                "cannot {doing}: the bucket `{bucket}` denies access"
            ))
            .hint(format!(
                "the bucket must belong to the account {}: stackctl never uses another's",
                self.account
            ))
            .hint(format!("the caller needs `{action}` on it"));
            let is_own = !self.explicit && bucket == self.bucket;
            let refusal = match self.connection.endpoint() {
                Endpoint::Custom(url) if is_own && url.starts_with("http:") => {
                    refusal.hint(format!(
                        "it admits requests with TLS alone, and {url} has none: where that is the \
                         reason, create another bucket there and name it with `artifact_bucket`"
                    ))
                }
                _ => refusal,
            };
            return match answer.and_then(ProvideErrorMetadata::message) {
                Some(message) => refusal.caused_by(std::io::Error::other(message.to_owned())),
                None => refusal,
            };
        }
        if let Some(region) = self.elsewhere(error) {
            return wrong_region(bucket, &region, self.connection.region());
        }
        if code == Some("NoSuchBucket") {
            return no_bucket(bucket, doing);
        }
        self.connection.fault(doing, error)
    }

    /// Returns the region of the bucket according to the answer, if it is another one.
    fn elsewhere<E>(&self, error: &SdkError<E, HttpResponse>) -> Option<String> {
        let region = error.raw_response()?.headers().get("x-amz-bucket-region")?;
        (region != self.connection.region()).then(|| region.to_owned())
    }
}

/// Returns an object's URL. A bucket with a dot in its name has no certificate of its own.
fn object_url(endpoint: &Endpoint, region: &str, bucket: &str, key: &str) -> String {
    let domain = partition::domain(region);
    match endpoint {
        Endpoint::Custom(url) => format!("{}/{bucket}/{key}", url.trim_end_matches('/')),
        Endpoint::Aws if bucket.contains('.') => {
            format!("https://s3.{region}.{domain}/{bucket}/{key}")
        }
        Endpoint::Aws => format!("https://{bucket}.s3.{region}.{domain}/{key}"),
    }
}

fn no_bucket(bucket: &str, doing: &str) -> Error {
    Error::input(format!("cannot {doing}: there is no bucket `{bucket}`"))
}

fn wrong_region(bucket: &str, actual: &str, wanted: &str) -> Error {
    Error::input(format!(
        "the artifact bucket `{bucket}` is in {actual}, but the stack is in {wanted}"
    ))
    .hint("Lambda loads code from its own region alone: name a bucket there, or remove `artifact_bucket`")
}

/// Returns the status of the HTTP answer, if there was one.
fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// Returns whether an upload failed because the key changed since it was read (412), or because another
/// upload of the key was running (409).
fn lost_race(error: &SdkError<PutObjectError>) -> bool {
    status(error) == Some(412) || code(error) == Some("ConditionalRequestConflict")
}

/// Returns the code of the service's error, if it answered with one.
fn code(error: &SdkError<PutObjectError>) -> Option<&str> {
    error.as_service_error()?.code()
}

#[cfg(test)]
mod tests;
