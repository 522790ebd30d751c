use indexmap::IndexMap;

use super::Evaluator;
use crate::diagnostic::SourceFile;
use crate::template::Template;

/// Returns the value of the only property of the only resource, as text.
fn value(expression: &str) -> String {
    let text = format!(
        "Parameters:\n  Size: {{ Type: String, Default: small }}\n  \
         Names: {{ Type: CommaDelimitedList }}\n  Secret: {{ Type: String }}\n  \
         Image: {{ Type: AWS::SSM::Parameter::Value<String>, Default: /ami }}\n\
         Mappings:\n  Sizes:\n    small: {{ Memory: 128 }}\n    large: {{ Memory: 512 }}\n\
         Conditions:\n  Small: !Equals [!Ref Size, small]\n  Large: !Not [!Condition Small]\n  \
         Hidden: !Equals [!Ref Secret, x]\n  Some: !Or [!Condition Hidden, !Condition Small]\n  \
         Every: !And [!Condition Hidden, !Condition Large]\n  Loop: !Not [!Condition Loop]\n\
         Resources:\n  R: {{ Type: T, Properties: {{ P: {expression} }} }}\n"
    );
    let Ok(template) = Template::parse(&SourceFile::new("t", &text)) else {
        panic!("{text}")
    };
    let values = IndexMap::from([("Names".to_owned(), "a, b".to_owned())]);
    let resource = template.resource("R");
    let property = resource.and_then(|it| it.properties()?.get("P"));
    property.map_or_else(String::new, |node| {
        Evaluator::new(&template, &values).value(node).text()
    })
}

#[test]
fn values_are_evaluated_as_far_as_possible() {
    let cases = [
        ("!Ref Size", "small"),
        ("!Ref Names", r#"["a","b"]"#),
        ("!Ref Secret", "${Secret}"),
        ("!Ref Image", "{{resolve:ssm:/ami}}"),
        ("!Ref AWS::NoValue", ""),
        ("!Ref AWS::Region", "${AWS::Region}"),
        ("!Ref Other", "${Other}"),
        ("!GetAtt Other.Arn", "${Other.Arn}"),
        (
            "!Sub 'x-${Size}-${!L}-${Other.Arn}'",
            "x-small-${L}-${Other.Arn}",
        ),
        (
            "!Sub ['${A}${Size}', { A: !Ref Names }]",
            r#"["a","b"]small"#,
        ),
        (
            "!Join ['-', [a, !Ref Size, !Ref Other]]",
            "a-small-${Other}",
        ),
        ("!Join ['', !Ref Names]", "ab"),
        ("!Select [1, !Ref Names]", "b"),
        ("!Select [7, !Ref Names]", r#"Fn::Select(["7",["a","b"]])"#),
        ("!Select [1, !Split ['/', 'x/y/z']]", "y"),
        ("!FindInMap [Sizes, !Ref Size, Memory]", "128"),
        (
            "!FindInMap [Sizes, !Ref Secret, Memory]",
            r#"Fn::FindInMap(["Sizes","${Secret}","Memory"])"#,
        ),
        ("!If [Small, yes, 2]", "true"),
        ("!If [Large, 1, 2]", "2"),
        ("!If [Some, 1, 2]", "1"),
        ("!If [Every, 1, 2]", "2"),
        ("!If [Hidden, 1, 2]", r#"Fn::If(["Hidden","1","2"])"#),
        ("!If [Loop, 1, 2]", r#"Fn::If(["Loop","1","2"])"#),
        ("[1, !If [Small, !Ref AWS::NoValue, 2]]", r#"["1"]"#),
        ("!Base64 hi", "aGk="),
        ("!GetAZs ''", "Fn::GetAZs()"),
        ("{ A: { B: !Ref Size } }", r#"{"A":{"B":"small"}}"#),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn a_value_without_end_is_unknown_and_counts_its_resources() {
    let nested = |times: usize, inner: &str, around: fn(String) -> String| {
        (0..times).fold(inner.to_owned(), |inner, _| around(inner))
    };
    let doubled = |inner| format!("{{Fn::Sub: ['${{a}}${{a}}', {{a: {inner}}}]}}");
    let encoded = |inner| format!("{{Fn::Base64: {inner}}}");
    let encoded_twice = nested(2, "!GetAtt Other.Arn", encoded);
    assert_eq!(
        value(&encoded_twice),
        "Fn::Base64(Fn::Base64(${Other.Arn}))"
    );
    assert!(value(&nested(40, "!GetAtt Other.Arn", encoded)).len() < 1000);
    assert_eq!(value(&nested(3, "!Ref Size", doubled)), "small".repeat(8));
    for (expression, expected) in [
        (nested(40, "!Ref Size", doubled), "Fn::Sub(…)"),
        (nested(60, "text", encoded), "Fn::Base64(…)"),
        (
            format!(
                "!Sub ['{}', {{a: {}}}]",
                "${a}".repeat(2000),
                "x".repeat(2000)
            ),
            "Fn::Sub(…)",
        ),
        (
            format!("!Join [{}, [{}]]", "x".repeat(2000), "a, ".repeat(2000)),
            "Fn::Join(…)",
        ),
    ] {
        let found = value(&expression);
        assert!(
            found.len() < 10_000_000 && found.contains('…'),
            "{expected}: {}",
            found.len()
        );
    }
}

#[test]
fn equal_values_that_are_too_large_are_equal_and_others_are_not() {
    let unknown = |inner: &str, size: &str| {
        let nested = (0..40).fold(inner.to_owned(), |inner, _| {
            format!("{{Fn::Sub: ['${{a}}${{a}}', {{a: {inner}}}]}}")
        });
        let text = format!(
            "Parameters:\n  Size: {{Type: String}}\nResources:\n  Q: {{Type: T}}\n  \
             R: {{Type: T, Properties: {{P: {nested}}}}}\n"
        );
        let template = Template::parse(&SourceFile::new("t", text)).ok()?;
        let values = IndexMap::from([("Size".to_owned(), size.to_owned())]);
        let node = template.resource("R")?.properties()?.get("P")?;
        match Evaluator::new(&template, &values).value(node) {
            super::Evaluated::Unknown(unknown) => Some(unknown),
            _ => None,
        }
    };
    let one = unknown("!Ref Size", "a");
    assert!(one.is_some());
    assert_eq!(one, unknown("!Ref Size", "a"));
    assert_ne!(one, unknown("!Ref Size", "b"));
    assert_ne!(one, unknown("x", "a"));
    let uses = unknown("!GetAtt Q.Arn", "a").map(|it| it.uses);
    assert!(uses.is_some_and(|uses| uses.iter().any(|used| used.resource == "Q")));
}
