//! Artifacts for people.

use super::table::table;
use super::{count, size};
use crate::artifact::package::Artifact;

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
