//! New projects: the shipped example, the smallest project, or a manifest for a template that exists.
//!
//! Nothing that exists is ever changed.

pub(crate) mod example;
pub(crate) mod existing;
mod folder;
pub(crate) mod from_stack;
pub(crate) mod minimal;
mod name;

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::operations::context::Context;
use folder::Folder;

/// A new file: its path in the project, and its content.
type NewFile<'a> = (&'a str, Cow<'a, [u8]>);

/// A file that a folder may have before it holds a project; its content is kept.
const IGNORED: &str = ".gitignore";

/// What version control should ignore.
const IGNORE: &str = ".stackctl/\n.venv/\n__pycache__/\n*.pyc\n";

/// The `.gitignore` of a new project.
const GITIGNORE: NewFile<'static> = (IGNORED, Cow::Borrowed(IGNORE.as_bytes()));

/// Writes files that do not exist. A file that exists with the same content is no obstacle, so a run
/// that could not write everything can be repeated. `remedy` is the hint of the refusal.
///
/// # Errors
///
/// Refused, before anything is written, if a file exists with other content; the message names each.
/// A system error if a file cannot be written.
fn write_all(
    context: &Context,
    folder: &Folder<'_>,
    files: &[NewFile<'_>],
    remedy: &str,
) -> Result<()> {
    let presenter = context.presenter();
    let (existing, missing): (Vec<_>, Vec<_>) =
        files.iter().partition(|(path, _)| folder.has(path));
    let others: Vec<String> = existing
        .iter()
        .filter(|(path, content)| *path != IGNORED && !folder.holds(path, content))
        .map(|(path, _)| format!("`{}`", folder.shown(path)))
        .collect();
    if !others.is_empty() {
        let what = match others.len() {
            1 => "a file that exists",
            _ => "files that exist",
        };
        return Err(Error::refused(format!(
            "init would overwrite {what}: {}",
            others.join(", ")
        ))
        .hint(remedy));
    }
    for (path, _) in existing {
        presenter.note(&format!("kept {}", folder.shown(path)));
    }
    for (path, content) in missing {
        folder.write(path, content)?;
    }
    if let Some(lines) = not_ignored(&folder.text(IGNORED)) {
        presenter.hint(&format!("add to {IGNORED}: {lines}"));
    }
    Ok(())
}

/// Returns the lines of a project's `.gitignore` that an existing text lacks, or `None` if it lacks
/// none.
fn not_ignored(found: &str) -> Option<String> {
    let lines = IGNORE.lines().filter(|line| {
        let mut others = found.lines().map(str::trim);
        !others.any(|other| other.trim_end_matches('/') == line.trim_end_matches('/'))
    });
    let lines: Vec<String> = lines.map(|line| format!("`{line}`")).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Prints the commands that show what would be deployed.
fn hint_first_plans(context: &Context, folder: &Folder<'_>) {
    let presenter = context.presenter();
    presenter.hint(&format!(
        "`{}` shows what would be deployed on this machine, without an account",
        folder.command("stackctl plan --env local")
    ));
    presenter.hint("`stackctl plan` shows what would be deployed to your AWS account");
}
