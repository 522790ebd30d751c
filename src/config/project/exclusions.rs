//! The globs that leave files out of an artifact.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};

/// The names of files and folders that no artifact contains, at any depth: caches, version control and
/// virtual environments. `node_modules` is not one of them, because a JavaScript function needs it.
const ALWAYS_EXCLUDED: &[&str] = &[
    "__pycache__",
    ".git",
    ".venv",
    ".DS_Store",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".aws-sam",
];

/// How many entries of excluded folders are compared with the globs that have matched nothing else.
const SEARCHED: usize = 20_000;

/// The globs of an artifact, and which of them have matched something.
pub(super) struct Exclusions {
    globs: Vec<String>,
    set: GlobSet,
    matched: Vec<bool>,
    /// Whether the names that no artifact contains are left out.
    always: bool,
    /// The excluded folders: where they are, and their paths relative to the artifact's folder.
    folders: Vec<(PathBuf, String)>,
}

impl Exclusions {
    /// Compiles globs by the rule of gitignore: a glob with a slash matches from the artifact's folder;
    /// a glob without a slash matches a name at any depth. `./` and empty parts of a path are ignored.
    pub(super) fn new(globs: &[String]) -> Result<Self> {
        let wrong = |glob: &str, reason: String| {
            Error::input(format!("the glob `{glob}` in `exclude` {reason}")).hint(
                "write a glob such as `tests/**`, `*.md` or `docs/*.txt`; `*` matches no slash",
            )
        };
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            if glob.starts_with('!') {
                return Err(wrong(
                    glob,
                    "starts with `!`, but an exclusion cannot be undone".into(),
                ));
            }
            let compiled = GlobBuilder::new(&pattern(glob))
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|error| wrong(glob, format!("is malformed: {}", error.kind())))?;
            set.add(compiled);
        }
        let set = set.build().map_err(|error| {
            Error::input("the globs in `exclude` are too complex").caused_by(error)
        })?;
        Ok(Self {
            globs: globs.to_vec(),
            matched: vec![false; globs.len()],
            set,
            always: true,
            folders: Vec::new(),
        })
    }

    /// Leaves out nothing.
    pub(super) fn none() -> Result<Self> {
        let all = Self::new(&[])?;
        Ok(Self {
            always: false,
            ..all
        })
    }

    /// Returns whether an entry of the artifact's folder is left out. `path` is relative to that folder.
    pub(super) fn exclude(&mut self, file: &Path, name: &OsStr, path: &str) -> bool {
        let is_excluded = self.mark(path) || self.always && is_always_excluded(name);
        // A symlink is not followed: it may lead out of the artifact's folder.
        if is_excluded && fs::symlink_metadata(file).is_ok_and(|it| it.is_dir()) {
            self.folders.push((file.to_path_buf(), path.to_owned()));
        }
        is_excluded
    }

    /// Returns whether an entry of a folder that is not left out is left out. `path` is relative to the
    /// artifact's folder.
    pub(super) fn leaves_out(&self, path: &Path) -> bool {
        path.file_name().is_some_and(is_always_excluded) || self.set.is_match(path)
    }

    /// Returns whether a path, or a folder that contains it, is left out.
    pub(super) fn covers(&self, path: &Path) -> bool {
        path.ancestors().any(|part| self.leaves_out(part))
    }

    /// Returns the globs that match nothing, without those that repeat what is always excluded.
    pub(super) fn unmatched(mut self) -> Vec<String> {
        for (glob, matched) in self.globs.iter().zip(&mut self.matched) {
            // `*.py[co]` is usual in ignore files.
            let is_always = |part: &str| is_always_excluded(part.as_ref()) || part == "*.py[co]";
            *matched = *matched || glob.split('/').any(is_always);
        }
        self.search_excluded();
        let globs = self.globs.into_iter().zip(self.matched);
        globs
            .filter_map(|(glob, matched)| (!matched).then_some(glob))
            .collect()
    }

    /// Looks for the remaining globs in the excluded folders: `tests/data/**` matches something, even if
    /// `tests` is excluded too.
    fn search_excluded(&mut self) {
        let mut searched = 0;
        while let Some((folder, path)) = self.folders.pop() {
            if self.matched.iter().all(|matched| *matched) {
                return;
            }
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                searched += 1;
                if searched > SEARCHED {
                    self.matched.fill(true);
                    return;
                }
                let path = format!("{path}/{}", entry.file_name().to_string_lossy());
                self.mark(&path);
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    self.folders.push((entry.path(), path));
                }
            }
        }
    }

    /// Returns whether a glob matches a path, and remembers which globs do.
    fn mark(&mut self, path: &str) -> bool {
        let found = self.set.matches(path);
        for index in &found {
            if let Some(matched) = self.matched.get_mut(*index) {
                *matched = true;
            }
        }
        !found.is_empty()
    }
}

/// Returns a glob of the manifest as a glob for paths relative to the artifact's folder.
fn pattern(glob: &str) -> String {
    let parts: Vec<&str> = glob
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let path = parts.join("/");
    if glob.trim_end_matches('/').contains('/') {
        path
    } else {
        format!("**/{path}")
    }
}

/// Returns whether no artifact contains a file or folder with this name.
fn is_always_excluded(name: &OsStr) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension == "pyc" || extension == "pyo")
        || ALWAYS_EXCLUDED.iter().any(|excluded| name == *excluded)
        || is_of_editor(&name.to_string_lossy())
}

/// Returns whether an editor keeps this file beside the one that is edited: Vim's swap files (`.app.py.swp`)
/// and its test for a folder (`4913`), Emacs's locks (`.#app.py`) and copies (`#app.py#`), backups
/// (`app.py~`), and what `JetBrains` writes before it renames.
fn is_of_editor(name: &str) -> bool {
    let is_swap = |extension: &str| {
        let mut letters = extension.chars();
        extension.len() == 3
            && extension.starts_with("sw")
            && letters
                .next_back()
                .is_some_and(|last| last.is_ascii_lowercase())
    };
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    name.starts_with('.') && extension.is_some_and(is_swap)
        || name.starts_with(".#")
        || name.len() > 1 && name.starts_with('#') && name.ends_with('#')
        || name.len() > 1 && name.ends_with('~')
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
        || name == "4913"
}
