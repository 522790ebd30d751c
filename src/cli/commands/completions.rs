//! `stackctl completions`: a completion script for a shell.

use clap::CommandFactory;

use super::{Context, Exit};
use crate::cli::args::Cli;
use crate::error::Result;

/// The arguments of `stackctl completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for
    shell: clap_complete::Shell,
}

/// Prints the script.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "stackctl", &mut script);
    context.presenter().data(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
