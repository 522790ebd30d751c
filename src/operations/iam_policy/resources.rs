//! What CloudFormation needs to create, read, update and delete the resources of a template.

use std::collections::BTreeSet;

use super::{ANY, Needed, is_emulated};
use crate::error::Result;
use crate::operations::resource_graph::{read_files, root_of};
use crate::operations::session::Session;
use crate::plan::iam_policy::Condition;
use crate::template::node::Node;
use crate::template::schema_table::permissions;
use crate::template::{Resource, Template};

const CLOUDFORMATION: &str = "cloudformation.amazonaws.com";

/// Returns what the handlers of the template's types may need, and what its custom resources call. It is a starting
/// point: the handlers name what they may need for any properties, and no resources.
///
/// # Errors
///
/// What is wrong with the template.
pub(crate) fn of_resources(session: &Session<'_>) -> Result<Needed> {
    let settings = session.settings();
    let mut needed = Needed::default();
    if is_emulated(settings, &mut needed) {
        return Ok(needed);
    }
    let tree = read_files(session)?;
    let template = root_of(session, &tree)?;
    // The role of a service is not the caller, for whom CloudFormation works.
    let has_role = settings.stack.role_arn.is_some() || settings.stack_set.is_some();
    let condition = if has_role {
        Condition::None
    } else {
        Condition::CalledVia(CLOUDFORMATION)
    };
    let mut unknown: BTreeSet<&str> = BTreeSet::new();
    let children: Vec<&Template> = tree.children().map(|(_, it)| it).collect();
    for resource in [template]
        .into_iter()
        .chain(children)
        .flat_map(Template::resources)
    {
        let kind = resource.kind().unwrap_or_default();
        if is_custom(kind) {
            let (action, on) = called(resource);
            needed.grants.allow(action, &on, condition.clone());
        } else if let Some(actions) = permissions::of(kind) {
            for action in actions {
                needed.grants.allow(&action, ANY, condition.clone());
            }
        } else {
            unknown.insert(kind);
        }
    }
    if !unknown.is_empty() {
        let unknown: Vec<&str> = unknown.into_iter().collect();
        needed.note(format!(
            "not in the policy, because no schema with permissions is known: `{}`",
            unknown.join("`, `")
        ));
    }
    if template.has_transforms() {
        needed.note("the policy is for the resources that the template names, not for those that a transform adds");
    }
    needed.note(
        "this is a starting point, on all resources: the types' schemas name what their handlers may need, for any \
         properties. Narrow it to what the stack needs",
    );
    needed.note(if has_role {
        "it is for the role that CloudFormation assumes"
    } else {
        "it is for the credentials of the deployment, and allows only what CloudFormation does with them"
    });
    Ok(needed)
}

fn is_custom(kind: &str) -> bool {
    kind.starts_with("Custom::") || kind == "AWS::CloudFormation::CustomResource"
}

/// Returns how CloudFormation reaches what provides a custom resource.
fn called(resource: Resource<'_>) -> (&'static str, String) {
    let token = resource.properties().and_then(|it| it.get("ServiceToken"));
    match token.and_then(Node::scalar) {
        Some(arn) if arn.contains(":sns:") => ("sns:Publish", arn.into_owned()),
        Some(arn) => ("lambda:InvokeFunction", arn.into_owned()),
        None => ("lambda:InvokeFunction", ANY.to_owned()),
    }
}
