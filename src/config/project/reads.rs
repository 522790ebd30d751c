//! What a run has read of the project, and whether that is still what is there.
//!
//! [`Project`](super::Project) records each path before it reads it, with what identifies the content at
//! that time. So a file that changes while it is read counts as changed, and whatever says that something
//! has happened in a folder need not say what: the comparison decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::exclusions::Exclusions;

/// How many entries of one folder are looked at: more than any artifact has.
const MOST_ENTRIES: usize = 50_000;

/// The folders that no build reads as its source, besides those whose names begin with a dot.
const NO_SOURCES: [&str; 3] = ["node_modules", "target", "cdk.out"];

/// What a run has read of the project. Copies share it. By default, nothing is recorded.
#[derive(Debug, Clone, Default)]
pub struct Reads(Option<Arc<Mutex<Recorded>>>);

#[derive(Debug, Default)]
struct Recorded {
    paths: BTreeMap<PathBuf, Stamp>,
    folders: Vec<Folder>,
}

/// A folder whose entries were listed.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    rule: Rule,
    entries: Vec<(PathBuf, Stamp)>,
}

/// Which entries of a folder count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// Those of an artifact with these globs in `exclude`.
    Packaged(Vec<String>),
    /// All of them.
    All,
    /// What a `build` may read: everything but hidden files, the folders of installed packages, and these
    /// folders, which it writes.
    Sources(Vec<PathBuf>),
}

/// What identifies the content of a path without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    Missing,
    Folder,
    File {
        size: u64,
        /// Seconds and nanoseconds of the last change of the content, and of the file with its mode; the
        /// file's number.
        identity: [i64; 5],
    },
}

/// What is not as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// The paths that differ from what was read, without those in [`of_builds`](Self::of_builds).
    pub changed: BTreeSet<PathBuf>,
    /// The paths that differ from what was there before the `build` commands ran.
    pub of_builds: BTreeSet<PathBuf>,
    /// The folders in which a change would matter.
    pub folders: BTreeSet<PathBuf>,
}

impl Differences {
    /// Returns whether everything is as it was read.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.of_builds.is_empty()
    }
}

impl Reads {
    /// Returns what records the reads of a run. It is empty.
    pub fn recording() -> Self {
        Self(Some(Arc::default()))
    }

    /// Records a path that is about to be read, or looked for. The first time counts.
    pub(super) fn path(&self, path: &Path) {
        let Some(recorded) = &self.0 else { return };
        let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let paths = &mut recorded.paths;
        paths
            .entry(path.to_path_buf())
            .or_insert_with(|| stamp(path));
        // A symlink changes where it leads to, too.
        if let Ok(real) = fs::canonicalize(path) {
            let found = stamp(&real);
            paths.entry(real).or_insert(found);
        }
    }

    /// Records a folder whose entries are about to be listed. `path` is absolute, with symlinks resolved.
    pub(super) fn folder(&self, path: &Path, rule: Rule) {
        let Some(recorded) = &self.0 else { return };
        let is_known = |recorded: &Recorded| recorded.folders.iter().any(|it| it.is(path, &rule));
        if is_known(&recorded.lock().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut entries = Vec::new();
        walk(path, &rule, &mut |entry, stamp| {
            entries.push((entry, stamp));
        });
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_known(&recorded) {
            recorded.folders.push(Folder {
                path: path.to_path_buf(),
                rule,
                entries,
            });
        }
    }

    /// Returns whether a change at this path may be one of what was read.
    pub fn concerns(&self, path: &Path) -> bool {
        let Some(recorded) = &self.0 else {
            return false;
        };
        let recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        // A folder that is moved takes along what is in it.
        let mut paths = recorded.paths.keys();
        paths.any(|known| known.starts_with(path))
            || recorded.folders.iter().any(|folder| folder.concerns(path))
    }

    /// Looks at everything that was read.
    pub fn differences(&self) -> Differences {
        let mut found = Differences::default();
        let Some(recorded) = &self.0 else {
            return found;
        };
        let recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, before) in &recorded.paths {
            if stamp(path) != *before {
                found.changed.insert(path.clone());
            }
            found
                .folders
                .extend(path.ancestors().skip(1).map(Path::to_path_buf));
        }
        for folder in &recorded.folders {
            let changed = match folder.rule {
                Rule::Sources(_) => &mut found.of_builds,
                Rule::Packaged(_) | Rule::All => &mut found.changed,
            };
            let ancestors = folder.path.ancestors().map(Path::to_path_buf);
            found.folders.extend(ancestors);
            folder.look(changed, &mut found.folders);
        }
        let Differences {
            changed, of_builds, ..
        } = &mut found;
        of_builds.retain(|path| !changed.contains(path));
        found
    }

    /// Accepts what the `build` commands have left at these paths as what was there.
    pub fn accept(&self, paths: &BTreeSet<PathBuf>) {
        let Some(recorded) = &self.0 else { return };
        let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in &mut recorded.folders {
            for path in paths.iter().filter(|path| path.starts_with(&folder.path)) {
                let found = stamp(path);
                match folder.position(path) {
                    Ok(at) if found == Stamp::Missing => {
                        folder.entries.remove(at);
                    }
                    Ok(at) => folder.entries[at].1 = found,
                    Err(_) if found == Stamp::Missing => {}
                    Err(at) => folder.entries.insert(at, (path.clone(), found)),
                }
            }
        }
    }
}

impl Folder {
    fn is(&self, path: &Path, rule: &Rule) -> bool {
        self.path == path && self.rule == *rule
    }

    fn position(&self, path: &Path) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(known, _)| known.as_path().cmp(path))
    }

    fn concerns(&self, path: &Path) -> bool {
        match path.strip_prefix(&self.path) {
            Ok(inside) => self.rule.takes(&self.path, inside),
            // A folder that is moved takes along what is in it.
            Err(_) => self.path.starts_with(path),
        }
    }

    /// Adds the entries that are not what they were, and the folders in this one.
    fn look(&self, changed: &mut BTreeSet<PathBuf>, folders: &mut BTreeSet<PathBuf>) {
        let mut left = vec![true; self.entries.len()];
        walk(&self.path, &self.rule, &mut |path, stamp| {
            if stamp == Stamp::Folder {
                folders.insert(path.clone());
            }
            match self.position(&path) {
                Ok(at) => {
                    left[at] = false;
                    if self.entries[at].1 != stamp {
                        changed.insert(path);
                    }
                }
                // No build and no zip has an empty folder, and a file in it has a line of its own.
                Err(_) if stamp == Stamp::Folder => {}
                Err(_) => {
                    changed.insert(path);
                }
            }
        });
        let gone = self.entries.iter().zip(left).filter(|(_, left)| *left);
        let gone = gone.filter(|((_, stamp), _)| *stamp != Stamp::Folder);
        changed.extend(gone.map(|((path, _), _)| path.clone()));
    }
}

impl Rule {
    /// Returns whether a path in the folder counts.
    fn takes(&self, folder: &Path, inside: &Path) -> bool {
        match self {
            Self::All => true,
            Self::Packaged(globs) => {
                Exclusions::new(globs).is_ok_and(|globs| !globs.covers(inside))
            }
            Self::Sources(except) => {
                let path = folder.join(inside);
                let mut names = inside.iter();
                names.all(|name| is_source(&name.to_string_lossy()))
                    && Exclusions::new(&[]).is_ok_and(|globs| !globs.covers(inside))
                    && !except.iter().any(|folder| path.starts_with(folder))
            }
        }
    }
}

fn is_source(name: &str) -> bool {
    !name.starts_with('.') && !NO_SOURCES.contains(&name)
}

/// Calls `found` for each entry of a folder that counts, at any depth. What cannot be listed is left out:
/// whoever reads it says so. A symlink counts as its target, and is not entered.
fn walk(folder: &Path, rule: &Rule, found: &mut dyn FnMut(PathBuf, Stamp)) {
    let globs: &[String] = match rule {
        Rule::Packaged(globs) => globs,
        Rule::All | Rule::Sources(_) => &[],
    };
    let Ok(exclusions) = Exclusions::new(globs) else {
        return;
    };
    let takes = |path: &Path, inside: &Path| match rule {
        Rule::All => true,
        Rule::Packaged(_) => !exclusions.leaves_out(inside),
        Rule::Sources(except) => {
            let name = inside.file_name().unwrap_or_default().to_string_lossy();
            is_source(&name)
                && !exclusions.leaves_out(inside)
                && !except.iter().any(|folder| folder == path)
        }
    };
    let mut count = 0_usize;
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten().flatten() {
            let path = entry.path();
            let inside = path.strip_prefix(folder).unwrap_or(&path);
            if !takes(&path, inside) {
                continue;
            }
            count += 1;
            if count > MOST_ENTRIES {
                return;
            }
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let stamp = stamp(&path);
            if is_folder {
                waiting.push(path.clone());
            }
            found(path, stamp);
        }
    }
}

/// Returns what is at a path now.
fn stamp(path: &Path) -> Stamp {
    match fs::metadata(path) {
        Err(_) => Stamp::Missing,
        Ok(found) if found.is_dir() => Stamp::Folder,
        Ok(found) => Stamp::File {
            size: found.len(),
            identity: identity(&found),
        },
    }
}

/// Returns the number that tells a folder from another one in its place; `None` if there is no folder.
pub(super) fn folder_number(path: &Path) -> Option<u64> {
    let found = fs::metadata(path).ok().filter(Metadata::is_dir)?;
    #[cfg(unix)]
    return Some(std::os::unix::fs::MetadataExt::ino(&found));
    #[cfg(not(unix))]
    return Some(u64::from(found.is_dir()));
}

/// Returns whether there is a file without content.
pub(super) fn is_empty_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0)
}

#[cfg(unix)]
fn identity(found: &Metadata) -> [i64; 5] {
    use std::os::unix::fs::MetadataExt as _;
    [
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
        found.ino().cast_signed(),
    ]
}

#[cfg(not(unix))]
fn identity(found: &Metadata) -> [i64; 5] {
    let changed = found.modified().ok();
    let since = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let since = since.unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    [seconds, i64::from(since.subsec_nanos()), 0, 0, 0]
}

#[cfg(test)]
mod tests;
