//! Reading an artifact's zip back: what a deployed version holds.
//!
//! The zip may come from a bucket, so nothing in it is trusted: paths that lead out of it and more
//! than Lambda would unzip are refused, and what an entry claims of its size is not believed.

use std::io::{Read, Seek};

use indexmap::IndexMap;
use zip::ZipArchive;

use crate::artifact::digest::Digest;
use crate::error::{Error, Result};

/// The most that Lambda unzips, in bytes: 250 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const UNZIPPED_LIMIT: u64 = 262_144_000;
/// The largest file whose text is kept for a line diff, in bytes.
const TEXT_LIMIT: u64 = 256 * 1024;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedFile {
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the content.
    pub digest: Digest,
    /// The content, where it is text of at most 256 KiB.
    pub text: Option<String>,
}

/// Returns the files of a zip by path, in the zip's order.
///
/// # Errors
///
/// Where it is no zip, is damaged, holds a path that leads out of it, or unzips to over 250 MB.
pub fn read(zip: impl Read + Seek) -> Result<IndexMap<String, ArchivedFile>> {
    let damaged = |error| Error::input("the zip cannot be read").caused_by(error);
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
            return Err(Error::input(format!(
                "the zip's entry `{path}` leads out of it"
            )));
        }
        let mut content = Vec::new();
        // One byte more than is allowed tells that there is more.
        entry
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| {
                Error::input(format!("the zip's `{path}` is damaged")).caused_by(error)
            })?;
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(size).ok_or_else(|| {
            Error::input(format!("the zip unzips to over {UNZIPPED_LIMIT} bytes"))
        })?;
        let digest = Digest::of(&content);
        let text = (size <= TEXT_LIMIT && !content.contains(&0))
            .then(|| String::from_utf8(content).ok())
            .flatten();
        files.insert(path, ArchivedFile { size, digest, text });
    }
    Ok(files)
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
    fn text_is_kept_and_other_content_is_known_by_its_digest() {
        let files = read(zip(&[("app.py", b"x = 1\n"), ("lib/data.bin", b"\0\xff")])).unwrap();
        assert_eq!(files["app.py"].text.as_deref(), Some("x = 1\n"));
        let data = &files["lib/data.bin"];
        assert_eq!((data.size, &data.text), (2, &None));
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for path in ["../app.py", "a/../../app.py"] {
            let Err(error) = read(zip(&[(path, b"")])) else {
                panic!("{path} is let in")
            };
            assert!(error.to_string().contains("leads out"), "{error}");
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
