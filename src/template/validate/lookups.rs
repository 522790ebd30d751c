//! Checks lookups whose arguments are literals: keys of mappings, and elements of lists.

use super::Checks;
use crate::diagnostic::{Diagnostic, Severity};
use crate::template::node::{Map, Node, Value};

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    for section in ["Conditions", "Resources", "Outputs"] {
        for member in template.section(section).into_iter().flat_map(Map::values) {
            let node = &member.node;
            let always = section == "Conditions" || node.get("Condition").is_none();
            walk(checks, node, always);
        }
    }
}

/// Checks a value, which exists `always` or only under a condition.
fn walk(checks: &mut Checks<'_>, node: &Node, always: bool) {
    let found = match node.intrinsic() {
        Some(("Fn::FindInMap", member)) => find_in_map(checks, &member.node),
        Some(("Fn::Select", member)) => select(checks, &member.node),
        _ => None,
    };
    if let Some(mut found) = found {
        if !always {
            found.severity = Severity::Warning;
        }
        checks.push(found);
    }
    let always = always && node.get("Fn::If").is_none();
    match &node.value {
        Value::List(list) => list.iter().for_each(|node| walk(checks, node, always)),
        Value::Map(map) => map
            .values()
            .for_each(|member| walk(checks, &member.node, always)),
        _ => {}
    }
}

fn find_in_map(checks: &Checks<'_>, argument: &Node) -> Option<Diagnostic> {
    // A fourth argument is the default.
    let [mapping, first, second] = argument.as_list()? else {
        return None;
    };
    let name = mapping.as_str()?;
    let levels = checks.template.section("Mappings")?.get(name)?;
    let levels = levels.node.as_map().filter(|levels| is_fixed(levels))?;
    if checks.transforms.may_add_to("Mappings") {
        return None;
    }
    let inner: Vec<&Map> = match first.scalar() {
        Some(key) => match levels.get(key.as_ref()) {
            Some(level) => vec![level.node.as_map()?],
            None => {
                return Some(missing(checks, name, None, &key, first, levels));
            }
        },
        None => levels
            .values()
            .map(|level| level.node.as_map())
            .collect::<Option<_>>()?,
    };
    let key = second.scalar()?;
    let known = inner
        .iter()
        .any(|level| level.contains_key(key.as_ref()) || !is_fixed(level));
    let level = inner.first().filter(|_| !known)?;
    Some(missing(
        checks,
        name,
        first.scalar().as_deref(),
        &key,
        second,
        level,
    ))
}

/// Returns whether no macro adds keys.
fn is_fixed(map: &Map) -> bool {
    !map.keys().any(|key| key.starts_with("Fn::"))
}

fn missing(
    checks: &Checks<'_>,
    mapping: &str,
    within: Option<&str>,
    key: &str,
    node: &Node,
    keys: &Map,
) -> Diagnostic {
    let text = match within {
        Some(within) => format!("the mapping `{mapping}` has no key `{key}` under `{within}`"),
        None => format!("the mapping `{mapping}` has no key `{key}`"),
    };
    let found = checks.mistake("unknown-mapping-key", text, &node.span);
    let names = keys.keys().map(String::as_str);
    match checks.suggestion(key, names.clone()) {
        Some(suggestion) => found.help(suggestion),
        None if keys.len() <= 12 => {
            let names: Vec<&str> = names.collect();
            found.help(format!("the keys are {}", names.join(", ")))
        }
        None => found,
    }
}

fn select(checks: &Checks<'_>, argument: &Node) -> Option<Diagnostic> {
    let [index, list] = argument.as_list()? else {
        return None;
    };
    let length = length(list)?;
    let text = index.scalar()?;
    let number: Option<usize> = text.trim().parse().ok();
    let message = match number {
        Some(number) if number < length => return None,
        Some(number) => {
            let elements = if length == 1 { "element" } else { "elements" };
            format!("there is no element {number} in a list of {length} {elements}")
        }
        None => format!("`{text}` is not the index of an element"),
    };
    let found = checks.mistake("index-out-of-range", message, &index.span);
    Some(found.help("the first element has the index 0"))
}

/// Returns the number of elements of a literal list, or of a literal text that is split.
fn length(list: &Node) -> Option<usize> {
    if let Some(list) = list.as_list() {
        return Some(list.len());
    }
    let (_, member) = list.intrinsic().filter(|(name, _)| *name == "Fn::Split")?;
    let [delimiter, text] = member.node.as_list()? else {
        return None;
    };
    let (delimiter, text) = (delimiter.scalar()?, text.scalar()?);
    // CloudFormation resolves the reference before it splits the text.
    let is_literal = !delimiter.is_empty() && !text.contains("{{resolve:");
    is_literal.then(|| text.split(delimiter.as_ref()).count())
}
