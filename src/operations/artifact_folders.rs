//! Mistakes about the folders of the artifacts: globs that match nothing, and outputs inside a folder.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::artifact::package::Artifact;
use crate::config::project::{Project, would_contain};
use crate::config::settings::Settings;
use crate::diagnostic::{Diagnostic, Place};
use crate::error::{Error, Result};

/// The rule of a glob that matches nothing.
const UNMATCHED: &str = "unmatched-glob";

/// Returns a warning for each glob of `exclude` that matches nothing, at its place in the manifest.
pub(crate) fn unmatched_globs(
    settings: &Settings,
    artifacts: &IndexMap<String, Artifact>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if settings.lint.ignore.iter().any(|rule| rule == UNMATCHED) {
        return found;
    }
    for (name, artifact) in &settings.artifacts {
        let globs = artifacts.get(name).map(|built| &built.unmatched_globs);
        for glob in globs.into_iter().flatten() {
            let origin = settings.origins.get(&format!("artifacts.{name}.exclude"));
            let folder = artifact.path.display();
            let message = format!("the glob `{glob}` matches nothing in the folder `{folder}`");
            let place = narrowed(origin.place(""), glob);
            let warning = Diagnostic::warning(UNMATCHED, message, place);
            let inside = Path::new(glob.trim_start_matches('/')).strip_prefix(&artifact.path);
            found.push(match inside {
                Ok(inside) if !inside.as_os_str().is_empty() => warning.help(format!(
                    "globs are relative to that folder: write `/{}`",
                    inside.display()
                )),
                _ => warning.help(
                    "files that it was meant to leave out are packaged: correct or remove it",
                ),
            });
        }
    }
    found
}

/// Narrows the place of a list to one of its strings.
fn narrowed(mut place: Place, element: &str) -> Place {
    let list = place
        .source
        .text
        .get(place.span.clone())
        .unwrap_or_default();
    let quoted = ["\"", "'"].map(|quote| format!("{quote}{element}{quote}"));
    let found = quoted
        .iter()
        .find_map(|text| Some((list.find(text.as_str())?, text.len())));
    if let Some((at, length)) = found {
        let start = place.span.start + at;
        place.span = start..start + length;
    }
    place
}

/// Refuses an output that the next run would package. `option` names the output, `file` is its absolute
/// path, `others` are the folders that templates name, relative to the manifest's folder.
///
/// # Errors
///
/// If the file is in the folder of an artifact and not excluded from it.
pub(crate) fn check_output(
    project: &Project,
    settings: &Settings,
    others: &[PathBuf],
    option: &str,
    file: &Path,
) -> Result<()> {
    let refuse = |folder: &Path, hint: String| {
        let folder = project.shown(folder);
        Error::input(format!(
            "`{option}` writes into the folder `{folder}`, which is packaged: its digest would change \
             with every run"
        ))
        .hint(hint)
    };
    for (name, artifact) in &settings.artifacts {
        if would_contain(project, &artifact.path, &artifact.exclude, file) {
            let hint = format!(
                "write to another folder, or add this one to `artifacts.{name}.exclude` in the manifest"
            );
            return Err(refuse(&artifact.path, hint));
        }
    }
    for folder in others {
        if would_contain(project, folder, &[], file) {
            let hint = "write to a folder outside of it".to_owned();
            return Err(refuse(folder, hint));
        }
    }
    Ok(())
}
