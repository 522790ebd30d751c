//! Reads a finished zip with any number of independent readers.
//!
//! The zip is a file without a name, so the system deletes it even if the process is killed. Such a
//! file cannot be opened again, and a duplicated handle shares the position. So each reader has its own
//! position and reads at that position.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// Reads a zip from its beginning. A clone starts at the position of the original and is independent
/// of it.
#[derive(Debug, Clone)]
pub struct ZipReader {
    file: Arc<File>,
    size: u64,
    position: u64,
}

impl ZipReader {
    pub(crate) fn new(file: Arc<File>, size: u64) -> Self {
        Self {
            file,
            size,
            position: 0,
        }
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self::new(Arc::new(file), size))
    }

    /// Returns the size of the zip, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for ZipReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, buffer, self.position)?;
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for ZipReader {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        let place = match place {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::sync::Arc;

    use super::ZipReader;

    #[test]
    fn readers_have_independent_positions() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut one = ZipReader::new(Arc::new(file), 10);
        let read = |reader: &mut ZipReader, count: u64| {
            let mut text = String::new();
            reader.take(count).read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(read(&mut one, 3), "012");
        let mut other = one.clone();
        assert_eq!(read(&mut other, 2), "34");
        assert_eq!(read(&mut one, 2), "34");
        for (place, at, rest) in [
            (SeekFrom::End(-2), 8, "89"),
            (SeekFrom::Start(1), 1, "123456789"),
            (SeekFrom::Current(-3), 7, "789"),
            (SeekFrom::End(5), 15, ""),
        ] {
            assert_eq!(one.seek(place).unwrap(), at);
            assert_eq!(read(&mut one, 20), rest);
        }
        assert!(one.seek(SeekFrom::Current(-99)).is_err());
    }
}
