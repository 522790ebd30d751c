//! Running the command that the command line names.

use std::future::Future;
use std::rc::Rc;

use clap::CommandFactory;

use super::args::{Cli, Command};
use super::ci;
use super::commands::{self, Exit};
use super::global::GlobalOptions;
use super::hint;
use super::targets::{self, Chosen};
use crate::config::ambient::Ambient;
use crate::config::settings::Overrides;
use crate::error::{Error, Result};
use crate::operations::context::{Context, OpenedTarget};
use crate::operations::graph::group::{Group, of_distinct_buckets};
use crate::operations::graph::layout::Layout;
use crate::operations::graph::runner;
use crate::present::{OutputOptions, Presenter};
use crate::util::span;

/// Returns the context of a run with these global options.
pub fn context(ambient: Ambient, global: &GlobalOptions) -> Context {
    let output = OutputOptions {
        color: global.color,
        quiet: global.quiet,
        verbosity: global.verbose,
    };
    let presenter = Presenter::new(output, &ambient);
    let overrides = Overrides {
        stack: match global.stacks().as_slice() {
            [stack] => Some(stack.clone()),
            _ => None,
        },
        environment: match global.environments().as_slice() {
            [environment] => Some(environment.clone()),
            // Then each stack has a context with its environment.
            _ => None,
        },
        region: global.region.clone(),
        profile: global.profile.clone(),
        set: global.set.clone(),
    };
    Context::new(
        ambient,
        presenter,
        global.manifest.clone(),
        overrides,
        hint::repeated_options(global),
    )
    .with_jobs(usize::from(global.jobs))
}

/// Runs the command, for one stack or for several.
///
/// # Errors
///
/// Whatever the command could not do. If it works on several stacks, the error of a stack is printed, and
/// is its part of the exit code.
pub fn run(cli: Cli, context: &Context) -> Result<Exit> {
    let _span = span::command(cli.command.name()).entered();
    if let Command::Watch(args) = &cli.command {
        return wait(run_watch(&cli, args, context));
    }
    match cli.command {
        Command::Ci(args) => run_in_pipeline(args, &cli.global, context),
        command => run_chosen(command, &cli.global, context),
    }
}

/// Runs a step of a pipeline, and comments on how it ended.
fn run_in_pipeline(args: ci::Args, global: &GlobalOptions, context: &Context) -> Result<Exit> {
    match args.step {
        ci::Step::Plan(args) => {
            let kept = context.keeping_output();
            let ended = run_chosen(Command::Plan(args.plan()), global, &kept);
            wait(ci::report_plan(context, global, &args, &kept, ended))
        }
        ci::Step::Apply(args) => {
            let command = Command::Apply(ci::check_apply(args)?);
            let ended = run_chosen(command, global, context);
            wait(ci::report_apply(context, global, ended))
        }
    }
}

/// Runs a command for the stacks that the command line chooses.
fn run_chosen(command: Command, global: &GlobalOptions, context: &Context) -> Result<Exit> {
    match targets::choose(&command, global, context)? {
        Chosen::Alone => run_alone(command, context),
        Chosen::One(target) => {
            let presenter = context.presenter().clone();
            run_alone(command, &context.for_target(*target, presenter))
        }
        Chosen::Several(targets, layout) => wait(run_each(command, context, targets, layout)),
    }
}

/// Runs the command again and again: each time, the manifest may choose another stack.
async fn run_watch(cli: &Cli, args: &commands::watch::Args, context: &Context) -> Result<Exit> {
    let open = |context: Context| match targets::choose(&cli.command, &cli.global, &context)? {
        Chosen::One(target) => {
            let presenter = context.presenter().clone();
            Ok(context.for_target(*target, presenter))
        }
        // It works on one stack.
        Chosen::Alone | Chosen::Several(..) => Ok(context),
    };
    let plan = async |context: &Context, format| {
        let args = commands::plan::Args::shown_as(format);
        Box::pin(commands::plan::run(context, args))
            .await
            .map(|_| ())
    };
    commands::watch::run(context, args, open, plan).await
}

/// Runs the command for each stack.
async fn run_each(
    command: Command,
    context: &Context,
    targets: Vec<OpenedTarget>,
    layout: Layout,
) -> Result<Exit> {
    let targets = match command {
        Command::Gc(_) => of_distinct_buckets(targets),
        // A stack is deleted after those that use it.
        Command::Destroy(_) => targets.into_iter().rev().collect(),
        _ => targets,
    };
    let at_once = match &command {
        // Each collection asks a question of its own.
        Command::Gc(args) if args.asks() => 1,
        // What only computes waits for nothing.
        Command::Config(_) | Command::Render(_) => 1,
        _ => runner::READS,
    };
    let group = Group::begin(context, command.name(), layout, targets);
    let code = match command {
        Command::Apply(args) => commands::apply::run_several(group, args).await,
        Command::Plan(args) if args.is_saving() => commands::plan::save_several(group, args).await,
        Command::Destroy(args) => commands::destroy::run_several(group, args).await,
        Command::Graph(args) => commands::graph::run_several(group, args).await,
        Command::IamPolicy(args) => commands::iam_policy::run_several(group, args).await,
        command => run_alike(group, at_once, command).await,
    };
    code.map(|code| match code {
        0 => Exit::Done,
        code => Exit::Code(code),
    })
}

/// Runs a command for each stack as for one.
async fn run_alike(group: Group<'_>, at_once: usize, command: Command) -> Result<u8> {
    let command = Rc::new(command);
    let code = runner::run(group, at_once, |context| {
        let command = Rc::clone(&command);
        async move { run_one(&command, &context).await.map(Exit::code) }
    });
    code.await
}

/// Runs a command that works on several stacks for one of them.
async fn run_one(command: &Command, context: &Context) -> Result<Exit> {
    match command {
        Command::Plan(args) => commands::plan::run(context, args.clone()).await,
        Command::Diff(args) => commands::diff::run(context, args.clone()).await,
        Command::Drift(args) => commands::drift::run(context, args.clone()).await,
        Command::Status(args) => commands::status::run(context, args.clone()).await,
        Command::Events(args) => commands::events::run(context, args.clone()).await,
        Command::History(args) => commands::history::run(context, args.clone()).await,
        Command::Outputs(args) => commands::outputs::run(context, args.clone()).await,
        Command::Gc(args) => commands::gc::run(context, args.clone()).await,
        Command::Doctor(args) => commands::doctor::run(context, args.clone()).await,
        Command::Render(args) => commands::render::run(context, args.clone()).await,
        Command::Validate(args) => commands::validate::run(context, args.clone()).await,
        Command::Package(args) => commands::package::run(context, args.clone()).await,
        Command::Config(args) => commands::config::run(context, args),
        _ => Err(Error::input(format!(
            "`{}` works on one stack",
            command.name()
        ))),
    }
}

fn run_alone(command: Command, context: &Context) -> Result<Exit> {
    match command {
        Command::Plan(args) => wait(commands::plan::run(context, args)),
        Command::Apply(args) => wait(commands::apply::run(context, args)),
        Command::Diff(args) => wait(commands::diff::run(context, args)),
        Command::Drift(args) => wait(commands::drift::run(context, args)),
        Command::Status(args) => wait(commands::status::run(context, args)),
        Command::Events(args) => wait(commands::events::run(context, args)),
        Command::History(args) => wait(commands::history::run(context, args)),
        Command::Rollback(args) => wait(commands::rollback::run(context, args)),
        Command::Logs(args) => wait(commands::logs::run(context, args)),
        Command::Outputs(args) => wait(commands::outputs::run(context, args)),
        Command::Destroy(args) => wait(commands::destroy::run(context, args)),
        Command::Recover(args) => wait(commands::recover::run(context, args)),
        Command::Cancel(args) => wait(commands::cancel::run(context, args)),
        Command::Gc(args) => wait(commands::gc::run(context, args)),
        Command::Import(args) => wait(commands::import::run(context, args)),
        Command::Refactor(args) => wait(commands::refactor::run(context, args)),
        Command::Orphan(args) => wait(commands::orphan::run(context, args)),
        Command::Render(args) => wait(commands::render::run(context, args)),
        Command::Validate(args) => wait(commands::validate::run(context, args)),
        Command::Package(args) => wait(commands::package::run(context, args)),
        Command::Graph(args) => wait(commands::graph::run(context, args)),
        // They run other commands.
        Command::Ci(_) | Command::Watch(_) => Ok(Exit::Done),
        Command::Verify(args) => wait(commands::verify::run(context, args)),
        Command::Ssh(args) => wait(commands::ssh::run(context, args)),
        Command::Doctor(args) => wait(commands::doctor::run(context, args)),
        Command::IamPolicy(args) => commands::iam_policy::run(context, &args),
        Command::Local(args) => wait(commands::local::run(context, args)),
        Command::Init(args) => wait(commands::init::run(context, args)),
        Command::Config(args) => commands::config::run(context, &args),
        Command::Schema(args) => commands::schema::run(context, &args),
        Command::Completions(args) => commands::completions::run(context, args, &Cli::command()),
        Command::Man(args) => commands::man::run(context, &args, Cli::command()),
        Command::Version(args) => commands::version::run(context, &args),
    }
}

/// Runs an asynchronous command. Only such commands start the runtime.
fn wait(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("cannot start the asynchronous runtime", error))?;
    let ended = runtime.block_on(command);
    // After an interrupt, a thread may still build what the files say. Nobody waits for it.
    runtime.shutdown_background();
    ended
}
