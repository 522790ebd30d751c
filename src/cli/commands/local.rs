//! `stackctl local`: manages the embedded AWS emulator.
//!
//! A deployment does not need it: every command on an environment with `emulator = true` starts the
//! emulator itself.

use std::fs::File;
use std::io::{BufRead, BufReader};

use serde::Serialize;

use super::{Context, Exit};
use crate::config::manifest;
use crate::config::project::Project;
use crate::config::settings;
use crate::emulator::{self, Emulator, Local};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::session::print_progress;
use crate::present::format::Format;

/// The arguments of `stackctl local`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What to do with the emulator.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Start the emulator, and install it first if needed
    Start,
    /// Stop the emulator; its state is kept
    Stop,
    /// Show whether the emulator runs, and where
    Status {
        /// The form of the output
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
    /// Stop the emulator and delete its state
    Reset,
    /// Print the emulator's own log
    Logs,
    /// Print shell commands that point the AWS CLI at the emulator: `eval "$(stackctl local env)"`
    Env,
}

/// The layout of `stackctl local status --format json`. All but the first two are null if no
/// emulator runs.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    running: bool,
    endpoint: Option<&'a str>,
    pid: Option<i32>,
    version: Option<&'a str>,
    account: Option<&'a str>,
    region: Option<&'a str>,
    started: Option<&'a str>,
    log: Option<String>,
}

/// Runs the command.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let local = open(context)?;
    let presenter = context.presenter();
    match args.action {
        Action::Start => {
            let emulator = local
                .ensure_running(|step| print_progress(context.presenter(), step))
                .await?;
            presenter.clear_progress();
            presenter.note(&format!("The emulator answers at {}.", emulator.endpoint));
            let command = command(context, "local env");
            presenter.hint(&format!("`{command}` prints the variables for the AWS CLI"));
        }
        Action::Stop => presenter.note(if local.stop().await? {
            "The emulator is stopped; its state is kept."
        } else {
            "The emulator was not running."
        }),
        Action::Status { format } => show(context, local.status()?.as_ref(), format)?,
        Action::Reset => {
            local.reset().await?;
            presenter.note("The emulator's state is deleted; the next command starts a new one.");
        }
        Action::Logs => print_log(context, &local)?,
        Action::Env => {
            let emulator = local.status()?.ok_or_else(|| {
                Error::new(ErrorKind::Service, "the emulator is not running").hint(format!(
                    "start it with `{}`",
                    command(context, "local start")
                ))
            })?;
            presenter.exact_data(&emulator::env_exports(&emulator));
        }
    }
    Ok(Exit::Done)
}

/// Returns a command line for the same local environment, for hints.
fn command(context: &Context, command: &str) -> String {
    context.command(command, context.environment())
}

/// Returns the local environment that the command line names, or the first one in the manifest.
fn open(context: &Context) -> Result<Local> {
    let ambient = context.ambient();
    let project = Project::find(&ambient.current_dir, context.manifest())?;
    let manifest = manifest::parse(project.manifest());
    let named = context.environment();
    let candidates = named.map_or_else(|| manifest.environments(), |name| vec![name]);
    for name in candidates {
        let overrides = context.overrides_for(Some(name.to_owned()));
        let settings = settings::resolve(&manifest, &overrides, ambient)?;
        if settings.emulator {
            let region = settings.region.as_deref();
            return Local::new(ambient, project.root(), &settings.environment, region);
        }
    }
    let message = named.map_or_else(
        || "the manifest has no local environment".to_owned(),
        |name| format!("the environment `{name}` is not a local one"),
    );
    Err(Error::input(message)
        .hint("the environment `local` is one, and so is every other with `emulator = true`"))
}

fn show(context: &Context, emulator: Option<&Emulator>, format: Format) -> Result<()> {
    match (format, emulator) {
        (Format::Human, None) => context.presenter().data("not running\n"),
        (Format::Human, Some(emulator)) => context.presenter().data(&human(emulator)),
        (Format::Json, emulator) => context.presenter().json(&Document {
            schema: "stackctl.local/1",
            running: emulator.is_some(),
            endpoint: emulator.map(|emulator| emulator.endpoint.as_str()),
            pid: emulator.and_then(|emulator| emulator.pid),
            version: emulator.map(|emulator| emulator.version.as_str()),
            account: emulator.map(|emulator| emulator.account.as_str()),
            region: emulator.map(|emulator| emulator.region.as_str()),
            started: emulator.map(|emulator| emulator.started.as_str()),
            log: emulator.map(|emulator| emulator.log.display().to_string()),
        })?,
    }
    Ok(())
}

fn human(emulator: &Emulator) -> String {
    let pid = emulator
        .pid
        .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    format!(
        "endpoint  {}\npid       {pid}\nversion   MiniStack {}\naccount   {}\nregion    {}\nstarted   {}\nlog       {}\n",
        emulator.endpoint,
        emulator.version,
        emulator.account,
        emulator.region,
        emulator.started,
        emulator.log.display()
    )
}

fn print_log(context: &Context, local: &Local) -> Result<()> {
    let path = local.log_path();
    let unreadable = |error| {
        Error::system(
            format!("cannot read the emulator's log {}", path.display()),
            error,
        )
    };
    let file = File::open(&path).map_err(|error| {
        unreadable(error).hint(format!(
            "the log exists after the first `{}`",
            command(context, "local start")
        ))
    })?;
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(unreadable)?;
        let line = String::from_utf8_lossy(&line);
        context.presenter().data(&format!("{line}\n"));
    }
    Ok(())
}
