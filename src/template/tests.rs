//! The readers and the model.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::*;

fn parse(text: &str) -> Template {
    Template::parse(&SourceFile::new("stack.yaml", text)).unwrap()
}

/// Returns the errors, one per line: rule, message, line:column with the quoted text, help.
fn wrong(text: &str) -> String {
    let found = Template::parse(&SourceFile::new("stack.yaml", text)).unwrap_err();
    show(&found)
}

pub(in crate::template) fn show(found: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in found {
        let places: Vec<_> = diagnostic
            .places
            .iter()
            .map(|place| {
                let (line, column) = place.source.position(place.span.start);
                let quoted = place.source.text.get(place.span.clone()).unwrap();
                format!("{line}:{column} {quoted:?}")
            })
            .collect();
        let (rule, message) = (&diagnostic.rule, &diagnostic.message);
        writeln!(out, "{rule}: {message} at {}", places.join(", ")).unwrap();
        for help in &diagnostic.help {
            writeln!(out, "  help: {help}").unwrap();
        }
    }
    out
}

fn text<'a>(template: &'a Template, node: &Node) -> &'a str {
    &template.source().text[node.span.clone()]
}

#[test]
fn both_readers_return_the_same_tree() {
    let yaml = parse(
        "Resources:\n  A:\n    Type: T\n    Properties: {P: !Sub [a, {b: !Ref C}], Q: !GetAtt D.E.F}\n",
    );
    let json = parse(
        "{\n\t\"Resources\": {\"A\": {\"Type\": \"T\", \"Properties\": {\"P\": {\"Fn::Sub\": [\"a\",\
         {\"b\": {\"Ref\": \"C\"}}]}, \"Q\": {\"Fn::GetAtt\": [\"D\", \"E.F\"]}}}}}",
    );
    assert_eq!(yaml.root(), json.root());
}

#[test]
fn spans_are_bytes_even_after_wide_characters() {
    let template = parse(
        "Description: \"größe 😀 🎉\" # ü\r\nResources:\r\n  Größe:\r\n    A: !GetAtt ü.Arn\r\n    B: |\r\n      é\r\n      x\r\n    C: [a, \"ö\"]\r\n    D: { x: 'ß' }\r\n    E: !If\r\n      - c\r\n      - ü\r\n",
    );
    let resource = template.resource("Größe").unwrap();
    assert_eq!(
        &template.source().text[resource.entry.name_span.clone()],
        "Größe"
    );
    let at = |key: &str| text(&template, resource.attribute(key).unwrap());
    assert_eq!(at("A"), "!GetAtt ü.Arn");
    assert_eq!(at("B"), "é\r\n      x");
    assert_eq!(at("C"), "[a, \"ö\"]");
    assert_eq!(at("D"), "{ x: 'ß' }");
    assert_eq!(at("E"), "!If\r\n      - c\r\n      - ü");
    let (name, member) = resource.attribute("A").unwrap().intrinsic().unwrap();
    assert_eq!(name, "Fn::GetAtt");
    assert_eq!(&template.source().text[member.key_span.clone()], "!GetAtt");
    let parts = member.node.as_list().unwrap();
    assert_eq!(text(&template, &parts[0]), "ü");
    assert_eq!(text(&template, &parts[1]), "Arn");
}

#[test]
fn string_tags_are_accepted() {
    let template = parse("! A: ! 1\n!!str B: !!str yes\nC: !!int 1\n");
    let scalar = |key: &str| &template.root().get(key).unwrap().value;
    assert_eq!(scalar("A"), &node::Value::String("1".to_owned()));
    assert_eq!(scalar("B"), &node::Value::String("yes".to_owned()));
    assert_eq!(scalar("C"), &node::Value::Number("1".to_owned()));
}

#[test]
fn json_has_spans_and_escapes() {
    let template = parse("{\"A\": {\"B\": [1.10, \"\\ud83d\\ude00\\u00fc\\n\", true, null]}}");
    let list = template
        .root()
        .get("A")
        .unwrap()
        .get("B")
        .unwrap()
        .as_list()
        .unwrap();
    assert_eq!(list[0].scalar().as_deref(), Some("1.10"));
    assert_eq!(list[1].as_str(), Some("😀ü\n"));
    assert_eq!(text(&template, &list[1]), "\"\\ud83d\\ude00\\u00fc\\n\"");
    assert_eq!(list[3].value, node::Value::Null);
}

#[test]
fn every_problem_of_yaml_is_reported_at_its_place() {
    assert_snapshot!(wrong(
        "A: 1\nB: &x 2\nA: *x\nC:\n  <<: *x\n  D: !Reff y\n  E: !!set {}\n  ? [a]\n  : 1\nF: !If [a, *x]\n",
    ), @r#"
    yaml-alias: CloudFormation does not support aliases at 3:4 "*x"
      help: repeat the value, or generate it with the template engine
    duplicate-key: the map has the key `A` twice at 3:1 "A", 1:1 "A"
    merge-key: CloudFormation does not support merge keys at 5:3 "<<"
      help: repeat the members, or generate them with the template engine
    yaml-alias: CloudFormation does not support aliases at 5:7 "*x"
      help: repeat the value, or generate it with the template engine
    unknown-tag: `!Reff` is not a CloudFormation function at 6:6 "!Reff"
      help: did you mean `!Ref`?
    unknown-tag: CloudFormation does not support the YAML tag `!!set` at 7:6 "!!set"
    invalid-key: a key must be a string, but this is a list at 8:5 "[a]"
    yaml-alias: CloudFormation does not support aliases at 10:12 "*x"
      help: repeat the value, or generate it with the template engine
    "#);
}

#[test]
fn the_first_syntax_error_is_explained() {
    let texts = [
        "A:\n\tB: 1\n",
        "A: b: c\n",
        "A:\n  B: 1\n C: 2\n",
        "A: [1, 2\n",
        "A: @x\n",
        "A: 'x\n",
        "A: [1, 2}\n",
        "A: 1\n---\nB: 2\n",
        "- a\n",
        "",
        "# nothing\n",
        "just text",
    ];
    let all: String = texts.iter().map(|text| wrong(text)).collect();
    assert_snapshot!(all, @r#"
    yaml-syntax: this is not YAML: a tab in the indentation at 2:1 "\t"
      help: YAML is indented with spaces, never with tabs
    yaml-syntax: this is not YAML: mapping values are not allowed in this context at 1:5 ":"
      help: put a value that contains `: ` in quotes
    yaml-syntax: this is not YAML: while parsing a block mapping, did not find expected key at 3:2 "C"
      help: compare the indentation with the line above, and check that each key has a `:`
    yaml-syntax: this is not YAML: this `[` is never closed at 1:4 "["
    yaml-syntax: this is not YAML: a value cannot start with `@` at 1:4 "@"
      help: put the value in quotes
    yaml-syntax: this is not YAML: this quote is never closed at 1:4 "'"
    yaml-syntax: this is not YAML: this `[` is closed by a `}` at 1:4 "["
      help: check that every bracket is closed and that commas separate the values
    multiple-documents: a template must be a single YAML document at 2:1 "---"
      help: remove the `---` and the text after it
    not-a-template: a template must be a map of sections, but this is a list at 1:1 "- a"
    not-a-template: the template is empty at 1:1 ""
    not-a-template: the template is empty at 1:1 ""
    not-a-template: a template must be a map of sections, but this is a string at 1:1 "just text"
    "#);
}

#[test]
fn json_errors_are_explained() {
    let texts = [
        "{\"A\": 1,}",
        "{\"A\": [1,]}",
        "{\"A\": 1",
        "{\"A\" 1}",
        "{A: 1}",
        "{\"A\": 01}",
        "{\"A\": \"x\n\"}",
        "{\"A\": \"\\ud83d\"}",
        "{\"A\": \"\\x\"}",
        "{\"A\": \"\\é\"}",
        "{\"A\": nul} ",
        "{} {}",
        "{ // x\n}",
        "{\"A\": 1, \"A\": 2}",
        "{\"A\": \"x\\",
        "{\"ü\": \"\\u00é\"}",
    ];
    let all: String = texts.iter().map(|text| wrong(text)).collect();
    assert_snapshot!(all, @r#"
    json-syntax: expected another member after the comma, found `}` at 1:9 "}"
      help: JSON does not allow a comma after the last member
    json-syntax: expected another member after the comma, found `]` at 1:10 "]"
      help: JSON does not allow a comma after the last member
    json-syntax: this `{` is never closed at 1:1 "{"
    json-syntax: expected `:` after the key, found `1` at 1:6 "1"
    json-syntax: expected a key in double quotes, found `A` at 1:2 "A"
    json-syntax: `01` is not a JSON number at 1:7 "01"
      help: put it in quotes: a JSON number cannot have leading zeros
    json-syntax: the string is not closed at 1:7 "\"x"
    json-syntax: half of a surrogate pair at 1:8 "\\ud83d"
    json-syntax: an unknown escape in a string at 1:8 "\\x"
      help: the escapes of JSON are \" \\ \/ \b \f \n \r \t and \uXXXX
    json-syntax: an unknown escape in a string at 1:8 "\\é"
      help: the escapes of JSON are \" \\ \/ \b \f \n \r \t and \uXXXX
    json-syntax: `nul` is not a JSON value at 1:7 "nul"
      help: put keys and strings in double quotes
    json-syntax: expected the end of the template, found `{` at 1:4 "{"
    json-syntax: JSON does not support comments at 1:3 "/"
      help: write a template with comments in YAML
    duplicate-key: the map has the key `A` twice at 1:10 "\"A\"", 1:2 "\"A\""
    json-syntax: the string is not closed at 1:7 "\""
    json-syntax: expected four hexadecimal digits at 1:8 "\\u"
    "#);
}

#[test]
fn nesting_is_limited() {
    for text in [
        "[".repeat(100_000),
        format!("A: {}", "[".repeat(100_000)),
        format!("A: {}", "- ".repeat(100_000)),
        format!("A:\n{}x", "- ".repeat(200)),
        format!("{{\"a\":{}", "[".repeat(100_000)),
    ] {
        let found = Template::parse(&SourceFile::new("t", text)).unwrap_err();
        assert_eq!(found.len(), 1);
    }
    assert!(wrong(&format!("A:\n{}x", "- ".repeat(200))).starts_with("nesting-too-deep"));
}

#[test]
fn the_model_returns_the_parts_of_a_template() {
    let template = parse(
        "Description: d\nTransform: [AWS::LanguageExtensions, {Name: M}]\nParameters:\n  P: {Type: String, NoEcho: 'true', Default: 1.10, AllowedValues: [1.10]}\nResources:\n  R:\n    Type: AWS::S3::Bucket\n    DependsOn: [A, B]\n    Condition: C\n    DeletionPolicy: Retain\n  Fn::ForEach::L: [X, [a], {}]\nOutputs:\n  O: {Value: !Ref R, Export: {Name: n}}\n",
    );
    assert_eq!(template.description(), Some("d"));
    assert_eq!(
        template.transforms().collect::<Vec<_>>(),
        ["AWS::LanguageExtensions", "M"]
    );
    let parameter = template.parameter("P").unwrap();
    assert!(parameter.no_echo());
    assert_eq!(
        parameter.default().unwrap().scalar().as_deref(),
        Some("1.10")
    );
    assert_eq!(template.resources().count(), 1);
    let resource = template.resource("R").unwrap();
    assert_eq!(resource.depends_on().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(
        resource.attribute("DeletionPolicy").and_then(Node::as_str),
        Some("Retain")
    );
    assert_eq!(
        template
            .outputs()
            .next()
            .unwrap()
            .export_name()
            .unwrap()
            .as_str(),
        Some("n")
    );
}

#[test]
fn references_have_the_place_of_the_name() {
    let template = parse(
        "Conditions:\n  C: !Not [!Condition D]\nResources:\n  R:\n    Type: T\n    DependsOn: A\n    Condition: C\n    Properties:\n      P: !Sub \"x\\n${!No} ${B.Arn} ${AWS::Region} ${L}\"\n      Q: {Fn::Sub: ['${V} ${W}', {V: !Ref X}]}\n      S: {Fn::GetAtt: E.F}\n      T: !If [C, !FindInMap [M, !Ref K, v], {Condition: z}]\n      Fn::ForEach::Loop: [I, [a], {'x${I}': !Ref I}]\n",
    );
    let mut shown = String::new();
    for it in template.references() {
        let quoted = &template.source().text[it.span.clone()];
        let (kind, target, attribute) = (it.kind, it.target, it.attribute);
        let (section, owner) = (it.section, it.owner);
        writeln!(
            shown,
            "{kind:?} {target} {attribute:?} {quoted:?} in {section}/{owner}"
        )
        .unwrap();
    }
    assert_snapshot!(shown, @r#"
    Condition D None "D" in Conditions/C
    DependsOn A None "A" in Resources/R
    Condition C None "C" in Resources/R
    Sub B Some("Arn") "B" in Resources/R
    Sub AWS::Region None "AWS::Region" in Resources/R
    Sub L None "L" in Resources/R
    Sub W None "W" in Resources/R
    Ref X None "X" in Resources/R
    GetAtt E Some("F") "E.F" in Resources/R
    Condition C None "C" in Resources/R
    FindInMap M None "M" in Resources/R
    Ref K None "K" in Resources/R
    "#);
}

#[test]
fn capabilities_follow_from_the_resources() {
    let capabilities = |resources: &str| {
        let text = format!("Resources:\n{resources}");
        let names: Vec<_> = parse(&text)
            .required_capabilities()
            .iter()
            .map(|it| it.as_str())
            .collect();
        names.join(" ")
    };
    assert_eq!(capabilities("  A: {Type: AWS::S3::Bucket}\n"), "");
    assert_eq!(
        capabilities("  A: {Type: AWS::IAM::Policy, Properties: {PolicyName: p}}\n"),
        "CAPABILITY_IAM"
    );
    assert_eq!(
        capabilities("  A: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub p}}\n"),
        "CAPABILITY_NAMED_IAM"
    );
    assert_eq!(
        capabilities("  A: {Type: AWS::IAM::UserToGroupAddition, Properties: {GroupName: p}}\n"),
        "CAPABILITY_IAM"
    );
    assert_eq!(
        capabilities("  A: {Type: T, Properties: {Fn::Transform: {Name: AWS::Include}}}\n"),
        "CAPABILITY_AUTO_EXPAND"
    );
    assert_eq!(
        capabilities(
            "  A: {Type: AWS::Serverless::Function}\nTransform: AWS::Serverless-2016-10-31\n"
        ),
        "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
    );
}

#[test]
fn capabilities_follow_from_loops() {
    let capabilities = |resource: &str| {
        let text = format!(
            "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L:\n  - N\n  - [a, b]\n  - Fn::ForEach::M: [K, [c], {{'R${{N}}${{K}}': {resource}}}]\n"
        );
        let names = parse(&text).required_capabilities();
        names
            .iter()
            .map(|it| it.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        capabilities("{Type: AWS::SQS::Queue}"),
        "CAPABILITY_AUTO_EXPAND"
    );
    assert_eq!(
        capabilities("{Type: AWS::IAM::Role}"),
        "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
    );
    assert_eq!(
        capabilities("{Type: AWS::IAM::Role, Properties: {RoleName: !Ref N}}"),
        "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
    );
}

#[test]
fn capabilities_follow_from_what_sam_creates() {
    let needs_iam = |text: &str| {
        let text = format!("Transform: AWS::Serverless-2016-10-31\n{text}");
        let names = parse(&text).required_capabilities();
        assert_eq!(names.last(), Some(&Capability::AutoExpand));
        names.len() == 2
    };
    for with_role in [
        "Resources: {F: {Type: AWS::Serverless::Function}}",
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Role: r, DeploymentPreference: {Type: AllAtOnce}}}}",
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Role: r, Events: {S: {Type: ScheduleV2}}}}}",
        "Resources: {B: {Type: AWS::S3::Bucket, Connectors: {C: {}}}}",
        "Resources: {M: {Type: AWS::Serverless::StateMachine, Properties: {Role: r, Events: {S: {Type: Schedule}}}}}",
        "Resources: {A: {Type: AWS::Serverless::Application}}",
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Role: r}}, R: {Type: AWS::IAM::Role}}",
        "Resources: {'Fn::ForEach::L': [N, [a], {'F${N}': {Type: AWS::Serverless::Function}}]}",
    ] {
        assert!(needs_iam(with_role), "{with_role}");
    }
    for without_role in [
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Role: r, Events: {E: {Type: Api}}}}}",
        "Globals: {Function: {Role: r}}\nResources: {F: {Type: AWS::Serverless::Function}}",
        "Resources: {A: {Type: AWS::Serverless::Api}, T: {Type: AWS::Serverless::SimpleTable}}",
        "Resources: {M: {Type: AWS::Serverless::StateMachine, Properties: {Role: r}}}",
    ] {
        assert!(!needs_iam(without_role), "{without_role}");
    }
}

#[test]
fn external_inputs_are_recognized() {
    let check = |text: &str| parse(text).has_external_inputs();
    assert!(!check(
        "Resources: {A: {Type: T, Properties: {P: '{{resolve:ssm:n:3}}'}}}"
    ));
    assert!(check(
        "Resources: {A: {Type: T, Properties: {P: '{{resolve:ssm:n:3}} {{resolve:ssm:n}}'}}}"
    ));
    assert!(check(
        "Resources: {A: {Type: T, Properties: {P: '{{resolve:secretsmanager:arn:aws:x:SecretString:k}}'}}}"
    ));
    assert!(!check(
        "Resources: {A: {Type: T, Properties: {P: '{{resolve:secretsmanager:s:SecretString:k::v1}}'}}}"
    ));
    assert!(check(
        "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>'}}"
    ));
    assert!(check("Resources: {A: {Type: AWS::CloudFormation::Stack}}"));
    assert!(check("Transform: X"));
}

#[test]
fn a_macro_may_add_outputs() {
    for (text, expected) in [
        ("Transform: AWS::Serverless-2016-10-31\n", false),
        ("Transform: [AWS::LanguageExtensions]\n", false),
        ("Transform: AWS::SecretsManager-2024-09-16\n", false),
        ("Transform: AWS::ServerlessLike\n", true),
        ("Transform: [Mine]\n", true),
        (
            "Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}\n",
            true,
        ),
        (
            "Outputs: {'Fn::ForEach::Each': [X, [a], {'Out${X}': {Value: x}}]}\n",
            true,
        ),
        ("", false),
    ] {
        let text = format!("{text}Resources: {{T: {{Type: AWS::SNS::Topic}}}}\n");
        assert_eq!(parse(&text).may_have_other_outputs(), expected, "{text}");
    }
}
