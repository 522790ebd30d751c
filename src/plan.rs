//! What a deployment would do, in the words in which it is shown.
//!
//! CloudFormation's change set says what happens, detail by detail and not always with values. A
//! [`Plan`] joins it with what stackctl knows itself: where it goes, which artifacts are uploaded,
//! which parameters and tags differ.

use std::borrow::Cow;

use indexmap::IndexMap;

use crate::change_set::validation::LocatedValidation;
use crate::change_set::{Change, ChangeSet, Detail, Summary};
use crate::settings::ParameterValue;
use crate::stack::Stack;
use crate::template::diff::diff;
use crate::template::node::Node;
use crate::template::{Template, emit};

/// Where a plan goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// `AWS`, or the URL of another endpoint.
    pub endpoint: String,
    /// The stack's name.
    pub stack: String,
    /// The manifest's environment.
    pub environment: String,
}

/// Whether the stack is made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// There is no such stack yet.
    Create,
    /// The stack is there.
    Update,
}

/// What a deployment would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where it goes.
    pub target: Target,
    /// Whether the stack is made or changed.
    pub operation: Operation,
    /// The capabilities that it asks for.
    pub capabilities: Vec<String>,
    /// The artifacts that the template refers to.
    pub artifacts: Vec<PlannedArtifact>,
    /// Parameters whose value differs.
    pub parameters: Vec<ValueChange>,
    /// Tags of the stack whose value differs.
    pub tags: Vec<ValueChange>,
    /// The stack's own settings that differ, such as its termination protection.
    pub settings: Vec<ValueChange>,
    /// The change set; `None` where none was needed.
    pub change_set: Option<ChangeSet>,
    /// What the service's own checks found.
    pub validations: Vec<LocatedValidation>,
    /// What differs between the two templates, for changes that the service gives no values for.
    pub template_changes: Vec<TemplateChange>,
}

/// A property that differs between the deployed template and the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateChange {
    /// The resource.
    pub logical_id: String,
    /// The path below its properties, such as `Code.S3Key`.
    pub path: String,
    /// The value before, a scalar or YAML.
    pub before: Option<String>,
    /// The value after.
    pub after: Option<String>,
}

/// Returns the properties that differ between two templates.
pub fn template_changes(deployed: &Template, desired: &Template) -> Vec<TemplateChange> {
    let diff = diff(deployed, desired);
    let resources = diff
        .entries
        .iter()
        .filter(|entry| entry.section == "Resources");
    let changes = resources.flat_map(|entry| {
        entry.changes.iter().filter_map(|change| {
            Some(TemplateChange {
                logical_id: entry.name?.to_owned(),
                path: change.path_text().strip_prefix("Properties.")?.to_owned(),
                before: change.before.map(text),
                after: change.after.map(text),
            })
        })
    });
    changes.collect()
}

fn text(node: &Node) -> String {
    node.scalar()
        .map_or_else(|| emit::to_yaml(node), Cow::into_owned)
}

/// An artifact of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedArtifact {
    /// Its name in the manifest.
    pub name: String,
    /// Its key in the artifact bucket.
    pub key: String,
    /// The zip's size in bytes.
    pub size: u64,
    /// Whether the deployed template names the same key.
    pub deployed: bool,
}

/// A named value before and after. A secret's values are `None` on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The name.
    pub name: String,
    /// The deployed value.
    pub before: Option<String>,
    /// The value that the files give.
    pub after: Option<String>,
}

impl Plan {
    /// Returns the changes, none where there is no change set.
    pub fn changes(&self) -> &[Change] {
        self.change_set
            .as_ref()
            .map_or(&[], |change_set| &change_set.changes)
    }

    /// Returns how many resources are added, changed and so on, those of nested stacks included.
    pub fn summary(&self) -> Summary {
        self.change_set
            .as_ref()
            .map(ChangeSet::summary)
            .unwrap_or_default()
    }

    /// Returns what keeps the plan from being complete, with the nested stack that it is about.
    pub fn warnings(&self) -> Vec<String> {
        let sets = self.change_set.iter().flat_map(ChangeSet::tree);
        let warnings = sets.flat_map(|(path, set)| {
            set.warnings.iter().map(move |warning| {
                if path.is_empty() {
                    warning.clone()
                } else {
                    format!("nested stack `{}`: {warning}", path.join("/"))
                }
            })
        });
        warnings.collect()
    }

    /// Returns whether there is nothing to deploy.
    ///
    /// A change set without changes still deploys something: outputs, conditions or metadata.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.change_set.as_ref().is_none_or(ChangeSet::is_unchanged)
    }
}

/// Returns which parameters differ from the stack's. Secrets cannot be compared and are left out.
pub fn parameter_changes(
    stack: Option<&Stack>,
    parameters: &IndexMap<String, ParameterValue>,
) -> Vec<ValueChange> {
    let deployed = stack.map(|stack| &stack.parameters);
    let plain = parameters.iter().filter_map(|(name, value)| match value {
        ParameterValue::Plain(value) if stack.is_none_or(|stack| !stack.is_masked(name)) => {
            Some((name, value.as_str()))
        }
        _ => None,
    });
    value_changes(deployed, &plain.collect(), |name| {
        !parameters.contains_key(name)
    })
}

/// Returns which of the stack's tags differ.
pub fn tag_changes(stack: Option<&Stack>, tags: &IndexMap<String, String>) -> Vec<ValueChange> {
    let desired = tags
        .iter()
        .map(|(name, value)| (name, value.as_str()))
        .collect();
    value_changes(stack.map(|stack| &stack.tags), &desired, |name| {
        !tags.contains_key(name)
    })
}

fn value_changes(
    deployed: Option<&IndexMap<String, String>>,
    desired: &IndexMap<&String, &str>,
    is_removed: impl Fn(&String) -> bool,
) -> Vec<ValueChange> {
    let before = |name: &String| deployed.and_then(|deployed| deployed.get(name)).cloned();
    let changed = desired.iter().filter_map(|(name, after)| {
        let before = before(name);
        (before.as_deref() != Some(after)).then(|| ValueChange {
            name: (*name).clone(),
            before,
            after: Some((*after).to_owned()),
        })
    });
    let removed = deployed
        .into_iter()
        .flatten()
        .filter(|(name, _)| is_removed(name))
        .map(|(name, value)| ValueChange {
            name: name.clone(),
            before: Some(value.clone()),
            after: None,
        });
    changed.chain(removed).collect()
}

/// A changed property of a resource, its details folded into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyChange {
    /// The property's path with dots, such as `Code.S3Key`, or the attribute's name, such as `Tags`.
    pub path: String,
    /// The value before, where it is known.
    pub before: Option<String>,
    /// The value after, where it is known.
    pub after: Option<String>,
    /// `Always`, `Conditionally` or `Never`: whether it makes CloudFormation replace the resource.
    pub requires_recreation: Option<String>,
    /// Why it changes, where it is not the template itself.
    pub cause: Option<String>,
    /// Whether it depends on what another resource turns out to be.
    pub is_dynamic: bool,
}

/// Returns the changed properties of a resource in the service's order.
///
/// One property may come in several details, in an order that differs from call to call: those are
/// one change here, with the most that any of them says. Where the service gives no values, those
/// of the templates stand in.
pub fn property_changes(change: &Change, templates: &[TemplateChange]) -> Vec<PropertyChange> {
    let mut properties: IndexMap<String, PropertyChange> = IndexMap::new();
    for detail in &change.details {
        let path = path(detail);
        let dynamic = detail.evaluation.as_deref() == Some("Dynamic");
        let property = properties
            .entry(path.clone())
            .or_insert_with(|| PropertyChange {
                path,
                before: None,
                after: None,
                requires_recreation: None,
                cause: None,
                is_dynamic: true,
            });
        property.before = property.before.take().or_else(|| detail.before.clone());
        property.after = property.after.take().or_else(|| detail.after.clone());
        property.cause = property.cause.take().or_else(|| cause(detail));
        property.is_dynamic &= dynamic;
        if recreation_rank(detail.requires_recreation.as_deref())
            > recreation_rank(property.requires_recreation.as_deref())
        {
            property
                .requires_recreation
                .clone_from(&detail.requires_recreation);
        }
    }
    let properties = fold_into_paths(properties);
    properties
        .into_iter()
        .flat_map(|property| with_template_values(property, &change.logical_id, templates))
        .collect()
}

/// Returns a property without values as the templates' changes at and below its path.
fn with_template_values(
    property: PropertyChange,
    logical_id: &str,
    templates: &[TemplateChange],
) -> Vec<PropertyChange> {
    if property.before.is_some() || property.after.is_some() {
        return vec![property];
    }
    let is_below = |path: &str| {
        path.strip_prefix(&property.path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let valued: Vec<_> = templates
        .iter()
        .filter(|template| template.logical_id == logical_id && is_below(&template.path))
        .map(|template| PropertyChange {
            path: template.path.clone(),
            before: template.before.clone(),
            after: template.after.clone(),
            ..property.clone()
        })
        .collect();
    if valued.is_empty() {
        vec![property]
    } else {
        valued
    }
}

/// Drops a property that is only named where a deeper path of it says the same with values.
fn fold_into_paths(properties: IndexMap<String, PropertyChange>) -> Vec<PropertyChange> {
    let paths: Vec<String> = properties.keys().cloned().collect();
    properties
        .into_values()
        .filter(|property| {
            let valued = property.before.is_some() || property.after.is_some();
            let deeper = format!("{}.", property.path);
            valued || !paths.iter().any(|path| path.starts_with(&deeper))
        })
        .collect()
}

fn path(detail: &Detail) -> String {
    let from_path = detail.path.as_deref().map(|path| {
        let path = path.trim_start_matches('/');
        path.strip_prefix("Properties/")
            .unwrap_or(path)
            .replace('/', ".")
    });
    from_path
        .filter(|path| !path.is_empty())
        .or_else(|| detail.name.clone())
        .or_else(|| detail.attribute.clone())
        .unwrap_or_else(|| "(unnamed)".to_owned())
}

fn cause(detail: &Detail) -> Option<String> {
    let entity = detail.causing_entity.as_deref();
    let is_certain = detail.evaluation.as_deref() != Some("Dynamic");
    match (detail.change_source.as_deref()?, entity) {
        ("ParameterReference", Some(name)) => Some(format!("because parameter `{name}` changed")),
        ("ResourceReference", Some(name)) if is_certain => {
            Some(format!("because `{name}` is replaced"))
        }
        ("ResourceReference", Some(name)) => Some(format!("because `{name}` may be replaced")),
        ("ResourceAttribute", Some(name)) => Some(format!("because `{name}` may change")),
        ("Automatic", _) => Some("because a nested stack is checked each time".to_owned()),
        ("DirectModification", _) => None,
        (source, Some(name)) => Some(format!("because of `{name}` ({source})")),
        (source, None) => Some(format!("because of {source}")),
    }
}

fn recreation_rank(requires_recreation: Option<&str>) -> u8 {
    match requires_recreation {
        Some("Always") => 3,
        Some("Conditionally") => 2,
        Some("Never") => 1,
        _ => 0,
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use indexmap::IndexMap;

    use super::{TemplateChange, property_changes, value_changes};
    use crate::change_set::{Change, Detail};

    #[test]
    fn details_of_one_property_become_one_change_with_the_most_that_is_known() {
        let static_detail = Detail {
            attribute: Some("Properties".to_owned()),
            name: Some("InstanceType".to_owned()),
            evaluation: Some("Static".to_owned()),
            change_source: Some("ParameterReference".to_owned()),
            causing_entity: Some("Size".to_owned()),
            requires_recreation: Some("Conditionally".to_owned()),
            ..Detail::default()
        };
        let dynamic_detail = Detail {
            attribute: Some("Properties".to_owned()),
            name: Some("InstanceType".to_owned()),
            path: Some("/Properties/InstanceType".to_owned()),
            before: Some("t2.micro".to_owned()),
            after: Some("t3.micro".to_owned()),
            evaluation: Some("Dynamic".to_owned()),
            change_source: Some("DirectModification".to_owned()),
            ..Detail::default()
        };
        for details in [
            vec![static_detail.clone(), dynamic_detail.clone()],
            vec![dynamic_detail, static_detail],
        ] {
            let properties = property_changes(
                &Change {
                    details,
                    ..Change::default()
                },
                &[],
            );
            let [property] = properties.as_slice() else {
                panic!("{properties:?}")
            };
            assert_eq!(property.path, "InstanceType");
            assert_eq!(property.after.as_deref(), Some("t3.micro"));
            assert_eq!(
                property.cause.as_deref(),
                Some("because parameter `Size` changed")
            );
            assert!(!property.is_dynamic);
        }
    }

    #[test]
    fn a_named_property_gives_way_to_its_own_deeper_paths() {
        let named = Detail {
            name: Some("Code".to_owned()),
            ..Detail::default()
        };
        let deep = Detail {
            path: Some("/Properties/Code/S3Key".to_owned()),
            after: Some("b.zip".to_owned()),
            ..Detail::default()
        };
        let properties = property_changes(
            &Change {
                details: vec![named, deep],
                ..Change::default()
            },
            &[],
        );
        assert_eq!(properties.first().unwrap().path, "Code.S3Key");
        assert_eq!(properties.len(), 1);
    }

    #[test]
    fn the_templates_give_the_values_that_the_service_does_not() {
        let change = Change {
            logical_id: "Handler".to_owned(),
            details: vec![Detail {
                name: Some("Code".to_owned()),
                ..Detail::default()
            }],
            ..Change::default()
        };
        let differs = |logical_id: &str, path: &str| TemplateChange {
            logical_id: logical_id.to_owned(),
            path: path.to_owned(),
            before: Some("a".to_owned()),
            after: Some("b".to_owned()),
        };
        let templates = [
            differs("Handler", "Code.S3Key"),
            differs("Handler", "CodeSigning"),
            differs("Other", "Code.S3Key"),
        ];
        let properties = property_changes(&change, &templates);
        let [property] = properties.as_slice() else {
            panic!("{properties:?}")
        };
        assert_eq!(
            (property.path.as_str(), property.after.as_deref()),
            ("Code.S3Key", Some("b"))
        );
    }

    #[test]
    fn added_changed_and_removed_values_are_told_apart() {
        let deployed = IndexMap::from([
            ("same".to_owned(), "1".to_owned()),
            ("changed".to_owned(), "1".to_owned()),
            ("removed".to_owned(), "1".to_owned()),
        ]);
        let names = ["same".to_owned(), "changed".to_owned(), "added".to_owned()];
        let desired = names.iter().zip(["1", "2", "3"]).collect();
        let changes = value_changes(Some(&deployed), &desired, |name| !names.contains(name));
        let said: Vec<_> = changes
            .iter()
            .map(|change| {
                (
                    change.name.as_str(),
                    change.before.as_deref(),
                    change.after.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                ("changed", Some("1"), Some("2")),
                ("added", None, Some("3")),
                ("removed", Some("1"), None)
            ]
        );
    }
}
