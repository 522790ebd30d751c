//! Says when something may have changed in some folders.
//!
//! The operating system says which entry of a folder has changed. If it cannot, because its limit of watched
//! folders is reached, the folders have to be looked at again and again. In both cases only
//! [`Reads::differences`](super::Reads::differences) knows whether something has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::reads::{folder_number, is_empty_file};

/// How often the folders are looked at if the system does not say what changes.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Waits for changes in folders.
#[derive(Debug)]
pub struct Watcher {
    /// `None` if the folders are looked at again and again.
    system: Option<RecommendedWatcher>,
    /// The watched folders, each with the number that tells it from one that takes its place.
    watched: BTreeMap<PathBuf, u64>,
    changes: mpsc::UnboundedReceiver<Change>,
}

/// What may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// What is at these paths.
    At(Vec<PathBuf>),
    /// What is at these paths, and somebody goes on writing it. [`At`](Self::At) follows when it is whole.
    Writing(Vec<PathBuf>),
    /// Anything: it was too much for the system to say, or nobody says it.
    Anywhere,
}

/// Why the system does not say what changes.
#[derive(Debug)]
pub struct Unwatched {
    /// A sentence.
    pub reason: String,
    /// What helps.
    pub remedy: Option<String>,
}

impl Watcher {
    /// Returns what watches no folder yet. With `polls`, the system is not asked.
    ///
    /// # Errors
    ///
    /// What looks at the folders again and again, and why.
    pub fn new(polls: bool) -> Result<Self, (Self, Unwatched)> {
        let (sender, changes) = mpsc::unbounded_channel();
        let mut unwatched = None;
        let system = if polls {
            None
        } else {
            let made = notify::recommended_watcher(move |event: notify::Result<Event>| {
                if let Some(change) = change(event) {
                    // Nobody waits any more if the command has ended.
                    let _ = sender.send(change);
                }
            });
            made.map_err(|error| unwatched = Some(Unwatched::of(&error)))
                .ok()
        };
        let watcher = Self {
            system,
            watched: BTreeMap::new(),
            changes,
        };
        match unwatched {
            None => Ok(watcher),
            Some(unwatched) => Err((watcher, unwatched)),
        }
    }

    /// Watches exactly these folders from now on. One that does not exist is left out: the folder that it will
    /// be in says when it does. Returns whether one of them was not watched before.
    ///
    /// # Errors
    ///
    /// Why the folders are looked at again and again from now on.
    pub fn watch(&mut self, folders: &BTreeSet<PathBuf>) -> Result<bool, Unwatched> {
        let Some(system) = &mut self.system else {
            return Ok(false);
        };
        let mut is_new = false;
        let numbers: BTreeMap<&PathBuf, u64> = folders
            .iter()
            .filter_map(|folder| Some((folder, folder_number(folder)?)))
            .collect();
        self.watched.retain(|folder, number| {
            let stays = numbers.get(folder) == Some(number);
            if !stays {
                // The system has forgotten a folder that was deleted.
                let _ = system.unwatch(folder);
            }
            stays
        });
        for (folder, number) in numbers {
            if self.watched.contains_key(folder) {
                continue;
            }
            match system.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(folder.clone(), number);
                    is_new = true;
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => {
                    self.system = None;
                    self.watched.clear();
                    return Err(Unwatched::of(&error));
                }
            }
        }
        Ok(is_new)
    }

    /// Waits for the next change.
    pub async fn next(&mut self) -> Change {
        if self.system.is_some()
            && let Some(change) = self.changes.recv().await
        {
            self.forget(&change);
            return change;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
        Change::Anywhere
    }

    /// Forgets the folders that may have been replaced, so that they are watched again. A new folder may have
    /// the number of the one that was deleted.
    fn forget(&mut self, change: &Change) {
        let Some(system) = &mut self.system else {
            return;
        };
        self.watched.retain(|folder, _| {
            let stays = match change {
                Change::At(paths) | Change::Writing(paths) => !paths.contains(folder),
                Change::Anywhere => false,
            };
            if !stays {
                let _ = system.unwatch(folder);
            }
            stays
        });
    }
}

/// Returns what an event of the system says; `None` if a file was only read.
fn change(event: notify::Result<Event>) -> Option<Change> {
    let Ok(event) = event else {
        return Some(Change::Anywhere);
    };
    if event.need_rescan() || event.paths.is_empty() {
        return Some(Change::Anywhere);
    }
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Change::At(event.paths)),
        EventKind::Access(_) => None,
        kind if is_writing(kind, &event.paths) => Some(Change::Writing(event.paths)),
        _ => Some(Change::At(event.paths)),
    }
}

/// Returns whether an event says that a file is being written. Only Linux says when it is closed.
fn is_writing(kind: EventKind, paths: &[PathBuf]) -> bool {
    if !cfg!(target_os = "linux") {
        return false;
    }
    match kind {
        EventKind::Modify(ModifyKind::Data(_)) => true,
        // A link is whole at once, and leads to a file with content.
        EventKind::Create(CreateKind::File) => paths.iter().any(|path| is_empty_file(path)),
        _ => false,
    }
}

/// Returns whether a folder cannot be watched because it is gone or may not be read.
fn is_absent(error: &notify::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => {
            matches!(error.kind(), NotFound | NotADirectory | PermissionDenied)
        }
        _ => false,
    }
}

impl Unwatched {
    fn of(error: &notify::Error) -> Self {
        let limit = |key: &str| {
            Some(format!(
                "raise the limit with `sudo sysctl fs.inotify.{key}=524288`, or end programs that watch \
                 files"
            ))
        };
        // ENOSPC and EMFILE.
        let (reason, remedy) = match &error.kind {
            ErrorKind::MaxFilesWatch => (
                "the system's limit of watched files is reached".to_owned(),
                limit("max_user_watches"),
            ),
            ErrorKind::Io(error) if error.raw_os_error() == Some(28) => (
                "the system's limit of watched files is reached".to_owned(),
                limit("max_user_watches"),
            ),
            ErrorKind::Io(error) if error.raw_os_error() == Some(24) => (
                "the system's limit of programs that watch files is reached".to_owned(),
                limit("max_user_instances"),
            ),
            _ => (
                format!("the system does not watch the files: {error}"),
                None,
            ),
        };
        Self { reason, remedy }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;
    use std::time::Duration;

    use notify::ErrorKind;

    use super::{Change, Unwatched, Watcher};

    /// Returns whether a change at this path is announced.
    async fn hears(watcher: &mut Watcher, path: &Path) -> bool {
        let heard = async {
            loop {
                match watcher.next().await {
                    Change::At(paths) | Change::Writing(paths)
                        if paths.iter().all(|it| it != path) => {}
                    _ => return,
                }
            }
        };
        let limit = Duration::from_secs(10);
        tokio::time::timeout(limit, heard).await.is_ok()
    }

    #[tokio::test]
    async fn a_folder_that_is_replaced_is_watched_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let inner = root.join("src");
        fs::create_dir(&inner).unwrap();
        let mut watcher = Watcher::new(false).unwrap();
        let folders = [root.clone(), inner.clone(), root.join("missing")].into();
        assert!(watcher.watch(&folders).unwrap());
        fs::write(inner.join("a"), "1").unwrap();
        assert!(hears(&mut watcher, &inner.join("a")).await);
        fs::rename(&inner, root.join("old")).unwrap();
        assert!(hears(&mut watcher, &inner).await);
        fs::create_dir(&inner).unwrap();
        assert!(hears(&mut watcher, &inner).await);
        assert!(watcher.watch(&folders).unwrap());
        fs::write(inner.join("b"), "1").unwrap();
        assert!(hears(&mut watcher, &inner.join("b")).await);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_file_is_being_written_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let (file, link) = (root.join("file"), root.join("link"));
        let mut watcher = Watcher::new(false).unwrap();
        watcher.watch(&[root].into()).unwrap();
        let writing = Change::Writing(vec![file.clone()]);
        let whole = Change::At(vec![file.clone()]);
        // A new file, and one that is written again.
        for _ in 0..2 {
            let mut open = fs::File::create(&file).unwrap();
            assert_eq!(watcher.next().await, writing);
            open.write_all(b"1").unwrap();
            assert_eq!(watcher.next().await, writing);
            drop(open);
            assert_eq!(watcher.next().await, whole);
        }
        fs::hard_link(&file, &link).unwrap();
        assert_eq!(watcher.next().await, Change::At(vec![link.clone()]));
        fs::rename(&link, file.with_extension("old")).unwrap();
        assert!(matches!(watcher.next().await, Change::At(_)));
    }

    #[tokio::test]
    async fn without_the_system_the_folders_are_looked_at() {
        let mut watcher = Watcher::new(true).unwrap();
        assert_eq!(watcher.next().await, Change::Anywhere);
    }

    #[test]
    fn a_limit_is_named_with_its_remedy() {
        let full = std::io::Error::from_raw_os_error(24);
        for (kind, key) in [
            (ErrorKind::MaxFilesWatch, "max_user_watches"),
            (ErrorKind::Io(full), "max_user_instances"),
        ] {
            let unwatched = Unwatched::of(&notify::Error::new(kind));
            assert!(unwatched.remedy.unwrap().contains(key));
            assert!(unwatched.reason.contains("limit"));
        }
    }
}
