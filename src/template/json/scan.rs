//! Finds what the parser accepts although it is not JSON.

use super::failure::Wrong;
use crate::template::syntax::MAX_DEPTH;

/// Returns the first control character in a string or white space that JSON does not allow. The parser
/// accepts both.
///
/// # Errors
///
/// The byte where the nesting exceeds our limit. The text must not be parsed then: the parser's own
/// limit, 512 levels, needs more than the 1 MiB of stack that a program has on Windows.
pub(super) fn scan(text: &str) -> Result<Option<Wrong>, usize> {
    let mut found = None;
    let mut string = None;
    let mut depth = 0_usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (string, byte) {
            (Some(_), b'"') => string = None,
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), b'\n' | b'\r') => {
                found.get_or_insert_with(|| Wrong::new(open..at, "the string is not closed"));
            }
            (Some(_), 0..0x20) => {
                found.get_or_insert_with(|| {
                    Wrong::new(at..at + 1, "a control character in a string")
                        .with_help("write it as an escape such as `\\t`")
                });
            }
            (None, b'"') => string = Some(at),
            (None, b'{' | b'[') => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(at);
                }
            }
            (None, b'}' | b']') => depth = depth.saturating_sub(1),
            (None, 0x0b | 0x0c | 0x80..) => {
                found.get_or_insert_with(|| Wrong::token(text, at));
            }
            _ => {}
        }
    }
    Ok(found)
}
