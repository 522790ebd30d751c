//! Tests of the masked places, and a property test: no rendering of a plan contains any part of its
//! secrets.

use proptest::prelude::*;
use serde_json::json;

use super::{defaults, hide, hide_outputs, sent};
use crate::cloudformation::change_set::{
    Action, Change, ChangeSet, Detail, Parameter, PropertyDrift,
};
use crate::cloudformation::stack::{Output, Stack};
use crate::config::secret::{Redactor, Secret};
use crate::config::settings::ParameterValue;
use crate::diagnostic::SourceFile;
use crate::plan::model::models;
use crate::plan::risk;
use crate::plan::{Plan, Target};
use crate::present::json::plan::PlanDocument;
use crate::present::{human, markdown};
use crate::template::Template;

fn template(text: &str) -> Template {
    Template::parse(&SourceFile::new("t", text)).unwrap_or_else(|found| panic!("{found:?}"))
}

/// Returns a template with a parameter `P` that may be secret, a plain parameter `Q`, and a resource
/// `A` with these properties.
fn with_properties(no_echo: bool, properties: &str) -> Template {
    template(&format!(
        "{{\"Parameters\": {{\"P\": {{\"Type\": \"String\", \"NoEcho\": {no_echo}}}, \
         \"Q\": {{\"Type\": \"String\"}}}}, \
         \"Resources\": {{\"A\": {{\"Type\": \"T\", \"Properties\": {properties}}}}}}}"
    ))
}

fn change(context: &serde_json::Value) -> Change {
    Change {
        logical_id: "A".to_owned(),
        before_context: Some(json!({ "Properties": context }).to_string()),
        after_context: Some(json!({ "Properties": context }).to_string()),
        ..Change::default()
    }
}

fn set(change: Change) -> ChangeSet {
    ChangeSet {
        changes: vec![change],
        ..ChangeSet::default()
    }
}

/// Returns the properties in the context after, with masked secrets.
fn masked(written: &serde_json::Value, actual: &serde_json::Value) -> serde_json::Value {
    let template = with_properties(true, &written.to_string());
    let mut set = set(change(actual));
    hide(&mut set, [None, Some(&template)], [], &[]);
    let context = set.changes[0].after_context.clone().unwrap_or_default();
    let mut context: serde_json::Value = serde_json::from_str(&context).unwrap_or_default();
    context["Properties"].take()
}

#[test]
fn values_at_the_places_of_secrets_are_masked() {
    let secret = json!({"Ref": "P"});
    let cases = [
        (
            json!({"X": secret, "Y": "plain"}),
            json!({"X": "s", "Y": "plain"}),
            json!({"X": "****", "Y": "plain"}),
        ),
        (
            json!({"X": {"Fn::Sub": "db://${P}@h"}}),
            json!({"X": "db://s@h"}),
            json!({"X": "****"}),
        ),
        (
            json!({"X": {"Fn::Join": ["", ["a", secret]]}}),
            json!({"X": "as"}),
            json!({"X": "****"}),
        ),
        (
            json!({"X": {"Fn::Split": [",", secret]}}),
            json!({"X": ["a", "b"]}),
            json!({"X": ["****", "****"]}),
        ),
        // Either branch was taken.
        (
            json!({"X": {"Fn::If": ["C", secret, "none"]}}),
            json!({"X": "none"}),
            json!({"X": "none"}),
        ),
        (
            json!({"X": {"Fn::If": ["C", secret, "none"]}}),
            json!({"X": "s"}),
            json!({"X": "****"}),
        ),
        // A dynamic reference is no secret, but its resolved value is.
        (
            json!({"X": "{{resolve:secretsmanager:x}}", "Y": "{{resolve:ssm-secure:x}}", "Z": "{{resolve:ssm:x}}"}),
            json!({"X": "{{resolve:secretsmanager:x}}", "Y": "resolved", "Z": "open"}),
            json!({"X": "{{resolve:secretsmanager:x}}", "Y": "****", "Z": "open"}),
        ),
        (
            json!({"X": {"Fn::GetAtt": ["K", "SecretAccessKey"]}}),
            json!({"X": "s"}),
            json!({"X": "****"}),
        ),
        // A list in a different order: the element is matched by its name.
        (
            json!({"L": [{"Name": "a", "Value": secret}, {"Name": "b", "Value": {"Ref": "Q"}}]}),
            json!({"L": [{"Name": "b", "Value": "q"}, {"Name": "a", "Value": "s"}]}),
            json!({"L": [{"Name": "b", "Value": "q"}, {"Name": "a", "Value": "****"}]}),
        ),
        // Only literals are distinguished: every other element is masked.
        (
            json!({"L": ["literal", {"Ref": "Q"}, secret]}),
            json!({"L": ["s", "literal", "q"]}),
            json!({"L": ["****", "literal", "****"]}),
        ),
        // A structure as JSON in a string.
        (
            json!({"J": {"Statement": [{"Sid": "a", "Key": secret}]}}),
            json!({"J": r#"{"Statement":[{"Sid":"a","Key":"s"}]}"#}),
            json!({"J": r#"{"Statement":[{"Sid":"a","Key":"****"}]}"#}),
        ),
        (json!({"N": secret}), json!({"N": 7}), json!({"N": "****"})),
    ];
    for (written, actual, expected) in cases {
        assert_eq!(masked(&written, &actual), expected, "{written}");
    }
}

#[test]
fn a_change_set_that_turns_no_echo_off_or_on_is_masked() {
    let properties = r#"{"X": {"Ref": "P"}}"#;
    for (before, after) in [(true, false), (false, true)] {
        let templates = [before, after].map(|no_echo| with_properties(no_echo, properties));
        let mut set = set(change(&json!({"X": "value-of-p"})));
        set.parameters = vec![Parameter {
            name: "P".to_owned(),
            value: Some("value-of-p".to_owned()),
            ..Parameter::default()
        }];
        let found = hide(
            &mut set,
            [Some(&templates[0]), Some(&templates[1])],
            [],
            &[],
        );
        assert!(!format!("{set:?}").contains("value-of-p"), "{set:?}");
        assert_eq!(found, [Secret::new("value-of-p")]);
    }
}

#[test]
fn details_without_contexts_are_masked() {
    let written = r#"{"X": {"Ref": "P"}, "Y": {"Ref": "Q"}, "L": [{"Name": "a", "Value": {"Ref": "P"}}, {"Name": "b", "Value": "b"}]}"#;
    let template = with_properties(true, written);
    let detail = |path: Option<&str>, name: Option<&str>, value: &str| Detail {
        attribute: Some("Properties".to_owned()),
        path: path.map(str::to_owned),
        name: name.map(str::to_owned),
        before: Some(value.to_owned()),
        after: Some(value.to_owned()),
        drift: Some(PropertyDrift {
            previous: Some(value.to_owned()),
            actual: Some(value.to_owned()),
            detected: None,
        }),
        ..Detail::default()
    };
    let mut set = set(Change {
        details: vec![
            detail(Some("/Properties/X"), None, "s"),
            detail(None, Some("X"), "s"),
            detail(Some("/Properties/L/1/Value"), None, "s"),
            detail(
                None,
                Some("L"),
                r#"[{"Name":"b","Value":"b"},{"Name":"a","Value":"s"}]"#,
            ),
            detail(Some("/Properties/Y"), None, "q"),
            detail(Some("/Properties/L/1/Value"), None, "b"),
        ],
        ..change(&json!({}))
    });
    set.changes[0].before_context = None;
    set.changes[0].after_context = None;
    hide(&mut set, [None, Some(&template)], [], &[]);
    let shown = set.changes[0].details.iter().map(|detail| {
        let drift = detail.drift.clone().unwrap_or_default();
        let sides = [
            &detail.before,
            &detail.after,
            &drift.previous,
            &drift.actual,
        ];
        assert!(sides.iter().all(|side| *side == sides[0]), "{detail:?}");
        detail.after.clone().unwrap_or_default()
    });
    let list = r#"[{"Name":"b","Value":"b"},{"Name":"a","Value":"****"}]"#;
    assert_eq!(
        shown.collect::<Vec<_>>(),
        ["****", "****", "****", list, "q", "b"]
    );
}

#[test]
fn a_secret_is_followed_into_nested_stacks() {
    let parent = template(
        "Parameters: {P: {Type: String, NoEcho: true}}\nResources:\n  Child:\n    \
         Type: AWS::CloudFormation::Stack\n    Properties: {Parameters: {Inner: !Ref P, Open: o}}\n",
    );
    let child = "Parameters: {Inner: {Type: String}, Open: {Type: String}, Own: {Type: String, NoEcho: true}}\n\
         Resources: {A: {Type: T, Properties: {X: !Ref Inner, Y: !Ref Open, Z: !Ref Own}}}";
    let caused = |entity: &str, value: &str| Detail {
        path: Some("/Properties/X".to_owned()),
        after: Some(value.to_owned()),
        causing_entity: Some(entity.to_owned()),
        ..Detail::default()
    };
    for body in [Some(child.to_owned()), None] {
        let nested = ChangeSet {
            id: "arn:nested".to_owned(),
            template: body.clone(),
            parameters: [("Inner", "s"), ("Open", "o")]
                .map(|(name, value)| Parameter {
                    name: name.to_owned(),
                    value: Some(value.to_owned()),
                    ..Parameter::default()
                })
                .to_vec(),
            changes: vec![Change {
                details: vec![caused("Inner", "s")],
                ..change(&json!({"X": "s", "Y": "o", "Z": "t"}))
            }],
            ..ChangeSet::default()
        };
        let mut root = set(Change {
            logical_id: "Child".to_owned(),
            nested_change_set: Some("arn:nested".to_owned()),
            ..Change::default()
        });
        root.nested.push(nested);
        hide(&mut root, [None, Some(&parent)], [], &[]);
        let nested = &root.nested[0];
        let values = nested.parameters.iter().map(|it| it.value.as_deref());
        assert_eq!(values.collect::<Vec<_>>(), [Some("****"), Some("o")]);
        assert_eq!(nested.changes[0].details[0].after.as_deref(), Some("****"));
        if body.is_some() {
            let expected = r#"{"Properties":{"X":"****","Y":"o","Z":"****"}}"#;
            assert_eq!(nested.changes[0].after_context.as_deref(), Some(expected));
        }
    }
}

#[test]
fn outputs_and_metadata_are_masked() {
    let template = template(
        "Parameters: {P: {Type: String, NoEcho: true, Default: by-default}}\nResources:\n  A:\n    \
         Type: T\n    Metadata: {M: !Ref P}\nOutputs:\n  O: {Value: !Sub 'x${P}'}\n  N: {Value: n}\n",
    );
    let mut set = set(Change {
        logical_id: "A".to_owned(),
        after_context: Some(r#"{"Metadata":{"M":"s"}}"#.to_owned()),
        ..Change::default()
    });
    hide(&mut set, [None, Some(&template)], [], &[]);
    let context = set.changes[0].after_context.as_deref();
    assert_eq!(context, Some(r#"{"Metadata":{"M":"****"}}"#));
    assert_eq!(defaults(&template), [Secret::new("by-default")]);

    let output = |name: &str, value: &str| Output {
        name: name.to_owned(),
        value: value.to_owned(),
        description: None,
        export: None,
    };
    let mut stack = Stack {
        outputs: vec![output("O", "xs"), output("N", "n")],
        ..Stack::default()
    };
    hide_outputs(&mut stack, &template);
    let values = stack.outputs.iter().map(|output| output.value.as_str());
    assert_eq!(values.collect::<Vec<_>>(), ["****", "n"]);
}

#[test]
fn values_of_secret_parameters_are_secret_from_every_source() {
    let template = with_properties(true, "{}");
    let parameters = [
        ("P", ParameterValue::Plain("in-the-manifest".to_owned())),
        ("Q", ParameterValue::Plain("open".to_owned())),
        (
            "R",
            ParameterValue::FromEnvironment {
                variable: "R".to_owned(),
                value: Some(Secret::new("in-the-environment")),
            },
        ),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value));
    let found = sent(&template, &parameters.into());
    assert_eq!(
        found,
        ["in-the-manifest", "in-the-environment"].map(Secret::new)
    );
}

/// Characters that only the secrets of the property test contain.
const MARKS: [char; 4] = ['ж', 'Ω', '💥', 'é'];

/// Returns whether a text contains a part of a secret, escaped or not.
fn reveals(text: &str) -> bool {
    let escaped = [
        "\\u0436",
        "\\u03a9",
        "\\ud83d",
        "\\u00e9",
        "\\xe9",
        "\\U0001f4a5",
    ];
    let lower = text.to_lowercase();
    text.contains(MARKS) || escaped.iter().any(|it| lower.contains(&it.to_lowercase()))
}

/// Secrets of any length, with line breaks, quotes and characters that JSON, YAML and HTML escape.
/// Every line contains a mark, so that each part of a secret is detected.
fn secrets() -> impl Strategy<Value = String> {
    let line = (
        prop::sample::select(MARKS.to_vec()),
        prop::collection::vec(
            prop::sample::select("жΩ💥é\"\\&<>`'{}$: -#|x\t".chars().collect::<Vec<_>>()),
            0..12,
        ),
    );
    let line = line.prop_map(|(mark, rest)| std::iter::once(mark).chain(rest).collect::<String>());
    prop::collection::vec(line, 1..4).prop_map(|lines| lines.join("\n"))
}

/// The places of a secret in a property: the value in the template and the value in the response.
fn places(secret: &str) -> Vec<(serde_json::Value, serde_json::Value)> {
    let policy = json!({"Key": secret}).to_string();
    vec![
        (json!({"Ref": "P"}), json!(secret)),
        (
            json!({"Fn::Sub": "a ${P} b"}),
            json!(format!("a {secret} b")),
        ),
        (
            json!({"Fn::Join": ["-", ["n", {"Ref": "P"}]]}),
            json!(format!("n-{secret}")),
        ),
        (
            json!({"Deep": {"List": [1, {"Ref": "P"}]}}),
            json!({"Deep": {"List": [secret, "1"]}}),
        ),
        (
            json!([{"Name": "o", "Value": "v"}, {"Name": "n", "Value": {"Ref": "P"}}]),
            json!([{"Name": "n", "Value": secret}, {"Name": "o", "Value": "v"}]),
        ),
        (json!({"Key": {"Ref": "P"}}), json!(policy)),
        (
            json!({"Fn::If": ["C", {"Ref": "P"}, {"Ref": "AWS::NoValue"}]}),
            json!(secret),
        ),
        (json!("{{resolve:secretsmanager:s}}"), json!(secret)),
    ]
}

/// One case of the property test.
#[derive(Debug, Clone)]
struct Case {
    secret: String,
    old: String,
    place: usize,
    no_echo: [bool; 2],
    has_contexts: bool,
    has_values: bool,
    is_nested: bool,
    action: usize,
    width: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (
        secrets(),
        secrets(),
        0..8_usize,
        flags,
        0..3_usize,
        40..130_usize,
    )
        .prop_map(
            |(secret, old, place, (first, contexts, values, nested), action, width)| Case {
                secret,
                old,
                place,
                no_echo: [first, !first || contexts],
                has_contexts: contexts,
                has_values: values,
                is_nested: nested,
                action,
                width,
            },
        )
}

/// Returns the plan of a case, and the secrets that are redacted in every text.
fn plan(case: &Case) -> (Plan, Vec<Secret>) {
    let (written, after) = places(&case.secret).swap_remove(case.place);
    let (_, before) = places(&case.old).swap_remove(case.place);
    let properties = json!({"X": written, "Y": "plain"}).to_string();
    let templates = case
        .no_echo
        .map(|no_echo| with_properties(no_echo, &properties));
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let context = |value: &serde_json::Value| {
        let context = json!({"Properties": {"X": value, "Y": "plain"}, "Metadata": {"N": "n"}});
        case.has_contexts.then(|| context.to_string())
    };
    let mut change = Change {
        logical_id: "A".to_owned(),
        resource_type: "AWS::Lambda::Function".to_owned(),
        action: [Action::Modify, Action::Add, Action::Remove][case.action].clone(),
        before_context: context(&before),
        after_context: context(&after),
        ..Change::default()
    };
    if case.has_values {
        change.details.push(Detail {
            attribute: Some("Properties".to_owned()),
            name: Some("X".to_owned()),
            path: Some("/Properties/X".to_owned()),
            before: Some(text(&before)),
            after: Some(text(&after)),
            change_source: Some("ParameterReference".to_owned()),
            causing_entity: Some("P".to_owned()),
            ..Detail::default()
        });
    }
    let mut inner = set(change);
    inner.id = "arn:nested".to_owned();
    inner.parameters.push(Parameter {
        name: "P".to_owned(),
        value: Some(case.secret.clone()),
        ..Parameter::default()
    });
    let mut root = inner.clone();
    let mut sources = [Some(&templates[0]), Some(&templates[1])];
    if case.is_nested {
        let [deployed, desired] = &templates;
        inner.deployed_template = Some(deployed.source().text.clone());
        inner.template = Some(desired.source().text.clone());
        root = set(Change {
            logical_id: "Child".to_owned(),
            nested_change_set: Some("arn:nested".to_owned()),
            ..Change::default()
        });
        root.nested.push(inner);
        sources = [None, None];
    }
    let found = hide(&mut root, sources, [], &[]);
    let models = models(&root.changes, sources[0], sources[1]);
    let word = "w".to_owned();
    let plan = Plan {
        target: Target {
            account: word.clone(),
            region: word.clone(),
            endpoint: word.clone(),
            stack: word.clone(),
            environment: word,
        },
        assessment: risk::assess(&root.changes, &models, &[]),
        models,
        change_set: Some(root),
        ..Plan::default()
    };
    (plan, found)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_a_secret_is_in_any_rendering(case in cases()) {
        let (plan, found) = plan(&case);
        let document = serde_json::to_string_pretty(&PlanDocument::of(&plan)).unwrap_or_default();
        let renderings = [
            human::plan::plan(&plan, true, case.width),
            human::plan::plan(&plan, false, case.width),
            markdown::plan(&plan).text,
            document,
        ];
        for text in renderings {
            // Masked values do not depend on the redaction of known values.
            prop_assert!(!reveals(&text), "{text}");
        }
        // In a message of the service, the secret is redacted by its value.
        if case.secret.chars().count() >= 8 && case.place == 0 {
            let message = format!("Value {} is wrong, {}", case.secret, json!({"a": case.secret}));
            let shown = Redactor::new(&found).redact(&message).unwrap_or(message);
            prop_assert!(!reveals(&shown), "{shown}");
        }
    }
}
