#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;
use crate::config::ambient::Ambient;
use crate::config::manifest;
use crate::config::settings::{Overrides, Settings, resolve};
use crate::error::ErrorKind;

/// Returns the settings of a minimal manifest with one artifact, `handler`, in the folder of the same
/// name.
pub(crate) fn settings() -> Settings {
    let text = r#"
project = "file-metadata"
environment = "dev"
allowed_ssh_cidr = "203.0.113.7/32"
key_pair = "ops"
[artifacts.handler]
"#;
    let manifest = manifest::parse(&SourceFile::new(MANIFEST, text));
    resolve(&manifest, &Overrides::default(), &Ambient::default()).unwrap()
}

/// Returns a folder that contains a manifest and the given files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(MANIFEST), "project = \"p\"\n").unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn project(folder: &TempDir) -> Project {
    Project::find(folder.path(), None).unwrap()
}

fn list(folder: &TempDir, exclude: &[&str]) -> Result<ArtifactFiles> {
    let mut settings = settings();
    settings.artifacts["handler"].exclude = exclude.iter().map(ToString::to_string).collect();
    artifact_files(&project(folder), "handler", &settings)
}

fn paths(files: &ArtifactFiles) -> Vec<&str> {
    files.files.iter().map(|file| file.path.as_str()).collect()
}

/// Returns the error message of listing the folder.
fn refusal(folder: &TempDir) -> String {
    let error = list(folder, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    error.to_string()
}

#[test]
fn finds_the_manifest_in_a_parent_and_shows_paths_from_the_current_folder() {
    let folder = folder(&[("a/b/c.txt", "")]);
    let project = Project::find(&folder.path().join("a/b"), None).unwrap();
    assert_eq!(project.root(), folder.path().canonicalize().unwrap());
    assert_eq!(project.manifest().name, "../../manifest.toml");
    assert_eq!(project.manifest().text, "project = \"p\"\n");
    assert_eq!(project.shown(Path::new("t.yaml")), "../../t.yaml");
}

#[test]
fn an_explicit_manifest_wins() {
    let folder = folder(&[("other/my.toml", "x")]);
    let project = Project::find(folder.path(), Some(Path::new("other/my.toml"))).unwrap();
    assert_eq!(project.manifest().name, "other/my.toml");
    assert_eq!(project.manifest().text, "x");
    assert_eq!(project.shown(Path::new("t.yaml")), "other/t.yaml");
}

#[test]
fn says_where_it_looked_for_the_manifest() {
    let folder = TempDir::new().unwrap();
    let error = Project::find(folder.path(), None).unwrap_err();
    let shown = folder.path().display();
    assert_eq!(
        error.to_string(),
        format!("there is no `manifest.toml` in `{shown}` or any folder above it")
    );
    assert!(error.hints()[0].contains("stackctl init"));

    let error = Project::find(folder.path(), Some(Path::new("no.toml"))).unwrap_err();
    assert_eq!(error.to_string(), "the manifest `no.toml` does not exist");
}

#[test]
fn text_that_is_not_utf_8_names_the_line_and_a_byte_order_mark_is_dropped() {
    let folder = folder(&[]);
    fs::write(folder.path().join(MANIFEST), b"a\nb\xff").unwrap();
    let error = Project::find(folder.path(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the manifest `manifest.toml` is not UTF-8 (line 2, byte 0xFF at offset 3)"
    );
    fs::write(folder.path().join(MANIFEST), "\u{feff}a = 1").unwrap();
    assert_eq!(project(&folder).manifest().text, "a = 1");
}

#[test]
fn opens_the_template_and_what_it_includes() {
    let folder = folder(&[
        ("templates/stack.yaml.j2", "main"),
        ("templates/net/vpc.j2", "vpc"),
    ]);
    let template = project(&folder)
        .template(Path::new("templates/stack.yaml.j2"))
        .unwrap();
    assert_eq!(template.main().name, "templates/stack.yaml.j2");
    assert_eq!(template.main().text, "main");
    let vpc = template.include("net/vpc.j2").unwrap().unwrap();
    assert_eq!(
        (vpc.name.as_str(), vpc.text.as_str()),
        ("templates/net/vpc.j2", "vpc")
    );
    assert_eq!(template.include("no.j2").unwrap(), None);
}

#[test]
fn nothing_outside_the_project_is_opened() {
    let outside = folder(&[("secret.txt", "s")]);
    let folder = folder(&[("templates/stack.yaml.j2", "")]);
    symlink(outside.path(), folder.path().join("templates/out")).unwrap();
    let project = project(&folder);
    let template = project
        .template(Path::new("templates/stack.yaml.j2"))
        .unwrap();
    let include = |name: &str| template.include(name).unwrap_err().to_string();

    assert_eq!(
        include("../../secret.txt"),
        "the included template `templates/../../secret.txt` has a `..` in its path"
    );
    assert_eq!(
        include("/etc/hostname"),
        "the included template `/etc/hostname` is an absolute path"
    );
    assert_eq!(
        include("out/secret.txt"),
        "the included template `templates/out/secret.txt` is a symlink that points outside the project"
    );
    for path in ["../x", "/etc/hostname", "templates/out/secret.txt"] {
        let error = project.template(Path::new(path)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(path), "{error}");
    }
    assert_eq!(
        project
            .template(Path::new("templates"))
            .unwrap_err()
            .to_string(),
        "the template `templates` is a folder, not a file"
    );
}

#[test]
fn lists_files_sorted_with_size_and_mode() {
    let folder = folder(&[
        ("handler/b.py", "bb"),
        ("handler/a/z.py", ""),
        ("handler/a.py", "a"),
        ("handler/ä.txt", "ü"),
        ("handler/run", "#!"),
    ]);
    let run = folder.path().join("handler/run");
    fs::set_permissions(run, fs::Permissions::from_mode(0o700)).unwrap();
    let files = list(&folder, &[]).unwrap();
    let seen: Vec<_> = files
        .files
        .iter()
        .map(|file| format!("{:o} {} {}", file.mode, file.size, file.path))
        .collect();
    assert_eq!(
        seen,
        [
            "644 1 a.py",
            "644 0 a/z.py",
            "644 2 b.py",
            "755 2 run",
            "644 2 ä.txt"
        ]
    );
    assert_eq!(files.size, 7);
}

#[test]
fn caches_and_matches_of_the_globs_are_excluded() {
    let files: Vec<_> = [
        "handler.py",
        "handler.pyc",
        "README.md",
        "lib/README.md",
        "lib/__pycache__/x.py",
        ".git/config",
        ".venv/bin/python",
        ".DS_Store",
        "tests/a.py",
        "lib/tests/b.py",
        "docs/a.txt",
        "docs/deep/b.txt",
        "node_modules/m/index.js",
        "build/out.bin",
    ]
    .map(|path| format!("handler/{path}"))
    .into();
    let files: Vec<_> = files.iter().map(|path| (path.as_str(), "x")).collect();
    let folder = folder(&files);
    let kept = list(&folder, &["tests/**", "*.md", "docs/*.txt", "/build/"]).unwrap();
    assert_eq!(
        paths(&kept),
        [
            "docs/deep/b.txt",
            "handler.py",
            "lib/tests/b.py",
            "node_modules/m/index.js"
        ]
    );
}

#[test]
fn a_glob_that_matches_nothing_is_listed() {
    let folder = folder(&[
        ("handler/a.py", ""),
        ("handler/tests/data/x.json", ""),
        ("handler/tests/README.md", ""),
    ]);
    let unmatched = |globs: &[&str]| list(&folder, globs).unwrap().unmatched_globs;
    let nothing: [&str; 0] = [];
    // What is always excluded, and what another glob excludes already.
    for globs in [
        &["*.pyc", "__pycache__/**", ".git", ".venv/", "*.py[co]"][..],
        &["tests", "tests/data/**", "*.md", "tests/data/x.json"],
        &["./tests//data/", "*.md"],
    ] {
        assert_eq!(unmatched(globs), nothing, "{globs:?}");
    }
    for glob in [
        "handler/a.py",
        "Tests",
        "*.MD",
        "/README.md",
        "./README.md",
        "../x",
        "tests/data",
    ] {
        let found = unmatched(&[glob, "tests"]);
        let expected: &[&str] = if glob == "tests/data" { &[] } else { &[glob] };
        assert_eq!(found, expected, "{glob}");
    }
}

#[test]
fn a_malformed_glob_is_an_error() {
    let folder = folder(&[("handler/a", "")]);
    let message = |glob| list(&folder, &[glob]).unwrap_err().to_string();
    assert_eq!(
        message("[a"),
        "the glob `[a` in `exclude` is malformed: unclosed character class; missing ']'"
    );
    assert_eq!(
        message("!a"),
        "the glob `!a` in `exclude` starts with `!`, but an exclusion cannot be undone"
    );
}

#[test]
fn symlinks_inside_the_folder_count_as_their_targets() {
    let folder = folder(&[("handler/lib/a.py", "aaa")]);
    let handler = folder.path().join("handler");
    symlink("lib/a.py", handler.join("link.py")).unwrap();
    symlink("lib", handler.join("more")).unwrap();
    let files = list(&folder, &[]).unwrap();
    assert_eq!(paths(&files), ["lib/a.py", "link.py", "more/a.py"]);
    assert_eq!(files.size, 9);
}

#[test]
fn symlinks_that_point_outside_nowhere_or_loop_are_errors() {
    let outside = folder(&[("x", "")]);
    let target = outside.path().join("x");
    for (target, reason) in [
        (
            target.as_path(),
            "is a symlink that points outside the artifact folder",
        ),
        (
            Path::new("../manifest.toml"),
            "is a symlink that points outside the artifact folder",
        ),
        (
            Path::new("gone"),
            "is a symlink to a file that does not exist",
        ),
        (Path::new("link"), "is a symlink that cannot be followed"),
        (Path::new("."), "is a symlink to a folder that contains it"),
    ] {
        let folder = folder(&[("handler/a", "")]);
        symlink(target, folder.path().join("handler/link")).unwrap();
        assert_eq!(refusal(&folder), format!("`handler/link` {reason}"));
        assert!(list(&folder, &["link"]).is_ok(), "can be excluded");
    }
}

#[test]
fn a_sibling_whose_name_starts_like_the_folder_is_outside() {
    let folder = folder(&[("handler/a", ""), ("handler-secrets/b", "")]);
    symlink("../handler-secrets/b", folder.path().join("handler/link")).unwrap();
    assert_eq!(
        refusal(&folder),
        "`handler/link` is a symlink that points outside the artifact folder"
    );
}

#[test]
fn an_entry_that_is_neither_file_nor_folder_is_an_error() {
    let folder = folder(&[("handler/a", "")]);
    let socket = folder.path().join("handler/socket");
    let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    assert_eq!(refusal(&folder), "`handler/socket` is a socket, not a file");
}

#[test]
fn names_that_a_zip_cannot_contain_are_errors() {
    for (name, message) in [
        (
            b"\xff".to_vec(),
            "`handler/\u{fffd}` has a name that is not UTF-8",
        ),
        (
            b"a\\b".to_vec(),
            "`handler/a\\b` has a backslash in its name",
        ),
        (
            b"a\nb".to_vec(),
            "`handler/a\\nb` has a control character in its name",
        ),
    ] {
        let folder = folder(&[("handler/a", "")]);
        let name = std::ffi::OsString::from_vec(name);
        File::create(folder.path().join("handler").join(name)).unwrap();
        assert_eq!(refusal(&folder), message);
    }
}

#[test]
fn an_empty_a_missing_and_a_wrong_folder_are_errors() {
    let bare = folder(&[]);
    assert_eq!(
        refusal(&bare),
        "the artifact folder `handler` does not exist"
    );

    fs::create_dir_all(bare.path().join("handler/empty")).unwrap();
    assert_eq!(refusal(&bare), "the artifact folder `handler` is empty");

    let excluded = folder(&[("handler/__pycache__/x", "")]);
    assert_eq!(
        refusal(&excluded),
        "the artifact folder `handler` has no files left: 1 of its entries are excluded"
    );

    let file = folder(&[("handler", "")]);
    assert_eq!(refusal(&file), "`handler` is not a folder");

    let mut settings = settings();
    settings.artifacts["handler"].path = "../handler".into();
    let error = artifact_files(&project(&file), "handler", &settings).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the artifact folder `../handler` has a `..` in its path"
    );
}

#[test]
fn a_folder_over_the_limit_is_an_error_before_any_file_is_read() {
    let folder = folder(&[("handler/a.py", "x")]);
    let large = File::create(folder.path().join("handler/large.bin")).unwrap();
    large.set_len(UNZIPPED_LIMIT - 1).unwrap();
    assert_eq!(list(&folder, &[]).unwrap().size, 262_144_000);
    large.set_len(UNZIPPED_LIMIT).unwrap();
    let error = list(&folder, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the artifact folder `handler` has 262144001 bytes, over Lambda's limit of \
         262144000 bytes unzipped"
    );
    assert_eq!(
        error.hints()[0],
        "leave out files with `exclude`; the largest files are `large.bin` (262144000 bytes), `a.py` (1 bytes)"
    );
}

#[test]
fn the_file_of_a_deployed_template_is_found() {
    let folder = folder(&[
        ("templates/a.yaml", "Resources: {} # r\u{e9}seau\n"),
        ("templates/b.yaml", "Resources: {}\n"),
        ("templates/sub/c.yaml", "Resources: {A: {}}\n"),
        ("other.yaml", "Resources: {B: {}}\n"),
    ]);
    let project = project(&folder);
    let main = Path::new("templates/main.yaml");
    let found = |text: &str| Some(project.file_with_same_content(main, text)?.name.clone());
    for (text, file) in [
        ("Resources: {} # r?seau\n", Some("templates/a.yaml")),
        ("Resources: {}\n", Some("templates/b.yaml")),
        ("Resources: {} \n", None),
        ("Resources: {A: {}}\n", None),
        ("Resources: {B: {}}\n", None),
        ("", None),
    ] {
        assert_eq!(found(text).as_deref(), file, "{text}");
    }
    assert!(
        project
            .file_with_same_content(Path::new("gone/main.yaml"), "x")
            .is_none()
    );
}

#[test]
fn a_folder_handler_is_an_artifact_if_the_template_can_refer_to_it() {
    let with_folder = folder(&[("handler/a", "")]);
    let without = folder(&[("handler.py", "")]);
    let count = |folder: &TempDir, more: &str| {
        let text = format!("project = \"p\"\n{more}");
        let manifest = manifest::parse(&SourceFile::new(MANIFEST, text));
        let mut settings = resolve(&manifest, &Overrides::default(), &Ambient::default()).unwrap();
        project(folder).add_default_artifact(&mut settings);
        assert!(settings.artifacts.keys().all(|name| name == "handler"));
        settings.artifacts.len()
    };
    assert_eq!(count(&with_folder, ""), 1);
    assert_eq!(count(&with_folder, "template = \"a.jinja2\""), 1);
    assert_eq!(count(&with_folder, "template = \"template.yaml\""), 0);
    assert_eq!(count(&with_folder, "[artifacts]"), 0);
    assert_eq!(count(&with_folder, "[stacks.only]"), 0);
    assert_eq!(count(&without, ""), 0);
    assert_eq!(count(&without, "[artifacts.handler]"), 1);
}
