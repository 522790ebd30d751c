//! Runs the handler's Python tests as part of `cargo test`.
//!
//! pytest and boto3 are installed once into a virtual environment in Cargo's target folder. Only
//! that first run needs the network.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and shows what pytest message"
)]

#[path = "../support/python.rs"]
mod python;

use std::path::Path;
use std::process::{Command, Stdio};

/// The lock file of the packages.
const LOCK_FILE: &str = "tests/handler/requirements.lock";

#[test]
fn pytest_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let report = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut pytest = Command::new(python::environment(
        "handler-python",
        LOCK_FILE,
        &python::WHEELS_ONLY,
    ));
    pytest
        .current_dir(root)
        .args(["-B", "-m", "pytest", "-p", "no:cacheprovider", "--color=no"])
        .arg("--basetemp")
        .arg(report.path().join("tmp"))
        .arg("tests/handler");
    // The user may be logged in to a real account.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            pytest.env_remove(name);
        }
    }
    pytest.env("AWS_EC2_METADATA_DISABLED", "true");
    let output = pytest.stdin(Stdio::null()).output().unwrap();
    let text = python::text_of(&output);
    assert!(output.status.success(), "pytest failed:\n{text}");
    println!("{}", text.trim_end().lines().last().unwrap_or_default());
}
