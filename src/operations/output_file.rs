//! A file that the user named for a command's data.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};

/// Checks whether [`write_json`] will be able to write, and changes nothing.
///
/// # Errors
///
/// If the file cannot be opened for writing.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    let exists = match path.metadata() {
        // A device or a pipe is opened once only.
        Ok(found) if !found.is_file() && !found.is_dir() => return Ok(()),
        found => found.is_ok(),
    };
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| cannot_write(path, error))?;
    if !exists {
        // Opening the file created it.
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// Writes a JSON document.
///
/// # Errors
///
/// If the file cannot be written.
pub(crate) fn write_json(path: &Path, document: &impl Serialize) -> Result<()> {
    let mut text =
        serde_json::to_vec_pretty(document).map_err(|error| cannot_write(path, error.into()))?;
    text.push(b'\n');
    fs::write(path, text).map_err(|error| cannot_write(path, error))
}

fn cannot_write(path: &Path, error: io::Error) -> Error {
    Error::system(format!("cannot write `{}`", path.display()), error)
}
