//! What the command line hands down to every operation.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tokio::sync::Mutex;

use crate::artifact::package::PackagedOnce;
use crate::aws::Pool;
use crate::config::ambient::Ambient;
use crate::config::project::{Project, Reads};
use crate::config::settings::{Overrides, Settings};
use crate::error::Result;
use crate::operations::upstream::known::{Key, Upstream};
use crate::present::Presenter;
use crate::util::interrupt::Interrupt;
use crate::util::shell_word::quote;

/// The surroundings of one run of the program: where it runs, what was asked for on the command line
/// beyond one command's own arguments, and how it reaches the user.
///
/// If a command works on several stacks, each has a context of its own.
#[derive(Debug)]
pub struct Context {
    ambient: Rc<Ambient>,
    presenter: Presenter,
    manifest: Option<PathBuf>,
    overrides: Overrides,
    repeated_options: RepeatedOptions,
    jobs: usize,
    /// What this context works on, if that was chosen before the command began.
    target: Option<OpenedTarget>,
    /// Where the stack is, as far as the command has found out.
    place: RefCell<Place>,
    /// Whether the command waits for signals by itself.
    handles_signals: Cell<bool>,
    shared: Rc<Shared>,
}

/// What all contexts of a process share.
#[derive(Debug, Default)]
struct Shared {
    interrupt: OnceCell<Interrupt>,
    /// The project, if it was opened before the command began.
    project: OnceCell<Project>,
    packaged: PackagedOnce,
    builds: Mutex<Builds>,
    pool: Pool,
    upstream: Upstream,
    stored: Stored,
    /// Receives what is read of the project.
    reads: Reads,
}

/// What this process has stored in artifact buckets: each bucket and each object has a lock, which whoever
/// stores it holds, and whether it was stored.
#[derive(Debug, Default)]
pub(crate) struct Stored(RefCell<BTreeMap<String, Rc<Mutex<bool>>>>);

impl Stored {
    /// Returns the lock of a bucket or an object.
    pub(crate) fn slot(&self, name: &str) -> Rc<Mutex<bool>> {
        Rc::clone(self.0.borrow_mut().entry(name.to_owned()).or_default())
    }
}

/// The `build` commands that have run, and how they ended: the label of the stack for which one failed.
pub(crate) type Builds = BTreeMap<String, Result<(), String>>;

/// A stack in an environment, its settings resolved.
#[derive(Debug, Clone)]
pub(crate) struct OpenedTarget {
    pub(crate) project: Project,
    /// The stack's key in `[stacks]`; `None` if the project has one stack.
    pub(crate) stack: Option<String>,
    /// The settings, without warnings: those were shown.
    pub(crate) settings: Settings,
    /// What tells the stack apart from the others that the command works on; `None` if it is alone.
    pub(crate) label: Option<String>,
}

impl OpenedTarget {
    /// Returns what the process knows the stack by; `None` if the project has one stack.
    pub(crate) fn key(&self) -> Option<Key> {
        let environment = self.settings.environment.clone();
        self.stack.clone().map(|stack| (environment, stack))
    }

    /// Returns whether it is a stack set.
    pub(crate) fn is_stack_set(&self) -> bool {
        self.settings.stack_set.is_some()
    }
}

/// What one run of a command begins with that runs again and again.
#[derive(Debug)]
pub(crate) struct Run {
    /// What ends this run.
    pub(crate) interrupt: Interrupt,
    /// Where its output goes.
    pub(crate) presenter: Presenter,
    /// Receives what it reads of the project.
    pub(crate) reads: Reads,
    /// Whether it connects again and loads its credentials again.
    pub(crate) reconnects: bool,
}

/// The account and the region of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
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
const READS_FILES: [&str; 9] = [
    "apply", "config", "diff", "orphan", "package", "plan", "render", "validate", "watch",
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
        let shared = Shared {
            pool: Pool::with_faster_pauses(ambient.test_pace()),
            ..Shared::default()
        };
        Self {
            ambient: Rc::new(ambient),
            presenter,
            manifest,
            overrides,
            repeated_options,
            jobs: 1,
            target: None,
            place: RefCell::default(),
            handles_signals: Cell::new(false),
            shared: Rc::new(shared),
        }
    }

    /// Returns the context of another run of the same command in this process: the files may have changed, so
    /// it begins with nothing but the connections. `manifest` is the one that the first run has found.
    pub(crate) fn again(&self, manifest: PathBuf, run: Run) -> Self {
        let shared = Shared {
            interrupt: OnceCell::from(run.interrupt),
            pool: if run.reconnects {
                Pool::default()
            } else {
                self.shared.pool.clone()
            },
            reads: run.reads,
            ..Shared::default()
        };
        Self {
            manifest: Some(manifest),
            shared: Rc::new(shared),
            ..self.unchosen(run.presenter)
        }
    }

    /// Finds and opens the project.
    ///
    /// # Errors
    ///
    /// Those of [`Project::find`].
    pub(crate) fn find_project(&self) -> Result<Project> {
        let folder = &self.ambient.current_dir;
        Project::find_recorded(folder, self.manifest(), self.shared.reads.clone())
    }

    /// Sets how many stacks are deployed or deleted at the same time.
    #[must_use]
    pub fn with_jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Returns how many stacks are deployed or deleted at the same time.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs
    }

    /// Returns what was packaged in this process.
    pub(crate) fn packaged(&self) -> &PackagedOnce {
        &self.shared.packaged
    }

    /// Returns the `build` commands that have run. Whoever runs one holds them, so that one runs at a time.
    pub(crate) fn builds(&self) -> &Mutex<Builds> {
        &self.shared.builds
    }

    /// Returns what this process knows of the stacks whose outputs it reads.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.shared.upstream
    }

    /// Returns what this process has stored in artifact buckets.
    pub(crate) fn stored(&self) -> &Stored {
        &self.shared.stored
    }

    /// Keeps the project, which was opened before the command began, so that it is not read again.
    pub(crate) fn set_project(&self, project: &Project) {
        let _ = self.shared.project.set(project.clone());
    }

    /// Returns the project, if it was opened before the command began.
    pub(crate) fn project(&self) -> Option<&Project> {
        self.shared.project.get()
    }

    /// Returns the context of a command that works on this stack alone, or on it besides others, and uses
    /// this presenter for it. Everything that belongs to the process is shared.
    pub(crate) fn for_target(&self, target: OpenedTarget, presenter: Presenter) -> Self {
        let settings = &target.settings;
        let place = Place {
            account: settings.account.clone(),
            region: settings.region.clone(),
        };
        Self {
            overrides: Overrides {
                environment: Some(settings.environment.clone()),
                stack: target.stack.clone(),
                ..self.overrides.clone()
            },
            target: Some(target),
            place: RefCell::new(place),
            ..self.unchosen(presenter)
        }
    }

    /// Returns the context of the same run, in which what is printed to stdout is kept.
    pub(crate) fn keeping_output(&self) -> Self {
        self.unchosen(self.presenter.keeping_output())
    }

    /// Returns the context of the same run for a command that has chosen nothing yet and uses this presenter.
    fn unchosen(&self, presenter: Presenter) -> Self {
        Self {
            ambient: Rc::clone(&self.ambient),
            presenter,
            manifest: self.manifest.clone(),
            overrides: self.overrides.clone(),
            repeated_options: self.repeated_options.clone(),
            jobs: self.jobs,
            target: None,
            place: RefCell::default(),
            handles_signals: Cell::new(false),
            shared: Rc::clone(&self.shared),
        }
    }

    /// Returns what this context works on, if that was chosen before the command began.
    pub(crate) fn target(&self) -> Option<&OpenedTarget> {
        self.target.as_ref()
    }

    /// Returns where the stack is, as far as that is known.
    pub(crate) fn place(&self) -> Place {
        self.place.borrow().clone()
    }

    /// Remembers the account in which the stack is.
    pub(crate) fn set_account(&self, account: &str) {
        self.place.borrow_mut().account = Some(account.to_owned());
    }

    /// Remembers the region in which the stack is.
    pub(crate) fn set_region(&self, region: &str) {
        self.place.borrow_mut().region = Some(region.to_owned());
    }

    /// Returns whether the command waits for signals by itself, so that it ends by itself after one.
    pub(crate) fn handles_signals(&self) -> bool {
        self.handles_signals.get()
    }

    /// Returns what was captured of the process's surroundings.
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Returns what writes to the user and asks questions.
    pub fn presenter(&self) -> &Presenter {
        &self.presenter
    }

    /// Returns what all connections of this process share.
    pub(crate) fn pool(&self) -> &Pool {
        &self.shared.pool
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

    /// Returns a folder for output that the user gave. Each of several stacks has a folder of its own in it.
    pub(crate) fn resolve_output(&self, folder: &Path) -> PathBuf {
        let folder = self.resolve(folder);
        let label = self.target.as_ref().and_then(|it| it.label.as_deref());
        label.map_or_else(|| folder.clone(), |label| folder.join(label))
    }

    /// Returns what tells the stack apart from the others that the command works on; empty if it is alone.
    pub(crate) fn label(&self) -> &str {
        let label = self.target.as_ref().and_then(|it| it.label.as_deref());
        label.unwrap_or_default()
    }

    /// Returns a command line that works on what this run works on, for hints. `environment` is
    /// `None` if the command knows its environment and its stack otherwise.
    pub(crate) fn command(&self, command: &str, environment: Option<&str>) -> String {
        let stack = self.target.as_ref().and_then(|it| it.stack.as_deref());
        let stack = stack.filter(|_| environment.is_some());
        self.command_for(command, stack.as_slice(), environment.as_slice())
    }

    /// Returns a command line that works on these stacks of these environments, for hints.
    pub(crate) fn command_for(
        &self,
        command: &str,
        stacks: &[&str],
        environments: &[&str],
    ) -> String {
        let option = |flag: &str, values: &[&str]| match values {
            [] => String::new(),
            values => format!(" {flag} {}", quote(&values.join(","))),
        };
        let stack = option("-s", stacks);
        let environment = option("-e", environments);
        let name = command.split(' ').next().unwrap_or_default();
        let RepeatedOptions { target, files } = &self.repeated_options;
        let files = if READS_FILES.contains(&name) {
            files.as_str()
        } else {
            ""
        };
        format!("stackctl {command}{stack}{environment}{target}{files}")
    }
}

/// Returns what Ctrl-C, SIGTERM and SIGHUP ask for, and starts to listen for them if this is the first time.
/// The second signal ends the process at once.
///
/// # Errors
///
/// If the operating system refuses a signal handler.
pub(crate) fn listen(context: &Context) -> Result<Interrupt> {
    let interrupt = shared_interrupt(context)?;
    context.handles_signals.set(true);
    Ok(interrupt)
}

/// As [`listen`], for what waits for signals beside the command of this context.
///
/// # Errors
///
/// If the operating system refuses a signal handler.
pub(crate) fn shared_interrupt(context: &Context) -> Result<Interrupt> {
    let shared = &context.shared.interrupt;
    if let Some(interrupt) = shared.get() {
        return Ok(interrupt.clone());
    }
    let interrupt = Interrupt::listen(context.presenter().exit_interrupted())?;
    Ok(shared.get_or_init(|| interrupt).clone())
}

/// Ends the process at the next Ctrl-C, SIGTERM or SIGHUP, for the rest of a command that computes
/// without waiting. It needs this if it has listened before: the system no longer ends the process itself.
/// If there are other stacks, whoever runs the commands ends this one.
pub(crate) fn end_on_interrupt(context: &Context) {
    context.handles_signals.set(false);
    if context.target.as_ref().is_none_or(|it| it.label.is_none()) {
        Interrupt::end_process(context.presenter().exit_interrupted());
    }
}
