//! The command line: the global options and the list of commands.
//!
//! Each command's own arguments are next to its code in [`commands`].

use clap::{Parser, Subcommand};

use super::commands;
use super::global::GlobalOptions;

/// Plan, apply and diff AWS CloudFormation stacks from one manifest and one template.
#[derive(Debug, Parser)]
#[command(
    name = "stackctl",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done or nothing to do · 1 failed · 2 differences, if asked for · \
                  3 failed and rolled back · 4 refused · 64 command line · 130 interrupted\n\
                  Of several stacks, the first of 130, 1, 3, 4, 2, 0 that one of them has"
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
    /// Show what `apply` would change
    Plan(commands::plan::Args),
    /// Deploy: plan, ask, execute exactly the change set that was shown, follow it to its end
    Apply(commands::apply::Args),
    /// Compare what is deployed with what the files say, read-only
    Diff(commands::diff::Args),
    /// Detect what was changed outside of CloudFormation
    Drift(commands::drift::Args),
    /// Show the stack as it is now
    Status(commands::status::Args),
    /// Show what happened to the stack and its resources
    Events(commands::events::Args),
    /// Show the stack's deployments, and what each changed
    History(commands::history::Args),
    /// Show the log lines of the stack's functions
    Logs(commands::logs::Args),
    /// Show the stack's outputs
    Outputs(commands::outputs::Args),
    /// Deploy again what an earlier deployment sent, with the questions and refusals of `apply`
    Rollback(commands::rollback::Args),
    /// Delete the stack, after showing what is deleted and what stays
    Destroy(commands::destroy::Args),
    /// Repair a stack that accepts no change, or revert drift
    Recover(commands::recover::Args),
    /// Stop a running update and roll it back
    Cancel(commands::cancel::Args),
    /// Plan and apply in a pipeline, with one comment on the pull request or merge request
    Ci(super::ci::Args),
    /// Delete from the artifact bucket what no stack needs any more
    Gc(commands::gc::Args),
    /// Find existing resources that the stack could take over; `apply` imports what the manifest names
    Import(commands::import::Args),
    /// Give resources other logical ids without replacing them, as `[moved]` says (a preview)
    Refactor(commands::refactor::Args),
    /// Take resources out of the stack without deleting them
    Orphan(commands::orphan::Args),
    /// Print the final CloudFormation template; needs no credentials
    Render(commands::render::Args),
    /// Check the manifest and the template; needs no credentials
    Validate(commands::validate::Args),
    /// Plan again on every save; with `--apply`, deploy
    Watch(commands::watch::Args),
    /// Build the artifacts' zips and print key, size and digest; needs no credentials
    Package(commands::package::Args),
    /// Show the resources and the references between them, as a picture; needs no credentials
    Graph(commands::graph::Args),
    /// Upload a file and wait for its item in the table
    Verify(commands::verify::Args),
    /// Connect to an instance of the stack by SSH
    Ssh(commands::ssh::Args),
    /// Check credentials, region, clock, bucket, permissions and programs, each with its remedy
    Doctor(commands::doctor::Args),
    /// Print the least policy for commands, or the trust policy of a role; needs no credentials
    IamPolicy(commands::iam_policy::Args),
    /// Manage the embedded AWS emulator
    Local(commands::local::Args),
    /// Write a new project: the example, a minimal one, or a manifest for a template that exists
    Init(commands::init::Args),
    /// Show every setting with its source
    Config(commands::config::Args),
    /// Print the JSON Schema of the manifest, or of a JSON document
    Schema(commands::schema::Args),
    /// Print a completion script for a shell
    Completions(commands::completions::Args),
    /// Print the manual page
    Man(commands::man::Args),
    /// Print the version
    Version(commands::version::Args),
}

impl Command {
    /// Returns the command's name on the command line.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Diff(_) => "diff",
            Self::Drift(_) => "drift",
            Self::Status(_) => "status",
            Self::Events(_) => "events",
            Self::History(_) => "history",
            Self::Logs(_) => "logs",
            Self::Outputs(_) => "outputs",
            Self::Rollback(_) => "rollback",
            Self::Destroy(_) => "destroy",
            Self::Recover(_) => "recover",
            Self::Cancel(_) => "cancel",
            Self::Ci(_) => "ci",
            Self::Gc(_) => "gc",
            Self::Import(_) => "import",
            Self::Refactor(_) => "refactor",
            Self::Orphan(_) => "orphan",
            Self::Render(_) => "render",
            Self::Validate(_) => "validate",
            Self::Watch(_) => "watch",
            Self::Package(_) => "package",
            Self::Graph(_) => "graph",
            Self::Verify(_) => "verify",
            Self::Ssh(_) => "ssh",
            Self::Doctor(_) => "doctor",
            Self::IamPolicy(_) => "iam-policy",
            Self::Local(_) => "local",
            Self::Init(_) => "init",
            Self::Config(_) => "config",
            Self::Schema(_) => "schema",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
            Self::Version(_) => "version",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Cli;

    #[test]
    fn a_command_has_the_name_by_which_it_is_called() {
        let mut called = 0;
        for command in Cli::command().get_subcommands() {
            // A few have a required argument.
            if let Ok(cli) = Cli::try_parse_from(["stackctl", command.get_name()]) {
                assert_eq!(cli.command.name(), command.get_name());
                called += 1;
            }
        }
        assert!(called > 15, "{called}");
    }
}
