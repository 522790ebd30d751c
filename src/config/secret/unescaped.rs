//! The removal of escapes from a text.
//!
//! A secret may be written in many ways: as JSON, in a URL, in XML or HTML, quoted for a shell, folded
//! into several lines, between escape sequences of a terminal, and in several of these at once. Instead
//! of one search for each of them, the search reads the text without all that these ways add. Escapes
//! are decoded; whitespace, quotes, backslashes and invisible characters are left out. The secret is
//! read in the same way, so it does not matter that different texts become equal.

use super::view::{Place, View, hex};

/// The longest reference to a character, such as `&#x10FFFF;`, in bytes.
const LONGEST_REFERENCE: usize = 10;
/// The length of the longest mark of a style, in bytes.
const LONGEST_MARK: usize = 48;

/// Returns a view without its escapes, whitespace, quotes, backslashes and invisible characters.
pub(super) fn without_escapes(view: &View<'_>) -> View<'static> {
    let mut plain = Unescaped::default();
    let mut at = 0;
    while let Some(byte) = view.bytes().get(at) {
        if let Some(length) = length_of_style(&view.bytes()[at..]) {
            at += length;
            plain.has_gap = true;
            continue;
        }
        plain.push(*byte, view.place_of(at));
        at += 1;
    }
    let view = View::new(plain.bytes, plain.places);
    // Backslashes before what looked like an escape are left.
    view.without(b'\\').unwrap_or(view)
}

/// The bytes of a text without its escapes, as far as it is read.
#[derive(Default)]
struct Unescaped {
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// Whether something was left out since the last byte.
    has_gap: bool,
}

impl Unescaped {
    /// Adds a byte. If it completes an escape, adds what the escape stands for.
    fn push(&mut self, byte: u8, place: Place) {
        let mut next = Some((byte, place));
        // The result of an escape may complete another escape, as in `%2541`.
        while let Some((byte, place)) = next.take() {
            if self.bytes.last() == Some(&b'\\') && !self.goes_on(byte, place) {
                continue;
            }
            if is_left_out(byte) {
                self.has_gap = true;
                continue;
            }
            let begun = self.bytes.len();
            self.add(byte, place);
            if let Some((length, code)) = self.escape(byte) {
                let start = begun + 1 - length;
                let place = self.places[start].to(place);
                self.truncate(start);
                match u8::try_from(code) {
                    Ok(ascii) if ascii < 0x80 => next = Some((ascii, place)),
                    // In a URL and in many languages, an escape is one byte of a character.
                    Ok(byte) if length < 5 => self.push_bytes(&[byte], place),
                    _ => self.push_character(code, place),
                }
            } else {
                self.leave_out();
            }
        }
    }

    /// Reads a byte after a backslash. Returns whether the byte itself is read on.
    fn goes_on(&mut self, byte: u8, place: Place) -> bool {
        match byte {
            // However often a text is escaped, the backslashes before a character are one.
            b'\\' => {
                if let Some(last) = self.places.last_mut() {
                    *last = last.to(place);
                }
                false
            }
            // An escape may follow.
            b'u' | b'U' | b'x' | b'%' | b'&' => true,
            b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'0' => {
                self.remove(1);
                false
            }
            _ => {
                self.remove(1);
                true
            }
        }
    }

    /// Returns the length of the escape that ends with `last`, and the character that it stands for.
    fn escape(&self, last: u8) -> Option<(usize, u32)> {
        let tail = |length: usize| {
            let start = self.bytes.len().checked_sub(length)?;
            self.bytes.get(start..)
        };
        // Digits after a space are not those of an escape.
        let is_whole = |length: usize| {
            let inside = self.places.len().saturating_sub(length - 1);
            let mut inside = self.places.iter().skip(inside);
            !inside.any(|place| place.follows_gap)
        };
        if last.is_ascii_hexdigit() {
            let forms: [(&[u8], usize); 4] = [(b"%", 2), (b"\\x", 2), (b"\\u", 4), (b"\\U", 8)];
            return forms.into_iter().find_map(|(prefix, digits)| {
                let length = prefix.len() + digits;
                let digits = tail(length)?.strip_prefix(prefix)?;
                Some((length, hex(digits)?)).filter(|_| is_whole(length))
            });
        }
        let since = |prefix: &[u8]| {
            let longest = tail(LONGEST_REFERENCE.min(self.bytes.len()))?;
            let at = longest.windows(prefix.len()).rposition(|it| it == prefix)?;
            let length = longest.len() - at;
            Some((length, &longest[at + prefix.len()..longest.len() - 1]))
        };
        match last {
            b'}' => {
                let (length, digits) = since(b"\\u{")?;
                Some((length, hex(digits)?))
            }
            b';' => {
                let (length, name) = since(b"&")?;
                Some((length, character(name)?))
            }
            // The end of a line in a table.
            b'>' => {
                let (length, name) = since(b"<")?;
                [&b"br"[..], b"br/"]
                    .contains(&name)
                    .then_some((length, u32::from(b'\n')))
            }
            _ => None,
        }
    }

    fn push_character(&mut self, code: u32, place: Place) {
        // The second half of a character outside of the basic plane; the first half precedes it.
        let first = self.bytes.len().checked_sub(3).and_then(|start| {
            let code = surrogate(self.bytes.get(start..)?)?;
            (0xD800..0xDC00).contains(&code).then_some((start, code))
        });
        if let (0xDC00..0xE000, Some((start, first))) = (code, first) {
            let code = 0x10000 + ((first - 0xD800) << 10) + (code - 0xDC00);
            let place = self.places[start].to(place);
            self.truncate(start);
            return self.push_character(code, place);
        }
        match char::from_u32(code) {
            Some(character) => {
                self.push_bytes(character.encode_utf8(&mut [0; 4]).as_bytes(), place);
            }
            None => self.push_bytes(&surrogate_bytes(code), place),
        }
    }

    fn push_bytes(&mut self, bytes: &[u8], place: Place) {
        for byte in bytes {
            self.add(*byte, place);
            self.leave_out();
        }
    }

    /// Removes the last character if it is invisible or a part of a frame.
    fn leave_out(&mut self) {
        let length = match self.bytes.as_slice() {
            [.., 0xC2, 0x80..=0xA0 | 0xAD] => 2,
            [.., 0xE2, 0x80, 0x8B..=0x8F | 0xA8..=0xAE]
            | [.., 0xE2, 0x81, 0xA0..=0xAF]
            | [.., 0xE2, 0x94, 0x82 | 0x83]
            | [.., 0xEF, 0xBB, 0xBF] => 3,
            _ => return,
        };
        self.remove(length);
    }

    fn add(&mut self, byte: u8, mut place: Place) {
        place.follows_gap |= std::mem::take(&mut self.has_gap);
        self.bytes.push(byte);
        self.places.push(place);
    }

    /// Leaves out the last bytes.
    fn remove(&mut self, length: usize) {
        self.truncate(self.bytes.len().saturating_sub(length));
        self.has_gap = true;
    }

    fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.places.truncate(length);
    }
}

/// Returns whether a byte is whitespace, a quote or a control character.
fn is_left_out(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'"' | b'\'' | 0x7F)
}

/// Returns the character of a reference in XML or HTML, without `&` and `;`.
fn character(name: &[u8]) -> Option<u32> {
    match name {
        b"amp" => Some(u32::from(b'&')),
        b"lt" => Some(u32::from(b'<')),
        b"gt" => Some(u32::from(b'>')),
        b"quot" | b"apos" => Some(u32::from(b'"')),
        b"nbsp" => Some(u32::from(b' ')),
        [b'#', b'x' | b'X', digits @ ..] => hex(digits),
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }
}

/// Returns half of a character as three bytes, as UTF-8 would write it.
fn surrogate_bytes(code: u32) -> [u8; 3] {
    let [_, _, high, low] = code.to_be_bytes();
    [
        0xE0 | (high >> 4),
        0x80 | ((high & 0x0F) << 2) | (low >> 6),
        0x80 | (low & 0x3F),
    ]
}

/// Returns the half of a character that three bytes are.
fn surrogate(bytes: &[u8]) -> Option<u32> {
    let [0xED, middle @ 0xA0..=0xBF, last @ 0x80..=0xBF] = *bytes else {
        return None;
    };
    Some(0xD000 | (u32::from(middle & 0x3F) << 6) | u32::from(last & 0x3F))
}

/// Returns the length of the style that a text begins with: a control sequence of a terminal, or a mark
/// between two noncharacters, which the presenter makes a control sequence of.
pub(super) fn length_of_style(text: &[u8]) -> Option<usize> {
    match text {
        [0x1B, b'[', rest @ ..] => {
            let last = rest.iter().position(|it| (0x40..=0x7E).contains(it));
            Some(last.map_or(text.len(), |last| last + 3))
        }
        [0x1B, ..] => Some(1),
        [0xEF, 0xB7, 0x90, rest @ ..] => {
            let end = rest.windows(3).take(LONGEST_MARK);
            let end = end.into_iter().position(|it| it == [0xEF, 0xB7, 0x91])?;
            Some(end + 6)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::without_escapes;
    use crate::config::secret::view::View;

    fn plain(text: &str) -> String {
        let view = without_escapes(&View::of(text));
        String::from_utf8_lossy(view.bytes()).into_owned()
    }

    #[test]
    fn a_text_is_the_same_however_it_is_escaped() {
        let text = "a \"b\"\n\\c %41 & <é> 'd' 😀 \\n \\u0041;";
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let ascii: String = json(text)
            .encode_utf16()
            .map(|unit| match u8::try_from(unit) {
                Ok(byte) if byte < 0x80 => char::from(byte).to_string(),
                _ => format!("\\u{unit:04x}"),
            })
            .collect();
        let all = text.bytes().map(|byte| format!("%{byte:02x}"));
        let all = all.collect::<Vec<_>>().concat();
        let decimal = text.chars().map(|it| format!("&#{};", u32::from(it)));
        let decimal = decimal.collect::<Vec<_>>().concat();
        let python = text.replace('\\', "\\\\").replace('é', "\\xc3\\xA9");
        let rust = text.replace('\\', "\\\\").replace('😀', "\\u{1f600}");
        let xml = text.replace('&', "&amp;").replace('<', "&lt;");
        for spelled in [
            json(text),
            json(&json(text)),
            json(&json(&json(text))),
            ascii,
            json(&all),
            all,
            xml.replace('"', "&quot;").replace('\'', "&#x27;"),
            xml,
            decimal,
            python,
            rust,
            text.replace('\'', "'\\''"),
            text.replace('\'', "''"),
            text.replace(' ', "\n  "),
            text.replace('b', "\x1B[1mb\x1B[0m\u{200B}\u{9B}"),
        ] {
            assert_eq!(plain(&spelled), plain(text), "{spelled}");
        }
        assert_eq!(plain("it's a \\b\\ \\& \\% \\users"), "itsa&%users");
    }

    #[test]
    fn places_lead_back_to_the_text() {
        let text = "x \\\"y%41";
        let view = without_escapes(&View::of(text));
        assert_eq!(view.bytes(), b"xyA");
        assert_eq!(&text[view.place(&(1..3))], "y%41");
        assert!(view.has_gap_before(1) && !view.has_gap_before(2));
    }

    #[test]
    fn nothing_is_deep() {
        // Each result of an escape completes the escape before it.
        let text = "%3".repeat(100_000) + "1";
        assert_eq!(plain(&text), "1");
        plain(&"&amp;".repeat(10_000));
        plain(&"\\u00".repeat(10_000));
    }
}
