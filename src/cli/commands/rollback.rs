//! `stackctl rollback`: deploys again what an earlier deployment sent.

use super::{Context, Exit};
use crate::cli::apply_args::ApplyArgs;
use crate::error::Result;
use crate::operations::deploy::readiness;
use crate::operations::deploy::rollback::Beginning;
use crate::operations::session::Session;

/// The arguments of `stackctl rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The number of the deployment [default: the last one that succeeded before the present one]
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
    #[command(flatten)]
    apply: ApplyArgs,
}

impl Args {
    /// Returns the same command line for a deployment with more options, for hints.
    fn repeated(&self, session: &Session<'_>, number: u64, more: &[String]) -> String {
        let mut words = vec![format!("rollback --to {number}")];
        words.extend(self.apply.words(None));
        words.extend_from_slice(more);
        session.command(&words.join(" "))
    }
}

/// Rolls the stack back.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let beginning = Beginning::read(&session, args.to).await?;
    let record = beginning.target(&session, args.to)?;
    let session = session.with_settings(beginning.settings(&session, &record));
    let repeated = |more: &[String]| args.repeated(&session, record.number, more);
    let application = args.apply.application(&session, &repeated);
    let mut deployment = beginning.deployment(&session, &record).await?;
    readiness::check_revertible(&deployment, application.options.revert_drift)?;
    let ApplyArgs {
        wait, yes, events, ..
    } = args.apply;
    readiness::prepare(&mut deployment, wait, yes, events).await?;
    application.run(&mut deployment).await?;
    Ok(Exit::Done)
}
