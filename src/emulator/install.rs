//! The emulator's virtual environment, which is created once and never changed.
//!
//! The folder name contains the Python version and the digest of the embedded lock file. So an upgrade
//! of stackctl installs into a new folder. All packages are pinned by hash and installed only from
//! wheels, so that nothing is compiled and no other package can be installed.
//!
//! The environment is created under a temporary name and renamed when it is complete. A lock prevents
//! two commands from installing at the same time. An interrupted installation leaves no environment
//! that looks complete.
//!
//! The translator of SAM templates is not part of the environment, because few projects need it. It is
//! installed in the same way into a folder of its own, from which the launcher imports it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::artifact::pip_log::{network_failure, relevant_lines, with_lines};
use crate::artifact::python::{self, Need, Python};
use crate::config::ambient::Ambient;
use crate::config::cache;
use crate::error::{Error, ErrorKind, Result};

use super::Progress;
use super::files::short_digest;

/// The packages with their hashes, for every supported Python and platform.
pub(super) const LOCK_FILE: &str = include_str!("requirements.lock");
/// The packages of the SAM translator that are not in [`LOCK_FILE`].
pub(super) const TRANSLATOR_LOCK_FILE: &str = include_str!("requirements-sam.lock");
/// The last file that is written into a new environment. An environment without it is not used.
const COMPLETE: &str = ".complete";
/// The prefix of the folder names of unfinished environments.
const UNFINISHED: &str = ".unfinished-";
/// What the emulator needs. MiniStack supports these versions of Python, by its package metadata.
const NEED: Need = Need {
    user: "the local environment",
    oldest: (3, 10),
    probe: "import venv, ensurepip",
    modules: "its `venv` module",
    install: "install it (Debian and Ubuntu: `sudo apt install python3-venv`, macOS: `brew install python`)",
};

/// Returns the environment's Python. Installs the environment in `root` if it is missing.
///
/// # Errors
///
/// [`ErrorKind::System`] if there is no usable Python or the folder is not writable;
/// [`ErrorKind::Service`] if the packages cannot be downloaded.
pub(super) fn ensure(
    root: &Path,
    ambient: &Ambient,
    report: &mut dyn FnMut(Progress),
) -> Result<PathBuf> {
    if ambient.variable("STACKCTL_PYTHON").is_none()
        && let Some(python) = installed(root)
    {
        return Ok(python);
    }
    let base = find_python(ambient)?;
    let folder = root.join(name(&base.version));
    if let Some(python) = complete(&folder) {
        return Ok(python);
    }
    cache::create_folder(root)?;
    let _lock = cache::lock(&root.join("install.lock"))?;
    if let Some(python) = complete(&folder) {
        return Ok(python);
    }
    remove_unfinished(root, &folder);
    build(root, &folder, &base, ambient, report)?;
    complete(&folder).ok_or_else(|| {
        Error::new(
            ErrorKind::System,
            format!("the new environment in {} has no Python", folder.display()),
        )
    })
}

/// Returns a Python that can create the environment.
///
/// # Errors
///
/// [`ErrorKind::System`] if there is none.
pub(super) fn find_python(ambient: &Ambient) -> Result<Python> {
    python::find(ambient, &NEED)
}

/// Returns the name of the folder of an environment with this version of Python.
fn name(version: &str) -> String {
    format!("python-{version}-{}", short_digest([LOCK_FILE]))
}

/// Returns the Python of any complete environment with these packages. With a version manager, asking
/// each Python on the `PATH` for its version takes longer than starting the emulator.
pub(super) fn installed(root: &Path) -> Option<PathBuf> {
    let ending = name("");
    let ending = ending.trim_start_matches("python-");
    let entries = fs::read_dir(root).ok()?;
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(ending))
        .find_map(|entry| complete(&entry.path()))
}

/// Returns the Python of an environment, or `None` if the environment is incomplete or its base Python
/// was removed.
fn complete(folder: &Path) -> Option<PathBuf> {
    let python = folder.join("bin/python");
    (folder.join(COMPLETE).is_file() && python.is_file()).then_some(python)
}

/// Returns the folders of interrupted installations.
pub(super) fn unfinished(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .filter(|it| it.file_name().to_string_lossy().starts_with(UNFINISHED))
        .map(|it| it.path())
        .collect();
    folders.sort();
    folders
}

/// Removes the folders of interrupted installations. Errors are ignored, because a remaining folder only
/// takes space.
fn remove_unfinished(root: &Path, folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    for folder in unfinished(root) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn build(
    root: &Path,
    folder: &Path,
    base: &Python,
    ambient: &Ambient,
    report: &mut dyn FnMut(Progress),
) -> Result<()> {
    let installation = Installation::begin(root, ambient)?;
    report(Progress::CreatingEnvironment);
    installation.create_environment(base)?;
    report(Progress::Installing);
    let python = installation.unfinished.path().join("bin/python");
    installation.install(&python, LOCK_FILE, "the local environment", &[])?;
    installation.finish(folder)
}

/// Returns the folder of the SAM translator for the environment of `python`, which may not exist.
pub(super) fn translator_folder(python: &Path) -> PathBuf {
    let environment = python.ancestors().nth(2).unwrap_or(python);
    let mut name = environment.file_name().unwrap_or_default().to_owned();
    name.push(format!("-sam-{}", short_digest([TRANSLATOR_LOCK_FILE])));
    environment.with_file_name(name)
}

/// Installs the SAM translator for the environment of `python` if it is missing.
///
/// # Errors
///
/// As [`ensure`].
pub(super) fn ensure_translator(
    python: &Path,
    ambient: &Ambient,
    report: &mut dyn FnMut(Progress),
) -> Result<()> {
    let folder = translator_folder(python);
    let root = folder.parent().unwrap_or(&folder);
    if folder.is_dir() {
        return Ok(());
    }
    let _lock = cache::lock(&root.join("install.lock"))?;
    if folder.is_dir() {
        return Ok(());
    }
    report(Progress::InstallingTranslator);
    let installation = Installation::begin(root, ambient)?;
    // The packages that this option leaves out are in the environment.
    let target = installation.unfinished.path().as_os_str();
    let options = [OsStr::new("--no-deps"), OsStr::new("--target"), target];
    let what = "the SAM translator";
    installation.install(python, TRANSLATOR_LOCK_FILE, what, &options)?;
    installation.finish(&folder)
}

/// An installation into a folder with a temporary name.
struct Installation<'a> {
    root: &'a Path,
    ambient: &'a Ambient,
    log_path: PathBuf,
    log: File,
    unfinished: TempDir,
}

impl<'a> Installation<'a> {
    fn begin(root: &'a Path, ambient: &'a Ambient) -> Result<Self> {
        let log_path = root.join("install.log");
        let begun = cache::create_file(&log_path).and_then(|log| {
            let folder = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(root);
            Ok((log, folder?))
        });
        let (log, unfinished) = begun.map_err(|error| cannot_write(root, error))?;
        Ok(Self {
            root,
            ambient,
            log_path,
            log,
            unfinished,
        })
    }

    /// Creates an empty virtual environment.
    fn create_environment(&self, base: &Python) -> Result<()> {
        let mut venv = command(&base.program, self.ambient);
        venv.args(["-I", "-m", "venv"]).arg(self.unfinished.path());
        run(venv, &self.log).map_err(|failure| {
            failure
                .error(&self.log_path, "cannot create a virtual environment")
                .hint(
                    "install Python's venv module (Debian and Ubuntu: `sudo apt install python3-venv`)",
                )
        })
    }

    /// Installs the packages of a lock file with the pip of `python`.
    fn install(&self, python: &Path, packages: &str, what: &str, options: &[&OsStr]) -> Result<()> {
        let lock_file = self.unfinished.path().join("requirements.lock");
        fs::write(&lock_file, packages).map_err(|error| cannot_write(self.root, error))?;
        let mut pip = command(python, self.ambient);
        pip.args([
            "-I",
            "-m",
            "pip",
            "install",
            "--no-input",
            "--progress-bar",
            "off",
        ])
        .args(options)
        .args([
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--requirement",
        ])
        .arg(&lock_file)
        // The user's own setting could install outside of the environment.
        .env("PIP_USER", "0")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        run(pip, &self.log).map_err(|failure| failure.install_error(&self.log_path, what))
    }

    /// Marks the folder as complete and renames it.
    fn finish(self, folder: &Path) -> Result<()> {
        fs::write(self.unfinished.path().join(COMPLETE), "")
            .and_then(|()| fs::rename(self.unfinished.keep(), folder))
            .map_err(|error| cannot_write(self.root, error))
    }
}

fn cannot_write(root: &Path, error: io::Error) -> Error {
    Error::system(format!("cannot write to {}", root.display()), error)
}

/// Returns a command with the user's environment variables, which may configure proxies and package
/// indexes, but without AWS variables.
fn command(program: &Path, ambient: &Ambient) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(
            ambient
                .with_prefix("")
                .filter(|(name, _)| !name.starts_with("AWS_")),
        )
        .stdin(Stdio::null());
    command
}

/// Why a step of the installation failed.
enum Failure {
    NotStarted(io::Error),
    Failed,
}

impl Failure {
    fn error(self, log: &Path, message: &str) -> Error {
        match self {
            Self::NotStarted(error) => Error::system(message, error),
            Self::Failed => {
                let text = fs::read_to_string(log).unwrap_or_default();
                Error::new(
                    ErrorKind::System,
                    with_lines(message, &relevant_lines(&text)),
                )
                .hint(format!("see the full log in {}", log.display()))
            }
        }
    }

    fn install_error(self, log: &Path, what: &str) -> Error {
        let text = fs::read_to_string(log).unwrap_or_default();
        if let (Self::Failed, Some(reason)) = (&self, network_failure(&text)) {
            let message = format!("cannot reach the Python package index to install {what}");
            return Error::new(ErrorKind::Service, with_lines(&message, &[&reason]))
                .hint("connect to the network for this installation; later runs do not need it")
                .hint("behind a proxy, set HTTPS_PROXY; to use another package index, set PIP_INDEX_URL")
                .hint(format!("see the full log in {}", log.display()));
        }
        self.error(log, &format!("cannot install {what}"))
    }
}

fn run(mut command: Command, log: &File) -> Result<(), Failure> {
    let streams = log.try_clone().and_then(|out| Ok((out, log.try_clone()?)));
    let (out, err) = streams.map_err(Failure::NotStarted)?;
    match command.stdout(out).stderr(err).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::Failed),
        Err(error) => Err(Failure::NotStarted(error)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn the_folder_is_named_after_version_and_packages() {
        assert!(name("3.12").starts_with("python-3.12-"));
        assert_ne!(name("3.12"), name("3.13"));
        assert!(name("3.12").ends_with(&short_digest([LOCK_FILE])));
    }

    #[test]
    fn an_environment_with_these_packages_is_found_for_any_python_version() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let folder = root.path().join(name);
            fs::create_dir_all(folder.join("bin")).unwrap();
            fs::write(folder.join("bin/python"), "").unwrap();
            fs::write(folder.join(COMPLETE), "").unwrap();
            folder.join("bin/python")
        };
        put("python-3.12-0123456789ab");
        assert_eq!(installed(root.path()), None);
        let python = put(&name("3.13"));
        assert_eq!(installed(root.path()), Some(python));
    }

    #[test]
    fn an_environment_without_its_marker_or_its_python_is_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("bin/python");
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(&python, "").unwrap();
        assert_eq!(complete(folder.path()), None);
        fs::write(folder.path().join(COMPLETE), "").unwrap();
        assert_eq!(complete(folder.path()), Some(python.clone()));
        fs::remove_file(&python).unwrap();
        std::os::unix::fs::symlink("/nowhere/python3", &python).unwrap();
        assert_eq!(complete(folder.path()), None);
    }

    fn pins(lock_file: &str) -> Vec<&str> {
        let pins = lock_file.lines().filter(|line| !line.starts_with(' '));
        pins.filter(|line| line.contains("==")).collect()
    }

    #[test]
    fn the_lock_files_pin_all_packages_by_hash_without_an_index() {
        assert!(LOCK_FILE.contains("ministack==1.5.33"));
        assert!(pins(LOCK_FILE).len() > 15);
        assert!(pins(TRANSLATOR_LOCK_FILE).len() > 8);
        for lock_file in [LOCK_FILE, TRANSLATOR_LOCK_FILE] {
            let all = pins(lock_file);
            assert!(all.iter().all(|line| line.ends_with('\\')), "hashes follow");
            assert!(!lock_file.contains("://"));
        }
    }

    #[test]
    fn the_translator_does_not_repeat_a_package_of_the_environment() {
        let version = |line: &str| line.split([' ', ';']).next().unwrap().to_owned();
        let environment: Vec<String> = pins(LOCK_FILE).into_iter().map(version).collect();
        let repeated = pins(TRANSLATOR_LOCK_FILE);
        let repeated = repeated.iter().filter(|line| {
            let name = line.split("==").next().unwrap();
            environment
                .iter()
                .any(|pin| pin.starts_with(&format!("{name}==")))
        });
        // The environment contains it only for Python 3.10.
        let repeated: Vec<String> = repeated.map(|line| version(line)).collect();
        assert!(
            repeated.iter().all(|pin| environment.contains(pin)),
            "{repeated:?}"
        );
        assert_eq!(repeated.len(), 1, "{repeated:?}");
    }

    #[test]
    fn the_translator_has_a_folder_for_each_environment() {
        let folder = translator_folder(Path::new("/cache/python-3.12-0123456789ab/bin/python"));
        let name = folder.strip_prefix("/cache").unwrap().display().to_string();
        assert!(name.starts_with("python-3.12-0123456789ab-sam-"), "{name}");
    }

    #[test]
    fn a_failed_download_has_its_own_error_kind() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("install.log");
        let retrying = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(\
                        '<pip._vendor.urllib3.HTTPSConnection object at 0x7f0>: Failed to establish a new \
                        connection: [Errno -2] Name or service not known')': /simple/boto3/\n\
                        ERROR: No matching distribution found\n";
        fs::write(&log, retrying).unwrap();
        let error = Failure::Failed.install_error(&log, "the local environment");
        assert_eq!(error.kind(), ErrorKind::Service);
        let reason =
            "\n  Failed to establish a new connection: [Errno -2] Name or service not known";
        assert!(error.to_string().ends_with(reason), "{error}");
        fs::write(&log, "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n").unwrap();
        assert_eq!(
            Failure::Failed
                .install_error(&log, "the local environment")
                .kind(),
            ErrorKind::System
        );
    }
}
