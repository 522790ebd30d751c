//! Emptying a bucket, which CloudFormation does not do: a bucket that holds anything, if only an old
//! version, cannot be deleted.

use super::delete::{self, Undeleted};
use super::{Store, status};
use crate::cloudformation::deletion::Contents;
use crate::error::{Error, ErrorKind, Result};

/// How many pages of a bucket's versions are read, of 1,000 each: as many as a run can delete in hours.
const PAGES: usize = 100_000;

/// The permission to delete a version.
const PERMISSION: &str = "s3:DeleteObjectVersion";

/// Returns how much a bucket of the same account holds, old versions and delete markers
/// included; `None` if there is no such bucket.
///
/// # Errors
///
/// Refused if the bucket belongs to another account or may not be listed.
pub async fn contents(store: &Store, bucket: &str) -> Result<Option<Contents>> {
    let doing = format!("look into the bucket `{bucket}`");
    let request = store
        .client
        .list_object_versions()
        .bucket(bucket)
        .expected_bucket_owner(&store.account);
    let page = match request.send().await {
        Ok(page) => page,
        Err(error) if status(&error) == Some(404) => return Ok(None),
        Err(error) => {
            return Err(store.problem(bucket, &doing, "s3:ListBucketVersions", &error));
        }
    };
    Ok(Some(Contents {
        versions: page.versions().len() + page.delete_markers().len(),
        more: page.is_truncated() == Some(true),
    }))
}

/// Deletes every version and every delete marker in a bucket of the same account, and returns
/// how many there were. `report` is called with that number as it grows, after each 1,000.
///
/// # Errors
///
/// Refused if the bucket belongs to another account or the caller may not delete from it; the
/// first object that S3 would not delete.
pub async fn empty_bucket(store: &Store, bucket: &str, report: impl Fn(usize)) -> Result<usize> {
    let doing = format!("empty the bucket `{bucket}`");
    let mut deleted = 0;
    let mut after = (None, None);
    for _ in 0..PAGES {
        let page = store
            .client
            .list_object_versions()
            .bucket(bucket)
            .expected_bucket_owner(&store.account)
            .set_key_marker(after.0.clone())
            .set_version_id_marker(after.1.clone())
            .send()
            .await
            .map_err(|error| store.problem(bucket, &doing, "s3:ListBucketVersions", &error))?;
        let versions = page.versions().iter().map(|it| (it.key(), it.version_id()));
        let markers = page.delete_markers().iter();
        let markers = markers.map(|it| (it.key(), it.version_id()));
        let objects = versions
            .chain(markers)
            .filter_map(|(key, version)| Some((key?, version)));
        let objects: Vec<_> = objects.collect();
        let count = objects.len();
        let failed = delete::delete(store, bucket, &doing, PERMISSION, objects).await?;
        if let Some(Undeleted { key, reason, .. }) = failed.into_iter().next() {
            let message = format!("cannot {doing}: `{key}` was not deleted: {reason}");
            return Err(Error::new(ErrorKind::Service, message).hint(
                "the caller needs `s3:DeleteObjectVersion`, and no object lock may hold it",
            ));
        }
        if count > 0 {
            deleted += count;
            report(deleted);
        }
        if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
            return Ok(deleted);
        }
        let next = (page.next_key_marker, page.next_version_id_marker);
        if next == after {
            break;
        }
        after = next;
    }
    Err(Error::new(
        ErrorKind::Service,
        format!("cannot {doing}: the list of its versions does not end"),
    ))
}
