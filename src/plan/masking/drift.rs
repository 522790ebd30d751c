//! Masks secret values in the results of drift detection.
//!
//! The results contain the deployed and the live value of each property, and the live value may be
//! anything. If the deployed template has a secret at that place, both values are masked.

use serde_json::Value;

use super::places::{Hidden, Places, is_literal};
use super::{defaults, redact_text};
use crate::cloudformation::drift::ResourceDrift;
use crate::config::secret::{Redactor, Secret};
use crate::template::node::Node;
use crate::template::{Template, json};

/// Returns the parameters of a nested stack to which the stack that contains it passes a secret.
/// `parameters` are further secret parameters of that stack.
pub fn secrets_passed_to<'a>(
    template: &Template,
    parameters: impl IntoIterator<Item = &'a String>,
    logical_id: &str,
) -> Vec<String> {
    let mut places = Places::default();
    for name in parameters {
        places.add(name.clone());
    }
    places.add_template(template);
    let nested = template.resource(logical_id);
    let passed = nested.and_then(|it| it.properties()?.get("Parameters")?.as_map());
    let passed = passed.into_iter().flatten();
    let secret = passed.filter(|(_, member)| places.is_secret(&member.node));
    secret.map(|(name, _)| name.clone()).collect()
}

/// Masks the secrets in the drift of resources and returns all secret values, including `known`.
///
/// `template` is the deployed template. `parameters` are further secret parameters. `known` are secret
/// values, which are masked everywhere.
pub fn hide_drift<'a>(
    resources: &mut [ResourceDrift],
    template: Option<&Template>,
    parameters: impl IntoIterator<Item = &'a String>,
    known: &[Secret],
) -> Vec<Secret> {
    let mut places = Places::default();
    let mut hidden = Hidden::default();
    for name in parameters {
        places.add(name.clone());
    }
    if let Some(template) = template {
        places.add_template(template);
        for default in defaults(template) {
            hidden.hide(&mut default.expose().to_owned());
        }
    }
    for drift in resources.iter_mut() {
        let written = template.and_then(|it| it.resource(&drift.logical_id)?.properties());
        if let Some(written) = written.filter(|written| places.is_secret(written)) {
            hide_in_resource(drift, written, &places, &mut hidden);
        }
    }
    let found = hidden.values.into_iter().map(Secret::new);
    let all: Vec<Secret> = known.iter().cloned().chain(found).collect();
    let redactor = Redactor::new(&all);
    for drift in resources {
        for text in texts(drift) {
            redact_text(text, &redactor);
        }
    }
    all
}

fn hide_in_resource(
    drift: &mut ResourceDrift,
    written: &Node,
    places: &Places,
    hidden: &mut Hidden,
) {
    let [expected, actual] =
        [&drift.expected, &drift.actual].map(|side| json::editable_document(side.as_deref()?));
    for difference in &mut drift.differences {
        let steps = difference.steps();
        let sides = [&mut difference.expected, &mut difference.actual];
        for (value, document) in sides.into_iter().zip([&expected, &actual]) {
            let Some(value) = value else { continue };
            let found = Places::at(written, &steps, document.as_ref());
            let text = Value::from(value.as_str());
            if found.iter().any(|written| is_literal(written, &text)) {
                continue;
            }
            for written in found {
                places.hide_text(written, value, hidden);
            }
        }
    }
    let documents = [(&mut drift.expected, expected), (&mut drift.actual, actual)];
    for (text, document) in documents {
        if let (Some(text), Some(mut document)) = (text, document) {
            places.hide(written, &mut document, hidden);
            *text = document.to_string();
        }
    }
}

/// Returns every text of a resource that may contain a secret.
fn texts(drift: &mut ResourceDrift) -> impl Iterator<Item = &mut String> {
    let differences = drift
        .differences
        .iter_mut()
        .flat_map(|it| [&mut it.expected, &mut it.actual]);
    let own = [&mut drift.expected, &mut drift.actual, &mut drift.reason];
    own.into_iter().chain(differences).flatten()
}

#[cfg(test)]
mod tests {
    use super::{hide_drift, secrets_passed_to};
    use crate::cloudformation::drift::{Difference, DriftStatus, ResourceDrift};
    use crate::config::secret::Secret;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    #[test]
    fn a_secret_is_followed_into_a_nested_stack() {
        let text = "
Parameters:
  Password: {Type: String, NoEcho: true}
  Token: {Type: String}
  Size: {Type: String}
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      Parameters: {A: !Ref Password, B: !Sub '${Token}x', C: !Ref Size, D: '{{resolve:secretsmanager:s}}'}
";
        let Ok(template) = Template::parse(&SourceFile::new("t", text)) else {
            panic!("the template is valid")
        };
        let token = "Token".to_owned();
        let passed = secrets_passed_to(&template, [&token], "Child");
        assert_eq!(passed, ["A", "B", "D"]);
        assert!(secrets_passed_to(&template, [&token], "Other").is_empty());
    }

    #[test]
    fn deployed_and_live_values_of_a_secret_are_masked() {
        let text = r"
Parameters:
  Password: {Type: String, NoEcho: true}
  Token: {Type: String}
Resources:
  Queue:
    Type: T
    Properties:
      Size: 1
      Url: !Sub 'https://u:${Password}@h'
      List: [{Key: a, Value: plain}, {Key: t, Value: !Ref Token}]
";
        let Ok(template) = Template::parse(&SourceFile::new("t", text)) else {
            panic!("the template is valid")
        };
        let text = |value: &str| Some(value.to_owned());
        let document = |url: &str, token: &str| {
            text(&format!(
                r#"{{"Size":1,"Url":"{url}","List":[{{"Key":"a","Value":"plain"}},{{"Key":"t","Value":"{token}"}}]}}"#
            ))
        };
        let mut drifts = [ResourceDrift {
            logical_id: "Queue".to_owned(),
            physical_id: None,
            resource_type: "T".to_owned(),
            status: DriftStatus::Modified,
            reason: text("cannot read known-secret"),
            expected: document("https://u:one@h", "deployed"),
            actual: document("https://u:two@h", "live"),
            differences: vec![
                Difference::new(
                    "/Url",
                    "NOT_EQUAL",
                    text("https://u:one@h"),
                    text("https://u:two@h"),
                ),
                Difference::new("/List/1/Value", "NOT_EQUAL", text("deployed"), text("live")),
                Difference::new("/Size", "NOT_EQUAL", text("1"), text("2")),
            ],
            checked: None,
        }];
        let token = "Token".to_owned();
        let known = [Secret::new("known-secret")];
        let found = hide_drift(&mut drifts, Some(&template), [&token], &known);
        assert!(found.contains(&Secret::new("https://u:two@h")));
        let shown = format!("{drifts:?}");
        for secret in ["one@", "two@", "\"deployed\"", "\"live\"", "known-secret"] {
            assert!(!shown.contains(secret), "{secret} is in {shown}");
        }
        for plain in ["plain", r#"expected: Some("1"), actual: Some("2")"#] {
            assert!(shown.contains(plain), "{plain} is not in {shown}");
        }
    }
}
