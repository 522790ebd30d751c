//! The shipped example as a new project.
//!
//! The files are this repository's own, compiled into the program. The tests of every release deploy
//! them, so a new project is never older than the program.

use std::borrow::Cow;
use std::path::Path;

use super::folder::Folder;
use super::{GITIGNORE, write_all};
use crate::config::project::MANIFEST;
use crate::error::Result;
use crate::operations::context::Context;

/// Every file of the example besides the manifest, by its path in the project.
const FILES: [(&str, &[u8]); 4] = [
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
];

/// The example's manifest.
const SHIPPED: &str = include_str!("../../../manifest.toml");

/// The line of the example's manifest that names the project.
const PROJECT: &str = "project = \"file-metadata\"";

/// Writes the example to a folder, and names the project after the folder.
///
/// # Errors
///
/// Refused, before anything is written, if a file exists with other content. A system error if a file
/// cannot be written.
pub(crate) fn write(context: &Context, folder: &Path) -> Result<()> {
    let folder = Folder::new(context, folder)?;
    let project = folder.project();
    let manifest = SHIPPED.replacen(PROJECT, &format!("project = \"{project}\""), 1);
    let mut files = vec![(MANIFEST, Cow::Owned(manifest.into_bytes()))];
    files.extend(FILES.map(|(path, content)| (path, Cow::Borrowed(content))));
    files.push(GITIGNORE);
    write_all(
        context,
        &folder,
        &files,
        "name a new folder: `stackctl init DIR`",
    )?;
    folder.report_project(&project);
    let presenter = context.presenter();
    presenter.hint(&format!(
        "`{}` deploys it on this machine, without an account",
        folder.command("stackctl apply --env local --yes")
    ));
    presenter.hint(
        "for AWS, set `allowed_ssh_cidr` and `key_pair` in manifest.toml, then run `stackctl plan`",
    );
    Ok(())
}
