//! The files that a wheel puts into a zip.
//!
//! A wheel is a zip itself. Its files are read from it while the artifact is packaged, so nothing is
//! unpacked on disk. What an installer adds for its machine, such as scripts with the path of a Python,
//! never appears, so the same wheel gives the same files everywhere.

use std::collections::HashSet;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use crate::artifact::digest::Digest;
use crate::artifact::zip_reader::ZipReader;
use crate::error::{Error, Result};

/// A wheel, opened.
#[derive(Debug, Clone)]
pub struct Wheel {
    /// The file name.
    pub file_name: String,
    /// The package with its version, as in `requests==2.31.0`.
    pub package: String,
    /// The files, in the order of the wheel.
    pub files: Vec<WheelFile>,
    archive: ZipArchive<ZipReader>,
}

/// A file of a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    /// The path in the artifact's zip.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The mode: 0755 if anyone may execute the file, otherwise 0644.
    pub mode: u32,
    /// The number of its entry in the wheel.
    entry: usize,
}

impl Wheel {
    /// Returns the wheel that `reader` reads if its SHA-256 is `digest`, 64 hexadecimal digits; otherwise `None`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not a wheel that can be unpacked.
    pub(super) fn open(
        reader: ZipReader,
        digest: &str,
        file_name: &str,
        package: &str,
    ) -> Result<Option<Self>> {
        let cannot_read =
            |error| Error::system(format!("cannot read the wheel `{file_name}`"), error);
        let own = Digest::of_reader(reader.clone()).map_err(cannot_read)?;
        if own.hex() != digest {
            return Ok(None);
        }
        let mut wheel = Self {
            file_name: file_name.to_owned(),
            package: package.to_owned(),
            files: Vec::new(),
            archive: ZipArchive::new(reader).map_err(|error| damaged(file_name, error))?,
        };
        wheel.files = wheel.list()?;
        Ok(Some(wheel))
    }

    /// Writes the content of a file of [`Self::files`] with `write`, in pieces.
    ///
    /// # Errors
    ///
    /// If the wheel is damaged, or those of `write`.
    pub(crate) fn copy(
        &self,
        file: &WheelFile,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut archive = self.archive.clone();
        let entry = archive.by_index(file.entry);
        let mut entry = entry.map_err(|error| damaged(&self.file_name, error))?;
        let mut buffer = vec![0; 64 * 1024];
        let mut copied = 0_u64;
        loop {
            let count = entry
                .read(&mut buffer)
                .map_err(|error| damaged(&self.file_name, error.into()))?;
            copied = copied.saturating_add(count as u64);
            if count == 0 || copied > file.size {
                break;
            }
            write(buffer.get(..count).unwrap_or_default())?;
        }
        if copied == file.size {
            Ok(())
        } else {
            let error =
                io::Error::other(format!("`{}` has another size than it states", file.path));
            Err(damaged(&self.file_name, error.into()))
        }
    }

    /// Returns the SHA-256 of a file of [`Self::files`].
    ///
    /// # Errors
    ///
    /// If the wheel is damaged.
    pub(crate) fn digest(&self, file: &WheelFile) -> Result<Digest> {
        let mut hasher = Sha256::new();
        self.copy(file, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(hasher.into())
    }

    fn list(&self) -> Result<Vec<WheelFile>> {
        let mut archive = self.archive.clone();
        let names: HashSet<String> = archive
            .file_names()
            .filter_map(|name| Some(name.ok()?.into_owned()))
            .collect();
        let stem = names
            .iter()
            .find_map(|name| name.strip_suffix(".dist-info/WHEEL"))
            .filter(|stem| !stem.contains('/'))
            .ok_or_else(|| self.refuse("has no `.dist-info/WHEEL`"))?;
        let mut files = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index(index);
            let entry = entry.map_err(|error| damaged(&self.file_name, error))?;
            let name = entry
                .name()
                .map_err(|error| damaged(&self.file_name, error))?;
            if entry.is_dir() {
                continue;
            }
            self.check(&name, &entry)?;
            let Some(path) = path_in_zip(&name, stem).filter(|path| is_wanted(path, &names)) else {
                continue;
            };
            files.push(WheelFile {
                path: path.to_owned(),
                size: entry.size(),
                mode: mode(&entry),
                entry: index,
            });
        }
        Ok(files)
    }

    /// Refuses an entry that could end outside of the zip's folder, or that is no file.
    fn check(&self, name: &str, entry: &ZipFile<'_, ZipReader>) -> Result<()> {
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        let shown = name.escape_debug();
        if !name.split('/').all(is_plain) || name.contains('\\') || name.contains(char::is_control)
        {
            return Err(self.refuse(&format!("has the unsafe path `{shown}`")));
        }
        let kind = entry.unix_mode().unwrap_or(0) & 0o170_000;
        if entry.is_symlink() || (kind != 0 && kind != 0o100_000) {
            return Err(self.refuse(&format!("has `{shown}`, which is not a regular file")));
        }
        Ok(())
    }

    fn refuse(&self, reason: &str) -> Error {
        Error::input(format!("the wheel `{}` {reason}", self.file_name))
            .hint("report it to the people who publish the package, and pin another version")
    }
}

fn damaged(file_name: &str, error: ZipError) -> Error {
    Error::input(format!("the wheel `{file_name}` cannot be unpacked")).caused_by(error)
}

/// Returns the path of an entry in the artifact's zip; `None` if a function has no use for it.
///
/// What is below `NAME.data` belongs elsewhere: `purelib` and `platlib` beside the packages, `scripts`,
/// `headers` and `data` into folders that a function does not have.
fn path_in_zip<'n>(name: &'n str, stem: &str) -> Option<&'n str> {
    let data = name
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix(".data/"));
    match data {
        None => Some(name),
        Some(rest) => rest
            .strip_prefix("purelib/")
            .or_else(|| rest.strip_prefix("platlib/")),
    }
}

/// Returns whether a file belongs into a zip: not the notes of an installer, and no compiled code whose
/// source is beside it, which Python would not use.
fn is_wanted(path: &str, names: &HashSet<String>) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if folder.ends_with(".dist-info")
        && matches!(name, "INSTALLER" | "REQUESTED" | "direct_url.json")
    {
        return false;
    }
    let in_cache = folder.split('/').any(|part| part == "__pycache__");
    let has_source = || {
        let stem = path
            .strip_suffix(".pyc")
            .or_else(|| path.strip_suffix(".pyo"));
        stem.is_some_and(|stem| names.contains(&format!("{stem}.py")))
    };
    !in_cache && !has_source()
}

fn mode(entry: &ZipFile<'_, ZipReader>) -> u32 {
    if entry.unix_mode().unwrap_or(0) & 0o111 == 0 {
        0o644
    } else {
        0o755
    }
}

#[cfg(test)]
pub(crate) mod tests;
