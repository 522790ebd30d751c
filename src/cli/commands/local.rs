//! `stackctl local`: manages the embedded AWS emulator.
//!
//! A deployment does not need it: every command on an environment with `emulator = true` starts the
//! emulator itself.

use std::fs::File;
use std::io::{BufRead, BufReader};

use super::{Context, Exit};
use crate::config::manifest;
use crate::config::project::Project;
use crate::config::settings::{self, Selection, Settings};
use crate::emulator::{self, Emulator, Local};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::session::print_progress;
use crate::present::format::Format;
use crate::present::json::local::{LocalDocument, PlaceEntry};

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

/// The local environment of a project, and its stacks.
struct Opened {
    local: Local,
    /// The settings of the chosen stacks.
    stacks: Vec<Settings>,
}

impl Opened {
    /// Returns where each stack is on an emulator.
    fn places(&self, emulator: &Emulator) -> Vec<PlaceEntry> {
        let place = |settings: &Settings| PlaceEntry {
            stack: settings.stack_key.clone(),
            account: settings
                .account
                .clone()
                .unwrap_or_else(|| emulator.account.clone()),
            region: settings
                .region
                .clone()
                .unwrap_or_else(|| emulator::REGION.to_owned()),
        };
        self.stacks.iter().map(place).collect()
    }
}

/// Runs the command.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let opened = open(context)?;
    let local = &opened.local;
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
        Action::Status { format } => show(context, &opened, format)?,
        Action::Reset => {
            local.reset().await?;
            presenter.note("The emulator's state is deleted; the next command starts a new one.");
        }
        Action::Logs => print_log(context, local)?,
        Action::Env => print_env(context, &opened)?,
    }
    Ok(Exit::Done)
}

/// Prints the variables for the account and the region of the stacks.
fn print_env(context: &Context, opened: &Opened) -> Result<()> {
    let emulator = opened.local.status()?.ok_or_else(|| {
        Error::new(ErrorKind::Service, "the emulator is not running").hint(format!(
            "start it with `{}`",
            command(context, "local start")
        ))
    })?;
    let places = opened.places(&emulator);
    let account = common(&places, |place| &place.account);
    let region = common(&places, |place| &place.region);
    let (Some(account), Some(region)) = (account, region) else {
        let message = "the stacks are in several accounts or regions of the emulator";
        let names = places.iter().filter_map(|place| place.stack.as_deref());
        let names: Vec<String> = names.map(|name| format!("`-s {name}`")).collect();
        let hint = format!(
            "choose the stack whose account and region to use: {}",
            names.join(", ")
        );
        return Err(Error::input(message).hint(hint));
    };
    let emulator = Emulator {
        account: account.to_owned(),
        region: region.to_owned(),
        ..emulator
    };
    context
        .presenter()
        .exact_data(&emulator::env_exports(&emulator));
    Ok(())
}

/// Returns the value that all places have.
fn common<'p>(
    places: &'p [PlaceEntry],
    value: impl Fn(&'p PlaceEntry) -> &'p String,
) -> Option<&'p str> {
    let mut values = places.iter().map(value);
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// Returns a command line for the same local environment, for hints.
fn command(context: &Context, command: &str) -> String {
    context.command(command, context.environment())
}

/// Returns the local environment that the command line names, or the first one in the manifest.
fn open(context: &Context) -> Result<Opened> {
    let ambient = context.ambient();
    let project = Project::find(&ambient.current_dir, context.manifest())?;
    let manifest = manifest::parse(project.manifest());
    let named = context.environment();
    let candidates = named.map_or_else(|| manifest.environments(), |name| vec![name]);
    for name in candidates {
        let overrides = context.overrides_for(Some(name.to_owned()));
        let selection = Selection {
            stacks: overrides.stack.iter().cloned().collect(),
            ..Selection::default()
        };
        let targets = settings::choose(&manifest, &selection, &overrides, ambient)?;
        let stacks: Vec<Settings> = targets.into_iter().map(|target| target.settings).collect();
        if let Some(first) = stacks.first().filter(|first| first.emulator) {
            let region = first.region.as_deref();
            let local = Local::new(ambient, project.root(), &first.environment, region)?;
            return Ok(Opened { local, stacks });
        }
    }
    let message = named.map_or_else(
        || "the manifest has no local environment".to_owned(),
        |name| format!("the environment `{name}` is not a local one"),
    );
    Err(Error::input(message)
        .hint("the environment `local` is one, and so is every other with `emulator = true`"))
}

fn show(context: &Context, opened: &Opened, format: Format) -> Result<()> {
    let emulator = opened.local.status()?;
    let emulator = emulator.as_ref();
    let places = emulator.map_or_else(Vec::new, |emulator| opened.places(emulator));
    let account = common(&places, |place| &place.account);
    let region = common(&places, |place| &place.region);
    // A project of one stack has no list.
    let stacks: &[PlaceEntry] = match places.first() {
        Some(first) if first.stack.is_some() => &places,
        _ => &[],
    };
    match (format, emulator) {
        (Format::Human, None) => context.presenter().data("not running\n"),
        (Format::Human, Some(emulator)) => {
            let text = human(emulator, (account, region), stacks);
            context.presenter().data(&text);
        }
        (Format::Json, emulator) => {
            let document = LocalDocument::of(emulator, (account, region), stacks);
            context.presenter().json(&document)?;
        }
    }
    Ok(())
}

fn human(
    emulator: &Emulator,
    (account, region): (Option<&str>, Option<&str>),
    stacks: &[PlaceEntry],
) -> String {
    const SEVERAL: &str = "several";
    let pid = emulator
        .pid
        .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let mut text = format!(
        "endpoint  {}\npid       {pid}\nversion   MiniStack {}\naccount   {}\nregion    {}\nstarted   {}\nlog       {}\n",
        emulator.endpoint,
        emulator.version,
        account.unwrap_or(SEVERAL),
        region.unwrap_or(SEVERAL),
        emulator.started,
        emulator.log.display()
    );
    let names = stacks.iter().filter_map(|place| place.stack.as_deref());
    let width = names.map(str::len).max().unwrap_or_default();
    for place in stacks {
        let name = place.stack.as_deref().unwrap_or_default();
        let line = format!(
            "stack     {name:width$}  {}  {}\n",
            place.account, place.region
        );
        text.push_str(&line);
    }
    text
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
