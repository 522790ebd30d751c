//! Wheels that tests make, and lock files that name them.

use std::io::{Cursor, Write};

use stackctl::artifact::digest::Digest;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A wheel.
pub(crate) struct TestWheel {
    pub(crate) file_name: String,
    pub(crate) bytes: Vec<u8>,
}

impl TestWheel {
    /// Returns a wheel of version 1 with one module, `{package}.py`. `tags` are as in `py3-none-any`.
    pub(crate) fn new(package: &str, tags: &str, code: &str) -> Self {
        let module = format!("{package}.py");
        Self::of(package, tags, "", &[(&module, code)])
    }

    /// Returns a wheel of version 1 with these files. `requires` is its `Requires-Python`, or empty.
    pub(crate) fn of(package: &str, tags: &str, requires: &str, files: &[(&str, &str)]) -> Self {
        let mut metadata = format!("Metadata-Version: 2.1\nName: {package}\nVersion: 1\n");
        if !requires.is_empty() {
            metadata += &format!("Requires-Python: {requires}\n");
        }
        let folder = format!("{package}-1.dist-info");
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut add = |path: &str, text: &str| {
            zip.start_file(path, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        };
        for (path, text) in files {
            add(path, text);
        }
        add(&format!("{folder}/METADATA"), &metadata);
        add(
            &format!("{folder}/WHEEL"),
            &format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n"),
        );
        add(&format!("{folder}/RECORD"), "");
        Self {
            file_name: format!("{package}-1-{tags}.whl"),
            bytes: zip.finish().unwrap().into_inner(),
        }
    }

    /// Returns the SHA-256 in hexadecimal.
    pub(crate) fn hash(&self) -> String {
        Digest::of(&self.bytes).hex()
    }

    /// Returns the package's name.
    fn package(&self) -> &str {
        self.file_name.split('-').next().unwrap()
    }
}

/// Returns a lock file that takes the packages of these wheels from the folder `wheels` beside it. Each
/// package has the hashes of all its wheels, and the marker of its name, if there is one.
pub(crate) fn lock_file(wheels: &[&TestWheel], markers: &[(&str, &str)]) -> String {
    let mut text = "--no-index\n--find-links wheels\n".to_owned();
    let mut done: Vec<&str> = Vec::new();
    for wheel in wheels {
        let package = wheel.package();
        if done.contains(&package) {
            continue;
        }
        done.push(package);
        text += &format!("{package}==1");
        if let Some((_, marker)) = markers.iter().find(|(name, _)| *name == package) {
            text += &format!(" ; {marker}");
        }
        for other in wheels.iter().filter(|other| other.package() == package) {
            text += &format!(" \\\n    --hash=sha256:{}", other.hash());
        }
        text += "\n    # via demo\n";
    }
    text
}
