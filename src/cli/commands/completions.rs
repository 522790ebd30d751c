//! `stackctl completions`: a completion script for a shell.
//!
//! clap's scripts offer files for every value. This command replaces that for values that stackctl
//! knows: the script asks the hidden command `config names`, which calls no server.

use clap_complete::Shell;

use super::{Context, Exit};
use crate::cli::names::Names;
use crate::error::Result;

/// The arguments of `stackctl completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for
    shell: Shell,
}

/// Prints the script for `program`.
pub fn run(context: &Context, args: &Args, mut program: clap::Command) -> Result<Exit> {
    let known = known_values(&program);
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "stackctl", &mut script);
    let script = String::from_utf8_lossy(&script);
    context
        .presenter()
        .exact_data(&with_names(&script, args.shell, &known));
    Ok(Exit::Done)
}

/// Returns the options whose values are known, as they are written, such as `--env`.
fn known_values(program: &clap::Command) -> Vec<(String, Names)> {
    let commands = program.get_subcommands().chain([program]);
    let mut known: Vec<(String, Names)> = Vec::new();
    for argument in commands.flat_map(clap::Command::get_arguments) {
        let value = argument.get_value_names().and_then(|names| names.first());
        let names = match (argument.get_long(), value.map(clap::builder::Str::as_str)) {
            (Some("env"), _) => Names::Environments,
            (Some(_), Some("LOGICAL_ID")) => Names::Resources,
            _ => continue,
        };
        let long = argument.get_long().map(|long| format!("--{long}"));
        let short = argument.get_short().map(|short| format!("-{short}"));
        for option in long.into_iter().chain(short) {
            if !known.iter().any(|(other, _)| *other == option) {
                known.push((option, names));
            }
        }
    }
    known
}

/// The command whose positional argument is an output's name: as clap's script for bash calls it, and
/// the condition of that for fish.
const OUTPUTS: (&str, &str) = (
    "stackctl__subcmd__outputs",
    "__fish_stackctl_using_subcommand outputs",
);

/// Returns the script with the names in place of files. Other shells keep clap's script.
fn with_names(script: &str, shell: Shell, known: &[(String, Names)]) -> String {
    let mut text = String::with_capacity(script.len());
    let mut option = None;
    for line in script.lines() {
        let line = match shell {
            Shell::Bash => bash(line, &mut option, known),
            Shell::Zsh => zsh(line, known),
            Shell::Fish => fish(line, known),
            _ => None,
        }
        .unwrap_or_else(|| line.to_owned());
        text.push_str(&line);
        text.push('\n');
    }
    if shell == Shell::Fish {
        let (condition, words) = (OUTPUTS.1, command(Names::Outputs));
        text.push_str(&format!(
            "complete -c stackctl -n \"{condition}\" -f -a \"({words})\"\n"
        ));
    }
    text
}

fn command(names: Names) -> String {
    format!("stackctl config names {} 2>/dev/null", names.as_str())
}

/// Replaces the files that are offered in the line after `--option)`.
fn bash(line: &str, option: &mut Option<Names>, known: &[(String, Names)]) -> Option<String> {
    let before = option.take();
    let label = line.trim().strip_suffix(')').unwrap_or_default();
    *option = names_of(label, known);
    let files = r#"compgen -f "${cur}""#;
    if label == OUTPUTS.0 {
        *option = Some(Names::Outputs);
    }
    let names = before?;
    if names == Names::Outputs && line.trim().starts_with("opts=\"") {
        let more = format!(" $({})\"", command(names));
        return Some(line.trim_end_matches('"').to_owned() + &more);
    }
    if !line.contains(files) {
        return None;
    }
    let words = format!(r#"compgen -W "$({})" -- "${{cur}}""#, command(names));
    Some(line.replace(files, &words))
}

/// Replaces the files in a line such as `'--option=[…]:NAME:_default'`.
fn zsh(line: &str, known: &[(String, Names)]) -> Option<String> {
    let word = line.trim_start_matches(['*', '\'', '"', ' ']);
    let names = if word.starts_with("::name -- One output") {
        Names::Outputs
    } else {
        names_of(word.get(..word.find(['=', '+', '['])?)?, known)?
    };
    let action = format!("{{compadd -- $({})}}", command(names));
    line.contains(":_default")
        .then(|| line.replace(":_default", &format!(":{action}")))
}

/// Adds the names to a line that ends with `-r`, which requires a value.
fn fish(line: &str, known: &[(String, Names)]) -> Option<String> {
    let (_, after) = line.split_once(" -l ")?;
    let long = after.split(' ').next()?;
    let names = names_of(&format!("--{long}"), known)?;
    line.ends_with(" -r")
        .then(|| format!("{line} -f -a \"({})\"", command(names)))
}

fn names_of(option: &str, known: &[(String, Names)]) -> Option<Names> {
    let found = known.iter().find(|(known, _)| known == option);
    found.map(|(_, names)| *names)
}
