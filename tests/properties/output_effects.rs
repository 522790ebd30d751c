//! Every output that a deployment changes is one of those that the plan says may change.
//!
//! Two random templates are deployed one after the other by a small model of the service, which
//! computes the real values of the outputs.

use std::cell::Cell;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stackctl::cloudformation::change_set::ChangeSet;
use stackctl::cloudformation::stack::Output;
use stackctl::diagnostic::SourceFile;
use stackctl::plan::output_effect::{Deployment, Effect, output_effects};
use stackctl::plan::predict::{Side, predict};
use stackctl::template::Template;

const RESOURCES: usize = 3;
const OUTPUTS: [&str; 4] = ["A", "B", "C", "D"];

/// Values of parameters. `Secret` is not shown to the prediction.
type Values = BTreeMap<String, String>;

/// An expression that uses resources with a lower number than `below`. `secrets` allows the secret
/// parameter, and the condition that depends on it.
fn expression(below: usize, secrets: bool) -> BoxedStrategy<Value> {
    let word = prop::sample::select(vec!["a", "b", "c"]);
    let mut leaves = vec![
        word.clone().prop_map(Value::from).boxed(),
        Just(json!({"Ref": "P"})).boxed(),
        Just(json!({"Ref": "Q"})).boxed(),
        Just(json!({"Fn::Sub": "${P}-${Q}"})).boxed(),
        Just(json!({"Fn::FindInMap": ["M", {"Ref": "P"}, "k"]})).boxed(),
    ];
    if secrets {
        leaves.push(Just(json!({"Fn::Sub": "${Secret}!"})).boxed());
    }
    for number in 0..below {
        leaves.push(Just(json!({"Ref": format!("R{number}")})).boxed());
        leaves.push(Just(json!({"Fn::GetAtt": [format!("R{number}"), "Arn"]})).boxed());
        leaves.push(Just(json!({"Fn::GetAtt": format!("R{number}.Other")})).boxed());
        let text = format!("x-${{R{number}}}-${{R{number}.Arn}}-${{P}}");
        leaves.push(Just(json!({"Fn::Sub": text})).boxed());
    }
    let condition = condition(secrets);
    let leaf = proptest::strategy::Union::new(leaves);
    let tree = leaf.prop_recursive(2, 8, 3, move |inner| {
        prop_oneof![
            (condition.clone(), inner.clone(), inner.clone())
                .prop_map(|(name, yes, no)| json!({"Fn::If": [name, yes, no]})),
            (inner.clone(), inner.clone())
                .prop_map(|(one, other)| json!({"Fn::Join": ["-", [one, other]]})),
            inner
                .clone()
                .prop_map(|it| json!({"Fn::Select": [0, {"Fn::Split": ["-", it]}]})),
            (inner.clone(), inner).prop_map(|(one, other)| {
                json!({"Fn::Sub": ["${One}+${Two}", {"One": one, "Two": other}]})
            }),
        ]
    });
    tree.boxed()
}

fn condition(secrets: bool) -> BoxedStrategy<&'static str> {
    let mut names = vec!["PisA", "PisNotA", "QisB", "Both"];
    if secrets {
        names.push("SecretIsC");
    }
    prop::sample::select(names).boxed()
}

fn resource(number: usize) -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec!["AWS::SNS::Topic", "AWS::SNS::Topic", "Custom::X"]);
    let fixed = prop::option::of(expression(number, false));
    let mutable = prop::option::of(expression(number, false));
    let condition = prop::option::weighted(0.1, condition(false));
    (kind, fixed, mutable, condition).prop_map(|(kind, fixed, mutable, condition)| {
        let mut properties = Map::new();
        properties.extend(fixed.map(|it| ("TopicName".to_owned(), it)));
        properties.extend(mutable.map(|it| ("DisplayName".to_owned(), it)));
        let mut resource = json!({"Type": kind, "Properties": properties});
        if let Some(condition) = condition {
            resource["Condition"] = condition.into();
        }
        resource
    })
}

fn output() -> impl Strategy<Value = Value> {
    let value = expression(RESOURCES, true);
    let condition = prop::option::weighted(0.3, condition(true));
    (value, condition).prop_map(|(value, condition)| {
        let mut output = json!({"Value": value});
        if let Some(condition) = condition {
            output["Condition"] = condition.into();
        }
        output
    })
}

fn template() -> impl Strategy<Value = Value> {
    let resources = (0..RESOURCES).map(resource).collect::<Vec<_>>();
    let outputs = prop::collection::vec(prop::option::weighted(0.8, output()), OUTPUTS.len());
    (resources, outputs).prop_map(|(resources, outputs)| {
        let resources = resources.into_iter().enumerate();
        let resources: Map<String, Value> = resources
            .map(|(number, it)| (format!("R{number}"), it))
            .collect();
        let outputs = OUTPUTS.iter().zip(outputs);
        let outputs: Map<String, Value> = outputs
            .filter_map(|(name, it)| Some(((*name).to_owned(), it?)))
            .collect();
        json!({
            "Parameters": {
                "P": {"Type": "String"}, "Q": {"Type": "String"},
                "Secret": {"Type": "String", "NoEcho": true},
            },
            "Mappings": {"M": {"a": {"k": "one"}, "b": {"k": "two"}, "c": {"k": "one"}}},
            "Conditions": {
                "PisA": {"Fn::Equals": [{"Ref": "P"}, "a"]},
                "PisNotA": {"Fn::Not": [{"Condition": "PisA"}]},
                "QisB": {"Fn::Equals": ["b", {"Ref": "Q"}]},
                "Both": {"Fn::And": [{"Condition": "PisA"}, {"Condition": "QisB"}]},
                "SecretIsC": {"Fn::Equals": [{"Ref": "Secret"}, "c"]},
            },
            "Resources": resources,
            "Outputs": outputs,
        })
    })
}

fn values() -> impl Strategy<Value = Values> {
    let value = || prop::sample::select(vec!["a", "b", "c"]);
    (value(), value(), value()).prop_map(|(p, q, secret)| {
        let all = [("P", p), ("Q", q), ("Secret", secret)];
        all.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    })
}

/// A deployed resource.
#[derive(Debug, Clone)]
struct Deployed {
    kind: String,
    properties: BTreeMap<String, String>,
    physical_id: String,
}

/// The deployed stack.
#[derive(Debug, Default)]
struct Model {
    values: Values,
    conditions: Value,
    resources: BTreeMap<String, Deployed>,
    outputs: BTreeMap<String, String>,
    /// Whether something refers to a resource that does not exist, which the service refuses.
    is_refused: Cell<bool>,
}

impl Model {
    fn holds(&self, condition: &Value) -> bool {
        let condition = match condition.as_str() {
            Some(name) => &self.conditions[name],
            None => condition,
        };
        let (function, argument) = condition.as_object().unwrap().iter().next().unwrap();
        match function.as_str() {
            "Condition" => self.holds(argument),
            "Fn::Not" => !self.holds(&argument[0]),
            "Fn::And" => self.holds(&argument[0]) && self.holds(&argument[1]),
            "Fn::Equals" => self.text(&argument[0]) == self.text(&argument[1]),
            other => unreachable!("{other}"),
        }
    }

    fn named(&self, name: &str, own: &Value) -> String {
        if let Some(value) = own.get(name) {
            return self.text(value);
        }
        if let Some(value) = self.values.get(name) {
            return value.clone();
        }
        let (resource, attribute) = name.split_once('.').unwrap_or((name, ""));
        let Some(deployed) = self.resources.get(resource) else {
            self.is_refused.set(true);
            return String::new();
        };
        let all = format!("{:?}", deployed.properties);
        match (attribute, deployed.kind.starts_with("Custom::")) {
            // A custom resource returns what it likes.
            (_, true) => format!("{attribute} {all} {}", deployed.physical_id),
            ("", _) => deployed.physical_id.clone(),
            ("Arn", _) => format!("arn:{}", deployed.physical_id),
            _ => all,
        }
    }

    fn text(&self, value: &Value) -> String {
        let Some(call) = value.as_object() else {
            return value.as_str().unwrap().to_owned();
        };
        let (function, argument) = call.iter().next().unwrap();
        match function.as_str() {
            "Ref" => self.named(argument.as_str().unwrap(), &Value::Null),
            "Fn::GetAtt" => match argument.as_array() {
                Some(list) => {
                    let parts: Vec<&str> = list.iter().map(|it| it.as_str().unwrap()).collect();
                    self.named(&parts.join("."), &Value::Null)
                }
                None => self.named(argument.as_str().unwrap(), &Value::Null),
            },
            "Fn::Sub" => {
                let (text, own) = match argument.as_array() {
                    Some(list) => (&list[0], &list[1]),
                    None => (argument, &Value::Null),
                };
                let mut parts = text.as_str().unwrap().split("${");
                let mut result = parts.next().unwrap().to_owned();
                for part in parts {
                    let (name, rest) = part.split_once('}').unwrap();
                    result.push_str(&self.named(name, own));
                    result.push_str(rest);
                }
                result
            }
            "Fn::FindInMap" => match self.text(&argument[1]).as_str() {
                "b" => "two".to_owned(),
                _ => "one".to_owned(),
            },
            "Fn::If" => self.text(&argument[if self.holds(&argument[0]) { 1 } else { 2 }]),
            "Fn::Join" => {
                let parts = argument[1].as_array().unwrap().iter();
                parts.map(|it| self.text(it)).collect::<Vec<_>>().join("-")
            }
            "Fn::Select" => {
                let text = self.text(&argument[1]["Fn::Split"][1]);
                text.split('-').next().unwrap().to_owned()
            }
            other => unreachable!("{other}"),
        }
    }

    /// Deploys a template. Each physical id is new unless the resource stays.
    fn deploy(self, template: &Value, values: Values, serial: &str) -> Self {
        let mut next = Self {
            values,
            conditions: template["Conditions"].clone(),
            ..Self::default()
        };
        let exists = |next: &Self, it: &Value| it.get("Condition").is_none_or(|it| next.holds(it));
        for (name, resource) in template["Resources"].as_object().unwrap() {
            if !exists(&next, resource) {
                continue;
            }
            let properties = resource["Properties"].as_object().unwrap().iter();
            let properties: BTreeMap<String, String> = properties
                .map(|(name, it)| (name.clone(), next.text(it)))
                .collect();
            let kind = resource["Type"].as_str().unwrap().to_owned();
            let earlier = self.resources.get(name).filter(|earlier| {
                let name = "TopicName";
                let is_custom = kind.starts_with("Custom::");
                earlier.kind == kind
                    && (is_custom || earlier.properties.get(name) == properties.get(name))
            });
            let physical_id = match earlier {
                Some(earlier) => earlier.physical_id.clone(),
                None => format!("{name}/{serial}"),
            };
            next.resources.insert(
                name.clone(),
                Deployed {
                    kind,
                    properties,
                    physical_id,
                },
            );
        }
        for (name, output) in template["Outputs"].as_object().unwrap() {
            if exists(&next, output) {
                let value = next.text(&output["Value"]);
                next.outputs.insert(name.clone(), value);
            }
        }
        next
    }
}

fn parse(template: &Value) -> Template {
    Template::parse(&SourceFile::new("template", template.to_string())).unwrap()
}

fn shown(values: &Values) -> IndexMap<String, String> {
    let values = values.iter().map(|(name, value)| match name.as_str() {
        "Secret" => (name.clone(), "****".to_owned()),
        _ => (name.clone(), value.clone()),
    });
    values.collect()
}

fn check(
    [old, new]: [&Value; 2],
    [then, now]: [Values; 2],
    knows_outputs: bool,
) -> Result<(), TestCaseError> {
    let sides = [parse(old), parse(new)];
    let known = [shown(&then), shown(&now)];
    let before = Model::default().deploy(old, then, "1");
    let actual: Vec<Output> = before
        .outputs
        .iter()
        .map(|(name, value)| Output {
            name: name.clone(),
            value: value.clone(),
            description: None,
            export: Some(format!("export-{name}")),
        })
        .collect();
    let before_outputs = before.outputs.clone();
    let was_refused = before.is_refused.get();
    let after = before.deploy(new, now, "2");
    if was_refused || after.is_refused.get() {
        return Err(TestCaseError::reject(
            "a reference to a resource that does not exist",
        ));
    }
    let (was, will) = (
        Side::new(&sides[0], &known[0]),
        Side::new(&sides[1], &known[1]),
    );
    let changes = predict(Some(was), will);
    let set = ChangeSet {
        changes,
        ..ChangeSet::default()
    };
    let effects = output_effects(&Deployment {
        before: Some(was),
        outputs: knows_outputs.then_some(&actual),
        after: will,
        change_set: Some(&set),
    });
    for name in OUTPUTS {
        let real = [before_outputs.get(name), after.outputs.get(name)];
        let Some(effect) = effects.output(name) else {
            prop_assert_eq!(real, [None, None], "{} is not listed", name);
            continue;
        };
        let described = format!("{effect:?} {real:?}");
        if effect.effect == Effect::Unchanged {
            prop_assert_eq!(real[0], real[1], "{}", described);
        } else if effect.is_certain {
            prop_assert_ne!(real[0], real[1], "{}", described);
        }
        let exists = effect.is_certain || effect.effect == Effect::Changed;
        if let Some(value) = effect.after.as_ref().filter(|_| exists) {
            prop_assert_eq!(Some(value), real[1], "{}", described);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_output_that_differs_is_never_unchanged(
        old in template(),
        new in template(),
        then in values(),
        now in values(),
        keeps in any::<bool>(),
        knows_outputs in any::<bool>(),
    ) {
        // With the same template, only the values of the parameters differ.
        let new = if keeps { &old } else { &new };
        check([&old, new], [then, now], knows_outputs)?;
    }
}
