//! The `build` of an artifact: a program that makes the files that are packaged.
//!
//! The program is the user's own. It runs without a shell in the manifest's folder and inherits the
//! environment.
//!
//! The program has its own process group. If the user interrupts the command, the whole group ends,
//! with everything that the program started.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::util::process_group::{self, Signal};
use crate::util::program;
use crate::util::shell_word::quote;

/// The time that an interrupted build has to end before it is killed.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// The interval of the checks whether an interrupted build has ended.
const POLL: Duration = Duration::from_millis(20);
/// The time to wait for further output after the program has ended. A process in the background may
/// keep the stream open for ever.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(300);

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildCommand<'a> {
    words: &'a [String],
    folder: &'a Path,
}

impl<'a> BuildCommand<'a> {
    /// Returns the command that runs `words` in `folder`, an absolute path; `None` if there are no
    /// words.
    pub fn new(words: &'a [String], folder: &'a Path) -> Option<Self> {
        (!words.is_empty()).then_some(Self { words, folder })
    }

    /// Returns the command as a shell would read it, for messages.
    pub fn shown(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| quote(word)).collect();
        words.join(" ")
    }

    /// Runs the program to its end. `path` is the value of `PATH`; `on_line` receives each line that
    /// the program writes to stdout or stderr.
    ///
    /// Dropping the future ends the program.
    ///
    /// # Errors
    ///
    /// If the program is not found, cannot be started or fails.
    pub async fn run(&self, path: &str, mut on_line: impl FnMut(&str)) -> Result<()> {
        let program = self.find_program(path)?;
        let not_started = |error: io::Error| {
            let error_of_script = matches!(
                error.raw_os_error(),
                Some(8 | 13) // ENOEXEC, EACCES
            );
            let mut result = Error::system(format!("cannot start `{}`", program.display()), error);
            if error_of_script {
                result = result.hint(format!(
                    "a script needs a first line such as `#!/bin/sh`, and `chmod +x {}`",
                    quote(&program.to_string_lossy())
                ));
            }
            result
        };
        let (reader, writer) = io::pipe().map_err(not_started)?;
        let other = writer.try_clone().map_err(not_started)?;
        let mut command = Command::new(&program);
        command
            .args(self.words.iter().skip(1))
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(other);
        process_group::separate(command.as_std_mut());
        let spawned = command.spawn();
        // Only the program may hold the writing ends, or the stream never ends.
        drop(command);
        let mut group = Group(spawned.map_err(not_started)?);
        let mut lines = read_lines(reader);
        let status = loop {
            tokio::select! {
                Some(line) = lines.recv() => on_line(&line),
                status = group.0.wait() => break status.map_err(not_started)?,
            }
        };
        while let Ok(Some(line)) = tokio::time::timeout(OUTPUT_TIMEOUT, lines.recv()).await {
            on_line(&line);
        }
        if status.success() {
            return Ok(());
        }
        Err(Error::input(format!(
            "`{}` {}",
            self.shown(),
            ending(status)
        )))
    }

    fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    fn find_program(&self, path: &str) -> Result<PathBuf> {
        let name = self.word(0);
        if name.contains('/') {
            let program = self.folder.join(name);
            return if program.is_file() {
                Ok(program)
            } else {
                Err(Error::input(format!("there is no program `{name}`"))
                    .hint("the path is relative to the manifest's folder"))
            };
        }
        program::find(name, path).ok_or_else(|| {
            let error =
                Error::input(format!("there is no program `{name}` in the folders of PATH"));
            if name.contains(char::is_whitespace) {
                error.hint("write the program and each argument as an item of its own: `[\"npm\", \"run\", \"build\"]`")
            } else {
                error.hint(format!("install it, or write a path: `./{name}`"))
            }
        })
    }
}

/// Returns how a failed program ended, as the end of a sentence.
fn ending(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was ended by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("failed with exit code {code}"),
        None => "failed".to_owned(),
    }
}

/// Returns the lines that arrive on a pipe. A separate thread reads them.
fn read_lines(reader: PipeReader) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            let text = String::from_utf8_lossy(&line);
            // The receiver is gone after an interrupt.
            if sender
                .send(text.trim_end_matches(['\r', '\n']).to_owned())
                .is_err()
            {
                break;
            }
            line.clear();
        }
    });
    receiver
}

/// A program in a process group of its own. Dropping it ends the group.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // A program that has ended has no process id any more.
        let Some(group) = self.0.id() else {
            return;
        };
        process_group::send(group, Signal::Terminate);
        for _ in 0..END_TIMEOUT.as_millis() / POLL.as_millis() {
            if !matches!(self.0.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(POLL);
        }
        process_group::send(group, Signal::Kill);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use std::path::Path;

    use super::BuildCommand;
    use crate::error::Result;

    /// Runs a command and returns its lines with its result.
    fn run(words: &[&str], folder: &Path, path: &str) -> (Vec<String>, Result<()>) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let command = BuildCommand::new(&words, folder).unwrap();
        let mut lines = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let result = runtime.block_on(command.run(path, |line| lines.push(line.to_owned())));
        (lines, result)
    }

    fn shell(script: &str) -> (Vec<String>, Result<()>) {
        let folder = tempfile::tempdir().unwrap();
        run(&["sh", "-c", script], folder.path(), "/usr/bin:/bin")
    }

    #[test]
    fn both_streams_arrive_in_order() {
        let (lines, result) = shell("echo one; echo two >&2; printf three");
        assert_eq!(lines, ["one", "two", "three"]);
        result.unwrap();
    }

    #[test]
    fn the_program_runs_in_its_folder_and_sees_the_arguments_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let words = ["sh", "-c", "pwd; echo \"$1\"", "sh", "a  b;$(c)"];
        let (lines, result) = run(&words, folder.path(), "/usr/bin:/bin");
        result.unwrap();
        let here = folder.path().canonicalize().unwrap();
        assert_eq!(lines, [here.to_str().unwrap(), "a  b;$(c)"]);
    }

    #[test]
    fn a_failure_says_how_the_program_ended() {
        let (lines, result) = shell("echo bad; exit 3");
        assert_eq!(lines, ["bad"]);
        let message = result.unwrap_err().to_string();
        assert_eq!(
            message,
            "`sh -c 'echo bad; exit 3'` failed with exit code 3"
        );
        let message = shell("kill -9 $$").1.unwrap_err().to_string();
        assert!(message.ends_with("was ended by signal 9"), "{message}");
    }

    #[test]
    fn a_process_in_the_background_delays_nothing() {
        let (lines, result) = shell("sleep 60 & echo done");
        result.unwrap();
        assert_eq!(lines, ["done"]);
    }

    #[test]
    fn only_absolute_folders_of_path_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            // If this process wrote the file, it could be "busy" while another test forks.
            let script = r#"printf '#!/bin/sh\necho ran\n' >"$1" && chmod +x "$1""#;
            let mut shell = std::process::Command::new("/bin/sh");
            shell
                .args(["-c", script, "sh"])
                .arg(folder.path().join(name));
            assert!(shell.status().unwrap().success());
        };
        put("tool");
        for path in ["", ".", ":", "bin:."] {
            let error = run(&["tool"], folder.path(), path).1.unwrap_err();
            assert!(error.to_string().contains("no program `tool`"), "{error}");
        }
        let path = folder.path().to_str().unwrap();
        assert_eq!(run(&["tool"], Path::new("/"), path).0, ["ran"]);
        assert_eq!(run(&["./tool"], folder.path(), "").0, ["ran"]);
        let error = run(&["./gone"], folder.path(), "").1.unwrap_err();
        assert_eq!(error.to_string(), "there is no program `./gone`");
    }
}
