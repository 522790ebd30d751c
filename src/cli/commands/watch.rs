//! `stackctl watch`: plans again on every save, or applies.

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::watch::{self, Commands, WatchOptions};
use crate::present::format::{Format, PlanFormat};

/// The arguments of `stackctl watch`.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Args {
    /// Apply on each save, with all checks of `apply`; the environment must be the emulator or say
    /// `watch = "apply"`
    #[arg(long)]
    apply: bool,
    /// Send the changed code of functions past CloudFormation, and plan (or apply) everything else; the
    /// environment must say `watch = "hotswap"`
    #[arg(long)]
    hotswap: bool,
    /// Do not show the log lines of the functions that changed
    #[arg(long)]
    no_logs: bool,
    /// Look at the files every second, if the system does not say what changes (network file systems, some
    /// containers)
    #[arg(long)]
    poll: bool,
    /// The form of the output; in JSON, one object per line
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Runs until Ctrl-C. `open` chooses the stack for each run, `plan` shows its plan.
pub(crate) async fn run(
    context: &Context,
    args: &Args,
    open: impl Fn(Context) -> Result<Context>,
    plan: impl AsyncFn(&Context, PlanFormat) -> Result<()>,
) -> Result<Exit> {
    let options = WatchOptions {
        applies: args.apply,
        hotswaps: args.hotswap,
        logs: !args.no_logs,
        polls: args.poll,
        format: args.format,
    };
    watch::run(context, options, Commands { open, plan }).await?;
    Ok(Exit::Done)
}
