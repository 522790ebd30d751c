//! The change to one resource, and its effect.

use std::fmt;

use jiff::Timestamp;

use crate::template::pointer;

/// The change to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// The logical id.
    pub logical_id: String,
    /// The physical id; `None` if the resource does not exist yet.
    pub physical_id: Option<String>,
    /// The resource type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The action.
    pub action: Action,
    /// The effect of the template's policies on the old resource, such as `ReplaceAndRetain`.
    pub policy_action: Option<String>,
    /// Whether the resource is replaced; `None` if the API does not say.
    pub replacement: Option<Replacement>,
    /// The kinds of attributes that change, such as `Properties`.
    pub scope: Vec<String>,
    /// The changed attributes, with their causes.
    pub details: Vec<Detail>,
    /// The resource before, a JSON document.
    pub before_context: Option<String>,
    /// The resource after, a JSON document.
    pub after_context: Option<String>,
    /// The resource at the previous deployment, a JSON document, in drift-aware change sets.
    pub previous_deployment_context: Option<String>,
    /// Whether the live resource differs from the last deployment, in drift-aware change sets.
    pub drift_status: Option<String>,
    /// The attributes that the comparison with the live resource ignored.
    pub ignored_drift: Vec<IgnoredDrift>,
    /// The ARN of the nested stack's change set, if the resource is a nested stack.
    pub nested_change_set: Option<String>,
    /// The module that contains the resource.
    pub module: Option<Module>,
    /// How many hooks are invoked for the resource.
    pub hook_invocations: Option<i32>,
}

/// The module that contains a resource. Nested modules are separated by a slash, the outer one first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Module {
    /// The modules' types, such as `AWS::First::Example::MODULE`.
    pub types: Option<String>,
    /// The modules' logical ids.
    pub logical_ids: Option<String>,
}

/// An attribute that the comparison with the live resource ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IgnoredDrift {
    /// The path in the resource.
    pub path: Option<String>,
    /// The reason, such as `WRITE_ONLY_PROPERTY`.
    pub reason: Option<String>,
}

/// One changed attribute of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// The kind of attribute, such as `Properties` or `Tags`.
    pub attribute: Option<String>,
    /// The property's name; `None` for tags.
    pub name: Option<String>,
    /// The path in the resource, such as `/Properties/Code/S3Key`.
    pub path: Option<String>,
    /// The value before.
    pub before: Option<String>,
    /// The value after, which may be known only after the deployment.
    pub after: Option<String>,
    /// Whether the attribute is added, removed or modified.
    pub attribute_change: Option<String>,
    /// Whether the change replaces the resource: `Always`, `Never` or `Conditionally`.
    pub requires_recreation: Option<String>,
    /// `Static` if the change is certain, `Dynamic` if it depends on another resource.
    pub evaluation: Option<String>,
    /// The source of the change, such as `DirectModification` or `ResourceAttribute`.
    pub change_source: Option<String>,
    /// The parameter, resource or attribute that causes the change.
    pub causing_entity: Option<String>,
    /// The source of the value before, such as `ACTUAL_STATE`, in drift-aware change sets.
    pub before_from: Option<String>,
    /// The source of the value after, such as `TEMPLATE`.
    pub after_from: Option<String>,
    /// The drift of the attribute, in drift-aware change sets.
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

/// The live value and the deployed value of a drifted attribute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyDrift {
    /// The deployed value.
    pub previous: Option<String>,
    /// The live value.
    pub actual: Option<String>,
    /// The time at which the live value was read.
    pub detected: Option<Timestamp>,
}

/// The action on a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Action {
    /// Create the resource.
    Add,
    /// Update the resource in place or replace it.
    #[default]
    Modify,
    /// Delete the resource, or retain it if its `DeletionPolicy` says so.
    Remove,
    /// Import the existing resource into the stack.
    Import,
    /// The action depends on other resources.
    Dynamic,
    /// Update the stack's record to the live resource.
    SyncWithActual,
    /// An action that this version does not know.
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

/// Whether a resource is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The resource is replaced.
    True,
    /// The resource is not replaced.
    False,
    /// The replacement depends on unknown values.
    Conditional,
    /// A value that this version does not know.
    Unknown(String),
}

impl Replacement {
    /// Returns the value by its name in the API.
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

/// The effect of a change, for its sign and for the summary.
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
    /// `↺`: the stack's record is updated to the live resource.
    Sync,
    /// The resource may change, depending on another resource. The summary counts it separately.
    Possible,
}

impl Change {
    /// Returns the effect of the change.
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

    /// Returns whether the change only reverts drift.
    pub fn reverts_drift(&self) -> bool {
        !self.details.is_empty()
            && self.details.iter().all(|detail| {
                detail.drift.is_some() && detail.change_source.as_deref() == Some("NoModification")
            })
    }

    /// Returns whether the change creates a resource again that was deleted outside the stack.
    pub fn recreates_deleted(&self) -> bool {
        self.action == Action::Add && self.drift_status.as_deref() == Some("DELETED")
    }

    /// Returns whether every detail depends on a value of another resource that is not known yet.
    ///
    /// All details must be dynamic, because a changed parameter has a static and a dynamic detail. A
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
    fn a_change_is_only_possible_if_all_details_are_dynamic() {
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
