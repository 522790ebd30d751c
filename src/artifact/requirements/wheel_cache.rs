//! The wheels on this machine, so that a second run needs no network.
//!
//! ```text
//! wheels/
//!   0123….whl     a wheel under its SHA-256
//!   0123….chosen  the wheel that pip chose for a line of a lock file and a runtime
//!   lock, pip.log
//! ```
//!
//! A wheel is hashed each time it is used. Therefore the folder may be changed or deleted at any time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::lock_file::Pin;
use super::pip::Download;
use super::target::Target;
use super::wheel::Wheel;
use super::wheel_name::WheelName;
use crate::artifact::digest::Digest;
use crate::artifact::zip_reader::ZipReader;
use crate::config::ambient::Ambient;
use crate::config::cache;
use crate::error::{Error, Result};

/// The interval of the attempts to lock the folder.
const POLL: Duration = Duration::from_millis(100);
/// The prefix of the folders of unfinished downloads.
const UNFINISHED: &str = ".unfinished-";

/// The folder of the wheels.
#[derive(Debug)]
pub(super) struct WheelCache {
    folder: PathBuf,
}

impl WheelCache {
    /// Returns the folder in the cache folder.
    ///
    /// # Errors
    ///
    /// If no environment variable gives a cache folder, or if it belongs to another user.
    pub(super) fn new(ambient: &Ambient) -> Result<Self> {
        let cache = cache::root(ambient)?.ok_or_else(|| {
            Error::input("there is no cache folder for Python packages")
                .hint("set HOME or STACKCTL_CACHE_DIR")
        })?;
        Ok(Self {
            folder: cache.join("wheels"),
        })
    }

    /// Returns the log of pip.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("pip.log")
    }

    /// Returns the wheel of a line for a runtime; `None` if it must be downloaded.
    ///
    /// # Errors
    ///
    /// If the wheel is there and cannot be unpacked.
    pub(super) fn find(&self, pin: &Pin, target: Target) -> Result<Option<Wheel>> {
        let Ok(chosen) = fs::read_to_string(self.choice(pin, target)) else {
            return Ok(None);
        };
        let Some((digest, file_name)) = chosen.trim_end().split_once(' ') else {
            return Ok(None);
        };
        let is_right = WheelName::parse(file_name)
            .is_some_and(|wheel| pin.is(&wheel) && target.admits(&wheel));
        if !is_right || !pin.hashes.contains(digest) {
            return Ok(None);
        }
        match ZipReader::open(&self.wheel(digest)) {
            Ok(reader) => Wheel::open(reader, digest, file_name, &pin.shown()),
            Err(_) => Ok(None),
        }
    }

    /// Keeps a downloaded wheel as the one for a line and a runtime.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub(super) fn store(&self, download: &Download, pin: &Pin, target: Target) -> Result<()> {
        let write = || -> io::Result<()> {
            fs::rename(&download.file, self.wheel(&download.digest))?;
            let choice = format!("{} {}\n", download.digest, download.name.file_name);
            cache::replace_file(&self.choice(pin, target), choice)
        };
        write().map_err(|error| self.cannot_write(error))
    }

    /// Creates the folder and waits until no other command downloads into it. Dropping the result
    /// releases it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub(super) async fn lock(&self) -> Result<File> {
        cache::create_folder(&self.folder)?;
        let file = cache::lock_file(&self.folder.join("lock"))
            .map_err(|error| self.cannot_write(error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
                Err(TryLockError::Error(error)) => return Err(self.cannot_write(error)),
            }
        }
    }

    /// Returns a new folder for a download. Removes those of interrupted downloads; the caller has the
    /// lock.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub(super) fn new_download(&self) -> Result<TempDir> {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.folder)
            .map_err(|error| self.cannot_write(error))
    }

    fn wheel(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.whl"))
    }

    fn choice(&self, pin: &Pin, target: Target) -> PathBuf {
        let mut text = format!(
            "{}\n{target}\n{}\n",
            pin.shown(),
            pin.url.as_deref().unwrap_or_default()
        );
        for hash in &pin.hashes {
            text.push_str(hash);
        }
        self.folder.join(format!("{}.chosen", Digest::of(text)))
    }

    fn cannot_write(&self, error: io::Error) -> Error {
        Error::system(format!("cannot write to {}", self.folder.display()), error)
            .hint("set STACKCTL_CACHE_DIR to a writable folder")
    }
}
