//! A file that the user named for a command's data.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::config::secret::Secrets;
use crate::error::{Error, Result};
use crate::util::new_file;

/// The bytes that must fit on the disk: more than the outputs of a stack usually have.
const ROOM: usize = 64 * 1024;

/// Checks whether [`write_json`] will be able to write, and that the disk has room: writes a temporary
/// file in the folder. Changes nothing.
///
/// # Errors
///
/// If the file or its folder cannot be written.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    // A device or a pipe is opened once only.
    if is_special(path) {
        return Ok(());
    }
    let check = || -> io::Result<()> {
        // A read-only file is not replaced.
        if path.exists() {
            OpenOptions::new().append(true).open(path)?;
        }
        let mut file = new_file::create(path)?;
        file.write_all(&vec![b' '; ROOM])?;
        // A full disk may show only when the file is written out.
        file.as_file().sync_all()
    };
    check().map_err(|error| cannot_write(path, error))
}

/// Writes a text to the end of a file, which is made if there is none.
///
/// # Errors
///
/// If the file cannot be written.
pub(crate) fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Writes a JSON document without the secrets. If that fails, an existing file stays as it was.
///
/// # Errors
///
/// If the file cannot be written.
pub(crate) fn write_json(path: &Path, document: &impl Serialize, secrets: &Secrets) -> Result<()> {
    let mut text =
        serde_json::to_string_pretty(document).map_err(|error| cannot_write(path, error.into()))?;
    text.push('\n');
    let text = secrets.redact_json(&text);
    let write = || -> io::Result<()> {
        if is_special(path) {
            return fs::write(path, text.as_bytes());
        }
        let mut file = new_file::create(path)?;
        file.write_all(text.as_bytes())?;
        new_file::finish(file, path)
    };
    write().map_err(|error| cannot_write(path, error))
}

/// Returns whether a path leads to a device or a pipe, such as `/dev/stdout`.
fn is_special(path: &Path) -> bool {
    let found = path.metadata();
    found.is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn cannot_write(path: &Path, error: io::Error) -> Error {
    Error::system(format!("cannot write `{}`", path.display()), error)
}
