//! The folder that `init` writes to. Nothing that exists in it is changed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::name;
use crate::config::project::TEXT_LIMIT;
use crate::error::{Error, Result};
use crate::operations::context::Context;
use crate::util::regular_file;
use crate::util::shell_word::quote;

/// The folder of a new project.
pub(super) struct Folder<'a> {
    context: &'a Context,
    path: PathBuf,
    /// The path as the user named it.
    named: &'a Path,
}

impl<'a> Folder<'a> {
    /// Returns the folder that the user names; it need not exist.
    ///
    /// # Errors
    ///
    /// If there is something else than a folder.
    pub(super) fn new(context: &'a Context, named: &'a Path) -> Result<Self> {
        let path = context.resolve(named);
        if path.symlink_metadata().is_ok() && !path.is_dir() {
            return Err(
                Error::input(format!("`{}` is not a folder", named.display()))
                    .hint("name a new folder: `stackctl init DIR`"),
            );
        }
        Ok(Self {
            context,
            path,
            named,
        })
    }

    /// Returns the path of the folder as the user named it.
    pub(super) fn named(&self) -> &Path {
        self.named
    }

    /// Returns the path of a file in the folder.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Returns the path of a file in the folder as the user would type it.
    pub(super) fn shown(&self, file: &str) -> String {
        if self.is_current() {
            file.to_owned()
        } else {
            self.named.join(file).display().to_string()
        }
    }

    /// Returns whether something of this name is in the folder.
    pub(super) fn has(&self, file: &str) -> bool {
        self.path(file).symlink_metadata().is_ok()
    }

    /// Returns whether a file has this content.
    pub(super) fn holds(&self, file: &str, content: &[u8]) -> bool {
        let found = regular_file::read(&self.path(file), content.len() as u64);
        found.is_ok_and(|found| found == content)
    }

    /// Returns the text of a file; empty if there is none.
    pub(super) fn text(&self, file: &str) -> String {
        let found = regular_file::read(&self.path(file), TEXT_LIMIT).unwrap_or_default();
        String::from_utf8(found).unwrap_or_default()
    }

    /// Returns the project's name, after the folder.
    pub(super) fn project(&self) -> String {
        name::project(&self.name())
    }

    /// Prints the project's name if it differs from the folder's.
    pub(super) fn report_project(&self, project: &str) {
        let folder = self.name();
        if project != folder {
            self.context.presenter().note(&format!(
                "named the project `{project}` after the folder `{folder}`; a project's name is letters, digits \
                 and hyphens, and starts with a letter"
            ));
        }
    }

    fn name(&self) -> String {
        // A folder that does not exist yet cannot be resolved.
        let path = self.path.canonicalize();
        let path = path.as_ref().unwrap_or(&self.path);
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Writes a new file and the folders above it, and says so.
    ///
    /// # Errors
    ///
    /// If the file exists by now or cannot be written.
    pub(super) fn write(&self, file: &str, content: &[u8]) -> Result<()> {
        let shown = self.shown(file);
        write_new(&self.path(file), content)
            .map_err(|error| Error::system(format!("cannot write `{shown}`"), error))?;
        self.context.presenter().note(&format!("wrote {shown}"));
        Ok(())
    }

    /// Creates the folder without a message.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub(super) fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(|error| {
            let shown = self.named.display();
            Error::system(format!("cannot create the folder `{shown}`"), error)
        })
    }

    /// Returns a temporary folder on the same disk.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub(super) fn temporary(&self) -> Result<TempDir> {
        let existing = self.path.ancestors().find(|it| it.is_dir());
        let existing = existing.unwrap_or(Path::new("."));
        let made = tempfile::Builder::new()
            .prefix(".stackctl-init-")
            .tempdir_in(existing);
        made.map_err(|error| {
            let shown = existing.display();
            Error::system(format!("cannot write to the folder `{shown}`"), error)
        })
    }

    /// Moves a folder into this one, under a name that does not exist. Does nothing if there is no folder, or
    /// an empty one.
    ///
    /// # Errors
    ///
    /// If it cannot be moved.
    pub(super) fn take(&self, from: &Path, name: &str) -> Result<()> {
        if fs::read_dir(from).map_or(true, |mut entries| entries.next().is_none()) {
            return Ok(());
        }
        let to = self.path(name);
        let moved = to.parent().map_or(Ok(()), fs::create_dir_all);
        let moved = moved.and_then(|()| fs::rename(from, &to));
        let shown = self.shown(name);
        moved.map_err(|error| Error::system(format!("cannot write `{shown}`"), error))
    }

    /// Returns a command line to run in this folder.
    pub(super) fn command(&self, command: &str) -> String {
        if self.is_current() {
            command.to_owned()
        } else {
            format!("cd {} && {command}", quote(&self.named.to_string_lossy()))
        }
    }

    fn is_current(&self) -> bool {
        self.named == Path::new(".")
    }
}

/// Writes a file that must not exist.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?
        .write_all(content)
}
