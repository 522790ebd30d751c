//! A folder, a home and a process of its own for each test.
//!
//! The child sees nothing of the machine it runs on: an empty environment but for what is set here,
//! a `PATH` with an empty folder, no AWS configuration, and a cache of its own. What it did comes
//! back as one [`Finished`], whose `Display` is the blob that tests snapshot: stdout, stderr and exit
//! status, with whatever differs from run to run replaced. A child that does not end in time is killed
//! and reported with what it had written.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The binary that Cargo built for these tests.
const STACKCTL: &str = env!("CARGO_BIN_EXE_stackctl");

/// Far more than any of these commands needs, for a machine that is busy with other things.
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// The lines of a plan that are the same in all plans of the tests' project.
const PLAN_HEADER: &str = "Account      123456789012
Region       eu-west-1
Endpoint     http://127.0.0.1:[PORT]
Capabilities CAPABILITY_IAM
";

/// A temporary project with its surroundings. It is removed when dropped.
pub(crate) struct Sandbox {
    base: PathBuf,
    _removed_on_drop: TempDir,
    variables: Vec<(String, String)>,
    folder: PathBuf,
    time_limit: Duration,
}

impl Sandbox {
    /// Returns an empty project folder with an empty home, cache, temporary folder and `PATH`.
    pub(crate) fn new() -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    /// Returns a sandbox that has no project in a parent folder. Others have: this repository.
    pub(crate) fn far_from_any_project() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("stackctl-cli-")
            .tempdir_in(parent)
            .unwrap();
        let base = fs::canonicalize(folder.path()).unwrap();
        for name in ["project", "home", "cache", "tmp", "bin"] {
            fs::create_dir(base.join(name)).unwrap();
        }
        let at = |name: &str| base.join(name).to_str().unwrap().to_owned();
        let variables = [
            ("HOME", at("home")),
            ("STACKCTL_CACHE_DIR", at("cache")),
            ("TMPDIR", at("tmp")),
            ("PATH", at("bin")),
            ("AWS_CONFIG_FILE", at("home/no-config")),
            ("AWS_SHARED_CREDENTIALS_FILE", at("home/no-credentials")),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("COLUMNS", "100".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        Self {
            folder: base.join("project"),
            base,
            _removed_on_drop: folder,
            variables: variables.into(),
            time_limit: TIME_LIMIT,
        }
    }

    /// Writes a file of the project, making its folders.
    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.write(path, contents);
        self
    }

    /// Sets an environment variable; an empty value takes it away.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.variables.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Gives the child static credentials that no account knows.
    pub(crate) fn credentials(self) -> Self {
        self.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "not-a-real-secret")
    }

    /// Puts an executable script on the child's `PATH`.
    pub(crate) fn program(self, name: &str, script: &str) -> Self {
        let path = self.base.join("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Runs in a folder below the project.
    pub(crate) fn in_folder(mut self, path: &str) -> Self {
        self.folder = self.base.join("project").join(path);
        fs::create_dir_all(&self.folder).unwrap();
        self
    }

    /// Sets how long a child may run.
    pub(crate) fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Writes a file of the project, between two runs.
    pub(crate) fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Returns the path of a file of the project.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.base.join("project").join(path)
    }

    /// Returns the child's cache folder.
    pub(crate) fn cache(&self) -> PathBuf {
        self.base.join("cache")
    }

    /// Returns the files and folders that the child left in its temporary folder.
    pub(crate) fn temporary_leftovers(&self) -> Vec<PathBuf> {
        fs::read_dir(self.base.join("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    /// Runs `stackctl` to its end, its stdin empty.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        self.spawn(arguments).wait()
    }

    /// Runs `stackctl` to its end with this text as its stdin, which is not a terminal.
    pub(crate) fn run_with_stdin<A: AsRef<OsStr>>(&self, arguments: &[A], stdin: &str) -> Finished {
        self.start(STACKCTL, arguments, Input::Text(stdin)).wait()
    }

    /// Starts `stackctl` without waiting for it.
    pub(crate) fn spawn<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        self.start(STACKCTL, arguments, Input::Nothing)
    }

    /// Starts `stackctl` with further environment variables.
    pub(crate) fn spawn_with<A: AsRef<OsStr>>(
        &self,
        variables: &[(&str, String)],
        arguments: &[A],
    ) -> Running {
        self.start_with(STACKCTL, variables, arguments, Input::Nothing)
    }

    /// Starts `stackctl` on a pseudo-terminal: stdin and stderr are the terminal, stdout is a pipe
    /// as in `stackctl … | tee`, so that both can be told apart.
    pub(crate) fn spawn_on_terminal<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        self.start(STACKCTL, arguments, Input::Terminal)
    }

    /// Starts a program. All but the sandbox's own tests start `stackctl`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: &[A],
        input: Input,
    ) -> Running {
        self.start_with(program, &[], arguments, input)
    }

    fn start_with<A: AsRef<OsStr>>(
        &self,
        program: &str,
        variables: &[(&str, String)],
        arguments: &[A],
        input: Input,
    ) -> Running {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut keyboard = None;
        if matches!(input, Input::Terminal) {
            let (ours, theirs) = terminal();
            command
                .stdin(Stdio::from(theirs.try_clone().unwrap()))
                .stderr(Stdio::from(theirs));
            keyboard = Some(ours);
        }
        let mut child = command.spawn().expect("the program starts");
        // The parent's copies of the terminal's far end are in `command`: closed here, so that the
        // near end reports its end when the child exits.
        drop(command);

        let stdout = Capture::start(child.stdout.take().unwrap());
        let stderr = match &keyboard {
            Some(keyboard) => Capture::start(keyboard.try_clone().unwrap()),
            None => Capture::start(child.stderr.take().unwrap()),
        };
        if let Some(mut stdin) = child.stdin.take()
            && let Input::Text(text) = input
        {
            // A child that reads nothing closes the pipe, which is its right.
            let _ = stdin.write_all(text.as_bytes());
        }
        Running {
            child,
            stdout,
            stderr,
            keyboard,
            deadline: Instant::now() + self.time_limit,
            base: self.base.to_str().unwrap().to_owned(),
        }
    }
}

/// What a child's stdin is.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// At its end from the start.
    Nothing,
    /// This text, through a pipe.
    Text(&'a str),
    /// A pseudo-terminal, which is the child's stderr as well.
    Terminal,
}

/// Returns the two ends of a pseudo-terminal of 100 columns that echoes nothing: ours, the child's.
fn terminal() -> (fs::File, fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{
        LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
    };

    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = fs::File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut modes = tcgetattr(&theirs).unwrap();
    modes.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&theirs, OptionalActions::Now, &modes).unwrap();
    let size = Winsize {
        ws_row: 50,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&theirs, size).unwrap();
    (ours.into(), theirs)
}

/// A child that has been started.
pub(crate) struct Running {
    child: Child,
    stdout: Capture,
    stderr: Capture,
    keyboard: Option<fs::File>,
    deadline: Instant,
    base: String,
}

impl Running {
    /// Waits until the child has written `text` to stdout.
    pub(crate) fn wait_for_stdout(&mut self, text: &str) -> &mut Self {
        self.wait_for(text, |running| &running.stdout)
    }

    /// Waits until the child has written `text` to stderr, or to its terminal.
    pub(crate) fn wait_for_stderr(&mut self, text: &str) -> &mut Self {
        self.wait_for(text, |running| &running.stderr)
    }

    /// Waits until something has happened in the child's surroundings; `what` is its name.
    pub(crate) fn wait_until(&mut self, what: &str, happened: impl Fn() -> bool) -> &mut Self {
        while !happened() {
            if self.child.try_wait().unwrap().is_some() || Instant::now() > self.deadline {
                self.give_up(&format!("{what} did not happen"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Types a line on the child's terminal.
    pub(crate) fn type_line(&mut self, text: &str) -> &mut Self {
        let keyboard = self.keyboard.as_mut().expect("started on a terminal");
        keyboard.write_all(format!("{text}\n").as_bytes()).unwrap();
        self
    }

    /// Types the end of input on the child's terminal.
    pub(crate) fn type_end(&mut self) -> &mut Self {
        let keyboard = self.keyboard.as_mut().expect("started on a terminal");
        keyboard.write_all(b"\x04").unwrap();
        self
    }

    /// Returns whether the child has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) -> &mut Self {
        self.signal(Signal::INT)
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&mut self) -> &mut Self {
        self.signal(Signal::TERM)
    }

    /// Ends the child at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Returns the most memory that the child had at once so far, in bytes; `None` where it has
    /// ended, or the system is another than Linux.
    pub(crate) fn peak_memory(&mut self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kibibytes * 1024)
    }

    /// Waits for the child's end.
    pub(crate) fn wait(mut self) -> Finished {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > self.deadline {
                self.give_up("it did not end in time");
            }
            thread::sleep(Duration::from_millis(5));
        };
        // The terminal's near end is closed first: a grandchild that outlives the child and holds
        // the far end would otherwise keep the reader waiting.
        self.keyboard = None;
        Finished {
            status,
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
            base: self.base.clone(),
            shows_header: false,
        }
    }

    fn wait_for(&mut self, text: &str, stream: impl Fn(&Self) -> &Capture) -> &mut Self {
        if !stream(self).contains_before(text, self.deadline) {
            self.give_up(&format!("it did not write {text:?}"));
        }
        self
    }

    fn signal(&mut self, signal: Signal) -> &mut Self {
        assert!(
            self.child.try_wait().unwrap().is_none(),
            "the child ended before the signal was sent"
        );
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self
    }

    fn give_up(&mut self, reason: &str) -> ! {
        let _ = self.child.kill();
        let _ = self.child.wait();
        panic!(
            "stackctl was killed: {reason}\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout.text(),
            self.stderr.text()
        );
    }
}

impl Drop for Running {
    /// Ends a child that a failed test no longer waits for.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a stream on a thread of its own, so that a child is never blocked by a full pipe.
struct Capture {
    shared: Arc<(Mutex<Received>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    ended: bool,
}

impl Capture {
    fn start(mut stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Received::default()), Condvar::new()));
        let ours = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A pseudo-terminal whose far end is closed answers with an error, not with an end.
            while let Ok(count) = stream.read(&mut buffer) {
                let mut received = ours.0.lock().unwrap();
                received.bytes.extend_from_slice(&buffer[..count]);
                received.ended = count == 0;
                ours.1.notify_all();
                if received.ended {
                    return;
                }
            }
            ours.0.lock().unwrap().ended = true;
            ours.1.notify_all();
        });
        Self {
            shared,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.0.lock().unwrap().bytes).replace("\r\n", "\n")
    }

    fn contains_before(&self, text: &str, deadline: Instant) -> bool {
        let mut received = self.shared.0.lock().unwrap();
        loop {
            if String::from_utf8_lossy(&received.bytes).contains(text) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if received.ended || left.is_zero() {
                return false;
            }
            received = self.shared.1.wait_timeout(received, left).unwrap().0;
        }
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

/// What a child did.
pub(crate) struct Finished {
    status: ExitStatus,
    /// All of stdout, as it was.
    pub(crate) stdout: String,
    /// All of stderr, as it was; of the terminal, where the child had one.
    pub(crate) stderr: String,
    base: String,
    shows_header: bool,
}

impl Finished {
    /// Returns the exit code; 128 and the signal's number where one ended it, as shells have it.
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .or_else(|| Some(128 + self.status.signal()?))
            .unwrap_or(-1)
    }

    /// Stops the test unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert!(self.code() == code, "expected exit code {code}\n{self}");
        self
    }

    /// Leaves stdout out of the blob, where it is another test's matter.
    pub(crate) fn without_stdout(mut self) -> Self {
        self.stdout.clear();
        self
    }

    /// Keeps the header of a plan, which the blob otherwise replaces by `[HEADER]`.
    pub(crate) fn with_header(mut self) -> Self {
        self.shows_header = true;
        self
    }

    /// Returns stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON document: {error}\n{self}"))
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                let end = if text.ends_with('\n') {
                    ""
                } else {
                    "[no newline]\n"
                };
                let mut text = redact(&seen(text), &self.base);
                if !self.shows_header {
                    text = text.replace(PLAN_HEADER, "[HEADER]\n");
                }
                write!(f, "--- {name}\n{text}{end}")?;
            }
        }
        match self.status.signal() {
            Some(signal) => write!(f, "--- killed by signal {signal}"),
            None => write!(f, "--- exit {}", self.code()),
        }
    }
}

/// Returns what is left to see on a terminal: lines that were overwritten are gone, styles too.
fn seen(text: &str) -> String {
    let style = regex_lite::Regex::new("\x1b\\[[0-9;]*[A-Za-z]").unwrap();
    let text = style.replace_all(text, "");
    let mut seen = String::new();
    for line in text.split_inclusive('\n') {
        let mut cells: Vec<char> = Vec::new();
        for written in line.trim_end_matches('\n').split('\r') {
            let kept = cells.split_off(written.chars().count().min(cells.len()));
            cells = written.chars().chain(kept).collect();
        }
        let shown: String = cells.into_iter().collect();
        seen += shown.trim_end();
        if line.ends_with('\n') {
            seen.push('\n');
        }
    }
    seen
}

/// Replaces what differs from run to run or from machine to machine.
fn redact(text: &str, base: &str) -> String {
    let mut text = text.replace(base, "[SANDBOX]");
    for (pattern, replacement) in [
        (r"(127\.0\.0\.1|localhost):\d+", "$1:[PORT]"),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[UUID]",
        ),
        (r"\bstackctl-(tmp|plan)-[0-9A-Za-z-]+", "stackctl-$1-[ID]"),
        (r"\b[0-9a-f]{64}\b", "[SHA256]"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[INSTANT]"),
        (r"\b\d+(\.\d+)? ?(ms|s|min)\b", "[TIME]"),
        (r"(^|[ (])\d+:\d\d\b", "$1[TIME]"),
    ] {
        let pattern = regex_lite::Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    text
}
