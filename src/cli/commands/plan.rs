//! `stackctl plan`: what `apply` would change; nothing is left behind, unless it is to be saved.

use std::path::PathBuf;

use super::{Context, Exit};
use crate::cli::args::PlanFormat;
use crate::error::Result;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::options::DeployOptions;
use crate::operations::deploy::pending_change_set::Purpose;
use crate::operations::deploy::{offline, saved_plan};
use crate::operations::session::Session;
use crate::plan::Plan;
use crate::plan::plan_file::PlanFile;
use crate::present::json::plan::PlanDocument;
use crate::present::{Presenter, human, markdown};
use crate::util::shell_word;

/// The arguments of `stackctl plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The form of the plan
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: PlanFormat,
    /// Exits with 2 where there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Keeps the change set and writes a file that `stackctl apply FILE` takes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Predicts the changes without credentials or network, against what was last deployed from here
    #[arg(long, conflicts_with_all = ["out", "revert_drift"])]
    offline: bool,
    #[command(flatten)]
    options: DeployOptions,
}

/// Makes a change set, shows it and removes it again, or keeps it for a saved plan.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let out = args.out.as_ref();
    let out = out.map(|path| context.ambient.current_dir.join(path));
    if let Some(out) = &out {
        PlanFile::check_writable(out)?;
    }
    let session = Session::open(context)?;
    if args.offline {
        let plan = offline::plan(&session)?;
        return end(&session, &plan, &args);
    }
    let deployment = Deployment::open(&session).await?;
    deployment.check_revertible(args.options.revert_drift)?;
    deployment.check_ready()?;
    let mut pending = None;
    if args.options.revert_drift || !deployment.is_unchanged() {
        let purpose = if out.is_some() {
            // What the change set refers to has to be there when somebody executes it.
            deployment.interrupt.guard(deployment.upload()).await?;
            Purpose::SavedPlan
        } else {
            Purpose::Command
        };
        pending = Some(deployment.propose(purpose, args.options).await?);
    }
    let plan = deployment.plan(pending.as_ref());
    let executable = pending.filter(|made| made.change_set.is_executable());
    match (&out, &executable) {
        (Some(out), _) => saved_plan::save(&deployment, &plan, executable.as_ref(), out).await?,
        (None, Some(made)) => deployment.discard(made).await?,
        (None, None) => {}
    }
    end(&session, &plan, &args)
}

/// Shows the plan and says how it came out.
fn end(session: &Session<'_>, plan: &Plan, args: &Args) -> Result<Exit> {
    show(session.presenter(), plan, args.format)?;
    if let Some(path) = &args.out {
        let apply = format!("apply {}", shell_word::quote(&path.to_string_lossy()));
        session.presenter().note(&format!(
            "\nSaved to `{}`. `{}` executes exactly this plan.",
            path.display(),
            session.context.command(&apply, None)
        ));
    }
    if args.detailed_exitcode && !plan.is_empty() {
        return Ok(Exit::Differences);
    }
    Ok(Exit::Done)
}

/// Shows a plan on stdout.
pub(crate) fn show(presenter: &Presenter, plan: &Plan, format: PlanFormat) -> Result<()> {
    match format {
        PlanFormat::Human => presenter.data(&human::plan::plan(
            plan,
            presenter.is_verbose(),
            presenter.width(),
        )),
        PlanFormat::Json => presenter.json(&PlanDocument::of(plan))?,
        PlanFormat::Markdown => presenter.data(&markdown::plan(plan)),
    }
    Ok(())
}
