//! A file that is uploaded as it is, under its digest.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::artifact::digest::Digest;
use crate::artifact::zip_reader::ZipReader;
use crate::error::{Error, Result};
use crate::util::regular_file::{self, FileError};

/// The longest extension that a key keeps, in bytes.
const LONGEST_EXTENSION: usize = 10;

/// The largest file, in bytes: 500 MB, the largest that any property accepts, the source bundle of
/// Elastic Beanstalk
/// (<https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-sourcebundle.html>).
const LIMIT: u64 = 500 * 1024 * 1024;

/// A file that is uploaded as it is.
#[derive(Debug)]
pub struct PlainFile {
    /// The S3 key: `{project}/files/{sha256}` and the extension of the file.
    pub key: String,
    /// The SHA-256 of the content.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    file: Arc<File>,
}

impl PlainFile {
    /// Opens a file and reads it once, without keeping its content. `project` is the name of the
    /// project, `shown` the path as the user knows it.
    ///
    /// A file that changes before it is uploaded has another digest; S3 refuses the upload then.
    ///
    /// # Errors
    ///
    /// If it is no regular file, is larger than 500 MB, or cannot be read.
    pub fn open(project: &str, path: &Path, shown: &str) -> Result<Self> {
        let cannot_read = |error: io::Error| Error::system(format!("cannot read `{shown}`"), error);
        let opened = regular_file::open(path);
        let mut file = opened.map_err(|error| error.into_error("the file", shown))?;
        if file.metadata().map_err(cannot_read)?.len() > LIMIT {
            return Err(FileError::TooLarge(LIMIT).into_error("the file", shown));
        }
        let mut hasher = Sha256::new();
        let mut size = 0_u64;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    hasher.update(buffer.get(..count).unwrap_or_default());
                    size = size.saturating_add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(cannot_read(error)),
            }
        }
        let digest = Digest::from(hasher);
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("");
        let is_kept = (1..=LONGEST_EXTENSION).contains(&extension.len())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let suffix = if is_kept {
            format!(".{extension}")
        } else {
            String::new()
        };
        Ok(Self {
            key: format!("{project}/files/{digest}{suffix}"),
            digest,
            size,
            file: Arc::new(file),
        })
    }

    /// Returns a file that was uploaded earlier, with its bytes.
    ///
    /// # Errors
    ///
    /// If the temporary file cannot be written.
    pub fn uploaded(key: &str, bytes: &[u8]) -> Result<Self> {
        Ok(Self {
            key: key.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            file: Arc::new(super::temporary_file(bytes)?),
        })
    }

    /// Returns a reader at the beginning of the file.
    pub fn reader(&self) -> ZipReader {
        ZipReader::new(Arc::clone(&self.file), self.size)
    }

    /// Returns the open file.
    pub(super) fn into_file(self) -> Arc<File> {
        self.file
    }
}
