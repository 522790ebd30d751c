//! Warns of two resources with the same physical name: the creation of the second one fails.

use indexmap::IndexMap;

use super::Checks;
use crate::template::Resource;
use crate::template::evaluate::coexistence::{MAX_STEPS, can_both_hold};
use crate::template::node::{Map, Node};
use crate::template::schema_table::{NameProperty, name_property};
use crate::template::shorthand::text;

/// A resource with the node of its physical name.
type Named<'a> = (Resource<'a>, &'a Node);

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    let mut left = MAX_STEPS;
    let mut by_name: IndexMap<(&str, String), Vec<Named<'_>>> = IndexMap::new();
    for resource in template.resources() {
        let Some(kind) = resource.kind() else {
            continue;
        };
        let property = name_property(kind).filter(|property| property.is_unique);
        let Some(NameProperty { name, scope, .. }) = property else {
            continue;
        };
        let value = |name: &str| resource.properties()?.get(name);
        let Some(node) = value(name).filter(|node| is_fixed(node)) else {
            continue;
        };
        let scope = scope.and_then(value).map(text).unwrap_or_default();
        let key = (kind, format!("{}\n{scope}", text(node)));
        let earlier = by_name.entry(key).or_default();
        let mut is_with = |(first, _): &&Named<'_>| {
            can_both_hold(template, first.condition(), resource.condition(), &mut left)
        };
        if let Some((first, first_node)) = earlier.iter().find(&mut is_with)
            && !checks.transforms.may_change(&node.span)
        {
            let message = format!(
                "`{}` and `{}` have the same {name}: the creation of the second one fails",
                first.logical_id(),
                resource.logical_id()
            );
            let found = checks.warning("duplicate-name", message, &node.span);
            checks.push(found.at(checks.place(&first_node.span, "first used here")));
        }
        earlier.push((resource, node));
    }
}

/// Returns whether a value is the same each time that it is evaluated: it contains no `AWS::NoValue`.
fn is_fixed(node: &Node) -> bool {
    let is_fixed_map = |map: &Map| map.values().all(|member| is_fixed(&member.node));
    if node.as_str() == Some("AWS::NoValue") {
        return false;
    }
    match (node.as_map(), node.as_list()) {
        (Some(map), _) => is_fixed_map(map),
        (_, Some(list)) => list.iter().all(is_fixed),
        _ => node.scalar().is_some_and(|text| !text.is_empty()),
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use crate::diagnostic::SourceFile;
    use crate::template::Template;
    use crate::template::validate::validate;

    fn found(resources: &str) -> Vec<String> {
        let text = format!(
            "Parameters: {{P: {{Type: String}}}}\n\
             Conditions: {{C: !Equals [!Ref P, a], D: !Not [!Condition C]}}\n\
             Resources: {{{resources}}}\n"
        );
        let template = Template::parse(&SourceFile::new("t", text)).unwrap();
        let found = validate(&template).into_iter();
        let found = found.filter(|it| it.rule == "duplicate-name");
        found.map(|it| it.message).collect()
    }

    #[test]
    fn equal_names_of_resources_that_exist_at_once_are_found() {
        let pair = |kind: &str, one: &str, two: &str| {
            found(&format!(
                "A: {{Type: '{kind}', {one}}}, B: {{Type: '{kind}', {two}}}"
            ))
        };
        let name = |name: &str| format!("Properties: {{RoleName: {name}}}");
        let role = "AWS::IAM::Role";
        for same in ["x", "!Ref P", "!Sub '${P}-x'", "!Join ['-', [!Ref P, x]]"] {
            let expected =
                "`A` and `B` have the same RoleName: the creation of the second one fails";
            assert_eq!(pair(role, &name(same), &name(same)), [expected], "{same}");
        }
        for (one, two) in [
            (name("x"), name("y")),
            (name("!Ref P"), name("!Sub '${P}-x'")),
            (
                name("!If [C, x, !Ref 'AWS::NoValue']"),
                name("!If [C, x, !Ref 'AWS::NoValue']"),
            ),
            (
                format!("Condition: C, {}", name("x")),
                format!("Condition: D, {}", name("x")),
            ),
        ] {
            assert!(pair(role, &one, &two).is_empty(), "{one} {two}");
        }
        let service = |cluster: &str| format!("Properties: {{ServiceName: x, Cluster: {cluster}}}");
        assert_eq!(
            pair("AWS::ECS::Service", &service("a"), &service("a")).len(),
            1
        );
        assert!(pair("AWS::ECS::Service", &service("a"), &service("b")).is_empty());
        let policy = name("x").replace("RoleName", "Name");
        assert!(pair("AWS::Batch::SchedulingPolicy", &policy, &policy).is_empty());
    }
}
