//! A file that takes the place of another one when it is complete.
//!
//! It is written beside the other one and renamed. So a failure leaves the old file as it was, a reader
//! sees the old or the new content, and a symlink is replaced and not followed.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::permissions;

/// Creates the new file in the folder of `path`. It has the permissions of the file that it will
/// replace, or those that the umask gives to new files.
///
/// # Errors
///
/// If the folder does not exist or cannot be written.
pub(crate) fn create(path: &Path) -> io::Result<NamedTempFile> {
    let file = with_mode(0o666, path)?;
    if let Ok(old) = fs::symlink_metadata(path)
        && old.is_file()
    {
        file.as_file().set_permissions(old.permissions())?;
    }
    Ok(file)
}

/// Creates the new file as [`create`] does. Only its owner can read and write it.
///
/// # Errors
///
/// As [`create`].
pub(crate) fn create_private(path: &Path) -> io::Result<NamedTempFile> {
    with_mode(0o600, path)
}

fn with_mode(mode: u32, path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".stackctl-");
    permissions::temporary_file(&mut builder, mode);
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

/// Gives the complete file its place.
///
/// # Errors
///
/// If the content cannot be written to the disk, or the file cannot be renamed.
pub(crate) fn finish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use std::fs::{self, Permissions};
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{create, finish};

    #[test]
    fn a_symlink_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "kept").unwrap();
        symlink(&target, &link).unwrap();
        let mut file = create(&link).unwrap();
        file.write_all(b"new").unwrap();
        finish(file, &link).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn the_old_permissions_stay_and_an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        drop(create(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        finish(create(&path).unwrap(), &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
