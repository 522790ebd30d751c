//! `stackctl init`: writes a working project.
//!
//! What it writes is this repository's own example, compiled into the program: the same files that
//! every release deploys in its tests, so a new project cannot lag behind them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Context, Exit};
use crate::error::{Error, Result};

/// The arguments of `stackctl init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write to; it is made where it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// Every file of a new project, by its path in it.
const FILES: [(&str, &[u8]); 6] = [
    ("manifest.toml", include_bytes!("../../manifest.toml")),
    (
        "templates/stack.yaml.j2",
        include_bytes!("../../templates/stack.yaml.j2"),
    ),
    ("handler/app.py", include_bytes!("../../handler/app.py")),
    (
        "tests/data/pixel.png",
        include_bytes!("../../tests/data/pixel.png"),
    ),
    ("docs/pipeline.md", include_bytes!("../../docs/pipeline.md")),
    (".gitignore", b".stackctl/\n.venv/\n__pycache__/\n*.pyc\n"),
];

/// Writes the project and says how to go on.
///
/// # Errors
///
/// A refusal that names every file that exists already, before anything is written; a system error
/// where a file cannot be written.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    let root = context.ambient.current_dir.join(&args.dir);
    let existing: Vec<String> = FILES
        .iter()
        .filter(|(path, _)| fs::symlink_metadata(root.join(path)).is_ok())
        .map(|(path, _)| format!("`{}`", shown(&args.dir, path)))
        .collect();
    if !existing.is_empty() {
        let what = match existing.len() {
            1 => "a file that exists",
            _ => "files that exist",
        };
        return Err(Error::refused(format!(
            "init would overwrite {what}: {}",
            existing.join(", ")
        ))
        .hint("name a new folder: `stackctl init DIR`"));
    }
    for (path, content) in FILES {
        let shown = shown(&args.dir, path);
        write(&root.join(path), content)
            .map_err(|error| Error::system(format!("cannot write `{shown}`"), error))?;
        context.presenter.note(&format!("wrote {shown}"));
    }
    let enter = if args.dir == Path::new(".") {
        String::new()
    } else {
        format!("cd {} && ", args.dir.display())
    };
    context.presenter.note("");
    context.presenter.hint(&format!(
        "`{enter}stackctl apply --env local --yes` deploys it on this machine, without an account"
    ));
    context.presenter.hint(
        "for AWS, set `allowed_ssh_cidr` and `key_pair` in manifest.toml, then run `stackctl plan`",
    );
    Ok(Exit::Done)
}

fn shown(dir: &Path, path: &str) -> String {
    if dir == Path::new(".") {
        path.to_owned()
    } else {
        dir.join(path).display().to_string()
    }
}

/// Writes a new file and the folders above it. A file that appeared meanwhile is an error.
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
