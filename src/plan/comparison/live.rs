//! Compares deployed, live and desired values, and predicts the effect of a deployment on drift.
//!
//! An ordinary change set compares the new template with the deployed one and ignores the live
//! resources (user guide, "Using drift-aware change sets"). So a drifted property keeps its live value
//! if the files do not change it, and a deleted resource is not created again. If a resource changes
//! for another reason, CloudFormation sends all its properties from the template. Whether that resets
//! a drifted property depends on the resource type.

use serde_json::Value;

use crate::cloudformation::change_set::{Action, Change, Detail, Effect};
use crate::cloudformation::drift::{Difference, Drift, DriftStatus, ResourceDrift};
use crate::plan::Content;
use crate::plan::drift_properties::properties_of;
use crate::template::pointer;

/// The effect of a deployment on a drifted property or a deleted resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftEffect {
    /// The drift stays, because the files do not change the deployed value.
    Stays,
    /// The resource changes for another reason, which may reset the value.
    MayBeReset,
    /// The value in the files overwrites the live value.
    Overwritten,
    /// The files have the live value.
    Adopted,
    /// The resource is replaced.
    Replaced,
    /// The resource is removed from the stack.
    Removed,
    /// The update fails because the resource was deleted.
    Fails,
}

impl DriftEffect {
    /// Returns the name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stays => "stays",
            Self::MayBeReset => "may_be_reset",
            Self::Overwritten => "overwritten",
            Self::Adopted => "adopted",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Fails => "fails",
        }
    }

    /// Returns whether the drift may remain after the deployment.
    pub fn may_remain(self) -> bool {
        matches!(self, Self::Stays | Self::MayBeReset | Self::Fails)
    }
}

/// A drifted resource.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveResource<'a> {
    /// The result of the drift detection.
    pub drift: &'a ResourceDrift,
    /// The effect of a deployment if the resource was deleted; `None` if it was modified, because each
    /// property then has its own effect.
    pub effect: Option<DriftEffect>,
    /// The drifted properties.
    pub properties: Vec<LiveProperty>,
}

/// A drifted property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveProperty {
    /// The property's path with dots.
    pub path: String,
    /// The deployed value; `None` if the property was not set.
    pub deployed: Option<Content>,
    /// The live value; `None` if the property is not set.
    pub live: Option<Content>,
    /// The value in the files; `None` if they do not set it or it is not known.
    pub desired: Option<Content>,
    /// The effect of a deployment.
    pub effect: DriftEffect,
}

/// Returns the drifted resources with the effect of the predicted `changes` of a deployment.
pub fn compare<'a>(drift: &'a Drift, changes: &[Change]) -> Vec<LiveResource<'a>> {
    let live = drift.drifted().map(|drift| {
        let change = changes
            .iter()
            .find(|change| change.logical_id == drift.logical_id);
        let is_deleted = drift.status == DriftStatus::Deleted;
        let properties = drift.differences.iter().flat_map(|difference| {
            let (effect, desired) = property(difference, change);
            let parts = properties_of(drift, difference);
            let is_whole = parts.len() == 1;
            parts.into_iter().map(move |part| LiveProperty {
                desired: match effect {
                    DriftEffect::Stays | DriftEffect::MayBeReset => part.before.clone(),
                    DriftEffect::Adopted => part.after.clone(),
                    _ => desired.clone().filter(|_| is_whole).map(Content::Scalar),
                },
                path: part.path,
                deployed: part.before,
                live: part.after,
                effect,
            })
        });
        LiveResource {
            drift,
            effect: is_deleted.then(|| deleted(change)),
            properties: properties.collect(),
        }
    });
    live.collect()
}

/// Returns the effect of a deployment on a resource that was deleted.
fn deleted(change: Option<&Change>) -> DriftEffect {
    match change.map(Change::effect) {
        None | Some(Effect::Possible | Effect::Sync) => DriftEffect::Stays,
        Some(Effect::Remove) => DriftEffect::Removed,
        Some(Effect::Replace | Effect::Add | Effect::Import) => DriftEffect::Replaced,
        Some(Effect::Update) => DriftEffect::Fails,
    }
}

/// Returns the effect of a deployment on a drifted property, and its value in the files if that
/// differs from the deployed one.
fn property(difference: &Difference, change: Option<&Change>) -> (DriftEffect, Option<String>) {
    let Some(change) = change else {
        return (DriftEffect::Stays, None);
    };
    let steps = difference.steps();
    let mut details = change.details.iter().filter_map(|detail| {
        let mut path = pointer::steps(detail.path.as_deref()?);
        let is_property = path.len() > 1 && path.remove(0) == "Properties";
        (is_property && overlap(&path, &steps)).then_some((detail, path))
    });
    let desired = details
        .next()
        .map(|(detail, path)| (detail, desired(detail, &path, &steps)));
    let value = desired.as_ref().and_then(|(_, value)| value.clone());
    match (change.effect(), desired) {
        (Effect::Remove, _) => (DriftEffect::Removed, None),
        (Effect::Replace, _) => (DriftEffect::Replaced, value),
        (Effect::Possible, _) | (_, None) => (DriftEffect::MayBeReset, None),
        (_, Some((detail, _))) if detail.evaluation.as_deref() == Some("Dynamic") => {
            (DriftEffect::MayBeReset, None)
        }
        _ if change.action == Action::Dynamic => (DriftEffect::MayBeReset, None),
        (_, Some((_, desired))) if desired.is_some() && desired == difference.actual => {
            (DriftEffect::Adopted, value)
        }
        _ => (DriftEffect::Overwritten, value),
    }
}

/// Returns whether one path contains the other. A list is sent as a whole, so two paths into the same
/// list overlap.
fn overlap(path: &[String], steps: &[String]) -> bool {
    for (one, other) in path.iter().zip(steps) {
        if pointer::is_index(one) && pointer::is_index(other) {
            return true;
        }
        if one != other {
            return false;
        }
    }
    true
}

/// Returns the value in the files at a path, from a change at this path or above it.
fn desired(detail: &Detail, path: &[String], steps: &[String]) -> Option<String> {
    let after = detail.after.as_ref()?;
    let inside = steps.get(path.len()..)?;
    let exact = path.iter().zip(steps).all(|(one, other)| one == other);
    if !exact {
        return None;
    }
    if inside.is_empty() {
        return Some(after.clone());
    }
    let document: Value = serde_json::from_str(after).ok()?;
    let found = inside
        .iter()
        .try_fold(&document, |value, step| match value {
            Value::Object(members) => members.get(step),
            Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
            _ => None,
        })?;
    Some(match found {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::{DriftEffect, compare};
    use crate::cloudformation::change_set::{Action, Change, Detail, Replacement};
    use crate::cloudformation::drift::{Detection, Difference, Drift, DriftStatus, ResourceDrift};
    use crate::plan::Content;
    use crate::template::pointer;

    fn drift(status: DriftStatus) -> Drift {
        let text = |value: &str| Some(value.to_owned());
        Drift {
            detection: Detection::default(),
            unchecked: Vec::new(),
            nested: Vec::new(),
            resources: vec![ResourceDrift {
                logical_id: "A".to_owned(),
                physical_id: None,
                resource_type: "T".to_owned(),
                differences: if status == DriftStatus::Modified {
                    vec![Difference::new(
                        "/Map/Size",
                        "NOT_EQUAL",
                        text("1"),
                        text("2"),
                    )]
                } else {
                    Vec::new()
                },
                status,
                reason: None,
                expected: None,
                actual: None,
                checked: None,
            }],
        }
    }

    fn change(path: &str, after: Option<&str>) -> Change {
        Change {
            logical_id: "A".to_owned(),
            details: vec![Detail {
                path: Some(path.to_owned()),
                after: after.map(str::to_owned),
                evaluation: Some("Static".to_owned()),
                ..Detail::default()
            }],
            ..Change::default()
        }
    }

    #[test]
    fn the_effect_on_a_drifted_property_depends_on_the_change() {
        let replaced = Change {
            replacement: Some(Replacement::True),
            ..change("/Properties/Name", Some("new"))
        };
        let removed = Change {
            action: Action::Remove,
            ..change("/Properties/Name", None)
        };
        let mut dynamic = change("/Properties/Map/Size", None);
        dynamic.details[0].evaluation = Some("Dynamic".to_owned());
        let cases = [
            (None, DriftEffect::Stays, Some("1")),
            (
                Some(change("/Properties/Other", Some("x"))),
                DriftEffect::MayBeReset,
                Some("1"),
            ),
            (Some(dynamic), DriftEffect::MayBeReset, Some("1")),
            (
                Some(change("/Properties/Map/Size", Some("3"))),
                DriftEffect::Overwritten,
                Some("3"),
            ),
            (
                Some(change("/Properties/Map", Some(r#"{"Size":3}"#))),
                DriftEffect::Overwritten,
                Some("3"),
            ),
            (
                Some(change("/Properties/Map/Size", Some("2"))),
                DriftEffect::Adopted,
                Some("2"),
            ),
            (
                Some(change("/Properties/Map/Size", None)),
                DriftEffect::Overwritten,
                None,
            ),
            (
                Some(change("/Properties/Map/Size/Deep", Some("2"))),
                DriftEffect::Overwritten,
                None,
            ),
            (Some(replaced), DriftEffect::Replaced, None),
            (Some(removed), DriftEffect::Removed, None),
        ];
        for (change, effect, desired) in cases {
            let drift = drift(DriftStatus::Modified);
            let changes: Vec<Change> = change.into_iter().collect();
            let live = compare(&drift, &changes);
            let [property] = live[0].properties.as_slice() else {
                panic!("one property: {live:?}")
            };
            assert_eq!(property.effect, effect, "{changes:?}");
            let shown = property.desired.as_ref().map(Content::text);
            assert_eq!(shown, desired, "{changes:?}");
            assert_eq!(live[0].effect, None);
        }
    }

    #[test]
    fn only_a_replacement_recreates_a_deleted_resource() {
        let update = change("/Properties/Size", Some("3"));
        let replaced = Change {
            replacement: Some(Replacement::True),
            ..update.clone()
        };
        let removed = Change {
            action: Action::Remove,
            ..update.clone()
        };
        for (change, effect) in [
            (None, DriftEffect::Stays),
            (Some(update), DriftEffect::Fails),
            (Some(replaced), DriftEffect::Replaced),
            (Some(removed), DriftEffect::Removed),
        ] {
            let drift = drift(DriftStatus::Deleted);
            let changes: Vec<Change> = change.into_iter().collect();
            assert_eq!(
                compare(&drift, &changes)[0].effect,
                Some(effect),
                "{changes:?}"
            );
        }
    }

    #[test]
    fn a_key_with_a_slash_is_one_step() {
        let mut drift = drift(DriftStatus::Modified);
        let size = |value: &str| Some(value.to_owned());
        let difference = Difference::new("/Map/a~1b", "NOT_EQUAL", size("1"), size("2"));
        drift.resources[0].differences = vec![difference];
        for (path, after, effect) in [
            ("/Properties/Map/a~1b", "2", DriftEffect::Adopted),
            ("/Properties/Map/a~1b", "3", DriftEffect::Overwritten),
            ("/Properties/Map", r#"{"a/b": "2"}"#, DriftEffect::Adopted),
            ("/Properties/Map/a/b", "2", DriftEffect::MayBeReset),
        ] {
            let compared = compare(&drift, &[change(path, Some(after))]);
            assert_eq!(compared[0].properties[0].effect, effect, "{path}");
        }
    }

    #[test]
    fn paths_into_the_same_list_overlap() {
        let overlap = |one, other| super::overlap(&pointer::steps(one), &pointer::steps(other));
        assert!(overlap("/Tags/0/Value", "/Tags/3"));
        assert!(overlap("/Tags", "/Tags/3/Value"));
        assert!(!overlap("/Map/A", "/Map/B"));
        assert!(!overlap("/Map/a~1b", "/Map/a/b"));
    }
}
