//! Secrets that nobody has to name, because their shape shows what they are: the private keys of key
//! pairs and certificates, and the signatures of presigned URLs.

use std::ops::Range;

/// The end of the first line of a private key.
const KEY: &str = "PRIVATE KEY-----";
/// The beginning of its last line.
const KEY_END: &str = "-----END ";
/// The members of a presigned URL that give access.
const SIGNED: [&str; 2] = ["X-Amz-Signature", "X-Amz-Security-Token"];

/// Adds the place of each secret in a text to `found`.
pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let mut end = 0;
    for (start, label) in text.match_indices(KEY) {
        let begin = start + label.len();
        let is_first_line = text.get(..start).is_some_and(|before| {
            let line = before.rsplit("-----").next();
            line.is_some_and(|it| it.starts_with("BEGIN "))
        });
        if !is_first_line || begin < end {
            continue;
        }
        let rest = text.get(begin..).unwrap_or_default();
        // A key that is cut has no last line.
        let length = rest.find(KEY_END).unwrap_or_else(|| {
            let is_outside = |it: char| !it.is_ascii_alphanumeric() && !"+/=\\\r\n ".contains(it);
            rest.find(is_outside).unwrap_or(rest.len())
        });
        end = begin + length;
        found.push(begin..end);
    }
    for name in SIGNED {
        for (start, _) in text.match_indices(name) {
            let begin = start + name.len();
            let rest = text.get(begin..).unwrap_or_default();
            let Some(separator) = ["=", "%3D", "%3d", "\\u003d", "&#61;"]
                .into_iter()
                .find(|it| rest.starts_with(it))
            else {
                continue;
            };
            let begin = begin + separator.len();
            let rest = text.get(begin..).unwrap_or_default();
            let is_outside = |it: char| !it.is_ascii_alphanumeric() && !"+/=%-_.~".contains(it);
            let end = begin + rest.find(is_outside).unwrap_or(rest.len());
            found.push(begin..end);
        }
    }
}
