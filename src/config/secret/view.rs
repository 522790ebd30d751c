//! A text as the search for secrets reads it: without its escapes, or decoded from base64 or hex. Every
//! byte of a view knows its place in the original text.

use std::borrow::Cow;
use std::ops::Range;

/// A byte between two decoded texts. It is not in UTF-8, so no secret contains it.
const SEPARATOR: u8 = 0xFF;

/// Bytes, each with its place in an original text.
#[derive(Debug)]
pub(super) struct View<'t> {
    bytes: Cow<'t, [u8]>,
    /// The place of each byte; `None` if the view is the text itself.
    places: Option<Vec<Place>>,
}

/// The place of a byte in the original text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    start: u32,
    end: u32,
    /// Whether something of the text is left out before the byte.
    pub(super) follows_gap: bool,
}

impl Place {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the place from the start of this one to the end of another.
    pub(super) fn to(self, other: Self) -> Self {
        Self {
            end: other.end,
            ..self
        }
    }
}

impl<'t> View<'t> {
    /// Returns the text itself.
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            bytes: Cow::Borrowed(text.as_bytes()),
            places: None,
        }
    }

    /// Returns a view of bytes, each with its place.
    pub(super) fn new(bytes: Vec<u8>, places: Vec<Place>) -> View<'static> {
        View {
            bytes: Cow::Owned(bytes),
            places: Some(places),
        }
    }

    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the place of a range of bytes, which is not empty, in the original text.
    pub(super) fn place(&self, range: &Range<usize>) -> Range<usize> {
        let last = self.place_of(range.end.saturating_sub(1));
        self.place_of(range.start).to(last).range()
    }

    /// Returns whether something of the text is left out before a byte.
    pub(super) fn has_gap_before(&self, index: usize) -> bool {
        self.place_of(index).follows_gap
    }

    /// Returns the place of a byte.
    pub(super) fn place_of(&self, index: usize) -> Place {
        let at = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        match &self.places {
            None => Place {
                start: at(index),
                end: at(index + 1),
                follows_gap: false,
            },
            Some(places) => places.get(index).copied().unwrap_or_default(),
        }
    }

    /// Returns this view without `+`, which is a space in a form; `None` if there is none.
    pub(super) fn without_plus(&self) -> Option<View<'static>> {
        self.without(b'+')
    }

    /// Returns this view without a byte; `None` if there is none.
    pub(super) fn without(&self, left_out: u8) -> Option<View<'static>> {
        if !self.bytes.contains(&left_out) {
            return None;
        }
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        let mut has_gap = false;
        for (index, byte) in self.bytes.iter().enumerate() {
            let mut place = self.place_of(index);
            has_gap |= place.follows_gap;
            if *byte == left_out {
                has_gap = true;
            } else {
                place.follows_gap = std::mem::take(&mut has_gap);
                bytes.push(*byte);
                places.push(place);
            }
        }
        Some(View::new(bytes, places))
    }

    /// Returns what the runs of base64 and of hex in this view contain: each alignment is a view. This
    /// view must be without escapes; `text` is the original text. Runs of less than `shortest` bytes
    /// are left out.
    pub(super) fn decoded(&self, text: &str, shortest: usize) -> Vec<View<'static>> {
        let in_base64 = shortest.saturating_mul(4).div_ceil(3);
        let in_hex = shortest.saturating_mul(2);
        let base64 = self.runs(text, in_base64, |byte| sextet(byte).is_some());
        let hex = self.runs(text, in_hex, |byte| byte.is_ascii_hexdigit());
        let base64 = (0..4).map(|start| self.decode(&base64, start, base64_bytes));
        let hex = (0..2).map(|start| self.decode(&hex, start, hex_bytes));
        base64.chain(hex).flatten().collect()
    }

    /// Returns the runs of at least `shortest` bytes of one kind. A run may be broken by the end of a
    /// line and by escapes, but not by spaces and quotes.
    fn runs(
        &self,
        text: &str,
        shortest: usize,
        is_inside: impl Fn(u8) -> bool,
    ) -> Vec<Range<usize>> {
        let continues = |index: usize| {
            let gap = self.place_of(index - 1).range().end..self.place_of(index).range().start;
            let gap = text.as_bytes().get(gap).unwrap_or_default();
            !self.has_gap_before(index) || gap.iter().any(|it| b"\n\\%&\x1B".contains(it))
        };
        let mut runs = Vec::new();
        let mut start = 0;
        for index in 0..=self.bytes.len() {
            let is_in = self.bytes.get(index).is_some_and(|byte| is_inside(*byte));
            if is_in && (index == start || continues(index)) {
                continue;
            }
            if index - start >= shortest {
                runs.push(start..index);
            }
            start = if is_in { index } else { index + 1 };
        }
        runs
    }

    /// Decodes runs from their byte `start` on.
    fn decode(
        &self,
        runs: &[Range<usize>],
        start: usize,
        decode: impl Fn(&[u8], &mut dyn FnMut(u8, Range<usize>)),
    ) -> Option<View<'static>> {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for run in runs {
            let begin = run.start + start;
            decode(&self.bytes[begin..run.end], &mut |byte, used| {
                let last = self.place_of(begin + used.end - 1);
                let place = self.place_of(begin + used.start).to(last);
                bytes.push(byte);
                places.push(Place {
                    follows_gap: false,
                    ..place
                });
            });
            bytes.push(SEPARATOR);
            places.push(self.place_of(run.end - 1));
        }
        (!bytes.is_empty()).then(|| View::new(bytes, places))
    }
}

/// Calls `push` with each byte of a base64 text and the range of the characters that it is made of.
fn base64_bytes(text: &[u8], push: &mut dyn FnMut(u8, Range<usize>)) {
    for (number, group) in text.chunks(4).enumerate() {
        let at = number * 4;
        let value = |index: usize| group.get(index).and_then(|it| sextet(*it));
        let pairs = [(0, 2, 4), (1, 4, 2), (2, 6, 0)];
        for (index, left, right) in pairs {
            if let (Some(high), Some(low)) = (value(index), value(index + 1)) {
                push((high << left) | (low >> right), at + index..at + index + 2);
            }
        }
    }
}

/// Calls `push` with each byte of a text in hex and the range of its digits.
fn hex_bytes(text: &[u8], push: &mut dyn FnMut(u8, Range<usize>)) {
    for (number, pair) in text.chunks_exact(2).enumerate() {
        if let Some(byte) = hex(pair) {
            push(
                u8::try_from(byte).unwrap_or_default(),
                number * 2..number * 2 + 2,
            );
        }
    }
}

/// Returns the value of a character in base64, of the standard or the URL-safe alphabet.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Returns the value of hex digits; `None` if there are none, too many or others.
pub(super) fn hex(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let are_digits = digits.bytes().all(|it| it.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| are_digits)
}
