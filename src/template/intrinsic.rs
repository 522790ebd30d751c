//! The names of CloudFormation's intrinsic functions, and their short forms in YAML.
//!
//! The source is "Intrinsic function reference" and "Rule-specific intrinsic functions" in the
//! CloudFormation template reference.

use std::ops::Range;

use super::node::{Map, Member, Node, Value};

/// The long names of the functions, except for [`RULE_NAMES`].
pub(super) const NAMES: [&str; 25] = [
    "Condition",
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::GetStackOutput",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Length",
    "Fn::Not",
    "Fn::Or",
    "Fn::RefAll",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "Fn::ToJsonString",
    "Fn::Transform",
    "Ref",
];

/// The long names of the functions that only the `Rules` section has and that read parameters.
const RULE_NAMES: [&str; 2] = ["Fn::ValueOf", "Fn::ValueOfAll"];

/// Returns the long name for a short form without its `!`.
pub(super) fn long_name(short: &str) -> Option<&'static str> {
    NAMES
        .into_iter()
        .chain(RULE_NAMES)
        .find(|name| short_form(name) == short)
}

/// Returns whether this is the long name of a function or of an `Fn::ForEach` loop.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name) || RULE_NAMES.contains(&name) || name.starts_with("Fn::ForEach::")
}

/// Returns the short form that is most similar to `short`, if one is similar enough.
pub(super) fn nearest_short_form(short: &str) -> Option<&'static str> {
    NAMES
        .into_iter()
        .map(short_form)
        .map(|name| {
            (
                strsim::jaro_winkler(&name.to_lowercase(), &short.to_lowercase()),
                name,
            )
        })
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

fn short_form(name: &'static str) -> &'static str {
    name.strip_prefix("Fn::").unwrap_or(name)
}

/// Returns a call in its long form: a map with the name of the function as its only key.
///
/// The argument of `!GetAtt A.B` is split at its first dot, because a logical id contains no dot.
pub(super) fn call(name: &str, argument: Node, key_span: Range<usize>, span: Range<usize>) -> Node {
    let argument = match (name, argument) {
        ("Fn::GetAtt", argument) => split_get_att(argument),
        (_, argument) => argument,
    };
    let map = Map::from_iter([(
        name.to_owned(),
        Member {
            key_span,
            node: argument,
        },
    )]);
    Node {
        span,
        value: Value::Map(map),
    }
}

fn split_get_att(argument: Node) -> Node {
    let Value::String(text) = &argument.value else {
        return argument;
    };
    let Some((resource, attribute)) = text.split_once('.') else {
        return argument;
    };
    // In a quoted scalar the parts begin one byte later. In a scalar with escapes their places are
    // unknown.
    let written = argument.span.len();
    let start = argument.span.start + usize::from(written == text.len() + 2);
    let exact = written == text.len() || written == text.len() + 2;
    let part = |text: &str, from: usize| Node {
        span: if exact {
            start + from..start + from + text.len()
        } else {
            argument.span.clone()
        },
        value: Value::String(text.to_owned()),
    };
    let list = vec![part(resource, 0), part(attribute, resource.len() + 1)];
    Node {
        span: argument.span.clone(),
        value: Value::List(list),
    }
}
