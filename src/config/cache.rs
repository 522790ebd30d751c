//! Folders, files and locks in the cache folder, which [`Ambient::cache_dir`] names.
//!
//! They may hold values of parameters, logs of functions, and programs that stackctl runs. So only the
//! user can read and write them, whatever the umask is, and what belongs to another user is refused.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::ambient::Ambient;
use crate::error::{Error, ErrorKind, Result};
use crate::util::new_file;
use crate::util::permissions::{self, mode};

/// The folders in the cache folder.
const FOLDERS: [&str; 5] = ["deployed", "emulator", "refactors", "stack-sets", "wheels"];

/// Returns the cache folder, which may not exist; `None` if no variable gives one. If others can read
/// what stackctl keeps there, it is made private.
///
/// # Errors
///
/// If the folder or one in it belongs to another user.
pub(crate) fn root(ambient: &Ambient) -> Result<Option<PathBuf>> {
    let Some(root) = ambient.cache_dir() else {
        return Ok(None);
    };
    if let Ok(found) = root.metadata() {
        let is_shared = mode(&found) & 0o1000 != 0;
        if ambient.variable("STACKCTL_CACHE_DIR").is_none() {
            make_private(&root, 0o077)?;
        } else if mode(&found) & 0o022 != 0 && !is_shared {
            // Other programs may use a folder that the user chose; they can still read it.
            make_private(&root, 0o022)?;
        }
    }
    for folder in FOLDERS.map(|name| root.join(name)) {
        if fs::symlink_metadata(&folder).is_ok() {
            make_private(&folder, 0o077)?;
        }
    }
    Ok(Some(root))
}

/// A folder of the cache as it is, which was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inspected {
    /// The cache folder, which may not exist.
    pub(crate) root: PathBuf,
    /// The folders that belong to another user, which stackctl refuses.
    pub(crate) foreign: Vec<PathBuf>,
    /// The folders that others can open although they should not.
    pub(crate) open: Vec<PathBuf>,
    /// Whether files can be written there, or the folder can be created.
    pub(crate) is_writable: bool,
    /// The free bytes of the file system; `None` if that cannot be read.
    pub(crate) free: Option<u64>,
}

/// Looks at the cache folder by the rules of [`root`], and changes nothing; `None` if no variable gives a
/// folder.
pub(crate) fn inspect(ambient: &Ambient) -> Option<Inspected> {
    let root = ambient.cache_dir()?;
    let is_own = ambient.variable("STACKCTL_CACHE_DIR").is_none();
    let (mut foreign, mut open) = (Vec::new(), Vec::new());
    let folders = FOLDERS.map(|name| (root.join(name), 0o077));
    let others = if is_own { 0o077 } else { 0o022 };
    for (folder, others) in [(root.clone(), others)].into_iter().chain(folders) {
        let (Ok(link), Ok(found)) = (fs::symlink_metadata(&folder), folder.metadata()) else {
            continue;
        };
        // A folder such as `/tmp` is used by many; what is below it is private.
        let is_shared = folder == root && !is_own && mode(&found) & 0o1000 != 0;
        if is_shared {
            continue;
        }
        let is_checked = folder != root || is_own || mode(&found) & others != 0;
        if is_checked && (permissions::is_foreign(&link) || permissions::is_foreign(&found)) {
            foreign.push(folder);
        } else if mode(&found) & others != 0 {
            open.push(folder);
        }
    }
    let existing = root.ancestors().find(|it| it.is_dir());
    Some(Inspected {
        foreign,
        open,
        is_writable: existing.is_some_and(permissions::is_writable),
        free: existing.and_then(permissions::free_bytes),
        root,
    })
}

/// Creates a folder and its parents. Only the user can open it.
///
/// # Errors
///
/// If the folder cannot be created or belongs to another user.
pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    permissions::private_folder(&mut builder);
    builder.create(folder).map_err(|error| {
        Error::system(
            format!("cannot create the folder {}", folder.display()),
            error,
        )
        .hint("set STACKCTL_CACHE_DIR to a writable folder")
    })?;
    make_private(folder, 0o077)
}

/// Removes the permissions `others` from a folder of this user.
fn make_private(folder: &Path, others: u32) -> Result<()> {
    let cannot_open = |error| {
        Error::system(
            format!("cannot open the folder {}", folder.display()),
            error,
        )
    };
    let link = fs::symlink_metadata(folder).map_err(cannot_open)?;
    let found = folder.metadata().map_err(cannot_open)?;
    if permissions::is_foreign(&link) || permissions::is_foreign(&found) {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("the folder {} belongs to another user", folder.display()),
        )
        .hint("set STACKCTL_CACHE_DIR to a folder of your own"));
    }
    let mode = mode(&found);
    if mode & others == 0 {
        return Ok(());
    }
    permissions::set_mode(folder, mode & !others).map_err(cannot_open)
}

/// Creates an empty file, or empties an existing one. Only the user can read a new one.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    permissions::private_file(&mut options);
    options.open(path)
}

/// Writes a file that replaces an existing one at once, so that a reader sees the old or the new content.
/// Only the user can read it.
pub(crate) fn replace_file(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = new_file::create_private(path)?;
    file.write_all(content.as_ref())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes a value as JSON to a file that [replaces](replace_file) an existing one, and creates its folder.
///
/// # Errors
///
/// If the folder cannot be created or the file cannot be written.
pub(crate) fn store(path: &Path, value: &impl Serialize) -> Result<()> {
    let failed =
        |error: io::Error| Error::system(format!("cannot write `{}`", path.display()), error);
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let text = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
    replace_file(path, text).map_err(failed)
}

/// Opens a file that is locked, and creates it if it does not exist. Only the user can read a new one.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    permissions::private_file(&mut options);
    options.open(path)
}

/// Waits for the exclusive lock on a file and returns it. Dropping the file releases the lock.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let open = lock_file(path);
    open.and_then(|file| file.lock().map(|()| file))
        .map_err(|error| Error::system(format!("cannot lock {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    use super::{create_file, create_folder, inspect, replace_file, root};
    use crate::config::ambient::Ambient;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    fn ambient(name: &str, folder: &Path) -> Ambient {
        let folder = folder.to_str().unwrap().to_owned();
        Ambient::new([(name.to_owned(), folder)], "/")
    }

    #[test]
    fn new_folders_and_files_are_private() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("a/b");
        create_folder(&folder).unwrap();
        create_file(&folder.join("file")).unwrap();
        assert_eq!(mode(&base.path().join("a")), 0o700);
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("file")), 0o600);
        for content in ["old", "new"] {
            replace_file(&folder.join("other"), content).unwrap();
            assert_eq!(fs::read_to_string(folder.join("other")).unwrap(), content);
        }
        assert_eq!(mode(&folder.join("other")), 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn folders_that_others_can_open_are_made_private() {
        let base = tempfile::tempdir().unwrap();
        let emulator = base.path().join("stackctl/emulator");
        fs::create_dir_all(&emulator).unwrap();
        let loose = |mode| {
            for folder in [&emulator, emulator.parent().unwrap()] {
                fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
            }
        };
        loose(0o777);
        root(&ambient("XDG_CACHE_HOME", base.path())).unwrap();
        let modes = || (mode(emulator.parent().unwrap()), mode(&emulator));
        assert_eq!(modes(), (0o700, 0o700));
        let inspected = || inspect(&ambient("XDG_CACHE_HOME", base.path())).unwrap();
        assert!(inspected().open.is_empty());
        assert!(inspected().is_writable);
        assert!(inspected().free > Some(0));
        loose(0o750);
        let root_folder = emulator.parent().unwrap().to_owned();
        assert_eq!(inspected().open, [root_folder, emulator.clone()]);
        assert_eq!(modes(), (0o750, 0o750), "nothing is changed");
        // A folder that the user chose may have other uses.
        loose(0o775);
        let chosen = ambient("STACKCTL_CACHE_DIR", emulator.parent().unwrap());
        root(&chosen).unwrap();
        assert_eq!(modes(), (0o755, 0o700));
        // As `/tmp` is.
        loose(0o1777);
        root(&chosen).unwrap();
        assert_eq!(modes(), (0o1777, 0o1700));
    }

    #[test]
    fn a_relative_cache_home_is_ignored() {
        for folder in ["cache", "./cache", "../x"] {
            let variables = [("XDG_CACHE_HOME", folder), ("HOME", "/home/me")];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let ambient = Ambient::new(variables, "/project");
            let expected = Path::new("/home/me/.cache/stackctl");
            assert_eq!(ambient.cache_dir().unwrap(), expected);
        }
        let relative = ambient("HOME", Path::new("home"));
        assert_eq!(relative.cache_dir(), None);
    }

    /// Only root can give a file to another user.
    #[test]
    fn folders_and_links_of_another_user_are_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let base = tempfile::tempdir().unwrap();
        let own = base.path().join("own");
        fs::create_dir(&own).unwrap();
        for plant in [
            (|at: &Path, _: &Path| {
                fs::create_dir(at).unwrap();
                std::os::unix::fs::lchown(at, Some(65_534), None).unwrap();
            }) as fn(&Path, &Path),
            |at, own| {
                symlink(own, at).unwrap();
                std::os::unix::fs::lchown(at, Some(65_534), None).unwrap();
            },
        ] {
            let cache = base.path().join("cache");
            fs::create_dir(&cache).unwrap();
            plant(&cache.join("emulator"), &own);
            let error = root(&ambient("STACKCTL_CACHE_DIR", &cache)).unwrap_err();
            let message = error.to_string();
            assert!(
                message.ends_with("emulator belongs to another user"),
                "{message}"
            );
            let error = create_folder(&cache.join("emulator")).unwrap_err();
            assert_eq!(error.to_string(), message);
            fs::remove_dir_all(&cache).unwrap();
        }
    }
}
