//! `stackctl verify`: runs the smoke test that the manifest describes.

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::context::listen;
use crate::operations::session::Session;
use crate::operations::smoke_test;
use crate::present::format::Format;

/// The arguments of `stackctl verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Runs the smoke test against the deployed stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open_stack(context)?;
    smoke_test::settings(&session)?;
    let interrupt = listen(context)?;
    let reached = session.reach(&interrupt).await?;
    let stack = session.deployed(reached.stack)?;
    let connection = &reached.connection;
    smoke_test::run(&session, &interrupt, connection, &stack, args.format).await?;
    Ok(Exit::Done)
}
