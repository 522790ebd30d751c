//! How the reader reads uncommon YAML, and its errors. The expected values are those of libyaml.
#![expect(clippy::unwrap_used, reason = "tests")]

use insta::assert_snapshot;

use crate::diagnostic::SourceFile;
use crate::template::Template;
use crate::template::node::Value;
use crate::template::tests::show;

fn parse(text: &str) -> Template {
    Template::parse(&SourceFile::new("stack.yaml", text)).unwrap_or_else(|found| {
        panic!("{text:?}\n{}", show(&found));
    })
}

fn wrong(text: &str) -> String {
    show(&Template::parse(&SourceFile::new("stack.yaml", text)).unwrap_err())
}

fn all_wrong(texts: &[&str]) -> String {
    texts.iter().map(|text| wrong(text)).collect()
}

/// Returns the string under the only key of the first line.
fn string(text: &str) -> String {
    let template = parse(text);
    template.root().get("A").unwrap().as_str().unwrap().into()
}

#[test]
fn indentation_inside_brackets_and_quotes_does_not_matter() {
    let pairs = [
        // Lines of a list and its bracket, less indented than the key.
        ("A:\n  B: [\n    a, b\n]\n  C: d\n", "A: {B: [a, b], C: d}"),
        ("A:\n  B: [\n a,\nb\n  ]\n", "A: {B: [a, b]}"),
        ("A:\n  - - [\n  a # one\n  , b\n ]\n", "A: [[[a, b]]]"),
        // A bracket at the column of the key, after a quoted string.
        ("A:\n  B: {\n    \"c\": \"d\"\n  }\n", "A: {B: {c: d}}"),
        (
            "A:\n  B: {\n    'c': 'd',\n}\n  E: f\n",
            "A: {B: {c: d}, E: f}",
        ),
        ("A: [[1,\n\"2\"],\n{b: 'c'\n}\n]\n", "A: [[1, '2'], {b: c}]"),
        (
            "A: !Join\n  - ''\n  - [\n  a,\n  \"b\"\n ]\nC: d\n",
            "A: !Join ['', [a, b]]\nC: d",
        ),
        // Further lines of a quoted string.
        ("A:\n  B:\n    C: 'one\n  two'\n", "A: {B: {C: one two}}"),
        ("A:\n  B: \"one\ntwo\"\n  C: d\n", "A: {B: one two, C: d}"),
        (
            "A:\n    B: 'x\n\n  y\n z'\n    C: d\n",
            "A: {B: \"x\\ny z\", C: d}",
        ),
        ("A: {b: \"c\n d\"\n}\n", "A: {b: c d}"),
        ("A: \"x\n\ty\"\n", "A: x y"),
    ];
    for (text, plain) in pairs {
        assert_eq!(parse(text).root(), parse(plain).root(), "{text}");
    }
}

#[test]
fn a_block_scalar_has_a_last_line_break_only_if_the_text_has_one() {
    for (text, value) in [
        ("A: |\n  x", "x"),
        ("A: |\n  x\n", "x\n"),
        ("A: |\n  x\n\n\n", "x\n"),
        ("A: |\n  x\n  ", "x\n"),
        ("A: |\n  x\r\n  y", "x\ny"),
        ("A: |+\n  x", "x"),
        ("A: |+\n  x\n\n", "x\n\n"),
        ("A: |-\n  x", "x"),
        ("A: |-\n  x\n", "x"),
        ("A: >\n  x\n  y", "x y"),
        ("A: >\n  x\n\n  y\n", "x\ny\n"),
        ("A: |", ""),
        ("A: |\n", ""),
        ("A: |2\n    x", "  x"),
    ] {
        assert_eq!(string(text), value, "{text:?}");
    }
    let nested = parse("A:\n  B:\n    - |\n      x\n\n      y");
    let list = nested.root().get("A").unwrap().get("B").unwrap();
    assert_eq!(list.as_list().unwrap()[0].as_str(), Some("x\n\ny"));
}

#[test]
fn a_missing_value_is_null_or_empty_after_a_tag() {
    let template = parse(
        "A:\nB: ~\nC: ''\nD: !GetAZs\nE: [a, !Sub ]\nF: {g: , h}\nI:\n-\n- ! \nJ: !!str\nK: !!null\n",
    );
    let root = template.root();
    let value = |key: &str| &root.get(key).unwrap().value;
    assert_eq!(value("A"), &Value::Null);
    assert_eq!(value("B"), &Value::Null);
    assert_eq!(value("C"), &Value::String(String::new()));
    let argument = root.get("D").unwrap().get("Fn::GetAZs").unwrap();
    assert_eq!(argument.as_str(), Some(""));
    let argument = root.get("E").unwrap().as_list().unwrap()[1].get("Fn::Sub");
    assert_eq!(argument.unwrap().as_str(), Some(""));
    let map = root.get("F").unwrap();
    assert_eq!(map.get("g").unwrap().value, Value::Null);
    assert_eq!(map.get("h").unwrap().value, Value::Null);
    let list = root.get("I").unwrap().as_list().unwrap();
    assert_eq!(list[0].value, Value::Null);
    assert_eq!(list[1].as_str(), Some(""));
    assert_eq!(value("J"), &Value::String(String::new()));
    assert_eq!(value("K"), &Value::Null);
}

#[test]
fn a_call_spans_its_tag_and_its_value() {
    let template = parse(
        "ü: 'ß'\nA: &x !Ref # why\n  y\nB: !Sub &z |\n  é ${C}\n\n\nC: !If\n  # which\n  - c\n  - [ü, {}]\n\nD: !GetAZs\n",
    );
    let text = &template.source().text;
    let at = |range: &std::ops::Range<usize>| text[range.clone()].to_owned();
    let call = |key: &str| {
        let node = template.root().get(key).unwrap();
        let (_, member) = node.intrinsic().unwrap();
        let parts = [&node.span, &member.key_span, &member.node.span];
        parts.map(at)
    };
    assert_eq!(call("A"), ["!Ref # why\n  y", "!Ref", "y"]);
    assert_eq!(call("B"), ["!Sub &z |\n  é ${C}", "!Sub", "é ${C}"]);
    assert_eq!(
        call("C"),
        [
            "!If\n  # which\n  - c\n  - [ü, {}]",
            "!If",
            "- c\n  - [ü, {}]"
        ]
    );
    assert_eq!(call("D"), ["!GetAZs", "!GetAZs", ""]);
}

#[test]
fn tags_are_resolved_before_they_are_looked_up() {
    let template = parse("A: !<tag:yaml.org,2002:str> 1\nB: !!int 1\n");
    let root = template.root();
    assert_eq!(root.get("A").unwrap().value, Value::String("1".into()));
    assert_eq!(root.get("B").unwrap().value, Value::Number("1".into()));
    assert_snapshot!(all_wrong(&[
        "A: !!binary eA==\n",
        "A: !<!Ref> x\n",
        "A: !Ref%20x y\n",
        "A: !subb x\n",
        "%TAG !e! tag:example.com,2000:\n---\nA: !e!Ref x\n",
        "A: !e!Ref x\n",
    ]), @r#"
    unknown-tag: CloudFormation does not support the YAML tag `!!binary` at 1:4 "!!binary"
    unknown-tag: `!<!Ref>` is not a CloudFormation function at 1:4 "!<!Ref>"
      help: did you mean `!Ref`?
    unknown-tag: `!Ref%20x` is not a CloudFormation function at 1:4 "!Ref%20x"
      help: did you mean `!Ref`?
    unknown-tag: `!subb` is not a CloudFormation function at 1:4 "!subb"
      help: did you mean `!Sub`?
    unknown-tag: `!e!Ref` is not a CloudFormation function at 3:4 "!e!Ref"
      help: did you mean `!Ref`?
    yaml-syntax: this is not YAML: a tag with a second `!` at 1:4 "!"
    "#);
}

#[test]
fn tabs_are_errors_only_in_the_indentation() {
    assert_snapshot!(all_wrong(&[
        "A:\n\tB: 1\n",
        "A:\n  B: 1\n\tC: 2\n",
        "A:\n  B: one\n    two\n\n\t\n  \tC: 2\n",
        "A:\n  - 1\n\t- 2\n",
        "A: 'é'\n\tB: 1\n",
        "A: |\n\tx\n",
        "A: |\n  x\n\ty\n",
        "A: [\n\t1]\n",
        "A: {b: c\n\t}\n",
    ]), @r#"
    yaml-syntax: this is not YAML: a tab in the indentation at 2:1 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: a tab in the indentation at 3:1 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: a tab in the indentation at 6:3 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: a tab in the indentation at 3:1 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: a tab in the indentation at 2:1 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: a tab in the indentation at 2:1 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: a tab in the indentation at 3:1 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: a tab in the indentation at 2:1 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: a tab in the indentation at 2:1 "\t"
      help: YAML is indented with spaces, never with tabs
    "#);
    let template =
        parse("A:\tb\t# why\n\t\nC: [1,\t2]\t\n\t# more\nD: |\n  a\tb\n  \tc\nE: \"f\n\tg\"\n");
    let plain = parse("A: b\nC: [1, 2]\nD: \"a\\tb\\n\\tc\\n\"\nE: f g\n");
    assert_eq!(template.root(), plain.root());
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_start_only() {
    let template = parse("\u{feff}A: &é ü\n");
    let value = template.root().get("A").unwrap();
    assert_eq!(&template.source().text[value.span.clone()], "ü");
    let template = parse("\u{feff}# why\n---\nA: b\n");
    assert_eq!(template.root().as_map().unwrap().len(), 1);
    // At other places it is a character of the text, as in libyaml.
    let template = parse("A: 1\n\u{feff}B: \u{feff}x\n");
    let value = template.root().get("\u{feff}B").unwrap();
    assert_eq!(value.as_str(), Some("\u{feff}x"));
}

#[test]
fn anchors_are_accepted_and_aliases_are_errors() {
    assert_eq!(
        parse("A: &a {B: &b !Ref c, D: &d}\n").root(),
        parse("A: {B: !Ref c, D: }\n").root()
    );
    assert_snapshot!(all_wrong(&[
        "A: &x b\nC: *x\nD: *unknown\nE: [*x, {f: *unknown}]\nG: 1\nG: 2\n",
        "A: *x\nB: [\n",
        "*x : A\n",
    ]), @r#"
    yaml-alias: CloudFormation does not support aliases at 2:4 "*x"
      help: repeat the value, or generate it with the template engine
    yaml-alias: CloudFormation does not support aliases at 3:4 "*unknown"
      help: repeat the value, or generate it with the template engine
    yaml-alias: CloudFormation does not support aliases at 4:5 "*x"
      help: repeat the value, or generate it with the template engine
    yaml-alias: CloudFormation does not support aliases at 4:13 "*unknown"
      help: repeat the value, or generate it with the template engine
    duplicate-key: the map has the key `G` twice at 6:1 "G", 5:1 "G"
    yaml-alias: CloudFormation does not support aliases at 1:4 "*x"
      help: repeat the value, or generate it with the template engine
    yaml-syntax: this is not YAML: this `[` is never closed at 2:4 "["
    yaml-alias: CloudFormation does not support aliases at 1:1 "*x"
      help: repeat the value, or generate it with the template engine
    "#);
}

#[test]
fn keys_are_equal_in_every_notation() {
    assert_snapshot!(all_wrong(&[
        "A: 1\n'A': 2\n",
        "A: {b: 1, \"b\": 2, ? b : 3}\n",
        "'ü': 1\nB:\n  é: 1\n  \"\\xe9\": 2\nü: 2\n",
        "? A\n: 1\n? A\n",
    ]), @r#"
    duplicate-key: the map has the key `A` twice at 2:1 "'A'", 1:1 "A"
    duplicate-key: the map has the key `b` twice at 1:11 "\"b\"", 1:5 "b"
    duplicate-key: the map has the key `b` twice at 1:21 "b", 1:5 "b"
    duplicate-key: the map has the key `é` twice at 4:3 "\"\\xe9\"", 3:3 "é"
    duplicate-key: the map has the key `ü` twice at 5:1 "ü", 1:1 "'ü'"
    duplicate-key: the map has the key `A` twice at 3:3 "A", 1:3 "A"
    "#);
    assert_eq!(
        parse("A: 1\na: 2\n'A ': 3\n")
            .root()
            .as_map()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn nesting_is_limited_in_every_notation() {
    let lists = |levels: usize| format!("A: {}x{}\n", "[".repeat(levels), "]".repeat(levels));
    let blocks = |levels: usize| format!("A:\n{}x\n", "- ".repeat(levels));
    let maps = |levels: usize| {
        let lines = (0..=levels).map(|level| format!("{}A:\n", " ".repeat(level)));
        lines.collect::<Vec<_>>().concat()
    };
    let texts: [&dyn Fn(usize) -> String; 3] = [&lists, &blocks, &maps];
    for text in texts {
        parse(&text(127));
        for levels in [128, 254, 255, 256, 10_000] {
            let found = wrong(&text(levels));
            assert!(
                found.starts_with("nesting-too-deep: more than 128 levels of nesting at "),
                "{levels}: {found}"
            );
        }
    }
    // Many adjacent values are not deep.
    let lines = (0..1_000).map(|it| format!("A{it}: [[x], {{y: z}}]\n"));
    let wide = lines.collect::<Vec<_>>().concat();
    assert_eq!(parse(&wide).root().as_map().unwrap().len(), 1_000);
}

#[test]
fn an_error_has_its_place_and_a_remedy() {
    assert_snapshot!(all_wrong(&[
        "A: b: c\n",
        "A: x\n  b: c\n",
        "A\nB: 1\n",
        "A:\n  B:1\n  C: 2\n",
        "A:\n- b\n- c\nd\n",
        "A:\n  - b\nc: d\n- e\n",
        "- a\nb: 1\n",
        "A: [1, 2}\n",
        "A: {b: [1, }\n",
        "A: {b: 1\nB: 2\n",
        "A: [a, b\nC: 1\n",
        "A: [a,, b]\n",
        "A: - b\n",
        "A: !Join [-, [a]]\n",
        "A: [- a]\n",
        "A: 'it's'\n",
        "A: \"x\" y\n",
        "A: \"\\\\ü \\n\n  \\d\"\n",
        "A: {b, , c}\n",
        "A: \"\\ud83d\"\n",
        "A: \"x\n",
        "A: `x`\n",
        "A: [b]# c\n",
        "A: |x\n  y\n",
        "A: ? b\n",
        "%YAML 3.0\n---\nA: b\n",
    ]), @r##"
    yaml-syntax: this is not YAML: mapping values are not allowed in this context at 1:5 ":"
      help: put a value that contains `: ` in quotes
    yaml-syntax: this is not YAML: mapping values are not allowed in this context at 2:4 ":"
      help: check that the line above has a `:` and a space after it, or indent this line less
    yaml-syntax: this is not YAML: mapping values are not allowed in this context at 2:2 ":"
      help: check that the line above has a `:` and a space after it, or indent this line less
    yaml-syntax: this is not YAML: mapping values are not allowed in this context at 3:4 ":"
      help: check that the line above has a `:` and a space after it, or indent this line less
    yaml-syntax: this is not YAML: the key has no `:` at 4:1 "d"
      help: write `: ` after the key, or indent the line if it continues the value above
    yaml-syntax: this is not YAML: while parsing a block mapping, did not find expected key at 4:3 "e"
      help: compare the indentation with the line above, and check that each key has a `:`
    yaml-syntax: this is not YAML: while parsing a block collection, did not find expected '-' indicator at 2:1 "b"
      help: start the line with `- `, or indent it as part of the element above
    yaml-syntax: this is not YAML: this `[` is closed by a `}` at 1:4 "["
      help: check that every bracket is closed and that commas separate the values
    yaml-syntax: this is not YAML: this `[` is closed by a `}` at 1:8 "["
      help: check that every bracket is closed and that commas separate the values
    yaml-syntax: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}' at 2:2 ":"
      help: check that every bracket is closed and that commas separate the values
    yaml-syntax: this is not YAML: unexpected `:` inside brackets at 2:2 ":"
      help: check that every bracket is closed and that commas separate the values
    yaml-syntax: this is not YAML: a value is missing here at 1:7 ","
    yaml-syntax: this is not YAML: a list cannot start here at 1:4 "-"
      help: start the list on a new line below its key
    yaml-syntax: this is not YAML: plain scalar cannot start with '-' followed by ,[]{} at 1:11 "-"
      help: put the `-` in quotes, or remove it if it starts a list
    yaml-syntax: this is not YAML: "-" is only valid inside a block at 1:5 "-"
      help: put the `-` in quotes, or remove it if it starts a list
    yaml-syntax: this is not YAML: text after the closing quote at 1:8 "s"
      help: write a single quote inside single quotes twice: `''`
    yaml-syntax: this is not YAML: text after the closing quote at 1:8 "y"
      help: write a double quote inside double quotes as `\"`
    yaml-syntax: this is not YAML: an unknown escape in double quotes at 2:3 "\\d"
      help: write a backslash as `\\`, or use single quotes, which have no escapes
    yaml-syntax: this is not YAML: a value is missing here at 1:8 ","
    yaml-syntax: this is not YAML: half of a surrogate pair at 1:4 "\""
    yaml-syntax: this is not YAML: this quote is never closed at 1:4 "\""
    yaml-syntax: this is not YAML: a value cannot start with ``` at 1:4 "`"
      help: put the value in quotes
    yaml-syntax: this is not YAML: comments must be separated from other tokens by whitespace at 1:7 "#"
      help: put a space before the `#`
    yaml-syntax: this is not YAML: while scanning a block scalar, did not find expected comment or line break at 1:4 "|"
      help: start the text on the next line
    yaml-syntax: this is not YAML: mapping keys are not allowed in this context at 1:4 "?"
      help: put a value that starts with `? ` in quotes
    yaml-syntax: this is not YAML: unsupported YAML major version at 1:1 "%"
    "##);
}
