//! The objects to which the account's texts refer.
//!
//! A text refers to an object if it contains the digest of the object's bytes, wherever and however it
//! is written: a key that a template puts together from parts still has the digest in one of them.

use std::collections::BTreeSet;

use super::{Kind, Listing, Unknown, Version};
use crate::plan::record;

/// The size of the largest template, in bytes (CloudFormation quotas): longer objects are not read.
const TEMPLATE_LIMIT: u64 = 1024 * 1024;

/// The records that are kept whatever the manifest says: those of the deployed template and of the
/// previous one.
const LEAST_RECORDS: usize = 2;

/// The objects of a listing to which something refers.
#[derive(Debug, Clone)]
pub struct References<'l> {
    listing: &'l Listing,
    digests: BTreeSet<&'l str>,
    records: BTreeSet<&'l str>,
    read: BTreeSet<&'l str>,
    unknown: Vec<Unknown>,
}

impl<'l> References<'l> {
    /// Returns the references to the newest records of each stack, `keep` of each and at least two.
    pub fn new(listing: &'l Listing, keep: usize) -> Self {
        Self {
            listing,
            digests: BTreeSet::new(),
            records: listing.newest_records(keep.max(LEAST_RECORDS)),
            read: BTreeSet::new(),
            unknown: Vec::new(),
        }
    }

    /// Adds everything to which a text refers. Returns whether it refers to an object of the project.
    pub fn add(&mut self, text: &str) -> bool {
        let digests = self.listing.mentioned(text);
        let refers = !digests.is_empty();
        self.digests.extend(digests);
        refers
    }

    /// Adds everything with one of these digests.
    pub fn add_all(&mut self, digests: &BTreeSet<String>) {
        for digest in digests {
            self.add(digest);
        }
    }

    /// Adds that something that is not known may refer to any object.
    pub fn add_unknown(&mut self, reason: Unknown) {
        self.unknown.push(reason);
    }

    /// Returns the objects that are kept and may refer to others, with the versions to read. Each is
    /// returned once; its text has to be [added](Self::add).
    pub fn take_unread(&mut self) -> Vec<&'l Version> {
        let mut unread = Vec::new();
        for (key, object) in &self.listing.objects {
            let limit = match &object.kind {
                Kind::Content(_) if is_zip(key) => continue,
                Kind::Content(_) => TEMPLATE_LIMIT,
                Kind::Record(..) => record::MAX_LENGTH as u64,
                Kind::Announcement => continue,
            };
            let content = object.newest_content();
            let Some(content) = content.filter(|it| it.size <= limit) else {
                continue;
            };
            if self.keeps(key) && self.read.insert(key) {
                unread.push(content);
            }
        }
        unread
    }

    /// Returns whether something refers to an object.
    pub(super) fn keeps(&self, key: &str) -> bool {
        match self.listing.objects.get(key).map(|object| &object.kind) {
            Some(Kind::Content(digest)) => self.digests.contains(digest.as_str()),
            Some(Kind::Record(..)) => self.records.contains(key),
            Some(Kind::Announcement) | None => true,
        }
    }

    pub(super) fn unknown(&self) -> &[Unknown] {
        &self.unknown
    }
}

/// Returns whether a key is that of an artifact's zip, which refers to nothing.
pub(super) fn is_zip(key: &str) -> bool {
    key.strip_suffix(".zip").is_some()
}
