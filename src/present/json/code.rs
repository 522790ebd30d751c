//! The `code[]` of plans and diffs: the changed files of each artifact.

use schemars::JsonSchema;
use serde::Serialize;

use crate::artifact::code_diff::{CodeChange, FileChange};

/// The changes of the code in one artifact.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CodeEntry<'a> {
    artifact: &'a str,
    before: &'a str,
    after: &'a str,
    /// Null if the deployed files are unknown; `reason` says why.
    files: Option<Vec<FileEntry<'a>>>,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FileEntry<'a> {
    path: &'a str,
    status: &'static str,
    before_size: Option<u64>,
    after_size: Option<u64>,
    before_sha256: Option<String>,
    after_sha256: Option<String>,
}

/// Returns the entry for a change.
pub(super) fn code(change: &CodeChange) -> CodeEntry<'_> {
    CodeEntry {
        artifact: &change.artifact,
        before: &change.before,
        after: &change.after,
        files: change
            .files
            .as_ref()
            .ok()
            .map(|files| files.iter().map(file).collect()),
        reason: change.files.as_ref().err().map(String::as_str),
    }
}

fn file(file: &FileChange) -> FileEntry<'_> {
    let (before, after) = (file.before.as_ref(), file.after.as_ref());
    FileEntry {
        path: &file.path,
        status: match (before, after) {
            (None, _) => "added",
            (Some(_), None) => "removed",
            (Some(_), Some(_)) => "modified",
        },
        before_size: before.map(|file| file.size),
        after_size: after.map(|file| file.size),
        before_sha256: before.map(|file| file.digest.hex()),
        after_sha256: after.map(|file| file.digest.hex()),
    }
}
