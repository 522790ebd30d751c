//! The tree of a template, for YAML and JSON.
//!
//! A general YAML or JSON value has neither its place in the text nor the text of a scalar. As
//! numbers, the account id `012345678901` and the version `1.10` would change; and CloudFormation's
//! own parser, which follows YAML 1.1, reads an unquoted `NO` as `false`. So every scalar keeps its
//! text, and the unquoted words that YAML 1.1 treats in a special way have their own variant.

use std::borrow::Cow;
use std::ops::Range;

use indexmap::IndexMap;

/// A value and its place in the text. Two nodes are equal if their values are equal; the places do
/// not count.
#[derive(Debug, Clone)]
pub struct Node {
    /// The byte range in the template's text.
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
    /// No value: `null`, `~` or nothing at all. CloudFormation does not accept null.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The text of a number.
    Number(String),
    /// The text of an unquoted YAML scalar that a YAML 1.1 parser may not read as a string: `yes`,
    /// `2010-09-09`, `0x1F`, `1_000`, `12:30`.
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
    /// The byte range of the key; of the tag, if the key comes from a short form such as `!Ref`.
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
    /// Returns the value of `key`; `None` if this is not a map or has no such key.
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

    /// Returns the elements of a list, or this value itself as the only element if it is not a list.
    /// CloudFormation and IAM accept both forms, for example `DependsOn: A` and `Action: "*"`.
    pub fn elements(&self) -> &[Node] {
        self.as_list().unwrap_or(std::slice::from_ref(self))
    }

    /// Returns the value at a path of keys, to change it.
    pub(crate) fn at_mut(&mut self, path: &[&str]) -> Option<&mut Self> {
        path.iter()
            .try_fold(self, |node, key| match &mut node.value {
                Value::Map(map) => map.get_mut(*key).map(|member| &mut member.node),
                _ => None,
            })
    }

    /// Returns the text of a string, or of an unquoted scalar that is not `null`, a boolean or a
    /// number.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) | Value::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a scalar as CloudFormation reads it: a boolean or a number as its text, an unquoted
    /// `YES` as `true`. Returns `None` for null, lists and maps.
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

    /// Returns whether CloudFormation may read this unquoted scalar as a number with another text: it
    /// makes `8.0` of `08` and `1.2345678910E10` of `012345678910`.
    ///
    /// It keeps the text of dates such as `2012-10-17`, of whole numbers of up to 18 digits, and of
    /// decimal numbers such as `0.5`.
    pub fn is_rewritten_number(&self) -> bool {
        match &self.value {
            Value::Number(text) => !is_canonical(text),
            Value::Plain(text) => is_yaml11_number(text),
            _ => false,
        }
    }

    /// Calls `see` with this value and with each value inside it, in the order of the text.
    pub(crate) fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        match &self.value {
            Value::List(list) => list.iter().for_each(|node| node.visit(see)),
            Value::Map(map) => map.values().for_each(|member| member.node.visit(see)),
            _ => {}
        }
    }

    /// Returns whether this value, or a value inside it, is a string that contains `text`.
    pub fn contains_text(&self, text: &str) -> bool {
        match &self.value {
            Value::String(own) | Value::Plain(own) => own.contains(text),
            Value::List(list) => list.iter().any(|node| node.contains_text(text)),
            Value::Map(map) => map.values().any(|member| member.node.contains_text(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Returns the long name and the argument, if this is a call of an intrinsic function: a map
    /// whose only key is `Ref` or starts with `Fn::`.
    pub fn intrinsic(&self) -> Option<(&str, &Member)> {
        let map = self.as_map()?;
        let (key, member) = map.first().filter(|_| map.len() == 1)?;
        (key == "Ref" || key.starts_with("Fn::")).then_some((key, member))
    }

    /// Returns the type of this value for a message, such as `a list`.
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

/// Returns the boolean that an unquoted word other than `true` and `false` means in YAML 1.1.
///
/// CloudFormation reads these words as booleans: a bucket tag `Value: YES` becomes `true`. It reads
/// `y` and `n` as strings, unlike the YAML 1.1 specification.
pub(crate) fn yaml11_boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Returns the value of an unquoted YAML scalar.
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

/// Returns whether the word is a decimal number in YAML's core schema. Leading zeros are allowed.
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

/// Returns whether the number has the text that CloudFormation writes for it. It writes decimal numbers
/// as Java does.
fn is_canonical(number: &str) -> bool {
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let is_whole = digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let Some(fraction) = fraction else {
        return is_whole && number != "-0" && whole.len() <= MAX_DIGITS;
    };
    // Java writes an exponent below 0.001 and from 10,000,000 on, and keeps at most 17 digits.
    let is_small = whole == "0" && fraction.starts_with("000");
    let is_shortest = fraction == "0" || !fraction.ends_with('0');
    let is_exact = whole.len() + fraction.len() <= 15;
    is_whole && digits(fraction) && whole.len() <= 7 && !is_small && is_shortest && is_exact
}

/// The words of YAML 1.1, without a sign, for an infinity and for no number at all.
const NOT_FINITE: [&str; 6] = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"];

/// The number of digits of a whole number that every reader keeps.
const MAX_DIGITS: usize = 18;

/// Returns whether a YAML 1.1 parser reads the word, which is no decimal number, as a number: with a
/// base, underscores, or sexagesimal digits, an infinity or no number at all.
fn is_yaml11_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let all = |text: &str, allowed: fn(&u8) -> bool| {
        !text.is_empty() && text.bytes().all(|byte| byte == b'_' || allowed(&byte))
    };
    if let Some(digits) = unsigned.strip_prefix("0x") {
        return all(digits, u8::is_ascii_hexdigit);
    }
    if let Some(digits) = unsigned.strip_prefix("0b") {
        return all(digits, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(digits) = unsigned.strip_prefix("0o") {
        return all(digits, |byte| (b'0'..=b'7').contains(byte));
    }
    if NOT_FINITE.contains(&unsigned) || word.contains('_') && is_number(&word.replace('_', "")) {
        return true;
    }
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let is_first = all(first, u8::is_ascii_digit) && first.starts_with(|it: char| it != '_');
    let rest: Vec<&str> = parts.collect();
    let is_sixtieth = |(index, part): (usize, &&str)| {
        // Only the last part may have a fraction.
        let (whole, fraction) = match part.split_once('.') {
            Some((whole, fraction)) if index + 1 == rest.len() => (whole, fraction),
            Some(_) => return false,
            None => (*part, ""),
        };
        let is_digits = fraction.bytes().all(|it| it.is_ascii_digit() || it == b'_');
        is_digits
            && (1..=2).contains(&whole.len())
            && whole.bytes().all(|it| it.is_ascii_digit())
            && whole.parse::<u8>().is_ok_and(|it| it < 60)
    };
    is_first && !rest.is_empty() && rest.iter().enumerate().all(is_sixtieth)
}

/// Returns whether a YAML 1.1 parser may read the word as something other than a string: a boolean, a
/// number with a base, underscores or colons, an infinity or a date.
fn is_ambiguous(word: &str) -> bool {
    if matches!(word, "y" | "Y" | "n" | "N" | "=" | "<<") || yaml11_boolean(word).is_some() {
        return true;
    }
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    if NOT_FINITE.contains(&unsigned) {
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
    fn words_with_a_special_meaning_in_yaml_1_1_are_not_strings() {
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
    fn numbers_with_another_text_are_found() {
        let is_rewritten = |word: &str| {
            let node = Node {
                span: 0..0,
                value: plain_value(word.into()),
            };
            node.is_rewritten_number()
        };
        for word in [
            "08",
            "012345678910",
            "00",
            "007",
            "-01",
            "+5",
            "-0",
            "0.10",
            "1.50",
            "5.",
            ".5",
            "1e3",
            "1E-7",
            "1.5e3",
            "12345678901234567890",
            "0.0001",
            "12345678.5",
            "0x1F",
            "-0xff",
            "0b101",
            "0o17",
            "017",
            "1_000",
            "1_000.5",
            "12:30",
            "1:30:45",
            "190:20:30.15",
            "-.inf",
            ".NaN",
        ] {
            assert!(is_rewritten(word), "{word}");
        }
        for word in [
            "0",
            "8",
            "-5",
            "80",
            "123456789012",
            "123456789012345678",
            "0.5",
            "1.0",
            "5.7",
            "11.25",
            "0.001",
            "-1.5",
            "2012-10-17",
            "2010-09-09",
            "2001-12-14T21:59:43Z",
            "10.0.0.1",
            "1.2.3",
            "10.0.0.0/8",
            "t2.micro",
            "YES",
            "y",
            "<<",
            "08:70",
            "1:2:3:99",
            "0x",
            "0xg",
            "_1",
            "",
            "1.2:3",
            "v1_0",
            "12-34",
            "0b2",
        ] {
            assert!(!is_rewritten(word), "{word}");
        }
    }

    #[test]
    fn scalars_are_read_as_cloudformation_reads_them() {
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
