//! Finds the corpus and reads its files.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stackctl::diagnostic::SourceFile;

/// Prints a line to stderr, also if the test passes: the harness shows only what `eprintln!` prints in a
/// failed test.
#[macro_export]
macro_rules! report {
    ($($argument:tt)*) => {
        $crate::corpus::print_line(&format!($($argument)*))
    };
}

/// Prints a line to stderr; see [`report`](crate::report).
pub(crate) fn print_line(line: &str) {
    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

/// Returns a folder of the corpus. If there is no corpus, prints a note and returns `None`.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    existing(root().join("open").join(name))
}

/// Returns the folder of recorded faults, `cases` beside the corpus. If there is no corpus, prints a
/// note and returns `None`.
pub(crate) fn cases() -> Option<PathBuf> {
    existing(root().join("../cases"))
}

/// Returns the folder that `STACKCTL_CORPUS` names, otherwise `../shared/corpus`.
fn root() -> PathBuf {
    match named_root() {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
    }
}

/// Returns the value of `STACKCTL_CORPUS`, unless it is empty.
fn named_root() -> Option<OsString> {
    std::env::var_os("STACKCTL_CORPUS").filter(|name| !name.is_empty())
}

/// Returns the folder if it exists, otherwise `None` after a note. A folder below `STACKCTL_CORPUS`
/// must exist.
fn existing(folder: PathBuf) -> Option<PathBuf> {
    if folder.exists() {
        return Some(folder);
    }
    assert!(
        named_root().is_none(),
        "STACKCTL_CORPUS has no {}",
        folder.display()
    );
    crate::report!("corpus: no {}, 0 cases run", folder.display());
    None
}

/// Copies a folder with its files.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for file in files(from) {
        let copy = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(&file, copy).unwrap();
    }
}

/// Fails the test if it ran on fewer cases than the corpus had when the test was written. A test that
/// finds no cases would pass without checking anything.
#[track_caller]
pub(crate) fn expect_cases(what: &str, count: usize, minimum: usize) {
    assert!(count >= minimum, "{count} {what}, not {minimum} or more");
}

/// Returns all files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Returns the files below a folder that look like templates.
pub(crate) fn template_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = files(folder);
    files.retain(|path| {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("");
        ["yaml", "yml", "json", "template"].contains(&extension)
    });
    files
}

/// Returns a file as a source with its path below `folder` as name; `None` if it is not UTF-8.
pub(crate) fn source(folder: &Path, path: &Path) -> Option<Arc<SourceFile>> {
    let text = String::from_utf8(std::fs::read(path).unwrap()).ok()?;
    let name = path
        .strip_prefix(folder)
        .unwrap_or(path)
        .display()
        .to_string();
    Some(SourceFile::new(name, text))
}

/// Returns a JSON file's content.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
