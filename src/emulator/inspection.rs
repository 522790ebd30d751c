//! What is there of a local environment: its installation and its emulator. Nothing is started or changed.

use std::path::{Path, PathBuf};

use super::files::Run;
use super::{Emulator, Local, build, install, no_cache};
use crate::config::ambient::Ambient;
use crate::error::Result;

/// What is there of a local environment.
#[derive(Debug)]
pub struct Inspection {
    /// The Python of the installed emulator; `None` if this version's emulator is not installed.
    pub python: Option<PathBuf>,
    /// The emulator, if it answers.
    pub emulator: Option<Emulator>,
    /// Whether a stackctl with the same emulator started it.
    pub is_current: bool,
    /// What became of its process.
    pub state: EmulatorState,
    /// The folders of interrupted installations.
    pub unfinished: Vec<PathBuf>,
    /// The folder for all emulators.
    pub emulators: PathBuf,
}

/// What became of the process of an emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmulatorState {
    /// It was not started, or has saved its state and ended.
    Ended,
    /// It runs and answers.
    Running,
    /// It runs and does not answer.
    Silent,
    /// It was killed before it could save its state.
    Killed,
}

/// Returns what is there of the local environment of a project.
///
/// # Errors
///
/// As [`Local::new`]; if a file cannot be read.
pub fn inspect(
    ambient: &Ambient,
    root: &Path,
    environment: &str,
    region: Option<&str>,
) -> Result<Inspection> {
    let cache = ambient.cache_dir().ok_or_else(no_cache)?;
    let local = Local::below(ambient, &cache, root, environment, region)?;
    let emulator = local.status()?;
    let record = local.files.record();
    Ok(Inspection {
        python: install::installed(&local.emulators),
        is_current: record.is_some_and(|it| it.build == build()),
        state: match local.files.run()? {
            Run::Killed if emulator.is_none() => EmulatorState::Killed,
            Run::Running(_) if emulator.is_none() => EmulatorState::Silent,
            // A test's emulator has a record and files of its own.
            _ if emulator.is_some() => EmulatorState::Running,
            _ => EmulatorState::Ended,
        },
        unfinished: install::unfinished(&local.emulators),
        emulator,
        emulators: local.emulators,
    })
}
