//! The operation of a stack set that this machine requested last, so that a later run finds it again.
//!
//! The record is written before the operation is requested. A request that is repeated with the same id
//! has no effect, so nothing is done twice. The record may be deleted: then the service refuses a second
//! operation while the first one runs.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::digest::Digest;
use crate::config::cache;
use crate::error::Result;
use crate::util::regular_file;

/// The largest record that is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// An operation of a stack set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// The stack set's id.
    pub stack_set_id: String,
    /// The operation's id.
    pub operation_id: String,
    /// The digest of what was requested.
    pub request: String,
}

impl OperationRecord {
    /// Saves this in the cache folder and replaces the record of the same stack set.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub fn store(&self, cache: &Path) -> Result<()> {
        cache::store(&path(cache, &self.stack_set_id), self)
    }

    /// Returns the record of the stack set with this id; `None` if there is none or it cannot be read.
    pub fn find(cache: &Path, stack_set_id: &str) -> Option<Self> {
        let text = regular_file::read(&path(cache, stack_set_id), LIMIT).ok()?;
        let record: Self = serde_json::from_slice(&text).ok()?;
        (record.stack_set_id == stack_set_id).then_some(record)
    }

    /// Removes the record of the stack set with this id, if there is one.
    pub fn remove(cache: &Path, stack_set_id: &str) {
        // A record that stays is of an operation that has ended, and changes nothing.
        let _ = fs::remove_file(path(cache, stack_set_id));
    }
}

fn path(cache: &Path, stack_set_id: &str) -> PathBuf {
    let folder = cache.join("stack-sets");
    folder.join(format!("{}.json", Digest::of(stack_set_id)))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use super::{OperationRecord, path};

    #[test]
    fn a_record_is_found_by_the_id_of_its_stack_set() {
        let cache = tempfile::tempdir().unwrap();
        let cache = cache.path();
        let record = |set: &str, id: &str| OperationRecord {
            stack_set_id: set.to_owned(),
            operation_id: id.to_owned(),
            request: "digest".to_owned(),
        };
        OperationRecord::remove(cache, "set:1");
        assert_eq!(OperationRecord::find(cache, "set:1"), None);
        for (set, id) in [("set:1", "a"), ("set:2", "b"), ("set:1", "c")] {
            record(set, id).store(cache).unwrap();
        }
        assert_eq!(
            OperationRecord::find(cache, "set:1"),
            Some(record("set:1", "c"))
        );
        OperationRecord::remove(cache, "set:1");
        assert_eq!(OperationRecord::find(cache, "set:1"), None);
        let other = serde_json::to_string(&record("set:1", "x")).unwrap();
        for text in ["{", "", &other] {
            std::fs::write(path(cache, "set:2"), text).unwrap();
            assert_eq!(OperationRecord::find(cache, "set:2"), None, "{text}");
        }
    }
}
