//! Reading a project's objects in the artifact bucket with all their versions, and deleting them.

use aws_sdk_s3::types::BucketVersioningStatus;
use aws_smithy_types::DateTime;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::dated::Dated;
use super::delete::{self, BATCH, Undeleted};
use super::{Store, status};
use crate::aws::fault;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::garbage::{Entry, Version};

/// How many pages of versions are read, of 1,000 each.
const PAGES: usize = 10_000;

/// How many requests delete at once.
const AT_ONCE: usize = 4;

/// Returns all versions of the objects whose keys begin with `prefix`, and the time of the first answer
/// by the bucket's clock; `None` if there is no bucket.
///
/// # Errors
///
/// Refused if the bucket belongs to another account or may not be listed.
pub async fn versions(store: &Store, prefix: &str) -> Result<Option<(Vec<Version>, Timestamp)>> {
    let (bucket, doing) = (&store.bucket, "list the versions in the artifact bucket");
    let mut versions = Vec::new();
    let mut first = None;
    let mut after = (None, None);
    for _ in 0..PAGES {
        let dated = Dated::default();
        let request = store
            .client
            .list_object_versions()
            .bucket(bucket)
            .prefix(prefix)
            .expected_bucket_owner(&store.account)
            .set_key_marker(after.0.clone())
            .set_version_id_marker(after.1.clone())
            .customize()
            .interceptor(dated.clone());
        let page = match request.send().await {
            Ok(page) => page,
            Err(error) if status(&error) == Some(404) => return Ok(None),
            Err(error) => {
                return Err(store.problem(bucket, doing, "s3:ListBucketVersions", &error));
            }
        };
        let time = first.or_else(|| dated.time());
        let time = time.ok_or_else(|| fault::incomplete("ListObjectVersions", "time"))?;
        first = Some(time);
        let contents = page.versions.unwrap_or_default().into_iter();
        versions.extend(contents.filter_map(|it| {
            Some(Version {
                key: it.key?,
                id: it.version_id.unwrap_or_else(|| "null".to_owned()),
                modified: it.last_modified.as_ref().and_then(timestamp),
                size: it.size.and_then(|it| it.try_into().ok()).unwrap_or(0),
                is_marker: false,
                is_latest: it.is_latest.unwrap_or_default(),
            })
        }));
        let markers = page.delete_markers.unwrap_or_default().into_iter();
        versions.extend(markers.filter_map(|it| {
            Some(Version {
                key: it.key?,
                id: it.version_id.unwrap_or_else(|| "null".to_owned()),
                modified: it.last_modified.as_ref().and_then(timestamp),
                size: 0,
                is_marker: true,
                is_latest: it.is_latest.unwrap_or_default(),
            })
        }));
        if page.is_truncated != Some(true) || page.next_key_marker.is_none() {
            return Ok(Some((versions, time)));
        }
        let next = (page.next_key_marker, page.next_version_id_marker);
        if next == after {
            break;
        }
        after = next;
    }
    Err(Error::new(
        ErrorKind::Service,
        format!("cannot {doing}: the list does not end"),
    ))
}

pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

/// Returns whether every write to the bucket makes a new version.
///
/// # Errors
///
/// Refused if the caller may not ask.
pub async fn is_versioned(store: &Store) -> Result<bool> {
    let request = store
        .client
        .get_bucket_versioning()
        .bucket(&store.bucket)
        .expected_bucket_owner(&store.account);
    let answer = request.send().await.map_err(|error| {
        let doing = "ask whether the artifact bucket is versioned";
        store.problem(&store.bucket, doing, "s3:GetBucketVersioning", &error)
    })?;
    Ok(answer.status() == Some(&BucketVersioningStatus::Enabled))
}

/// Returns the bucket's policy; `None` if it has none.
///
/// # Errors
///
/// Refused if the caller may not read it.
pub async fn policy(store: &Store) -> Result<Option<String>> {
    let request = store.client.get_bucket_policy().bucket(&store.bucket);
    let request = request.expected_bucket_owner(&store.account);
    match request.send().await {
        Ok(answer) => Ok(answer.policy),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => {
            let doing = "read the policy of the artifact bucket";
            Err(store.problem(&store.bucket, doing, "s3:GetBucketPolicy", &error))
        }
    }
}

/// Returns the text of a version of an object; `None` if it is gone. What is not UTF-8 is replaced.
///
/// # Errors
///
/// Refused if the caller may not read it.
pub async fn text(store: &Store, version: &Version) -> Result<Option<String>> {
    // A read of the latest version needs no permission of its own.
    let id = Some(version.id.clone()).filter(|_| !version.is_latest);
    let permission = match id {
        Some(_) => "s3:GetObjectVersion",
        None => "s3:GetObject",
    };
    let doing = format!("read `{}`", version.key);
    let request = store
        .client
        .get_object()
        .bucket(&store.bucket)
        .key(&version.key)
        .set_version_id(id)
        .expected_bucket_owner(&store.account);
    match request.send().await {
        Ok(object) => {
            let body = object.body.collect().await.map_err(|error| {
                Error::new(ErrorKind::Service, format!("cannot {doing}")).caused_by(error)
            })?;
            let text = String::from_utf8_lossy(&body.into_bytes()).into_owned();
            Ok(Some(text))
        }
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(store.problem(&store.bucket, &doing, permission, &error)),
    }
}

/// Marks objects: each gets a delete marker. Returns those that were not marked.
///
/// # Errors
///
/// If a request fails, or `check` does before one. What was marked by then stays marked.
pub async fn mark(
    store: &Store,
    entries: &[Entry],
    check: impl Fn() -> Result<()>,
) -> Result<Vec<Undeleted>> {
    let objects = entries.iter().map(|it| (it.key.as_str(), None)).collect();
    let doing = "mark objects in the artifact bucket";
    delete_all(store, doing, "s3:DeleteObject", objects, check).await
}

/// Deletes the markers of objects, so that they can be read again. Returns those that were not deleted.
///
/// # Errors
///
/// If a request fails.
pub async fn unmark(store: &Store, entries: &[Entry]) -> Result<Vec<Undeleted>> {
    let versions = entries.iter().flat_map(|it| &it.versions);
    let markers = versions.map(|it| (it.key.as_str(), Some(it.id.as_str())));
    let doing = "unmark objects in the artifact bucket";
    let permission = "s3:DeleteObjectVersion";
    delete_all(store, doing, permission, markers.collect(), || Ok(())).await
}

/// Deletes all listed versions of objects, then their markers: an object whose versions are not all
/// deleted stays marked. Returns those that were not deleted.
///
/// # Errors
///
/// If a request fails, or `check` does before one.
pub async fn delete_versions(
    store: &Store,
    entries: &[Entry],
    check: impl Fn() -> Result<()>,
) -> Result<Vec<Undeleted>> {
    let (doing, permission) = (
        "delete objects in the artifact bucket",
        "s3:DeleteObjectVersion",
    );
    let of = |is_marker: bool| {
        let versions = entries.iter().flat_map(|it| &it.versions);
        let versions = versions.filter(move |it| it.is_marker == is_marker);
        versions.map(|it| (it.key.as_str(), Some(it.id.as_str())))
    };
    let mut failed = delete_all(store, doing, permission, of(false).collect(), &check).await?;
    let is_left = |key: &str| failed.iter().any(|it| it.key == key);
    let markers = of(true).filter(|(key, _)| !is_left(key)).collect();
    failed.extend(delete_all(store, doing, permission, markers, &check).await?);
    Ok(failed)
}

async fn delete_all(
    store: &Store,
    doing: &str,
    permission: &str,
    objects: Vec<(&str, Option<&str>)>,
    check: impl Fn() -> Result<()>,
) -> Result<Vec<Undeleted>> {
    let batches: Vec<_> = objects.chunks(BATCH).map(<[_]>::to_vec).collect();
    let mut running = stream::iter(batches)
        .map(async |batch| {
            check()?;
            delete::delete(store, &store.bucket, doing, permission, batch).await
        })
        .buffer_unordered(AT_ONCE);
    let mut failed = Vec::new();
    while let Some(batch) = running.next().await {
        failed.extend(batch?);
    }
    Ok(failed)
}
