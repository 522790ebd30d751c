//! The patterns of policy statements: which actions and which log groups they include.

use super::{Certainty, LogGroup};
use crate::template::evaluate::Evaluated;

/// Returns whether the pattern of a statement includes an action. Actions have no case.
pub(super) fn of_action(pattern: &Evaluated<'_>, action: &str) -> Certainty {
    match pattern {
        Evaluated::Scalar(pattern) => {
            let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
            is_match(&pattern, &action).into()
        }
        _ => Certainty::Maybe,
    }
}

/// Returns whether the pattern of a statement includes the streams of a log group. One that includes the
/// group alone may not be enough.
pub(super) fn of_group(pattern: &str, group: LogGroup<'_>) -> Certainty {
    if pattern == "*" {
        return Certainty::Yes;
    }
    // `arn:PARTITION:logs:REGION:ACCOUNT:log-group:NAME:log-stream:STREAM`
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let ["arn", _, service, region, account, rest] = *parts.as_slice() else {
        // A `*` may stand for several parts.
        return Certainty::from(pattern.contains(['*', '?'])).min(Certainty::Maybe);
    };
    let place = [
        (service, "logs"),
        (region, group.region),
        (account, group.account),
    ];
    let is_elsewhere = |(pattern, text): &(&str, &str)| !is_match(pattern, text);
    if place.iter().any(is_elsewhere) {
        return Certainty::No;
    }
    let alone = format!("log-group:{}", group.name);
    if is_match(rest, &format!("{alone}:log-stream:x")) {
        return Certainty::Yes;
    }
    // The name of a stream is not known.
    let is_of_streams = rest.starts_with(&format!("{alone}:"));
    Certainty::from(is_of_streams || is_match(rest, &alone)).min(Certainty::Maybe)
}

/// Returns whether a pattern matches a text. `*` stands for any characters and `?` for one.
pub(super) fn is_match(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // The place after the last `*`, and where its text ends.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                star = Some((at, seen));
            }
            Some(expected) if expected == byte || *expected == b'?' => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after, end)) = star else {
                    return false;
                };
                star = Some((after, end + 1));
                (at, seen) = (after, end + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}
