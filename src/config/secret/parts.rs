//! The parts of a secret that are secret by themselves, and how they may be spelled.
//!
//! A secret of several lines may be shown line by line. A secret that is a JSON document may be shown
//! member by member. A secret that is a URL contains a password.

use serde_json::Value;

/// The minimum length, in characters, of a secret that is replaced as a whole word.
pub(super) const SHORTEST_WORD: usize = 4;
/// The minimum length, in characters, of a secret that is replaced inside words too.
pub(super) const SHORTEST_PART: usize = 8;
/// The minimum length, in characters, of a part of a secret that is replaced by itself.
const SHORTEST_MEMBER: usize = 6;
/// Words that are in most outputs.
const COMMON: [&str; 3] = ["true", "false", "null"];
/// How many times JSON may escape a secret: a policy in a JSON document in a JSON string, in JSON output.
const ESCAPES: usize = 4;

/// A text that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    /// Whether it is replaced only as a whole word.
    pub(super) is_word: bool,
}

/// Returns what is replaced of a secret: the whole secret and its parts.
pub(super) fn parts(secret: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut add = |text: &str, shortest: usize| {
        let length = text.chars().count();
        if length >= shortest && !COMMON.contains(&text) {
            let part = Part {
                text: text.to_owned(),
                is_word: length < SHORTEST_PART,
            };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
    };
    add(secret, SHORTEST_WORD);
    add(secret.trim(), SHORTEST_WORD);
    for line in secret.lines() {
        add(line.trim(), SHORTEST_MEMBER);
    }
    for member in members(secret) {
        add(&member, SHORTEST_MEMBER);
    }
    if let Some(password) = password(secret) {
        add(password, SHORTEST_MEMBER);
    }
    parts
}

/// Returns the password of a URL, as in `postgres://user:password@host`.
pub(in crate::config) fn password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    Some(user.split_once(':')?.1)
}

/// Returns the texts of a JSON document.
fn members(secret: &str) -> Vec<String> {
    if !secret.trim_start().starts_with(['{', '[']) {
        return Vec::new();
    }
    let mut texts = Vec::new();
    let mut open: Vec<Value> = serde_json::from_str(secret).into_iter().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => open.extend(members.into_iter().map(|(_, value)| value)),
            Value::Array(elements) => open.extend(elements),
            Value::String(text) => texts.push(text),
            Value::Number(number) => texts.push(number.to_string()),
            Value::Null | Value::Bool(_) => {}
        }
    }
    texts
}

/// Returns the usual spellings of a text. A search for them does not depend on what is next to the text,
/// and finds texts of which little is left without their escapes.
pub(super) fn spellings(text: &str) -> Vec<String> {
    let percent = |keep: fn(char) -> bool, is_lower: bool| -> String {
        let mut shown = String::new();
        for character in text.chars() {
            if keep(character) {
                shown.push(character);
            } else {
                let bytes = character.encode_utf8(&mut [0; 4]).as_bytes().to_vec();
                for byte in bytes {
                    shown.push_str(&if is_lower {
                        format!("%{byte:02x}")
                    } else {
                        format!("%{byte:02X}")
                    });
                }
            }
        }
        shown
    };
    let url = |is_lower| {
        percent(
            |it| it.is_ascii_alphanumeric() || "-._~".contains(it),
            is_lower,
        )
    };
    let component = |is_lower| {
        percent(
            |it| it.is_ascii_alphanumeric() || "-._~!*'()".contains(it),
            is_lower,
        )
    };
    let urls = [url(true), url(false), component(true), component(false)];
    let xml = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let quoted = xml.replace('"', "&quot;");
    let mut spellings = vec![
        text.to_owned(),
        quoted.replace('\'', "&apos;"),
        quoted.replace('\'', "&#39;"),
        quoted.replace('\'', "&#x27;"),
        quoted,
        xml,
        text.replace('\'', "'\\''"),
        text.replace('\'', "'\"'\"'"),
        text.replace('\'', "''"),
    ];
    spellings.extend(urls.iter().map(|url| url.replace("%20", "+")));
    spellings.extend(urls.iter().map(|url| url.replace('%', "%25")));
    spellings.extend(urls);
    let mut escaped = spellings.clone();
    for _ in 0..ESCAPES {
        for text in &mut escaped {
            *text = json_escaped(text);
        }
        spellings.extend(escaped.iter().cloned());
    }
    spellings.sort();
    spellings.dedup();
    spellings
}

/// Returns a text as the content of a JSON string, without the quotes.
fn json_escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default()
        .to_owned()
}
