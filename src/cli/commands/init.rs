//! `stackctl init`: writes a working project.
//!
//! The project is this repository's own example, compiled into the program. The tests of every release
//! deploy the same files, so a new project is never older than the program.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Context, Exit};
use crate::error::{Error, Result};
use crate::util::shell_word::quote;

/// The arguments of `stackctl init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write to; it is created if it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// Every file of a new project, by its path in it.
const FILES: [(&str, &[u8]); 6] = [
    ("manifest.toml", include_bytes!("../../../manifest.toml")),
    (
        "templates/stack.yaml.j2",
        include_bytes!("../../../templates/stack.yaml.j2"),
    ),
    ("handler/app.py", include_bytes!("../../../handler/app.py")),
    (
        "tests/data/pixel.png",
        include_bytes!("../../../tests/data/pixel.png"),
    ),
    (
        "docs/pipeline.md",
        include_bytes!("../../../docs/pipeline.md"),
    ),
    (IGNORED, IGNORE.as_bytes()),
];

/// What version control should ignore.
const IGNORE: &str = ".stackctl/\n.venv/\n__pycache__/\n*.pyc\n";

/// A file that a folder may have before it holds a project; its content is kept.
const IGNORED: &str = ".gitignore";

/// Writes the project and prints the next steps. A file that exists with the same content is no
/// obstacle, so a run that could not write everything can be repeated.
///
/// # Errors
///
/// Refused, before anything is written, if a file exists with other content; the message names each.
/// A system error if a file cannot be written.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    let presenter = context.presenter();
    let root = context.ambient().current_dir.join(&args.dir);
    if root.symlink_metadata().is_ok() && !root.is_dir() {
        return Err(
            Error::input(format!("`{}` is not a folder", args.dir.display()))
                .hint("name a new folder: `stackctl init DIR`"),
        );
    }
    let (existing, missing): (Vec<_>, Vec<_>) = FILES
        .into_iter()
        .partition(|(path, _)| root.join(path).symlink_metadata().is_ok());
    let others: Vec<String> = existing
        .iter()
        .filter(|(path, content)| *path != IGNORED && !is_same(&root.join(path), content))
        .map(|(path, _)| format!("`{}`", shown(&args.dir, path)))
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
        .hint("name a new folder: `stackctl init DIR`"));
    }
    for (path, _) in existing {
        presenter.note(&format!("kept {}", shown(&args.dir, path)));
    }
    for (path, content) in missing {
        let shown = shown(&args.dir, path);
        write(&root.join(path), content)
            .map_err(|error| Error::system(format!("cannot write `{shown}`"), error))?;
        presenter.note(&format!("wrote {shown}"));
    }
    let enter = if args.dir == Path::new(".") {
        String::new()
    } else {
        format!("cd {} && ", quote(&args.dir.to_string_lossy()))
    };
    presenter.note("");
    if let Some(lines) = not_ignored(&root.join(IGNORED)) {
        presenter.hint(&format!("add to {IGNORED}: {lines}"));
    }
    presenter.hint(&format!(
        "`{enter}stackctl apply --env local --yes` deploys it on this machine, without an account"
    ));
    presenter.hint(
        "for AWS, set `allowed_ssh_cidr` and `key_pair` in manifest.toml, then run `stackctl plan`",
    );
    Ok(Exit::Done)
}

fn is_same(path: &Path, content: &[u8]) -> bool {
    fs::read(path).is_ok_and(|found| found == content)
}

/// Returns the lines of a project's `.gitignore` that an existing file lacks, or `None` if it lacks
/// none.
fn not_ignored(path: &Path) -> Option<String> {
    let found = fs::read_to_string(path).unwrap_or_default();
    let lines = IGNORE.lines().filter(|line| {
        let mut others = found.lines().map(str::trim);
        !others.any(|other| other.trim_end_matches('/') == line.trim_end_matches('/'))
    });
    let lines: Vec<String> = lines.map(|line| format!("`{line}`")).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn shown(dir: &Path, path: &str) -> String {
    if dir == Path::new(".") {
        path.to_owned()
    } else {
        dir.join(path).display().to_string()
    }
}

/// Writes a new file and the folders above it. A file that appeared in the meantime is an error.
fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?
        .write_all(content)
}
