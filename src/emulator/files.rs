//! What the local environment keeps on disk, all of it under the cache folder.
//!
//! ```text
//! emulator/
//!   python-3.12-0123456789ab/   a virtual environment, shared by all projects
//!   install.lock, install.log
//!   projects/0123456789ab/      one project root and environment
//!     lock                      held while one command starts or stops the emulator
//!     record.json               where the emulator answers; written when it does
//!     run                       its process id; locked by it while it lives, removed when it has saved
//!     emulator.log              what it writes; the one before is emulator.log.old
//!     launcher.py, home/, tmp/  its own files
//!     data/                     its state
//! ```
//! Whether an emulator lives is asked of the lock on `run`, never of a process id, which the
//! system may have given to somebody else.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::digest::Digest;
use crate::error::{Error, Result};

/// The files of one project root and environment.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
}

/// What later commands need to know of an emulator. A file of another layout counts as missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// What the emulator must answer to be this one.
    pub(super) identity: String,
    /// The launcher and packages that it was started with.
    pub(super) build: String,
    pub(super) version: String,
    pub(super) port: u16,
    pub(super) account: String,
    /// RFC 3339.
    pub(super) started: String,
    /// The folder that its `run`, its log and its data are in.
    pub(super) folder: PathBuf,
    /// The project's root and environment, for whoever reads this file.
    pub(super) project: PathBuf,
    pub(super) environment: String,
}

/// Whether an emulator lives, by its `run` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// None was started, or the last one saved its state and ended.
    Ended,
    /// It lives; the id is missing for an instant at its start.
    Alive(Option<i32>),
    /// It ended without saving.
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

    /// Waits until no other command starts or stops this emulator.
    pub(super) fn lock(&self) -> Result<File> {
        create_folder(&self.folder)?;
        lock(&self.folder.join("lock"))
    }

    /// Returns the record, if there is one that this version understands.
    pub(super) fn record(&self) -> Option<Record> {
        let text = fs::read_to_string(self.record_file()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the record in one step: a reader sees the old one or the new one.
    pub(super) fn publish(&self, record: &Record) -> Result<()> {
        let text = serde_json::to_string_pretty(record)
            .map_err(|error| Error::system("cannot write the emulator's record", error))?;
        create_folder(&self.folder)?;
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(self.record_file())?;
            Ok(())
        };
        write().map_err(|error: io::Error| {
            Error::system(format!("cannot write to {}", self.folder.display()), error)
        })
    }

    /// Removes the record, so that nobody looks for the emulator any more.
    pub(super) fn withdraw(&self) -> Result<()> {
        remove(&self.record_file(), |path| fs::remove_file(path))
    }

    /// Removes the emulator's state.
    pub(super) fn drop_data(&self) -> Result<()> {
        remove(&self.data(), |path| fs::remove_dir_all(path))?;
        remove(&self.run_file(), |path| fs::remove_file(path))
    }

    /// Removes what Lambda functions left behind.
    pub(super) fn drop_temporary(&self) -> Result<()> {
        remove(&self.folder.join("tmp"), |path| fs::remove_dir_all(path))
    }

    /// Returns whether the emulator lives.
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
                Ok(Run::Alive(text.trim().parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(cannot_read(error)),
        }
    }

    fn record_file(&self) -> PathBuf {
        self.folder.join("record.json")
    }
}

/// Makes a folder and its parents.
pub(super) fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| {
        Error::system(
            format!("cannot create the folder {}", folder.display()),
            error,
        )
        .hint("set STACKCTL_CACHE_DIR to a folder that can be written")
    })
}

/// Waits for the exclusive lock on a file; dropping it, or the end of the process, releases it.
pub(super) fn lock(path: &Path) -> Result<File> {
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    open.and_then(|file| file.lock().map(|()| file))
        .map_err(|error| Error::system(format!("cannot lock {}", path.display()), error))
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
    fn each_root_and_environment_has_a_folder_of_its_own() {
        let folder = |root: &str, environment| {
            Files::new(Path::new("/cache"), Path::new(root), environment).folder
        };
        assert_eq!(folder("/a", "local"), folder("/a", "local"));
        assert_ne!(folder("/a", "local"), folder("/a", "local2"));
        assert_ne!(folder("/a", "local"), folder("/b", "local"));
        assert_ne!(folder("/a", "blocal"), folder("/ab", "local"));
    }

    #[test]
    fn a_published_record_is_read_back_and_withdrawn() {
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
    fn an_emulator_lives_while_it_holds_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path());
        assert_eq!(files.run().unwrap(), Run::Ended);
        let held = lock(&files.run_file()).unwrap();
        assert_eq!(files.run().unwrap(), Run::Alive(None));
        fs::write(files.run_file(), "4711\n").unwrap();
        assert_eq!(files.run().unwrap(), Run::Alive(Some(4711)));
        drop(held);
        assert_eq!(files.run().unwrap(), Run::Killed);
    }
}
