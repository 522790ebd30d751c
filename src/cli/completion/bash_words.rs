//! A command line of bash, up to the cursor. Bash divides it at more places than between words, such as at
//! `=` and `:`, and replaces only what follows the last of them.

/// The words of a line of bash.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BashWords {
    /// The words before the one at the cursor, without their quotes, the program's name first.
    pub(crate) words: Vec<String>,
    /// The word at the cursor, without its quotes.
    pub(crate) word: String,
    /// How many bytes of that word bash keeps.
    pub(crate) kept: usize,
    /// Whether a quote is open.
    pub(crate) is_quoted: bool,
    /// Whether the word is the file of a redirection.
    pub(crate) is_redirection: bool,
}

impl BashWords {
    /// Divides a line. `breaks` are the characters at which bash divides words (`COMP_WORDBREAKS`). Returns
    /// `None` if what bash replaces has quotes or backslashes, so that the replacement is not clear.
    pub(crate) fn split(line: &str, breaks: &str) -> Option<Self> {
        let mut found = Self {
            words: Vec::new(),
            word: String::new(),
            kept: 0,
            is_quoted: false,
            is_redirection: false,
        };
        let mut quote = None;
        let mut is_begun = false;
        let mut is_clear = true;
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match (quote, character) {
                (None, ' ' | '\t' | '\n') => {
                    let word = std::mem::take(&mut found.word);
                    // The file of a redirection is no word.
                    let redirects_next = found.is_redirection && !is_begun;
                    if is_begun && !found.is_redirection {
                        found.words.push(word);
                    }
                    (is_begun, is_clear, found.kept) = (false, true, 0);
                    found.is_redirection = redirects_next;
                    continue;
                }
                (None, '<' | '>') => {
                    // What stands before it is a file descriptor or a word.
                    found.word.clear();
                    (is_begun, found.is_redirection) = (false, true);
                    continue;
                }
                (None, '\'' | '"') => {
                    quote = Some(character);
                    found.kept = found.word.len();
                    is_clear = true;
                }
                (Some(open), _) if open == character => {
                    quote = None;
                    is_clear = false;
                }
                (None | Some('"'), '\\') => {
                    found.word.extend(characters.next());
                    is_clear = false;
                }
                (_, _) => {
                    found.word.push(character);
                    if quote.is_none() && breaks.contains(character) {
                        found.kept = found.word.len();
                        is_clear = true;
                    }
                }
            }
            is_begun = true;
        }
        found.is_quoted = quote.is_some();
        is_clear.then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::BashWords;

    const BREAKS: &str = " \t\n\"'><=;|&(:";

    fn split(line: &str) -> Option<(Vec<String>, String, usize)> {
        BashWords::split(line, BREAKS).map(|it| (it.words, it.word, it.kept))
    }

    #[test]
    fn the_word_at_the_cursor_is_what_bash_replaces() {
        for (line, words, word, kept) in [
            ("", &[][..], "", 0),
            ("stackctl", &[], "stackctl", 0),
            ("stackctl ", &["stackctl"], "", 0),
            ("stackctl  plan -e pr", &["stackctl", "plan", "-e"], "pr", 0),
            ("s --set vars.x=", &["s", "--set"], "vars.x=", 7),
            ("s --set=vars.x=tr", &["s"], "--set=vars.x=tr", 13),
            (
                "s --allow-replace app:Bu",
                &["s", "--allow-replace"],
                "app:Bu",
                4,
            ),
            ("s -e 'prod-*' -s ", &["s", "-e", "prod-*", "-s"], "", 0),
            ("s -e \"pr", &["s", "-e"], "pr", 0),
            ("s --set=\"vars.", &["s"], "--set=vars.", 6),
            ("s --set='vars.a=", &["s"], "--set=vars.a=", 6),
            ("s a\\ b 'c d'e ", &["s", "a b", "c de"], "", 0),
            ("s 'it'\\''s' ", &["s", "it's"], "", 0),
            ("s \"a\\\"b\" ", &["s", "a\"b"], "", 0),
            ("s '' ", &["s", ""], "", 0),
        ] {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(split(line), Some((words, word.to_owned(), kept)), "{line}");
        }
    }

    #[test]
    fn a_word_with_quotes_inside_is_not_completed() {
        for line in ["s a\\ b", "s 'a'b", "s -e a\\", "s \"x\""] {
            assert_eq!(split(line), None, "{line}");
        }
        // Bash keeps what is before the break.
        assert!(split("s 'a'=").is_some());
    }

    #[test]
    fn the_characters_are_those_of_the_shell() {
        let found = BashWords::split("s --set=a:b=c", " \t\n\"'><;|&(").unwrap_or_else(|| panic!());
        assert_eq!(found.kept, 0);
    }

    #[test]
    fn a_redirection_is_to_a_file() {
        for (line, is_redirection) in [
            ("s plan >fi", true),
            ("s plan > fi", true),
            ("s plan 2> ", true),
            ("s plan > file -", false),
            ("s plan >file ", false),
            ("s plan", false),
        ] {
            let found = BashWords::split(line, BREAKS);
            assert_eq!(
                found.map(|it| it.is_redirection),
                Some(is_redirection),
                "{line}"
            );
        }
    }
}
