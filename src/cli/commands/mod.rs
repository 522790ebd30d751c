//! The commands: one file each, its arguments beside its one function.

pub mod apply;
pub mod cancel;
pub mod completions;
pub mod config;
pub mod destroy;
pub mod diff;
pub mod drift;
pub mod events;
pub mod init;
pub mod local;
pub mod man;
pub mod outputs;
pub mod package;
pub mod plan;
pub mod recover;
pub mod render;
pub mod schema;
pub mod ssh;
pub mod status;
pub mod validate;
pub mod verify;
pub mod version;

use std::future::Future;

use crate::cli::args::{Cli, Command, Global};
use crate::cli::hint;
use crate::config::ambient::Ambient;
use crate::config::settings::Overrides;
use crate::error::{Error, Result};
use crate::operations::context::Context;
use crate::present::{OutputOptions, Presenter};

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// There are differences, and the command line asked to be told by the exit code.
    Differences,
    /// A program that took over the terminal ended with this code.
    Code(u8),
}

impl Exit {
    /// Returns the process exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Differences => 2,
            Self::Code(code) => code,
        }
    }
}

/// Returns the context of a run with these global options.
pub fn context(ambient: Ambient, global: &Global) -> Context {
    let output = OutputOptions {
        color: global.color,
        quiet: global.quiet,
        verbosity: global.verbose,
    };
    let presenter = Presenter::new(output, &ambient);
    let overrides = Overrides {
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
    match cli.command {
        Command::Plan(args) => wait(plan::run(context, args)),
        Command::Apply(args) => wait(apply::run(context, args)),
        Command::Diff(args) => wait(diff::run(context, args)),
        Command::Drift(args) => wait(drift::run(context, args)),
        Command::Status(args) => wait(status::run(context, args)),
        Command::Events(args) => wait(events::run(context, args)),
        Command::Outputs(args) => wait(outputs::run(context, args)),
        Command::Destroy(args) => wait(destroy::run(context, args)),
        Command::Recover(args) => wait(recover::run(context, args)),
        Command::Cancel(args) => wait(cancel::run(context, args)),
        Command::Render(args) => render::run(context, &args),
        Command::Validate(args) => validate::run(context, &args),
        Command::Package(args) => package::run(context, &args),
        Command::Verify(args) => wait(verify::run(context, args)),
        Command::Ssh(args) => wait(ssh::run(context, args)),
        Command::Local(args) => wait(local::run(context, args)),
        Command::Init(args) => init::run(context, &args),
        Command::Config(args) => config::run(context, &args),
        Command::Schema(args) => schema::run(context, &args),
        Command::Completions(args) => completions::run(context, &args),
        Command::Man(args) => man::run(context, &args),
        Command::Version(args) => version::run(context, &args),
    }
}

/// Runs an asynchronous command on a runtime that only such commands pay for.
fn wait(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("cannot start the asynchronous runtime", error))?
        .block_on(command)
}
