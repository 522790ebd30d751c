//! `stackctl schema`: the manifest's JSON Schema, for editors.

use super::{Context, Exit};
use crate::config::manifest;
use crate::error::Result;

/// The arguments of `stackctl schema`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the JSON Schema of the manifest. It needs no project.
pub fn run(context: &Context, _args: &Args) -> Result<Exit> {
    context.presenter().json(&manifest::schema())?;
    Ok(Exit::Done)
}
