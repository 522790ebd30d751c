//! `stackctl rollback`: deploys again what an earlier deployment sent.

use super::{Context, Exit};
use crate::cli::apply_args::ApplyArgs;
use crate::error::Result;
use crate::operations::deploy::rollback::{self, Beginning};
use crate::operations::deploy::{online, readiness};
use crate::operations::session::Session;
use crate::operations::upstream::export_users;
use crate::present::format::PlanFormat;

/// The arguments of `stackctl rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The number of the deployment [default: the last one that succeeded before the present one]
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
    /// Show the plan and deploy nothing
    #[arg(long, visible_alias = "plan", conflicts_with_all = ["yes", "wait"])]
    dry_run: bool,
    /// The form of the plan that `--dry-run` shows
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        requires = "dry_run"
    )]
    format: PlanFormat,
    /// With `--dry-run`, exit with 2 if there are changes
    #[arg(long, requires = "dry_run")]
    detailed_exitcode: bool,
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
    let session = Session::open_stack(context)?;
    let beginning = Beginning::read(&session, args.to).await?;
    let record = beginning.target(&session, args.to)?;
    let session = session.with_settings(beginning.settings(&session, &record));
    let repeated = |more: &[String]| args.repeated(&session, record.number, more);
    let application = args.apply.application(&session, &repeated);
    let mut deployment = beginning.deployment(&session, &record).await?;
    readiness::check_revertible(&deployment, application.options.revert_drift)?;
    if args.dry_run {
        readiness::check(&deployment)?;
        let mut plan = online::preview(&deployment, application.options).await?;
        export_users::find(&deployment, &mut plan).await?;
        args.format.print(&plan, session.presenter())?;
        rollback::explain(&deployment, &plan);
        return Ok(Exit::of_differences(
            !plan.is_empty(),
            args.detailed_exitcode,
        ));
    }
    let ApplyArgs {
        wait, yes, events, ..
    } = args.apply;
    readiness::prepare(&mut deployment, wait, yes, events).await?;
    application.run(&mut deployment).await?;
    Ok(Exit::Done)
}
