//! Recognizes comments of the template engine that were meant as text.
//!
//! `{#` is common in text: `${#array[@]}` is the length of a Bash array, and `{####}` is the place of
//! a code in the messages of Amazon Cognito. The engine drops everything from there to the next `#}`.

use std::ops::Range;

/// How many lines that look like YAML or JSON members a comment can contain if it begins or ends in
/// the middle of a line. A comment on lines of its own is written on purpose and has no limit.
const MAX_MEMBERS: usize = 3;

/// Returns the text of a shell expansion, such as `${#array[@]}`, if the comment that begins at
/// `start` is one.
pub(super) fn literal(text: &str, start: usize) -> Option<String> {
    if !text.get(..start)?.ends_with('$') {
        return None;
    }
    let line = text.get(start - 1..)?.lines().next()?;
    let written = match line.find('}') {
        Some(end) => line.get(..=end)?,
        None => line.get(..3)?,
    };
    Some(written.to_owned())
}

/// Returns why the comment in this range was probably meant as text; `None` if it is a comment.
pub(super) fn swallowed(text: &str, span: Range<usize>) -> Option<String> {
    let body = text.get(span.start + 2..span.end - 2)?;
    let before = text.get(..span.start)?.rsplit('\n').next()?;
    let after = text.get(span.end..)?.split('\n').next()?;
    let is_alone = before.trim().is_empty() && after.trim().is_empty();
    if body.contains("{#") {
        return Some("the comment contains another `{#`, and comments cannot be nested".to_owned());
    }
    if !is_alone && !body.is_empty() && body.bytes().all(|byte| byte == b'#') {
        return Some(format!(
            "`{{#{body}#}}` is a comment of the template engine"
        ));
    }
    let members = body.lines().skip(1).filter(|line| is_member(line)).count();
    if is_alone || members <= MAX_MEMBERS {
        return None;
    }
    Some(format!(
        "the comment removes {members} lines that look like a part of the template"
    ))
}

/// Returns whether a line looks like a member of a YAML or JSON map.
fn is_member(line: &str) -> bool {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line);
    let Some(colon) = line
        .find(": ")
        .or_else(|| line.ends_with(':').then(|| line.len() - 1))
    else {
        return false;
    };
    let key = line
        .get(..colon)
        .unwrap_or_default()
        .trim_matches(['"', '\'']);
    !key.is_empty()
        && key
            .chars()
            .all(|other| other.is_alphanumeric() || "_-.:/".contains(other))
}
