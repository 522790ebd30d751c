//! Programs with everything that they start.
//!
//! On Unix, such a program has its own process group, which gets the signals. Windows has no signals:
//! there, `taskkill` ends the program and its descendants at once.

use std::process::Command;

/// What a program is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// To end.
    Terminate,
    /// To go on if it is stopped.
    Continue,
    /// Nothing: the system ends it.
    Kill,
}

/// Gives the program that `command` starts a process group of its own.
pub(crate) fn separate(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

/// Sends a signal to the process group with this id, which is the id of its first process. It makes no
/// difference if the group has already ended.
pub(crate) fn send(group: u32, signal: Signal) {
    #[cfg(unix)]
    if let Some(group) = pid(group) {
        let _ = rustix::process::kill_process_group(group, native(signal));
    }
    #[cfg(not(unix))]
    if signal != Signal::Continue {
        end(group);
    }
}

/// Ends a single process at once.
pub(crate) fn kill(process: u32) {
    #[cfg(unix)]
    if let Some(process) = pid(process) {
        let _ = rustix::process::kill_process(process, native(Signal::Kill));
    }
    #[cfg(not(unix))]
    end(process);
}

#[cfg(unix)]
fn pid(id: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(id).ok()?)
}

#[cfg(unix)]
fn native(signal: Signal) -> rustix::process::Signal {
    match signal {
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Continue => rustix::process::Signal::CONT,
        Signal::Kill => rustix::process::Signal::KILL,
    }
}

#[cfg(not(unix))]
fn end(process: u32) {
    let id = process.to_string();
    let _ = Command::new("taskkill")
        .args(["/F", "/T", "/PID", &id])
        .output();
}
