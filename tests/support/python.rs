//! Virtual environments for tests, in Cargo's target folder.
//!
//! Each has the digest of its lock file as name, so another lock file means another environment. It
//! is created under a temporary name and renamed when complete, under a file lock, so that
//! concurrent test runs create one. Only the first run needs the network.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use stackctl::artifact::digest::Digest;

/// The options of pip for packages that are not built.
pub(crate) const WHEELS_ONLY: [&str; 2] = ["--only-binary", ":all:"];

/// Returns the Python of the environment `name` with the packages of a lock file, and creates the
/// environment if it is missing. The path of the lock file is relative to the project. `options`
/// are further options of pip.
pub(crate) fn environment(name: &str, lock_file: &str, options: &[&str]) -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&parent).unwrap();
    let lock = File::create(parent.join("lock")).unwrap();
    lock.lock().unwrap();

    let lock_file = Path::new(env!("CARGO_MANIFEST_DIR")).join(lock_file);
    let digest = Digest::of(fs::read(&lock_file).unwrap()).hex();
    let folder = parent.join(digest);
    let python = folder.join("bin/python");
    // A link to a removed Python is not a file.
    if !python.is_file() {
        let unfinished = parent.join("unfinished");
        for remains in [&folder, &unfinished] {
            if remains.exists() {
                fs::remove_dir_all(remains).unwrap();
            }
        }
        install(&unfinished, &lock_file, options);
        fs::rename(&unfinished, &folder).unwrap();
    }
    python
}

fn install(folder: &Path, lock_file: &Path, options: &[&str]) {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    run(venv, "make a virtual environment");
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(options)
        .args(["--require-hashes", "--requirement"])
        .arg(lock_file)
        .env("PIP_USER", "0");
    run(pip, "install its packages");
}

fn run(mut command: Command, what: &str) {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    let text = text_of(&output);
    assert!(output.status.success(), "cannot {what}:\n{text}");
}

/// Returns the output of a program, stdout before stderr.
pub(crate) fn text_of(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|stream| String::from_utf8_lossy(stream))
        .concat()
}
