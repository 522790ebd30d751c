//! Reads the files of an artifact's zip.
//!
//! The zip may come from a bucket, so its content is not trusted: paths that point outside the zip and
//! more data than Lambda accepts are errors, and the sizes that the zip states are not used.

use std::io::{Read, Seek};

use indexmap::IndexMap;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::artifact::digest::Digest;
use crate::config::project::UNZIPPED_LIMIT;
use crate::error::{Error, Result};

/// The largest file whose text is kept for a line diff, in bytes.
const TEXT_LIMIT: u64 = 256 * 1024;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedFile {
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the content.
    pub digest: Digest,
    /// The content, if it is UTF-8 text of at most 256 KiB.
    pub text: Option<String>,
}

/// Returns the files of a zip by path, in the order of the zip.
///
/// # Errors
///
/// If the data is not a zip or is damaged, if a path points outside the zip, or if the files are larger
/// than [`UNZIPPED_LIMIT`] bytes.
pub fn read(zip: impl Read + Seek) -> Result<IndexMap<String, ArchivedFile>> {
    let mut archive = ZipArchive::new(zip).map_err(damaged)?;
    let mut files = IndexMap::new();
    let mut left = UNZIPPED_LIMIT;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(damaged)?;
        if entry.is_dir() {
            continue;
        }
        let path = entry.name().map_err(damaged)?.into_owned();
        if entry.enclosed_name().is_none() {
            return Err(points_outside(&path));
        }
        let mut content = Vec::new();
        // One byte more than the limit shows that the limit is exceeded.
        entry
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| {
                Error::input(format!("the zip entry `{path}` is damaged")).caused_by(error)
            })?;
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(size).ok_or_else(too_large)?;
        let digest = Digest::of(&content);
        let text = (size <= TEXT_LIMIT && !content.contains(&0))
            .then(|| String::from_utf8(content).ok())
            .flatten();
        files.insert(path, ArchivedFile { size, digest, text });
    }
    Ok(files)
}

/// Returns the error for a zip that cannot be read.
pub(super) fn damaged(error: ZipError) -> Error {
    Error::input("the zip cannot be read").caused_by(error)
}

/// Returns the error for an entry whose path leads out of the zip.
pub(super) fn points_outside(shown: &str) -> Error {
    Error::input(format!("the zip entry `{shown}` points outside the zip"))
}

/// Returns the error for a zip whose files are larger than [`UNZIPPED_LIMIT`] bytes.
pub(super) fn too_large() -> Error {
    Error::input(format!(
        "the zip has more than {UNZIPPED_LIMIT} bytes unzipped"
    ))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::read;

    fn zip(entries: &[(&str, &[u8])]) -> Cursor<Vec<u8>> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in entries {
            writer
                .start_file(*path, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn text_is_kept_and_other_content_has_a_digest() {
        let files = read(zip(&[("app.py", b"x = 1\n"), ("lib/data.bin", b"\0\xff")])).unwrap();
        assert_eq!(files["app.py"].text.as_deref(), Some("x = 1\n"));
        let data = &files["lib/data.bin"];
        assert_eq!((data.size, &data.text), (2, &None));
    }

    #[test]
    fn paths_that_point_outside_are_errors() {
        for path in ["../app.py", "a/../../app.py"] {
            let Err(error) = read(zip(&[(path, b"")])) else {
                panic!("{path} is accepted")
            };
            assert!(error.to_string().contains("points outside"), "{error}");
        }
    }

    #[test]
    fn a_damaged_zip_is_an_error() {
        let mut bytes = zip(&[("app.py", b"x = 1\n")]).into_inner();
        bytes.truncate(bytes.len() / 2);
        assert!(read(Cursor::new(bytes)).is_err());
        assert!(read(Cursor::new(b"not a zip".to_vec())).is_err());
    }
}
