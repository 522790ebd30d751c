//! Downloads wheels with pip, which knows the user's package indexes, proxies and credentials.
//!
//! pip gets only the lines for the runtime, without their markers: it would evaluate those for the
//! machine that it runs on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::lock_file::{IndexOption, Pin};
use super::target::Target;
use super::wheel_name::{WheelName, normalize};
use crate::artifact::digest::Digest;
use crate::artifact::pip_log::{network_failure, relevant_lines, with_lines};
use crate::artifact::python::{self, Need};
use crate::config::ambient::Ambient;
use crate::config::cache;
use crate::error::{Error, ErrorKind, Result};

/// What the download needs. pip accepts several platforms since version 20.3.
const NEED: Need = Need {
    user: "`requirements`",
    oldest: (3, 8),
    probe: "import pip
    if tuple(map(int, pip.__version__.split('.')[:2])) < (20, 3): raise ImportError(name='pip 20.3 or newer')",
    modules: "pip",
    install: "install it (Debian and Ubuntu: `sudo apt install python3-pip`, macOS: `brew install python`)",
};

/// The user's settings of pip that would change which packages it downloads, or where to.
const UNWANTED: [&str; 14] = [
    "PIP_ABI",
    "PIP_CONSTRAINT",
    "PIP_DEST",
    "PIP_EDITABLE",
    "PIP_IMPLEMENTATION",
    "PIP_NO_BINARY",
    "PIP_ONLY_BINARY",
    "PIP_PLATFORM",
    "PIP_PYTHON",
    "PIP_PYTHON_VERSION",
    "PIP_QUIET",
    "PIP_REQUIREMENT",
    "PIP_SRC",
    "PIP_VERBOSE",
];

/// A downloaded wheel.
#[derive(Debug)]
pub(super) struct Download {
    pub(super) file: PathBuf,
    pub(super) name: WheelName,
    /// The SHA-256 in hexadecimal.
    pub(super) digest: String,
}

/// Why a package could not be downloaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// No wheel of this version is for the runtime. The tags of the others are as they are written, and
    /// there may be none.
    NoWheel(Vec<String>),
    /// The package requires another Python, such as `>=3.10`.
    OtherPython(String),
    /// The index has other files than the lock file; the name of one, if it is known.
    OtherHash(Option<String>),
}

/// What to download.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The options that say where packages are.
    pub(super) index: &'a [IndexOption],
    /// The folder of the lock file.
    pub(super) lock_folder: &'a Path,
    pub(super) pins: &'a [Pin],
    pub(super) target: Target,
    /// The folder for the wheels.
    pub(super) folder: &'a Path,
    /// The file for pip's output.
    pub(super) log: &'a Path,
}

/// Downloads wheels. Returns them, and the packages that could not be downloaded by their places in
/// [`Request::pins`].
///
/// Dropping the future ends pip.
///
/// # Errors
///
/// If there is no Python with pip, no network, or pip fails for another reason.
pub(super) async fn download(
    request: &Request<'_>,
    ambient: &Ambient,
) -> Result<(Vec<Download>, Vec<(usize, Missing)>)> {
    let python = python::find(ambient, &NEED)?;
    let mut missing: Vec<(usize, Missing)> = Vec::new();
    let mut left: Vec<(usize, &Pin)> = request.pins.iter().enumerate().collect();
    // pip stops at the first package that it does not find. The next run begins behind it, so that all
    // of them are reported together.
    while !left.is_empty() {
        let list = request.folder.join("requirements.txt");
        fs::write(
            &list,
            requirements(request.index, request.lock_folder, &left),
        )
        .map_err(|error| Error::system(format!("cannot write {}", list.display()), error))?;
        let Some(text) = run(&python.program, &list, request, ambient).await? else {
            break;
        };
        let (failed, reason) = failure(&text, &left, request.log)?;
        left.retain(|(index, pin)| *index != failed && !text.contains(&collecting(pin)));
        missing.push((failed, reason));
    }
    Ok((downloads(request.folder)?, missing))
}

/// Returns the requirements file for pip.
fn requirements(index: &[IndexOption], lock_folder: &Path, pins: &[(usize, &Pin)]) -> String {
    let mut text = String::new();
    for option in index {
        let found = lock_folder.join(&option.value);
        let is_folder = option.name == "--find-links" && found.exists();
        let value = if is_folder {
            found.to_string_lossy()
        } else {
            option.value.as_str().into()
        };
        text.push_str(&format!("{} {value}\n", option.name));
    }
    for (_, pin) in pins {
        match &pin.url {
            Some(url) => text.push_str(&format!("{} @ {url}", pin.name)),
            None => text.push_str(&pin.shown()),
        }
        for hash in &pin.hashes {
            text.push_str(&format!(" --hash=sha256:{hash}"));
        }
        text.push('\n');
    }
    text
}

/// Returns the line that pip writes when it begins to look for a package.
fn collecting(pin: &Pin) -> String {
    format!("Collecting {} ", pin.shown())
}

/// Runs pip. Returns its log if it fails.
async fn run(
    python: &Path,
    list: &Path,
    request: &Request<'_>,
    ambient: &Ambient,
) -> Result<Option<String>> {
    let Request {
        target,
        folder,
        log,
        ..
    } = *request;
    let cannot_start = |error| Error::system("cannot start pip", error);
    let output = cache::create_file(log).map_err(cannot_start)?;
    let mut command = Command::new(python);
    command
        // Isolated: no module of the current folder or of a variable replaces one of Python's.
        .args(["-I", "-m", "pip", "download", "-vv", "--no-input"])
        .args(["--disable-pip-version-check", "--progress-bar", "off"])
        .args(["--no-deps", "--require-hashes", "--only-binary", ":all:"])
        .args([
            "--implementation",
            "cp",
            "--python-version",
            &target.python_version(),
        ]);
    for abi in target.abis() {
        command.args(["--abi", &abi]);
    }
    for platform in target.platforms() {
        command.args(["--platform", &platform]);
    }
    command
        .arg("--dest")
        .arg(folder)
        .arg("--requirement")
        .arg(list)
        .current_dir(folder)
        .env_clear()
        .envs(
            ambient
                .with_prefix("")
                .filter(|(name, _)| !UNWANTED.contains(name)),
        )
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(cannot_start)?)
        .stderr(output)
        .kill_on_drop(true);
    let status = command.status().await.map_err(cannot_start)?;
    if status.success() {
        return Ok(None);
    }
    let text = fs::read(log).unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Returns the package that pip did not get, by its place in the list, and why.
///
/// # Errors
///
/// If pip failed for a reason that is no package's.
fn failure(text: &str, pins: &[(usize, &Pin)], log: &Path) -> Result<(usize, Missing)> {
    let see_log = format!("see the full log in {}", log.display());
    // If the index cannot be reached, pip also says that it finds no package.
    if let Some(reason) = network_failure(text) {
        let message = "cannot reach the Python package index";
        return Err(Error::new(ErrorKind::Service, with_lines(message, &[&reason]))
            .hint("connect to the network; later runs use the downloaded packages")
            .hint("behind a proxy, set HTTPS_PROXY; to use another package index, set PIP_INDEX_URL")
            .hint(see_log));
    }
    let reason = not_found(text, pins)
        .or_else(|| other_python(text, pins))
        .or_else(|| unsupported(text, pins))
        .or_else(|| other_hash(text, pins));
    reason.ok_or_else(|| {
        let message = with_lines("pip cannot download the packages", &relevant_lines(text));
        Error::new(ErrorKind::System, message).hint(see_log)
    })
}

/// Reads that the index has no wheel for the runtime.
fn not_found(text: &str, pins: &[(usize, &Pin)]) -> Option<(usize, Missing)> {
    let (index, pin) = text.lines().rev().find_map(|line| {
        let (_, wanted) = line.split_once("No matching distribution found for ")?;
        pin_of(wanted, pins)
    })?;
    let tags = tags(text, pin);
    let python = text.lines().find_map(|line| {
        let (before, after) = line.split_once(" not in: '")?;
        let (required, link) = after.split_once("')")?;
        let is_it =
            before.contains("requires a different Python") && wheels(link).any(|it| pin.is(&it));
        is_it.then(|| required.to_owned())
    });
    // The tags of a wheel for another Python say less than the Python.
    Some((
        index,
        python.map_or(Missing::NoWheel(tags), Missing::OtherPython),
    ))
}

/// Reads that the metadata of a wheel requires another Python, which the index did not say.
fn other_python(text: &str, pins: &[(usize, &Pin)]) -> Option<(usize, Missing)> {
    text.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once("ERROR: Package '")?;
        let (package, rest) = rest.split_once("' requires a different Python: ")?;
        let (_, required) = rest.split_once(" not in '")?;
        let (index, _) = pin_of(package, pins)?;
        Some((
            index,
            Missing::OtherPython(required.trim_end_matches('\'').to_owned()),
        ))
    })
}

/// Reads that the wheel of a URL is not for the runtime.
fn unsupported(text: &str, pins: &[(usize, &Pin)]) -> Option<(usize, Missing)> {
    text.lines().rev().find_map(|line| {
        let (before, _) = line.split_once(" is not a supported wheel on this platform")?;
        let name = wheels(before).last()?;
        let (index, _) = pins.iter().find(|(_, pin)| pin.is(&name))?;
        Some((*index, Missing::NoWheel(vec![name.written_tags()])))
    })
}

/// Reads that the index has other files than the lock file.
fn other_hash(text: &str, pins: &[(usize, &Pin)]) -> Option<(usize, Missing)> {
    let (_, after) = text.rsplit_once("DO NOT MATCH THE HASHES")?;
    let mut lines = after.lines().skip(1);
    let ((index, _), line) = lines.find_map(|line| Some((pin_of(line.trim(), pins)?, line)))?;
    let file = wheels(line).next().map(|wheel| wheel.file_name);
    Some((index, Missing::OtherHash(file)))
}

/// Returns the wheels that a line of pip names, by paths or URLs.
fn wheels(line: &str) -> impl Iterator<Item = WheelName> {
    line.split_whitespace().filter_map(|word| {
        let path = word.split('#').next()?.trim_end_matches([':', ',']);
        WheelName::parse(&path.rsplit('/').next()?.replace("%2B", "+"))
    })
}

/// Returns the package that a text of pip begins with, such as `numpy==2.1.0 (from …)`.
fn pin_of<'p>(text: &str, pins: &[(usize, &'p Pin)]) -> Option<(usize, &'p Pin)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let starts = rest.is_empty() || rest.starts_with(['=', '[', ' ']);
    let name = normalize(name);
    pins.iter()
        .find(|(_, pin)| starts && pin.name == name)
        .copied()
}

/// Returns the tags of the wheels of a package that pip saw, each once, as they are written.
fn tags(text: &str, pin: &Pin) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| line.contains("Skipping link")) {
        for wheel in wheels(line).filter(|wheel| pin.is(wheel)) {
            let tags = wheel.written_tags();
            if !found.contains(&tags) {
                found.push(tags);
            }
        }
    }
    found
}

/// Returns the wheels in a folder.
fn downloads(folder: &Path) -> Result<Vec<Download>> {
    let cannot_read = |error| Error::system(format!("cannot read {}", folder.display()), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot_read)? {
        let file = entry.map_err(cannot_read)?.path();
        let name = file
            .file_name()
            .and_then(|name| WheelName::parse(name.to_str()?));
        if let Some(name) = name {
            let digest = File::open(&file).and_then(Digest::of_reader);
            found.push(Download {
                digest: digest.map_err(cannot_read)?.hex(),
                file,
                name,
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
