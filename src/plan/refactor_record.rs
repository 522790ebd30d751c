//! The refactor that this machine made last for a stack, so that a later run finds it again.
//!
//! The record is written before the refactor is executed. Nothing depends on it: without it, the list of
//! the account's refactors is searched. It may be deleted.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::digest::Digest;
use crate::config::cache;
use crate::error::Result;
use crate::util::regular_file;

/// The largest record that is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// A refactor of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefactorRecord {
    /// The stack's ARN.
    pub stack_id: String,
    /// The refactor's id.
    pub refactor_id: String,
}

impl RefactorRecord {
    /// Saves this in the cache folder and replaces the record of the same stack.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub fn store(&self, cache: &Path) -> Result<()> {
        cache::store(&path(cache, &self.stack_id), self)
    }

    /// Returns the record of the stack with this ARN; `None` if there is none or it cannot be read.
    pub fn find(cache: &Path, stack_id: &str) -> Option<Self> {
        let text = regular_file::read(&path(cache, stack_id), LIMIT).ok()?;
        let record: Self = serde_json::from_slice(&text).ok()?;
        (record.stack_id == stack_id).then_some(record)
    }

    /// Removes the record of the stack with this ARN, if there is one.
    pub fn remove(cache: &Path, stack_id: &str) {
        // A record that stays is of a refactor that has ended, and changes nothing.
        let _ = fs::remove_file(path(cache, stack_id));
    }
}

fn path(cache: &Path, stack_id: &str) -> PathBuf {
    let folder = cache.join("refactors");
    folder.join(format!("{}.json", Digest::of(stack_id)))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use super::{RefactorRecord, path};

    #[test]
    fn a_record_is_found_by_the_arn_of_its_stack() {
        let cache = tempfile::tempdir().unwrap();
        let cache = cache.path();
        let record = |stack: &str, id: &str| RefactorRecord {
            stack_id: stack.to_owned(),
            refactor_id: id.to_owned(),
        };
        RefactorRecord::remove(cache, "arn:1");
        assert_eq!(RefactorRecord::find(cache, "arn:1"), None);
        for (stack, id) in [("arn:1", "a"), ("arn:2", "b"), ("arn:1", "c")] {
            record(stack, id).store(cache).unwrap();
        }
        assert_eq!(
            RefactorRecord::find(cache, "arn:1"),
            Some(record("arn:1", "c"))
        );
        RefactorRecord::remove(cache, "arn:1");
        assert_eq!(RefactorRecord::find(cache, "arn:1"), None);
        for text in ["{", "", r#"{"stack_id": "arn:1", "refactor_id": "x"}"#] {
            std::fs::write(path(cache, "arn:2"), text).unwrap();
            assert_eq!(RefactorRecord::find(cache, "arn:2"), None, "{text}");
        }
    }
}
