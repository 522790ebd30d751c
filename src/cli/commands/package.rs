//! `stackctl package`: packages what a deployment uploads and prints keys, sizes and digests.

use std::path::PathBuf;

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::artifact_folders::{check_output, unmatched_globs};
use crate::operations::examine;
use crate::operations::graph::layout::Layout;
use crate::operations::package_tree::Packaged;
use crate::operations::prepare::prepare_alone;
use crate::operations::session::Session;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::package::{PackageDocument, UploadEntry};
use crate::present::json::stacks::Kind;

/// The arguments of `stackctl package`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Write each zip into this folder, as NAME.zip
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

impl Args {
    /// Returns how the output of several stacks is put together.
    pub(crate) fn layout(&self) -> Layout {
        match self.format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Package),
        }
    }
}

/// Packages everything that a deployment uploads and shows key, size and digest.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let (project, settings) = (session.project(), session.settings());
    let wheels = prepare_alone(&session).await?;
    let artifacts = context.packaged().build_all(project, settings, &wheels)?;
    let tree = examine::survey(project, settings, &artifacts, session.presenter().secrets())?;
    presenter.diagnostics(&unmatched_globs(settings, &artifacts));
    let zipped = tree.zipped_paths();
    let packaged = examine::package(tree, project, settings, artifacts)?;
    let artifacts = &packaged.artifacts;
    let others = others(&packaged);
    if let Some(folder) = &args.out {
        let folder = context.resolve_output(folder);
        for artifact in artifacts.values() {
            let file = artifact.path_in(&folder);
            check_output(project, settings, &zipped, "--out", &file)?;
        }
        for artifact in artifacts.values() {
            let path = artifact.write_into(&folder)?;
            presenter.note(&format!("Wrote `{}`.", path.display()));
        }
    }
    if artifacts.is_empty() && others.is_empty() {
        presenter.note(
            "The manifest names no artifact, and the template no local file: there is nothing to package.",
        );
    }
    match args.format {
        Format::Json => presenter.json(&PackageDocument::of(artifacts.values(), &others))?,
        Format::Human => {
            let width = presenter.width();
            if !artifacts.is_empty() {
                presenter.data(&human::package::artifacts(artifacts.values(), width));
            }
            if !others.is_empty() {
                presenter.data(&human::package::files(&others, width));
            }
        }
    }
    Ok(Exit::Done)
}

/// Returns the nested templates and the files that are uploaded as they are.
fn others(packaged: &Packaged) -> Vec<UploadEntry<'_>> {
    let templates = packaged.children.iter().map(|child| UploadEntry {
        path: &child.shown,
        key: &child.key,
        sha256: child.digest.hex(),
        size: child.body.len() as u64,
        is_template: true,
    });
    let files = packaged.files.iter().map(|file| UploadEntry {
        path: &file.shown,
        key: &file.file.key,
        sha256: file.file.digest.hex(),
        size: file.file.size,
        is_template: false,
    });
    templates.chain(files).collect()
}
