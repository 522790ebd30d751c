//! Small objects of the artifact bucket that are written once: the records of deployments.
//!
//! A record is written on condition that its key is free. If the answer to an upload is lost, the
//! repeated upload finds the key taken, so the content under the key decides.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

use super::{Condition, Object, ObjectState, RACES, Store, lost_race, status};
use crate::aws::backoff::Backoff;
use crate::error::{Error, ErrorKind, Result};

/// How many pages of 1,000 keys are read at most.
const MOST_PAGES: usize = 1_000;

/// What became of an object that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is under its key.
    Created,
    /// Its key is taken by another object.
    Taken,
}

/// Returns the keys that begin with `prefix`, in their order; `None` if there is no bucket.
///
/// # Errors
///
/// Refused if the bucket belongs to another account or the caller may not list it.
pub async fn keys(store: &Store, prefix: &str) -> Result<Option<Vec<String>>> {
    const DOING: &str = "list the records in the artifact bucket";
    let mut keys = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let request = store
            .client
            .list_objects_v2()
            .bucket(&store.bucket)
            .prefix(prefix)
            .set_continuation_token(token.clone())
            .expected_bucket_owner(&store.account);
        let page = match request.send().await {
            Ok(page) => page,
            Err(error) if status(&error) == Some(404) => return Ok(None),
            Err(error) => {
                return Err(store.problem(&store.bucket, DOING, "s3:ListBucket", &error));
            }
        };
        let next = next_token(&page);
        let contents = page.contents.unwrap_or_default();
        let found = contents.into_iter().filter_map(|object| object.key);
        keys.extend(found.filter(|key| key.starts_with(prefix)));
        if next.is_none() || next == token {
            break;
        }
        token = next;
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(Some(keys))
}

fn next_token(page: &ListObjectsV2Output) -> Option<String> {
    let is_truncated = page.is_truncated.unwrap_or_default();
    page.next_continuation_token
        .clone()
        .filter(|_| is_truncated)
}

/// Stores an object if its key is free.
///
/// # Errors
///
/// Refused if the bucket belongs to another account or the caller may not write to it.
pub async fn create(store: &Store, object: &Object<'_>) -> Result<Created> {
    let mut backoff = Backoff::short();
    for _ in 0..RACES {
        let Err(error) = store.send(object, Condition::Absent).await else {
            return Ok(Created::Created);
        };
        if !lost_race(&error) {
            let doing = format!("write `{}` to the artifact bucket", object.key());
            return Err(store.problem(&store.bucket, &doing, "s3:PutObject", &error));
        }
        match store.object_state(object.key(), object.digest()).await? {
            ObjectState::Same => return Ok(Created::Created),
            ObjectState::Other(_) => return Ok(Created::Taken),
            // Another upload has not ended yet.
            ObjectState::Nothing => backoff.pause().await,
        }
    }
    Err(Error::new(
        ErrorKind::Service,
        format!("something else keeps writing `{}`", object.key()),
    ))
}
