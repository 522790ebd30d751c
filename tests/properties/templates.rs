//! Properties of every two generated templates.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stackctl::diagnostic::SourceFile;
use stackctl::template::diff::{Diff, diff, match_notation};
use stackctl::template::{Template, emit};

/// Scalars that YAML and JSON write differently, and any text.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            "a", "b", "yes", "NO", "80", "1.10", "", "a: b", "x\ny\n", "${B}"
        ])
        .prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (0..200_i64).prop_map(Value::from),
        "[a-zé\\n :#-]{0,8}".prop_map(Value::from),
    ]
}

/// Calls of functions. Some mean the same as a text.
fn call() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"Ref": "B"}),
        json!({"Fn::GetAtt": ["B", "Arn"]}),
        json!({"Fn::GetAtt": "B.Arn"}),
        json!({"Fn::Sub": "a"}),
        json!({"Fn::Sub": ["${B}", {}]}),
        json!({"Fn::Sub": "${B}"}),
        json!({"Fn::Join": ["", ["a", "b"]]}),
        json!({"Fn::If": ["C", {"Ref": "AWS::NoValue"}, "a"]}),
    ])
}

/// Elements of lists that CloudFormation does not order.
fn element() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        (key.clone(), scalar()).prop_map(|(key, value)| json!({"Key": key, "Value": value})),
        (key.clone(), scalar())
            .prop_map(|(sid, action)| { json!({"Sid": sid, "Effect": "Allow", "Action": action}) }),
        (0..3_i64, key).prop_map(|(port, peer)| {
            json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": peer})
        }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![3 => scalar(), 1 => call(), 1 => element()];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop::sample::select(vec!["A", "B", "Tags", "Key", "Statement", "DependsOn"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(element(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(key, it)| (key.to_owned(), it))
                        .collect(),
                )
            }),
        ]
    })
}

fn template() -> impl Strategy<Value = Template> {
    let kind = prop::sample::select(vec![
        "AWS::EC2::SecurityGroup",
        "AWS::IAM::Role",
        "Custom::X",
    ]);
    let property = prop::sample::select(vec![
        "SecurityGroupIngress",
        "ManagedPolicyArns",
        "Policies",
        "Other",
    ]);
    let properties = prop::collection::vec((property, value()), 0..4);
    let resource = (kind, properties, value()).prop_map(|(kind, properties, more)| {
        let properties: Map<String, Value> = properties
            .into_iter()
            .map(|(key, it)| (key.to_owned(), it))
            .collect();
        json!({"Type": kind, "Properties": properties, "Metadata": more})
    });
    let named = (prop::sample::select(vec!["R", "S", "T"]), resource);
    prop::collection::vec(named, 0..3).prop_map(|resources| {
        let resources: Map<String, Value> = resources
            .into_iter()
            .map(|(name, it)| (name.to_owned(), it))
            .collect();
        parse(&json!({"Resources": resources}).to_string())
    })
}

fn parse(text: &str) -> Template {
    Template::parse(&SourceFile::new("template", text)).unwrap()
}

/// Returns the differences as sorted lines, each with its two sides.
fn lines(diff: &Diff<'_>, reversed: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in &diff.entries {
        let mut sides = [entry.before, entry.after];
        let mut starts = [entry.starts.before, entry.starts.after];
        if reversed {
            sides.reverse();
            starts.reverse();
        }
        lines.push(format!(
            "{} {:?} {sides:?} {starts:?}",
            entry.section, entry.name
        ));
        for change in &entry.changes {
            let mut sides = [change.before, change.after];
            let mut starts = [change.starts.before, change.starts.after];
            if reversed {
                sides.reverse();
                starts.reverse();
            }
            lines.push(format!("{:?} {sides:?} {starts:?}", entry.name));
        }
    }
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_template_parses_to_the_same_value(template in template()) {
        let text = emit::to_yaml(template.root());
        prop_assert!(text.is_ascii());
        let again = parse(&text);
        prop_assert_eq!(template.root(), again.root());
        prop_assert!(diff(&template, &again).is_empty());
    }

    #[test]
    fn diff_is_empty_for_the_same_template_and_symmetric(one in template(), other in template()) {
        prop_assert!(diff(&one, &one).is_empty());
        let (there, back) = (diff(&one, &other), diff(&other, &one));
        prop_assert_eq!(lines(&there, false), lines(&back, true));
    }

    #[test]
    fn line_diff_is_empty_exactly_if_the_templates_are_equal(
        one in template(),
        other in template(),
    ) {
        let same = emit::to_yaml(&match_notation(&one, &other)) == emit::to_yaml(other.root());
        prop_assert_eq!(same, diff(&one, &other).is_empty());
    }
}
