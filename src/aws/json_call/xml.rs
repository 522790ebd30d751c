//! Reads the XML of AWS's query protocol as JSON, strictly.
//!
//! The protocol needs a small part of XML: elements, their texts, and attributes that mean nothing. An
//! element with elements in it becomes an object, one whose elements are all `member` an array, one with a
//! text a string, and an empty one null. Everything else is an error, so that the answer of another server
//! is not taken for one of AWS.

use serde_json::{Map, Value};

/// The maximum depth of elements. AWS's answers have about six levels.
const DEPTH: usize = 32;

/// Why a text is not the XML of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not the XML of AWS's query protocol: {0}")]
pub(super) struct NotXml(&'static str);

/// Returns the content of the root element.
///
/// # Errors
///
/// If the text is none of AWS's answers.
pub(super) fn to_json(text: &str) -> Result<Value, NotXml> {
    let mut reader = Reader {
        rest: text.trim_start_matches('\u{feff}').trim_start(),
    };
    if let Some(rest) = reader.rest.strip_prefix("<?xml") {
        let (_, rest) = rest
            .split_once("?>")
            .ok_or(NotXml("its declaration does not end"))?;
        reader.rest = rest.trim_start();
    }
    let (_, content) = reader.element(0)?;
    if reader.rest.trim().is_empty() {
        Ok(content)
    } else {
        Err(NotXml("something follows its root element"))
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Reads an element, and returns its name and its content.
    fn element(&mut self, depth: usize) -> Result<(&'a str, Value), NotXml> {
        if depth > DEPTH {
            return Err(NotXml("its elements are nested too deeply"));
        }
        let (name, is_empty) = self.start()?;
        if is_empty {
            return Ok((name, Value::Null));
        }
        let mut text = String::new();
        let mut children: Vec<(&str, Value)> = Vec::new();
        loop {
            let (before, from) = self.rest.split_at(
                self.rest
                    .find('<')
                    .ok_or(NotXml("an element does not end"))?,
            );
            unescape(before, &mut text)?;
            self.rest = from;
            if let Some(rest) = from.strip_prefix("</") {
                let (end, rest) = rest.split_once('>').ok_or(NotXml("a tag does not end"))?;
                if end.trim_end() != name {
                    return Err(NotXml("an element ends with another name"));
                }
                self.rest = rest;
                break;
            }
            children.push(self.element(depth + 1)?);
        }
        if children.is_empty() {
            let is_empty = text.is_empty();
            return Ok((name, if is_empty { Value::Null } else { text.into() }));
        }
        if !text.trim().is_empty() {
            return Err(NotXml("an element has elements and a text"));
        }
        if children.iter().all(|(name, _)| *name == "member") {
            let members = children.into_iter().map(|(_, value)| value);
            return Ok((name, Value::Array(members.collect())));
        }
        let mut object = Map::new();
        for (child, value) in children {
            if object.insert(child.to_owned(), value).is_some() {
                return Err(NotXml("an element has two elements of one name"));
            }
        }
        Ok((name, Value::Object(object)))
    }

    /// Reads a start tag, and returns the element's name and whether the element is empty.
    fn start(&mut self) -> Result<(&'a str, bool), NotXml> {
        let tag = self.rest.strip_prefix('<');
        let tag = tag.ok_or(NotXml("it does not begin with an element"))?;
        let (tag, rest) = tag.split_once('>').ok_or(NotXml("a tag does not end"))?;
        self.rest = rest;
        let (tag, is_empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let name = tag.split(char::is_whitespace).next().unwrap_or_default();
        let is_letter = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
        if name.is_empty() || !name.chars().all(is_letter) {
            return Err(NotXml("it has something else than elements"));
        }
        Ok((name, is_empty))
    }
}

/// Adds a text whose character references are replaced.
fn unescape(text: &str, to: &mut String) -> Result<(), NotXml> {
    const UNKNOWN: NotXml = NotXml("it has an unknown character reference");
    let mut parts = text.split('&');
    to.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or(UNKNOWN)?;
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
        let character = match (name, name.strip_prefix('#')) {
            ("amp", _) => Some('&'),
            ("lt", _) => Some('<'),
            ("gt", _) => Some('>'),
            ("quot", _) => Some('"'),
            ("apos", _) => Some('\''),
            (_, Some(number_text)) => match number_text.strip_prefix('x') {
                Some(digits) => number(digits, 16),
                None => number(number_text, 10),
            }
            .and_then(char::from_u32),
            _ => None,
        };
        to.push(character.ok_or(UNKNOWN)?);
        to.push_str(rest);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_json;

    #[test]
    fn elements_lists_and_texts_are_read() {
        let text = "<?xml version=\"1.0\"?>\n<R xmlns=\"https://x/\">\n <Result>\n  \
                    <Items><member><A>1 &amp; &#x41;&#66;</A><B/></member><member/></Items>\n  \
                    <IsTruncated>false</IsTruncated></Result>\n</R>\n";
        let expected = json!({ "Result": {
            "Items": [{ "A": "1 & AB", "B": null }, null],
            "IsTruncated": "false"
        } });
        assert_eq!(to_json(text), Ok(expected));
        assert_eq!(to_json("<R/>"), Ok(json!(null)));
        assert_eq!(to_json("<R> </R>"), Ok(json!(" ")));
    }

    #[test]
    fn what_aws_does_not_send_is_an_error() {
        let deep = "<a>".repeat(100_000);
        for text in [
            "",
            "text",
            "{}",
            "<",
            "<R",
            "<R>",
            "<R><A></R>",
            "<R><A>1</B></R>",
            "<R>1<A/></R>",
            "<R><A/><A/></R>",
            "<R/><R/>",
            "<R/>x",
            "<!DOCTYPE html><html></html>",
            "<R><![CDATA[x]]></R>",
            "<R><!-- x --></R>",
            "<R>&nbsp;</R>",
            "<R>&#xD800;</R>",
            "<R>a & b</R>",
            "<?xml",
            deep.as_str(),
        ] {
            assert!(to_json(text).is_err(), "{text:.40}");
        }
    }
}
