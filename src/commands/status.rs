//! `stackctl status`.

use super::{Context, Exit};
use crate::error::{Error, Result};

/// The arguments of `stackctl status`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
#[expect(clippy::unused_async, reason = "a stub")]
pub async fn run(_context: &Context, _args: Args) -> Result<Exit> {
    Err(Error::input("not there yet"))
}
