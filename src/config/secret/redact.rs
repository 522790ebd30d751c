//! Finds known secrets in a text, in every form in which they may be written, and replaces them.
//!
//! The secrets are searched in the text itself, in the text without its escapes, and in what the text
//! contains in base64 and hex: see [`View`]. All secrets are searched at once, so the time grows with
//! the length of the text and hardly with the number of secrets. All matches count, also those that
//! overlap, and their union is replaced.

use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::parts::{Part, SHORTEST_PART, parts, spellings};
use super::unescaped::{length_of_style, without_escapes};
use super::view::View;
use super::{Secret, shape};

/// The text that replaces a secret.
pub const MASK: &str = "(secret)";
/// How often a text may be in base64 or hex: base64 in base64 in base64.
const DECODED: usize = 3;

/// Replaces secrets in texts.
///
/// A secret of at least eight characters is replaced everywhere. A secret of four to seven characters
/// is replaced only if no letter, digit, `-` or `_` is next to it. Shorter secrets, `true`, `false` and
/// `null` are not replaced.
#[derive(Debug, Default)]
pub struct Redactor {
    /// The secrets as they are.
    written: Option<Search>,
    /// The secrets without their escapes.
    plain: Option<Search>,
    /// The length of the shortest text that is searched, in bytes.
    shortest: usize,
}

impl Redactor {
    /// Returns a redactor for these secrets.
    pub fn new(secrets: &[Secret]) -> Self {
        let (mut written, mut plain): (Vec<Part>, Vec<Part>) = (Vec::new(), Vec::new());
        for part in secrets.iter().flat_map(|secret| parts(secret.expose())) {
            let view = without_escapes(&View::of(&part.text));
            let view = view.without_plus().unwrap_or(view);
            let text = String::from_utf8_lossy(view.bytes()).into_owned();
            // If little is left, other texts are the same without their escapes.
            if text == part.text || text.chars().count() >= SHORTEST_PART {
                plain.push(Part { text, ..part });
            }
            let spellings = spellings(&part.text).into_iter();
            written.extend(spellings.map(|text| Part { text, ..part }));
        }
        let lengths = written.iter().chain(&plain).map(|part| part.text.len());
        Self {
            shortest: lengths.min().unwrap_or_default(),
            written: Search::new(written),
            plain: Search::new(plain),
        }
    }

    /// Returns the text without the secrets; `None` if the text contains no secret.
    pub fn redact(&self, text: &str) -> Option<String> {
        let found = self.find(text);
        (!found.is_empty()).then(|| replaced(text, &found))
    }

    /// Returns a JSON text without the secrets; `None` if it contains no secret. Each string and number
    /// is searched by itself, so the result is JSON, too. Keys of lower-case letters and `_` stay: they
    /// are those of stackctl's own documents.
    pub fn redact_json(&self, json: &str) -> Option<String> {
        let mut shown = String::new();
        let mut copied = 0;
        for token in tokens(json) {
            let written = json.get(token.clone()).unwrap_or_default();
            let after = json.get(token.end..).unwrap_or_default().trim_start();
            let content = match serde_json::from_str(written) {
                Ok(serde_json::Value::String(text)) if after.starts_with(':') => {
                    let is_own = |it: char| it.is_ascii_lowercase() || it == '_';
                    if text.chars().all(is_own) {
                        continue;
                    }
                    text
                }
                Ok(serde_json::Value::String(text)) => text,
                Ok(serde_json::Value::Number(_)) => written.to_owned(),
                _ => continue,
            };
            if let Some(content) = self.redact(&content) {
                shown.push_str(json.get(copied..token.start).unwrap_or_default());
                shown.push_str(&serde_json::Value::from(content).to_string());
                copied = token.end;
            }
        }
        (copied > 0).then(|| shown + json.get(copied..).unwrap_or_default())
    }

    /// Returns the places of the secrets in a text, in their order. They do not overlap.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        shape::find(text, &mut found);
        if self.written.is_some() {
            self.search(&View::of(text), text, DECODED, &mut found);
        }
        merged(found, text)
    }

    fn search(&self, view: &View<'_>, text: &str, depth: usize, found: &mut Vec<Range<usize>>) {
        if let Some(written) = &self.written {
            written.find(view, found);
        }
        let unescaped = without_escapes(view);
        if let Some(plain) = &self.plain {
            match unescaped.without_plus() {
                Some(view) => plain.find(&view, found),
                None => plain.find(&unescaped, found),
            }
        }
        if depth > 0 {
            for decoded in unescaped.decoded(text, self.shortest) {
                self.search(&decoded, text, depth - 1, found);
            }
        }
    }
}

/// A search for many texts at once.
#[derive(Debug)]
struct Search {
    automaton: AhoCorasick,
    /// Whether each of the texts is found only as a whole word.
    are_words: Vec<bool>,
}

impl Search {
    /// Returns a search for these texts; `None` if there are none.
    fn new(parts: Vec<Part>) -> Option<Self> {
        if parts.is_empty() {
            return None;
        }
        let are_words = parts.iter().map(|part| part.is_word).collect();
        // It fails only for more than four billion bytes of secrets.
        let automaton = AhoCorasick::new(parts.into_iter().map(|part| part.text)).ok()?;
        Some(Self {
            automaton,
            are_words,
        })
    }

    /// Adds the places of the texts in a view.
    fn find(&self, view: &View<'_>, found: &mut Vec<Range<usize>>) {
        let mut union: Vec<Range<usize>> = Vec::new();
        for hit in self.automaton.find_overlapping_iter(view.bytes()) {
            let is_word = self.are_words.get(hit.pattern().as_usize()) == Some(&true);
            if is_word && !is_alone(view, &hit.range()) {
                continue;
            }
            let mut range = hit.range();
            while let Some(last) = union.pop_if(|last| range.start < last.end) {
                range = range.start.min(last.start)..range.end.max(last.end);
            }
            union.push(range);
        }
        found.extend(union.iter().map(|range| view.place(range)));
    }
}

/// Returns whether no letter, digit, `-` or `_` is next to a part of a view.
fn is_alone(view: &View<'_>, part: &Range<usize>) -> bool {
    let is_inside = |it: char| it.is_alphanumeric() || it == '-' || it == '_';
    let before = &view.bytes()[part.start.saturating_sub(4)..part.start];
    let after = &view.bytes()[part.end..view.bytes().len().min(part.end + 4)];
    let first = after.utf8_chunks().next();
    let first = first.and_then(|chunk| chunk.valid().chars().next());
    let last = before.utf8_chunks().last();
    let last = last
        .filter(|chunk| chunk.invalid().is_empty())
        .and_then(|chunk| chunk.valid().chars().next_back());
    (view.has_gap_before(part.start) || !last.is_some_and(is_inside))
        && (view.has_gap_before(part.end) || !first.is_some_and(is_inside))
}

/// Returns the union of ranges, in their order, on the boundaries of characters.
fn merged(mut ranges: Vec<Range<usize>>, text: &str) -> Vec<Range<usize>> {
    ranges.retain(|range| range.start < range.end);
    for range in &mut ranges {
        while !text.is_char_boundary(range.start) {
            range.start -= 1;
        }
        while !text.is_char_boundary(range.end) {
            range.end += 1;
        }
    }
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut union: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match union.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => union.push(range),
        }
    }
    union
}

/// Returns the text with the mask at these places. Styles stay.
fn replaced(text: &str, places: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut copied = 0;
    for place in places {
        shown.push_str(text.get(copied..place.start).unwrap_or_default());
        shown.push_str(MASK);
        let hidden = text.get(place.clone()).unwrap_or_default();
        for (at, _) in hidden.match_indices(['\x1B', '\u{FDD0}']) {
            let style = hidden.get(at..).unwrap_or_default();
            if let Some(length) = length_of_style(style.as_bytes()) {
                shown.push_str(style.get(..length).unwrap_or_default());
            }
        }
        copied = place.end;
    }
    shown + text.get(copied..).unwrap_or_default()
}

/// Returns the places of the strings and of the other scalars of a JSON text.
fn tokens(json: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = json.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_between = |it: &u8| it.is_ascii_whitespace() || b"{}[],:".contains(it);
        let start = at + bytes.get(at..)?.iter().position(|it| !is_between(it))?;
        let rest = &bytes[start..];
        let length = if rest.first() == Some(&b'"') {
            let mut is_escaped = false;
            let end = rest.iter().skip(1).position(|it| {
                let ends = *it == b'"' && !is_escaped;
                is_escaped = *it == b'\\' && !is_escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 2)
        } else {
            rest.iter().position(is_between).unwrap_or(rest.len())
        };
        at = start + length;
        Some(start..at)
    })
}

#[cfg(test)]
mod tests;
