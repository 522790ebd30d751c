//! ARNs in which `*` stands for any text.

use std::collections::BTreeSet;

use crate::util::wildcard;

/// Returns the patterns without those that another one covers.
pub(super) fn without_covered(patterns: &BTreeSet<String>) -> Vec<String> {
    let is_covered = |it: &String| {
        let mut others = patterns.iter().filter(|other| *other != it);
        others.any(|other| covers(other, it))
    };
    let kept = patterns.iter().filter(|it| !is_covered(it));
    kept.cloned().collect()
}

/// Returns whether a pattern matches everything that another one matches.
fn covers(pattern: &str, other: &str) -> bool {
    wildcard::is_match(pattern, other)
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_covers_any_text() {
        for (pattern, other) in [
            ("*", "arn:aws:s3:::x"),
            ("arn:*", "arn:*"),
            ("arn:stack/*/*", "arn:stack/site/*"),
            ("arn:stack/site-*/*", "arn:stack/site-Child-*/*"),
            ("same", "same"),
        ] {
            assert!(covers(pattern, other), "{pattern} {other}");
        }
        for (pattern, other) in [
            ("arn:stack/site/*", "arn:stack/*/*"),
            ("arn:a", "arn:ab"),
            ("arn:a*b", "arn:ab*"),
            ("a*a", "a"),
            ("x*", "arn"),
        ] {
            assert!(!covers(pattern, other), "{pattern} {other}");
        }
    }
}
