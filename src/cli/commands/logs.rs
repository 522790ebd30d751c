//! `stackctl logs`: the log lines of the stack's functions.

use std::time::Duration;

use jiff::SpanRelativeTo;

use super::{Context, Exit};
use crate::config::manifest::checks;
use crate::error::Result;
use crate::operations::context::listen;
use crate::operations::logs::{self, LogOptions};
use crate::operations::session::Session;
use crate::present::format::Format;

/// The arguments of `stackctl logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show only the function with this logical ID; `Parent/Child` for one in a nested stack; repeatable
    #[arg(long, value_name = "ID")]
    function: Vec<String>,
    /// Show new lines as they come, until Ctrl-C
    #[arg(long, short = 'f')]
    follow: bool,
    /// Show the lines of this time until now, such as `30s`, `10m`, `2h` or `1d`
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    since: Duration,
    /// Show only the lines that contain this text, literally and case-sensitively
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// The form of the output; in JSON, one object per line
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Reads a duration as the manifest does, and days and weeks.
fn duration(text: &str) -> std::result::Result<Duration, String> {
    let of_days = text.parse::<jiff::Span>().ok();
    let of_days = of_days.and_then(|it| it.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    if let Some(duration) = of_days.and_then(|it| Duration::try_from(it).ok())
        && duration >= Duration::from_secs(1)
    {
        return Ok(duration);
    }
    checks::duration(text).map_err(|fault| {
        let help: Vec<String> = fault.help.iter().map(|help| format!(": {help}")).collect();
        format!("it {}{}", fault.message, help.concat())
    })
}

/// Prints the log lines of the stack's functions, oldest first.
///
/// # Errors
///
/// If the stack is not deployed, a named function does not exist, or no log may be read.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open_stack(context)?;
    let interrupt = listen(context)?;
    let reached = session.reach(&interrupt).await?;
    let stack = session.deployed(reached.stack)?;
    let options = LogOptions {
        functions: args.function,
        since: args.since,
        filter: args.filter.filter(|text| !text.is_empty()),
        follow: args.follow,
        format: args.format,
    };
    logs::run(&session, &interrupt, &reached.connection, &stack, &options).await?;
    Ok(Exit::Done)
}
