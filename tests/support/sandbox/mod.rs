//! A folder, a home and a process for each test.
//!
//! The child is isolated from the machine: its environment has only the variables that are set
//! here, with a `PATH` of an empty folder, no AWS configuration, and its own cache. The result is a
//! [`Finished`], whose `Display` is the text of snapshots: stdout, stderr and exit status, with
//! volatile text replaced. A child that does not end in time is killed, and its output is reported. A JSON
//! document of stackctl on stdout must match its JSON Schema.

mod finished;
mod running;
pub(crate) mod schema;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use finished::Finished;
pub(crate) use running::Running;

/// The binary that Cargo built for these tests.
const STACKCTL: &str = env!("CARGO_BIN_EXE_stackctl");

/// Much more than any command needs, for a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// A temporary project with its environment. It is removed when dropped.
pub(crate) struct Sandbox {
    base: PathBuf,
    _removed_on_drop: TempDir,
    variables: Vec<(String, String)>,
    folder: PathBuf,
}

impl Sandbox {
    /// Returns an empty project folder with an empty home, cache, temporary folder and `PATH`.
    pub(crate) fn new() -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    /// Returns a sandbox without a project in a parent folder. Other sandboxes are in this
    /// repository.
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
        }
    }

    /// Writes a file of the project, and creates its folders.
    pub(crate) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.write(path, contents);
        self
    }

    /// Sets an environment variable; an empty value removes it.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.variables.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Sets static credentials that no account has.
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

    /// Runs the child in a folder below the project.
    pub(crate) fn in_folder(mut self, path: &str) -> Self {
        self.folder = self.base.join("project").join(path);
        fs::create_dir_all(&self.folder).unwrap();
        self
    }

    /// Writes a file of the project, between two runs.
    pub(crate) fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Replaces text of a file of the project. The file must contain the text.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{path} does not contain {from:?}");
        self.write(path, text.replace(from, to));
    }

    /// Adds text at the end of a file of the project.
    pub(crate) fn append(&self, path: &str, text: &str) {
        let start = fs::read_to_string(self.path(path)).unwrap();
        self.write(path, start + text);
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

    /// Runs `stackctl` to its end, with an empty stdin.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        self.spawn(arguments).wait()
    }

    /// Runs `stackctl` with `--format json` and returns its document. The exit code must be 0.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--format", "json"]].concat();
        self.run(&arguments).expect_code(0).json()
    }

    /// Runs `stackctl` on a terminal to its end and answers one prompt.
    pub(crate) fn answer<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        prompt: &str,
        answer: &str,
    ) -> Finished {
        let mut running = self.spawn_on_terminal(arguments);
        running.wait_for_stderr(prompt).type_line(answer);
        running.wait()
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

    /// Starts `stackctl` on a pseudo-terminal. Stdin and stderr are the terminal. Stdout is a pipe,
    /// as in `stackctl … | tee`, so that the two can be distinguished.
    pub(crate) fn spawn_on_terminal<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        self.start(STACKCTL, arguments, Input::Terminal)
    }

    /// Starts `stackctl` on a pseudo-terminal that shows stdout, too. What it shows is read as stderr.
    pub(crate) fn spawn_on_screen<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        self.start(STACKCTL, arguments, Input::Screen)
    }

    /// Starts a program. Only the sandbox's self tests start another program than `stackctl`.
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
            .envs((program == STACKCTL).then(|| name_in_requests(arguments)))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut keyboard = None;
        if matches!(input, Input::Terminal | Input::Screen) {
            let (ours, theirs) = terminal();
            if matches!(input, Input::Screen) {
                command.stdout(Stdio::from(theirs.try_clone().unwrap()));
            }
            command
                .stdin(Stdio::from(theirs.try_clone().unwrap()))
                .stderr(Stdio::from(theirs));
            keyboard = Some(ours);
        }
        let mut child = command.spawn().expect("the program starts");
        // `command` has this process's copies of the terminal's far end. They are closed here, so
        // that the near end is closed when the child exits.
        drop(command);

        let stdin = child.stdin.take();
        let base = self.base.to_str().unwrap();
        let running = Running::new(child, keyboard, TIME_LIMIT, base);
        if let (Some(mut stdin), Input::Text(text)) = (stdin, input) {
            // A child that does not read its stdin closes the pipe.
            let _ = stdin.write_all(text.as_bytes());
        }
        running
    }
}

/// Returns the variable by which the child's requests to AWS name its command, for `Cloud`: the first word without a dash.
fn name_in_requests<A: AsRef<OsStr>>(arguments: &[A]) -> (&'static str, String) {
    let words = arguments.iter().map(|it| it.as_ref().to_string_lossy());
    let mut words = words.filter(|word| !word.starts_with('-'));
    (
        "AWS_SDK_UA_APP_ID",
        words.next().unwrap_or_default().into_owned(),
    )
}

/// What a child's stdin is.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// Empty.
    Nothing,
    /// This text, through a pipe.
    Text(&'a str),
    /// A pseudo-terminal, which is the child's stderr as well.
    Terminal,
    /// A pseudo-terminal, which is the child's stdout and stderr as well.
    Screen,
}

/// Returns the near and the far end of a pseudo-terminal of 100 columns without echo.
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
