//! Deployed, live and desired side by side, and which way a deployment moves what has drifted.
//!
//! An ordinary change set compares the new template with the one that was last deployed; the live
//! resource is not looked at (the user guide, "Using drift-aware change sets"). So a drifted property
//! that the files leave as it was deployed stays as it is live, and a resource that somebody has
//! deleted is not made again. Only a resource that changes anyway is touched: it is given all its
//! properties as the template has them, and whether its service then sets back one that drifted
//! depends on the resource type.

use serde_json::Value;

use crate::cloudformation::change_set::{Action, Change, Detail, Effect};
use crate::cloudformation::drift::{Difference, Drift, DriftStatus, ResourceDrift};
use crate::plan::Content;
use crate::plan::drift_properties::properties_of;

/// Which way a deployment of the files moves what has drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftEffect {
    /// It stays as it is live, because the files leave it as it was deployed.
    Stays,
    /// Its resource changes for another reason, and may take the template's value then.
    MayBeReset,
    /// It takes the value of the files.
    Overwritten,
    /// The files have the live value by now.
    Adopted,
    /// Its resource is replaced by a new one.
    Replaced,
    /// Its resource is removed from the stack.
    Removed,
    /// It is updated, although it is not there.
    Fails,
}

impl DriftEffect {
    /// Returns the word of the JSON document.
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

    /// Returns whether the drift may last beyond the deployment.
    pub fn may_last(self) -> bool {
        matches!(self, Self::Stays | Self::MayBeReset | Self::Fails)
    }
}

/// A resource that is not as it was deployed.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveResource<'a> {
    /// What the detection found of it.
    pub drift: &'a ResourceDrift,
    /// What a deployment does about one that was deleted; `None` for one that was modified, whose
    /// properties say it each for itself.
    pub effect: Option<DriftEffect>,
    /// The properties that differ.
    pub properties: Vec<LiveProperty>,
}

/// A property that is not as it was deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveProperty {
    /// The property's path with dots.
    pub path: String,
    /// The deployed value; `None` where there was none.
    pub deployed: Option<Content>,
    /// The live value; `None` where there is none.
    pub live: Option<Content>,
    /// The value that the files give; `None` where they give none, or it is not known.
    pub desired: Option<Content>,
    /// Which way a deployment moves it.
    pub effect: DriftEffect,
}

/// Returns what has drifted, and what the predicted `changes` of a deployment do about it.
pub fn compare<'a>(drift: &'a Drift, changes: &[Change]) -> Vec<LiveResource<'a>> {
    let live = drift.drifted().map(|drift| {
        let mut found = changes.iter();
        let change = found.find(|change| change.logical_id == drift.logical_id);
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

/// Returns what a deployment does about a resource that is not there any more.
fn deleted(change: Option<&Change>) -> DriftEffect {
    match change.map(Change::effect) {
        None | Some(Effect::Possible | Effect::Sync) => DriftEffect::Stays,
        Some(Effect::Remove) => DriftEffect::Removed,
        Some(Effect::Replace | Effect::Add | Effect::Import) => DriftEffect::Replaced,
        Some(Effect::Update) => DriftEffect::Fails,
    }
}

/// Returns what a deployment does about a property, and the value that the files give it where that
/// is another than the deployed one.
fn property(difference: &Difference, change: Option<&Change>) -> (DriftEffect, Option<String>) {
    let Some(change) = change else {
        return (DriftEffect::Stays, None);
    };
    let steps = difference.steps();
    let mut details = change.details.iter().filter_map(|detail| {
        let path = detail.path.as_deref()?.strip_prefix("/Properties/")?;
        let path: Vec<&str> = path.split('/').collect();
        overlap(&path, &steps).then_some((detail, path))
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

/// Returns whether one place is in the other. A list is sent as a whole, so that two places in the
/// same list are one.
fn overlap(path: &[&str], steps: &[String]) -> bool {
    let is_index = |step: &str| step.parse::<usize>().is_ok();
    for (one, other) in path.iter().zip(steps) {
        if is_index(one) && is_index(other) {
            return true;
        }
        if one != other {
            return false;
        }
    }
    true
}

/// Returns the value that the files give a place, out of a change at or above it.
fn desired(detail: &Detail, path: &[&str], steps: &[String]) -> Option<String> {
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

    fn drift(status: DriftStatus) -> Drift {
        let text = |value: &str| Some(value.to_owned());
        Drift {
            detection: Detection::default(),
            unchecked: Vec::new(),
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
    fn a_drifted_property_moves_only_where_the_files_move_it() {
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
    fn a_deleted_resource_is_made_again_only_by_a_replacement() {
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
    fn places_in_one_list_are_one() {
        let steps = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        assert!(super::overlap(&["Tags", "0", "Value"], &steps("Tags/3")));
        assert!(super::overlap(&["Tags"], &steps("Tags/3/Value")));
        assert!(!super::overlap(&["Map", "A"], &steps("Map/B")));
    }
}
