//! Lists the files of an artifact.
//!
//! The list is checked before any file is read, so that errors are reported before the artifact is
//! built.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::Project;
use super::exclusions::Exclusions;
use super::reads::Rule;
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use crate::util::regular_file;

/// The largest size of a Lambda function's unzipped code, in bytes: 250 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const UNZIPPED_LIMIT: u64 = 250 * 1024 * 1024;

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The path inside the zip: relative to the artifact's folder, with forward slashes.
    pub path: String,
    /// The absolute path of the file.
    pub file: PathBuf,
    /// The size in bytes.
    pub size: u64,
    /// The mode: 0755 if the owner may execute the file, otherwise 0644.
    pub mode: u32,
}

/// The files of one artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFiles {
    /// The name of the artifact.
    pub name: String,
    /// The files, sorted by the bytes of their paths; never empty.
    pub files: Vec<InputFile>,
    /// The total size of the files in bytes; at most [`UNZIPPED_LIMIT`].
    pub size: u64,
    /// The globs of `exclude` that match nothing in the folder.
    pub unmatched_globs: Vec<String>,
}

/// Lists the files of the artifact `name`. A symlink counts as its target.
///
/// # Errors
///
/// If the folder is missing, empty, outside the project or larger than [`UNZIPPED_LIMIT`]; if a glob is
/// malformed; if a symlink has no target, loops or points outside the folder; or if an entry is neither
/// a file nor a folder, or has a name that a zip cannot contain.
pub fn artifact_files(project: &Project, name: &str, settings: &Settings) -> Result<ArtifactFiles> {
    let Some(artifact) = settings.artifacts.get(name) else {
        return Err(Error::input(format!("there is no artifact `{name}`")));
    };
    let list = list(
        project,
        name,
        &artifact.path,
        Some(&artifact.exclude),
        Some(UNZIPPED_LIMIT),
    );
    list.map_err(|error| {
        let origin = settings.origins.get(&format!("artifacts.{name}.path"));
        error.hint(format!(
            "the artifact `{name}` is the folder `{}` ({origin})",
            artifact.path.display()
        ))
    })
}

/// Lists the files of a folder that a template names, by the rules of [`artifact_files`]. `limit` is the
/// largest total size in bytes.
///
/// # Errors
///
/// As [`artifact_files`].
pub fn folder_files(
    project: &Project,
    name: &str,
    path: &Path,
    limit: Option<u64>,
) -> Result<ArtifactFiles> {
    list(project, name, path, Some(&[]), limit)
}

/// Lists all files of a folder that the AWS CDK has staged as an asset, without exclusions and of any size.
///
/// # Errors
///
/// As [`artifact_files`], without those of its limits.
pub fn asset_files(project: &Project, name: &str, path: &Path) -> Result<ArtifactFiles> {
    list(project, name, path, None, None)
}

/// Returns the list of a lone file that a template names. In the zip, it has its own name without a
/// folder.
///
/// # Errors
///
/// If the file is missing, outside the project or larger than [`UNZIPPED_LIMIT`].
pub fn lone_file(project: &Project, name: &str, path: &Path) -> Result<ArtifactFiles> {
    let file = project.resolve(path, "the file")?;
    let shown = project.shown(path);
    let metadata = fs::metadata(&file)
        .map_err(|error| Error::system(format!("cannot open `{shown}`"), error))?;
    let own_name = path.file_name().unwrap_or_default();
    let files = vec![InputFile {
        path: own_name.to_string_lossy().into_owned(),
        file,
        size: metadata.len(),
        mode: mode(&metadata),
    }];
    if metadata.len() > UNZIPPED_LIMIT {
        return Err(too_large(&shown, metadata.len(), &files));
    }
    Ok(ArtifactFiles {
        name: name.to_owned(),
        size: metadata.len(),
        files,
        unmatched_globs: Vec::new(),
    })
}

/// Returns whether the zip of a folder would contain a file; false if the folder does not exist or a
/// glob is malformed. `exclude` are the globs of the artifact; `file` is an absolute path, and may not
/// exist.
pub fn would_contain(project: &Project, folder: &Path, exclude: &[String], file: &Path) -> bool {
    let Ok(folder) = project.resolve(folder, "the artifact folder") else {
        return false;
    };
    // The folders of the path that do not exist yet cannot be symlinks.
    let existing = file
        .ancestors()
        .find_map(|part| Some((part, fs::canonicalize(part).ok()?)));
    let file = match existing {
        Some((part, real)) => real.join(file.strip_prefix(part).unwrap_or(file)),
        None => file.to_path_buf(),
    };
    match file.strip_prefix(&folder) {
        Ok(path) => Exclusions::new(exclude).is_ok_and(|globs| !globs.covers(path)),
        Err(_) => false,
    }
}

/// Lists the files of a folder. `globs` are those of `exclude`; `None` leaves out nothing.
fn list(
    project: &Project,
    name: &str,
    path: &Path,
    globs: Option<&[String]>,
    limit: Option<u64>,
) -> Result<ArtifactFiles> {
    let folder = project.resolve(path, "the artifact folder")?;
    let rule = globs.map_or(Rule::All, |globs| Rule::Packaged(globs.to_vec()));
    project.reads.folder(&folder, rule);
    let exclusions = match globs {
        Some(globs) => Exclusions::new(globs)?,
        None => Exclusions::none()?,
    };
    let mut walk = Walk {
        shown: project.shown(path),
        exclusions,
        open: Vec::new(),
        files: Vec::new(),
        excluded_count: 0,
        folder: folder.clone(),
    };
    if !folder.is_dir() {
        return Err(Error::input(format!("`{}` is not a folder", walk.shown)));
    }
    walk.enter(&folder, "")?;
    let Walk {
        shown,
        mut files,
        excluded_count,
        exclusions,
        ..
    } = walk;
    if files.is_empty() {
        let reason = if excluded_count == 0 {
            "is empty".to_owned()
        } else {
            format!("has no files left: {excluded_count} of its entries are excluded")
        };
        return Err(Error::input(format!(
            "the artifact folder `{shown}` {reason}"
        )));
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let size = files
        .iter()
        .fold(0_u64, |sum, file| sum.saturating_add(file.size));
    if limit.is_some_and(|limit| size > limit) {
        return Err(too_large(&shown, size, &files));
    }
    Ok(ArtifactFiles {
        name: name.to_owned(),
        files,
        size,
        unmatched_globs: exclusions.unmatched(),
    })
}

/// Returns the error for a folder over the limit, with its largest files.
fn too_large(shown: &str, size: u64, files: &[InputFile]) -> Error {
    let mut largest: Vec<_> = files.iter().collect();
    largest.sort_by(|one, other| other.size.cmp(&one.size).then(one.path.cmp(&other.path)));
    let largest: Vec<_> = largest
        .iter()
        .take(3)
        .map(|file| format!("`{}` ({} bytes)", file.path, file.size))
        .collect();
    Error::input(format!(
        "the artifact folder `{shown}` has {size} bytes, over Lambda's limit of \
         {UNZIPPED_LIMIT} bytes unzipped"
    ))
    .hint(format!(
        "leave out files with `exclude`; the largest files are {}",
        largest.join(", ")
    ))
}

/// The state of a walk through an artifact's folder.
struct Walk {
    /// The artifact's folder, with symlinks resolved.
    folder: PathBuf,
    /// The artifact's folder, relative to the current folder.
    shown: String,
    exclusions: Exclusions,
    /// The folders that are being walked, with symlinks resolved, to detect loops.
    open: Vec<PathBuf>,
    files: Vec<InputFile>,
    excluded_count: usize,
}

impl Walk {
    /// Walks through `folder`. Its path in the zip is `prefix`, which is empty or ends with a slash.
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
            let file = folder.join(&name);
            if self.exclusions.exclude(&file, &name, &path) {
                self.excluded_count += 1;
                continue;
            }
            self.check_name(&name, &path)?;
            self.visit(&file, path)?;
        }
        self.open.pop();
        Ok(())
    }

    fn visit(&mut self, file: &Path, path: String) -> Result<()> {
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
                return Err(self.refuse(&path, "is a symlink to a folder that contains it"));
            }
            self.enter(&file, &format!("{path}/"))
        } else if let Err(error) = regular_file::check(metadata.file_type()) {
            Err(self.refuse(&path, &error.predicate()))
        } else {
            self.files.push(InputFile {
                path,
                file,
                size: metadata.len(),
                mode: mode(&metadata),
            });
            Ok(())
        }
    }

    /// Returns the final target of a symlink.
    fn follow(&self, link: &Path, path: &str) -> Result<PathBuf> {
        let target = fs::canonicalize(link).map_err(|error| {
            let reason = if error.kind() == io::ErrorKind::NotFound {
                "is a symlink to a file that does not exist"
            } else {
                "is a symlink that cannot be followed"
            };
            self.refuse(path, reason).caused_by(error)
        })?;
        if target.starts_with(&self.folder) {
            Ok(target)
        } else {
            Err(self.refuse(path, "is a symlink that points outside the artifact folder"))
        }
    }

    /// Checks that a zip can contain the name and that every system unzips it to the same name.
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
            .hint("replace it with a regular file, or leave it out with `exclude`")
    }

    fn show(&self, path: &str) -> String {
        Path::new(&self.shown).join(path).display().to_string()
    }
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
