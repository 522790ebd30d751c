//! The canonical form of a value: equal for all notations that mean the same.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::template::node::{Map, Node, Value};

/// A value in its canonical form.
#[derive(Debug, PartialEq)]
pub(super) enum View<'a> {
    /// `null`.
    Null,
    /// A scalar as CloudFormation reads it.
    Scalar(Cow<'a, str>),
    /// A scalar that is not the string with the same text: a number that CloudFormation may write in
    /// another way, or any number, boolean or ambiguous word of a document.
    Typed(&'a Value),
    /// An `Fn::GetAtt` with literal arguments, as `Resource.Attribute`.
    GetAtt(Cow<'a, str>),
    /// A list.
    List(&'a [Node]),
    /// A map.
    Map(&'a Map),
}

impl<'a> View<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        if let Some((function, member)) = node.intrinsic() {
            let known = match function {
                "Fn::GetAtt" => dotted(&member.node).map(Self::GetAtt),
                "Fn::Sub" => without_variables(argument(function, &member.node)).map(Self::Scalar),
                "Fn::Join" => joined(&member.node).map(Self::Scalar),
                _ => None,
            };
            if let Some(known) = known {
                return known;
            }
        }
        match &node.value {
            Value::Map(map) => Self::Map(map),
            Value::List(list) => Self::List(list),
            value if node.is_rewritten_number() => Self::Typed(value),
            _ => node.scalar().map_or(Self::Null, Self::Scalar),
        }
    }

    /// Returns the view of a value in a JSON or YAML document, which is not CloudFormation's: it has no
    /// functions, and the type of a scalar counts.
    fn of_document(node: &'a Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Map(map) => Self::Map(map),
            Value::List(list) => Self::List(list),
            Value::String(text) => Self::Scalar(Cow::Borrowed(text)),
            value => Self::Typed(value),
        }
    }
}

/// Returns the argument of `Fn::GetAtt` as `Resource.Attribute`; `None` if a part is computed.
fn dotted(argument: &Node) -> Option<Cow<'_, str>> {
    match argument.as_list() {
        Some([resource, attribute]) => Some(Cow::Owned(format!(
            "{}.{}",
            resource.as_str()?,
            attribute.as_str()?
        ))),
        Some(_) => None,
        None => argument.as_str().map(Cow::Borrowed),
    }
}

/// Returns the value of an `Fn::Sub` without variables; `${!Name}` is the text `${Name}`.
fn without_variables(argument: &Node) -> Option<Cow<'_, str>> {
    let text = argument.as_str()?;
    let variables = text.matches("${").count();
    if variables > text.matches("${!").count() {
        return None;
    }
    Some(match variables {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(text.replace("${!", "${")),
    })
}

/// Returns the value of an `Fn::Join` of literals.
fn joined(argument: &Node) -> Option<Cow<'_, str>> {
    let [delimiter, list] = argument.as_list()? else {
        return None;
    };
    let parts: Option<Vec<_>> = list.as_list()?.iter().map(Node::scalar).collect();
    Some(Cow::Owned(parts?.join(&*delimiter.scalar()?)))
}

/// Returns the argument of a function in its shortest form: the text of an `Fn::Sub` that defines no
/// variables.
pub(super) fn argument<'a>(key: &str, node: &'a Node) -> &'a Node {
    match (key, node.as_list()) {
        ("Fn::Sub", Some([text])) => text,
        ("Fn::Sub", Some([text, own])) if own.as_map().is_some_and(Map::is_empty) => text,
        _ => node,
    }
}

/// How the nodes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// As CloudFormation reads a template.
    Template,
    /// As a JSON or YAML document that is not CloudFormation's.
    Document,
}

impl Language {
    /// Returns the view of a node.
    pub(super) fn view(self, node: &Node) -> View<'_> {
        match self {
            Self::Template => View::of(node),
            Self::Document => View::of_document(node),
        }
    }

    /// Returns the value of a key; the argument of a function in its shortest form.
    pub(super) fn argument<'a>(self, key: &str, node: &'a Node) -> &'a Node {
        match self {
            Self::Template => argument(key, node),
            Self::Document => node,
        }
    }

    /// Returns a hash that is equal for values that mean the same.
    pub(super) fn hash(self, node: &Node) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self.view(node) {
            View::Null => 0_u8.hash(&mut hasher),
            View::Scalar(text) => (1_u8, text).hash(&mut hasher),
            View::GetAtt(text) => (2_u8, text).hash(&mut hasher),
            View::Typed(value) => match value {
                Value::Bool(value) => (5_u8, value).hash(&mut hasher),
                Value::Number(text) => (6_u8, text).hash(&mut hasher),
                Value::Plain(text) => (7_u8, text).hash(&mut hasher),
                _ => 8_u8.hash(&mut hasher),
            },
            View::List(list) => {
                (3_u8, list.len()).hash(&mut hasher);
                for node in list {
                    self.hash(node).hash(&mut hasher);
                }
            }
            View::Map(map) => {
                // The order of keys does not count, so the hashes of the members are added.
                let members = map.iter().fold(0_u64, |sum, (key, member)| {
                    let mut hasher = DefaultHasher::new();
                    let member = self.argument(key, &member.node);
                    (key, self.hash(member)).hash(&mut hasher);
                    sum.wrapping_add(hasher.finish())
                });
                (4_u8, members).hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}
