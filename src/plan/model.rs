//! Changed resources as a whole, before and after.
//!
//! A change set lists single details, but a risk needs the whole resource: a security group rule is
//! new only if no other rule covers it, and a name conflicts only if it does not change. If the change
//! set contains the resource (`BeforeContext`, `AfterContext`), with parameters and functions
//! resolved, the model uses that. Otherwise it uses the two templates.

use indexmap::IndexMap;

use crate::cloudformation::change_set::{Action, Change};
use crate::plan::predict::Side;
use crate::template::evaluate::{Evaluated, Evaluator};
use crate::template::node::{Map, Node, Value};
use crate::template::{Template, json, schema_table};

/// CloudFormation's placeholder for a value that is known only after the deployment.
pub const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// Attributes of the template that a context may omit.
const POLICIES: [&str; 2] = ["DeletionPolicy", "UpdateReplacePolicy"];

/// The property of a database that belongs to a cluster.
const CLUSTER: &str = "DBClusterIdentifier";

/// A resource before and after. Each side is a map with `Properties`, as in a template.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    /// The resource before; `None` if it is new or not known.
    pub before: Option<Node>,
    /// The resource after; `None` if it is removed or not known.
    pub after: Option<Node>,
    /// Whether both sides are from the change set. Otherwise functions and parameters are unresolved.
    pub from_service: bool,
    /// The physical name that the template fixes, before and after; `None` if there is none or if it is
    /// not known.
    pub names: [Option<String>; 2],
}

/// The changed resources by logical id.
pub type Models = IndexMap<String, Model>;

impl Model {
    /// Returns the model of a change, from its contexts if it has them, otherwise from the templates.
    pub fn of(change: &Change, deployed: Option<&Template>, desired: Option<&Template>) -> Self {
        let in_template = |template: Option<&Template>| {
            let resource = template?.resource(&change.logical_id)?;
            // The transform gives a SAM resource another type and other properties.
            let kind = resource.kind().unwrap_or_default();
            let is_expanded = kind.starts_with("AWS::Serverless::") && kind != change.resource_type;
            (!is_expanded).then(|| resource.entry.node.clone())
        };
        let before = || in_template(deployed).filter(|_| change.action != Action::Add);
        let after = || in_template(desired).filter(|_| change.action != Action::Remove);
        let context = |text: &Option<String>| json::value(text.as_deref()?);
        let contexts = [&change.before_context, &change.after_context].map(context);
        let is_complete = match change.action {
            Action::Add | Action::Import => contexts[1].is_some(),
            Action::Remove => contexts[0].is_some(),
            _ => contexts.iter().all(Option::is_some),
        };
        let [service_before, service_after] = contexts;
        let (before, after) = if is_complete {
            (
                service_before.map(|node| with_policies(node, before().as_ref())),
                service_after.map(|node| with_policies(node, after().as_ref())),
            )
        } else {
            (before(), after())
        };
        let name = |side: &Option<Node>| {
            let node = property(side.as_ref()?, name_property(&change.resource_type)?)?;
            let name = node.scalar().filter(|_| !node.is_rewritten_number())?;
            (!name.contains(KNOWN_AFTER_APPLY)).then(|| name.into_owned())
        };
        Self {
            names: [name(&before), name(&after)],
            before,
            after,
            from_service: is_complete,
        }
    }

    /// Returns a property before and after, by its path below `Properties`.
    pub fn property(&self, path: &[&str]) -> [Option<&Node>; 2] {
        [&self.before, &self.after].map(|side| {
            let properties = side.as_ref()?.get("Properties")?;
            path.iter().try_fold(properties, |node, key| node.get(key))
        })
    }
}

/// Returns the models of the changes.
pub fn models(
    changes: &[Change],
    deployed: Option<&Template>,
    desired: Option<&Template>,
) -> Models {
    changes
        .iter()
        .map(|change| {
            (
                change.logical_id.clone(),
                Model::of(change, deployed, desired),
            )
        })
        .collect()
}

fn property<'a>(resource: &'a Node, name: &str) -> Option<&'a Node> {
    resource.get("Properties")?.get(name)
}

/// Returns the property that fixes the physical name of a resource of this type.
fn name_property(resource_type: &str) -> Option<&'static str> {
    Some(schema_table::name_property(resource_type)?.name)
}

/// Evaluates what the risks need from the templates and their parameters: the policies, and the
/// physical names. A policy that stays a function is not known.
pub fn evaluate(models: &mut Models, sides: [Option<Side<'_>>; 2]) {
    let [before, after] =
        sides.map(|side| side.map(|side| Evaluator::new(side.template, side.parameters)));
    for (logical_id, model) in models {
        let [old, new] = &mut model.names;
        for (node, name, side) in [
            (&mut model.before, old, before.as_ref()),
            (&mut model.after, new, after.as_ref()),
        ] {
            evaluate_policies(node, logical_id, side);
            if node.is_some() && name.is_none() {
                *name = evaluated_name(logical_id, side);
            }
        }
    }
}

/// Returns the physical name that a template computes; `None` if it is not known.
fn evaluated_name(logical_id: &str, side: Option<&Evaluator<'_>>) -> Option<String> {
    let evaluator = side?;
    let resource = evaluator.template().resource(logical_id)?;
    let node = property(resource.entry.node, name_property(resource.kind()?)?)?;
    match evaluator.value(node) {
        Evaluated::Scalar(name) => Some(name.into_owned()),
        _ => None,
    }
}

fn evaluate_policies(node: &mut Option<Node>, logical_id: &str, side: Option<&Evaluator<'_>>) {
    let declared = side.and_then(|it| Some(it.template().resource(logical_id)?.entry.node));
    let (Some(evaluator), Some(declared)) = (side, declared) else {
        return;
    };
    let Some(Value::Map(resource)) = node.as_mut().map(|node| &mut node.value) else {
        return;
    };
    for name in POLICIES {
        if let Some(value) = declared.get(name).map(|node| evaluator.value(node)) {
            replace(resource, name, value);
        }
    }
    // Whether a database belongs to a cluster decides about its default policy.
    let properties = resource.get_mut("Properties").map(|it| &mut it.node.value);
    let cluster = declared.get("Properties").and_then(|it| it.get(CLUSTER));
    if let (Some(Value::Map(properties)), Some(cluster)) = (properties, cluster)
        && evaluator.value(cluster) == Evaluated::Nothing
    {
        properties.shift_remove(CLUSTER);
    }
}

/// Replaces a member that is a function by its value, and removes it if the value is
/// `AWS::NoValue`.
fn replace(resource: &mut Map, name: &str, value: Evaluated<'_>) {
    let Some(member) = resource.get_mut(name) else {
        return;
    };
    if member.node.as_map().is_none() {
        return;
    }
    match value {
        Evaluated::Scalar(text) => member.node.value = Value::String(text.into_owned()),
        Evaluated::Nothing => {
            resource.shift_remove(name);
        }
        _ => {}
    }
}

/// Returns a resource from a context with the policies that only the template has.
fn with_policies(mut node: Node, template: Option<&Node>) -> Node {
    let policies: Map = template
        .and_then(Node::as_map)
        .into_iter()
        .flatten()
        .filter(|(key, _)| POLICIES.contains(&key.as_str()))
        .map(|(key, member)| (key.clone(), member.clone()))
        .collect();
    if let Value::Map(map) = &mut node.value {
        for (key, member) in policies {
            map.entry(key).or_insert(member);
        }
    }
    node
}

#[cfg(test)]
mod tests {
    use super::Model;
    use crate::cloudformation::change_set::{Action, Change};
    use crate::diagnostic::SourceFile;
    use crate::template::Template;
    use crate::template::node::Node;

    fn template(text: &str) -> Option<Template> {
        Template::parse(&SourceFile::new("t", text)).ok()
    }

    fn size(model: &Model) -> [Option<String>; 2] {
        model
            .property(&["Size"])
            .map(|node| node.and_then(Node::scalar).map(|text| text.to_string()))
    }

    #[test]
    fn contexts_take_precedence_and_get_the_policies_of_the_templates() {
        let deployed = template(
            "Resources: {A: {Type: T, DeletionPolicy: Retain, Properties: {Size: !Ref P}}}",
        );
        let desired = template("Resources: {A: {Type: T, Properties: {Size: !Ref Q}}}");
        let mut change = Change {
            logical_id: "A".to_owned(),
            before_context: Some(r#"{"Properties":{"Size":"1"}}"#.to_owned()),
            after_context: Some(r#"{"Properties":{"Size":"2"}}"#.to_owned()),
            ..Change::default()
        };
        let model = Model::of(&change, deployed.as_ref(), desired.as_ref());
        assert_eq!(size(&model), [Some("1".to_owned()), Some("2".to_owned())]);
        let policies = [&model.before, &model.after]
            .map(|side| side.as_ref()?.get("DeletionPolicy")?.as_str());
        assert_eq!(policies, [Some("Retain"), None]);
        assert!(model.from_service);
        // With only one context, the whole resource would differ.
        change.before_context = None;
        assert!(!Model::of(&change, deployed.as_ref(), desired.as_ref()).from_service);
        change.after_context = Some("not JSON".to_owned());
        let model = Model::of(&change, deployed.as_ref(), desired.as_ref());
        assert!(model.before.is_some() && model.after.is_some());
    }

    #[test]
    fn a_new_resource_has_no_before_and_a_removed_one_no_after() {
        let both = template("Resources: {A: {Type: T, Properties: {Size: 1}}}");
        let of = |action| {
            let change = Change {
                logical_id: "A".to_owned(),
                action,
                ..Change::default()
            };
            size(&Model::of(&change, both.as_ref(), both.as_ref())).map(|side| side.is_some())
        };
        assert_eq!(of(Action::Add), [false, true]);
        assert_eq!(of(Action::Remove), [true, false]);
        assert_eq!(of(Action::Modify), [true, true]);
    }
}
