//! The project's inputs on disk: the manifest, the template and the files of each artifact.
//!
//! This is the only module that lists and opens them, so that the rules about what belongs to a
//! project hold everywhere: a path in the manifest is relative, has no `..`, and names something
//! inside the manifest's folder even after symlinks are followed. What a build takes in is thereby
//! exactly what a checkout of that folder holds.

mod files;

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
pub use files::{ArtifactFiles, InputFile, UNZIPPED_LIMIT};

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.toml";

/// The folder of the project's Guard policies.
pub const POLICIES: &str = "policies";

/// A project: the folder that holds the manifest, and everything below it.
#[derive(Debug, Clone)]
pub struct Project {
    /// The manifest's folder, absolute, symlinks resolved.
    root: PathBuf,
    /// The same folder as the user would type it from the current one; empty where it is that one.
    shown_root: PathBuf,
    manifest: Arc<SourceFile>,
}

impl Project {
    /// Finds and opens the project: `explicit` where the command line named a manifest, else
    /// `manifest.toml` in `current_dir` or the nearest parent that has one.
    ///
    /// # Errors
    ///
    /// Where there is no manifest, where it cannot be read, or where it is not UTF-8.
    pub fn find(current_dir: &Path, explicit: Option<&Path>) -> Result<Self> {
        let (path, shown) = match explicit {
            Some(path) => (current_dir.join(path), path.to_path_buf()),
            None => search(current_dir)?,
        };
        let manifest = read_text(&path, &shown, "the manifest").map_err(|error| {
            error.hint(
                "name another manifest with `--manifest PATH`, or write one with `stackctl init`",
            )
        })?;
        let folder = path.parent().unwrap_or(current_dir);
        let root = fs::canonicalize(folder).map_err(|error| {
            Error::system(
                format!("cannot open the folder `{}`", folder.display()),
                error,
            )
        })?;
        Ok(Self {
            root,
            shown_root: shown.parent().unwrap_or(Path::new("")).to_path_buf(),
            manifest: SourceFile::new(shown.display().to_string(), manifest),
        })
    }

    /// Returns the manifest's folder, absolute, symlinks resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the manifest.
    pub fn manifest(&self) -> &Arc<SourceFile> {
        &self.manifest
    }

    /// Returns `path`, which is relative to the manifest's folder, as the user would type it from
    /// the current folder.
    pub fn shown(&self, path: &Path) -> String {
        self.shown_root.join(path).display().to_string()
    }

    /// Opens the template. The result also opens what the template includes.
    ///
    /// # Errors
    ///
    /// Where the path leaves the project, or the file is missing, unreadable or not UTF-8.
    pub fn template(&self, path: &Path) -> Result<TemplateFolder> {
        let file = self.resolve(path, "the template")?;
        let shown = self.shown(path);
        let text = read_text(&file, Path::new(&shown), "the template")
            .map_err(|error| error.hint("the manifest's `template` key names it"))?;
        Ok(TemplateFolder {
            project: self.clone(),
            folder: path.parent().unwrap_or(Path::new("")).to_path_buf(),
            main: SourceFile::new(shown, text),
        })
    }

    /// Returns the file in the template's folder, the first by name, whose text the service gives back
    /// as this: with a `?` for each character outside ASCII. `None` where there is none.
    pub fn file_with_same_content(&self, template: &Path, text: &str) -> Option<Arc<SourceFile>> {
        let folder = template.parent().unwrap_or(Path::new(""));
        let entries = fs::read_dir(self.root.join(folder)).ok()?;
        let mut names: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .collect();
        names.sort_unstable();
        let mut sources = names.iter().filter_map(|name| {
            let path = folder.join(name);
            // A character of up to four bytes comes back as one.
            let size = fs::metadata(self.root.join(&path)).ok()?.len();
            let is_near = size / 4 <= text.len() as u64;
            is_near.then(|| self.text(&path, "the template").ok())?
        });
        sources.find(|source| {
            let kept = source
                .text
                .chars()
                .map(|it| if it.is_ascii() { it } else { '?' });
            !text.trim().is_empty() && kept.eq(text.chars())
        })
    }

    /// Returns the names of what is in the folder of a path where nothing is, sorted; `None` where
    /// something is there.
    pub fn siblings_of_missing(&self, path: &Path) -> Option<Vec<String>> {
        let full = self.root.join(path);
        // A symlink to nowhere is something too, though it cannot be opened.
        if full.symlink_metadata().is_ok() {
            return None;
        }
        let folder = full.parent().and_then(|folder| fs::read_dir(folder).ok());
        let entries = folder.into_iter().flatten().filter_map(io::Result::ok);
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        Some(names)
    }

    /// Returns the bytes of a file of the project that the manifest names.
    ///
    /// # Errors
    ///
    /// Those of [`Self::resolve`]; where the file cannot be read.
    pub fn read(&self, path: &Path, what: &str) -> Result<Vec<u8>> {
        let full = self.resolve(path, what)?;
        fs::read(full).map_err(|error| {
            Error::system(format!("cannot read {what} `{}`", self.shown(path)), error)
        })
    }

    /// Returns a text of the project that the manifest names.
    ///
    /// # Errors
    ///
    /// Those of [`Self::resolve`]; where the file cannot be read or is not UTF-8.
    pub fn text(&self, path: &Path, what: &str) -> Result<Arc<SourceFile>> {
        let full = self.resolve(path, what)?;
        let shown = self.shown(path);
        let text = read_text(&full, Path::new(&shown), what)?;
        Ok(SourceFile::new(shown, text))
    }

    /// Returns the project's Guard policies, `policies/*.guard`, by name.
    ///
    /// # Errors
    ///
    /// Where the folder or a policy cannot be read, or leads out of the project.
    pub fn policies(&self) -> Result<Vec<Arc<SourceFile>>> {
        let failed = |error| Error::system(format!("cannot read the folder `{POLICIES}`"), error);
        let entries = match fs::read_dir(self.root.join(POLICIES)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = PathBuf::from(entry.map_err(failed)?.file_name());
            if name.extension().is_some_and(|it| it == "guard") {
                names.push(name);
            }
        }
        names.sort_unstable();
        let paths = names.iter().map(|name| Path::new(POLICIES).join(name));
        paths.map(|path| self.text(&path, "the policy")).collect()
    }

    /// Returns the absolute path of something in the project that the manifest names, symlinks
    /// resolved. `what` is how errors call it, such as "the template".
    ///
    /// # Errors
    ///
    /// Where the path is absolute, has a `..`, does not exist, or leads out of the project.
    pub fn resolve(&self, path: &Path, what: &str) -> Result<PathBuf> {
        let outside = |reason: &str| {
            Error::input(format!("{what} `{}` {reason}", path.display()))
                .hint("write a path relative to the manifest's folder, inside it and without `..`")
        };
        for component in path.components() {
            match component {
                Component::Normal(_) | Component::CurDir => {}
                Component::ParentDir => return Err(outside("has a `..` in its path")),
                Component::RootDir | Component::Prefix(_) => {
                    return Err(outside("is an absolute path"));
                }
            }
        }
        let full = fs::canonicalize(self.root.join(path)).map_err(|error| {
            let shown = self.shown(path);
            if error.kind() == io::ErrorKind::NotFound {
                Error::input(format!("{what} `{shown}` does not exist"))
            } else {
                Error::system(format!("cannot open {what} `{shown}`"), error)
            }
        })?;
        if full.starts_with(&self.root) {
            Ok(full)
        } else {
            Err(outside("is a symlink that leads out of the project"))
        }
    }
}

/// The template and the folder that it may include others from.
#[derive(Debug, Clone)]
pub struct TemplateFolder {
    project: Project,
    /// The template's folder, relative to the manifest's.
    folder: PathBuf,
    main: Arc<SourceFile>,
}

impl TemplateFolder {
    /// Returns the template itself.
    pub fn main(&self) -> &Arc<SourceFile> {
        &self.main
    }

    /// Opens a file that the template includes; `name` is relative to the template's folder.
    ///
    /// Returns `None` where there is no such file.
    ///
    /// # Errors
    ///
    /// Where the name leaves the project, or the file is unreadable or not UTF-8.
    pub fn include(&self, name: &str) -> Result<Option<Arc<SourceFile>>> {
        let path = self.folder.join(name);
        let relative = !Path::new(name).is_absolute();
        if relative && !self.project.root.join(&path).exists() && !has_parent(Path::new(name)) {
            return Ok(None);
        }
        let path = if relative { path } else { PathBuf::from(name) };
        let file = self.project.resolve(&path, "the included template")?;
        let shown = self.project.shown(&path);
        let text = read_text(&file, Path::new(&shown), "the included template")?;
        Ok(Some(SourceFile::new(shown, text)))
    }
}

fn has_parent(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// Looks for the manifest in `current_dir` and its parents. Returns its path and how to show it.
fn search(current_dir: &Path) -> Result<(PathBuf, PathBuf)> {
    let mut shown = PathBuf::new();
    for folder in current_dir.ancestors() {
        let path = folder.join(MANIFEST);
        if path.is_file() {
            return Ok((path, shown.join(MANIFEST)));
        }
        shown.push("..");
    }
    Err(Error::input(format!(
        "there is no `{MANIFEST}` in `{}` or any folder above it",
        current_dir.display()
    ))
    .hint("run `stackctl init` to write one, or name one with `--manifest PATH`"))
}

/// Returns a text outside any project that the command line names, called by `path` as it is given.
///
/// # Errors
///
/// Where the file cannot be read or is not UTF-8.
pub fn named_text(current_dir: &Path, path: &Path) -> Result<Arc<SourceFile>> {
    let text = read_text(&current_dir.join(path), path, "the template")?;
    Ok(SourceFile::new(path.display().to_string(), text))
}

/// Reads a UTF-8 file. A byte order mark is dropped, so that offsets count from the first character.
fn read_text(path: &Path, shown: &Path, what: &str) -> Result<String> {
    let shown = shown.display();
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::input(format!("{what} `{shown}` does not exist")),
        io::ErrorKind::IsADirectory => {
            Error::input(format!("{what} `{shown}` is a folder, not a file"))
        }
        _ => Error::system(format!("cannot read {what} `{shown}`"), error),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        Error::input(format!("{what} `{shown}` is not UTF-8 (line {line})"))
            .hint("save the file as UTF-8")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
pub(crate) mod tests;
