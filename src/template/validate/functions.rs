//! Checks the names and the arguments of intrinsic functions.

use super::Checks;
use super::transforms::Transform;
use crate::template::intrinsic;
use crate::template::node::{Member, Node, Value};
use crate::template::reference::sub_variables;

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    for section in ["Conditions", "Rules", "Resources", "Outputs"] {
        if let Some(node) = template.root().get(section) {
            walk(checks, node);
        }
    }
    for section in ["Mappings", "Parameters"] {
        if let Some(node) = template.root().get(section) {
            forbid(checks, section, node);
        }
    }
}

/// Reports functions in a section without functions.
fn forbid(checks: &mut Checks<'_>, section: &str, node: &Node) {
    if let Some((name, _)) = node.intrinsic()
        && name != "Fn::Transform"
        && !checks.transforms.may_change(&node.span)
    {
        let text = format!("`{name}` in the `{section}` section, where no functions are allowed");
        checks.push(checks.error("function-not-allowed", text, &node.span));
    }
    for member in node
        .as_map()
        .into_iter()
        .flat_map(indexmap::IndexMap::values)
    {
        forbid(checks, section, &member.node);
    }
}

fn walk(checks: &mut Checks<'_>, node: &Node) {
    match &node.value {
        Value::List(list) => list.iter().for_each(|node| walk(checks, node)),
        Value::Map(map) => {
            for (key, member) in map {
                if key.starts_with("Fn::") || (key == "Ref" && map.len() == 1) {
                    call(checks, key, member, map.len() > 1);
                }
                walk(checks, &member.node);
            }
        }
        _ => {}
    }
}

fn call(checks: &mut Checks<'_>, name: &str, member: &Member, has_siblings: bool) {
    if !intrinsic::is_known(name) {
        let text = format!("`{name}` is not a CloudFormation function");
        let found = checks.mistake("unknown-function", text, &member.key_span);
        return checks.push(match checks.suggestion(name, intrinsic::NAMES) {
            Some(suggestion) => found.help(suggestion),
            None => found,
        });
    }
    if has_siblings && name != "Fn::Transform" && !name.starts_with("Fn::ForEach::") {
        let text = format!("`{name}` must be the only key of its map");
        return checks.push(checks.mistake("function-with-siblings", text, &member.key_span));
    }
    let argument = &member.node;
    if let Some(takes) = wrong_argument(name, argument) {
        let text = format!("`{name}` takes {takes}");
        return checks.push(checks.mistake("wrong-argument", text, &argument.span));
    }
    if let Some(what) = extension(name, argument)
        && !checks.transforms.has(Transform::LanguageExtensions)
        && !checks.transforms.may_change(&member.key_span)
    {
        let text = format!("{what} needs the transform `AWS::LanguageExtensions`");
        let found = checks.error("missing-transform", text, &member.key_span);
        checks.push(found.help("add `Transform: AWS::LanguageExtensions` to the template"));
    }
    if name == "Fn::Sub" {
        sub(checks, argument);
    }
}

/// Returns what only `AWS::LanguageExtensions` has, if the call uses it.
fn extension(name: &str, argument: &Node) -> Option<String> {
    let list = argument.as_list().unwrap_or_default();
    match name {
        "Fn::Length" | "Fn::ToJsonString" => Some(format!("`{name}`")),
        "Fn::FindInMap" if list.len() > 3 => Some("a default of `Fn::FindInMap`".to_owned()),
        "Ref" if argument.as_map().is_some() => Some("a computed name in `Ref`".to_owned()),
        "Fn::GetAtt"
            if argument.as_map().is_some()
                || list.first().is_some_and(|id| id.as_map().is_some()) =>
        {
            Some("a computed logical id in `Fn::GetAtt`".to_owned())
        }
        _ if name.starts_with("Fn::ForEach::") => Some("`Fn::ForEach`".to_owned()),
        _ => None,
    }
}

/// Returns the arguments that the function takes, if `argument` does not match them.
fn wrong_argument(name: &str, argument: &Node) -> Option<&'static str> {
    if argument.get("Fn::Transform").is_some() {
        return None;
    }
    let list = argument.as_list();
    let computed = argument.intrinsic().is_some();
    let count = |allowed: std::ops::RangeInclusive<usize>| {
        list.is_some_and(|list| allowed.contains(&list.len()))
    };
    // The list may be a literal or the result of another function.
    let second_is_list = || {
        list.and_then(|list| list.get(1))
            .is_some_and(|node| node.as_list().is_some() || node.intrinsic().is_some())
    };
    let (good, takes) = match name {
        "Ref" => (
            argument.as_str().is_some() || computed,
            "the name of a parameter or resource",
        ),
        "Fn::GetAtt" => {
            let dotted = argument.as_str().is_some_and(|text| text.contains('.'));
            (
                count(2..=2) || dotted || computed,
                "a logical id and an attribute",
            )
        }
        "Fn::Sub" => {
            let with_map = list.is_some_and(|list| {
                matches!(list, [text] if text.as_str().is_some())
                    || matches!(list, [text, own] if text.as_str().is_some() && own.as_map().is_some())
            });
            (
                argument.scalar().is_some() || with_map,
                "a string, or a list of a string and a map",
            )
        }
        "Fn::Join" => {
            let delimiter = list
                .and_then(<[Node]>::first)
                .is_some_and(|it| it.scalar().is_some());
            (
                count(2..=2) && delimiter && second_is_list(),
                "a delimiter and a list",
            )
        }
        "Fn::Select" => (count(2..=2) && second_is_list(), "an index and a list"),
        "Fn::Split" => (count(2..=2), "a delimiter and a string"),
        "Fn::If" => {
            let condition = list.and_then(<[Node]>::first);
            let named = condition.is_some_and(|node| node.scalar().is_some());
            (count(3..=3) && named, "a condition's name and two values")
        }
        "Fn::FindInMap" => (count(3..=4), "a mapping's name and two keys"),
        "Fn::Equals" => (count(2..=2), "two values"),
        "Fn::Not" => (count(1..=1), "a list of one condition"),
        "Fn::And" | "Fn::Or" => (count(2..=10), "a list of 2 to 10 conditions"),
        "Fn::Cidr" => (
            count(2..=3) || computed,
            "a CIDR block, a count and the number of subnet bits",
        ),
        "Fn::Base64" | "Fn::ImportValue" | "Fn::GetAZs" => {
            let text = argument.scalar().is_some() || argument.value == Value::Null;
            (text || computed, "a string")
        }
        _ if name.starts_with("Fn::ForEach::") => {
            let parts = match list {
                Some([variable, values, body]) => Some((variable, values, body)),
                _ => None,
            };
            let fits = parts.is_some_and(|(variable, values, body)| {
                let listed = values.as_list().is_some() || values.as_map().is_some();
                variable.scalar().is_some() && listed && body.as_map().is_some()
            });
            (fits, "a variable, a list of values and a map")
        }
        _ => (true, ""),
    };
    (!good).then_some(takes)
}

fn sub(checks: &mut Checks<'_>, argument: &Node) {
    let text = match argument.as_list() {
        Some(list) => list.first(),
        None => Some(argument),
    };
    let Some((node, text)) = text.and_then(|node| Some((node, node.as_str()?))) else {
        return;
    };
    let template = checks.template;
    for variable in sub_variables(&template.source().text, text, node) {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:&".contains(&byte);
        let name = variable.name;
        // A name may contain a loop variable.
        if !name.is_empty()
            && (name.bytes().all(allowed) || name.contains("${") || name.contains("&{"))
        {
            continue;
        }
        let text = format!("`${{{}}}` is not a valid variable name", variable.name);
        let found = checks.error("invalid-sub-variable", text, &variable.span);
        checks.push(found.help(format!(
            "for the literal text, write `${{!{}}}`",
            variable.name
        )));
    }
}
