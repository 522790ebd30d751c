//! What the reader accepts as JSON, and the errors for other texts.
#![expect(clippy::unwrap_used, reason = "tests")]

use insta::assert_snapshot;

use super::{document, editable_document, value};
use crate::diagnostic::SourceFile;
use crate::template::Template;
use crate::template::node::{Node, Value};
use crate::template::tests::show;

fn all_wrong(texts: &[&str]) -> String {
    let wrong = |text: &&str| {
        // A byte order mark comes first, so every place must count it.
        let text = format!("\u{feff}{text}");
        show(&Template::parse(&SourceFile::new("stack.json", text)).unwrap_err())
    };
    texts.iter().map(wrong).collect()
}

/// Returns the node as a value of `serde_json`.
fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(text) => serde_json::from_str(text).unwrap(),
        Value::Plain(text) | Value::String(text) => text.as_str().into(),
        Value::List(list) => list.iter().map(plain).collect(),
        Value::Map(map) => map
            .iter()
            .map(|(key, member)| (key.clone(), plain(&member.node)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[test]
fn same_texts_are_json_as_for_serde_json() {
    let texts = [
        "{}",
        " \t\r\n[ ] \n",
        "null",
        "\"\"",
        "-0",
        "1.50e+3",
        "[0, -1, 10, 1e5, 2E-2, 0.0]",
        r#"{"a": {"b": [true, false, null]}, "a\/b\u00fc\ud83d\ude00\"\\\b\f\n\r\t": ""}"#,
        "{\"ü😀\": \"é\u{7f}\u{85}\u{a0}\u{2028}\u{feff}\"}",
        r#"{"a": "// not a comment", "b": "it's [ { \" } ]"}"#,
        r#"{"a": 1, "b": 2, "a": 3}"#,
        // None of these is JSON.
        "",
        " ",
        "\u{feff}{}",
        "{}\u{feff}",
        "{} {}",
        "nul",
        "True",
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "-01",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e+",
        "-",
        "0x1F",
        "1_000",
        "'a'",
        "{a: 1}",
        "{1: 1}",
        "{null: 1}",
        "{'a': 1}",
        "{\"a\": 1,}",
        "{,}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1 [2]]",
        "{\"a\" 1}",
        "{\"a\": 1 \"b\": 2}",
        "{\"a\": }",
        "{\"a\"}",
        "[1}",
        "{\"a\": 1]",
        "[",
        "{\"a\": 1",
        "[1] // a",
        "/* a */ [1]",
        "# a\n[1]",
        "\u{b}[1]",
        "[\u{c}1]",
        "[1\u{a0}]",
        "[1]\u{2028}",
        "[1\u{0}]",
        "\"a",
        "\"\\",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\u{0}\"",
        "\"\u{1f}\"",
        "\"\\\n\"",
        r#""\x41""#,
        r#""\'""#,
        r#""\v""#,
        r#""\0""#,
        r#""\u00e""#,
        r#""\ud83d""#,
        r#""\ud83dx""#,
        r#""\ud83d\n""#,
        r#""\ud83d\u0041""#,
        r#""\ude00""#,
    ];
    for text in texts {
        let other = serde_json::from_str::<serde_json::Value>(text).ok();
        assert_eq!(value(text).as_ref().map(plain), other, "{text:?}");
    }
}

#[test]
fn numbers_keep_their_text_and_nodes_their_place() {
    let text = "{\"ü\": [012345678901, 1.10], \"b\": 123456789012345678901234567890}";
    assert_eq!(value(text), None);
    let text = text.replace("[012", "[12");
    let node = value(&text).unwrap();
    let member = &node.as_map().unwrap()["ü"];
    let list = member.node.as_list().unwrap();
    assert_eq!(list[1].scalar().as_deref(), Some("1.10"));
    assert_eq!(&text[member.key_span.clone()], "\"ü\"");
    assert_eq!(&text[member.node.span.clone()], "[12345678901, 1.10]");
    assert_eq!(&text[list[1].span.clone()], "1.10");
    let long = node.get("b").unwrap().scalar();
    assert_eq!(long.as_deref(), Some("123456789012345678901234567890"));
}

#[test]
fn a_document_is_a_map_or_a_list() {
    for text in ["{}", "[]", "\n {\"a\": null}\n", "[1.10, 1e400]"] {
        assert!(document(text).is_some(), "{text}");
    }
    for text in [
        "",
        "null",
        "1",
        "\"{}\"",
        "{",
        "[a]",
        "{Substitution}",
        "${a}",
        "{{resolve:ssm:a}}",
        "{\"a\": 1,}",
        "\u{a0}{}",
    ] {
        assert_eq!(document(text), None, "{text}");
        assert_eq!(editable_document(text), None, "{text}");
    }
    let text = r#"{"b": [1, "\u00fc"], "a": {"c": 1, "c": 2}}"#;
    let node = document(text).unwrap();
    assert_eq!(editable_document(text), Some(plain(&node)));
}

#[test]
fn last_value_of_a_duplicate_key_counts() {
    let node = value(r#"{"a": 1, "b": 2, "a": {"c": 3, "c": 4}}"#).unwrap();
    let a = node.get("a").unwrap().get("c").unwrap();
    assert_eq!(a.scalar().as_deref(), Some("4"));
    assert_eq!(node.as_map().unwrap().get_index_of("a"), Some(0));
}

#[test]
fn nesting_is_limited_before_parsing() {
    let lists = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let maps = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    for text in [&lists as &dyn Fn(usize) -> String, &maps] {
        assert!(value(&text(128)).is_some());
        for levels in [129, 512, 513, 100_000] {
            assert!(value(&text(levels)).is_none(), "{levels}");
        }
    }
    // Brackets in strings and adjacent brackets are not nested.
    let strings = format!("[\"{}\", \"\\\"{}\"]", "[".repeat(1_000), "{".repeat(1_000));
    assert!(value(&strings).is_some());
    assert!(value(&format!("[{}0]", "[[]],{\"a\":[]},".repeat(1_000))).is_some());
    // An error before the brackets does not switch off the limit.
    for start in ["\u{b}", "\"\n\"", "'\"'"] {
        assert!(value(&format!("[{start},{}", lists(100_000))).is_none());
    }
    assert_snapshot!(all_wrong(&[&maps(129), &format!("{{\"a\":\u{a0}{}", lists(1_000))]), @r#"
    nesting-too-deep: more than 128 levels of nesting at 1:642 "{"
    nesting-too-deep: more than 128 levels of nesting at 1:135 "["
    "#);
}

#[test]
fn an_error_has_its_place_and_a_remedy() {
    assert_snapshot!(all_wrong(&[
        "{",
        "{\"ü\": [1, {\"b\": 2",
        "{\"ü\"",
        "{\"ü\":",
        "{\"ü\": }",
        "{\"ü\": 1 \"b\": 2}",
        "{\"ü\": [1 2]}",
        "{\"ü\": [1 {}]}",
        "{\"ü\": {} {}}",
        "{\"ü\": [1}",
        "{\"ü\": 1]",
        "{\"ü\": [1,\n ]}",
        "{\"ü\": 1,\n\n}",
        "{\"ü\": [,1]}",
        "{\"ü\": \"b\"1}",
        "{,}",
        "{'a': 1}",
        "{é: 1}",
        "{0x1: 1}",
        "{\"ü\": 'b'}",
        "{\"ü\": True}",
        "{\"ü\": -Infinity}",
        "{\"ü\": 007}",
        "{\"ü\": -01.5}",
        "{\"ü\": 10.0.0.0/8}",
        "{\"ü\": +1}",
        "{\"ü\":\u{a0}1}",
        "{\"ü\": 1\u{b}}",
        "{} \u{2028}",
        "{\"ü\": \"b,\n \"c\": \"d\"}",
        "{\"ü\": \"b\tc\"}",
        "{\"ü\": \"b\u{0}c\"}",
        "{\"ü\": \"b",
        "{\"ü\": \"\\ud83d\\u0041\"}",
        "{\"ü\": \"\\'\"}",
        "{ /* b",
        "{\"ü\": # don't\n1}",
        "{% if a %}",
        "{\"ü\": {{ b }}}",
        "{\"ü\": [1 / 2]}",
        "{} {}",
    ]), @r##"
    json-syntax: this `{` is never closed at 1:2 "{"
    json-syntax: this `{` is never closed at 1:12 "{"
    json-syntax: expected `:` after the key, but the text ends here at 1:6 ""
    json-syntax: expected a value, but the text ends here at 1:7 ""
    json-syntax: expected a value, found `}` at 1:8 "}"
    json-syntax: expected `,` or a closing bracket, found `"` at 1:10 "\""
    json-syntax: expected `,` or a closing bracket, found `2` at 1:11 "2"
    json-syntax: expected `,` or a closing bracket, found `{` at 1:11 "{"
    json-syntax: expected `,` or `}`, found `{` at 1:11 "{"
    json-syntax: expected `,` or `]`, found `}` at 1:10 "}"
    json-syntax: expected `,` or `}`, found `]` at 1:9 "]"
    json-syntax: expected another member after the comma, found `]` at 2:2 "]"
      help: JSON does not allow a comma after the last member
    json-syntax: expected another member after the comma, found `}` at 3:1 "}"
      help: JSON does not allow a comma after the last member
    json-syntax: expected a value, found `,` at 1:9 ","
    json-syntax: expected `,` or a closing bracket, found `1` at 1:11 "1"
    json-syntax: expected a key in double quotes, found `,` at 1:3 ","
    json-syntax: a string in single quotes at 1:3 "'"
      help: put keys and strings in double quotes
    json-syntax: unexpected `é` at 1:3 "é"
      help: put keys and strings in double quotes
    json-syntax: `0x1` is not a JSON number at 1:3 "0x1"
      help: put it in quotes if it is a string
    json-syntax: a string in single quotes at 1:8 "'"
      help: put keys and strings in double quotes
    json-syntax: `True` is not a JSON value at 1:8 "True"
      help: put keys and strings in double quotes
    json-syntax: `-Infinity` is not a JSON number at 1:8 "-Infinity"
      help: put it in quotes if it is a string
    json-syntax: `007` is not a JSON number at 1:8 "007"
      help: put it in quotes: a JSON number cannot have leading zeros
    json-syntax: `-01.5` is not a JSON number at 1:8 "-01.5"
      help: put it in quotes: a JSON number cannot have leading zeros
    json-syntax: `10.0.0.0` is not a JSON number at 1:8 "10.0.0.0"
      help: put it in quotes if it is a string
    json-syntax: `+1` is not a JSON number at 1:8 "+1"
      help: put it in quotes if it is a string
    json-syntax: unexpected `\u{a0}` at 1:7 "\u{a0}"
      help: JSON allows only spaces, tabs and line breaks between values
    json-syntax: unexpected `\u{b}` at 1:9 "\u{b}"
      help: JSON allows only spaces, tabs and line breaks between values
    json-syntax: unexpected `\u{2028}` at 1:5 "\u{2028}"
      help: JSON allows only spaces, tabs and line breaks between values
    json-syntax: the string is not closed at 1:8 "\"b,"
    json-syntax: a control character in a string at 1:10 "\t"
      help: write it as an escape such as `\t`
    json-syntax: a control character in a string at 1:10 "\0"
      help: write it as an escape such as `\t`
    json-syntax: the string is not closed at 1:8 "\""
    json-syntax: half of a surrogate pair at 1:9 "\\ud83d"
    json-syntax: an unknown escape in a string at 1:9 "\\'"
      help: the escapes of JSON are \" \\ \/ \b \f \n \r \t and \uXXXX
    json-syntax: JSON does not support comments at 1:4 "/"
      help: write a template with comments in YAML
    json-syntax: JSON does not support comments at 1:8 "#"
      help: write a template with comments in YAML
    json-syntax: unexpected `%` at 1:3 "%"
      help: put keys and strings in double quotes
    json-syntax: expected a key in double quotes, found `{` at 1:9 "{"
    json-syntax: unexpected `/` at 1:11 "/"
      help: put keys and strings in double quotes
    json-syntax: expected the end of the template, found `{` at 1:5 "{"
    "##);
}
