//! What surrounds the process, captured once in `main` and passed down as a value.
//!
//! Everything else is a function of its arguments: no other module reads the environment.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

/// The environment variables, the folder and the terminal that the process was started with.
#[derive(Debug, Clone, Default)]
pub struct Ambient {
    variables: BTreeMap<String, String>,
    /// The current folder, absolute.
    pub current_dir: PathBuf,
    /// Which of the standard streams are a terminal.
    pub terminal: Terminal,
}

/// Which of the standard streams are a terminal, and how wide it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminal {
    /// Whether questions can be answered.
    pub stdin: bool,
    /// Whether data goes to a person.
    pub stdout: bool,
    /// Whether progress goes to a person.
    pub stderr: bool,
    /// The width in columns; `None` where nothing is a terminal.
    pub columns: Option<usize>,
}

impl Ambient {
    /// Returns an ambient with these variables and no terminal. Empty variables count as unset.
    pub fn new(
        variables: impl IntoIterator<Item = (String, String)>,
        current_dir: impl Into<PathBuf>,
    ) -> Self {
        let variables = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Self {
            variables,
            current_dir: current_dir.into(),
            terminal: Terminal::default(),
        }
    }

    /// Returns the ambient of this process. Variables that are not UTF-8 are left out.
    ///
    /// # Errors
    ///
    /// Where the current folder no longer exists or may not be read.
    pub fn capture() -> std::io::Result<Self> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let mut ambient = Self::new(variables, std::env::current_dir()?);
        ambient.terminal = Terminal {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            columns: terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)),
        };
        Ok(ambient)
    }

    /// Returns the value of a variable, if it is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns all variables whose name starts with `prefix`, sorted by name.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the folder for caches: `STACKCTL_CACHE_DIR`, else `XDG_CACHE_HOME/stackctl`, else
    /// `~/.cache/stackctl`; `None` where not even `HOME` is set.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        let under = |name, rest: &str| {
            self.variable(name)
                .map(|folder| PathBuf::from(folder).join(rest))
        };
        self.variable("STACKCTL_CACHE_DIR")
            .map(PathBuf::from)
            .or_else(|| under("XDG_CACHE_HOME", "stackctl"))
            .or_else(|| under("HOME", ".cache/stackctl"))
    }
}
