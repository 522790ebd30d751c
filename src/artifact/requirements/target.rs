//! The runtime that packages are chosen for: a Python, an architecture, and the Linux below them.

use std::fmt;

use super::marker::{Marker, Variable};
use super::wheel_name::WheelName;
use crate::config::settings::{Architecture, ArtifactSettings};

/// The patch version that stands for the newest of each Python. AWS installs new patch versions into
/// its runtimes, so a package for the newest one is right.
const NEWEST_PATCH: u32 = 99;

/// The older names of platform tags, with the minor version of glibc that each stands for (PEP 600).
const ALIASES: [(u32, &str); 3] = [
    (17, "manylinux2014"),
    (12, "manylinux2010"),
    (5, "manylinux1"),
];

/// A Lambda runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// The minor version of Python 3.
    minor: u32,
    architecture: Architecture,
}

impl Target {
    /// Returns the target of an artifact; `None` if it has no `python`.
    pub(super) fn of(artifact: &ArtifactSettings) -> Option<Self> {
        let minor = artifact.python.as_ref()?.strip_prefix("3.")?.parse().ok()?;
        Some(Self {
            minor,
            architecture: artifact.architecture.unwrap_or_default(),
        })
    }

    /// Returns the minor version of the runtime's glibc. The runtimes up to `python3.11` run on Amazon
    /// Linux 2, the later ones on Amazon Linux 2023
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>).
    pub(super) fn glibc(self) -> u32 {
        if self.minor <= 11 { 26 } else { 34 }
    }

    /// Returns the name of the architecture in platform tags and in `platform_machine`.
    pub(super) fn machine(self) -> &'static str {
        match self.architecture {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "aarch64",
        }
    }

    /// Returns the Python as the manifest names it, such as `3.12`.
    pub(super) fn python(self) -> String {
        format!("3.{}", self.minor)
    }

    /// Returns how far a wheel is from the runtime, by its tags as they are written: 0 is near.
    pub(super) fn distance(self, tags: &str) -> usize {
        let is_far = [
            !(tags.contains("linux") && tags.ends_with(self.machine())),
            tags.contains("musllinux"),
            !(tags.starts_with(&format!("cp3{}-", self.minor)) || tags.contains("-abi3-")),
        ];
        is_far.iter().filter(|is_far| **is_far).count()
    }

    /// Returns the version for pip: the newest patch version.
    pub(super) fn python_version(self) -> String {
        format!("3.{}.{NEWEST_PATCH}", self.minor)
    }

    /// Returns the platform tags that the runtime admits, the best first.
    pub(super) fn platforms(self) -> Vec<String> {
        let machine = self.machine();
        let oldest = match self.architecture {
            Architecture::X86_64 => 5,
            // There was no 64-bit ARM in the older ones.
            Architecture::Arm64 => 17,
        };
        let mut tags = Vec::new();
        for glibc in (oldest..=self.glibc()).rev() {
            tags.push(format!("manylinux_2_{glibc}_{machine}"));
            let alias = ALIASES.iter().find(|(minor, _)| *minor == glibc);
            tags.extend(alias.map(|(_, alias)| format!("{alias}_{machine}")));
        }
        tags
    }

    /// Returns the ABI tags that the runtime admits, the best first.
    pub(super) fn abis(self) -> [String; 3] {
        [
            format!("cp3{}", self.minor),
            "abi3".to_owned(),
            "none".to_owned(),
        ]
    }

    /// Returns whether the runtime can import a wheel: its own ABI, the stable one of this or an older
    /// Python, or none.
    pub(super) fn admits(self, wheel: &WheelName) -> bool {
        let platforms = self.platforms();
        wheel.tags().any(|(python, abi, platform)| {
            let is_any = platform == "any";
            if !is_any && !platforms.iter().any(|known| known == platform) {
                return false;
            }
            let own = python
                .strip_prefix("cp3")
                .and_then(|minor| minor.parse::<u32>().ok());
            match (own, abi) {
                (Some(minor), "none") => minor == self.minor,
                (Some(minor), "abi3") => (2..=self.minor).contains(&minor) && !is_any,
                (Some(minor), abi) => {
                    minor == self.minor
                        && abi.strip_prefix("cp3") == Some(&minor.to_string())
                        && !is_any
                }
                (None, "none") => match python.strip_prefix("py3") {
                    Some("") => true,
                    Some(minor) => minor.parse::<u32>().is_ok_and(|minor| minor <= self.minor),
                    None => false,
                },
                (None, _) => false,
            }
        })
    }

    /// Returns whether the marker is true for the newest patch version, and for the first.
    pub(super) fn satisfies(self, marker: &Marker) -> (bool, bool) {
        let with = |patch| marker.is_true(&|variable| self.value(variable, patch));
        (with(NEWEST_PATCH), with(0))
    }

    fn value(self, variable: Variable, patch: u32) -> String {
        match variable {
            Variable::ImplementationName => "cpython".to_owned(),
            Variable::OsName => "posix".to_owned(),
            Variable::PlatformMachine => self.machine().to_owned(),
            Variable::PlatformPythonImplementation => "CPython".to_owned(),
            Variable::PlatformSystem => "Linux".to_owned(),
            Variable::PythonVersion => format!("3.{}", self.minor),
            Variable::PythonFullVersion | Variable::ImplementationVersion => {
                format!("3.{}.{patch}", self.minor)
            }
            Variable::SysPlatform => "linux".to_owned(),
            // AWS changes its kernels, and a line of a lock file belongs to no extra.
            Variable::PlatformRelease | Variable::PlatformVersion | Variable::Extra => {
                String::new()
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let architecture = match self.architecture {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        };
        write!(f, "python3.{} on {architecture}", self.minor)
    }
}

#[cfg(test)]
pub(super) mod tests;
