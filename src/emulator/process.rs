//! The emulator process: its start, its health check, and its end.
//!
//! - It has its own process environment, so that it never gets the user's credentials.
//! - It has its own process group, so that Ctrl-C in the terminal does not end it, and one signal ends it
//!   with all its Lambda workers.
//! - It inherits no stream of the caller, so that a pipe that the caller writes to closes when the caller
//!   ends.
//! - Until it is published, its stdin is a pipe from this process. If this process is killed before that,
//!   the emulator ends too.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};

use super::files::{Files, Run};
use super::{http, install};
use crate::config::cache::{create_file, create_folder};
use crate::util::process_group::{self, Signal};

/// The files of the Python program that starts MiniStack. The first one is run.
pub(super) const PROGRAM: [(&str, &str); 9] = [
    ("launcher.py", include_str!("launcher.py")),
    ("drift_reverts.py", include_str!("drift_reverts.py")),
    ("exports.py", include_str!("exports.py")),
    ("express.py", include_str!("express.py")),
    ("imports.py", include_str!("imports.py")),
    ("refactors.py", include_str!("refactors.py")),
    ("reviews.py", include_str!("reviews.py")),
    ("start_failures.py", include_str!("start_failures.py")),
    ("transforms.py", include_str!("transforms.py")),
];
/// The time limit of a start. A start takes 0.5 s, but the first one also compiles the packages.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// The time that an emulator has to save its state before it is killed.
const SAVE_TIMEOUT: Duration = Duration::from_secs(15);
/// The time limit for the kernel to end a killed process.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// The interval of the checks whether the emulator has started or ended.
const POLL: Duration = Duration::from_millis(15);
/// The number of ports that are tried before a start fails.
const ATTEMPTS: u32 = 5;
/// The time in seconds that a Lambda worker stays warm. Each uses about 50 MB of memory.
const WARM_LAMBDA_SECONDS: &str = "120";

/// A running emulator that ends when this value is dropped, unless it was released.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) port: u16,
    pub(super) version: String,
    child: Child,
    /// The emulator ends when this pipe closes.
    lifeline: Option<ChildStdin>,
}

impl Process {
    /// Releases the emulator, so that it continues after the end of this process.
    ///
    /// # Errors
    ///
    /// If the emulator has already ended.
    pub(super) fn release(mut self) -> Result<()> {
        self.lifeline
            .take()
            .map_or(Ok(()), |mut pipe| pipe.write_all(b"stay\n"))
            .map_err(|error| Error::system("the emulator ended immediately after its start", error))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.lifeline.take().is_some() {
            // The pipe is closed now, so that the emulator ends.
            let _ = self.child.wait();
        }
    }
}

/// The used fields of the response to `GET /_ministack/health`.
#[derive(Debug, Deserialize)]
struct Health {
    /// A name from `MINISTACK_EDITION`. stackctl stores the emulator's identity in it.
    edition: String,
    version: String,
}

/// Why an attempt to start failed.
enum Failure {
    /// Another process took the port first.
    PortTaken,
    Other(Error),
}

/// Starts an emulator with `python` and waits until it answers.
///
/// # Errors
///
/// [`ErrorKind::System`] where it ends or does not answer in time, with the end of its log.
pub(super) fn start(
    python: &Path,
    files: &Files,
    path_variable: &str,
    region: &str,
) -> Result<Process> {
    let mut attempt = 1;
    loop {
        match start_once(python, files, path_variable, region) {
            Ok(process) => return Ok(process),
            Err(Failure::PortTaken) if attempt < ATTEMPTS => attempt += 1,
            Err(Failure::PortTaken) => {
                return Err(Error::new(
                    ErrorKind::System,
                    format!("the emulator found no free loopback port in {ATTEMPTS} attempts"),
                ));
            }
            Err(Failure::Other(error)) => return Err(error),
        }
    }
}

fn start_once(
    python: &Path,
    files: &Files,
    path_variable: &str,
    region: &str,
) -> Result<Process, Failure> {
    let (log, port) = prepare(files)
        .map_err(|error| {
            Error::system(
                format!("cannot prepare {}", files.folder().display()),
                error,
            )
        })
        .map_err(Failure::Other)?;
    let folder = files.folder();
    let mut command = Command::new(python);
    command
        // Compiled modules would be written before the launcher sets its umask.
        .args(["-I", "-B"])
        .arg(folder.join(PROGRAM[0].0))
        .current_dir(folder)
        .env_clear()
        .env("PATH", path_variable)
        .env("HOME", folder.join("home"))
        .env("TMPDIR", folder.join("tmp"))
        .env("GATEWAY_PORT", port.to_string())
        .env("AUTH", "true")
        .env("MINISTACK_EDITION", identity(files))
        .env("MINISTACK_REGION", region)
        .env("STACKCTL_RUN", files.run_file())
        .env("STACKCTL_SAM", install::translator_folder(python))
        .env("PERSIST_STATE", "1")
        .env("STATE_DIR", files.data().join("state"))
        .env("S3_PERSIST", "1")
        .env("S3_DATA_DIR", files.data().join("s3"))
        .env("LAMBDA_WARM_TTL_SECONDS", WARM_LAMBDA_SECONDS)
        // With Docker, MiniStack would remove the containers of other MiniStack processes.
        .env("DOCKER_HOST", "unix:///nonexistent")
        .stdin(Stdio::piped())
        .stdout(log.0)
        .stderr(log.1);
    process_group::separate(&mut command);
    let mut child = command
        .spawn()
        .map_err(|error| Failure::Other(Error::system("cannot start the emulator", error)))?;
    let mut process = Process {
        port,
        version: String::new(),
        lifeline: child.stdin.take(),
        child,
    };
    process.version = wait_until_healthy(&mut process, files)?;
    Ok(process)
}

/// Creates the files for a start, and returns two handles of the log and a free port.
fn prepare(files: &Files) -> io::Result<((File, File), u16)> {
    let folder = files.folder();
    for name in ["home", "tmp", "data/state", "data/s3"] {
        create_folder(&folder.join(name)).map_err(io::Error::other)?;
    }
    for (name, text) in PROGRAM {
        create_file(&folder.join(name))?.write_all(text.as_bytes())?;
    }
    match fs::rename(files.log(), files.log().with_extension("log.old")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let log = create_file(&files.log())?;
    let log = (log.try_clone()?, log);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok((log, listener.local_addr()?.port()))
}

fn wait_until_healthy(process: &mut Process, files: &Files) -> Result<String, Failure> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if let Some(version) = health(process.port, &identity(files)) {
            return Ok(version);
        }
        let ended = process
            .child
            .try_wait()
            .map_err(|error| Failure::Other(Error::system("cannot watch the emulator", error)))?;
        let log = || fs::read_to_string(files.log()).unwrap_or_default();
        if let Some(status) = ended {
            let log = log();
            // MiniStack's exit status is the same for all errors. Only its log shows this one.
            if log.contains("already in use") {
                return Err(Failure::PortTaken);
            }
            return Err(Failure::Other(failed(
                &format!("the emulator failed to start ({status})"),
                &log,
                files,
            )));
        }
        if Instant::now() > deadline {
            let message = format!(
                "the emulator did not answer within {} s",
                START_TIMEOUT.as_secs()
            );
            return Err(Failure::Other(failed(&message, &log(), files)));
        }
        thread::sleep(POLL);
    }
}

fn failed(message: &str, log: &str, files: &Files) -> Error {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let tail = lines.iter().skip(lines.len().saturating_sub(5));
    let message = tail.fold(message.to_owned(), |text, line| format!("{text}\n  {line}"));
    Error::new(ErrorKind::System, message)
        .hint(format!("see the full log in {}", files.log().display()))
}

/// Returns the identity of the emulator of these files, which its health check returns.
pub(super) fn identity(files: &Files) -> String {
    let name = files.folder().file_name().unwrap_or_default();
    format!("stackctl {}", name.to_string_lossy())
}

/// Returns MiniStack's version, or `None` if no emulator with this identity answers on the port.
pub(super) fn health(port: u16, identity: &str) -> Option<String> {
    let answer = http::get(port, "/_ministack/health").ok()?;
    let health: Health = serde_json::from_str(&answer.body).ok()?;
    (answer.status == 200 && health.edition == identity).then_some(health.version)
}

/// Ends the emulator of these files, if it is running, and all processes that it started.
///
/// If `save` is set, the emulator can save its state first. If it does not end in time, it is killed.
///
/// # Errors
///
/// If the emulator is still running after it was killed.
pub(super) fn end(files: &Files, save: bool) -> Result<()> {
    let mut group = None;
    for (signal, timeout) in [
        (
            Signal::Terminate,
            if save { SAVE_TIMEOUT } else { Duration::ZERO },
        ),
        (Signal::Kill, KILL_TIMEOUT),
    ] {
        let deadline = Instant::now() + timeout;
        let mut sent = timeout.is_zero();
        while let Run::Running(pid) = files.run()? {
            group = group.or_else(|| pid.and_then(|pid| u32::try_from(pid).ok()));
            if let (Some(group), false) = (group, sent) {
                process_group::send(group, signal);
                // A stopped process could neither save its state nor end.
                process_group::send(group, Signal::Continue);
                sent = true;
            }
            if Instant::now() >= deadline {
                break;
            }
            thread::sleep(POLL);
        }
    }
    if matches!(files.run()?, Run::Running(_)) {
        return Err(Error::new(
            ErrorKind::System,
            format!("the emulator of {} does not end", files.folder().display()),
        ));
    }
    if let Some(group) = group {
        process_group::send(group, Signal::Kill);
    }
    create_folder(files.folder())?;
    files.delete_temporary()
}
