//! `stackctl man`: the manual page, in roff.

use super::{Context, Exit};
use crate::error::{Error, ErrorKind, Result};
use crate::util::suggest::nearest;

/// The arguments of `stackctl man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command to describe [default: the program itself]
    command: Option<String>,
}

/// Prints the page; `stackctl man | man -l -` shows it.
pub fn run(context: &Context, args: &Args, mut program: clap::Command) -> Result<Exit> {
    program.build();
    let mut command = program.clone();
    if let Some(name) = &args.command {
        command = program
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| unknown(name, &program))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Error::system("cannot write the manual page", error))?;
    context
        .presenter()
        .exact_data(&String::from_utf8_lossy(&page));
    Ok(Exit::Done)
}

fn unknown(name: &str, program: &clap::Command) -> Error {
    let names = program.get_subcommands().map(clap::Command::get_name);
    let error = Error::new(ErrorKind::Usage, format!("there is no command `{name}`"));
    match nearest(name, names) {
        Some(meant) => error.hint(format!("did you mean `stackctl man {meant}`?")),
        None => error.hint("`stackctl --help` lists the commands"),
    }
}
