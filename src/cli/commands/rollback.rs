//! `stackctl rollback`: deploys again what an earlier deployment sent.

use super::{Context, Exit};
use crate::cli::deploy_args::DeployArgs;
use crate::error::Result;
use crate::operations::deploy::application::Application;
use crate::operations::deploy::consent::{Consent, allowance};
use crate::operations::deploy::readiness;
use crate::operations::deploy::rollback::Beginning;
use crate::operations::session::Session;
use crate::plan::risk::Guard;
use crate::present::event_filter::EventFilter;

/// The arguments of `stackctl rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The number of the deployment [default: the last one that succeeded before the present one]
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
    /// Roll back without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// Allow a resource that holds data to be replaced; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_replace: Vec<String>,
    /// Allow a resource that holds data to be deleted; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_delete: Vec<String>,
    /// Wait for an operation that is running on the stack, then plan
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    deploy: DeployArgs,
    /// Which events are shown while the deployment runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventFilter,
}

impl Args {
    /// Returns the same command line for a deployment with more options, for hints.
    fn repeated(&self, session: &Session<'_>, number: u64, more: &[String]) -> String {
        let mut words = vec![format!("rollback --to {number}")];
        let flags = [(self.yes, "--yes"), (self.wait, "--wait")];
        let given = flags.iter().filter(|(given, _)| *given);
        words.extend(given.map(|(_, flag)| (*flag).to_owned()));
        words.extend(self.deploy.words());
        let allowed = [
            (Guard::Replace, &self.allow_replace),
            (Guard::Delete, &self.allow_delete),
        ];
        for (guard, names) in allowed {
            words.extend(names.iter().map(|name| allowance(guard, name)));
        }
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
    let application = Application {
        consent: Consent {
            yes: args.yes,
            allow_replace: &args.allow_replace,
            allow_delete: &args.allow_delete,
            repeated: &repeated,
        },
        options: args
            .deploy
            .options(session.settings().stack.deployment_mode),
        events: args.events,
        verify: false,
        outputs_file: None,
    };
    let mut deployment = beginning.deployment(&session, &record).await?;
    readiness::check_revertible(&deployment, application.options.revert_drift)?;
    readiness::prepare(&mut deployment, args.wait, args.yes, args.events).await?;
    application.run(&mut deployment).await?;
    Ok(Exit::Done)
}
