//! `stackctl.package/1`: the built artifacts.

use serde::Serialize;

use crate::artifact::package::{Artifact, PackagedFile};

/// The JSON document of the built artifacts.
#[derive(Debug, Serialize)]
pub struct PackageDocument<'a> {
    schema: &'static str,
    artifacts: Vec<ArtifactEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct ArtifactEntry<'a> {
    name: &'a str,
    key: &'a str,
    sha256: String,
    size: u64,
    unzipped_size: u64,
    files: Vec<FileEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct FileEntry<'a> {
    path: &'a str,
    size: u64,
    /// Octal digits, such as `0644`.
    mode: String,
}

impl<'a> PackageDocument<'a> {
    /// Returns the document for these artifacts.
    pub fn of(artifacts: impl Iterator<Item = &'a Artifact>) -> Self {
        Self {
            schema: "stackctl.package/1",
            artifacts: artifacts.map(artifact).collect(),
        }
    }
}

fn artifact(artifact: &Artifact) -> ArtifactEntry<'_> {
    ArtifactEntry {
        name: &artifact.name,
        key: &artifact.key,
        sha256: artifact.digest.hex(),
        size: artifact.size,
        unzipped_size: artifact.unzipped_size,
        files: artifact.files.iter().map(file).collect(),
    }
}

fn file(file: &PackagedFile) -> FileEntry<'_> {
    FileEntry {
        path: &file.path,
        size: file.size,
        mode: format!("{:04o}", file.mode),
    }
}
