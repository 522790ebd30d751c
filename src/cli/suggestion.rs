//! What a wrong command line probably meant.
//!
//! clap suggests by spelling alone, and would answer `deploy` with `destroy`. Names that people know
//! from other tools lead to the command that does the same here. A command that deletes or cancels
//! something is never suggested as a correction: a sentence says what it does.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use super::args::Cli;

/// The names of other tools, with the sentence that answers them.
const OTHER_NAMES: [(&[&str], &str); 14] = [
    (
        &[
            "deploy",
            "up",
            "create",
            "update",
            "execute",
            "execute-changeset",
            "sync",
            "release",
        ],
        "`stackctl apply` deploys: it shows the plan and asks first",
    ),
    (
        &[
            "preview",
            "changeset",
            "change-set",
            "create-changeset",
            "dry-run",
            "changes",
            "what-if",
        ],
        "`stackctl plan` shows what a deployment would change",
    ),
    (
        &["rm", "delete", "down", "remove", "teardown", "delete-stack"],
        "`stackctl destroy` deletes the stack with its resources",
    ),
    (
        &["deployments", "releases", "revisions", "versions"],
        "`stackctl history` shows the stack's deployments",
    ),
    (
        &["log", "tail", "trace"],
        "`stackctl logs` shows the log lines of the functions, `stackctl events --all` what happened to the stack",
    ),
    (
        &[
            "synth",
            "synthesize",
            "template",
            "show-template",
            "build-template",
        ],
        "`stackctl render` prints the template that is deployed",
    ),
    (
        &["build", "zip", "bundle"],
        "`stackctl package` builds the artifacts' zips",
    ),
    (
        &["lint", "check", "test"],
        "`stackctl validate` checks the manifest and the template",
    ),
    (
        &["show", "list", "ls", "describe", "info", "state"],
        "`stackctl status` shows the stack and its resources",
    ),
    (
        &["output", "exports"],
        "`stackctl outputs` shows the stack's outputs",
    ),
    (
        &["repair", "fix", "continue-update-rollback"],
        "`stackctl recover` repairs a stack that accepts no change",
    ),
    (
        &["abort", "stop"],
        "`stackctl cancel` stops a running update and rolls it back",
    ),
    (
        &["detach", "forget", "unmanage", "state-rm"],
        "`stackctl orphan` takes resources out of the stack without deleting them",
    ),
    (
        &["new", "generate", "scaffold"],
        "`stackctl init` writes a working project",
    ),
];

/// The commands that are not suggested as a correction, with the sentence that names them.
const DESTRUCTIVE: [(&str, &str); 2] = [
    (
        "destroy",
        "`stackctl destroy` deletes the stack with its resources",
    ),
    (
        "cancel",
        "`stackctl cancel` stops a running update and rolls it back",
    ),
];

/// The options of other tools: the option, the option here that a command must have for the tip to
/// help, and the tip.
const OTHER_OPTIONS: [(&[&str], &str, &str); 8] = [
    (
        &[
            "-auto-approve",
            "--auto-approve",
            "--force",
            "--no-confirm-changeset",
            "--require-approval",
            "--no-prompts",
        ],
        "yes",
        "`--yes` answers the question",
    ),
    (
        &["--json", "-json"],
        "format",
        "`--format json` prints JSON",
    ),
    (&["--output", "-o"], "format", "`--format json` prints JSON"),
    (
        &["--parameter-overrides", "--parameters", "--parameter"],
        "set",
        "`--set parameters.NAME=VALUE` sets a parameter",
    ),
    (
        &["-var", "--var"],
        "set",
        "`--set vars.NAME=VALUE` sets a variable",
    ),
    (
        &["--stack-name"],
        "set",
        "the manifest's `stack_name` names the stack; `--set stack_name=NAME` overrides it",
    ),
    (
        &["--template-file", "--template", "--template-body", "-t"],
        "set",
        "the manifest's `template` names the template; `--set template=FILE` overrides it",
    ),
    (
        &["--no-execute-changeset", "--dryrun", "--dry-run"],
        "set",
        "`stackctl plan` shows the changes and makes none",
    ),
];

/// The largest number of wrong, missing and swapped letters in a command.
const MISTAKES: usize = 2;

/// Parses the command line.
///
/// # Errors
///
/// clap's message, with a tip for what was probably meant.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, Box<clap::Error>> {
    let words: Vec<OsString> = words.into_iter().collect();
    Cli::try_parse_from(&words).map_err(|mut error| {
        let words: Vec<&str> = words.iter().skip(1).filter_map(|it| it.to_str()).collect();
        match error.kind() {
            ErrorKind::InvalidSubcommand => explain_command(&mut error, &words),
            ErrorKind::UnknownArgument => explain_option(&mut error, &words),
            _ => {}
        }
        Box::new(error)
    })
}

/// Replaces clap's suggestion for an unknown command.
fn explain_command(error: &mut clap::Error, words: &[&str]) {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    let name = name.clone();
    let before = words.iter().take_while(|word| **word != name);
    if before.clone().any(|word| command(word).is_some()) {
        // The name of a command's own command, such as `local statsu`.
        return;
    }
    error.remove(ContextKind::SuggestedSubcommand);
    error.remove(ContextKind::Suggested);
    let name = name.to_lowercase();
    let other = OTHER_NAMES
        .iter()
        .find(|(names, _)| names.contains(&&*name));
    if let Some((_, sentence)) = other {
        add_tip(error, sentence);
        return;
    }
    let Some(meant) = nearest_command(&name) else {
        return;
    };
    if let Some((_, sentence)) = DESTRUCTIVE.iter().find(|(it, _)| *it == meant) {
        add_tip(error, sentence);
    } else {
        let meant = ContextValue::Strings(vec![meant]);
        error.insert(ContextKind::SuggestedSubcommand, meant);
    }
}

/// Returns the command with the fewest wrong letters. Two letters that are swapped count as one.
fn nearest_command(name: &str) -> Option<String> {
    let program = Cli::command();
    let visible = program.get_subcommands().filter(|it| !it.is_hide_set());
    let near = visible.filter_map(|command| {
        let command = command.get_name();
        let mistakes = strsim::osa_distance(name, command);
        // Of a short word, more than a third may not be wrong.
        let allowed = MISTAKES.min(command.len().div_ceil(3));
        (mistakes <= allowed).then(|| {
            let likeness = strsim::jaro_winkler(name, command);
            (mistakes, likeness, command.to_owned())
        })
    });
    near.min_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)))
        .map(|(_, _, command)| command)
}

/// Adds a tip for an option of another tool.
fn explain_option(error: &mut clap::Error, words: &[&str]) {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return;
    };
    // clap takes `-auto-approve` for several short options and names only the first unknown one.
    let is_one_of = |known: &str| {
        let letters = known.strip_prefix('-').filter(|it| !it.starts_with('-'));
        let letter = option.strip_prefix('-').unwrap_or_default();
        letters.is_some_and(|letters| letter.len() == 1 && letters.contains(letter))
    };
    let is_meant = |known: &&str| *known == option || is_one_of(known) && words.contains(known);
    let Some((_, needed, tip)) = OTHER_OPTIONS
        .iter()
        .find(|(options, ..)| options.iter().any(is_meant))
    else {
        return;
    };
    let has_it = words
        .iter()
        .find_map(|word| command(word))
        .is_some_and(|command| {
            *needed == "set" || command.get_arguments().any(|it| it.get_id() == *needed)
        });
    if has_it {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::Suggested);
        add_tip(error, tip);
    }
}

fn command(name: &str) -> Option<clap::Command> {
    Cli::command().find_subcommand(name).cloned()
}

fn add_tip(error: &mut clap::Error, tip: &'static str) {
    let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
    error.insert(ContextKind::Suggested, tip);
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{DESTRUCTIVE, OTHER_NAMES, command, parse};

    /// Returns the tip of the message for a command line.
    fn tip(line: &str) -> String {
        let words = line.split(' ').map(OsString::from);
        match parse(words) {
            Ok(_) => "valid".to_owned(),
            Err(error) => {
                let text = error.to_string();
                let tip = text
                    .lines()
                    .find_map(|line| line.trim().strip_prefix("tip: "));
                tip.unwrap_or_default().to_owned()
            }
        }
    }

    #[test]
    fn names_of_other_tools_lead_to_the_command() {
        for (line, expected) in [
            ("stackctl deploy", "`stackctl apply` deploys"),
            ("stackctl up -e local", "`stackctl apply` deploys"),
            ("stackctl preview", "`stackctl plan` shows"),
            ("stackctl -e prod changeset", "`stackctl plan` shows"),
            ("stackctl rm", "`stackctl destroy` deletes the stack"),
            ("stackctl Delete", "`stackctl destroy` deletes the stack"),
            ("stackctl releases", "`stackctl history` shows"),
            ("stackctl tail", "`stackctl logs` shows"),
        ] {
            assert!(tip(line).starts_with(expected), "{line}: {}", tip(line));
        }
        for (names, _) in OTHER_NAMES {
            for name in names {
                assert!(command(name).is_none(), "`{name}` is a command by now");
            }
        }
    }

    #[test]
    fn misspelt_commands_are_corrected_unless_they_destroy() {
        for (wrong, right) in [
            ("paln", "plan"),
            ("aply", "apply"),
            ("appyl", "apply"),
            ("dif", "diff"),
            ("statsu", "status"),
            ("evnets", "events"),
            ("valdate", "validate"),
            ("inti", "init"),
            ("pln", "plan"),
        ] {
            let expected = format!("a similar subcommand exists: '{right}'");
            assert_eq!(tip(&format!("stackctl {wrong}")), expected, "{wrong}");
        }
        for (wrong, sentence) in [("destory", DESTRUCTIVE[0].1), ("cancle", DESTRUCTIVE[1].1)] {
            assert_eq!(tip(&format!("stackctl {wrong}")), sentence);
        }
        for unlike in ["zzz", "x", "frobnicate", "do"] {
            assert_eq!(tip(&format!("stackctl {unlike}")), "", "{unlike}");
        }
        assert!(tip("stackctl local statsu").contains("'status'"));
    }

    #[test]
    fn options_of_other_tools_have_a_tip() {
        for (line, expected) in [
            (
                "stackctl apply -auto-approve",
                "`--yes` answers the question",
            ),
            (
                "stackctl apply --auto-approve",
                "`--yes` answers the question",
            ),
            ("stackctl destroy --force", "`--yes` answers the question"),
            ("stackctl plan --json", "`--format json` prints JSON"),
            (
                "stackctl plan --parameter-overrides A=1",
                "`--set parameters.NAME=VALUE` sets a parameter",
            ),
            (
                "stackctl plan -var a=1",
                "`--set vars.NAME=VALUE` sets a variable",
            ),
        ] {
            assert_eq!(tip(line), expected, "{line}");
        }
        // The tip would not help: these commands have no such option.
        assert_eq!(tip("stackctl render --auto-approve"), "");
        assert_eq!(
            tip("stackctl plan --fromat json"),
            "a similar argument exists: '--format'"
        );
    }
}
