#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use zip::ZipArchive;

use super::*;
use crate::config::project::tests::{folder, settings};
use crate::error::ErrorKind;

fn package(folder: &TempDir) -> Artifact {
    let project = Project::find(folder.path(), None).unwrap();
    let files = artifact_files(&project, "handler", &settings()).unwrap();
    build("file-metadata", &files).unwrap()
}

fn bytes(artifact: &Artifact) -> Vec<u8> {
    let mut bytes = Vec::new();
    artifact.zip().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Returns a compressible text that is neither constant nor random.
fn prose() -> String {
    let lines: Vec<_> = (0..2_000_u32)
        .map(|number| format!("line {number}: {}", number.wrapping_mul(2_654_435_761)))
        .collect();
    lines.join("\n") + "\n"
}

const SMALL: &[(&str, &str)] = &[
    (
        "handler/handler.py",
        "def handler(event, context):\n    return {}\n",
    ),
    ("handler/lib/ünïcode.txt", "grüße\n"),
    ("handler/empty", ""),
];

/// The same content must keep its key in every version of stackctl. If a new compressor changes the
/// digest, the changelog must say so: every artifact is uploaded and every function is updated again.
#[test]
fn the_digest_is_stable() {
    let mut files = SMALL.to_vec();
    let prose = prose();
    files.push(("handler/prose.txt", &prose));
    let artifact = package(&folder(&files));
    assert_eq!(
        artifact.digest.hex(),
        "f6cf1e811656ac985ebcf102494144af8bcb5788273cf5a4dc3b998bbc954365"
    );
    assert_eq!(
        artifact.key,
        format!("file-metadata/handler/{}.zip", artifact.digest)
    );
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let one = folder(SMALL);
    let reversed: Vec<_> = SMALL.iter().rev().copied().collect();
    let other = folder(&reversed);
    for (path, _) in SMALL {
        let path = other.path().join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    }
    let (one, other) = (package(&one), package(&other));
    assert_eq!(bytes(&one), bytes(&other));
    assert_eq!(one.digest, other.digest);
}

#[test]
fn a_change_of_content_name_or_mode_changes_the_digest() {
    let base = package(&folder(&[("handler/a", "1")])).digest;
    assert_ne!(package(&folder(&[("handler/a", "2")])).digest, base);
    assert_ne!(package(&folder(&[("handler/b", "1")])).digest, base);
    let executable = folder(&[("handler/a", "1")]);
    let path = executable.path().join("handler/a");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(package(&executable).digest, base);
}

#[test]
fn the_zip_contains_the_files_and_no_machine_data() {
    let artifact = package(&folder(SMALL));
    let bytes = bytes(&artifact);
    assert_eq!(Digest::of(&bytes), artifact.digest);
    assert_eq!(bytes.len() as u64, artifact.size);

    let mut zip = ZipArchive::new(artifact.zip()).unwrap();
    let mut seen = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let modified = entry.last_modified().unwrap();
        assert_eq!(modified.to_string(), "1980-01-01 00:00:00");
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        assert_eq!(entry.extra_data().unwrap_or_default(), b"");
        assert_eq!(entry.comment(), "");
        seen.push((entry.name().unwrap().to_string(), text));
    }
    let mut expected: Vec<_> = SMALL
        .iter()
        .map(|(path, text)| (path.replace("handler/", ""), (*text).to_owned()))
        .collect();
    expected[0].0 = "handler.py".into();
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(artifact.unzipped_size, 43 + 8);
    assert_eq!(artifact.files.len(), 3);
}

#[test]
fn a_file_that_changes_while_it_is_packaged_is_an_error() {
    for len in [0, 2, 300_000] {
        let folder = folder(&[("handler/a", "1")]);
        let project = Project::find(folder.path(), None).unwrap();
        let files = artifact_files(&project, "handler", &settings()).unwrap();
        let path = folder.path().join("handler/a");
        fs::write(path, vec![b'x'; len]).unwrap();
        let error = build("p", &files).unwrap_err();
        assert!(
            error.to_string().ends_with("changed while it was packaged"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let folder = folder(&[("handler/a", "1")]);
    let project = Project::find(folder.path(), None).unwrap();
    let files = artifact_files(&project, "handler", &settings()).unwrap();
    let path = folder.path().join("handler/a");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = build("p", &files).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::System);
    assert!(error.to_string().contains("cannot read"), "{error}");
    assert!(error.to_string().contains("handler/a"), "{error}");
}

#[test]
fn all_artifacts_are_built_in_the_order_of_the_manifest() {
    let folder = folder(&[("handler/a", "1"), ("b/b", "2"), ("c/c", "3"), ("d/d", "4")]);
    let project = Project::find(folder.path(), None).unwrap();
    let mut settings = settings();
    for name in ["d", "c", "b"] {
        let mut artifact = settings.artifacts["handler"].clone();
        artifact.path = name.into();
        settings.artifacts.insert(name.to_owned(), artifact);
    }
    let built = build_all(&project, &settings, &Packages::default()).unwrap();
    let names: Vec<_> = built.keys().map(String::as_str).collect();
    assert_eq!(names, ["handler", "d", "c", "b"]);
    assert!(
        built
            .values()
            .all(|artifact| bytes(artifact).starts_with(b"PK"))
    );
}
