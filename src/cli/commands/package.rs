//! `stackctl package`: builds the zips and prints their keys, sizes and digests.

use std::path::PathBuf;

use super::{Context, Exit};
use crate::artifact::package;
use crate::error::Result;
use crate::operations::prepare::prepare_alone;
use crate::operations::session::Session;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::package::PackageDocument;

/// The arguments of `stackctl package`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write each zip into this folder, as NAME.zip
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Builds every artifact and shows key, size and digest.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let packages = prepare_alone(&session).await?;
    let artifacts = package::build_all(session.project(), session.settings(), &packages)?;
    if let Some(folder) = &args.out {
        let folder = context.ambient().current_dir.join(folder);
        for artifact in artifacts.values() {
            let path = artifact.write_into(&folder)?;
            presenter.note(&format!("Wrote `{}`.", path.display()));
        }
    }
    if artifacts.is_empty() {
        presenter.note("The manifest names no artifact: there is nothing to package.");
    }
    match args.format {
        Format::Json => presenter.json(&PackageDocument::of(artifacts.values()))?,
        Format::Human if artifacts.is_empty() => {}
        Format::Human => {
            let table = human::package::artifacts(artifacts.values(), presenter.width());
            presenter.data(&table);
        }
    }
    Ok(Exit::Done)
}
