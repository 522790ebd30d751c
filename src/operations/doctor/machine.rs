//! The programs and folders of this machine.

use std::path::PathBuf;

use crate::config::ambient::Ambient;
use crate::config::cache;
use crate::emulator;
use crate::operations::context::Context;
use crate::operations::deploy::git_state;
use crate::operations::session::Session;
use crate::plan::checkup::{Check, Topic};
use crate::present::human::size;
use crate::template::lint;

/// The free bytes below which nothing can be installed or built.
const LITTLE: u64 = 100 * 1024 * 1024;

/// The free bytes below which an installation of the emulator (100 MB) and the builds of a project may not
/// fit.
const SCARCE: u64 = 1024 * 1024 * 1024;

/// What the project needs of the machine.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    ambient: Ambient,
    folder: PathBuf,
    /// What needs a Python, in words.
    python: Option<&'static str>,
}

impl Needs {
    /// Returns what a project needs; without one, nothing.
    pub(super) fn of(session: Option<&Session<'_>>, context: &Context) -> Self {
        let ambient = context.ambient().clone();
        let settings = session.map(Session::settings);
        let installs = settings.is_some_and(|it| {
            let mut artifacts = it.artifacts.values();
            artifacts.any(|artifact| artifact.requirements.is_some())
        });
        let is_local = settings.is_some_and(|it| it.emulator);
        Self {
            folder: session.map_or_else(
                || ambient.current_dir.clone(),
                |it| it.project().root().to_owned(),
            ),
            python: if is_local {
                Some("the local environment")
            } else {
                installs.then_some("`requirements` of an artifact")
            },
            ambient,
        }
    }
}

/// Makes the checks, each on a thread of its own: programs are started.
pub(super) async fn checks(needs: Needs) -> Vec<Check> {
    let on_thread = |check: fn(&Needs) -> Check| {
        let needs = needs.clone();
        tokio::task::spawn_blocking(move || check(&needs))
    };
    let threads = [python, linter, git, cache_folder, disk].map(|it| on_thread(it));
    let mut checks = Vec::new();
    for thread in threads {
        // A check that panicked has printed why.
        checks.extend(thread.await.ok());
    }
    checks
}

fn python(needs: &Needs) -> Check {
    const NAME: &str = "python";
    match (emulator::find_python(&needs.ambient), needs.python) {
        (Ok((program, version)), _) => Check::ok(
            Topic::Machine,
            NAME,
            format!("Python {version} with venv: {}", program.display()),
        ),
        (Err(error), Some(user)) => {
            Check::of_error(Topic::Machine, NAME, &error).detail(format!("{user} needs it"))
        }
        (Err(error), None) => Check::of_error(Topic::Machine, NAME, &error)
            .detail("only the local environment and `requirements` of artifacts need it")
            .at_most_warning(),
    }
}

fn linter(needs: &Needs) -> Check {
    const NAME: &str = "linter";
    match lint::available(&needs.ambient) {
        Ok(Some(linter)) => Check::ok(Topic::Machine, NAME, linter),
        Ok(None) => Check::warning(
            Topic::Machine,
            NAME,
            "none: `validate` checks no values of properties",
        )
        .remedy("`pip install cfn-lint`"),
        Err(error) => Check::of_error(Topic::Machine, NAME, &error).at_most_warning(),
    }
}

fn git(needs: &Needs) -> Check {
    const NAME: &str = "git";
    let Some(version) = git_state::version(&needs.folder, &needs.ambient) else {
        let summary = "not found: the history does not name the commit of a deployment";
        return Check::warning(Topic::Machine, NAME, summary)
            .remedy("install it, and see that it is on the PATH");
    };
    let state = match git_state::read(&needs.folder, &needs.ambient) {
        None => "the folder has no commit".to_owned(),
        Some(state) => {
            let commit: String = state.commit.chars().take(12).collect();
            match state.dirty {
                Some(true) => format!("commit {commit}, with changes"),
                _ => format!("commit {commit}"),
            }
        }
    };
    Check::ok(Topic::Machine, NAME, format!("{version}; {state}"))
}

fn cache_folder(needs: &Needs) -> Check {
    const NAME: &str = "cache";
    let Some(found) = cache::inspect(&needs.ambient) else {
        return Check::warning(Topic::Machine, NAME, "no variable gives a folder for it")
            .remedy("set HOME or STACKCTL_CACHE_DIR");
    };
    let root = found.root.display();
    if let Some(folder) = found.foreign.first() {
        let summary = format!("the folder {} belongs to another user", folder.display());
        return Check::failed(Topic::Machine, NAME, summary)
            .remedy("set STACKCTL_CACHE_DIR to a folder of your own");
    }
    if !found.is_writable {
        let summary = format!("{root} cannot be written");
        return Check::failed(Topic::Machine, NAME, summary)
            .remedy("set STACKCTL_CACHE_DIR to a writable folder");
    }
    if let Some(folder) = found.open.first() {
        let folder = folder.display();
        let summary =
            format!("other users can open {folder}; the next command that uses it changes that");
        return Check::warning(Topic::Machine, NAME, summary)
            .remedy(format!("`chmod go-rwx {folder}`"));
    }
    Check::ok(
        Topic::Machine,
        NAME,
        format!("{root}, private and writable"),
    )
}

fn disk(needs: &Needs) -> Check {
    const NAME: &str = "disk";
    let found = cache::inspect(&needs.ambient);
    let Some((root, free)) = found.and_then(|it| Some((it.root, it.free?))) else {
        return Check::skipped(Topic::Machine, NAME, "the free space cannot be read");
    };
    let summary = format!("{} free for {}", size(free), root.display());
    let remedy = "delete files, or set STACKCTL_CACHE_DIR to a folder on another disk";
    match free {
        0..LITTLE => Check::failed(Topic::Machine, NAME, summary).remedy(remedy),
        LITTLE..SCARCE => Check::warning(Topic::Machine, NAME, summary).remedy(remedy),
        _ => Check::ok(Topic::Machine, NAME, summary),
    }
}
