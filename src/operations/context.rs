//! What the command line hands down to every operation.

use std::path::{Path, PathBuf};

use crate::config::ambient::Ambient;
use crate::config::settings::Overrides;
use crate::error::Result;
use crate::present::Presenter;
use crate::util::interrupt::Interrupt;
use crate::util::shell_word::quote;

/// The surroundings of one run of the program: where it runs, what was asked for on the command line
/// beyond one command's own arguments, and how it reaches the user.
#[derive(Debug)]
pub struct Context {
    ambient: Ambient,
    presenter: Presenter,
    manifest: Option<PathBuf>,
    overrides: Overrides,
    repeated_options: RepeatedOptions,
}

/// The options of a run that a hint has to repeat so that its command works on the same project with
/// the same settings. Each begins with a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepeatedOptions {
    /// The options that every command needs: they choose the project, the account and the stack.
    pub target: String,
    /// The options that have an effect only on commands that read the project's template and artifacts.
    pub files: String,
}

/// The commands that read the project's template and artifacts.
const READS_FILES: [&str; 8] = [
    "apply", "config", "diff", "orphan", "package", "plan", "render", "validate",
];

impl Context {
    /// Returns the context of one run.
    ///
    /// `manifest` is the manifest that the command line names.
    pub fn new(
        ambient: Ambient,
        presenter: Presenter,
        manifest: Option<PathBuf>,
        overrides: Overrides,
        repeated_options: RepeatedOptions,
    ) -> Self {
        Self {
            ambient,
            presenter,
            manifest,
            overrides,
            repeated_options,
        }
    }

    /// Returns what was captured of the process's surroundings.
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Returns what writes to the user and asks questions.
    pub fn presenter(&self) -> &Presenter {
        &self.presenter
    }

    /// Returns the manifest that the command line names.
    pub(crate) fn manifest(&self) -> Option<&Path> {
        self.manifest.as_deref()
    }

    /// Returns the environment that the command line names.
    pub(crate) fn environment(&self) -> Option<&str> {
        self.overrides.environment.as_deref()
    }

    /// Returns what the command line says about settings, for another environment.
    pub(crate) fn overrides_for(&self, environment: Option<String>) -> Overrides {
        Overrides {
            environment,
            ..self.overrides.clone()
        }
    }

    /// Returns whether the command line or a variable names the project, so that no manifest is needed.
    pub(crate) fn names_project(&self) -> bool {
        let mut keys = self
            .overrides
            .set
            .iter()
            .filter_map(|it| it.split_once('='));
        keys.any(|(key, _)| key.trim() == "project")
            || self.ambient.variable("STACKCTL_PROJECT").is_some()
    }

    /// Returns whether the command line sets a manifest key with `--set`.
    pub(crate) fn sets_keys(&self) -> bool {
        !self.overrides.set.is_empty()
    }

    /// Returns a path that the user gave, relative to the current folder.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.ambient.current_dir.join(path)
    }

    /// Returns a command line that works on what this run works on, for hints. `environment` is
    /// `None` if the command knows its environment otherwise.
    pub(crate) fn command(&self, command: &str, environment: Option<&str>) -> String {
        let environment = environment.map_or_else(String::new, |it| format!(" -e {}", quote(it)));
        let name = command.split(' ').next().unwrap_or_default();
        let RepeatedOptions { target, files } = &self.repeated_options;
        let files = if READS_FILES.contains(&name) {
            files.as_str()
        } else {
            ""
        };
        format!("stackctl {command}{environment}{target}{files}")
    }
}

/// Starts to listen for Ctrl-C, SIGTERM and SIGHUP. The second signal ends the process at once.
///
/// # Errors
///
/// If the operating system refuses a signal handler.
pub(crate) fn listen(context: &Context) -> Result<Interrupt> {
    Interrupt::listen(context.presenter().exit_interrupted())
}

/// Ends the process at the next Ctrl-C, SIGTERM or SIGHUP, for the rest of a command that computes
/// without waiting. It needs this if it has listened before: the system no longer ends the process itself.
pub(crate) fn end_on_interrupt(context: &Context) {
    Interrupt::end_process(context.presenter().exit_interrupted());
}
