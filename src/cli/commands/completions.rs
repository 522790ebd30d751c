//! `stackctl completions`: a completion script for a shell.

use super::{Context, Exit};
use crate::error::Result;

/// The arguments of `stackctl completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for
    shell: clap_complete::Shell,
}

/// Prints the script for `program`.
pub fn run(context: &Context, args: &Args, mut program: clap::Command) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "stackctl", &mut script);
    context.presenter().data(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
