//! Deleting objects of a bucket, versions of them and delete markers.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::Store;
use crate::error::{Error, Result};

/// How many objects one request deletes at most (`DeleteObjects`).
pub(super) const BATCH: usize = 1_000;

/// An object that S3 did not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeleted {
    /// The key.
    pub key: String,
    /// The version's id; `None` if no version was to be deleted, but the object.
    pub version: Option<String>,
    /// S3's reason.
    pub reason: String,
}

/// Deletes at most [`BATCH`] objects, each by its key and the id of a version, and returns those that S3
/// did not delete. Without a version, a versioned bucket gets a delete marker. `permission` is what the
/// caller needs, and `doing` completes "cannot …".
///
/// # Errors
///
/// If a request fails.
pub(super) async fn delete(
    store: &Store,
    bucket: &str,
    doing: &str,
    permission: &str,
    objects: Vec<(&str, Option<&str>)>,
) -> Result<Vec<Undeleted>> {
    let (odd, plain): (Vec<_>, Vec<_>) = objects.into_iter().partition(|it| !fits_in_xml(it.0));
    for (key, version) in odd {
        delete_one(store, bucket, (doing, permission), key, version).await?;
    }
    if plain.is_empty() {
        return Ok(Vec::new());
    }
    let answer = store
        .client
        .delete_objects()
        .bucket(bucket)
        .expected_bucket_owner(&store.account)
        .delete(list(plain)?)
        .send()
        .await
        .map_err(|error| store.problem(bucket, doing, permission, &error))?;
    let failed = answer.errors.unwrap_or_default().into_iter();
    let failed = failed.map(|failed| Undeleted {
        key: failed.key.unwrap_or_default(),
        version: failed.version_id.filter(|it| !it.is_empty()),
        reason: (failed.message.filter(|it| !it.is_empty()))
            .or(failed.code)
            .unwrap_or_else(|| "no reason given".to_owned()),
    });
    Ok(failed.collect())
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
    (doing, permission): (&str, &str),
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
        Err(error) => Err(store.problem(bucket, &doing, permission, &error)),
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
