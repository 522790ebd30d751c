//! The Python packages of an artifact: its `requirements`.
//!
//! [`fetch`] reads the lock file, chooses the lines for the function's runtime, and gets a wheel for each:
//! from the cache, or with pip from the user's package index. [`Packages`] then belong to the artifact's
//! zip like the files of its folder.
//!
//! Nothing here depends on the machine: the markers and the wheels are chosen for the runtime, each wheel
//! has a hash of the lock file, and its files are copied as they are.

mod lock_file;
mod marker;
mod pip;
mod target;
mod version;
mod wheel;
mod wheel_cache;
mod wheel_name;

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::ambient::Ambient;
use crate::config::project::Project;
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::util::suggest::join_first;
use lock_file::{LockFile, Pin};
use pip::Missing;
use target::Target;
pub use wheel::{Wheel, WheelFile};
use wheel_cache::WheelCache;

#[cfg(test)]
pub(crate) use wheel::tests as wheel_tests;

/// How many tags of other wheels an error lists.
const LISTED_TAGS: usize = 8;

/// The packages of each artifact.
#[derive(Debug, Clone, Default)]
pub struct Packages(BTreeMap<String, Vec<Wheel>>);

impl Packages {
    /// Returns the wheels of an artifact, in the order of its lock file.
    pub fn of(&self, artifact: &str) -> &[Wheel] {
        self.0.get(artifact).map_or(&[], Vec::as_slice)
    }
}

/// The packages that one artifact needs.
struct Wanted<'s> {
    artifact: &'s str,
    path: &'s Path,
    lock: LockFile,
    target: Target,
    pins: Vec<Pin>,
}

/// Returns the packages of all artifacts. Those that this machine does not have are downloaded;
/// `on_download` is called before, with a sentence for the user.
///
/// Dropping the future ends the download.
///
/// # Errors
///
/// Everything that is wrong with the lock files, at its lines; every package without a wheel for the
/// runtime, likewise; if there is no Python with pip, no network, or no cache folder.
pub async fn fetch(
    project: &Project,
    settings: &Settings,
    ambient: &Ambient,
    mut on_download: impl FnMut(&str),
) -> Result<Packages> {
    let mut packages = Packages::default();
    let mut found = Vec::new();
    for wanted in read(project, settings)? {
        let cache = WheelCache::new(ambient)?;
        let wheels = match cached(&cache, &wanted)? {
            Ok(wheels) => Ok(wheels),
            Err(_) => download(project, &cache, &wanted, ambient, &mut on_download).await?,
        };
        match wheels {
            Ok(wheels) => {
                packages.0.insert(wanted.artifact.to_owned(), wheels);
            }
            Err(problems) => found.extend(problems),
        }
    }
    if found.is_empty() {
        return Ok(packages);
    }
    let message = match found.as_slice() {
        [_] => "a Python package cannot be packaged".to_owned(),
        _ => format!("{} cannot be packaged", count(found.len())),
    };
    Err(Error::input(message).with_diagnostics(found))
}

fn count(packages: usize) -> String {
    match packages {
        1 => "1 Python package".to_owned(),
        count => format!("{count} Python packages"),
    }
}

/// Reads the lock file of each artifact that has one.
fn read<'s>(project: &Project, settings: &'s Settings) -> Result<Vec<Wanted<'s>>> {
    let mut wanted = Vec::new();
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut wrong: Vec<&Path> = Vec::new();
    for (name, artifact) in &settings.artifacts {
        let (Some(path), Some(target)) = (&artifact.requirements, Target::of(artifact)) else {
            continue;
        };
        let source = project.text(path, "the lock file").map_err(|error| {
            let origin = settings
                .origins
                .get(&format!("artifacts.{name}.requirements"));
            let place = origin.place("");
            let problem = Diagnostic::error("missing-lock", error.to_string(), place);
            Error::input(format!("the artifact `{name}` has no lock file"))
                .with_diagnostics(vec![problem])
                .hint(format!("make it: {}", remedy(path)))
        })?;
        let read = LockFile::parse(&source).and_then(|lock| {
            let pins = lock.select(target)?;
            Ok((lock, pins))
        });
        match read {
            Ok((lock, pins)) => wanted.push(Wanted {
                artifact: name,
                path,
                lock,
                target,
                pins,
            }),
            // Several artifacts may have the same lock file.
            Err(_) if wrong.contains(&path.as_path()) => {}
            Err(problems) => {
                found.extend(problems);
                wrong.push(path);
            }
        }
    }
    if found.is_empty() {
        return Ok(wanted);
    }
    let paths: Vec<_> = wrong
        .iter()
        .map(|path| format!("`{}`", project.shown(path)))
        .collect();
    let message = match found.len() {
        1 => "an error".to_owned(),
        count => format!("{count} errors"),
    };
    let verb = if paths.len() == 1 { "has" } else { "have" };
    let mut error = Error::input(format!("{} {verb} {message}", paths.join(" and ")));
    if found
        .iter()
        .any(|problem| matches!(&*problem.rule, "unpinned" | "no-hash" | "bad-hash"))
    {
        let remedy = remedy(wrong.first().copied().unwrap_or(Path::new("")));
        error = error.hint(format!(
            "every package needs one version and its hashes: {remedy}"
        ));
    }
    Err(error.with_diagnostics(found))
}

/// Returns how to make a lock file.
fn remedy(path: &Path) -> String {
    let input = path.with_extension("in");
    let (input, path) = (input.display(), path.display());
    format!(
        "`uv pip compile --universal --generate-hashes {input} -o {path}`, \
         or `pip-compile --generate-hashes {input} -o {path}`"
    )
}

/// Returns the wheels from the cache, or the packages that are absent there.
fn cached(cache: &WheelCache, wanted: &Wanted<'_>) -> Result<Result<Vec<Wheel>, Vec<Pin>>> {
    let mut wheels = Vec::new();
    let mut absent = Vec::new();
    for pin in &wanted.pins {
        match cache.find(pin, wanted.target)? {
            Some(wheel) => wheels.push(wheel),
            None => absent.push(pin.clone()),
        }
    }
    Ok(if absent.is_empty() {
        Ok(wheels)
    } else {
        Err(absent)
    })
}

/// Downloads the wheels that the cache lacks. Returns all wheels, or what is wrong with those that cannot
/// be downloaded.
async fn download(
    project: &Project,
    cache: &WheelCache,
    wanted: &Wanted<'_>,
    ambient: &Ambient,
    on_download: &mut impl FnMut(&str),
) -> Result<Result<Vec<Wheel>, Vec<Diagnostic>>> {
    let _lock = cache.lock().await?;
    // Another command may have downloaded them in the meantime.
    let pins = match cached(cache, wanted)? {
        Ok(wheels) => return Ok(Ok(wheels)),
        Err(absent) => absent,
    };
    let (target, log) = (wanted.target, cache.log());
    on_download(&format!(
        "Downloading {} of `{}` for {target} …",
        count(pins.len()),
        wanted.artifact
    ));
    let folder = cache.new_download()?;
    let lock_folder = wanted.path.parent().unwrap_or(Path::new(""));
    let request = pip::Request {
        index: &wanted.lock.index,
        lock_folder: &project.root().join(lock_folder),
        pins: &pins,
        target,
        folder: folder.path(),
        log: &log,
    };
    let (downloads, missing) = pip::download(&request, ambient).await?;
    let mut found = Vec::new();
    for (index, pin) in pins.iter().enumerate() {
        if let Some((_, reason)) = missing.iter().find(|(missing, _)| *missing == index) {
            found.push(problem(pin, target, reason));
            continue;
        }
        let Some(download) = downloads.iter().find(|it| pin.is(&it.name)) else {
            // pip downloads nothing before it has found everything.
            if missing.is_empty() {
                found.push(problem(pin, target, &Missing::NoWheel(Vec::new())));
            }
            continue;
        };
        if !pin.hashes.contains(&download.digest) {
            let file = download.name.file_name.clone();
            found.push(problem(pin, target, &Missing::OtherHash(Some(file))));
        } else if !target.admits(&download.name) {
            found.push(problem(
                pin,
                target,
                &Missing::NoWheel(vec![download.name.written_tags()]),
            ));
        } else {
            cache.store(download, pin, target)?;
        }
    }
    if found.is_empty() {
        let lost = |_| Error::input("a downloaded package is not in the cache folder");
        return cached(cache, wanted)?.map(Ok).map_err(lost);
    }
    Ok(Err(found))
}

/// Returns the error for a package that cannot be downloaded.
fn problem(pin: &Pin, target: Target, reason: &Missing) -> Diagnostic {
    let place = pin.place.clone();
    match reason {
        Missing::OtherHash(file) => {
            let file = file
                .as_ref()
                .map_or(String::new(), |file| format!(" (`{file}`)"));
            let message = format!(
                "the wheel of `{}`{file} has a hash that the lock file does not have",
                pin.shown()
            );
            Diagnostic::error("other-hash", message, place)
                .help("if the lock file was made for another platform, make it again with the hashes of all files")
                .help("otherwise the file was changed on its way: do not use it")
        }
        Missing::OtherPython(required) => {
            let message = format!(
                "`{}` requires Python {required}, and the artifact is for Python {}",
                pin.shown(),
                target.python()
            );
            Diagnostic::error("no-wheel", message, place)
                .help(format!("lock the versions for this Python: `uv pip compile --universal --python-version {}`", target.python()))
        }
        Missing::NoWheel(tags) => {
            let message = format!("`{}` has no wheel for {target}", pin.shown());
            let mut problem = Diagnostic::error("no-wheel", message, place);
            if tags.is_empty() {
                problem = problem.help("the package index has no wheel of this version: build one with `pip wheel`, publish it to an index of yours, and pin that");
            } else {
                problem = problem.help(format!("its wheels are for {}", listed(tags, target)));
            }
            problem.help(format!(
                "this runtime has glibc 2.{}, so it admits `manylinux_2_{}_{}` and older, and `any`",
                target.glibc(),
                target.glibc(),
                target.machine()
            ))
        }
    }
}

/// Returns the first tags, those nearest to the runtime first.
fn listed(tags: &[String], target: Target) -> String {
    let mut tags: Vec<&String> = tags.iter().collect();
    tags.sort_by_key(|tag| target.distance(tag));
    join_first(tags.iter().map(|tag| format!("`{tag}`")), LISTED_TAGS)
}
