#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Reads, Rule};

struct Folder {
    root: PathBuf,
    _removed_on_drop: TempDir,
}

impl Folder {
    fn new(files: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folder = Self {
            root: fs::canonicalize(folder.path()).unwrap(),
            _removed_on_drop: folder,
        };
        for file in files {
            folder.write(file, "before");
        }
        folder
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Returns paths relative to the folder.
    fn names(&self, paths: &BTreeSet<PathBuf>) -> Vec<String> {
        let names = paths.iter().map(|path| path.strip_prefix(&self.root));
        let names = names.map(|name| name.unwrap().display().to_string());
        names.collect()
    }

    fn changed(&self, reads: &Reads) -> Vec<String> {
        self.names(&reads.differences().changed)
    }
}

fn packaged(globs: &[&str]) -> Rule {
    Rule::Packaged(globs.iter().map(|glob| (*glob).to_owned()).collect())
}

#[test]
fn what_was_read_is_compared_with_what_is_there() {
    let folder = Folder::new(&["manifest.toml", "templates/a.yaml", "other.txt"]);
    let reads = Reads::recording();
    for path in [
        "manifest.toml",
        "templates/a.yaml",
        "templates/missing.yaml",
    ] {
        reads.path(&folder.at(path));
    }
    assert_eq!(folder.changed(&reads), [""; 0]);
    folder.write("other.txt", "after");
    assert_eq!(folder.changed(&reads), [""; 0]);
    folder.write("templates/a.yaml", "after!");
    folder.write("templates/missing.yaml", "there");
    fs::remove_file(folder.at("manifest.toml")).unwrap();
    assert_eq!(
        folder.changed(&reads),
        [
            "manifest.toml",
            "templates/a.yaml",
            "templates/missing.yaml"
        ]
    );
    assert!(
        reads
            .differences()
            .folders
            .contains(&folder.at("templates"))
    );
    assert!(Reads::default().differences().changed.is_empty());
}

#[test]
fn the_first_read_counts() {
    let folder = Folder::new(&["a"]);
    let reads = Reads::recording();
    reads.path(&folder.at("a"));
    folder.write("a", "longer than before");
    reads.path(&folder.at("a"));
    assert_eq!(folder.changed(&reads), ["a"]);
}

#[cfg(unix)]
#[test]
fn a_symlink_is_its_target() {
    let folder = Folder::new(&["real/a"]);
    std::os::unix::fs::symlink("real/a", folder.at("link")).unwrap();
    let reads = Reads::recording();
    reads.path(&folder.at("link"));
    assert!(reads.concerns(&folder.at("real/a")));
    folder.write("real/a", "after, longer");
    assert_eq!(folder.changed(&reads), ["link", "real/a"]);
}

#[test]
fn a_folder_has_the_files_that_are_packaged() {
    let folder = Folder::new(&[
        "src/app.py",
        "src/tests/t.py",
        "src/__pycache__/x",
        "src/lib/a",
    ]);
    let reads = Reads::recording();
    reads.folder(&folder.at("src"), packaged(&["tests", "*.md"]));
    for ignored in [
        "src/tests/t.py",
        "src/__pycache__/y",
        "src/README.md",
        "src/app.pyc",
        "src/.app.py.swp",
        "src/.app.py.swx",
        "src/app.py~",
        "src/#app.py#",
        "src/.#app.py",
        "src/lib/4913",
        "src/.git/index",
        "src/app.py___jb_tmp___",
    ] {
        assert!(!reads.concerns(&folder.at(ignored)), "{ignored}");
        folder.write(ignored, "after");
    }
    fs::create_dir(folder.at("src/empty")).unwrap();
    assert_eq!(folder.changed(&reads), [""; 0]);
    let found = reads.differences();
    assert!(found.folders.contains(&folder.at("src/empty")));
    assert!(!found.folders.contains(&folder.at("src/tests")));
    folder.write("src/empty/new", "there");
    folder.write("src/lib/a", "after!!");
    fs::remove_file(folder.at("src/app.py")).unwrap();
    assert_eq!(
        folder.changed(&reads),
        ["src/app.py", "src/empty/new", "src/lib/a"]
    );
    for of_it in ["src/app.py", "src/new/deep", "src", "."] {
        assert!(reads.concerns(&folder.at(of_it)), "{of_it}");
    }
    assert!(!reads.concerns(&folder.at("elsewhere")));
    assert!(!reads.concerns(Path::new("/elsewhere/src/app.py")));
}

#[cfg(unix)]
#[test]
fn the_mode_of_a_file_counts() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new(&["src/run"]);
    let reads = Reads::recording();
    reads.folder(&folder.at("src"), packaged(&[]));
    fs::set_permissions(folder.at("src/run"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(folder.changed(&reads), ["src/run"]);
}

#[test]
fn a_folder_that_is_removed_and_comes_back_is_looked_at() {
    let folder = Folder::new(&["src/deep/app.py"]);
    let reads = Reads::recording();
    reads.folder(&folder.at("src"), packaged(&[]));
    fs::rename(folder.at("src"), folder.at("moved")).unwrap();
    assert_eq!(folder.changed(&reads), ["src/deep/app.py"]);
    assert!(reads.differences().folders.contains(&folder.root));
    fs::rename(folder.at("moved"), folder.at("src")).unwrap();
    assert_eq!(folder.changed(&reads), [""; 0]);
}

#[test]
fn what_a_build_writes_is_separate() {
    let folder = Folder::new(&["src/a.ts", "dist/a.js", "cache/x", "manifest.toml"]);
    let reads = Reads::recording();
    reads.path(&folder.at("manifest.toml"));
    reads.folder(&folder.root, Rule::Sources(vec![folder.at("dist")]));
    for written in [
        "dist/a.js",
        "dist/b.js",
        "node_modules/x/y",
        ".cache/y",
        "target/z",
        "__pycache__/q",
    ] {
        assert!(!reads.concerns(&folder.at(written)), "{written}");
        folder.write(written, "after");
    }
    folder.write("cache/x", "after!");
    folder.write("src/b.ts", "after");
    folder.write("manifest.toml", "after!");
    let found = reads.differences();
    assert_eq!(folder.names(&found.of_builds), ["cache/x", "src/b.ts"]);
    assert_eq!(folder.names(&found.changed), ["manifest.toml"]);
    fs::remove_file(folder.at("src/a.ts")).unwrap();
    let found = reads.differences();
    assert_eq!(
        folder.names(&found.of_builds),
        ["cache/x", "src/a.ts", "src/b.ts"]
    );
    reads.accept(&found.of_builds);
    assert_eq!(folder.names(&reads.differences().of_builds), [""; 0]);
    folder.write("src/b.ts", "later, longer");
    assert_eq!(folder.names(&reads.differences().of_builds), ["src/b.ts"]);
}
