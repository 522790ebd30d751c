//! Finds the places of a template's secrets, and masks the values there.
//!
//! A resource in the template and the same resource in a response have the same structure. If the
//! template refers to a secret at a path, the response has the secret, or a value derived from it, at
//! the same path. So this module walks both at the same time. Lists need care: their order may differ,
//! and functions may omit elements. An element that refers to a secret is matched by its other
//! members. If several elements match, all of them are masked.

use std::collections::HashSet;

use serde_json::Value;

use crate::cloudformation::stack::NO_ECHO;
use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::template::node::{self, Node};
use crate::template::{Parameter, Template, json};

/// The prefixes of dynamic references to secrets.
const SECURE_REFERENCES: [&str; 2] = ["{{resolve:secretsmanager:", "{{resolve:ssm-secure:"];
/// The attribute of `AWS::IAM::AccessKey` that is a secret.
const SECRET_ATTRIBUTE: &str = "SecretAccessKey";

/// The secret parameters of a template, which determine the places of its secrets.
#[derive(Debug, Default)]
pub(super) struct Places {
    names: HashSet<String>,
}

/// The values that were masked.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    pub(super) values: Vec<String>,
}

impl Hidden {
    /// Masks a text and records its value.
    pub(super) fn hide(&mut self, text: &mut String) {
        if [NO_ECHO, KNOWN_AFTER_APPLY].contains(&text.as_str()) {
            return;
        }
        let value = std::mem::replace(text, NO_ECHO.to_owned());
        if !value.is_empty() && !self.values.contains(&value) {
            self.values.push(value);
        }
    }

    /// Masks every scalar of a value.
    fn hide_all(&mut self, actual: &mut Value) {
        match actual {
            Value::Object(members) => members.values_mut().for_each(|it| self.hide_all(it)),
            Value::Array(elements) => elements.iter_mut().for_each(|it| self.hide_all(it)),
            Value::String(text) => self.hide(text),
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) => {
                let mut text = actual.to_string();
                self.hide(&mut text);
                *actual = Value::String(text);
            }
        }
    }
}

impl Places {
    /// Adds the secret parameters of a template.
    pub(super) fn add_template(&mut self, template: &Template) {
        let parameters = template.parameters().filter(Parameter::no_echo);
        self.names
            .extend(parameters.map(|parameter| parameter.entry.name.to_owned()));
    }

    /// Adds a secret parameter.
    pub(super) fn add(&mut self, parameter: impl Into<String>) {
        self.names.insert(parameter.into());
    }

    /// Returns whether a parameter is secret.
    pub(super) fn is_parameter(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns whether the value contains a secret.
    pub(super) fn is_secret(&self, written: &Node) -> bool {
        self.refers(written) || has_secure_reference(written)
    }

    /// Masks the parts of `actual` at which the template's value, `written`, has a secret.
    pub(super) fn hide(&self, written: &Node, actual: &mut Value, hidden: &mut Hidden) {
        if !self.is_secret(written) {
            return;
        }
        if let Some(branches) = branches(written) {
            // The value may be from a branch that is not secret.
            if branches.iter().any(|branch| is_literal(branch, actual)) {
                return;
            }
            for branch in branches {
                self.hide(branch, actual, hidden);
            }
            return;
        }
        match (&written.value, actual) {
            (node::Value::Map(members), Value::Object(actual)) if written.intrinsic().is_none() => {
                for (key, member) in members {
                    if let Some(actual) = actual.get_mut(key) {
                        self.hide(&member.node, actual, hidden);
                    }
                }
            }
            (node::Value::List(written), Value::Array(actual)) => {
                self.hide_elements(written, actual, hidden);
            }
            (_, Value::String(text)) => self.hide_text(written, text, hidden),
            (_, actual) => hidden.hide_all(actual),
        }
    }

    /// Masks a text that is the actual value of `written`. The text may be JSON.
    pub(super) fn hide_text(&self, written: &Node, text: &mut String, hidden: &mut Hidden) {
        if !self.is_secret(written) {
            return;
        }
        // A structure of the template may be returned as JSON, of which only a part is secret.
        if written.scalar().is_none()
            && (written.intrinsic().is_none() || branches(written).is_some())
            && let Some(mut inner) = json::editable_document(text)
        {
            self.hide(written, &mut inner, hidden);
            *text = inner.to_string();
            return;
        }
        if let Some(branches) = branches(written) {
            let actual = Value::from(text.as_str());
            if branches.iter().any(|branch| is_literal(branch, &actual)) {
                return;
            }
        }
        // A dynamic reference that is not resolved is no secret.
        if self.refers(written) || !text.contains("{{resolve:") {
            hidden.hide(text);
        }
    }

    fn hide_elements(&self, written: &[Node], actual: &mut [Value], hidden: &mut Hidden) {
        for element in written.iter().filter(|element| self.is_secret(element)) {
            let may_be: Vec<bool> = actual
                .iter()
                .map(|actual| {
                    may_be(element, actual) && !written.iter().any(|it| is_literal(it, actual))
                })
                .collect();
            let none = !may_be.contains(&true);
            for (actual, may_be) in actual.iter_mut().zip(may_be) {
                if may_be || none {
                    self.hide(element, actual, hidden);
                }
            }
        }
    }

    /// Returns the values of a resource in the template at a path of a detail; several if the path is
    /// ambiguous. `actual` is the same resource in the response, if it is known.
    pub(super) fn at<'t>(
        resource: &'t Node,
        path: &[String],
        actual: Option<&Value>,
    ) -> Vec<&'t Node> {
        let mut nodes = vec![resource];
        let mut actual = actual;
        for step in path {
            let inside = actual.and_then(|actual| match actual {
                Value::Object(members) => members.get(step),
                Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
                _ => None,
            });
            nodes = nodes
                .into_iter()
                .flat_map(|node| below(node, step, inside))
                .collect();
            actual = inside;
        }
        nodes
    }

    /// Returns whether the value refers to a secret parameter, or to the secret of an access key.
    fn refers(&self, node: &Node) -> bool {
        match &node.value {
            node::Value::Map(map) => map.iter().any(|(key, member)| {
                let node = &member.node;
                match key.as_str() {
                    "Ref" => node.as_str().is_some_and(|name| self.is_parameter(name)),
                    "Fn::GetAtt" => is_secret_attribute(node),
                    _ => self.refers(node),
                }
            }),
            node::Value::List(list) => list.iter().any(|node| self.refers(node)),
            node::Value::String(text) => text.split("${").skip(1).any(|part| {
                let name = part.split('}').next().unwrap_or_default();
                self.is_parameter(name) || name.ends_with(&format!(".{SECRET_ATTRIBUTE}"))
            }),
            _ => false,
        }
    }
}

/// Returns the values of a template one step below a value.
fn below<'t>(node: &'t Node, step: &str, actual: Option<&Value>) -> Vec<&'t Node> {
    if let Some(branches) = branches(node) {
        let inside = branches.into_iter();
        return inside.flat_map(|it| below(it, step, actual)).collect();
    }
    if node.intrinsic().is_some() {
        return vec![node];
    }
    match &node.value {
        node::Value::Map(map) => map
            .get(step)
            .map(|member| &member.node)
            .into_iter()
            .collect(),
        node::Value::List(list) => match actual {
            Some(actual) => list.iter().filter(|it| may_be(it, actual)).collect(),
            None => list.iter().collect(),
        },
        _ => vec![node],
    }
}

/// Returns the two values of an `Fn::If`.
fn branches(node: &Node) -> Option<[&Node; 2]> {
    let (name, arguments) = node.intrinsic()?;
    match (name, arguments.node.as_list()?) {
        ("Fn::If", [_, one, other]) => Some([one, other]),
        _ => None,
    }
}

/// Returns whether a value of a template is a literal and equal to the actual value.
pub(super) fn is_literal(written: &Node, actual: &Value) -> bool {
    let literal = written
        .scalar()
        .filter(|text| !text.contains("${") && !text.contains("{{"));
    literal.is_some_and(|literal| text_of(actual).is_some_and(|actual| actual == *literal))
}

/// Returns whether the actual value may be from this value of the template, judged by its literals.
fn may_be(written: &Node, actual: &Value) -> bool {
    if written.intrinsic().is_some() {
        return true;
    }
    match (&written.value, actual) {
        (node::Value::Map(members), Value::Object(actual)) => {
            members.iter().all(|(key, member)| match actual.get(key) {
                Some(actual) => may_be(&member.node, actual),
                None => member.node.intrinsic().is_some(),
            })
        }
        (node::Value::List(_), Value::Array(_)) => true,
        (node::Value::Map(_) | node::Value::List(_), Value::String(text)) => {
            json::document(text).is_some()
        }
        (node::Value::Map(_) | node::Value::List(_), _) => false,
        _ => {
            let is_open = written
                .scalar()
                .is_none_or(|text| text.contains("${") || text.contains("{{"));
            is_open || is_literal(written, actual)
        }
    }
}

fn text_of(actual: &Value) -> Option<String> {
    match actual {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(actual.to_string()),
        _ => None,
    }
}

fn is_secret_attribute(node: &Node) -> bool {
    let last = match node.as_list() {
        Some(parts) => parts.last().and_then(Node::as_str),
        None => node.as_str().and_then(|text| text.rsplit('.').next()),
    };
    last == Some(SECRET_ATTRIBUTE)
}

fn has_secure_reference(node: &Node) -> bool {
    match &node.value {
        node::Value::Map(map) => map
            .values()
            .any(|member| has_secure_reference(&member.node)),
        node::Value::List(list) => list.iter().any(has_secure_reference),
        node::Value::String(text) => SECURE_REFERENCES.iter().any(|it| text.contains(it)),
        _ => false,
    }
}
