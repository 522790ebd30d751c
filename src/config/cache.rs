//! Folders and locks in the cache folder, which [`Ambient::cache_dir`] names.
//!
//! [`Ambient::cache_dir`]: crate::config::ambient::Ambient::cache_dir

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use crate::error::{Error, Result};

/// Creates a folder and its parents.
pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| {
        Error::system(
            format!("cannot create the folder {}", folder.display()),
            error,
        )
        .hint("set STACKCTL_CACHE_DIR to a writable folder")
    })
}

/// Waits for the exclusive lock on a file and returns it. Dropping the file releases the lock.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    open.and_then(|file| file.lock().map(|()| file))
        .map_err(|error| Error::system(format!("cannot lock {}", path.display()), error))
}
