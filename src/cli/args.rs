//! The command line: the global flags and the list of commands, and nothing else.
//!
//! Each command's own arguments stand beside its code in [`commands`].

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::commands;
use crate::present::format::ColorWhen;

/// Plan, apply and diff AWS CloudFormation stacks from one manifest and one template.
#[derive(Debug, Parser)]
#[command(
    name = "stackctl",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done or nothing to do · 1 failed · 2 differences, where asked for · \
                  3 failed and rolled back · 4 refused · 64 command line · 130 interrupted"
)]
pub struct Cli {
    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "clap would print it in place of the program's description"
    )]
    pub global: Global,
    #[command(subcommand)]
    #[expect(
        missing_docs,
        reason = "clap would print it in place of the program's description"
    )]
    pub command: Command,
}

/// The flags that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The manifest [default: manifest.toml in this folder or the nearest parent]
    #[arg(long, global = true, value_name = "PATH", env = "STACKCTL_MANIFEST")]
    pub manifest: Option<PathBuf>,
    /// The environment, one that the manifest has a table for, or its default
    #[arg(
        short,
        long = "env",
        global = true,
        value_name = "NAME",
        env = "STACKCTL_ENV"
    )]
    pub environment: Option<String>,
    /// The AWS region, over the manifest's and the profile's
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of the shared AWS configuration
    #[arg(long, global = true, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Overrides one manifest key, such as `vars.instance_type=t3.micro`; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// When to colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Says only what is asked for: data, questions and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Says more; twice shows the AWS SDK's own trace
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows what `apply` would change
    Plan(commands::plan::Args),
    /// Deploys: plans, asks, executes exactly that change set, follows it to its end
    Apply(commands::apply::Args),
    /// Compares what is deployed with what the files say, read-only
    Diff(commands::diff::Args),
    /// Detects what was changed behind CloudFormation's back
    Drift(commands::drift::Args),
    /// Shows the stack as it is now
    Status(commands::status::Args),
    /// Shows what happened to the stack and its resources
    Events(commands::events::Args),
    /// Shows the stack's outputs
    Outputs(commands::outputs::Args),
    /// Deletes the stack, after showing what that deletes and what stays
    Destroy(commands::destroy::Args),
    /// Leads the stack out of a state in which it takes no change, or takes back what has drifted
    Recover(commands::recover::Args),
    /// Stops a running update and undoes it
    Cancel(commands::cancel::Args),
    /// Prints the final CloudFormation template; needs no credentials
    Render(commands::render::Args),
    /// Checks the manifest and the template; needs no credentials
    Validate(commands::validate::Args),
    /// Builds the artifacts' zips and prints key, size and digest; needs no credentials
    Package(commands::package::Args),
    /// Uploads a file and waits for its item in the table
    Verify(commands::verify::Args),
    /// Connects to the test instance by SSH
    Ssh(commands::ssh::Args),
    /// Runs the embedded AWS emulator
    Local(commands::local::Args),
    /// Writes a working project: manifest, template, handler
    Init(commands::init::Args),
    /// Shows every setting with its source
    Config(commands::config::Args),
    /// Prints the JSON Schema of the manifest
    Schema(commands::schema::Args),
    /// Prints a completion script for a shell
    Completions(commands::completions::Args),
    /// Prints the manual page
    Man(commands::man::Args),
    /// Prints the version
    Version(commands::version::Args),
}
