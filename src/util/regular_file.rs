//! Opens and reads regular files alone.
//!
//! A path of a project may lead to anything: a named pipe that nobody writes to, a device without an
//! end, a file of 10 GB. What is opened here is a regular file, also if something else took its place in
//! the meantime, and what is read has a limit.

use std::error::Error as StdError;
use std::fmt;
use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

use crate::error::Error;

/// Why a file cannot be opened or read.
#[derive(Debug)]
pub enum FileError {
    /// The path leads to something else, such as `named pipe`.
    NotRegular(&'static str),
    /// The file has more bytes than this limit.
    TooLarge(u64),
    /// The system refused.
    Io(io::Error),
}

impl FileError {
    /// Returns the error for a user. `what` describes the file, for example "the template"; `shown` is
    /// the path as the user knows it.
    pub fn into_error(self, what: &str, shown: impl fmt::Display) -> Error {
        match self {
            Self::NotRegular(_) | Self::TooLarge(_) => {
                Error::input(format!("{what} `{shown}` {}", self.predicate()))
            }
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                Error::input(format!("{what} `{shown}` does not exist"))
            }
            Self::Io(error) => Error::system(format!("cannot read {what} `{shown}`"), error),
        }
    }

    /// Returns what is wrong as a part of a sentence about the file, such as "is a socket, not a file".
    pub fn predicate(&self) -> String {
        match self {
            Self::NotRegular(kind) => format!("is a {kind}, not a file"),
            Self::TooLarge(limit) => format!("is too large: at most {limit} bytes are read"),
            Self::Io(error) => format!("cannot be read: {error}"),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it {}", self.predicate())
    }
}

impl StdError for FileError {}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => error,
            other => Self::other(other),
        }
    }
}

/// Opens a regular file for reading; a symlink counts as its target.
///
/// # Errors
///
/// If the path leads to anything else, or if the file cannot be opened. It never waits.
pub fn open(path: &Path) -> Result<File, FileError> {
    // Opening some devices has an effect, so the kind is checked before too.
    check(fs::metadata(path)?.file_type())?;
    let file = nonblocking().open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
///
/// As [`open`]; if the file is larger.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    read_open(open(path)?, limit)
}

/// As [`read`], and reads a pipe too, until its other end is closed.
///
/// # Errors
///
/// As [`read`].
pub fn read_or_pipe(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    if kind(fs::metadata(path)?.file_type()) == Some(PIPE) {
        return read_open(File::open(path)?, limit);
    }
    read(path, limit)
}

/// Checks that a path leads to a regular file, if it exists.
///
/// # Errors
///
/// What it is instead.
pub fn check_kind(path: &Path) -> Result<(), FileError> {
    fs::metadata(path).map_or(Ok(()), |found| check(found.file_type()))
}

fn read_open(file: File, limit: u64) -> Result<Vec<u8>, FileError> {
    // A sparse file of many bytes is refused before it is read.
    let size = file.metadata()?.len();
    let mut content = Vec::new();
    if size <= limit {
        file.take(limit.saturating_add(1))
            .read_to_end(&mut content)?;
    }
    if size > limit || content.len() as u64 > limit {
        return Err(FileError::TooLarge(limit));
    }
    Ok(content)
}

/// Checks that this is a regular file.
///
/// # Errors
///
/// What it is instead.
pub fn check(found: FileType) -> Result<(), FileError> {
    kind(found).map_or(Ok(()), |kind| Err(FileError::NotRegular(kind)))
}

const PIPE: &str = "named pipe";

/// Returns what a path leads to; `None` for a regular file.
fn kind(found: FileType) -> Option<&'static str> {
    if found.is_file() {
        return None;
    }
    if found.is_dir() {
        return Some("folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if found.is_fifo() {
            return Some(PIPE);
        }
        if found.is_socket() {
            return Some("socket");
        }
    }
    Some("device")
}

/// Returns options that open a pipe without waiting for its other end, if one took the file's place.
#[cfg(unix)]
fn nonblocking() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let mut options = File::options();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    // The bits are those of the system's `int`, so they fit.
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn nonblocking() -> OpenOptions {
    let mut options = File::options();
    options.read(true);
    options
}

#[cfg(unix)]
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{check, nonblocking, open, read, read_or_pipe};

    #[test]
    fn only_a_regular_file_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("link")).unwrap();
        for (name, message) in [
            ("pipe", "the file `x` is a named pipe, not a file"),
            ("socket", "the file `x` is a socket, not a file"),
            ("folder", "the file `x` is a folder, not a file"),
            ("link", "the file `x` is a device, not a file"),
            ("missing", "the file `x` does not exist"),
        ] {
            let error = open(&path(name)).unwrap_err().into_error("the file", "x");
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(read(&path("file"), 4).unwrap(), b"text");
        let error = read(&path("file"), 3)
            .unwrap_err()
            .into_error("the file", "x");
        assert_eq!(
            error.to_string(),
            "the file `x` is too large: at most 3 bytes are read"
        );
        let sparse = File::create(path("sparse")).unwrap();
        sparse.set_len(10 * 1024 * 1024 * 1024).unwrap();
        assert!(read(&path("sparse"), 1024).is_err());
    }

    #[test]
    fn a_pipe_that_takes_the_place_of_a_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let opened = nonblocking().open(&path).unwrap();
        assert!(check(opened.metadata().unwrap().file_type()).is_err());
    }

    #[test]
    fn a_pipe_is_read_if_it_is_allowed() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"plan").unwrap();
        drop(writer);
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        assert_eq!(read_or_pipe(Path::new(&path), 4).unwrap(), b"plan");
        assert!(read_or_pipe(Path::new("/dev/null"), 4).is_err());
    }
}
