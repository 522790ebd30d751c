//! Words and strings in the code of a tag.

/// Returns whether the character can be a part of a name.
pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the name at the start of the code; empty if there is none.
pub(super) fn word(code: &str) -> &str {
    let end = code.find(|other| !is_word(other)).unwrap_or(code.len());
    code.get(..end).unwrap_or_default()
}

/// Returns all names in the code.
pub(super) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|other| !is_word(other))
        .filter(|word| !word.is_empty())
}

/// Returns the length of the string at the start of the code, with its quotes; `None` if the code does
/// not start with a string, or if the string is not closed.
pub(super) fn string_length(code: &str) -> Option<usize> {
    let bytes = code.as_bytes();
    let quote = bytes.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if byte == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Returns how many characters and words outside of strings can be operators, or open a bracket.
pub(super) fn operators(code: &str) -> usize {
    const WORDS: [&str; 6] = ["and", "if", "in", "is", "not", "or"];
    let is_operator =
        |character: char| !is_word(character) && !" \t\r\n,:)]}\"'".contains(character);
    let mut count = 0;
    let mut rest = code;
    while !rest.is_empty() {
        let end = rest.find(['"', '\'']).unwrap_or(rest.len());
        let (outside, string) = rest.split_at(end);
        count += outside.chars().filter(|it| is_operator(*it)).count();
        count += words(outside).filter(|word| WORDS.contains(word)).count();
        let length = string_length(string).unwrap_or(string.len());
        rest = string.get(length..).unwrap_or_default();
    }
    count
}

/// Returns the strings in the code, without their quotes.
pub(super) fn strings(code: &str) -> Vec<&str> {
    let mut strings = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(['"', '\'']) {
        rest = rest.get(start..).unwrap_or_default();
        let Some(length) = string_length(rest) else {
            break;
        };
        strings.push(rest.get(1..length - 1).unwrap_or_default());
        rest = rest.get(length..).unwrap_or_default();
    }
    strings
}
