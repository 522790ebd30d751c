//! The template that a manifest is written for: found, read and parsed, never changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kind::{self, Foreign};
use crate::config::project::{self, TEXT_LIMIT};
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::operations::context::Context;
use crate::operations::init::folder::Folder;
use crate::template::{Template, render};
use crate::util::regular_file;
use crate::util::shell_word::quote;

/// A template, and where it is.
pub(in crate::operations::init) struct Source {
    /// The path for the manifest: relative to its folder, with forward slashes.
    pub(in crate::operations::init) path: String,
    /// The path as the user named it.
    pub(in crate::operations::init) shown: PathBuf,
    /// The absolute path of the file.
    pub(in crate::operations::init) file: PathBuf,
    /// The template; `None` if it has to be rendered first.
    pub(in crate::operations::init) template: Option<Template>,
}

/// Opens the template that the user names, for a manifest in `folder`.
///
/// # Errors
///
/// If the file is missing, is no template, has a syntax error, or is outside the folder.
pub(in crate::operations::init) fn open(
    context: &Context,
    folder: &Folder<'_>,
    named: &Path,
) -> Result<Source> {
    let file = context.resolve(named);
    if file.is_dir() {
        return Err(folder_error(&file, named));
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if let Some(foreign) = kind::by_name(&name) {
        return Err(foreign_error(named, &foreign));
    }
    // Nobody may ever write to a pipe.
    regular_file::check_kind(&file)
        .map_err(|error| error.into_error("the template", named.display()))?;
    let source = project::named_text(&context.ambient().current_dir, named)?;
    let path = path_below(folder, named, &file)?;
    let template = if render::is_rendered(&name) {
        None
    } else {
        Some(parse(named, &source)?)
    };
    Ok(Source {
        path,
        shown: named.to_path_buf(),
        file,
        template,
    })
}

fn parse(named: &Path, source: &Arc<SourceFile>) -> Result<Template> {
    if let Some(foreign) = kind::by_content(&source.text) {
        return Err(foreign_error(named, &foreign));
    }
    if let Some(found) = render::written_for_rendering(source) {
        return Err(
            Error::input(format!("`{}` has to be rendered", named.display()))
                .with_diagnostics(vec![found]),
        );
    }
    let template = Template::parse(source).map_err(|found| {
        Error::input(format!("`{}` has a syntax error", named.display())).with_diagnostics(found)
    })?;
    if template.section("Resources").is_none() && !template.has_transforms() {
        return Err(Error::input(format!(
            "`{}` is not a CloudFormation template: its `Resources` is not a map",
            named.display()
        )));
    }
    Ok(template)
}

fn foreign_error(named: &Path, foreign: &Foreign) -> Error {
    Error::input(format!("`{}` {}", named.display(), foreign.what)).hint(&foreign.remedy)
}

/// Returns the error for a folder in the place of a template.
fn folder_error(folder: &Path, named: &Path) -> Error {
    let entries = names_in(folder);
    let has = |matches: &dyn Fn(&str) -> bool| entries.iter().any(|name| matches(name));
    let below = |name: &str| quote(&named.join(name).to_string_lossy());
    let error = |what: &str| Error::input(format!("`{}` {what}", named.display()));
    if has(&|name| name == "cdk.json") {
        let error = error("is the folder of an AWS CDK app");
        let synthesized = names_in(&folder.join("cdk.out"));
        let templates = synthesized.iter().filter(|name| is_synthesized(name));
        let templates: Vec<String> = templates
            .map(|name| {
                format!(
                    "`stackctl init --from {}`",
                    below(&format!("cdk.out/{name}"))
                )
            })
            .collect();
        return match &templates[..] {
            [] => error.hint(kind::SYNTHESIZE),
            templates => error.hint(format!(
                "name a synthesized template: {}",
                templates.join(", ")
            )),
        };
    }
    if let Some(name) = entries.iter().find(|name| is_synthesized(name)) {
        return error("is a folder, not a template").hint(format!(
            "name a template in it: `stackctl init --from {}`",
            below(name)
        ));
    }
    if has(&|name| kind::by_name(name).is_some_and(|it| it.what == kind::TERRAFORM)) {
        return error("is a folder with Terraform files")
            .hint("stackctl deploys CloudFormation templates and cannot convert other languages");
    }
    let likely = ["template.yaml", "template.yml", "template.json"];
    match likely
        .into_iter()
        .find(|likely| has(&|name| name == *likely))
    {
        Some(name) => error("is a folder, not a template").hint(format!(
            "name the file: `stackctl init --from {}`",
            below(name)
        )),
        None => error("is a folder, not a template")
            .hint("name the file, such as `stackctl init --from template.yaml`"),
    }
}

/// Returns whether a file name is that of a template in `cdk.out`.
fn is_synthesized(name: &str) -> bool {
    name.ends_with(".template.json")
}

/// Returns the names in a folder, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

/// Returns the path of the template relative to the manifest's folder. Symlinks must not lead out of
/// it, as when the manifest is read.
fn path_below(folder: &Folder<'_>, named: &Path, file: &Path) -> Result<String> {
    let shown = named.display();
    let outside = || {
        let parent = named.parent().filter(|it| *it != Path::new(""));
        let parent = quote(&parent.unwrap_or(Path::new(".")).to_string_lossy());
        Error::input(format!(
            "the template `{shown}` is outside the folder `{}` of the manifest",
            folder.named().display()
        ))
        .hint(format!(
            "write the manifest to the template's folder: `stackctl init --from {} {parent}`",
            quote(&named.to_string_lossy())
        ))
        .hint("a manifest may be in any folder above the template")
    };
    let failed = |error| Error::system(format!("cannot open `{shown}`"), error);
    let root = folder.path("");
    let Ok(root) = root.canonicalize() else {
        return Err(outside());
    };
    let real = file.canonicalize().map_err(failed)?;
    let parent = file.parent().unwrap_or(Path::new(""));
    let known = parent
        .canonicalize()
        .map_err(failed)?
        .join(file.file_name().unwrap_or_default());
    // The path that the user knows is kept if it is below the folder.
    let relative = match (known.strip_prefix(&root), real.strip_prefix(&root)) {
        (Ok(known), Ok(_)) => known,
        (Err(_), Ok(real)) => real,
        (Ok(_), Err(_)) => {
            return Err(Error::input(format!(
                "the template `{shown}` is a symlink to a file outside the folder `{}` of the manifest",
                folder.named().display()
            ))
            .hint("name the file itself, and write the manifest to a folder above it"));
        }
        (Err(_), Err(_)) => return Err(outside()),
    };
    let text = relative.to_str().ok_or_else(|| {
        Error::input(format!("the path `{shown}` is not UTF-8")).hint("rename the file")
    })?;
    Ok(text.to_owned())
}

/// Returns the files next to the template, by name; their paths relative to the template's folder.
pub(super) fn files_near(template: &Path, folders: &[&str]) -> Vec<String> {
    let folder = template.parent().unwrap_or(Path::new(""));
    let mut found: Vec<String> = names_in(folder)
        .into_iter()
        .filter(|name| folder.join(name).is_file())
        .collect();
    for below in folders {
        let names = names_in(&folder.join(below));
        let files = names
            .into_iter()
            .filter(|name| folder.join(below).join(name).is_file());
        found.extend(files.map(|name| format!("{below}/{name}")));
    }
    found
}

/// Returns the text of a file without its byte order mark; `None` if it cannot be read as UTF-8.
pub(super) fn text(path: &Path) -> Option<String> {
    let bytes = regular_file::read(path, TEXT_LIMIT).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.trim_start_matches('\u{feff}').to_owned())
}
