//! Unpacks a zip into a new folder.
//!
//! The zip comes from AWS and may have been made by anybody, so its content is not trusted: no entry is
//! written outside the folder, links are not made, and the sizes that the zip states are not used.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;

use super::archive::{damaged, points_outside, too_large};
use crate::config::project::UNZIPPED_LIMIT;
use crate::error::{Error, Result};

/// The most entries of a zip; Lambda has no limit of its own.
const MOST_ENTRIES: usize = 100_000;

/// The bits of a Unix mode that hold the type of a file, and the type of a symlink.
const FILE_TYPE: u32 = 0o170_000;
const SYMLINK: u32 = 0o120_000;

/// How many bytes are written at once.
const CHUNK: usize = 64 * 1024;

/// What was unpacked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// The number of files.
    pub files: usize,
    /// The entries that are symlinks, which are not made.
    pub links: Vec<String>,
}

/// Unpacks a zip into a folder that does not exist, and returns what was unpacked. If it fails, there is no
/// folder.
///
/// # Errors
///
/// If the data is not a zip or is damaged, if a path points outside the folder or cannot exist on this
/// machine, if the files are larger than [`UNZIPPED_LIMIT`] bytes, or if a file cannot be written.
pub fn unpack(zip: impl Read + Seek, folder: &Path) -> Result<Unpacked> {
    create_folder(folder)?;
    let unpacked = unpack_into(zip, folder);
    if unpacked.is_err() {
        // A part of a zip is not its content. The error of the zip is the one to report.
        let _ = fs::remove_dir_all(folder);
    }
    unpacked
}

fn unpack_into(zip: impl Read + Seek, folder: &Path) -> Result<Unpacked> {
    let mut archive = ZipArchive::new(zip).map_err(damaged)?;
    if archive.len() > MOST_ENTRIES {
        return Err(Error::input(format!(
            "the zip has more than {MOST_ENTRIES} entries"
        )));
    }
    let mut unpacked = Unpacked::default();
    let mut left = UNZIPPED_LIMIT;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let path = plain_path(&name)?;
        let file = folder.join(&path);
        if entry.is_dir() {
            create_folder(&file)?;
            continue;
        }
        let mode = entry.unix_mode().unwrap_or_default();
        if mode & FILE_TYPE == SYMLINK {
            unpacked.links.push(name);
            continue;
        }
        create_folder(file.parent().unwrap_or(folder))?;
        let written = write_new(&mut entry, &file, mode & 0o111 != 0, left);
        let size = written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::input(format!("the zip has two entries `{name}`"))
            }
            _ => Error::system(format!("cannot unpack the zip entry `{name}`"), error),
        })?;
        left = left.checked_sub(size).ok_or_else(too_large)?;
        unpacked.files += 1;
    }
    Ok(unpacked)
}

/// Returns the path of an entry, relative to the folder.
///
/// # Errors
///
/// If it leads out of the folder, or means something else on another system: a backslash separates folders
/// on Windows.
fn plain_path(name: &str) -> Result<PathBuf> {
    let shown = name.escape_debug();
    if name.starts_with('/') || name.split('/').any(|part| part == "..") {
        return Err(points_outside(&shown.to_string()));
    }
    let is_plain = !name
        .chars()
        .any(|it| it.is_control() || it == '\\' || it == ':');
    let path = PathBuf::from(name);
    let is_normal = |it: Component<'_>| matches!(it, Component::Normal(_) | Component::CurDir);
    if is_plain && path.components().all(is_normal) && path.file_name().is_some() {
        return Ok(path);
    }
    Err(Error::input(format!(
        "the zip entry `{shown}` is not a plain path"
    )))
}

fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| {
        Error::system(
            format!("cannot create the folder `{}`", folder.display()),
            error,
        )
    })
}

/// Writes a file that must not exist and returns its size; of a file that is larger than `limit`, at most
/// one chunk more than the limit.
fn write_new(entry: &mut impl Read, path: &Path, is_program: bool, limit: u64) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_program {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o777);
    }
    #[cfg(not(unix))]
    let _ = is_program;
    let mut file = options.open(path)?;
    let mut chunk = vec![0; CHUNK];
    let mut size = 0;
    while size <= limit {
        let count = entry.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        file.write_all(chunk.get(..count).unwrap_or_default())?;
        size += count as u64;
    }
    Ok(size)
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use std::fs;
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::{Unpacked, unpack};

    fn zip(entries: &[(&str, &[u8], u32)]) -> Cursor<Vec<u8>> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content, mode) in entries {
            let options = SimpleFileOptions::default().unix_permissions(*mode);
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap()
    }

    #[test]
    fn files_are_unpacked_with_their_folders_and_modes() {
        let folder = tempfile::tempdir().unwrap();
        let code = folder.path().join("code");
        let zip = zip(&[
            ("app.py", b"print(1)\n", 0o644),
            ("a/b/run", b"#!/bin/sh\n", 0o755),
        ]);
        let unpacked = unpack(zip, &code).unwrap();
        assert_eq!(unpacked.files, 2);
        assert_eq!(fs::read(code.join("app.py")).unwrap(), b"print(1)\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path| fs::metadata(code.join(path)).unwrap().permissions().mode();
            assert_eq!(mode("a/b/run") & 0o100, 0o100);
            assert_eq!(mode("app.py") & 0o111, 0);
        }
    }

    #[test]
    fn links_are_named_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let code = folder.path().join("code");
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
            .unwrap();
        let unpacked = unpack(zip.finish().unwrap(), &code).unwrap();
        let links = vec!["link".to_owned()];
        assert_eq!(unpacked, Unpacked { files: 0, links });
        assert!(code.join("link").symlink_metadata().is_err());
    }

    #[test]
    fn hostile_zips_are_refused() {
        for (entries, message) in [
            (&["../evil"][..], "points outside"),
            (&["a/../../evil"], "points outside"),
            (&["/etc/evil"], "points outside"),
            (&["a\\..\\..\\evil"], "not a plain path"),
            (&["C:evil"], "not a plain path"),
            (&[""], "not a plain path"),
            (&["a\u{1}b"], "not a plain path"),
            (&["a", "a/b"], "cannot create the folder"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let entries: Vec<_> = entries.iter().map(|it| (*it, &b"x"[..], 0o644)).collect();
            let refused = unpack(zip(&entries), &folder.path().join("code"));
            let error = refused.unwrap_err();
            assert!(error.to_string().contains(message), "{entries:?}: {error}");
            let left = fs::read_dir(folder.path()).unwrap();
            assert_eq!(left.count(), 0, "{entries:?}");
        }
        let error = unpack(
            Cursor::new(b"no zip".to_vec()),
            &tempfile::tempdir().unwrap().path().join("code"),
        );
        assert!(error.is_err());
    }

    #[test]
    fn bomb_is_refused_at_the_limit_of_lambda() {
        let folder = tempfile::tempdir().unwrap();
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let zeros = vec![0; 1024 * 1024];
        for name in ["one", "two", "three"] {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            for _ in 0..100 {
                zip.write_all(&zeros).unwrap();
            }
        }
        let zip = zip.finish().unwrap();
        assert!(zip.get_ref().len() < 1024 * 1024);
        let error = unpack(zip, &folder.path().join("code")).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}
