#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::Read;

use tempfile::TempDir;

use crate::artifact::package::{Artifact, build_with};
use crate::artifact::requirements::Wheel;
use crate::artifact::requirements::wheel_tests::wheel;
use crate::config::project::tests::{folder, settings};
use crate::config::project::{Project, artifact_files};
use crate::error::Result;

fn package(folder: &TempDir, wheels: &[Wheel]) -> Result<Artifact> {
    let project = Project::find(folder.path(), None).unwrap();
    build_with(
        "p",
        &artifact_files(&project, "handler", &settings()).unwrap(),
        wheels,
    )
}

fn paths(artifact: &Artifact) -> Vec<&str> {
    artifact
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect()
}

#[test]
fn packages_and_files_of_the_folder_are_in_one_zip() {
    let folder = folder(&[("handler/app.py", "1"), ("handler/z.py", "")]);
    let one = wheel(&[("m/__init__.py", 0o644, "one"), ("m/x.so", 0o755, "so")]).unwrap();
    let artifact = package(&folder, &[one]).unwrap();
    assert_eq!(
        paths(&artifact),
        [
            "a-1.dist-info/WHEEL",
            "app.py",
            "m/__init__.py",
            "m/x.so",
            "z.py"
        ]
    );
    assert_eq!(artifact.unzipped_size, 1 + 19 + 3 + 2);
    let mut zip = zip::ZipArchive::new(artifact.zip()).unwrap();
    let mut entry = zip.by_name("m/x.so").unwrap();
    let mut text = String::new();
    entry.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), entry.unix_mode()), ("so", Some(0o100_755)));
}

#[test]
fn the_order_of_the_packages_has_no_effect() {
    let folder = folder(&[("handler/app.py", "1")]);
    let wheels = [
        wheel(&[("b.py", 0o644, "b")]).unwrap(),
        wheel(&[("c.py", 0o644, "c")]).unwrap(),
    ];
    let reversed = [wheels[1].clone(), wheels[0].clone()];
    assert_eq!(
        package(&folder, &wheels).unwrap().digest,
        package(&folder, &reversed).unwrap().digest
    );
}

#[test]
fn the_same_content_at_one_path_is_one_file() {
    let folder = folder(&[("handler/ns/__init__.py", "")]);
    let wheels = ["b", "c"].map(|name| {
        let module = format!("ns/{name}.py");
        wheel(&[("ns/__init__.py", 0o644, ""), (&module, 0o644, name)]).unwrap()
    });
    let artifact = package(&folder, &wheels).unwrap();
    assert_eq!(
        paths(&artifact),
        [
            "a-1.dist-info/WHEEL",
            "ns/__init__.py",
            "ns/b.py",
            "ns/c.py"
        ]
    );
}

#[test]
fn different_content_at_one_path_names_both_sources() {
    let folder = folder(&[("handler/six.py", "old")]);
    let six = wheel(&[("six.py", 0o644, "new"), ("t.py", 0o644, "1")]).unwrap();
    let error = package(&folder, std::slice::from_ref(&six)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the artifact `handler` gets from its folder and from `a-1-py3-none-any.whl` `six.py` with different content"
    );
    assert_eq!(
        error.hints(),
        ["remove the file from the folder, or leave it out with `exclude`"]
    );
    let other = wheel(&[("t.py", 0o644, "2"), ("u.py", 0o644, "2")]).unwrap();
    let third = wheel(&[("u.py", 0o644, "3")]).unwrap();
    let plain = crate::config::project::tests::folder(&[("handler/app.py", "")]);
    let error = package(&plain, &[six, other, third]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the artifact `handler` gets from `a-1-py3-none-any.whl` and from `a-1-py3-none-any.whl` `t.py` with \
         different content, and 1 more such files"
    );
}

#[test]
fn a_file_where_another_source_has_a_folder_is_an_error() {
    let folder = folder(&[("handler/m", "file")]);
    let one = wheel(&[("m/__init__.py", 0o644, "")]).unwrap();
    let error = package(&folder, &[one]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the artifact `handler` gets from its folder and from `a-1-py3-none-any.whl` the file `m` and the \
         folder of `m/__init__.py`"
    );
}
