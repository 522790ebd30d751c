//! `stackctl.gc/1`: what a garbage collection does or did.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::aws::store::Undeleted;
use crate::plan::garbage::{Collection, Entry, Unknown};

/// Where a garbage collection takes place.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// The account, 12 digits.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The project: all keys begin with it.
    pub project: &'a str,
}

/// The JSON document of a garbage collection.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GarbageDocument<'a> {
    #[schemars(extend("const" = "stackctl.gc/1"))]
    schema: &'static str,
    bucket: &'a str,
    account: &'a str,
    region: &'a str,
    prefix: String,
    done: bool,
    mark: Vec<EntryDocument<'a>>,
    unmark: Vec<EntryDocument<'a>>,
    delete: Vec<EntryDocument<'a>>,
    waiting: Vec<WaitingDocument<'a>>,
    unknown: Vec<UnknownDocument<'a>>,
    failed: Vec<FailedDocument<'a>>,
    summary: Summary,
}

#[derive(Debug, Serialize, JsonSchema)]
struct EntryDocument<'a> {
    key: &'a str,
    bytes: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WaitingDocument<'a> {
    key: &'a str,
    #[schemars(with = "Option<String>")]
    marked: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    until: Option<Timestamp>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UnknownDocument<'a> {
    reason: &'a str,
    denied: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FailedDocument<'a> {
    key: &'a str,
    version: Option<&'a str>,
    reason: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Summary {
    mark: usize,
    unmark: usize,
    delete: usize,
    deleted_bytes: u64,
    waiting: usize,
    kept: usize,
    other: usize,
}

impl<'a> GarbageDocument<'a> {
    /// Returns the document of what would be done.
    pub fn planned(place: &Place<'a>, collection: &'a Collection) -> Self {
        Self::of(place, collection, &[], false)
    }

    /// Returns the document of what was done. `failed` is what S3 did not do.
    pub fn done(place: &Place<'a>, collection: &'a Collection, failed: &'a [Undeleted]) -> Self {
        Self::of(place, collection, failed, true)
    }

    fn of(
        place: &Place<'a>,
        collection: &'a Collection,
        failed: &'a [Undeleted],
        done: bool,
    ) -> Self {
        let waiting = collection.waiting.iter().map(|it| WaitingDocument {
            key: &it.key,
            marked: it.marked,
            until: it.until,
        });
        let unknown = collection.unknown.iter().map(|it| UnknownDocument {
            reason: it.reason(),
            denied: matches!(it, Unknown::Denied(_)),
        });
        let failed = failed.iter().map(|it| FailedDocument {
            key: &it.key,
            version: it.version.as_deref(),
            reason: &it.reason,
        });
        Self {
            schema: "stackctl.gc/1",
            bucket: place.bucket,
            account: place.account,
            region: place.region,
            prefix: format!("{}/", place.project),
            done,
            mark: entries(&collection.mark),
            unmark: entries(&collection.unmark),
            delete: entries(&collection.delete),
            waiting: waiting.collect(),
            unknown: unknown.collect(),
            failed: failed.collect(),
            summary: Summary {
                mark: collection.mark.len(),
                unmark: collection.unmark.len(),
                delete: collection.delete.len(),
                deleted_bytes: collection.delete.iter().map(|it| it.size).sum(),
                waiting: collection.waiting.len(),
                kept: collection.kept,
                other: collection.others,
            },
        }
    }
}

fn entries(entries: &[Entry]) -> Vec<EntryDocument<'_>> {
    let entries = entries.iter().map(|entry| EntryDocument {
        key: &entry.key,
        bytes: entry.size,
    });
    entries.collect()
}
