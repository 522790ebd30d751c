//! Packages the files of an artifact as a reproducible zip.
//!
//! The S3 key contains the digest of the zip, so the same content is uploaded only once, and a plan can
//! show that no code changes. For that, the same files must give the same bytes on every machine and in
//! every checkout. Entries are sorted, have the date 1980-01-01 (the earliest date in a zip), the
//! system "unix", the mode 0644 or 0755 and no extra field. The machine's clock, user, umask and file
//! system have no effect.
//!
//! The files are compressed and hashed as a stream into a temporary file, so memory does not grow with
//! their size. In a stream, the size and the checksum of an entry follow its data (a "data
//! descriptor"). Go's `archive/zip` writes all its zips in this format, and Lambda accepts it.

mod contents;
mod once;
mod plain_file;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use indexmap::IndexMap;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use crate::artifact::archive::{self, ArchivedFile};
use crate::artifact::digest::Digest;
use crate::artifact::requirements::{Packages, Wheel};
pub use crate::artifact::zip_reader::ZipReader;
use crate::config::project::{ArtifactFiles, Project, UNZIPPED_LIMIT, artifact_files};
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use crate::util::{new_file, regular_file};
use contents::{Contents, Entry, Source};
pub use once::PackagedOnce;
pub use plain_file::PlainFile;

/// The deflate level, 1 to 9. At 6, 250 MB of mixed files take as long as `zip -1` needs
/// (4.2 s against 4.4 s on one core) and give a zip as small as `zip -6` does; 9 takes more than
/// twice the time for 2 % less.
const LEVEL: i64 = 6;

/// The last part of the key of an artifact that was not built.
const NOT_BUILT: &str = "not-built.zip";

/// A built artifact. Its zip is a temporary file without a name: the system deletes it when the value
/// is dropped or the process ends. Copies share it.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The name of the artifact in the manifest, or the path that a template names.
    pub name: String,
    /// The S3 key: `{project}/{artifact}/{sha256}.zip`.
    pub key: String,
    /// The SHA-256 of the zip.
    pub digest: Digest,
    /// The size of the zip, in bytes.
    pub size: u64,
    /// The total size of the files, in bytes.
    pub unzipped_size: u64,
    /// The files inside, sorted by path.
    pub files: Vec<PackagedFile>,
    /// The globs of `exclude` that match nothing in the folder.
    pub unmatched_globs: Vec<String>,
    file: Arc<File>,
}

/// A file inside an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagedFile {
    /// The path inside the zip.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The mode: 0755 or 0644.
    pub mode: u32,
}

impl Artifact {
    /// Returns an artifact without files, in the place of one whose `build` did not run. Its key says
    /// that it is none. `project` is the name of the project.
    ///
    /// # Errors
    ///
    /// If the temporary file cannot be created.
    pub fn not_built(project: &str, name: &str) -> Result<Self> {
        let file = tempfile::tempfile()
            .map_err(|error| Error::system("cannot create a temporary file", error))?;
        Ok(Self {
            name: name.to_owned(),
            key: format!("{project}/{name}/{NOT_BUILT}"),
            digest: Digest::of(""),
            size: 0,
            unzipped_size: 0,
            files: Vec::new(),
            unmatched_globs: Vec::new(),
            file: Arc::new(file),
        })
    }

    /// Returns an artifact that was uploaded earlier, with the bytes of its zip.
    ///
    /// # Errors
    ///
    /// If the temporary file cannot be written.
    pub fn uploaded(name: &str, key: &str, zip: &[u8]) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            key: key.to_owned(),
            digest: Digest::of(zip),
            size: zip.len() as u64,
            unzipped_size: 0,
            files: Vec::new(),
            unmatched_globs: Vec::new(),
            file: Arc::new(temporary_file(zip)?),
        })
    }

    /// Returns a reader at the beginning of the zip.
    pub fn zip(&self) -> ZipReader {
        ZipReader::new(Arc::clone(&self.file), self.size)
    }

    /// Returns the files inside by path, with their content if it is text.
    ///
    /// # Errors
    ///
    /// If the temporary file cannot be read.
    pub fn content(&self) -> Result<IndexMap<String, ArchivedFile>> {
        archive::read(self.zip())
    }

    /// Returns the path of `NAME.zip` in a folder.
    pub fn path_in(&self, folder: &Path) -> PathBuf {
        let name = self.name.strip_suffix(".zip").unwrap_or(&self.name);
        folder.join(format!("{name}.zip"))
    }

    /// Writes the zip as `NAME.zip` into `folder` and returns its path. Creates the folders if they do
    /// not exist, and replaces an existing file or symlink.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created, if the file cannot be written, or if something else than a file
    /// has its name.
    pub fn write_into(&self, folder: &Path) -> Result<PathBuf> {
        let path = self.path_in(folder);
        regular_file::check_kind(&path)
            .map_err(|error| error.into_error("the output", path.display()))?;
        let write = || -> io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            let mut file = new_file::create(&path)?;
            io::copy(&mut self.zip(), &mut file)?;
            new_file::finish(file, &path)
        };
        write()
            .map_err(|error| Error::system(format!("cannot write `{}`", path.display()), error))?;
        Ok(path)
    }
}

/// Returns a temporary file with these bytes.
fn temporary_file(bytes: &[u8]) -> Result<File> {
    let write = || -> io::Result<File> {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        Ok(file)
    };
    write().map_err(|error| Error::system("cannot write a temporary file", error))
}

/// Builds every artifact of the settings in parallel, and returns them by name in the order of the
/// manifest.
///
/// # Errors
///
/// If an artifact cannot be listed or built. Returns the error of the first such artifact in the order
/// of the manifest.
pub fn build_all(
    project: &Project,
    settings: &Settings,
    packages: &Packages,
) -> Result<IndexMap<String, Artifact>> {
    let lists = settings
        .artifacts
        .keys()
        .map(|name| artifact_files(project, name, settings))
        .collect::<Result<Vec<_>>>()?;
    let built = build_each(&settings.project, &lists, packages)?;
    let named = built.into_iter().map(|it| (it.name.clone(), it));
    Ok(named.collect())
}

/// Builds artifacts with their packages in parallel, in the order of their lists. `project` is the name
/// of the project.
///
/// # Errors
///
/// As [`build_with`]; the error of the first artifact that has one.
pub fn build_each(
    project: &str,
    lists: &[ArtifactFiles],
    packages: &Packages,
) -> Result<Vec<Artifact>> {
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    let mut built = Vec::with_capacity(lists.len());
    for group in lists.chunks(at_once) {
        let results: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = group
                .iter()
                .map(|files| {
                    let wheels = packages.of(&files.name);
                    scope.spawn(|| build_with(project, files, wheels))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread.join().unwrap_or_else(|_| {
                        Err(Error::system(
                            "cannot build an artifact",
                            io::Error::other("the worker thread panicked"),
                        ))
                    })
                })
                .collect()
        });
        for artifact in results {
            built.push(artifact?);
        }
    }
    Ok(built)
}

/// Returns a file that is a zip as an artifact, unchanged; `None` if it is no zip. `project` is the name
/// of the project, `shown` the path as the user knows it.
///
/// # Errors
///
/// If the file cannot be read, or if its content is larger than [`UNZIPPED_LIMIT`].
pub fn existing_zip(
    project: &str,
    name: &str,
    path: &Path,
    shown: &str,
) -> Result<Option<Artifact>> {
    let file = PlainFile::open(project, path, shown)?;
    let Ok(mut archive) = ZipArchive::new(BufReader::new(file.reader())) else {
        return Ok(None);
    };
    let mut files = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let Ok(entry) = archive.by_index_raw(index) else {
            return Ok(None);
        };
        let Ok(path) = entry.name() else {
            return Ok(None);
        };
        if !entry.is_dir() {
            files.push(PackagedFile {
                path: path.into_owned(),
                size: entry.size(),
                mode: entry.unix_mode().unwrap_or(0o644) & 0o777,
            });
        }
    }
    let sizes = files.iter().map(|file| file.size);
    let unzipped_size = sizes.fold(0, u64::saturating_add);
    if unzipped_size > UNZIPPED_LIMIT {
        return Err(Error::input(format!(
            "`{shown}` has {unzipped_size} bytes, over Lambda's limit of {UNZIPPED_LIMIT} bytes unzipped"
        )));
    }
    Ok(Some(Artifact {
        name: name.to_owned(),
        key: key(project, name, &file.digest),
        digest: file.digest,
        size: file.size,
        unzipped_size,
        files,
        unmatched_globs: Vec::new(),
        file: file.into_file(),
    }))
}

/// Returns the S3 key of a zip.
fn key(project: &str, name: &str, digest: &Digest) -> String {
    format!("{project}/{name}/{digest}.zip")
}

/// Builds one artifact without Python packages. `project` is the name of the project.
///
/// # Errors
///
/// If a file cannot be read or its size changed since it was listed, or if the temporary file cannot be
/// written.
pub fn build(project: &str, input: &ArtifactFiles) -> Result<Artifact> {
    build_with(project, input, &[])
}

/// Builds one artifact with Python packages. `project` is the name of the project.
///
/// # Errors
///
/// Those of [`build`]; if a wheel is damaged; if the folder and the wheels have different files at one
/// path, or are too large together.
pub fn build_with(project: &str, input: &ArtifactFiles, wheels: &[Wheel]) -> Result<Artifact> {
    let contents = Contents::of(input, wheels)?;
    let cannot_write = |error: io::Error| {
        Error::system(
            format!("cannot write the zip of the artifact `{}`", input.name),
            error,
        )
        .hint("the zip is built in the folder for temporary files (`TMPDIR`)")
    };
    let file = tempfile::tempfile().map_err(cannot_write)?;
    let mut zip = ZipWriter::new_stream(Hashing::new(&file));
    let mut buffer = vec![0; 128 * 1024];
    for entry in &contents.entries {
        zip.start_file(entry.path, options(entry.mode))
            .map_err(|error| cannot_write(error.into()))?;
        match entry.source {
            Source::File(file) => copy(file, entry, &mut zip, &mut buffer, cannot_write)?,
            Source::Wheel(wheel, file) => {
                wheel.copy(file, |bytes| zip.write_all(bytes).map_err(cannot_write))?;
            }
        }
    }
    let hashing = zip
        .finish()
        .map_err(|error| cannot_write(error.into()))?
        .into_inner();
    let (digest, size) = hashing.finish().map_err(cannot_write)?;
    Ok(Artifact {
        name: input.name.clone(),
        key: key(project, &input.name, &digest),
        digest,
        size,
        unzipped_size: contents.size,
        files: contents
            .entries
            .iter()
            .map(|entry| PackagedFile {
                path: entry.path.to_owned(),
                size: entry.size,
                mode: entry.mode,
            })
            .collect(),
        unmatched_globs: input.unmatched_globs.clone(),
        file: Arc::new(file),
    })
}

fn options(mode: u32) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(mode)
}

/// Copies a file into the zip. Fails if its size differs from the listed size.
fn copy(
    path: &Path,
    entry: &Entry<'_>,
    zip: &mut impl Write,
    buffer: &mut [u8],
    cannot_write: impl Fn(io::Error) -> Error,
) -> Result<()> {
    let cannot_read = |error| Error::system(format!("cannot read `{}`", path.display()), error);
    let opened = regular_file::open(path).map_err(io::Error::from);
    let mut file = opened.map_err(cannot_read)?;
    let mut copied = 0_u64;
    loop {
        let count = match file.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(cannot_read(error)),
        };
        copied = copied.saturating_add(count as u64);
        if copied > entry.size {
            break;
        }
        zip.write_all(buffer.get(..count).unwrap_or_default())
            .map_err(&cannot_write)?;
    }
    if copied == entry.size {
        Ok(())
    } else {
        Err(Error::input(format!(
            "`{}` changed while it was packaged",
            path.display()
        ))
        .hint("run the command again"))
    }
}

/// Writes to a file, and hashes and counts the bytes.
struct Hashing<'a> {
    file: BufWriter<&'a File>,
    hasher: Sha256,
    size: u64,
}

impl<'a> Hashing<'a> {
    fn new(file: &'a File) -> Self {
        Self {
            file: BufWriter::with_capacity(64 * 1024, file),
            hasher: Sha256::new(),
            size: 0,
        }
    }

    fn finish(mut self) -> io::Result<(Digest, u64)> {
        self.file.flush()?;
        Ok((self.hasher.into(), self.size))
    }
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.size = self.size.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;
