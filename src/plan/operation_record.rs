//! The operations that this machine requested last, so that a later run finds them again: one file in the
//! cache folder for each stack or stack set.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::artifact::digest::Digest;
use crate::config::cache;
use crate::error::Result;
use crate::util::regular_file;

/// The largest record that is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// What is saved of an operation.
pub trait Record: Serialize + DeserializeOwned {
    /// The folder of these records in the cache folder.
    const FOLDER: &'static str;

    /// Returns the id of the stack or the stack set.
    fn owner(&self) -> &str;

    /// Saves this in the cache folder and replaces the record of the same stack or stack set.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    fn store(&self, cache: &Path) -> Result<()> {
        cache::store(&path::<Self>(cache, self.owner()), self)
    }

    /// Returns the record of the stack or stack set with this id; `None` if there is none or it cannot be
    /// read.
    fn find(cache: &Path, owner: &str) -> Option<Self> {
        let text = regular_file::read(&path::<Self>(cache, owner), LIMIT).ok()?;
        let record: Self = serde_json::from_slice(&text).ok()?;
        (record.owner() == owner).then_some(record)
    }

    /// Removes the record of the stack or stack set with this id, if there is one.
    fn remove(cache: &Path, owner: &str) {
        // A record that stays is of an operation that has ended, and changes nothing.
        let _ = fs::remove_file(path::<Self>(cache, owner));
    }
}

/// An operation of a stack set.
///
/// The record is written before the operation is requested. A request that is repeated with the same id
/// has no effect, so nothing is done twice. The record may be deleted: then the service refuses a second
/// operation while the first one runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetOperationRecord {
    /// The stack set's id.
    pub stack_set_id: String,
    /// The operation's id.
    pub operation_id: String,
    /// The digest of what was requested.
    pub request: String,
}

impl Record for SetOperationRecord {
    const FOLDER: &'static str = "stack-sets";

    fn owner(&self) -> &str {
        &self.stack_set_id
    }
}

/// A refactor of a stack.
///
/// The record is written before the refactor is executed. Nothing depends on it: without it, the list of
/// the account's refactors is searched. It may be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefactorRecord {
    /// The stack's ARN.
    pub stack_id: String,
    /// The refactor's id.
    pub refactor_id: String,
}

impl Record for RefactorRecord {
    const FOLDER: &'static str = "refactors";

    fn owner(&self) -> &str {
        &self.stack_id
    }
}

fn path<R: Record>(cache: &Path, owner: &str) -> PathBuf {
    let folder = cache.join(R::FOLDER);
    folder.join(format!("{}.json", Digest::of(owner)))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use std::fmt::Debug;

    use super::{Record, RefactorRecord, SetOperationRecord, path};

    #[test]
    fn a_record_is_found_by_the_id_of_its_owner() {
        check(|owner, id| SetOperationRecord {
            stack_set_id: owner.to_owned(),
            operation_id: id.to_owned(),
            request: "digest".to_owned(),
        });
        check(|owner, id| RefactorRecord {
            stack_id: owner.to_owned(),
            refactor_id: id.to_owned(),
        });
    }

    fn check<R: Record + Debug + PartialEq>(record: impl Fn(&str, &str) -> R) {
        let cache = tempfile::tempdir().unwrap();
        let cache = cache.path();
        R::remove(cache, "id:1");
        assert_eq!(R::find(cache, "id:1"), None);
        for (owner, id) in [("id:1", "a"), ("id:2", "b"), ("id:1", "c")] {
            record(owner, id).store(cache).unwrap();
        }
        assert_eq!(R::find(cache, "id:1"), Some(record("id:1", "c")));
        R::remove(cache, "id:1");
        assert_eq!(R::find(cache, "id:1"), None);
        let other = serde_json::to_string(&record("id:1", "x")).unwrap();
        for text in ["{", "", &other] {
            std::fs::write(path::<R>(cache, "id:2"), text).unwrap();
            assert_eq!(R::find(cache, "id:2"), None, "{text}");
        }
    }
}
