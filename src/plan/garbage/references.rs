//! The objects to which the account's texts refer.
//!
//! A text refers to an object if it contains the digest of the object's bytes, wherever and however it
//! is written: a key that a template puts together from parts still has the digest in one of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Listing, Unknown, Version};
use crate::plan::record;

/// The size of the largest template, in bytes (CloudFormation quotas): longer objects are not read.
const TEMPLATE_LIMIT: u64 = 1024 * 1024;

/// The records that are kept of each stack whatever the manifest says, and those of deployments that
/// succeeded: of the deployed template and of the previous one.
const LEAST_RECORDS: usize = 2;

/// How many older records of a stack are read at once.
const OLDER_RECORDS: usize = 8;

/// The objects of a listing to which something refers.
#[derive(Debug, Clone)]
pub struct References<'l> {
    listing: &'l Listing,
    digests: BTreeSet<&'l str>,
    records: BTreeSet<&'l str>,
    /// How many kept records of each stack are of deployments that succeeded.
    succeeded: BTreeMap<&'l str, usize>,
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
            succeeded: BTreeMap::new(),
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

    /// Returns records that are not kept, the newest first, of the stacks that have too few records of
    /// deployments that succeeded. Each is returned once; it is kept if it is [one](Self::add_success).
    pub fn take_older_records(&mut self) -> Vec<&'l Version> {
        let mut stacks: BTreeMap<&str, Vec<(u64, &Version)>> = BTreeMap::new();
        for (key, object) in &self.listing.objects {
            if let Kind::Record(stack, number) = &object.kind
                && !self.has_enough(stack)
                && !self.keeps(key)
                && !self.read.contains(key.as_str())
                && let Some(content) = object.newest_content()
                && content.size <= record::MAX_LENGTH as u64
            {
                let records = stacks.entry(stack).or_default();
                records.push((*number, content));
            }
        }
        let mut older = Vec::new();
        for records in stacks.values_mut() {
            records.sort_unstable_by_key(|(number, _)| Reverse(*number));
            let newest = records.iter().take(OLDER_RECORDS);
            older.extend(newest.map(|(_, version)| *version));
        }
        self.read.extend(older.iter().map(|it| it.key.as_str()));
        older
    }

    /// Adds that a record is of a deployment that succeeded. It is kept if fewer than two such records
    /// are. Returns whether it is kept.
    pub fn add_success(&mut self, key: &str) -> bool {
        let Some((key, object)) = self.listing.objects.get_key_value(key) else {
            return false;
        };
        let Kind::Record(stack, _) = &object.kind else {
            return self.keeps(key);
        };
        if self.has_enough(stack) && !self.keeps(key) {
            return false;
        }
        self.records.insert(key);
        *self.succeeded.entry(stack).or_default() += 1;
        true
    }

    fn has_enough(&self, stack: &str) -> bool {
        let succeeded = self.succeeded.get(stack);
        succeeded.is_some_and(|count| *count >= LEAST_RECORDS)
    }

    /// Returns whether something refers to an object.
    pub fn keeps(&self, key: &str) -> bool {
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
