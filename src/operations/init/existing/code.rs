//! The local paths in a template and in its nested templates, and the artifacts that build their code.

use std::fs;
use std::path::{Path, PathBuf};

use crate::artifact::unbuilt::unbuilt;
use crate::config::project::relative_path;
use crate::diagnostic::SourceFile;
use crate::operations::init::existing::source;
use crate::template::local_paths::table::Content;
use crate::template::local_paths::{self, LocalPath, Owner};
use crate::template::node::Node;
use crate::template::{Resource, Template};
use crate::util::shell_word::quote;

/// How many entries of a folder are looked at for packages.
const MOST_ENTRIES: usize = 20_000;

/// How deep nested templates are read.
const DEEPEST: usize = 16;

/// The files that may hold the hashes of the packages in `requirements.txt`.
const LOCKS: [&str; 2] = ["requirements.lock", "requirements-lock.txt"];

/// What the local paths of a template lead to.
#[derive(Debug, Default)]
pub(in crate::operations::init) struct Code {
    /// The local paths: lines of a comment.
    pub(in crate::operations::init) lines: Vec<String>,
    /// The artifacts that build the code.
    pub(in crate::operations::init) artifacts: Vec<Artifact>,
    /// The nested templates.
    pub(in crate::operations::init) nested: Vec<Template>,
}

/// Code that has to be built before it is packaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::operations::init) struct Artifact {
    pub(in crate::operations::init) name: String,
    /// The folder, relative to the manifest.
    pub(in crate::operations::init) path: String,
    pub(in crate::operations::init) build: Build,
}

/// How code is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::operations::init) enum Build {
    /// By packages of Python from a lock file.
    Python(Python),
    /// By a command that only the user knows; the text says why.
    Command(String),
    /// Not at all: the code is complete.
    None,
}

/// Packages of Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::operations::init) struct Python {
    /// The lock file, relative to the manifest.
    pub(in crate::operations::init) lock: String,
    /// The file with the names of the packages, if the lock file has yet to be made from it.
    pub(in crate::operations::init) unlocked: Option<String>,
    /// The version, such as `3.12`; `None` if the template does not say it.
    pub(in crate::operations::init) version: Option<String>,
    pub(in crate::operations::init) architecture: &'static str,
}

impl Python {
    /// Returns the command that makes the lock file, if it has yet to be made.
    pub(super) fn lock_command(&self) -> Option<String> {
        let unlocked = self.unlocked.as_deref()?;
        Some(format!(
            "uv pip compile --universal --generate-hashes --python-version {} {} -o {}",
            self.version.as_deref().unwrap_or("VERSION"),
            quote(unlocked),
            quote(&self.lock),
        ))
    }
}

/// Returns what the local paths of the template at `path` lead to. `root` is the manifest's folder, and
/// `path` is relative to it.
pub(super) fn read(root: &Path, path: &str, template: &Template) -> Code {
    let mut reader = Reader {
        root,
        read: vec![PathBuf::from(path)],
        code: Code::default(),
    };
    reader.template(Path::new(path), template, 0);
    reader.code
}

struct Reader<'a> {
    root: &'a Path,
    /// The templates that were read.
    read: Vec<PathBuf>,
    code: Code,
}

impl Reader<'_> {
    fn template(&mut self, path: &Path, template: &Template, depth: usize) {
        for local in local_paths::find(template).paths {
            let property = local.row.property.join(".");
            let owner = local.resource.as_ref().map(|it| it.logical_id.as_str());
            let place = match owner {
                Some(id) => format!("{property} of {id}"),
                None => property,
            };
            let Some(target) = relative_path(path, &local.text) else {
                self.add(
                    &local.text,
                    &format!("{place}: outside the manifest's folder"),
                );
                continue;
            };
            let shown = target.display().to_string();
            let full = self.root.join(&target);
            let what = match (full.is_dir(), full.is_file(), local.row.content) {
                (false, false, _) => "does not exist",
                (true, ..) => "a folder, which becomes a zip",
                (_, _, Content::Template) => "a nested template, which is packaged itself",
                (_, _, Content::Code) => "a file, which becomes a zip unless it is one",
                (_, _, Content::Include | Content::File | Content::StackSetTemplate) => "a file",
            };
            self.add(&shown, &format!("{place}: {what}"));
            if full.is_dir() && local.row.content == Content::Code {
                self.folder(&shown, &full, &local, template);
            }
            if full.is_file() && local.row.content == Content::Template && depth < DEEPEST {
                self.nested(&target, depth);
            }
        }
    }

    fn add(&mut self, path: &str, what: &str) {
        let line = format!("{path}  ({what})");
        if !self.code.lines.contains(&line) {
            self.code.lines.push(line);
        }
    }

    fn nested(&mut self, path: &Path, depth: usize) {
        if self.read.iter().any(|known| known == path) {
            return;
        }
        self.read.push(path.to_path_buf());
        let text = source::text(&self.root.join(path));
        let parsed = text.map(|text| Template::parse(&SourceFile::new("", text)));
        // What is wrong with a nested template is the plan's to report.
        if let Some(Ok(template)) = parsed {
            self.template(path, &template, depth + 1);
            self.code.nested.push(template);
        }
    }

    /// Adds an artifact if the code in a folder has to be built.
    fn folder(&mut self, shown: &str, full: &Path, local: &LocalPath, template: &Template) {
        if self.code.artifacts.iter().any(|known| known.path == shown) {
            return;
        }
        let owner = local.resource.as_ref();
        if owner.is_some_and(|owner| owner.is_built) || Path::new(shown).starts_with(".aws-sam") {
            return;
        }
        let files = files(full);
        let unbuilt = unbuilt(files.iter().map(String::as_str), |name| {
            source::text(&full.join(name))
        });
        let is_layer = owner.is_some_and(|owner| owner.kind.ends_with("::LayerVersion"));
        let build_method = owner.and_then(|owner| owner.build_method.as_deref());
        let build = match (unbuilt, build_method) {
            // A layer has its packages in the folder `python`.
            (Some("requirements.txt"), _) if !is_layer => {
                Build::Python(python(shown, full, owner, template))
            }
            (Some(file), _) => Build::Command(format!(
                "{shown}/{file} names packages that are not in the folder"
            )),
            (None, Some(method)) => {
                Build::Command(format!("the template has `BuildMethod: {method}`"))
            }
            (None, None) => return,
        };
        self.code.artifacts.push(Artifact {
            name: owner.map_or_else(|| "code".to_owned(), |owner| owner.logical_id.clone()),
            path: shown.to_owned(),
            build,
        });
    }
}

/// Returns the packages of Python that a function needs.
fn python(shown: &str, full: &Path, owner: Option<&Owner>, template: &Template) -> Python {
    const UNLOCKED: &str = "requirements.txt";
    let resource = owner.and_then(|owner| template.resource(&owner.logical_id));
    let runtime = property(template, resource, "Runtime");
    let architecture = property(template, resource, "Architectures");
    let has_hashes =
        |name: &str| source::text(&full.join(name)).is_some_and(|text| text.contains("--hash="));
    let locked = [UNLOCKED]
        .into_iter()
        .chain(LOCKS)
        .find(|name| has_hashes(name));
    let in_folder = |name: &str| match shown {
        "." => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    Python {
        lock: in_folder(locked.unwrap_or(LOCKS[0])),
        unlocked: locked.is_none().then(|| in_folder(UNLOCKED)),
        version: runtime.and_then(|runtime| Some(runtime.strip_prefix("python")?.to_owned())),
        architecture: match architecture.as_deref() {
            Some("arm64") => "arm64",
            _ => "x86_64",
        },
    }
}

/// Returns the text of a function's property, or of the first item if it is a list. Without a
/// resource, it is that of `Globals`; a reference to a parameter gives the parameter's default.
fn property(template: &Template, resource: Option<Resource<'_>>, name: &str) -> Option<String> {
    let node = match resource {
        Some(resource) => template.property(resource, name)?,
        None => template.root().get("Globals")?.get("Function")?.get(name)?,
    };
    let node = node.elements().first()?;
    if let Some(parameter) = node.get("Ref").and_then(Node::as_str) {
        let default = template.parameter(parameter)?.default()?;
        return Some(default.scalar()?.into_owned());
    }
    Some(node.as_str()?.to_owned())
}

/// Returns the files in a folder and below it, relative to the folder. Links to folders are not followed.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(folder.join(&below))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = below.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                Ok(_) => found.extend(path.to_str().map(str::to_owned)),
                Err(_) => {}
            }
        }
        if found.len() + open.len() > MOST_ENTRIES {
            break;
        }
    }
    found.sort_unstable();
    found
}
