//! What may be deleted from the artifact bucket, and when.
//!
//! An object that nothing refers to is deleted in two steps. The first marks it: a delete marker hides
//! the object and keeps its bytes. The second, at least [`GRACE`] later and only if still nothing refers
//! to the object, deletes the bytes. An object that is referred to again loses its marker. An object is
//! never deleted because of its age alone.
//!
//! Everything here is a function of three values: the versions in the bucket ([`Listing`]), what the
//! texts of the account refer to ([`References`]), and the time on the bucket's clock.

pub mod announcement;
pub mod readers;
mod references;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::record::{project_prefix, record_number};
use crate::artifact::digest::Digest;
use crate::cloudformation::status::StackStatus;
use announcement::is_announcement;
pub use references::References;
use references::is_zip;

/// How long an object stays marked before its bytes are deleted.
pub const GRACE: SignedDuration = SignedDuration::from_hours(1);

/// How old a template in the bucket may be so that a deployment uses it without another upload. Nothing
/// refers to the template until the change set exists, but it is not marked while it is younger than
/// [`GRACE`].
pub const FRESH: SignedDuration = SignedDuration::from_mins(30);

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The key.
    pub key: String,
    /// The version's id.
    pub id: String,
    /// When it was written, by the bucket's clock; `None` if the bucket did not say.
    pub modified: Option<Timestamp>,
    /// The size in bytes; zero for a marker.
    pub size: u64,
    /// Whether it is a delete marker.
    pub is_marker: bool,
    /// Whether it is what a read without a version returns.
    pub is_latest: bool,
}

/// What an object is, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A zip, a template or a file, whose key has the digest of its bytes.
    Content(String),
    /// The record of a deployment: the beginning of the keys of its stack's records, and its number.
    Record(String, u64),
    /// The announcement of a garbage collection.
    Announcement,
}

/// An object with all of its versions and markers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    key: String,
    kind: Kind,
    versions: Vec<Version>,
}

impl Object {
    fn latest(&self) -> Option<&Version> {
        self.versions.iter().find(|it| it.is_latest)
    }

    fn newest_content(&self) -> Option<&Version> {
        let contents = self.versions.iter().filter(|it| !it.is_marker);
        contents.max_by_key(|it| (it.is_latest, it.modified))
    }

    /// Returns the versions that a newer one of the same content has replaced. Only code may be read by a
    /// version.
    fn replaced(&self) -> impl Iterator<Item = &Version> {
        let is_code = is_zip(&self.key);
        let versions = self.versions.iter();
        versions.filter(move |it| !is_code && !it.is_marker && !it.is_latest)
    }

    fn markers(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().filter(|it| it.is_marker)
    }

    /// Returns these versions of the object.
    fn entry<'v>(&self, versions: impl Iterator<Item = &'v Version>) -> Entry {
        let versions: Vec<Version> = versions.cloned().collect();
        Entry {
            key: self.key.clone(),
            size: versions.iter().map(|it| it.size).sum(),
            versions,
        }
    }

    /// Returns the object without versions, and with the size of all of them.
    fn hidden(&self) -> Entry {
        Entry {
            key: self.key.clone(),
            size: self.versions.iter().map(|it| it.size).sum(),
            versions: Vec::new(),
        }
    }
}

/// The objects of a project in the artifact bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    objects: BTreeMap<String, Object>,
    digests: BTreeSet<String>,
    others: usize,
}

impl Listing {
    /// Returns the objects of a project. Versions of other keys are ignored, and objects of the project
    /// whose keys are none of stackctl's are only counted: whatever they are, they are not deleted.
    pub fn new(project: &str, versions: impl IntoIterator<Item = Version>) -> Self {
        let mut listing = Self::default();
        let mut others = BTreeSet::new();
        let prefix = format!("{project}/");
        for version in versions {
            if !version.key.starts_with(&prefix) {
                continue;
            }
            let Some(kind) = kind(project, &version.key) else {
                others.insert(version.key);
                continue;
            };
            if let Kind::Content(digest) = &kind {
                listing.digests.insert(digest.clone());
            }
            let object = listing.objects.entry(version.key.clone());
            let versions = &mut object
                .or_insert(Object {
                    key: version.key.clone(),
                    kind,
                    versions: Vec::new(),
                })
                .versions;
            versions.push(version);
        }
        listing.others = others.len();
        listing
    }

    /// Returns how many keys of the project are none of stackctl's.
    pub fn others(&self) -> usize {
        self.others
    }

    /// Returns whether the project has records of a stack.
    pub fn has_records(&self, stack_prefix: &str) -> bool {
        let after = self.objects.range(stack_prefix.to_owned()..).next();
        after.is_some_and(|(key, _)| key.starts_with(stack_prefix))
    }

    /// Returns the digests of the project's objects that a text contains.
    pub fn mentioned(&self, text: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for run in text.split(|it: char| !u8::try_from(it).is_ok_and(is_digit)) {
            for start in 0..(run.len() + 1).saturating_sub(Digest::DIGITS) {
                let digest = run.get(start..start + Digest::DIGITS);
                let digest = digest.and_then(|it| self.digests.get(it));
                found.extend(digest.map(String::as_str));
            }
        }
        found
    }

    /// Returns the keys of the newest records of each stack, `keep` of each.
    fn newest_records(&self, keep: usize) -> BTreeSet<&str> {
        let mut stacks: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
        for (key, object) in &self.objects {
            // Only markers are left of a record that is being deleted.
            let has_content = object.versions.iter().any(|it| !it.is_marker);
            if let (Kind::Record(stack, number), true) = (&object.kind, has_content) {
                stacks.entry(stack).or_default().push((*number, key));
            }
        }
        let mut newest = BTreeSet::new();
        for records in stacks.values_mut() {
            records.sort_unstable();
            newest.extend(records.iter().rev().take(keep).map(|(_, key)| *key));
        }
        newest
    }
}

/// Returns what an object is; `None` if its key is none of stackctl's.
fn kind(project: &str, key: &str) -> Option<Kind> {
    if is_announcement(project, key) {
        return Some(Kind::Announcement);
    }
    if let Some(number) = record_number(project, key) {
        let stack = key
            .strip_prefix(&project_prefix(project))?
            .split('/')
            .next()?;
        return Some(Kind::Record(stack.to_owned(), number));
    }
    let mut parts = key.rsplitn(2, '/');
    let (file, folder) = (parts.next()?, parts.next()?);
    // A zip has the name of its artifact before the digest.
    if !folder.contains('/') {
        return None;
    }
    let digest = file.split('.').next().filter(|it| is_digest(it))?;
    Some(Kind::Content(digest.to_owned()))
}

fn is_digest(text: &str) -> bool {
    text.len() == Digest::DIGITS && text.bytes().all(is_digit)
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// An object, and the versions and markers of it that are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The size in bytes of the versions that are deleted; if the object is marked, of all its versions.
    pub size: u64,
    /// The versions and markers that are deleted; none if the object is marked.
    pub versions: Vec<Version>,
}

/// A marked object whose bytes are not deleted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The key.
    pub key: String,
    /// When it was marked; `None` if the bucket did not say.
    pub marked: Option<Timestamp>,
    /// When its bytes may be deleted.
    pub until: Option<Timestamp>,
}

/// Returns whether it is known what CloudFormation may still need for a stack of the project. `is_recorded`
/// is whether the record of the stack's last successful deployment is kept, and with it what a failed
/// update may go back to. While an update runs, CloudFormation may return either of its two templates.
pub fn is_certain(status: &StackStatus, is_recorded: bool) -> bool {
    !status.may_go_back() || status.is_terminal() && is_recorded
}

/// Something that may refer to any object, because it is not known what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The caller may not read it.
    Denied(String),
    /// It cannot be read at present, because a stack has not come to the end of an operation.
    Changing(String),
}

impl Unknown {
    /// Returns what is not known, and why.
    pub fn reason(&self) -> &str {
        match self {
            Self::Denied(reason) | Self::Changing(reason) => reason,
        }
    }
}

/// What a garbage collection does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collection {
    /// The objects that are marked.
    pub mark: Vec<Entry>,
    /// The objects that lose their markers.
    pub unmark: Vec<Entry>,
    /// The objects whose versions and markers are deleted.
    pub delete: Vec<Entry>,
    /// The announcements that no longer hold, which are deleted too.
    pub announcements: Vec<Entry>,
    /// The objects that stay marked.
    pub waiting: Vec<Waiting>,
    /// How many objects are referred to and not marked.
    pub kept: usize,
    /// How many keys of the project are none of stackctl's.
    pub others: usize,
    /// What is not known and may refer to any object, so that nothing is marked or deleted.
    pub unknown: Vec<Unknown>,
}

impl Collection {
    /// Returns what a garbage collection does with these objects at this time of the bucket's clock.
    pub fn new(listing: &Listing, references: &References<'_>, now: Timestamp) -> Self {
        let mut collection = Self {
            others: listing.others,
            unknown: references.unknown().to_vec(),
            ..Self::default()
        };
        let is_known = collection.unknown.is_empty();
        for (key, object) in &listing.objects {
            if object.kind == Kind::Announcement {
                if is_known && object.versions.iter().all(|it| is_older(it, now)) {
                    let entry = object.entry(object.versions.iter());
                    collection.announcements.push(entry);
                }
                continue;
            }
            let Some(latest) = object.latest() else {
                // The listing is not complete.
                collection.kept += 1;
                continue;
            };
            let is_kept = references.keeps(key) || !is_zip(key) && is_young(object, now);
            match (is_kept, latest.is_marker) {
                (true, false) => {
                    collection.kept += 1;
                    let replaced = object.entry(object.replaced());
                    if is_known && !replaced.versions.is_empty() {
                        collection.delete.push(replaced);
                    }
                }
                (true, true) => {
                    let entry = object.entry(object.markers());
                    collection.unmark.push(entry);
                }
                (false, false) if is_known => {
                    let entry = object.hidden();
                    collection.mark.push(entry);
                }
                (false, true) if is_known && is_older(latest, now) => {
                    let entry = object.entry(object.versions.iter());
                    collection.delete.push(entry);
                }
                (false, false) => collection.kept += 1,
                (false, true) => collection.waiting.push(Waiting {
                    key: key.clone(),
                    marked: latest.modified,
                    until: latest.modified.and_then(|it| it.checked_add(GRACE).ok()),
                }),
            }
        }
        collection
    }

    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.mark.is_empty() && self.unmark.is_empty() && self.delete.is_empty()
    }

    /// Returns the keys that are marked or deleted.
    pub fn removed(&self) -> impl Iterator<Item = &str> {
        let removed = self.mark.iter().chain(&self.delete);
        removed.map(|entry| entry.key.as_str())
    }

    /// Returns this collection, made after `shown`, without what `shown` would not have marked or
    /// deleted.
    #[must_use]
    pub fn within(mut self, shown: &Self) -> Self {
        let keys = |entries: &[Entry]| -> BTreeSet<String> {
            entries.iter().map(|entry| entry.key.clone()).collect()
        };
        let (marked, deleted) = (keys(&shown.mark), keys(&shown.delete));
        self.mark.retain(|entry| marked.contains(&entry.key));
        self.delete.retain(|entry| deleted.contains(&entry.key));
        self
    }
}

/// Returns whether a deployment may rely on an object that nothing refers to yet.
fn is_young(object: &Object, now: Timestamp) -> bool {
    let is_content = matches!(object.kind, Kind::Content(_));
    let latest = object.latest().filter(|it| !it.is_marker);
    is_content && latest.is_some_and(|it| !is_older(it, now))
}

/// Returns whether a version was written at least [`GRACE`] ago.
fn is_older(version: &Version, now: Timestamp) -> bool {
    let age = version.modified.map(|it| now.duration_since(it));
    age.is_some_and(|age| age >= GRACE)
}
