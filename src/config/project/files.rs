//! What belongs into an artifact: the sorted list of a folder's files.
//!
//! The list is complete and checked before a byte of any file is read: what is left out, what is
//! refused and what is too large shows before any work is done.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::Project;
use crate::config::settings::{ArtifactSettings, Settings};
use crate::error::{Error, Result};

/// How large a function's code may be when unzipped, in bytes: 250 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const UNZIPPED_LIMIT: u64 = 250 * 1024 * 1024;

/// What no artifact contains, by name, at any depth: caches, version control, virtual environments.
/// `node_modules` is not among them: a JavaScript function needs it.
const LEFT_OUT: &[&str] = &[
    "__pycache__",
    ".git",
    ".venv",
    ".DS_Store",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
];

/// One file that goes into an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The path inside the zip: relative to the artifact's folder, with forward slashes.
    pub path: String,
    /// The file to read, absolute.
    pub file: PathBuf,
    /// The size in bytes.
    pub size: u64,
    /// 0755 where the owner may execute it, else 0644.
    pub mode: u32,
}

/// The files of one artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFiles {
    /// The artifact's name.
    pub name: String,
    /// The files, sorted by path, byte by byte; never empty.
    pub files: Vec<InputFile>,
    /// The sum of the sizes in bytes; at most [`UNZIPPED_LIMIT`].
    pub size: u64,
}

impl Project {
    /// Lists the files of the artifact `name`. Symlinks count as what they name.
    ///
    /// # Errors
    ///
    /// Where the folder is missing, empty, outside the project or over [`UNZIPPED_LIMIT`]; where a
    /// glob is malformed; where an entry is a symlink that dangles, loops or leaves the folder, is
    /// neither file nor folder, or has a name that a zip cannot hold.
    pub fn artifact_files(&self, name: &str, settings: &Settings) -> Result<ArtifactFiles> {
        let Some(artifact) = settings.artifacts.get(name) else {
            return Err(Error::input(format!("there is no artifact `{name}`")));
        };
        self.list(name, artifact).map_err(|error| {
            let origin = settings.origins.get(&format!("artifacts.{name}.path"));
            error.hint(format!(
                "the artifact `{name}` is the folder `{}` ({origin})",
                artifact.path.display()
            ))
        })
    }

    fn list(&self, name: &str, artifact: &ArtifactSettings) -> Result<ArtifactFiles> {
        let folder = self.resolve(&artifact.path, "the artifact folder")?;
        let mut walk = Walk {
            shown: self.shown(&artifact.path),
            excluded: excluded(&artifact.exclude)?,
            open: Vec::new(),
            files: Vec::new(),
            left_out: 0,
            folder: folder.clone(),
        };
        if !folder.is_dir() {
            return Err(Error::input(format!("`{}` is not a folder", walk.shown)));
        }
        walk.enter(&folder, "")?;
        let Walk {
            shown,
            mut files,
            left_out,
            ..
        } = walk;
        if files.is_empty() {
            let why = if left_out == 0 {
                "is empty".to_owned()
            } else {
                format!("has no file left: {left_out} of its entries are excluded")
            };
            return Err(Error::input(format!("the artifact folder `{shown}` {why}")));
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let size = files
            .iter()
            .fold(0_u64, |sum, file| sum.saturating_add(file.size));
        if size > UNZIPPED_LIMIT {
            return Err(too_large(&shown, size, &files));
        }
        Ok(ArtifactFiles {
            name: name.to_owned(),
            files,
            size,
        })
    }
}

/// Says how far over the limit a folder is, and which files weigh most.
fn too_large(shown: &str, size: u64, files: &[InputFile]) -> Error {
    let mut heaviest: Vec<_> = files.iter().collect();
    heaviest.sort_by(|one, other| other.size.cmp(&one.size).then(one.path.cmp(&other.path)));
    let heaviest: Vec<_> = heaviest
        .iter()
        .take(3)
        .map(|file| format!("`{}` ({} bytes)", file.path, file.size))
        .collect();
    Error::input(format!(
        "the artifact folder `{shown}` holds {size} bytes, over Lambda's limit of \
         {UNZIPPED_LIMIT} bytes unzipped"
    ))
    .hint(format!(
        "leave files out with `exclude`; the largest: {}",
        heaviest.join(", ")
    ))
}

/// Compiles the manifest's globs by gitignore's rule: with a slash, a glob is anchored at the
/// artifact's folder; without one, it names a file or folder at any depth.
fn excluded(globs: &[String]) -> Result<GlobSet> {
    let wrong = |glob: &str, reason: String| {
        Error::input(format!("the glob `{glob}` in `exclude` {reason}"))
            .hint("such as `tests/**`, `*.md` or `docs/*.txt`; `*` stays within one folder")
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        if glob.starts_with('!') {
            return Err(wrong(
                glob,
                "begins with `!`: excluding cannot be undone".into(),
            ));
        }
        let pattern = glob.strip_suffix('/').unwrap_or(glob);
        let pattern = match pattern.strip_prefix('/') {
            Some(anchored) => anchored.to_owned(),
            None if pattern.contains('/') => pattern.to_owned(),
            None => format!("**/{pattern}"),
        };
        let compiled = GlobBuilder::new(&pattern)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
            .map_err(|error| wrong(glob, format!("is malformed: {}", error.kind())))?;
        set.add(compiled);
    }
    set.build()
        .map_err(|error| Error::input("the globs in `exclude` are too complex").caused_by(error))
}

/// A walk through an artifact's folder.
struct Walk {
    /// The artifact's folder, symlinks resolved.
    folder: PathBuf,
    /// The artifact's folder as the user would type it.
    shown: String,
    excluded: GlobSet,
    /// The folders that the walk is in, symlinks resolved: to meet one again is a loop.
    open: Vec<PathBuf>,
    files: Vec<InputFile>,
    left_out: usize,
}

impl Walk {
    /// Walks through `folder`, whose path in the zip is `prefix`: empty, or ending with a slash.
    fn enter(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let cannot_list = |error| {
            Error::system(
                format!("cannot list the folder `{}`", self.show(prefix)),
                error,
            )
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(cannot_list)? {
            names.push(entry.map_err(cannot_list)?.file_name());
        }
        names.sort();
        self.open.push(folder.to_path_buf());
        for name in names {
            let path = format!("{prefix}{}", name.to_string_lossy());
            if is_left_out(&name) || self.excluded.is_match(&path) {
                self.left_out += 1;
                continue;
            }
            self.check_name(&name, &path)?;
            self.take(&folder.join(&name), path)?;
        }
        self.open.pop();
        Ok(())
    }

    fn take(&mut self, file: &Path, path: String) -> Result<()> {
        let cannot_open =
            |error| Error::system(format!("cannot open `{}`", self.show(&path)), error);
        let is_symlink = fs::symlink_metadata(file)
            .map_err(cannot_open)?
            .is_symlink();
        let file = if is_symlink {
            self.follow(file, &path)?
        } else {
            file.to_path_buf()
        };
        let metadata = fs::metadata(&file).map_err(cannot_open)?;
        if metadata.is_dir() {
            if self.open.contains(&file) {
                return Err(self.refuse(&path, "is a symlink to a folder that it is in"));
            }
            self.enter(&file, &format!("{path}/"))
        } else if metadata.is_file() {
            self.files.push(InputFile {
                path,
                file,
                size: metadata.len(),
                mode: mode(&metadata),
            });
            Ok(())
        } else {
            Err(self.refuse(&path, "is neither a file nor a folder"))
        }
    }

    /// Returns what a symlink names in the end.
    fn follow(&self, link: &Path, path: &str) -> Result<PathBuf> {
        let target = fs::canonicalize(link).map_err(|error| {
            let reason = if error.kind() == io::ErrorKind::NotFound {
                "is a symlink to something that does not exist"
            } else {
                "is a symlink that cannot be followed"
            };
            self.refuse(path, reason).caused_by(error)
        })?;
        if target.starts_with(&self.folder) {
            Ok(target)
        } else {
            Err(self.refuse(path, "is a symlink that leads out of the artifact folder"))
        }
    }

    /// Refuses names that a zip cannot hold or that unzip differently from one system to the next.
    fn check_name(&self, name: &OsStr, path: &str) -> Result<()> {
        match name.to_str() {
            None => Err(self.refuse(path, "has a name that is not UTF-8")),
            Some(name) if name.contains('\\') => {
                Err(self.refuse(path, "has a backslash in its name"))
            }
            Some(name) if name.chars().any(char::is_control) => Err(self.refuse(
                &path.escape_debug().to_string(),
                "has a control character in its name",
            )),
            Some(_) => Ok(()),
        }
    }

    fn refuse(&self, path: &str, reason: &str) -> Error {
        Error::input(format!("`{}` {reason}", self.show(path)))
            .hint("replace it by an ordinary file, or leave it out with `exclude`")
    }

    fn show(&self, path: &str) -> String {
        Path::new(&self.shown).join(path).display().to_string()
    }
}

/// Returns whether a name is left out of every artifact.
fn is_left_out(name: &OsStr) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension == "pyc" || extension == "pyo")
        || LEFT_OUT.iter().any(|left_out| name == *left_out)
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o100 == 0 {
        0o644
    } else {
        0o755
    }
}

#[cfg(not(unix))]
fn mode(_metadata: &Metadata) -> u32 {
    0o644
}
