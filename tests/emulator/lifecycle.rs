//! The emulator between two commands.
//!
//! These tests need an emulator that commands start and stop. It is not bound to this process, so a
//! guard stops it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::emulator;
use crate::project::{self, ALLOW_DELETE};
use crate::sandbox::Sandbox;

/// Resets the emulator of a project when this process ends.
struct Guard(Child);

impl Guard {
    /// Starts a process that waits until this process closes its input or ends.
    fn over(sandbox: &Sandbox) -> Self {
        let script = "read -r line; exec \"$0\" local reset --env local --quiet";
        let child = Command::new("/bin/sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_stackctl")])
            .current_dir(sandbox.path(""))
            .env_clear()
            .env("STACKCTL_CACHE_DIR", sandbox.cache())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// Links the installed emulator into the sandbox. Another installation would take half a minute.
fn lend_installation(sandbox: &Sandbox) {
    let installed = emulator::shared().python().ancestors().nth(2).unwrap();
    let folder = sandbox.cache().join("emulator");
    fs::create_dir(&folder).unwrap();
    symlink(installed, folder.join(installed.file_name().unwrap())).unwrap();
}

#[test]
fn stopped_emulator_restarts_with_its_state() {
    let sandbox = Sandbox::new();
    lend_installation(&sandbox);
    project::copy_shipped(&sandbox);
    let _guard = Guard::over(&sandbox);
    let run = |arguments: &[&str]| sandbox.run(&[arguments, &["--env", "local"]].concat());

    assert_eq!(
        run(&["local", "status"]).expect_code(0).stdout,
        "not running\n"
    );
    run(&["apply", "--yes"])
        .expect_code(0)
        .expect_stderr("Verified: ");
    let status = run(&["local", "status", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(status["running"], true);
    assert_eq!(status["version"], "1.5.33");
    assert!(Path::new(status["log"].as_str().unwrap()).exists());

    run(&["local", "stop"]).expect_code(0);
    run(&["plan", "--detailed-exitcode"])
        .expect_code(0)
        .expect_stdout("No changes.");
    run(&["verify"]).expect_code(0);
    run(&[&["destroy", "--yes"][..], &ALLOW_DELETE].concat()).expect_code(0);

    run(&["local", "reset"]).expect_code(0);
    let status = run(&["status"]).expect_code(0);
    assert!(status.stdout.ends_with("not deployed\n"), "{status}");
}
