//! `stackctl init`: writes a new project.

use std::path::{Path, PathBuf};

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::init::{example, existing, minimal};

/// The arguments of `stackctl init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write to; it is created if it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Write only a manifest of two keys and a template with one resource
    #[arg(long, conflicts_with = "from")]
    minimal: bool,
    /// Write a manifest for a template that exists: YAML, JSON or AWS SAM; it is not changed
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// With --from: take the values of parameters from a JSON file, instead of those next to the template;
    /// repeatable
    #[arg(long, value_name = "FILE", requires = "from")]
    parameters: Vec<PathBuf>,
}

/// Writes the project and prints the next steps. Nothing that exists is overwritten.
///
/// # Errors
///
/// Refused, before anything is written, if a file exists with other content. An input error if the
/// template or a parameter file cannot be read. A system error if a file cannot be written.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let dir = args.dir.as_path();
    match &args.from {
        Some(file) => {
            let parameters: Vec<&Path> = args.parameters.iter().map(PathBuf::as_path).collect();
            existing::write(context, dir, file, &parameters).await?;
        }
        None if args.minimal => minimal::write(context, dir)?,
        None => example::write(context, dir)?,
    }
    Ok(Exit::Done)
}
