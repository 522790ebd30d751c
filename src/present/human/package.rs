//! Artifacts and other uploads for people.

use super::table::table;
use super::{count, size};
use crate::artifact::package::Artifact;
use crate::present::json::package::UploadEntry;

/// Returns the artifacts as a table. Each key contains the SHA-256 of the zip.
pub fn artifacts<'a>(artifacts: impl Iterator<Item = &'a Artifact>, width: usize) -> String {
    let rows: Vec<[String; 5]> = artifacts
        .map(|artifact| {
            [
                artifact.name.clone(),
                count(artifact.files.len(), "file"),
                size(artifact.unzipped_size),
                size(artifact.size),
                artifact.key.clone(),
            ]
        })
        .collect();
    table(
        ["artifact", "files", "unzipped", "zipped", "key"],
        &rows,
        width,
    )
}

/// Returns the nested templates and the files that are uploaded as they are, as a table. Each key
/// contains the SHA-256 of the content.
pub fn files(files: &[UploadEntry<'_>], width: usize) -> String {
    let rows: Vec<[String; 4]> = files
        .iter()
        .map(|file| {
            let kind = if file.is_template { "template" } else { "file" };
            [
                file.path.to_owned(),
                kind.to_owned(),
                size(file.size),
                file.key.to_owned(),
            ]
        })
        .collect();
    table(["file", "as", "size", "key"], &rows, width)
}
