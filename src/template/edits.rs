//! Edits of a text, and the way back from a place in the new text to its place in the old one.
//!
//! Values that stackctl fills in are written into the text of the template: every other byte stays as
//! it was written.

use std::ops::Range;

/// A range of a text and what replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The byte range in the old text.
    pub range: Range<usize>,
    /// The new text.
    pub text: String,
}

/// The places of the edits of a text.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    /// The old and the new range of each edit, in the order of the text.
    ranges: Vec<(Range<usize>, Range<usize>)>,
}

impl Edits {
    /// Returns the edited text and the places of the edits. An edit that overlaps an earlier one is left
    /// out.
    pub fn apply(text: &str, mut edits: Vec<Edit>) -> (String, Self) {
        edits.sort_by_key(|edit| edit.range.start);
        let mut out = String::with_capacity(text.len());
        let mut ranges = Vec::with_capacity(edits.len());
        let mut copied = 0;
        for edit in edits {
            let Some(before) = text.get(copied..edit.range.start) else {
                continue;
            };
            out.push_str(before);
            let start = out.len();
            out.push_str(&edit.text);
            copied = edit.range.end;
            ranges.push((edit.range, start..out.len()));
        }
        out.push_str(text.get(copied..).unwrap_or(""));
        (out, Self { ranges })
    }

    /// Returns the range in the old text from which a range of the new text comes. A part of an edit
    /// comes from all that it replaced.
    pub fn original(&self, new: Range<usize>) -> Range<usize> {
        let last = new.end.saturating_sub(1).max(new.start);
        let start = self.offset(new.start, |old| old.start);
        let end = if new.is_empty() {
            start
        } else {
            self.offset(last, |old| old.end.saturating_sub(1)) + 1
        };
        start..end.max(start)
    }

    fn offset(&self, new: usize, inside: impl Fn(&Range<usize>) -> usize) -> usize {
        let count = self.ranges.partition_point(|(_, range)| range.start <= new);
        match count.checked_sub(1).and_then(|last| self.ranges.get(last)) {
            None => new,
            Some((old, range)) if new < range.end => inside(old),
            Some((old, range)) => new - range.end + old.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Edit, Edits};

    fn edit(text: &str, old: &str, new: &str) -> Edit {
        let start = text.find(old).unwrap_or_default();
        Edit {
            range: start..start + old.len(),
            text: new.to_owned(),
        }
    }

    #[test]
    fn places_lead_back_to_the_old_text() {
        let text = "ä: one\nb: two\nc: three\n";
        let edits = vec![edit(text, "three", "3"), edit(text, "one", "a longer text")];
        let (new, edits) = Edits::apply(text, edits);
        assert_eq!(new, "ä: a longer text\nb: two\nc: 3\n");
        for (part, from) in [
            ("ä", "ä"),
            ("longer", "one"),
            ("a longer text", "one"),
            ("b: two", "b: two"),
            ("3", "three"),
            ("text\nb", "one\nb"),
            ("two\nc: 3", "two\nc: three"),
        ] {
            let start = new.find(part).unwrap_or_default();
            let old = edits.original(start..start + part.len());
            assert_eq!(text.get(old), Some(from), "{part}");
        }
        let end = new.len();
        assert_eq!(edits.original(end..end), text.len()..text.len());
        assert_eq!(edits.original(0..end), 0..text.len());
    }

    #[test]
    fn an_overlapping_edit_is_left_out() {
        let text = "abcdef";
        let edits = vec![edit(text, "bcd", "X"), edit(text, "de", "Y")];
        assert_eq!(Edits::apply(text, edits).0, "aXef");
    }
}
