//! `stackctl apply`: plan, ask, execute exactly what was shown, follow it to its end.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use super::{Context, Exit};
use crate::cli::deploy_args::DeployArgs;
use crate::cloudformation::event::Timeline;
use crate::cloudformation::stack::{self, Stack};
use crate::error::{Error, Result};
use crate::operations::build::Build;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::pending_change_set::{PendingChangeSet, Purpose, discard_after};
use crate::operations::deploy::saved_plan::SavedPlan;
use crate::operations::deploy::{
    code_check, execution, import, offline, online, readiness, stack_settings, upload,
};
use crate::operations::session::Session;
use crate::operations::{output_file, smoke_test};
use crate::plan::risk::{Guard, Risk};
use crate::plan::{Plan, masking};
use crate::present::event_filter::EventFilter;
use crate::present::format::{Format, PlanFormat};
use crate::present::human;
use crate::present::json::stack::OutputsDocument;
use crate::util::shell_word::quote;

/// The arguments of `stackctl apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan that `stackctl plan --out` saved: execute exactly that one
    #[arg(
        value_name = "PLAN",
        conflicts_with_all = ["wait", "no_rollback", "on_failure", "import_existing", "revert_drift"]
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

    /// Checks before the deployment, not after it, that the smoke test is configured and the outputs
    /// can be written.
    fn check_end(&self, session: &Session<'_>) -> Result<()> {
        if self.verify {
            smoke_test::settings(session)?;
        }
        let Some(path) = &self.outputs_file else {
            return Ok(());
        };
        output_file::check_writable(&session.context().resolve(path)).map_err(|error| {
            error.hint("nothing was deployed; name another file with `--outputs-file`")
        })
    }
}

fn allowance(guard: Guard, logical_id: &str) -> String {
    format!("{} {}", guard.option(), quote(logical_id))
}

/// Deploys the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    if let Some(path) = &args.plan {
        return apply_saved(context, &args, path).await;
    }
    let session = Session::open(context)?;
    args.check_end(&session)?;
    let options = args.deploy.options();
    let import_session = OnceCell::new();
    let mut deployment = Deployment::open(&session).await?;
    readiness::check_revertible(&deployment, options.revert_drift)?;
    readiness::prepare(&mut deployment, args.wait, args.yes, args.events).await?;
    let mut deployment = import::first(deployment, &import_session)?;
    let unchanged = deployment.is_unchanged() && !options.revert_drift;
    if !(unchanged && stack_settings::changes(&deployment).is_empty()) {
        check_can_ask(&session, &args)?;
    }

    let pending = if unchanged {
        None
    } else {
        let uploaded = upload::upload_artifacts(&deployment);
        deployment.interrupt().guard(uploaded).await?;
        Some(PendingChangeSet::create(&deployment, Purpose::Command, options).await?)
    };
    let plan = online::plan(&deployment, pending.as_ref());
    let pending = pending.filter(|pending| pending.change_set().is_executable());
    if let Err(mut error) = agree(&deployment, &args, &plan, pending.as_ref()).await {
        if let Some(left) = deployment.left_in_bucket() {
            error = error.hint(left);
        }
        return Err(match &pending {
            Some(pending) => discard_after(&deployment, &pending.change_set().id, error).await,
            None => error,
        });
    }
    let executed = match &pending {
        Some(pending) => Some(execution::execute(&deployment, pending, args.events).await?),
        None => None,
    };
    finish(&mut deployment, &args, &plan, executed).await
}

/// Executes the change set of a saved plan, if nothing has changed since.
async fn apply_saved(context: &Context, args: &Args, path: &Path) -> Result<Exit> {
    let saved = SavedPlan::read(context, path)?;
    let session = Session::open_environment(context, Some(saved.environment().to_owned()))?;
    args.check_end(&session)?;
    check_can_ask(&session, args)?;
    saved.check_settings(&session)?;
    let import_session = OnceCell::new();
    let check = |build: &Build| saved.check_files(&session, build);
    let deployment = Deployment::open_checked(&session, check).await?;
    saved.check_deployed(&deployment)?;
    let mut deployment = import::first(deployment, &import_session)?;
    let pending = saved.pending(&deployment);
    let pending = deployment.interrupt().guard(pending).await?;
    let plan = online::plan(&deployment, pending.as_ref());
    // If the user declines or interrupts, the plan stays: it can still be applied.
    agree(&deployment, args, &plan, pending.as_ref()).await?;
    let executed = match &pending {
        Some(pending) => {
            // The files are those of the plan: this uploads only what the bucket lost since.
            let uploaded = upload::upload_artifacts(&deployment);
            deployment.interrupt().guard(uploaded).await?;
            Some(execution::execute(&deployment, pending, args.events).await?)
        }
        None => None,
    };
    finish(&mut deployment, args, &plan, executed).await
}

/// Refuses a run that would have to ask and cannot.
fn check_can_ask(session: &Session<'_>, args: &Args) -> Result<()> {
    if args.yes || session.presenter().is_interactive() {
        return Ok(());
    }
    let command = args.repeated(session, &["--yes".to_owned()]);
    Err(
        Error::refused("cannot ask a question without a terminal, and --yes was not given")
            .hint(format!("run `{command}`")),
    )
}

/// Shows the plan, checks it, and asks whether to apply it.
///
/// # Errors
///
/// Refused if data would be lost that the command line does not name, if CloudFormation cannot
/// execute the change set, or if the answer is not `yes`.
async fn agree(
    deployment: &Deployment<'_>,
    args: &Args,
    plan: &Plan,
    pending: Option<&PendingChangeSet>,
) -> Result<()> {
    let session = deployment.session();
    PlanFormat::Human.print(plan, session.presenter())?;
    import::explain(deployment);
    check_guards(session, args, plan)?;
    if let Some(pending) = pending {
        pending.check(deployment)?;
    }
    if args.yes || plan.is_empty() {
        return Ok(());
    }
    let asked = confirm(deployment, args, plan);
    deployment.interrupt().guard(asked).await
}

/// Refuses to lose what a resource stores, unless the command line names the resource.
///
/// `--yes` does not allow it: a script gives `--yes` without having seen the plan.
fn check_guards(session: &Session<'_>, args: &Args, plan: &Plan) -> Result<()> {
    let guarded: Vec<(&Risk, Guard)> = plan
        .assessment
        .risks
        .iter()
        .filter_map(|risk| Some((risk, risk.guard?)))
        .filter(|(risk, guard)| {
            let allowed = match guard {
                Guard::Replace => &args.allow_replace,
                Guard::Delete => &args.allow_delete,
            };
            !allowed.contains(&risk.logical_id)
        })
        .collect();
    if guarded.is_empty() {
        return Ok(());
    }
    let mut more = Vec::new();
    let mut losses = Vec::new();
    for (risk, guard) in &guarded {
        more.push(allowance(*guard, &risk.logical_id));
        losses.push(format!("`{}` {}", risk.logical_id, risk.reason));
    }
    let command = args.repeated(session, &more);
    Err(
        Error::refused(format!("not applied: {}", losses.join("; ")))
            .hint(format!("if that is what you want: `{command}`")),
    )
}

async fn confirm(deployment: &Deployment<'_>, args: &Args, plan: &Plan) -> Result<()> {
    let session = deployment.session();
    let presenter = session.presenter();
    let losses: Vec<String> = plan
        .assessment
        .risks
        .iter()
        .filter(|risk| risk.guard.is_some())
        .map(|risk| format!("{} {}", risk.logical_id, risk.reason))
        .collect();
    if !losses.is_empty() {
        presenter.note(&format!("\nLost: {}.", losses.join("; ")));
    }
    let place = stack::place(
        &session.settings().stack_name,
        &deployment.identity().account,
        deployment.connection().region(),
    );
    presenter.note(&format!(
        "\nDo you want to apply these changes to {place}? Only 'yes' will be accepted."
    ));
    let answer = presenter
        .ask("Apply:", &args.repeated(session, &["--yes".to_owned()]))
        .await?;
    if answer == "yes" {
        return Ok(());
    }
    Err(Error::refused("not applied: the answer was not `yes`"))
}

/// Does what follows a deployment, also one that changed nothing: outputs, stack settings, smoke test.
/// The outputs come first: the deployment is done, whatever fails after it.
async fn finish(
    deployment: &mut Deployment<'_>,
    args: &Args,
    plan: &Plan,
    executed: Option<(Stack, Timeline)>,
) -> Result<Exit> {
    let session = deployment.session();
    let presenter = session.presenter();
    let (stack, happened) = executed.unzip();
    let Some(stack) = stack.or_else(|| deployment.stack().cloned()) else {
        return Ok(Exit::Done);
    };
    let mut shown = stack.clone();
    masking::hide_outputs(&mut shown, &deployment.build().template);
    if happened.is_some() {
        presenter.note(&format!("\nApplied: {} is {}.\n", stack.name, stack.status));
        presenter.data(&human::stack::outputs(&shown, presenter.width()));
    }
    offline::remember(deployment, &stack);
    if let Some(path) = &args.outputs_file {
        output_file::write_json(
            &session.context().resolve(path),
            &OutputsDocument::of(&shown),
            presenter.secrets(),
        )?;
    }
    let set = stack_settings::apply(deployment, &plan.settings);
    let set = deployment.interrupt().guard(set).await;
    set.map_err(|error| match happened {
        Some(_) => error.within("the stack was deployed, but its settings are not all set"),
        None => error,
    })?;
    if let Some(happened) = &happened {
        let code = code_check::check(deployment, happened);
        deployment.interrupt().guard(code).await?;
        import::finish(deployment, &stack).await?;
    }
    let after_apply = session
        .settings()
        .verify
        .as_ref()
        .is_some_and(|verify| verify.after_apply);
    let imports = !deployment.build().imports.is_empty();
    if !imports && (args.verify || happened.is_some() && after_apply) {
        presenter.note("");
        let (interrupt, connection) = (deployment.interrupt(), deployment.connection());
        smoke_test::run(session, interrupt, connection, &stack, Format::Human).await?;
    }
    Ok(Exit::Done)
}
