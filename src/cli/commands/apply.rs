//! `stackctl apply`: plan, ask, execute exactly what was shown, follow it to its end.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use super::{Context, Exit};
use crate::cli::deploy_args::DeployArgs;
use crate::error::Result;
use crate::operations::build::Build;
use crate::operations::deploy::application::Application;
use crate::operations::deploy::consent::{Consent, allowance};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::saved_plan::SavedPlan;
use crate::operations::deploy::{import, moves, readiness};
use crate::operations::session::Session;
use crate::plan::risk::Guard;
use crate::present::event_filter::EventFilter;
use crate::util::shell_word::quote;

/// The arguments of `stackctl apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan that `stackctl plan --out` saved: execute exactly that one
    #[arg(
        value_name = "PLAN",
        conflicts_with_all = [
            "wait", "no_rollback", "on_failure", "import_existing", "revert_drift", "express",
            "no_validation",
        ]
    )]
    plan: Option<PathBuf>,
    /// Apply without asking
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
    /// Run `verify` at the end, also if the manifest does not ask for it
    #[arg(long)]
    verify: bool,
    /// Write the outputs to a file as JSON
    #[arg(long, value_name = "FILE")]
    outputs_file: Option<PathBuf>,
}

impl Args {
    /// Returns the same command line with more options, for hints.
    fn repeated(&self, session: &Session<'_>, more: &[String]) -> String {
        let mut words = vec!["apply".to_owned()];
        let paths = [
            (None, &self.plan),
            (Some("--outputs-file"), &self.outputs_file),
        ];
        for (option, path) in paths {
            if let Some(path) = path {
                words.extend(option.map(str::to_owned));
                words.push(quote(&path.to_string_lossy()));
            }
        }
        let flags = [
            (self.yes, "--yes"),
            (self.wait, "--wait"),
            (self.verify, "--verify"),
        ];
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
        // A saved plan knows its environment.
        let environment = self.plan.is_none();
        let environment = environment.then_some(session.settings().environment.as_str());
        session.context().command(&words.join(" "), environment)
    }

    /// Returns how the deployment is applied. `repeated` is [`Self::repeated`].
    fn application<'a>(
        &'a self,
        session: &Session<'_>,
        repeated: &'a dyn Fn(&[String]) -> String,
    ) -> Application<'a> {
        let mode = session.settings().stack.deployment_mode;
        let outputs_file = self.outputs_file.as_ref();
        Application {
            consent: Consent {
                yes: self.yes,
                allow_replace: &self.allow_replace,
                allow_delete: &self.allow_delete,
                repeated,
            },
            options: self.deploy.options(mode),
            events: self.events,
            verify: self.verify,
            outputs_file: outputs_file.map(|path| session.context().resolve(path)),
        }
    }
}

/// Deploys the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    if let Some(path) = &args.plan {
        return apply_saved(context, &args, path).await;
    }
    let session = Session::open(context)?;
    let repeated = |more: &[String]| args.repeated(&session, more);
    let application = args.application(&session, &repeated);
    application.check_end(&session)?;
    let import_session = OnceCell::new();
    let mut deployment = Deployment::open(&session).await?;
    readiness::check_revertible(&deployment, application.options.revert_drift)?;
    readiness::prepare(&mut deployment, args.wait, args.yes, args.events).await?;
    let deployment = moves::refuse_pending(deployment).await?;
    let mut deployment = import::first(deployment, &import_session)?;
    application.run(&mut deployment).await?;
    Ok(Exit::Done)
}

/// Executes the change set of a saved plan, if nothing has changed since.
async fn apply_saved(context: &Context, args: &Args, path: &Path) -> Result<Exit> {
    let saved = SavedPlan::read(context, path)?;
    let session = Session::open_environment(context, Some(saved.environment().to_owned()))?;
    let repeated = |more: &[String]| args.repeated(&session, more);
    let application = args.application(&session, &repeated);
    application.check_end(&session)?;
    application.consent.check_can_ask(&session)?;
    saved.check_settings(&session)?;
    let import_session = OnceCell::new();
    let check = |build: &Build| saved.check_files(&session, build);
    let deployment = Deployment::open_checked(&session, check).await?;
    saved.check_deployed(&deployment)?;
    let deployment = moves::refuse_pending(deployment).await?;
    let mut deployment = import::first(deployment, &import_session)?;
    application.execute_saved(&mut deployment, &saved).await?;
    Ok(Exit::Done)
}
