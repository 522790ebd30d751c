//! The search for a Python on this machine: to install the emulator, and to download packages.
//!
//! If `STACKCTL_PYTHON` is set, only that program is tried: a path, or a name in the absolute folders of
//! `PATH`. Otherwise, the usual names are tried there. Each candidate is run, because the shim of a version
//! manager may exist but fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::config::ambient::Ambient;
use crate::error::{Error, ErrorKind, Result};
use crate::util::program;

/// The names that are tried, in this order. `python3` is the user's default Python.
const NAMES: [&str; 8] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python",
];
/// How long a candidate may take. The first start of a Python on a slow disk takes some seconds.
const PROBE_LIMIT: Duration = Duration::from_secs(30);
/// Prints the version.
const VERSION: &str = "import sys; print(*sys.version_info[:2], sep='.')";

/// What a Python must have.
#[derive(Debug)]
pub(crate) struct Need {
    /// What needs the Python, as the beginning of a sentence: `the local environment`.
    pub(crate) user: &'static str,
    /// The oldest version.
    pub(crate) oldest: (u32, u32),
    /// A statement of Python that raises an `ImportError` with a name if something is missing.
    pub(crate) probe: &'static str,
    /// The modules that the statement looks for, as the end of a sentence: `its `venv` module`.
    pub(crate) modules: &'static str,
    /// How to install what is needed.
    pub(crate) install: &'static str,
}

/// A Python that has what is needed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Python {
    pub(crate) program: PathBuf,
    /// Major and minor version, such as `3.12`.
    pub(crate) version: String,
}

/// The result of a candidate's check.
#[derive(Debug, PartialEq, Eq)]
enum Candidate {
    Usable(String),
    TooOld(String),
    Without(String),
    Broken,
}

/// Returns the first usable Python.
///
/// # Errors
///
/// [`ErrorKind::System`] if there is none. The message names the rejected candidates, and the hints say
/// what to install.
pub(crate) fn find(ambient: &Ambient, need: &Need) -> Result<Python> {
    let named = ambient.variable("STACKCTL_PYTHON");
    let path = ambient.variable("PATH").unwrap_or_default();
    let candidates: Vec<PathBuf> = match named {
        Some(program) if program.contains('/') => vec![ambient.current_dir.join(program)],
        Some(name) => vec![program::find(name, path).unwrap_or_else(|| PathBuf::from(name))],
        None => NAMES
            .iter()
            .flat_map(|name| program::candidates(name, path))
            .collect(),
    };
    let mut rejected = Vec::new();
    for program in candidates {
        let name = program.display();
        match probe(&program, ambient, need) {
            Candidate::Usable(version) => return Ok(Python { program, version }),
            Candidate::TooOld(version) => rejected.push(format!("{name} is Python {version}")),
            Candidate::Without(module) => {
                rejected.push(format!("{name} lacks the module `{module}`"));
            }
            Candidate::Broken if named.is_some() => rejected.push(format!("{name} does not run")),
            Candidate::Broken => {}
        }
    }
    let (major, minor) = need.oldest;
    let mut message = format!(
        "{} needs Python {major}.{minor} or newer with {}",
        need.user, need.modules
    );
    if !rejected.is_empty() {
        message.push_str(": ");
        message.push_str(&rejected.join(", "));
    }
    Err(Error::new(ErrorKind::System, message)
        .hint(need.install)
        .hint("or name a Python: `export STACKCTL_PYTHON=/path/to/python3`"))
}

fn probe(interpreter: &Path, ambient: &Ambient, need: &Need) -> Candidate {
    let statement = format!(
        "{VERSION}\ntry:\n    {}\nexcept ImportError as error:\n    print(error.name)",
        need.probe
    );
    // A name that was not found would be searched in the current folder.
    if !interpreter.is_absolute() {
        return Candidate::Broken;
    }
    let output = Command::new(interpreter)
        .args(["-I", "-c", &statement])
        .env_clear()
        .envs(ambient.with_prefix(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .and_then(|child| program::run_at_most(child, String::new(), PROBE_LIMIT));
    match output {
        Ok(Some(output)) if output.status.success() => {
            classify(&String::from_utf8_lossy(&output.stdout), need.oldest)
        }
        _ => Candidate::Broken,
    }
}

fn classify(output: &str, oldest: (u32, u32)) -> Candidate {
    let mut lines = output.lines();
    let version = lines.next().unwrap_or_default();
    let number = version
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match (number, lines.next()) {
        (None, _) => Candidate::Broken,
        (Some(number), _) if number < oldest => Candidate::TooOld(version.to_owned()),
        (Some(_), Some(module)) => Candidate::Without(module.to_owned()),
        (Some(_), None) => Candidate::Usable(version.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use std::process::Command;

    use super::{Candidate, Need, classify, find};
    use crate::config::ambient::Ambient;

    const NEED: Need = Need {
        user: "the test",
        oldest: (3, 10),
        probe: "import venv, ensurepip",
        modules: "its `venv` module",
        install: "install it",
    };

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(
            classify("3.9\n", NEED.oldest),
            Candidate::TooOld("3.9".to_owned())
        );
        assert_eq!(
            classify("3.10\n", NEED.oldest),
            Candidate::Usable("3.10".to_owned())
        );
        assert_eq!(
            classify("4.0\n", NEED.oldest),
            Candidate::Usable("4.0".to_owned())
        );
        assert_eq!(
            classify("2.7\n", NEED.oldest),
            Candidate::TooOld("2.7".to_owned())
        );
    }

    #[test]
    fn a_program_that_prints_no_version_is_broken() {
        assert_eq!(classify("", NEED.oldest), Candidate::Broken);
        assert_eq!(
            classify("Python was not found\n", NEED.oldest),
            Candidate::Broken
        );
    }

    #[test]
    fn the_first_usable_python_is_chosen_and_rejected_ones_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, printed: &str| {
            // If this process wrote the file, it could be "busy" while another test forks.
            let script = r#"printf '#!/bin/sh\nprintf "%s"\n' "$2" >"$1" && chmod +x "$1""#;
            let mut shell = Command::new("sh");
            shell
                .args(["-c", script, "sh"])
                .arg(folder.path().join(name))
                .arg(printed);
            assert!(shell.status().unwrap().success());
        };
        let path = folder.path().display().to_string();
        let ambient = Ambient::new([("PATH".to_owned(), path)], "/");
        put("python3", "3.8\\n");
        put("python3.12", "3.12\\nensurepip\\n");
        let error = find(&ambient, &NEED).unwrap_err().to_string();
        let beginning = "the test needs Python 3.10 or newer with its `venv` module: ";
        assert!(error.starts_with(beginning), "{error}");
        assert!(error.contains("python3 is Python 3.8"), "{error}");
        assert!(
            error.contains("python3.12 lacks the module `ensurepip`"),
            "{error}"
        );
        put("python3.11", "3.11\\n");
        let python = find(&ambient, &NEED).unwrap();
        assert_eq!(python.version, "3.11");
        assert!(python.program.ends_with("python3.11"));
    }

    #[test]
    fn only_the_python_named_by_the_variable_is_tried() {
        let ambient = Ambient::new(
            [
                ("PATH", "/usr/bin"),
                ("STACKCTL_PYTHON", "/nowhere/python3"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
            "/",
        );
        let error = find(&ambient, &NEED).unwrap_err().to_string();
        assert!(error.ends_with("/nowhere/python3 does not run"), "{error}");
    }
}
