//! `stackctl plan`: what `apply` would change, and nothing left behind.

use super::deployment::Deployment;
use super::session::Session;
use super::{Context, Exit};
use crate::cli::Format;
use crate::error::Result;
use crate::plan::Plan;
use crate::present::Presenter;
use crate::present::human;
use crate::present::json::plan::PlanDocument;

/// The arguments of `stackctl plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The form of the plan
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Exits with 2 where there are changes
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Makes a change set, shows it and removes it again.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let deployment = Deployment::open(&session).await?;
    deployment.check_ready()?;
    let plan = if deployment.is_unchanged() {
        deployment.plan(None)
    } else {
        let proposal = deployment.propose().await?;
        if proposal.change_set.is_executable() {
            deployment.discard(&proposal.change_set.id).await?;
        }
        deployment.plan(Some(proposal.change_set))
    };
    show(session.presenter(), &plan, args.format)?;
    if args.detailed_exitcode && !plan.is_empty() {
        return Ok(Exit::Differences);
    }
    Ok(Exit::Done)
}

/// Shows a plan on stdout.
pub(super) fn show(presenter: &Presenter, plan: &Plan, format: Format) -> Result<()> {
    match format {
        Format::Human => presenter.data(&human::plan::plan(plan, presenter.width())),
        Format::Json => presenter.json(&PlanDocument::of(plan))?,
    }
    Ok(())
}
