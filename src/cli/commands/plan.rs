//! `stackctl plan`: shows what `apply` would change. Unless the plan is saved, it leaves nothing behind
//! but what CloudFormation reads while it creates a change set.

use std::path::PathBuf;

use super::{Context, Exit};
use crate::cli::deploy_args::DeployArgs;
use crate::cli::stack_set::{refuse, refuse_among_several};
use crate::error::Result;
use crate::operations::artifact_folders::check_output;
use crate::operations::deploy::preview;
use crate::operations::graph::group::Group;
use crate::operations::graph::layout::Layout;
use crate::operations::graph::plan_saving::{self, Request};
use crate::operations::session::Session;
use crate::operations::stack_set::apply;
use crate::plan::Plan;
use crate::plan::plan_file::PlanFile;
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
    /// Returns the arguments that show a plan in this format.
    pub(crate) fn shown_as(format: PlanFormat) -> Self {
        Self {
            format,
            detailed_exitcode: false,
            out: None,
            offline: false,
            deploy: DeployArgs::default(),
        }
    }

    /// Returns the arguments for a plan in a comment.
    pub(crate) fn for_comment(out: Option<PathBuf>, deploy: DeployArgs) -> Self {
        Self {
            out,
            deploy,
            ..Self::shown_as(PlanFormat::Markdown)
        }
    }

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
    refuse_among_several(&group, [("--out", true)])?;
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
    let request = preview::Request {
        options,
        is_offline: args.offline,
        out: out.as_deref(),
    };
    preview::run(&session, request, |plan, is_saved| {
        show(&session, plan, is_saved, &args)
    })
    .await
}

/// Shows what a deployment of the stack set would change.
async fn of_stack_set(session: &Session<'_>, args: &Args) -> Result<Exit> {
    let options = args.deploy.words();
    let options = options.iter().map(|word| (word.as_str(), true));
    let own = [("--out", args.out.is_some()), ("--offline", args.offline)];
    refuse(own.into_iter().chain(options))?;
    let plan = apply::plan(session, args.format).await?;
    let (differs, is_asked) = (!plan.is_empty(), args.detailed_exitcode);
    let state = StackState::of_differences(differs, is_asked);
    let presenter = session.presenter();
    presenter.set_state(state, &human::stack_set::in_one_line(&plan));
    Ok(Exit::of_differences(differs, is_asked))
}

/// Shows the plan and returns the exit code.
fn show(session: &Session<'_>, plan: &Plan, is_saved: bool, args: &Args) -> Result<Exit> {
    let presenter = session.presenter();
    args.format.print(plan, presenter)?;
    if let Some(path) = args.out.as_ref().filter(|_| is_saved) {
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
