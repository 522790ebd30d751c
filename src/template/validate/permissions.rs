//! Warns of permissions for every action on every resource.

use super::Checks;
use crate::template::node::Node;

/// Warns of each statement of an IAM policy that allows every action on every resource.
///
/// Resource policies are not checked: their `Resource` is always the resource itself.
pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    let identities = template.resources().filter(|resource| {
        resource
            .kind()
            .is_some_and(|it| it.starts_with("AWS::IAM::"))
    });
    for resource in identities {
        let Some(properties) = resource.properties() else {
            continue;
        };
        let inline = properties.get("Policies").and_then(Node::as_list);
        let policies = inline.into_iter().flatten().chain([properties]);
        for document in policies.filter_map(|policy| policy.get("PolicyDocument")) {
            for statement in document
                .get("Statement")
                .map(Node::elements)
                .unwrap_or_default()
            {
                check_statement(checks, resource.logical_id(), statement);
            }
        }
    }
}

fn check_statement(checks: &mut Checks<'_>, logical_id: &str, statement: &Node) {
    let every = |key: &str| {
        let values = statement.get(key).map(Node::elements).unwrap_or_default();
        values
            .iter()
            .find(|value| matches!(value.as_str(), Some("*" | "*:*")))
    };
    let allows = statement.get("Effect").and_then(Node::as_str) == Some("Allow");
    if let (true, Some(action), Some(_), None) = (
        allows,
        every("Action"),
        every("Resource"),
        statement.get("Condition"),
    ) {
        let text = format!("`{logical_id}` may do everything on every resource in the account");
        let found = checks.warning("wide-open-permissions", text, &action.span);
        checks.push(found.help("allow only the actions and resources that are needed"));
    }
}
