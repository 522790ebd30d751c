//! What happens to one resource, and what that amounts to.

use std::fmt;

use jiff::Timestamp;

use crate::template::pointer;

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in the world; `None` for one that is yet to be made.
    pub physical_id: Option<String>,
    /// Its type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// What is done.
    pub action: Action,
    /// What the template's policies do about the old resource, such as `ReplaceAndRetain`.
    pub policy_action: Option<String>,
    /// Whether the resource is replaced by a new one; `None` where the service does not say.
    pub replacement: Option<Replacement>,
    /// Which kinds of attributes change, such as `Properties`.
    pub scope: Vec<String>,
    /// What changes in it, and why.
    pub details: Vec<Detail>,
    /// The resource before, a JSON document.
    pub before_context: Option<String>,
    /// The resource after, a JSON document.
    pub after_context: Option<String>,
    /// The resource at the previous deployment, a JSON document, in drift-aware change sets.
    pub previous_deployment_context: Option<String>,
    /// Whether the live resource differs from the last deployment, in drift-aware change sets.
    pub drift_status: Option<String>,
    /// What was left out when the live resource was compared.
    pub ignored_drift: Vec<IgnoredDrift>,
    /// The ARN of the change set of the nested stack that this resource is.
    pub nested_change_set: Option<String>,
    /// The module that the resource comes from.
    pub module: Option<Module>,
    /// How many hooks look at the resource before it is changed.
    pub hook_invocations: Option<i32>,
}

/// The module that a resource comes from. An inner module follows its outer one after a slash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Module {
    /// The modules' types, such as `AWS::First::Example::MODULE`.
    pub types: Option<String>,
    /// The modules' logical ids.
    pub logical_ids: Option<String>,
}

/// An attribute that was left out when the live resource was compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IgnoredDrift {
    /// The place in the resource.
    pub path: Option<String>,
    /// Why, such as `WRITE_ONLY_PROPERTY`.
    pub reason: Option<String>,
}

/// One changed attribute of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// The kind of attribute, such as `Properties` or `Tags`.
    pub attribute: Option<String>,
    /// The property's name; tags have none.
    pub name: Option<String>,
    /// The place in the resource, such as `/Properties/Code/S3Key`.
    pub path: Option<String>,
    /// The value before.
    pub before: Option<String>,
    /// The value after; may not be known before the change is made.
    pub after: Option<String>,
    /// Whether the attribute is added, removed or modified.
    pub attribute_change: Option<String>,
    /// `Always`, `Never` or `Conditionally`.
    pub requires_recreation: Option<String>,
    /// `Static` where it is certain, `Dynamic` where it depends on another resource.
    pub evaluation: Option<String>,
    /// What causes it, such as `DirectModification` or `ResourceAttribute`.
    pub change_source: Option<String>,
    /// The parameter or attribute that causes it.
    pub causing_entity: Option<String>,
    /// Where the value before was read, such as `ACTUAL_STATE`, in drift-aware change sets.
    pub before_from: Option<String>,
    /// Where the value after was read, such as `TEMPLATE`.
    pub after_from: Option<String>,
    /// How the live value differs from the last deployment.
    pub drift: Option<PropertyDrift>,
}

impl Detail {
    /// Returns the path in the resource as steps, such as `Properties`, `Code`, `S3Key`. Without a path,
    /// returns the attribute and the property's name, if there are any.
    pub fn steps(&self) -> Vec<String> {
        let path = self.path.as_deref().unwrap_or_default();
        let mut steps = pointer::steps(path);
        if steps.is_empty() {
            let attribute = self.attribute.as_deref();
            if matches!(attribute, Some("Properties" | "Tags")) {
                steps.push("Properties".to_owned());
            }
            let attribute = attribute.filter(|attribute| *attribute != "Properties");
            steps.extend(self.name.as_deref().or(attribute).map(str::to_owned));
        }
        steps
    }
}

/// A live value beside the one that was last deployed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyDrift {
    /// The value that was last deployed.
    pub previous: Option<String>,
    /// The live value.
    pub actual: Option<String>,
    /// When the live value was read.
    pub detected: Option<Timestamp>,
}

/// What is done to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Action {
    /// It is made.
    Add,
    /// It is changed in place or replaced.
    #[default]
    Modify,
    /// It is deleted, or left behind where its policy says so.
    Remove,
    /// It exists and becomes part of the stack.
    Import,
    /// What is done depends on other resources.
    Dynamic,
    /// The stack's record follows the live resource.
    SyncWithActual,
    /// One that this version does not know.
    Unknown(String),
}

impl Action {
    /// Returns the action by its name in the API.
    pub fn from_wire(wire: &str) -> Self {
        match wire {
            "Add" => Self::Add,
            "Modify" => Self::Modify,
            "Remove" => Self::Remove,
            "Import" => Self::Import,
            "Dynamic" => Self::Dynamic,
            "SyncWithActual" => Self::SyncWithActual,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Returns the name in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Add => "Add",
            Self::Modify => "Modify",
            Self::Remove => "Remove",
            Self::Import => "Import",
            Self::Dynamic => "Dynamic",
            Self::SyncWithActual => "SyncWithActual",
            Self::Unknown(wire) => wire,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a resource is replaced by a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// Yes.
    True,
    /// No.
    False,
    /// It depends on values that are not known yet; never to be shown as certain.
    Conditional,
    /// One that this version does not know.
    Unknown(String),
}

impl Replacement {
    /// Returns the replacement by its name in the API.
    pub fn from_wire(wire: &str) -> Self {
        match wire {
            "True" => Self::True,
            "False" => Self::False,
            "Conditional" => Self::Conditional,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Returns the name in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Conditional => "Conditional",
            Self::Unknown(wire) => wire,
        }
    }
}

/// What a change amounts to, for the eye and for the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `+`
    Add,
    /// `~`
    Update,
    /// `-/+`
    Replace,
    /// `-`
    Remove,
    /// `<-`
    Import,
    /// `↺`: the stack's record follows the live resource.
    Sync,
    /// It may change, depending on another resource; listed and not counted.
    Possible,
}

impl Change {
    /// Returns what the change amounts to.
    pub fn effect(&self) -> Effect {
        match &self.action {
            Action::Add => Effect::Add,
            Action::Remove => Effect::Remove,
            Action::Import => Effect::Import,
            Action::SyncWithActual => Effect::Sync,
            Action::Dynamic => Effect::Possible,
            Action::Modify | Action::Unknown(_) if self.replacement == Some(Replacement::True) => {
                Effect::Replace
            }
            Action::Modify | Action::Unknown(_) if self.is_only_possible() => Effect::Possible,
            Action::Modify | Action::Unknown(_) => Effect::Update,
        }
    }

    /// Returns whether it only takes back what was changed outside of the stack.
    pub fn reverts_drift(&self) -> bool {
        !self.details.is_empty()
            && self.details.iter().all(|detail| {
                detail.drift.is_some() && detail.change_source.as_deref() == Some("NoModification")
            })
    }

    /// Returns whether it makes again what was deleted outside of the stack.
    pub fn remakes_deleted(&self) -> bool {
        self.action == Action::Add && self.drift_status.as_deref() == Some("DELETED")
    }

    /// Returns whether every detail depends on what another resource turns out to be.
    ///
    /// A changed parameter yields a static detail beside a dynamic one, so all must be dynamic. A
    /// reference to a resource that is certainly replaced is static.
    fn is_only_possible(&self) -> bool {
        !self.details.is_empty()
            && self.details.iter().all(|detail| {
                detail.evaluation.as_deref() == Some("Dynamic")
                    && matches!(
                        detail.change_source.as_deref(),
                        Some("ResourceAttribute" | "ResourceReference")
                    )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Detail, Effect, Replacement};

    fn detail(evaluation: &str, source: &str) -> Detail {
        Detail {
            evaluation: Some(evaluation.to_owned()),
            change_source: Some(source.to_owned()),
            ..Detail::default()
        }
    }

    #[test]
    fn only_an_all_dynamic_modification_is_merely_possible() {
        let mut change = Change {
            replacement: Some(Replacement::Conditional),
            details: vec![detail("Dynamic", "ResourceAttribute")],
            ..Change::default()
        };
        assert_eq!(change.effect(), Effect::Possible);
        change.details.push(detail("Dynamic", "ResourceReference"));
        assert_eq!(change.effect(), Effect::Possible);
        change.details.push(detail("Static", "ParameterReference"));
        assert_eq!(change.effect(), Effect::Update);
        change.details = vec![detail("Static", "ResourceReference")];
        assert_eq!(change.effect(), Effect::Update);
        change.details.clear();
        assert_eq!(change.effect(), Effect::Update);
    }

    #[test]
    fn the_steps_of_a_detail_are_those_of_its_path_else_its_names() {
        let steps = |path: &str, attribute: &str, name: &str| {
            let [path, attribute, name] = [path, attribute, name]
                .map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
            let detail = Detail {
                attribute,
                name,
                path,
                ..Detail::default()
            };
            detail.steps().join(" ")
        };
        let models = "/Properties/MethodResponses/0/ResponseModels/application~1json";
        for (path, attribute, name, expected) in [
            (
                models,
                "Properties",
                "MethodResponses",
                "Properties MethodResponses 0 ResponseModels application/json",
            ),
            (
                "/Properties/Map/80/a~0b",
                "Properties",
                "Map",
                "Properties Map 80 a~b",
            ),
            ("", "Properties", "Code", "Properties Code"),
            ("", "Properties", "", "Properties"),
            ("", "Tags", "", "Properties Tags"),
            ("/", "Tags", "owner", "Properties owner"),
            ("", "DeletionPolicy", "", "DeletionPolicy"),
            ("/DeletionPolicy", "DeletionPolicy", "", "DeletionPolicy"),
            ("", "", "Name", "Name"),
            ("", "", "", ""),
        ] {
            assert_eq!(
                steps(path, attribute, name),
                expected,
                "{path} {attribute} {name}"
            );
        }
    }
}
