//! What surrounds the process, captured once in `main` and passed down as a value.
//!
//! Everything else is a function of its arguments: no other module reads the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The environment variables and the folder that the process was started with.
#[derive(Debug, Clone, Default)]
pub struct Ambient {
    variables: BTreeMap<String, String>,
    /// The current folder, absolute.
    pub current_dir: PathBuf,
}

impl Ambient {
    /// Returns an ambient with these variables. Empty ones count as unset.
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
        }
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
