//! `stackctl destroy`: shows what is deleted and what stays, asks, deletes, follows it to its end.

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::context::listen;
use crate::operations::destroy::deletion::Deletion;
use crate::operations::destroy::options::DeletionOptions;
use crate::operations::destroy::prepared::Prepared;
use crate::operations::destroy::{consent, execution};
use crate::operations::session::Session;
use crate::present::event_filter::EventFilter;
use crate::present::format::Format;

/// The arguments of `stackctl destroy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Delete without asking for the stack's name
    #[arg(long, short = 'y')]
    yes: bool,
    /// Empty this bucket first, including all versions; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    empty: Vec<String>,
    /// Delete this resource with the data that it stores; required with `--yes`; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_delete: Vec<String>,
    /// Leave this resource behind; CloudFormation accepts that only after a deletion has failed
    /// (`DELETE_FAILED`); may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    retain: Vec<String>,
    /// Delete in EXPRESS mode: CloudFormation does not wait until the resources are gone
    #[arg(long)]
    express: bool,
    /// Show what would happen, or why it would be refused, and delete nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// The form of what is shown before the deletion
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Which events are shown while the deletion runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventFilter,
}

impl Args {
    /// Returns the options of the deletion.
    fn options(self) -> DeletionOptions {
        DeletionOptions {
            yes: self.yes,
            empty: self.empty,
            allow_delete: self.allow_delete,
            retain: self.retain,
            express: self.express,
            format: self.format,
            events: self.events,
        }
    }
}

/// Deletes the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let interrupt = listen(context)?;
    let is_dry = args.dry_run;
    let options = args.options();
    let Some(deletion) = Deletion::open(&session, &interrupt, &options).await? else {
        return Ok(Exit::Done);
    };
    if deletion.is_running() && !is_dry {
        execution::join(&deletion).await?;
        return Ok(Exit::Done);
    }
    let mut prepared = Prepared::look(&deletion).await?;
    prepared.show(&deletion)?;
    prepared.check(&deletion)?;
    if !is_dry {
        consent::obtain(&deletion, &prepared).await?;
        execution::execute(&deletion, &prepared).await?;
    }
    Ok(Exit::Done)
}
