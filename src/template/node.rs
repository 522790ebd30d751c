//! The tree that a template is made of, whichever syntax it was written in.
//!
//! A general YAML or JSON value would lose what this program lives from: where each value stands in
//! the text, and how a scalar was written. `012345678901` is an account number and `1.10` a version
//! only as long as nobody turns them into numbers, and CloudFormation's own reader, which follows
//! YAML 1.1, takes a plain `NO` for `false`. So every scalar keeps its text, and the few plain words
//! that YAML 1.1 reads in its own way are kept apart from strings.

use std::borrow::Cow;
use std::ops::Range;

use indexmap::IndexMap;

/// A value and where it stands in the text. Two nodes are equal when their values are, wherever they
/// stand.
#[derive(Debug, Clone)]
pub struct Node {
    /// Byte offsets into the template's text.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A value of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value: `null`, `~` or nothing at all. CloudFormation accepts it nowhere.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A plain YAML scalar, as it is written, that a YAML 1.1 reader may not take for a string:
    /// `yes`, `2010-09-09`, `0x1F`, `1_000`, `12:30`.
    Plain(String),
    /// A string.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the text.
    Map(Map),
}

/// The members of a map by key, in the order of the text.
pub type Map = IndexMap<String, Member>;

/// A value in a map, with the place of its key.
#[derive(Debug, Clone)]
pub struct Member {
    /// Byte offsets of the key. For a short form such as `!Ref` the bytes of the tag.
    pub key_span: Range<usize>,
    /// The value.
    pub node: Node,
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl Node {
    /// Returns the map's value under `key`; `None` where this is no map or has no such key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).map(|member| &member.node)
    }

    /// Returns the members, if this is a map.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the elements, if this is a list; anything else is a list of itself, as in
    /// `DependsOn: A` or `Action: "*"`.
    pub fn elements(&self) -> &[Node] {
        self.as_list().unwrap_or(std::slice::from_ref(self))
    }

    /// Returns the text as written of a string or of a plain word that is not `null`, a boolean or a
    /// number.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) | Value::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text that CloudFormation sees in a scalar: booleans and numbers are text to it, and
    /// a plain `YES` is `true`. `None` for null, lists and maps.
    pub fn scalar(&self) -> Option<Cow<'_, str>> {
        match &self.value {
            Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Value::Plain(text) => Some(Cow::Borrowed(match yaml11_boolean(text) {
                Some(true) => "true",
                Some(false) => "false",
                None => text,
            })),
            Value::Number(text) | Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns whether a string anywhere in it contains `text`.
    pub fn mentions(&self, text: &str) -> bool {
        match &self.value {
            Value::String(own) | Value::Plain(own) => own.contains(text),
            Value::List(list) => list.iter().any(|node| node.mentions(text)),
            Value::Map(map) => map.values().any(|member| member.node.mentions(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Returns the function's long name and its argument, if this is a call of an intrinsic function:
    /// a map whose only key is `Ref` or starts with `Fn::`.
    pub fn intrinsic(&self) -> Option<(&str, &Member)> {
        let map = self.as_map()?;
        let (key, member) = map.first().filter(|_| map.len() == 1)?;
        (key == "Ref" || key.starts_with("Fn::")).then_some((key, member))
    }

    /// Returns what a message calls this value, such as `a list`.
    pub fn noun(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Plain(_) | Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Returns the boolean that YAML 1.1 sees in a plain word other than `true` and `false`.
///
/// CloudFormation's reader does: a bucket tag `Value: YES` arrives as `true`. It does not for `y` and
/// `n`, which are in the YAML 1.1 specification but in few readers.
pub(crate) fn yaml11_boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Returns what a plain YAML scalar means.
pub(crate) fn plain_value(text: Cow<'_, str>) -> Value {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        word if is_number(word) => Value::Number(text.into_owned()),
        word if is_ambiguous(word) => Value::Plain(text.into_owned()),
        _ => Value::String(text.into_owned()),
    }
}

/// Returns whether this is a decimal number of YAML's core schema. Leading zeros are allowed.
fn is_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    exponent && digits(whole) && digits(fraction) && (whole.len() + fraction.len() > 0)
}

/// Returns whether YAML 1.1 may read the word as something else than a string: a boolean, a number
/// with a base, underscores or colons, an infinity, a date.
fn is_ambiguous(word: &str) -> bool {
    if matches!(word, "y" | "Y" | "n" | "N" | "=" | "<<") || yaml11_boolean(word).is_some() {
        return true;
    }
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    if [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&unsigned) {
        return true;
    }
    let all = |text: &str, allowed: fn(u8) -> bool| {
        !text.is_empty() && text.bytes().all(|byte| byte == b'_' || allowed(byte))
    };
    if let Some(digits) = unsigned
        .strip_prefix("0x")
        .or_else(|| unsigned.strip_prefix("0o"))
    {
        return all(digits, |byte| byte.is_ascii_hexdigit());
    }
    let digits = unsigned.strip_prefix("0b").unwrap_or(unsigned);
    digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.contains(|character: char| character.is_ascii_digit())
        && all(digits, |byte| {
            byte.is_ascii_digit() || b":.-+TtZz ".contains(&byte)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        for word in [
            "0",
            "012345678901",
            "1.10",
            "-5",
            "+1.",
            ".5",
            "1e3",
            "1.5E-7",
        ] {
            assert_eq!(
                plain_value(word.into()),
                Value::Number(word.to_owned()),
                "{word}"
            );
        }
    }

    #[test]
    fn words_that_yaml_1_1_reads_differently_stay_apart() {
        for word in [
            "yes",
            "NO",
            "y",
            "2010-09-09",
            "0x1F",
            "1_000",
            "12:30:45",
            "-.inf",
            "<<",
        ] {
            assert_eq!(
                plain_value(word.into()),
                Value::Plain(word.to_owned()),
                "{word}"
            );
        }
        for word in [
            "",
            "nope",
            "1.2.3.4/x",
            "t2.micro",
            "-",
            ".",
            "e5",
            "1e",
            "AWS::S3::Bucket",
        ] {
            assert!(
                !matches!(plain_value(word.into()), Value::Plain(_) | Value::Number(_)),
                "{word}"
            );
        }
    }

    #[test]
    fn cloudformation_sees_text() {
        let scalar = |word: &str| {
            let node = Node {
                span: 0..0,
                value: plain_value(word.into()),
            };
            node.scalar().map(Cow::into_owned)
        };
        assert_eq!(scalar("True").as_deref(), Some("true"));
        assert_eq!(scalar("NO").as_deref(), Some("false"));
        assert_eq!(scalar("1.10").as_deref(), Some("1.10"));
        assert_eq!(scalar("2010-09-09").as_deref(), Some("2010-09-09"));
        assert_eq!(scalar("~"), None);
    }
}
