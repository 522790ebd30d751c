//! Reads the text of one file of the shared configuration.
//!
//! The rules are those of botocore, which reads the file with Python's `configparser`: `=` or `:` after
//! a key, comments only on lines of their own, a value continues on lines that are indented more than
//! its key, and neither a section nor a key of a section may be repeated.

use std::collections::{BTreeMap, BTreeSet};

/// The section whose values are the defaults of all sections.
const DEFAULTS: &str = "DEFAULT";

/// A section with its keys, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section {
    /// The text between the brackets.
    pub(super) name: String,
    /// The line of the brackets, from 1.
    pub(super) line: usize,
    pub(super) entries: BTreeMap<String, Entry>,
}

/// A value with its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) line: usize,
}

/// What follows a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// Pairs on lines of their own below the key.
    Nested(BTreeMap<String, String>),
}

/// Why a text cannot be read. The message never quotes a value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The line, from 1.
    pub(super) line: usize,
    pub(super) message: String,
}

/// Returns the sections of a text, in their order. A byte order mark at its start is skipped.
pub(super) fn parse(text: &str) -> Result<Vec<Section>, Mistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = Reader::default();
    for (number, line) in text.split('\n').enumerate() {
        reader.read(number + 1, line)?;
    }
    reader.finish()
}

/// The sections so far. A value is a list of lines until the end.
#[derive(Default)]
struct Reader {
    sections: Vec<Raw>,
    names: BTreeSet<String>,
    /// The key that the next lines may continue.
    key: Option<String>,
    indent: usize,
}

struct Raw {
    name: String,
    line: usize,
    entries: BTreeMap<String, (usize, Vec<String>)>,
}

impl Reader {
    fn read(&mut self, number: usize, line: &str) -> Result<(), Mistake> {
        let text = line.trim();
        if text.starts_with(['#', ';']) {
            return Ok(());
        }
        if text.is_empty() {
            if let Some(lines) = self.value() {
                lines.push(String::new());
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|it| it.is_whitespace()).count();
        if indent > self.indent
            && let Some(lines) = self.value()
        {
            lines.push(text.to_owned());
            return Ok(());
        }
        self.indent = indent;
        let mistake = |message: &str| {
            Err(Mistake {
                line: number,
                message: message.to_owned(),
            })
        };
        if let Some(name) = section_name(text) {
            if !self.names.insert(name.to_owned()) {
                return mistake(&format!("the section `[{name}]` exists already"));
            }
            self.key = None;
            self.sections.push(Raw {
                name: name.to_owned(),
                line: number,
                entries: BTreeMap::new(),
            });
            return Ok(());
        }
        if text.starts_with('[') {
            return mistake("a section is `[profile NAME]` or `[default]`, with both brackets");
        }
        let Some(section) = self.sections.last_mut() else {
            return mistake("a section, such as `[default]`, has to come first");
        };
        let Some((key, value)) = text.split_once(['=', ':']) else {
            return mistake("a setting is `key = value`");
        };
        let key = key.trim().to_lowercase();
        if key.is_empty() {
            return mistake("there is no key before the `=`");
        }
        let value = vec![value.trim().to_owned()];
        if section
            .entries
            .insert(key.clone(), (number, value))
            .is_some()
        {
            return mistake(&format!("the section has the key `{key}` already"));
        }
        self.key = Some(key);
        Ok(())
    }

    /// Returns the lines of the value that the next line may continue.
    fn value(&mut self) -> Option<&mut Vec<String>> {
        let section = self.sections.last_mut()?;
        let (_, lines) = section.entries.get_mut(self.key.as_ref()?)?;
        Some(lines)
    }

    fn finish(self) -> Result<Vec<Section>, Mistake> {
        let mut sections = Vec::new();
        let mut defaults = BTreeMap::new();
        for raw in self.sections {
            let mut entries = BTreeMap::new();
            for (key, (line, lines)) in raw.entries {
                let value = read_value(lines.join("\n").trim_end(), line)?;
                entries.insert(key, Entry { value, line });
            }
            if raw.name == DEFAULTS {
                defaults = entries;
            } else {
                sections.push(Section {
                    name: raw.name,
                    line: raw.line,
                    entries,
                });
            }
        }
        for section in &mut sections {
            for (key, entry) in &defaults {
                let entries = &mut section.entries;
                entries.entry(key.clone()).or_insert_with(|| entry.clone());
            }
        }
        Ok(sections)
    }
}

/// Returns the text between the first bracket and the last one.
fn section_name(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn read_value(text: &str, line: usize) -> Result<Value, Mistake> {
    if !text.starts_with('\n') {
        return Ok(Value::Text(text.to_owned()));
    }
    let mut pairs = BTreeMap::new();
    for (offset, pair) in text.split('\n').enumerate() {
        if pair.is_empty() {
            continue;
        }
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Mistake {
                line: line + offset,
                message: "a setting below another is `key = value`".to_owned(),
            });
        };
        pairs.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    Ok(Value::Nested(pairs))
}

#[cfg(test)]
mod tests {
    use super::{Value, parse};

    /// Returns the texts of all keys as `section.key=value`.
    fn flat(text: &str) -> Vec<String> {
        let sections = parse(text).unwrap_or_else(|mistake| panic!("{mistake:?}"));
        let mut flat = Vec::new();
        for section in sections {
            for (key, entry) in section.entries {
                let name = &section.name;
                flat.push(match entry.value {
                    Value::Text(text) => format!("{name}.{key}={text}"),
                    Value::Nested(pairs) => format!("{name}.{key}={pairs:?}"),
                });
            }
        }
        flat
    }

    #[test]
    fn values_are_read_as_botocore_reads_them() {
        let cases: [(&str, &[&str]); 11] = [
            ("[default]\nregion = a", &["default.region=a"]),
            ("\u{feff}[default]\r\nregion=a\r\n", &["default.region=a"]),
            ("[a]\rREGION : b\r", &["a.region=b"]),
            ("  [a]\n  region = b\n", &["a.region=b"]),
            ("[a]\nregion = b # c", &["a.region=b # c"]),
            ("[a]\n# b = c\n ; d\nregion = b", &["a.region=b"]),
            ("[a] ] x\nk = v", &["a] .k=v"]),
            ("[a]\nk = v\n  w\n\n", &["a.k=v\nw"]),
            (
                "[a]\nk =\n b = c\n\n d=e\nf = g",
                &["a.f=g", "a.k={\"b\": \"c\", \"d\": \"e\"}"],
            ),
            ("[DEFAULT]\nk = v\n[a]\n[b]\nk = w", &["a.k=v", "b.k=w"]),
            ("# nothing\n", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(flat(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_mistake_has_its_line() {
        let cases = [
            ("[a]\nk = v\n[profile b", 3, "both brackets"),
            ("[]\n", 1, "both brackets"),
            ("region = a", 1, "has to come first"),
            ("\n[a]\nregion", 3, "`key = value`"),
            ("[a]\n= b", 2, "no key"),
            ("[a]\nk = v\nK = w", 3, "key `k` already"),
            ("[a]\n[a]", 2, "section `[a]` exists"),
            ("[a]\ns3 =\n  x = y\n  secret", 4, "below another"),
        ];
        for (text, line, message) in cases {
            let mistake = parse(text).map_or_else(|it| it, |it| panic!("{text:?}: {it:?}"));
            assert_eq!(mistake.line, line, "{text:?}");
            assert!(mistake.message.contains(message), "{text:?}: {mistake:?}");
            assert!(!mistake.message.contains("secret"), "{mistake:?}");
        }
    }
}
