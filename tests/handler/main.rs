//! Runs the handler's own tests, written in Python, as part of `cargo test`.
//!
//! What they need (pytest, boto3) is installed once into a virtual environment below Cargo's target
//! folder. Its folder is named after the digest of `requirements.lock` and is never changed: another
//! lock file makes another folder. It is made under a temporary name and renamed when complete, under
//! a file lock, so that two test runs at once make one. Only that first run needs the network.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and shows what pytest said"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use stackctl::digest::Digest;

const LOCK_FILE: &str = include_str!("requirements.lock");

#[test]
fn pytest_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let report = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut pytest = Command::new(environment());
    pytest
        .current_dir(root)
        .args(["-B", "-m", "pytest", "-p", "no:cacheprovider", "--color=no"])
        .arg("--basetemp")
        .arg(report.path().join("tmp"))
        .arg("tests/handler");
    // Whoever runs this may be logged in to a real account.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            pytest.env_remove(name);
        }
    }
    pytest.env("AWS_EC2_METADATA_DISABLED", "true");
    let output = run(pytest);
    let text = text_of(&output);
    assert!(output.status.success(), "pytest failed:\n{text}");
    println!("{}", text.trim_end().lines().last().unwrap_or_default());
}

/// Returns the Python of the virtual environment, making the environment where it is missing.
fn environment() -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("handler-python");
    fs::create_dir_all(&parent).unwrap();
    let lock = File::create(parent.join("lock")).unwrap();
    lock.lock().unwrap();

    let name = Digest::of(LOCK_FILE).hex();
    let folder = parent.join(name);
    let python = folder.join("bin/python");
    // A link to a Python that has been removed since is no file.
    if !python.is_file() {
        let unfinished = parent.join("unfinished");
        for remains in [&folder, &unfinished] {
            if remains.exists() {
                fs::remove_dir_all(remains).unwrap();
            }
        }
        install(&unfinished);
        fs::rename(&unfinished, &folder).unwrap();
    }
    python
}

fn install(folder: &Path) {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    let output = run(venv);
    assert!(
        output.status.success(),
        "cannot make a virtual environment:\n{}",
        text_of(&output)
    );
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args([
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--requirement",
        ])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/handler/requirements.lock"))
        .env("PIP_USER", "0");
    let output = run(pip);
    assert!(
        output.status.success(),
        "cannot install pytest:\n{}",
        text_of(&output)
    );
}

fn run(mut command: Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("cannot run {}: {error}", command.get_program().display()))
}

fn text_of(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|stream| String::from_utf8_lossy(stream))
        .concat()
}
