//! The command line: the global flags and the list of commands, and nothing else.
//!
//! Each command's own arguments stand beside its code in [`commands`].

use clap::{Parser, Subcommand};

use super::commands;
use super::global::GlobalOptions;

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
    pub global: GlobalOptions,
    #[command(subcommand)]
    #[expect(
        missing_docs,
        reason = "clap would print it in place of the program's description"
    )]
    pub command: Command,
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
