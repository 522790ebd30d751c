//! The words before the cursor: which command they name, which options they give, and what the next word
//! may be.

use std::path::PathBuf;

use clap::{Arg, Command};

use crate::cli::global::GlobalOptions;

/// The words before the cursor.
pub(super) struct Line<'a> {
    /// The program, and the commands that were named, the last one innermost.
    commands: Vec<&'a Command>,
    /// The values that were given, by argument. A flag has an empty one.
    given: Vec<(&'a Arg, String)>,
    /// How many words were arguments of the last command, and no options.
    positionals: usize,
    /// Whether `--` was given, so that no further word is an option.
    ended_options: bool,
    /// The option whose value is the next word.
    pending: Option<&'a Arg>,
    /// How many values the option still needs after the next word.
    more: usize,
    /// Whether a word fits nothing.
    is_wrong: bool,
}

/// What the word at the cursor is.
pub(super) enum Place<'a, 'w> {
    /// The value of an argument.
    Value {
        argument: &'a Arg,
        /// The part of the word before the value, such as `--env=`.
        before: &'w str,
        /// The start of the value.
        typed: &'w str,
    },
    /// An option.
    Option,
    /// A command or the value of an argument without a name.
    Word,
    /// Nothing that is known.
    Nothing,
}

impl<'a> Line<'a> {
    /// Reads the words that follow the program's name.
    pub(super) fn read(program: &'a Command, words: &[String]) -> Self {
        let mut line = Self {
            commands: vec![program],
            given: Vec::new(),
            positionals: 0,
            ended_options: false,
            pending: None,
            more: 0,
            is_wrong: false,
        };
        for word in words {
            line.add(word);
        }
        line
    }

    fn add(&mut self, word: &str) {
        if let Some(argument) = self.pending {
            self.given.push((argument, word.to_owned()));
            self.more = self.more.saturating_sub(1);
            if self.more == 0 {
                self.pending = None;
            }
        } else if self.ended_options {
            self.positionals += 1;
        } else if word == "--" {
            self.ended_options = true;
        } else if word.starts_with('-') && word.len() > 1 {
            self.add_option(word);
        } else if let Some(command) = self.subcommand(word) {
            self.commands.push(command);
        } else if self.has_subcommands() {
            self.is_wrong = true;
        } else {
            self.positionals += 1;
        }
    }

    fn add_option(&mut self, word: &str) {
        match self.option(word) {
            Some((argument, Some(at))) => {
                let value = word.get(at..).unwrap_or_default();
                self.given.push((argument, value.to_owned()));
            }
            Some((argument, None)) if argument.get_action().takes_values() => {
                self.pending = Some(argument);
                self.more = argument
                    .get_num_args()
                    .map_or(1, |range| range.min_values());
            }
            Some((argument, None)) => self.given.push((argument, String::new())),
            None => {}
        }
    }

    /// Returns the option that a word gives, the last one of several short ones, and where its value begins
    /// in the word if it has it.
    fn option(&self, word: &str) -> Option<(&'a Arg, Option<usize>)> {
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, _)) => (name, Some(2 + name.len() + 1)),
                None => (long, None),
            };
            let found = self.arguments().find(|argument| {
                let aliases = argument.get_all_aliases().unwrap_or_default();
                argument.get_long() == Some(name) || aliases.contains(&name)
            });
            return Some((found?, value));
        }
        let mut last = None;
        for (at, letter) in word.char_indices().skip(1) {
            let argument = self
                .arguments()
                .find(|argument| argument.get_short() == Some(letter))?;
            let after = at + letter.len_utf8();
            if argument.get_action().takes_values() && after < word.len() {
                let is_assigned = word.get(after..).is_some_and(|rest| rest.starts_with('='));
                return Some((argument, Some(after + usize::from(is_assigned))));
            }
            last = Some((argument, None));
        }
        last
    }

    /// Returns what a word at the cursor is.
    pub(super) fn place<'w>(&self, word: &'w str) -> Place<'a, 'w> {
        let value = |argument: &'a Arg, at: usize| {
            let (before, typed) = word.split_at_checked(at).unwrap_or(("", word));
            Place::Value {
                argument,
                before,
                typed,
            }
        };
        if self.is_wrong {
            return Place::Nothing;
        }
        if let Some(argument) = self.pending {
            return value(argument, 0);
        }
        if self.ended_options || !word.starts_with('-') {
            return Place::Word;
        }
        match self.option(word) {
            Some((argument, Some(at))) if argument.get_action().takes_values() => {
                value(argument, at)
            }
            Some((_, Some(_))) => Place::Nothing,
            _ => Place::Option,
        }
    }

    /// Returns the innermost command.
    pub(super) fn command(&self) -> &'a Command {
        // There is always the program itself.
        self.commands.last().copied().unwrap_or(self.commands[0])
    }

    /// Returns the name of the command right below the program; empty if none is named.
    pub(super) fn command_name(&self) -> &'a str {
        self.commands
            .get(1)
            .map_or("", |command| command.get_name())
    }

    fn has_subcommands(&self) -> bool {
        self.command().get_subcommands().next().is_some()
    }

    /// Returns whether arguments of the last command were given, so that no command can follow.
    pub(super) fn has_positionals(&self) -> bool {
        self.positionals > 0 || self.ended_options
    }

    fn subcommand(&self, word: &str) -> Option<&'a Command> {
        if self.has_positionals() {
            return None;
        }
        self.command().find_subcommand(word)
    }

    /// Returns the arguments that the innermost command takes, with the global ones.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &'a Arg> + use<'a> {
        let innermost = self.commands.len() - 1;
        let commands = self.commands.clone().into_iter().enumerate().rev();
        commands.flat_map(move |(depth, command)| {
            let arguments = command.get_arguments();
            arguments.filter(move |argument| depth == innermost || argument.is_global_set())
        })
    }

    /// Returns the argument without a name that the next word is.
    pub(super) fn positional(&self) -> Option<&'a Arg> {
        let mut at = 0;
        for argument in self.command().get_positionals() {
            // The words after `--` belong to the argument that is last.
            if argument.is_last_set() != self.ended_options && argument.is_last_set() {
                continue;
            }
            at += argument.get_num_args().map_or(1, |it| it.max_values());
            if self.positionals < at {
                return Some(argument);
            }
        }
        None
    }

    /// Returns whether an argument was given.
    pub(super) fn has(&self, argument: &Arg) -> bool {
        self.values(argument).next().is_some()
    }

    /// Returns the values that were given for an argument.
    pub(super) fn values(&self, argument: &Arg) -> impl Iterator<Item = &str> {
        let given = self.given.iter();
        given
            .filter(|(given, _)| given.get_id() == argument.get_id())
            .map(|(_, value)| value.as_str())
    }

    /// Returns the global options that choose the project, its stacks and its settings.
    pub(super) fn global(&self) -> GlobalOptions {
        let all = |long: &str| {
            let given = self.given.iter();
            let named = given.filter(|(argument, _)| argument.get_long() == Some(long));
            named.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        GlobalOptions {
            manifest: all("manifest").pop().map(PathBuf::from),
            environments: all("env"),
            all_environments: !all("all-envs").is_empty(),
            stacks: all("stack"),
            region: all("region").pop(),
            profile: all("profile").pop(),
            set: all("set"),
            ..GlobalOptions::default()
        }
    }
}
