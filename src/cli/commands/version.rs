//! `stackctl version`.

use super::{Context, Exit};
use crate::error::Result;
use crate::present::format::Format;
use crate::present::json::version::VersionDocument;

/// The arguments of `stackctl version`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Prints the version.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    match args.format {
        Format::Human => context.presenter().data(&format!("stackctl {version}\n")),
        Format::Json => context.presenter().json(&VersionDocument::of(version))?,
    }
    Ok(Exit::Done)
}
