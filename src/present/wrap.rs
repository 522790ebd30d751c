//! Text in lines that fit.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Breaks a text at spaces into lines of at most `width` columns. A longer word has its own line.
pub(super) fn words(text: &str, width: usize) -> Vec<String> {
    fill(text.split_whitespace(), width)
}

/// Breaks a text like [`words`], and keeps every space, so that quoted text stays exact.
pub(super) fn exact_words(text: &str, width: usize) -> Vec<String> {
    fill(text.split(' '), width)
}

fn fill<'a>(words: impl Iterator<Item = &'a str>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Adds a text, broken at spaces. `first` precedes its first line and `next` each other line.
pub(super) fn push(text: &mut String, words: &str, [first, next]: [&str; 2], width: usize) {
    let room = width.saturating_sub(next.width());
    for (number, line) in self::words(words, room).iter().enumerate() {
        let indent = if number == 0 { first } else { next };
        text.push_str(&format!("{indent}{line}\n"));
    }
}

/// Breaks a text into parts of at most `width` columns. A part ends after a space if its second half
/// contains one, else at any character.
pub(super) fn anywhere(text: &str, width: usize) -> Vec<&str> {
    let width = width.max(8);
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.width() > width {
        let mut columns = 0;
        let end = rest
            .char_indices()
            .find(|(_, character)| {
                columns += character.width().unwrap_or(0);
                columns > width
            })
            .map_or(rest.len(), |(at, _)| at);
        let fits = rest.get(..end).unwrap_or(rest);
        let at_space = fits.rfind(' ').map(|at| at + 1).filter(|at| *at * 2 > end);
        let (part, behind) = rest.split_at(at_space.unwrap_or(end));
        if part.is_empty() {
            break;
        }
        parts.push(part.trim_end());
        rest = behind.trim_start_matches(' ');
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::{anywhere, exact_words, push, words};

    #[test]
    fn words_keep_their_line() {
        assert_eq!(words("some words to wrap", 10), ["some words", "to wrap"]);
        assert_eq!(words("0123456789abc d", 10), ["0123456789abc", "d"]);
        assert_eq!(words("two  spaces", 20), ["two spaces"]);
        assert_eq!(exact_words("two  spaces", 20), ["two  spaces"]);
        assert!(words("", 10).is_empty());
        let mut text = String::new();
        push(&mut text, "some words to wrap", ["- ", "  "], 12);
        assert_eq!(text, "- some words\n  to wrap\n");
    }

    #[test]
    fn lines_break_at_spaces_or_anywhere() {
        assert_eq!(anywhere("short", 10), ["short"]);
        assert_eq!(
            anywhere("some words to wrap", 10),
            ["some words", "to wrap"]
        );
        assert_eq!(anywhere("0123456789abc", 10), ["0123456789", "abc"]);
        assert_eq!(anywhere("", 10), [""]);
        assert_eq!(anywhere("日本語日本語", 8), ["日本語日", "本語"]);
    }
}
