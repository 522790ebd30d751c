//! A changed resource as a whole, before and after.
//!
//! A change set names what changes detail by detail, but a danger is a matter of the whole resource: a
//! rule is new only where the others do not cover it, a name collides only where it stays. Where the
//! service gives the resource itself (`BeforeContext`, `AfterContext`), that is the truth, parameters
//! and functions resolved. Where it gives none, the two templates stand in.

use indexmap::IndexMap;

use crate::cloudformation::change_set::{Action, Change};
use crate::template::node::{Map, Node, Value};
use crate::template::{Template, json};

/// How the service writes a value that only the deployment makes known.
pub const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// What the template says beside the properties and the service may leave out.
const POLICIES: [&str; 2] = ["DeletionPolicy", "UpdateReplacePolicy"];

/// A resource before and after, each a map with `Properties` as in a template.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    /// Before; `None` where it is new, or nothing is known of it.
    pub before: Option<Node>,
    /// After; `None` where it goes, or nothing is known of it.
    pub after: Option<Node>,
    /// Whether the service gave the two sides. Else functions and parameters are unresolved.
    pub from_service: bool,
}

/// The changed resources by logical id.
pub type Models = IndexMap<String, Model>;

impl Model {
    /// Returns the model of a change from its contexts, else from the templates.
    pub fn of(change: &Change, deployed: Option<&Template>, desired: Option<&Template>) -> Self {
        let in_template = |template: Option<&Template>| {
            Some(template?.resource(&change.logical_id)?.entry.node.clone())
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
        if !is_complete {
            return Self {
                before: before(),
                after: after(),
                from_service: false,
            };
        }
        let [service_before, service_after] = contexts;
        Self {
            before: service_before.map(|node| with_policies(node, before().as_ref())),
            after: service_after.map(|node| with_policies(node, after().as_ref())),
            from_service: true,
        }
    }

    /// Returns a property before and after by its path below `Properties`.
    pub fn property(&self, path: &[&str]) -> [Option<&Node>; 2] {
        [&self.before, &self.after].map(|side| {
            let properties = side.as_ref()?.get("Properties")?;
            path.iter().try_fold(properties, |node, key| node.get(key))
        })
    }

    /// Returns an attribute beside the properties, such as `DeletionPolicy`, before and after.
    pub fn attribute(&self, name: &str) -> [Option<&str>; 2] {
        [&self.before, &self.after].map(|side| side.as_ref()?.get(name)?.as_str())
    }
}

/// Returns the models of all changes.
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

/// Returns the service's view of a resource with the policies that only the template states.
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
    fn the_services_view_wins_over_the_templates_and_keeps_their_policies() {
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
        assert_eq!(model.attribute("DeletionPolicy"), [Some("Retain"), None]);
        assert!(model.from_service);
        // One side alone would make the whole resource differ.
        change.before_context = None;
        assert!(!Model::of(&change, deployed.as_ref(), desired.as_ref()).from_service);
        change.after_context = Some("not JSON".to_owned());
        let model = Model::of(&change, deployed.as_ref(), desired.as_ref());
        assert!(model.before.is_some() && model.after.is_some());
    }

    #[test]
    fn what_is_new_has_no_before_and_what_goes_no_after() {
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
