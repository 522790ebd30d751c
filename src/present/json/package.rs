//! `stackctl.package/1`: what a deployment uploads.

use schemars::JsonSchema;
use serde::Serialize;

use crate::artifact::package::{Artifact, PackagedFile};

/// The JSON document of what a deployment uploads.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PackageDocument<'a> {
    #[schemars(extend("const" = "stackctl.package/1"))]
    schema: &'static str,
    artifacts: Vec<ArtifactEntry<'a>>,
    files: &'a [UploadEntry<'a>],
}

/// A nested template, or a file that is uploaded as it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UploadEntry<'a> {
    /// The path, relative to the current folder.
    pub path: &'a str,
    /// The S3 key.
    pub key: &'a str,
    /// The SHA-256 in hexadecimal.
    pub sha256: String,
    /// The size in bytes.
    pub size: u64,
    /// Whether it is a nested template.
    pub is_template: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ArtifactEntry<'a> {
    name: &'a str,
    key: &'a str,
    sha256: String,
    size: u64,
    unzipped_size: u64,
    files: Vec<FileEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FileEntry<'a> {
    path: &'a str,
    size: u64,
    /// Octal digits, such as `0644`.
    mode: String,
}

impl<'a> PackageDocument<'a> {
    /// Returns the document for these artifacts and files.
    pub fn of(artifacts: impl Iterator<Item = &'a Artifact>, files: &'a [UploadEntry<'a>]) -> Self {
        Self {
            schema: "stackctl.package/1",
            artifacts: artifacts.map(artifact).collect(),
            files,
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
