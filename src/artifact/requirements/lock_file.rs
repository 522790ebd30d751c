//! The lock file: a requirements file of pip in which every package has its version and its hashes.
//!
//! `uv pip compile`, `uv export` and `pip-compile` write such files. stackctl reads the lines itself,
//! because it chooses those for the function's runtime, and pip can choose only for the machine that it
//! runs on.
//!
//! A file that names anything else, such as a folder, a repository or another file, is refused: the
//! same lock file must give the same packages everywhere.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::marker::Marker;
use super::target::Target;
use super::version::Version;
use super::wheel_name::{WheelName, normalize};
use crate::diagnostic::{Diagnostic, Place, SourceFile};

/// The lock files of package managers, which pip cannot read, with the command that exports them.
const FOREIGN: [(&str, &str); 5] = [
    (
        "uv.lock",
        "uv export --no-emit-project --output-file requirements.txt",
    ),
    (
        "pylock.toml",
        "uv export --no-emit-project --output-file requirements.txt",
    ),
    (
        "pyproject.toml",
        "uv pip compile --generate-hashes pyproject.toml --output-file requirements.txt",
    ),
    ("poetry.lock", "poetry export --output requirements.txt"),
    (
        "Pipfile.lock",
        "pipenv requirements --hash > requirements.txt",
    ),
];

/// The options that say where packages are, which pip gets as they are.
const INDEX_OPTIONS: [(&str, &[&str]); 5] = [
    ("--index-url", &["-i", "--index-url", "--pypi-url"]),
    ("--extra-index-url", &["--extra-index-url"]),
    ("--find-links", &["-f", "--find-links"]),
    ("--trusted-host", &["--trusted-host"]),
    ("--no-index", &["--no-index"]),
];

/// The options that change nothing here: hashes are always required, and only wheels are taken.
const IGNORED_OPTIONS: [&str; 5] = [
    "--require-hashes",
    "--only-binary",
    "--prefer-binary",
    "--pre",
    "--use-feature",
];

/// What a lock file says.
#[derive(Debug, Clone)]
pub(super) struct LockFile {
    /// The packages for all environments.
    pub(super) pins: Vec<Pin>,
    /// The options that say where packages are, in the order of the file.
    pub(super) index: Vec<IndexOption>,
}

/// An option that says where packages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexOption {
    pub(super) name: &'static str,
    /// The value; empty if the option has none.
    pub(super) value: String,
}

/// A package with its version and the hashes of its files.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    /// The name, normalized.
    pub(super) name: String,
    /// The version as it is written.
    pub(super) version: String,
    /// The URL of the wheel, if the lock file names one.
    pub(super) url: Option<String>,
    /// The SHA-256 digests of its files, in hexadecimal; never empty.
    pub(super) hashes: BTreeSet<String>,
    marker: Option<Marker>,
    /// The line.
    pub(super) place: Place,
}

impl Pin {
    /// Returns the package with its version, as in `requests==2.31.0`.
    pub(super) fn shown(&self) -> String {
        format!("{}=={}", self.name, self.version)
    }

    /// Returns whether a wheel is of this package and this version.
    pub(super) fn is(&self, wheel: &WheelName) -> bool {
        self.name == wheel.package && same_version(&self.version, &wheel.version)
    }
}

/// Returns whether two texts are the same version.
fn same_version(one: &str, other: &str) -> bool {
    match (Version::parse(one), Version::parse(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// A line that is no pinned package, with what to do.
struct Fault {
    rule: &'static str,
    message: String,
    help: Option<&'static str>,
}

impl Fault {
    fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }
}

impl LockFile {
    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, each at its line.
    pub(super) fn parse(source: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let mut lock = Self {
            pins: Vec::new(),
            index: Vec::new(),
        };
        let mut found = Vec::new();
        if let Some(problem) = foreign(source) {
            return Err(vec![problem]);
        }
        for line in logical_lines(&source.text) {
            let place = Place {
                source: Arc::clone(source),
                span: line.span.clone(),
                label: String::new(),
            };
            if let Err(fault) = lock.read(&line.text, &place) {
                let mut problem = Diagnostic::error(fault.rule, fault.message, place);
                problem.help.extend(fault.help.map(str::to_owned));
                found.push(problem);
            }
        }
        if found.is_empty() {
            Ok(lock)
        } else {
            Err(found)
        }
    }

    fn read(&mut self, line: &str, place: &Place) -> Result<(), Fault> {
        if line.starts_with('-') {
            self.index.extend(option(line)?);
        } else {
            self.pins.push(pin(line, place)?);
        }
        Ok(())
    }

    /// Returns the packages for a runtime, each once, in the order of the file.
    ///
    /// A package that only some patch versions of the Python need is included, because AWS does not say
    /// which one runs. If lines name different versions of it, the newest patch version decides.
    ///
    /// # Errors
    ///
    /// If two versions of one package are for the runtime.
    pub(super) fn select(&self, target: Target) -> Result<Vec<Pin>, Vec<Diagnostic>> {
        let mut certain = Vec::new();
        let mut possible = Vec::new();
        for pin in &self.pins {
            match pin
                .marker
                .as_ref()
                .map_or((true, true), |it| target.satisfies(it))
            {
                (true, _) => certain.push(pin),
                (false, true) => possible.push(pin),
                (false, false) => {}
            }
        }
        possible.retain(|pin| certain.iter().all(|other| other.name != pin.name));
        certain.extend(possible);
        certain.sort_by_key(|pin| pin.place.span.start);
        let mut selected: Vec<Pin> = Vec::new();
        let mut found = Vec::new();
        for pin in certain {
            let Some(known) = selected.iter_mut().find(|known| known.name == pin.name) else {
                selected.push(pin.clone());
                continue;
            };
            if same_version(&known.version, &pin.version) && known.url == pin.url {
                known.hashes.extend(pin.hashes.iter().cloned());
            } else {
                let first = Place {
                    label: "the other version".to_owned(),
                    ..known.place.clone()
                };
                let message = format!("`{}` has two versions for {target}", pin.name);
                found.push(Diagnostic::error("two-versions", message, pin.place.clone()).at(first));
            }
        }
        if found.is_empty() {
            Ok(selected)
        } else {
            Err(found)
        }
    }
}

/// Returns the error for the lock file of another program.
fn foreign(source: &Arc<SourceFile>) -> Option<Diagnostic> {
    let name = Path::new(&source.name).file_name()?.to_str()?;
    let (_, command) = FOREIGN.iter().find(|(foreign, _)| *foreign == name)?;
    let place = Place {
        source: Arc::clone(source),
        span: 0..0,
        label: String::new(),
    };
    let problem = Diagnostic::error(
        "foreign-lock",
        format!("`{name}` is not a requirements file"),
        place,
    );
    Some(problem.help(format!("export it: `{command}`, and name that file")))
}

/// A line with its continuations, without comments.
struct Line {
    text: String,
    /// The bytes of its first line in the file.
    span: Range<usize>,
}

/// Returns the lines that say something. A backslash at the end continues a line.
fn logical_lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut open: Option<Line> = None;
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let physical = raw.trim();
        let begin = start + (raw.len() - raw.trim_start().len());
        start += raw.len();
        let is_comment = physical.starts_with('#');
        let (content, continues) = match physical.strip_suffix('\\') {
            Some(content) if !is_comment => (content.trim_end(), true),
            _ => (physical, false),
        };
        let line = open.get_or_insert_with(|| Line {
            text: String::new(),
            span: begin..begin + content.len(),
        });
        if !is_comment {
            line.text.push(' ');
            line.text.push_str(content);
        }
        if !continues {
            lines.extend(open.take());
        }
    }
    lines.extend(open);
    for line in &mut lines {
        line.text = without_comment(&line.text).trim().to_owned();
        // Only what the line itself says is quoted, not its comment.
        let quoted = text.get(line.span.clone()).unwrap_or_default();
        line.span.end = line.span.start + without_comment(quoted).trim_end().len();
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// Returns the text before its comment: a `#` at the beginning or behind white space.
fn without_comment(text: &str) -> &str {
    let start = text
        .match_indices('#')
        .map(|(start, _)| start)
        .find(|start| {
            let before = text.get(..*start).unwrap_or_default();
            before.is_empty() || before.ends_with(char::is_whitespace)
        });
    text.get(..start.unwrap_or(text.len())).unwrap_or_default()
}

/// Reads a line that is an option; `None` if it changes nothing.
fn option(line: &str) -> Result<Option<IndexOption>, Fault> {
    let (name, value) = match line.find(|c: char| c == '=' || c.is_whitespace()) {
        Some(end) => line.split_at(end),
        None => (line, ""),
    };
    let value = value.trim_start_matches('=').trim();
    let known = INDEX_OPTIONS
        .iter()
        .find(|(_, names)| names.contains(&name));
    if let Some((name, _)) = known {
        return Ok(Some(IndexOption {
            name,
            value: value.to_owned(),
        }));
    }
    match name {
        _ if IGNORED_OPTIONS.contains(&name) => Ok(None),
        "-e" | "--editable" => Err(not_a_package(value)),
        "-r" | "--requirement" | "-c" | "--constraint" => Err(Fault::new(
            "other-file",
            format!("`{name} {value}` refers to another file"),
        )
        .help("compile all files into one lock file, which names every package itself")),
        "--no-binary" => Err(Fault::new(
            "no-binary",
            "`--no-binary` asks for packages that must be compiled",
        )
        .help(
            "take the line out: stackctl unpacks wheels alone, which are the same on every machine",
        )),
        _ => Err(
            Fault::new("unknown-option", format!("unknown option `{name}`"))
                .help("a lock file has packages with `--hash`, and options such as `--index-url`"),
        ),
    }
}

/// Reads a line that is a package.
fn pin(line: &str, place: &Place) -> Result<Pin, Fault> {
    let (requirement, options) = split_options(line);
    let (requirement, marker) = split_marker(requirement);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = requirement
        .find(|c| !is_name(c))
        .unwrap_or(requirement.len());
    let (name, rest) = requirement.split_at(end);
    let is_path = name.is_empty()
        || name.starts_with('.')
        || rest.starts_with(['/', '\\', ':', '+'])
        || [".whl", ".zip", ".tar.gz"]
            .iter()
            .any(|ending| requirement.ends_with(ending));
    let rest = match rest.trim_start().strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or(rest, |(_, rest)| rest),
        None => rest,
    };
    let rest = rest.trim();
    let url = rest.strip_prefix('@').map(str::trim);
    if url.is_none() && is_path {
        return Err(not_a_package(requirement));
    }
    let (version, url) = match url {
        Some(url) => (
            version_of_wheel(url, &normalize(name))?,
            Some(url.to_owned()),
        ),
        None => (pinned_version(name, rest)?, None),
    };
    let marker = marker
        .map(Marker::parse)
        .transpose()
        .map_err(|reason| Fault::new("bad-marker", format!("the marker of `{name}` {reason}")))?;
    Ok(Pin {
        hashes: hashes(name, options)?,
        name: normalize(name),
        version,
        url,
        marker,
        place: place.clone(),
    })
}

/// Splits a line where its options begin.
fn split_options(line: &str) -> (&str, &str) {
    line.split_at(line.find(" -").unwrap_or(line.len()))
}

/// Splits a requirement at its `;`. In front of a URL's marker there is white space.
fn split_marker(requirement: &str) -> (&str, Option<&str>) {
    let found = if requirement.contains("://") {
        requirement.split_once(" ;")
    } else {
        requirement.split_once(';')
    };
    match found {
        Some((requirement, marker)) => (requirement.trim(), Some(marker.trim())),
        None => (requirement.trim(), None),
    }
}

/// Returns the version behind `==` or `===`.
fn pinned_version(name: &str, specifier: &str) -> Result<String, Fault> {
    let specifier = specifier
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(specifier)
        .trim();
    let exact = specifier
        .strip_prefix("==")
        .map(|it| it.trim_start_matches('=').trim());
    let is_version = |text: &&str| !text.contains([',', '*', ' ', '<', '>', '=', '~', '!']);
    match exact.filter(|it| !it.is_empty()).filter(is_version) {
        Some(version) => Ok(version.to_owned()),
        None if specifier.is_empty() => {
            Err(Fault::new("unpinned", format!("`{name}` has no version")))
        }
        None => Err(Fault::new(
            "unpinned",
            format!("`{name}{specifier}` is not one version"),
        )),
    }
}

/// Returns the version of the wheel that a URL names.
fn version_of_wheel(url: &str, package: &str) -> Result<String, Fault> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let path = url.split(['#', '?']).next().unwrap_or_default();
    let file = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .replace("%2B", "+");
    match WheelName::parse(&file) {
        Some(wheel) if is_web && wheel.package == package => Ok(wheel.version),
        Some(wheel) if is_web => Err(Fault::new(
            "other-wheel",
            format!(
                "the URL is a wheel of `{}`, not of `{package}`",
                wheel.package
            ),
        )),
        _ => Err(not_a_package(url)),
    }
}

/// Returns the error for a requirement that no index can answer.
fn not_a_package(text: &str) -> Fault {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_repository = |scheme: &str| {
        ["git", "hg", "svn", "bzr"]
            .iter()
            .any(|vcs| scheme == *vcs || scheme.starts_with(&format!("{vcs}+")))
    };
    match scheme {
        Some(scheme) if is_repository(scheme) => Fault::new(
            "not-a-package",
            format!("`{text}` is a repository, which has no hash"),
        )
        .help("build a wheel of it (`pip wheel`), publish it to an index of yours, and pin that"),
        Some("http" | "https") => Fault::new("not-a-package", format!("`{text}` is not a wheel"))
            .help("name the URL of a `.whl` file, as `NAME @ URL --hash=sha256:…`"),
        _ => Fault::new(
            "not-a-package",
            format!("`{text}` is a path, not a package of an index"),
        )
        .help("leave it out of the lock file (`uv export --no-emit-project`, or `--no-emit-local`): the artifact's folder is packaged itself"),
    }
}

/// Returns the SHA-256 digests that a line states.
fn hashes(name: &str, options: &str) -> Result<BTreeSet<String>, Fault> {
    let mut hashes = BTreeSet::new();
    let mut others = false;
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let value = match word.split_once('=') {
            Some(("--hash", value)) => value,
            None if word == "--hash" => words.next().unwrap_or_default(),
            _ => {
                let option = word.split('=').next().unwrap_or_default();
                return Err(
                    Fault::new("unknown-option", format!("unknown option `{option}`"))
                        .help("the only option of a package is `--hash`"),
                );
            }
        };
        match value.split_once(':') {
            Some(("sha256", hex))
                if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                hashes.insert(hex.to_ascii_lowercase());
            }
            Some(("sha384" | "sha512", _)) => others = true,
            _ => {
                return Err(
                    Fault::new("bad-hash", format!("`{value}` is not a SHA-256 hash"))
                        .help("a hash is `--hash=sha256:` and 64 hexadecimal digits"),
                );
            }
        }
    }
    if hashes.is_empty() {
        let kind = if others { "SHA-256 hash" } else { "hash" };
        return Err(Fault::new("no-hash", format!("`{name}` has no {kind}")));
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests;
