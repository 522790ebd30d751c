//! `stackctl completions`: a completion script for a shell, and what the script asks for.

use super::{Context, Exit};
use crate::cli::completion::{Answer, BashWords, Shell, complete};
use crate::error::Result;

/// The arguments of `stackctl completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for
    shell: Shell,
    /// Print what completes this word, which follows the given words
    #[arg(long, hide = true)]
    word: Option<String>,
    /// Print what completes this line of bash
    #[arg(long, hide = true, conflicts_with = "word")]
    line: Option<String>,
    /// The characters at which bash divides words
    #[arg(
        long,
        hide = true,
        requires = "line",
        default_value = " \t\n\"'><=;|&(:"
    )]
    breaks: String,
    /// The words before the one at the cursor, the program's name first
    #[arg(last = true, hide = true)]
    words: Vec<String>,
}

/// Prints the script, or what completes a command line of `program`. It calls no server.
pub fn run(context: &Context, args: Args, program: &clap::Command) -> Result<Exit> {
    let presenter = context.presenter();
    let (words, word, kept, is_quoted) = match (args.line, args.word) {
        (None, None) => {
            presenter.exact_data(args.shell.script());
            return Ok(Exit::Done);
        }
        (Some(line), _) => match BashWords::split(&line, &args.breaks) {
            Some(found) if found.is_redirection => {
                presenter.exact_data(&args.shell.format(&Answer::Files, 0, false));
                return Ok(Exit::Done);
            }
            Some(found) => (found.words, found.word, found.kept, found.is_quoted),
            None => return Ok(Exit::Done),
        },
        // Most shells give the word as it is written. A quote that is open is not part of the value.
        (None, Some(word)) => {
            let word = word.strip_prefix(['\'', '"']).unwrap_or(&word).to_owned();
            (args.words, word, 0, false)
        }
    };
    let words = words.get(1..).unwrap_or_default();
    let answer = complete(program, words, &word, context.ambient());
    presenter.exact_data(&args.shell.format(&answer, kept, is_quoted));
    Ok(Exit::Done)
}
