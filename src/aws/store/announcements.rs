//! The announcements of garbage collections in the artifact bucket.

use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;

use super::dated::Dated;
use super::{Store, status};
use crate::error::Result;
use crate::plan::garbage::announcement::{self, Announcement, Concern};

/// Writes an announcement.
///
/// # Errors
///
/// Refused if the caller may not write it.
pub async fn write(store: &Store, key: &str, announcement: &Announcement) -> Result<()> {
    let request = store
        .client
        .put_object()
        .bucket(&store.bucket)
        .key(key)
        .expected_bucket_owner(&store.account)
        .content_type("application/json")
        .body(ByteStream::from(announcement.to_json()?.into_bytes()));
    request.send().await.map(drop).map_err(|error| {
        let doing = "announce the garbage collection";
        store.problem(&store.bucket, doing, "s3:PutObject", &error)
    })
}

/// Returns what the announcements of a project mean for a deployment that needs these keys, and the time
/// of the answer by the bucket's clock; `None` if it is not known.
///
/// # Errors
///
/// If a call fails, except that the caller may not list the bucket or the endpoint cannot.
pub async fn concern(
    store: &Store,
    project: &str,
    keys: &[&str],
) -> Result<(Concern, Option<Timestamp>)> {
    let dated = Dated::default();
    let request = store
        .client
        .list_objects_v2()
        .bucket(&store.bucket)
        .prefix(announcement::prefix(project))
        .expected_bucket_owner(&store.account)
        .customize()
        .interceptor(dated.clone());
    let page = match request.send().await {
        Ok(page) => page,
        // A caller who may not list could deploy before there were announcements. An endpoint that
        // answers with no list has none.
        Err(error) if matches!(status(&error), Some(200 | 403 | 404)) => {
            return Ok((Concern::Nothing, dated.time()));
        }
        Err(error) => {
            let doing = "look for a garbage collection in the artifact bucket";
            return Err(store.problem(&store.bucket, doing, "s3:ListBucket", &error));
        }
    };
    let mut found = Concern::Nothing;
    for object in page.contents.unwrap_or_default() {
        let Some(key) = object.key else { continue };
        let modified = object
            .last_modified
            .as_ref()
            .and_then(super::garbage::timestamp);
        if !announcement::is_announcement(project, &key)
            || !announcement::is_current(modified, dated.time())
        {
            continue;
        }
        let Some(content) = store.fetch(&key).await? else {
            // Another garbage collection has deleted it since: that one had ended.
            found = found.max(Concern::Ended);
            continue;
        };
        let read = Announcement::read(&content);
        let concern =
            announcement::concern(read.as_ref(), modified, dated.time(), keys.iter().copied());
        found = found.max(concern);
    }
    Ok((found, dated.time()))
}
