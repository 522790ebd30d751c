//! `stackctl config`.

use super::{Context, Exit};
use crate::error::{Error, Result};

/// The arguments of `stackctl config`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_context: &Context, _args: &Args) -> Result<Exit> {
    Err(Error::input("not there yet"))
}
