//! Emptying a bucket, which CloudFormation does not do: a bucket that holds anything, if only an old
//! version, cannot be deleted.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::{Store, status};
use crate::cloudformation::deletion::Contents;
use crate::error::{Error, ErrorKind, Result};

/// How many pages of a bucket's versions are read, of 1,000 each: as many as a run can delete in hours.
const PAGES: usize = 100_000;

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
        let (odd, plain): (Vec<_>, Vec<_>) = objects.partition(|(key, _)| !fits_in_xml(key));
        let count = odd.len() + plain.len();
        for (key, version) in odd {
            delete_one(store, bucket, &doing, key, version).await?;
        }
        if !plain.is_empty() {
            delete(store, bucket, &doing, list(plain)?).await?;
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

/// Returns whether a key arrives unchanged in XML 1.0, which has no control characters and takes one
/// line break for another.
fn fits_in_xml(key: &str) -> bool {
    let is_odd = |it: char| it.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&it);
    !key.contains(is_odd) && !key.contains('\u{2028}')
}

fn list(objects: Vec<(&str, Option<&str>)>) -> Result<Delete> {
    let objects = objects.into_iter().map(|(key, version)| {
        ObjectIdentifier::builder()
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .build()
    });
    objects
        .collect::<Result<Vec<_>, _>>()
        .and_then(|objects| {
            Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build()
        })
        .map_err(|error| Error::system("cannot put a request to S3 together", error))
}

/// Deletes one object, with its key in the URL (`DeleteObject`).
async fn delete_one(
    store: &Store,
    bucket: &str,
    doing: &str,
    key: &str,
    version: Option<&str>,
) -> Result<()> {
    let request = store
        .client
        .delete_object()
        .bucket(bucket)
        .expected_bucket_owner(&store.account)
        .key(key)
        .set_version_id(version.map(str::to_owned));
    let doing = format!("{doing}: delete `{}`", key.escape_debug());
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(store.problem(bucket, &doing, "s3:DeleteObjectVersion", &error)),
    }
}

/// Deletes at most 1,000 objects (`DeleteObjects`).
async fn delete(store: &Store, bucket: &str, doing: &str, objects: Delete) -> Result<()> {
    let answer = store
        .client
        .delete_objects()
        .bucket(bucket)
        .expected_bucket_owner(&store.account)
        .delete(objects)
        .send()
        .await
        .map_err(|error| store.problem(bucket, doing, "s3:DeleteObjectVersion", &error))?;
    match answer.errors().first() {
        None => Ok(()),
        Some(failed) => Err(Error::new(
            ErrorKind::Service,
            format!(
                "cannot {doing}: `{}` was not deleted: {}",
                failed.key().unwrap_or_default(),
                failed
                    .message()
                    .or(failed.code())
                    .unwrap_or("no reason given"),
            ),
        )
        .hint("the caller needs `s3:DeleteObjectVersion`, and no object lock may hold it")),
    }
}

#[cfg(test)]
mod tests {
    use super::fits_in_xml;

    #[test]
    fn keys_that_xml_cannot_carry_are_known() {
        for key in ["a/b c", "ü-漢-😀", "<&>\"'", ""] {
            assert!(fits_in_xml(key), "{key:?}");
        }
        for key in [
            "a\u{10}b", "a\rb", "a\nb", "\u{0}", "\u{85}", "\u{fffe}", "\u{2028}",
        ] {
            assert!(!fits_in_xml(key), "{key:?}");
        }
    }
}
