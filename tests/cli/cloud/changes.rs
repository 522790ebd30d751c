//! The changes of a change set: the differences between two templates and their parameters.

use serde_json::Value;

use super::stacks::{Deployment, Resource, Stack};
use super::{template, xml};

/// A change to one resource.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    /// `Add`, `Modify` or `Remove`.
    pub(crate) action: String,
    /// The logical id.
    pub(crate) logical_id: String,
    /// The physical id; empty if there is none yet.
    pub(crate) physical_id: String,
    /// The resource's type.
    pub(crate) kind: String,
    /// `True`, `False` or `Conditional`; empty for an addition or a removal.
    pub(crate) replacement: String,
    /// What the template's policy does to a removed resource; empty if it has none.
    pub(crate) policy_action: String,
    /// The properties that change.
    pub(crate) details: Vec<Detail>,
}

/// A property that changes.
#[derive(Debug, Clone)]
pub(crate) struct Detail {
    /// The property's name.
    pub(crate) name: String,
    /// The previous value as CloudFormation writes it; empty if it was not set.
    pub(crate) before: String,
    /// The new value.
    pub(crate) after: String,
    /// The parameter that causes the change; empty if the template does.
    pub(crate) parameter: String,
    /// `Static`, or `Dynamic` if the service is not sure.
    pub(crate) evaluation: String,
}

/// Returns the changes from the deployed to the wanted template, sorted by logical id.
pub(crate) fn between(stack: &Stack, wanted: &Deployment) -> Vec<Change> {
    let before = stack.deployed.as_ref();
    let old = before.map_or(Value::Null, |old| template::parse(&old.template));
    let new = template::parse(&wanted.template);
    let changed_parameters: Vec<&String> = wanted
        .parameters
        .iter()
        .filter(|(name, value)| before.is_some_and(|old| old.parameters.get(*name) != Some(value)))
        .map(|(name, _)| name)
        .collect();
    let mut changes = Vec::new();
    for (logical_id, resource) in template::resources(&new) {
        let old = &old["Resources"][logical_id];
        if old.is_null() {
            changes.push(Change::new("Add", logical_id, resource, stack));
            continue;
        }
        let details = details(old, resource, &changed_parameters);
        if !details.is_empty() || old != resource {
            let mut change = Change::new("Modify", logical_id, resource, stack);
            "False".clone_into(&mut change.replacement);
            change.details = details;
            changes.push(change);
        }
    }
    for (logical_id, resource) in template::resources(&old) {
        if new["Resources"][logical_id].is_null() {
            changes.push(Change {
                policy_action: written(resource.get("DeletionPolicy")),
                ..Change::new("Remove", logical_id, resource, stack)
            });
        }
    }
    changes.sort_by(|one, other| one.logical_id.cmp(&other.logical_id));
    changes
}

fn details(old: &Value, new: &Value, parameters: &[&String]) -> Vec<Detail> {
    let properties = |resource: &Value| {
        let properties = resource["Properties"].as_object();
        properties.cloned().unwrap_or_default()
    };
    let (old, new) = (properties(old), properties(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let mut details = Vec::new();
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        let parameter = parameters
            .iter()
            .find(|parameter| after.is_some_and(|value| template::refers_to(value, parameter)));
        if before != after || parameter.is_some() {
            details.push(Detail {
                name: name.clone(),
                before: written(before),
                after: written(after),
                parameter: parameter.map_or_else(String::new, ToString::to_string),
                evaluation: "Static".to_owned(),
            });
        }
    }
    details
}

fn written(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

impl Change {
    fn new(action: &str, logical_id: &str, resource: &Value, stack: &Stack) -> Self {
        let deployed = stack.resources.get(logical_id);
        Self {
            action: action.to_owned(),
            logical_id: logical_id.to_owned(),
            physical_id: deployed.map_or_else(String::new, |resource| resource.physical_id.clone()),
            kind: written(Some(&resource["Type"])),
            ..Self::default()
        }
    }

    /// Returns the removal of a deployed resource.
    pub(super) fn removal(logical_id: &str, resource: &Resource) -> Self {
        Self {
            action: "Remove".to_owned(),
            logical_id: logical_id.to_owned(),
            physical_id: resource.physical_id.clone(),
            kind: resource.kind.clone(),
            ..Self::default()
        }
    }

    /// Returns the change as an item of `Changes`.
    pub(crate) fn to_xml(&self, with_values: bool) -> String {
        let details = self.details.iter().map(|detail| detail.to_xml(with_values));
        let scope = if self.details.is_empty() {
            xml::members("Scope", [])
        } else {
            xml::element("Scope", &xml::text("member", "Properties"))
        };
        let change = xml::text("Action", &self.action)
            + &xml::text("LogicalResourceId", &self.logical_id)
            + &xml::optional("PhysicalResourceId", &self.physical_id)
            + &xml::text("ResourceType", &self.kind)
            + &xml::optional("PolicyAction", &self.policy_action)
            + &xml::optional("Replacement", &self.replacement)
            + &scope
            + &xml::members("Details", details);
        xml::text("Type", "Resource") + &xml::element("ResourceChange", &change)
    }
}

impl Detail {
    fn to_xml(&self, with_values: bool) -> String {
        let mut target = xml::text("Attribute", "Properties")
            + &xml::text("Name", &self.name)
            + &xml::text("RequiresRecreation", "Never");
        if with_values {
            target += &xml::text("Path", &format!("/Properties/{}", self.name));
            target += &xml::optional("BeforeValue", &self.before);
            target += &xml::optional("AfterValue", &self.after);
            target += &xml::text("AttributeChangeType", "Modify");
        }
        let source = if self.parameter.is_empty() {
            xml::text("ChangeSource", "DirectModification")
        } else {
            xml::text("ChangeSource", "ParameterReference")
                + &xml::text("CausingEntity", &self.parameter)
        };
        xml::element("Target", &target) + &xml::text("Evaluation", &self.evaluation) + &source
    }
}
