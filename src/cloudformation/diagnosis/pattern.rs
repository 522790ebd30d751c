//! The small language in which the words of AWS are recognised.
//!
//! A pattern is text with gaps: `export {name} cannot be deleted as it is in use by {user}`. Its
//! fixed parts are looked for in their order, anywhere in a reason, in capitals or not, and what
//! stands in the gaps is kept under their names. `*` is a gap that nobody asks about.

/// What stood in the gaps of a pattern, by name.
pub(super) type Captures = Vec<(&'static str, String)>;

/// Characters that surround a name in AWS's texts and do not belong to it.
const WRAPPING: &[char] = &[
    '"', '\'', '`', '[', ']', '(', ')', '{', '}', ',', '.', ';', ':',
];

/// A part of a pattern.
enum Part<'a> {
    Text(&'a str),
    Gap(&'a str),
}

/// Returns what stands in the pattern's gaps; `None` where the text does not have its fixed parts.
pub(super) fn captures(pattern: &'static str, text: &str) -> Option<Captures> {
    // Only ASCII is changed, so that offsets hold for both.
    let lower = text.to_ascii_lowercase();
    let mut found = Captures::new();
    let mut gap: Option<&'static str> = None;
    let mut end = 0;
    for part in parts(pattern) {
        match part {
            Part::Gap(name) => gap = Some(name),
            Part::Text(fixed) => {
                let rest = lower.get(end..)?;
                let start = end + rest.find(&fixed.to_ascii_lowercase())?;
                if let Some(name) = gap.take() {
                    let between = text.get(end..start)?;
                    let value = if end == 0 {
                        last_word(between)
                    } else {
                        between
                    };
                    found.push((name, clean(value)));
                }
                end = start + fixed.len();
            }
        }
    }
    if let Some(name) = gap {
        found.push((name, clean(first_word(text.get(end..)?))));
    }
    found.retain(|(name, _)| *name != "*");
    Some(found)
}

fn parts(pattern: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(start) = rest.find(['{', '*']) {
        let (text, gap) = rest.split_at(start);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        if let Some(after) = gap.strip_prefix('*') {
            parts.push(Part::Gap("*"));
            rest = after;
        } else {
            let (name, after) = gap.split_once('}').unwrap_or((gap, ""));
            parts.push(Part::Gap(name.trim_start_matches('{')));
            rest = after;
        }
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// Returns the names of a text's gaps.
#[cfg(test)]
pub(super) fn gaps(pattern: &str) -> Vec<&str> {
    let gap = |part| match part {
        Part::Gap(name) if name != "*" => Some(name),
        _ => None,
    };
    parts(pattern).into_iter().filter_map(gap).collect()
}

/// Returns a text with its gaps filled; `None` where one is not known.
pub(super) fn fill(text: &str, known: &[(&str, String)]) -> Option<String> {
    let mut filled = String::new();
    for part in parts(text) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Gap("*") => filled.push('*'),
            Part::Gap(name) => {
                let (_, value) = known.iter().find(|(known, _)| *known == name)?;
                filled.push_str(value);
            }
        }
    }
    Some(filled)
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start().trim_start_matches(WRAPPING);
    let end = text.find(|character: char| character.is_whitespace() || "\"'`".contains(character));
    &text[..end.unwrap_or(text.len())]
}

fn last_word(text: &str) -> &str {
    text.split_whitespace().next_back().unwrap_or_default()
}

fn clean(value: &str) -> String {
    value.trim().trim_matches(WRAPPING).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{captures, fill};

    #[test]
    fn gaps_are_read_and_filled() {
        let cases: [(&str, &str, Option<&[&str]>); 8] = [
            ("already exists", "The name Already Exists.", Some(&[])),
            (
                "{name} already exists",
                "Error: 'my-bucket' already exists",
                Some(&["my-bucket"]),
            ),
            (
                "export {export} cannot be deleted as it is in use by {user}",
                "Export a:b cannot be deleted as it is in use by stack-b and stack-c.",
                Some(&["a:b", "stack-b"]),
            ),
            (
                "image id {ami} does not exist",
                "The image id '[ami-0123]' does not exist (Service: Ec2)",
                Some(&["ami-0123"]),
            ),
            (
                "perform: {action} on resource: {resource}",
                "is not authorized to perform: s3:PutX on resource: \"arn:aws:s3:::b\" because no",
                Some(&["s3:PutX", "arn:aws:s3:::b"]),
            ),
            (
                "the * is {what}",
                "The thing is über, says AWS",
                Some(&["über"]),
            ),
            ("{x} of {y}", "ß", None),
            ("a {x}", "a", None),
        ];
        for (pattern, text, expected) in cases {
            let found = captures(pattern, text);
            let values: Option<Vec<&str>> = found
                .as_ref()
                .map(|found| found.iter().map(|(_, value)| value.as_str()).collect());
            assert_eq!(values.as_deref(), expected, "{pattern}");
        }
        let known = [("name", "b".to_owned())];
        assert_eq!(fill("a {name} `*`", &known).as_deref(), Some("a b `*`"));
        assert_eq!(fill("a {other}", &known), None);
    }
}
