//! Other programs, which are found in the absolute folders of `PATH` alone and run for a limited time.
//!
//! An empty or relative folder of `PATH` is the current folder or one below it. There, a file of the
//! project would replace the program.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Output};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::permissions::is_executable;
use super::process_group;

/// Returns the first program with this name. `path` is the value of `PATH`.
pub(crate) fn find(name: &str, path: &str) -> Option<PathBuf> {
    candidates(name, path).next()
}

/// Returns the programs with this name, in the order of the folders.
pub(crate) fn candidates(name: &str, path: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let folders: Vec<PathBuf> = absolute(path.as_ref()).collect();
    folders
        .into_iter()
        .map(move |folder| folder.join(&name))
        .filter(|program| is_executable(program))
}

/// Returns the value of `PATH` without its empty and relative folders, or `None` if it has none.
pub(crate) fn without_relative(path: &OsStr) -> Option<OsString> {
    let is_relative = std::env::split_paths(path).any(|folder| !folder.is_absolute());
    // Folders that were split cannot contain the separator.
    is_relative.then(|| std::env::join_paths(absolute(path)).unwrap_or_default())
}

/// Writes the input of a program, and returns its output when it has ended; `None` if it took longer than
/// `limit` and was killed.
///
/// # Errors
///
/// If the output cannot be read.
pub(crate) fn run_at_most(
    mut child: Child,
    input: String,
    limit: Duration,
) -> io::Result<Option<Output>> {
    let id = child.id();
    // It ends by itself too, if this process is killed first.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let seconds = Some(limit.as_secs() + 1);
        let limit = Rlimit {
            current: seconds,
            maximum: seconds,
        };
        let _ = prlimit(Some(Pid::from_child(&child)), Resource::Cpu, limit);
    }
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that reads its input reads all of it before it writes anything. If writing fails,
            // its own error is reported.
            let _ = stdin.write_all(input.as_bytes());
        }
        // Nobody receives an output that comes too late.
        let _ = sender.send(child.wait_with_output());
    });
    if let Ok(output) = receiver.recv_timeout(limit) {
        return output.map(Some);
    }
    process_group::kill(id);
    Ok(None)
}

fn absolute(path: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(path).filter(|folder| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::{find, run_at_most, without_relative};

    #[test]
    fn only_programs_in_absolute_folders_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, mode| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            file
        };
        put("one/tool", 0o644);
        fs::create_dir_all(folder.path().join("two/tool")).unwrap();
        let tool = put("three/tool", 0o755);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let path = format!("{}:{}:{}", at("one"), at("two"), at("three"));
        assert_eq!(find("tool", &path), Some(tool));
        assert_eq!(find("other", &path), None);
        for path in ["", ".", ":", "..:./bin", "target:src"] {
            assert_eq!(find("Cargo.toml", path), None, "{path:?}");
            assert_eq!(find("sh", path), None, "{path:?}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let run = |script: &str, limit| {
            let child = Command::new("/bin/sh")
                .args(["-c", script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            // A pipe does not hold as much: a program that never reads must not block either.
            run_at_most(child, "x".repeat(1 << 20), limit).unwrap()
        };
        let begin = Instant::now();
        assert!(run("exec sleep 600", Duration::from_millis(100)).is_none());
        assert!(begin.elapsed() < Duration::from_mins(1));
        let ended = run("exec wc -c", Duration::from_mins(10)).unwrap();
        assert_eq!(ended.stdout.trim_ascii(), b"1048576");
    }

    #[test]
    fn relative_folders_are_left_out_of_the_variable() {
        let left = |path: &str| without_relative(path.as_ref());
        assert_eq!(left("/usr/bin:/bin"), None);
        for path in [
            ":/usr/bin:/bin",
            "/usr/bin::/bin",
            "/usr/bin:/bin:",
            "./x:/usr/bin:y:/bin:.",
        ] {
            assert_eq!(left(path).unwrap(), "/usr/bin:/bin", "{path:?}");
        }
        for path in ["", ".", ":"] {
            assert_eq!(left(path).unwrap(), "", "{path:?}");
        }
    }
}
