//! `stackctl doctor`: checks whether what a deployment needs is in place.

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::doctor;
use crate::operations::graph::layout::Layout;
use crate::plan::checkup::Verdict;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::checkup::CheckupDocument;
use crate::present::json::stacks::Kind;
use crate::present::stack_state::StackState;

/// The arguments of `stackctl doctor`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

impl Args {
    /// Returns how the output of several stacks is put together.
    pub(crate) fn layout(&self) -> Layout {
        match self.format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Doctor),
        }
    }
}

/// Makes all checks and shows them. The exit code is 1 if one failed. Nothing is changed or created.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let presenter = context.presenter();
    presenter.progress("looking");
    let checkup = doctor::examine(context).await;
    presenter.clear_progress();
    match args.format {
        Format::Human => presenter.data(&human::checkup::checkup(&checkup, presenter.width())),
        Format::Json => presenter.json(&CheckupDocument::of(&checkup))?,
    }
    let totals = human::checkup::totals(&checkup);
    if checkup.verdict() == Verdict::Failed {
        presenter.set_state(StackState::Failed, &totals);
        return Ok(Exit::Code(1));
    }
    presenter.set_state(StackState::Done, &totals);
    Ok(Exit::Done)
}
