//! `stackctl apply`: plan, ask, execute exactly what was shown, follow it to its end.

use std::path::{Path, PathBuf};

use super::{Context, Exit, plan, verify};
use crate::cli::args::{EventsShown, Format, PlanFormat};
use crate::cloudformation::event::Timeline;
use crate::cloudformation::stack::Stack;
use crate::error::{Error, Result};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::options::DeployOptions;
use crate::operations::deploy::pending_change_set::Purpose;
use crate::operations::deploy::saved_plan::Saved;
use crate::operations::deploy::{code_check, offline};
use crate::operations::follow;
use crate::operations::session::Session;
use crate::plan::risk::{Guard, Risk};
use crate::plan::{Plan, masking};
use crate::present::human;
use crate::present::json::stack::OutputsDocument;
use crate::util::shell_word;

/// The arguments of `stackctl apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan that `stackctl plan --out` saved: executes exactly that one
    #[arg(
        value_name = "PLAN",
        conflicts_with_all = ["wait", "no_rollback", "on_failure", "import_existing", "revert_drift"]
    )]
    plan: Option<PathBuf>,
    /// Applies without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// Allows a resource that holds data to be replaced; may be given several times
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_replace: Vec<String>,
    /// Allows a resource that holds data to be deleted; may be given several times
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_delete: Vec<String>,
    /// Waits for an operation that is running on the stack, then plans
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    options: DeployOptions,
    /// Which events are shown while the deployment runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventsShown,
    /// Ends with `verify`, also where the manifest does not ask for it
    #[arg(long)]
    verify: bool,
    /// Writes the outputs to a file as JSON
    #[arg(long, value_name = "FILE")]
    outputs_file: Option<PathBuf>,
}

impl Args {
    /// Returns this very command with more options, for hints.
    fn again(&self, session: &Session<'_>, more: &[String]) -> String {
        let mut words = vec!["apply".to_owned()];
        let paths = [
            (None, &self.plan),
            (Some("--outputs-file"), &self.outputs_file),
        ];
        for (option, path) in paths {
            if let Some(path) = path {
                words.extend(option.map(str::to_owned));
                words.push(shell_word::quote(&path.to_string_lossy()));
            }
        }
        let flags = [
            (self.yes, "--yes"),
            (self.wait, "--wait"),
            (self.verify, "--verify"),
        ];
        let given = flags.iter().filter(|(given, _)| *given);
        words.extend(given.map(|(_, flag)| (*flag).to_owned()));
        words.extend(self.options.spelled());
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
        let environment = environment.then_some(session.settings.environment.as_str());
        session.context.command(&words.join(" "), environment)
    }

    /// Says before the deployment, not after it, that its outputs cannot be written.
    fn check_outputs_file(&self, session: &Session<'_>) -> Result<()> {
        let Some(path) = &self.outputs_file else {
            return Ok(());
        };
        session.check_writable(path).map_err(|error| {
            error.hint("nothing was deployed; name another file with `--outputs-file`")
        })
    }
}

fn allowance(guard: Guard, logical_id: &str) -> String {
    format!("{} {}", guard.option(), shell_word::quote(logical_id))
}

/// Deploys the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    if let Some(path) = &args.plan {
        return apply_saved(context, &args, path).await;
    }
    let session = Session::open(context)?;
    args.check_outputs_file(&session)?;
    let presenter = session.presenter();
    let mut deployment = Deployment::open(&session).await?;
    deployment.check_revertible(args.options.revert_drift)?;
    deployment
        .make_ready(args.wait, args.yes, args.events)
        .await?;
    let unchanged = deployment.is_unchanged() && !args.options.revert_drift;
    let nothing_to_do = unchanged && deployment.settings_changes().is_empty();
    if !args.yes && !presenter.is_interactive() && !nothing_to_do {
        return Err(nobody_to_ask(&session, &args));
    }

    let pending = if unchanged {
        None
    } else {
        deployment.interrupt.guard(deployment.upload()).await?;
        Some(deployment.propose(Purpose::Command, args.options).await?)
    };
    let plan = deployment.plan(pending.as_ref());
    plan::show(presenter, &plan, PlanFormat::Human)?;
    let executable = pending.filter(|pending| pending.change_set.is_executable());
    let checked = check_guards(&session, &args, &plan).and_then(|()| {
        executable
            .as_ref()
            .map_or(Ok(()), |made| deployment.check_wishes(made))
    });
    let agreed = match checked {
        Ok(()) if !args.yes && !plan.is_empty() => {
            deployment.interrupt.guard(confirm(&session, &args)).await
        }
        checked => checked,
    };
    if let Err(error) = agreed {
        return Err(match executable {
            Some(pending) => deployment.abandon(&pending.change_set.id, error).await,
            None => error,
        });
    }
    let executed = match &executable {
        Some(pending) => Some(follow::execute(&deployment, pending, args.events).await?),
        None => None,
    };
    finish(&deployment, &args, &plan, executed).await
}

/// Executes the change set of a saved plan, where everything is as it was.
async fn apply_saved(context: &Context, args: &Args, path: &Path) -> Result<Exit> {
    let saved = Saved::read(context, path)?;
    let session = Session::open_environment(context, Some(saved.environment().to_owned()))?;
    args.check_outputs_file(&session)?;
    let presenter = session.presenter();
    if !args.yes && !presenter.is_interactive() {
        return Err(nobody_to_ask(&session, args));
    }
    let deployment = Deployment::open(&session).await?;
    saved.check(&deployment)?;
    let pending = deployment.interrupt.guard(saved.pending(&deployment));
    let pending = pending.await?;
    let plan = deployment.plan(pending.as_ref());
    plan::show(presenter, &plan, PlanFormat::Human)?;
    check_guards(&session, args, &plan)?;
    if let Some(pending) = &pending {
        deployment.check_wishes(pending)?;
    }
    if !args.yes && !plan.is_empty() {
        // Declined or interrupted, the plan stays: it can still be applied.
        let confirmed = confirm(&session, args);
        deployment.interrupt.guard(confirmed).await?;
    }
    let executed = match &pending {
        Some(pending) => {
            // The files are those of the plan: this sends only what the bucket lost since.
            deployment.interrupt.guard(deployment.upload()).await?;
            Some(follow::execute(&deployment, pending, args.events).await?)
        }
        None => None,
    };
    finish(&deployment, args, &plan, executed).await
}

fn nobody_to_ask(session: &Session<'_>, args: &Args) -> Error {
    Error::refused("there is no terminal to ask on, and --yes was not given").hint(format!(
        "run `{}`",
        args.again(session, &["--yes".to_owned()])
    ))
}

/// Refuses to lose what a resource stores, unless the command line names the resource.
///
/// `--yes` is no answer to this: it is given once and for all, by a script that has not seen the plan.
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
    let mut said = Vec::new();
    for (risk, guard) in &guarded {
        more.push(allowance(*guard, &risk.logical_id));
        said.push(format!("`{}` {}", risk.logical_id, risk.reason));
    }
    let command = args.again(session, &more);
    Err(Error::refused(format!("not applied: {}", said.join("; ")))
        .hint(format!("if that is what you want: `{command}`")))
}

async fn confirm(session: &Session<'_>, args: &Args) -> Result<()> {
    let presenter = session.presenter();
    presenter.note("\nDo you want to apply these changes? Only 'yes' will be accepted.");
    let answer = presenter
        .ask("Apply:", &args.again(session, &["--yes".to_owned()]))
        .await?;
    if answer == "yes" {
        return Ok(());
    }
    Err(Error::refused("not applied: the answer was not `yes`"))
}

/// What follows a deployment, also one that changed nothing: protection, outputs, verification.
async fn finish(
    deployment: &Deployment<'_>,
    args: &Args,
    plan: &Plan,
    executed: Option<(Stack, Timeline)>,
) -> Result<Exit> {
    let session = deployment.session;
    let presenter = session.presenter();
    deployment.change_settings(&plan.settings).await?;
    let (stack, happened) = executed.unzip();
    let Some(stack) = stack.or_else(|| deployment.stack.clone()) else {
        return Ok(Exit::Done);
    };
    let mut shown = stack.clone();
    masking::hide_outputs(&mut shown, &deployment.build.template);
    if happened.is_some() {
        presenter.note(&format!("\nApplied: {} is {}.\n", stack.name, stack.status));
        presenter.data(&human::stack::outputs(&shown, presenter.width()));
    }
    offline::remember(deployment, &stack);
    if let Some(path) = &args.outputs_file {
        session.write_json(path, &OutputsDocument::of(&shown))?;
    }
    if let Some(happened) = &happened {
        let code = code_check::check(deployment, happened);
        deployment.interrupt.guard(code).await?;
    }
    let after_apply = session
        .settings
        .verify
        .as_ref()
        .is_some_and(|verify| verify.after_apply);
    if args.verify || happened.is_some() && after_apply {
        presenter.note("");
        let (interrupt, connection) = (&deployment.interrupt, &deployment.connection);
        verify::probe(session, interrupt, connection, &stack, Format::Human).await?;
    }
    Ok(Exit::Done)
}
