//! Running the command that the command line names.

use std::future::Future;

use clap::CommandFactory;

use super::args::{Cli, Command};
use super::commands::{self, Exit};
use super::global::GlobalOptions;
use super::hint;
use crate::config::ambient::Ambient;
use crate::config::settings::Overrides;
use crate::error::{Error, Result};
use crate::operations::context::Context;
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
        stack: None,
        environment: global.environment.clone(),
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
}

/// Runs the command.
///
/// # Errors
///
/// Whatever the command could not do.
pub fn run(cli: Cli, context: &Context) -> Result<Exit> {
    let _span = span::command(cli.command.name()).entered();
    match cli.command {
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
        Command::Verify(args) => wait(commands::verify::run(context, args)),
        Command::Ssh(args) => wait(commands::ssh::run(context, args)),
        Command::Local(args) => wait(commands::local::run(context, args)),
        Command::Init(args) => wait(commands::init::run(context, args)),
        Command::Config(args) => commands::config::run(context, &args),
        Command::Schema(args) => commands::schema::run(context, &args),
        Command::Completions(args) => commands::completions::run(context, &args, Cli::command()),
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
