#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use super::{Missing, failure, requirements};
use crate::artifact::requirements::lock_file::LockFile;
use crate::diagnostic::SourceFile;
use crate::error::{ErrorKind, Result};

fn lock() -> LockFile {
    let hash = format!("--hash=sha256:{}", "a".repeat(64));
    let text = format!(
        "--find-links wheels\n--index-url x\nnumpy==2.1 ; python_version < '4' {hash}\nsix==1 {hash}\n"
    );
    LockFile::parse(&SourceFile::new("requirements.txt", text)).unwrap()
}

fn fail(log: &str) -> Result<(usize, Missing)> {
    let lock = lock();
    let pins: Vec<_> = lock.pins.iter().enumerate().collect();
    failure(log, &pins, Path::new("pip.log"))
}

#[test]
fn pip_gets_plain_lines() {
    let lock = lock();
    let pins: Vec<_> = lock.pins.iter().enumerate().skip(1).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("wheels")).unwrap();
    let text = requirements(&lock.index, folder.path(), &pins);
    let wheels = folder.path().join("wheels");
    let expected = format!(
        "--find-links {}\n--index-url x\nsix==1 --hash=sha256:{}\n",
        wheels.display(),
        "a".repeat(64)
    );
    assert_eq!(text, expected);
}

#[test]
fn a_package_without_a_wheel_is_named_with_the_tags_that_exist() {
    // pip 20.3 and 23 write a link that they skip in two ways.
    let log = "\
  Skipping link: none of the wheel's tags (cp311-cp311-manylinux_2_28_x86_64) are compatible: https://e.com/numpy-2.1-cp311-cp311-manylinux_2_28_x86_64.whl#sha256=1 (from https://e.com/numpy/)
  Skipping link: none of the wheel's tags match: cp39-cp39-win32: https://e.com/numpy-2.1-cp39-cp39-win32.whl (from https://e.com/numpy/)
  Skipping link: none of the wheel's tags match: cp39-cp39-win32: https://e.com/numpy-2.0-cp38-cp38-win32.whl (from https://e.com/numpy/)
ERROR: Could not find a version that satisfies the requirement numpy==2.1 (from versions: 2.0)
ERROR: No matching distribution found for numpy==2.1
";
    let tags = ["cp311-cp311-manylinux_2_28_x86_64", "cp39-cp39-win32"].map(str::to_owned);
    assert_eq!(fail(log).unwrap(), (0, Missing::NoWheel(tags.into())));
}

#[test]
fn a_package_for_another_python_is_named() {
    let log = "\
  Link requires a different Python (3.9.99 not in: '>=3.10,!=3.11.*'): https://e.com/six-1-py3-none-any.whl (from https://e.com/six/)
ERROR: No matching distribution found for six==1
";
    assert_eq!(
        fail(log).unwrap(),
        (1, Missing::OtherPython(">=3.10,!=3.11.*".to_owned()))
    );
}

#[test]
fn the_metadata_of_a_wheel_may_require_another_python() {
    let log = "ERROR: Package 'six' requires a different Python: 3.11.99 not in '>=3.12'\n";
    assert_eq!(
        fail(log).unwrap(),
        (1, Missing::OtherPython(">=3.12".to_owned()))
    );
}

#[test]
fn a_wheel_with_another_hash_is_named() {
    let log = "\
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please update the hashes.
    six==1 from https://e.com/six-1-py3-none-any.whl#sha256=12 (from -r requirements.txt (line 1)):
        Expected sha256 aa
             Got        bb
";
    let file = Some("six-1-py3-none-any.whl".to_owned());
    assert_eq!(fail(log).unwrap(), (1, Missing::OtherHash(file)));
}

#[test]
fn the_wheel_of_a_url_for_another_platform_is_named() {
    let log = "ERROR: six-1-py3-none-win32.whl is not a supported wheel on this platform.\n";
    assert_eq!(
        fail(log).unwrap(),
        (1, Missing::NoWheel(vec!["py3-none-win32".to_owned()]))
    );
}

#[test]
fn other_failures_are_no_packages_fault() {
    let log = "WARNING: Retrying: NewConnectionError('x: Name or service not known')\nERROR: No matching distribution found for six==1\n";
    assert_eq!(fail(log).unwrap_err().kind(), ErrorKind::Service);
    let error = fail("ERROR: disk full\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "pip cannot download the packages\n  ERROR: disk full"
    );
}
