//! The environment of the process. `main` reads it once and passes it on as a value; no other module
//! reads the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::util::program;

use super::secret::{self, Secret};

/// Variables whose values are secrets of the AWS SDKs.
const SECRETS: [&str; 4] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];
/// The parts of the names of variables whose values are URLs, perhaps with a password.
const URLS: [&str; 3] = ["AWS_ENDPOINT_URL", "PROXY", "proxy"];
/// The minimum length of an AWS secret in bytes. AWS's own have 40 and more; emulators accept any text,
/// such as `test`, which is no secret.
const SHORTEST_SECRET: usize = 16;

/// Returns the words of the command line, the program's name first.
pub fn command_line() -> impl Iterator<Item = OsString> {
    std::env::args_os()
}

/// Starts this program again without the relative folders of `PATH`, if it has any. So no program that
/// a library or another program starts can be a file of the current folder, such as a shell for
/// `credential_process`. Windows cannot replace a process, so this is for Unix.
///
/// # Errors
///
/// If the program cannot be started again.
#[cfg(unix)]
pub fn leave_relative_path() -> std::io::Result<()> {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let Some(path) = std::env::var_os("PATH") else {
        return Ok(());
    };
    let Some(absolute) = program::without_relative(&path) else {
        return Ok(());
    };
    let mut words = std::env::args_os();
    let mut command = Command::new(std::env::current_exe()?);
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    if absolute.is_empty() {
        // An empty variable would mean the current folder.
        command.env_remove("PATH");
    } else {
        command.env("PATH", absolute);
    }
    Err(command.args(words).exec())
}

/// The environment variables, the current folder and the terminal of the process.
#[derive(Debug, Clone, Default)]
pub struct Ambient {
    variables: BTreeMap<String, String>,
    /// The absolute path of the current folder.
    pub current_dir: PathBuf,
    /// The terminal.
    pub terminal: Terminal,
}

/// Which of the standard streams are a terminal, and its width.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminal {
    /// Whether standard input is a terminal, so that the user can answer questions.
    pub stdin: bool,
    /// Whether standard output is a terminal.
    pub stdout: bool,
    /// Whether standard error is a terminal.
    pub stderr: bool,
    /// The width in columns; `None` if no stream is a terminal.
    pub columns: Option<usize>,
    /// The height in lines; `None` if no stream is a terminal.
    pub rows: Option<usize>,
}

impl Ambient {
    /// Returns an environment with these variables and no terminal. Empty variables count as unset, and
    /// the relative folders of `PATH` are left out.
    pub fn new(
        variables: impl IntoIterator<Item = (String, String)>,
        current_dir: impl Into<PathBuf>,
    ) -> Self {
        let mut variables: BTreeMap<String, String> = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        if let Some(path) = variables.get_mut("PATH")
            && let Some(absolute) = program::without_relative(path.as_ref())
        {
            *path = absolute.to_string_lossy().into_owned();
        }
        Self {
            variables,
            current_dir: current_dir.into(),
            terminal: Terminal::default(),
        }
    }

    /// Returns the environment of this process. Variables that are not UTF-8 are ignored.
    ///
    /// # Errors
    ///
    /// If the current folder no longer exists or cannot be read.
    pub fn capture() -> std::io::Result<Self> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let mut name = name.into_string().ok()?;
            if cfg!(windows) {
                // There, the case of a name does not matter: `Path` is `PATH`.
                name.make_ascii_uppercase();
            }
            Some((name, value.into_string().ok()?))
        });
        let mut ambient = Self::new(variables, std::env::current_dir()?);
        let size = terminal_size::terminal_size();
        ambient.terminal = Terminal {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            columns: size.map(|(width, _)| usize::from(width.0)),
            rows: size.map(|(_, height)| usize::from(height.0)),
        };
        Ok(ambient)
    }

    /// Returns the value of a variable; `None` if it is unset or empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns the secrets of the AWS SDKs among the variables, and the passwords of proxies and
    /// endpoints.
    pub fn secrets(&self) -> Vec<Secret> {
        let variables = self.variables.iter();
        let secrets = variables.filter_map(|(name, value)| {
            if SECRETS.contains(&name.as_str()) {
                return Some(value.as_str()).filter(|it| it.len() >= SHORTEST_SECRET);
            }
            let is_url = URLS.iter().any(|part| name.contains(part));
            is_url.then(|| secret::password_of_url(value)).flatten()
        });
        secrets.map(Secret::new).collect()
    }

    /// Returns all variables whose name starts with `prefix`, sorted by name.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns how many seconds of a pause between calls pass in a second: 1, or what `STACKCTL_TEST_PACE`
    /// says. Only tests set it, so a build with optimizations does not know it.
    pub fn test_pace(&self) -> u32 {
        let given = self.variable("STACKCTL_TEST_PACE");
        let given = given.filter(|_| cfg!(debug_assertions));
        given.and_then(|given| given.parse().ok()).unwrap_or(1)
    }

    /// Returns the folder for caches, an absolute path: `STACKCTL_CACHE_DIR`, otherwise
    /// `XDG_CACHE_HOME/stackctl`, otherwise `~/.cache/stackctl`. An `XDG_CACHE_HOME` or `HOME` that is
    /// relative is ignored. Returns `None` if none of the three gives a folder.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        let under = |name, rest: &str| {
            let folder = Path::new(self.variable(name)?);
            // The XDG Base Directory Specification: relative paths are invalid.
            folder.is_absolute().then(|| folder.join(rest))
        };
        self.variable("STACKCTL_CACHE_DIR")
            .map(|folder| self.current_dir.join(folder))
            .or_else(|| under("XDG_CACHE_HOME", "stackctl"))
            .or_else(|| under("HOME", ".cache/stackctl"))
    }
}
