//! Checks the export names of outputs.

use indexmap::IndexMap;

use super::Checks;
use crate::diagnostic::{SHOWN, Severity};
use crate::template::Output;
use crate::template::evaluate::coexistence::{MAX_STEPS, can_both_hold, implies};
use crate::template::node::{Node, Value};
use crate::template::reference::sub_variables;
use crate::template::shorthand::one_line;

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    let mut by_name: IndexMap<String, Vec<Output<'_>>> = IndexMap::new();
    let mut left = MAX_STEPS;
    let mut duplicates = 0;
    for output in template.outputs() {
        let Some(node) = output.export_name() else {
            continue;
        };
        fixed(checks, node);
        let earlier = by_name.entry(name(node)).or_default();
        let found = earlier.iter().find(|first| {
            let conditions = [first.condition(), output.condition()];
            can_both_hold(checks.template, conditions[0], conditions[1], &mut left)
        });
        if let Some(first) = found {
            duplicates += 1;
            if duplicates > SHOWN {
                return;
            }
            duplicate(checks, first, &output);
        }
        earlier.push(output);
    }
}

/// Returns a text that is equal for equal names. Two names that only CloudFormation can evaluate are
/// equal if they are written in the same way.
fn name(node: &Node) -> String {
    let literal = match node.intrinsic() {
        Some(("Fn::Sub", member)) => member.node.scalar(),
        _ => node.scalar(),
    };
    literal.map_or_else(|| one_line(node), std::borrow::Cow::into_owned)
}

fn duplicate(checks: &mut Checks<'_>, first: &Output<'_>, second: &Output<'_>) {
    let (Some(first_name), Some(node)) = (first.export_name(), second.export_name()) else {
        return;
    };
    let name = name(node);
    let conditions = [first.condition(), second.condition()];
    let always = implies(checks.template, conditions[0], conditions[1])
        || implies(checks.template, conditions[1], conditions[0]);
    let text = if always {
        format!("the export name `{name}` is used twice")
    } else {
        let names: Vec<String> = conditions
            .iter()
            .flatten()
            .map(|name| format!("`{name}`"))
            .collect();
        format!(
            "the export name `{name}` is used twice if {} hold",
            names.join(" and ")
        )
    };
    let mut found = checks.error("duplicate-export", text, &node.span);
    if !always {
        found.severity = Severity::Warning;
    }
    checks.push(found.at(checks.place(&first_name.span, "first used here")));
}

/// Reports what an export name must not depend on: resources, imported values and availability zones.
fn fixed(checks: &mut Checks<'_>, node: &Node) {
    let found = match node.intrinsic() {
        Some((function @ ("Fn::GetAtt" | "Fn::ImportValue" | "Fn::GetAZs"), member)) => {
            Some((format!("`{function}`"), member.key_span.clone()))
        }
        Some(("Ref", member)) => resource(checks, member.node.as_str().unwrap_or_default())
            .map(|name| (name, member.node.span.clone())),
        Some(("Fn::Sub", member)) => {
            let text = member.node.elements().first();
            let own = member.node.as_list().and_then(|list| list.get(1));
            text.and_then(|text| {
                let source = &checks.template.source().text;
                let variables = sub_variables(source, text.as_str()?, text);
                variables.into_iter().find_map(|variable| {
                    if own.is_some_and(|own| own.get(variable.name).is_some()) {
                        return None;
                    }
                    let id = variable.name.split('.').next().unwrap_or_default();
                    Some((resource(checks, id)?, variable.span))
                })
            })
        }
        _ => None,
    };
    if let Some((what, span)) = found {
        let text = format!("an export name must not depend on {what}");
        let found = checks.error("export-name-not-fixed", text, &span);
        checks.push(found.help(
            "build the name from literals, parameters and pseudo parameters such as `AWS::StackName`",
        ));
        return;
    }
    match &node.value {
        Value::List(list) => list.iter().for_each(|node| fixed(checks, node)),
        Value::Map(map) => map.values().for_each(|member| fixed(checks, &member.node)),
        _ => {}
    }
}

fn resource(checks: &Checks<'_>, name: &str) -> Option<String> {
    let template = checks.template;
    let is_resource = template.resource(name).is_some() && template.parameter(name).is_none();
    is_resource.then(|| format!("the resource `{name}`"))
}
