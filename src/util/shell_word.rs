//! A word of a POSIX shell: text that may be pasted after a command, or assigned to a variable.

/// Returns `text` as one word that a shell reads as exactly this text.
///
/// A word of letters, digits and `+-./:@]_` stays as it is; every other word is quoted. No argument
/// and no variable can hold a NUL byte, so NUL bytes are left out.
pub fn quote(text: &str) -> String {
    let text = text.replace('\0', "");
    // Quoting fails only for a NUL byte.
    shlex::try_quote(&text).unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn words_survive_a_shell() {
        let cases = [
            ("plain-1.2/x_y@z", "plain-1.2/x_y@z"),
            ("vars.a=1", "'vars.a=1'"),
            ("２０２６/über", "'２０２６/über'"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "\"it's\""),
            ("it's $HOME", "\"it's \"'$HOME'"),
            ("$(x)", "'$(x)'"),
            ("a{b,c}", "'a{b,c}'"),
            ("~/x", "'~/x'"),
            ("a\u{3000}b", "'a\u{3000}b'"),
        ];
        for (text, expected) in cases {
            assert_eq!(quote(text), expected);
            assert_eq!(shlex::split(expected), Some(vec![text.to_owned()]));
        }
    }

    #[test]
    fn a_nul_byte_is_left_out() {
        assert_eq!(quote("a\0b"), "ab");
        assert_eq!(quote("\0"), "''");
    }
}
