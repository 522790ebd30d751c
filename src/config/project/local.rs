//! Files and folders that a template names, relative to the template.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::Project;
use crate::error::Result;
use crate::util::regular_file;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A folder.
    Folder,
    /// A file.
    File,
}

/// Returns a path that `template` names, relative to the manifest's folder and without `.` and `..`;
/// `None` if it leaves that folder. `template` is relative to the manifest's folder.
pub fn relative_path(template: &Path, named: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    let folder = template.parent().unwrap_or(Path::new(""));
    for component in folder.components().chain(Path::new(named).components()) {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    if path.as_os_str().is_empty() {
        path.push(".");
    }
    Some(path)
}

/// Returns what a path leads to. The path is relative to the manifest's folder.
///
/// # Errors
///
/// As [`Project::resolve`]; if the path leads to neither a folder nor a file.
pub fn entry(project: &Project, path: &Path, what: &str) -> Result<Entry> {
    let full = project.resolve(path, what)?;
    // A path that cannot be looked at fails when it is read.
    let Ok(found) = fs::metadata(full) else {
        return Ok(Entry::File);
    };
    if found.is_dir() {
        return Ok(Entry::Folder);
    }
    let checked = regular_file::check(found.file_type());
    checked.map_err(|error| error.into_error(what, project.shown(path)))?;
    Ok(Entry::File)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::relative_path;

    #[test]
    fn a_path_is_relative_to_its_template_and_stays_in_the_project() {
        for (template, named, expected) in [
            ("t.yaml", "src", Some("src")),
            ("t.yaml", "./src/", Some("src")),
            ("templates/t.yaml", "../src", Some("src")),
            ("templates/t.yaml", "a.yaml", Some("templates/a.yaml")),
            ("templates/t.yaml", "..", Some(".")),
            ("./t.yaml", ".", Some(".")),
            ("t.yaml", "../src", None),
            ("templates/t.yaml", "../../project/src", None),
            ("t.yaml", "/etc", None),
        ] {
            let path = relative_path(Path::new(template), named);
            assert_eq!(
                path.as_deref(),
                expected.map(Path::new),
                "{template} {named}"
            );
        }
    }
}
