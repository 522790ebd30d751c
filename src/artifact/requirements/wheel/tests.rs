#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::{Cursor, Write};
use std::sync::Arc;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Wheel;
use crate::artifact::digest::Digest;
use crate::artifact::zip_reader::ZipReader;
use crate::error::Result;

/// Returns the bytes of a wheel with these files, each with its mode.
fn bytes(entries: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, mode, text) in entries {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        zip.start_file(*path, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn open(bytes: &[u8], digest: &str) -> Result<Option<Wheel>> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let reader = ZipReader::new(Arc::new(file), bytes.len() as u64);
    Wheel::open(reader, digest, "a-1-py3-none-any.whl", "a==1")
}

/// Returns a wheel `a-1-py3-none-any.whl` with these files and its `WHEEL` file.
pub(crate) fn wheel(entries: &[(&str, u32, &str)]) -> Result<Wheel> {
    let metadata = ("a-1.dist-info/WHEEL", 0o644, "Wheel-Version: 1.0\n");
    let bytes = bytes(&[entries, &[metadata]].concat());
    Ok(open(&bytes, &Digest::of(&bytes).hex())?.unwrap())
}

#[test]
fn the_files_are_those_that_a_function_can_use() {
    let wheel = wheel(&[
        ("a/__init__.py", 0o644, "x"),
        ("a/run.sh", 0o775, ""),
        ("a/private.py", 0o600, ""),
        ("a/__pycache__/__init__.cpython-312.pyc", 0o644, ""),
        ("a/private.pyc", 0o644, ""),
        ("a/sourceless.pyc", 0o644, ""),
        ("a-1.data/purelib/b.py", 0o644, ""),
        ("a-1.data/platlib/a/c.so", 0o755, ""),
        ("a-1.data/scripts/tool", 0o755, ""),
        ("a-1.data/headers/a.h", 0o644, ""),
        ("a-1.data/data/share/man/a.1", 0o644, ""),
        ("a-1.dist-info/METADATA", 0o644, ""),
        ("a-1.dist-info/RECORD", 0o644, ""),
        ("a-1.dist-info/INSTALLER", 0o644, "pip"),
        ("a-1.dist-info/REQUESTED", 0o644, ""),
        ("a-1.dist-info/direct_url.json", 0o644, ""),
    ])
    .unwrap();
    let files: Vec<_> = wheel
        .files
        .iter()
        .map(|file| format!("{:o} {} {}", file.mode, file.size, file.path))
        .collect();
    assert_eq!(
        files,
        [
            "644 1 a/__init__.py",
            "755 0 a/run.sh",
            "644 0 a/private.py",
            "644 0 a/sourceless.pyc",
            "644 0 b.py",
            "755 0 a/c.so",
            "644 0 a-1.dist-info/METADATA",
            "644 0 a-1.dist-info/RECORD",
            "644 19 a-1.dist-info/WHEEL",
        ]
    );
    let mut content = Vec::new();
    let copied = wheel.copy(&wheel.files[8], |bytes| {
        content.extend_from_slice(bytes);
        Ok(())
    });
    copied.unwrap();
    assert_eq!(content, b"Wheel-Version: 1.0\n");
    assert_eq!(wheel.digest(&wheel.files[0]).unwrap(), Digest::of("x"));
}

#[test]
fn a_path_that_is_unsafe_is_refused() {
    for path in [
        "../evil.py",
        "a/../../evil.py",
        "/etc/evil",
        "a\\..\\evil",
        "a//b",
        "./a",
        "a/\u{1}b",
    ] {
        let error = wheel(&[(path, 0o644, "")]).unwrap_err().to_string();
        assert!(error.contains("has the unsafe path"), "{path}: {error}");
    }
}

#[test]
fn a_symlink_is_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    zip.start_file("a-1.dist-info/WHEEL", options).unwrap();
    zip.add_symlink("a/link", "/etc/passwd", options).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let error = open(&bytes, &Digest::of(&bytes).hex())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("has `a/link`, which is not a regular file"),
        "{error}"
    );
}

#[test]
fn a_file_with_another_digest_is_not_the_wheel() {
    let bytes = bytes(&[("a-1.dist-info/WHEEL", 0o644, "")]);
    assert!(open(&bytes, &"0".repeat(64)).unwrap().is_none());
}

#[test]
fn what_is_no_wheel_is_an_error() {
    for bytes in [bytes(&[("a.py", 0o644, "")]), b"PK".to_vec(), Vec::new()] {
        assert!(open(&bytes, &Digest::of(&bytes).hex()).is_err());
    }
}
