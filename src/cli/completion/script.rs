//! The script of each shell, and the form in which it reads what stackctl offers.
//!
//! A script runs `stackctl` from `PATH`, never a program that the command line being typed names. The first
//! line that it reads says what follows: `words`, or nothing because the shell itself looks for `files` or
//! `folders`.

use super::{Answer, Candidate};

/// A shell with a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    /// bash 3.2 or newer
    Bash,
    /// elvish 0.18 or newer
    Elvish,
    /// fish 3.4 or newer
    Fish,
    /// PowerShell 5.1 or newer
    #[value(alias = "pwsh")]
    Powershell,
    /// zsh 5.1 or newer
    Zsh,
}

impl Shell {
    /// Returns the script.
    pub(crate) const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("scripts/stackctl.bash"),
            Self::Elvish => include_str!("scripts/stackctl.elv"),
            Self::Fish => include_str!("scripts/stackctl.fish"),
            Self::Powershell => include_str!("scripts/stackctl.ps1"),
            Self::Zsh => include_str!("scripts/stackctl.zsh"),
        }
    }

    /// Returns the answer in the form that the script reads. `kept` is how many bytes of the word the shell
    /// keeps, and `is_quoted` whether a quote is open in it; both matter in bash alone.
    pub(crate) fn format(self, answer: &Answer, kept: usize, is_quoted: bool) -> String {
        let candidates = match answer {
            Answer::Words(candidates) => candidates,
            Answer::Files => return "files\n".to_owned(),
            Answer::Folders => return "folders\n".to_owned(),
        };
        let mut text = "words\n".to_owned();
        for candidate in candidates {
            text.push_str(&self.line(candidate, kept, is_quoted));
            text.push('\n');
        }
        text
    }

    fn line(self, candidate: &Candidate, kept: usize, is_quoted: bool) -> String {
        let Candidate {
            word, description, ..
        } = candidate;
        let space = if candidate.continues { "" } else { " " };
        match self {
            Self::Bash => {
                let replaced = word.get(kept..).unwrap_or_default();
                let space = if is_quoted { "" } else { space };
                format!("{replaced}{space}")
            }
            // The shell quotes the word and adds the space.
            Self::Fish => format!("{word}\t{description}"),
            Self::Elvish => format!("{word}\t{space}\t{description}"),
            Self::Powershell => format!("{}\t{word}\t{description}", quoted_for_powershell(word)),
            // `_describe` reads `WORD:DESCRIPTION`. The first character says whether more follows.
            Self::Zsh => {
                let first = if candidate.continues { '+' } else { '=' };
                let word = word.replace('\\', "\\\\").replace(':', "\\:");
                let description = description.replace('\\', "\\\\");
                match description.as_str() {
                    "" => format!("{first}{word}"),
                    description => format!("{first}{word}:{description}"),
                }
            }
        }
    }
}

/// Returns a word as an argument of PowerShell, in which a comma and an `@` have a meaning.
fn quoted_for_powershell(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=".contains(it);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    // Four kinds of characters end a text in single quotes, and all are written twice in it.
    let mut quoted = "'".to_owned();
    for character in word.chars() {
        if matches!(character, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted + "'"
}

#[cfg(test)]
mod tests {
    use super::{Answer, Candidate, Shell, quoted_for_powershell};

    fn answer() -> Answer {
        let candidate = |word: &str, description: &str, continues| Candidate {
            word: word.to_owned(),
            description: description.to_owned(),
            continues,
        };
        Answer::Words(vec![
            candidate("--set=vars.size=", "a: b\\c", true),
            candidate("app:Bucket", "", false),
        ])
    }

    #[test]
    fn each_shell_reads_its_own_form() {
        for (shell, text) in [
            (Shell::Bash, "words\n--set=vars.size=\napp:Bucket \n"),
            (
                Shell::Fish,
                "words\n--set=vars.size=\ta: b\\c\napp:Bucket\t\n",
            ),
            (
                Shell::Elvish,
                "words\n--set=vars.size=\t\ta: b\\c\napp:Bucket\t \t\n",
            ),
            (
                Shell::Powershell,
                "words\n--set=vars.size=\t--set=vars.size=\ta: b\\c\napp:Bucket\tapp:Bucket\t\n",
            ),
            (
                Shell::Zsh,
                "words\n+--set=vars.size=:a: b\\\\c\n=app\\:Bucket\n",
            ),
        ] {
            assert_eq!(shell.format(&answer(), 0, false), text, "{shell:?}");
        }
    }

    #[test]
    fn bash_adds_no_space_inside_of_a_quote() {
        assert_eq!(
            Shell::Bash.format(&answer(), 4, true),
            "words\nt=vars.size=\nBucket\n"
        );
        assert_eq!(Shell::Bash.format(&answer(), 99, true), "words\n\n\n");
        assert_eq!(Shell::Zsh.format(&Answer::Files, 0, false), "files\n");
        assert_eq!(Shell::Fish.format(&Answer::Folders, 0, false), "folders\n");
    }

    #[test]
    fn a_comma_is_quoted_for_powershell() {
        assert_eq!(quoted_for_powershell("--env=a-b"), "--env=a-b");
        assert_eq!(quoted_for_powershell("a,b"), "'a,b'");
        assert_eq!(
            quoted_for_powershell("it's,\u{2019}"),
            "'it''s,\u{2019}\u{2019}'"
        );
    }
}
