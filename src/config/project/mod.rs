//! The project's inputs on disk: the manifest, the template and the files of each artifact.
//!
//! Only this module lists and opens them, so that the same rules hold for every path in the manifest:
//! it is relative, has no `..`, and stays inside the manifest's folder after symlinks are resolved. So
//! a build reads only files of that folder.

mod exclusions;
mod files;
mod local;
mod reads;
pub mod watcher;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::config::origin::Origin;
use crate::config::settings::{ArtifactSettings, Settings};
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::util::regular_file;
pub use files::{
    ArtifactFiles, InputFile, UNZIPPED_LIMIT, artifact_files, asset_files, folder_files, lone_file,
    would_contain,
};
pub use local::{Entry, entry, relative_path};
use reads::Rule;
pub use reads::{Differences, Reads};

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.toml";

/// The artifact of a project that names none, and its folder.
const DEFAULT_ARTIFACT: &str = "handler";

/// The folder of the project's Guard policies.
pub const POLICIES: &str = "policies";

/// The largest file of text that is read, in bytes: 2 MiB, twice what CloudFormation accepts as a
/// template
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>), because
/// a template may have comments that are not sent. No other text of a project is as long.
pub const TEXT_LIMIT: u64 = 2 * 1024 * 1024;

/// The largest template that is only compared, in bytes: the same template in JSON with indentation is
/// several times as long.
pub const COMPARED_LIMIT: u64 = 4 * TEXT_LIMIT;

/// A project: the folder that contains the manifest, and everything in it.
#[derive(Debug, Clone)]
pub struct Project {
    /// The manifest's folder: absolute, with symlinks resolved.
    root: PathBuf,
    /// The manifest's folder, relative to the current folder; empty if it is the current folder.
    shown_root: PathBuf,
    manifest: Arc<SourceFile>,
    /// Receives what is read.
    reads: Reads,
}

impl Project {
    /// Finds and opens the project. `explicit` is the manifest from the command line; without it, the
    /// manifest is the `manifest.toml` in `current_dir` or in the nearest parent folder that has one.
    ///
    /// # Errors
    ///
    /// If there is no manifest, or if it cannot be read or is not UTF-8.
    pub fn find(current_dir: &Path, explicit: Option<&Path>) -> Result<Self> {
        Self::find_recorded(current_dir, explicit, Reads::default())
    }

    /// As [`find`](Self::find). `reads` receives what is read of the project from now on.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn find_recorded(
        current_dir: &Path,
        explicit: Option<&Path>,
        reads: Reads,
    ) -> Result<Self> {
        let (path, shown) = match explicit {
            Some(path) => (current_dir.join(path), path.to_path_buf()),
            None => search(current_dir)?,
        };
        reads.path(&path);
        let manifest = read_text(&path, &shown, "the manifest").map_err(|error| {
            error.hint(
                "name another manifest with `--manifest PATH`, or create one with `stackctl init`",
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
            reads,
        })
    }

    /// Returns a project without files, for a run that names the project itself; `None` if there is a
    /// manifest. It has the environment of the command line, if that names one.
    pub(crate) fn without_manifest(current_dir: &Path, environment: Option<&str>) -> Option<Self> {
        if search(current_dir).is_ok() {
            return None;
        }
        let environment = environment.map(|name| {
            // A text in JSON is a key in TOML.
            let key = serde_json::Value::from(name);
            format!("[environments.{key}]\n")
        });
        Some(Self::planned(current_dir, environment.unwrap_or_default()))
    }

    /// Returns the project that a folder will be once a manifest with this text is in it. The folder need not
    /// exist.
    pub(crate) fn planned(folder: &Path, manifest: String) -> Self {
        Self {
            root: fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf()),
            shown_root: PathBuf::new(),
            manifest: SourceFile::new(MANIFEST, manifest),
            reads: Reads::default(),
        }
    }

    /// Returns the manifest's folder: absolute, with symlinks resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the text of the manifest and its name.
    pub fn manifest(&self) -> &Arc<SourceFile> {
        &self.manifest
    }

    /// Adds the artifact `handler` if the manifest has neither `[artifacts]` nor `[stacks]`, the project has a
    /// folder of this name, and the template is one that can refer to an artifact.
    pub fn add_default_artifact(&self, settings: &mut Settings) {
        // Of several stacks, the manifest has to say which one has the artifact.
        let is_named =
            settings.stack_key.is_some() || *settings.origins.get("artifacts") != Origin::Default;
        let extension = settings.template.extension().and_then(OsStr::to_str);
        let is_rendered = matches!(extension, Some("j2" | "jinja" | "jinja2"));
        let path = PathBuf::from(DEFAULT_ARTIFACT);
        if is_named || !is_rendered {
            return;
        }
        self.reads.path(&self.root.join(&path));
        if self.root.join(&path).is_dir() {
            let artifact = ArtifactSettings {
                path,
                ..ArtifactSettings::default()
            };
            settings
                .artifacts
                .insert(DEFAULT_ARTIFACT.to_owned(), artifact);
        }
    }

    /// Returns `path`, which is relative to the manifest's folder, as a path relative to the current
    /// folder.
    pub fn shown(&self, path: &Path) -> String {
        self.shown_root.join(path).display().to_string()
    }

    /// Opens the template. The result can also open the files that the template includes.
    ///
    /// # Errors
    ///
    /// If the path is outside the project, or if the file is missing, cannot be read or is not UTF-8.
    pub fn template(&self, path: &Path) -> Result<TemplateFolder> {
        self.template_folder(path, "the template", |error| {
            error.hint("the `template` key in the manifest sets this path")
        })
    }

    /// Opens a template that another template names, as [`template`](Self::template).
    ///
    /// # Errors
    ///
    /// As [`template`](Self::template).
    pub fn nested_template(&self, path: &Path) -> Result<TemplateFolder> {
        self.template_folder(path, "the nested template", |error| error)
    }

    fn template_folder(
        &self,
        path: &Path,
        what: &str,
        unreadable: fn(Error) -> Error,
    ) -> Result<TemplateFolder> {
        let file = self.resolve(path, what)?;
        let shown = self.shown(path);
        let (text, has_byte_order_mark) =
            read_marked_text(&file, Path::new(&shown), what).map_err(unreadable)?;
        Ok(TemplateFolder {
            has_byte_order_mark,
            project: self.clone(),
            folder: path.parent().unwrap_or(Path::new("")).to_path_buf(),
            main: SourceFile::new(shown, text),
        })
    }

    /// Returns the first file by name in the template's folder whose text, with `?` for each non-ASCII
    /// character, equals `text`. `GetTemplate` returns templates in this form. Returns `None` if there
    /// is no such file.
    pub fn file_with_same_content(&self, template: &Path, text: &str) -> Option<Arc<SourceFile>> {
        let folder = template.parent().unwrap_or(Path::new(""));
        let entries = fs::read_dir(self.root.join(folder)).ok()?;
        let mut names: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .collect();
        names.sort_unstable();
        let mut sources = names.iter().filter_map(|name| {
            let path = folder.join(name);
            // A character of up to four bytes becomes one byte.
            let size = fs::metadata(self.root.join(&path)).ok()?.len();
            let may_be_equal = size / 4 <= text.len() as u64;
            may_be_equal.then(|| self.text(&path, "the template").ok())?
        });
        sources.find(|source| {
            let ascii = source
                .text
                .chars()
                .map(|it| if it.is_ascii() { it } else { '?' });
            !text.trim().is_empty() && ascii.eq(text.chars())
        })
    }

    /// Returns the names in the folder of a missing path, sorted; `None` if the path exists.
    pub fn siblings_of_missing(&self, path: &Path) -> Option<Vec<String>> {
        let full = self.root.join(path);
        // A symlink without a target exists too.
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

    /// Returns the bytes of a file that the manifest names. `what` describes the file in errors, `limit`
    /// is the largest size in bytes.
    ///
    /// # Errors
    ///
    /// If [`Self::resolve`] fails, or the file is larger or cannot be read.
    pub fn read(&self, path: &Path, what: &str, limit: u64) -> Result<Vec<u8>> {
        let full = self.resolve(path, what)?;
        regular_file::read(&full, limit).map_err(|error| error.into_error(what, self.shown(path)))
    }

    /// Returns the text of a file that the manifest names. `what` describes the file in errors.
    ///
    /// # Errors
    ///
    /// If [`Self::resolve`] fails, or the file cannot be read or is not UTF-8.
    pub fn text(&self, path: &Path, what: &str) -> Result<Arc<SourceFile>> {
        let full = self.resolve(path, what)?;
        let shown = self.shown(path);
        let text = read_text(&full, Path::new(&shown), what)?;
        Ok(SourceFile::new(shown, text))
    }

    /// Returns the project's Guard policies, `policies/*.guard`, sorted by name.
    ///
    /// # Errors
    ///
    /// If the folder or a policy cannot be read, or if a policy is outside the project.
    pub fn policies(&self) -> Result<Vec<Arc<SourceFile>>> {
        let failed = |error| Error::system(format!("cannot read the folder `{POLICIES}`"), error);
        self.reads.folder(&self.root.join(POLICIES), Rule::All);
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

    /// Records that a `build` is about to run, which may read any source of the project. It writes to these
    /// folders, relative to the manifest's folder.
    pub(crate) fn record_sources(&self, written: impl Iterator<Item = PathBuf>) {
        let written = written.map(|path| self.root.join(path)).collect();
        self.reads.folder(&self.root, Rule::Sources(written));
    }

    /// Returns the absolute path of a file or folder that the manifest names, with symlinks resolved.
    /// `what` describes it in errors, for example "the template".
    ///
    /// # Errors
    ///
    /// If the path is absolute, has a `..`, does not exist, or is outside the project.
    pub fn resolve(&self, path: &Path, what: &str) -> Result<PathBuf> {
        let outside = |reason: &str| {
            Error::input(format!("{what} `{}` {reason}", path.display()))
                .hint("write a relative path inside the manifest's folder, without `..`")
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
        self.reads.path(&self.root.join(path));
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
            Err(outside("is a symlink that points outside the project"))
        }
    }
}

/// The template, and the folder from which it may include files.
#[derive(Debug, Clone)]
pub struct TemplateFolder {
    project: Project,
    /// The template's folder, relative to the manifest's folder.
    folder: PathBuf,
    main: Arc<SourceFile>,
    has_byte_order_mark: bool,
}

impl TemplateFolder {
    /// Returns the text of the template, without a byte order mark, and its name.
    pub fn main(&self) -> &Arc<SourceFile> {
        &self.main
    }

    /// Returns whether the template's file starts with a byte order mark.
    pub fn has_byte_order_mark(&self) -> bool {
        self.has_byte_order_mark
    }

    /// Opens a file that the template includes. `name` is relative to the template's folder. Returns
    /// `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// If the path is outside the project, or if the file cannot be read or is not UTF-8.
    pub fn include(&self, name: &str) -> Result<Option<Arc<SourceFile>>> {
        let path = self.folder.join(name);
        let relative = !Path::new(name).is_absolute();
        self.project.reads.path(&self.project.root.join(&path));
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

/// Searches for the manifest in `current_dir` and its parents. Returns its path, and its path relative
/// to `current_dir`.
fn search(current_dir: &Path) -> Result<(PathBuf, PathBuf)> {
    let mut shown = PathBuf::new();
    for folder in current_dir.ancestors() {
        let path = folder.join(MANIFEST);
        // What is no file is named in an error. It does not choose the manifest of another project.
        if path.exists() {
            return Ok((path, shown.join(MANIFEST)));
        }
        shown.push("..");
    }
    Err(Error::input(format!(
        "there is no `{MANIFEST}` in `{}` or any folder above it",
        current_dir.display()
    ))
    .hint("run `stackctl init` to create one, or name one with `--manifest PATH`"))
}

/// Returns the text of a file that the command line names and that need not be part of a project.
///
/// # Errors
///
/// If the file cannot be read or is not UTF-8.
pub fn named_text(current_dir: &Path, path: &Path) -> Result<Arc<SourceFile>> {
    const WHAT: &str = "the template";
    let file = current_dir.join(path);
    // What a shell makes of `<(command)`, and stdin.
    let is_descriptor = |folder: &&str| file.starts_with(folder);
    let bytes = if ["/dev/fd", "/dev/stdin", "/proc"].iter().any(is_descriptor) {
        regular_file::read_or_pipe(&file, COMPARED_LIMIT)
    } else {
        regular_file::read(&file, COMPARED_LIMIT)
    };
    let bytes = bytes.map_err(|error| error.into_error(WHAT, path.display()))?;
    let (text, _) = marked_text(bytes, path, WHAT)?;
    Ok(SourceFile::new(path.display().to_string(), text))
}

/// Reads a UTF-8 file without its byte order mark.
fn read_text(path: &Path, shown: &Path, what: &str) -> Result<String> {
    read_marked_text(path, shown, what).map(|(text, _)| text)
}

/// Reads a UTF-8 file without its byte order mark. Returns whether it has one.
fn read_marked_text(path: &Path, shown: &Path, what: &str) -> Result<(String, bool)> {
    let bytes = regular_file::read(path, TEXT_LIMIT)
        .map_err(|error| error.into_error(what, shown.display()))?;
    marked_text(bytes, shown, what)
}

/// Returns a UTF-8 text without its byte order mark, and whether it has one.
fn marked_text(bytes: Vec<u8>, shown: &Path, what: &str) -> Result<(String, bool)> {
    let shown = shown.display();
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let byte = error.as_bytes().get(valid).copied().unwrap_or_default();
        Error::input(format!(
            "{what} `{shown}` is not UTF-8 (line {line}, byte 0x{byte:02X} at offset {valid})"
        ))
        .hint("save the file as UTF-8")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest.to_owned(), true),
        None => (text, false),
    })
}

#[cfg(test)]
pub(crate) mod tests;
