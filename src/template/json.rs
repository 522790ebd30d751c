//! JSON text → [`Node`].
//!
//! JSON is nearly a part of YAML, but the YAML reader refuses tabs as indentation and characters
//! outside the basic plane that are escaped as two surrogates, both of which real templates have; and
//! the general JSON readers give no positions. So this is a small reader of its own.

use std::ops::Range;

use indexmap::map::Entry;

use super::node::{Map, Member, Node, Value};
use super::syntax::{Findings, MAX_DEPTH};

/// Reads the text, which is one JSON object. What is wrong goes to `findings`; the first error of the
/// syntax ends the reading.
pub(super) fn parse(findings: &mut Findings<'_>) -> Option<Node> {
    let text: &str = &findings.source().text;
    // A byte order mark is no part of JSON, but editors write it.
    let at = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut reader = Reader {
        text,
        at,
        duplicates: Vec::new(),
    };
    let result = reader.document();
    for (key, first, second) in reader.duplicates {
        findings.duplicate_key(&key, &first, second);
    }
    match result {
        Ok(node) => Some(node),
        Err(wrong) => {
            findings.error(wrong.rule, wrong.message, wrong.span, wrong.help);
            None
        }
    }
}

/// Returns the value of a JSON text that is no template, such as a policy inside a string or what the
/// service says of a resource; `None` where it is no JSON.
pub(crate) fn value(text: &str) -> Option<Node> {
    let mut reader = Reader {
        text,
        at: 0,
        duplicates: Vec::new(),
    };
    reader.document().ok()
}

struct Wrong {
    rule: &'static str,
    message: String,
    span: Range<usize>,
    help: Option<&'static str>,
}

struct Reader<'a> {
    text: &'a str,
    /// The next byte; always at a character boundary.
    at: usize,
    /// Keys that stand twice in one object: the key, its first place, its second.
    duplicates: Vec<(String, Range<usize>, Range<usize>)>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Wrong> {
        self.skip_space();
        let node = self.value(0)?;
        self.skip_space();
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(self.wrong("there is more text after the end of the template")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Wrong> {
        if depth > MAX_DEPTH {
            return Err(Wrong {
                rule: "nesting-too-deep",
                message: format!("more than {MAX_DEPTH} levels of nesting"),
                span: self.here(),
                help: None,
            });
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(byte) if byte.is_ascii_alphabetic() => self.word()?,
            Some(b'}' | b']' | b',') => {
                return Err(self
                    .wrong("a value is missing here")
                    .with_help("JSON allows no comma after the last member"));
            }
            _ => return Err(self.wrong("expected a value")),
        };
        Ok(Node {
            span: start..self.at,
            value,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Value, Wrong> {
        let open = self.at;
        self.at += 1;
        let mut map = Map::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Map(map));
        }
        loop {
            let start = self.at;
            match self.peek() {
                Some(b'"') => {}
                Some(b'}') => {
                    return Err(self
                        .wrong("expected another member after the comma")
                        .with_help("JSON allows no comma after the last member"));
                }
                None => return Err(self.unclosed(open, '{')),
                Some(_) => return Err(self.wrong("expected a key in double quotes")),
            }
            let key = self.string()?;
            let key_span = start..self.at;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.wrong("expected `:` after the key"));
            }
            self.skip_space();
            let node = self.value(depth + 1)?;
            match map.entry(key) {
                Entry::Occupied(entry) => {
                    let first = entry.get().key_span.clone();
                    self.duplicates.push((entry.key().clone(), first, key_span));
                }
                Entry::Vacant(entry) => {
                    entry.insert(Member { key_span, node });
                }
            }
            self.skip_space();
            if self.take(b'}') {
                return Ok(Value::Map(map));
            }
            if !self.take(b',') {
                return Err(match self.peek() {
                    None => self.unclosed(open, '{'),
                    Some(_) => self.wrong("expected `,` or `}`"),
                });
            }
            self.skip_space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Wrong> {
        let open = self.at;
        self.at += 1;
        let mut list = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(list));
        }
        loop {
            if self.peek().is_none() {
                return Err(self.unclosed(open, '['));
            }
            list.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::List(list));
            }
            if !self.take(b',') {
                return Err(match self.peek() {
                    None => self.unclosed(open, '['),
                    Some(_) => self.wrong("expected `,` or `]`"),
                });
            }
            self.skip_space();
        }
    }

    fn string(&mut self) -> Result<String, Wrong> {
        let open = self.at;
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or("");
            let plain = rest
                .bytes()
                .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
                .unwrap_or(rest.len());
            string.push_str(rest.get(..plain).unwrap_or(""));
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(b'\n' | b'\r') => {
                    return Err(self.wrong_at("the string is not closed", open..self.at));
                }
                Some(_) => {
                    return Err(self
                        .wrong("a control character in a string")
                        .with_help("write it as an escape such as `\\t`"));
                }
                None => return Err(self.wrong_at("the string is not closed", open..open + 1)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Wrong> {
        let start = self.at;
        let kind = self.text.as_bytes().get(start + 1).copied();
        self.at += 2;
        let character = match kind {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => {
                self.at = (start + 1).min(self.text.len());
                let end = self.here().end;
                return Err(self
                    .wrong_at("an unknown escape in a string", start..end)
                    .with_help("JSON knows \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX"));
            }
        };
        Ok(character)
    }

    /// Reads what follows `\u`, where `start` is the backslash. A character outside the basic plane is
    /// two of them: a high and a low surrogate.
    fn unicode(&mut self, start: usize) -> Result<char, Wrong> {
        let first = self.hex4(start)?;
        let code = if (0xD800..0xDC00).contains(&first) {
            let again = self.at;
            if self.text.as_bytes().get(again..again + 2) != Some(b"\\u") {
                return Err(self.wrong_at("half of a surrogate pair", start..self.at));
            }
            self.at += 2;
            let second = self.hex4(again)?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.wrong_at("half of a surrogate pair", start..self.at));
            }
            0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code)
            .ok_or_else(|| self.wrong_at("half of a surrogate pair", start..self.at))
    }

    fn hex4(&mut self, start: usize) -> Result<u32, Wrong> {
        let digits = self.text.get(self.at..self.at + 4);
        let code = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(self.wrong_at("expected four hexadecimal digits", start..start + 2)),
        }
    }

    fn number(&mut self) -> Result<Value, Wrong> {
        let start = self.at;
        self.take(b'-');
        let whole = self.digits();
        let leading_zero = whole > 1 && self.text.as_bytes().get(self.at - whole) == Some(&b'0');
        let mut good = whole > 0 && !leading_zero;
        if self.take(b'.') {
            good &= self.digits() > 0;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            good &= self.digits() > 0;
        }
        let text = self.text.get(start..self.at).unwrap_or("");
        if good {
            return Ok(Value::Number(text.to_owned()));
        }
        let wrong = self.wrong_at(format!("`{text}` is not a JSON number"), start..self.at);
        Err(if leading_zero {
            wrong.with_help("put it in quotes: JSON numbers have no leading zeros")
        } else {
            wrong
        })
    }

    fn digits(&mut self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or("");
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        count
    }

    fn word(&mut self) -> Result<Value, Wrong> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or("");
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let word = rest.get(..length).unwrap_or("");
        self.at += length;
        match word {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            _ => Err(self
                .wrong_at(format!("`{word}` is not a JSON value"), start..self.at)
                .with_help("strings stand in double quotes")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// Returns the span of the next character; empty at the end.
    fn here(&self) -> Range<usize> {
        let next = self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next());
        self.at..self.at + next.map_or(0, char::len_utf8)
    }

    fn wrong(&self, message: &str) -> Wrong {
        let here = self.here();
        let rest: &'a str = self.text.get(self.at..).unwrap_or("");
        if rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with('#') {
            return self
                .wrong_at("a comment, which JSON does not have", here)
                .with_help("CloudFormation templates with comments are written in YAML");
        }
        match rest.chars().next() {
            Some(found) => {
                self.wrong_at(format!("{message}, found `{}`", found.escape_debug()), here)
            }
            None => self.wrong_at(format!("{message}, but the text ends here"), here),
        }
    }

    fn unclosed(&self, open: usize, bracket: char) -> Wrong {
        self.wrong_at(format!("this `{bracket}` is never closed"), open..open + 1)
    }

    #[expect(
        clippy::unused_self,
        reason = "reads as the other ways to say what is wrong"
    )]
    fn wrong_at(&self, message: impl Into<String>, span: Range<usize>) -> Wrong {
        Wrong {
            rule: "json-syntax",
            message: message.into(),
            span,
            help: None,
        }
    }
}

impl Wrong {
    fn with_help(self, help: &'static str) -> Self {
        Self {
            help: Some(help),
            ..self
        }
    }
}
