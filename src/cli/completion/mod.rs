//! What a shell offers when a user presses Tab.
//!
//! The script of each shell (`script`) asks this program, with the words before the cursor, so that all
//! shells offer the same: commands, options, and the values that the manifest and the templates name. It
//! reads files of the project alone: no network, no build, and no message if a file is broken.
//!
//! A shell puts what it gets into a command line, so only text that no shell interprets is offered
//! ([`Candidate`]). A name with a space, a quote or a `$` is left out.

mod bash_words;
mod candidate;
mod line;
mod script;
mod setting_keys;
mod values;

#[cfg(test)]
mod tests;

use clap::{Arg, ArgAction, Command, ValueHint};

use crate::config::ambient::Ambient;
pub(crate) use bash_words::BashWords;
pub(crate) use candidate::{Candidate, Named};
use line::{Line, Place};
pub(crate) use script::Shell;
use values::Values;

/// What a shell offers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// These words.
    Words(Vec<Candidate>),
    /// The files that the shell finds.
    Files,
    /// The folders that the shell finds.
    Folders,
}

/// What the value of an option or an argument is, if clap does not know its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Environment,
    Stack,
    Region,
    Profile,
    /// `KEY=VALUE`.
    Setting,
    /// A logical id.
    Resource,
    /// A logical id, with the stack's key in front if several stacks have it.
    ResourceOfStack,
    /// The logical id of a function.
    Function,
    Output,
}

/// Returns what completes `word`, which follows `words`, the arguments of `program`.
pub(crate) fn complete(
    program: &Command,
    words: &[String],
    word: &str,
    ambient: &Ambient,
) -> Answer {
    let line = Line::read(program, words);
    let mut values = Values::new(line.global(), ambient);
    answer(&line, word, &mut |kind, typed| values.of(kind, typed))
}

/// Returns what completes a word. `known` returns the values of a kind; it is given what is typed of the
/// value.
fn answer(line: &Line<'_>, word: &str, known: &mut dyn FnMut(Kind, &str) -> Vec<Named>) -> Answer {
    match line.place(word) {
        Place::Value {
            argument,
            before,
            typed,
        } => value(line, argument, before, typed, known),
        Place::Option => Answer::Words(options(line, word)),
        Place::Word => {
            let mut found = subcommands(line, word);
            if let Some(argument) = line.positional() {
                match value(line, argument, "", word, known) {
                    Answer::Words(words) => found.extend(words),
                    other => return other,
                }
            }
            if found.is_empty() && word.is_empty() {
                found = options(line, word);
            }
            Answer::Words(found)
        }
        Place::Nothing => Answer::Words(Vec::new()),
    }
}

/// Returns what completes the value of an argument. `before` is the part of the word before the value.
fn value(
    line: &Line<'_>,
    argument: &Arg,
    before: &str,
    typed: &str,
    known: &mut dyn FnMut(Kind, &str) -> Vec<Named>,
) -> Answer {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        let shown = possible.iter().filter(|value| !value.is_hide_set());
        let named = shown.map(|value| {
            let help = value.get_help().map(ToString::to_string);
            Named::new(value.get_name(), help.unwrap_or_default())
        });
        return Answer::Words(candidates(before, typed, named));
    }
    let Some(kind) = kind(line, argument) else {
        return match argument.get_value_hint() {
            ValueHint::DirPath => Answer::Folders,
            ValueHint::AnyPath | ValueHint::FilePath if is_folder(argument) => Answer::Folders,
            ValueHint::AnyPath | ValueHint::FilePath => Answer::Files,
            _ => Answer::Words(Vec::new()),
        };
    };
    let is_list = matches!(kind, Kind::Environment | Kind::Stack)
        || argument.get_value_delimiter() == Some(',');
    let (earlier, typed) = match typed.rsplit_once(',') {
        Some((earlier, last)) if is_list => (format!("{earlier},"), last),
        _ => (String::new(), typed),
    };
    let mut named = known(kind, typed);
    // A value that starts with a hyphen would be an option.
    named.retain(|value| !value.text.starts_with('-'));
    let given = line.values(argument).chain([earlier.as_str()]);
    let given: Vec<&str> = given.flat_map(|value| value.split(',')).collect();
    if kind != Kind::Setting {
        named.retain(|value| !given.contains(&value.text.as_str()));
    }
    Answer::Words(candidates(&format!("{before}{earlier}"), typed, named))
}

/// Returns what the values of an argument are.
fn kind(line: &Line<'_>, argument: &Arg) -> Option<Kind> {
    let names = argument.get_value_names().unwrap_or_default();
    let value_name = names.first().map_or("", |name| name.as_str());
    Some(match (argument.get_long(), value_name) {
        (Some("env"), _) => Kind::Environment,
        (Some("stack"), _) | (Some(_), "STACK") => Kind::Stack,
        (Some("region"), _) => Kind::Region,
        (Some("profile"), _) => Kind::Profile,
        (Some("set"), _) => Kind::Setting,
        (Some("function"), _) => Kind::Function,
        (Some("allow-replace" | "allow-delete" | "empty"), "LOGICAL_ID") => Kind::ResourceOfStack,
        (_, "LOGICAL_ID") => Kind::Resource,
        // `init` works on a stack of which there are no files yet.
        (Some(_), "ID") if line.command_name() != "init" => Kind::Resource,
        (None, _) if line.command_name() == "outputs" => Kind::Output,
        _ => return None,
    })
}

fn is_folder(argument: &Arg) -> bool {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().is_some_and(|name| name == "DIR")
}

/// Returns the words that begin with `before` and then `typed`.
fn candidates(before: &str, typed: &str, named: impl IntoIterator<Item = Named>) -> Vec<Candidate> {
    let named = named
        .into_iter()
        .filter(|named| named.text.starts_with(typed));
    named
        .filter_map(|named| Candidate::new(before, typed, &named))
        .collect()
}

fn subcommands(line: &Line<'_>, word: &str) -> Vec<Candidate> {
    if line.has_positionals() {
        return Vec::new();
    }
    let visible = line.command().get_subcommands();
    let visible = visible.filter(|command| !command.is_hide_set());
    let named = visible.map(|command| {
        let about = command.get_about().map(ToString::to_string);
        Named::new(command.get_name(), about.unwrap_or_default())
    });
    candidates("", word, named)
}

/// Returns the options that may still be given, the short ones only if a single hyphen is typed.
fn options(line: &Line<'_>, word: &str) -> Vec<Candidate> {
    let mut named = Vec::new();
    for argument in line.arguments() {
        let is_repeatable = matches!(argument.get_action(), ArgAction::Append | ArgAction::Count);
        let is_free = is_repeatable || !line.has(argument);
        if argument.is_positional() || argument.is_hide_set() || !is_free {
            continue;
        }
        let help = argument.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let short = argument.get_short().filter(|_| word == "-");
        named.extend(short.map(|short| Named::new(&format!("-{short}"), help.clone())));
        let long = argument.get_long();
        named.extend(long.map(|long| Named::new(&format!("--{long}"), help.clone())));
    }
    named.push(Named::new("--help", "Print help".to_owned()));
    candidates("", word, named)
}
