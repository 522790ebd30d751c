//! The templates of the two deployments that take resources out of a stack without deleting them.
//!
//! CloudFormation deletes what leaves a template, unless the deployed template retains it. So the first
//! template ([`retained`]) retains the resources, and the second ([`without`]) no longer has them: their
//! present values replace the references to them.
//!
//! A text is changed only at the places that differ. The tree decides what is right: if the changed text
//! does not have exactly the intended tree, the tree is written as YAML.

mod edit;
mod literal;
mod removal;

use super::edits::Edit;
use super::node::{Member, Node, Value};
use super::{Template, emit};
use edit::{insertion, written};
pub use literal::Literal;
use literal::quoted;
pub use removal::{LostReference, Outcome, Removal, without};

/// The attributes that retain a resource: if it leaves the template, and if it is replaced.
const POLICIES: [&str; 2] = ["DeletionPolicy", "UpdateReplacePolicy"];

/// Returns the text of the template in which `DeletionPolicy` and `UpdateReplacePolicy` of these
/// resources are `Retain`.
pub fn retained(template: &Template, ids: &[&str]) -> String {
    let text = &template.source().text;
    let mut root = template.root().clone();
    let mut edits = Vec::new();
    for id in ids {
        let Some(resource) = template.resource(id) else {
            continue;
        };
        let node = resource.entry.node;
        let missing = POLICIES.into_iter().filter(|it| node.get(it).is_none());
        edits.extend(insertion(text, node, &missing.collect::<Vec<_>>(), RETAIN));
        let value = Node {
            span: 0..0,
            value: Value::String(RETAIN.to_owned()),
        };
        for present in POLICIES.iter().filter_map(|it| node.get(it)) {
            edits.push(Edit {
                range: present.span.clone(),
                text: quoted(RETAIN),
            });
        }
        if let Some(Value::Map(map)) = root.at_mut(&["Resources", id]).map(|it| &mut it.value) {
            for policy in POLICIES {
                let member = Member {
                    key_span: 0..0,
                    node: value.clone(),
                };
                map.insert(policy.to_owned(), member);
            }
        }
    }
    written(template, &root, edits)
}

/// The policy that retains a resource.
const RETAIN: &str = "Retain";

/// Returns the template `without` as YAML, with these resources of another template. It has the values of
/// that template, and no references to the resources outside of them.
pub fn decoupled(with: &Template, without: &Template, ids: &[&str]) -> String {
    let mut root = without.root().clone();
    let resources = with.section("Resources").into_iter().flatten();
    let kept = resources.filter(|(id, _)| ids.contains(&id.as_str()));
    if let Some(Value::Map(map)) = root.at_mut(&["Resources"]).map(|it| &mut it.value) {
        map.extend(kept.map(|(id, member)| (id.clone(), member.clone())));
    }
    emit::to_yaml(&root)
}

#[cfg(test)]
mod tests;
