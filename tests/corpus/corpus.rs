//! Finds the corpus and reads its files.

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
    let named = std::env::var_os("STACKCTL_CORPUS").filter(|name| !name.is_empty());
    let root = match &named {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
    };
    let folder = root.join("open").join(name);
    if folder.exists() {
        return Some(folder);
    }
    assert!(
        named.is_none(),
        "STACKCTL_CORPUS has no {}",
        folder.display()
    );
    crate::report!("corpus: no {}, 0 cases run", folder.display());
    None
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
