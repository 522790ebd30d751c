//! `stackctl import`: which resources of the template the stack could take over.

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::import_candidates;
use crate::operations::session::Session;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::import::ImportDocument;

/// The arguments of `stackctl import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print an `[import]` table for the resources of the template that the stack does not have
    #[arg(long, required = true)]
    suggest: bool,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Shows what could be imported. Nothing is changed: `apply` imports what the manifest names.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open_stack(context)?;
    let presenter = session.presenter();
    let deployment = Deployment::open_to_compare(&session).await?;
    let found = import_candidates::find(&deployment);
    let candidates = deployment.interrupt().guard(found).await?;
    match args.format {
        Format::Json => {
            let stack = &session.settings().stack_name;
            presenter.json(&ImportDocument::of(stack, &candidates))?;
        }
        Format::Human if candidates.is_empty() => {
            presenter.note("The stack has all resources of the template.");
        }
        Format::Human => {
            presenter.data(&human::import::table(&candidates));
            presenter.hint(&format!(
                "copy the lines of resources that exist into the manifest; `{}` then shows the import",
                session.command("plan")
            ));
        }
    }
    Ok(Exit::Done)
}
