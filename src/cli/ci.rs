//! `stackctl ci`: planning and applying in a pipeline, with a comment on the pull request or merge request.

use std::path::PathBuf;

use clap::ValueEnum;

use super::commands::{Exit, apply, plan};
use crate::cli::deploy_args::DeployArgs;
use crate::cli::global::GlobalOptions;
use crate::error::{Error, Result};
use crate::forge::Pipeline;
use crate::operations::context::Context;
use crate::operations::pipeline;
use crate::present::markdown::comment::{Comment, Weight};
use crate::present::markdown::pipeline::{applied, planned, weight};
use crate::present::output::Part;
use crate::util::shell_word::quote;

/// The arguments of `stackctl ci`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) step: Step,
}

/// What a run of a pipeline does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Step {
    /// Plan, and keep one comment with the plan up to date
    Plan(PlanArgs),
    /// Execute the plan that `ci plan --out` saved, and comment on how it ended
    Apply(apply::Args),
}

/// The arguments of `stackctl ci plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// Exit with 2 if the plan has dangers, or changes; a plan that fails exits with its own code
    #[arg(long, value_name = "WHAT", default_value = "never")]
    fail_on: FailOn,
    /// Keep the change sets and write a file that `stackctl ci apply FILE` executes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    deploy: DeployArgs,
}

/// What makes `ci plan` exit with 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// What the plan lists under "Danger"
    Danger,
    /// Any change
    Changes,
    /// Nothing
    #[default]
    Never,
}

impl PlanArgs {
    /// Returns the arguments of the plan.
    pub(crate) fn plan(&self) -> plan::Args {
        plan::Args::for_comment(self.out.clone(), self.deploy)
    }

    /// Returns the exit code of a run that planned.
    fn exit(&self, weight: Weight) -> Exit {
        let fails = match self.fail_on {
            FailOn::Danger => weight >= Weight::Danger,
            FailOn::Changes => weight >= Weight::Changes,
            FailOn::Never => false,
        };
        if fails { Exit::Differences } else { Exit::Done }
    }
}

/// Comments on how the plan ended, and returns the exit code of the run. `kept` is the context in which the
/// plan was made, with what it printed.
pub(crate) async fn report_plan(
    context: &Context,
    global: &GlobalOptions,
    args: &PlanArgs,
    kept: &Context,
    ended: Result<Exit>,
) -> Result<Exit> {
    let parts = kept.presenter().take_output().into_iter();
    let plan: Option<Comment> = parts.fold(None, |found, part| match part {
        Part::Comment(comment) => Some(comment),
        _ => found,
    });
    let error = ended.as_ref().err();
    let pipeline = pipeline::current(context);
    let apply = args.out.as_ref().filter(|_| ended.is_ok()).map(|path| {
        let path = quote(&path.to_string_lossy());
        context.command(&format!("ci apply {path}"), None)
    });
    let frame = pipeline::frame(context, pipeline.as_ref(), &chosen(global), apply);
    let limit = pipeline.as_ref().map_or(usize::MAX, |it| it.forge.limit());
    let body = planned(&frame, plan.as_ref(), error, limit);
    context.presenter().data(&body);
    comment(context, pipeline.as_ref(), &body).await?;
    let weight = weight(plan.as_ref(), error);
    match ended? {
        Exit::Done | Exit::Differences => Ok(args.exit(weight)),
        code @ Exit::Code(_) => Ok(code),
    }
}

/// Comments on how the deployment ended, and returns the exit code of the run.
pub(crate) async fn report_apply(
    context: &Context,
    global: &GlobalOptions,
    ended: Result<Exit>,
) -> Result<Exit> {
    let code = match &ended {
        Ok(exit) => exit.code(),
        Err(error) => error.kind().exit_code(),
    };
    let pipeline = pipeline::current(context);
    let frame = pipeline::frame(context, pipeline.as_ref(), &chosen(global), None);
    let body = applied(&frame, code, ended.as_ref().err());
    comment(context, pipeline.as_ref(), &body).await?;
    ended
}

async fn comment(context: &Context, pipeline: Option<&Pipeline>, body: &str) -> Result<()> {
    if let Some(pipeline) = pipeline {
        return pipeline::comment(context, pipeline, body).await;
    }
    let presenter = context.presenter();
    presenter.note("\nNo comment was written: this is no pipeline of GitHub or GitLab.");
    Ok(())
}

/// Returns the options that choose stacks, as they were given.
fn chosen(global: &GlobalOptions) -> Vec<String> {
    let environments = global.environments();
    let stacks = global.stacks();
    let mut options = Vec::new();
    if global.all_environments {
        options.push("all environments".to_owned());
    }
    options.extend(environments.into_iter().map(|name| format!("-e {name}")));
    options.extend(stacks.into_iter().map(|name| format!("-s {name}")));
    options
}

/// Checks the arguments of `ci apply`, which asks nobody.
///
/// # Errors
///
/// If no saved plan is named: what was not reviewed is not applied by a pipeline.
pub(crate) fn check_apply(args: apply::Args) -> Result<apply::Args> {
    if args.names_plan() {
        Ok(args.confirmed())
    } else {
        Err(Error::new(
            crate::error::ErrorKind::Usage,
            "`ci apply` needs the file of a plan that `ci plan --out FILE` saved",
        ))
    }
}
