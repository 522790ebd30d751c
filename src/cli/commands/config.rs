//! `stackctl config`: the settings, each with the place that it came from.

use super::{Context, Exit};
use crate::config::settings;
use crate::error::Result;
use crate::operations::session::Session;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::config::ConfigDocument;

/// The arguments of `stackctl config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ConfigCommand {
    /// Show every setting with its source: default, manifest line, variable or flag
    Show {
        /// The form of the output
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
}

/// Shows the settings of the chosen environment. It needs no credentials.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    let ConfigCommand::Show { format } = args.command;
    let session = Session::open(context)?;
    let rows = settings::show(session.settings())?;
    let presenter = session.presenter();
    match format {
        Format::Json => presenter.json(&ConfigDocument::of(&rows))?,
        Format::Human => presenter.data(&human::config::settings(&rows, presenter.width())),
    }
    Ok(Exit::Done)
}
