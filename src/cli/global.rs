//! The options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::present::format::ColorWhen;

/// The options that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// The manifest [default: manifest.toml in this folder or the nearest parent]
    #[arg(long, global = true, value_name = "PATH", env = "STACKCTL_MANIFEST")]
    pub manifest: Option<PathBuf>,
    /// The environment: the default one, one with a table in the manifest, or the built-in `local`; several
    /// with commas or as a glob such as `prod-*`
    #[arg(
        short,
        long = "env",
        global = true,
        value_name = "NAME",
        env = "STACKCTL_ENV"
    )]
    pub environments: Vec<String>,
    /// All environments that the manifest names
    #[arg(long = "all-envs", global = true)]
    pub all_environments: bool,
    /// The stack of `[stacks]` [default: all of them]; several with commas or as a glob
    #[arg(short, long = "stack", global = true, value_name = "NAME")]
    pub stacks: Vec<String>,
    /// How many stacks are deployed or deleted at the same time
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value = "4",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub jobs: u16,
    /// The AWS region; overrides the manifest's and the profile's
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of the shared AWS configuration
    #[arg(long, global = true, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Override one manifest key, such as `vars.size=large`; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// When to color the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Print only data, questions and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more, and how long each call to AWS took; twice prints the AWS SDK's trace
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

impl GlobalOptions {
    /// Returns the environments that `-e` names, each a name or a glob.
    pub fn environments(&self) -> Vec<String> {
        divided(&self.environments)
    }

    /// Returns the stacks that `-s` names, each a name or a glob.
    pub fn stacks(&self) -> Vec<String> {
        divided(&self.stacks)
    }
}

/// Divides lists at their commas. A comma between braces is part of a glob, as in `{app,db}-*`.
fn divided(lists: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for list in lists {
        let mut depth = 0_usize;
        let mut name = String::new();
        for character in list.chars() {
            match character {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    names.push(std::mem::take(&mut name));
                    continue;
                }
                _ => {}
            }
            name.push(character);
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::divided;

    #[test]
    fn lists_are_divided_at_commas_outside_of_braces() {
        let lists = ["a,b-*", "{c,d}", "{e,{f,g}},h", "", "i}", "{j"].map(str::to_owned);
        let names = ["a", "b-*", "{c,d}", "{e,{f,g}}", "h", "", "i}", "{j"];
        assert_eq!(divided(&lists), names);
    }
}
