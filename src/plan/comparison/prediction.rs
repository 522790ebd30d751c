//! The predicted effects of the differences between two templates.
//!
//! [`predict`](crate::plan::predict) returns the resources and properties that change. This module
//! assigns these changes to the differences: which difference changes a property, and which resources
//! change although they were not edited, because a parameter, a mapping, a condition or another
//! resource was.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Effect;
use crate::cloudformation::change_set::{self, Change, Detail, Replacement};
use crate::plan::cause;
use crate::template::Template;
use crate::template::diff::{Diff, EntryDiff, Segment, Status};
use crate::template::pointer;
use crate::template::reference::{Reference, ReferenceKind};

/// The predicted changes, with the entries that cause them.
pub(super) struct PredictedEffects<'a> {
    changes: Vec<Change>,
    by_id: HashMap<String, usize>,
    /// The changing resources that use an entry that differs, by the entry's section and name.
    touched: BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
}

/// The predicted effect of a difference, and its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PredictedEffect {
    pub(super) effect: Effect,
    pub(super) cause: Option<String>,
}

impl PredictedEffect {
    pub(super) fn of(effect: Effect) -> Self {
        Self {
            effect,
            cause: None,
        }
    }

    fn because(effect: Effect, cause: impl Into<String>) -> Self {
        Self {
            effect,
            cause: Some(cause.into()),
        }
    }
}

impl<'a> PredictedEffects<'a> {
    pub(super) fn new(diff: &Diff<'a>, changes: Vec<Change>, sides: [&'a Template; 2]) -> Self {
        let by_id: HashMap<String, usize> = changes
            .iter()
            .enumerate()
            .map(|(index, change)| (change.logical_id.clone(), index))
            .collect();
        let mut touched = BTreeMap::new();
        let mut users = None;
        for entry in &diff.entries {
            let (true, Some(name)) = (USED.contains(&entry.section), entry.name) else {
                continue;
            };
            let users = users.get_or_insert_with(|| Users::of(sides));
            let mut resources = users.resources(entry.section, name);
            resources.retain(|id| by_id.contains_key(*id));
            touched.insert((entry.section, name), resources);
        }
        Self {
            changes,
            by_id,
            touched,
        }
    }

    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(super) fn change(&self, logical_id: &str) -> Option<&Change> {
        self.changes.get(*self.by_id.get(logical_id)?)
    }

    /// Returns the changing resources that use an entry that differs, sorted.
    pub(super) fn touched(&self, entry: &EntryDiff<'a>) -> Vec<&'a str> {
        let name = entry.name.unwrap_or_default();
        let resources = self.touched.get(&(entry.section, name));
        resources.into_iter().flatten().copied().collect()
    }

    /// Returns the effect of an entry that differs.
    pub(super) fn of_entry(&self, entry: &EntryDiff<'_>) -> PredictedEffect {
        let plain = match entry.status() {
            Status::Added => Effect::Add,
            Status::Removed => Effect::Remove,
            Status::Modified => Effect::Update,
        };
        match (entry.section, entry.name) {
            ("Resources", Some(name)) if name.starts_with("Fn::") => match entry.status() {
                Status::Modified => PredictedEffect::because(
                    Effect::MayChange,
                    "the resources that the loop creates are not known",
                ),
                _ => PredictedEffect::of(plain),
            },
            ("Resources", Some(name)) => match self.change(name) {
                None => PredictedEffect::because(Effect::None, why_unchanged(entry)),
                Some(change) => {
                    let found = of_change(change);
                    if is_by_condition(entry, found.effect) {
                        self.of_condition(entry, change, found)
                    } else {
                        found
                    }
                }
            },
            ("Outputs", _) => PredictedEffect::of(plain),
            _ => PredictedEffect::of(Effect::None),
        }
    }

    /// Returns the effect on a resource that exists in both templates and that its condition adds or
    /// removes, with that as the cause.
    fn of_condition(
        &self,
        entry: &EntryDiff<'_>,
        change: &Change,
        found: PredictedEffect,
    ) -> PredictedEffect {
        let is_edited = (entry.changes.iter())
            .any(|change| change.path.first() == Some(&Segment::Key("Condition")));
        let cause = if is_edited {
            Some("because its `Condition` changed".to_owned())
        } else {
            self.indirect_cause(change)
        };
        let causes: Vec<String> = cause.into_iter().chain(found.cause).collect();
        PredictedEffect {
            effect: found.effect,
            cause: (!causes.is_empty()).then(|| causes.join(", ")),
        }
    }

    /// Returns the effect of a difference inside a resource.
    pub(super) fn of_path(&self, logical_id: &str, path: &[Segment<'_>]) -> PredictedEffect {
        let Some(Segment::Key(attribute)) = path.first() else {
            return PredictedEffect::of(Effect::None);
        };
        if *attribute == "DependsOn" {
            return PredictedEffect::because(Effect::None, ONLY_ORDER);
        }
        if !ATTRIBUTES.contains(attribute) {
            return PredictedEffect::because(
                Effect::None,
                "CloudFormation does not support this attribute",
            );
        }
        let Some(change) = self.change(logical_id) else {
            return PredictedEffect::because(Effect::None, "the value stays the same");
        };
        let effect = of_change(change).effect;
        if matches!(effect, Effect::Add | Effect::Remove) && *attribute != "Condition" {
            // The whole resource is added or removed.
            return PredictedEffect::of(Effect::None);
        }
        if *attribute == "Type" {
            return PredictedEffect::because(Effect::Replace, "the resource type changes");
        }
        let mut found: Option<PredictedEffect> = None;
        for detail in change.details.iter().filter(|it| covers(it, path)) {
            let outcome = self.of_edited(detail);
            if found
                .as_ref()
                .is_none_or(|it| rank(it.effect) < rank(outcome.effect))
            {
                found = Some(outcome);
            }
        }
        found.unwrap_or_else(|| match *attribute {
            "Properties" => PredictedEffect::because(Effect::None, "the value stays the same"),
            "Condition" => PredictedEffect::of(effect),
            _ => PredictedEffect::of(Effect::None),
        })
    }

    /// Returns the effect of a property that changes although it was not edited.
    pub(super) fn of_unedited(&self, change: &Change, detail: &Detail) -> PredictedEffect {
        let effect = effect_of(detail);
        let cause = self
            .sentence(detail)
            .or_else(|| self.indirect_cause(change));
        PredictedEffect { effect, cause }
    }

    /// Returns the effect of an edited property.
    fn of_edited(&self, detail: &Detail) -> PredictedEffect {
        let effect = effect_of(detail);
        let cause = self.sentence(detail).or_else(|| match effect {
            Effect::Replace => Some("create-only property".to_owned()),
            Effect::MayReplace => Some("create-only in some cases".to_owned()),
            _ => None,
        });
        PredictedEffect { effect, cause }
    }

    fn sentence(&self, detail: &Detail) -> Option<String> {
        match (detail.change_source.as_deref(), &detail.causing_entity) {
            (Some("Condition"), Some(name)) => Some(format!("because condition `{name}` changed")),
            _ => cause::sentence(detail, &self.changes),
        }
    }

    /// Returns the cause of a change to a resource that was not edited; `None` if its details have
    /// causes.
    pub(super) fn whole_cause(&self, change: &Change) -> Option<String> {
        change
            .details
            .is_empty()
            .then(|| self.indirect_cause(change))?
    }

    /// Returns the entry of another section that changes a resource, as a cause.
    fn indirect_cause(&self, change: &Change) -> Option<String> {
        let id = change.logical_id.as_str();
        let mut touching = self.touched.iter().filter(|(_, ids)| ids.contains(id));
        let ((section, name), _) = touching.next()?;
        let noun = match *section {
            "Parameters" => "parameter",
            "Mappings" => "mapping",
            _ => "condition",
        };
        Some(format!("because {noun} `{name}` changed"))
    }
}

/// Returns the effect of a detail on its resource.
fn effect_of(detail: &Detail) -> Effect {
    let is_certain = detail.evaluation.as_deref() == Some("Static");
    match detail.requires_recreation.as_deref() {
        Some("Always") if is_certain => Effect::Replace,
        Some("Always" | "Conditionally") => Effect::MayReplace,
        _ if is_certain => Effect::Update,
        _ => Effect::MayChange,
    }
}

/// The cause if only `DependsOn` differs.
const ONLY_ORDER: &str = "only changes the order of operations";

/// The attributes that a resource of any type may have.
const ATTRIBUTES: [&str; 9] = [
    "Type",
    "Properties",
    "Condition",
    "DependsOn",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
];

/// The sections whose entries resources use.
const USED: [&str; 3] = ["Parameters", "Mappings", "Conditions"];

/// Returns the effect of a change to a whole resource.
pub(super) fn of_change(change: &Change) -> PredictedEffect {
    let effect = match change.effect() {
        change_set::Effect::Add | change_set::Effect::Import => Effect::Add,
        change_set::Effect::Remove => Effect::Remove,
        change_set::Effect::Replace => Effect::Replace,
        change_set::Effect::Possible if change.replacement != Some(Replacement::Conditional) => {
            Effect::MayChange
        }
        _ if change.replacement == Some(Replacement::Conditional) => Effect::MayReplace,
        _ => Effect::Update,
    };
    let attribute = match effect {
        Effect::Remove => Some("DeletionPolicy"),
        Effect::Replace | Effect::MayReplace => Some("UpdateReplacePolicy"),
        _ => None,
    };
    let cause = match change.policy_action.as_deref() {
        Some(policy) => (!policy.ends_with("Delete")).then(|| format!("policy {policy}")),
        // A prediction leaves out only a policy that it cannot compute.
        None => attribute.map(|attribute| format!("its `{attribute}` is not known")),
    };
    PredictedEffect { effect, cause }
}

/// Returns whether a condition adds or removes a resource that exists in both templates.
fn is_by_condition(entry: &EntryDiff<'_>, effect: Effect) -> bool {
    entry.status() == Status::Modified && matches!(effect, Effect::Add | Effect::Remove)
}

/// Returns why a resource that differs does not change.
fn why_unchanged(entry: &EntryDiff<'_>) -> &'static str {
    let is_conditional = [entry.before, entry.after]
        .into_iter()
        .flatten()
        .any(|node| node.get("Condition").is_some());
    let only_order = !entry.changes.is_empty()
        && entry
            .changes
            .iter()
            .all(|change| matches!(change.path.first(), Some(Segment::Key("DependsOn"))));
    if only_order {
        ONLY_ORDER
    } else if is_conditional {
        "the condition is false, or the values stay the same"
    } else {
        "the values stay the same"
    }
}

/// Returns whether a detail and a path overlap: one is equal to the other or contains it. All elements
/// of a list count as the same, because their indexes differ between the two sides.
pub(super) fn covers(detail: &Detail, path: &[Segment<'_>]) -> bool {
    let keys = path.iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(*key),
        Segment::Element { .. } => None,
    });
    match (&detail.path, &detail.attribute) {
        (Some(own), _) => {
            let mut own = pointer::steps(own).into_iter();
            for key in keys {
                // A step of digits is a key if the other side has it as one, else an index.
                match own.find(|step| step == key || !pointer::is_index(step)) {
                    None => return true,
                    Some(step) if step == key => {}
                    Some(_) => return false,
                }
            }
            true
        }
        (None, Some(attribute)) => path.first() == Some(&Segment::Key(attribute)),
        (None, None) => false,
    }
}

fn rank(effect: Effect) -> u8 {
    match effect {
        Effect::None => 0,
        Effect::MayChange => 1,
        Effect::Update | Effect::Add | Effect::Remove => 2,
        Effect::MayReplace => 3,
        Effect::Replace => 4,
    }
}

/// The users of each entry, by section and name, in either template.
struct Users<'a> {
    by_target: HashMap<(&'static str, &'a str), Vec<(&'a str, &'a str)>>,
}

impl<'a> Users<'a> {
    fn of(templates: [&'a Template; 2]) -> Self {
        let mut by_target: HashMap<_, Vec<_>> = HashMap::new();
        for template in templates {
            for reference in template.references() {
                if let Some(section) = section(&reference, template) {
                    let users = by_target.entry((section, reference.target)).or_default();
                    users.push((reference.section, reference.owner));
                }
            }
        }
        Self { by_target }
    }

    /// Returns the resources that use an entry, directly or through conditions.
    fn resources(&self, section: &str, name: &str) -> BTreeSet<&'a str> {
        let mut resources = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let section = USED.into_iter().find(|it| *it == section);
        let mut waiting: Vec<(&'static str, String)> = section
            .map(|section| (section, name.to_owned()))
            .into_iter()
            .collect();
        while let Some((section, name)) = waiting.pop() {
            let users = self.by_target.get(&(section, name.as_str()));
            for (user_section, owner) in users.into_iter().flatten() {
                match *user_section {
                    "Resources" => {
                        resources.insert(*owner);
                    }
                    "Conditions" if seen.insert(*owner) => {
                        waiting.push(("Conditions", (*owner).to_owned()));
                    }
                    _ => {}
                }
            }
        }
        resources
    }
}

/// Returns the section of the entry that a reference names; `None` for resources.
fn section(reference: &Reference<'_>, template: &Template) -> Option<&'static str> {
    match reference.kind {
        ReferenceKind::Condition => Some("Conditions"),
        ReferenceKind::FindInMap => Some("Mappings"),
        ReferenceKind::Ref | ReferenceKind::Sub => {
            template.parameter(reference.target).map(|_| "Parameters")
        }
        ReferenceKind::GetAtt | ReferenceKind::DependsOn => None,
    }
}
