//! `AllowedPattern`, which CloudFormation reads as a regular expression of Java.

use regex_lite::RegexBuilder;

/// The maximum length of a pattern that is compiled, in bytes.
const MAX_LENGTH: usize = 4_096;

/// The maximum size of a compiled pattern, in bytes.
const MAX_SIZE: usize = 1 << 18;

/// The maximum product of the length of a text and the size of a compiled pattern. Matching takes time
/// in proportion to it.
const MAX_WORK: usize = 1 << 24;

/// Returns whether the whole text matches the pattern; `None` if the pattern uses something that only
/// Java's regular expressions have, or that means something else in them.
pub(super) fn matches(pattern: &str, text: &str) -> Option<bool> {
    if pattern.len() > MAX_LENGTH || has_nested_class(pattern) {
        return None;
    }
    let whole = format!("^(?:{pattern})$");
    let size = MAX_SIZE.min(MAX_WORK / text.len().max(1));
    let regex = RegexBuilder::new(&whole).size_limit(size).build();
    let found = regex.ok()?.is_match(text);
    // A line break at the end is matched by Java's `$`.
    (found || !text.contains(['\n', '\r'])).then_some(found)
}

/// Returns whether the pattern has a class within a class, or an intersection, as in `[a-z&&[^x]]`.
fn has_nested_class(pattern: &str) -> bool {
    let mut in_class = false;
    let mut first = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                characters.next();
                first = false;
                continue;
            }
            '[' if in_class => return true,
            '[' => {
                in_class = true;
                first = true;
                if characters.peek() == Some(&'^') {
                    characters.next();
                }
                continue;
            }
            // Java refuses a class that is empty; other engines read the bracket as a literal.
            ']' if in_class && first => return true,
            ']' => in_class = false,
            '&' if in_class && characters.peek() == Some(&'&') => return true,
            _ => {}
        }
        first = false;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn the_whole_text_must_match() {
        for (pattern, text, result) in [
            ("[0-9]+", "12", Some(true)),
            ("[0-9]+", "12a", Some(false)),
            ("a|ab", "ab", Some(true)),
            ("^[a-z]*$", "", Some(true)),
            ("(?i)prod", "PROD", Some(true)),
            (r"\d{1,3}(\.\d{1,3}){3}/\d+", "10.0.0.0/16", Some(true)),
            (r"[\x20-\x7E]*", "é", Some(false)),
            (r"[a-z\-_/.]+", "a-b/c_d.e", Some(true)),
            (
                r"arn:aws:iam::\d+:role\/.+",
                "arn:aws:iam::1:role/x",
                Some(true),
            ),
        ] {
            assert_eq!(matches(pattern, text), result, "{pattern} {text}");
        }
    }

    #[test]
    fn what_only_java_has_is_not_decided() {
        for pattern in [
            "(?=.*[A-Z]).*",
            "(?!x).*",
            r"(a)\1",
            "[a-z&&[^x]]+",
            "[a-c[x-z]]+",
            "[[:alpha:]]+",
            r"\p{Alnum}+",
            "[]a]+",
            "(",
            "a{1000000}",
        ] {
            assert_eq!(matches(pattern, "1"), None, "{pattern}");
        }
        assert_eq!(matches("[a-z]+", "a\n"), None);
    }
}
