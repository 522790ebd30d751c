//! The files of the local environment, which are all in the cache folder.
//!
//! ```text
//! emulator/
//!   python-3.12-0123456789ab/   a virtual environment, shared by all projects
//!   python-3.12-0123456789ab-sam-0123456789ab/   the SAM translator for it
//!   install.lock, install.log
//!   projects/0123456789ab/      one project root and environment
//!     lock                      locked by a command that starts or stops the emulator
//!     record.json               the port of the emulator and more; written when it answers
//!     run                       its process id; the emulator locks the file while it runs and removes
//!                               it after it has saved its state
//!     emulator.log              its log; the previous log is emulator.log.old
//!     launcher.py, home/, tmp/ …  its own files
//!     data/                     its state
//! ```
//!
//! The lock on `run` shows whether an emulator is running. A process id does not, because the system may
//! have reused it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::digest::Digest;
use crate::config::cache;
use crate::error::{Error, Result};

/// The files of one project root and environment.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
}

/// The data of a running emulator for later commands. A file with another layout counts as missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The identity that the emulator must return in its health check.
    pub(super) identity: String,
    /// The digest of the launcher and the packages with which the emulator was started.
    pub(super) build: String,
    pub(super) version: String,
    /// The Python that runs it.
    pub(super) python: PathBuf,
    pub(super) port: u16,
    pub(super) account: String,
    /// The start time in RFC 3339.
    pub(super) started: String,
    /// The folder with its `run` file, its log, and its data.
    pub(super) folder: PathBuf,
    /// The project's root and environment, only for people who read this file.
    pub(super) project: PathBuf,
    pub(super) environment: String,
}

/// The state of an emulator according to its `run` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// No emulator was started, or the last one saved its state and ended.
    Ended,
    /// The emulator is running. The process id is missing for a moment at its start.
    Running(Option<i32>),
    /// The emulator ended without saving its state.
    Killed,
}

impl Files {
    /// Returns the files of `environment` of the project in `root`, a canonical path.
    pub(super) fn new(emulators: &Path, root: &Path, environment: &str) -> Self {
        let root = root.to_string_lossy();
        let name = short_digest([root.as_ref(), "\0", environment]);
        Self {
            folder: emulators.join("projects").join(name),
        }
    }

    /// Returns the files in `folder`.
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("emulator.log")
    }

    pub(super) fn run_file(&self) -> PathBuf {
        self.folder.join("run")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Waits until no other command starts or stops this emulator, and returns the lock.
    pub(super) fn lock(&self) -> Result<File> {
        cache::create_folder(&self.folder)?;
        cache::lock(&self.folder.join("lock"))
    }

    /// Returns the record, or `None` if it does not exist or has another layout.
    pub(super) fn record(&self) -> Option<Record> {
        let text = fs::read_to_string(self.record_file()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Replaces the record atomically, so that a reader sees the old or the new one.
    pub(super) fn publish(&self, record: &Record) -> Result<()> {
        let text = serde_json::to_string_pretty(record)
            .map_err(|error| Error::system("cannot write the emulator's record", error))?;
        cache::create_folder(&self.folder)?;
        cache::replace_file(&self.record_file(), text).map_err(|error| {
            Error::system(format!("cannot write to {}", self.folder.display()), error)
        })
    }

    /// Removes the record, so that no command uses the emulator.
    pub(super) fn withdraw(&self) -> Result<()> {
        remove(&self.record_file(), |path| fs::remove_file(path))
    }

    /// Removes the emulator's state.
    pub(super) fn delete_data(&self) -> Result<()> {
        remove(&self.data(), |path| fs::remove_dir_all(path))?;
        remove(&self.run_file(), |path| fs::remove_file(path))
    }

    /// Removes the temporary files of Lambda functions.
    pub(super) fn delete_temporary(&self) -> Result<()> {
        remove(&self.folder.join("tmp"), |path| fs::remove_dir_all(path))
    }

    /// Returns the state of the emulator.
    ///
    /// # Errors
    ///
    /// If the `run` file exists but cannot be opened.
    pub(super) fn run(&self) -> Result<Run> {
        let path = self.run_file();
        let cannot_read = |error| Error::system(format!("cannot read {}", path.display()), error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Run::Ended),
            Err(error) => return Err(cannot_read(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Run::Killed),
            Err(TryLockError::WouldBlock) => {
                let text = fs::read_to_string(&path).unwrap_or_default();
                Ok(Run::Running(text.trim().parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(cannot_read(error)),
        }
    }

    fn record_file(&self) -> PathBuf {
        self.folder.join("record.json")
    }
}

/// Returns the first 12 hexadecimal digits of the SHA-256 of the texts, one after the other.
pub(super) fn short_digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let text: String = texts.into_iter().collect();
    Digest::of(text).hex().chars().take(12).collect()
}

fn remove(path: &Path, how: impl Fn(&Path) -> io::Result<()>) -> Result<()> {
    match how(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::system(
            format!("cannot remove {}", path.display()),
            error,
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::*;

    fn record(folder: &Path) -> Record {
        Record {
            python: PathBuf::from("/cache/python"),
            identity: "stackctl 0123".to_owned(),
            build: "abc".to_owned(),
            version: "1.5.33".to_owned(),
            port: 40_000,
            account: "000000000000".to_owned(),
            started: "1970-01-01T00:00:00Z".to_owned(),
            folder: folder.to_owned(),
            project: PathBuf::from("/project"),
            environment: "local".to_owned(),
        }
    }

    #[test]
    fn each_root_and_environment_has_its_own_folder() {
        let folder = |root: &str, environment| {
            Files::new(Path::new("/cache"), Path::new(root), environment).folder
        };
        assert_eq!(folder("/a", "local"), folder("/a", "local"));
        assert_ne!(folder("/a", "local"), folder("/a", "local2"));
        assert_ne!(folder("/a", "local"), folder("/b", "local"));
        assert_ne!(folder("/a", "blocal"), folder("/ab", "local"));
    }

    #[test]
    fn a_published_record_can_be_read_and_withdrawn() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path());
        assert_eq!(files.record(), None);
        files.publish(&record(folder.path())).unwrap();
        assert_eq!(files.record(), Some(record(folder.path())));
        files.withdraw().unwrap();
        files.withdraw().unwrap();
        assert_eq!(files.record(), None);
    }

    #[test]
    fn a_record_of_another_layout_counts_as_missing() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path());
        for text in ["", "{", "{\"port\": 1}", "[]"] {
            fs::write(files.record_file(), text).unwrap();
            assert_eq!(files.record(), None, "{text:?}");
        }
    }

    #[test]
    fn an_emulator_runs_while_it_holds_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path());
        assert_eq!(files.run().unwrap(), Run::Ended);
        let guard = cache::lock(&files.run_file()).unwrap();
        assert_eq!(files.run().unwrap(), Run::Running(None));
        fs::write(files.run_file(), "4711\n").unwrap();
        assert_eq!(files.run().unwrap(), Run::Running(Some(4711)));
        drop(guard);
        assert_eq!(files.run().unwrap(), Run::Killed);
    }
}
