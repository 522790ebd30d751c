//! Secret values that a change set gives away.
//!
//! The service masks a `NoEcho` parameter only as long as it is one: the change set that turns it off
//! shows the value, and contexts hold what is derived from it. Which values are secret is written in
//! the templates: where a property refers to such a parameter, or to a secret of another service,
//! whatever the service gives in its place is one.

use crate::change_set::Change;
use crate::secret::Secret;
use crate::template::node::{Node, Value};
use crate::template::{Parameter, Template, json};

/// Returns the secret values in what the service says of the changes, and the secret defaults.
pub fn values(changes: &[Change], templates: &[&Template]) -> Vec<Secret> {
    let names: Vec<&str> = templates
        .iter()
        .flat_map(|template| template.parameters())
        .filter(Parameter::no_echo)
        .map(|parameter| parameter.entry.name)
        .collect();
    let mut found: Vec<String> = templates
        .iter()
        .flat_map(|template| template.parameters())
        .filter(|parameter| names.contains(&parameter.entry.name))
        .filter_map(|parameter| Some(parameter.default()?.scalar()?.into_owned()))
        .collect();
    for change in changes {
        for template in templates {
            let Some(resource) = template.resource(&change.logical_id) else {
                continue;
            };
            for context in [&change.before_context, &change.after_context] {
                if let Some(actual) = context.as_deref().and_then(json::value) {
                    collect(resource.entry.node, &actual, &names, &mut found);
                }
            }
        }
    }
    found.retain(|value| !value.is_empty() && value != "****" && !value.contains("{{"));
    found.into_iter().map(Secret::new).collect()
}

/// Walks a template's value and the actual one side by side.
fn collect(written: &Node, actual: &Node, names: &[&str], found: &mut Vec<String>) {
    if written.intrinsic().is_some() || written.as_str().is_some() {
        if is_secret(written, names) {
            found.extend(actual.scalar().map(std::borrow::Cow::into_owned));
        }
        return;
    }
    match (&written.value, &actual.value) {
        (Value::Map(written), Value::Map(actual)) => {
            for (key, member) in written {
                if let Some(other) = actual.get(key) {
                    collect(&member.node, &other.node, names, found);
                }
            }
        }
        (Value::List(written), Value::List(actual)) => {
            for (written, actual) in written.iter().zip(actual) {
                collect(written, actual, names, found);
            }
        }
        _ => {}
    }
}

/// Returns whether a secret is part of the value.
fn is_secret(node: &Node, names: &[&str]) -> bool {
    match &node.value {
        Value::Map(map) => map.iter().any(|(key, member)| {
            let refers = key == "Ref"
                && member
                    .node
                    .as_str()
                    .is_some_and(|name| names.contains(&name));
            refers || is_secret(&member.node, names)
        }),
        Value::List(list) => list.iter().any(|node| is_secret(node, names)),
        Value::String(text) => {
            text.contains("{{resolve:secretsmanager:")
                || text.contains("{{resolve:ssm-secure:")
                || names
                    .iter()
                    .any(|name| text.contains(&format!("${{{name}}}")))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::values;
    use crate::change_set::Change;
    use crate::diagnostic::SourceFile;
    use crate::secret::Secret;
    use crate::template::Template;

    #[test]
    fn what_stands_in_a_secrets_place_is_secret_also_where_no_echo_is_turned_off() {
        let template = |no_echo: bool| {
            let text = format!(
                "Parameters: {{P: {{Type: String, NoEcho: {no_echo}, Default: by-default}}}}\n\
                 Resources:\n  A:\n    Type: T\n    Properties:\n      Password: !Ref P\n      \
                 Url: !Sub 'db://${{P}}@host'\n      Name: plain\n      \
                 Other: '{{{{resolve:secretsmanager:s}}}}'\n"
            );
            Template::parse(&SourceFile::new("t", text)).ok()
        };
        let (Some(before), Some(after)) = (template(true), template(false)) else {
            panic!("the templates are valid")
        };
        let context = r#"{"Properties":{"Password":"hunter2","Url":"db://hunter2@host","Name":"plain","Other":"resolved"}}"#;
        let change = Change {
            logical_id: "A".to_owned(),
            after_context: Some(context.to_owned()),
            ..Change::default()
        };
        let found = values(&[change], &[&before, &after]);
        let found: Vec<&str> = found.iter().map(Secret::expose).collect();
        for secret in ["hunter2", "db://hunter2@host", "resolved", "by-default"] {
            assert!(found.contains(&secret), "{secret}");
        }
        assert!(!found.contains(&"plain"));
    }
}
