//! `stackctl plan`: shows what `apply` would change. Unless the plan is saved, it leaves nothing behind
//! but what CloudFormation reads while it creates a change set.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use super::{Context, Exit};
use crate::cli::deploy_args::DeployArgs;
use crate::cli::stack_set::refuse;
use crate::error::Result;
use crate::operations::artifact_folders::check_output;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::options::DeployOptions;
use crate::operations::deploy::pending_change_set::{PendingChangeSet, Purpose};
use crate::operations::deploy::{import, moves, offline, online, readiness, saved_plan, upload};
use crate::operations::graph::group::Group;
use crate::operations::graph::layout::Layout;
use crate::operations::graph::plan_saving::{self, Request};
use crate::operations::session::Session;
use crate::operations::stack_set::apply;
use crate::operations::upstream::{export_users, inputs};
use crate::plan::Plan;
use crate::plan::plan_file::PlanFile;
use crate::plan::provisional::ProvisionalInput;
use crate::present::format::PlanFormat;
use crate::present::html::page::PageKind;
use crate::present::human;
use crate::present::json::stacks::Kind;
use crate::present::stack_state::StackState;
use crate::util::shell_word::quote;

/// The arguments of `stackctl plan`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The form of the plan
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: PlanFormat,
    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Keep the change set and write a file that `stackctl apply FILE` executes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Predict the changes without credentials or network, against what was last deployed from here
    #[arg(long, conflicts_with_all = ["out", "revert_drift"])]
    offline: bool,
    #[command(flatten)]
    deploy: DeployArgs,
}

impl Args {
    /// Returns how the output of several stacks is put together.
    pub(crate) fn layout(&self) -> Layout {
        match self.format {
            PlanFormat::Human => Layout::PlacedBlocks,
            PlanFormat::Json => Layout::Json(Kind::Plan),
            PlanFormat::Markdown => Layout::Markdown,
            PlanFormat::Html => Layout::Html(PageKind::Plan),
        }
    }

    /// Returns whether the plans are saved.
    pub(crate) fn is_saving(&self) -> bool {
        self.out.is_some()
    }
}

/// Saves the plans of several stacks in one file.
pub(crate) async fn save_several(group: Group<'_>, args: Args) -> Result<u8> {
    let context = group.context();
    let path = args.out.unwrap_or_default();
    let deploy = args.deploy;
    let request = Request {
        out: context.resolve(&path),
        format: args.format,
        options: Box::new(move |mode| deploy.options(mode)),
        has_detailed_code: args.detailed_exitcode,
    };
    let code = plan_saving::run(group, request).await?;
    let apply = format!("apply {}", quote(&path.to_string_lossy()));
    context.presenter().note(&format!(
        "\nSaved to `{}`. `{}` executes exactly these plans.",
        path.display(),
        context.command(&apply, None)
    ));
    Ok(code)
}

/// Creates a change set, shows it and deletes it again, or keeps it for a saved plan.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let out = args.out.as_ref().map(|path| context.resolve(path));
    if let Some(out) = &out {
        PlanFile::check_writable(out)?;
    }
    let session = Session::open(context)?;
    if session.settings().stack_set.is_some() {
        return of_stack_set(&session, &args).await;
    }
    if let Some(out) = &out {
        let (project, settings) = (session.project(), session.settings());
        check_output(project, settings, &[], "--out", out)?;
    }
    let options = args
        .deploy
        .options(session.settings().stack.deployment_mode);
    if args.offline {
        let plan = offline::plan(&session, options).await?;
        let shown = show(&session, &plan, &args);
        import::explain_prediction(&session, &plan);
        if !plan.moved.is_empty() {
            moves::advise(&session);
        }
        return shown;
    }
    let import_session = OnceCell::new();
    let mut deployment = Deployment::open(&session).await?;
    readiness::check_revertible(&deployment, options.revert_drift)?;
    readiness::check(&deployment)?;
    let inputs = inputs::provisional(&mut deployment).await?;
    if out.is_some() {
        inputs::refuse_to_save(&session, &inputs)?;
    }
    if inputs.iter().any(ProvisionalInput::is_unknown) {
        let mut plan = offline::without_inputs(&deployment, inputs, options);
        export_users::find(&deployment, &mut plan).await?;
        inputs::publish(&session, &plan);
        return show(&session, &plan, &args);
    }
    let renames = moves::pending(&deployment).await?;
    if !renames.is_empty() {
        let deployment = moves::renamed(deployment, &renames)?;
        let plan = Plan {
            provisional: inputs,
            ..moves::plan(&deployment, renames).await?
        };
        inputs::publish(&session, &plan);
        args.format.print(&plan, session.presenter())?;
        import::explain_prediction(&session, &plan);
        if args.out.is_some() {
            moves::refuse_to_save(&session)?;
        }
        moves::advise(&session);
        return Ok(exit(&session, &plan, &args));
    }
    let deployment = import::first(deployment, &import_session)?;
    let plan = match &out {
        Some(out) => save(&deployment, options, out).await?,
        None => online::preview(&deployment, options).await?,
    };
    let mut plan = Plan {
        provisional: inputs,
        ..plan
    };
    inputs::publish(&session, &plan);
    export_users::find(&deployment, &mut plan).await?;
    let shown = show(&session, &plan, &args);
    import::explain(&deployment);
    if let (None, Some(left)) = (&out, deployment.left_in_bucket()) {
        session.presenter().note(&format!("\nNote: {left}."));
    }
    shown
}

/// Creates a change set that stays, and writes the file of the saved plan.
async fn save(deployment: &Deployment<'_>, options: DeployOptions, out: &Path) -> Result<Plan> {
    let mut pending = None;
    if options.revert_drift || !deployment.is_unchanged() {
        // What the change set refers to has to exist when somebody executes it.
        let uploaded = upload::upload_artifacts(deployment);
        deployment.interrupt().guard(uploaded).await?;
        pending = Some(PendingChangeSet::create(deployment, Purpose::SavedPlan, options).await?);
    }
    let plan = online::plan(deployment, pending.as_ref());
    let executable = pending.filter(|pending| pending.change_set().is_executable());
    saved_plan::save(deployment, &plan, executable.as_ref(), out).await?;
    Ok(plan)
}

/// Shows what a deployment of the stack set would change.
async fn of_stack_set(session: &Session<'_>, args: &Args) -> Result<Exit> {
    let options = args.deploy.words();
    let options = options.iter().map(|word| (word.as_str(), true));
    let own = [("--out", args.out.is_some()), ("--offline", args.offline)];
    refuse(own.into_iter().chain(options))?;
    let differs = apply::plan(session, args.format).await?;
    Ok(Exit::of_differences(differs, args.detailed_exitcode))
}

/// Shows the plan and returns the exit code.
fn show(session: &Session<'_>, plan: &Plan, args: &Args) -> Result<Exit> {
    let presenter = session.presenter();
    args.format.print(plan, presenter)?;
    if let Some(path) = &args.out {
        let apply = format!("apply {}", quote(&path.to_string_lossy()));
        presenter.note(&format!(
            "\nSaved to `{}`. `{}` executes exactly this plan.",
            path.display(),
            session.context().command(&apply, None)
        ));
    }
    Ok(exit(session, plan, args))
}

/// Returns the exit code.
fn exit(session: &Session<'_>, plan: &Plan, args: &Args) -> Exit {
    let (differs, is_asked) = (!plan.is_empty(), args.detailed_exitcode);
    let state = StackState::of_differences(differs, is_asked);
    let presenter = session.presenter();
    presenter.set_state(state, &human::plan::in_one_line(plan));
    Exit::of_differences(differs, is_asked)
}
